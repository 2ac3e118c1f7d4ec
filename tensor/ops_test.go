package tensor_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"math"
	"path/filepath"
	"slices"
	"strings"
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
	Correction         int
	End, Step          int
	Descending         bool
	Numbers            []float64
	Scalar             float64
	Low, High          *float64 // bounds; nil is none
	DType              string

	Kernel, Stride, Padding, Dilation [2]int
	Groups                            int
	Training                          bool
	Eps                               float64
}

// operations has one row for every operation, by the name of its method or function,
// with what it returns second behind a slash. The cases that
// it is run on are in testdata/reference.json, and in testdata/moving.json for operations
// that make or move elements and compute nothing.
var operations = map[string]operation{
	"Add": binary((*Tensor).Add),
	"Sub": binary((*Tensor).Sub),
	"Mul": binary((*Tensor).Mul),
	"Div": binary((*Tensor).Div),

	"Maximum": binary((*Tensor).Maximum),
	"Minimum": binary((*Tensor).Minimum),

	"AddScalar": scalar((*Tensor).AddScalar),
	"SubScalar": scalar((*Tensor).SubScalar),
	"MulScalar": scalar((*Tensor).MulScalar),
	"DivScalar": scalar((*Tensor).DivScalar),

	"Pow":       binary((*Tensor).Pow),
	"PowScalar": scalar((*Tensor).PowScalar),

	"AddInPlace":       binary((*Tensor).AddInPlace),
	"SubInPlace":       binary((*Tensor).SubInPlace),
	"MulInPlace":       binary((*Tensor).MulInPlace),
	"DivInPlace":       binary((*Tensor).DivInPlace),
	"PowInPlace":       binary((*Tensor).PowInPlace),
	"AddScaledInPlace": func(x []*Tensor, a arguments) *Tensor { return x[0].AddScaledInPlace(x[1], a.Scalar) },
	"CopyInPlace":      binary((*Tensor).CopyInPlace),
	"FillInPlace":      scalar((*Tensor).FillInPlace),

	"Neg":        unary((*Tensor).Neg),
	"Exp":        unary((*Tensor).Exp),
	"Log":        unary((*Tensor).Log),
	"Log1p":      unary((*Tensor).Log1p),
	"Sqrt":       unary((*Tensor).Sqrt),
	"Abs":        unary((*Tensor).Abs),
	"ReLU":       unary((*Tensor).ReLU),
	"LeakyReLU":  scalar((*Tensor).LeakyReLU),
	"Clamp":      func(x []*Tensor, a arguments) *Tensor { return x[0].Clamp(a.bounds()) },
	"Sigmoid":    unary((*Tensor).Sigmoid),
	"LogSigmoid": unary((*Tensor).LogSigmoid),
	"Tanh":       unary((*Tensor).Tanh),
	"Erf":        unary((*Tensor).Erf),
	"GELU":       unary((*Tensor).GELU),

	"Sum":         overDims((*Tensor).Sum),
	"SumKeepDim":  overDims((*Tensor).SumKeepDim),
	"Mean":        overDims((*Tensor).Mean),
	"MeanKeepDim": overDims((*Tensor).MeanKeepDim),
	"Max":         overDims((*Tensor).Max),
	"MaxKeepDim":  overDims((*Tensor).MaxKeepDim),
	"Min":         overDims((*Tensor).Min),
	"MinKeepDim":  overDims((*Tensor).MinKeepDim),
	"Prod":        overDims((*Tensor).Prod),
	"ProdKeepDim": overDims((*Tensor).ProdKeepDim),
	"Var":         corrected((*Tensor).Var),
	"VarKeepDim":  corrected((*Tensor).VarKeepDim),
	"Std":         corrected((*Tensor).Std),
	"StdKeepDim":  corrected((*Tensor).StdKeepDim),
	"Any":         overDims((*Tensor).Any),
	"AnyKeepDim":  overDims((*Tensor).AnyKeepDim),
	"All":         overDims((*Tensor).All),
	"AllKeepDim":  overDims((*Tensor).AllKeepDim),

	"ArgMax":        alongDim((*Tensor).ArgMax),
	"ArgMaxKeepDim": alongDim((*Tensor).ArgMaxKeepDim),
	"ArgMin":        alongDim((*Tensor).ArgMin),
	"ArgMinKeepDim": alongDim((*Tensor).ArgMinKeepDim),

	"MaxWithIndex":       func(x []*Tensor, a arguments) *Tensor { v, _ := x[0].MaxWithIndex(a.Dim); return v },
	"MaxWithIndex/index": func(x []*Tensor, a arguments) *Tensor { _, i := x[0].MaxWithIndex(a.Dim); return i },
	"MinWithIndex":       func(x []*Tensor, a arguments) *Tensor { v, _ := x[0].MinWithIndex(a.Dim); return v },
	"MinWithIndex/index": func(x []*Tensor, a arguments) *Tensor { _, i := x[0].MinWithIndex(a.Dim); return i },

	"LogSumExp":        overDims((*Tensor).LogSumExp),
	"LogSumExpKeepDim": overDims((*Tensor).LogSumExpKeepDim),

	"MatMul": binary((*Tensor).MatMul),
	"Linear": func(x []*Tensor, _ arguments) *Tensor {
		if len(x) == 2 {
			return x[0].Linear(x[1], nil)
		}
		return x[0].Linear(x[1], x[2])
	},
	"CrossEntropy": binary((*Tensor).CrossEntropy),
	"Softmax":      alongDim((*Tensor).Softmax),
	"LogSoftmax":   alongDim((*Tensor).LogSoftmax),

	"MaxPool2d":         func(x []*Tensor, a arguments) *Tensor { return x[0].MaxPool2d(a.pool2d()) },
	"AvgPool2d":         func(x []*Tensor, a arguments) *Tensor { return x[0].AvgPool2d(a.pool2d()) },
	"AdaptiveAvgPool2d": func(x []*Tensor, a arguments) *Tensor { return x[0].AdaptiveAvgPool2d(a.Shape[0], a.Shape[1]) },
	"BatchNorm":         batchNorm((*Tensor).BatchNorm),
	"BatchNormReLU":     batchNorm((*Tensor).BatchNormReLU),
	"Conv2d":            conv2d,

	"View":       func(x []*Tensor, a arguments) *Tensor { return x[0].View(a.Shape...) },
	"Reshape":    func(x []*Tensor, a arguments) *Tensor { return x[0].Reshape(a.Shape...) },
	"Flatten":    func(x []*Tensor, a arguments) *Tensor { return x[0].Flatten(a.Dims[0], a.Dims[1]) },
	"Permute":    overDims((*Tensor).Permute),
	"Transpose":  func(x []*Tensor, a arguments) *Tensor { return x[0].Transpose(a.Dims[0], a.Dims[1]) },
	"Squeeze":    overDims((*Tensor).Squeeze),
	"Unsqueeze":  alongDim((*Tensor).Unsqueeze),
	"Flip":       overDims((*Tensor).Flip),
	"Expand":     func(x []*Tensor, a arguments) *Tensor { return x[0].Expand(a.Shape...) },
	"Narrow":     func(x []*Tensor, a arguments) *Tensor { return x[0].Narrow(a.Dim, a.Start, a.Length) },
	"Slice":      func(x []*Tensor, a arguments) *Tensor { return x[0].Slice(a.Dim, a.Start, a.End, a.Step) },
	"Select":     func(x []*Tensor, a arguments) *Tensor { return x[0].Select(a.Dim, a.Start) },
	"Contiguous": unary((*Tensor).Contiguous),
	"Clone":      unary((*Tensor).Clone),
	"To":         func(x []*Tensor, a arguments) *Tensor { return x[0].To(reference.DType(a.DType)) },

	"Cat":   func(x []*Tensor, a arguments) *Tensor { return tensor.Cat(a.Dim, x...) },
	"Stack": func(x []*Tensor, a arguments) *Tensor { return tensor.Stack(a.Dim, x...) },
	"Split": func(x []*Tensor, a arguments) *Tensor { return x[0].Split(a.Length, a.Dim)[a.Start] },

	"Gather":       func(x []*Tensor, a arguments) *Tensor { return x[0].Gather(a.Dim, x[1]) },
	"Pick":         binary((*Tensor).Pick),
	"ScatterAdd":   func(x []*Tensor, a arguments) *Tensor { return x[0].ScatterAdd(a.Dim, x[1], x[2]) },
	"IndexSelect":  func(x []*Tensor, a arguments) *Tensor { return x[0].IndexSelect(a.Dim, x[1]) },
	"MaskedSelect": binary((*Tensor).MaskedSelect),
	"Where":        func(x []*Tensor, _ arguments) *Tensor { return tensor.Where(x[0], x[1], x[2]) },
	"OneHot":       func(x []*Tensor, a arguments) *Tensor { return tensor.OneHot(x[0], a.Length) },

	"Sort":         func(x []*Tensor, a arguments) *Tensor { v, _ := x[0].Sort(a.Dim, a.Descending); return v },
	"Sort/indices": func(x []*Tensor, a arguments) *Tensor { _, i := x[0].Sort(a.Dim, a.Descending); return i },
	"ArgSort":      func(x []*Tensor, a arguments) *Tensor { return x[0].ArgSort(a.Dim, a.Descending) },
	"TopK":         func(x []*Tensor, a arguments) *Tensor { v, _ := x[0].TopK(a.Length, a.Dim, a.Descending); return v },
	"TopK/indices": func(x []*Tensor, a arguments) *Tensor { _, i := x[0].TopK(a.Length, a.Dim, a.Descending); return i },

	"Arange": func(_ []*Tensor, a arguments) *Tensor {
		return tensor.Arange(reference.DType(a.DType), a.Numbers[0], a.Numbers[1], a.Numbers[2])
	},
	"Linspace": func(_ []*Tensor, a arguments) *Tensor {
		return tensor.Linspace(reference.DType(a.DType), a.Numbers[0], a.Numbers[1], a.Length)
	},
	"Eye": func(_ []*Tensor, a arguments) *Tensor {
		return tensor.Eye(reference.DType(a.DType), a.Shape[0], a.Shape[1])
	},

	"Eq":  binary((*Tensor).Eq),
	"Ne":  binary((*Tensor).Ne),
	"Lt":  binary((*Tensor).Lt),
	"Le":  binary((*Tensor).Le),
	"Gt":  binary((*Tensor).Gt),
	"And": binary((*Tensor).And),
	"Or":  binary((*Tensor).Or),
	"Not": unary((*Tensor).Not),
	"Ge":  binary((*Tensor).Ge),
}

