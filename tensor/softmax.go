package tensor

import (
	"math"
	"slices"

	"github.com/onehot-go/onehot/fault"
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
	return Record(y, "log-softmax", Input{x, []*Tensor{y}, func(g *Tensor) *Tensor { return logSoftmaxGrad(g, y, over) }})
}

// logSoftmax computes LogSoftmax by the kernel where it can: composed of operations it is
// a good part of a step of softmax regression.
func (t *Tensor) logSoftmax(over []int) *Tensor {
	x := t.detached()
	if rows, cols, ok := x.float32Rows(over); ok {
		y := Empty(Float32, x.shape...)
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
		out := Empty(Float32, y.shape...)
		dst, gs, ys := Data[float32](out), Data[float32](g), Data[float32](y)
		eachRows(rows, cols, func(from, to, rows int) {
			kernel.LogSoftmaxGradRows(dst[from:to], gs[from:to], ys[from:to], rows, cols)
		})
		return out
	}
	return g.Sub(y.Exp().Mul(g.SumKeepDim(over...)))
}

// CrossEntropy returns -log(softmax(t))[label] of every row of t: (N) losses of (N, C)
// logits and (N) labels of Int64 in [0, C), each by how many nats the label surprises. It is
// what LogSoftmax, Gather and Neg give, without passing over the rows three times.
func (t *Tensor) CrossEntropy(labels *Tensor) *Tensor {
	const op = "cross-entropy"
	if t.Dim() != 2 || !slices.Equal(labels.shape, t.shape[:1]) {
		failShape(op, "logits (N, C) and labels (N) expected", t, labels)
	}
	if labels.dtype != Int64 {
		failDType(op, labels.dtype, "int64 labels", t, labels)
	}
	x := t.asFloat()
	rows, cols, ok := x.float32Rows([]int{1})
	if !ok {
		return x.LogSoftmax(1).Gather(1, labels.Unsqueeze(1)).Squeeze(1).Neg()
	}
	index := Data[int64](labels.Contiguous())
	for i, l := range index {
		if l < 0 || l >= int64(cols) {
			fault.Label(op, l, i, labels.shape, cols, "")
		}
	}
	losses, p := Empty(Float32, t.shape[:1]...), Empty(Float32, t.shape...)
	dst, ps, xs := Data[float32](losses), Data[float32](p), Data[float32](x)
	eachRows(rows, cols, func(from, to, rows int) {
		i := from / cols
		kernel.CrossEntropyRows(dst[i:i+rows], ps[from:to], xs[from:to], index[i:i+rows], rows, cols)
	})
	return Record(losses, op, Input{x, []*Tensor{labels}, func(g *Tensor) *Tensor {
		// The gradient takes the place of the softmax, which nothing needs after it.
		if g.strides[0] == 0 { // of the losses' mean or sum
			kernel.CrossEntropyGradRows(ps, ps, index, float32(g.float(g.offset)), rows, cols)
			return p
		}
		for i := range rows {
			row := ps[i*cols : (i+1)*cols]
			kernel.CrossEntropyGradRows(row, row, index[i:i+1], float32(g.At(i)), 1, cols)
		}
		return p
	}}, Input{Tensor: labels})
}

// Softmax returns exp(x) / sum(exp(x)) along dim, with the maximum taken out first: the
// elements are positive and sum to 1.
func (t *Tensor) Softmax(dim int) *Tensor {
	x := t.asFloat()
	over := x.dims("softmax", []int{dim})
	e := x.detached()
	e = e.Sub(e.peak(over)).Exp()
	y := e.Div(e.SumKeepDim(over...))
	return Record(y, "softmax", Input{x, []*Tensor{y}, func(g *Tensor) *Tensor {
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
	return Record(y, "log-sum-exp", Input{x, []*Tensor{x, y}, func(g *Tensor) *Tensor {
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
