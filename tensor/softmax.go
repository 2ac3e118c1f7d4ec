package tensor

import (
	"math"

	"github.com/onehot-go/onehot/internal/kernel"
)

// LogSoftmax returns the logarithm of the softmax along dim:
//
//	x - max(x) - log(sum(exp(x - max(x))))
//
// With the maximum taken out no exponential overflows and the sum is at least 1, so it
// is exact to rounding for logits of any size; log(softmax(x)) is not.
func (t *Tensor) LogSoftmax(dim int) *Tensor {
	x := t.asFloat()
	over := x.dims("log-softmax", []int{dim})
	y := x.logSoftmax(over)
	return record(y, "log-softmax", input{x, []*Tensor{y}, func(g *Tensor) *Tensor { return logSoftmaxGrad(g, y, over) }})
}

// logSoftmax computes LogSoftmax by the kernel where it can: composed of operations it is
// a good part of a step of softmax regression.
func (t *Tensor) logSoftmax(over []int) *Tensor {
	x := t.detached()
	if rows, cols, ok := x.float32Rows(over); ok {
		y := Zeros(Float32, x.shape...)
		dst, src := Data[float32](y), Data[float32](x)
		eachRows(rows, cols, func(from, to, rows int) { kernel.LogSoftmaxRows(dst[from:to], src[from:to], rows, cols) })
		return y
	}
	shifted := x.Sub(x.peak(over))
	return shifted.Sub(shifted.Exp().SumKeepDim(over...).Log())
}

// logSoftmaxGrad returns the gradient of the input from that of the result y. The
// Jacobian is I - 1·softmaxᵀ: no n×n matrix is ever built.
func logSoftmaxGrad(g, y *Tensor, over []int) *Tensor {
	y = y.detached()
	if rows, cols, ok := y.float32Rows(over); ok && g.IsContiguous() {
		out := Zeros(Float32, y.shape...)
		dst, gs, ys := Data[float32](out), Data[float32](g), Data[float32](y)
		eachRows(rows, cols, func(from, to, rows int) {
			kernel.LogSoftmaxGradRows(dst[from:to], gs[from:to], ys[from:to], rows, cols)
		})
		return out
	}
	return g.Sub(y.Exp().Mul(g.SumKeepDim(over...)))
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
