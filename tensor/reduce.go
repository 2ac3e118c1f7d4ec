package tensor

import (
	"math"
	"slices"

	"github.com/onehot-go/onehot/internal/kernel"
	"github.com/onehot-go/onehot/internal/parallel"
)

// reduce writes to every element of out the result of folding the elements of t that
// fall on it, those along dims, from start on. fold gets them in runs, each of n elements
// that lie step apart in the slice, always in the same order: no result depends on the
// number of threads. out is contiguous and has t's shape with size 1 along dims.
func reduce[A, S any, R Element](out, t *Tensor, dims []int, start S, fold func(acc S, run []A, n, step int) S, result func(S) R) {
	src, dst := t.store.written().([]A), elements[R](out)
	p, kept := t.detached().dimsLast(dims), t.Dim()-len(dims)
	outer, outerStrides := p.shape[:kept], p.strides[:kept]
	strides := [][]int{p.strides[kept:]}
	shape := coalesce(p.shape[kept:], strides)
	last := len(shape) - 1
	n, step := shape[last], strides[0][last]
	runs := numel(shape[:last])
	if n == 0 {
		runs = 0
	}
	parallel.For(numel(outer), max(1, grain/max(1, n*runs)), func(lo, hi int) {
		for at := lo; at < hi; at++ {
			base := t.offset + offsetOf(at, outer, outerStrides)
			acc := start
			for run := range runs {
				acc = fold(acc, src[base+offsetOf(run, shape[:last], strides[0]):], n, step)
			}
			dst[out.offset+at] = result(acc)
		}
	})
}

// foldRows is reduce by a kernel for rows of float32, where t has them along dims without
// gaps; where it has not it does nothing and returns false.
func foldRows[R Element](out, t *Tensor, dims []int, fold func(dst []R, x []float32, rows, cols int)) bool {
	last := len(dims) > 0 && dims[0] == t.Dim()-len(dims)
	if t.dtype != Float32 || !last || t.Numel() == 0 || !t.IsContiguous() {
		return false
	}
	dst, src, cols := Data[R](out), Data[float32](t), t.sizeOf(dims)
	eachRows(len(dst), cols, func(from, to, rows int) { fold(dst[from/cols:to/cols], src[from:to], rows, cols) })
	return true
}

