package optim

import (
	"math"

	"github.com/onehot-go/onehot/internal/parallel"
	"github.com/onehot-go/onehot/tensor"
)

// ClipGradNorm scales the gradients of params, all by the same factor, so that the norm
// of all their elements together is at most limit, and returns the norm from before: for
// norm p, at least 1, the p-th root of the sum of the magnitudes' p-th powers, and for
// math.Inf(1) the greatest magnitude. It is torch.nn.utils.clip_grad_norm_: the factor is
// limit/(norm + 1e-6), where that is below 1. A norm that is NaN makes every gradient NaN.
func ClipGradNorm(params []*tensor.Tensor, limit, norm float64) float64 {
	const op = "optim.ClipGradNorm"
	check(limit >= 0, op, "limit %v: at least 0 expected", limit)
	check(norm >= 1, op, "norm %v: at least 1 expected", norm)
	total, grads := 0.0, gradients(params)
	for _, g := range grads {
		if g.DType() == tensor.Float32 {
			total = addNorm(total, tensor.Data[float32](g), norm)
		} else {
			total = addNorm(total, tensor.Data[float64](g), norm)
		}
	}
	if !math.IsInf(norm, 1) {
		total = math.Pow(total, 1/norm)
	}
	if factor := limit / (total + 1e-6); !(factor >= 1) { // NaN too
		scale := tensor.Scalar(factor)
		for _, g := range grads {
			g.MulInPlace(scale)
		}
	}
	return total
}

// addNorm adds the powers of the magnitudes of values to total, or for norm math.Inf(1)
// returns the greatest magnitude of all.
func addNorm[T tensor.Float](total float64, values []T, norm float64) float64 {
	// Blocks of a fixed size, not one a thread: the order of the additions is part of the
	// result.
	blocks := make([]float64, (len(values)+grain-1)/grain)
	parallel.For(len(blocks), 1, func(lo, hi int) {
		for b := lo; b < hi; b++ {
			part := 0.0
			for _, v := range values[b*grain : min((b+1)*grain, len(values))] {
				switch v := math.Abs(float64(v)); {
				case norm == 2: // without the cost of a power
					part += v * v
				case math.IsInf(norm, 1):
					part = max(part, v)
				default:
					part += math.Pow(v, norm)
				}
			}
			blocks[b] = part
		}
	})
	for _, part := range blocks {
		if math.IsInf(norm, 1) {
			total = max(total, part)
		} else {
			total += part
		}
	}
	return total
}

// ClipGradValue brings every element of the gradients of params into [-limit, limit]; NaN
// stays NaN. It is torch.nn.utils.clip_grad_value_.
func ClipGradValue(params []*tensor.Tensor, limit float64) {
	check(limit >= 0, "optim.ClipGradValue", "limit %v: at least 0 expected", limit)
	for _, g := range gradients(params) {
		if g.DType() == tensor.Float32 {
			clamp(tensor.Data[float32](g), float32(limit))
		} else {
			clamp(tensor.Data[float64](g), limit)
		}
	}
}

func clamp[T tensor.Float](values []T, limit T) {
	parallel.For(len(values), grain, func(lo, hi int) {
		for i, v := range values[lo:hi] {
			values[lo+i] = max(-limit, min(v, limit))
		}
	})
}

// gradients returns those that params have.
func gradients(params []*tensor.Tensor) []*tensor.Tensor {
	var out []*tensor.Tensor
	for _, p := range params {
		if g := p.Grad(); g != nil {
			out = append(out, g)
		}
	}
	return out
}
