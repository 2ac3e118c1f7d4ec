package kernel

import (
	"math"
	"slices"
	"sync"

	"github.com/onehot-go/onehot/internal/parallel"
)

// Exp computes dst = e^x for slices of one length, which may be the same. In assembly
// the error is at most 1 unit in the last place; in pure Go the result is the nearest
// float32 to math.Exp.
func Exp(dst, x []float32) {
	x = x[:len(dst)]
	if v := active.vectors; v != nil && v.exp != nil && len(dst) > 0 {
		v.exp(len(dst), &dst[0], &x[0])
		return
	}
	for i, v := range x {
		dst[i] = float32(math.Exp(float64(v)))
	}
}

// atATime is how many rows the kernels that keep numbers for each are given at a time.
const atATime = 64

// perRow is what they keep, from one call to the next.
type perRow struct {
	sums   [atATime]float64
	peaks  [atATime]float32
	places [atATime]int64
}

var perRows = sync.Pool{New: func() any { return new(perRow) }}

// logs takes the logarithms of x, of which there is one at least. It has memory up to a
// multiple of four; what lies there does no harm.
func (v *vectors) logs(x []float64) { v.log((len(x)+3)&^3, &x[0]) }

// LogSoftmaxRows computes the logarithm of the softmax of every row of x,
//
//	x - max(x) - log(sum(exp(x - max(x))))
//
// to dst, which may be x. Both are (rows, cols) without gaps. The difference from the
// maximum is rounded, as float32; the sum and its logarithm are float64, and the result
// is rounded once. A row that has NaN or +Inf, or nothing but -Inf, becomes NaN.
func LogSoftmaxRows(dst, x []float32, rows, cols int) {
	if rows == 0 || cols == 0 {
		return
	}
	dst, x = dst[:rows*cols], x[:rows*cols]
	if v := active.vectors; v != nil && v.shiftExpSum != nil {
		each := perRows.Get().(*perRow)
		defer perRows.Put(each)
		for i := 0; i < rows; i += atATime {
			n := min(atATime, rows-i)
			v.shiftExpSum(n, cols, &dst[i*cols], &x[i*cols], &each.sums[0])
			v.logs(each.sums[:n])
			v.subtractRows(n, cols, &dst[i*cols], &each.sums[0])
		}
		return
	}
	for i := 0; i < len(x); i += cols {
		x, y := x[i:i+cols], dst[i:i+cols]
		most := x[0]
		for _, v := range x {
			most = max(most, v)
		}
		sum := 0.0
		for j, v := range x {
			y[j] = v - most
			sum += math.Exp(float64(y[j]))
		}
		shift := math.Log(sum)
		for j, v := range y {
			y[j] = float32(float64(v) - shift)
		}
	}
}

// LogSoftmaxGradRows computes the gradient of LogSoftmaxRows from that of what it gave, g,
// and from that itself, y: for every row
//
//	g - exp(y)·sum(g)
//
// to dst, which may be one of them. All are (rows, cols) without gaps. The sum is added up
// in float64.
func LogSoftmaxGradRows(dst, g, y []float32, rows, cols int) {
	if rows == 0 || cols == 0 {
		return
	}
	dst, g, y = dst[:rows*cols], g[:rows*cols], y[:rows*cols]
	if v := active.vectors; v != nil && v.logSoftmaxGrad != nil {
		v.logSoftmaxGrad(rows, cols, &dst[0], &g[0], &y[0])
		return
	}
	for i := 0; i < len(g); i += cols {
		sum := 0.0
		for _, v := range g[i : i+cols] {
			sum += float64(v)
		}
		s := float32(sum)
		for j := i; j < i+cols; j++ {
			e := float32(math.Exp(float64(y[j])))
			dst[j] = g[j] - float32(e*s) // the conversion keeps it from being fused: two roundings everywhere
		}
	}
}

