package tensor

import (
	"math"

	"github.com/onehot-go/onehot/internal/kernel"
	"github.com/onehot-go/onehot/internal/parallel"
)

// asFloat returns t as it enters an operation on floats: integers become float32, as in
// PyTorch.
func (t *Tensor) asFloat() *Tensor {
	if t.dtype.IsFloat() {
		return t
	}
	return t.To(Float32)
}

// mapFloat applies f, computed in float64, to every element of a floating-point tensor.
func (t *Tensor) mapFloat(f func(float64) float64) *Tensor {
	out := Empty(t.dtype, t.shape...)
	if t.dtype == Float32 {
		mapInto(out, t, func(v float32) float32 { return float32(f(float64(v))) })
	} else {
		mapInto(out, t, f)
	}
	return out
}

// mapRuns applies a kernel to every element, or returns nil if there is none or t does
// not lie as kernels take it.
func (t *Tensor) mapRuns(run func(dst, x []float32)) *Tensor {
	if run == nil || t.dtype != Float32 || !t.IsContiguous() {
		return nil
	}
	out := Empty(Float32, t.shape...)
	dst, x := Data[float32](out), Data[float32](t)
	parallel.For(len(dst), grain, func(lo, hi int) { run(dst[lo:hi], x[lo:hi]) })
	return out
}

// mapFuncs is one operation on an element for each type with arithmetic, and where there
// is a kernel for it, on runs of float32.
type mapFuncs struct {
	u8  func(v uint8) uint8
	i64 func(v int64) int64
	f32 func(v float32) float32
	f64 func(v float64) float64

	run32 func(dst, x []float32)
}

// mapNumber applies the function of t's type to every element.
func (t *Tensor) mapNumber(op string, fs mapFuncs) *Tensor {
	if out := t.mapRuns(fs.run32); out != nil {
		return out
	}
	out := Empty(t.dtype, t.shape...)
	switch t.dtype {
	case Uint8:
		mapInto(out, t, fs.u8)
	case Int64:
		mapInto(out, t, fs.i64)
	case Float32:
		mapInto(out, t, fs.f32)
	case Float64:
		mapInto(out, t, fs.f64)
	default:
		failDType(op, t.dtype, "a type with arithmetic", t)
	}
	return out
}

// Neg returns -t; uint8 wraps around.
func (t *Tensor) Neg() *Tensor {
	if t.dtype == Bool {
		failDType("neg", t.dtype, "a type with arithmetic", t)
	}
	return t.MulScalar(-1)
}

// Exp returns e to the power of every element.
func (t *Tensor) Exp() *Tensor {
	x := t.asFloat()
	y := x.mapRuns(kernel.Exp)
	if y == nil {
		y = x.mapFloat(math.Exp)
	}
	return Record(y, "exp", Input{x, []*Tensor{y}, func(g *Tensor) *Tensor { return g.Mul(y) }})
}

// Log returns the natural logarithm of every element: -Inf for 0, NaN below.
func (t *Tensor) Log() *Tensor {
	x := t.asFloat()
	return Record(x.mapFloat(math.Log), "log", Input{x, []*Tensor{x}, func(g *Tensor) *Tensor { return g.Div(x) }})
}

// Log1p returns log(1 + x) of every element x, exact to rounding for small ones too:
// -Inf for -1, NaN below.
func (t *Tensor) Log1p() *Tensor {
	x := t.asFloat()
	return Record(x.mapFloat(math.Log1p), "log1p", Input{x, []*Tensor{x}, func(g *Tensor) *Tensor {
		return g.Div(x.detached().AddScalar(1))
	}})
}

// Sqrt returns the square root of every element, NaN for one below 0. Its derivative at
// 0 is +Inf.
func (t *Tensor) Sqrt() *Tensor {
	x := t.asFloat()
	y := x.mapFloat(math.Sqrt)
	return Record(y, "sqrt", Input{x, []*Tensor{y}, func(g *Tensor) *Tensor { return g.Div(y).MulScalar(0.5) }})
}

