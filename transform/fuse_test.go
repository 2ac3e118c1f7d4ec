package transform

import (
	"fmt"
	"slices"
	"testing"

	"github.com/onehot-go/onehot/random"
	"github.com/onehot-go/onehot/tensor"
)

// noise returns the pixels of a picture, channel by channel.
func noise(channels, height, width int, key random.Key) []byte {
	r := key.Rand()
	pixels := make([]byte, channels*height*width)
	for i := range pixels {
		pixels[i] = byte(r.IntN(256))
	}
	return pixels
}

// TestFuse holds fused transforms to Apply, to the bit.
func TestFuse(t *testing.T) {
	const height, width = 9, 7
	normalize := Normalize{Mean: []float32{0.2860}, Std: []float32{0.3530}}
	for name, tr := range map[string]Transform{
		"crop":          Compose{RandomCrop{Height: height, Width: width, Padding: 3}, ToTensor{}},
		"resized":       Compose{Grayscale{}, Resize{Height: height, Width: width}, Resize{Height: height, Width: width, Interpolation: Nearest}, ToTensor{}},
		"idle":          Compose{Resize{Height: height, Width: width}, RandomCrop{Height: 5, Width: 5}, ResizeEdge{Size: 5}, ToTensor{}},
		"middle":        Compose{RandomHorizontalFlip{P: 0.5}, CenterCrop{Height: 5, Width: 4}, ToTensor{}},
		"middle, grown": Compose{RandomHorizontalFlip{P: 0.5}, CenterCrop{Height: 5, Width: 12}, ToTensor{}},
		"padded":        Compose{RandomHorizontalFlip{P: 0.5}, Pad{Left: 3, Top: 2, Bottom: 1, Fill: 99}, RandomHorizontalFlip{P: 0.5}, ToTensor{}},
		"rotation":      Compose{RandomHorizontalFlip{P: 0.5}, RandomRotation{Degrees: 180, Fill: 3}, RandomHorizontalFlip{P: 0.5}, ToTensor{}},
		"bilinear":      Compose{RandomCrop{Height: 7, Width: 6}, RandomRotation{Degrees: 30, Interpolation: Bilinear}, Rotate{Degrees: 90}, ToTensor{}},
		"affine": Compose{RandomAffine{Degrees: 20, Translate: [2]float64{0.2, 0.3}, Scale: [2]float64{0.5, 2}, Shear: [2]float64{9, 30}}, Affine{Scale: 2}, ToTensor{},
			RandomErasing{P: 0.5}},
		"jitter":       Compose{RandomHorizontalFlip{P: 0.5}, ColorJitter{Brightness: 0.4, Contrast: 0.4, Saturation: 0.6, Hue: 0.2}, ToTensor{}},
		"jitter twice": Compose{ColorJitter{Hue: 0.5}, RandomCrop{Height: 5, Width: 6}, ColorJitter{Contrast: 2}, RandomHorizontalFlip{P: 0.5}, ToTensor{}},
		"resized crop": Compose{RandomHorizontalFlip{P: 0.5}, RandomResizedCrop{Height: 5, Width: 6}, ToTensor{}},
		"resized crop, nearest": Compose{RandomResizedCrop{Height: 12, Width: 9, Scale: [2]float64{0.2, 0.5}, Interpolation: Nearest},
			RandomCrop{Height: 9, Width: 9}, ToTensor{}},
		"trivial":           Compose{TrivialAugmentWide{}, ToTensor{}},
		"trivial, bilinear": Compose{RandomHorizontalFlip{P: 0.5}, RandomCrop{Height: 9, Width: 5, Padding: 1}, TrivialAugmentWide{Bilinear, 50}, Invert{}, ToTensor{}},
		"shift":             Compose{RandomHorizontalFlip{P: 0.5}, RandomAffine{Translate: [2]float64{0.4, 0.4}, Fill: 9}, ToTensor{}},
		"smaller":           Compose{RandomCrop{Height: 4, Width: 5}, ToTensor{}},
		"larger":            Compose{RandomCrop{Height: 14, Width: 12, Padding: 4, Fill: 77}, ToTensor{}},
		"far outside":       Compose{RandomCrop{Height: 3, Width: 2, Padding: 20, Fill: 9}, ToTensor{}},
		"flip":              Compose{RandomHorizontalFlip{P: 0.5}, ToTensor{}},
		"erase":             Compose{ToTensor{}, RandomErasing{P: 0.8, Value: 0.25}},
		"erase twice":       Compose{ToTensor{}, normalize, RandomErasing{P: 0.8}, RandomErasing{P: 0.8, Scale: [2]float64{0.5, 0.9}, Value: -1}},
		"nothing by luck":   Compose{RandomHorizontalFlip{}, ToTensor{}, RandomErasing{}},
		"all": Compose{RandomCrop{Height: height, Width: width, Padding: 2, Fill: 200}, RandomHorizontalFlip{P: 0.5}, Invert{}, ToTensor{},
			normalize, RandomErasing{P: 0.5}},
		"many moves": Compose{RandomCrop{Height: 8, Width: 6, Padding: 1}, RandomHorizontalFlip{P: 0.5}, RandomCrop{Height: 8, Width: 6, Padding: 1},
			RandomHorizontalFlip{P: 0.5}, RandomCrop{Height: 5, Width: 6}, ToTensor{}},
		"channels": Compose{RandomHorizontalFlip{P: 0.5}, Invert{}, ToTensor{}, Normalize{Mean: []float32{0.485, 0.456, 0.406}, Std: []float32{0.229, 0.224, 0.225}},
			RandomErasing{P: 0.5}},
		"colour": Compose{RandomCrop{Height: height, Width: width, Padding: 3, Fill: 50}, RGB{}, ToTensor{}},
		"nested": Compose{Compose{RandomCrop{Height: height, Width: width, Padding: 2}, Compose{RandomHorizontalFlip{P: 0.5}}}, ToTensor{}, Compose{RandomErasing{P: 0.5}}},
	} {
		for _, channels := range []int{1, 3} {
			if only := map[string]int{"resized": 1, "channels": 3, "colour": 3}[name]; only != 0 && channels != only {
				continue // Grayscale mixes channels, and RGB makes three of one
			}
			t.Run(fmt.Sprint(name, channels), func(t *testing.T) {
				f, ok := Fuse(tr, channels, height, width)
				if !ok {
					t.Fatal("not fused")
				}
				apply := f.Start()
				differ := false
				var first []float32
				for i := range 100 {
					pixels, key := noise(channels, height, width, random.New(uint64(i))), random.New(7).At(i)
					want, err := tr.Apply(Input{Image: Interleave(pixels, channels, height, width)}, key)
					if err != nil {
						t.Fatal(err)
					}
					if !slices.Equal(f.Shape(), want.Tensor.Shape()) {
						t.Fatalf("shape %v, want %v", f.Shape(), want.Tensor.Shape())
					}
					got, before := make([]float32, want.Tensor.Numel()), slices.Clone(pixels)
					apply(got, pixels, key)
					if !slices.Equal(got, tensor.Data[float32](want.Tensor)) {
						t.Fatalf("picture %d: got %v, want %v", i, got, want.Tensor)
					}
					if !slices.Equal(pixels, before) {
						t.Fatalf("picture %d was changed", i)
					}
					if i == 0 {
						first = got
					}
					differ = differ || !slices.Equal(got, first)
				}
				if !differ {
					t.Error("all pictures are the same")
				}
			})
		}
	}
}

