package loading_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/onehot-go/onehot/dataset"
	"github.com/onehot-go/onehot/dataset/internal/loading"
	"github.com/onehot-go/onehot/fault"
	"github.com/onehot-go/onehot/loader"
	"github.com/onehot-go/onehot/transform"
)

// open gives 7 pictures of 2 by 2 pixels to learn from and 5 to measure on, the i-th of the
// value i.
func open(s dataset.Split) (*dataset.Images, error) {
	m := &dataset.Images{Split: s, ClassNames: []string{"a"}, Height: 2, Width: 2}
	for i := range []int{7, 5}[s] {
		m.Labels = append(m.Labels, 0)
		m.Pixels = append(m.Pixels, slices.Repeat([]byte{byte(i)}, 4)...)
	}
	return m, nil
}

func TestSplits(t *testing.T) {
	twice := transform.Lambda(func(p transform.Input) (transform.Input, error) {
		p.Tensor = p.Tensor.MulScalar(2)
		return p, nil
	})
	for name, c := range map[string]struct {
		options             loading.Options
		batch, side         int
		trainScale, measure float64
	}{
		"zero":       {loading.Options{}, 7, 2, 1, 1},
		"all":        {loading.Options{BatchSize: 3, Resize: 4, Seed: 1, Train: transform.Compose{transform.ToTensor{}, twice}}, 3, 4, 2, 1},
		"test alone": {loading.Options{BatchSize: 6, Test: transform.Compose{transform.ToTensor{}, twice}}, 6, 2, 1, 2},
	} {
		train, test, err := loading.Splits("load", open, c.options)
		if err != nil {
			t.Fatal(err)
		}
		check := func(split string, l *loader.Loader, scale float64) (indices []int) {
			n := 0
			for b, err := range l.Epoch(1) {
				if err != nil {
					t.Fatal(err)
				}
				n += len(b.Indices)
				indices = append(indices, b.Indices...)
				if want := []int{len(b.Indices), 1, c.side, c.side}; !slices.Equal(b.Inputs.Shape(), want) || len(b.Indices) > c.batch {
					t.Errorf("%s, %s: shape %v, want %v of at most %d", name, split, b.Inputs.Shape(), want, c.batch)
				}
				for at, i := range b.Indices {
					if got, want := b.Inputs.At(at, 0, 0, 0), float64(float32(i)/255)*scale; got != want {
						t.Errorf("%s, %s: sample %d is %v, want %v", name, split, i, got, want)
					}
				}
			}
			if n != l.Samples() {
				t.Errorf("%s, %s: %d samples, want %d", name, split, n, l.Samples())
			}
			return indices
		}
		if order := check("train", train, c.trainScale); slices.IsSorted(order) {
			t.Errorf("%s: training samples come as %v", name, order)
		}
		if order := check("test", test, c.measure); !slices.IsSorted(order) {
			t.Errorf("%s: test samples come as %v", name, order)
		}
	}
	broken := errors.New("no file")
	if _, _, err := loading.Splits("load", func(dataset.Split) (*dataset.Images, error) { return nil, broken }, loading.Options{}); err != broken {
		t.Errorf("got %v, want %v", err, broken)
	}
	for want, o := range map[string]loading.Options{
		"load: resize -1: at least 0 expected":     {Resize: -1},
		"load: batch size -1: at least 0 expected": {BatchSize: -1},
	} {
		func() {
			defer func() {
				if err, ok := recover().(*fault.OptionError); !ok || err.Error() != want {
					t.Errorf("got %v, want %s", err, want)
				}
			}()
			_, _, err := loading.Splits("load", open, o)
			t.Errorf("%+v: no panic, %v", o, err)
		}()
	}
}
