package transform

import (
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/onehot-go/onehot/random"
)

// Pad adds pixels around an image, with the value Fill in every channel. The fields
// stand in the order of torchvision's Pad((left, top, right, bottom), fill).
type Pad struct {
	Left   int   `json:"left"` // in pixels, at least 0, as all sides
	Top    int   `json:"top"`
	Right  int   `json:"right"`
	Bottom int   `json:"bottom"`
	Fill   uint8 `json:"fill,omitempty"`
}

// Apply gives an *image.Gray of a grey image and an opaque *image.RGBA of a colour one.
func (t Pad) Apply(p Input, _ random.Key) (Input, error) {
	in, err := p.raster("pad")
	if err != nil {
		return Input{}, err
	}
	if err := t.check(); err != nil {
		return Input{}, err
	}
	out, err := in.pad("pad", t.Left, t.Top, t.Right, t.Bottom, t.Fill)
	if err != nil {
		return Input{}, err
	}
	return out.picture(), nil
}

// check returns an *Error if a side is below 0.
func (t Pad) check() error {
	if min(t.Left, t.Top, t.Right, t.Bottom) < 0 {
		return &Error{Op: "pad", Found: fmt.Sprintf("%d, %d, %d and %d pixels", t.Left, t.Top, t.Right, t.Bottom), Expected: "0 or more"}
	}
	return nil
}

// pad returns r with pixels around it, or an *Error if they would be too many.
func (r raster) pad(op string, left, top, right, bottom int, fill uint8) (raster, error) {
	width, height := left+r.width+right, top+r.height+bottom
	if err := r.checkGrowth(op, width, height); err != nil {
		return raster{}, err
	}
	out := r.filled(width, height, fill)
	for y := range r.height {
		copy(out.row(top + y)[left*r.size:], r.row(y))
	}
	return out, nil
}

// crop returns a part of r, which it has, in r's memory.
func (r raster) crop(top, left, height, width int) raster {
	r.pix = r.pix[top*r.stride+left*r.size:]
	r.width, r.height = width, height
	return r
}

// CenterCrop cuts Height by Width pixels out of the middle of an image; an image smaller
// than that is first padded with black on both sides. If it cannot stand in the very
// middle, the place is the one that torchvision's CenterCrop chooses.
type CenterCrop struct {
	Height int `json:"height"`
	Width  int `json:"width"`
}

// Apply gives an *image.Gray of a grey image and an opaque *image.RGBA of a colour one,
// which may share memory with the picture.
func (t CenterCrop) Apply(p Input, _ random.Key) (Input, error) {
	const op = "center crop"
	in, err := p.raster(op)
	if err != nil {
		return Input{}, err
	}
	if err := checkSize(op, t.Height, t.Width); err != nil {
		return Input{}, err
	}
	if h, w := max(t.Height-in.height, 0), max(t.Width-in.width, 0); h > 0 || w > 0 {
		if in, err = in.pad(op, w/2, h/2, (w+1)/2, (h+1)/2, 0); err != nil {
			return Input{}, err
		}
	}
	middle := func(n, of int) int { return int(math.RoundToEven(float64(of-n) / 2)) }
	return in.crop(middle(t.Height, in.height), middle(t.Width, in.width), t.Height, t.Width).picture(), nil
}

// RandomCrop cuts Height by Width pixels out of an image, anywhere in it with the same
// chance. Padding pixels of the value Fill are added on every side before. The error is
// an *Error if the padded image is smaller than that.
type RandomCrop struct {
	Height, Width int
	Padding       int // pixels, at least 0
	Fill          uint8
}

// Apply gives an *image.Gray of a grey image and an opaque *image.RGBA of a colour one,
// which may share memory with the picture.
func (t RandomCrop) Apply(p Input, chance random.Key) (Input, error) {
	const op = "random crop"
	in, err := p.raster(op)
	if err != nil {
		return Input{}, err
	}
	if err := checkSize(op, t.Height, t.Width); err != nil {
		return Input{}, err
	}
	if t.Padding < 0 {
		return Input{}, &Error{Op: op, Found: fmt.Sprintf("a padding of %d", t.Padding), Expected: "0 or more"}
	}
	if t.Padding > 0 {
		if in, err = in.pad(op, t.Padding, t.Padding, t.Padding, t.Padding, t.Fill); err != nil {
			return Input{}, err
		}
	}
	if in.height < t.Height || in.width < t.Width {
		return Input{}, &Error{Op: op, Found: fmt.Sprintf("%d by %d pixels", in.height, in.width),
			Expected: fmt.Sprintf("at least %d by %d", t.Height, t.Width)}
	}
	top, left := t.draw(chance.Rand(), in.height, in.width)
	return in.crop(top, left, t.Height, t.Width).picture(), nil
}

// InEvaluation returns the CenterCrop to the same size.
func (t RandomCrop) InEvaluation() Transform { return CenterCrop{t.Height, t.Width} }

// draw returns where to crop an image of the given size.
func (t RandomCrop) draw(r *rand.Rand, height, width int) (top, left int) {
	return r.IntN(height - t.Height + 1), r.IntN(width - t.Width + 1)
}

// RandomHorizontalFlip turns an image into its mirror image, left for right, with
// probability P. torchvision's default is 0.5; the zero value never flips.
type RandomHorizontalFlip struct{ P float64 }

// Apply gives an *image.Gray of a grey image and an opaque *image.RGBA of a colour one,
// which may share memory with the picture.
func (t RandomHorizontalFlip) Apply(p Input, chance random.Key) (Input, error) {
	const op = "random horizontal flip"
	in, err := p.raster(op)
	if err != nil {
		return Input{}, err
	}
	if err := checkProbability(op, t.P); err != nil {
		return Input{}, err
	}
	if chance.Rand().Float64() >= t.P {
		return in.picture(), nil
	}
	out := in.blank(in.width, in.height)
	for y := range in.height {
		from, to := in.row(y), out.row(y)
		for at := 0; at < len(from); at += in.size {
			copy(to[len(to)-at-in.size:], from[at:at+in.size])
		}
	}
	return out.picture(), nil
}

// InEvaluation returns nil: an image stays as it is.
func (RandomHorizontalFlip) InEvaluation() Transform { return nil }
