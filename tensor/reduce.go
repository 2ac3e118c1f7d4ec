package tensor

import (
	"fmt"
	"slices"

	"github.com/onehot-go/onehot/internal/parallel"
)

// reduce writes to every element of out the result of folding the elements of t that
// fall on it, those along dims. fold gets them in runs, each of n elements that lie step
// apart in the slice, always in the same order: no result depends on the number of
// threads. out is contiguous and has t's shape with size 1 along dims.
func reduce[A, S any, R Element](out, t *Tensor, dims []int, fold func(acc S, run []A, n, step int) S, result func(S) R) {
	kept := make([]int, 0, t.Dim())
	for d := range t.shape {
		if !slices.Contains(dims, d) {
			kept = append(kept, d)
		}
	}
	src, dst := t.store.data.([]A), elements[R](out)
	p := t.detached().Permute(append(slices.Clone(kept), dims...)...)
	outer, outerStrides := p.shape[:len(kept)], p.strides[:len(kept)]
	shape, strides := coalesce(p.shape[len(kept):], [][]int{p.strides[len(kept):]})
	last := len(shape) - 1
	n, step := shape[last], strides[0][last]
	runs := numel(shape[:last])
	if n == 0 {
		runs = 0
	}
	parallel.For(numel(outer), max(1, grain/max(1, n*runs)), func(lo, hi int) {
		for at := lo; at < hi; at++ {
			base := t.offset + offsetOf(at, outer, outerStrides)
			var acc S
			for run := range runs {
				acc = fold(acc, src[base+offsetOf(run, shape[:last], strides[0]):], n, step)
			}
			dst[out.offset+at] = result(acc)
		}
	})
}

// offsetOf returns where element i, counted in row-major order over shape, lies.
func offsetOf(i int, shape, strides []int) int {
	offset := 0
	for d := len(shape) - 1; d >= 0; d-- {
		offset += i % shape[d] * strides[d]
		i /= shape[d]
	}
	return offset
}

// reducedShape returns t's shape with size 1 along dims.
func (t *Tensor) reducedShape(dims []int) []int {
	shape := slices.Clone(t.shape)
	for _, d := range dims {
		shape[d] = 1
	}
	return shape
}

// dropDims returns a view without dims, each of size 1.
func (t *Tensor) dropDims(dims []int) *Tensor {
	shape := make([]int, 0, t.Dim())
	for d, n := range t.shape {
		if !slices.Contains(dims, d) {
			shape = append(shape, n)
		}
	}
	return t.Reshape(shape...)
}

// Sum returns the sum over dims, which the result no longer has; over all of them if
// none is named. Integers and booleans are summed as int64, float32 is added up in
// float64 and rounded once.
func (t *Tensor) Sum(dims ...int) *Tensor {
	return t.SumKeepDim(dims...).dropDims(t.dims("sum", dims))
}

// SumKeepDim is Sum with the summed dimensions kept at size 1.
func (t *Tensor) SumKeepDim(dims ...int) *Tensor {
	x := t
	if !x.dtype.IsFloat() {
		x = x.To(Int64)
	}
	over := x.dims("sum", dims)
	out := Zeros(x.dtype, x.reducedShape(over)...)
	switch x.dtype {
	case Int64:
		reduce(out, x, over, foldSum[int64, int64], same[int64])
	case Float32:
		reduce(out, x, over, foldSum[float32, float64], func(sum float64) float32 { return float32(sum) })
	case Float64:
		reduce(out, x, over, foldSum[float64, float64], same[float64])
	}
	return record(out, operation{name: "sum", inputs: []*Tensor{x}, grads: func(g *Tensor) []*Tensor {
		return []*Tensor{g.Expand(x.shape...)}
	}})
}

// foldSum adds elements of type A up in type S.
func foldSum[A, S Number](sum S, run []A, n, step int) S {
	for i := range n {
		sum += S(run[i*step])
	}
	return sum
}

func same[T any](v T) T { return v }

// Mean returns the arithmetic mean over dims, which the result no longer has; over all
// of them if none is named. It takes floating-point elements.
func (t *Tensor) Mean(dims ...int) *Tensor {
	return t.MeanKeepDim(dims...).dropDims(t.dims("mean", dims))
}

// MeanKeepDim is Mean with the dimensions kept at size 1.
func (t *Tensor) MeanKeepDim(dims ...int) *Tensor {
	if !t.dtype.IsFloat() {
		panic(&DTypeError{Op: "mean", Got: t.dtype, Want: "float32 or float64"})
	}
	sum := t.SumKeepDim(t.dims("mean", dims)...)
	return sum.DivScalar(float64(t.Numel()) / float64(sum.Numel()))
}

// Max returns the greatest elements over dims, which the result no longer has; over all
// of them if none is named. NaN counts as the greatest. Where several are equal the
// gradient is shared evenly between them, as by torch.amax.
func (t *Tensor) Max(dims ...int) *Tensor {
	return t.MaxKeepDim(dims...).dropDims(t.dims("max", dims))
}

