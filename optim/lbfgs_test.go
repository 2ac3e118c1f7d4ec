package optim_test

import (
	"fmt"
	"math"
	"testing"

	"github.com/onehot-go/onehot/fault"
	"github.com/onehot-go/onehot/internal/reference"
	"github.com/onehot-go/onehot/optim"
	"github.com/onehot-go/onehot/tensor"
)

// lbfgsRun is a run of testdata/lbfgs.json: what each call of Step returned and left.
type lbfgsRun struct {
	Function string
	Settings struct {
		LR              *float64
		MaxIter         *int     `json:"max_iter"`
		MaxEval         *int     `json:"max_eval"`
		ToleranceGrad   *float64 `json:"tolerance_grad"`
		ToleranceChange *float64 `json:"tolerance_change"`
		HistorySize     *int     `json:"history_size"`
		LineSearch      string   `json:"line_search_fn"`
	}
	Start, Values, Evaluations, Steps reference.Array
}

// objectives are the functions of four numbers that testdata/lbfgs.py has.
var objectives = map[string]func(x *tensor.Tensor) *tensor.Tensor{
	"rosenbrock": func(x *tensor.Tensor) *tensor.Tensor {
		left, right := x.Narrow(0, 0, 3), x.Narrow(0, 1, 3)
		bend, way := right.Sub(left.Mul(left)), left.MulScalar(-1).AddScalar(1)
		return bend.Mul(bend).MulScalar(100).Add(way.Mul(way)).Sum()
	},
	"bowl": func(x *tensor.Tensor) *tensor.Tensor {
		squares := x.Mul(x)
		return squares.Mul(tensor.New([]float64{1, 10, 100, 1000}, 4).To(x.DType())).Sum().MulScalar(0.5).
			Add(squares.Mul(squares).Sum().MulScalar(0.25))
	},
	"hills": func(x *tensor.Tensor) *tensor.Tensor {
		off := x.AddScalar(-0.5)
		product := x.Select(0, 0).Mul(x.Select(0, 1)).Mul(x.Select(0, 2)).Mul(x.Select(0, 3))
		return off.Mul(off).MulScalar(-4).Exp().MulScalar(3).Add(x.Mul(x).MulScalar(0.25)).Sum().Add(product.MulScalar(0.125))
	},
}

// problem is an objective of two parameters with an optimizer of them.
type problem struct {
	a, b        *tensor.Tensor // (3) and ()
	optimizer   *optim.LBFGS
	objective   func() float64
	evaluations int
}

func (r lbfgsRun) problem() *problem {
	start := r.Start.Tensor()
	p := &problem{a: start.Narrow(0, 0, 3).Clone().SetRequiresGrad(true), b: start.Select(0, 3).Clone().SetRequiresGrad(true)}
	lr := 1.0
	if r.Settings.LR != nil {
		lr = *r.Settings.LR
	}
	p.optimizer = optim.NewLBFGS([]*tensor.Tensor{p.a, p.b}, lr, optim.LBFGSOptions{
		MaxIter: r.Settings.MaxIter, MaxEval: r.Settings.MaxEval, HistorySize: r.Settings.HistorySize,
		ToleranceGrad: r.Settings.ToleranceGrad, ToleranceChange: r.Settings.ToleranceChange,
		StrongWolfe: r.Settings.LineSearch == "strong_wolfe",
	})
	p.objective = func() float64 {
		p.evaluations++
		p.optimizer.ZeroGrad()
		value := objectives[r.Function](tensor.Cat(0, p.a, p.b.Reshape(1)))
		value.Backward()
		return value.Item()
	}
	return p
}

func (p *problem) at() *tensor.Tensor {
	return tensor.Cat(0, p.a, p.b.Reshape(1)).Detach().Clone()
}

