// Package loss has what training makes small. Losses take logits, the scores before any
// softmax: log-softmax with the maximum taken out is the only road from logits to a
// loss, so none overflows.
package loss

import (
	"fmt"

	"github.com/onehot-go/onehot/tensor"
)

// Reduction is how the losses of a batch's samples become one.
type Reduction int

// The reductions; the zero value is Mean.
const (
	Mean Reduction = iota // the mean over the samples, a scalar
	Sum                   // the sum over the samples, a scalar
	None                  // one loss a sample, (N)
)

// reduce applies r to losses of shape (N).
func (r Reduction) reduce(losses *tensor.Tensor) *tensor.Tensor {
	switch r {
	case Mean:
		return losses.Mean()
	case Sum:
		return losses.Sum()
	case None:
		return losses
	}
	panic(fmt.Errorf("loss: unknown reduction %d", r))
}

// CrossEntropy is -log p(true class), with p the softmax of the logits: the number of
// nats by which the truth surprises the model. It is torch.nn.CrossEntropyLoss.
type CrossEntropy struct {
	Reduction Reduction
}

// Forward returns the loss of logits, (N, C), for labels, (N) of Int64 in [0, C).
func (c CrossEntropy) Forward(logits, labels *tensor.Tensor) *tensor.Tensor {
	if logits.Dim() != 2 || labels.Dim() != 1 || logits.Size(0) != labels.Size(0) {
		tensor.Fail("loss.CrossEntropy", "logits (N, C) and labels (N) expected", logits, labels)
	}
	picked := logits.LogSoftmax(1).Gather(1, labels.Unsqueeze(1)).Squeeze(1)
	return c.Reduction.reduce(picked.Neg())
}
