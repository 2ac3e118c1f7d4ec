package tensor

import (
	"fmt"
	"slices"
)

// alias returns a tensor over t's storage with another layout, recorded as op with the
// given way back for its gradient.
func (t *Tensor) alias(op string, shape, strides []int, offset int, grad func(g *Tensor) *Tensor) *Tensor {
	out := &Tensor{dtype: t.dtype, shape: shape, strides: strides, offset: offset, store: t.store}
	return Record(out, op, Input{t, nil, grad})
}

// IsContiguous reports whether the elements lie in row-major order without gaps; where
// there are none they do.
func (t *Tensor) IsContiguous() bool {
	if t.Numel() == 0 {
		return true
	}
	step := 1
	for d := len(t.shape) - 1; d >= 0; d-- {
		if t.shape[d] != 1 && t.strides[d] != step {
			return false
		}
		step *= t.shape[d]
	}
	return true
}

// Contiguous returns t if it is contiguous, otherwise a copy that is.
func (t *Tensor) Contiguous() *Tensor {
	if t.IsContiguous() {
		return t
	}
	return t.Clone()
}

// Clone returns a contiguous copy of t. Gradients flow through it.
func (t *Tensor) Clone() *Tensor {
	out := Empty(t.dtype, t.shape...)
	out.assign(t)
	return Record(out, "clone", Input{t, nil, same[*Tensor]})
}

// View returns the elements of t, in row-major order, as another shape with the same
// number of elements; one size may be -1 and is then worked out. It never copies: it
// panics if a dimension of the result would need elements that do not lie evenly
// spaced in memory, as those of a transposed matrix in one row. Reshape copies then.
func (t *Tensor) View(shape ...int) *Tensor {
	shape = t.inferShape("view", shape)
	if _, ok := t.viewStrides(shape); !ok {
		failShape("view", fmt.Sprintf("as %s its elements are not evenly spaced in memory (strides %v): Reshape copies them", shapeString(shape), t.strides), t)
	}
	return t.reshape("view", shape)
}

// Reshape returns the elements of t, in row-major order, as another shape with the same
// number of elements; one size may be -1 and is then worked out. It is a view where View
// can give one, and a copy otherwise.
func (t *Tensor) Reshape(shape ...int) *Tensor {
	return t.reshape("reshape", t.inferShape("reshape", shape))
}

// reshape is Reshape to a shape that has t's number of elements.
func (t *Tensor) reshape(op string, shape []int) *Tensor {
	from := t.shape
	strides, ok := t.viewStrides(shape)
	if !ok {
		t, strides = t.Clone(), rowMajor(shape)
	}
	return t.alias(op, shape, strides, t.offset, func(g *Tensor) *Tensor { return g.Reshape(from...) })
}

// viewStrides returns the strides with which t's memory shows its elements as shape,
// which has as many, and whether there are any: each dimension must be a part of a run
// of evenly spaced elements.
func (t *Tensor) viewStrides(shape []int) ([]int, bool) {
	if t.IsContiguous() {
		return rowMajor(shape), true
	}
	steps := [][]int{slices.Clone(t.strides)}
	runs := coalesce(slices.Clone(t.shape), steps)
	run := len(runs) - 1
	left, step := runs[run], steps[0][run]
	strides := make([]int, len(shape))
	for d := len(shape) - 1; d >= 0; d-- {
		if left == 1 && shape[d] != 1 {
			run--
			left, step = runs[run], steps[0][run]
		}
		if left%shape[d] != 0 {
			return nil, false
		}
		strides[d] = step
		left /= shape[d]
		step *= shape[d]
	}
	return strides, true
}

// inferShape replaces a -1 in shape by what t's number of elements leaves for it.
func (t *Tensor) inferShape(op string, shape []int) []int {
	shape = slices.Clone(shape)
	infer, known := -1, 1
	for d, n := range shape {
		switch {
		case n == -1 && infer >= 0:
			failShape(op, fmt.Sprintf("to %s: only one size can be -1", shapeString(shape)), t)
		case n == -1:
			infer = d
		case n < 0:
			failShape(op, fmt.Sprintf("to %s: a size is negative", shapeString(shape)), t)
		default:
			known *= n
		}
	}
	if infer >= 0 && known > 0 && t.Numel()%known == 0 {
		shape[infer] = t.Numel() / known
	}
	if numel(shape) != t.Numel() || infer >= 0 && shape[infer] < 0 {
		failShape(op, fmt.Sprintf("%d elements do not fit %s", t.Numel(), shapeString(shape)), t)
	}
	checkShape(op, shape) // a product that wrapped around fits too
	return shape
}

