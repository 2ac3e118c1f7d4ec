package report

import (
	"errors"
	"flag"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"os"
	"testing"

	"github.com/onehot-go/onehot/fault"
	"github.com/onehot-go/onehot/tensor"
)

var update = flag.Bool("update", false, "write the golden pictures anew")

// gradient returns a picture that gets lighter to the right and below.
func gradient(w, h int) image.Image {
	img := image.NewGray(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			img.SetGray(x, y, color.Gray{Y: uint8(255 * (x + y) / (w + h))})
		}
	}
	return img
}

// dot returns a transparent picture with a red disc in the middle, whose corner is not
// at (0, 0).
func dot(size int) image.Image {
	img := image.NewNRGBA(image.Rect(5, 5, 5+size, 5+size))
	for y := range size {
		for x := range size {
			if dx, dy := 2*x-size+1, 2*y-size+1; dx*dx+dy*dy < size*size/2 {
				img.SetNRGBA(5+x, 5+y, color.NRGBA{R: 200, A: 255})
			}
		}
	}
	return img
}

// wantPicture compares img with the golden picture at path, pixel by pixel: how a PNG
// is compressed may change with the Go release. A channel may differ by 2 of 255, since
// processors round differently what a pixel at the edge of a line has of it.
func wantPicture(t *testing.T, path string, img image.Image) {
	t.Helper()
	if *update {
		f, err := os.Create(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(png.Encode(f, img), f.Close()); err != nil {
			t.Fatal(err)
		}
		return
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	want, err := png.Decode(f)
	if err != nil {
		t.Fatal(err)
	}
	if img.Bounds() != want.Bounds() {
		t.Fatalf("a picture of %v, want %v", img.Bounds(), want.Bounds())
	}
	wrong := 0
	for y := range want.Bounds().Dy() {
		for x := range want.Bounds().Dx() {
			a, b := color.NRGBAModel.Convert(img.At(x, y)).(color.NRGBA), color.NRGBAModel.Convert(want.At(x, y)).(color.NRGBA)
			if far(a.R, b.R) || far(a.G, b.G) || far(a.B, b.B) || a.A != b.A {
				wrong++
			}
		}
	}
	if wrong > 0 {
		t.Errorf("%d pixels differ from %s; run the test with -update and look at it", wrong, path)
	}
}

func far(a, b uint8) bool { return max(a, b)-min(a, b) > 2 }

func TestGridSizes(t *testing.T) {
	const line = 16 // height of a line of text
	p := gradient(20, 10)
	for name, test := range map[string]struct {
		pictures       []image.Image
		titles         []string
		columns, scale int
		width, height  int
	}{
		"nothing":                {nil, nil, 3, 1, 12, 12},
		"one":                    {[]image.Image{p}, nil, 3, 1, 12 + 20 + 12, 12 + 10 + 12},
		"scaled":                 {[]image.Image{p}, []string{""}, 1, 3, 12 + 60 + 12, 12 + 30 + 12},
		"two rows":               {[]image.Image{p, p, p}, nil, 2, 1, 12 + 2*(20+12), 12 + 2*(10+12)},
		"title":                  {[]image.Image{p, p}, []string{"", "i"}, 2, 1, 12 + 2*(20+12), 12 + line + 4 + 10 + 12},
		"two lines":              {[]image.Image{p}, []string{"i\ni"}, 2, 1, 12 + 20 + 12, 12 + 2*line + 4 + 10 + 12},
		"title beyond the limit": {[]image.Image{p}, []string{"a title that is much too long for any cell"}, 1, 1, 12 + 160 + 12, 12 + line + 4 + 10 + 12},
	} {
		t.Run(name, func(t *testing.T) {
			got := Grid(test.pictures, GridOptions{Titles: test.titles, Columns: test.columns, Scale: test.scale}).Image().Bounds()
			if want := image.Rect(0, 0, test.width, test.height); got != want {
				t.Errorf("a picture of %v, want %v", got, want)
			}
		})
	}
}

// TestGridPixels checks that pictures are scaled without blur, and drawn where their
// bounds say.
func TestGridPixels(t *testing.T) {
	red, blue := color.RGBA{R: 255, A: 255}, color.RGBA{B: 255, A: 255}
	p := image.NewRGBA(image.Rect(-1, 3, 1, 4))
	draw.Draw(p, p.Bounds(), image.NewUniform(red), image.Point{}, draw.Src)
	p.Set(0, 3, blue)
	got := Grid([]image.Image{p}, GridOptions{Columns: 1, Scale: 3}).Image()
	for y := range got.Bounds().Dy() {
		for x := range got.Bounds().Dx() {
			want := color.RGBA{255, 255, 255, 255}
			if y >= 12 && y < 15 && x >= 12 && x < 18 {
				want = red
				if x >= 15 {
					want = blue
				}
			}
			if got.At(x, y) != want {
				t.Fatalf("pixel (%d, %d) is %v, want %v", x, y, got.At(x, y), want)
			}
		}
	}
}

func TestGridPanics(t *testing.T) {
	p := []image.Image{gradient(2, 2)}
	for want, call := range map[string]func(){
		"report.Grid: 0 columns, at least 1 expected":                              func() { Grid(p, GridOptions{Scale: 1}) },
		"report.Grid: scale 0, at least 1 expected":                                func() { Grid(p, GridOptions{Columns: 1}) },
		"report.Grid: padding -1, at least 0 expected":                             func() { Grid(p, GridOptions{Columns: 1, Scale: 1, Padding: new(-1)}) },
		"report.Grid: 3 marks for 1 pictures":                                      func() { Grid(p, GridOptions{Columns: 1, Scale: 1, Marked: make([]bool, 3)}) },
		"report.Images: shape (2, 2, 3, 3): (N, 1, H, W) or (N, 3, H, W) expected": func() { Images(tensor.Zeros(tensor.Float32, 2, 2, 3, 3)) },
		"report.Images: shape (3, 3): (N, 1, H, W) or (N, 3, H, W) expected":       func() { Images(tensor.Zeros(tensor.Float32, 3, 3)) },
		"report.Grid: 2 titles for 1 pictures":                                     func() { Grid(p, GridOptions{Columns: 1, Scale: 1, Titles: []string{"a", "b"}}) },
	} {
		t.Run(want, func(t *testing.T) {
			defer func() {
				err, _ := recover().(error)
				if !typed(err) || err.Error() != want {
					t.Errorf("panic with %v, want %s", err, want)
				}
			}()
			call()
		})
	}
}

// typed reports whether err is of the types that say what a caller did wrong.
func typed(err error) bool {
	switch err.(type) {
	case *tensor.ShapeError, *fault.OptionError:
		return true
	}
	return false
}
