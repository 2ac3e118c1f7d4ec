package transform

import (
	"image"
	"testing"

	"github.com/onehot-go/onehot/random"
)

// BenchmarkResize scales pictures of 500 by 375 so that their smaller edge has 256 pixels.
func BenchmarkResize(b *testing.B) {
	bounds := image.Rect(0, 0, 500, 375)
	for name, img := range map[string]image.Image{
		"grey": image.NewGray(bounds), "colour": opaque(bounds), "4:2:0": image.NewYCbCr(bounds, image.YCbCrSubsampleRatio420),
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if _, err := (ResizeEdge{Size: 256}).Apply(Input{Image: img}, random.Key{}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// opaque returns a black picture.
func opaque(bounds image.Rectangle) *image.RGBA {
	img := image.NewRGBA(bounds)
	for i := 3; i < len(img.Pix); i += 4 {
		img.Pix[i] = 255
	}
	return img
}
