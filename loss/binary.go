package loss

import (
	"slices"

	"github.com/onehot-go/onehot/internal/shapes"
	"github.com/onehot-go/onehot/tensor"
)

// BCEWithLogits is binary cross-entropy: -y·log p - (1-y)·log(1-p), with p the sigmoid of
// the logit and y the probability that the answer is yes. With one logit a sample it is
// the loss of logistic regression, CrossEntropy for the two logits 0 and x; with C it asks
// C questions that are answered apart. It is torch.nn.BCEWithLogitsLoss.
type BCEWithLogits struct {
	Reduction Reduction      // Mean and Sum are over all elements
	Weight    *tensor.Tensor // broadcast to the logits, multiplies their losses; nil is 1
	PosWeight *tensor.Tensor // broadcast to the logits, multiplies the part of the yes; nil is 1
}

// Forward returns the loss of logits for targets in [0, 1], of one shape. With the
// reduction None it has that shape too.
func (l BCEWithLogits) Forward(logits, targets *tensor.Tensor) *tensor.Tensor {
	const op = "loss.BCEWithLogits"
	wantSame(op, "logits", logits, targets)
	yes := logits.LogSigmoid().Mul(targets)
	no := logits.Neg().LogSigmoid().Mul(targets.Neg().AddScalar(1))
	if l.PosWeight != nil {
		yes = yes.Mul(weightFor(op, logits, l.PosWeight))
	}
	losses := yes.Add(no).Neg()
	if l.Weight != nil {
		losses = losses.Mul(weightFor(op, logits, l.Weight))
	}
	return l.Reduction.reduce(op, losses, nil)
}

// PerSample returns the mean over all elements, and their number.
func (l BCEWithLogits) PerSample(value, logits, _ *tensor.Tensor) (mean, weight float64) {
	weight = float64(logits.Numel())
	return l.Reduction.mean(value, weight), weight
}

// wantSame panics unless x, which what names, and targets are floats of one shape.
func wantSame(op, what string, x, targets *tensor.Tensor) {
	wantFloats(op, what, x)
	wantFloats(op, numbers, targets)
	if !slices.Equal(x.Shape(), targets.Shape()) {
		shapes.Fail(op, what+" and targets of one shape expected", x, targets)
	}
}

// weightFor returns weight in x's type, checked to broadcast to x's shape.
func weightFor(op string, x, weight *tensor.Tensor) *tensor.Tensor {
	wantFloats(op, "weights", weight)
	lead := x.Dim() - weight.Dim()
	fits := lead >= 0
	for d := 0; fits && d < weight.Dim(); d++ {
		fits = weight.Size(d) == 1 || weight.Size(d) == x.Size(lead+d)
	}
	if !fits {
		shapes.Fail(op, "a weight that broadcasts to the logits expected", x, weight)
	}
	return weight.Detach().To(x.DType())
}
