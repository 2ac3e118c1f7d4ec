package tensor_test

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/onehot-go/onehot/tensor"
)

// further are the operations without a row in operations, each on tensors that it can take.
var further = map[string]struct {
	inputs []*Tensor
	f      func(x []*Tensor) *Tensor
}{
	"Conv2dBatchNorm": {[]*Tensor{zeros(2, 1, 4, 4), zeros(3, 1, 3, 3), zeros(3), zeros(3), zeros(3)}, func(x []*Tensor) *Tensor {
		return x[0].Conv2dBatchNorm(x[1], x[2], tensor.Conv2dOptions{}, nil, nil, x[3], x[4], tensor.BatchNormOptions{Training: true})
	}},
	"Conv2dBatchNorm/evaluation": {[]*Tensor{zeros(2, 1, 4, 4), zeros(3, 1, 3, 3), zeros(3), zeros(3), zeros(3)}, func(x []*Tensor) *Tensor {
		return x[0].Conv2dBatchNorm(x[1], x[2], tensor.Conv2dOptions{}, zeros(3), zeros(3), x[3], x[4], tensor.BatchNormOptions{})
	}},
	"BatchNormReLUMaxPool": {[]*Tensor{zeros(2, 1, 4, 4), zeros(1), zeros(1)}, func(x []*Tensor) *Tensor {
		return x[0].BatchNormReLUMaxPool(nil, nil, x[1], x[2], tensor.BatchNormOptions{Training: true})
	}},
	"Conv2dBatchNormReLU": {[]*Tensor{zeros(2, 1, 4, 4), zeros(3, 1, 3, 3), zeros(3), zeros(3), zeros(3)}, func(x []*Tensor) *Tensor {
		return x[0].Conv2dBatchNormReLU(x[1], x[2], tensor.Conv2dOptions{}, zeros(3), zeros(3), x[3], x[4], tensor.BatchNormOptions{})
	}},
	"Conv2dBatchNormReLUMaxPool": {[]*Tensor{zeros(2, 1, 4, 4), zeros(3, 1, 3, 3), zeros(3), zeros(3), zeros(3)}, func(x []*Tensor) *Tensor {
		return x[0].Conv2dBatchNormReLUMaxPool(x[1], x[2], tensor.Conv2dOptions{}, nil, nil, x[3], x[4], tensor.BatchNormOptions{Training: true})
	}},
	"ReLUMaxPool2d": {[]*Tensor{zeros(2, 1, 4, 4)}, func(x []*Tensor) *Tensor {
		return x[0].ReLUMaxPool2d(tensor.Pool2dOptions{Kernel: [2]int{2, 2}})
	}},
	"Conv2dReLUMaxPool": {[]*Tensor{zeros(2, 1, 4, 4), zeros(3, 1, 3, 3), zeros(3)}, func(x []*Tensor) *Tensor {
		return x[0].Conv2dReLUMaxPool(x[1], x[2], tensor.Conv2dOptions{})
	}},
	"LinearReLU": {[]*Tensor{zeros(2, 4), zeros(3, 4), zeros(3)}, func(x []*Tensor) *Tensor { return x[0].LinearReLU(x[1], x[2]) }},
	"Record": {[]*Tensor{zeros(2), zeros(2)}, func(x []*Tensor) *Tensor {
		same := func(g *Tensor) *Tensor { return g }
		return tensor.Record(zeros(2), "record", tensor.Input{Tensor: x[0], Grad: same}, tensor.Input{Tensor: x[1], Grad: same})
	}},
}

// markings are the methods whose results' marks are not those of their inputs, and the
// functions that make tensors of none; TestMarks looks at the former.
var markings = []string{"Detach", "NoGrad", "Evaluation", "SetRequiresGrad", "Grad",
	"Arange", "Empty", "Eye", "FromNested", "Full", "Linspace", "New", "Normal", "Ones", "Rand", "RandInt", "RandPerm", "Scalar", "Uniform", "Zeros"}

