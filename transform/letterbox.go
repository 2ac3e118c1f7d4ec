package transform

import (
	"math"

	"github.com/onehot-go/onehot/random"
)

// Letterbox scales an image so that the whole of it fits into Height by Width pixels and is as
// large as it can be, and puts it into their middle. The rest has the value Fill in every
// channel. It is PIL's ImageOps.pad with bilinear scaling, which widens where the image
// shrinks; photographs are scaled as by ResizeEdge.
type Letterbox struct {
	Height int   `json:"height"`
	Width  int   `json:"width"`
	Fill   uint8 `json:"fill,omitempty"`
}

// Apply gives an *image.Gray of a grey image and an opaque *image.RGBA of a colour one.
func (t Letterbox) Apply(p Input, chance random.Key) (Input, error) {
	const op = "letterbox"
	if err := checkSize(op, t.Height, t.Width); err != nil {
		return Input{}, err
	}
	var frame Pad
	p, err := resize(op, p, Bilinear, func(width, height int) (int, int) {
		width, height = t.inner(width, height)
		left, top := middle(t.Width-width), middle(t.Height-height)
		frame = Pad{left, top, t.Width - width - left, t.Height - height - top, t.Fill}
		return width, height
	})
	if err != nil {
		return Input{}, err
	}
	return moved(op, frame, p, chance)
}

// inner returns the size that an image of the given size is scaled to: at least one pixel
// each way.
func (t Letterbox) inner(width, height int) (int, int) {
	w, h := float64(width), float64(height)
	if w/h > float64(t.Width)/float64(t.Height) {
		return t.Width, max(int(math.RoundToEven(float64(h/w)*float64(t.Width))), 1)
	}
	return max(int(math.RoundToEven(float64(w/h)*float64(t.Height))), 1), t.Height
}