// Abs returns the magnitude of every element; integers stay integers. Its derivative at
// 0 is 0.
func (t *Tensor) Abs() *Tensor {
	y := t.mapNumber("abs", mapFuncs{u8: same[uint8], i64: abs[int64], f32: abs[float32], f64: abs[float64]})
	return Record(y, "abs", Input{t, []*Tensor{t}, func(g *Tensor) *Tensor {
		return zip("abs", g, t, zipFuncs{f32: absGrad[float32], f64: absGrad[float64]})
	}})
}

func abs[T Number](v T) T {
	if v <= 0 { // and 0 for -0
		return 0 - v
	}
	return v
}

func absGrad[T Float](g, x T) T {
	switch {
	case x > 0:
		return g
	case x < 0:
		return -g
	}
	return 0
}

// ReLU returns the greater of 0 and every element; NaN stays NaN and integers stay
// integers. Its derivative at 0 is 0.
func (t *Tensor) ReLU() *Tensor {
	return t.rectified(t.mapNumber("relu", mapFuncs{same[uint8], relu[int64], relu[float32], relu[float64], kernel.ReLU}))
}

// rectified makes y, whose elements are those of ReLU, its result.
func (t *Tensor) rectified(y *Tensor) *Tensor {
	return Record(y, "relu", Input{t, []*Tensor{y}, func(g *Tensor) *Tensor { return reluGradient(g, y) }})
}

// reluGradient returns the gradient of ReLU from that of what it gave, y.
func reluGradient(g, y *Tensor) *Tensor {
	return zip("relu", g, y, zipFuncs{f32: reluGrad[float32], f64: reluGrad[float64], run32: kernel.ReLUGrad})
}

func relu[T Number](v T) T {
	if v < 0 {
		return 0
	}
	return v
}

func reluGrad[T Float](g, y T) T {
	if y <= 0 {
		return 0
	}
	return g
}

// LeakyReLU returns every element above 0 as it is and slope times every other. Its
// derivative at 0 is slope.
func (t *Tensor) LeakyReLU(slope float64) *Tensor {
	x := t.asFloat()
	y := Empty(x.dtype, x.shape...)
	if x.dtype == Float32 {
		mapInto(y, x, func(v float32) float32 { return leak(v, v, float32(slope)) })
	} else {
		mapInto(y, x, func(v float64) float64 { return leak(v, v, slope) })
	}
	return Record(y, "leaky-relu", Input{x, []*Tensor{x}, func(g *Tensor) *Tensor {
		return zip("leaky-relu", g, x, zipFuncs{
			f32: func(g, v float32) float32 { return leak(g, v, float32(slope)) },
			f64: func(g, v float64) float64 { return leak(g, v, slope) },
		})
	}})
}

// leak returns v where x is above 0 and v·slope elsewhere.
func leak[T Float](v, x, slope T) T {
	if x > 0 {
		return v
	}
	return v * slope
}

// Clamp returns every element brought into [low, high]: low for one below, high for one
// above, and high where low is above high. An infinite bound is none; NaN stays NaN.
// Integers stay integers where both bounds are integers or infinite and become float32
// where not. The derivative is 1 within and at the bounds, 0 outside.
func (t *Tensor) Clamp(low, high float64) *Tensor {
	x := t
	for _, bound := range []float64{low, high} {
		if !math.IsInf(bound, 0) {
			x = x.To(promote(x, scalarFor(x, bound)))
		}
	}
	y := x.mapNumber("clamp", mapFuncs{
		u8: clamp[uint8](low, high), i64: clamp[int64](low, high), f32: clamp[float32](low, high), f64: clamp[float64](low, high),
	})
	return Record(y, "clamp", Input{x, []*Tensor{x}, func(g *Tensor) *Tensor {
		return zip("clamp", g, x, zipFuncs{f32: clampGrad[float32](low, high), f64: clampGrad[float64](low, high)})
	}})
}