// TestLBFGSAgreesWithPyTorch goes the way that PyTorch went, step by step; all the same
// when all is thrown away but for the parameters and the state, and made again.
func TestLBFGSAgreesWithPyTorch(t *testing.T) {
	var f struct{ Runs []lbfgsRun }
	reference.Load(t, "testdata/lbfgs.json", &f)
	for i, r := range f.Runs {
		name := fmt.Sprintf("run %d, %s, %s", i, r.Function, r.Steps.DType)
		tolerance := 1e-11 // what is left of 1e-16 where every step depends on the curvature of those before
		if r.Steps.DType == "float32" {
			tolerance = 1e-5
		}
		p, calls := r.problem(), r.Steps.Shape[0]
		again := r.problem()
		var values, evaluations, steps []*tensor.Tensor
		for range calls {
			value := p.optimizer.Step(p.objective)
			values = append(values, tensor.Scalar(value).To(reference.DType(r.Steps.DType)))
			evaluations = append(evaluations, tensor.Scalar(int64(p.evaluations)))
			steps = append(steps, p.at())

			next := r.problem()
			next.a.CopyInPlace(again.a.Detach())
			next.b.CopyInPlace(again.b.Detach())
			for name, kept := range again.optimizer.State() {
				next.optimizer.State()[name].CopyInPlace(kept)
			}
			again = next
			again.optimizer.Step(again.objective)
			if !sameBits(again.at(), p.at()) {
				t.Errorf("%s: continued from its state: got %v, want %v", name, again.at(), p.at())
			}
		}
		for what, c := range map[string]struct {
			got       []*tensor.Tensor
			want      reference.Array
			tolerance float64
		}{"values": {values, r.Values, tolerance}, "evaluations": {evaluations, r.Evaluations, 0}, "steps": {steps, r.Steps, tolerance}} {
			if err := reference.Compare(tensor.Stack(0, c.got...), c.want, c.tolerance); err != nil {
				t.Errorf("%s: %s: %v", name, what, err)
			}
		}
	}
}

// A parameter without a gradient stays where it is, and one in another layout or type is
// no other.
func TestLBFGSTakesAnyParameters(t *testing.T) {
	wide := tensor.Zeros(tensor.Float64, 3, 4)
	part := wide.Transpose(0, 1).Narrow(0, 1, 2).SetRequiresGrad(true)
	single := tensor.Ones(tensor.Float32, 2).SetRequiresGrad(true)
	idle := tensor.Ones(tensor.Float64, 2).SetRequiresGrad(true)
	o := optim.NewLBFGS([]*tensor.Tensor{part, idle, single}, 1, optim.LBFGSOptions{StrongWolfe: true})
	objective := func() float64 {
		o.ZeroGrad()
		x, y := part.AddScalar(-2), single.AddScalar(-3)
		value := x.Mul(x).Sum().Add(y.Mul(y).Sum())
		value.Backward()
		return value.Item()
	}
	if before := o.Step(objective); before != 6*4+2*4 {
		t.Errorf("got %v from a step, want 32", before)
	}
	if value := objective(); value > 1e-12 {
		t.Errorf("value %v after a step, want 0", value)
	}
	if idle.Ne(tensor.Scalar(1.0)).Any().Item() != 0 || wide.Narrow(1, 0, 1).Ne(tensor.Scalar(0.0)).Any().Item() != 0 {
		t.Errorf("what has no gradient was changed: %v, %v", idle, wide)
	}
}

// TestLBFGSSameBitsForAnyThreads has parameters that are large enough for the work to be
// split, with a rest.
func TestLBFGSSameBitsForAnyThreads(t *testing.T) {
	defer tensor.SetThreads(0)
	minimize := func(threads int) *tensor.Tensor {
		tensor.SetThreads(threads)
		x := tensor.Arange(tensor.Float64, 1, 70002, 1).DivScalar(70001).SetRequiresGrad(true)
		o := optim.NewLBFGS([]*tensor.Tensor{x}, 1, optim.LBFGSOptions{MaxIter: new(5), HistorySize: new(3), StrongWolfe: true})
		o.Step(func() float64 {
			o.ZeroGrad()
			value := x.Exp().Sub(x.MulScalar(1.5)).Mul(x).Sum()
			value.Backward()
			return value.Item()
		})
		return x
	}
	want := minimize(1)
	if v := want.At(0); v == 1 || math.IsNaN(v) {
		t.Fatalf("nothing was learnt: %v", want)
	}
	for _, threads := range []int{2, 3, 5, 8} {
		if got := minimize(threads); !sameBits(got, want) {
			t.Errorf("%d threads: got %v, want %v", threads, got, want)
		}
	}
}

