package tensor

import (
	"fmt"
	"slices"
	"sync"

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
				failShape(op, fmt.Sprintf("sizes %d and %d of dimension %d do not broadcast", shape[i], t.shape[d], i-n), ts...)
			}
			shape[i] = t.shape[d]
		}
	}
	return shape
}

// broadcastStrides writes t's strides when it is broadcast to shape, 0 along repeated
// dimensions, to strides, which has shape's length or is nil, and returns whether it can be.
func (t *Tensor) broadcastStrides(strides, shape []int) bool {
	lead := len(shape) - t.Dim()
	if lead < 0 {
		return false
	}
	clear(strides)
	for d := range t.shape {
		switch t.shape[d] {
		case shape[lead+d]:
			if strides != nil {
				strides[lead+d] = t.strides[d]
			}
		case 1:
		default:
			return false
		}
	}
	return true
}

// most is the greatest number of operands of a walk.
const most = 4

// walk calls f for runs that together cover every element of shape once, in parallel: a
// run has n elements, and starts at at[i] of operand i's storage, whose elements then lie
// step[i] apart. Operand 0 is the one that is written: no two of its elements may share
// memory.
func walk(shape []int, operands []*Tensor, f func(n int, at, step [most]int)) {
	total := numel(shape)
	if total == 0 {
		return
	}
	var room [(1 + most) * 8]int // for the layouts of most walks: nothing is allocated then
	free := room[:]
	take := func() []int { // of one dimension at least, for coalesce
		n := max(len(shape), 1)
		if len(free) < n {
			return make([]int, n)
		}
		s := free[:n:n]
		free = free[n:]
		return s[:len(shape)]
	}
	l := loops{shape: take()}
	copy(l.shape, shape)
	for i, t := range operands {
		l.strides[i] = take()
		t.broadcastStrides(l.strides[i], shape)
		l.base[i] = t.offset
	}
	l.shape = coalesce(l.shape, l.strides[:len(operands)])
	l.operands = len(operands)
	if total < 2*grain {
		l.run(0, l.count(), f)
		return
	}
	l.parallel(f)
}

// loops is what walk does, one loop a dimension.
type loops struct {
	operands int
	shape    []int       // at least one dimension
	strides  [most][]int // of each operand
	base     [most]int
}

// count returns how many pieces the work can be split into: the elements of the only
// dimension, or the runs where there are several.
func (l *loops) count() int {
	if last := len(l.shape) - 1; last > 0 {
		return numel(l.shape[:last])
	}
	return l.shape[0]
}

// parallel runs all pieces on all cores.
func (l *loops) parallel(f func(n int, at, step [most]int)) {
	own := loops{operands: l.operands, shape: slices.Clone(l.shape), base: l.base} // what goroutines share is on the heap
	for i := range own.operands {
		own.strides[i] = slices.Clone(l.strides[i])
	}
	least := grain
	if last := len(l.shape) - 1; last > 0 {
		least = max(1, grain/l.shape[last])
	}
	parallel.For(own.count(), least, func(lo, hi int) { own.run(lo, hi, f) })
}

// run runs the pieces from lo up to hi.
func (l *loops) run(lo, hi int, f func(n int, at, step [most]int)) {
	last := len(l.shape) - 1
	at, step := l.base, [most]int{}
	for i := range l.operands {
		step[i] = l.strides[i][last]
	}
	if last == 0 {
		for i := range l.operands {
			at[i] += lo * step[i]
		}
		f(hi-lo, at, step)
		return
	}
	var room [8]int
	index := room[:]
	if last > len(room) {
		index = make([]int, last)
	}
	for d, rest := last-1, lo; d >= 0; d-- {
		index[d] = rest % l.shape[d]
		rest /= l.shape[d]
		for i := range l.operands {
			at[i] += index[d] * l.strides[i][d]
		}
	}
	for range hi - lo {
		f(l.shape[last], at, step)
		for d := last - 1; d >= 0; d-- { // the next index, like an odometer
			index[d]++
			for i := range l.operands {
				at[i] += l.strides[i][d]
			}
			if index[d] < l.shape[d] {
				break
			}
			index[d] = 0
			for i := range l.operands {
				at[i] -= l.shape[d] * l.strides[i][d]
			}
		}
	}
}

// coalesce joins neighbouring dimensions that every operand walks through as if they were
// one, and drops those of size 1; at least one dimension is left. It does so in place, and
// returns what is left of shape.
func coalesce(shape []int, strides [][]int) []int {
	k := -1 // the last dimension so far
	for d, n := range shape {
		if n == 1 {
			continue
		}
		joins := k >= 0
		for i := range strides {
			joins = joins && strides[i][k] == n*strides[i][d]
		}
		if joins {
			shape[k] *= n
		} else {
			k++
			shape[k] = n
		}
		for i := range strides {
			strides[i][k] = strides[i][d]
		}
	}
	if k < 0 {
		for i := range strides {
			strides[i] = append(strides[i][:0], 0)
		}
		return append(shape[:0], 1)
	}
	for i := range strides {
		strides[i] = strides[i][:k+1]
	}
	return shape[:k+1]
}

// mapInto writes f of every element of x to out, which x is broadcast to.
func mapInto[A, R Element](out, x *Tensor, f func(A) R) {
	dst, src := elements[R](out), elements[A](x)
	walk(out.shape, []*Tensor{out, x}, func(n int, at, step [most]int) {
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
	walk(out.shape, []*Tensor{out, x}, func(n int, at, step [most]int) {
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

// repeats has rows of one number, for kernels that take rows: to call f for each element takes
// longer than to write them.
var repeats = sync.Pool{New: func() any { return new([repeatLength]float32) }}

const (
	repeatLength = 512
	leastRun     = 8 // elements that are worth it
)

// zipInto writes f of every pair of elements of x and y, both broadcast to out, to out.
// run, if there is one, does the same to elements side by side.
func zipInto[A, R Element](out, x, y *Tensor, f func(a, b A) R, run func(dst []R, x, y []A)) {
	dst, xs, ys := elements[R](out), elements[A](x), elements[A](y)
	walk(out.shape, []*Tensor{out, x, y}, func(n int, at, step [most]int) {
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
		if run != nil && n >= leastRun && step[0] == 1 && step[1] == 1 && step[2] == 0 { // a row and one number
			repeated := repeats.Get().(*[repeatLength]A)
			y := repeated[:min(n, len(repeated))]
			for i := range y {
				y[i] = ys[b]
			}
			for ; n > 0; n -= len(y) {
				y = y[:min(n, len(y))]
				run(dst[d:d+len(y)], xs[a:a+len(y)], y)
				d, a = d+len(y), a+len(y)
			}
			repeats.Put(repeated)
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
