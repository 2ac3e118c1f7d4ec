package tensor

import "math"

// LogSoftmax returns the logarithm of the softmax along dim:
//
//	x - max(x) - log(sum(exp(x - max(x))))
//
// With the maximum taken out no exponential overflows and the sum is at least 1, so it
// is exact to rounding for logits of any size; log(softmax(x)) is not.
func (t *Tensor) LogSoftmax(dim int) *Tensor {
	x := t.asFloat()
	over := x.dims("log-softmax", []int{dim})
	shifted := x.detached()
	shifted = shifted.Sub(shifted.peak(over))
	y := shifted.Sub(shifted.Exp().SumKeepDim(over...).Log())
	// Its Jacobian is I - 1·softmaxᵀ: no n×n matrix is ever built.
	return record(y, "log-softmax", input{x, []*Tensor{y}, func(g *Tensor) *Tensor {
		return g.Sub(y.detached().Exp().Mul(g.SumKeepDim(over...)))
	}})
}

// Softmax returns exp(x) / sum(exp(x)) along dim, with the maximum taken out first: the
// elements are positive and sum to 1.
func (t *Tensor) Softmax(dim int) *Tensor {
	x := t.asFloat()
	over := x.dims("softmax", []int{dim})
	e := x.detached()
	e = e.Sub(e.peak(over)).Exp()
	y := e.Div(e.SumKeepDim(over...))
	return record(y, "softmax", input{x, []*Tensor{y}, func(g *Tensor) *Tensor {
		gy := g.Mul(y)
		return gy.Sub(gy.SumKeepDim(over...).Mul(y))
	}})
}

// LogSumExp returns log(sum(exp(x))) over dims, which the result no longer has; over all
// of them if none is named. The maximum is taken out first, so that it does not overflow.
// Over no elements it is -Inf.
func (t *Tensor) LogSumExp(dims ...int) *Tensor {
	return t.LogSumExpKeepDim(dims...).dropDims(t.dims("log-sum-exp", dims))
}

// LogSumExpKeepDim is LogSumExp with the dimensions kept at size 1.
func (t *Tensor) LogSumExpKeepDim(dims ...int) *Tensor {
	x := t.asFloat()
	over := x.dims("log-sum-exp", dims)
	shift := x.detached().peak(over).mapFloat(func(v float64) float64 {
		if math.IsInf(v, 0) { // Inf - Inf is nothing
			return 0
		}
		return v
	})
	y := x.detached().Sub(shift).Exp().SumKeepDim(over...).Log().Add(shift)
	return record(y, "log-sum-exp", input{x, []*Tensor{x, y}, func(g *Tensor) *Tensor {
		return g.Mul(x.detached().Sub(y.detached()).Exp())
	}})
}

// peak returns the greatest elements of t over dims, kept at size 1: what to take out
// before exponentials. Over no elements, which have none, it is 0.
func (t *Tensor) peak(dims []int) *Tensor {
	if t.Numel() == 0 {
		return Zeros(t.dtype, t.reducedShape(dims)...)
	}
	return t.MaxKeepDim(dims...)
}
