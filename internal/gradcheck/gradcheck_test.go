package gradcheck

import (
	"testing"

	"github.com/onehot-go/onehot/tensor"
)

func leaf(data []float64, shape ...int) *tensor.Tensor {
	return tensor.New(data, shape...).SetRequiresGrad(true)
}

func TestCheckPassesRightGradients(t *testing.T) {
	x, y := leaf([]float64{0.5, -1.25, 2, 3, -0.75, 1.5}, 2, 3), leaf([]float64{1.5, -2, 0.25}, 3)
	f := func(in []*tensor.Tensor) *tensor.Tensor { return in[0].Mul(in[1]).Exp().Add(in[0]) }
	for range 2 { // the second time gradients are there already
		if err := Check(f, x, y); err != nil {
			t.Error(err)
		}
	}
	transposed := tensor.New([]float64{0.5, 3, -1.25, -0.75, 2, 1.5}, 3, 2).Transpose(0, 1).SetRequiresGrad(true)
	if err := Check(f, transposed, y); err != nil {
		t.Error("transposed input:", err)
	}
	for i, want := range []float64{0.5, -1.25, 2, 3, -0.75, 1.5} {
		if got := tensor.Values[float64](transposed)[i]; got != want {
			t.Errorf("element %d is %v after the check, was %v", i, got, want)
		}
	}
}

// Detach makes gradients wrong on purpose: values stay the same, but part of the
// derivative is lost.
func TestCheckCatchesWrongGradients(t *testing.T) {
	square := func(x *tensor.Tensor) *tensor.Tensor { return x.Mul(x) }
	for _, c := range []struct {
		name string
		f    func(in []*tensor.Tensor) *tensor.Tensor
	}{
		{"half of it", func(in []*tensor.Tensor) *tensor.Tensor { return in[0].Mul(in[0].Detach()) }},
		{"a millionth of it", func(in []*tensor.Tensor) *tensor.Tensor {
			return square(in[0]).MulScalar(1 - 1e-6).Add(square(in[0].Detach()).MulScalar(1e-6))
		}},
		{"its sign", func(in []*tensor.Tensor) *tensor.Tensor {
			return in[0].Neg().Add(in[0].Detach().MulScalar(2))
		}},
		{"in one element", func(in []*tensor.Tensor) *tensor.Tensor {
			last := in[0].Detach().Narrow(0, 2, 1)
			return in[0].Narrow(0, 0, 2).Sum().Add(last.Sum())
		}},
		{"swapped elements", func(in []*tensor.Tensor) *tensor.Tensor {
			x := in[0].Narrow(0, 0, 2)
			turned := tensor.New([]int64{1, 0}, 2)
			y := square(x.Gather(0, turned))
			return y.Sub(y.Detach()).Add(square(x.Detach()))
		}},
		{"none for one input", func(in []*tensor.Tensor) *tensor.Tensor { return in[0].Mul(in[1].Detach()) }},
		{"none at all", func(in []*tensor.Tensor) *tensor.Tensor { return square(in[0].Detach()) }},
		{"through NoGrad", func(in []*tensor.Tensor) *tensor.Tensor { return square(in[0].NoGrad()) }},
		{"NaN", func(in []*tensor.Tensor) *tensor.Tensor {
			return in[0].Sub(in[0].Detach()).Mul(tensor.Scalar(1e308)).Mul(tensor.Scalar(1e308))
		}},
	} {
		if err := Check(c.f, leaf([]float64{0.5, -1.25, 2}, 3), leaf([]float64{1, 3, -1}, 3)); err == nil {
			t.Errorf("a gradient that lacks %s passes", c.name)
		}
	}
}

func TestCheckRefusesWhatItCannotCheck(t *testing.T) {
	f := func(in []*tensor.Tensor) *tensor.Tensor { return in[0].Sum() }
	if err := Check(f, tensor.New([]float64{1, 2}, 2)); err == nil {
		t.Error("no input that requires gradients passes")
	}
	if err := Check(f, tensor.New([]float32{1, 2}, 2).SetRequiresGrad(true)); err == nil {
		t.Error("an input of float32 passes")
	}
}
