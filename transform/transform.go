// Package transform turns inputs as they were read into what a model takes: images are
// resized, cropped, converted and inverted, become tensors by ToTensor, and are normalized
// after it. Rows of tables become tensors by Columns. The transforms whose names begin with Random change pictures by chance, so that
// a model sees more than there are. Names and meanings are torchvision's, and so are the
// pixels that come out.
//
// The other transforms have a saved form, which a model's file keeps: see Compose. Register
// adds types of other packages.
//
// Images are worked on with 8 bits a channel, grey or opaque RGB. *image.Gray and
// *image.Gray16 are grey, and every other type is colour. What is transparent is composited
// over white: drawings and icons are made to be seen on paper. No transform changes the picture
// that it is given.
package transform

import (
	"fmt"
	"image"
	"image/color"

	"github.com/onehot-go/onehot/random"
	"github.com/onehot-go/onehot/tensor"
)

// Input is what transforms take and give. Exactly one field is set: Image for a picture
// until ToTensor, Row for a row of a table until Columns, Tensor after them, and for inputs
// that are neither.
type Input struct {
	Image  image.Image
	Row    *Row
	Tensor *tensor.Tensor // of any shape; (C, H, W) for a picture

	work *Workspace // that a step makes its result in, or nil
}

// Row is a row of a table.
type Row struct {
	Fields []string // one for each of Columns.List, in its order
}

// String returns the tensor as it prints, of a row of a table its fields, or of a picture its type, its
// height and its width: "*image.Gray of 28x28".
func (p Input) String() string {
	if p.Row != nil {
		return fmt.Sprintf("%q", p.Row.Fields)
	}
	if p.Image == nil {
		return fmt.Sprint(p.Tensor)
	}
	size := p.Image.Bounds().Size()
	return fmt.Sprintf("%T of %dx%d", p.Image, size.Y, size.X)
}

// Transform is one step from an input as it was read to what a model takes.
type Transform interface {
	// Apply returns the input that the step makes of p, and leaves p as it was. What
	// it draws is a function of chance, the key of one sample in one epoch; steps that
	// draw nothing ignore it. It may be called from several goroutines at once. If p
	// does not fit the step, the error is an *Error.
	Apply(p Input, chance random.Key) (Input, error)
}

// Error says that a transform cannot work on the input that it was given.
type Error struct {
	Op       string // the transform: "normalize"
	Found    string // what it was given
	Expected string // what it works on
}

// Error names the transform, what it found and what it expected: "resize: found a
// tensor, expected an image".
func (e *Error) Error() string {
	return fmt.Sprintf("%s: found %s, expected %s", e.Op, e.Found, e.Expected)
}

// Compose applies its transforms one after the other. Each is given a key of its own,
// derived from its place.
type Compose []Transform

// Apply returns what the last transform gives; an empty Compose gives p.
func (c Compose) Apply(p Input, chance random.Key) (Input, error) {
	for i, t := range c {
		var err error
		if p, err = t.Apply(p, chance.At(i)); err != nil {
			return Input{}, err
		}
	}
	return p, nil
}

// Lambda is a function used as a transform. It must not change the input that it is
// given, and must be safe to call from several goroutines at once.
type Lambda func(Input) (Input, error)

// Apply returns f(p).
func (f Lambda) Apply(p Input, _ random.Key) (Input, error) { return f(p) }

// ToTensor makes a float32 tensor in [0, 1] of an image: (1, H, W) of a grey one and
// (3, H, W), red, green and blue, of a colour one. A value v of 8 bits becomes v/255,
// rounded once.
type ToTensor struct{}

// Apply converts p.Image.
func (ToTensor) Apply(p Input, _ random.Key) (Input, error) {
	img, err := p.image("to tensor")
	if err != nil {
		return Input{}, err
	}
	b := img.Bounds()
	h, w := b.Dy(), b.Dx()
	switch img := img.(type) {
	case *image.Gray:
		t := p.work.floats(1, h, w)
		out := tensor.Data[float32](t)
		for y := range h {
			row := img.Pix[img.PixOffset(b.Min.X, b.Min.Y+y):][:w]
			for x, v := range row {
				out[y*w+x] = float32(v) / 255
			}
		}
		return Input{Tensor: t}, nil
	default:
		rgb := img.(*image.RGBA)
		t := p.work.floats(3, h, w)
		out := tensor.Data[float32](t)
		for y := range h {
			row := rgb.Pix[rgb.PixOffset(b.Min.X, b.Min.Y+y):][:4*w]
			for x := range w {
				for c := range 3 {
					out[(c*h+y)*w+x] = float32(row[4*x+c]) / 255
				}
			}
		}
		return Input{Tensor: t}, nil
	}
}