// TestMarksTravel holds that results of every operation have the marks of every input, and no
// others.
func TestMarksTravel(t *testing.T) {
	tested := slices.Clone(markings)
	try := func(name string, inputs []*Tensor, f func(x []*Tensor) *Tensor) {
		t.Helper()
		method, _, _ := strings.Cut(name, "/")
		tested = append(tested, method)
		inPlace := strings.HasSuffix(method, "InPlace")
		fresh := func(requiresGrad bool) []*Tensor {
			x := make([]*Tensor, len(inputs))
			for i := range x {
				if x[i] = inputs[i].Clone(); x[i].DType().IsFloat() {
					x[i].SetRequiresGrad(requiresGrad)
				}
			}
			return x
		}
		if f(fresh(false)).InEvaluation() {
			t.Errorf("%s: the result of tensors without a mark is in evaluation", name)
		}
		for i := range inputs {
			x := fresh(false)
			x[i] = x[i].Evaluation()
			if want := !inPlace || i == 0; f(x).InEvaluation() != want {
				t.Errorf("%s: input %d is in evaluation, and the result's mark is %v", name, i, !want)
			}
			if inPlace {
				continue
			}
			x = fresh(true)
			x[i] = x[i].NoGrad()
			if f(x).RequiresGrad() {
				t.Errorf("%s: input %d is a NoGrad tensor, and the result requires a gradient", name, i)
			}
		}
	}
	for _, c := range loadCases(t) {
		inputs := make([]*Tensor, len(c.Inputs))
		for i := range inputs {
			inputs[i] = c.Inputs[i].Tensor()
		}
		try(c.Op, inputs, func(x []*Tensor) *Tensor { return operations[c.Op](x, c.Args) })
	}
	for name, o := range further {
		try(name, o.inputs, o.f)
	}
	for name, draw := range map[string]func(t *Tensor, r *rand.Rand, a, b float64) *Tensor{
		"NormalInPlace": (*Tensor).NormalInPlace, "UniformInPlace": (*Tensor).UniformInPlace,
	} {
		try(name, []*Tensor{zeros(2)}, func(x []*Tensor) *Tensor { return draw(x[0], rand.New(rand.NewPCG(1, 2)), 0, 1) })
	}
	for _, name := range returnTensors(t) {
		if !slices.Contains(tested, name) {
			t.Errorf("nothing is known of the marks of %s's results", name)
		}
	}
}

// TestMarks holds what becomes of each mark where one is set or taken away.
func TestMarks(t *testing.T) {
	x := vector(1, 2)
	for name, c := range map[string]struct {
		x                        *Tensor
		evaluation, requiresGrad bool
	}{
		"leaf":                       {x, false, true},
		"Evaluation":                 {x.Evaluation(), true, true},
		"Evaluation, Detach":         {x.Evaluation().Detach(), true, false},
		"Evaluation, NoGrad":         {x.Evaluation().NoGrad(), true, false},
		"NoGrad, Evaluation":         {x.NoGrad().Evaluation(), true, false},
		"NoGrad, Evaluation, Detach": {x.NoGrad().Evaluation().Detach(), true, false},
		"Evaluation of a constant":   {x.Detach().Evaluation().SetRequiresGrad(true), true, true},
		"with a leaf":                {x.Evaluation().Mul(x), true, true},
	} {
		if c.x.InEvaluation() != c.evaluation || c.x.RequiresGrad() != c.requiresGrad {
			t.Errorf("%s: got evaluation %v, requires gradient %v; want %v, %v", name, c.x.InEvaluation(), c.x.RequiresGrad(), c.evaluation, c.requiresGrad)
		}
	}
	if y := x.Detach().NoGrad().Evaluation().Detach().Mul(x); !y.RequiresGrad() {
		t.Error("Evaluation keeps NoGrad beyond Detach")
	}

	x.Evaluation().Mul(x).Sum().Backward()
	wantValues(t, "gradient through Evaluation", x.Grad(), 2, 4)
	if x.InEvaluation() || x.Grad().InEvaluation() {
		t.Error("a leaf or its gradient is in evaluation")
	}
	x.Grad().AddInPlace(x.Detach().Evaluation())
	if x.Grad().InEvaluation() {
		t.Error("a tensor is in evaluation after an operation in place")
	}
}