// TestFuseNot lists transforms that must go by Apply.
func TestFuseNot(t *testing.T) {
	called := Lambda(func(p Input) (Input, error) { t.Error("the lambda was called"); return p, nil })
	for name, tr := range map[string]Transform{
		"nil":                 nil,
		"no tensor":           RandomHorizontalFlip{P: 0.5},
		"another step":        Compose{ResizeEdge{Size: 5}, ToTensor{}},
		"a function":          Compose{RandomHorizontalFlip{P: 0.5}, ToTensor{}, called},
		"another size":        Compose{Resize{Height: 9, Width: 8}, ToTensor{}},
		"resize a tensor":     Compose{ToTensor{}, Resize{Height: 9, Width: 7}},
		"no interpolation":    Compose{Resize{Height: 9, Width: 7, Interpolation: 9}, ToTensor{}},
		"invert before":       Compose{Invert{}, RandomCrop{Height: 9, Width: 7, Padding: 1}, ToTensor{}},
		"erase in between":    Compose{ToTensor{}, RandomErasing{P: 0.5}, Normalize{Mean: []float32{0.5}, Std: []float32{0.5}}},
		"move after":          Compose{ToTensor{}, RandomErasing{P: 0.5}, RandomHorizontalFlip{P: 0.5}},
		"saturation below 0":  Compose{ColorJitter{Saturation: -1}, ToTensor{}},
		"part above 1":        Compose{RandomResizedCrop{Height: 9, Width: 7, Scale: [2]float64{0.5, 2}}, ToTensor{}},
		"too large":           Compose{RandomCrop{Height: 10, Width: 7}, ToTensor{}},
		"probability above 1": Compose{RandomHorizontalFlip{P: 1.5}, ToTensor{}},
		"bounds out of order": Compose{ToTensor{}, RandomErasing{P: 0.5, Scale: [2]float64{0.5, 0.1}}},
	} {
		if _, ok := Fuse(tr, 1, 9, 7); ok {
			t.Errorf("%s: fused", name)
		}
	}
	for name, tr := range map[string]Transform{"mixed channels": Compose{Grayscale{}, ToTensor{}}, "two means": Compose{ToTensor{}, Normalize{Mean: []float32{1, 2}, Std: []float32{1}}}} {
		if _, ok := Fuse(tr, 3, 9, 7); ok {
			t.Errorf("%s: fused", name)
		}
	}
	if _, ok := Fuse(Compose{RGB{}, ToTensor{}}, 1, 9, 7); ok {
		t.Error("three channels made of one: fused")
	}
	if _, ok := Fuse(ToTensor{}, 2, 9, 7); ok {
		t.Error("two channels: fused")
	}
	if _, ok := Fuse(ToTensor{}, 1, 0, 7); ok {
		t.Error("pictures without pixels: fused")
	}
}