// Flatten joins the dimensions from start to end, both included, into one: Flatten(1,
// -1) makes (N, C·H·W) of (N, C, H, W). A scalar becomes a vector of one. It copies
// where Reshape does.
func (t *Tensor) Flatten(start, end int) *Tensor {
	from, to := t.wrapDim("flatten", start), t.wrapDim("flatten", end)
	if t.Dim() == 0 {
		return t.reshape("flatten", []int{1})
	}
	if from > to {
		failShape("flatten", fmt.Sprintf("dimension %d comes after %d", start, end), t)
	}
	shape := append(slices.Clone(t.shape[:from]), numel(t.shape[from:to+1]))
	return t.reshape("flatten", append(shape, t.shape[to+1:]...))
}

// Permute returns a view with the dimensions in another order: dimension i of the
// result is dimension dims[i] of t.
func (t *Tensor) Permute(dims ...int) *Tensor {
	if len(dims) != t.Dim() {
		failShape("permute", fmt.Sprintf("%d dimensions expected, got %v", t.Dim(), dims), t)
	}
	t.dims("permute", dims) // refuses one that is named twice
	shape, strides, back := make([]int, len(dims)), make([]int, len(dims)), make([]int, len(dims))
	for i, d := range dims {
		d = t.dim("permute", d)
		shape[i], strides[i], back[d] = t.shape[d], t.strides[d], i
	}
	return t.alias("permute", shape, strides, t.offset, func(g *Tensor) *Tensor { return g.Permute(back...) })
}

// Transpose returns a view with dimensions a and b exchanged. A scalar is its own
// transpose.
func (t *Tensor) Transpose(a, b int) *Tensor {
	a, b = t.wrapDim("transpose", a), t.wrapDim("transpose", b)
	if t.Dim() == 0 {
		return t
	}
	shape, strides := slices.Clone(t.shape), slices.Clone(t.strides)
	shape[a], shape[b] = shape[b], shape[a]
	strides[a], strides[b] = strides[b], strides[a]
	return t.alias("transpose", shape, strides, t.offset, func(g *Tensor) *Tensor { return g.Transpose(a, b) })
}

// Squeeze returns a view without those of dims that have size 1, and t itself where none
// has. If none is named every dimension of size 1 goes.
func (t *Tensor) Squeeze(dims ...int) *Tensor {
	named := t.dims("squeeze", dims)
	var shape, strides []int
	for d, n := range t.shape {
		if n != 1 || !slices.Contains(named, d) {
			shape, strides = append(shape, n), append(strides, t.strides[d])
		}
	}
	if len(shape) == t.Dim() {
		return t
	}
	from := t.shape
	return t.alias("squeeze", shape, strides, t.offset, func(g *Tensor) *Tensor { return g.Reshape(from...) })
}

// Unsqueeze returns a view with a dimension of size 1 inserted before dimension dim; dim
// may be t.Dim(), or -1 for the same.
func (t *Tensor) Unsqueeze(dim int) *Tensor { return t.unsqueeze("unsqueeze", dim) }

func (t *Tensor) unsqueeze(op string, dim int) *Tensor {
	if dim < -t.Dim()-1 || dim > t.Dim() {
		failShape(op, fmt.Sprintf("dimension %d is out of range", dim), t)
	}
	if dim < 0 {
		dim += t.Dim() + 1
	}
	shape := slices.Insert(slices.Clone(t.shape), dim, 1)
	strides := slices.Insert(slices.Clone(t.strides), dim, 1)
	return t.alias(op, shape, strides, t.offset, func(g *Tensor) *Tensor { return g.Squeeze(dim) })
}

