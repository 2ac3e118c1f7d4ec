package transform_test

import (
	"errors"
	"fmt"
	"image"
	"image/color"
	"math"
	"slices"
	"testing"

	"github.com/onehot-go/onehot/random"
	"github.com/onehot-go/onehot/tensor"
	"github.com/onehot-go/onehot/transform"
)

func grey(width int, pix ...uint8) *image.Gray {
	return &image.Gray{Pix: pix, Stride: width, Rect: image.Rect(0, 0, width, len(pix)/width)}
}

func rgb(width int, pixels ...color.NRGBA) *image.NRGBA {
	img := image.NewNRGBA(image.Rect(0, 0, width, len(pixels)/width))
	for i, c := range pixels {
		img.SetNRGBA(i%width, i/width, c)
	}
	return img
}

func apply(t *testing.T, tr transform.Transform, p transform.Input) transform.Input {
	t.Helper()
	p, err := tr.Apply(p, random.New(1))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestToTensor(t *testing.T) {
	red, clear := color.NRGBA{R: 200, G: 10, B: 20, A: 255}, color.NRGBA{A: 0}
	whole := grey(4, 0, 1, 2, 3, 4, 51, 102, 7, 8, 153, 255, 11)
	wide := image.NewGray16(image.Rect(0, 0, 1, 1))
	wide.SetGray16(0, 0, color.Gray16{Y: 0x6634})
	ycc := image.NewYCbCr(image.Rect(0, 0, 1, 1), image.YCbCrSubsampleRatio444)
	ycc.Y[0], ycc.Cb[0], ycc.Cr[0] = 100, 128, 128
	for _, test := range []struct {
		name  string
		img   image.Image
		shape []int
		want  []float32 // times 255
	}{
		{"grey", grey(2, 0, 51, 102, 255), []int{1, 2, 2}, []float32{0, 51, 102, 255}},
		{"part of a grey image", whole.SubImage(image.Rect(1, 1, 3, 3)), []int{1, 2, 2}, []float32{51, 102, 153, 255}},
		{"grey of 16 bits", wide, []int{1, 1, 1}, []float32{0x66}},
		{"colour", rgb(1, red, red), []int{3, 2, 1}, []float32{200, 200, 10, 10, 20, 20}},
		{"transparent", rgb(1, clear), []int{3, 1, 1}, []float32{255, 255, 255}},
		{"JPEG's colours", ycc, []int{3, 1, 1}, []float32{100, 100, 100}},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := apply(t, transform.ToTensor{}, transform.Input{Image: test.img})
			if got.Image != nil || got.Tensor.DType() != tensor.Float32 || !slices.Equal(got.Tensor.Shape(), test.shape) {
				t.Fatalf("got image %v, %s elements, shape %v; want float32, %v", got.Image, got.Tensor.DType(), got.Tensor.Shape(), test.shape)
			}
			for i, v := range tensor.Data[float32](got.Tensor) {
				if v != test.want[i]/255 {
					t.Errorf("element %d: got %v, want %v/255", i, v, test.want[i])
				}
			}
		})
	}
}

func TestNormalize(t *testing.T) {
	in := tensor.New([]float32{1, 2, 3, 4}, 2, 1, 2)
	for _, test := range []struct {
		name string
		n    transform.Normalize
		want []float32
	}{
		{"a number a channel", transform.Normalize{Mean: []float32{1, 2}, Std: []float32{2, 4}}, []float32{0, 0.5, 0.25, 0.5}},
		{"one for all", transform.Normalize{Mean: []float32{1}, Std: []float32{2}}, []float32{0, 0.5, 1, 1.5}},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := apply(t, test.n, transform.Input{Tensor: in})
			if !slices.Equal(tensor.Data[float32](got.Tensor), test.want) || !slices.Equal(got.Tensor.Shape(), in.Shape()) {
				t.Errorf("got %v of shape %v, want %v", tensor.Data[float32](got.Tensor), got.Tensor.Shape(), test.want)
			}
		})
	}
	if got := tensor.Data[float32](in); !slices.Equal(got, []float32{1, 2, 3, 4}) {
		t.Errorf("the input became %v", got)
	}
}

