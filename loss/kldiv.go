package loss

import (
	"fmt"

	"github.com/onehot-go/onehot/fault"
	"github.com/onehot-go/onehot/internal/shapes"
	"github.com/onehot-go/onehot/tensor"
)

// KLDiv is the Kullback-Leibler divergence of a model's distribution from the true one,
// q·(log q - log p): the nats that it costs to believe p where q is so. It is
// torch.nn.KLDivLoss.
type KLDiv struct {
	// Reduction BatchMean is the divergence itself, a sample's on average; Mean divides by
	// the number of all elements, as PyTorch does.
	Reduction Reduction
	LogTarget bool // targets are log-probabilities
}

// Forward returns the loss of log-probabilities log p for targets q, probabilities or
// with LogTarget their logarithms, of one shape, (N, ...). With the reduction None it has
// that shape too, one term of the sum an element. A term with q = 0 is 0; its slope in q
// is infinite, and q's gradient there is NaN, as PyTorch's.
func (l KLDiv) Forward(logProbabilities, targets *tensor.Tensor) *tensor.Tensor {
	const op = "loss.KLDiv"
	wantSame(op, "log-probabilities", logProbabilities, targets)
	var losses *tensor.Tensor
	if l.LogTarget {
		losses = targets.Exp().Mul(targets.Sub(logProbabilities))
	} else {
		isZero, zero := targets.Detach().Eq(tensor.Scalar(0.0)), tensor.Zeros(targets.DType())
		// The gradient of what Where does not take is 0, times the infinite log 0.
		entropy := tensor.Where(isZero, zero, targets.Mul(targets.Log()))
		losses = entropy.Sub(targets.Mul(logProbabilities))
	}
	switch l.Reduction {
	case Mean, Sum, None:
		return l.Reduction.reduce(op, losses, nil)
	case BatchMean:
		if losses.Dim() == 0 {
			shapes.Fail(op, "a batch expected, for its mean", losses)
		}
		return losses.Sum().DivScalar(float64(losses.Size(0)))
	}
	panic(&fault.OptionError{Op: op, Detail: fmt.Sprintf("reduction %v: mean, batchmean, sum or none expected", l.Reduction)})
}

// PerSample returns the divergence of a sample on average, BatchMean's, and the number of
// samples.
func (l KLDiv) PerSample(value, logProbabilities, _ *tensor.Tensor) (mean, weight float64) {
	weight = float64(logProbabilities.Size(0))
	switch l.Reduction {
	case BatchMean:
		return value.Item(), weight
	case Mean:
		return value.Item() * float64(logProbabilities.Numel()) / weight, weight
	}
	return l.Reduction.mean(value, weight), weight
}