// BenchmarkFused is what the recipes do to a training picture, and what is done to colour
// pictures that are cut to 224 of 256 pixels. No two pictures in a row lie in one place.
func BenchmarkFused(b *testing.B) {
	b.Run("grey", func(b *testing.B) {
		benchmarkFused(b, 1, 28, Compose{RandomCrop{Height: 28, Width: 28, Padding: 2}, RandomHorizontalFlip{P: 0.5}, ToTensor{}, RandomErasing{P: 0.25}})
	})
	for _, c := range []struct {
		name string
		step Transform
	}{
		{"crop", RandomHorizontalFlip{}},
		{"flip", RandomHorizontalFlip{P: 1}},
		{"rotation", RandomRotation{Degrees: 10, Interpolation: Bilinear}},
		{"brightness and contrast", ColorJitter{Brightness: 0.4, Contrast: 0.4}},
		{"saturation", ColorJitter{Saturation: 0.4}},
		{"hue", ColorJitter{Hue: 0.1}},
		{"resized crop", RandomResizedCrop{Height: 224, Width: 224}},
		{"trivial", TrivialAugmentWide{}},
	} {
		b.Run(c.name, func(b *testing.B) {
			benchmarkFused(b, 3, 256, Compose{RandomCrop{Height: 224, Width: 224}, c.step, ToTensor{},
				Normalize{Mean: []float32{0.485, 0.456, 0.406}, Std: []float32{0.229, 0.224, 0.225}}})
		})
	}
}

func benchmarkFused(b *testing.B, channels, side int, t Transform) {
	f, ok := Fuse(t, channels, side, side)
	if !ok {
		b.Fatal("not fused")
	}
	const pictures = 8
	size, row := channels*side*side, f.shape[0]*f.shape[1]*f.shape[2]
	pixels, dst, apply := noise(channels*pictures, side, side, random.Key{}), make([]float32, pictures*row), f.Start()
	for i := 0; b.Loop(); i++ {
		k := i % pictures
		apply(dst[k*row:][:row], pixels[k*size:][:size], random.New(1).At(i))
	}
}
