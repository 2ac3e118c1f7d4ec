// Package loss has what training makes small. Names and meanings are PyTorch's. Losses of
// classifiers take logits, the scores before any softmax or sigmoid. None overflows, since the
// maximum is taken out on the way from logits to a loss.
package loss

import (
	"fmt"

	"github.com/onehot-go/onehot/fault"
	"github.com/onehot-go/onehot/tensor"
)

// Loss is what training makes small, as a function of what a net says and of what is true.
// The losses of this package are some; any type with this method is one.
type Loss interface {
	// Forward returns the loss of a batch's outputs for its targets. The first dimension of both
	// counts the samples. The loss is a scalar, or several numbers: then training makes their
	// mean small.
	Forward(outputs, targets *tensor.Tensor) *tensor.Tensor
}

// Averaged is a Loss that says what its mean over the samples is, whatever Forward makes of
// them.
type Averaged interface {
	Loss
	// PerSample returns the mean loss of a batch, and the number that the mean divides by, which
	// is its weight in the mean of several batches. value is what Forward returned.
	PerSample(value, outputs, targets *tensor.Tensor) (mean, weight float64)
}

// PerSample returns the mean loss of a batch, and its weight in the mean of several batches.
// value is what l.Forward returned. An Averaged loss says both. For any other loss they are the
// mean of value and the number of samples.
func PerSample(l Loss, value, outputs, targets *tensor.Tensor) (mean, weight float64) {
	if a, ok := l.(Averaged); ok {
		return a.PerSample(value, outputs, targets)
	}
	return value.NoGrad().Mean().Item(), float64(targets.Size(0))
}

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

// mean returns the mean of the losses of which r made value, where it divides by weight.
func (r Reduction) mean(value *tensor.Tensor, weight float64) float64 {
	if r == Mean {
		return value.Item()
	}
	return value.NoGrad().Sum().Item() / weight
}

// wantFloats panics unless the tensor that what names has floating-point elements.
func wantFloats(op, what string, t *tensor.Tensor) {
	if !t.DType().IsFloat() {
		panic(&tensor.DTypeError{Op: op, Shapes: [][]int{t.Shape()}, Got: t.DType(), Want: "float32 or float64 " + what})
	}
}
