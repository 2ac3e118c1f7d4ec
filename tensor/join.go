package tensor

import (
	"fmt"
	"slices"
)

// Cat returns ts one after the other along dim, promoted to one type. They have the same
// sizes but for that of dim, and at least one dimension; as in PyTorch a tensor of shape
// (0) goes with any others.
func Cat(dim int, ts ...*Tensor) *Tensor { return cat("cat", dim, ts) }

// Stack returns ts, all of one shape, side by side along a new dimension that is
// inserted before dimension dim, promoted to one type. dim may be the number of
// dimensions that they have, or -1 for the same.
func Stack(dim int, ts ...*Tensor) *Tensor {
	rows := make([]*Tensor, len(ts))
	for i, t := range ts {
		if !slices.Equal(t.shape, ts[0].shape) {
			failShape("stack", fmt.Sprintf("tensor %d has another shape than tensor 0", i), ts...)
		}
		rows[i] = t.unsqueeze("stack", dim)
	}
	if len(ts) > 0 && dim < 0 {
		dim += rows[0].Dim()
	}
	return cat("stack", dim, rows)
}

func cat(op string, dim int, ts []*Tensor) *Tensor {
	if len(ts) == 0 {
		failShape(op, "at least one tensor expected")
	}
	like := ts[0] // whose other sizes all have
	for _, t := range ts {
		if like.isNothing() {
			like = t
		}
	}
	dim = like.dim(op, dim)
	shape, dtype := slices.Clone(like.shape), Bool
	shape[dim] = 0
	for i, t := range ts {
		dtype = max(dtype, t.dtype)
		if t.isNothing() {
			continue
		}
		if t.Dim() != len(shape) {
			failShape(op, fmt.Sprintf("tensor %d has %d dimensions, others have %d", i, t.Dim(), len(shape)), ts...)
		}
		for d, n := range t.shape {
			if d != dim && n != shape[d] {
				failShape(op, fmt.Sprintf("tensor %d has size %d in dimension %d, others have %d", i, n, d, shape[d]), ts...)
			}
		}
		shape[dim] += t.shape[dim]
	}
	out := Zeros(dtype, shape...)
	inputs := make([]Input, 0, len(ts))
	at := 0
	for _, t := range ts {
		if t.isNothing() {
			inputs = append(inputs, Input{t, nil, func(g *Tensor) *Tensor { return Zeros(g.dtype, 0) }})
			continue
		}
		start, n := at, t.shape[dim]
		out.cut(op, dim, start, n, 1).assign(t)
		inputs = append(inputs, Input{t, nil, func(g *Tensor) *Tensor { return g.Narrow(dim, start, n) }})
		at += n
	}
	return Record(out, op, inputs...)
}

// isNothing reports whether t has the shape (0), which joins others of any shape.
func (t *Tensor) isNothing() bool { return t.Dim() == 1 && t.shape[0] == 0 }

// Split returns views of t that follow each other along dim, each of the given size but
// for the last, which has what is left. An empty dimension gives one view.
func (t *Tensor) Split(size, dim int) []*Tensor {
	dim = t.dim("split", dim)
	n := t.shape[dim]
	if size < 0 || size == 0 && n > 0 {
		failShape("split", fmt.Sprintf("dimension %d of size %d cannot be split into parts of size %d", dim, n, size), t)
	}
	parts := []*Tensor{t.cut("split", dim, 0, min(size, n), 1)}
	for start := size; start < n; start += size {
		parts = append(parts, t.cut("split", dim, start, min(size, n-start), 1))
	}
	return parts
}
