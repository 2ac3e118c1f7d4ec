// Package loss has what training makes small, named as in PyTorch and with its meaning.
// Losses of classifiers take logits, the scores before any softmax or sigmoid: with the
// maximum taken out on the road from logits to a loss, none overflows.
package loss

import (
	"fmt"
	"strings"

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
	panic(&OptionError{op, fmt.Sprintf("reduction %v: mean, sum or none expected", r)})
}

// OptionError is what a loss panics with when its settings cannot work.
type OptionError struct {
	Op     string // the loss: "loss.CrossEntropy"
	Detail string // which setting, and what was expected
}

// Error names the loss and the setting.
func (e *OptionError) Error() string { return e.Op + ": " + e.Detail }

// LabelError is what a loss panics with for a label that names no class.
type LabelError struct {
	Op      string // the loss
	Label   int64
	Index   []int // of the label among the labels
	Classes int   // how many there are
}

// Error names the loss, the label, where it stands and the number of classes:
// "loss.CrossEntropy: label 10 at (3): 0 to 9 expected, there are 10 classes".
func (e *LabelError) Error() string {
	at := strings.ReplaceAll(strings.Trim(fmt.Sprint(e.Index), "[]"), " ", ", ")
	return fmt.Sprintf("%s: label %d at (%s): 0 to %d expected, there are %d classes", e.Op, e.Label, at, e.Classes-1, e.Classes)
}

// wantFloats panics unless the tensor that what names has floating-point elements.
func wantFloats(op, what string, t *tensor.Tensor) {
	if !t.DType().IsFloat() {
		panic(&tensor.DTypeError{Op: op, Shapes: [][]int{t.Shape()}, Got: t.DType(), Want: "float32 or float64 " + what})
	}
}