// An objective that is not a number ends a step, and is for the caller to see.
func TestLBFGSOnNaN(t *testing.T) {
	for _, wolfe := range []bool{false, true} {
		x := tensor.Ones(tensor.Float64, 2).SetRequiresGrad(true)
		o := optim.NewLBFGS([]*tensor.Tensor{x}, 1, optim.LBFGSOptions{StrongWolfe: wolfe})
		value := o.Step(func() float64 {
			o.ZeroGrad()
			l := x.MulScalar(math.NaN()).Sum()
			l.Backward()
			return l.Item()
		})
		if value == value {
			t.Errorf("strong Wolfe %v: got %v, want NaN", wolfe, value)
		}
	}
}

func TestLBFGSOptionErrors(t *testing.T) {
	p := tensor.Ones(tensor.Float32, 2)
	for text, f := range map[string]func(){
		"optim.LBFGS: learning rate -1: at least 0 expected": func() { optim.NewLBFGS(nil, -1, optim.LBFGSOptions{}) },
		"optim.LBFGS: 0 iterations: at least 1 expected": func() {
			optim.NewLBFGS(nil, 1, optim.LBFGSOptions{MaxIter: new(0), MaxEval: new(1)})
		},
		"optim.LBFGS: 0 evaluations: at least 1 expected":                    func() { optim.NewLBFGS(nil, 1, optim.LBFGSOptions{MaxEval: new(0)}) },
		"optim.LBFGS: 1 strengths of L1 for 0 parameters: one each expected": func() { optim.NewLBFGS(nil, 1, optim.LBFGSOptions{L1: []float64{1}}) },
		"optim.LBFGS: L1 of -1: at least 0 expected": func() {
			optim.NewLBFGS([]*tensor.Tensor{tensor.Zeros(tensor.Float32, 1)}, 1, optim.LBFGSOptions{L1: []float64{-1}})
		},
		"optim.LBFGS: history of 0: at least 1 expected": func() { optim.NewLBFGS(nil, 1, optim.LBFGSOptions{HistorySize: new(0)}) },
		"optim.LBFGS: tolerance of the gradient -1: at least 0 expected": func() {
			optim.NewLBFGS(nil, 1, optim.LBFGSOptions{ToleranceGrad: new(-1.0)})
		},
		"optim.LBFGS: tolerance of changes NaN: at least 0 expected": func() {
			optim.NewLBFGS(nil, 1, optim.LBFGSOptions{ToleranceChange: new(math.NaN())})
		},
		"optim.LBFGS: parameter 1 is parameter 0 again": func() {
			optim.NewLBFGS([]*tensor.Tensor{p, p}, 1, optim.LBFGSOptions{})
		},
	} {
		func() {
			defer func() {
				if err, ok := recover().(*fault.OptionError); !ok || err.Error() != text {
					t.Errorf("got  %v\nwant %s", err, text)
				}
			}()
			f()
		}()
	}
}

// A line is fitted to points by least squares, in a handful of iterations.
func ExampleLBFGS() {
	x := tensor.New([]float64{0, 1, 2, 3}, 4)
	y := tensor.New([]float64{1, 3, 5, 7}, 4)
	slope, offset := tensor.Scalar(0.0).SetRequiresGrad(true), tensor.Scalar(0.0).SetRequiresGrad(true)
	optimizer := optim.NewLBFGS([]*tensor.Tensor{slope, offset}, 1, optim.LBFGSOptions{StrongWolfe: true})
	before := optimizer.Step(func() float64 {
		optimizer.ZeroGrad()
		miss := x.Mul(slope).Add(offset).Sub(y)
		l := miss.Mul(miss).Mean()
		l.Backward()
		return l.Item()
	})
	fmt.Printf("%.0f before; y = %.4f x + %.4f\n", before, slope.Item(), offset.Item())
	// Output:
	// 21 before; y = 2.0000 x + 1.0000
}
