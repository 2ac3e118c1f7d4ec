package tensor

import (
	"fmt"
	"slices"

	"github.com/onehot-go/onehot/fault"
	"github.com/onehot-go/onehot/internal/parallel"
)

// Gather returns the elements of t that index picks along dim: for two dimensions and
// dim 1, out[i][j] = t[i][index[i][j]]. index is Int64, has as many dimensions as t and
// is no larger than t in any but dim; the result has its shape. With one column of
// labels it picks each row's probability of the true class. An index taken twice gets
// the gradients of both.
func (t *Tensor) Gather(dim int, index *Tensor) *Tensor { return t.gather("gather", dim, index) }

func (t *Tensor) gather(op string, dim int, index *Tensor) *Tensor {
	dim = t.wrapDim(op, dim)
	t.checkIndex(op, dim, index)
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
	return Record(out, op, Input{t, []*Tensor{index}, func(g *Tensor) *Tensor {
		return Zeros(g.dtype, t.shape...).scatterAdd(dim, index, g)
	}}, Input{Tensor: index})
}

// Pick returns the element of every row of t, (N, C), that labels, (N) of Int64 in [0, C),
// names: out[i] = t[i][labels[i]], of shape (N). It is y_hat[range(len(y)), y] of NumPy and
// PyTorch: what a model says of each sample's true class. It panics with a *fault.LabelError if
// a label is outside [0, C).
func (t *Tensor) Pick(labels *Tensor) *Tensor {
	const op = "pick"
	if labels.dtype != Int64 {
		failDType(op, labels.dtype, "int64 labels", t, labels)
	}
	if t.Dim() != 2 || labels.Dim() != 1 || labels.shape[0] != t.shape[0] {
		failShape(op, "one label a row expected, (N, C) and (N)", t, labels)
	}
	for i, k := range Values[int64](labels) {
		if k < 0 || k >= int64(t.shape[1]) {
			fault.Label(op, k, i, labels.shape, t.shape[1], "")
		}
	}
	return t.gather(op, 1, labels.Unsqueeze(1)).Squeeze(1)
}

// ScatterAdd returns a copy of t with the elements of src added to those that index
// picks along dim, the reverse of Gather: for two dimensions and dim 1,
// out[i][index[i][j]] += src[i][j]. Elements that are picked several times get all of
// their sums, in row-major order. index is Int64; all three have as many dimensions, and
// index is no larger than t in any but dim, nor than src in any. t and src have the same
// type, with arithmetic.
func (t *Tensor) ScatterAdd(dim int, index, src *Tensor) *Tensor {
	dim = t.wrapDim("scatter-add", dim)
	t.checkIndex("scatter-add", dim, index)
	if src.Dim() != index.Dim() {
		failShape("scatter-add", "the index and the source differ in their number of dimensions", t, index, src)
	}
	for d, n := range index.shape {
		if n > src.shape[d] {
			failShape("scatter-add", fmt.Sprintf("the index is larger than the source in dimension %d", d), t, index, src)
		}
	}
	if t.dtype == Bool {
		failDType("scatter-add", t.dtype, "a type with arithmetic", t, index, src)
	}
	if src.dtype != t.dtype {
		failDType("scatter-add", src.dtype, t.dtype.String()+", as the elements added to have,", t, index, src)
	}
	out := Zeros(t.dtype, t.shape...)
	out.assign(t)
	out.scatterAdd(dim, index, src.corner(index.shape))
	return Record(out, "scatter-add",
		Input{t, nil, same[*Tensor]},
		Input{src, []*Tensor{index}, func(g *Tensor) *Tensor {
			whole := Zeros(g.dtype, src.shape...)
			whole.corner(index.shape).assign(g.Gather(dim, index))
			return whole
		}},
		Input{Tensor: index})
}

// corner returns the view of the first elements of t along every dimension, as many as
// shape says.
func (t *Tensor) corner(shape []int) *Tensor {
	return &Tensor{dtype: t.dtype, shape: shape, strides: t.strides, offset: t.offset, store: t.store}
}

// checkIndex panics unless index can pick elements of t along dim.
func (t *Tensor) checkIndex(op string, dim int, index *Tensor) {
	if index.dtype != Int64 {
		failDType(op, index.dtype, "int64 indices", t, index)
	}
	if index.Dim() != t.Dim() {
		failShape(op, "the index has another number of dimensions", t, index)
	}
	for d := range t.shape {
		if d != dim && index.shape[d] > t.shape[d] {
			failShape(op, fmt.Sprintf("the index is larger in dimension %d", d), t, index)
		}
	}
	n := int64(t.along(dim))
	for _, k := range Data[int64](index.Contiguous()) {
		if k < 0 || k >= n {
			failShape(op, fmt.Sprintf("index %d is outside dimension %d of size %d", k, dim, n), t, index)
		}
	}
}

