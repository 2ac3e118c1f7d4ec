package tensor_test

import (
	"fmt"
	"math"
	"reflect"
	"slices"
	"testing"

	"github.com/onehot-go/onehot/internal/gradcheck"
	"github.com/onehot-go/onehot/internal/reference"
	"github.com/onehot-go/onehot/tensor"
)

type (
	Tensor = tensor.Tensor

	// operation is one method under test, with its inputs and further arguments.
	operation func(x []*Tensor, a arguments) *Tensor
)

// arguments are what operations take beside tensors.
type arguments struct {
	Dims, Shape        []int
	Dim, Start, Length int
	Scalar             float64
	DType              string
}

// operations has one row for every operation, by the name of its method. The cases that
// it is run on are in testdata/reference.json.
var operations = map[string]operation{
	"Add": binary((*Tensor).Add),
	"Sub": binary((*Tensor).Sub),
	"Mul": binary((*Tensor).Mul),
	"Div": binary((*Tensor).Div),

	"AddScalar": scalar((*Tensor).AddScalar),
	"SubScalar": scalar((*Tensor).SubScalar),
	"MulScalar": scalar((*Tensor).MulScalar),
	"DivScalar": scalar((*Tensor).DivScalar),

	"Neg":  unary((*Tensor).Neg),
	"Exp":  unary((*Tensor).Exp),
	"Log":  unary((*Tensor).Log),
	"ReLU": unary((*Tensor).ReLU),

	"Sum":         overDims((*Tensor).Sum),
	"SumKeepDim":  overDims((*Tensor).SumKeepDim),
	"Mean":        overDims((*Tensor).Mean),
	"MeanKeepDim": overDims((*Tensor).MeanKeepDim),
	"Max":         overDims((*Tensor).Max),
	"MaxKeepDim":  overDims((*Tensor).MaxKeepDim),
	"Min":         overDims((*Tensor).Min),
	"MinKeepDim":  overDims((*Tensor).MinKeepDim),
	"ArgMax":      alongDim((*Tensor).ArgMax),
	"ArgMin":      alongDim((*Tensor).ArgMin),

	"Gather":     func(x []*Tensor, a arguments) *Tensor { return x[0].Gather(a.Dim, x[1]) },
	"MatMul":     binary((*Tensor).MatMul),
	"Softmax":    alongDim((*Tensor).Softmax),
	"LogSoftmax": alongDim((*Tensor).LogSoftmax),

	"Reshape":    func(x []*Tensor, a arguments) *Tensor { return x[0].Reshape(a.Shape...) },
	"Flatten":    func(x []*Tensor, a arguments) *Tensor { return x[0].Flatten(a.Dims[0], a.Dims[1]) },
	"Permute":    overDims((*Tensor).Permute),
	"Transpose":  func(x []*Tensor, a arguments) *Tensor { return x[0].Transpose(a.Dims[0], a.Dims[1]) },
	"Squeeze":    alongDim((*Tensor).Squeeze),
	"Unsqueeze":  alongDim((*Tensor).Unsqueeze),
	"Expand":     func(x []*Tensor, a arguments) *Tensor { return x[0].Expand(a.Shape...) },
	"Narrow":     func(x []*Tensor, a arguments) *Tensor { return x[0].Narrow(a.Dim, a.Start, a.Length) },
	"Select":     func(x []*Tensor, a arguments) *Tensor { return x[0].Select(a.Dim, a.Start) },
	"Contiguous": unary((*Tensor).Contiguous),
	"Clone":      unary((*Tensor).Clone),
	"To":         func(x []*Tensor, a arguments) *Tensor { return x[0].To(reference.DType(a.DType)) },

	"Eq": binary((*Tensor).Eq),
	"Ne": binary((*Tensor).Ne),
	"Lt": binary((*Tensor).Lt),
	"Le": binary((*Tensor).Le),
	"Gt": binary((*Tensor).Gt),
	"Ge": binary((*Tensor).Ge),
}

