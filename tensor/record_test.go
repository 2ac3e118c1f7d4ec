package tensor_test

import (
	"slices"
	"testing"

	"github.com/onehot-go/onehot/internal/gradcheck"
	"github.com/onehot-go/onehot/tensor"
)

// TestRecord holds that an operation from outside the package has what the package's own
// have: a gradient that agrees with differences, summed over broadcast dimensions and uses.
func TestRecord(t *testing.T) {
	x := tensor.New([]float64{0.5, -1, 2, 3, 0, -0.25}, 2, 3).SetRequiresGrad(true)
	row := vector(0.25, 1, -2)
	for name, f := range map[string]func(x []*Tensor) *Tensor{
		"alone":      func(x []*Tensor) *Tensor { return sine(x[0]) },
		"in a chain": func(x []*Tensor) *Tensor { return sine(sine(x[0].Mul(x[1])).Add(sine(x[1]))) },
		"transposed": func(x []*Tensor) *Tensor { return sine(x[0].Transpose(0, 1)) },
		"scaled": func(x []*Tensor) *Tensor { // the gradient is broadcast
			scaled := x[1].Detach().MulScalar(2)
			return tensor.Record(tensor.Ones(tensor.Float64, 4, 3).Mul(scaled), "scaled", tensor.Input{Tensor: x[1], Grad: func(g *Tensor) *Tensor {
				return g.MulScalar(2)
			}})
		},
	} {
		inputs := []*Tensor{x, row}
		if err := gradcheck.Check(f, inputs...); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestRecordMarks holds that Record keeps to NoGrad, and that it records what needs no
// gradient as little as the package's own operations do.
func TestRecordMarks(t *testing.T) {
	x := vector(1, 2)
	if !sine(x).RequiresGrad() {
		t.Error("the result of a leaf requires no gradient")
	}
	if sine(x.Detach()).RequiresGrad() {
		t.Error("the result of a constant requires a gradient")
	}
	if y := sine(x.NoGrad()).Mul(x); y.RequiresGrad() {
		t.Error("what is computed from the result of a NoGrad tensor requires a gradient")
	}
}

func TestRecordErrors(t *testing.T) {
	x := vector(1, 2)
	wantPanic[*tensor.GradError](t, "a result", "twice: shape (2): the result to be recorded requires a gradient already: compute its elements from Detach",
		func() { tensor.Record(x.Exp(), "twice", tensor.Input{Tensor: x}) })
	y := sine(x).Sum()
	x.AddInPlace(tensor.Scalar(1.0))
	wantPanic[*tensor.GradError](t, "changed", "backward: a value of shape (2) that the gradient of sine needs was changed in place (1 changes since)",
		func() { y.Backward() })
}

// TestEmpty holds that all but the elements is given.
func TestEmpty(t *testing.T) {
	for _, dtype := range []tensor.DType{tensor.Bool, tensor.Uint8, tensor.Int64, tensor.Float32, tensor.Float64} {
		for _, shape := range [][]int{{}, {0, 3}, {2, 3}, {3, 1000}} {
			x := tensor.Empty(dtype, shape...)
			if x.DType() != dtype || !slices.Equal(x.Shape(), shape) || !x.IsContiguous() || x.RequiresGrad() {
				t.Errorf("got %v of %s, want shape %v of %s", x.Shape(), x.DType(), shape, dtype)
			}
		}
	}
	wantPanic[*tensor.ShapeError](t, "negative", "empty: shape (2, -1): dimension 1 is negative", func() { tensor.Empty(tensor.Float32, 2, -1) })
}
