package loss

import (
	"slices"

	"github.com/onehot-go/onehot/fault"
	"github.com/onehot-go/onehot/internal/shapes"
	"github.com/onehot-go/onehot/tensor"
)

// CrossEntropy is -log p(true class), with p the softmax of the logits: the number of
// nats by which the truth surprises the model. It is torch.nn.CrossEntropyLoss; the zero
// value is the plain mean over the samples.
type CrossEntropy struct {
	Reduction Reduction
	// Weight, (C), multiplies the loss of each class; nil is 1 for all. The mean is then
	// divided by the weights of the labels, as PyTorch does, but for probabilities by the
	// number of samples.
	Weight *tensor.Tensor
	// IgnoreIndex is a label whose samples count for nothing, in the loss, the gradient
	// and what the mean divides by; nil is none. PyTorch's default is -100. Probabilities
	// have no label to ignore: with them it must be negative, or nil.
	IgnoreIndex *int64
	// LabelSmoothing, from 0 to 1, is the share of the truth that is spread evenly over
	// all classes (Szegedy et al., 2015).
	LabelSmoothing float64
}

// Forward returns the loss of logits, (N, C), for target: labels, (N) of Int64 in [0, C),
// or each sample's probabilities of the classes, (N, C) of floats. Logits may have further
// dimensions, (N, C, ...) for labels (N, ...), or be those of one sample, (C) for a label
// (). With the reduction None it has the shape of the labels.
func (c CrossEntropy) Forward(logits, target *tensor.Tensor) *tensor.Tensor {
	const op = "loss.CrossEntropy"
	if e := c.LabelSmoothing; !(e >= 0 && e <= 1) {
		fault.Option(op, "label smoothing %v: 0 to 1 expected", e)
	}
	classes := newClasses(op, "logits", logits, c.Weight)
	if target.Dim() == logits.Dim() && slices.Equal(target.Shape(), logits.Shape()) {
		wantFloats(op, probabilities, target)
	}
	if c.LabelSmoothing == 0 && logits.Dim() == 2 && target.DType() == tensor.Int64 {
		labels := classes.labels(target, c.IgnoreIndex)
		return c.Reduction.reduce(op, labels.weigh(logits.CrossEntropy(labels.index)), labels.weights)
	}
	logp := logits.LogSoftmax(classes.dim)
	if target.DType().IsFloat() {
		if !slices.Equal(target.Shape(), logits.Shape()) {
			shapes.Fail(op, "probabilities of the logits' shape expected", logits, target)
		}
		if c.IgnoreIndex != nil && *c.IgnoreIndex >= 0 {
			fault.Option(op, "ignored label %d, but the target is probabilities: labels expected", *c.IgnoreIndex)
		}
		if e := c.LabelSmoothing; e > 0 {
			target = target.MulScalar(1 - e).AddScalar(e / float64(classes.n))
		}
		return c.Reduction.reduce(op, classes.sum(logp.Mul(target)), nil)
	}
	labels := classes.labels(target, c.IgnoreIndex)
	losses := labels.pick(logp)
	if e := c.LabelSmoothing; e > 0 {
		smooth := labels.drop(classes.sum(logp))
		losses = losses.MulScalar(1 - e).Add(smooth.MulScalar(e / float64(classes.n)))
	}
	return c.Reduction.reduce(op, losses, labels.weights)
}

// What targets of the outputs' shape are called where they are no floats.
const (
	probabilities = "probabilities (convert to float32) or labels of one dimension less"
	numbers       = "targets (convert to float32)"
)

// PerSample returns the mean that the reduction Mean gives, and what it divides by: the number
// of labels that are not ignored or, with class weights, the sum of theirs.
func (c CrossEntropy) PerSample(value, logits, target *tensor.Tensor) (mean, weight float64) {
	weight = divisor(logits, target, c.Weight, c.IgnoreIndex)
	return c.Reduction.mean(value, weight), weight
}

// NLL is the negative log-likelihood, -x[true class], of log-probabilities x: after
// LogSoftmax it is CrossEntropy. It is torch.nn.NLLLoss.
type NLL struct {
	Reduction   Reduction
	Weight      *tensor.Tensor // (C): as CrossEntropy's
	IgnoreIndex *int64         // as CrossEntropy's
}

// Forward returns the loss of log-probabilities, (N, C), for labels, (N) of Int64 in [0,
// C); both may have the further shapes that CrossEntropy takes.
func (l NLL) Forward(logProbabilities, labels *tensor.Tensor) *tensor.Tensor {
	const op = "loss.NLL"
	picked := newClasses(op, "log-probabilities", logProbabilities, l.Weight).labels(labels, l.IgnoreIndex)
	return l.Reduction.reduce(op, picked.pick(logProbabilities), picked.weights)
}

// PerSample returns the mean that the reduction Mean gives, and what it divides by, as
// CrossEntropy's.
func (l NLL) PerSample(value, logProbabilities, labels *tensor.Tensor) (mean, weight float64) {
	weight = divisor(logProbabilities, labels, l.Weight, l.IgnoreIndex)
	return l.Reduction.mean(value, weight), weight
}

