// Package shapes has packages that build operations from tensors say that shapes do not fit, as
// package tensor's own operations do.
package shapes

import "github.com/onehot-go/onehot/tensor"

// Fail panics with a *tensor.ShapeError for op on operands; detail says what does not fit.
func Fail(op, detail string, operands ...*tensor.Tensor) {
	e := &tensor.ShapeError{Op: op, Detail: detail}
	for _, t := range operands {
		e.Shapes = append(e.Shapes, t.Shape())
	}
	panic(e)
}
