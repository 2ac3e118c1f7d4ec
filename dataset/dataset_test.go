package dataset_test

import (
	"errors"
	"fmt"
	"image"
	"image/color"
	"math"
	"slices"
	"testing"

	"github.com/onehot-go/onehot/dataset"
	"github.com/onehot-go/onehot/fault"
	"github.com/onehot-go/onehot/random"
	"github.com/onehot-go/onehot/tensor"
	"github.com/onehot-go/onehot/transform"
)

// newMemory returns memory for n samples.
func newMemory(n int, row dataset.Row) dataset.Memory {
	size := n
	for _, d := range row.Input {
		size *= d
	}
	m := dataset.Memory{Inputs: make([]float32, size)}
	if row.Vector > 0 {
		m.Vectors = make([]float32, n*row.Vector)
	} else {
		m.Classes = make([]int64, n)
	}
	return m
}

// patches returns n images of 2 by 3 pixels, all different, with labels 0, 1, 2, 0, ...
func patches(n int) *dataset.Images {
	m := &dataset.Images{Name: "patches", Split: dataset.Test, ClassNames: []string{"a", "b", "c"}, Height: 2, Width: 3}
	for i := range n {
		m.Labels = append(m.Labels, i%3)
		for j := range 6 {
			m.Pixels = append(m.Pixels, uint8(37*i+11*j))
		}
	}
	return m
}

// class returns the class of a sample.
func class(t *testing.T, s dataset.Sample) int {
	t.Helper()
	c, ok := s.Class()
	if !ok {
		t.Fatalf("target %v is no class", s.Target)
	}
	return c
}

func TestClass(t *testing.T) {
	for _, test := range []struct {
		target *tensor.Tensor
		class  int
		ok     bool
	}{
		{dataset.Class(0), 0, true},
		{dataset.Class(70000), 70000, true},
		{nil, 0, false},
		{tensor.New([]int64{1}, 1), 0, false},
		{tensor.Full(tensor.Float32, 1), 0, false},
	} {
		if c, ok := (dataset.Sample{Target: test.target}).Class(); c != test.class || ok != test.ok {
			t.Errorf("%v: got %d, %v, want %d, %v", test.target, c, ok, test.class, test.ok)
		}
	}
}

func TestImages(t *testing.T) {
	m := patches(5)
	if m.Len() != 5 || !slices.Equal(m.Classes(), []string{"a", "b", "c"}) || !slices.Equal(m.Shape(), []int{1, 2, 3}) {
		t.Errorf("got length %d, classes %v, shape %v", m.Len(), m.Classes(), m.Shape())
	}
	img := m.Image(4).(*image.Gray)
	if img.Bounds() != image.Rect(0, 0, 3, 2) || img.GrayAt(1, 1).Y != m.Pixels[4*6+4] || &img.Pix[0] != &m.Pixels[4*6] {
		t.Errorf("image 4 is %v", img)
	}
	if c, err := m.Label(4); c != 1 || err != nil {
		t.Errorf("label 4 is %d (%v), want 1", c, err)
	}
}

// coloured returns n images of 3 by 3 by 2 pixels, all different, with labels beyond 256.
func coloured(n int) *dataset.Images {
	m := &dataset.Images{Name: "coloured", ClassNames: make([]string, 300), Channels: 3, Height: 3, Width: 2}
	for i := range n {
		m.Labels = append(m.Labels, 250+i%50)
		for j := range 18 {
			m.Pixels = append(m.Pixels, uint8(37*i+11*j))
		}
	}
	return m
}

func TestColouredImages(t *testing.T) {
	m := coloured(5)
	if !slices.Equal(m.Shape(), []int{3, 3, 2}) {
		t.Errorf("shape %v", m.Shape())
	}
	img, ok := m.Image(3).(*image.RGBA)
	if !ok || img.Bounds() != image.Rect(0, 0, 2, 3) || !img.Opaque() {
		t.Fatalf("image 3 is %v", m.Image(3))
	}
	for y := range 3 {
		for x := range 2 {
			at := 3*18 + 2*y + x
			if got, want := img.RGBAAt(x, y), (color.RGBA{R: m.Pixels[at], G: m.Pixels[at+6], B: m.Pixels[at+12], A: 255}); got != want {
				t.Errorf("pixel (%d, %d) is %v, want %v", x, y, got, want)
			}
		}
	}
	if labels, err := dataset.Labels(m); err != nil || !slices.Equal(labels, m.Labels) {
		t.Errorf("labels %v, %v", labels, err)
	}
	m.Channels = 2
	defer func() {
		err, ok := recover().(*fault.OptionError)
		if want := "transform.Interleave: 2 channels: 1 or 3 expected"; !ok || err.Error() != want {
			t.Errorf("two channels: panic with %v, want %q", err, want)
		}
	}()
	m.Image(0)
}

