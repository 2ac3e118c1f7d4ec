package pixels

import (
	"image"
	"image/color"
	"testing"
)

func TestGrey(t *testing.T) {
	bounds := image.Rect(0, 0, 5, 3)
	grey, red := color.NRGBA{9, 9, 9, 255}, color.NRGBA{9, 9, 10, 255}
	planes := image.NewYCbCr(bounds, image.YCbCrSubsampleRatio420)
	for i := range planes.Cb {
		planes.Cb[i], planes.Cr[i] = 128, 128
	}
	blue := image.NewYCbCr(bounds, image.YCbCrSubsampleRatio420)
	copy(blue.Cr, planes.Cr)
	copy(blue.Cb, planes.Cb)
	blue.Cb[len(blue.Cb)-1] = 129
	paletted := image.NewPaletted(bounds, color.Palette{grey, red})
	coloured := image.NewPaletted(bounds, color.Palette{grey, red})
	coloured.SetColorIndex(4, 2, 1)
	rgba, nrgba, deep := image.NewRGBA(bounds), image.NewNRGBA(bounds), image.NewRGBA64(bounds)
	rgba1, nrgba1, deep1 := image.NewRGBA(bounds), image.NewNRGBA(bounds), image.NewRGBA64(bounds)
	rgba1.Set(4, 2, red)
	nrgba1.Set(4, 2, red)
	deep1.Set(4, 2, red)
	for _, c := range []struct {
		img  image.Image
		want bool
	}{
		{image.NewGray(bounds), true}, {image.NewGray16(bounds), true}, {planes, true}, {paletted, true}, {rgba, true}, {nrgba, true}, {deep, true},
		{blue, false}, {coloured, false}, {rgba1, false}, {nrgba1, false}, {deep1, false},
	} {
		if got := IsGrey(c.img); got != c.want {
			t.Errorf("%T: got %v, want %v", c.img, got, c.want)
		}
	}
}