// withoutGradient are the operations whose results carry no gradient.
var withoutGradient = []string{"ArgMax", "ArgMin", "Eq", "Ne", "Lt", "Le", "Gt", "Ge"}

// elsewhere are the methods that return a tensor but are no operations, and where they
// are tested.
var elsewhere = map[string]string{
	"Detach":           "grad_test.go",
	"Grad":             "grad_test.go",
	"NoGrad":           "grad_test.go",
	"SetRequiresGrad":  "grad_test.go",
	"AddInPlace":       "inplace_test.go",
	"AddScaledInPlace": "inplace_test.go",
	"CopyInPlace":      "inplace_test.go",
	"FillInPlace":      "inplace_test.go",
	"MulInPlace":       "inplace_test.go",
	"NormalInPlace":    "inplace_test.go",
	"SubInPlace":       "inplace_test.go",
	"UniformInPlace":   "inplace_test.go",
}

func unary(f func(*Tensor) *Tensor) operation {
	return func(x []*Tensor, _ arguments) *Tensor { return f(x[0]) }
}

func binary(f func(x, y *Tensor) *Tensor) operation {
	return func(x []*Tensor, _ arguments) *Tensor { return f(x[0], x[1]) }
}

func scalar(f func(*Tensor, float64) *Tensor) operation {
	return func(x []*Tensor, a arguments) *Tensor { return f(x[0], a.Scalar) }
}

func overDims(f func(*Tensor, ...int) *Tensor) operation {
	return func(x []*Tensor, a arguments) *Tensor { return f(x[0], a.Dims...) }
}

func alongDim(f func(*Tensor, int) *Tensor) operation {
	return func(x []*Tensor, a arguments) *Tensor { return f(x[0], a.Dim) }
}

// references is testdata/reference.json.
type references struct {
	Cases  []opCase
	Prints []printCase
}

// opCase is one call of an operation.
type opCase struct {
	Op, Name string
	Args     arguments
	Inputs   []reference.Array
	Smooth   bool // differences say what the gradient is
	Results  []struct {
		DType  string // that floating-point inputs are converted to, if any
		Output reference.Array
		Seed   *reference.Array
		Grads  []*reference.Array // nil for an input that cannot have one
	}
}

func loadReferences(t *testing.T) (r references) {
	t.Helper()
	reference.Load(t, "testdata/reference.json", &r)
	return r
}

// tolerance returns how far a result and its gradients may be off, relative to each
// element: it depends on the roughest type that the computation goes through.
func tolerance(x ...*Tensor) float64 {
	for _, x := range x {
		if x.DType() == tensor.Float32 {
			return 3e-6
		}
	}
	return 1e-14
}

// TestOperations compares values, types, shapes and gradients of every operation with
// PyTorch's, for inputs in every layout.
func TestOperations(t *testing.T) {
	for _, c := range loadReferences(t).Cases {
		f := operations[c.Op]
		for _, r := range c.Results {
			for _, layout := range combinations(len(c.Inputs)) {
				t.Run(fmt.Sprintf("%s/%s/%s/%v", c.Op, c.Name, r.DType, layout), func(t *testing.T) {
					inputs := make([]*Tensor, len(c.Inputs))
					for i, in := range c.Inputs {
						x := in.Tensor()
						if r.DType != "" && x.DType().IsFloat() {
							x = x.To(reference.DType(r.DType))
						}
						inputs[i] = layouts[layout[i]](x).SetRequiresGrad(r.Seed != nil && x.DType().IsFloat())
					}
					out := f(inputs, c.Args)
					within := tolerance(append(inputs, out)...)
					if err := reference.Compare(out, r.Output, within); err != nil {
						t.Fatal(err)
					}
					if out.RequiresGrad() != (r.Seed != nil) {
						t.Fatalf("result requires gradients: %v", out.RequiresGrad())
					}
					if r.Seed == nil {
						return
					}
					out.Backward(r.Seed.Tensor())
					for i, want := range r.Grads {
						switch g := inputs[i].Grad(); {
						case want == nil && g != nil:
							t.Errorf("input %d has a gradient", i)
						case want != nil && g == nil:
							t.Errorf("input %d has no gradient", i)
						case want != nil:
							if err := reference.Compare(g, *want, within); err != nil {
								t.Errorf("gradient of input %d: %v", i, err)
							}
						}
					}
				})
			}
		}
	}
}

