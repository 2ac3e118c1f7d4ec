// Package loss has what training makes small, named as in PyTorch and with its meaning.
// Losses of classifiers take logits, the scores before any softmax or sigmoid: with the
// maximum taken out on the road from logits to a loss, none overflows.
package loss

import (
	"fmt"

	"github.com/onehot-go/onehot/fault"
	"github.com/onehot-go/onehot/tensor"
)

// Loss is what training makes small, as a function of what a net says and of what is true.
// The losses of this package are some; any type with this method is one.
type Loss interface {
	// Forward returns the loss of a batch's outputs for its targets, whose first dimension
	// counts the samples: a scalar, or several numbers, of which training makes the mean small.
	Forward(outputs, targets *tensor.Tensor) *tensor.Tensor
}

// Averaged is a Loss that says what its mean over the samples is, whatever Forward makes of
// them.
type Averaged interface {
	Loss
	// PerSample returns the mean loss of a batch of which Forward gave value, and what that
	// mean divides by: by this weight it counts in the mean of several batches.
	PerSample(value, outputs, targets *tensor.Tensor) (mean, weight float64)
}

// PerSample returns the mean loss of a batch of which l's Forward gave value, and its weight
// in the mean of several batches. That is what l says where it is Averaged. Of any other loss
// value is the mean, or has it, over the samples.
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
