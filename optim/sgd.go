// Package optim has the rules by which gradients change parameters.
package optim

import (
	"fmt"

	"github.com/onehot-go/onehot/tensor"
)

// Optimizer changes parameters by their gradients.
type Optimizer interface {
	// Step changes every parameter that has a gradient.
	Step()
	// ZeroGrad sets the gradients to zero, for the next batch.
	ZeroGrad()
	// LR returns the learning rate that Step uses.
	LR() float64
	// SetLR changes it.
	SetLR(lr float64)
	// State returns what a continued training needs beside the parameters: tensors that
	// Step changes, by name, none where there is nothing to keep. Copying a saved state
	// into them continues exactly.
	State() map[string]*tensor.Tensor
}

// SGD is stochastic gradient descent as torch.optim.SGD defines it:
//
//	d = gradient + weight decay · p
//	v = momentum · v + d
//	p = p - lr · v
type SGD struct {
	lr       float64
	options  SGDOptions
	params   []*tensor.Tensor
	velocity []*tensor.Tensor // nil without momentum
}

// SGDOptions are the settings of SGD that are not always given; the zero value is plain
// gradient descent.
type SGDOptions struct {
	Momentum    float64 // share of the last step's velocity that is kept
	WeightDecay float64 // strength of the pull towards 0
}

// NewSGD returns an optimizer of params with learning rate lr.
func NewSGD(params []*tensor.Tensor, lr float64, options SGDOptions) *SGD {
	o := &SGD{lr: lr, options: options, params: params}
	if options.Momentum != 0 {
		for _, p := range params {
			o.velocity = append(o.velocity, tensor.Zeros(p.DType(), p.Shape()...))
		}
	}
	return o
}

// Step changes every parameter that has a gradient.
func (o *SGD) Step() {
	for i, p := range o.params {
		d := p.Grad()
		if d == nil {
			continue
		}
		if o.options.WeightDecay != 0 {
			d = d.Clone().AddScaledInPlace(p.Detach(), o.options.WeightDecay)
		}
		if o.velocity != nil {
			d = o.velocity[i].MulInPlace(tensor.Scalar(o.options.Momentum)).AddInPlace(d)
		}
		p.AddScaledInPlace(d, -o.lr)
	}
}

// ZeroGrad sets the gradients of the parameters to zero.
func (o *SGD) ZeroGrad() {
	for _, p := range o.params {
		p.ZeroGrad()
	}
}

// LR returns the learning rate.
func (o *SGD) LR() float64 { return o.lr }

// SetLR changes the learning rate.
func (o *SGD) SetLR(lr float64) { o.lr = lr }

// State returns the velocities by the place of their parameter, "0.velocity"; none
// without momentum.
func (o *SGD) State() map[string]*tensor.Tensor {
	state := map[string]*tensor.Tensor{}
	for i, v := range o.velocity {
		state[fmt.Sprintf("%d.velocity", i)] = v
	}
	return state
}
