package tensor

import (
	"fmt"
	"slices"
)

// view returns a tensor over t's storage with another layout, recorded as op with the
// given way back for its gradient.
func (t *Tensor) view(op string, shape, strides []int, offset int, grad func(g *Tensor) *Tensor) *Tensor {
	out := &Tensor{dtype: t.dtype, shape: shape, strides: strides, offset: offset, store: t.store}
	return record(out, operation{name: op, inputs: []*Tensor{t}, grads: func(g *Tensor) []*Tensor {
		return []*Tensor{grad(g)}
	}})
}

// IsContiguous reports whether the elements lie in row-major order without gaps.
func (t *Tensor) IsContiguous() bool {
	step := 1
	for d := len(t.shape) - 1; d >= 0; d-- {
		if t.shape[d] == 0 {
			return true
		}
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
	out := Zeros(t.dtype, t.shape...)
	out.assign(t)
	return record(out, operation{name: "clone", inputs: []*Tensor{t}, grads: func(g *Tensor) []*Tensor {
		return []*Tensor{g}
	}})
}

// Reshape returns the elements of t, in row-major order, as another shape with the same
// number of elements; one size may be -1 and is then worked out. It is a view where t is
// contiguous and a copy otherwise.
func (t *Tensor) Reshape(shape ...int) *Tensor {
	shape = t.inferShape(shape)
	c := t.Contiguous()
	from := t.shape
	return c.view("reshape", shape, rowMajor(shape), c.offset, func(g *Tensor) *Tensor { return g.Reshape(from...) })
}

// inferShape replaces a -1 in shape by what t's number of elements leaves for it.
func (t *Tensor) inferShape(shape []int) []int {
	shape = slices.Clone(shape)
	infer, known := -1, 1
	for d, n := range shape {
		switch {
		case n == -1 && infer >= 0:
			Fail("reshape", fmt.Sprintf("to %s: only one size can be -1", shapeString(shape)), t)
		case n == -1:
			infer = d
		case n < 0:
			Fail("reshape", fmt.Sprintf("to %s: a size is negative", shapeString(shape)), t)
		default:
			known *= n
		}
	}
	if infer >= 0 && known > 0 && t.Numel()%known == 0 {
		shape[infer] = t.Numel() / known
	}
	if numel(shape) != t.Numel() || infer >= 0 && shape[infer] < 0 {
		Fail("reshape", fmt.Sprintf("%d elements do not fit %s", t.Numel(), shapeString(shape)), t)
	}
	return shape
}

// Flatten joins the dimensions from start to end, both included, into one: Flatten(1,
// -1) makes (N, C·H·W) of (N, C, H, W). A scalar becomes a vector of one.
func (t *Tensor) Flatten(start, end int) *Tensor {
	if t.Dim() == 0 {
		return t.Reshape(1)
	}
	from, to := t.dim("flatten", start), t.dim("flatten", end)
	if from > to {
		Fail("flatten", fmt.Sprintf("dimension %d comes after %d", start, end), t)
	}
	shape := append(slices.Clone(t.shape[:from]), numel(t.shape[from:to+1]))
	return t.Reshape(append(shape, t.shape[to+1:]...)...)
}

// Permute returns a view with the dimensions in another order: dimension i of the
// result is dimension dims[i] of t.
func (t *Tensor) Permute(dims ...int) *Tensor {
	if len(dims) != t.Dim() {
		Fail("permute", fmt.Sprintf("%d dimensions expected, got %v", t.Dim(), dims), t)
	}
	t.dims("permute", dims) // refuses one that is named twice
	shape, strides, back := make([]int, len(dims)), make([]int, len(dims)), make([]int, len(dims))
	for i, d := range dims {
		d = t.dim("permute", d)
		shape[i], strides[i], back[d] = t.shape[d], t.strides[d], i
	}
	return t.view("permute", shape, strides, t.offset, func(g *Tensor) *Tensor { return g.Permute(back...) })
}

// Transpose returns a view with dimensions a and b exchanged.
func (t *Tensor) Transpose(a, b int) *Tensor {
	a, b = t.dim("transpose", a), t.dim("transpose", b)
	shape, strides := slices.Clone(t.shape), slices.Clone(t.strides)
	shape[a], shape[b] = shape[b], shape[a]
	strides[a], strides[b] = strides[b], strides[a]
	return t.view("transpose", shape, strides, t.offset, func(g *Tensor) *Tensor { return g.Transpose(a, b) })
}

// Squeeze returns a view without dimension dim where its size is 1, and t's shape as it
// is where not.
func (t *Tensor) Squeeze(dim int) *Tensor {
	dim = t.dim("squeeze", dim)
	if t.shape[dim] != 1 {
		return t
	}
	shape := slices.Delete(slices.Clone(t.shape), dim, dim+1)
	strides := slices.Delete(slices.Clone(t.strides), dim, dim+1)
	return t.view("squeeze", shape, strides, t.offset, func(g *Tensor) *Tensor { return g.Unsqueeze(dim) })
}

// Unsqueeze returns a view with a dimension of size 1 inserted before dimension dim; dim
// may be t.Dim(), or -1 for the same.
func (t *Tensor) Unsqueeze(dim int) *Tensor {
	if dim < -t.Dim()-1 || dim > t.Dim() {
		Fail("unsqueeze", fmt.Sprintf("dimension %d is out of range", dim), t)
	}
	if dim < 0 {
		dim += t.Dim() + 1
	}
	shape := slices.Insert(slices.Clone(t.shape), dim, 1)
	strides := slices.Insert(slices.Clone(t.strides), dim, 1)
	return t.view("unsqueeze", shape, strides, t.offset, func(g *Tensor) *Tensor { return g.Squeeze(dim) })
}

// Expand returns a view of t broadcast to shape: dimensions of size 1 are repeated, and
// new ones may stand in front.
func (t *Tensor) Expand(shape ...int) *Tensor {
	checkShape("expand", shape)
	strides, ok := t.broadcastStrides(shape)
	if !ok {
		Fail("expand", fmt.Sprintf("it cannot be broadcast to %s", shapeString(shape)), t)
	}
	// The gradient has the expanded shape: Backward sums it back.
	return t.view("expand", slices.Clone(shape), strides, t.offset, func(g *Tensor) *Tensor { return g })
}

// Narrow returns the view of t that holds indices [start, start+length) of dimension
// dim.
func (t *Tensor) Narrow(dim, start, length int) *Tensor {
	dim = t.dim("narrow", dim)
	if start < 0 || length < 0 || start+length > t.shape[dim] {
		Fail("narrow", fmt.Sprintf("%d elements from %d are outside dimension %d of size %d", length, start, dim, t.shape[dim]), t)
	}
	shape := slices.Clone(t.shape)
	shape[dim] = length
	from := t.shape
	return t.view("narrow", shape, t.strides, t.offset+start*t.strides[dim], func(g *Tensor) *Tensor {
		whole := Zeros(g.dtype, from...)
		whole.Narrow(dim, start, length).CopyInPlace(g)
		return whole
	})
}

// Select returns the view of t at index of dimension dim, which it loses: Select(0, i)
// is row i. The index may count from the end.
func (t *Tensor) Select(dim, index int) *Tensor {
	dim = t.dim("select", dim)
	if index < -t.shape[dim] || index >= t.shape[dim] {
		Fail("select", fmt.Sprintf("index %d is outside dimension %d of size %d", index, dim, t.shape[dim]), t)
	}
	if index < 0 {
		index += t.shape[dim]
	}
	return t.Narrow(dim, index, 1).Squeeze(dim)
}
