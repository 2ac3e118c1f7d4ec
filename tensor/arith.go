package tensor

import (
	"fmt"
	"math"

	"github.com/onehot-go/onehot/internal/kernel"
)

// zip applies the function of the promoted type to every pair of elements of x and y,
// broadcast against each other. One of them may be Bool, and then counts as numbers.
func zip(op string, x, y *Tensor, fs zipFuncs) *Tensor {
	dtype := promote(x, y)
	if dtype == Bool {
		failDType(op, dtype, "a type with arithmetic on one side", x, y)
	}
	x, y = x.To(dtype), y.To(dtype)
	out := Empty(dtype, broadcastShape(op, x, y)...)
	zipTo(out, x, y, fs)
	return out
}

// zipFuncs is one binary operation on each type with arithmetic, and where there is a
// kernel for it, on runs of float32.
type zipFuncs struct {
	u8  func(a, b uint8) uint8
	i64 func(a, b int64) int64
	f32 func(a, b float32) float32
	f64 func(a, b float64) float64

	run32 func(dst, x, y []float32)
}

// zipTo writes the operation on x and y, of out's type, to out.
func zipTo(out, x, y *Tensor, fs zipFuncs) {
	switch out.dtype {
	case Uint8:
		zipInto(out, x, y, fs.u8, nil)
	case Int64:
		zipInto(out, x, y, fs.i64, nil)
	case Float32:
		zipInto(out, x, y, fs.f32, fs.run32)
	case Float64:
		zipInto(out, x, y, fs.f64, nil)
	}
}

func add[T Number](a, b T) T { return a + b }
func sub[T Number](a, b T) T { return a - b }
func mul[T Number](a, b T) T { return a * b }
func div[T Float](a, b T) T  { return a / b }

var (
	addFuncs = zipFuncs{add[uint8], add[int64], add[float32], add[float64], kernel.Add}
	subFuncs = zipFuncs{sub[uint8], sub[int64], sub[float32], sub[float64], kernel.Sub}
	mulFuncs = zipFuncs{mul[uint8], mul[int64], mul[float32], mul[float64], kernel.Mul}
	divFuncs = zipFuncs{f32: div[float32], f64: div[float64], run32: kernel.Div}
)

// Add returns t + y element by element, broadcast and promoted.
func (t *Tensor) Add(y *Tensor) *Tensor {
	return Record(zip("add", t, y, addFuncs), "add", Input{t, nil, same[*Tensor]}, Input{y, nil, same[*Tensor]})
}

// Sub returns t - y element by element, broadcast and promoted.
func (t *Tensor) Sub(y *Tensor) *Tensor {
	return Record(zip("sub", t, y, subFuncs), "sub", Input{t, nil, same[*Tensor]}, Input{y, nil, (*Tensor).Neg})
}

// Mul returns t * y element by element, broadcast and promoted.
func (t *Tensor) Mul(y *Tensor) *Tensor {
	return Record(zip("mul", t, y, mulFuncs), "mul",
		Input{t, []*Tensor{y}, func(g *Tensor) *Tensor { return g.Mul(y) }},
		Input{y, []*Tensor{t}, func(g *Tensor) *Tensor { return g.Mul(t) }})
}

// Div returns t / y element by element, broadcast and promoted. Integers are divided as
// float32, as PyTorch's true division does.
func (t *Tensor) Div(y *Tensor) *Tensor {
	x := t
	if !promote(x, y).IsFloat() {
		x, y = x.To(Float32), y.To(Float32)
	}
	quotient := zip("div", x, y, divFuncs)
	return Record(quotient, "div",
		Input{x, []*Tensor{y}, func(g *Tensor) *Tensor { return g.Div(y) }},
		Input{y, []*Tensor{y, quotient}, func(g *Tensor) *Tensor { return g.Div(y).Mul(quotient).Neg() }})
}

// Maximum returns the greater of t and y, element by element, broadcast and promoted. NaN
// counts as the greatest. Where both are equal each gets half of the gradient, and where one
// is NaN both get all of it.
func (t *Tensor) Maximum(y *Tensor) *Tensor {
	return choice("maximum", t, y, zipFuncs{u8: larger[uint8], i64: larger[int64], f32: larger[float32], f64: larger[float64]}, (*Tensor).Lt)
}

// Minimum returns the lesser of t and y, element by element, broadcast and promoted. NaN
// counts as the least. Where both are equal each gets half of the gradient, and where one is
// NaN both get all of it.
func (t *Tensor) Minimum(y *Tensor) *Tensor {
	return choice("minimum", t, y, zipFuncs{u8: lesser[uint8], i64: lesser[int64], f32: lesser[float32], f64: lesser[float64]}, (*Tensor).Gt)
}

