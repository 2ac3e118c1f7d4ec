package transform

import (
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"io"
	"os"
	"slices"
	"testing"

	"github.com/onehot-go/onehot/random"
)

func open[T any](t *testing.T, path string, decode func(io.Reader) (T, error)) T {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	img, err := decode(f)
	if err != nil {
		t.Fatal(err)
	}
	return img
}

// distance returns how far channels are from each other at most, and on average.
func distance(t *testing.T, got, want image.Image) (most int, mean float64) {
	t.Helper()
	if got.Bounds() != want.Bounds() {
		t.Fatalf("got bounds %v, want %v", got.Bounds(), want.Bounds())
	}
	sum := 0
	for y := range got.Bounds().Dy() {
		for x := range got.Bounds().Dx() {
			g, w := color.RGBAModel.Convert(got.At(x, y)).(color.RGBA), color.RGBAModel.Convert(want.At(x, y)).(color.RGBA)
			for _, c := range [][2]uint8{{g.R, w.R}, {g.G, w.G}, {g.B, w.B}} {
				d := int(c[0]) - int(c[1])
				d = max(d, -d)
				most, sum = max(most, d), sum+d
			}
		}
	}
	return most, float64(sum) / float64(3*got.Bounds().Dx()*got.Bounds().Dy())
}

// TestPlanes compares JPEGs that are scaled plane by plane with torchvision's. Of the distance
// half a level is the decoder's: as much as there is where nothing is scaled, at 71.
func TestPlanes(t *testing.T) {
	for name, c := range map[string]struct {
		ResizeEdge
		most int
		mean float64
	}{
		"444-24": {ResizeEdge{Size: 24}, 2, 0.5}, "444-50": {ResizeEdge{Size: 50}, 6, 0.55},
		"444-71": {ResizeEdge{Size: 71}, 3, 0.5}, "444-100": {ResizeEdge{Size: 100}, 9, 0.55},
		"422-24": {ResizeEdge{Size: 24}, 3, 0.55}, "422-50": {ResizeEdge{Size: 50}, 8, 0.6},
		"422-71": {ResizeEdge{Size: 71}, 3, 0.5}, "422-100": {ResizeEdge{Size: 100}, 18, 0.6},
		"420-24": {ResizeEdge{Size: 24}, 4, 0.55}, "420-50": {ResizeEdge{Size: 50}, 5, 0.6},
		"420-71": {ResizeEdge{Size: 71}, 4, 0.5}, "420-100": {ResizeEdge{Size: 100}, 4, 0.6},
		"444-bicubic-50": {ResizeEdge{50, Bicubic}, 10, 0.6}, "422-bicubic-50": {ResizeEdge{50, Bicubic}, 11, 0.6},
		"420-bicubic-50": {ResizeEdge{50, Bicubic}, 10, 0.6},
	} {
		img := open(t, "testdata/planes/"+name[:3]+".jpg", jpeg.Decode)
		p, err := c.Apply(Input{Image: img}, random.Key{})
		if err != nil {
			t.Fatal(err)
		}
		most, mean := distance(t, p.Image, open(t, "testdata/planes/"+name+".png", png.Decode))
		if most > c.most || mean > c.mean {
			t.Errorf("%s: %d levels at most and %.2f on average, want %d and %.2f", name, most, mean, c.most, c.mean)
		}
	}
}

// TestPlanesOfParts scales parts of pictures as if they were pictures of their own.
func TestPlanesOfParts(t *testing.T) {
	for _, ratio := range []image.YCbCrSubsampleRatio{
		image.YCbCrSubsampleRatio444, image.YCbCrSubsampleRatio422, image.YCbCrSubsampleRatio420,
		image.YCbCrSubsampleRatio440, image.YCbCrSubsampleRatio411, image.YCbCrSubsampleRatio410,
	} {
		whole := image.NewYCbCr(image.Rect(0, 0, 40, 30), ratio)
		for _, plane := range [][]uint8{whole.Y, whole.Cb, whole.Cr} {
			for i := range plane {
				plane[i] = uint8(100 + i*i%57)
			}
		}
		for _, part := range []image.Rectangle{image.Rect(0, 0, 40, 30), image.Rect(4, 2, 33, 27), image.Rect(5, 3, 30, 20)} {
			sub := whole.SubImage(part).(*image.YCbCr)
			own := image.NewRGBA(image.Rectangle{Max: part.Size()})
			for y := range part.Dy() {
				for x := range part.Dx() {
					own.Set(x, y, sub.At(part.Min.X+x, part.Min.Y+y))
				}
			}
			for _, size := range []int{1, 7, 16, 60} {
				got, err := ResizeEdge{Size: size}.Apply(Input{Image: sub}, random.Key{})
				if err != nil {
					t.Fatal(err)
				}
				exact, err := ResizeEdge{Size: size}.Apply(Input{Image: own}, random.Key{})
				if err != nil {
					t.Fatal(err)
				}
				if most, mean := distance(t, got.Image, exact.Image); most > 90 || mean > 9 {
					t.Errorf("%v of %v to %d: %d levels at most and %.2f on average", part, ratio, size, most, mean)
				}
			}
		}
	}
}

// TestLanes compares sums in lanes with sums one by one.
func TestLanes(t *testing.T) {
	draw := random.New(1).Rand()
	for range 200 {
		width, height := 1+draw.IntN(40), 1+draw.IntN(40)
		for _, size := range []int{1, 4} {
			in := raster{make([]uint8, width*height*size), width, height, width * size, size, nil}
			for i := range in.pix {
				in.pix[i] = uint8(draw.IntN(3)) * 127
				in.pix[i] += in.pix[i] & 1
			}
			to := 1 + draw.IntN(50)
			taps := tent.taps(width, to)
			got := in.scaleRows(to, tent)
			for y := range height {
				for x, tap := range taps {
					for c := range size {
						sum := uint32(half)
						for k, w := range tap.weights {
							sum += w * uint32(in.pix[(y*width+tap.first+k)*size+c])
						}
						if g, w := got.pix[(y*to+x)*size+c], round(sum); g != w {
							t.Fatalf("%dx%d of %d: at (%d, %d), channel %d: got %d, want %d", width, height, size, x, y, c, g, w)
						}
					}
				}
			}
			got = in.scaleColumns(to, tent)
			for y, tap := range tent.taps(height, to) {
				for i := range width * size {
					sum := uint32(half)
					for k, w := range tap.weights {
						sum += w * uint32(in.pix[(tap.first+k)*width*size+i])
					}
					if g, w := got.pix[y*width*size+i], round(sum); g != w {
						t.Fatalf("%dx%d of %d: byte %d of row %d: got %d, want %d", width, height, size, i, y, g, w)
					}
				}
			}
		}
	}
}

// TestRoundLanes has sums beyond both ends, as weights of both signs make.
func TestRoundLanes(t *testing.T) {
	values := []int{-200 << places, -1, 0, half - 1, half, 254<<places + half - 1, 254<<places + half, 255 << places, 256 << places, 400 << places}
	for _, a := range values {
		for _, b := range values {
			sums := uint64(lanesBegin) + uint64(a) + uint64(b)<<32
			clamp := func(v int) uint64 { return uint64(min(max((v+half)>>places, 0), 255)) }
			if got, want := roundLanes(sums), clamp(a)|clamp(b)<<32; got != want {
				t.Errorf("%d and %d: got %x, want %x", a, b, got, want)
			}
		}
	}
	if !slices.IsSorted(values) {
		t.Error("values are not in order")
	}
}
