package transform

import (
	"image"
	"slices"

	"github.com/onehot-go/onehot/internal/kernel"
	"github.com/onehot-go/onehot/random"
)

// mover is a step from picture to picture that works on pixels where they lie. Its Apply and
// Fused go through its move, so that both give the same bits.
type mover interface {
	Transform
	// fits returns an *Error unless the options of the step can work, and it takes pictures
	// of the given size.
	fits(height, width int) error
	// move returns what the step makes of v: a part of v, or a picture in memory of m.
	move(v view, chance random.Key, m *memory) view
}

// moved is the Apply of a mover.
func moved(op string, t mover, p Input, chance random.Key) (Input, error) {
	in, err := p.raster(op)
	if err != nil {
		return Input{}, err
	}
	if err := t.fits(in.height, in.width); err != nil {
		return Input{}, err
	}
	return t.move(in.view(), chance, &memory{}).picture(), nil
}

// view is the pixels of a picture where they lie, channel by channel or pixel by pixel, and
// from left to right or from right to left: channel c of the pixel at (x, y) is
// pix[at+c*area+y*stride+x*step].
type view struct {
	pix                     []uint8
	at                      int
	channels, height, width int
	area, stride, step      int
	own                     bool // planes without gaps, which are all of pix, in a step's memory
}

// view returns r without its alpha.
func (r raster) view() view {
	v := view{pix: r.pix, channels: 1, height: r.height, width: r.width, stride: r.stride, step: r.size}
	if r.size == 4 {
		v.channels, v.area = 3, 1
	}
	return v
}

// planes returns the view of a picture whose pixels are given channel by channel and row by
// row.
func planes(pixels []uint8, channels, height, width int) view {
	return view{pix: pixels, channels: channels, height: height, width: width, area: height * width, stride: width, step: 1}
}

// picture returns v as an image: an *image.Gray or an opaque *image.RGBA, in v's memory where
// that has the image's form.
func (v view) picture() Input {
	bounds := image.Rect(0, 0, v.width, v.height)
	switch {
	case v.channels == 1 && v.step == 1:
		return Input{Image: &image.Gray{Pix: v.pix[v.at:], Stride: v.stride, Rect: bounds}}
	case v.channels == 3 && v.step == 4 && v.area == 1:
		return Input{Image: &image.RGBA{Pix: v.pix[v.at:], Stride: v.stride, Rect: bounds}}
	}
	var m memory
	return Input{Image: Interleave(m.owned(v).pix, v.channels, v.height, v.width)}
}

// cut returns a part of v, which it has.
func (v view) cut(top, left, height, width int) view {
	v.own = v.own && height == v.height && width == v.width
	v.at += top*v.stride + left*v.step
	v.height, v.width = height, width
	return v
}

// mirrored returns v with left and right exchanged.
func (v view) mirrored() view {
	v.own = false
	v.at += (v.width - 1) * v.step
	v.step = -v.step
	return v
}

// first returns the least index of a pixel in pix, of planes.
func (v view) first() int {
	if v.step < 0 {
		return v.at - (v.width - 1)
	}
	return v.at
}

// window returns the part of v that begins at (left, top), with the value fill for what is
// outside of v.
func (v view) window(top, left, height, width int, fill uint8, m *memory) view {
	y0, y1 := max(top, 0), min(top+height, v.height)
	x0, x1 := max(left, 0), min(left+width, v.width)
	if y1-y0 == height && x1-x0 == width {
		return v.cut(top, left, height, width)
	}
	out := m.filled(v.channels, height, width, fill)
	if y0 < y1 && x0 < x1 {
		out.cut(y0-top, x0-left, y1-y0, x1-x0).copy(v.cut(y0, x0, y1-y0, x1-x0))
	}
	return out
}

// copy sets planes v to the picture from, which has the same size.
func (v view) copy(from view) {
	for c := range v.channels {
		for y := range v.height {
			from.read(v.row(c, y), c, y)
		}
	}
}

// row returns row y of channel c of planes.
func (v view) row(c, y int) []uint8 { return v.pix[v.at+c*v.area+y*v.stride:][:v.width] }

// plane returns channel c of planes as a grey raster.
func (v view) plane(c int) raster {
	return raster{v.pix[v.at+c*v.area:], v.width, v.height, v.stride, 1, nil}
}

// read writes row y of channel c to dst.
func (v view) read(dst []uint8, c, y int) {
	at := v.at + c*v.area + y*v.stride
	switch v.step {
	case 1:
		copy(dst, v.pix[at:])
	case -1:
		kernel.Reverse(dst, v.pix[at+1-v.width:][:v.width])
	default:
		for x := range dst {
			dst[x] = v.pix[at]
			at += v.step
		}
	}
}

// memory is where steps write pictures. It has two halves: a step writes to the half in which
// the picture that it was given is not.
type memory struct {
	halves [2][]uint8
	last   int // the half that was written last
}

// blank returns planes that are to be written.
func (m *memory) blank(channels, height, width int) view {
	m.last = 1 - m.last
	half, size := &m.halves[m.last], channels*height*width
	*half = slices.Grow((*half)[:0], size)[:size]
	v := planes(*half, channels, height, width)
	v.own = true
	return v
}

// filled returns planes that have the value fill.
func (m *memory) filled(channels, height, width int, fill uint8) view {
	v := m.blank(channels, height, width)
	for i := range v.pix {
		v.pix[i] = fill
	}
	return v
}

// owned returns v, or a copy, as planes without gaps that the caller may change.
func (m *memory) owned(v view) view {
	if v.own {
		return v
	}
	out := m.blank(v.channels, v.height, v.width)
	out.copy(v)
	return out
}
