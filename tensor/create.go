package tensor

import (
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"

	"github.com/onehot-go/onehot/fault"
)

// New returns a tensor of the given shape with a copy of data in row-major order. With no
// shape it has one dimension. A shape that is empty but not nil, as a scalar's Shape is, makes
// a scalar of one element; so does Scalar.
func New[T Element](data []T, shape ...int) *Tensor {
	if shape == nil {
		shape = []int{len(data)}
	}
	checkShape("new", shape)
	if len(data) != numel(shape) {
		panic(&ShapeError{Op: "new", Shapes: [][]int{slices.Clone(shape)},
			Detail: fmt.Sprintf("%d elements expected, got %d", numel(shape), len(data))})
	}
	return wrap(slices.Clone(data), shape)
}

// FromNested returns a tensor with a copy of nested slices, such as [][]float32, whose
// depth is its number of dimensions; a bare number is a scalar. Elements may be bool,
// uint8, int, int64, float32 or float64; int becomes Int64. It panics with a *ShapeError
// that says where slices of one depth differ in length. Dimensions within an empty one
// have size 0.
func FromNested(v any) *Tensor {
	var shape []int
	in := reflect.ValueOf(v)
	elem := reflect.TypeOf(v)
	for first := in; elem != nil && elem.Kind() == reflect.Slice; elem = elem.Elem() {
		n := 0
		if first.IsValid() {
			n = first.Len()
		}
		shape = append(shape, n)
		if n == 0 {
			first = reflect.Value{}
		} else {
			first = first.Index(0)
		}
	}
	if elem != nil {
		switch elem.Kind() {
		case reflect.Bool:
			return fromNested(in, shape, reflect.Value.Bool)
		case reflect.Uint8:
			return fromNested(in, shape, func(e reflect.Value) uint8 { return uint8(e.Uint()) })
		case reflect.Int, reflect.Int64:
			return fromNested(in, shape, reflect.Value.Int)
		case reflect.Float32:
			return fromNested(in, shape, func(e reflect.Value) float32 { return float32(e.Float()) })
		case reflect.Float64:
			return fromNested(in, shape, reflect.Value.Float)
		}
	}
	panic(&ShapeError{Op: "from nested", Detail: fmt.Sprintf(
		"%T: nested slices of bool, uint8, int, int64, float32 or float64 expected", v)})
}

// fromNested returns the tensor of nested slices that have the given shape, or should
// have: it panics if one differs.
func fromNested[T Element](in reflect.Value, shape []int, element func(reflect.Value) T) *Tensor {
	data := make([]T, 0, numel(shape))
	var index []int // of the slice that is looked at
	var add func(in reflect.Value)
	add = func(in reflect.Value) {
		depth := len(index)
		if depth == len(shape) {
			data = append(data, element(in))
			return
		}
		if in.Len() != shape[depth] {
			var at strings.Builder
			for _, i := range index {
				fmt.Fprintf(&at, "[%d]", i)
			}
			panic(&ShapeError{Op: "from nested", Detail: fmt.Sprintf("%s has length %d, those before it %d", &at, in.Len(), shape[depth])})
		}
		for i := range in.Len() {
			index = append(index, i)
			add(in.Index(i))
			index = index[:depth]
		}
	}
	add(in)
	return wrap(data, shape)
}

// Scalar returns a tensor without dimensions that holds v. It takes part in any
// operation without changing the other operand's type within its category.
func Scalar[T Element](v T) *Tensor { return wrap([]T{v}, nil) }

// Zeros returns a tensor of zeros (false for Bool).
func Zeros(dtype DType, shape ...int) *Tensor { return zeros("zeros", dtype, shape) }

func zeros(op string, dtype DType, shape []int) *Tensor {
	checkShape(op, shape)
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
	panic(&DTypeError{Op: op, Shapes: [][]int{slices.Clone(shape)}, Got: dtype, Want: "a known type"})
}

// Ones returns a tensor of ones (true for Bool).
func Ones(dtype DType, shape ...int) *Tensor {
	return zeros("ones", dtype, shape).FillInPlace(1)
}

// Full returns a tensor with every element v, converted to dtype.
func Full(dtype DType, v float64, shape ...int) *Tensor {
	return zeros("full", dtype, shape).FillInPlace(v)
}

// Eye returns the n×m matrix with ones on its diagonal and zeros elsewhere.
func Eye(dtype DType, n, m int) *Tensor {
	t := zeros("eye", dtype, []int{n, m})
	d := min(n, m)
	(&Tensor{dtype: dtype, shape: []int{d}, strides: []int{m + 1}, store: t.store}).FillInPlace(1)
	return t
}