func TestGrayscale(t *testing.T) {
	// The expected values are worked out by hand from the formula: 255*19595 + 32768 is
	// 76.7 times 65536, so 76.
	img := rgb(6,
		color.NRGBA{R: 255, A: 255}, color.NRGBA{G: 255, A: 255}, color.NRGBA{B: 255, A: 255},
		color.NRGBA{R: 12, G: 200, B: 77, A: 255}, color.NRGBA{R: 137, G: 137, B: 137, A: 255},
		color.NRGBA{A: 0})
	got := apply(t, transform.Grayscale{}, transform.Input{Image: img}).Image.(*image.Gray)
	if want := []uint8{76, 150, 29, 130, 137, 255}; !slices.Equal(got.Pix, want) {
		t.Errorf("got %v, want %v", got.Pix, want)
	}
	same := grey(2, 3, 4)
	if got := apply(t, transform.Grayscale{}, transform.Input{Image: same}); got.Image != same {
		t.Errorf("a grey image became %v", got.Image)
	}
}

func TestInvert(t *testing.T) {
	in := grey(2, 0, 255, 7, 100)
	got := apply(t, transform.Invert{}, transform.Input{Image: in}).Image.(*image.Gray)
	if want := []uint8{255, 0, 248, 155}; !slices.Equal(got.Pix, want) {
		t.Errorf("grey: got %v, want %v", got.Pix, want)
	}
	if in.Pix[0] != 0 {
		t.Error("the input was changed")
	}
	colour := apply(t, transform.Invert{}, transform.Input{Image: rgb(1, color.NRGBA{R: 1, G: 2, B: 3, A: 255})}).Image
	if want := (color.RGBA{R: 254, G: 253, B: 252, A: 255}); colour.At(0, 0) != want {
		t.Errorf("colour: got %v, want %v", colour.At(0, 0), want)
	}
}

// TestResize checks against weights worked out by hand: shrinking 4 to 2 takes a tent
// that is 4 pixels wide, of weights 3, 3, 1 (over 7) at the edge.
func TestResize(t *testing.T) {
	for _, test := range []struct {
		name string
		r    transform.Resize
		in   *image.Gray
		want []uint8
	}{
		{"same size", transform.Resize{Height: 1, Width: 3}, grey(3, 9, 5, 1), []uint8{9, 5, 1}},
		{"shrink a row", transform.Resize{Height: 1, Width: 2}, grey(4, 0, 70, 140, 210), []uint8{50, 160}},
		{"shrink a column", transform.Resize{Height: 2, Width: 1}, grey(1, 0, 70, 140, 210), []uint8{50, 160}},
		{"rounded to nearest", transform.Resize{Height: 1, Width: 2}, grey(4, 0, 2, 0, 0), []uint8{1, 0}}, // 6/7, 2/7
		{"widen a row", transform.Resize{Height: 1, Width: 4}, grey(2, 0, 100), []uint8{0, 25, 75, 100}},
		{"flat stays flat", transform.Resize{Height: 2, Width: 2}, grey(3, 37, 37, 37, 37, 37, 37, 37, 37, 37), []uint8{37, 37, 37, 37}},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := apply(t, test.r, transform.Input{Image: test.in}).Image.(*image.Gray)
			if !slices.Equal(got.Pix, test.want) {
				t.Errorf("got %v, want %v", got.Pix, test.want)
			}
		})
	}
	a, b := color.NRGBA{R: 0, G: 255, B: 10, A: 255}, color.NRGBA{R: 100, G: 255, B: 20, A: 255}
	got := apply(t, transform.Resize{Height: 1, Width: 1}, transform.Input{Image: rgb(2, a, b)}).Image
	if want := (color.RGBA{R: 50, G: 255, B: 15, A: 255}); got.At(0, 0) != want {
		t.Errorf("colour: got %v, want %v", got.At(0, 0), want)
	}
}

// White stays white where so many pixels become one that their weights, rounded, sum to
// more than 1.
func TestResizeOfMillions(t *testing.T) {
	img := image.NewGray(image.Rect(0, 0, 6e6, 1))
	for i := range img.Pix {
		img.Pix[i] = 255
	}
	got := apply(t, transform.Resize{Height: 1, Width: 1}, transform.Input{Image: img}).Image.(*image.Gray)
	if got.Pix[0] != 255 {
		t.Errorf("got %d", got.Pix[0])
	}
}

// draw notes which keys it is given.
type draw struct{ seen *[]uint64 }

func (d draw) Apply(p transform.Input, chance random.Key) (transform.Input, error) {
	*d.seen = append(*d.seen, chance.Rand().Uint64())
	return p, nil
}

func TestComposeKeys(t *testing.T) {
	var first, again []uint64
	p := transform.Input{Image: grey(1, 0)}
	apply(t, transform.Compose{draw{&first}, draw{&first}}, p)
	apply(t, transform.Compose{draw{&again}, draw{&again}}, p)
	if first[0] == first[1] || !slices.Equal(first, again) {
		t.Errorf("two steps drew %v, and again %v: want two numbers, the same again", first, again)
	}
}

