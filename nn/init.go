package nn

import (
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/onehot-go/onehot/fault"
	"github.com/onehot-go/onehot/internal/shapes"
	"github.com/onehot-go/onehot/tensor"
)

// Fan is a side of a weight, by whose number of connections Kaiming initialisation scales.
type Fan int

// The two sides; torch.nn.init calls them fan_in and fan_out.
const (
	FanIn  Fan = iota // inputs of an output: variances stay the same forward
	FanOut            // outputs of an input: they stay the same backward
)

// fans returns how many inputs and outputs a weight of shape (out, in, ...) connects.
func fans(op string, w *tensor.Tensor) (in, out float64) {
	if w.Dim() < 2 {
		shapes.Fail(op, "a weight with at least two dimensions expected", w)
	}
	field := 1 // of a convolution
	for d := 2; d < w.Dim(); d++ {
		field *= w.Size(d)
	}
	return float64(w.Size(1) * field), float64(w.Size(0) * field)
}

// count returns the number of connections on side f of the weight w.
func (f Fan) count(op string, w *tensor.Tensor) float64 {
	in, out := fans(op, w)
	switch f {
	case FanIn:
		return in
	case FanOut:
		return out
	}
	panic(&fault.OptionError{Op: op, Detail: fmt.Sprintf("unknown fan %d", f)})
}

// Gain returns by what the deviation of a layer's weights is multiplied to make up for
// what the nonlinearity that follows it takes away, as torch.nn.init.calculate_gain has
// it: 1 for none (Identity, Linear) and for Sigmoid, 5/3 for Tanh, √2 for ReLU, and
// √(2/(1+slope²)) for LeakyReLU. It panics for a layer that none is known of.
func Gain(nonlinearity Module) float64 {
	switch m := bare(nonlinearity).(type) {
	case Identity, *Linear, Sigmoid:
		return 1
	case Tanh:
		return 5.0 / 3
	case ReLU:
		return math.Sqrt2
	case LeakyReLU:
		return math.Sqrt(2 / (1 + m.slope()*m.slope()))
	}
	panic(&fault.OptionError{Op: "nn.Gain", Detail: fmt.Sprintf("none is known of %T", nonlinearity)})
}

// XavierUniform overwrites the weight w, (out, in, ...), with draws from r uniform
// within ±gain·√(6/(in+out)): with a gain of 1 variances stay the same forward and
// backward through linear layers (Glorot and Bengio, 2010).
func XavierUniform(w *tensor.Tensor, r *rand.Rand, gain float64) {
	in, out := fans("nn.XavierUniform", w)
	bound := gain * math.Sqrt(6/(in+out))
	w.UniformInPlace(r, -bound, bound)
}

// XavierNormal overwrites the weight w, (out, in, ...), with draws from r of mean 0 and
// deviation gain·√(2/(in+out)), that of XavierUniform.
func XavierNormal(w *tensor.Tensor, r *rand.Rand, gain float64) {
	in, out := fans("nn.XavierNormal", w)
	w.NormalInPlace(r, 0, gain*math.Sqrt(2/(in+out)))
}

// KaimingUniform overwrites the weight w, (out, in, ...), with draws from r uniform
// within ±gain·√(3/fan): with FanIn and the gain of ReLU variances stay the same forward
// through layers with ReLU (He et al., 2015).
func KaimingUniform(w *tensor.Tensor, r *rand.Rand, fan Fan, gain float64) {
	bound := gain * math.Sqrt(3/fan.count("nn.KaimingUniform", w))
	w.UniformInPlace(r, -bound, bound)
}

// KaimingNormal overwrites the weight w, (out, in, ...), with draws from r of mean 0 and
// deviation gain/√fan, that of KaimingUniform.
func KaimingNormal(w *tensor.Tensor, r *rand.Rand, fan Fan, gain float64) {
	w.NormalInPlace(r, 0, gain/math.Sqrt(fan.count("nn.KaimingNormal", w)))
}
