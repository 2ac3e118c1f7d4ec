// Package inference has the kernels of compiled inference: forward passes whose weights were
// prepared once. Activations lie channels last, so that a register holds neighbouring channels of one
// pixel. README.md says how the kernels work, and which set of them is used is that of package
// kernel.
package inference

//go:generate go run -C ../gen . -topic inference -out ../inference/inference_amd64.s -stubs ../inference/inference_amd64.go -pkg inference

import "fmt"

// Pictures are activations, channels last: Images pictures of Size rows and columns, with a border of
// Border more on each side, and Pitch elements a pixel, of which the first Channels are in use. What
// the others hold never matters. Data has Len elements. Elements of the border are zeros, which the
// kernels read and never write.
type Pictures struct {
	Data             []float32
	Images, Channels int
	Size             [2]int
	Border, Pitch    int
}

// Lanes returns the number of channels that a register of the kernels in use holds. What kernels
// write has a pitch of Pitch.
func Lanes() int { return active.lanes }

// Pitch returns the number of channels rounded up to whole registers.
func Pitch(channels int) int { return roundUp(channels, active.lanes) }

func roundUp(n, to int) int { return (n + to - 1) / to * to }

// row and picture return how far rows and pictures lie apart.
func (p *Pictures) row() int     { return (p.Size[1] + 2*p.Border) * p.Pitch }
func (p *Pictures) picture() int { return (p.Size[0] + 2*p.Border) * p.row() }

// Len returns the number of elements that Data needs.
func (p *Pictures) Len() int { return p.Images * p.picture() }

// at returns where row i and column j of the first picture lie.
func (p *Pictures) at(i, j int) int { return (p.Border+i)*p.row() + (p.Border+j)*p.Pitch }

// ClearBorder writes zeros to the border. Memory that held anything else needs it once before kernels
// read it.
func (p *Pictures) ClearBorder() {
	edge := p.Border * p.Pitch
	for n := range p.Images {
		picture := p.Data[n*p.picture():][:p.picture()]
		top := p.Border * p.row()
		clear(picture[:top])
		clear(picture[len(picture)-top:])
		for i := range p.Size[0] {
			row := picture[top+i*p.row():][:p.row()]
			clear(row[:edge])
			clear(row[len(row)-edge:])
		}
	}
}

// check panics unless p is what a layer reads or writes: for a layer's caller that is a bug.
func (p *Pictures) check(what string, channels int, size [2]int, border int) {
	if p.Channels != channels || p.Size != size || p.Border < border || p.Pitch < channels || len(p.Data) < p.Len() {
		panic(fmt.Sprintf("inference: %s has %d channels of %v, border %d, pitch %d and %d elements: %d of %v, border %d expected",
			what, p.Channels, p.Size, p.Border, p.Pitch, len(p.Data), channels, size, border))
	}
}

// checkWritten is check for what is written in whole registers.
func (p *Pictures) checkWritten(what string, lanes, images, channels int, size [2]int) {
	p.check(what, channels, size, 0)
	if p.Images != images || p.Pitch != roundUp(channels, lanes) {
		panic(fmt.Sprintf("inference: %s has %d pictures with a pitch of %d: %d with %d expected", what, p.Images, p.Pitch, images, roundUp(channels, lanes)))
	}
}

// FromPlanes writes pictures that lie plane by plane, (Images, Channels, Size), to p, whose pitch may
// be any of at least Channels. A first layer is fastest on a pitch of Channels.
func (p *Pictures) FromPlanes(src []float32) {
	w := works.Get().(*work)
	defer w.done()
	w.y, w.planes = *p, src
	w.share(doFromPlanes, p.Images*p.Size[0], p.Size[1]*p.Channels)
}

func (w *work) fromPlanes(from, to int) {
	p := &w.y
	rows, cols := p.Size[0], p.Size[1]
	for r := from; r < to; r++ {
		n, i := r/rows, r%rows
		dst := p.Data[n*p.picture()+p.at(i, 0):]
		if src := w.planes[(n*p.Channels*rows+i)*cols:]; p.Channels == 3 && p.Pitch == 3 {
			interleave3(dst[:3*cols], src[:cols], src[rows*cols:][:cols], src[2*rows*cols:][:cols])
			continue
		}
		for c := range p.Channels {
			at := c
			row := w.planes[((n*p.Channels+c)*rows+i)*cols:][:cols]
			if p.Pitch == 1 {
				copy(dst, row)
				continue
			}
			for _, v := range row {
				dst[at] = v
				at += p.Pitch
			}
		}
	}
}

// interleave3 writes the elements of a, b and c by turns.
func interleave3(dst, a, b, c []float32) {
	b, c = b[:len(a)], c[:len(a)]
	for i, v := range a {
		d := dst[3*i : 3*i+3 : 3*i+3]
		d[0], d[1], d[2] = v, b[i], c[i]
	}
}

// ToPlanes writes p to dst plane by plane, (Images, Channels, Size).
func (p *Pictures) ToPlanes(dst []float32) {
	w := works.Get().(*work)
	defer w.done()
	w.x, w.planes = *p, dst
	w.share(doToPlanes, p.Images*p.Size[0], p.Size[1]*p.Channels)
}

func (w *work) toPlanes(from, to int) {
	p := &w.x
	rows, cols := p.Size[0], p.Size[1]
	for r := from; r < to; r++ {
		n, i := r/rows, r%rows
		src := p.Data[n*p.picture()+p.at(i, 0):]
		for c := range p.Channels {
			at := c
			dst := w.planes[((n*p.Channels+c)*rows+i)*cols:][:cols]
			for j := range dst {
				dst[j] = src[at]
				at += p.Pitch
			}
		}
	}
}
