package tensor

// LogSoftmax returns the logarithm of the softmax along dim:
//
//	x - max(x) - log(sum(exp(x - max(x))))
//
// With the maximum taken out no exponential overflows and the sum is at least 1, so it
// is exact to rounding for logits of any size; log(softmax(x)) is not.
func (t *Tensor) LogSoftmax(dim int) *Tensor {
	x := t.asFloat()
	dim = x.dim("log-softmax", dim)
	shifted := x.detached()
	shifted = shifted.Sub(shifted.MaxKeepDim(dim))
	y := shifted.Sub(shifted.Exp().SumKeepDim(dim).Log())
	// Its Jacobian is I - 1·softmaxᵀ: no n×n matrix is ever built.
	return unary("log-softmax", x, y, []*Tensor{y}, func(g *Tensor) *Tensor {
		return g.Sub(y.detached().Exp().Mul(g.SumKeepDim(dim)))
	})
}

// Softmax returns exp(x) / sum(exp(x)) along dim, with the maximum taken out first: the
// elements are positive and sum to 1.
func (t *Tensor) Softmax(dim int) *Tensor {
	x := t.asFloat()
	dim = x.dim("softmax", dim)
	e := x.detached()
	e = e.Sub(e.MaxKeepDim(dim)).Exp()
	y := e.Div(e.SumKeepDim(dim))
	return unary("softmax", x, y, []*Tensor{y}, func(g *Tensor) *Tensor {
		gy := g.Mul(y)
		return gy.Sub(gy.SumKeepDim(dim).Mul(y))
	})
}