// withoutGradient are the operations whose results carry no gradient.
var withoutGradient = []string{"And", "Or", "Not", "Any", "AnyKeepDim", "All", "AllKeepDim", "ArgMax", "ArgMaxKeepDim", "ArgMin", "ArgMinKeepDim", "MaxWithIndex/index", "MinWithIndex/index",
	"AddInPlace", "SubInPlace", "MulInPlace", "DivInPlace", "PowInPlace", "AddScaledInPlace", "CopyInPlace", "FillInPlace",
	"Sort/indices", "ArgSort", "TopK/indices", "OneHot", "Arange", "Linspace", "Eye", "Eq", "Ne", "Lt", "Le", "Gt", "Ge"}

// elsewhere are the methods and functions that return a tensor but are no operations of their
// own, and where they are tested.
var elsewhere = map[string]string{
	"Empty":                      "record_test.go",
	"Record":                     "record_test.go",
	"FromNested":                 "create_test.go",
	"Full":                       "tensor_test.go",
	"New":                        "tensor_test.go",
	"Normal":                     "inplace_test.go",
	"Ones":                       "tensor_test.go",
	"RandInt":                    "create_test.go",
	"Rand":                       "create_test.go",
	"RandPerm":                   "create_test.go",
	"Scalar":                     "tensor_test.go",
	"Uniform":                    "inplace_test.go",
	"Zeros":                      "tensor_test.go",
	"BatchNormReLUMaxPool":       "batchnorm_test.go",
	"Conv2dBatchNorm":            "convnorm_test.go",
	"Conv2dBatchNormReLU":        "convnorm_test.go",
	"Conv2dBatchNormReLUMaxPool": "convnorm_test.go",
	"Conv2dReLUMaxPool":          "convpool_test.go",
	"ReLUMaxPool2d":              "pool_test.go",
	"LinearReLU":                 "linear_test.go",
	"Detach":                     "grad_test.go",
	"Grad":                       "grad_test.go",
	"NoGrad":                     "grad_test.go",
	"Evaluation":                 "marks_test.go",
	"SetRequiresGrad":            "grad_test.go",
	"NormalInPlace":              "inplace_test.go",
	"UniformInPlace":             "inplace_test.go",
}