// along returns the size of dimension dim, 1 of a scalar.
func (t *Tensor) along(dim int) int {
	if t.Dim() == 0 {
		return 1
	}
	return t.shape[dim]
}

func gather[T Element](out, t *Tensor, dim int, index *Tensor) {
	dst, src := elements[T](out), elements[T](t)
	i := 0
	t.picked(dim, index, func(at int) {
		dst[i] = src[at]
		i++
	})
}

// scatterAdd adds the elements of src, of index's shape, to those of t that index picks
// along dim, and returns t.
func (t *Tensor) scatterAdd(dim int, index, src *Tensor) *Tensor {
	switch t.dtype {
	case Uint8:
		scatterAdd[uint8](t, dim, index, src)
	case Int64:
		scatterAdd[int64](t, dim, index, src)
	case Float32:
		scatterAdd[float32](t, dim, index, src)
	case Float64:
		scatterAdd[float64](t, dim, index, src)
	}
	return t
}

// scatterAdd goes through the elements in order on one goroutine, since two may meet.
func scatterAdd[T Number](t *Tensor, dim int, index, src *Tensor) {
	dst, add := elements[T](t), Data[T](src.Contiguous())
	i := 0
	t.picked(dim, index, func(at int) {
		dst[at] += add[i]
		i++
	})
}

// picked calls f with the storage offset in t of each element that index picks along
// dim, in row-major order.
func (t *Tensor) picked(dim int, index *Tensor, f func(at int)) {
	strides, step := slices.Clone(t.strides), 0
	if t.Dim() > 0 { // the place along dim comes from the index
		step, strides[dim] = strides[dim], 0
	}
	for i, k := range Data[int64](index.Contiguous()) {
		f(t.offset + offsetOf(i, index.shape, strides) + int(k)*step)
	}
}

// IndexSelect returns the parts of t that index, a one-dimensional Int64 tensor, names
// along dim, in its order: for two dimensions and dim 0, row i of the result is row
// index[i] of t. An index taken twice gets the gradients of both. A scalar index names
// one part; a scalar t has one part, which is t.
func (t *Tensor) IndexSelect(dim int, index *Tensor) *Tensor {
	dim = t.wrapDim("index-select", dim)
	if index.dtype != Int64 {
		failDType("index-select", index.dtype, "int64 indices", t, index)
	}
	if index.Dim() > 1 {
		failShape("index-select", "an index with at most one dimension expected", t, index)
	}
	if t.Dim() == 0 && index.Numel() != 1 {
		failShape("index-select", "an index of one element expected for a scalar", t, index)
	}
	n := t.along(dim)
	for _, k := range Values[int64](index) {
		if k < 0 || k >= int64(n) {
			failShape("index-select", fmt.Sprintf("index %d is outside dimension %d of size %d", k, dim, n), t, index)
		}
	}
	return t.indexSelect("index-select", dim, index)
}

// indexSelect is IndexSelect with what it was given checked.
func (t *Tensor) indexSelect(op string, dim int, index *Tensor) *Tensor {
	shape := slices.Clone(t.shape)
	if t.Dim() > 0 {
		shape[dim] = index.Numel()
	}
	out := Zeros(t.dtype, shape...)
	switch t.dtype {
	case Bool:
		indexSelect[bool](out, t, dim, index)
	case Uint8:
		indexSelect[uint8](out, t, dim, index)
	case Int64:
		indexSelect[int64](out, t, dim, index)
	case Float32:
		indexSelect[float32](out, t, dim, index)
	case Float64:
		indexSelect[float64](out, t, dim, index)
	}
	return Record(out, op, Input{t, []*Tensor{index}, func(g *Tensor) *Tensor {
		whole := Zeros(g.dtype, t.shape...)
		if g.dtype == Float32 {
			indexAdd[float32](whole, dim, index, g)
		} else {
			indexAdd[float64](whole, dim, index, g)
		}
		return whole
	}}, Input{Tensor: index})
}

// indexSelect writes the parts of t that index names to out. A part is one run of
// elements for each index of the dimensions before dim.
func indexSelect[T Element](out, t *Tensor, dim int, index *Tensor) {
	dst, src, at := elements[T](out), Data[T](t.detached().Contiguous()), Values[int64](index)
	outer, n, run := t.around(dim)
	parallel.For(outer*len(at), max(1, grain/max(1, run)), func(lo, hi int) {
		for i := lo; i < hi; i++ {
			from := (i/len(at)*n + int(at[i%len(at)])) * run
			copy(dst[i*run:(i+1)*run], src[from:])
		}
	})
}

