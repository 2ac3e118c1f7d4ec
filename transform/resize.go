package transform

import (
	"fmt"
	"image"
	"math"

	"github.com/onehot-go/onehot/internal/kernel"
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
	const op = "resize"
	in, err := p.raster(op)
	if err != nil {
		return Input{}, err
	}
	i, err := checkResize(op, r.Interpolation, image.Pt(in.width, in.height), r.Width, r.Height)
	if err != nil {
		return Input{}, err
	}
	return in.scaled(r.Width, r.Height, i).picture(), nil
}

// ResizeEdge scales an image so that its smaller edge has Size pixels and its proportions
// stay, but for the fraction of a pixel that the greater edge loses: torchvision's
// Resize(size). Everything else is as in Resize, but for photographs.
//
// An *image.YCbCr, as a JPEG is decoded to, is scaled as it is stored: brightness and colours
// by themselves, and only then do they become red, green and blue. PIL does that first, and
// rounds more often. So channels differ from PIL's by half a level on average, and by up to 20
// levels at edges of colours that are as strong as they can be.
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

// resize scales p's image to the size that to makes of its own, an *image.YCbCr plane by plane.
func resize(op string, p Input, i Interpolation, to func(width, height int) (int, int)) (Input, error) {
	if planes, ok := p.Image.(*image.YCbCr); ok && p.Tensor == nil && i != Nearest && wholeColours(planes) {
		size := planes.Rect.Size()
		width, height := to(size.X, size.Y)
		i, err := checkResize(op, i, size, width, height)
		if err != nil {
			return Input{}, err
		}
		return scalePlanes(planes, width, height, i.filter(), p.work).picture(), nil
	}
	in, err := p.raster(op)
	if err != nil {
		return Input{}, err
	}
	width, height := to(in.width, in.height)
	if i, err = checkResize(op, i, image.Pt(in.width, in.height), width, height); err != nil {
		return Input{}, err
	}
	return in.scaled(width, height, i).picture(), nil
}

// checkResize returns the interpolation, Bilinear if it is 0, or an *Error if a picture cannot be
// scaled to a size.
func checkResize(op string, i Interpolation, from image.Point, width, height int) (Interpolation, error) {
	i, err := i.or(Bilinear, op)
	if err == nil {
		err = checkSize(op, height, width)
	}
	if err == nil {
		err = checkGrowth(op, from.Y, from.X, max(height, from.Y), width) // rows are scaled before columns
	}
	return i, err
}

// scaled returns r scaled to the given size; r itself if it has that size.
func (r raster) scaled(width, height int, i Interpolation) raster {
	if i == Nearest {
		out := r.filled(width, height, 0)
		out.view().nearest(r.view(), matrix{a: float64(r.width) / float64(width), e: float64(r.height) / float64(height)})
		return out
	}
	f := i.filter()
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
	r.scaleRowsTo(out, r.work.tapsOf(f, r.width, width, 1))
	return out
}

// scaleRowsTo sets out, of r's height and kind, to r with its rows scaled by taps.
func (r raster) scaleRowsTo(out raster, taps []tap) {
	if r.size == 1 && kernel.HaveWeighRows() {
		r.scaleBlocks(out, taps)
		return
	}
	if r.size == 1 {
		lanes := make([]uint64, r.width)
		for y := 0; y < r.height; y += 2 {
			below := min(y+1, r.height-1)
			pairs(lanes, r.row(y), r.row(below))
			scalePairs(out.row(y), out.row(below), lanes, taps)
		}
		return
	}
	lanes := make([]uint64, 2*r.width)
	for y := range r.height {
		spreadPixels(lanes, r.row(y))
		scaleSpread(out.row(y), lanes, taps)
	}
}

// scaleColumns returns r with columns of the given height.
func (r raster) scaleColumns(height int, f filter) raster {
	out := r.blank(r.width, height)
	r.scaleColumnsTo(out, r.work.tapsOf(f, r.height, height, 1))
	return out
}

// scaleColumnsTo sets out, of r's width and kind, to r with its columns scaled by taps.
func (r raster) scaleColumnsTo(out raster, taps []tap) {
	for y, t := range taps {
		scaleBytes(out.row(y), r.pix, r.stride, t)
	}
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

// filter returns the curve of an interpolation that is not Nearest.
func (i Interpolation) filter() filter {
	if i == Bicubic {
		return cubic
	}
	return tent
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
