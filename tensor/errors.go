package tensor

import (
	"fmt"
	"strings"
)

// ShapeError is what an operation panics with when the shapes, dimensions or indices it
// was given cannot work. It is the caller's mistake, not a condition to handle.
type ShapeError struct {
	Op     string  // the operation: "matmul"
	Shapes [][]int // the shapes of its operands
	Detail string  // what does not fit
}

// Error names the operation, every shape and what does not fit:
// "matmul: shapes (2, 3) and (4, 5): inner sizes 3 and 4 differ".
func (e *ShapeError) Error() string {
	return e.Op + shapesString(": ", e.Shapes) + ": " + e.Detail
}

// DTypeError is what an operation panics with when an operand has elements of a type
// that it cannot work on.
type DTypeError struct {
	Op     string  // the operation
	Shapes [][]int // the shapes of its operands
	Got    DType   // the type of the one that does not fit
	Want   string  // what the operation takes
}

// Error names the operation, the type found, every shape and the types expected:
// "mean: int64 elements, shape (2, 3): float32 or float64 expected".
func (e *DTypeError) Error() string {
	return fmt.Sprintf("%s: %s elements%s: %s expected", e.Op, e.Got, shapesString(", ", e.Shapes), e.Want)
}

// GradError is what the gradient machinery panics with when it is asked for what it
// cannot do: Backward on a value that depends on nothing, or a second time, or after a
// value that it needs was overwritten.
type GradError struct {
	Op     string  // the operation, or "backward"
	Shapes [][]int // the shapes of its operands
	Detail string  // what is wrong
}

// Error names the operation, every shape and what is wrong:
// "backward: shape (): the value was computed from a NoGrad tensor".
func (e *GradError) Error() string {
	return e.Op + shapesString(": ", e.Shapes) + ": " + e.Detail
}

// failShape panics with a *ShapeError for op on operands.
func failShape(op, detail string, operands ...*Tensor) {
	panic(&ShapeError{Op: op, Shapes: shapesOf(operands), Detail: detail})
}

// failDType panics with a *DTypeError for op on operands, one of which has the type got.
func failDType(op string, got DType, want string, operands ...*Tensor) {
	panic(&DTypeError{Op: op, Shapes: shapesOf(operands), Got: got, Want: want})
}

// failGrad panics with a *GradError for op on operands.
func failGrad(op, detail string, operands ...*Tensor) {
	panic(&GradError{Op: op, Shapes: shapesOf(operands), Detail: detail})
}

func shapesOf(operands []*Tensor) [][]int {
	shapes := make([][]int, len(operands))
	for i, t := range operands {
		shapes[i] = t.Shape()
	}
	return shapes
}

// shapesString names shapes behind what sets them off, as errors do: ", shapes (2) and
// (3)". It is empty where there are none.
func shapesString(before string, shapes [][]int) string {
	if len(shapes) == 0 {
		return ""
	}
	names := make([]string, len(shapes))
	for i, s := range shapes {
		names[i] = shapeString(s)
	}
	word := "shape "
	if len(names) > 1 {
		word = "shapes "
	}
	return before + word + strings.Join(names, " and ")
}

// shapeString writes a shape as PyTorch's users read it: (2, 3), and () for a scalar.
func shapeString(shape []int) string {
	parts := make([]string, len(shape))
	for i, n := range shape {
		parts[i] = fmt.Sprint(n)
	}
	return "(" + strings.Join(parts, ", ") + ")"
}