// Normalize takes Mean[c] from every element of channel c and divides by Std[c]. Each
// has one number a channel, or one number for all channels. Std must not be 0.
type Normalize struct {
	Mean []float32 `json:"mean"`
	Std  []float32 `json:"std"`
}

// Apply normalizes p.Tensor, a float32 tensor of shape (C, H, W).
func (n Normalize) Apply(p Input, _ random.Key) (Input, error) {
	const op = "normalize"
	if err := p.checkTensor(op); err != nil {
		return Input{}, err
	}
	channels, area := p.Tensor.Size(0), p.Tensor.Size(1)*p.Tensor.Size(2)
	if err := n.fits(channels); err != nil {
		return Input{}, err
	}
	t := p.work.floats(p.Tensor.Shape()...)
	in, out := tensor.Data[float32](p.Tensor.Contiguous()), tensor.Data[float32](t)
	for c := range channels {
		mean, std := n.Mean[c%len(n.Mean)], n.Std[c%len(n.Std)]
		if std == 0 {
			return Input{}, zeroDeviation(c)
		}
		for i := c * area; i < (c+1)*area; i++ {
			out[i] = (in[i] - mean) / std
		}
	}
	return Input{Tensor: t}, nil
}

// fits returns an *Error unless n has numbers for so many channels.
func (n Normalize) fits(channels int) error {
	for _, per := range [][]float32{n.Mean, n.Std} {
		if len(per) != 1 && len(per) != channels {
			return &Error{Op: "normalize", Found: fmt.Sprintf("%d means and %d deviations", len(n.Mean), len(n.Std)),
				Expected: fmt.Sprintf("1 or %d, the number of channels", channels)}
		}
	}
	return nil
}

// zeroDeviation is the error of a channel whose deviation is 0.
func zeroDeviation(channel int) error {
	return &Error{Op: "normalize", Found: fmt.Sprintf("a deviation of 0 for channel %d", channel), Expected: "another number"}
}

// checkTensor returns an *Error unless p is a float32 tensor of shape (C, H, W).
func (p Input) checkTensor(op string) error {
	if p.Tensor == nil {
		return &Error{Op: op, Found: p.kind(), Expected: "a tensor: ToTensor comes before it"}
	}
	if p.Tensor.DType() != tensor.Float32 || p.Tensor.Dim() != 3 {
		return &Error{Op: op, Found: fmt.Sprintf("%s elements of shape %v", p.Tensor.DType(), p.Tensor.Shape()),
			Expected: "float32 elements of shape [C H W]"}
	}
	return nil
}

// Grayscale makes a colour image grey by the luma of ITU-R 601-2, in whole numbers as
// PIL computes it: L = (19595 R + 38470 G + 7471 B + 32768) >> 16. A grey image stays
// as it is. PIL drops alpha; here transparent pixels are
// composited over white.
type Grayscale struct{}

// Apply gives an *image.Gray.
func (Grayscale) Apply(p Input, _ random.Key) (Input, error) {
	img, err := p.image("grayscale")
	if err != nil {
		return Input{}, err
	}
	rgb, ok := img.(*image.RGBA)
	if !ok {
		return Input{Image: img}, nil
	}
	b := rgb.Bounds()
	grey := image.NewGray(b)
	for y := b.Min.Y; y < b.Max.Y; y++ {
		in, out := rgb.Pix[rgb.PixOffset(b.Min.X, y):], grey.Pix[grey.PixOffset(b.Min.X, y):]
		for x := range b.Dx() {
			r, g, b := uint32(in[4*x]), uint32(in[4*x+1]), uint32(in[4*x+2])
			out[x] = uint8((19595*r + 38470*g + 7471*b + 1<<15) >> 16)
		}
	}
	return Input{Image: grey}, nil
}

