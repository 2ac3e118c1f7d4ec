package tensor_test

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/onehot-go/onehot/random"
	"github.com/onehot-go/onehot/tensor"
)

// TestLinearReLU holds that one pass gives the bits of one operation after the other, whichever
// of the inputs require gradients, on any number of threads: of products in tiles, of few
// columns and of few rows, of more dimensions, of rows that lie apart, of NaN and of nothing.
func TestLinearReLU(t *testing.T) {
	for i, c := range []struct {
		rows    []int
		in, out int
		apart   bool // every other row of a larger tensor
	}{
		{rows: []int{150}, in: 300, out: 130},
		{rows: []int{40}, in: 784, out: 10},
		{rows: []int{3}, in: 200, out: 150},
		{rows: []int{2, 33}, in: 7, out: 65},
		{rows: []int{65}, in: 70, out: 66, apart: true},
		{rows: nil, in: 5, out: 3},
		{rows: []int{0}, in: 5, out: 3},
		{rows: []int{4}, in: 0, out: 3},
	} {
		for _, dtype := range []tensor.DType{tensor.Float32, tensor.Float64} {
			draw := func(at int, shape ...int) *Tensor {
				return tensor.Uniform(dtype, random.New(uint64(i)).At(at).Rand(), -1, 1, shape...)
			}
			x, w, b := draw(0, append(slices.Clone(c.rows), c.in)...), draw(1, c.out, c.in), draw(2, c.out)
			if c.apart {
				x = draw(0, 2*c.rows[0], c.in).Slice(0, 0, 2*c.rows[0], 2)
			}
			if c.in == 70 {
				x.Select(0, 1).FillInPlace(math.NaN())
			}
			wantFused(t, fmt.Sprintf("%s %+v", dtype, c), operands{"x": x, "w": w, "b": b}, [][]string{nil, {"x"}, {"w"}, {"b"}, {"x", "w", "b"}, {"no b"}},
				func(shape ...int) *Tensor { return draw(3, shape...) },
				func(o operands) *Tensor { return o["x"].LinearReLU(o["w"], o["b"]) },
				func(o operands) *Tensor { return o["x"].Linear(o["w"], o["b"]).ReLU() })
		}
	}
}

// TestLinearReLUKeepsItsResult holds that a gradient of what was changed in place is refused, and
// that NoGrad goes through.
func TestLinearReLUKeepsItsResult(t *testing.T) {
	w := tensor.Uniform(tensor.Float32, random.New(1).Rand(), -1, 1, 3, 2).SetRequiresGrad(true)
	y := tensor.Ones(tensor.Float32, 4, 2).LinearReLU(w, nil)
	y.Detach().FillInPlace(1)
	wantPanic[*tensor.GradError](t, "changed", "backward: a value of shape (4, 3) that the gradient of relu needs was changed in place (1 changes since)",
		func() { y.Sum().Backward() })
	if tensor.Ones(tensor.Float32, 4, 2).NoGrad().LinearReLU(w, nil).RequiresGrad() {
		t.Error("a result of NoGrad requires gradients")
	}
	wantPanic[*tensor.ShapeError](t, "shapes", "linear: shapes (4, 3) and (3, 2): input (..., in) and weight (out, in) expected",
		func() { zeros(4, 3).LinearReLU(w, nil) })
}
