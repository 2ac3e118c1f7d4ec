package tensor

import (
	"fmt"
	"slices"

	"github.com/onehot-go/onehot/internal/kernel"
	"github.com/onehot-go/onehot/internal/parallel"
)

// MatMul returns the matrix product of t, (..., m, k), and y, (..., k, n): a (..., m, n)
// tensor. Dimensions before the last two count matrices and are broadcast. A vector (k) is
// taken as one row of t or one column of y, and the result does not have its dimension: of
// two vectors it is their dot product, a scalar. Both have the same floating-point type.
func (t *Tensor) MatMul(y *Tensor) *Tensor {
	if t.Dim() == 0 || y.Dim() == 0 {
		Fail("matmul", "vectors or matrices expected", t, y)
	}
	if k, l := t.shape[t.Dim()-1], y.shape[max(0, y.Dim()-2)]; k != l {
		Fail("matmul", fmt.Sprintf("inner sizes %d and %d differ", k, l), t, y)
	}
	for _, x := range []*Tensor{t, y} {
		if !x.dtype.IsFloat() || x.dtype != t.dtype {
			failDType("matmul", x.dtype, "two matrices of float32, or of float64,", t, y)
		}
	}
	switch {
	case y.Dim() == 1:
		return t.MatMul(y.Unsqueeze(1)).Squeeze(-1)
	case t.Dim() == 1:
		return t.Unsqueeze(0).MatMul(y).Squeeze(-2)
	case t.Dim() > 2 && y.Dim() == 2: // all rows of t meet the same matrix: where strides allow it, as rows of one
		rows, last := t.shape[:t.Dim()-1], t.shape[t.Dim()-1]
		if _, ok := t.viewStrides([]int{numel(rows), last}); ok {
			return t.Flatten(0, -2).MatMul(y).Reshape(append(slices.Clone(rows), y.shape[1])...)
		}
	}
	out := t.products(y)
	return record(out, "matmul",
		input{t, []*Tensor{y}, func(g *Tensor) *Tensor { return product(g, y.Transpose(-2, -1), t) }},
		input{y, []*Tensor{t}, func(g *Tensor) *Tensor { return product(t.Transpose(-2, -1), g, y) }})
}

// product returns a·b with its matrices laid out in memory as those of like are: the
// gradient of a transposed weight comes back in the weight's own order.
func product(a, b, like *Tensor) *Tensor {
	if like.strides[like.Dim()-2] < like.strides[like.Dim()-1] {
		return b.Transpose(-2, -1).products(a.Transpose(-2, -1)).Transpose(-2, -1)
	}
	return a.products(b)
}

// products returns the matrix products of t and y, which have at least two dimensions and
// inner sizes that agree. Nothing is recorded, and nothing copied: a matrix that is
// broadcast is read again.
func (t *Tensor) products(y *Tensor) *Tensor {
	batch := broadcastLeading("matmul", 2, t, y)
	like := func(x *Tensor) *Tensor {
		return x.detached().Expand(append(slices.Clone(batch), x.shape[x.Dim()-2:]...)...)
	}
	t, y = like(t), like(y)
	out := Zeros(t.dtype, append(batch, t.shape[len(batch)], y.shape[len(batch)+1])...)
	if t.dtype == Float32 {
		gemms[float32](out, t, y)
	} else {
		gemms[float64](out, t, y)
	}
	return out
}

// gemms writes the product of each pair of matrices of a and b to out, which has as many.
func gemms[T Float](out, a, b *Tensor) {
	c, batch := Data[T](out), out.Dim()-2
	m, n := out.shape[batch], out.shape[batch+1]
	parallel.For(numel(out.shape[:batch]), 1+grain/max(1, m*n*a.shape[batch+1]), func(lo, hi int) {
		for i := lo; i < hi; i++ {
			kernel.Gemm(c[i*m*n:(i+1)*m*n], matrix[T](a, i), matrix[T](b, i))
		}
	})
}

// matrix returns matrix i of t, counted in row-major order over the dimensions before the
// last two, as the kernels see it.
func matrix[T Float](t *Tensor, i int) kernel.Matrix[T] {
	batch := t.Dim() - 2
	m := kernel.Matrix[T]{
		Rows: t.shape[batch], RowStride: t.strides[batch],
		Cols: t.shape[batch+1], ColStride: t.strides[batch+1],
	}
	if t.Numel() > 0 {
		m.Data = elements[T](t)[t.offset+offsetOf(i, t.shape[:batch], t.strides[:batch]):]
	}
	return m
}