// MaxKeepDim is Max with the dimensions kept at size 1.
func (t *Tensor) MaxKeepDim(dims ...int) *Tensor {
	return t.extreme("max", dims, orderFuncs{greater[uint8], greater[int64], greater[float32], greater[float64]})
}

// Min returns the least elements over dims, which the result no longer has; over all of
// them if none is named. NaN counts as the least. Where several are equal the gradient
// is shared evenly between them, as by torch.amin.
func (t *Tensor) Min(dims ...int) *Tensor {
	return t.MinKeepDim(dims...).dropDims(t.dims("min", dims))
}

// MinKeepDim is Min with the dimensions kept at size 1.
func (t *Tensor) MinKeepDim(dims ...int) *Tensor {
	return t.extreme("min", dims, orderFuncs{smaller[uint8], smaller[int64], smaller[float32], smaller[float64]})
}

// orderFuncs is one order of two elements for each type with arithmetic: whether a comes
// before b.
type orderFuncs struct {
	u8  func(a, b uint8) bool
	i64 func(a, b int64) bool
	f32 func(a, b float32) bool
	f64 func(a, b float64) bool
}

// greater and smaller put NaN first, as PyTorch does: a result that hides a NaN would
// hide a defect.
func greater[T Number](a, b T) bool { return a > b || a != a && b == b }
func smaller[T Number](a, b T) bool { return a < b || a != a && b == b }

// extreme returns the elements over dims that come first, with the dimensions kept.
func (t *Tensor) extreme(op string, dims []int, before orderFuncs) *Tensor {
	over := t.dims(op, dims)
	out := Zeros(t.dtype, t.reducedShape(over)...)
	if t.Numel() == 0 && out.Numel() > 0 {
		Fail(op, "over no elements", t)
	}
	switch t.dtype {
	case Bool:
		panic(&DTypeError{Op: op, Got: t.dtype, Want: "a type with an order"})
	case Uint8:
		reduce(out, t, over, foldExtreme(before.u8), first[uint8].get)
	case Int64:
		reduce(out, t, over, foldExtreme(before.i64), first[int64].get)
	case Float32:
		reduce(out, t, over, foldExtreme(before.f32), first[float32].get)
	case Float64:
		reduce(out, t, over, foldExtreme(before.f64), first[float64].get)
	}
	return record(out, operation{name: op, inputs: []*Tensor{t}, saves: []*Tensor{t, out}, grads: func(g *Tensor) []*Tensor {
		winners := t.Eq(out).To(t.dtype)
		return []*Tensor{g.Mul(winners).Div(winners.SumKeepDim(over...))}
	}})
}

// first is the element that comes before all others seen so far, if any was.
type first[T any] struct {
	value T
	any   bool
}

func (f first[T]) get() T { return f.value }

func foldExtreme[T Number](before func(a, b T) bool) func(f first[T], run []T, n, step int) first[T] {
	return func(f first[T], run []T, n, step int) first[T] {
		for i := range n {
			if v := run[i*step]; !f.any || before(v, f.value) {
				f = first[T]{v, true}
			}
		}
		return f
	}
}

// ArgMax returns the index, as Int64, of the greatest element along dim, which the
// result no longer has. Of equal elements the first wins; NaN counts as the greatest.
func (t *Tensor) ArgMax(dim int) *Tensor {
	return t.argExtreme("argmax", dim, orderFuncs{greater[uint8], greater[int64], greater[float32], greater[float64]})
}

// ArgMin returns the index, as Int64, of the least element along dim, which the result
// no longer has. Of equal elements the first wins; NaN counts as the least.
func (t *Tensor) ArgMin(dim int) *Tensor {
	return t.argExtreme("argmin", dim, orderFuncs{smaller[uint8], smaller[int64], smaller[float32], smaller[float64]})
}

func (t *Tensor) argExtreme(op string, dim int, before orderFuncs) *Tensor {
	dim = t.dim(op, dim)
	over := []int{dim}
	out := Zeros(Int64, t.reducedShape(over)...)
	if t.shape[dim] == 0 && out.Numel() > 0 {
		Fail(op, fmt.Sprintf("dimension %d is empty", dim), t)
	}
	switch t.dtype {
	case Bool:
		panic(&DTypeError{Op: op, Got: t.dtype, Want: "a type with an order"})
	case Uint8:
		reduce(out, t, over, foldArg(before.u8), same[int64])
	case Int64:
		reduce(out, t, over, foldArg(before.i64), same[int64])
	case Float32:
		reduce(out, t, over, foldArg(before.f32), same[int64])
	case Float64:
		reduce(out, t, over, foldArg(before.f64), same[int64])
	}
	return out.dropDims(over)
}

// foldArg finds the index of the element that comes first. The elements along one
// dimension are one run.
func foldArg[T Number](before func(a, b T) bool) func(best int64, run []T, n, step int) int64 {
	return func(_ int64, run []T, n, step int) int64 {
		best := 0
		for i := 1; i < n; i++ {
			if before(run[i*step], run[best*step]) {
				best = i
			}
		}
		return int64(best)
	}
}
