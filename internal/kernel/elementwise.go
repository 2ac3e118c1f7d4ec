package kernel

// vectors are the kernels over float32 slices side by side. Each gives the bits of its
// twin in pure Go, but for those that say otherwise.
type vectors struct {
	add, sub, mul, div, reluGrad func(n int, dst, x, y *float32)
	relu                         func(n int, dst, x *float32)
	addScaled, scale             func(n int, dst, x *float32, alpha float32)

	// Functions of bytes: by a table, where it has been written, and by a formula.
	lookup, affine func(n int, dst *float32, src *byte, by *float32, next *byte)
	reverse        func(n int, dst, src *byte) // of bytes, nil where it has not been written

	// Over the rows of matrices; each is nil where it has not been written. Those that
	// take exponentials agree with their twins to the error of Exp.
	exp            func(n int, dst, x *float32)
	shiftExpSum    func(rows, cols int, dst, x *float32, sums *float64)
	subtractRows   func(rows, cols int, dst *float32, by *float64)
	logSoftmaxGrad func(rows, cols int, dst, g, y *float32)
	sumCols        func(rows, cols, stride int, dst, x *float32)
	softmax        func(rows, cols int, p, x, peaks *float32, sums *float64)
	softmaxCols    func(rows, cols, stride int, p, x *float32, scale float32, bias, peaks, sums *float32, best *int32)
	log            func(n int, x *float64)
	sumRows        func(rows, cols int, x *float32, sums *float64)

	argMaxRows, argMinRows func(rows, cols int, x *float32, index *int64)

	// The steps of optimizers.
	decayStep    func(n int, p, g *float32, by constants)
	momentumStep func(n int, p, g, v *float32, by constants)
	adamStep     func(n int, p, g, m, v *float32, by constants)
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

// Scale computes dst = alpha·x for slices of one length, which may be the same.
func Scale(dst, x []float32, alpha float32) {
	x = x[:len(dst)]
	if v := active.vectors; v != nil && len(dst) > 0 {
		v.scale(len(dst), &dst[0], &x[0], alpha)
		return
	}
	for i, v := range x {
		dst[i] = alpha * v
	}
}