// divisor returns what the mean over the losses of x, (N, C, ...), divides by for a target
// that fits it.
func divisor(x, target, weight *tensor.Tensor, ignore *int64) float64 {
	if target.DType().IsFloat() { // probabilities, a distribution a sample
		return float64(target.Numel()) / float64(x.Size(min(1, x.Dim()-1)))
	}
	if weight == nil && ignore == nil {
		return float64(target.Numel())
	}
	var weights []float64
	if weight != nil {
		weights = tensor.Values[float64](weight)
	}
	sum := 0.0
	for _, label := range tensor.Values[int64](target) {
		switch {
		case ignore != nil && label == *ignore:
		case weights != nil:
			sum += weights[label]
		default:
			sum++
		}
	}
	return sum
}

// classes is what a loss takes its classes from: a dimension of its input.
type classes struct {
	op, what string         // the loss, and what its input is called
	x        *tensor.Tensor // the input
	dim, n   int            // which dimension, and its size
	weight   *tensor.Tensor // (n), in the input's type, or nil
}

func newClasses(op, what string, x, weight *tensor.Tensor) *classes {
	wantFloats(op, what, x)
	if x.Dim() == 0 {
		shapes.Fail(op, what+" (N, C, ...) or (C) expected", x)
	}
	dim := min(1, x.Dim()-1)
	c := &classes{op: op, what: what, x: x, dim: dim, n: x.Size(dim)}
	if weight != nil {
		wantFloats(op, "weights", weight)
		if !slices.Equal(weight.Shape(), []int{c.n}) {
			shapes.Fail(op, "one weight a class expected", x, weight)
		}
		c.weight = weight.Detach().To(x.DType())
	}
	return c
}

// sum returns -x, weighted, summed over the classes.
func (c *classes) sum(x *tensor.Tensor) *tensor.Tensor {
	if c.weight != nil {
		shape := slices.Repeat([]int{1}, x.Dim())
		shape[c.dim] = c.n
		x = x.Mul(c.weight.Reshape(shape...))
	}
	return x.Sum(c.dim).Neg()
}

// labels are the true classes of a loss's samples.
type labels struct {
	*classes
	index   *tensor.Tensor // the labels, 0 where they are ignored
	kept    *tensor.Tensor // Bool: where they are not; nil where all are kept
	weights *tensor.Tensor // of the samples, 0 where ignored; nil where all are 1
}

// labels returns t, checked to be labels of c's classes.
func (c *classes) labels(t *tensor.Tensor, ignore *int64) *labels {
	if t.DType() != tensor.Int64 {
		panic(&tensor.DTypeError{Op: c.op, Shapes: [][]int{c.x.Shape(), t.Shape()}, Got: t.DType(), Want: "int64 labels"})
	}
	fits := t.Dim() == c.x.Dim()-1
	for d := 0; fits && d < t.Dim(); d++ {
		of := d
		if d >= c.dim {
			of++
		}
		fits = t.Size(d) == c.x.Size(of)
	}
	if !fits {
		shapes.Fail(c.op, c.what+" (N, C, ...) and labels (N, ...), or (C) and (), expected", c.x, t)
	}
	l := &labels{classes: c, index: t}
	var kept []bool // where a label is not ignored; nil where none is
	for i, label := range tensor.Data[int64](t.Contiguous()) {
		switch {
		case ignore != nil && label == *ignore:
			if kept == nil {
				kept = slices.Repeat([]bool{true}, t.Numel())
				l.index = t.Clone()
			}
			kept[i] = false
			tensor.Data[int64](l.index)[i] = 0
		case label < 0 || label >= int64(c.n):
			advice := ""
			if label < 0 {
				advice = "IgnoreIndex names a label whose samples do not count"
			}
			fault.Label(c.op, label, i, t.Shape(), c.n, advice)
		}
	}
	if c.weight != nil {
		l.weights = c.weight.Gather(0, l.index.Reshape(-1)).Reshape(t.Shape()...)
	}
	if kept != nil {
		l.kept = tensor.New(kept, t.Shape()...)
		if l.weights == nil {
			l.weights = l.kept.To(c.x.DType())
		} else {
			l.weights = l.drop(l.weights)
		}
	}
	return l
}

// pick returns -x, weighted, of each sample's true class, and 0 where it is ignored.
func (l *labels) pick(x *tensor.Tensor) *tensor.Tensor {
	return l.weigh(x.Gather(l.dim, l.index.Unsqueeze(l.dim)).Squeeze(l.dim).Neg())
}

// weigh returns losses, one a sample, weighted, and 0 where the label is ignored.
func (l *labels) weigh(losses *tensor.Tensor) *tensor.Tensor {
	losses = l.drop(losses)
	if l.weights != nil {
		losses = losses.Mul(l.weights)
	}
	return losses
}

// drop returns x, one number a sample, with 0 where the label is ignored.
func (l *labels) drop(x *tensor.Tensor) *tensor.Tensor {
	if l.kept == nil {
		return x
	}
	return tensor.Where(l.kept, x, tensor.Zeros(x.DType()))
}
