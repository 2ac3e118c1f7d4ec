//go:build !race

// Under the race detector pools drop at random what they are given, so that memory is not used again.

package zoo

import (
	"image"
	"runtime"
	"runtime/debug"
	"slices"
	"testing"

	"github.com/onehot-go/onehot/model"
	"github.com/onehot-go/onehot/random"
)

// photograph returns a picture as a JPEG of the given size decodes to.
func photograph(width, height int) image.Image {
	img := image.NewYCbCr(image.Rect(0, 0, width, height), image.YCbCrSubsampleRatio420)
	for _, plane := range [][]byte{img.Y, img.Cb, img.Cr} {
		for i := range plane {
			plane[i] = byte(i*i>>7 ^ i>>3)
		}
	}
	return img
}

// BenchmarkClassify classifies a photograph that is decoded.
func BenchmarkClassify(b *testing.B) {
	for _, name := range []string{"resnet18", "mobilenet_v2"} {
		b.Run(name, func(b *testing.B) {
			n, err := Named(name)
			if err != nil {
				b.Fatal(err)
			}
			m, err := model.New(n.Definition(ImageNet()), random.New(1))
			if err != nil {
				b.Fatal(err)
			}
			p, err := model.NewPredictor(m)
			if err != nil {
				b.Fatal(err)
			}
			img := photograph(500, 375)
			if _, err := p.Classify(img, 5); err != nil {
				b.Fatal(err)
			}
			for b.Loop() {
				if _, err := p.Classify(img, 5); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// TestClassifyTakesNoMemory holds that classifications of a photograph take 10 kB at most, once there have been some. One that the
// system moves to another core may find that core's pool empty, so the one in the middle counts.
func TestClassifyTakesNoMemory(t *testing.T) {
	n, err := Named("mobilenet_v3_small")
	if err != nil {
		t.Fatal(err)
	}
	m, err := model.New(n.Definition(ImageNet()), random.New(1))
	if err != nil {
		t.Fatal(err)
	}
	p, err := model.NewPredictor(m)
	if err != nil {
		t.Fatal(err)
	}
	taken := func(img image.Image) uint64 {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		if _, err := p.Classify(img, 5); err != nil {
			t.Fatal(err)
		}
		runtime.ReadMemStats(&after)
		return after.TotalAlloc - before.TotalAlloc
	}
	defer debug.SetGCPercent(debug.SetGCPercent(-1)) // a collection empties pools
	rgba := image.NewRGBA(image.Rect(0, 0, 500, 375))
	for i := range rgba.Pix {
		rgba.Pix[i] = byte(i*i>>7) | byte(i%4/3*255)
	}
	for name, img := range map[string]image.Image{"of a JPEG": photograph(500, 375), "of red, green and blue": rgba} {
		var each []uint64
		for range 15 {
			each = append(each, taken(img))
		}
		slices.Sort(each)
		if middle := each[len(each)/2]; middle > 10_000 {
			t.Errorf("a picture %s takes %d bytes: %d", name, middle, each)
		}
	}
}
