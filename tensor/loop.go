package tensor

import (
	"fmt"
	"slices"

	"github.com/onehot-go/onehot/internal/parallel"
)

// grain is the least number of elements worth a goroutine.
const grain = 1 << 14

// broadcastShape returns the shape that all of ts are broadcast to, by NumPy's rule:
// aligned at the last dimension, sizes must agree or be 1.
func broadcastShape(op string, ts ...*Tensor) []int { return broadcastLeading(op, 0, ts...) }

// broadcastLeading is broadcastShape for all but the last dimensions, as many as trailing.
func broadcastLeading(op string, trailing int, ts ...*Tensor) []int {
	n := 0
	for _, t := range ts {
		n = max(n, t.Dim())
	}
	shape := make([]int, n-trailing)
	for i := range shape {
		shape[i] = 1
		for _, t := range ts {
			d := i - n + t.Dim()
			if d < 0 || t.shape[d] == 1 {
				continue
			}
			if shape[i] != 1 && shape[i] != t.shape[d] {
				Fail(op, fmt.Sprintf("sizes %d and %d of dimension %d do not broadcast", shape[i], t.shape[d], i-n), ts...)
			}
			shape[i] = t.shape[d]
		}
	}
	return shape
}

// broadcastStrides returns t's strides when it is broadcast to shape, 0 along repeated
// dimensions, and whether it can be.
func (t *Tensor) broadcastStrides(shape []int) ([]int, bool) {
	lead := len(shape) - t.Dim()
	if lead < 0 {
		return nil, false
	}
	strides := make([]int, len(shape))
	for d := range t.shape {
		switch t.shape[d] {
		case shape[lead+d]:
			strides[lead+d] = t.strides[d]
		case 1:
		default:
			return nil, false
		}
	}
	return strides, true
}

// walk calls f for runs that together cover every element of shape once, in parallel: a
// run has n elements, and starts at offsets[i] of operand i's storage, whose elements
// then lie steps[i] apart. Operand 0 is the one that is written: no two of its elements
// may share memory.
func walk(shape []int, operands []*Tensor, f func(n int, offsets, steps []int)) {
	total := numel(shape)
	if total == 0 {
		return
	}
	strides := make([][]int, len(operands))
	base := make([]int, len(operands))
	for i, t := range operands {
		strides[i], _ = t.broadcastStrides(shape)
		base[i] = t.offset
	}
	shape, strides = coalesce(shape, strides)

	last := len(shape) - 1
	n, steps := shape[last], make([]int, len(operands))
	for i := range operands {
		steps[i] = strides[i][last]
	}
	if last == 0 { // one run: split it
		parallel.For(n, grain, func(lo, hi int) {
			at := make([]int, len(base))
			for i := range at {
				at[i] = base[i] + lo*steps[i]
			}
			f(hi-lo, at, steps)
		})
		return
	}
	parallel.For(total/n, max(1, grain/n), func(lo, hi int) {
		at := slices.Clone(base)
		index := make([]int, last)
		for d, rest := last-1, lo; d >= 0; d-- {
			index[d] = rest % shape[d]
			rest /= shape[d]
			for i := range at {
				at[i] += index[d] * strides[i][d]
			}
		}
		for row := lo; row < hi; row++ {
			f(n, at, steps)
			for d := last - 1; d >= 0; d-- { // the next index, like an odometer
				index[d]++
				for i := range at {
					at[i] += strides[i][d]
				}
				if index[d] < shape[d] {
					break
				}
				index[d] = 0
				for i := range at {
					at[i] -= shape[d] * strides[i][d]
				}
			}
		}
	})
}

// coalesce joins neighbouring dimensions that every operand walks through as if they
// were one, and drops those of size 1; at least one dimension is left.
func coalesce(shape []int, strides [][]int) ([]int, [][]int) {
	outShape := []int{1}
	outStrides := make([][]int, len(strides))
	for i := range strides {
		outStrides[i] = []int{0}
	}
	for d, n := range shape {
		if n == 1 {
			continue
		}
		k := len(outShape) - 1
		joins := true
		for i := range strides {
			joins = joins && outStrides[i][k] == n*strides[i][d]
		}
		switch {
		case outShape[k] == 1: // still the placeholder
			outShape[k] = n
			for i := range strides {
				outStrides[i][k] = strides[i][d]
			}
		case joins:
			outShape[k] *= n
			for i := range strides {
				outStrides[i][k] = strides[i][d]
			}
		default:
			outShape = append(outShape, n)
			for i := range strides {
				outStrides[i] = append(outStrides[i], strides[i][d])
			}
		}
	}
	return outShape, outStrides
}

// mapInto writes f of every element of x to out, which x is broadcast to.
func mapInto[A, R Element](out, x *Tensor, f func(A) R) {
	dst, src := elements[R](out), elements[A](x)
	walk(out.shape, []*Tensor{out, x}, func(n int, at, step []int) {
		d, s := at[0], at[1]
		if step[0] == 1 && step[1] == 1 {
			s := src[s : s+n]
			for i, v := range s {
				dst[d+i] = f(v)
			}
			return
		}
		for range n {
			dst[d] = f(src[s])
			d += step[0]
			s += step[1]
		}
	})
}

// float32Rows reports whether t has rows of float32 along dims, one after the other
// without gaps, as the kernels for rows take them, and how many of how many elements.
func (t *Tensor) float32Rows(dims []int) (rows, cols int, ok bool) {
	if t.dtype != Float32 || len(dims) != 1 || dims[0] != t.Dim()-1 || t.Numel() == 0 || !t.IsContiguous() {
		return 0, 0, false
	}
	cols = t.shape[dims[0]]
	return t.Numel() / cols, cols, true
}

// eachRows calls f for ranges of rows of the given length that together are all, in
// parallel: f gets where the first begins and where the last ends.
func eachRows(rows, cols int, f func(from, to, rows int)) {
	parallel.For(rows, 1+grain/cols, func(lo, hi int) { f(lo*cols, hi*cols, hi-lo) })
}

// copyInto writes every element of x to out, which x is broadcast to.
func copyInto[T Element](out, x *Tensor) {
	dst, src := elements[T](out), elements[T](x)
	walk(out.shape, []*Tensor{out, x}, func(n int, at, step []int) {
		d, s := at[0], at[1]
		switch {
		case step[0] == 1 && step[1] == 1:
			copy(dst[d:d+n], src[s:])
		case step[0] == 1 && step[1] == 0:
			v := src[s]
			dst := dst[d : d+n]
			for i := range dst {
				dst[i] = v
			}
		default:
			for range n {
				dst[d] = src[s]
				d += step[0]
				s += step[1]
			}
		}
	})
}

// zipInto writes f of every pair of elements of x and y, both broadcast to out, to out.
// run, if there is one, does the same to elements side by side.
func zipInto[A, R Element](out, x, y *Tensor, f func(a, b A) R, run func(dst []R, x, y []A)) {
	dst, xs, ys := elements[R](out), elements[A](x), elements[A](y)
	walk(out.shape, []*Tensor{out, x, y}, func(n int, at, step []int) {
		d, a, b := at[0], at[1], at[2]
		if step[0] == 1 && step[1] == 1 && step[2] == 1 {
			dst, xs, ys := dst[d:d+n], xs[a:a+n], ys[b:b+n]
			if run != nil {
				run(dst, xs, ys)
				return
			}
			for i := range dst {
				dst[i] = f(xs[i], ys[i])
			}
			return
		}
		for range n {
			dst[d] = f(xs[a], ys[b])
			d += step[0]
			a += step[1]
			b += step[2]
		}
	})
}
