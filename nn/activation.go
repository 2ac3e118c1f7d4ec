package nn

import (
	"iter"
	"math"

	"github.com/onehot-go/onehot/tensor"
)

// ReLU is max(x, 0), element by element.
type ReLU struct{}

// Forward returns max(x, 0).
func (ReLU) Forward(x *tensor.Tensor) *tensor.Tensor { return x.ReLU() }

// Parameters yields nothing.
func (ReLU) Parameters() iter.Seq2[string, *tensor.Tensor] { return none }

// LeakyReLU is x where it is positive and Slope·x elsewhere.
type LeakyReLU struct {
	Slope float64 `json:"slope,omitempty"` // 0 is PyTorch's default, 0.01: without a slope it is ReLU
}

func (l LeakyReLU) slope() float64 {
	if l.Slope == 0 {
		return 0.01
	}
	return l.Slope
}

// Forward returns x where it is positive and Slope·x elsewhere.
func (l LeakyReLU) Forward(x *tensor.Tensor) *tensor.Tensor { return x.LeakyReLU(l.slope()) }

// Parameters yields nothing.
func (LeakyReLU) Parameters() iter.Seq2[string, *tensor.Tensor] { return none }

// GELU is x·Φ(x), with Φ the distribution function of the standard normal distribution
// (Hendrycks and Gimpel, 2016).
type GELU struct{}

// Forward returns x·Φ(x).
func (GELU) Forward(x *tensor.Tensor) *tensor.Tensor { return x.GELU() }

// Parameters yields nothing.
func (GELU) Parameters() iter.Seq2[string, *tensor.Tensor] { return none }

// Sigmoid is 1/(1 + exp(-x)), element by element. A net that is trained by
// loss.BCEWithLogits ends before it.
type Sigmoid struct{}

// Forward returns 1/(1 + exp(-x)).
func (Sigmoid) Forward(x *tensor.Tensor) *tensor.Tensor { return x.Sigmoid() }

// Parameters yields nothing.
func (Sigmoid) Parameters() iter.Seq2[string, *tensor.Tensor] { return none }

// Tanh is the hyperbolic tangent, element by element.
type Tanh struct{}

// Forward returns tanh(x).
func (Tanh) Forward(x *tensor.Tensor) *tensor.Tensor { return x.Tanh() }

// Parameters yields nothing.
func (Tanh) Parameters() iter.Seq2[string, *tensor.Tensor] { return none }

// SiLU is x·Sigmoid(x), also called swish.
type SiLU struct{}

// Forward returns x·Sigmoid(x).
func (SiLU) Forward(x *tensor.Tensor) *tensor.Tensor { return x.Mul(x.Sigmoid()) }

// Parameters yields nothing.
func (SiLU) Parameters() iter.Seq2[string, *tensor.Tensor] { return none }

// ReLU6 is ReLU of at most 6: min(max(x, 0), 6).
type ReLU6 struct{}

// Forward returns min(max(x, 0), 6). The derivative is 1 at 6, where PyTorch has 0, and 0 at 0.
func (ReLU6) Forward(x *tensor.Tensor) *tensor.Tensor { return x.ReLU().Clamp(math.Inf(-1), 6) }

// Parameters yields nothing.
func (ReLU6) Parameters() iter.Seq2[string, *tensor.Tensor] { return none }

// Hardsigmoid is Sigmoid made of straight lines: x/6 + 1/2, at least 0 and at most 1.
type Hardsigmoid struct{}

// Forward returns x/6 + 1/2, at least 0 and at most 1. The derivative is 1/6 at -3 and 3, where
// PyTorch has 0.
func (Hardsigmoid) Forward(x *tensor.Tensor) *tensor.Tensor { return hardsigmoid(x) }

func hardsigmoid(x *tensor.Tensor) *tensor.Tensor {
	return x.AddScalar(3).Clamp(0, 6).MulScalar(1.0 / 6)
}

// Parameters yields nothing.
func (Hardsigmoid) Parameters() iter.Seq2[string, *tensor.Tensor] { return none }

// Hardswish is x·Hardsigmoid(x), SiLU made of straight lines and a parabola (Howard et al.,
// 2019).
type Hardswish struct{}

// Forward returns x·Hardsigmoid(x).
func (Hardswish) Forward(x *tensor.Tensor) *tensor.Tensor { return x.Mul(hardsigmoid(x)) }

// Parameters yields nothing.
func (Hardswish) Parameters() iter.Seq2[string, *tensor.Tensor] { return none }

// Softmax makes positive numbers that sum to 1 along a dimension: that of the classes, 1,
// in the zero value. A net that is trained by loss.CrossEntropy ends before it.
type Softmax struct {
	dim int // less that of the zero value
}

// SoftmaxDim returns a Softmax along dim, which may count from the end.
func SoftmaxDim(dim int) Softmax { return Softmax{dim - 1} }

// Forward returns the softmax of x.
func (s Softmax) Forward(x *tensor.Tensor) *tensor.Tensor { return x.Softmax(s.dim + 1) }

// Parameters yields nothing.
func (Softmax) Parameters() iter.Seq2[string, *tensor.Tensor] { return none }

// LogSoftmax is the logarithm of Softmax, exact if those are 0 to rounding. The zero
// value is along dimension 1, that of the classes; a net that is trained by loss.NLL ends
// with it.
type LogSoftmax struct {
	dim int // less that of the zero value
}

// LogSoftmaxDim returns a LogSoftmax along dim, which may count from the end.
func LogSoftmaxDim(dim int) LogSoftmax { return LogSoftmax{dim - 1} }

// Forward returns the logarithm of the softmax of x.
func (s LogSoftmax) Forward(x *tensor.Tensor) *tensor.Tensor { return x.LogSoftmax(s.dim + 1) }

// Parameters yields nothing.
func (LogSoftmax) Parameters() iter.Seq2[string, *tensor.Tensor] { return none }
