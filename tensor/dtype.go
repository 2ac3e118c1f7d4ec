package tensor

import "fmt"

// DType is the type of a tensor's elements.
type DType uint8

// The element types, from the one that gives way to the one that wins when two meet in
// one operation.
const (
	Bool DType = iota
	Uint8
	Int64
	Float32
	Float64
)

// String returns the type's Go name: "float32".
func (d DType) String() string {
	switch d {
	case Bool:
		return "bool"
	case Uint8:
		return "uint8"
	case Int64:
		return "int64"
	case Float32:
		return "float32"
	case Float64:
		return "float64"
	}
	return fmt.Sprintf("DType(%d)", uint8(d))
}

// IsFloat reports whether d is a floating-point type: only those carry gradients.
func (d DType) IsFloat() bool { return d == Float32 || d == Float64 }

// Number is an element type with arithmetic.
type Number interface {
	uint8 | int64 | float32 | float64
}

// Float is an element type that carries gradients.
type Float interface {
	float32 | float64
}

// Element is any element type.
type Element interface {
	bool | Number
}

// dtypeOf returns the DType of T.
func dtypeOf[T Element]() DType {
	var zero T
	switch any(zero).(type) {
	case bool:
		return Bool
	case uint8:
		return Uint8
	case int64:
		return Int64
	case float32:
		return Float32
	default:
		return Float64
	}
}

// promote returns the type that x and y are brought to when they meet, by PyTorch's
// rule: the higher of the two, except that a tensor without dimensions does not raise
// one that has them within the same category (bool, integer, floating point).
func promote(x, y *Tensor) DType {
	if (x.Dim() == 0) != (y.Dim() == 0) {
		full, scalar := x, y
		if x.Dim() == 0 {
			full, scalar = y, x
		}
		if category(scalar.dtype) <= category(full.dtype) {
			return full.dtype
		}
		return scalar.dtype
	}
	return max(x.dtype, y.dtype)
}

func category(d DType) int {
	switch d {
	case Bool:
		return 0
	case Uint8, Int64:
		return 1
	}
	return 2
}
