package transform

import (
	"image"
	"slices"
	"testing"

	"github.com/onehot-go/onehot/random"
	"github.com/onehot-go/onehot/tensor"
)

// TestApplyIn holds that pictures of many sizes and kinds become the same in one workspace as they do without.
func TestApplyIn(t *testing.T) {
	r := random.New(1).Rand()
	steps := Compose{ResizeEdge{Size: 20}, CenterCrop{18, 21}, RGB{}, ToTensor{}, Normalize{Mean: []float32{0.4, 0.5, 0.6}, Std: []float32{0.2, 0.3, 0.4}}}
	var w Workspace
	for range 60 {
		bounds := image.Rect(0, 0, 1+r.IntN(60), 1+r.IntN(60))
		yuv, rgb, grey := image.NewYCbCr(bounds, image.YCbCrSubsampleRatio420), image.NewRGBA(bounds), image.NewGray(bounds)
		for _, pixels := range [][]uint8{yuv.Y, yuv.Cb, yuv.Cr, rgb.Pix, grey.Pix} {
			for i := range pixels {
				pixels[i] = uint8(r.IntN(256))
			}
		}
		for _, img := range []image.Image{yuv, rgb, grey} {
			want, err := steps.Apply(Input{Image: img}, random.Key{})
			if err != nil {
				t.Fatal(err)
			}
			got, err := steps.ApplyIn(&w, Input{Image: img})
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(got.Tensor.Shape(), want.Tensor.Shape()) || !slices.Equal(tensor.Data[float32](got.Tensor), tensor.Data[float32](want.Tensor)) {
				t.Errorf("%T of %v becomes %v, %v without a workspace", img, bounds, got, want)
			}
		}
	}
	if _, err := steps.ApplyIn(&w, Input{Tensor: tensor.Zeros(tensor.Float32, 1)}); err == nil || err.Error() != "resize edge: found a tensor, expected an image" {
		t.Errorf("a tensor: %v", err)
	}
	if len(w.bytes) > 30 || len(w.taps) > mostTaps {
		t.Errorf("%d parts of memory and %d taps are kept", len(w.bytes), len(w.taps))
	}
}
