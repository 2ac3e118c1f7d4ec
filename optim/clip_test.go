package optim_test

import (
	"math"
	"slices"
	"testing"

	"github.com/onehot-go/onehot/optim"
	"github.com/onehot-go/onehot/tensor"
)

// withGradients returns a parameter for each list, with the list as its gradient.
func withGradients(gradients ...[]float64) []*tensor.Tensor {
	var params []*tensor.Tensor
	for _, g := range gradients {
		p := tensor.Zeros(tensor.Float64, len(g)).SetRequiresGrad(true)
		p.Mul(tensor.New(g, len(g))).Sum().Backward()
		params = append(params, p)
	}
	return params
}

func TestClip(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	same := func(a, b float64) bool { return a == b || a != a && b != b }
	for name, c := range map[string]struct {
		gradients   [][]float64
		limit, norm float64 // no norm clips the values
		returned    float64
		want        [][]float64
	}{
		"short enough":        {[][]float64{{3}, {0, 4}}, 5.5, 2, 5, [][]float64{{3}, {0, 4}}},
		"too long":            {[][]float64{{3}, {0, 4}}, 2.5 + 0.5e-6, 2, 5, [][]float64{{1.5}, {0, 2}}},
		"zeros":               {[][]float64{{0}, {0, 0}}, 0, 2, 0, [][]float64{{0}, {0, 0}}},
		"to nothing":          {[][]float64{{3}, {0, -4}}, 0, 2, 5, [][]float64{{0}, {0, 0}}},
		"magnitudes":          {[][]float64{{3}, {0, -4}}, 3.5 + 0.5e-6, 1, 7, [][]float64{{1.5}, {0, -2}}},
		"greatest":            {[][]float64{{3}, {-4, 0}}, 2 + 0.5e-6, inf, 4, [][]float64{{1.5}, {-2, 0}}},
		"no elements":         {[][]float64{{}}, 1, inf, 0, [][]float64{{}}},
		"no gradients":        {nil, 1, 2, 0, nil},
		"NaN":                 {[][]float64{{3}, {nan, 1}}, 1, 2, nan, [][]float64{{nan}, {nan, nan}}},
		"greatest with NaN":   {[][]float64{{nan}, {3}}, 10, inf, nan, [][]float64{{nan}, {nan}}},
		"infinite":            {[][]float64{{3}, {-inf}}, 1, 2, inf, [][]float64{{0}, {nan}}},
		"infinite limit":      {[][]float64{{3}}, inf, 2, 3, [][]float64{{3}}},
		"values":              {[][]float64{{3, -3}, {1, -1, 0}}, 2, 0, 0, [][]float64{{2, -2}, {1, -1, 0}}},
		"values to nothing":   {[][]float64{{3, -3}}, 0, 0, 0, [][]float64{{0, 0}}},
		"values without size": {[][]float64{{nan, inf, -inf}}, 2, 0, 0, [][]float64{{nan, 2, -2}}},
	} {
		params := withGradients(c.gradients...)
		params = append(params, tensor.Ones(tensor.Float32).SetRequiresGrad(true)) // without gradient
		if c.norm == 0 {
			optim.ClipGradValue(params, c.limit)
		} else if got := optim.ClipGradNorm(params, c.limit, c.norm); !same(got, c.returned) {
			t.Errorf("%s: returned %v, want %v", name, got, c.returned)
		}
		for i, want := range c.want {
			if got := tensor.Values[float64](params[i].Grad()); !slices.EqualFunc(got, want, same) {
				t.Errorf("%s: gradient %d: got %v, want %v", name, i, got, want)
			}
		}
	}
}

// Squares that float32 cannot hold have a norm all the same.
func TestClipGradNormOfLargeFloat32(t *testing.T) {
	p := tensor.Zeros(tensor.Float32, 2).SetRequiresGrad(true)
	p.Mul(tensor.New([]float32{3e30, 4e30}, 2)).Sum().Backward()
	if got := optim.ClipGradNorm([]*tensor.Tensor{p}, 1, 2); math.Abs(got/5e30-1) > 1e-6 {
		t.Errorf("got %v, want 5e30", got)
	}
	if got := p.Grad().Mul(p.Grad()).Sum().Item(); math.Abs(got-1) > 1e-6 {
		t.Errorf("the squares of the clipped gradient add up to %v, want 1", got)
	}
}
