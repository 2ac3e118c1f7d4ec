package tensor

import (
	"fmt"

	"github.com/onehot-go/onehot/internal/kernel"
)

// MatMul returns the matrix product of t, (m, k), and y, (k, n): an (m, n) tensor. Both
// have the same floating-point type.
func (t *Tensor) MatMul(y *Tensor) *Tensor {
	if t.Dim() != 2 || y.Dim() != 2 {
		Fail("matmul", "two matrices expected", t, y)
	}
	if t.shape[1] != y.shape[0] {
		Fail("matmul", fmt.Sprintf("inner sizes %d and %d differ", t.shape[1], y.shape[0]), t, y)
	}
	for _, x := range []*Tensor{t, y} {
		if !x.dtype.IsFloat() || x.dtype != t.dtype {
			panic(&DTypeError{Op: "matmul", Got: x.dtype, Want: "two matrices of float32, or of float64,"})
		}
	}
	out := Zeros(t.dtype, t.shape[0], y.shape[1])
	if t.dtype == Float32 {
		gemm[float32](out, t, y)
	} else {
		gemm[float64](out, t, y)
	}
	return record(out, operation{name: "matmul", inputs: []*Tensor{t, y}, saves: []*Tensor{t, y}, grads: func(g *Tensor) []*Tensor {
		var gt, gy *Tensor
		if t.requiresGrad { // a batch of pictures does not, and its gradient is half of the work
			gt = product(g, y.Transpose(0, 1), t)
		}
		if y.requiresGrad {
			gy = product(t.Transpose(0, 1), g, y)
		}
		return []*Tensor{gt, gy}
	}})
}

// product returns a·b laid out in memory as like is: the gradient of a transposed
// weight comes back in the weight's own order.
func product(a, b, like *Tensor) *Tensor {
	a, b = a.NoGrad(), b.NoGrad()
	if like.strides[0] < like.strides[1] {
		return b.Transpose(0, 1).MatMul(a.Transpose(0, 1)).Transpose(0, 1)
	}
	return a.MatMul(b)
}

func gemm[T Float](out, a, b *Tensor) {
	kernel.Gemm(Data[T](out), operand[T](a), operand[T](b))
}

// operand returns t, which has two dimensions, as the kernels see a matrix.
func operand[T Float](t *Tensor) kernel.Matrix[T] {
	m := kernel.Matrix[T]{Rows: t.shape[0], Cols: t.shape[1], RowStride: t.strides[0], ColStride: t.strides[1]}
	if t.Numel() > 0 {
		m.Data = elements[T](t)[t.offset:]
	}
	return m
}