// TestGradients compares the gradients of every operation with differences of its
// values, for inputs in every layout.
func TestGradients(t *testing.T) {
	for _, c := range loadReferences(t).Cases {
		if !c.Smooth || c.Results[0].Seed == nil || c.Results[0].Output.DType != "float64" {
			continue
		}
		for _, layout := range combinations(len(c.Inputs)) {
			inputs := make([]*Tensor, len(c.Inputs))
			for i, in := range c.Inputs {
				x := in.Tensor()
				inputs[i] = layouts[layout[i]](x).SetRequiresGrad(x.DType().IsFloat())
			}
			f := func(x []*Tensor) *Tensor { return operations[c.Op](x, c.Args) }
			if err := gradcheck.Check(f, inputs...); err != nil {
				t.Errorf("%s/%s/%v: %v", c.Op, c.Name, layout, err)
			}
		}
	}
}

// TestEveryOperationIsTested fails for a method without a row, a row without cases, and
// a row whose gradient no case checks.
func TestEveryOperationIsTested(t *testing.T) {
	var methods []string
	for m := range reflect.TypeFor[*Tensor]().Methods() {
		if m.Type.NumOut() == 1 && m.Type.Out(0) == reflect.TypeFor[*Tensor]() {
			methods = append(methods, m.Name)
			if operations[m.Name] == nil && elsewhere[m.Name] == "" {
				t.Errorf("%s has no row in operations", m.Name)
			}
		}
	}
	for name := range elsewhere {
		if !slices.Contains(methods, name) || operations[name] != nil {
			t.Errorf("elsewhere names %s, which is no method or has a row", name)
		}
	}
	cases, gradients := map[string]int{}, map[string]int{}
	for _, c := range loadReferences(t).Cases {
		if operations[c.Op] == nil {
			t.Errorf("cases of %s, which has no row", c.Op)
		}
		cases[c.Op]++
		if c.Smooth && c.Results[0].Seed != nil && c.Results[0].Output.DType == "float64" {
			gradients[c.Op]++
		}
	}
	for name := range operations {
		if !slices.Contains(methods, name) {
			t.Errorf("operations names %s, which is no method", name)
		}
		if cases[name] == 0 {
			t.Errorf("%s has no cases", name)
		}
		if (gradients[name] == 0) != slices.Contains(withoutGradient, name) {
			t.Errorf("%s has %d cases that check its gradient", name, gradients[name])
		}
	}
}

// layouts are ways to lay the same elements out in memory.
var layouts = map[string]func(x *Tensor) *Tensor{
	"contiguous": func(x *Tensor) *Tensor { return x.Clone() },
	"reversed": func(x *Tensor) *Tensor { // as its transpose has them
		order := make([]int, x.Dim())
		for d := range order {
			order[d] = x.Dim() - 1 - d
		}
		return x.Permute(order...).Clone().Permute(order...)
	},
	"spread": func(x *Tensor) *Tensor { // every second element of a larger one, from the second on
		wide := tensor.Full(x.DType(), math.NaN(), append(x.Shape(), 2)...)
		return wide.Select(-1, 1).CopyInPlace(x)
	},
}

// combinations returns every way to give n inputs a layout each.
func combinations(n int) [][]string {
	if n == 0 {
		return [][]string{nil}
	}
	var out [][]string
	for _, c := range combinations(n - 1) {
		for _, name := range []string{"contiguous", "reversed", "spread"} {
			out = append(out, append(slices.Clone(c), name))
		}
	}
	return out
}

