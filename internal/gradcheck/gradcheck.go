// Package gradcheck has tests compare the gradients that Backward computes with
// differences of the function's own values.
package gradcheck

import (
	"fmt"
	"math"
	"slices"

	"github.com/onehot-go/onehot/random"
	"github.com/onehot-go/onehot/tensor"
)

const (
	step      = 1e-6 // of a central difference, times the element's magnitude where that is above 1
	tolerance = 1e-7 // of a gradient, times its magnitude where that is above 1
)

// Check returns an error unless Backward's gradients of f, with respect to all inputs
// that require one, agree with central differences of f. A result that is not a scalar
// is seeded with random numbers. Inputs are leaves of Float64 in any layout, but no two
// elements may share memory; they keep their values, and Check resets their gradients.
// Where f has a kink its differences mean nothing.
func Check(f func(inputs []*tensor.Tensor) *tensor.Tensor, inputs ...*tensor.Tensor) error {
	checked := 0
	for i, x := range inputs {
		if !x.RequiresGrad() {
			continue
		}
		checked++
		if x.DType() != tensor.Float64 {
			return fmt.Errorf("input %d: got type %s, want float64: differences of others are too rough", i, x.DType())
		}
		x.ZeroGrad()
	}
	if checked == 0 {
		return fmt.Errorf("no input requires gradients")
	}
	out := f(inputs)
	if !out.RequiresGrad() {
		return fmt.Errorf("the result requires no gradients")
	}
	seed := tensor.Normal(tensor.Float64, random.New(1).For("gradcheck").Rand(), 0, 1, out.Shape()...)
	out.Backward(seed)

	value := func() float64 { return f(inputs).Detach().Mul(seed).Sum().Item() }
	for i, x := range inputs {
		if !x.RequiresGrad() {
			continue
		}
		got := make([]float64, x.Numel()) // no gradient flowed: it is 0
		if g := x.Grad(); g != nil {
			if g.DType() != x.DType() || !slices.Equal(g.Shape(), x.Shape()) {
				return fmt.Errorf("input %d: got a gradient of %s %v, want %s %v", i, g.DType(), g.Shape(), x.DType(), x.Shape())
			}
			got = tensor.Values[float64](g)
		}
		for at := range got {
			want := difference(element(x, at), value)
			if !(math.Abs(got[at]-want) <= tolerance*max(1, math.Abs(want))) {
				return fmt.Errorf("input %d of shape %v, element %d: got gradient %v, the difference is %v", i, x.Shape(), at, got[at], want)
			}
		}
	}
	return nil
}

// difference returns the central difference of value with respect to e, one element.
func difference(e *tensor.Tensor, value func() float64) float64 {
	v := e.Item()
	h := step * max(1, math.Abs(v))
	low, high := v-h, v+h
	e.FillInPlace(low)
	below := value()
	e.FillInPlace(high)
	above := value()
	e.FillInPlace(v)
	return (above - below) / (high - low)
}

// element returns the view of element at of x, counted in row-major order.
func element(x *tensor.Tensor, at int) *tensor.Tensor {
	e := x.Detach()
	for d := x.Dim() - 1; d >= 0; d-- {
		e = e.Narrow(d, at%x.Size(d), 1)
		at /= x.Size(d)
	}
	return e
}
