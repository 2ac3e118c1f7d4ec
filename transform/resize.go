package transform

import (
	"fmt"
	"math"

	"github.com/onehot-go/onehot/random"
)

// Interpolation is how a pixel's value is made of those around the place it comes from.
// The zero value is the one that torchvision's transform of the same name begins with:
// Bilinear for Resize and ResizeEdge, Nearest for rotations and affine maps.
type Interpolation int

// The interpolations.
const (
	Nearest  Interpolation = iota + 1 // the pixel that the place is in
	Bilinear                          // the pixels around, by how near they are
	Bicubic                           // those around these too, by cubics: where pictures are scaled alone
)

// or returns i, or begin if i is zero. Where that is Bilinear, i may be Bicubic.
func (i Interpolation) or(begin Interpolation, op string) (Interpolation, error) {
	switch {
	case i == 0:
		return begin, nil
	case i == Nearest || i == Bilinear || i == Bicubic && begin == Bilinear:
		return i, nil
	}
	expected := "Nearest or Bilinear"
	if begin == Bilinear {
		expected = "Nearest, Bilinear or Bicubic"
	}
	return 0, &Error{Op: op, Found: fmt.Sprintf("interpolation %d", int(i)), Expected: expected}
}

// unless returns i, or 0 if i is the default.
func (i Interpolation) unless(begin Interpolation) Interpolation {
	if i == begin {
		return 0
	}
	return i
}

// interpolations has the names of interpolations in saved forms.
var interpolations = map[Interpolation]string{Nearest: "nearest", Bilinear: "bilinear", Bicubic: "bicubic"}

// MarshalText returns "nearest", "bilinear" or "bicubic".
func (i Interpolation) MarshalText() ([]byte, error) {
	name, ok := interpolations[i]
	if !ok {
		return nil, &Error{Op: "interpolation", Found: fmt.Sprint(int(i)), Expected: "Nearest, Bilinear or Bicubic"}
	}
	return []byte(name), nil
}

// UnmarshalText reads what MarshalText writes.
func (i *Interpolation) UnmarshalText(text []byte) error {
	for of, name := range interpolations {
		if name == string(text) {
			*i = of
			return nil
		}
	}
	return &Error{Op: "interpolation", Found: fmt.Sprintf("%q", text), Expected: "nearest, bilinear or bicubic"}
}

// Resize scales an image to Height by Width pixels, whatever its proportions. Bilinear,
// the default, and Bicubic widen where the image shrinks, so that every pixel counts. It is
// torchvision's Resize((h, w)) of an image, to the last bit: rows are scaled before
// columns with weights of 22 binary places, and both results are rounded to 8 bits, as
// PIL has it.
type Resize struct {
	Height        int           `json:"height"`
	Width         int           `json:"width"`
	Interpolation Interpolation `json:"interpolation,omitempty"`
}

// Apply gives an *image.Gray of a grey image and an opaque *image.RGBA of a colour one.
func (r Resize) Apply(p Input, _ random.Key) (Input, error) {
	return resize("resize", p, r.Interpolation, func(width, height int) (int, int) { return r.Width, r.Height })
}

// ResizeEdge scales an image so that its smaller edge has Size pixels and its proportions
// stay, but for the fraction of a pixel that the greater edge loses: torchvision's
// Resize(size). Everything else is as in Resize.
type ResizeEdge struct {
	Size          int           `json:"size"`
	Interpolation Interpolation `json:"interpolation,omitempty"`
}

// Apply gives an *image.Gray of a grey image and an opaque *image.RGBA of a colour one.
func (r ResizeEdge) Apply(p Input, _ random.Key) (Input, error) {
	return resize("resize edge", p, r.Interpolation, r.size)
}

// size returns the size that an image of the given size is scaled to.
func (r ResizeEdge) size(width, height int) (int, int) {
	if width <= height {
		return r.Size, r.Size * height / width
	}
	return r.Size * width / height, r.Size
}

// resize scales p's image to the size that to makes of its own.
func resize(op string, p Input, i Interpolation, to func(width, height int) (int, int)) (Input, error) {
	in, err := p.raster(op)
	if err != nil {
		return Input{}, err
	}
	if i, err = i.or(Bilinear, op); err != nil {
		return Input{}, err
	}
	width, height := to(in.width, in.height)
	if err := checkSize(op, height, width); err != nil {
		return Input{}, err
	}
	if err := in.checkGrowth(op, width, max(height, in.height)); err != nil { // rows are scaled before columns
		return Input{}, err
	}
	return in.scaled(width, height, i).picture(), nil
}

