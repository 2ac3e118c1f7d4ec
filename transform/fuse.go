package transform

import (
	"image"
	"slices"

	"github.com/onehot-go/onehot/fault"
	"github.com/onehot-go/onehot/internal/kernel"
	"github.com/onehot-go/onehot/random"
)

// Fused is a transform of pictures of one size, grey or colour, worked out once for all of
// them: many times as fast as its Apply, and with the same bits.
type Fused struct {
	channels, height, width int // of a picture
	shape                   []int
	moves                   []fusedStep // RandomCrop and RandomHorizontalFlip
	table                   *kernel.Table
	erasures                []fusedStep // RandomErasing
}

// fusedStep is a step and where it stands: the places that Compose derives its key from.
type fusedStep struct {
	Transform
	places []int
}

// key returns the step's key under that of the sample.
func (s fusedStep) key(k random.Key) random.Key {
	for _, place := range s.places {
		k = k.At(place)
	}
	return k
}

// Fuse returns t for pictures of the given size with 1 channel, grey, or 3. The steps of t
// are RandomCrop and RandomHorizontalFlip, then what has a Table, and then RandomErasing, each
// as often as wanted. A Resize to the size that the pictures have may come before the crops.
// For any other t, and if Apply does not take such pictures, ok is false.
func Fuse(t Transform, channels, height, width int) (f *Fused, ok bool) {
	if t == nil || min(height, width) < 1 {
		return nil, false
	}
	f = &Fused{channels: channels, height: height, width: width}
	var pixels Compose
	for _, s := range fusedSteps(t, nil) {
		switch step := s.Transform.(type) {
		case Resize: // a picture that has the size already stays as it is
			if step.Height != height || step.Width != width || f.moves != nil {
				return nil, false
			}
		case RandomCrop, RandomHorizontalFlip:
			if pixels != nil {
				return nil, false
			}
			f.moves = append(f.moves, s)
		case RandomErasing:
			f.erasures = append(f.erasures, s)
		default:
			if f.erasures != nil {
				return nil, false
			}
			pixels = append(pixels, s.Transform)
		}
	}
	tables, ok := Table(pixels, channels)
	if !ok {
		return nil, false
	}
	// Apply itself says whether it takes such pictures, and what of.
	out, err := t.Apply(planes{make([]byte, channels*height*width), channels, height, width}.input(), random.Key{})
	if err != nil {
		return nil, false
	}
	f.table, f.shape = kernel.NewTable(tables), out.Tensor.Shape()
	return f, true
}

// fusedSteps returns the steps of t, which stands at the given places.
func fusedSteps(t Transform, places []int) []fusedStep {
	c, ok := t.(Compose)
	if !ok {
		return []fusedStep{{t, places}}
	}
	var steps []fusedStep
	for i, t := range c {
		steps = append(steps, fusedSteps(t, append(places[:len(places):len(places)], i))...)
	}
	return steps
}

// Shape returns the shape (C, H, W) of what becomes of a picture.
func (f *Fused) Shape() []int { return f.shape }

// Start returns a function that writes to dst, of C·H·W numbers, what becomes of a picture
// under the key of a sample in one epoch. The picture is given by its pixels, channel by
// channel and row by row. The function keeps memory from one call to the next, and is for
// one goroutine; Start may be called from several.
func (f *Fused) Start() func(dst []float32, pixels []byte, chance random.Key) {
	var memory, other []byte // what the last move wrote, and what the next one may
	return func(dst []float32, pixels []byte, chance random.Key) {
		p := planes{pixels, f.channels, f.height, f.width}
		for _, s := range f.moves {
			var moved bool
			if p, other, moved = s.move(p, chance, other); moved {
				memory, other = other, memory
			}
		}
		f.table.Gather(dst, p.pix, len(dst), first)
		for _, s := range f.erasures {
			t := s.Transform.(RandomErasing).complete()
			at, ok := t.rectangle(s.key(chance), p.height, p.width)
			for c := 0; ok && c < p.channels; c++ {
				at.fill(dst[c*p.height*p.width:], p.width, t.Value)
			}
		}
	}
}

// first is the index of the only row that Gather converts.
var first = []int{0}

// planes is the pixels of a picture, channel by channel and row by row.
type planes struct {
	pix                     []byte
	channels, height, width int
}

// blank returns memory for a picture with the channels of p, in memory, and memory grown to
// hold it.
func (p planes) blank(memory []byte, height, width int) (out planes, grown []byte) {
	size := p.channels * height * width
	grown = slices.Grow(memory[:0], size)[:size]
	return planes{grown, p.channels, height, width}, grown
}

// plane returns channel c as a grey raster.
func (p planes) plane(c int) raster {
	area := p.height * p.width
	return raster{p.pix[c*area:][:area], p.width, p.height, p.width, 1}
}

// input returns p as an image, an *image.Gray in the memory of p or an opaque *image.RGBA.
func (p planes) input() Input { return Input{Image: Interleave(p.pix, p.channels, p.height, p.width)} }

// Interleave returns the image whose pixels are given channel by channel and row by row, as
// (C, H, W): of 1 channel an *image.Gray in the memory of pixels, of 3 an opaque *image.RGBA
// in memory of its own. It panics with a *fault.OptionError for another number of channels.
func Interleave(pixels []byte, channels, height, width int) image.Image {
	bounds := image.Rect(0, 0, width, height)
	switch channels {
	case 1:
		return &image.Gray{Pix: pixels, Stride: width, Rect: bounds}
	case 3:
		img := image.NewRGBA(bounds)
		area := height * width
		for i := range area {
			copy(img.Pix[4*i:], []uint8{pixels[i], pixels[area+i], pixels[2*area+i], 255})
		}
		return img
	}
	fault.Option("transform.Interleave", "%d channels: 1 or 3 expected", channels)
	return nil
}

// move returns what the step makes of p: in memory, which it returns grown, unless moved is
// false and nothing is changed.
func (s fusedStep) move(p planes, chance random.Key, memory []byte) (out planes, grown []byte, moved bool) {
	draw := s.key(chance).Rand()
	switch t := s.Transform.(type) {
	case RandomCrop:
		top, left := t.draw(draw, p.height+2*t.Padding, p.width+2*t.Padding)
		out, memory = p.blank(memory, t.Height, t.Width)
		for c := range p.channels {
			out.plane(c).window(p.plane(c), top-t.Padding, left-t.Padding, t.Fill)
		}
	case RandomHorizontalFlip:
		if draw.Float64() >= t.P {
			return p, memory, false
		}
		out, memory = p.blank(memory, p.height, p.width)
		for at := 0; at < len(out.pix); at += p.width {
			to := out.pix[at:][:p.width]
			for x, v := range p.pix[at:][:p.width] {
				to[len(to)-1-x] = v
			}
		}
	}
	return out, memory, true
}

// window sets a grey r to the part of in that begins at (left, top), with the value fill
// for what is outside.
func (r raster) window(in raster, top, left int, fill uint8) {
	from, to := min(max(-left, 0), r.width), max(min(in.width-left, r.width), 0) // the columns that are inside
	for y := range r.height {
		row := r.row(y)
		if top+y < 0 || top+y >= in.height || from >= to {
			fillBytes(row, fill)
			continue
		}
		fillBytes(row[:from], fill)
		copy(row[from:to], in.row(top + y)[left+from:])
		fillBytes(row[to:], fill)
	}
}

func fillBytes(b []byte, v byte) {
	for i := range b {
		b[i] = v
	}
}