// withoutScalar are the operations that take no tensor without dimensions, and why.
var withoutScalar = map[string]string{
	"Pick":              "a matrix and a vector",
	"MatMul":            "vectors or matrices",
	"Linear":            "vectors and a matrix",
	"CrossEntropy":      "a matrix and a vector",
	"MaxPool2d":         "pictures",
	"AvgPool2d":         "pictures",
	"AdaptiveAvgPool2d": "pictures",
	"BatchNorm":         "a batch",
	"BatchNormReLU":     "a batch",
	"Conv2d":            "pictures",
	"Narrow":            "a part of a dimension",
	"Slice":             "a part of a dimension",
	"Select":            "a part of a dimension",
	"Cat":               "along a dimension there is",
	"Split":             "along a dimension there is",
	"Arange":            "no tensor",
	"Linspace":          "no tensor",
	"Eye":               "no tensor",
}

// withoutEmpty are the operations that take no tensor without elements, and why.
var withoutEmpty = map[string]string{
	"Arange":   "no tensor",
	"Linspace": "no tensor",
	"Eye":      "no tensor",
}

func (a arguments) bounds() (low, high float64) {
	low, high = math.Inf(-1), math.Inf(1)
	if a.Low != nil {
		low = *a.Low
	}
	if a.High != nil {
		high = *a.High
	}
	return low, high
}