// Arange returns the one-dimensional tensor of start, start+step, start+2·step, ... as
// far as these lie before end. step may be negative, and the elements then lie above
// end. For a type of integers the fractions of all three are dropped first, as PyTorch
// does for int64. It panics with a *fault.OptionError if steps do not lead from start to end.
func Arange(dtype DType, start, end, step float64) *Tensor {
	if dtype == Bool {
		panic(&DTypeError{Op: "arange", Got: dtype, Want: "a type with arithmetic"})
	}
	if !dtype.IsFloat() {
		start, end, step = math.Trunc(start), math.Trunc(end), math.Trunc(step)
	}
	n := (end - start) / step
	if !(n >= 0 && n < math.MaxInt) { // nor is NaN
		fault.Option("arange", "steps of %v do not lead from %v to %v", step, start, end)
	}
	if dtype.IsFloat() {
		return sequence(dtype, int(math.Ceil(n)), func(i int) float64 { return start + float64(i)*step })
	}
	return sequence(dtype, int(math.Ceil(n)), func(i int) int64 { return int64(start) + int64(i)*int64(step) })
}

// Linspace returns the one-dimensional tensor of steps numbers, evenly spaced from start
// to end, both included; one alone is start. For a type of integers the fractions of
// start and end are dropped first, and then those of the elements, as PyTorch does.
func Linspace(dtype DType, start, end float64, steps int) *Tensor {
	if dtype == Bool {
		panic(&DTypeError{Op: "linspace", Got: dtype, Want: "a type with arithmetic"})
	}
	checkShape("linspace", []int{steps})
	if !dtype.IsFloat() {
		start, end = math.Trunc(start), math.Trunc(end)
	}
	step := (end - start) / float64(max(steps-1, 1))
	return sequence(dtype, steps, func(i int) float64 {
		if i < max(steps/2, 1) {
			return start + float64(i)*step
		}
		return end - float64(steps-1-i)*step // so that the last is end itself
	})
}

// sequence returns a one-dimensional tensor of n elements, f of each index.
func sequence[T Number](dtype DType, n int, f func(i int) T) *Tensor {
	data := make([]T, n)
	for i := range data {
		data[i] = f(i)
	}
	return wrap(data, []int{n}).To(dtype)
}

// Normal returns a tensor of independent draws from the normal distribution with the
// given mean and standard deviation, taken from r in row-major order: torch.randn for 0
// and 1.
func Normal(dtype DType, r *rand.Rand, mean, std float64, shape ...int) *Tensor {
	return zeros("normal", dtype, shape).normal("normal", r, mean, std)
}

// Uniform returns a tensor of independent draws from the uniform distribution over
// [low, high), taken from r in row-major order: torch.rand for 0 and 1. All are low if both are
// equal. It panics with a *fault.OptionError if low is above high.
func Uniform(dtype DType, r *rand.Rand, low, high float64, shape ...int) *Tensor {
	return zeros("uniform", dtype, shape).uniform("uniform", r, low, high)
}

// Rand returns a tensor of independent draws from the uniform distribution over [0, 1),
// taken from r in row-major order.
func Rand(dtype DType, r *rand.Rand, shape ...int) *Tensor {
	return zeros("rand", dtype, shape).uniform("rand", r, 0, 1)
}

// RandInt returns an Int64 tensor of independent draws from the integers in [low, high),
// each as likely as any other, taken from r in row-major order. It panics with a
// *fault.OptionError if there are none.
func RandInt(r *rand.Rand, low, high int64, shape ...int) *Tensor {
	t := zeros("rand int", Int64, shape)
	if low >= high {
		fault.Option("rand int", "no integer is in [%d, %d)", low, high)
	}
	s := elements[int64](t)
	for i := range s { // a difference beyond int64 wraps around, and back
		s[i] = low + int64(r.Uint64N(uint64(high)-uint64(low)))
	}
	return t
}

// RandPerm returns the integers 0 to n-1 as a one-dimensional Int64 tensor, in an order
// drawn from r, each as likely as any other.
func RandPerm(r *rand.Rand, n int) *Tensor {
	t := zeros("rand perm", Int64, []int{n})
	for i, v := range r.Perm(n) {
		elements[int64](t)[i] = int64(v)
	}
	return t
}

// wrap makes a contiguous tensor over data, which it keeps.
func wrap[T Element](data []T, shape []int) *Tensor {
	return over(dtypeOf[T](), shape, &storage{data: data})
}

// over makes a contiguous tensor over the beginning of a storage.
func over(dtype DType, shape []int, s *storage) *Tensor {
	t := layout(len(shape))
	t.dtype, t.store = dtype, s
	copy(t.shape, shape)
	setRowMajor(t.strides, shape)
	return t
}

// layout returns a tensor with room for the sizes and strides of n dimensions, allocated
// at once for up to four.
func layout(n int) *Tensor {
	if n > 4 {
		return &Tensor{shape: make([]int, n), strides: make([]int, n)}
	}
	t := &struct {
		Tensor
		shape, strides [4]int
	}{}
	t.Tensor.shape, t.Tensor.strides = t.shape[:n:n], t.strides[:n:n]
	return &t.Tensor
}

// checkShape panics unless a tensor can have shape.
func checkShape(op string, shape []int) {
	fail := func(detail string) {
		panic(&ShapeError{Op: op, Shapes: [][]int{slices.Clone(shape)}, Detail: detail})
	}
	total := 1
	for d, n := range shape {
		if n < 0 {
			fail(fmt.Sprintf("dimension %d is negative", d))
		}
		if n > 0 && total > math.MaxInt/n && !slices.Contains(shape, 0) {
			fail("more elements than can be counted")
		}
		total *= n
	}
}
