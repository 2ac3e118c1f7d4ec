package tensor_test

import (
	"math"
	"reflect"
	"testing"

	"github.com/onehot-go/onehot/fault"
	"github.com/onehot-go/onehot/random"
	"github.com/onehot-go/onehot/tensor"
)

// wantPanic fails unless f panics with an error of type E and the given text.
func wantPanic[E error](t *testing.T, name, text string, f func()) {
	t.Helper()
	defer func() {
		t.Helper()
		switch err := recover().(type) {
		case E:
			if err.Error() != text {
				t.Errorf("%s:\ngot  %s\nwant %s", name, err, text)
			}
		default:
			t.Errorf("%s: got panic %v, want %v: %s", name, err, reflect.TypeFor[E](), text)
		}
	}()
	f()
}

func zeros(shape ...int) *Tensor { return tensor.Zeros(tensor.Float32, shape...) }

func index(i ...int64) *Tensor { return tensor.New(i, len(i)) }

func TestOptionErrors(t *testing.T) {
	for text, f := range map[string]func(){
		"one-hot: 0 classes: at least 1 expected":       func() { tensor.OneHot(index(0), 0) },
		"one-hot: 2 types: at most 1 expected":          func() { tensor.OneHot(index(0), 1, tensor.Float32, tensor.Int64) },
		"uniform: no number is in [1, 0)":               func() { tensor.Uniform(tensor.Float32, random.New(0).Rand(), 1, 0, 2) },
		"uniform in place: no number is in [1, 0)":      func() { zeros(2, 3).UniformInPlace(random.New(0).Rand(), 1, 0) },
		"rand int: no integer is in [3, 3)":             func() { tensor.RandInt(random.New(0).Rand(), 3, 3, 2) },
		"arange: steps of 0 do not lead from 0 to 1":    func() { tensor.Arange(tensor.Float32, 0, 1, 0) },
		"arange: steps of 0 do not lead from 0 to 2":    func() { tensor.Arange(tensor.Int64, 0, 2, 0.5) },
		"arange: steps of 0 do not lead from 1 to 1":    func() { tensor.Arange(tensor.Float64, 1, 1, 0) },
		"arange: steps of 1 do not lead from 1 to 0.5":  func() { tensor.Arange(tensor.Float64, 1, 0.5, 1) },
		"arange: steps of -1 do not lead from 0 to 3":   func() { tensor.Arange(tensor.Float64, 0, 3, -1) },
		"arange: steps of 1 do not lead from 0 to +Inf": func() { tensor.Arange(tensor.Float64, 0, math.Inf(1), 1) },
		"arange: steps of 1 do not lead from 0 to NaN":  func() { tensor.Arange(tensor.Float64, 0, math.NaN(), 1) },
	} {
		wantPanic[*fault.OptionError](t, text, text, f)
	}
}

func TestLabelErrors(t *testing.T) {
	for text, f := range map[string]func(){
		"pick: label 3 at (1): 0 to 2 expected, there are 3 classes":          func() { zeros(2, 3).Pick(index(0, 3)) },
		"one-hot: label 3 at (1): 0 to 2 expected, there are 3 classes":       func() { tensor.OneHot(index(0, 3), 3) },
		"one-hot: label -1 at (1, 0): 0 to 2 expected, there are 3 classes":   func() { tensor.OneHot(index(0, 2, -1, 1).Reshape(2, 2), 3) },
		"cross-entropy: label 3 at (1): 0 to 2 expected, there are 3 classes": func() { zeros(2, 3).CrossEntropy(index(0, 3)) },
	} {
		wantPanic[*fault.LabelError](t, text, text, f)
	}
}

