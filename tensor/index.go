package tensor

import (
	"fmt"
	"slices"
)

// Gather returns the elements of t that index picks along dim: for two dimensions and
// dim 1, out[i][j] = t[i][index[i][j]]. index is Int64, has as many dimensions as t and
// is no larger than t in any but dim; the result has its shape. With one column of
// labels it picks each row's probability of the true class. An index taken twice gets
// the gradients of both.
func (t *Tensor) Gather(dim int, index *Tensor) *Tensor {
	dim = t.dim("gather", dim)
	if index.dtype != Int64 {
		panic(&DTypeError{Op: "gather", Got: index.dtype, Want: "int64 indices"})
	}
	if index.Dim() != t.Dim() {
		Fail("gather", "the index has another number of dimensions", t, index)
	}
	for d := range t.shape {
		if d != dim && index.shape[d] > t.shape[d] {
			Fail("gather", fmt.Sprintf("the index is larger in dimension %d", d), t, index)
		}
	}
	out := Zeros(t.dtype, index.shape...)
	switch t.dtype {
	case Bool:
		gather[bool](out, t, dim, index)
	case Uint8:
		gather[uint8](out, t, dim, index)
	case Int64:
		gather[int64](out, t, dim, index)
	case Float32:
		gather[float32](out, t, dim, index)
	case Float64:
		gather[float64](out, t, dim, index)
	}
	return record(out, operation{name: "gather", inputs: []*Tensor{t}, saves: []*Tensor{index}, grads: func(g *Tensor) []*Tensor {
		whole := Zeros(g.dtype, t.shape...)
		if g.dtype == Float32 {
			scatterAdd[float32](whole, dim, index, g)
		} else {
			scatterAdd[float64](whole, dim, index, g)
		}
		return []*Tensor{whole}
	}})
}

func gather[T Element](out, t *Tensor, dim int, index *Tensor) {
	dst, src := elements[T](out), elements[T](t)
	i := 0
	picked("gather", t, dim, index, func(at int) {
		dst[i] = src[at]
		i++
	})
}

// scatterAdd adds the elements of src, of index's shape, to those of t that index picks
// along dim. It goes through them in order on one goroutine, since two may meet.
func scatterAdd[T Number](t *Tensor, dim int, index, src *Tensor) {
	dst, add := elements[T](t), elements[T](src.Contiguous())
	i := src.Contiguous().offset
	picked("scatter-add", t, dim, index, func(at int) {
		dst[at] += add[i]
		i++
	})
}

// picked calls f with the storage offset in t of each element that index picks along
// dim, in row-major order.
func picked(op string, t *Tensor, dim int, index *Tensor, f func(at int)) {
	indices := Data[int64](index.Contiguous())
	strides := slices.Clone(t.strides)
	strides[dim] = 0 // the place along dim comes from the index
	for i, k := range indices {
		if k < 0 || k >= int64(t.shape[dim]) {
			Fail(op, fmt.Sprintf("index %d is outside dimension %d of size %d", k, dim, t.shape[dim]), t, index)
		}
		f(t.offset + offsetOf(i, index.shape, strides) + int(k)*t.strides[dim])
	}
}
