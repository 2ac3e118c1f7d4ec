package loader

import (
	"math"
	"math/rand/v2"

	"github.com/onehot-go/onehot/fault"
	"github.com/onehot-go/onehot/random"
	"github.com/onehot-go/onehot/tensor"
)

// Mixup returns a batch of mixtures (Zhang et al., "mixup: Beyond Empirical Risk
// Minimization", 2018): every sample with a partner in the batch, λ parts of the one to
// 1-λ of the other. λ is drawn once a batch, from the distribution Beta(alpha, alpha),
// and the partners are a permutation. inputs has the shape of b.Inputs; targets, (N,
// classes) of Float32, are mixtures of one-hot classes, or of the vectors that b.Targets
// has. Both are new memory, and a function of the arguments: key is one of the batch, of its
// epoch and place.
//
// It panics with a *fault.LabelError if a class is outside [0, classes), and with a
// *fault.OptionError if vectors are not of that length, and if alpha is not positive
// and finite.
func Mixup(b Batch, classes int, alpha float64, key random.Key) (inputs, targets *tensor.Tensor) {
	if !(alpha > 0 && alpha <= math.MaxFloat64) {
		fault.Option("loader.Mixup", "alpha %v: a positive number expected", alpha)
	}
	r := key.Rand()
	lambda := beta(r, alpha)
	return mix(b, classes, lambda, r.Perm(b.Targets.Size(0)))
}

// mix returns lambda of each sample and its target with 1-lambda of its partner's.
func mix(b Batch, classes int, lambda float64, partners []int) (inputs, targets *tensor.Tensor) {
	vectors := b.Targets
	if vectors.DType() == tensor.Int64 {
		vectors = oneHot(vectors, classes)
	}
	if vectors.Size(1) != classes {
		fault.Option("loader.Mixup", "%d classes: targets are vectors of %d", classes, vectors.Size(1))
	}
	return mixRows(b.Inputs, lambda, partners), mixRows(vectors, lambda, partners)
}

// mixRows returns lambda of each row of x with 1-lambda of its partner.
func mixRows(x *tensor.Tensor, lambda float64, partners []int) *tensor.Tensor {
	mixed := tensor.Zeros(tensor.Float32, x.Shape()...)
	in, out := tensor.Data[float32](x.Contiguous()), tensor.Data[float32](mixed)
	mine, other, size := float32(lambda), float32(1-lambda), len(in)/max(len(partners), 1)
	for i, j := range partners {
		to, x, y := out[i*size:][:size], in[i*size:][:size], in[j*size:][:size]
		for k := range x {
			to[k] = float32(mine*x[k]) + float32(other*y[k]) // rounded, on machines that would fuse them too
		}
	}
	return mixed
}

// oneHot returns the rows that are 1 at each class and 0 elsewhere.
func oneHot(labels *tensor.Tensor, classes int) *tensor.Tensor {
	rows := tensor.Zeros(tensor.Float32, labels.Size(0), classes)
	out := tensor.Data[float32](rows)
	for i, c := range tensor.Data[int64](labels.Contiguous()) {
		if c < 0 || c >= int64(classes) {
			fault.Label("loader.Mixup", c, i, labels.Shape(), classes, "")
		}
		out[i*classes+int(c)] = 1
	}
	return rows
}

// beta returns a number drawn from the distribution Beta(alpha, alpha): of two drawn from
// Gamma(alpha), the first one's share of the sum.
func beta(r *rand.Rand, alpha float64) float64 {
	x, y := logGamma(r, alpha), logGamma(r, alpha)
	return 1 / (1 + math.Exp(y-x))
}

// logGamma returns the logarithm of a number drawn from the distribution Gamma(alpha), by
// Marsaglia and Tsang, "A simple method for generating gamma variables", 2000: the number
// itself, if alpha is small, is often less than any float64.
func logGamma(r *rand.Rand, alpha float64) float64 {
	if alpha < 1 {
		return logGamma(r, alpha+1) - r.ExpFloat64()/alpha
	}
	d := alpha - 1.0/3
	for {
		x := r.NormFloat64()
		v := 1 + x/math.Sqrt(9*d)
		if v <= 0 {
			continue
		}
		v = v * v * v
		if r.ExpFloat64() > -x*x/2-d*(1-v+math.Log(v)) {
			return math.Log(d * v)
		}
	}
}
