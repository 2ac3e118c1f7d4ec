package tensor

import (
	"fmt"
	"math/rand/v2"
	"slices"
)

// New returns a tensor of the given shape with a copy of data in row-major order. With
// no shape it is a scalar, and data has one element.
func New[T Element](data []T, shape ...int) *Tensor {
	checkShape("new", shape)
	if len(data) != numel(shape) {
		panic(&ShapeError{Op: "new", Shapes: [][]int{slices.Clone(shape)},
			Detail: fmt.Sprintf("%d elements expected, got %d", numel(shape), len(data))})
	}
	return wrap(slices.Clone(data), shape)
}

// Scalar returns a tensor without dimensions that holds v. It takes part in any
// operation without changing the other operand's type within its category.
func Scalar[T Element](v T) *Tensor { return wrap([]T{v}, nil) }

// Zeros returns a tensor of zeros (false for Bool).
func Zeros(dtype DType, shape ...int) *Tensor {
	checkShape("zeros", shape)
	n := numel(shape)
	switch dtype {
	case Bool:
		return wrap(make([]bool, n), shape)
	case Uint8:
		return wrap(make([]uint8, n), shape)
	case Int64:
		return wrap(make([]int64, n), shape)
	case Float32:
		return wrap(make([]float32, n), shape)
	case Float64:
		return wrap(make([]float64, n), shape)
	}
	panic(&DTypeError{Op: "zeros", Got: dtype, Want: "a known type"})
}

// Ones returns a tensor of ones (true for Bool).
func Ones(dtype DType, shape ...int) *Tensor { return Full(dtype, 1, shape...) }

// Full returns a tensor with every element v, converted to dtype.
func Full(dtype DType, v float64, shape ...int) *Tensor {
	t := Zeros(dtype, shape...)
	t.FillInPlace(v)
	return t
}

// Arange returns the one-dimensional tensor 0, 1, ..., n-1.
func Arange(dtype DType, n int) *Tensor {
	t := Zeros(Int64, n)
	for i, s := 0, elements[int64](t); i < n; i++ {
		s[i] = int64(i)
	}
	return t.To(dtype)
}

// Normal returns a tensor of independent draws from the normal distribution with the
// given mean and standard deviation, taken from r in row-major order.
func Normal(dtype DType, r *rand.Rand, mean, std float64, shape ...int) *Tensor {
	t := Zeros(dtype, shape...)
	t.NormalInPlace(r, mean, std)
	return t
}

// Uniform returns a tensor of independent draws from the uniform distribution over
// [low, high), taken from r in row-major order.
func Uniform(dtype DType, r *rand.Rand, low, high float64, shape ...int) *Tensor {
	t := Zeros(dtype, shape...)
	t.UniformInPlace(r, low, high)
	return t
}

// wrap makes a contiguous tensor over data, which it keeps.
func wrap[T Element](data []T, shape []int) *Tensor {
	shape = slices.Clone(shape)
	return &Tensor{dtype: dtypeOf[T](), shape: shape, strides: rowMajor(shape), store: &storage{data: data}}
}

func checkShape(op string, shape []int) {
	for d, n := range shape {
		if n < 0 {
			panic(&ShapeError{Op: op, Shapes: [][]int{slices.Clone(shape)}, Detail: fmt.Sprintf("dimension %d is negative", d)})
		}
	}
}
