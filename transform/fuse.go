package transform

import (
	"image"
	"slices"

	"github.com/onehot-go/onehot/internal/kernel"
	"github.com/onehot-go/onehot/random"
)

// Fused is a transform of grey pictures of one size, worked out once for all of them:
// many times as fast as its Apply, and with the same bits.
type Fused struct {
	height, width int // of a picture
	shape         []int
	moves         []fusedStep // RandomCrop and RandomHorizontalFlip
	table         *kernel.Table
	erasures      []fusedStep // RandomErasing
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

// Fuse returns t for grey pictures of the given size. It can where t is made of
// RandomCrop and RandomHorizontalFlip, then of what has a Table, and then of
// RandomErasing, each as often as wanted and in this order, with Resize to that very size
// before it crops, and where Apply takes such pictures. Otherwise ok is false.
func Fuse(t Transform, height, width int) (f *Fused, ok bool) {
	if t == nil || min(height, width) < 1 {
		return nil, false
	}
	f = &Fused{height: height, width: width}
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
	tables, ok := Table(pixels, 1)
	if !ok {
		return nil, false
	}
	// Apply itself says whether it takes such pictures, and what of.
	out, err := t.Apply(Input{Image: image.NewGray(image.Rect(0, 0, width, height))}, random.Key{})
	if err != nil {
		return nil, false
	}
	f.table, f.shape = kernel.NewTable(&tables[0]), out.Tensor.Shape()
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

// Shape returns the shape (1, H, W) of what becomes of a picture.
func (f *Fused) Shape() []int { return f.shape }

// Start returns a function that writes to dst, of H·W numbers, what becomes of a picture,
// given by its pixels row by row, under the key of a sample in one epoch. It keeps memory
// from one call to the next, and is for one goroutine; Start may be called from several.
func (f *Fused) Start() func(dst []float32, pixels []byte, chance random.Key) {
	var memory, other []byte // what the last move wrote, and what the next one may
	return func(dst []float32, pixels []byte, chance random.Key) {
		r := raster{pixels, f.width, f.height, f.width, 1}
		for _, s := range f.moves {
			var moved bool
			if r, other, moved = s.move(r, chance, other); moved {
				memory, other = other, memory
			}
		}
		f.table.Gather(dst, r.pix, len(dst), first)
		for _, s := range f.erasures {
			t := s.Transform.(RandomErasing).complete()
			if at, ok := t.rectangle(s.key(chance), r.height, r.width); ok {
				at.fill(dst, r.width, t.Value)
			}
		}
	}
}

// first is the index of the only row that Gather converts.
var first = []int{0}

// move returns what the step makes of a grey r, which has no other bytes between its rows:
// in memory, which it returns grown, unless moved is false and nothing is changed.
func (s fusedStep) move(r raster, chance random.Key, memory []byte) (out raster, grown []byte, moved bool) {
	draw := s.key(chance).Rand()
	switch t := s.Transform.(type) {
	case RandomCrop:
		top, left := t.draw(draw, r.height+2*t.Padding, r.width+2*t.Padding)
		memory = slices.Grow(memory[:0], t.Height*t.Width)[:t.Height*t.Width]
		out = raster{memory, t.Width, t.Height, t.Width, 1}
		out.window(r, top-t.Padding, left-t.Padding, t.Fill)
	case RandomHorizontalFlip:
		if draw.Float64() >= t.P {
			return r, memory, false
		}
		memory = slices.Grow(memory[:0], len(r.pix))[:len(r.pix)]
		out = raster{memory, r.width, r.height, r.width, 1}
		for y := range r.height {
			to := out.row(y)
			for x, v := range r.row(y) {
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
