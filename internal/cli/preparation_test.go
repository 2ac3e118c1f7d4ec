package cli

import (
	"image"
	"reflect"
	"testing"

	"github.com/onehot-go/onehot/random"
	"github.com/onehot-go/onehot/transform"
)

func TestWithMargin(t *testing.T) {
	for size, want := range map[int]int{1: 1, 28: 28, 64: 64, 65: 73, 96: 108, 128: 148, 224: 256, 384: 440, 3584: 4096, 3600: 4096, 4095: 4095, 4096: 4096} {
		if got := withMargin(size); got != want || (got-size)%4 != 0 {
			t.Errorf("%d: got %d, want %d", size, got, want)
		}
	}
}

// TestKept compares what a preparation makes of a picture with what it makes of what is kept of it,
// pixel for pixel.
func TestKept(t *testing.T) {
	for _, fit := range fitNames {
		for _, size := range []int{9, 66, 100} {
			for _, grey := range []bool{false, true} {
				steps := preparation(fit, size, grey)
				for _, side := range []image.Point{{200, 133}, {133, 200}, {76, 301}, {77, 77}} {
					picture := noise(side)
					whole, err := steps.Apply(transform.Input{Image: picture}, random.Key{})
					if err != nil {
						t.Fatal(err)
					}
					once, err := kept(steps).Apply(transform.Input{Image: picture}, random.Key{})
					if err != nil {
						t.Fatal(err)
					}
					channels := 3
					if grey {
						channels = 1
					}
					b := once.Image.Bounds()
					rest, err := steps.For(transform.Form{Shape: []int{channels, b.Dy(), b.Dx()}}).Apply(once, random.Key{})
					if err != nil {
						t.Fatal(err)
					}
					if !reflect.DeepEqual(whole, rest) {
						t.Errorf("%s to %d of %v: another picture", fit, size, side)
					}
				}
			}
		}
	}
	// What is no crop out of a scaled picture stays as it is.
	steps := transform.Compose{transform.Grayscale{}, transform.Resize{Height: 28, Width: 28}, transform.CenterCrop{Height: 20, Width: 20}, transform.ToTensor{}}
	if got := kept(steps); !reflect.DeepEqual(got, steps[:3]) {
		t.Errorf("kept is %v", got)
	}
}

// noise returns a colour picture of the given size, all pixels different.
func noise(size image.Point) *image.RGBA {
	img := image.NewRGBA(image.Rectangle{Max: size})
	for i := range img.Pix {
		img.Pix[i] = uint8(i*i*31 + i*7)
		if i%4 == 3 {
			img.Pix[i] = 255
		}
	}
	return img
}
