package nn

import (
	"math"
	"math/rand/v2"

	"github.com/onehot-go/onehot/tensor"
)

// fans returns how many inputs and outputs a weight of shape (out, in, ...) connects.
func fans(op string, w *tensor.Tensor) (in, out int) {
	if w.Dim() < 2 {
		tensor.Fail(op, "a weight with at least two dimensions expected", w)
	}
	field := 1 // of a convolution
	for d := 2; d < w.Dim(); d++ {
		field *= w.Size(d)
	}
	return w.Size(1) * field, w.Size(0) * field
}

// XavierUniform overwrites the weight w, (out, in, ...), with draws from r uniform
// within ±√(6/(in+out)): variances stay the same forward and backward through linear
// layers (Glorot and Bengio, 2010).
func XavierUniform(w *tensor.Tensor, r *rand.Rand) {
	in, out := fans("nn.XavierUniform", w)
	bound := math.Sqrt(6 / float64(in+out))
	w.UniformInPlace(r, -bound, bound)
}

// KaimingUniform overwrites the weight w, (out, in, ...), with draws from r uniform
// within ±√(6/in): the variance stays the same forward through layers with ReLU (He et
// al., 2015).
func KaimingUniform(w *tensor.Tensor, r *rand.Rand) {
	in, _ := fans("nn.KaimingUniform", w)
	bound := math.Sqrt(6 / float64(in))
	w.UniformInPlace(r, -bound, bound)
}
