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
	if len(e.Shapes) == 0 {
		return e.Op + ": " + e.Detail
	}
	names := make([]string, len(e.Shapes))
	for i, s := range e.Shapes {
		names[i] = shapeString(s)
	}
	word := "shape "
	if len(names) > 1 {
		word = "shapes "
	}
	return e.Op + ": " + word + strings.Join(names, " and ") + ": " + e.Detail
}

// DTypeError is what an operation panics with when an operand has elements of a type
// that it cannot work on.
type DTypeError struct {
	Op   string // the operation
	Got  DType  // the operand's type
	Want string // what the operation takes
}

// Error names the operation, the type found and the types expected.
func (e *DTypeError) Error() string {
	return fmt.Sprintf("%s: %s elements: %s expected", e.Op, e.Got, e.Want)
}

// GradError is what the gradient machinery panics with when it is asked for what it
// cannot do: Backward on a value that depends on nothing, or a second time, or after a
// value that it needs was overwritten.
type GradError struct {
	Op     string // the operation, or "backward"
	Detail string // what is wrong
}

// Error names the operation and what is wrong.
func (e *GradError) Error() string { return e.Op + ": " + e.Detail }

// Fail panics with a *ShapeError for op on operands: for packages that build
// operations from tensors and find that shapes do not fit.
func Fail(op, detail string, operands ...*Tensor) {
	shapes := make([][]int, len(operands))
	for i, t := range operands {
		shapes[i] = t.Shape()
	}
	panic(&ShapeError{Op: op, Shapes: shapes, Detail: detail})
}

// shapeString writes a shape as PyTorch's users read it: (2, 3), and () for a scalar.
func shapeString(shape []int) string {
	parts := make([]string, len(shape))
	for i, n := range shape {
		parts[i] = fmt.Sprint(n)
	}
	return "(" + strings.Join(parts, ", ") + ")"
}
