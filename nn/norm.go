package nn

import (
	"fmt"
	"iter"
	"slices"

	"github.com/onehot-go/onehot/internal/shapes"
	"github.com/onehot-go/onehot/tensor"
)

// LayerNorm brings every sample to mean 0 and variance 1 over its last dimensions, those of
// Weight's shape, multiplies it by a weight and adds a bias (Ba et al., 2016). It computes the
// same in training and in evaluation.
type LayerNorm struct {
	Weight, Bias *tensor.Tensor // of the shape that is normalized over
	Eps          float64        // added to the variance
}

// NewLayerNorm returns a LayerNorm over last dimensions of the given shape: weights of 1, biases
// of 0 and an eps of 1e-5.
func NewLayerNorm(shape ...int) *LayerNorm {
	if len(shape) == 0 || slices.Min(shape) < 1 {
		panic(&tensor.ShapeError{Op: "nn.NewLayerNorm", Detail: fmt.Sprintf("over %v: at least one dimension, of 1 or more each, expected", shape)})
	}
	return &LayerNorm{
		Weight: tensor.Ones(tensor.Float32, shape...).SetRequiresGrad(true),
		Bias:   tensor.Zeros(tensor.Float32, shape...).SetRequiresGrad(true),
		Eps:    standardEps,
	}
}

// Forward returns x, (..., shape), normalized.
func (l *LayerNorm) Forward(x *tensor.Tensor) *tensor.Tensor {
	shape := l.Weight.Shape()
	before := x.Dim() - len(shape)
	if before < 0 || !slices.Equal(x.Shape()[before:], shape) {
		shapes.Fail("nn.LayerNorm", "input (..., shape) and weight (shape) expected", x, l.Weight)
	}
	var dims []int
	for d := range shape {
		dims = append(dims, before+d)
	}
	return standardized(x, l.Eps, dims...).Mul(l.Weight).Add(l.Bias)
}

// standardized returns x less its mean over some dimensions, divided by its deviation there.
func standardized(x *tensor.Tensor, eps float64, dims ...int) *tensor.Tensor {
	centred := x.Sub(x.MeanKeepDim(dims...))
	return centred.Div(centred.Mul(centred).MeanKeepDim(dims...).AddScalar(eps).Sqrt())
}

// Parameters yields "weight" and "bias".
func (l *LayerNorm) Parameters() iter.Seq2[string, *tensor.Tensor] {
	return func(yield func(string, *tensor.Tensor) bool) {
		_ = yield("weight", l.Weight) && yield("bias", l.Bias)
	}
}

// GroupNorm divides the channels of every sample, (N, C, ...), into groups, brings each to mean
// 0 and variance 1, multiplies every channel by a weight and adds a bias (Wu and He, 2018). It
// computes the same in training and in evaluation, and for batches of any size.
type GroupNorm struct {
	Groups       int
	Weight, Bias *tensor.Tensor // (C)
	Eps          float64        // added to the variance
}

// NewGroupNorm returns a GroupNorm for so many groups of so many channels in all: weights of 1,
// biases of 0 and an eps of 1e-5.
func NewGroupNorm(groups, channels int) *GroupNorm {
	if groups < 1 || channels < 1 || channels%groups != 0 {
		panic(&tensor.ShapeError{Op: "nn.NewGroupNorm", Detail: fmt.Sprintf("%d groups of %d channels: a divisor of at least 1 expected", groups, channels)})
	}
	return &GroupNorm{
		Groups: groups,
		Weight: tensor.Ones(tensor.Float32, channels).SetRequiresGrad(true),
		Bias:   tensor.Zeros(tensor.Float32, channels).SetRequiresGrad(true),
		Eps:    standardEps,
	}
}

// Forward returns x, (N, C, ...), normalized.
func (l *GroupNorm) Forward(x *tensor.Tensor) *tensor.Tensor {
	if x.Dim() < 2 || x.Size(1) != l.Weight.Size(0) {
		shapes.Fail("nn.GroupNorm", "a batch (N, C, ...) and weight (C) expected", x, l.Weight)
	}
	samples, channels := x.Size(0), x.Size(1)
	size := 1 // of a channel
	for _, n := range x.Shape()[2:] {
		size *= n
	}
	groups := x.Reshape(samples, l.Groups, channels/l.Groups*size)
	shape := append([]int{channels}, slices.Repeat([]int{1}, x.Dim()-2)...)
	return standardized(groups, l.Eps, 2).Reshape(x.Shape()...).Mul(l.Weight.Reshape(shape...)).Add(l.Bias.Reshape(shape...))
}

// Parameters yields "weight" and "bias".
func (l *GroupNorm) Parameters() iter.Seq2[string, *tensor.Tensor] {
	return func(yield func(string, *tensor.Tensor) bool) {
		_ = yield("weight", l.Weight) && yield("bias", l.Bias)
	}
}