// dimsLast returns a view of t with dims behind all others, both in t's order.
func (t *Tensor) dimsLast(dims []int) *Tensor {
	order := make([]int, 0, t.Dim())
	for d := range t.shape {
		if !slices.Contains(dims, d) {
			order = append(order, d)
		}
	}
	return t.Permute(append(order, dims...)...)
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

// sizeOf returns how many elements meet along dims.
func (t *Tensor) sizeOf(dims []int) int {
	n := 1
	for _, d := range dims {
		n *= t.shape[d]
	}
	return n
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
	x := t.wide()
	over := x.dims("sum", dims)
	out := Zeros(x.dtype, x.reducedShape(over)...)
	switch x.dtype {
	case Int64:
		reduce(out, x, over, 0, foldSum[int64, int64], same[int64])
	case Float32:
		if len(x.shape) == 2 && len(over) == 1 && over[0] == 0 && x.IsContiguous() { // of a batch: a bias's gradient
			kernel.SumCols(Data[float32](out), Data[float32](x), x.shape[0], x.shape[1])
			break
		}
		if !foldRows(out, x, over, kernel.SumRows) {
			reduce(out, x, over, 0, foldSum[float32, float64], round)
		}
	case Float64:
		reduce(out, x, over, 0, foldSum[float64, float64], same[float64])
	}
	return Record(out, "sum", Input{x, nil, func(g *Tensor) *Tensor { return g.Expand(x.shape...) }})
}

// wide returns t as its elements are added up or multiplied: integers and booleans become
// int64.
func (t *Tensor) wide() *Tensor {
	if t.dtype.IsFloat() {
		return t
	}
	return t.To(Int64)
}

// foldSum adds elements of type A up in type S.
func foldSum[A, S Number](sum S, run []A, n, step int) S {
	for i := range n {
		sum += S(run[i*step])
	}
	return sum
}

func same[T any](v T) T { return v }

func round(v float64) float32 { return float32(v) }

// Prod returns the product over dims, which the result no longer has; over all of them
// if none is named. Over no elements it is 1. Integers and booleans are multiplied as
// int64, float32 in float64 and rounded once.
func (t *Tensor) Prod(dims ...int) *Tensor {
	return t.ProdKeepDim(dims...).dropDims(t.dims("prod", dims))
}

// ProdKeepDim is Prod with the dimensions kept at size 1.
func (t *Tensor) ProdKeepDim(dims ...int) *Tensor {
	x := t.wide()
	over := x.dims("prod", dims)
	out := Zeros(x.dtype, x.reducedShape(over)...)
	switch x.dtype {
	case Int64:
		reduce(out, x, over, 1, foldProd[int64, int64], same[int64])
	case Float32:
		reduce(out, x, over, 1, foldProd[float32, float64], round)
	case Float64:
		reduce(out, x, over, 1, foldProd[float64, float64], same[float64])
	}
	return Record(out, "prod", Input{x, []*Tensor{x}, func(g *Tensor) *Tensor { return g.Mul(x.others(over)) }})
}

// foldProd multiplies elements of type A in type S.
func foldProd[A, S Number](prod S, run []A, n, step int) S {
	for i := range n {
		prod *= S(run[i*step])
	}
	return prod
}

// others returns, in place of every element of t, the product of all others that it
// meets along dims, as Float64: of those before it and those behind it, for the product of
// all divided by a 0 is lost.
func (t *Tensor) others(dims []int) *Tensor {
	out := Zeros(Float64, t.shape...)
	p := out.dimsLast(dims)
	x, products := Values[float64](t.dimsLast(dims)), make([]float64, t.Numel())
	n := t.sizeOf(dims)
	for row := 0; row < len(x); row += n {
		before, behind := 1.0, 1.0
		for i := row; i < row+n; i++ {
			products[i] = before
			before *= x[i]
		}
		for i := row + n - 1; i >= row; i-- {
			products[i] *= behind
			behind *= x[i]
		}
	}
	p.assign(wrap(products, p.shape))
	return out
}

// Mean returns the arithmetic mean over dims, which the result no longer has; over all
// of them if none is named. It takes floating-point elements.
func (t *Tensor) Mean(dims ...int) *Tensor {
	return t.mean(dims, false)
}

// MeanKeepDim is Mean with the dimensions kept at size 1.
func (t *Tensor) MeanKeepDim(dims ...int) *Tensor { return t.mean(dims, true) }

func (t *Tensor) mean(dims []int, keep bool) *Tensor {
	if !t.dtype.IsFloat() {
		failDType("mean", t.dtype, "float32 or float64", t)
	}
	over := t.dims("mean", dims)
	n := float64(t.sizeOf(over))
	out := t.detached().SumKeepDim(over...)
	if t.dtype == Float32 {
		divide(Data[float32](out), float32(n))
	} else {
		divide(Data[float64](out), n)
	}
	kept := out.shape
	if !keep {
		out = out.dropDims(over)
	}
	return Record(out, "mean", Input{t, nil, func(g *Tensor) *Tensor {
		return g.DivScalar(n).Reshape(kept...).Expand(t.shape...)
	}})
}

// divide divides every element of x by n.
func divide[T Float](x []T, n T) {
	for i := range x {
		x[i] /= n
	}
}

// Var returns the variance over dims, which the result no longer has; over all of them
// if none is named: the sum of squared distances from the mean, divided by the number of
// elements less correction. A correction of 1 estimates the variance of what the elements
// are a sample of, without bias, and is PyTorch's default; 0 gives their own. Of no more
// elements than correction it is NaN or +Inf. It takes floating-point elements.
func (t *Tensor) Var(correction int, dims ...int) *Tensor {
	return t.VarKeepDim(correction, dims...).dropDims(t.dims("var", dims))
}

// VarKeepDim is Var with the dimensions kept at size 1.
func (t *Tensor) VarKeepDim(correction int, dims ...int) *Tensor {
	over := t.dims("var", dims)
	out := t.spread("var", correction, over, same[float64])
	return Record(out, "var", Input{t, []*Tensor{t}, func(g *Tensor) *Tensor {
		return g.Mul(t.varSlope(correction, over))
	}})
}

// Std returns the standard deviation over dims, the square root of Var. Where it is 0 so
// is its derivative.
func (t *Tensor) Std(correction int, dims ...int) *Tensor {
	return t.StdKeepDim(correction, dims...).dropDims(t.dims("std", dims))
}

// StdKeepDim is Std with the dimensions kept at size 1.
func (t *Tensor) StdKeepDim(correction int, dims ...int) *Tensor {
	over := t.dims("std", dims)
	out := t.spread("std", correction, over, math.Sqrt)
	return Record(out, "std", Input{t, []*Tensor{t, out}, func(g *Tensor) *Tensor {
		g = zip("std", g, out, zipFuncs{f32: sqrtGrad[float32], f64: sqrtGrad[float64]})
		return g.Mul(t.varSlope(correction, over))
	}})
}

func sqrtGrad[T Float](g, root T) T {
	if root == 0 {
		return 0
	}
	return g / (2 * root)
}

// spread returns f of the variance over dims, kept at size 1.
func (t *Tensor) spread(op string, correction int, dims []int, f func(variance float64) float64) *Tensor {
	if !t.dtype.IsFloat() {
		failDType(op, t.dtype, "float32 or float64", t)
	}
	out := Zeros(t.dtype, t.reducedShape(dims)...)
	result := func(m moments) float64 { return f(m.squares / max(0, m.n-float64(correction))) }
	if t.dtype == Float32 {
		reduce(out, t, dims, moments{}, foldMoments[float32], func(m moments) float32 { return float32(result(m)) })
	} else {
		reduce(out, t, dims, moments{}, foldMoments[float64], result)
	}
	return out
}

// varSlope returns the derivative of the variance over dims with respect to each element.
func (t *Tensor) varSlope(correction int, dims []int) *Tensor {
	x := t.detached()
	return x.Sub(x.MeanKeepDim(dims...)).MulScalar(2 / float64(t.sizeOf(dims)-correction))
}

// moments are the number of elements seen so far, the first of them, and of all less the
// first the mean and the sum of squared distances from it.
type moments struct{ n, first, mean, squares float64 }

// foldMoments takes elements in by Welford's method. With the first taken out no digits
// are lost where the mean is large beside the deviation.
func foldMoments[T Float](m moments, run []T, n, step int) moments {
	for i := range n {
		if m.n == 0 {
			m.first = float64(run[i*step])
		}
		v := float64(run[i*step]) - m.first
		m.n++
		d := v - m.mean
		m.mean += d / m.n
		m.squares += d * (v - m.mean)
	}
	return m
}

// Any returns, as Bool, whether any element over dims is true, or not 0; the result no
// longer has dims, and none means all of them. Of no elements none is.
func (t *Tensor) Any(dims ...int) *Tensor {
	return t.AnyKeepDim(dims...).dropDims(t.dims("any", dims))
}

// AnyKeepDim is Any with the dimensions kept at size 1.
func (t *Tensor) AnyKeepDim(dims ...int) *Tensor {
	return t.truth("any", dims, false, func(a, b bool) bool { return a || b })
}

// All returns, as Bool, whether all elements over dims are true, or not 0; the result no
// longer has dims, and none means all of them. Of no elements all are.
func (t *Tensor) All(dims ...int) *Tensor {
	return t.AllKeepDim(dims...).dropDims(t.dims("all", dims))
}

// AllKeepDim is All with the dimensions kept at size 1.
func (t *Tensor) AllKeepDim(dims ...int) *Tensor {
	return t.truth("all", dims, true, func(a, b bool) bool { return a && b })
}

// truth joins the truth of the elements over dims, kept at size 1, with start.
func (t *Tensor) truth(op string, dims []int, start bool, join func(a, b bool) bool) *Tensor {
	x, over := t.detached().To(Bool), t.dims(op, dims)
	out := Zeros(Bool, x.reducedShape(over)...)
	reduce(out, x, over, start, func(acc bool, run []bool, n, step int) bool {
		for i := range n {
			acc = join(acc, run[i*step])
		}
		return acc
	}, same[bool])
	return Record(out, op, Input{Tensor: t})
}

// Max returns the greatest elements over dims, which the result no longer has; over all
// of them if none is named. NaN counts as the greatest. Where several are equal the
// gradient is shared evenly between them, as by torch.amax.
func (t *Tensor) Max(dims ...int) *Tensor {
	return t.MaxKeepDim(dims...).dropDims(t.dims("max", dims))
}

// MaxKeepDim is Max with the dimensions kept at size 1.
func (t *Tensor) MaxKeepDim(dims ...int) *Tensor {
	return t.extreme("max", dims, greatest)
}

// Min returns the least elements over dims, which the result no longer has; over all of
// them if none is named. NaN counts as the least. Where several are equal the gradient
// is shared evenly between them, as by torch.amin.
func (t *Tensor) Min(dims ...int) *Tensor {
	return t.MinKeepDim(dims...).dropDims(t.dims("min", dims))
}

// MinKeepDim is Min with the dimensions kept at size 1.
func (t *Tensor) MinKeepDim(dims ...int) *Tensor {
	return t.extreme("min", dims, least)
}

// orderFuncs is one order of two elements for each type with arithmetic: whether a comes
// before b. rows and argRows find what comes first in every row.
type orderFuncs struct {
	u8  func(a, b uint8) bool
	i64 func(a, b int64) bool
	f32 func(a, b float32) bool
	f64 func(a, b float64) bool

	rows    func(dst, x []float32, rows, cols int)
	argRows func(index []int64, x []float32, rows, cols int)
}

var (
	greatest = orderFuncs{greater[uint8], greater[int64], greater[float32], greater[float64], kernel.MaxRows, kernel.ArgMaxRows}
	least    = orderFuncs{smaller[uint8], smaller[int64], smaller[float32], smaller[float64], kernel.MinRows, kernel.ArgMinRows}
)

// greater and smaller put NaN first, as PyTorch does: a result that hides a NaN would
// hide a defect.
func greater[T Number](a, b T) bool { return a > b || a != a && b == b }
func smaller[T Number](a, b T) bool { return a < b || a != a && b == b }

// extreme returns the elements over dims that come first, with the dimensions kept.
func (t *Tensor) extreme(op string, dims []int, before orderFuncs) *Tensor {
	over := t.dims(op, dims)
	out := Zeros(t.dtype, t.reducedShape(over)...)
	if t.Numel() == 0 && out.Numel() > 0 {
		failShape(op, "over no elements", t)
	}
	switch t.dtype {
	case Bool:
		failDType(op, t.dtype, "a type with an order", t)
	case Uint8:
		reduce(out, t, over, first[uint8]{}, foldExtreme(before.u8), first[uint8].get)
	case Int64:
		reduce(out, t, over, first[int64]{}, foldExtreme(before.i64), first[int64].get)
	case Float32:
		if !foldRows(out, t, over, before.rows) {
			reduce(out, t, over, first[float32]{}, foldExtreme(before.f32), first[float32].get)
		}
	case Float64:
		reduce(out, t, over, first[float64]{}, foldExtreme(before.f64), first[float64].get)
	}
	return Record(out, op, Input{t, []*Tensor{t, out}, func(g *Tensor) *Tensor {
		winners := t.Eq(out).To(t.dtype)
		return g.Mul(winners).Div(winners.SumKeepDim(over...))
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
	return t.ArgMaxKeepDim(dim).dropDims(t.dims("argmax", []int{dim}))
}

// ArgMaxKeepDim is ArgMax with the dimension kept at size 1.
func (t *Tensor) ArgMaxKeepDim(dim int) *Tensor { return t.argExtreme("argmax", dim, greatest) }

// ArgMin returns the index, as Int64, of the least element along dim, which the result
// no longer has. Of equal elements the first wins; NaN counts as the least.
func (t *Tensor) ArgMin(dim int) *Tensor {
	return t.ArgMinKeepDim(dim).dropDims(t.dims("argmin", []int{dim}))
}

// ArgMinKeepDim is ArgMin with the dimension kept at size 1.
func (t *Tensor) ArgMinKeepDim(dim int) *Tensor { return t.argExtreme("argmin", dim, least) }

// MaxWithIndex returns the greatest elements along dim, which the results no longer have,
// and their indices as ArgMax has them: torch.max of a dimension. The gradient goes to the
// element picked, also where others equal it.
func (t *Tensor) MaxWithIndex(dim int) (values, index *Tensor) {
	return t.pick("max-with-index", dim, greatest)
}

// MinWithIndex returns the least elements along dim, which the results no longer have, and
// their indices as ArgMin has them: torch.min of a dimension.
func (t *Tensor) MinWithIndex(dim int) (values, index *Tensor) {
	return t.pick("min-with-index", dim, least)
}

// pick returns the element along dim that comes first, and its index, without dim.
func (t *Tensor) pick(op string, dim int, before orderFuncs) (values, index *Tensor) {
	index = t.argExtreme(op, dim, before)
	over := t.dims(op, []int{dim})
	return t.gather(op, dim, index).dropDims(over), index.dropDims(over)
}

// argExtreme returns the index of the element along dim that comes first, kept at size 1.
func (t *Tensor) argExtreme(op string, dim int, before orderFuncs) *Tensor {
	over := t.dims(op, []int{dim})
	out := Zeros(Int64, t.reducedShape(over)...)
	if t.Numel() == 0 && out.Numel() > 0 {
		failShape(op, "over no elements", t)
	}
	switch t.dtype {
	case Bool:
		failDType(op, t.dtype, "a type with an order", t)
	case Uint8:
		reduce(out, t, over, 0, foldArg(before.u8), same[int64])
	case Int64:
		reduce(out, t, over, 0, foldArg(before.i64), same[int64])
	case Float32:
		if !foldRows(out, t, over, before.argRows) {
			reduce(out, t, over, 0, foldArg(before.f32), same[int64])
		}
	case Float64:
		reduce(out, t, over, 0, foldArg(before.f64), same[int64])
	}
	return Record(out, op, Input{Tensor: t})
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
