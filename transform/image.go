package transform

import (
	"fmt"
	"image"
	stddraw "image/draw"

	"golang.org/x/image/draw"

	"github.com/onehot-go/onehot/random"
)

// Resize scales an image to Height by Width pixels, whatever its proportions, with a
// bilinear filter that widens where the image shrinks, so that every pixel counts:
// torchvision's Resize((h, w), antialias=True), and PIL's BILINEAR. Sums are rounded
// once, to the nearest value; PIL also rounds between rows and columns, and so may
// differ by one level of 255.
type Resize struct{ Height, Width int }

// Apply gives an *image.Gray of a grey image and an opaque *image.RGBA of a colour one.
func (r Resize) Apply(p Picture, _ random.Key) (Picture, error) {
	const op = "resize"
	img, err := p.image(op)
	if err != nil {
		return Picture{}, err
	}
	if r.Height <= 0 || r.Width <= 0 {
		return Picture{}, &Error{Op: op, Found: fmt.Sprintf("height %d and width %d", r.Height, r.Width), Expected: "positive numbers"}
	}
	from, to := img.Bounds(), image.Rect(0, 0, r.Width, r.Height)
	if from.Size() == to.Size() {
		return Picture{Image: img}, nil
	}
	// The scaler cuts values off where it writes 8 bits: it writes 16, to be rounded.
	switch img := img.(type) {
	case *image.Gray:
		wide := image.NewGray16(to)
		draw.BiLinear.Scale(wide, to, img, from, draw.Src, nil)
		out := image.NewGray(to)
		narrow(out.Pix, wide.Pix)
		return Picture{Image: out}, nil
	default:
		wide := image.NewRGBA64(to)
		draw.BiLinear.Scale(wide, to, img, from, draw.Src, nil)
		out := image.NewRGBA(to)
		narrow(out.Pix, wide.Pix)
		return Picture{Image: out}, nil
	}
}

// narrow rounds the big-endian 16-bit values of wide to the nearest of 8 bits.
func narrow(out, wide []uint8) {
	for i := range out {
		v := uint32(wide[2*i])<<8 | uint32(wide[2*i+1])
		out[i] = uint8((v + 128) / 257)
	}
}

// image returns p's image with 8 bits a channel: an *image.Gray, or an *image.RGBA that
// is opaque. It may share p's memory.
func (p Picture) image(op string) (image.Image, error) {
	if p.Image == nil || p.Tensor != nil {
		return nil, &Error{Op: op, Found: p.kind(), Expected: "an image"}
	}
	b := p.Image.Bounds()
	if b.Empty() {
		return nil, &Error{Op: op, Found: "an image without pixels", Expected: "at least one"}
	}
	switch img := p.Image.(type) {
	case *image.Gray:
		return img, nil
	case *image.Gray16:
		grey := image.NewGray(b)
		stddraw.Draw(grey, b, img, b.Min, stddraw.Src)
		return grey, nil
	case *image.RGBA:
		if img.Opaque() {
			return img, nil
		}
	}
	rgb := image.NewRGBA(b)
	stddraw.Draw(rgb, b, image.White, image.Point{}, stddraw.Src)
	stddraw.Draw(rgb, b, p.Image, b.Min, stddraw.Over)
	return rgb, nil
}

// kind says what p holds, for errors.
func (p Picture) kind() string {
	switch {
	case p.Image != nil && p.Tensor != nil:
		return "an image and a tensor"
	case p.Image != nil:
		return "an image"
	case p.Tensor != nil:
		return "a tensor"
	}
	return "nothing"
}
