package transform

import (
	"image"
	"slices"

	"github.com/onehot-go/onehot/fault"
	"github.com/onehot-go/onehot/internal/kernel"
	"github.com/onehot-go/onehot/random"
	"github.com/onehot-go/onehot/tensor"
)

// Fused is a transform of pictures of one size, grey or colour, worked out once for all of
// them: many times as fast as its Apply, and with the same bits.
type Fused struct {
	channels, height, width int // of a picture
	shape                   []int
	moves                   []fusedStep // of type mover
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
// are those that move or change the pixels of pictures, then what has a Table, and then
// RandomErasing, each as often as wanted. Steps that leave the pictures as they are, such as a
// Resize to the size that they have, may come anywhere before the Table. Those that change
// pixels are
//
//   - CenterCrop, Pad, Rotate and Affine,
//   - RandomCrop, RandomResizedCrop, RandomHorizontalFlip, RandomRotation and RandomAffine,
//   - ColorJitter and TrivialAugmentWide.
//
// For any other t, and if Apply does not take such pictures, ok is false.
func Fuse(t Transform, channels, height, width int) (f *Fused, ok bool) {
	if t == nil || channels != 1 && channels != 3 || min(height, width) < 1 {
		return nil, false
	}
	f = &Fused{channels: channels, height: height, width: width}
	steps := fusedSteps(t, nil)
	for len(steps) > 0 {
		last := steps[len(steps)-1]
		if _, ok := last.Transform.(RandomErasing); !ok {
			break
		}
		f.erasures = slices.Insert(f.erasures, 0, last)
		steps = steps[:len(steps)-1]
	}
	out := planes(make([]byte, channels*height*width), channels, height, width)
	var m memory
	for i, s := range steps {
		var rest Compose
		for _, s := range steps[i:] {
			rest = append(rest, s.Transform)
		}
		if tables, ok := Table(rest, channels); ok {
			f.table = kernel.NewTable(tables)
			break
		}
		if kindIdle(s.Transform, out) {
			continue
		}
		move, ok := s.Transform.(mover)
		if !ok || move.fits(out.height, out.width) != nil {
			return nil, false
		}
		f.moves = append(f.moves, s)
		out = move.move(out, random.Key{}, &m)
	}
	if f.table == nil {
		return nil, false
	}
	// Apply itself says whether the erasures are right.
	f.shape = []int{out.channels, out.height, out.width}
	for _, s := range f.erasures {
		if _, err := s.Apply(Input{Tensor: tensor.Zeros(tensor.Float32, f.shape...)}, random.Key{}); err != nil {
			return nil, false
		}
	}
	return f, true
}

// kindIdle reports whether t leaves pictures like v as they are.
func kindIdle(t Transform, v view) bool {
	k := kindOf(t)
	if k == nil {
		return false
	}
	t, err := k.check(t)
	return err == nil && k.idle(t, Form{Shape: []int{v.channels, v.height, v.width}})
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
	var m memory
	turned := make([]uint8, f.shape[2]) // a row
	return func(dst []float32, pixels []byte, chance random.Key) {
		v := planes(pixels, f.channels, f.height, f.width)
		for _, s := range f.moves {
			v = s.Transform.(mover).move(v, s.key(chance), &m)
		}
		w := kernel.Window{Channels: v.channels, Height: v.height, Width: v.width, Area: v.area, Stride: v.stride}
		if v.step < 0 {
			w.Turned = turned
		}
		f.table.Convert(dst, v.pix[v.first():], w)
		for _, s := range f.erasures {
			t := s.Transform.(RandomErasing).complete()
			at, ok := t.rectangle(s.key(chance), v.height, v.width)
			for c := 0; ok && c < v.channels; c++ {
				at.fill(dst[c*v.height*v.width:], v.width, t.Value)
			}
		}
	}
}

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