// RGB makes a grey image a colour one, whose channels are all what the grey one was. A
// colour image stays as it is. It is torchvision's RGB.
type RGB struct{}

// Apply gives an opaque *image.RGBA.
func (RGB) Apply(p Input, _ random.Key) (Input, error) {
	img, err := p.image("rgb")
	if err != nil {
		return Input{}, err
	}
	grey, ok := img.(*image.Gray)
	if !ok {
		return Input{Image: img}, nil
	}
	b := grey.Bounds()
	rgb := image.NewRGBA(b)
	for y := b.Min.Y; y < b.Max.Y; y++ {
		out := rgb.Pix[rgb.PixOffset(b.Min.X, y):]
		for x, v := range grey.Pix[grey.PixOffset(b.Min.X, y):][:b.Dx()] {
			copy(out[4*x:], []uint8{v, v, v, 255})
		}
	}
	return Input{Image: rgb}, nil
}

// Invert makes a negative: every value v of 8 bits becomes 255-v.
type Invert struct{}

// Apply gives an *image.Gray or an opaque *image.RGBA.
func (Invert) Apply(p Input, _ random.Key) (Input, error) {
	img, err := p.image("invert")
	if err != nil {
		return Input{}, err
	}
	b := img.Bounds()
	switch img := img.(type) {
	case *image.Gray:
		out := image.NewGray(b)
		for y := b.Min.Y; y < b.Max.Y; y++ {
			row := out.Pix[out.PixOffset(b.Min.X, y):]
			for x, v := range img.Pix[img.PixOffset(b.Min.X, y):][:b.Dx()] {
				row[x] = 255 - v
			}
		}
		return Input{Image: out}, nil
	default:
		rgb := img.(*image.RGBA)
		out := image.NewRGBA(b)
		for y := b.Min.Y; y < b.Max.Y; y++ {
			row := out.Pix[out.PixOffset(b.Min.X, y):]
			for i, v := range rgb.Pix[rgb.PixOffset(b.Min.X, y):][:4*b.Dx()] {
				if i%4 == 3 { // alpha
					row[i] = v
				} else {
					row[i] = 255 - v
				}
			}
		}
		return Input{Image: out}, nil
	}
}

// Table returns what t makes of every 8-bit value, one table a channel, if t maps
// each value of each channel by itself: ToTensor, with Invert before it and Normalize
// after it if wanted, on images with the given number of channels, 1 or 3. A batch
// can then be converted by look-up: tables[c][v] has the very bits that Apply gives a
// value v in channel c. For any other transform ok is false.
func Table(t Transform, channels int) (tables [][256]float32, ok bool) {
	if t == nil || channels != 1 && channels != 3 {
		return nil, false
	}
	for _, s := range flat(t) {
		switch s.(type) {
		case ToTensor, Normalize, Invert:
		case RGB:
			if channels != 3 { // it makes three of one
				return nil, false
			}
		case Grayscale:
			if channels != 1 { // it mixes channels
				return nil, false
			}
		default:
			return nil, false
		}
	}
	// Apply itself makes the table, of an image that has every value once: so the bits
	// are the same, and what it refuses has no table.
	p, err := t.Apply(Input{Image: ramp(channels)}, random.Key{})
	if err != nil || p.Tensor == nil {
		return nil, false
	}
	values := tensor.Data[float32](p.Tensor)
	tables = make([][256]float32, channels)
	for c := range tables {
		copy(tables[c][:], values[c*256:])
	}
	return tables, true
}

// ramp returns an image of one row in which the pixel at x has the value x in every
// channel.
func ramp(channels int) image.Image {
	if channels == 1 {
		img := image.NewGray(image.Rect(0, 0, 256, 1))
		for x := range 256 {
			img.Pix[x] = uint8(x)
		}
		return img
	}
	img := image.NewRGBA(image.Rect(0, 0, 256, 1))
	for x := range 256 {
		v := uint8(x)
		img.SetRGBA(x, 0, color.RGBA{R: v, G: v, B: v, A: 255})
	}
	return img
}