func TestLambda(t *testing.T) {
	double := transform.Lambda(func(p transform.Input) (transform.Input, error) {
		return transform.Input{Tensor: p.Tensor.MulScalar(2)}, nil
	})
	got := apply(t, transform.Compose{transform.ToTensor{}, double}, transform.Input{Image: grey(1, 51)})
	if got.Tensor.Item() != float64(2*float32(51)/255) {
		t.Errorf("got %v", got.Tensor)
	}
}

func TestErrors(t *testing.T) {
	img := transform.Input{Image: grey(1, 0)}
	ten := transform.Input{Tensor: tensor.Zeros(tensor.Float32, 2, 1, 1)}
	for _, test := range []struct {
		t    transform.Transform
		p    transform.Input
		want string
	}{
		{transform.ToTensor{}, ten, "to tensor: found a tensor, expected an image"},
		{transform.Resize{Height: 1, Width: 1}, ten, "resize: found a tensor, expected an image"},
		{transform.Grayscale{}, transform.Input{}, "grayscale: found nothing, expected an image"},
		{transform.Invert{}, transform.Input{Image: img.Image, Tensor: ten.Tensor}, "invert: found an image and a tensor, expected an image"},
		{transform.ToTensor{}, transform.Input{Image: image.NewGray(image.Rectangle{})}, "to tensor: found an image without pixels, expected at least one"},
		{transform.Resize{Width: 1}, img, "resize: found height 0 and width 1, expected positive numbers"},
		{transform.Normalize{Mean: []float32{0}, Std: []float32{1}}, img, "normalize: found an image, expected a tensor: ToTensor comes before it"},
		{transform.Normalize{Mean: []float32{0, 0, 0}, Std: []float32{1}}, ten, "normalize: found 3 means and 1 deviations, expected 1 or 2, the number of channels"},
		{transform.Normalize{Mean: []float32{0}, Std: []float32{1, 0}}, ten, "normalize: found a deviation of 0 for channel 1, expected another number"},
		{transform.Normalize{Mean: []float32{0}, Std: []float32{1}}, transform.Input{Tensor: tensor.Zeros(tensor.Float64, 4)},
			"normalize: found float64 elements of shape [4], expected float32 elements of shape [C H W]"},
		{transform.Resize{Height: 1, Width: 1, Interpolation: 4}, img, "resize: found interpolation 4, expected Nearest, Bilinear or Bicubic"},
		{transform.ResizeEdge{}, img, "resize edge: found height 0 and width 0, expected positive numbers"},
		{transform.CenterCrop{Height: 1}, img, "center crop: found height 1 and width 0, expected positive numbers"},
		{transform.CenterCrop{}, ten, "center crop: found a tensor, expected an image"},
		{transform.Pad{}, ten, "pad: found a tensor, expected an image"},
		{transform.Pad{Left: 1, Bottom: -2}, img, "pad: found 1, 0, 0 and -2 pixels, expected 0 or more"},
		{transform.RandomCrop{}, ten, "random crop: found a tensor, expected an image"},
		{transform.RandomCrop{Height: -1, Width: 1}, img, "random crop: found height -1 and width 1, expected positive numbers"},
		{transform.RandomCrop{Height: 1, Width: 1, Padding: -1}, img, "random crop: found a padding of -1, expected 0 or more"},
		{transform.RandomCrop{Height: 4, Width: 2, Padding: 1}, img, "random crop: found 3 by 3 pixels, expected at least 4 by 2"},
		{transform.RandomHorizontalFlip{}, ten, "random horizontal flip: found a tensor, expected an image"},
		{transform.RandomHorizontalFlip{P: 1.5}, img, "random horizontal flip: found a probability of 1.5, expected 0 to 1"},
		{transform.RandomHorizontalFlip{P: math.NaN()}, img, "random horizontal flip: found a probability of NaN, expected 0 to 1"},
		{transform.Rotate{}, ten, "rotate: found a tensor, expected an image"},
		{transform.Rotate{Interpolation: transform.Bicubic}, img, "rotate: found interpolation 3, expected Nearest or Bilinear"},
		{transform.Rotate{Interpolation: -1}, img, "rotate: found interpolation -1, expected Nearest or Bilinear"},
		{transform.Rotate{Degrees: math.NaN()}, img, "rotate: found the number NaN, expected a finite one"},
		{transform.Affine{Scale: 1, ShearY: math.Inf(-1)}, img, "affine: found the number -Inf, expected a finite one"},
		{transform.Affine{Scale: math.Inf(1)}, img, "affine: found the number +Inf, expected a finite one"},
		{transform.RandomRotation{Degrees: -1}, img, "random rotation: found -1 degrees, expected 0 or more"},
		{transform.RandomRotation{Degrees: math.Inf(1)}, img, "random rotation: found the number +Inf, expected a finite one"},
		{transform.Affine{}, img, "affine: found a scale of 0, expected a positive number"},
		{transform.RandomAffine{Degrees: -2}, img, "random affine: found -2 degrees, expected 0 or more"},
		{transform.RandomAffine{Shear: [2]float64{0, -1}}, img, "random affine: found -1 degrees, expected 0 or more"},
		{transform.RandomAffine{Translate: [2]float64{0, 2}}, img, "random affine: found a shift by 2 of the image, expected 0 to 1"},
		{transform.RandomAffine{Scale: [2]float64{2, 1}}, img, "random affine: found scales from 2 to 1, expected positive numbers in order"},
		{transform.RandomAffine{Scale: [2]float64{1, math.Inf(1)}}, img, "random affine: found the number +Inf, expected a finite one"},
		{transform.RandomAffine{}, ten, "random affine: found a tensor, expected an image"},
		{transform.ColorJitter{}, ten, "color jitter: found a tensor, expected an image"},
		{transform.ColorJitter{Contrast: -1}, img, "color jitter: found an amount of -1, expected 0 or more, and finite as a float32"},
		{transform.ColorJitter{Brightness: math.Inf(1)}, img, "color jitter: found an amount of +Inf, expected 0 or more, and finite as a float32"},
		{transform.ColorJitter{Hue: 0.6}, img, "color jitter: found a hue of 0.6, expected 0 to 0.5"},
		{transform.RandomResizedCrop{Height: 2, Width: 2}, ten, "random resized crop: found a tensor, expected an image"},
		{transform.RandomResizedCrop{Height: 2}, img, "random resized crop: found height 2 and width 0, expected positive numbers"},
		{transform.RandomResizedCrop{Height: 2, Width: 2, Interpolation: 9}, img, "random resized crop: found interpolation 9, expected Nearest, Bilinear or Bicubic"},
		{transform.RandomResizedCrop{Height: 2, Width: 2, Scale: [2]float64{0, 1}}, img, "random resized crop: found areas from 0 to 1, expected numbers above 0, in order, to 1"},
		{transform.RandomResizedCrop{Height: 2, Width: 2, Ratio: [2]float64{2, 1}}, img, "random resized crop: found ratios from 2 to 1, expected positive numbers in order"},
		{transform.RandomResizedCrop{Height: 1 << 14, Width: 1 << 15}, img,
			"random resized crop: found an image of 1 by 1 pixels that would become one of 32768 by 16384, expected at most 268435456 pixels"},
		{transform.TrivialAugmentWide{}, ten, "trivial augment: found a tensor, expected an image"},
		{transform.TrivialAugmentWide{Interpolation: 7}, img, "trivial augment: found interpolation 7, expected Nearest or Bilinear"},
		{transform.Letterbox{Height: 2, Width: 2}, ten, "letterbox: found a tensor, expected an image"},
		{transform.Letterbox{Width: 2}, img, "letterbox: found height 0 and width 2, expected positive numbers"},
		{transform.RandomErasing{}, img, "random erasing: found an image, expected a tensor: ToTensor comes before it"},
		{transform.RandomErasing{P: -1}, ten, "random erasing: found a probability of -1, expected 0 to 1"},
		{transform.RandomErasing{Scale: [2]float64{0.5, 1.5}}, ten, "random erasing: found areas from 0.5 to 1.5, expected 0 to 1 in order"},
		{transform.RandomErasing{Ratio: [2]float64{0, 1}}, ten, "random erasing: found ratios from 0 to 1, expected positive numbers in order"},
		{transform.Compose{transform.ToTensor{}, transform.Invert{}}, img, "invert: found a tensor, expected an image"},
	} {
		_, err := test.t.Apply(test.p, random.Key{})
		var typed *transform.Error
		if !errors.As(err, &typed) || err.Error() != test.want {
			t.Errorf("%T: got %q (%T), want %q", test.t, err, err, test.want)
		}
	}
}