// clamp returns what brings an element into the bounds, which are converted as To does.
func clamp[T Number](low, high float64) func(v T) T {
	l, h := Values[T](Scalar(low))[0], Values[T](Scalar(high))[0]
	return func(v T) T { return min(max(v, l), h) }
}

func clampGrad[T Float](low, high float64) func(g, x T) T {
	l, h := T(low), T(high)
	return func(g, x T) T {
		if l <= x && x <= h {
			return g
		}
		return 0
	}
}

// Sigmoid returns 1 / (1 + exp(-x)) of every element x. It neither overflows nor loses
// the digits of small results.
func (t *Tensor) Sigmoid() *Tensor {
	x := t.asFloat()
	y := x.mapFloat(sigmoid)
	return Record(y, "sigmoid", Input{x, []*Tensor{y}, func(g *Tensor) *Tensor {
		return zip("sigmoid", g, y, zipFuncs{
			f32: func(g, y float32) float32 { return g * (1 - y) * y },
			f64: func(g, y float64) float64 { return g * (1 - y) * y },
		})
	}})
}

func sigmoid(x float64) float64 {
	if x < 0 { // exp(-x) would overflow
		e := math.Exp(x)
		return e / (1 + e)
	}
	return 1 / (1 + math.Exp(-x))
}

// LogSigmoid returns the logarithm of the sigmoid of every element x. It is what
// LogSoftmax is to the softmax, for two classes: exact to rounding for logits of any
// size. Softplus, log(1 + exp(x)), is -LogSigmoid(-x).
func (t *Tensor) LogSigmoid() *Tensor {
	x := t.asFloat()
	y := x.mapFloat(func(x float64) float64 { return min(x, 0) - math.Log1p(math.Exp(-math.Abs(x))) })
	return Record(y, "log-sigmoid", Input{x, []*Tensor{x}, func(g *Tensor) *Tensor {
		return g.Mul(x.mapFloat(func(x float64) float64 { return sigmoid(-x) }))
	}})
}

// Tanh returns the hyperbolic tangent of every element.
func (t *Tensor) Tanh() *Tensor {
	x := t.asFloat()
	y := x.mapFloat(math.Tanh)
	return Record(y, "tanh", Input{x, []*Tensor{y}, func(g *Tensor) *Tensor {
		return zip("tanh", g, y, zipFuncs{
			f32: func(g, y float32) float32 { return g * (1 - y*y) },
			f64: func(g, y float64) float64 { return g * (1 - y*y) },
		})
	}})
}

// Erf returns the error function of every element x: 2/√π times the integral of
// exp(-u²) from 0 to x.
func (t *Tensor) Erf() *Tensor {
	x := t.asFloat()
	return Record(x.mapFloat(math.Erf), "erf", Input{x, []*Tensor{x}, func(g *Tensor) *Tensor {
		return g.Mul(x.mapFloat(func(x float64) float64 { return 2 / math.SqrtPi * math.Exp(-x*x) }))
	}})
}

// GELU returns x·Φ(x) of every element x, with Φ the distribution function of the
// standard normal: the exact form, which is PyTorch's default.
func (t *Tensor) GELU() *Tensor {
	x := t.asFloat()
	return Record(x.mapFloat(func(x float64) float64 { return x * phi(x) }), "gelu", Input{x, []*Tensor{x}, func(g *Tensor) *Tensor {
		return g.Mul(x.mapFloat(func(x float64) float64 {
			return phi(x) + x*math.Exp(-x*x/2)/(math.Sqrt2*math.SqrtPi)
		}))
	}})
}

// phi is the standard normal's distribution function, by erfc, which keeps the digits of
// small results.
func phi(x float64) float64 { return 0.5 * math.Erfc(-x/math.Sqrt2) }
