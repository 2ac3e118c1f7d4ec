package shards

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/onehot-go/onehot/loader"
	"github.com/onehot-go/onehot/random"
	"github.com/onehot-go/onehot/tensor"
	"github.com/onehot-go/onehot/transform"
)

// pngOf returns a grey picture of one pixel.
func pngOf(t testing.TB, v uint8) string {
	t.Helper()
	img := image.NewGray(image.Rect(0, 0, 1, 1))
	img.SetGray(0, 0, color.Gray{Y: v})
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// streamOf writes five shards of six samples: pixel n of class n mod 3.
func streamOf(t testing.TB) *Stream {
	t.Helper()
	s := &Stream{ClassNames: []string{"0", "1", "2"}, Transform: transform.ToTensor{}, Buffer: 8, Key: random.New(1)}
	dir := t.TempDir()
	for k := range 5 {
		all := []member{{name: "README", text: "a shard"}, {name: "folder/"}}
		for i := k * 6; i < k*6+6; i++ {
			all = append(all, member{name: fmt.Sprintf("%02d.png", i), text: pngOf(t, uint8(i))}, member{name: fmt.Sprintf("%02d.cls", i), text: fmt.Sprint(i % 3)})
		}
		data := tarOf(t, all)
		if k%2 == 1 {
			data = gzipOf(t, data)
		}
		s.Paths = append(s.Paths, write(t, dir, fmt.Sprintf("%d.tar", k), data))
	}
	return s
}

// order returns the samples' pixels in the order of an epoch, and holds their classes.
func order(t *testing.T, s *Stream, epoch int) []int {
	t.Helper()
	var pixels []int
	for sample, err := range s.Samples(epoch) {
		if err != nil {
			t.Fatal(err)
		}
		made, err := sample(random.New(0))
		if err != nil {
			t.Fatal(err)
		}
		v := int(tensor.Data[float32](made.Tensor)[0]*255 + 0.5)
		if c, ok := made.Class(); !ok || c != v%3 {
			t.Errorf("pixel %d has the target %v", v, made.Target)
		}
		pixels = append(pixels, v)
	}
	return pixels
}

func TestStream(t *testing.T) {
	s := streamOf(t)
	first := order(t, s, 0)
	if again := order(t, s, 0); !slices.Equal(first, again) {
		t.Errorf("one epoch has the orders %v and %v", first, again)
	}
	second := order(t, s, 1)
	other := *s
	other.Key = random.New(2)
	if slices.Equal(first, second) || slices.Equal(first, order(t, &other, 0)) {
		t.Errorf("the order %v does not depend on epoch or seed", first)
	}
	all := make([]int, 30)
	for i := range all {
		all[i] = i
	}
	for _, got := range [][]int{first, second} {
		if slices.IsSorted(got) {
			t.Errorf("the order %v is not shuffled", got)
		}
		// The first sample is of one of the first two shards, which the buffer has.
		sorted := slices.Sorted(slices.Values(got))
		if !slices.Equal(sorted, all) {
			t.Errorf("the samples of an epoch are %v", sorted)
		}
	}
	if shards := func(pixels []int) int { return pixels[0] / 6 }; shards(first) == shards(second) && shards(first) == 0 {
		t.Errorf("two epochs begin with the first shard: %v and %v", first, second)
	}
	for _, size := range []int{0, 1} {
		if s.Buffer = size; !slices.Equal(order(t, s, 1), all) {
			t.Errorf("a buffer of %d changes the order", size)
		}
	}
	for range s.Samples(0) {
		break // an early end is no error
	}
}

// TestStreamLoads holds that batches are the same for any number of workers.
func TestStreamLoads(t *testing.T) {
	s := streamOf(t)
	batches := func(workers int) string {
		var b strings.Builder
		for batch, err := range loader.NewStream(s, loader.Options{BatchSize: 7, Workers: workers}).Batches(3, 1) {
			if err != nil {
				t.Fatal(err)
			}
			fmt.Fprintln(&b, batch.Inputs, batch.Targets)
		}
		return b.String()
	}
	if none, two := batches(0), batches(2); none != two || strings.Count(none, "tensor") < 6 {
		t.Errorf("without workers\n%s\nwith two\n%s", none, two)
	}
}

func TestStreamOfNames(t *testing.T) {
	dir := t.TempDir()
	path := write(t, dir, "a.tar", tarOf(t, []member{
		{name: "a.png", text: pngOf(t, 1)}, {name: "a.json", text: `{"label":"dog"}`},
		{name: "x/b.cls", text: "cat"}, {name: "x/b.json", text: `{"label":"dog"}`}, {name: "x/b.png", text: pngOf(t, 0)},
		{name: "c.png", text: pngOf(t, 1)}, {name: "c.cls", text: "0"},
		{name: "d.json", text: `{"width":2}`}, {name: "d.cls", text: "dog"}, {name: "d.png", text: pngOf(t, 1)},
		{name: "about.json", text: `{"pictures":4}`},
	}))
	s := &Stream{Paths: []string{path}, ClassNames: []string{"cat", "dog"}}
	classes := func() (all []int) {
		for sample, err := range s.Samples(0) {
			if err != nil {
				t.Fatal(err)
			}
			made, err := sample(random.Key{})
			if err != nil {
				t.Fatal(err)
			}
			c, _ := made.Class()
			all = append(all, c)
			if _, ok := made.Image.(*image.Gray); !ok {
				t.Errorf("the image is %T", made.Image)
			}
		}
		return all
	}
	if got, want := classes(), []int{1, 0, 0, 1}; !slices.Equal(got, want) {
		t.Errorf("classes %v, want %v", got, want)
	}
	write(t, dir, "classes.txt", []byte("dog\ncat\n"))
	if got, want := classes(), []int{1, 0, 1, 1}; !slices.Equal(got, want) {
		t.Errorf("classes %v with names, want %v", got, want)
	}
}

func TestStreamErrors(t *testing.T) {
	whole := tarOf(t, []member{{name: "a.png", text: pngOf(t, 1)}, {name: "a.cls", text: "cat"}})
	for want, data := range map[string][]byte{
		"SHARD: a: found no class, a .cls or a .json file expected":                             tarOf(t, []member{{name: "a.png", text: pngOf(t, 1)}}),
		`SHARD: a.json: found no "label", "cls" or "class" that is a text or a number`:          tarOf(t, []member{{name: "a.json", text: "{}"}, {name: "a.png", text: pngOf(t, 1)}}),
		"SHARD: a: found no picture, one expected":                                              tarOf(t, []member{{name: "a.cls", text: "cat"}, {name: "b.png"}}),
		`SHARD: a: found the class "cow", one of the 2 that there are expected`:                 tarOf(t, []member{{name: "a.cls", text: "cow"}, {name: "a.png"}}),
		`SHARD: a: found the class "2", one of the 2 that there are expected`:                   tarOf(t, []member{{name: "a.cls", text: "2"}, {name: "a.png"}}),
		"SHARD: a.gif: found a second picture of the sample a beside .png, one expected":        tarOf(t, []member{{name: "a.png"}, {name: "a.gif"}}),
		"SHARD: a: no picture: found an empty file, PNG, JPEG, GIF, WebP, BMP or TIFF expected": tarOf(t, []member{{name: "a.png"}, {name: "a.cls", text: "cat"}}),
		"SHARD: found a tar that is cut off, a whole one expected":                              whole[:540],
		"SHARD: found a zip file, a tar or tar.gz file expected":                                zipOf(t, members("a.png")),
		`SHARD: found "no archive" at its beginning, a zip, tar or tar.gz file expected`:        []byte("no archive"),
	} {
		path := write(t, t.TempDir(), "a.tar", data)
		s := &Stream{Paths: []string{path}, ClassNames: []string{"cat", "dog"}, Buffer: 4}
		var got error
		for sample, err := range s.Samples(0) {
			if err == nil {
				_, err = sample(random.Key{})
			}
			if got = err; err != nil {
				break
			}
		}
		if got == nil || strings.ReplaceAll(got.Error(), path, "SHARD") != want {
			t.Errorf("error %v\nwant %s", got, want)
		}
	}
	s := &Stream{Paths: []string{filepath.Join(t.TempDir(), "0.tar")}}
	for _, err := range s.Samples(0) {
		if err == nil || !strings.HasPrefix(err.Error(), s.Paths[0]+": ") {
			t.Errorf("error %v of a shard that is not there", err)
		}
	}
}

// TestStreamSaysHowItIsPrepared holds that a transform which makes tensors of one form of any picture
// is the same as that of a data set in memory.
func TestStreamSaysHowItIsPrepared(t *testing.T) {
	steps := transform.Compose{transform.Resize{Height: 8, Width: 8}, transform.Grayscale{}, transform.ToTensor{}}
	p := (&Stream{Transform: steps}).Preparations()[0]
	form, err := p.Transform.(transform.Compose).Form(p.Form)
	if err != nil || !form.Tensor || !slices.Equal(form.Shape, []int{1, 8, 8}) {
		t.Errorf("form %+v, %v", form, err)
	}
	if !steps.Same(steps.For(p.Form), p.Form) || len(steps.For(p.Form)) != 3 {
		t.Errorf("steps %v are left of %v", steps.For(p.Form), steps)
	}
}