func larger[T Number](a, b T) T { return max(a, b) }
func lesser[T Number](a, b T) T { return min(a, b) }

// choice returns one of each pair of elements, as fs says. It is never the first where loses
// holds of the pair.
func choice(op string, x, y *Tensor, fs zipFuncs, loses func(x, y *Tensor) *Tensor) *Tensor {
	share := func(x, y *Tensor) func(g *Tensor) *Tensor {
		return func(g *Tensor) *Tensor {
			return Where(x.Eq(y), g.MulScalar(0.5), Where(loses(x, y), Zeros(g.dtype), g))
		}
	}
	both := []*Tensor{x, y}
	return Record(zip(op, x, y, fs), op, Input{x, both, share(x, y)}, Input{y, both, share(y, x)})
}

// Pow returns t to the power of y element by element, broadcast and promoted. Integers
// wrap around; to a negative power they are 0, but for 1 and -1. Where y is 0 the
// derivative with respect to t is 0, and where t is 0 and y is not negative so is the one
// with respect to y.
func (t *Tensor) Pow(y *Tensor) *Tensor {
	power := zip("pow", t, y, powFuncs)
	return Record(power, "pow",
		Input{t, []*Tensor{t, y}, func(g *Tensor) *Tensor { return g.Mul(zip("pow", t, y, powSlopeFuncs)) }},
		Input{y, []*Tensor{t, y, power}, func(g *Tensor) *Tensor {
			return g.Mul(power).Mul(zip("pow", t, y, zipFuncs{f32: inDouble(powLog), f64: powLog}))
		}})
}

var (
	powFuncs      = zipFuncs{u8: powInt[uint8], i64: powInt[int64], f32: inDouble(math.Pow), f64: math.Pow}
	powSlopeFuncs = zipFuncs{f32: inDouble(powSlope), f64: powSlope}
)

// powInt returns a to the power of b by squaring.
func powInt[T uint8 | int64](a, b T) T {
	p := T(1)
	if b < 0 {
		switch one := T(1); a {
		case one, -one: // b's parity decides, and -b has the same
			b = -b
		default:
			return 0
		}
	}
	for ; b > 0; b /= 2 {
		if b%2 == 1 {
			p *= a
		}
		a *= a
	}
	return p
}

// powSlope is the derivative of a to the power of b with respect to a.
func powSlope(a, b float64) float64 {
	if b == 0 {
		return 0
	}
	return b * math.Pow(a, b-1)
}

// powLog is the derivative of a to the power of b with respect to b, over the power.
func powLog(a, b float64) float64 {
	if a == 0 && b >= 0 {
		return 0
	}
	return math.Log(a)
}

// inDouble returns f for float32 elements, computed in float64.
func inDouble(f func(a, b float64) float64) func(a, b float32) float32 {
	return func(a, b float32) float32 { return float32(f(float64(a), float64(b))) }
}

// AddScalar returns t + v.
func (t *Tensor) AddScalar(v float64) *Tensor { return t.Add(scalarFor(t, v)) }

// SubScalar returns t - v.
func (t *Tensor) SubScalar(v float64) *Tensor { return t.Sub(scalarFor(t, v)) }

// MulScalar returns t * v.
func (t *Tensor) MulScalar(v float64) *Tensor { return t.Mul(scalarFor(t, v)) }

// DivScalar returns t / v. Integers are divided as float32, as by Div.
func (t *Tensor) DivScalar(v float64) *Tensor {
	x := t.asFloat() // first: v need not fit t's type
	return x.Div(scalarFor(x, v))
}

// PowScalar returns t to the power of v. It panics with a *DTypeError if t has integers
// and v is an integer that is negative or beyond their type.
func (t *Tensor) PowScalar(v float64) *Tensor {
	y := scalarFor(t, v)
	if !promote(t, y).IsFloat() {
		switch {
		case v < 0:
			failDType("pow", t.dtype, "float32 or float64 for a negative power", t)
		case y.Item() != v:
			failDType("pow", t.dtype, fmt.Sprintf("a type that can hold the power %v", v), t)
		}
	}
	return t.Pow(y)
}

// scalarFor returns v as a scalar that keeps t's type: an integer where t has integers
// and v is one, a float otherwise. Bool becomes Int64 or Float32.
func scalarFor(t *Tensor, v float64) *Tensor {
	switch {
	case t.dtype == Float64:
		return Scalar(v)
	case t.dtype == Float32:
		return Scalar(float32(v))
	case v != math.Trunc(v) || math.IsInf(v, 0):
		return Scalar(float32(v))
	case t.dtype == Uint8:
		return Scalar(v).To(Int64).To(Uint8)
	}
	return Scalar(v).To(Int64)
}
