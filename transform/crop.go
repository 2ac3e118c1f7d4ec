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
func (t Pad) Apply(p Input, chance random.Key) (Input, error) { return moved("pad", t, p, chance) }

func (t Pad) fits(height, width int) error {
	if err := t.check(); err != nil {
		return err
	}
	return checkGrowth("pad", height, width, t.Top+height+t.Bottom, t.Left+width+t.Right)
}

func (t Pad) move(v view, _ random.Key, m *memory) view {
	return v.window(-t.Top, -t.Left, t.Top+v.height+t.Bottom, t.Left+v.width+t.Right, t.Fill, m)
}

// check returns an *Error if a side is below 0.
func (t Pad) check() error {
	if min(t.Left, t.Top, t.Right, t.Bottom) < 0 {
		return &Error{Op: "pad", Found: fmt.Sprintf("%d, %d, %d and %d pixels", t.Left, t.Top, t.Right, t.Bottom), Expected: "0 or more"}
	}
	return nil
}

// checkGrowth is raster's, of an image of the given size.
func checkGrowth(op string, height, width, newHeight, newWidth int) error {
	return raster{width: width, height: height}.checkGrowth(op, newWidth, newHeight)
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
func (t CenterCrop) Apply(p Input, chance random.Key) (Input, error) {
	return moved("center crop", t, p, chance)
}

func (t CenterCrop) fits(height, width int) error {
	if err := checkSize("center crop", t.Height, t.Width); err != nil {
		return err
	}
	return checkGrowth("center crop", height, width, max(t.Height, height), max(t.Width, width))
}

func (t CenterCrop) move(v view, _ random.Key, m *memory) view {
	// The first pixel of n in the middle of so many, of which there are first made enough.
	first := func(n, of int) int {
		if of < n {
			return -((n - of) / 2)
		}
		return int(math.RoundToEven(float64(of-n) / 2))
	}
	return v.window(first(t.Height, v.height), first(t.Width, v.width), t.Height, t.Width, 0, m)
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
	return moved("random crop", t, p, chance)
}

func (t RandomCrop) fits(height, width int) error {
	const op = "random crop"
	if err := checkSize(op, t.Height, t.Width); err != nil {
		return err
	}
	if t.Padding < 0 {
		return &Error{Op: op, Found: fmt.Sprintf("a padding of %d", t.Padding), Expected: "0 or more"}
	}
	padded, wide := height+2*t.Padding, width+2*t.Padding
	if err := checkGrowth(op, height, width, padded, wide); err != nil {
		return err
	}
	if padded < t.Height || wide < t.Width {
		return &Error{Op: op, Found: fmt.Sprintf("%d by %d pixels", padded, wide), Expected: fmt.Sprintf("at least %d by %d", t.Height, t.Width)}
	}
	return nil
}

func (t RandomCrop) move(v view, chance random.Key, m *memory) view {
	top, left := t.draw(chance.Rand(), v.height+2*t.Padding, v.width+2*t.Padding)
	return v.window(top-t.Padding, left-t.Padding, t.Height, t.Width, t.Fill, m)
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
	return moved("random horizontal flip", t, p, chance)
}

func (t RandomHorizontalFlip) fits(_, _ int) error {
	return checkProbability("random horizontal flip", t.P)
}

func (t RandomHorizontalFlip) move(v view, chance random.Key, _ *memory) view {
	if chance.Rand().Float64() >= t.P {
		return v
	}
	return v.mirrored()
}

// InEvaluation returns nil: an image stays as it is.
func (RandomHorizontalFlip) InEvaluation() Transform { return nil }
