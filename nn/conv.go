package nn

import (
	"fmt"
	"iter"
	"math"
	"math/rand/v2"

	"github.com/onehot-go/onehot/tensor"
)

// Conv2d slides a window of weights over pictures, (N, in, H, W) to (N, out, H', W'), as
// tensor.Conv2d has it.
type Conv2d struct {
	Weight  *tensor.Tensor // (out, in/groups, rows, columns)
	Bias    *tensor.Tensor // (out), or nil for none
	Options tensor.Conv2dOptions
}

// NewConv2d returns a Conv2d of float32 parameters for windows of kernel rows and columns,
// drawn from r as PyTorch draws them: weights and biases uniform within ±1/√n for n
// weights of an output.
func NewConv2d(in, out int, kernel [2]int, o tensor.Conv2dOptions, r *rand.Rand) *Conv2d {
	return newConv2d("nn.NewConv2d", in, out, kernel, o, r, true)
}

// NewConv2dNoBias is NewConv2d without a bias, for which there is no use before a
// BatchNorm2d.
func NewConv2dNoBias(in, out int, kernel [2]int, o tensor.Conv2dOptions, r *rand.Rand) *Conv2d {
	return newConv2d("nn.NewConv2dNoBias", in, out, kernel, o, r, false)
}

func newConv2d(op string, in, out int, kernel [2]int, o tensor.Conv2dOptions, r *rand.Rand, bias bool) *Conv2d {
	groups := max(o.Groups, 1)
	if in < 1 || out < 1 || kernel[0] < 1 || kernel[1] < 1 || in%groups != 0 || out%groups != 0 {
		panic(&tensor.ShapeError{Op: op, Detail: fmt.Sprintf(
			"%d inputs and %d outputs in %d groups with kernel %v: at least 1 of each, and multiples of the groups, expected", in, out, groups, kernel)})
	}
	bound := 1 / math.Sqrt(float64(in/groups*kernel[0]*kernel[1]))
	l := &Conv2d{Weight: parameter(r, bound, out, in/groups, kernel[0], kernel[1]), Options: o}
	if bias {
		l.Bias = parameter(r, bound, out)
	}
	return l
}

// Forward returns the convolution of x, (N, in, H, W).
func (l *Conv2d) Forward(x *tensor.Tensor) *tensor.Tensor {
	return x.Conv2d(l.Weight, l.Bias, l.Options)
}

// Parameters yields "weight" and, if there is one, "bias".
func (l *Conv2d) Parameters() iter.Seq2[string, *tensor.Tensor] {
	return func(yield func(string, *tensor.Tensor) bool) {
		_ = yield("weight", l.Weight) && l.Bias != nil && yield("bias", l.Bias)
	}
}
