package tensor_test

import (
	"reflect"
	"testing"

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

func TestShapeErrors(t *testing.T) {
	x := zeros(2, 3)
	for text, f := range map[string]func(){
		"new: shape (2, 2): 4 elements expected, got 3":                             func() { tensor.New([]uint8{1, 2, 3}, 2, 2) },
		"new: shape (): 1 elements expected, got 2":                                 func() { tensor.New([]uint8{1, 2}) },
		"new: shape (2, -1): dimension 1 is negative":                               func() { tensor.New([]uint8{1, 2}, 2, -1) },
		"zeros: shape (-2): dimension 0 is negative":                                func() { zeros(-2) },
		"zeros: shape (-1): dimension 0 is negative":                                func() { tensor.Arange(tensor.Int64, -1) },
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
		"add in place: shapes (2, 3) and (2): the second cannot be broadcast to the first":                    func() { x.Clone().AddInPlace(zeros(2)) },
		"sub in place: shapes (3) and (2, 3): the second cannot be broadcast to the first":                    func() { zeros(3).SubInPlace(x) },
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

		"sum: shape (2, 3): dimension 2 is out of range":         func() { x.Sum(2) },
		"sum: shape (2, 3): dimension -3 is out of range":        func() { x.SumKeepDim(-3) },
		"sum: shape (2, 3): dimension 1 is named twice":          func() { x.Sum(1, -1) },
		"mean: shape (2, 3): dimension 0 is named twice":         func() { x.Mean(0, 0) },
		"max: shape (2, 3): dimension 5 is out of range":         func() { x.Max(5) },
		"max: shape (0, 3): over no elements":                    func() { zeros(0, 3).Max(0) },
		"min: shape (0): over no elements":                       func() { zeros(0).Min() },
		"argmax: shape (2, 3): dimension 2 is out of range":      func() { x.ArgMax(2) },
		"argmax: shape (2, 0): dimension 1 is empty":             func() { zeros(2, 0).ArgMax(1) },
		"argmin: shape (0): dimension 0 is empty":                func() { zeros(0).ArgMin(0) },
		"softmax: shape (2, 3): dimension 2 is out of range":     func() { x.Softmax(2) },
		"log-softmax: shape (2, 3): dimension 2 is out of range": func() { x.LogSoftmax(2) },

		"gather: shape (2, 3): dimension 2 is out of range":                           func() { x.Gather(2, tensor.Zeros(tensor.Int64, 2, 1)) },
		"gather: shapes (2, 3) and (2): the index has another number of dimensions":   func() { x.Gather(1, tensor.Zeros(tensor.Int64, 2)) },
		"gather: shapes (2, 3) and (3, 1): the index is larger in dimension 0":        func() { x.Gather(1, tensor.Zeros(tensor.Int64, 3, 1)) },
		"gather: shapes (2, 3) and (2, 1): index 3 is outside dimension 1 of size 3":  func() { x.Gather(1, tensor.Full(tensor.Int64, 3, 2, 1)) },
		"gather: shapes (2, 3) and (1, 2): index -1 is outside dimension 1 of size 3": func() { x.Gather(1, tensor.Full(tensor.Int64, -1, 1, 2)) },
		"matmul: shapes (2, 3) and (4, 5): inner sizes 3 and 4 differ":                func() { x.MatMul(zeros(4, 5)) },
		"matmul: shapes (2, 3) and (3): two matrices expected":                        func() { x.MatMul(zeros(3)) },
		"matmul: shapes (1, 2, 3) and (3, 1): two matrices expected":                  func() { x.Unsqueeze(0).MatMul(zeros(3, 1)) },
		"reshape: shape (2, 3): 6 elements do not fit (4, 2)":                         func() { x.Reshape(4, 2) },
		"reshape: shape (2, 3): 6 elements do not fit (4, -1)":                        func() { x.Reshape(4, -1) },
		"reshape: shape (0, 3): 0 elements do not fit (0, -1)":                        func() { zeros(0, 3).Reshape(0, -1) },
		"reshape: shape (2, 3): to (-1, -1): only one size can be -1":                 func() { x.Reshape(-1, -1) },
		"reshape: shape (2, 3): to (-2, -3): a size is negative":                      func() { x.Reshape(-2, -3) },
		"flatten: shape (2, 3): dimension 1 comes after 0":                            func() { x.Flatten(1, 0) },
		"flatten: shape (2, 3): dimension 3 is out of range":                          func() { x.Flatten(0, 3) },
		"permute: shape (2, 3): 2 dimensions expected, got [0]":                       func() { x.Permute(0) },
		"permute: shape (2, 3): dimension 0 is named twice":                           func() { x.Permute(0, -2) },
		"permute: shape (2, 3): dimension 4 is out of range":                          func() { x.Permute(0, 4) },
		"transpose: shape (2, 3): dimension 2 is out of range":                        func() { x.Transpose(0, 2) },
		"squeeze: shape (2, 3): dimension -4 is out of range":                         func() { x.Squeeze(-4) },
		"unsqueeze: shape (2, 3): dimension 3 is out of range":                        func() { x.Unsqueeze(3) },
		"unsqueeze: shape (2, 3): dimension -4 is out of range":                       func() { x.Unsqueeze(-4) },
		"expand: shape (2, 3): it cannot be broadcast to (2, 4)":                      func() { x.Expand(2, 4) },
		"expand: shape (2, 3): it cannot be broadcast to (3)":                         func() { x.Expand(3) },
		"expand: shape (2, -3): dimension 1 is negative":                              func() { x.Expand(2, -3) },
		"narrow: shape (2, 3): dimension 2 is out of range":                           func() { x.Narrow(2, 0, 1) },
		"narrow: shape (2, 3): 2 elements from 2 are outside dimension 1 of size 3":   func() { x.Narrow(1, 2, 2) },
		"narrow: shape (2, 3): 1 elements from -1 are outside dimension 1 of size 3":  func() { x.Narrow(1, -1, 1) },
		"narrow: shape (2, 3): -1 elements from 0 are outside dimension 1 of size 3":  func() { x.Narrow(1, 0, -1) },
		"select: shape (2, 3): index 2 is outside dimension 0 of size 2":              func() { x.Select(0, 2) },
		"select: shape (2, 3): index -3 is outside dimension 0 of size 2":             func() { x.Select(0, -3) },
		"select: shape (2, 3): dimension 2 is out of range":                           func() { x.Select(2, 0) },
		"backward: shape (2): a value that is not a scalar needs a seed":              func() { vector(1, 2).Exp().Backward() },
		"backward: shape (0): a value that is not a scalar needs a seed":              func() { vector().Backward() },
		"backward: shapes (2) and (): the seed has another shape than the value":      func() { vector(1, 2).Exp().Backward(tensor.Scalar(1.0)) },
		"mine: shapes (2, 3) and () and (4): they do not fit":                         func() { tensor.Fail("mine", "they do not fit", x, zeros(), zeros(4)) },
		"mine: nothing to name": func() { tensor.Fail("mine", "nothing to name") },
	} {
		wantPanic[*tensor.ShapeError](t, text, text, f)
	}
}

func TestDTypeErrors(t *testing.T) {
	ints, bools, floats := tensor.Zeros(tensor.Int64, 2, 2), tensor.Zeros(tensor.Bool, 2, 2), zeros(2, 2)
	for text, f := range map[string]func(){
		"zeros: DType(9) elements: a known type expected":                            func() { tensor.Zeros(9, 2) },
		"data: float32 elements: float64 expected":                                   func() { tensor.Data[float64](floats) },
		"mean: int64 elements: float32 or float64 expected":                          func() { ints.Mean() },
		"max: bool elements: a type with an order expected":                          func() { bools.Max() },
		"min: bool elements: a type with an order expected":                          func() { bools.MinKeepDim(0) },
		"argmax: bool elements: a type with an order expected":                       func() { bools.ArgMax(0) },
		"argmin: bool elements: a type with an order expected":                       func() { bools.ArgMin(0) },
		"gather: float32 elements: int64 indices expected":                           func() { floats.Gather(0, floats) },
		"matmul: int64 elements: two matrices of float32, or of float64, expected":   func() { ints.MatMul(ints) },
		"matmul: float64 elements: two matrices of float32, or of float64, expected": func() { floats.MatMul(floats.To(tensor.Float64)) },
		"require gradients: int64 elements: float32 or float64 expected":             func() { ints.SetRequiresGrad(true) },
		"require gradients: bool elements: float32 or float64 expected":              func() { bools.SetRequiresGrad(true) },
		"add in place: float32 elements: a type that int64 can hold expected":        func() { ints.Clone().AddInPlace(floats) },
		"sub in place: int64 elements: a type that bool can hold expected":           func() { bools.Clone().SubInPlace(ints) },
		"add scaled in place: int64 elements: float32 or float64 expected":           func() { ints.Clone().AddScaledInPlace(ints, 2) },
		"normal in place: int64 elements: float32 or float64 expected":               func() { tensor.Normal(tensor.Int64, random.New(0).Rand(), 0, 1, 2) },
		"uniform in place: uint8 elements: float32 or float64 expected":              func() { tensor.Uniform(tensor.Uint8, random.New(0).Rand(), 0, 1, 2) },
		"backward: float32 elements: float64 as the value has expected": func() {
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
		"backward: the value depends on no tensor that requires gradients": func() { tensor.Scalar(1.0).Backward() },
		"backward: the value was computed from a NoGrad tensor":            func() { x.NoGrad().Sum().Backward() },
		"backward: one seed expected, got 2":                               func() { x.Exp().Backward(x, x) },
		"require gradients: the tensor is a result of exp, not a leaf":     func() { x.Exp().SetRequiresGrad(true) },
		"require gradients: the tensor is a result of narrow, not a leaf":  func() { x.Narrow(0, 0, 1).SetRequiresGrad(false) },
		"add in place: in-place operations are not recorded, and the operand requires gradients: Detach it": func() {
			tensor.Zeros(tensor.Float64, 2).AddInPlace(x)
		},
		"copy in place: in-place operations are not recorded, and the operand requires gradients: Detach it": func() {
			tensor.Zeros(tensor.Float64, 2).CopyInPlace(x.Exp())
		},
		"mul in place: the result of exp is part of a recorded computation: change a Detach of it, or a Clone": func() {
			x.Exp().MulInPlace(tensor.Scalar(2.0))
		},
		"fill in place: the result of narrow is part of a recorded computation: change a Detach of it, or a Clone": func() {
			x.Narrow(0, 1, 1).FillInPlace(0)
		},
	} {
		wantPanic[*tensor.GradError](t, text, text, f)
	}
}
