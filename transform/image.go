package transform

import (
	"fmt"
	"image"
	"image/draw"
)

// maxPixels is the most that an image may have, or become: a gigabyte in colour.
const maxPixels = 1 << 28

// image returns p's image with 8 bits a channel: an *image.Gray, or an *image.RGBA that
// is opaque. It may share p's memory.
func (p Input) image(op string) (image.Image, error) {
	if p.Image == nil || p.Tensor != nil {
		return nil, &Error{Op: op, Found: p.kind(), Expected: "an image"}
	}
	b := p.Image.Bounds()
	if b.Empty() {
		return nil, &Error{Op: op, Found: "an image without pixels", Expected: "at least one"}
	}
	if b.Dx() > maxPixels/b.Dy() { // an *image.Uniform has no end
		return nil, &Error{Op: op, Found: fmt.Sprintf("an image of %d by %d pixels", b.Dx(), b.Dy()), Expected: fmt.Sprintf("at most %d in all", maxPixels)}
	}
	switch img := p.Image.(type) {
	case *image.Gray:
		return img, nil
	case *image.Gray16:
		grey := image.NewGray(b)
		draw.Draw(grey, b, img, b.Min, draw.Src)
		return grey, nil
	case *image.RGBA:
		if img.Opaque() {
			return img, nil
		}
	}
	rgb := image.NewRGBA(b)
	draw.Draw(rgb, b, image.White, image.Point{}, draw.Src)
	draw.Draw(rgb, b, p.Image, b.Min, draw.Over)
	return rgb, nil
}

// kind says what p holds, for errors.
func (p Input) kind() string {
	switch {
	case p.Image != nil && p.Tensor != nil:
		return "an image and a tensor"
	case p.Image != nil:
		return "an image"
	case p.Tensor != nil:
		return "a tensor"
	case p.Row != nil:
		return "a row of a table"
	}
	return "nothing"
}

// raster is the pixels of a grey or colour image alike: row y begins at pix[y*stride],
// and a pixel is 1 byte of a grey image and 4 of a colour one, the last of them 255.
type raster struct {
	pix           []uint8
	width, height int
	stride, size  int        // in bytes, of a row and of a pixel
	work          *Workspace // for what is made of it, or nil
}

// raster returns the pixels of p's image, which may be p's memory.
func (p Input) raster(op string) (raster, error) {
	img, err := p.image(op)
	if err != nil {
		return raster{}, err
	}
	b := img.Bounds()
	switch img := img.(type) {
	case *image.Gray:
		return raster{img.Pix[img.PixOffset(b.Min.X, b.Min.Y):], b.Dx(), b.Dy(), img.Stride, 1, p.work}, nil
	default:
		rgb := img.(*image.RGBA)
		return raster{rgb.Pix[rgb.PixOffset(b.Min.X, b.Min.Y):], b.Dx(), b.Dy(), rgb.Stride, 4, p.work}, nil
	}
}

// blank returns a raster of r's kind that is to be written.
func (r raster) blank(width, height int) raster {
	return raster{r.work.blank(width * height * r.size), width, height, width * r.size, r.size, r.work}
}

// checkGrowth returns an *Error if an image made of r would have too many pixels: a long
// strip whose smaller edge grows would take any memory.
func (r raster) checkGrowth(op string, width, height int) error {
	if width > maxPixels/height {
		return &Error{Op: op, Found: fmt.Sprintf("an image of %d by %d pixels that would become one of %d by %d", r.width, r.height, width, height),
			Expected: fmt.Sprintf("at most %d pixels", maxPixels)}
	}
	return nil
}

// filled returns a raster of r's kind in which every channel has the value fill.
func (r raster) filled(width, height int, fill uint8) raster {
	out := r.blank(width, height)
	for i := range out.pix {
		out.pix[i] = fill
		if i%4 == 3 && r.size == 4 {
			out.pix[i] = 255
		}
	}
	return out
}

// row returns row y.
func (r raster) row(y int) []uint8 { return r.pix[y*r.stride:][:r.width*r.size] }

// picture returns r as an image, an *image.Gray or an *image.RGBA, in r's memory.
func (r raster) picture() Input {
	bounds := image.Rect(0, 0, r.width, r.height)
	if r.size == 1 {
		return Input{Image: &image.Gray{Pix: r.pix, Stride: r.stride, Rect: bounds}}
	}
	return Input{Image: &image.RGBA{Pix: r.pix, Stride: r.stride, Rect: bounds}}
}

// checkSize returns an *Error unless a picture can have the given sides.
func checkSize(op string, height, width int) error {
	if height <= 0 || width <= 0 {
		return &Error{Op: op, Found: fmt.Sprintf("height %d and width %d", height, width), Expected: "positive numbers"}
	}
	return nil
}

// checkProbability returns an *Error unless p is in [0, 1].
func checkProbability(op string, p float64) error {
	if !(p >= 0 && p <= 1) {
		return &Error{Op: op, Found: fmt.Sprintf("a probability of %v", p), Expected: "0 to 1"}
	}
	return nil
}