func TestShapeErrors(t *testing.T) {
	x := zeros(2, 3)
	for text, f := range map[string]func(){
		"new: shape (2, 2): 4 elements expected, got 3":                             func() { tensor.New([]uint8{1, 2, 3}, 2, 2) },
		"new: shape (): 1 elements expected, got 2":                                 func() { tensor.New([]uint8{1, 2}, []int{}...) },
		"new: shape (2, -1): dimension 1 is negative":                               func() { tensor.New([]uint8{1, 2}, 2, -1) },
		"zeros: shape (-2): dimension 0 is negative":                                func() { zeros(-2) },
		"item: shape (2, 3): one element expected, got 6":                           func() { x.Item() },
		"item: shape (0): one element expected, got 0":                              func() { zeros(0).Item() },
		"at: shape (2, 3): 2 indices expected, got 1":                               func() { x.At(1) },
		"at: shape (2, 3): index 3 is outside dimension 1 of size 3":                func() { x.At(1, 3) },
		"at: shape (2, 3): index -3 is outside dimension 0 of size 2":               func() { x.At(-3, 0) },
		"data: shape (3, 2): not contiguous (strides [1 3]): call Contiguous first": func() { tensor.Data[float32](x.Transpose(0, 1)) },
		"size: shape (2, 3): dimension 2 is out of range":                           func() { x.Size(2) },
		"size: shape (): dimension -1 is out of range":                              func() { zeros().Size(-1) },

		"add: shapes (2, 3) and (2): sizes 3 and 2 of dimension -1 do not broadcast":                          func() { x.Add(zeros(2)) },
		"sub: shapes (2, 3) and (3, 3): sizes 2 and 3 of dimension -2 do not broadcast":                       func() { x.Sub(zeros(3, 3)) },
		"mul: shapes (2, 3) and (4, 2, 2): sizes 3 and 2 of dimension -1 do not broadcast":                    func() { x.Mul(zeros(4, 2, 2)) },
		"div: shapes (2, 3) and (0): sizes 3 and 0 of dimension -1 do not broadcast":                          func() { x.Div(zeros(0)) },
		"eq: shapes (2, 3) and (2): sizes 3 and 2 of dimension -1 do not broadcast":                           func() { x.Eq(zeros(2)) },
		"ne: shapes (2, 3) and (2): sizes 3 and 2 of dimension -1 do not broadcast":                           func() { x.Ne(zeros(2)) },
		"lt: shapes (2, 3) and (2): sizes 3 and 2 of dimension -1 do not broadcast":                           func() { x.Lt(zeros(2)) },
		"le: shapes (2, 3) and (2): sizes 3 and 2 of dimension -1 do not broadcast":                           func() { x.Le(zeros(2)) },
		"gt: shapes (2, 3) and (2): sizes 3 and 2 of dimension -1 do not broadcast":                           func() { x.Gt(zeros(2)) },
		"ge: shapes (2, 3) and (2): sizes 3 and 2 of dimension -1 do not broadcast":                           func() { x.Ge(zeros(2)) },
		"and: shapes (2, 3) and (2): sizes 3 and 2 of dimension -1 do not broadcast":                          func() { x.And(zeros(2)) },
		"or: shapes (2, 3) and (4, 3): sizes 2 and 4 of dimension -2 do not broadcast":                        func() { x.Or(zeros(4, 3)) },
		"add in place: shapes (2, 3) and (2): the second cannot be broadcast to the first":                    func() { x.Clone().AddInPlace(zeros(2)) },
		"sub in place: shapes (3) and (2, 3): the second cannot be broadcast to the first":                    func() { zeros(3).SubInPlace(x) },
		"div in place: shapes (3) and (2, 3): the second cannot be broadcast to the first":                    func() { zeros(3).DivInPlace(x) },
		"pow in place: shapes (3) and (2, 3): the second cannot be broadcast to the first":                    func() { zeros(3).PowInPlace(x) },
		"pow: shapes (2, 3) and (2): sizes 3 and 2 of dimension -1 do not broadcast":                          func() { x.Pow(zeros(2)) },
		"mul in place: shapes (1) and (3): the second cannot be broadcast to the first":                       func() { zeros(1).MulInPlace(zeros(3)) },
		"add scaled in place: shapes (1) and (3): the second cannot be broadcast to the first":                func() { zeros(1).AddScaledInPlace(zeros(3), 2) },
		"copy in place: shapes (1) and (3): the second cannot be broadcast to the first":                      func() { zeros(1).CopyInPlace(zeros(3)) },
		"copy in place: shape (2, 3): dimension 0 is expanded: several elements share memory, Clone it first": func() { zeros(3).Expand(2, 3).CopyInPlace(x) },
		"fill in place: shape (2, 3): dimension 1 is expanded: several elements share memory, Clone it first": func() { zeros(2, 1).Expand(2, 3).FillInPlace(1) },
		"normal in place: shape (3): dimension 0 is expanded: several elements share memory, Clone it first": func() {
			zeros().Expand(3).NormalInPlace(random.New(0).Rand(), 0, 1)
		},
		"uniform in place: shape (3): dimension 0 is expanded: several elements share memory, Clone it first": func() {
			zeros().Expand(3).UniformInPlace(random.New(0).Rand(), 0, 1)
		},

		"sum: shape (2, 3): dimension 2 is out of range":             func() { x.Sum(2) },
		"sum: shape (2, 3): dimension -3 is out of range":            func() { x.SumKeepDim(-3) },
		"sum: shape (2, 3): dimension 1 is named twice":              func() { x.Sum(1, -1) },
		"mean: shape (2, 3): dimension 0 is named twice":             func() { x.Mean(0, 0) },
		"max: shape (2, 3): dimension 5 is out of range":             func() { x.Max(5) },
		"max: shape (0, 3): over no elements":                        func() { zeros(0, 3).Max(0) },
		"min: shape (0): over no elements":                           func() { zeros(0).Min() },
		"argmax: shape (2, 3): dimension 2 is out of range":          func() { x.ArgMax(2) },
		"prod: shape (2, 3): dimension 2 is out of range":            func() { x.Prod(2) },
		"prod: shape (): dimension 1 is out of range":                func() { zeros().Prod(1) },
		"var: shape (2, 3): dimension 0 is named twice":              func() { x.Var(1, 0, -2) },
		"std: shape (2, 3): dimension -3 is out of range":            func() { x.Std(1, -3) },
		"any: shape (2, 3): dimension 2 is out of range":             func() { x.Any(2) },
		"all: shape (2, 3): dimension 2 is out of range":             func() { x.AllKeepDim(2) },
		"log-sum-exp: shape (2, 3): dimension 1 is named twice":      func() { x.LogSumExp(1, 1) },
		"max-with-index: shape (2, 3): dimension 2 is out of range":  func() { x.MaxWithIndex(2) },
		"max-with-index: shape (2, 0): over no elements":             func() { zeros(2, 0).MaxWithIndex(1) },
		"min-with-index: shape (2, 3): dimension -3 is out of range": func() { x.MinWithIndex(-3) },
		"argmax: shape (2, 0): over no elements":                     func() { zeros(2, 0).ArgMax(1) },
		"argmin: shape (0): over no elements":                        func() { zeros(0).ArgMin(0) },
		"softmax: shape (2, 3): dimension 2 is out of range":         func() { x.Softmax(2) },
		"log-softmax: shape (2, 3): dimension 2 is out of range":     func() { x.LogSoftmax(2) },

		"gather: shape (2, 3): dimension 2 is out of range":                           func() { x.Gather(2, tensor.Zeros(tensor.Int64, 2, 1)) },
		"gather: shapes (2, 3) and (2): the index has another number of dimensions":   func() { x.Gather(1, tensor.Zeros(tensor.Int64, 2)) },
		"gather: shapes (2, 3) and (3, 1): the index is larger in dimension 0":        func() { x.Gather(1, tensor.Zeros(tensor.Int64, 3, 1)) },
		"gather: shapes (2, 3) and (2, 1): index 3 is outside dimension 1 of size 3":  func() { x.Gather(1, tensor.Full(tensor.Int64, 3, 2, 1)) },
		"gather: shapes (2, 3) and (1, 2): index -1 is outside dimension 1 of size 3": func() { x.Gather(1, tensor.Full(tensor.Int64, -1, 1, 2)) },
		"matmul: shapes (2, 3) and (4, 5): inner sizes 3 and 4 differ":                func() { x.MatMul(zeros(4, 5)) },
		"matmul: shapes (2, 3) and (2): inner sizes 3 and 2 differ":                   func() { x.MatMul(zeros(2)) },
		"matmul: shapes (3) and (2): inner sizes 3 and 2 differ":                      func() { zeros(3).MatMul(zeros(2)) },
		"matmul: shapes (3) and (2, 3): inner sizes 3 and 2 differ":                   func() { zeros(3).MatMul(x) },
		"matmul: shapes (4, 2, 3) and (4, 2, 3): inner sizes 3 and 2 differ":          func() { zeros(4, 2, 3).MatMul(zeros(4, 2, 3)) },
		"matmul: shapes (2, 3) and (): vectors or matrices expected":                  func() { x.MatMul(zeros()) },
		"matmul: shapes () and (3): vectors or matrices expected":                     func() { zeros().MatMul(zeros(3)) },
		"matmul: shapes (2, 1, 2, 3) and (4, 5, 3, 1): sizes 2 and 4 of dimension -4 do not broadcast": func() {
			zeros(2, 1, 2, 3).MatMul(zeros(4, 5, 3, 1))
		},
		"reshape: shape (2, 3): 6 elements do not fit (4, 2)":                                                           func() { x.Reshape(4, 2) },
		"reshape: shape (2, 3): 6 elements do not fit (4, -1)":                                                          func() { x.Reshape(4, -1) },
		"reshape: shape (0, 3): 0 elements do not fit (0, -1)":                                                          func() { zeros(0, 3).Reshape(0, -1) },
		"reshape: shape (2, 3): to (-1, -1): only one size can be -1":                                                   func() { x.Reshape(-1, -1) },
		"reshape: shape (2, 3): to (-2, -3): a size is negative":                                                        func() { x.Reshape(-2, -3) },
		"view: shape (2, 3): 6 elements do not fit (4, 2)":                                                              func() { x.View(4, 2) },
		"view: shape (2, 3): to (-1, -1): only one size can be -1":                                                      func() { x.View(-1, -1) },
		"view: shape (3, 2): as (6) its elements are not evenly spaced in memory (strides [1 3]): Reshape copies them":  func() { x.Transpose(0, 1).View(6) },
		"view: shape (4, 3): as (12) its elements are not evenly spaced in memory (strides [0 1]): Reshape copies them": func() { zeros(3).Expand(4, 3).View(-1) },
		"flatten: shape (2, 3): dimension 1 comes after 0":                                                              func() { x.Flatten(1, 0) },
		"flatten: shape (2, 3): dimension 3 is out of range":                                                            func() { x.Flatten(0, 3) },
		"flip: shape (2, 3): dimension 0 is named twice":                                                                func() { x.Flip(0, -2) },
		"flip: shape (2, 3): dimension 2 is out of range":                                                               func() { x.Flip(2) },
		"maximum: shapes (2, 3) and (2): sizes 3 and 2 of dimension -1 do not broadcast":                                func() { x.Maximum(zeros(2)) },
		"permute: shape (2, 3): 2 dimensions expected, got [0]":                                                         func() { x.Permute(0) },
		"permute: shape (2, 3): dimension 0 is named twice":                                                             func() { x.Permute(0, -2) },
		"permute: shape (2, 3): dimension 4 is out of range":                                                            func() { x.Permute(0, 4) },
		"transpose: shape (2, 3): dimension 2 is out of range":                                                          func() { x.Transpose(0, 2) },
		"squeeze: shape (2, 3): dimension -4 is out of range":                                                           func() { x.Squeeze(-4) },
		"unsqueeze: shape (2, 3): dimension 3 is out of range":                                                          func() { x.Unsqueeze(3) },
		"unsqueeze: shape (2, 3): dimension -4 is out of range":                                                         func() { x.Unsqueeze(-4) },
		"expand: shape (2, 3): it cannot be broadcast to (2, 4)":                                                        func() { x.Expand(2, 4) },
		"expand: shape (2, 3): it cannot be broadcast to (3)":                                                           func() { x.Expand(3) },
		"expand: shape (2, 3): it cannot be broadcast to (2, -3)":                                                       func() { x.Expand(2, -3) },
		"expand: shape (2, 1): it cannot be broadcast to (2, -2)":                                                       func() { zeros(2, 1).Expand(2, -2) },
		"expand: shape (3): it cannot be broadcast to (-1, 3)":                                                          func() { zeros(3).Expand(-1, 3) },
		"narrow: shape (2, 3): dimension 2 is out of range":                                                             func() { x.Narrow(2, 0, 1) },
		"narrow: shape (2, 3): 2 elements from 2 are outside dimension 1 of size 3":                                     func() { x.Narrow(1, 2, 2) },
		"narrow: shape (2, 3): 1 elements from -4 are outside dimension 1 of size 3":                                    func() { x.Narrow(1, -4, 1) },
		"narrow: shape (2, 3): 2 elements from -1 are outside dimension 1 of size 3":                                    func() { x.Narrow(1, -1, 2) },
		"narrow: shape (): dimension 0 is out of range":                                                                 func() { zeros().Narrow(0, 0, 1) },
		"narrow: shape (2, 3): -1 elements from 0 are outside dimension 1 of size 3":                                    func() { x.Narrow(1, 0, -1) },
		"select: shape (2, 3): index 2 is outside dimension 0 of size 2":                                                func() { x.Select(0, 2) },
		"select: shape (2, 3): index -3 is outside dimension 0 of size 2":                                               func() { x.Select(0, -3) },
		"select: shape (2, 3): dimension 2 is out of range":                                                             func() { x.Select(2, 0) },
		"select: shape (): dimension 0 is out of range":                                                                 func() { zeros().Select(0, 0) },
		"slice: shape (2, 3): dimension 2 is out of range":                                                              func() { x.Slice(2, 0, 1, 1) },
		"slice: shape (): dimension -1 is out of range":                                                                 func() { zeros().Slice(-1, 0, 1, 1) },
		"slice: shape (2, 3): step 0 is below 1":                                                                        func() { x.Slice(0, 0, 1, 0) },
		"slice: shape (2, 3): step -1 is below 1":                                                                       func() { x.Slice(0, 0, 1, -1) },
		"transpose: shape (): dimension 1 is out of range":                                                              func() { zeros().Transpose(0, 1) },
		"flatten: shape (): dimension -2 is out of range":                                                               func() { zeros().Flatten(-2, 0) },
		"squeeze: shape (): dimension 1 is out of range":                                                                func() { zeros().Squeeze(1) },
		"squeeze: shape (1, 1): dimension 1 is named twice":                                                             func() { zeros(1, 1).Squeeze(1, -1) },
		"unsqueeze: shape (): dimension 1 is out of range":                                                              func() { zeros().Unsqueeze(1) },
		"permute: shape (): 0 dimensions expected, got [0]":                                                             func() { zeros().Permute(0) },

		"cat: at least one tensor expected":                                                           func() { tensor.Cat(0) },
		"cat: shape (2, 3): dimension 2 is out of range":                                              func() { tensor.Cat(2, x) },
		"cat: shape (): dimension 0 is out of range":                                                  func() { tensor.Cat(0, zeros(), zeros()) },
		"cat: shapes (2, 3) and (3): tensor 1 has 1 dimensions, others have 2":                        func() { tensor.Cat(0, x, zeros(3)) },
		"cat: shapes (2, 3) and (2, 3) and (1, 4): tensor 2 has size 4 in dimension 1, others have 3": func() { tensor.Cat(0, x, x, zeros(1, 4)) },
		"cat: shapes (0, 2) and (2, 3): tensor 1 has size 3 in dimension 1, others have 2":            func() { tensor.Cat(0, zeros(0, 2), x) },
		"stack: at least one tensor expected":                                                         func() { tensor.Stack(0) },
		"stack: shape (2, 3): dimension 3 is out of range":                                            func() { tensor.Stack(3, x) },
		"stack: shapes (2, 3) and (3, 2): tensor 1 has another shape than tensor 0":                   func() { tensor.Stack(0, x, zeros(3, 2)) },
		"split: shape (2, 3): dimension 2 is out of range":                                            func() { x.Split(1, 2) },
		"split: shape (): dimension 0 is out of range":                                                func() { zeros().Split(1, 0) },
		"split: shape (2, 3): dimension 1 of size 3 cannot be split into parts of size 0":             func() { x.Split(0, 1) },
		"split: shape (0): dimension 0 of size 0 cannot be split into parts of size -1":               func() { zeros(0).Split(-1, 0) },

		"scatter-add: shape (2, 3): dimension -3 is out of range":                        func() { x.ScatterAdd(-3, index(0), x) },
		"scatter-add: shapes (2, 3) and (1): the index has another number of dimensions": func() { x.ScatterAdd(0, index(0), x) },
		"scatter-add: shapes (3) and (2): index 3 is outside dimension 0 of size 3":      func() { zeros(3).ScatterAdd(0, index(0, 3), zeros(2)) },
		"scatter-add: shapes (3) and (2) and (2, 3): the index and the source differ in their number of dimensions": func() {
			zeros(3).ScatterAdd(0, index(0, 1), x)
		},
		"scatter-add: shapes (3) and (2) and (1): the index is larger than the source in dimension 0": func() {
			zeros(3).ScatterAdd(0, index(0, 1), zeros(1))
		},
		"scatter-add: shapes (2, 3) and (3, 1): the index is larger in dimension 0": func() {
			x.ScatterAdd(1, tensor.Zeros(tensor.Int64, 3, 1), zeros(3, 1))
		},
		"gather: shapes () and (1): the index has another number of dimensions":                func() { zeros().Gather(0, index(0)) },
		"gather: shapes () and (): index 1 is outside dimension 0 of size 1":                   func() { zeros().Gather(0, tensor.Scalar(int64(1))) },
		"gather: shape (): dimension 1 is out of range":                                        func() { zeros().Gather(1, tensor.Scalar(int64(0))) },
		"index-select: shape (2, 3): dimension 2 is out of range":                              func() { x.IndexSelect(2, index(0)) },
		"index-select: shapes (2, 3) and (1, 1): an index with at most one dimension expected": func() { x.IndexSelect(0, index(0).Reshape(1, 1)) },
		"index-select: shapes () and (2): an index of one element expected for a scalar":       func() { zeros().IndexSelect(0, index(0, 0)) },
		"index-select: shapes (2, 3) and (2): index 3 is outside dimension 1 of size 3":        func() { x.IndexSelect(1, index(0, 3)) },
		"index-select: shapes (2, 3) and (1): index -1 is outside dimension 1 of size 3":       func() { x.IndexSelect(1, index(-1)) },
		"index-select: shapes (2, 0) and (1): index 5 is outside dimension 0 of size 2":        func() { zeros(2, 0).IndexSelect(0, index(5)) },
		"masked-select: shapes (2, 3) and (2): sizes 3 and 2 of dimension -1 do not broadcast": func() { x.MaskedSelect(tensor.Ones(tensor.Bool, 2)) },
		"where: shapes (2) and (3) and (): sizes 2 and 3 of dimension -1 do not broadcast": func() {
			tensor.Where(tensor.Ones(tensor.Bool, 2), zeros(3), zeros())
		},
		"where: shapes () and (1, 3) and (2): sizes 3 and 2 of dimension -1 do not broadcast": func() {
			tensor.Where(tensor.Ones(tensor.Bool), zeros(1, 3), zeros(2))
		},
		"pick: shapes (3, 2) and (2): one label a row expected, (N, C) and (N)": func() { tensor.Zeros(tensor.Float32, 3, 2).Pick(index(0, 1)) },
		"pick: shapes (2) and (2): one label a row expected, (N, C) and (N)":    func() { tensor.Zeros(tensor.Float32, 2).Pick(index(0, 1)) },
		"sort: shape (2, 3): dimension 2 is out of range":                       func() { x.Sort(2, false) },
		"sort: shape (): dimension 1 is out of range":                           func() { zeros().Sort(1, false) },
		"argsort: shape (2, 3): dimension -3 is out of range":                   func() { x.ArgSort(-3, true) },
		"topk: shape (2, 3): dimension 2 is out of range":                       func() { x.TopK(1, 2, true) },
		"topk: shape (2, 3): 4 elements of dimension 1 of size 3 asked for":     func() { x.TopK(4, 1, true) },
		"topk: shape (2, 3): -1 elements of dimension 0 of size 2 asked for":    func() { x.TopK(-1, 0, true) },
		"topk: shape (): 2 elements of dimension 0 of size 1 asked for":         func() { zeros().TopK(2, 0, true) },
		"topk: shape (): 0 elements of dimension 0 of size 1 asked for":         func() { zeros().TopK(0, 0, true) },

		"ones: shape (-2): dimension 0 is negative":                                  func() { tensor.Ones(tensor.Bool, -2) },
		"full: shape (2, -1): dimension 1 is negative":                               func() { tensor.Full(tensor.Bool, 1, 2, -1) },
		"eye: shape (2, -3): dimension 1 is negative":                                func() { tensor.Eye(tensor.Bool, 2, -3) },
		"normal: shape (-1): dimension 0 is negative":                                func() { tensor.Normal(tensor.Float32, random.New(0).Rand(), 0, 1, -1) },
		"uniform: shape (-1): dimension 0 is negative":                               func() { tensor.Uniform(tensor.Float32, random.New(0).Rand(), 0, 1, -1) },
		"rand int: shape (-2): dimension 0 is negative":                              func() { tensor.RandInt(random.New(0).Rand(), 0, 3, -2) },
		"rand perm: shape (-1): dimension 0 is negative":                             func() { tensor.RandPerm(random.New(0).Rand(), -1) },
		"linspace: shape (-1): dimension 0 is negative":                              func() { tensor.Linspace(tensor.Float32, 0, 1, -1) },
		"reshape: shape (4294967296, 4294967296): more elements than can be counted": func() { zeros(0).Reshape(1<<32, 1<<32) },
		"view: shape (4294967296, 4294967296): more elements than can be counted":    func() { zeros(0).View(1<<32, 1<<32) },
		"expand: shape (4294967296, 4294967296): more elements than can be counted":  func() { zeros(1).Expand(1<<32, 1<<32) },
		"zeros: shape (4294967296, 4294967296): more elements than can be counted":   func() { zeros(1<<32, 1<<32) },

		"from nested: <nil>: nested slices of bool, uint8, int, int64, float32 or float64 expected":     func() { tensor.FromNested(nil) },
		"from nested: []string: nested slices of bool, uint8, int, int64, float32 or float64 expected":  func() { tensor.FromNested([]string{"1"}) },
		"from nested: [][]int32: nested slices of bool, uint8, int, int64, float32 or float64 expected": func() { tensor.FromNested([][]int32{{1}}) },
		"from nested: [1] has length 3, those before it 2":                                              func() { tensor.FromNested([][]float32{{1, 2}, {3, 4, 5}}) },
		"from nested: [1][0] has length 0, those before it 1":                                           func() { tensor.FromNested([][][]int{{{1}, {2}}, {{}, {3}}}) },
		"from nested: [2] has length 1, those before it 0":                                              func() { tensor.FromNested([][]bool{nil, {}, {true}}) },
		"backward: shape (2): a value that is not a scalar needs a seed":                                func() { vector(1, 2).Exp().Backward() },
		"backward: shape (0): a value that is not a scalar needs a seed":                                func() { vector().Backward() },
		"backward: shapes (2) and (): the seed has another shape than the value":                        func() { vector(1, 2).Exp().Backward(tensor.Scalar(1.0)) },
	} {
		wantPanic[*tensor.ShapeError](t, text, text, f)
	}
}

