package picture

import (
	"bytes"
	"context"
	"image"
	"image/jpeg"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
)

// sameAsStandard decodes a file, and compares the picture with image/jpeg's. It reports whether
// decodeBaseline took it.
func sameAsStandard(t *testing.T, name string, data []byte) bool {
	t.Helper()
	got, ok := decodeBaseline(context.Background(), data)
	if !ok {
		return false
	}
	want, err := jpeg.Decode(bytes.NewReader(data))
	if err != nil {
		t.Errorf("%s: decoded, though image/jpeg says %v", name, err)
		return true
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%s: another picture than image/jpeg's", name)
	}
	return true
}

// plain is the names of files that are decoded here.
var plain = regexp.MustCompile(`^(colour-.|grey-.|420|422|restarts|optimized|strip|pixel|behind|segments|subsampled)\.jpg$`)

// TestBaseline compares all files there are with image/jpeg's pictures.
func TestBaseline(t *testing.T) {
	names, err := filepath.Glob("testdata/*.jpg")
	if err != nil {
		t.Fatal(err)
	}
	taken := 0
	for _, name := range names {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if sameAsStandard(t, name, data) {
			taken++
		} else if base := filepath.Base(name); plain.MatchString(base) {
			t.Errorf("%s: not taken", name)
		}
	}
	if taken < 25 {
		t.Errorf("%d of %d files were taken", taken, len(names))
	}
}

// TestBaselineOfNoise encodes noise of all sizes and qualities: long codes and great numbers.
func TestBaselineOfNoise(t *testing.T) {
	draw := rand.New(rand.NewPCG(1, 2))
	for i := range 300 {
		bounds := image.Rect(0, 0, 1+draw.IntN(60), 1+draw.IntN(60))
		grey, colour := image.NewGray(bounds), image.NewRGBA(bounds)
		smooth := draw.IntN(4)
		for i := range colour.Pix {
			v := uint8(draw.IntN(256)) >> (2 * smooth)
			colour.Pix[i] = v
			grey.Pix[i%len(grey.Pix)] = v
		}
		var img image.Image = colour
		if i%3 == 0 {
			img = grey
		}
		var b bytes.Buffer
		if err := jpeg.Encode(&b, img, &jpeg.Options{Quality: 1 + draw.IntN(100)}); err != nil {
			t.Fatal(err)
		}
		if !sameAsStandard(t, "noise", b.Bytes()) {
			t.Fatalf("%v: not taken", bounds)
		}
	}
}

// TestBaselineOfDamaged changes and cuts files: a picture is image/jpeg's, or none.
func TestBaselineOfDamaged(t *testing.T) {
	draw := rand.New(rand.NewPCG(3, 4))
	for _, name := range []string{"colour-1.jpg", "grey-1.jpg", "subsampled.jpg"} {
		whole, err := os.ReadFile("testdata/" + name)
		if err != nil {
			t.Fatal(err)
		}
		for range 3000 {
			data := bytes.Clone(whole)
			for range 1 + draw.IntN(3) {
				data[draw.IntN(len(data))] = uint8(draw.IntN(256))
			}
			if draw.IntN(8) == 0 {
				data = data[:draw.IntN(len(data))]
			}
			if len(data) > 2 {
				sameAsStandard(t, name, data)
			}
		}
	}
}

func FuzzBaseline(f *testing.F) {
	names, err := filepath.Glob("testdata/*.jpg")
	if err != nil {
		f.Fatal(err)
	}
	for _, name := range names {
		if data, err := os.ReadFile(name); err == nil && !strings.Contains(name, "bomb") {
			f.Add(data)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if config, err := jpeg.DecodeConfig(bytes.NewReader(data)); err != nil || config.Width*config.Height > 1<<20 {
			return
		}
		sameAsStandard(t, "fuzzed", data)
	})
}

func BenchmarkJPEG(b *testing.B) {
	bounds := image.Rect(0, 0, 500, 375)
	img := image.NewRGBA(bounds)
	draw := rand.New(rand.NewPCG(1, 2))
	for i := range img.Pix {
		img.Pix[i] = uint8(100 + i/2000%100 + draw.IntN(40))
	}
	var file bytes.Buffer
	if err := jpeg.Encode(&file, img, &jpeg.Options{Quality: 90}); err != nil {
		b.Fatal(err)
	}
	for name, decode := range map[string]func(){
		"baseline":   func() { decodeBaseline(context.Background(), file.Bytes()) },
		"image/jpeg": func() { jpeg.Decode(bytes.NewReader(file.Bytes())) },
	} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(file.Len()))
			for b.Loop() {
				decode()
			}
		})
	}
}