// TestColouredBatch compares the fast roads of pictures of three channels with Sample, bit
// for bit.
func TestColouredBatch(t *testing.T) {
	m := coloured(60)
	normalize := transform.Normalize{Mean: []float32{0.485, 0.456, 0.406}, Std: []float32{0.229, 0.224, 0.225}}
	for name, tr := range map[string]transform.Transform{
		"scaled":     transform.ToTensor{},
		"normalized": transform.Compose{transform.ToTensor{}, normalize},
		"augmented": transform.Compose{transform.RandomCrop{Height: 3, Width: 3, Padding: 1, Fill: 7}, transform.RandomHorizontalFlip{P: 0.5},
			transform.ToTensor{}, normalize, transform.RandomErasing{P: 0.5}},
	} {
		t.Run(name, func(t *testing.T) {
			m.Transform = tr
			fill, row := m.Batch()
			if fill == nil {
				t.Fatal("no fast road")
			}
			indices := []int{59, 0, 7, 7, 21}
			got := newMemory(len(indices), row)
			fill(got, indices, dataset.Chance{Of: random.New(3).At, First: 2})
			for k, i := range indices {
				s, err := m.Sample(i, random.New(3).At(2+k))
				if err != nil {
					t.Fatal(err)
				}
				if !slices.Equal(s.Tensor.Shape(), row.Input) {
					t.Fatalf("shape %v, want %v", row.Input, s.Tensor.Shape())
				}
				if got := got.Rows(k, k+1, row); !slices.Equal(got.Inputs, tensor.Data[float32](s.Tensor)) || got.Classes[0] != int64(class(t, s)) {
					t.Errorf("sample %d is %v of class %d, want %v of class %d", i, got.Inputs, got.Classes[0], s.Tensor, class(t, s))
				}
			}
		})
	}
}

func TestSample(t *testing.T) {
	m := patches(5)
	s, err := m.Sample(4, random.New(0))
	if img, ok := s.Image.(*image.Gray); err != nil || !ok || !slices.Equal(img.Pix, m.Pixels[24:]) || class(t, s) != 1 {
		t.Errorf("without a transform: got %v, %v", s, err)
	}
	m.Transform = transform.ToTensor{}
	m.TargetTransform = func(label int) int { return 10 + label }
	s, err = m.Sample(4, random.New(0))
	if err != nil || !slices.Equal(s.Tensor.Shape(), []int{1, 2, 3}) || class(t, s) != 11 {
		t.Errorf("with transforms: got %v, %v", s, err)
	}
	m.Transform = transform.Normalize{}
	_, err = m.Sample(4, random.New(0))
	var typed *transform.Error
	if want := "patches test: sample 4: normalize: found an image, expected a tensor: ToTensor comes before it"; !errors.As(err, &typed) || err.Error() != want {
		t.Errorf("got %q, want %q", err, want)
	}
}

// TestBatch compares the fast road with Sample, bit for bit.
func TestBatch(t *testing.T) {
	m := patches(40)
	m.Transform = transform.Compose{transform.ToTensor{}, transform.Normalize{Mean: []float32{0.2860}, Std: []float32{0.3530}}}
	for name, target := range map[string]func(int) int{"labels as they are": nil, "labels changed": func(l int) int { return 2 - l }} {
		t.Run(name, func(t *testing.T) {
			m.TargetTransform = target
			fill, row := m.Batch()
			if fill == nil || !slices.Equal(row.Input, []int{1, 2, 3}) || row.Vector != 0 {
				t.Fatalf("no fast road (row %v)", row)
			}
			indices := []int{39, 0, 7, 7, 21}
			got := newMemory(len(indices), row)
			fill(got, indices, anyKey)
			for k, i := range indices {
				s, err := m.Sample(i, random.New(0))
				if err != nil {
					t.Fatal(err)
				}
				if want := class(t, s); got.Classes[k] != int64(want) {
					t.Errorf("sample %d: label %d, want %d", i, got.Classes[k], want)
				}
				for j, want := range tensor.Data[float32](s.Tensor) {
					if got := got.Inputs[k*6+j]; math.Float32bits(got) != math.Float32bits(want) {
						t.Errorf("sample %d, pixel %d: got %v, want %v", i, j, got, want)
					}
				}
			}
		})
	}
	for _, tr := range []transform.Transform{nil, transform.Invert{}, transform.Compose{transform.Resize{Height: 1, Width: 1}, transform.ToTensor{}}} {
		m.Transform = tr
		if fill, _ := m.Batch(); fill != nil {
			t.Errorf("%T has a fast road", tr)
		}
	}
}

