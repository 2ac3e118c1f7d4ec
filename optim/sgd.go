package optim

import (
	"github.com/onehot-go/onehot/internal/kernel"
	"github.com/onehot-go/onehot/tensor"
)

// SGD is stochastic gradient descent as torch.optim.SGD defines it. For every parameter
// p:
//
//	d = gradient + weight decay · p
//	v = momentum · v + (1 - dampening) · d   (the first time v = d)
//	p = p - lr · v                           (Nesterov: p - lr · (d + momentum · v))
type SGD struct{ optimizer[SGDOptions] }

// SGDOptions are the settings of SGD that are not always given; the zero value is plain
// gradient descent.
type SGDOptions struct {
	Momentum    float64 // share of the last step's velocity v that is kept
	Dampening   float64 // share of a gradient that the velocity leaves out
	WeightDecay float64 // strength of the pull towards 0
	Nesterov    bool    // look one step of the velocity ahead; takes momentum and no dampening
	Maximize    bool    // maximize the objective instead of minimizing it
}

// NewSGD returns an optimizer of params with learning rate lr.
func NewSGD(params []*tensor.Tensor, lr float64, options SGDOptions) *SGD {
	o := &SGD{}
	o.AddGroup(params, lr, options)
	return o
}

// AddGroup adds params with a learning rate and options of their own.
func (o *SGD) AddGroup(params []*tensor.Tensor, lr float64, options SGDOptions) {
	const op = "optim.SGD"
	check(options.Momentum >= 0, op, "momentum %v: at least 0 expected", options.Momentum)
	check(options.Dampening >= 0, op, "dampening %v: at least 0 expected", options.Dampening)
	check(options.WeightDecay >= 0, op, "weight decay %v: at least 0 expected", options.WeightDecay)
	check(!options.Nesterov || options.Momentum > 0 && options.Dampening == 0, op,
		"Nesterov with momentum %v and dampening %v: momentum above 0 and no dampening expected", options.Momentum, options.Dampening)
	names := []string{""}
	if options.Momentum != 0 {
		names[0] = "velocity"
	}
	added := o.add(op, params, lr, options, names, options.Momentum != 0 && options.Dampening != 0)
	added.follow(sgdRule, sgdRule)
}

// SetMomentum sets the momentum of every group, each of which was added with some.
func (o *SGD) SetMomentum(momentum float64) {
	const op = "optim.SGD.SetMomentum"
	check(momentum >= 0, op, "momentum %v: at least 0 expected", momentum)
	for i, g := range o.groups {
		check(g.names[0] != "", op, "group %d keeps no velocity: it was added without momentum", i)
		g.settings.Momentum = momentum
	}
}

// Step changes every parameter that has a gradient.
func (o *SGD) Step() {
	o.each(func(g *group[SGDOptions], p *parameter) {
		taken := 1 - g.settings.Dampening
		if p.steps != nil && g.settings.Momentum != 0 && p.step() == 1 {
			taken = 1
		}
		p.update(-g.lr, taken)
	})
}

// sgdRule is SGD's; correction is the share of the gradient that the velocity takes.
func sgdRule[T tensor.Float](o *SGDOptions, at pass[T]) {
	velocity := at.kept[0]
	if o.Momentum == 0 { // it was set so: the velocity rests
		velocity = nil
	}
	kernel.SGDStep(&kernel.SGD{Scale: at.scale, Decay: o.WeightDecay, Momentum: o.Momentum, Share: at.correction,
		Nesterov: o.Nesterov, Maximize: o.Maximize}, at.p, at.g, velocity)
}
