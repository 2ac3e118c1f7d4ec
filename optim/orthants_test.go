package optim_test

import (
	"math"
	"testing"

	"github.com/onehot-go/onehot/optim"
	"github.com/onehot-go/onehot/tensor"
)

// TestL1 minimises sums of squares with L1, whose least is known: every element is as far from 0 as without
// it, but for the strength, and 0 where that is not far. A second parameter has no L1.
func TestL1(t *testing.T) {
	want := []float64{3, -3, 0, 0, 0.25, 0}
	centre := tensor.New([]float64{4, -4, 0.5, -1, 1.25, 0}, 6)
	x := tensor.Zeros(tensor.Float64, 6).SetRequiresGrad(true)
	free := tensor.New([]float64{7, -7}, 2).SetRequiresGrad(true)
	o := optim.NewLBFGS([]*tensor.Tensor{x, free}, 1, optim.LBFGSOptions{MaxIter: new(100), ToleranceGrad: new(1e-10), ToleranceChange: new(0.0), L1: []float64{1, 0}})
	first := o.Step(func() float64 {
		o.ZeroGrad()
		d := x.Sub(centre)
		l := d.Mul(d).Sum().Add(free.Mul(free).Sum()).MulScalar(0.5)
		l.Backward()
		return l.Item()
	})
	if first != 66.40625 {
		t.Errorf("the objective was %v, want 66.40625", first)
	}
	for i, v := range tensor.Values[float64](x) {
		if math.Abs(v-want[i]) > 1e-9 || want[i] == 0 && v != 0 {
			t.Errorf("element %d is %v, want %v", i, v, want[i])
		}
	}
	for i, v := range tensor.Values[float64](free) {
		if math.Abs(v) > 1e-9 {
			t.Errorf("element %d without L1 is %v", i, v)
		}
	}
}

// TestL1Crosses begins on the other side of 0.
func TestL1Crosses(t *testing.T) {
	x := tensor.New([]float64{-5, 5}, 2).SetRequiresGrad(true)
	curve, centre := tensor.New([]float64{1, 30}, 2), tensor.New([]float64{2, -2}, 2)
	o := optim.NewLBFGS([]*tensor.Tensor{x}, 1, optim.LBFGSOptions{MaxIter: new(100), ToleranceGrad: new(1e-10), ToleranceChange: new(0.0), L1: []float64{3}})
	o.Step(func() float64 {
		o.ZeroGrad()
		d := x.Sub(centre)
		l := d.Mul(d).Mul(curve).Sum().MulScalar(0.5)
		l.Backward()
		return l.Item()
	})
	got := tensor.Values[float64](x)
	if got[0] != 0 || math.Abs(got[1]+1.9) > 1e-10 { // 30·(x + 2) = 3
		t.Errorf("got %v, want 0 and -1.9", got)
	}
}
