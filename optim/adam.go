package optim

import (
	"math"

	"github.com/onehot-go/onehot/internal/kernel"
	"github.com/onehot-go/onehot/tensor"
)

// Adam is the optimizer of Kingma and Ba (2014) as torch.optim.Adam defines it. For
// every parameter p, in its step t, counted from 1:
//
//	d = gradient + weight decay · p
//	m = beta1 · m + (1 - beta1) · d
//	v = beta2 · v + (1 - beta2) · d²
//	p = p - lr · m/(1 - beta1^t) / (√(v/(1 - beta2^t)) + eps)
//
// AMSGrad puts the greatest v so far in the place of v. AdamW, of Loshchilov and Hutter
// (2017), has the weights decay apart from the gradients:
//
//	d = gradient
//	p = p - lr · weight decay · p, before the rest
type Adam struct {
	optimizer[adamSettings]
	decoupled bool // AdamW
}

// AdamOptions are the settings of Adam and AdamW that are not always given; the zero
// value is PyTorch's default.
type AdamOptions struct {
	Beta1       *float64 // share of the gradients' mean m that a step keeps; 0.9 if nil
	Beta2       *float64 // share of the squared gradients' mean v that a step keeps; 0.999 if nil
	Eps         *float64 // keeps the divisor from 0; 1e-8 if nil
	WeightDecay *float64 // strength of the pull towards 0; if nil, 0 for Adam and 0.01 for AdamW
	AMSGrad     bool     // divide by the greatest v so far
	Maximize    bool     // maximize the objective instead of minimizing it
}

type adamSettings struct {
	beta1, beta2, eps, decay float64
	decoupled, up            bool
}

// NewAdam returns an Adam of params with learning rate lr; PyTorch's default is 0.001.
func NewAdam(params []*tensor.Tensor, lr float64, options AdamOptions) *Adam {
	o := &Adam{}
	o.AddGroup(params, lr, options)
	return o
}

// NewAdamW returns an AdamW of params with learning rate lr; PyTorch's default is 0.001.
func NewAdamW(params []*tensor.Tensor, lr float64, options AdamOptions) *Adam {
	o := &Adam{decoupled: true}
	o.AddGroup(params, lr, options)
	return o
}

// AddGroup adds params with a learning rate and options of their own.
func (o *Adam) AddGroup(params []*tensor.Tensor, lr float64, options AdamOptions) {
	op, decay := "optim.Adam", 0.0
	if o.decoupled {
		op, decay = "optim.AdamW", 0.01
	}
	c := adamSettings{or(options.Beta1, 0.9), or(options.Beta2, 0.999), or(options.Eps, 1e-8), or(options.WeightDecay, decay),
		o.decoupled, options.Maximize}
	check(c.beta1 >= 0 && c.beta1 < 1, op, "beta1 %v: at least 0 and less than 1 expected", c.beta1)
	check(c.beta2 >= 0 && c.beta2 < 1, op, "beta2 %v: at least 0 and less than 1 expected", c.beta2)
	check(c.eps >= 0, op, "eps %v: at least 0 expected", c.eps)
	check(c.decay >= 0, op, "weight decay %v: at least 0 expected", c.decay)
	names := []string{"mean", "square", ""}
	if options.AMSGrad {
		names[2] = "max_square"
	}
	o.add(op, params, lr, c, names, true).follow(adamRule, adamRule)
}

// SetMomentum sets beta1 of every group.
func (o *Adam) SetMomentum(beta1 float64) {
	check(beta1 >= 0 && beta1 < 1, "optim.Adam.SetMomentum", "beta1 %v: at least 0 and less than 1 expected", beta1)
	for _, g := range o.groups {
		g.settings.beta1 = beta1
	}
}

// Step changes every parameter that has a gradient.
func (o *Adam) Step() {
	o.each(func(g *group[adamSettings], p *parameter) {
		p.update(-g.lr, p.step())
	})
}

// adamRule is Adam's; correction is t.
func adamRule[T tensor.Float](c *adamSettings, at pass[T]) {
	step := kernel.Adam{
		Scale: at.scale / (1 - math.Pow(c.beta1, at.correction)), Decay: c.decay, Keep: 1,
		Beta1: c.beta1, Beta2: c.beta2, Root: 1 / math.Sqrt(1-math.Pow(c.beta2, at.correction)), Eps: c.eps,
		Maximize: c.up,
	}
	if c.decoupled {
		step.Decay, step.Keep = 0, 1+at.scale*c.decay
	}
	kernel.AdamStep(&step, at.p, at.g, at.kept[0], at.kept[1], at.kept[2])
}

func sqrt[T tensor.Float](v T) T { return T(math.Sqrt(float64(v))) }
