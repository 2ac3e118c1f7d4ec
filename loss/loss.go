// Package loss has what training makes small, named as in PyTorch and with its meaning.
// Losses of classifiers take logits, the scores before any softmax or sigmoid: with the
// maximum taken out on the road from logits to a loss, none overflows.
package loss

import (
	"fmt"

	"github.com/onehot-go/onehot/fault"
	"github.com/onehot-go/onehot/tensor"
)

// Reduction is how the losses of a batch become one.
type Reduction int

// The reductions; the zero value is Mean.
const (
	Mean      Reduction = iota // the mean, a scalar
	Sum                        // the sum, a scalar
	None                       // every loss by itself
	BatchMean                  // the sum divided by the number of samples, a scalar: for KLDiv alone
)

// String returns PyTorch's name: "batchmean".
func (r Reduction) String() string {
	switch r {
	case Mean:
		return "mean"
	case Sum:
		return "sum"
	case None:
		return "none"
	case BatchMean:
		return "batchmean"
	}
	return fmt.Sprintf("Reduction(%d)", int(r))
}

// reduce applies r to losses. The mean divides by the sum of weights, or by the number of
// losses where weights is nil.
func (r Reduction) reduce(op string, losses, weights *tensor.Tensor) *tensor.Tensor {
	switch r {
	case Mean:
		if weights != nil {
			return losses.Sum().Div(weights.Sum())
		}
		return losses.Mean()
	case Sum:
		return losses.Sum()
	case None:
		return losses
	}
	panic(&fault.OptionError{Op: op, Detail: fmt.Sprintf("reduction %v: mean, sum or none expected", r)})
}

// wantFloats panics unless the tensor that what names has floating-point elements.
func wantFloats(op, what string, t *tensor.Tensor) {
	if !t.DType().IsFloat() {
		panic(&tensor.DTypeError{Op: op, Shapes: [][]int{t.Shape()}, Got: t.DType(), Want: "float32 or float64 " + what})
	}
}
