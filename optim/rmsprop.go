package optim

import "github.com/onehot-go/onehot/tensor"

// RMSprop is the optimizer of Hinton's lectures (2012) as torch.optim.RMSprop defines it.
// For every parameter p:
//
//	d = gradient + weight decay · p
//	s = alpha · s + (1 - alpha) · d²
//	d = d / (√s + eps)                (centered: √(s - m²), with m = alpha · m + (1 - alpha) · d)
//	p = p - lr · d                    (with momentum: p - lr · v, with v = momentum · v + d)
type RMSprop struct{ optimizer[rmspropSettings] }

// RMSpropOptions are the settings of RMSprop that are not always given; the zero value
// is PyTorch's default.
type RMSpropOptions struct {
	Alpha       *float64 // share of the squared gradients' mean s that a step keeps; 0.99 if nil
	Eps         *float64 // keeps the divisor from 0; 1e-8 if nil
	WeightDecay float64  // strength of the pull towards 0
	Momentum    float64  // share of the last step's velocity v that is kept
	Centered    bool     // divide by the gradients' standard deviation
	Maximize    bool     // maximize the objective instead of minimizing it
}

type rmspropSettings struct {
	alpha, eps, decay, momentum float64
	up                          bool
}

// NewRMSprop returns an optimizer of params with learning rate lr; PyTorch's default is
// 0.01.
func NewRMSprop(params []*tensor.Tensor, lr float64, options RMSpropOptions) *RMSprop {
	o := &RMSprop{}
	o.AddGroup(params, lr, options)
	return o
}

// AddGroup adds params with a learning rate and options of their own.
func (o *RMSprop) AddGroup(params []*tensor.Tensor, lr float64, options RMSpropOptions) {
	const op = "optim.RMSprop"
	c := rmspropSettings{or(options.Alpha, 0.99), or(options.Eps, 1e-8), options.WeightDecay, options.Momentum, options.Maximize}
	check(c.alpha >= 0 && c.alpha <= 1, op, "alpha %v: from 0 to 1 expected", c.alpha)
	check(c.eps >= 0, op, "eps %v: at least 0 expected", c.eps)
	check(c.decay >= 0, op, "weight decay %v: at least 0 expected", c.decay)
	check(c.momentum >= 0, op, "momentum %v: at least 0 expected", c.momentum)
	names := []string{"square", "", ""}
	if options.Centered {
		names[1] = "mean"
	}
	if c.momentum != 0 {
		names[2] = "velocity"
	}
	o.add(op, params, lr, c, names, false).follow(rmspropRule, rmspropRule)
}

// SetMomentum sets the momentum of every group, each of which was added with some.
func (o *RMSprop) SetMomentum(momentum float64) {
	const op = "optim.RMSprop.SetMomentum"
	check(momentum >= 0, op, "momentum %v: at least 0 expected", momentum)
	for i, g := range o.groups {
		check(g.names[2] != "", op, "group %d keeps no velocity: it was added without momentum", i)
		g.settings.momentum = momentum
	}
}

// Step changes every parameter that has a gradient.
func (o *RMSprop) Step() {
	o.each(func(g *group[rmspropSettings], p *parameter) {
		p.update(-g.lr, 0)
	})
}

func rmspropRule[T tensor.Float](c *rmspropSettings, at pass[T]) {
	alpha, rest, eps, decay, momentum, scale := T(c.alpha), T(1-c.alpha), T(c.eps), T(c.decay), T(c.momentum), T(at.scale)
	square, mean, velocity := at.kept[0], at.kept[1], at.kept[2]
	for i, g := range at.g {
		if c.up {
			g = -g
		}
		if decay != 0 {
			g += decay * at.p[i]
		}
		square[i] = alpha*square[i] + rest*g*g
		variance := square[i]
		if mean != nil {
			mean[i] = alpha*mean[i] + rest*g
			variance -= mean[i] * mean[i]
		}
		g /= sqrt(variance) + eps
		if momentum != 0 {
			velocity[i] = momentum*velocity[i] + g
			g = velocity[i]
		}
		at.p[i] += scale * g
	}
}
