package nn

import (
	"fmt"
	"iter"

	"github.com/onehot-go/onehot/internal/shapes"
	"github.com/onehot-go/onehot/tensor"
)

// BatchNorm is what BatchNorm1d and BatchNorm2d share: they bring every channel of a batch
// to mean 0 and variance 1, multiply it by a weight and add a bias (Ioffe and Szegedy,
// 2015). In training the mean and the variance are those of the batch; the running ones
// follow them. The running ones are used in evaluation: after SetTraining(false), and for an
// input that is marked by Evaluation.
//
// Both parameters may be set to nil: they are 1 and 0 then, and stay so (affine=False in
// PyTorch). All three running statistics may be set to nil: the batch's are used in evaluation
// too (track_running_stats=False).
type BatchNorm struct {
	Weight, Bias *tensor.Tensor // (C)

	RunningMean, RunningVar *tensor.Tensor // (C)
	NumBatchesTracked       *tensor.Tensor // how many batches they follow, an Int64 without dimensions

	Momentum *float64 // share of a batch in the running statistics; nil for their plain mean over all batches
	Eps      float64  // added to the variance

	evaluation bool
}

// What PyTorch takes if nothing is said.
const (
	standardMomentum = 0.1
	standardEps      = 1e-5
)

// newBatchNorm returns the layer for so many channels as PyTorch makes it.
func newBatchNorm(op string, channels int) BatchNorm {
	if channels < 1 {
		panic(&tensor.ShapeError{Op: op, Detail: fmt.Sprintf("%d channels: at least 1 expected", channels)})
	}
	return BatchNorm{
		Weight:            tensor.Ones(tensor.Float32, channels).SetRequiresGrad(true),
		Bias:              tensor.Zeros(tensor.Float32, channels).SetRequiresGrad(true),
		RunningMean:       tensor.Zeros(tensor.Float32, channels),
		RunningVar:        tensor.Ones(tensor.Float32, channels),
		NumBatchesTracked: tensor.Scalar(int64(0)),
		Momentum:          new(standardMomentum),
		Eps:               standardEps,
	}
}

// norm is a tensor's BatchNorm, or one that does more in the same pass.
type norm func(runningMean, runningVar, weight, bias *tensor.Tensor, o tensor.BatchNormOptions) *tensor.Tensor

// forward returns what norm gives, a method of x.
func (b *BatchNorm) forward(x *tensor.Tensor, norm norm) *tensor.Tensor {
	o := tensor.BatchNormOptions{Training: b.RunningMean == nil || !b.evaluation && !x.InEvaluation(), Eps: b.Eps}
	if !o.Training || b.RunningMean == nil {
		return norm(b.RunningMean, b.RunningVar, b.Weight, b.Bias, o)
	}
	tracked := b.NumBatchesTracked.Item() + 1
	if o.Momentum = 1 / tracked; b.Momentum != nil {
		o.Momentum = *b.Momentum
	}
	y := norm(b.RunningMean, b.RunningVar, b.Weight, b.Bias, o)
	b.NumBatchesTracked.FillInPlace(tracked)
	return y
}

// Training reports whether the batch's statistics are used.
func (b *BatchNorm) Training() bool { return !b.evaluation }

// SetTraining says whether the batch's statistics are used.
func (b *BatchNorm) SetTraining(on bool) { b.evaluation = !on }

// Parameters yields "weight" and "bias", if there are any.
func (b *BatchNorm) Parameters() iter.Seq2[string, *tensor.Tensor] {
	return func(yield func(string, *tensor.Tensor) bool) {
		_ = b.Weight != nil && yield("weight", b.Weight) && yield("bias", b.Bias)
	}
}

// Buffers yields "running_mean", "running_var" and "num_batches_tracked", if there are
// any.
func (b *BatchNorm) Buffers() iter.Seq2[string, *tensor.Tensor] {
	return func(yield func(string, *tensor.Tensor) bool) {
		_ = b.RunningMean != nil && yield("running_mean", b.RunningMean) && yield("running_var", b.RunningVar) &&
			yield("num_batches_tracked", b.NumBatchesTracked)
	}
}

// BatchNorm1d is a BatchNorm of rows, (N, C), or sequences, (N, C, L).
type BatchNorm1d struct{ BatchNorm }

// NewBatchNorm1d returns a BatchNorm1d for so many channels: weights of 1, biases of 0, a
// momentum of 0.1 and an eps of 1e-5.
func NewBatchNorm1d(channels int) *BatchNorm1d {
	return &BatchNorm1d{newBatchNorm("nn.NewBatchNorm1d", channels)}
}

// Forward returns x normalized.
func (b *BatchNorm1d) Forward(x *tensor.Tensor) *tensor.Tensor {
	if x.Dim() != 2 && x.Dim() != 3 {
		shapes.Fail("nn.BatchNorm1d", "rows (N, C) or sequences (N, C, L) expected", x)
	}
	return b.forward(x, x.BatchNorm)
}

// BatchNorm2d is a BatchNorm of pictures, (N, C, H, W).
type BatchNorm2d struct{ BatchNorm }

// NewBatchNorm2d returns a BatchNorm2d for so many channels: weights of 1, biases of 0, a
// momentum of 0.1 and an eps of 1e-5.
func NewBatchNorm2d(channels int) *BatchNorm2d {
	return &BatchNorm2d{newBatchNorm("nn.NewBatchNorm2d", channels)}
}

// Forward returns x normalized.
func (b *BatchNorm2d) Forward(x *tensor.Tensor) *tensor.Tensor { return b.pictures(x, x.BatchNorm) }

// pictures is Forward by norm, a method of x.
func (b *BatchNorm2d) pictures(x *tensor.Tensor, norm norm) *tensor.Tensor {
	if x.Dim() != 4 {
		shapes.Fail("nn.BatchNorm2d", "pictures (N, C, H, W) expected", x)
	}
	return b.forward(x, norm)
}