// indexAdd adds the parts of src to those of t, which is contiguous, that index names.
// Two may meet: those for one index of the dimensions before dim are added in order.
func indexAdd[T Float](t *Tensor, dim int, index, src *Tensor) {
	dst, add, at := elements[T](t), Data[T](src.Contiguous()), Values[int64](index)
	outer, n, run := t.around(dim)
	parallel.For(outer, max(1, grain/max(1, run*len(at))), func(lo, hi int) {
		for i := lo * len(at); i < hi*len(at); i++ {
			to := (i/len(at)*n + int(at[i%len(at)])) * run
			for j, v := range add[i*run : (i+1)*run] {
				dst[to+j] += v
			}
		}
	})
}

// around returns the number of elements that the dimensions before dim have, the size of
// dim, and the number that those behind it have; all are 1 for a scalar.
func (t *Tensor) around(dim int) (before, size, behind int) {
	if t.Dim() == 0 {
		return 1, 1, 1
	}
	return numel(t.shape[:dim]), t.shape[dim], numel(t.shape[dim+1:])
}

// MaskedSelect returns those elements of t for which mask, a Bool tensor, holds, as one
// dimension, in row-major order of the shape that both are broadcast to.
func (t *Tensor) MaskedSelect(mask *Tensor) *Tensor {
	if mask.dtype != Bool {
		failDType("masked-select", mask.dtype, "a bool mask", t, mask)
	}
	shape := broadcastShape("masked-select", t, mask)
	var at []int64
	for i, on := range Values[bool](mask.Expand(shape...)) {
		if on {
			at = append(at, int64(i))
		}
	}
	return t.Expand(shape...).Reshape(-1).indexSelect("masked-select", 0, Record(wrap(at, []int{len(at)}), "masked-select", Input{Tensor: mask}))
}

// Where returns the elements of x where cond, a Bool tensor, holds and those of y
// elsewhere. All three are broadcast against each other; x and y are promoted.
func Where(cond, x, y *Tensor) *Tensor {
	if cond.dtype != Bool {
		failDType("where", cond.dtype, "a bool condition", cond, x, y)
	}
	out := Zeros(promote(x, y), broadcastShape("where", cond, x, y)...)
	from, other := x.detached().To(out.dtype), y.detached().To(out.dtype)
	switch out.dtype {
	case Bool:
		choose[bool](out, cond, from, other)
	case Uint8:
		choose[uint8](out, cond, from, other)
	case Int64:
		choose[int64](out, cond, from, other)
	case Float32:
		choose[float32](out, cond, from, other)
	case Float64:
		choose[float64](out, cond, from, other)
	}
	return Record(out, "where",
		Input{x, []*Tensor{cond}, func(g *Tensor) *Tensor { return Where(cond, g, Zeros(g.dtype)) }},
		Input{y, []*Tensor{cond}, func(g *Tensor) *Tensor { return Where(cond, Zeros(g.dtype), g) }},
		Input{Tensor: cond})
}

// choose writes x where cond holds and y elsewhere, all broadcast to out, to out.
func choose[T Element](out, cond, x, y *Tensor) {
	dst, on, xs, ys := elements[T](out), elements[bool](cond), elements[T](x), elements[T](y)
	walk(out.shape, []*Tensor{out, cond, x, y}, func(n int, at, step [most]int) {
		for i := range n {
			if d := at[0] + i*step[0]; on[at[1]+i*step[1]] {
				dst[d] = xs[at[2]+i*step[2]]
			} else {
				dst[d] = ys[at[3]+i*step[3]]
			}
		}
	})
}

// OneHot returns the tensor of labels' shape with a last dimension of the given number of
// classes added, which is 1 at the label and 0 elsewhere. labels is Int64. The result is of
// the type dtype, and of Int64 as in PyTorch if there is none. Losses take floats:
//
//	tensor.OneHot(labels, 10, tensor.Float32)
//
// OneHot panics with a *fault.LabelError if a label is outside [0, classes), and with a
// *fault.OptionError if there are no classes or several types.
func OneHot(labels *Tensor, classes int, dtype ...DType) *Tensor {
	if labels.dtype != Int64 {
		failDType("one-hot", labels.dtype, "int64 labels", labels)
	}
	if classes < 1 {
		fault.Option("one-hot", "%d classes: at least 1 expected", classes)
	}
	if len(dtype) > 1 {
		fault.Option("one-hot", "%d types: at most 1 expected", len(dtype))
	}
	out := Zeros(Int64, append(labels.Shape(), classes)...)
	dst := elements[int64](out)
	for i, k := range Values[int64](labels) {
		if k < 0 || k >= int64(classes) {
			fault.Label("one-hot", k, i, labels.shape, classes, "")
		}
		dst[i*classes+int(k)] = 1
	}
	if len(dtype) == 1 {
		out = out.To(dtype[0])
	}
	return Record(out, "one-hot", Input{Tensor: labels})
}