// Flip returns a copy of t with the order of the elements reversed along dims; along all of
// them if none is named.
func (t *Tensor) Flip(dims ...int) *Tensor {
	over := t.dims("flip", dims)
	mirrored := t.detached()
	mirrored.strides = slices.Clone(t.strides)
	for _, d := range over {
		mirrored.offset += (t.shape[d] - 1) * t.strides[d]
		mirrored.strides[d] = -t.strides[d]
	}
	out := Empty(t.dtype, t.shape...)
	out.assign(mirrored)
	return Record(out, "flip", Input{t, nil, func(g *Tensor) *Tensor { return g.Flip(over...) }})
}

// Expand returns a view of t broadcast to shape: dimensions of size 1 are repeated, and
// new ones may stand in front. A size of -1 keeps the one that t has.
func (t *Tensor) Expand(shape ...int) *Tensor {
	to := slices.Clone(shape)
	lead := len(to) - t.Dim()
	for d := range to {
		if to[d] == -1 && d >= lead {
			to[d] = t.shape[d-lead]
		}
	}
	strides := make([]int, len(to))
	ok := t.broadcastStrides(strides, to)
	if !ok || len(to) > 0 && slices.Min(to) < 0 {
		failShape("expand", fmt.Sprintf("it cannot be broadcast to %s", shapeString(shape)), t)
	}
	checkShape("expand", to)
	// The gradient has the expanded shape: Backward sums it back.
	return t.alias("expand", to, strides, t.offset, same[*Tensor])
}

// Narrow returns the view of t that holds indices [start, start+length) of dimension
// dim; start may count from the end.
func (t *Tensor) Narrow(dim, start, length int) *Tensor {
	dim = t.dim("narrow", dim)
	n, from := t.shape[dim], start
	if from < 0 {
		from += n
	}
	if from < 0 || from > n || length < 0 || length > n-from {
		failShape("narrow", fmt.Sprintf("%d elements from %d are outside dimension %d of size %d", length, start, dim, n), t)
	}
	return t.cut("narrow", dim, from, length, 1)
}

// Slice returns the view of t that holds every step-th of the indices [start, end) of
// dimension dim, as Python's t[start:end:step]: negative bounds count from the end, and
// those outside the dimension are brought to its nearest end, so that math.MaxInt stands
// for all that follow. step is at least 1.
func (t *Tensor) Slice(dim, start, end, step int) *Tensor {
	dim = t.dim("slice", dim)
	if step < 1 {
		failShape("slice", fmt.Sprintf("step %d is below 1", step), t)
	}
	n := t.shape[dim]
	bound := func(i int) int {
		if i < 0 {
			i += n
		}
		return min(max(i, 0), n)
	}
	start, end = bound(start), bound(end)
	step = min(step, n+1) // which takes one element already
	return t.cut("slice", dim, start, (max(end-start, 0)+step-1)/step, step)
}

// cut returns the view of t that holds length indices of dimension dim, from start on
// and step apart.
func (t *Tensor) cut(op string, dim, start, length, step int) *Tensor {
	shape, strides := slices.Clone(t.shape), slices.Clone(t.strides)
	shape[dim] = length
	strides[dim] *= step
	from := t.shape
	return t.alias(op, shape, strides, t.offset+start*t.strides[dim], func(g *Tensor) *Tensor {
		whole := Zeros(g.dtype, from...)
		whole.cut(op, dim, start, length, step).assign(g)
		return whole
	})
}

// Select returns the view of t at index of dimension dim, which it loses: Select(0, i)
// is row i. The index may count from the end.
func (t *Tensor) Select(dim, index int) *Tensor {
	dim = t.dim("select", dim)
	n := t.shape[dim]
	if index < -n || index >= n {
		failShape("select", fmt.Sprintf("index %d is outside dimension %d of size %d", index, dim, n), t)
	}
	if index < 0 {
		index += n
	}
	shape := slices.Delete(slices.Clone(t.shape), dim, dim+1)
	strides := slices.Delete(slices.Clone(t.strides), dim, dim+1)
	from := t.shape
	return t.alias("select", shape, strides, t.offset+index*t.strides[dim], func(g *Tensor) *Tensor {
		whole := Zeros(g.dtype, from...)
		whole.Select(dim, index).assign(g)
		return whole
	})
}
