package tensor

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/onehot-go/onehot/internal/parallel"
)

// Sort returns the elements of t in order along dim, the least first or, descending, the
// greatest, and the Int64 indices along dim at which they stood. Equal elements keep
// their order; NaN counts as the greatest.
func (t *Tensor) Sort(dim int, descending bool) (values, indices *Tensor) {
	dim = t.wrapDim("sort", dim)
	indices = t.sorted("sort", dim, t.along(dim), descending)
	return t.gather("sort", dim, indices), indices
}

// ArgSort returns the indices that Sort does.
func (t *Tensor) ArgSort(dim int, descending bool) *Tensor {
	dim = t.wrapDim("argsort", dim)
	return t.sorted("argsort", dim, t.along(dim), descending)
}

// TopK returns the k greatest elements along dim, or the k least, and the Int64 indices
// along dim at which they stood, as Sort orders them: the greatest first, or the least.
// Of equal elements the first are taken; NaN counts as the greatest.
func (t *Tensor) TopK(k, dim int, largest bool) (values, indices *Tensor) {
	dim = t.wrapDim("topk", dim)
	if n := t.along(dim); k < 0 || k > n || t.Dim() == 0 && k == 0 {
		failShape("topk", fmt.Sprintf("%d elements of dimension %d of size %d asked for", k, dim, n), t)
	}
	indices = t.sorted("topk", dim, k, largest)
	return t.gather("topk", dim, indices), indices
}

// sorted returns the indices of the first k elements along dim in order.
func (t *Tensor) sorted(op string, dim, k int, descending bool) *Tensor {
	if t.Dim() == 0 {
		return Record(Zeros(Int64), op, Input{Tensor: t})
	}
	rows := t.detached().Transpose(dim, -1)
	shape := rows.Shape()
	shape[len(shape)-1] = k
	out := Zeros(Int64, shape...)
	switch t.dtype {
	case Bool:
		sortRows[uint8](out, rows.To(Uint8), descending)
	case Uint8:
		sortRows[uint8](out, rows, descending)
	case Int64:
		sortRows[int64](out, rows, descending)
	case Float32:
		sortRows[float32](out, rows, descending)
	case Float64:
		sortRows[float64](out, rows, descending)
	}
	return Record(out.Transpose(dim, -1).Contiguous(), op, Input{Tensor: t})
}

// sortRows writes the indices of the first elements of each row of t, as many as out has
// room for.
func sortRows[T Number](out, t *Tensor, descending bool) {
	dst, src := elements[int64](out), Data[T](t.Contiguous())
	k, n := out.Size(-1), t.Size(-1)
	before := greater[T]
	if !descending {
		before = func(a, b T) bool { return greater(b, a) }
	}
	parallel.For(numel(t.shape[:t.Dim()-1]), max(1, grain/max(1, n)), func(lo, hi int) {
		indices := make([]int64, n)
		for row := lo; row < hi; row++ {
			values := src[row*n : (row+1)*n]
			for i := range indices {
				indices[i] = int64(i)
			}
			slices.SortFunc(indices, func(i, j int64) int {
				switch a, b := values[i], values[j]; {
				case before(a, b):
					return -1
				case before(b, a):
					return 1
				}
				return cmp.Compare(i, j)
			})
			copy(dst[row*k:(row+1)*k], indices)
		}
	})
}