// TestExpandedInputs checks that elements which share memory are read as if they did
// not, in values and gradients.
func TestExpandedInputs(t *testing.T) {
	shape := []int{2, 3, 2}
	for name, f := range map[string]func(x, y *Tensor) *Tensor{
		"add":         (*Tensor).Add,
		"div":         (*Tensor).Div,
		"exp":         func(x, _ *Tensor) *Tensor { return x.Exp() },
		"sum":         func(x, y *Tensor) *Tensor { return x.Mul(y).Sum(1) },
		"max":         func(x, _ *Tensor) *Tensor { return x.Max(0, 1) },
		"log-softmax": func(x, _ *Tensor) *Tensor { return x.LogSoftmax(1) },
		"reshape":     func(x, y *Tensor) *Tensor { return x.Reshape(3, 4).Add(y.Reshape(3, 4)) },
		"gather":      func(x, _ *Tensor) *Tensor { return x.Gather(2, tensor.Zeros(tensor.Int64, 2, 3, 1)) },
		"matmul":      func(x, y *Tensor) *Tensor { return x.Select(0, 1).MatMul(y.Select(0, 0).Transpose(0, 1)) },
	} {
		leaf := func(v ...float64) *Tensor { return tensor.New(v, len(v), 1).SetRequiresGrad(true) }
		run := func(spread func(*Tensor) *Tensor) []float64 {
			x, y := leaf(0.5, -1, 2), leaf(3, 1, -0.25)
			out := f(spread(x.Expand(shape...)), spread(y.Expand(shape...)))
			out.Sum().Backward()
			values := append(tensor.Values[float64](out), tensor.Values[float64](x.Grad())...)
			if y.Grad() != nil {
				values = append(values, tensor.Values[float64](y.Grad())...)
			}
			return values
		}
		got, want := run(func(x *Tensor) *Tensor { return x }), run((*Tensor).Clone)
		if !slices.Equal(got, want) {
			t.Errorf("%s of expanded tensors: got %v, of copies %v", name, got, want)
		}
	}
}

// PyTorch keeps bool where two bools meet; here they are numbers.
func TestBoolsAreNumbers(t *testing.T) {
	x, y := tensor.New([]bool{true, true, false}, 3), tensor.New([]bool{true, false, false}, 3)
	for name, c := range map[string]struct {
		got  *Tensor
		want []uint8
	}{
		"add": {x.Add(y), []uint8{2, 1, 0}},
		"sub": {y.Sub(x), []uint8{0, 255, 0}},
		"mul": {x.Mul(y), []uint8{1, 0, 0}},
	} {
		if got := tensor.Data[uint8](c.got); !slices.Equal(got, c.want) {
			t.Errorf("%s: got %v, want %v", name, got, c.want)
		}
	}
}

// A conversion of a value out of range is left to the machine by Go, and by PyTorch too.
func TestToOutOfRange(t *testing.T) {
	x := tensor.New([]float64{math.NaN(), math.Inf(-1), math.Inf(1), -1.5, -0.5, 255.5, 256, 1e30}, 8)
	if got, want := tensor.Values[uint8](x), []uint8{0, 0, 255, 0, 0, 255, 255, 255}; !slices.Equal(got, want) {
		t.Errorf("to uint8: got %v, want %v", got, want)
	}
	if got, want := tensor.Values[int64](x), []int64{0, math.MinInt64, math.MaxInt64, -1, 0, 255, 256, math.MaxInt64}; !slices.Equal(got, want) {
		t.Errorf("to int64: got %v, want %v", got, want)
	}
	if x := tensor.Ones(tensor.Float32, 2); x.To(tensor.Float32) != x {
		t.Error("To the same type makes another tensor")
	}
}
