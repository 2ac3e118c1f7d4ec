package optim

import "github.com/onehot-go/onehot/tensor"

// Adagrad is the optimizer of Duchi, Hazan and Singer (2011) as torch.optim.Adagrad
// defines it. For every parameter p, in its step t, counted from 1:
//
//	d = gradient + weight decay · p
//	s = s + d²
//	p = p - lr/(1 + (t - 1) · lr decay) · d / (√s + eps)
type Adagrad struct{ optimizer[adagradSettings] }

// AdagradOptions are the settings of Adagrad that are not always given; the zero value
// is PyTorch's default.
type AdagradOptions struct {
	LRDecay            float64  // by how much the divisor of the learning rate grows in a step
	WeightDecay        float64  // strength of the pull towards 0
	InitialAccumulator float64  // what the sum of squares s starts from
	Eps                *float64 // keeps the divisor from 0; 1e-10 if nil
	Maximize           bool     // maximize the objective instead of minimizing it
}

type adagradSettings struct {
	lrDecay, decay, eps float64
	up                  bool
}

// NewAdagrad returns an optimizer of params with learning rate lr; PyTorch's default is
// 0.01.
func NewAdagrad(params []*tensor.Tensor, lr float64, options AdagradOptions) *Adagrad {
	o := &Adagrad{}
	o.AddGroup(params, lr, options)
	return o
}

// AddGroup adds params with a learning rate and options of their own.
func (o *Adagrad) AddGroup(params []*tensor.Tensor, lr float64, options AdagradOptions) {
	const op = "optim.Adagrad"
	c := adagradSettings{options.LRDecay, options.WeightDecay, or(options.Eps, 1e-10), options.Maximize}
	check(c.lrDecay >= 0, op, "lr decay %v: at least 0 expected", c.lrDecay)
	check(c.decay >= 0, op, "weight decay %v: at least 0 expected", c.decay)
	check(options.InitialAccumulator >= 0, op, "initial accumulator %v: at least 0 expected", options.InitialAccumulator)
	check(c.eps >= 0, op, "eps %v: at least 0 expected", c.eps)
	added := o.add(op, params, lr, c, []string{"sum"}, true)
	added.follow(adagradRule, adagradRule)
	for _, p := range added.params {
		p.state[0].FillInPlace(options.InitialAccumulator)
	}
}

// Step changes every parameter that has a gradient.
func (o *Adagrad) Step() {
	o.each(func(g *group[adagradSettings], p *parameter) {
		p.update(-g.lr/(1+(p.step()-1)*g.settings.lrDecay), 0)
	})
}

func adagradRule[T tensor.Float](c *adagradSettings, at pass[T]) {
	scale, decay, eps := T(at.scale), T(c.decay), T(c.eps)
	sum := at.kept[0]
	for i, g := range at.g {
		if c.up {
			g = -g
		}
		if decay != 0 {
			g += decay * at.p[i]
		}
		sum[i] += g * g
		at.p[i] += scale * (g / (sqrt(sum[i]) + eps))
	}
}
