package main

import (
	"testing"

	"github.com/onehot-go/onehot/model/safetensors"
	"github.com/onehot-go/onehot/tensor"
)

// TestMedian has its intervals from tables of the sign test.
func TestMedian(t *testing.T) {
	for _, test := range []struct {
		n                 int
		low, middle, high float64
	}{
		{6, 1, 3.5, 6},
		{8, 1, 4.5, 8},
		{9, 2, 5, 8},
		{15, 4, 8, 12},
		{20, 6, 10.5, 15},
		{25, 8, 13, 18},
	} {
		var values []float64
		for i := range test.n {
			values = append(values, float64((i*7)%test.n+1))
		}
		low, middle, high := median(values)
		if low != test.low || middle != test.middle || high != test.high {
			t.Errorf("1 to %d: median %v from %v to %v, want %v from %v to %v", test.n, middle, low, high, test.middle, test.low, test.high)
		}
	}
}

func TestSameWeights(t *testing.T) {
	file := func(state float32, values ...float32) *safetensors.File {
		f := &safetensors.File{Tensors: []safetensors.Tensor{{Name: ".step", Value: tensor.Scalar(state)}}}
		for i, v := range values {
			f.Tensors = append(f.Tensors, safetensors.Tensor{Name: string(rune('a' + i)), Value: tensor.Scalar(v)})
		}
		return f
	}
	for _, test := range []struct {
		before, after *safetensors.File
		want          string
	}{
		{file(1, 1, 2), file(2, 1, 2), ""},
		{file(1, 1, 2), file(1, 1, 3), `tensor "b" differs`},
		{file(1, 1, 2), file(1, 1), `no tensor "b"`},
		{file(1, 1), file(1, 1, 2), "2 tensors, and before 1"},
		{file(1), file(1), "no weights"},
	} {
		got := ""
		if err := sameWeights(test.before, test.after); err != nil {
			got = err.Error()
		}
		if got != test.want {
			t.Errorf("got %q, want %q", got, test.want)
		}
	}
}
