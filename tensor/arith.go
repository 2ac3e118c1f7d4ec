package tensor

import "math"

// zip applies the function of the promoted type to every pair of elements of x and y,
// broadcast against each other. Bool operands are taken as uint8, as numbers.
func zip(op string, x, y *Tensor, fs zipFuncs) *Tensor {
	dtype := max(promote(x, y), Uint8)
	x, y = x.To(dtype), y.To(dtype)
	out := Zeros(dtype, broadcastShape(op, x, y)...)
	zipTo(out, x, y, fs)
	return out
}

// zipFuncs is one binary operation on each type with arithmetic.
type zipFuncs struct {
	u8  func(a, b uint8) uint8
	i64 func(a, b int64) int64
	f32 func(a, b float32) float32
	f64 func(a, b float64) float64
}

// zipTo writes the operation on x and y, of out's type, to out.
func zipTo(out, x, y *Tensor, fs zipFuncs) {
	switch out.dtype {
	case Uint8:
		zipInto(out, x, y, fs.u8)
	case Int64:
		zipInto(out, x, y, fs.i64)
	case Float32:
		zipInto(out, x, y, fs.f32)
	case Float64:
		zipInto(out, x, y, fs.f64)
	}
}

func add[T Number](a, b T) T { return a + b }
func sub[T Number](a, b T) T { return a - b }
func mul[T Number](a, b T) T { return a * b }

var (
	addFuncs = zipFuncs{add[uint8], add[int64], add[float32], add[float64]}
	subFuncs = zipFuncs{sub[uint8], sub[int64], sub[float32], sub[float64]}
	mulFuncs = zipFuncs{mul[uint8], mul[int64], mul[float32], mul[float64]}
)

// Add returns t + y element by element, broadcast and promoted.
func (t *Tensor) Add(y *Tensor) *Tensor {
	return record(zip("add", t, y, addFuncs), operation{
		name: "add", inputs: []*Tensor{t, y},
		grads: func(g *Tensor) []*Tensor { return []*Tensor{g.To(t.dtype), g.To(y.dtype)} },
	})
}

// Sub returns t - y element by element, broadcast and promoted.
func (t *Tensor) Sub(y *Tensor) *Tensor {
	return record(zip("sub", t, y, subFuncs), operation{
		name: "sub", inputs: []*Tensor{t, y},
		grads: func(g *Tensor) []*Tensor { return []*Tensor{g.To(t.dtype), g.Neg().To(y.dtype)} },
	})
}

// Mul returns t * y element by element, broadcast and promoted.
func (t *Tensor) Mul(y *Tensor) *Tensor {
	return record(zip("mul", t, y, mulFuncs), operation{
		name: "mul", inputs: []*Tensor{t, y}, saves: []*Tensor{t, y},
		grads: func(g *Tensor) []*Tensor { return []*Tensor{g.Mul(y).To(t.dtype), g.Mul(t).To(y.dtype)} },
	})
}

// Div returns t / y element by element, broadcast and promoted. Integers are divided as
// float32, as PyTorch's true division does.
func (t *Tensor) Div(y *Tensor) *Tensor {
	x := t
	if !promote(x, y).IsFloat() {
		x, y = x.To(Float32), y.To(Float32)
	}
	quotient := zip("div", x, y, zipFuncs{
		f32: func(a, b float32) float32 { return a / b },
		f64: func(a, b float64) float64 { return a / b },
	})
	return record(quotient, operation{
		name: "div", inputs: []*Tensor{x, y}, saves: []*Tensor{y, quotient},
		grads: func(g *Tensor) []*Tensor {
			gx := g.Div(y)
			return []*Tensor{gx.To(x.dtype), gx.Mul(quotient).Neg().To(y.dtype)}
		},
	})
}

// AddScalar returns t + v.
func (t *Tensor) AddScalar(v float64) *Tensor { return t.Add(scalarFor(t, v)) }

// SubScalar returns t - v.
func (t *Tensor) SubScalar(v float64) *Tensor { return t.Sub(scalarFor(t, v)) }

// MulScalar returns t * v.
func (t *Tensor) MulScalar(v float64) *Tensor { return t.Mul(scalarFor(t, v)) }

// DivScalar returns t / v.
func (t *Tensor) DivScalar(v float64) *Tensor { return t.Div(scalarFor(t, v)) }

// scalarFor returns v as a scalar that keeps t's type: an integer where t has integers
// and v is one, a float otherwise. Bool becomes Int64 or Float32.
func scalarFor(t *Tensor, v float64) *Tensor {
	switch {
	case t.dtype.IsFloat():
		return Scalar(v).To(t.dtype)
	case v != math.Trunc(v) || math.IsInf(v, 0):
		return Scalar(float32(v))
	case t.dtype == Uint8:
		return Scalar(v).To(Int64).To(Uint8)
	}
	return Scalar(v).To(Int64)
}

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
	out := Zeros(t.dtype, t.shape...)
	if t.dtype == Float32 {
		mapInto(out, t, func(v float32) float32 { return float32(f(float64(v))) })
	} else {
		mapInto(out, t, f)
	}
	return out
}

// unary records y, computed from x element by element, with dy/dx·g as its gradient;
// saves names what grad reads.
func unary(name string, x, y *Tensor, saves []*Tensor, grad func(g *Tensor) *Tensor) *Tensor {
	return record(y, operation{name: name, inputs: []*Tensor{x}, saves: saves, grads: func(g *Tensor) []*Tensor {
		return []*Tensor{grad(g)}
	}})
}

// Neg returns -t.
func (t *Tensor) Neg() *Tensor { return t.MulScalar(-1) }

// Exp returns e to the power of every element.
func (t *Tensor) Exp() *Tensor {
	x := t.asFloat()
	y := x.mapFloat(math.Exp)
	return unary("exp", x, y, []*Tensor{y}, func(g *Tensor) *Tensor { return g.Mul(y) })
}

// Log returns the natural logarithm of every element: -Inf for 0, NaN below.
func (t *Tensor) Log() *Tensor {
	x := t.asFloat()
	return unary("log", x, x.mapFloat(math.Log), []*Tensor{x}, func(g *Tensor) *Tensor { return g.Div(x) })
}

// ReLU returns the greater of 0 and every element; NaN stays NaN. Its derivative at 0
// is 0.
func (t *Tensor) ReLU() *Tensor {
	x := t.asFloat()
	y := Zeros(x.dtype, x.shape...)
	if x.dtype == Float32 {
		mapInto(y, x, relu[float32])
	} else {
		mapInto(y, x, relu[float64])
	}
	return unary("relu", x, y, []*Tensor{y}, func(g *Tensor) *Tensor {
		return zip("relu", g, y, zipFuncs{f32: reluGrad[float32], f64: reluGrad[float64]})
	})
}

func relu[T Float](v T) T {
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
