package kernel

import "unsafe"

// vectors are the kernels over float32 slices side by side. Each gives the bits of its
// twin in pure Go, but for those that say otherwise.
type vectors struct {
	add, sub, mul, div, reluGrad func(n int, dst, x, y *float32)
	relu                         func(n int, dst, x *float32)
	addScaled                    func(n int, dst, x *float32, alpha float32)
	lookup                       func(n int, dst *float32, src *byte, table *float32, next *byte) // or nil

	// Over the rows of matrices; each is nil where it has not been written. Those that
	// take exponentials agree with their twins to the error of Exp.
	exp            func(n int, dst, x *float32)
	shiftExpSum    func(rows, cols int, dst, x *float32, sums *float64)
	subtractRows   func(rows, cols int, dst *float32, by *float64)
	logSoftmaxGrad func(rows, cols int, dst, g, y *float32)
	sumCols        func(rows, cols int, dst, x *float32)
}

// Add computes dst = x + y for slices of one length, which may be the same.
func Add(dst, x, y []float32) {
	x, y = x[:len(dst)], y[:len(dst)]
	if v := active.vectors; v != nil && len(dst) > 0 {
		v.add(len(dst), &dst[0], &x[0], &y[0])
		return
	}
	for i := range dst {
		dst[i] = x[i] + y[i]
	}
}

// Sub computes dst = x - y for slices of one length, which may be the same.
func Sub(dst, x, y []float32) {
	x, y = x[:len(dst)], y[:len(dst)]
	if v := active.vectors; v != nil && len(dst) > 0 {
		v.sub(len(dst), &dst[0], &x[0], &y[0])
		return
	}
	for i := range dst {
		dst[i] = x[i] - y[i]
	}
}

// Mul computes dst = x * y for slices of one length, which may be the same.
func Mul(dst, x, y []float32) {
	x, y = x[:len(dst)], y[:len(dst)]
	if v := active.vectors; v != nil && len(dst) > 0 {
		v.mul(len(dst), &dst[0], &x[0], &y[0])
		return
	}
	for i := range dst {
		dst[i] = x[i] * y[i]
	}
}

// Div computes dst = x / y for slices of one length, which may be the same.
func Div(dst, x, y []float32) {
	x, y = x[:len(dst)], y[:len(dst)]
	if v := active.vectors; v != nil && len(dst) > 0 {
		v.div(len(dst), &dst[0], &x[0], &y[0])
		return
	}
	for i := range dst {
		dst[i] = x[i] / y[i]
	}
}

// ReLU computes dst = max(x, 0) for slices of one length, which may be the same; NaN
// stays NaN.
func ReLU(dst, x []float32) {
	x = x[:len(dst)]
	if v := active.vectors; v != nil && len(dst) > 0 {
		v.relu(len(dst), &dst[0], &x[0])
		return
	}
	for i, v := range x {
		if v < 0 {
			v = 0
		}
		dst[i] = v
	}
}

// ReLUGrad computes dst = g where y, what ReLU gave, is positive or NaN, and 0 elsewhere.
func ReLUGrad(dst, g, y []float32) {
	g, y = g[:len(dst)], y[:len(dst)]
	if v := active.vectors; v != nil && len(dst) > 0 {
		v.reluGrad(len(dst), &dst[0], &g[0], &y[0])
		return
	}
	for i, v := range g {
		if y[i] <= 0 {
			v = 0
		}
		dst[i] = v
	}
}

// AddScaled computes dst = dst + alpha·x for slices of one length.
func AddScaled(dst, x []float32, alpha float32) {
	x = x[:len(dst)]
	if v := active.vectors; v != nil && len(dst) > 0 {
		v.addScaled(len(dst), &dst[0], &x[0], alpha)
		return
	}
	for i, v := range x {
		dst[i] += float32(alpha * v) // the conversion keeps it from being fused: two roundings everywhere
	}
}

// Lookup computes dst[i] = table[src[i]] for slices of one length. next is where src of
// the next call will lie: samples in random order are in no cache, and waiting for them
// takes longer than converting them.
func Lookup(dst []float32, src []byte, table *[256]float32, next []byte) {
	src = src[:len(dst)]
	if v := active.vectors; v != nil && v.lookup != nil && len(dst) > 0 {
		v.lookup(len(dst), &dst[0], &src[0], &table[0], unsafe.SliceData(next)) // fetching ahead never faults
		return
	}
	for i, v := range src {
		dst[i] = table[v]
	}
}
