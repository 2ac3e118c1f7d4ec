package transform_test

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"image"
	"slices"
	"testing"

	"github.com/onehot-go/onehot/internal/reference"
	"github.com/onehot-go/onehot/random"
	"github.com/onehot-go/onehot/tensor"
	"github.com/onehot-go/onehot/transform"
)

// TestReference compares with torchvision: images bit for bit.
func TestReference(t *testing.T) {
	type args struct {
		Height, Width, Size int
		Interpolation       string
		Mean, Std           []float32
		Padding             [4]int
		Fill                uint8
		Degrees, Scale      float64
		Translate           [2]int
		Shear               [2]float64
	}
	var file struct {
		Images []struct {
			Name   string
			Pixels reference.Array
		}
		Cases []struct {
			Op, Image string
			Args      args
			Output    reference.Array
		}
	}
	reference.Load(t, "testdata/reference.json", &file)
	images := map[string]image.Image{}
	for _, img := range file.Images {
		images[img.Name] = pictured(img.Pixels.Tensor())
	}
	modes := map[string]transform.Interpolation{"nearest": transform.Nearest, "bilinear": transform.Bilinear, "bicubic": transform.Bicubic}
	step := map[string]func(a args) transform.Transform{
		"to tensor": func(args) transform.Transform { return transform.ToTensor{} },
		"normalize": func(a args) transform.Transform {
			return transform.Compose{transform.ToTensor{}, transform.Normalize{Mean: a.Mean, Std: a.Std}}
		},
		"grayscale": func(args) transform.Transform { return transform.Grayscale{} },
		"invert":    func(args) transform.Transform { return transform.Invert{} },
		"flip":      func(args) transform.Transform { return transform.RandomHorizontalFlip{P: 1} },
		"resize": func(a args) transform.Transform {
			return transform.Resize{Height: a.Height, Width: a.Width, Interpolation: modes[a.Interpolation]}
		},
		"resize edge": func(a args) transform.Transform {
			return transform.ResizeEdge{Size: a.Size, Interpolation: modes[a.Interpolation]}
		},
		"center crop": func(a args) transform.Transform { return transform.CenterCrop{Height: a.Height, Width: a.Width} },
		"pad": func(a args) transform.Transform {
			return transform.Pad{Left: a.Padding[0], Top: a.Padding[1], Right: a.Padding[2], Bottom: a.Padding[3], Fill: a.Fill}
		},
		"rotate": func(a args) transform.Transform {
			return transform.Rotate{Degrees: a.Degrees, Interpolation: modes[a.Interpolation], Fill: a.Fill}
		},
		"affine": func(a args) transform.Transform {
			return transform.Affine{Degrees: a.Degrees, X: a.Translate[0], Y: a.Translate[1], Scale: a.Scale,
				ShearX: a.Shear[0], ShearY: a.Shear[1], Interpolation: modes[a.Interpolation], Fill: a.Fill}
		},
	}
	seen := map[string]bool{}
	for _, c := range file.Cases {
		seen[c.Op] = true
		t.Run(fmt.Sprintf("%s of %s %+v", c.Op, c.Image, c.Args), func(t *testing.T) {
			img := images[c.Image]
			got := apply(t, step[c.Op](c.Args), transform.Input{Image: img})
			x := got.Tensor
			if x == nil {
				x = levels(got.Image)
			}
			want := c.Output.Tensor()
			if x.DType() != want.DType() || !slices.Equal(x.Shape(), want.Shape()) ||
				!slices.Equal(tensor.Values[float32](x), tensor.Values[float32](want)) {
				t.Errorf("got\n%v\nwant\n%v", x, want)
			}
		})
	}
	if len(seen) != len(step) {
		t.Errorf("only %v were tested", seen)
	}
}

// pictured returns the image of the given levels, (H, W) or (H, W, 3), as part of a
// larger one.
func pictured(x *tensor.Tensor) image.Image {
	pixels := tensor.Data[uint8](x)
	height, width := x.Size(0), x.Size(1)
	frame, part := image.Rect(-3, -2, width+1, height+1), image.Rect(0, 0, width, height)
	if x.Dim() == 2 {
		img := image.NewGray(frame)
		for y := range height {
			copy(img.Pix[img.PixOffset(0, y):], pixels[y*width:][:width])
		}
		return img.SubImage(part)
	}
	img := image.NewRGBA(frame)
	for i := range height * width {
		copy(img.Pix[img.PixOffset(i%width, i/width):], append(slices.Clone(pixels[3*i:][:3]), 255))
	}
	return img.SubImage(part)
}

// levels returns the 8-bit values of an image that a transform gave, (H, W) or (H, W, 3).
func levels(img image.Image) *tensor.Tensor {
	b := img.Bounds()
	var out []uint8
	if grey, ok := img.(*image.Gray); ok {
		for y := b.Min.Y; y < b.Max.Y; y++ {
			out = append(out, grey.Pix[grey.PixOffset(b.Min.X, y):][:b.Dx()]...)
		}
		return tensor.New(out, b.Dy(), b.Dx())
	}
	rgb := img.(*image.RGBA)
	for y := b.Min.Y; y < b.Max.Y; y++ {
		for x := b.Min.X; x < b.Max.X; x++ {
			out = append(out, rgb.Pix[rgb.PixOffset(x, y):][:3]...)
		}
	}
	if !rgb.Opaque() {
		panic("a transform gave a transparent image")
	}
	return tensor.New(out, b.Dy(), b.Dx(), 3)
}

// TestResizeHashes compares all bytes of larger images with Pillow's by their hashes.
func TestResizeHashes(t *testing.T) {
	var file struct {
		Hashes []struct {
			Height, Width int
			Colour        bool
			Interpolation transform.Interpolation
			Size          int
			SHA256        string
		}
	}
	reference.Load(t, "testdata/hashes.json", &file)
	if len(file.Hashes) == 0 {
		t.Fatal("no hashes")
	}
	for _, c := range file.Hashes {
		pixels := make([]uint8, 3*c.Height*c.Width)
		for i := range pixels {
			pixels[i] = uint8(uint32(i) * 2654435761 >> 24)
			if y, x := i/3/c.Width, i/3%c.Width; y >= c.Height/3 && x < c.Width/2 {
				pixels[i] &= 0x80
			}
		}
		x := tensor.New(pixels, c.Height, c.Width, 3)
		if !c.Colour {
			x = x.Select(2, 0).Contiguous()
		}
		out, err := transform.ResizeEdge{Size: c.Size, Interpolation: c.Interpolation}.Apply(transform.Input{Image: pictured(x)}, random.Key{})
		if err != nil {
			t.Fatal(err)
		}
		if sum := sha256.Sum256(tensor.Data[uint8](levels(out.Image))); hex.EncodeToString(sum[:]) != c.SHA256 {
			t.Errorf("%d×%d by %v to %d: other bytes than Pillow's", c.Height, c.Width, c.Interpolation, c.Size)
		}
	}
}
