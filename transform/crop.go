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
		return middle(of - n)
	}
	return v.window(first(t.Height, v.height), first(t.Width, v.width), t.Height, t.Width, 0, m)
}

// middle returns how much of a rest of pixels comes before what stands in their middle.
func middle(rest int) int { return int(math.RoundToEven(float64(rest) / 2)) }

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

// RandomResizedCrop cuts a part out of an image, of a random share of its area, in random
// proportions and anywhere in it, and scales that to Height by Width pixels: torchvision's. If
// ten parts drawn do not fit, it takes the middle, as large as the proportions allow.
//
// In evaluation a CenterCrop takes its place. So the images should have a size, as after
// ResizeEdge, in which the middle has most of what there is.
type RandomResizedCrop struct {
	Height, Width int
	Scale         [2]float64 // the part's share of the area, from and to; zero means 0.08 to 1
	Ratio         [2]float64 // its width to its height, from and to; zero means 3/4 to 4/3
	Interpolation Interpolation
}

// Apply gives an *image.Gray of a grey image and an opaque *image.RGBA of a colour one.
func (t RandomResizedCrop) Apply(p Input, chance random.Key) (Input, error) {
	return moved("random resized crop", t, p, chance)
}

// InEvaluation returns the CenterCrop to the same size.
func (t RandomResizedCrop) InEvaluation() Transform { return CenterCrop{t.Height, t.Width} }

// complete returns t with the usual options in place of zero ones.
func (t RandomResizedCrop) complete() RandomResizedCrop {
	if t.Scale == [2]float64{} {
		t.Scale = [2]float64{0.08, 1}
	}
	if t.Ratio == [2]float64{} {
		t.Ratio = [2]float64{3. / 4, 4. / 3}
	}
	if t.Interpolation == 0 {
		t.Interpolation = Bilinear
	}
	return t
}

func (t RandomResizedCrop) fits(height, width int) error {
	const op = "random resized crop"
	if err := checkSize(op, t.Height, t.Width); err != nil {
		return err
	}
	if _, err := t.Interpolation.or(Bilinear, op); err != nil {
		return err
	}
	t = t.complete()
	if !(t.Scale[0] > 0 && t.Scale[0] <= t.Scale[1] && t.Scale[1] <= 1) {
		return &Error{Op: op, Found: fmt.Sprintf("areas from %v to %v", t.Scale[0], t.Scale[1]), Expected: "numbers above 0, in order, to 1"}
	}
	if !(t.Ratio[0] > 0 && t.Ratio[0] <= t.Ratio[1]) || math.IsInf(t.Ratio[1], 1) {
		return &Error{Op: op, Found: fmt.Sprintf("ratios from %v to %v", t.Ratio[0], t.Ratio[1]), Expected: "positive numbers in order"}
	}
	return checkGrowth(op, height, width, max(t.Height, height), t.Width) // rows are scaled before columns
}

func (t RandomResizedCrop) move(v view, chance random.Key, m *memory) view {
	t = t.complete()
	at := t.draw(chance.Rand(), v.height, v.width)
	return v.cut(at.top, at.left, at.height, at.width).scaled(t.Height, t.Width, t.Interpolation, m)
}

// draw returns the part of an image of the given size that a complete t takes.
func (t RandomResizedCrop) draw(r *rand.Rand, height, width int) rectangle {
	round := func(v float64) int { return int(math.RoundToEven(v)) }
	for range 10 {
		area := between(r, t.Scale) * float64(height*width)
		ratio := math.Exp(between(r, [2]float64{math.Log(t.Ratio[0]), math.Log(t.Ratio[1])}))
		wide, tall := math.Sqrt(area*ratio), math.Sqrt(area/ratio)
		if wide > float64(width)+1 || tall > float64(height)+1 { // and may fit no int
			continue
		}
		if h, w := round(tall), round(wide); h > 0 && w > 0 && h <= height && w <= width {
			return rectangle{r.IntN(height - h + 1), r.IntN(width - w + 1), h, w}
		}
	}
	at := rectangle{height: height, width: width}
	switch ratio := float64(width) / float64(height); {
	case ratio < t.Ratio[0]:
		at.height = min(max(round(float64(width)/t.Ratio[0]), 1), height)
	case ratio > t.Ratio[1]:
		at.width = min(max(round(float64(height)*t.Ratio[1]), 1), width)
	}
	at.top, at.left = (height-at.height)/2, (width-at.width)/2
	return at
}

// scaled returns v scaled to the given size.
func (v view) scaled(height, width int, i Interpolation, m *memory) view {
	if v.step != 1 {
		v = m.owned(v)
	}
	out := m.blank(v.channels, height, width)
	for c := range v.channels {
		out.cutChannel(c).copy(v.plane(c).scaled(width, height, i).view())
	}
	return out
}

// cutChannel returns channel c of v.
func (v view) cutChannel(c int) view {
	v.own = false
	v.at += c * v.area
	v.channels = 1
	return v
}