func (a arguments) pool2d() tensor.Pool2dOptions {
	return tensor.Pool2dOptions{Kernel: a.Kernel, Stride: a.Stride, Padding: a.Padding}
}

// batchNorm normalizes x[0] with x[1] and x[2], if there are any, as weight and bias. The
// numbers, if there are any, are the running means and variances.
func batchNorm(f normFunc) operation {
	return func(x []*Tensor, a arguments) *Tensor {
		var weight, bias, mean, variance *Tensor
		if len(x) > 1 {
			weight = x[1]
		}
		if len(x) > 2 {
			bias = x[2]
		}
		if c := len(a.Numbers) / 2; c > 0 {
			mean, variance = tensor.New(a.Numbers[:c], c), tensor.New(a.Numbers[c:], c)
		}
		return f(x[0], mean, variance, weight, bias, tensor.BatchNormOptions{Training: a.Training, Eps: a.Eps})
	}
}

// conv2d lays the filters x[1] over x[0]; x[2], if there is one, is the bias.
func conv2d(x []*Tensor, a arguments) *Tensor {
	var bias *Tensor
	if len(x) > 2 {
		bias = x[2]
	}
	return x[0].Conv2d(x[1], bias, tensor.Conv2dOptions{Stride: a.Stride, Padding: a.Padding, Dilation: a.Dilation, Groups: a.Groups})
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

func corrected(f func(*Tensor, int, ...int) *Tensor) operation {
	return func(x []*Tensor, a arguments) *Tensor { return f(x[0], a.Correction, a.Dims...) }
}

func alongDim(f func(*Tensor, int) *Tensor) operation {
	return func(x []*Tensor, a arguments) *Tensor { return f(x[0], a.Dim) }
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
	moves bool // nothing is computed: every bit is PyTorch's
}

func loadCases(t *testing.T) (cases []opCase) {
	t.Helper()
	for _, name := range []string{"reference", "moving", "pooling", "convolution"} {
		var file struct{ Cases []opCase }
		reference.Load(t, "testdata/"+name+".json", &file)
		for _, c := range file.Cases {
			c.moves = name == "moving" && c.Op != "Arange" && c.Op != "Linspace"
			cases = append(cases, c)
		}
	}
	return cases
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

// wantSame fails unless got has want's type, shape and elements to the last bit.
func wantSame(t testing.TB, name string, got, want *Tensor) {
	t.Helper()
	same := got.DType() == want.DType() && slices.Equal(got.Shape(), want.Shape())
	if same && got.DType() == tensor.Int64 {
		same = slices.Equal(tensor.Values[int64](got), tensor.Values[int64](want))
	} else if same {
		same = slices.EqualFunc(tensor.Values[float64](got), tensor.Values[float64](want), func(a, b float64) bool {
			return math.Float64bits(a) == math.Float64bits(b) || a != a && b != b
		})
	}
	if !same {
		t.Errorf("%s:\ngot  %v of %s\nwant %v of %s", name, got, got.DType(), want, want.DType())
	}
}

// TestOperations compares values, types, shapes and gradients of every operation with
// PyTorch's, for inputs in every layout.
func TestOperations(t *testing.T) {
	for _, c := range loadCases(t) {
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
					if strings.HasPrefix(c.Op, "BatchNorm") {
						within *= 100 // its gradient is a difference of sums
					}
					compare := func(name string, got *Tensor, want reference.Array) {
						if c.moves {
							wantSame(t, name, got, want.Tensor())
						} else if err := reference.Compare(got, want, within); err != nil {
							t.Errorf("%s: %v", name, err)
						}
					}
					compare("result", out, r.Output)
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
							compare(fmt.Sprintf("gradient of input %d", i), g, *want)
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
	for _, c := range loadCases(t) {
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

// returnTensors returns the names of the package's functions and methods that return a
// tensor, several too.
func returnTensors(t *testing.T) (names []string) {
	t.Helper()
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range file.Decls {
			f, ok := d.(*ast.FuncDecl)
			if !ok || !f.Name.IsExported() || f.Type.Results == nil {
				continue
			}
			for _, r := range f.Type.Results.List {
				if s := types.ExprString(r.Type); strings.HasSuffix(s, "*Tensor") && !slices.Contains(names, f.Name.Name) {
					names = append(names, f.Name.Name)
				}
			}
		}
	}
	return names
}

// TestEveryOperationIsTested fails for a method or function without a row, a row without
// cases, among them one of a scalar and one of an empty tensor, and a row whose gradient
// no case checks.
func TestEveryOperationIsTested(t *testing.T) {
	names := returnTensors(t)
	if len(names) < 50 {
		t.Fatalf("only %d functions and methods found", len(names))
	}
	for _, name := range names {
		if operations[name] == nil && elsewhere[name] == "" {
			t.Errorf("%s has no row in operations", name)
		}
	}
	for name := range elsewhere {
		if !slices.Contains(names, name) || operations[name] != nil {
			t.Errorf("elsewhere names %s, which returns no tensor or has a row", name)
		}
	}
	cases, scalars, empties, gradients := map[string]int{}, map[string]int{}, map[string]int{}, map[string]int{}
	for _, c := range loadCases(t) {
		if operations[c.Op] == nil {
			t.Errorf("cases of %s, which has no row", c.Op)
		}
		cases[c.Op]++
		if slices.ContainsFunc(c.Inputs, func(x reference.Array) bool { return len(x.Shape) == 0 }) {
			scalars[c.Op]++
		}
		if slices.ContainsFunc(c.Inputs, func(x reference.Array) bool { return slices.Contains(x.Shape, 0) }) {
			empties[c.Op]++
		}
		if c.Smooth && c.Results[0].Seed != nil && c.Results[0].Output.DType == "float64" {
			gradients[c.Op]++
		}
	}
	for name := range operations {
		if method, _, _ := strings.Cut(name, "/"); !slices.Contains(names, method) {
			t.Errorf("operations names %s, which returns no tensor", name)
		}
		if cases[name] == 0 {
			t.Errorf("%s has no cases", name)
		}
		if (scalars[name] == 0) != (withoutScalar[name] != "") {
			t.Errorf("%s has %d cases of a scalar", name, scalars[name])
		}
		if (empties[name] == 0) != (withoutEmpty[name] != "") {
			t.Errorf("%s has %d cases of an empty tensor", name, empties[name])
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
		"add":                       (*Tensor).Add,
		"div":                       (*Tensor).Div,
		"exp":                       func(x, _ *Tensor) *Tensor { return x.Exp() },
		"sum":                       func(x, y *Tensor) *Tensor { return x.Mul(y).Sum(1) },
		"max":                       func(x, _ *Tensor) *Tensor { return x.Max(0, 1) },
		"log-softmax":               func(x, _ *Tensor) *Tensor { return x.LogSoftmax(1) },
		"reshape":                   func(x, y *Tensor) *Tensor { return x.Reshape(3, 4).Add(y.Reshape(3, 4)) },
		"gather":                    func(x, _ *Tensor) *Tensor { return x.Gather(2, tensor.Zeros(tensor.Int64, 2, 3, 1)) },
		"prod":                      func(x, _ *Tensor) *Tensor { return x.Prod(0, 1) },
		"std":                       func(x, _ *Tensor) *Tensor { return x.Std(1, 0, 1) },
		"log-sum-exp":               func(x, _ *Tensor) *Tensor { return x.LogSumExp(-1) },
		"clamp":                     func(x, _ *Tensor) *Tensor { return x.Clamp(-0.5, 1) },
		"pow":                       func(x, y *Tensor) *Tensor { return x.Abs().Pow(y) },
		"matmuls":                   func(x, y *Tensor) *Tensor { return x.MatMul(y.Transpose(1, 2)) },
		"matmul of a common matrix": func(x, y *Tensor) *Tensor { return x.MatMul(y.Select(0, 0).Transpose(0, 1)) },
		"matmul":                    func(x, y *Tensor) *Tensor { return x.Select(0, 1).MatMul(y.Select(0, 0).Transpose(0, 1)) },
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

// PyTorch refuses to subtract with bools; here one counts as a number.
func TestSubBool(t *testing.T) {
	x := tensor.New([]int64{5, 5}, 2)
	wantValues(t, "sub", x.Sub(tensor.New([]bool{true, false}, 2)), 4, 5)
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
	wantSame(t, "float32 to uint8", x.To(tensor.Float32).To(tensor.Uint8), x.To(tensor.Uint8))
	wantSame(t, "float32 to int64", x.To(tensor.Float32).To(tensor.Int64), x.To(tensor.Int64))
	for _, dtype := range dtypes {
		if x := tensor.Ones(dtype, 2); x.To(dtype) != x {
			t.Errorf("To %s of %s makes another tensor", dtype, dtype)
		}
	}
}