func TestOutOfRange(t *testing.T) {
	m := patches(3)
	m.Transform = transform.ToTensor{}
	fill, row := m.Batch()
	for name, f := range map[string]func(i int){
		"Image":  func(i int) { m.Image(i) },
		"Label":  func(i int) { m.Label(i) },
		"Sample": func(i int) { m.Sample(i, random.New(0)) },
		"Fill":   func(i int) { fill(newMemory(1, row), []int{i}, anyKey) },
	} {
		for _, i := range []int{-1, 3} {
			func() {
				defer func() {
					err, _ := recover().(*dataset.IndexError)
					if want := fmt.Sprintf("patches test: sample %d of 3: index out of range", i); err == nil || err.Error() != want {
						t.Errorf("%s(%d): got %v, want %q", name, i, err, want)
					}
				}()
				f(i)
			}()
		}
	}
}

// TestPixels checks that pixels which are not those of all images are an error before any of
// them is used.
func TestPixels(t *testing.T) {
	for _, n := range []int{17, 19} {
		m := patches(3)
		m.Transform = transform.ToTensor{}
		m.Pixels = append(m.Pixels, 0)[:n]
		if fill, _ := m.Batch(); fill != nil {
			t.Errorf("%d bytes: batches are filled", n)
		}
		if _, ok := m.Bytes(); ok {
			t.Errorf("%d bytes: they are shown", n)
		}
		_, err := m.Sample(0, random.New(0))
		want := fmt.Sprintf("dataset.Images: patches test: found %d bytes in Pixels, 18 expected for 3 images of [1 2 3]", n)
		if _, ok := errors.AsType[*fault.OptionError](err); !ok || err.Error() != want {
			t.Errorf("got  %v\nwant %s", err, want)
		}
	}
}

func TestSplitString(t *testing.T) {
	for s, want := range map[dataset.Split]string{dataset.Train: "train", dataset.Test: "test", dataset.Validation: "val", 7: "Split(7)"} {
		if s.String() != want {
			t.Errorf("got %q, want %q", s.String(), want)
		}
	}
}

// BenchmarkFill fills batches of 256 from 60000 images of 28 by 28, in random order.
func BenchmarkFill(b *testing.B) {
	const batch, all, size = 256, 60000, 28 * 28
	m := &dataset.Images{Height: 28, Width: 28, Pixels: make([]byte, all*size), Labels: make([]int, all), Transform: transform.ToTensor{}}
	for i := range m.Pixels {
		m.Pixels[i] = uint8(i * 31)
	}
	indices := random.New(0).Rand().Perm(all)
	fill, row := m.Batch()
	memory := newMemory(batch, row)
	b.ReportAllocs()
	b.SetBytes(batch * size)
	at := 0
	for b.Loop() {
		fill(memory, indices[at:][:batch], anyKey)
		at = (at + batch) % (all - batch)
	}
}

func ExampleImages() {
	m := &dataset.Images{
		Name: "dots", ClassNames: []string{"dark", "light"},
		Height: 1, Width: 2,
		Pixels:    []byte{0, 51, 204, 255},
		Labels:    []int{0, 1},
		Transform: transform.ToTensor{},
	}
	s, err := m.Sample(1, random.New(0))
	if err != nil {
		fmt.Println(err)
		return
	}
	c, _ := s.Class()
	fmt.Println(m.Classes()[c], s.Tensor.Shape(), s.Tensor.At(0, 0, 1))
	// Output: light [1 1 2] 1
}

// anyKey is for samples whose transforms draw nothing.
var anyKey dataset.Chance

func TestPrinting(t *testing.T) {
	m := &dataset.Images{Name: "dots", ClassNames: []string{"a", "b"}, Height: 1, Width: 2, Pixels: []byte{0, 255}, Labels: []int{1}}
	check := func(v any, want string) {
		t.Helper()
		if got := fmt.Sprint(v); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	sample := func() dataset.Sample {
		s, err := m.Sample(0, random.Key{})
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	check(m, "dots train: 1 pictures of 1x2, 2 classes")
	check(sample(), "(*image.Gray of 1x2, 1)")
	m.Transform = transform.ToTensor{}
	check(sample(), "(tensor([[[0., 1.]]]), 1)")
	check(sample().Input, "tensor([[[0., 1.]]])")
	check(dataset.Sample{Input: sample().Input, Target: tensor.New([]float32{0.5, 1}, 2)}, "(tensor([[[0., 1.]]]), tensor([0.5000, 1.0000]))")
	check(dataset.Sample{}, "(<nil>, <nil>)")
}