// TestTable compares with Apply's bits, on an image in which the channels differ.
func TestTable(t *testing.T) {
	one := transform.Normalize{Mean: []float32{0.1307}, Std: []float32{0.3081}}
	three := transform.Normalize{Mean: []float32{0.485, 0.456, 0.406}, Std: []float32{0.229, 0.224, 0.225}}
	greys, colours := image.NewGray(image.Rect(0, 0, 256, 1)), image.NewRGBA(image.Rect(0, 0, 256, 1))
	for x := range 256 {
		v := uint8(x)
		greys.Pix[x] = 255 - v
		colours.SetRGBA(x, 0, color.RGBA{R: v, G: 255 - v, B: v ^ 85, A: 255})
	}
	for _, test := range []struct {
		name     string
		t        transform.Transform
		channels int
		ok       bool
	}{
		{"ToTensor", transform.ToTensor{}, 1, true},
		{"ToTensor, colour", transform.ToTensor{}, 3, true},
		{"normalized", transform.Compose{transform.ToTensor{}, one}, 1, true},
		{"normalized, colour", transform.Compose{transform.ToTensor{}, three}, 3, true},
		{"nested", transform.Compose{transform.Compose{transform.Invert{}, transform.ToTensor{}}, transform.Compose{one}, one}, 3, true},
		{"grey already", transform.Compose{transform.Grayscale{}, transform.ToTensor{}}, 1, true},
		{"made grey", transform.Compose{transform.Grayscale{}, transform.ToTensor{}}, 3, false},
		{"still an image", transform.Invert{}, 1, false},
		{"in the wrong order", transform.Compose{one, transform.ToTensor{}}, 1, false},
		{"too many means", transform.Compose{transform.ToTensor{}, three}, 1, false},
		{"resized", transform.Compose{transform.Resize{Height: 1, Width: 256}, transform.ToTensor{}}, 1, false},
		{"a function", transform.Compose{transform.ToTensor{}, transform.Lambda(func(p transform.Input) (transform.Input, error) { return p, nil })}, 1, false},
		{"two channels", transform.ToTensor{}, 2, false},
		{"none", nil, 1, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			tables, ok := transform.Table(test.t, test.channels)
			if ok != test.ok {
				t.Fatalf("got ok %v, want %v", ok, test.ok)
			}
			if !ok {
				return
			}
			var img image.Image = greys
			if test.channels == 3 {
				img = colours
			}
			want := tensor.Data[float32](apply(t, test.t, transform.Input{Image: img}).Tensor)
			for c := range test.channels {
				for x := range 256 {
					v := greys.Pix[x]
					if test.channels == 3 {
						v = colours.Pix[4*x+c]
					}
					if got, want := tables[c][v], want[c*256+x]; math.Float32bits(got) != math.Float32bits(want) {
						t.Fatalf("channel %d, value %d: got %v, want %v", c, v, got, want)
					}
				}
			}
		})
	}
}