// scaled returns r scaled to the given size; r itself if it has that size.
func (r raster) scaled(width, height int, i Interpolation) raster {
	if i == Nearest {
		out := r.filled(width, height, 0)
		out.view().nearest(r.view(), matrix{a: float64(r.width) / float64(width), e: float64(r.height) / float64(height)})
		return out
	}
	f := tent
	if i == Bicubic {
		f = cubic
	}
	if width != r.width {
		r = r.scaleRows(width, f)
	}
	if height != r.height {
		r = r.scaleColumns(height, f)
	}
	return r
}

// scaleRows returns r with rows of the given width.
func (r raster) scaleRows(width int, f filter) raster {
	out := r.blank(width, r.height)
	taps := f.taps(r.width, width)
	for y := range r.height {
		in, to := r.row(y), out.row(y)
		for x, t := range taps {
			for c := range r.size {
				sum := uint32(half)
				for k, w := range t.weights {
					sum += w * uint32(in[(t.first+k)*r.size+c])
				}
				to[x*r.size+c] = round(sum)
			}
		}
	}
	return out
}

// scaleColumns returns r with columns of the given height.
func (r raster) scaleColumns(height int, f filter) raster {
	out := r.blank(r.width, height)
	sums := make([]uint32, r.width*r.size)
	for y, t := range f.taps(r.height, height) {
		for i := range sums {
			sums[i] = half
		}
		for k, w := range t.weights {
			for i, v := range r.row(t.first + k) {
				sums[i] += w * uint32(v)
			}
		}
		to := out.row(y)
		for i, sum := range sums {
			to[i] = round(sum)
		}
	}
	return out
}

// Weights are whole numbers of 1/2^places, and those below 0 wrap around. 255 times the sum of
// one sign's fits 31 bits.
const (
	places = 22
	half   = 1 << (places - 1)
)

// round returns the value of a sum that began with half.
func round(sum uint32) uint8 { return uint8(min(max(int32(sum)>>places, 0), 255)) }

// tap says which values one of the result is made of: those from first on, by weights.
type tap struct {
	first   int
	weights []uint32
}

// filter is a curve over a result's place, whose height over a value's is the value's weight.
type filter struct {
	reach  float64                 // how far to each side it goes, in steps
	height func(x float64) float64 // at a distance from the result, in steps
}

// The curves of Pillow's bilinear and bicubic interpolation.
var (
	tent  = filter{1, func(x float64) float64 { return max(1-math.Abs(x), 0) }}
	cubic = filter{2, func(x float64) float64 {
		const a = -0.5 // the slope at 1
		switch x = math.Abs(x); {
		case x < 1:
			return float64(float64(float64(float64((a+2)*x)-(a+3))*x)*x) + 1
		case x < 2:
			return float64(float64(float64(float64((x-5)*x)+8)*x)-4) * a
		}
		return 0
	}}
)

// taps returns those that bring n values to m: each result is under a curve whose steps are the
// results', or the values' if those are more, and weights are the curve's height over the middle
// of each value, brought to the sum 1.
func (f filter) taps(n, m int) []tap {
	taps := make([]tap, m)
	step := float64(n) / float64(m)
	unit := max(step, 1)
	reach := f.reach * unit
	heights := make([]float64, 0, 2*int(math.Ceil(reach))+1)
	weights := make([]uint32, m*cap(heights)) // of all taps
	for i := range taps {
		middle := float64((float64(i) + 0.5) * step) // rounded, so that no machine fuses it with what follows
		first, end := max(int(middle-reach+0.5), 0), min(int(middle+reach+0.5), n)
		heights = heights[:0]
		sum := 0.0
		for j := first; j < end; j++ {
			h := f.height(float64((float64(j) - middle + 0.5) * (1 / unit)))
			heights = append(heights, h)
			sum += h
		}
		taps[i] = tap{first, weights[i*cap(heights):][:len(heights)]}
		for k, h := range heights {
			w := float64(h / sum * (1 << places))
			taps[i].weights[k] = uint32(int32(w + math.Copysign(0.5, w)))
		}
	}
	return taps
}
