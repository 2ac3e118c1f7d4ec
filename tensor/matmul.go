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
		failShape("matmul", "vectors or matrices expected", t, y)
	}
	if k, l := t.shape[t.Dim()-1], y.shape[max(0, y.Dim()-2)]; k != l {
		failShape("matmul", fmt.Sprintf("inner sizes %d and %d differ", k, l), t, y)
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
	return Record(t.multiply(y, kernel.GemmSamples[float32], kernel.GemmSamples[float64]), "matmul",
		Input{t, []*Tensor{y}, func(g *Tensor) *Tensor { return product(g, y.Transpose(-2, -1), t) }},
		Input{y, []*Tensor{t}, func(g *Tensor) *Tensor { return product(t.Transpose(-2, -1), g, y) }})
}

// Linear returns t·wᵀ + b: a (..., out) tensor of t, (..., in), a weight (out, in) and a
// bias (out), or nil for none, all of the same floating-point type. It is what MatMul and
// Add give, in one pass over the result: torch.nn.functional.linear.
func (t *Tensor) Linear(w, b *Tensor) *Tensor { return t.linear(w, b, false) }

// LinearReLU returns the ReLU of t's Linear, with the bits of that, in one pass over the result.
func (t *Tensor) LinearReLU(w, b *Tensor) *Tensor { return t.linear(w, b, true) }

// linear is Linear, or LinearReLU.
func (t *Tensor) linear(w, b *Tensor, relu bool) *Tensor {
	if t.Dim() == 0 || w.Dim() != 2 || t.shape[t.Dim()-1] != w.shape[1] {
		failShape("linear", "input (..., in) and weight (out, in) expected", t, w)
	}
	if b != nil && !slices.Equal(b.shape, w.shape[:1]) {
		failShape("linear", "weight (out, in) and bias (out) expected", w, b)
	}
	x, ok := t.rows()
	if !ok || t.dtype != Float32 || w.dtype != Float32 || b != nil && (b.dtype != Float32 || !b.IsContiguous()) {
		y := t.MatMul(w.Transpose(0, 1))
		if b != nil {
			y = y.Add(b)
		}
		if relu {
			y = y.ReLU()
		}
		return y
	}
	e := kernel.Epilogue[float32]{ReLU: relu}
	flat := func(g *Tensor) *Tensor {
		if g.Dim() == 2 {
			return g
		}
		return g.Reshape(x.shape[0], w.shape[0])
	}
	inputs := [3]Input{
		{t, []*Tensor{w}, func(g *Tensor) *Tensor { return flat(g).products(w).Reshape(t.shape...) }},
		{w, []*Tensor{t}, func(g *Tensor) *Tensor { return product(flat(g).Transpose(0, 1), x, w) }},
		{b, nil, same[*Tensor]},
	}
	n := 2
	if b != nil {
		e.Bias, n = Data[float32](b), 3
	}
	shape := slices.Clone(t.shape)
	shape[len(shape)-1] = w.shape[0]
	out := Empty(Float32, shape...)
	dst, wt := Data[float32](out), transposed[float32](w)
	x.writing(func(ready func(lo, hi int)) {
		if ready == nil {
			kernel.GemmSamples(dst, matrix[float32](x, 0), wt, e)
		} else {
			kernel.GemmRows(dst, kernel.Matrix[float32]{Data: x.store.data.([]float32), Rows: x.shape[0], Cols: x.shape[1],
				RowStride: x.shape[1], ColStride: 1}, wt, e, ready)
		}
	})
	Record(out, "linear", inputs[:n]...).
		adds(w, func(sum, g *Tensor) {
			kernel.Gemm(DataInPlace[float32](sum), transposed[float32](flat(g)), matrix[float32](x, 0), kernel.Epilogue[float32]{Add: true})
		}).
		adds(b, func(sum, g *Tensor) {
			cols := make([]float32, w.shape[0])
			kernel.SumCols(cols, Data[float32](flat(g).Contiguous()), x.shape[0], w.shape[0])
			kernel.Add(DataInPlace[float32](sum), Data[float32](sum), cols)
		})
	if relu { // in the same memory: gradients read nothing of what is linear
		return out.rectified(out.detached())
	}
	return out
}

// rows returns a view of t, (..., n), as a matrix (rows, n) from which nothing is recorded,
// and whether its strides allow one.
func (t *Tensor) rows() (*Tensor, bool) {
	shape := []int{numel(t.shape[:t.Dim()-1]), t.shape[t.Dim()-1]}
	strides, ok := t.viewStrides(shape)
	return &Tensor{dtype: t.dtype, shape: shape, strides: strides, offset: t.offset, store: t.store, noGrad: true}, ok
}

// transposed returns the transpose of a matrix as the kernels see it.
func transposed[T Float](t *Tensor) kernel.Matrix[T] {
	m := matrix[T](t, 0)
	m.Rows, m.Cols, m.RowStride, m.ColStride = m.Cols, m.Rows, m.ColStride, m.RowStride
	return m
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
	return t.multiply(y, kernel.Gemm[float32], kernel.Gemm[float64])
}

// multiply is products by functions that compute one each: kernel.Gemm, or kernel.GemmSamples.
func (t *Tensor) multiply(y *Tensor, gemm32 gemm[float32], gemm64 gemm[float64]) *Tensor {
	batch := broadcastLeading("matmul", 2, t, y)
	if len(batch) > 0 {
		like := func(x *Tensor) *Tensor {
			return x.detached().Expand(append(slices.Clone(batch), x.shape[x.Dim()-2:]...)...)
		}
		t, y = like(t), like(y)
	}
	out := Empty(t.dtype, append(batch, t.shape[len(batch)], y.shape[len(batch)+1])...)
	if t.dtype == Float32 {
		gemms(out, t, y, gemm32)
	} else {
		gemms(out, t, y, gemm64)
	}
	return out
}

// gemm computes a·b, or what e makes of it, to c.
type gemm[T Float] func(c []T, a, b kernel.Matrix[T], e kernel.Epilogue[T])

// gemms writes by gemm the product of each pair of matrices of a and b to out, which has as many.
func gemms[T Float](out, a, b *Tensor, gemm gemm[T]) {
	c, batch := Data[T](out), out.Dim()-2
	m, n := out.shape[batch], out.shape[batch+1]
	parallel.For(numel(out.shape[:batch]), 1+grain/max(1, m*n*a.shape[batch+1]), func(lo, hi int) {
		for i := lo; i < hi; i++ {
			gemm(c[i*m*n:(i+1)*m*n], matrix[T](a, i), matrix[T](b, i), kernel.Epilogue[T]{})
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