func BenchmarkToTensor(b *testing.B) {
	p := transform.Input{Image: image.NewGray(image.Rect(0, 0, 28, 28))}
	for b.Loop() {
		if _, err := (transform.ToTensor{}).Apply(p, random.Key{}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkResize(b *testing.B) {
	p := transform.Input{Image: image.NewGray(image.Rect(0, 0, 28, 28))}
	for b.Loop() {
		if _, err := (transform.Resize{Height: 32, Width: 32}).Apply(p, random.Key{}); err != nil {
			b.Fatal(err)
		}
	}
}

// Every sample is changed in its own way, and the same way again whenever the epoch is
// done again.
func ExampleRandomCrop() {
	augment := transform.Compose{
		transform.RandomCrop{Height: 28, Width: 28, Padding: 4},
		transform.RandomHorizontalFlip{P: 0.5},
		transform.RandomAffine{Degrees: 10, Translate: [2]float64{0.1, 0.1}},
		transform.ToTensor{},
		transform.RandomErasing{P: 0.25},
	}
	light := image.NewGray(image.Rect(0, 0, 28, 28))
	for i := range light.Pix {
		light.Pix[i] = 255
	}
	epoch := random.New(0).For("augment").At(1)
	for _, sample := range []int{7, 8, 7} {
		p, err := augment.Apply(transform.Input{Image: light}, epoch.At(sample))
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(p.Tensor.Shape(), p.Tensor.Sum().Item(), "pixels are light")
	}
	// Output:
	// [1 28 28] 426 pixels are light
	// [1 28 28] 356 pixels are light
	// [1 28 28] 426 pixels are light
}

func ExampleCompose() {
	prepare := transform.Compose{
		transform.Grayscale{},
		transform.Resize{Height: 28, Width: 28},
		transform.ToTensor{},
		transform.Normalize{Mean: []float32{0.5}, Std: []float32{0.5}},
	}
	photo := image.NewRGBA(image.Rect(0, 0, 640, 480)) // transparent, so white
	p, err := prepare.Apply(transform.Input{Image: photo}, random.New(0))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(p.Tensor.Shape(), p.Tensor.At(0, 14, 14))
	// Output: [1 28 28] 1
}
