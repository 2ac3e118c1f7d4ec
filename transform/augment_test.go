package transform

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"image"
	"math"
	"slices"
	"testing"

	"github.com/onehot-go/onehot/internal/reference"
	"github.com/onehot-go/onehot/random"
	"github.com/onehot-go/onehot/tensor"
)

// augmented is what torchvision makes of images by the operations that augment.
type augmented struct {
	Images []struct {
		Name   string
		Pixels reference.Array
	}
	Operations []struct {
		Name    string
		Amounts []float64
		Signed  bool
	}
	Adjusted, Trivial, Crops, Boxes []struct {
		Op, Image, Interpolation string
		By                       float64
		Part                     []int // top, left, height and width
		Output                   reference.Array
	}
	Digests []struct {
		Op     string
		By     float64
		SHA256 string
	}
}

// load returns the reference, and its images as views.
func load(t *testing.T) (file augmented, images map[string]view) {
	reference.Load(t, "testdata/augment.json", &file)
	images = map[string]view{}
	for _, img := range file.Images {
		images[img.Name] = viewOf(img.Pixels)
	}
	return file, images
}

// viewOf returns the picture of the given levels, (H, W) or (H, W, 3).
func viewOf(a reference.Array) view {
	pixels := tensor.Data[uint8](a.Tensor())
	v := view{pix: pixels, channels: 1, height: a.Shape[0], width: a.Shape[1], area: 1, stride: a.Shape[1], step: 1}
	if len(a.Shape) == 3 {
		v.channels, v.stride, v.step = 3, 3*v.width, 3
	}
	return v
}

// same fails unless v has the pixels of want.
func same(t *testing.T, v view, want reference.Array) {
	t.Helper()
	w := viewOf(want)
	var m, n memory
	if got, want := m.owned(v), n.owned(w); v.height != w.height || v.width != w.width || !slices.Equal(got.pix, want.pix) {
		t.Errorf("got %d by %d pixels\n%v\nwant %d by %d\n%v", v.height, v.width, got.pix, w.height, w.width, want.pix)
	}
}

var modes = map[string]Interpolation{"nearest": Nearest, "bilinear": Bilinear}

// TestAdjusted compares with torchvision's adjust_brightness and the others, bit for bit.
func TestAdjusted(t *testing.T) {
	file, images := load(t)
	kinds := map[string]func(view, float64, *memory) view{"brightness": brightness, "contrast": contrast, "saturation": saturation, "hue": hue}
	for _, c := range file.Adjusted {
		t.Run(fmt.Sprint(c.Op, " of ", c.Image, " by ", c.By), func(t *testing.T) {
			var m memory
			same(t, kinds[c.Op](m.owned(images[c.Image]), c.By, &m), c.Output)
		})
	}
}

// TestTrivialOperations compares with torchvision's TrivialAugmentWide: the amounts that there
// are, and what an operation makes of images, bit for bit.
func TestTrivialOperations(t *testing.T) {
	file, images := load(t)
	if len(file.Operations) != len(trivialOps) {
		t.Fatalf("%d operations, want %d", len(trivialOps), len(file.Operations))
	}
	byName := map[string]int{}
	for i, want := range file.Operations {
		byName[want.Name] = i
		got := trivialOps[i]
		if got.signed != want.Signed || (got.amount != nil) != (len(want.Amounts) == trivialAmounts) {
			t.Errorf("%s: signed %v, amounts %v; want %v, %d", got.name, got.signed, got.amount != nil, want.Signed, len(want.Amounts))
		}
		for k, want := range want.Amounts {
			if a := got.amount(k); math.Abs(a-want) > want*0x1p-23 || int(a) != int(want) {
				t.Errorf("%s: amount %d: got %v, want %v", got.name, k, a, want)
			}
		}
	}
	for _, c := range file.Trivial {
		t.Run(fmt.Sprint(trivialOps[byName[c.Op]].name, " of ", c.Image, " by ", c.By, " ", c.Interpolation), func(t *testing.T) {
			augment := TrivialAugmentWide{Interpolation: modes[c.Interpolation], Fill: 60}
			same(t, augment.do(images[c.Image], byName[c.Op], c.By, &memory{}), c.Output)
		})
	}
}

// TestResizedCrops compares with torchvision's resized_crop, bit for bit.
func TestResizedCrops(t *testing.T) {
	file, images := load(t)
	for _, c := range file.Crops {
		t.Run(fmt.Sprint(c.Part, " of ", c.Image, " ", c.Interpolation), func(t *testing.T) {
			part := images[c.Image].cut(c.Part[0], c.Part[1], c.Part[2], c.Part[3])
			same(t, part.scaled(c.Output.Shape[0], c.Output.Shape[1], modes[c.Interpolation], &memory{}), c.Output)
		})
	}
}

// TestLetterbox compares with PIL's ImageOps.pad, bit for bit.
func TestLetterbox(t *testing.T) {
	file, images := load(t)
	for _, c := range file.Boxes {
		t.Run(fmt.Sprint(c.Output.Shape, " of ", c.Image), func(t *testing.T) {
			p, err := Letterbox{c.Output.Shape[0], c.Output.Shape[1], 33}.Apply(images[c.Image].picture(), random.Key{})
			if err != nil {
				t.Fatal(err)
			}
			out, err := p.raster("test")
			if err != nil {
				t.Fatal(err)
			}
			same(t, out.view(), c.Output)
		})
	}
	// A line keeps a pixel of its thickness.
	p, err := Letterbox{Height: 4, Width: 4}.Apply(Input{Image: image.NewGray(image.Rect(0, 0, 100, 1))}, random.Key{})
	if err != nil || p.Image.Bounds() != image.Rect(0, 0, 4, 4) {
		t.Errorf("a line became %v, %v", p, err)
	}
}

// TestEveryColour compares all colours, and all blends of two values, with PIL.
func TestEveryColour(t *testing.T) {
	file, _ := load(t)
	const all = 1 << 24
	for _, c := range file.Digests {
		t.Run(fmt.Sprint(c.Op, " by ", c.By), func(t *testing.T) {
			var out []uint8
			if c.Op == "blend" {
				for i := range 1 << 16 {
					out = append(out, blend(uint8(i>>8), uint8(i), float32(c.By)))
				}
			} else {
				v := planes(make([]uint8, 3*all), 3, 4096, 4096)
				r, g, b := v.colours()
				for i := range all {
					r[i], g[i], b[i] = uint8(i>>16), uint8(i>>8), uint8(i)
				}
				switch c.Op {
				case "hue":
					hue(v, c.By, nil)
				case "saturation":
					saturation(v, c.By, nil)
				case "hsv":
					for i := range all {
						r[i], g[i], b[i] = toHSV(r[i], g[i], b[i])
					}
				}
				for i := range all {
					out = append(out, r[i], g[i], b[i])
				}
			}
			if sum := sha256.Sum256(out); hex.EncodeToString(sum[:]) != c.SHA256 {
				t.Errorf("SHA-256 %x, want %s", sum, c.SHA256)
			}
		})
	}
}
