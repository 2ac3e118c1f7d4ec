package nn_test

import (
	"slices"
	"testing"

	"github.com/onehot-go/onehot/nn"
	"github.com/onehot-go/onehot/tensor"
)

// With the rules of complex numbers or of quaternions PHM is their product.
func TestPHMOfKnownNumbers(t *testing.T) {
	for name, c := range map[string]struct {
		rules []float64 // the matrices that multiply by 1, i, j and k
		s, x  []float64
		want  []float64
	}{
		"complex": {
			[]float64{
				1, 0, 0, 1,
				0, -1, 1, 0,
			}, []float64{2, 3}, []float64{5, -7}, // (2 + 3i)·(5 - 7i)
			[]float64{2*5 + 3*7, 3*5 - 2*7},
		},
		"quaternions": {
			[]float64{
				1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1,
				0, -1, 0, 0, 1, 0, 0, 0, 0, 0, 0, -1, 0, 0, 1, 0,
				0, 0, -1, 0, 0, 0, 0, 1, 1, 0, 0, 0, 0, -1, 0, 0,
				0, 0, 0, -1, 0, 0, -1, 0, 0, 1, 0, 0, 1, 0, 0, 0,
			}, []float64{1, 2, 3, 4}, []float64{5, 6, 7, 8}, // Hamilton's product
			[]float64{1*5 - 2*6 - 3*7 - 4*8, 1*6 + 2*5 + 3*8 - 4*7, 1*7 - 2*8 + 3*5 + 4*6, 1*8 + 2*7 - 3*6 + 4*5},
		},
	} {
		n := len(c.x)
		l := nn.NewPHM(n, n, n, rng())
		l.A = tensor.New(c.rules, n, n, n)
		l.S = tensor.New(c.s, n, 1, 1)
		l.Bias = tensor.Zeros(tensor.Float64, n)
		if got := tensor.Values[float64](l.Forward(tensor.New(c.x, 1, n))); !slices.Equal(got, c.want) {
			t.Errorf("%s: got %v, want %v", name, got, c.want)
		}
	}
}

// The weight starts as Linear's does, but for what its elements share.
func TestPHMWeightAtStart(t *testing.T) {
	const in, out = 64, 64
	for _, n := range []int{1, 2, 4, 8} {
		sum, layers := 0.0, 400/n
		r := rng()
		for range layers {
			w := nn.NewPHM(n, in, out, r).Weight().Detach().To(tensor.Float64)
			sum += w.Mul(w).Mean().Item()
		}
		want := 1.0 / (3 * in)
		if got := sum / float64(layers); got < 0.9*want || got > 1.1*want {
			t.Errorf("n = %d: got variance %v, want %v", n, got, want)
		}
	}
}

func TestPHMParameters(t *testing.T) {
	for _, c := range []struct{ n, in, out, want int }{
		{1, 784, 256, 1 + 784*256 + 256},
		{2, 784, 256, 8 + 784*256/2 + 256},
		{4, 784, 256, 64 + 784*256/4 + 256},
		{16, 784, 256, 4096 + 784*256/16 + 256},
	} {
		if got := nn.NumParameters(nn.NewPHM(c.n, c.in, c.out, rng())); got != c.want {
			t.Errorf("n = %d: got %d parameters, want %d", c.n, got, c.want)
		}
	}
}