func TestDTypeErrors(t *testing.T) {
	ints, bools, floats := tensor.Zeros(tensor.Int64, 2, 2), tensor.Zeros(tensor.Bool, 2, 2), zeros(2, 2)
	for text, f := range map[string]func(){
		"zeros: DType(9) elements, shape (2): a known type expected":                                                         func() { tensor.Zeros(9, 2) },
		"data: float32 elements, shape (2, 2): float64 expected":                                                             func() { tensor.Data[float64](floats) },
		"minimum: bool elements, shapes (2, 2) and (2, 2): a type with arithmetic on one side expected":                      func() { bools.Minimum(bools) },
		"add: bool elements, shapes (2, 2) and (2, 2): a type with arithmetic on one side expected":                          func() { bools.Add(bools) },
		"sub: bool elements, shapes (2, 2) and (2, 2): a type with arithmetic on one side expected":                          func() { bools.Sub(bools) },
		"mul: bool elements, shapes (2, 2) and (2, 2): a type with arithmetic on one side expected":                          func() { bools.Mul(bools) },
		"pow: bool elements, shapes (2, 2) and (2, 2): a type with arithmetic on one side expected":                          func() { bools.Pow(bools) },
		"pow: int64 elements, shape (2, 2): float32 or float64 for a negative power expected":                                func() { ints.PowScalar(-1) },
		"pow: uint8 elements, shape (2): a type that can hold the power 256 expected":                                        func() { tensor.Zeros(tensor.Uint8, 2).PowScalar(256) },
		"neg: bool elements, shape (2, 2): a type with arithmetic expected":                                                  func() { bools.Neg() },
		"abs: bool elements, shape (2, 2): a type with arithmetic expected":                                                  func() { bools.Abs() },
		"relu: bool elements, shape (2, 2): a type with arithmetic expected":                                                 func() { bools.ReLU() },
		"clamp: bool elements, shape (2, 2): a type with arithmetic expected":                                                func() { bools.Clamp(math.Inf(-1), math.Inf(1)) },
		"mean: int64 elements, shape (2, 2): float32 or float64 expected":                                                    func() { ints.Mean() },
		"max: bool elements, shape (2, 2): a type with an order expected":                                                    func() { bools.Max() },
		"min: bool elements, shape (2, 2): a type with an order expected":                                                    func() { bools.MinKeepDim(0) },
		"argmax: bool elements, shape (2, 2): a type with an order expected":                                                 func() { bools.ArgMax(0) },
		"argmin: bool elements, shape (2, 2): a type with an order expected":                                                 func() { bools.ArgMin(0) },
		"gather: float32 elements, shapes (2, 2) and (2, 2): int64 indices expected":                                         func() { floats.Gather(0, floats) },
		"var: int64 elements, shape (2, 2): float32 or float64 expected":                                                     func() { ints.Var(1) },
		"std: bool elements, shape (2, 2): float32 or float64 expected":                                                      func() { bools.Std(1) },
		"max-with-index: bool elements, shape (2, 2): a type with an order expected":                                         func() { bools.MaxWithIndex(0) },
		"min-with-index: bool elements, shape (2, 2): a type with an order expected":                                         func() { bools.MinWithIndex(0) },
		"div in place: int64 elements, shapes (2, 2) and (2, 2): float32 or float64 expected":                                func() { ints.Clone().DivInPlace(ints) },
		"pow in place: float32 elements, shapes (2, 2) and (2, 2): a type that int64 can hold expected":                      func() { ints.Clone().PowInPlace(floats) },
		"scatter-add: bool elements, shapes (2, 2) and (2, 2): int64 indices expected":                                       func() { floats.ScatterAdd(0, bools, floats) },
		"scatter-add: bool elements, shapes (2, 2) and (2, 2) and (2, 2): a type with arithmetic expected":                   func() { bools.ScatterAdd(0, ints, bools) },
		"scatter-add: int64 elements, shapes (2, 2) and (2, 2) and (2, 2): float32, as the elements added to have, expected": func() { floats.ScatterAdd(0, ints, ints) },
		"index-select: uint8 elements, shapes (2, 2) and (2): int64 indices expected":                                        func() { floats.IndexSelect(0, tensor.Zeros(tensor.Uint8, 2)) },
		"masked-select: int64 elements, shapes (2, 2) and (2, 2): a bool mask expected":                                      func() { floats.MaskedSelect(ints) },
		"where: int64 elements, shapes (2, 2) and (2, 2) and (2, 2): a bool condition expected":                              func() { tensor.Where(ints, floats, floats) },
		"pick: float32 elements, shapes (2, 2) and (2): int64 labels expected":                                               func() { floats.Pick(tensor.Zeros(tensor.Float32, 2)) },
		"one-hot: float32 elements, shape (2, 2): int64 labels expected":                                                     func() { tensor.OneHot(floats, 3) },
		"arange: bool elements: a type with arithmetic expected":                                                             func() { tensor.Arange(tensor.Bool, 0, 2, 1) },
		"linspace: bool elements: a type with arithmetic expected":                                                           func() { tensor.Linspace(tensor.Bool, 0, 1, 2) },
		"ones: DType(9) elements, shape (2): a known type expected":                                                          func() { tensor.Ones(9, 2) },
		"full: DType(9) elements, shape (): a known type expected":                                                           func() { tensor.Full(9, 1) },
		"eye: DType(9) elements, shape (1, 1): a known type expected":                                                        func() { tensor.Eye(9, 1, 1) },
		"normal in place: int64 elements, shape (2, 2): float32 or float64 expected":                                         func() { ints.Clone().NormalInPlace(random.New(0).Rand(), 0, 1) },
		"uniform in place: int64 elements, shape (2, 2): float32 or float64 expected":                                        func() { ints.Clone().UniformInPlace(random.New(0).Rand(), 0, 1) },
		"matmul: int64 elements, shapes (2, 2) and (2, 2): two matrices of float32, or of float64, expected":                 func() { ints.MatMul(ints) },
		"matmul: float64 elements, shapes (2, 2) and (2, 2): two matrices of float32, or of float64, expected":               func() { floats.MatMul(floats.To(tensor.Float64)) },
		"require gradients: int64 elements, shape (2, 2): float32 or float64 expected":                                       func() { ints.SetRequiresGrad(true) },
		"require gradients: bool elements, shape (2, 2): float32 or float64 expected":                                        func() { bools.SetRequiresGrad(true) },
		"add in place: float32 elements, shapes (2, 2) and (2, 2): a type that int64 can hold expected":                      func() { ints.Clone().AddInPlace(floats) },
		"sub in place: int64 elements, shapes (2, 2) and (2, 2): a type that bool can hold expected":                         func() { bools.Clone().SubInPlace(ints) },
		"add scaled in place: int64 elements, shapes (2, 2) and (2, 2): float32 or float64 expected":                         func() { ints.Clone().AddScaledInPlace(ints, 2) },
		"normal: int64 elements, shape (2): float32 or float64 expected":                                                     func() { tensor.Normal(tensor.Int64, random.New(0).Rand(), 0, 1, 2) },
		"uniform: uint8 elements, shape (2): float32 or float64 expected":                                                    func() { tensor.Uniform(tensor.Uint8, random.New(0).Rand(), 0, 1, 2) },
		"backward: float32 elements, shapes (2) and (2): float64 as the value has expected": func() {
			vector(1, 2).Exp().Backward(zeros(2))
		},
	} {
		wantPanic[*tensor.DTypeError](t, text, text, f)
	}
	ints.SetRequiresGrad(false) // it does not, anyway
}

