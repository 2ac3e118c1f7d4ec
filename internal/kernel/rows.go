package kernel

import (
	"math"
	"sync"
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

// rowSums is what LogSoftmaxRows needs beside its operands, kept from one call to the
// next: numbers for 64 rows.
var rowSums = sync.Pool{New: func() any { return new([64]float64) }}

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
		sums := rowSums.Get().(*[64]float64) // of as many rows at a time
		defer rowSums.Put(sums)
		for i := 0; i < rows; i += len(sums) {
			n := min(len(sums), rows-i)
			v.shiftExpSum(n, cols, &dst[i*cols], &x[i*cols], &sums[0])
			for j, s := range sums[:n] {
				sums[j] = math.Log(s)
			}
			v.subtractRows(n, cols, &dst[i*cols], &sums[0])
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
	if v := active.vectors; v != nil && v.sumCols != nil {
		v.sumCols(rows, cols, &dst[0], &x[0])
		return
	}
	var sums [32]float64 // of as many columns at a time
	for j := 0; j < cols; j += len(sums) {
		sums := sums[:min(len(sums), cols-j)]
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
}