// SumCols computes the sum of every column of x, which is (rows, cols) without gaps. It
// is added up in float64 from the first row to the last, and rounded once.
func SumCols(dst, x []float32, rows, cols int) {
	dst = dst[:cols]
	if rows == 0 || cols == 0 {
		clear(dst)
		return
	}
	x = x[:rows*cols]
	parallel.For(cols, 1+smallWork/(8*rows), func(lo, hi int) {
		if v := active.vectors; v != nil && v.sumCols != nil {
			v.sumCols(rows, hi-lo, cols, &dst[lo], &x[lo])
			return
		}
		var sums [32]float64 // of as many columns at a time
		for j := lo; j < hi; j += len(sums) {
			sums := sums[:min(len(sums), hi-j)]
			clear(sums)
			for i := j; i < len(x); i += cols {
				for k, v := range x[i : i+len(sums)] {
					sums[k] += float64(v)
				}
			}
			for k, s := range sums {
				dst[j+k] = float32(s)
			}
		}
	})
}

// SumRows computes the sum of every row of x, which is (rows, cols) without gaps. It is
// added up in float64, and rounded once.
func SumRows(dst, x []float32, rows, cols int) {
	dst, x = dst[:rows], x[:rows*cols]
	if v := active.vectors; v != nil && v.sumRows != nil && len(x) > 0 {
		each := perRows.Get().(*perRow)
		defer perRows.Put(each)
		for i := 0; i < rows; i += atATime {
			n := min(atATime, rows-i)
			v.sumRows(n, cols, &x[i*cols], &each.sums[0])
			for k, s := range each.sums[:n] {
				dst[i+k] = float32(s)
			}
		}
		return
	}
	for i := range dst {
		sum := 0.0
		for _, v := range x[i*cols:][:cols] {
			sum += float64(v)
		}
		dst[i] = float32(sum)
	}
}

// ArgMaxRows finds the index of the greatest element of every row of x, which is (rows,
// cols) without gaps, cols at least 1. Of equal ones the first wins; NaN counts as the
// greatest.
func ArgMaxRows(index []int64, x []float32, rows, cols int) {
	index, x = index[:rows], x[:rows*cols]
	if v := active.vectors; v != nil && v.argMaxRows != nil && len(x) > 0 {
		v.argMaxRows(rows, cols, &x[0], &index[0])
		placeNaNs(index, x, cols)
		return
	}
	for i := range index {
		index[i] = firstOf(x[i*cols:][:cols], func(a, b float32) bool { return a > b })
	}
}

// ArgMinRows is ArgMaxRows for the least elements; NaN counts as the least.
func ArgMinRows(index []int64, x []float32, rows, cols int) {
	index, x = index[:rows], x[:rows*cols]
	if v := active.vectors; v != nil && v.argMinRows != nil && len(x) > 0 {
		v.argMinRows(rows, cols, &x[0], &index[0])
		placeNaNs(index, x, cols)
		return
	}
	for i := range index {
		index[i] = firstOf(x[i*cols:][:cols], func(a, b float32) bool { return a < b })
	}
}

// placeNaNs puts the place of the first NaN where index is -1.
func placeNaNs(index []int64, x []float32, cols int) {
	for i, at := range index {
		if at < 0 {
			index[i] = int64(slices.IndexFunc(x[i*cols:][:cols], isNaN))
		}
	}
}

func isNaN(v float32) bool { return v != v }

// firstOf returns the index of the element that comes before all others, or of the first
// NaN.
func firstOf(row []float32, before func(a, b float32) bool) int64 {
	best := 0
	for j, v := range row {
		if isNaN(v) {
			return int64(j)
		}
		if before(v, row[best]) {
			best = j
		}
	}
	return int64(best)
}

// MaxRows finds the greatest element of every row of x, the one that ArgMaxRows finds.
func MaxRows(dst, x []float32, rows, cols int) { pickRows(dst, x, rows, cols, ArgMaxRows) }

// MinRows finds the least element of every row of x, the one that ArgMinRows finds.
func MinRows(dst, x []float32, rows, cols int) { pickRows(dst, x, rows, cols, ArgMinRows) }

func pickRows(dst, x []float32, rows, cols int, find func(index []int64, x []float32, rows, cols int)) {
	each := perRows.Get().(*perRow)
	defer perRows.Put(each)
	for i := 0; i < rows; i += atATime {
		n, x := min(atATime, rows-i), x[i*cols:]
		find(each.places[:], x, n, cols)
		for k, place := range each.places[:n] {
			dst[i+k] = x[k*cols+int(place)]
		}
	}
}