func TestGradErrors(t *testing.T) {
	x := vector(1, 2)
	for text, f := range map[string]func(){
		"backward: shape (): the value depends on no tensor that requires gradients": func() { tensor.Scalar(1.0).Backward() },
		"backward: shape (): the value was computed from a NoGrad tensor":            func() { x.NoGrad().Sum().Backward() },
		"backward: shape (2): one seed expected, got 2":                              func() { x.Exp().Backward(x, x) },
		"require gradients: shape (2): the tensor is a result of exp, not a leaf":    func() { x.Exp().SetRequiresGrad(true) },
		"require gradients: shape (1): the tensor is a result of narrow, not a leaf": func() { x.Narrow(0, 0, 1).SetRequiresGrad(false) },
		"add in place: shapes (2) and (2): in-place operations are not recorded, and the operand requires gradients: Detach it": func() {
			tensor.Zeros(tensor.Float64, 2).AddInPlace(x)
		},
		"copy in place: shapes (2) and (2): in-place operations are not recorded, and the operand requires gradients: Detach it": func() {
			tensor.Zeros(tensor.Float64, 2).CopyInPlace(x.Exp())
		},
		"mul in place: shape (2): the result of exp is part of a recorded computation: use Mul, which makes a new tensor and is recorded too, or change a copy that is not, Detach().Clone()": func() {
			x.Exp().MulInPlace(tensor.Scalar(2.0))
		},
		"data in place: shape (2): the result of exp is part of a recorded computation: change a copy that is not, Detach().Clone()": func() {
			tensor.DataInPlace[float64](vector(1, 2).Exp())
		},
		"fill in place: shape (1): the result of narrow is part of a recorded computation: change a copy that is not, Detach().Clone()": func() {
			x.Narrow(0, 1, 1).FillInPlace(0)
		},
	} {
		wantPanic[*tensor.GradError](t, text, text, f)
	}
}
