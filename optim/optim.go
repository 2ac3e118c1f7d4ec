// Package optim has the rules by which gradients change parameters, the schedules that
// learning rates follow, and the clipping of gradients. All mean what torch.optim means
// by the same names.
//
// An optimizer is made for a list of parameters, with a learning rate and options; the
// zero value of the options is PyTorch's default. Where that default is a number other
// than 0 the option is a pointer: nil is the default, and new(0.0) is 0. AddGroup adds
// parameters with a learning rate and options of their own.
//
// A training step in full, with what is not always wanted:
//
//	optimizer.ScheduleLR(schedule, step) // every group's learning rate for this step
//	optimizer.ZeroGrad()
//	criterion.Forward(net.Forward(x), y).Backward()
//	optim.ClipGradNorm(params, 1, 2) // all gradients together no longer than 1
//	optimizer.Step()
//
// A setting that cannot work panics with a *fault.OptionError.
package optim

import (
	"fmt"

	"github.com/onehot-go/onehot/fault"
	"github.com/onehot-go/onehot/internal/parallel"
	"github.com/onehot-go/onehot/tensor"
)

// Optimizer changes parameters by their gradients.
type Optimizer interface {
	// Step changes every parameter that has a gradient.
	Step()
	// ZeroGrad sets the gradients to zero, for the next batch.
	ZeroGrad()
	// LR returns the learning rate that Step uses, the first group's where there are
	// several.
	LR() float64
	// SetLR sets the learning rate of every group.
	SetLR(lr float64)
	// ScheduleLR sets the learning rate of every group to what s makes of the one that
	// the group was added with, whatever SetLR has done since.
	ScheduleLR(s Schedule, step int)
	// State returns what a continued training needs beside the parameters and the
	// learning rates: tensors that Step changes, by name, none where there is nothing to
	// keep. Copying a saved state into them continues exactly.
	State() map[string]*tensor.Tensor
}

// check panics with the described error unless ok.
func check(ok bool, op, format string, args ...any) {
	if !ok {
		fault.Option(op, format, args...)
	}
}

// checkLR returns lr, or panics if it is below 0 or NaN.
func checkLR(op string, lr float64) float64 {
	check(lr >= 0, op, "learning rate %v: at least 0 expected", lr)
	return lr
}

// or returns what option points to, or its default.
func or[T any](option *T, byDefault T) T {
	if option == nil {
		return byDefault
	}
	return *option
}

// optimizer is what all of them are made of: groups of parameters, each with settings
// of type S.
type optimizer[S any] struct{ groups []*group[S] }

type group[S any] struct {
	settings S
	own      float64  // the learning rate it was added with
	lr       float64  // the one that Step uses
	names    []string // of what is kept for each parameter, "" for nothing
	params   []*parameter
}

// parameter is one with what is kept for it.
type parameter struct {
	*tensor.Tensor
	state  state[*tensor.Tensor]           // by the group's names; each of the parameter's shape and type
	steps  *tensor.Tensor                  // how many have been taken, a scalar of Int64; nil where no rule asks
	update func(scale, correction float64) // by the group's rule: see pass
}

// state has one T for each kind of thing that a rule keeps, in the rule's own order.
type state[T any] [3]T

// add adds a group and returns it. A parameter keeps a tensor of zeros for each of names
// that is not "", and a count if steps says so.
func (o *optimizer[S]) add(op string, params []*tensor.Tensor, lr float64, settings S, names []string, steps bool) *group[S] {
	g := &group[S]{settings: settings, own: checkLR(op, lr), lr: lr, names: names}
	seen := map[*tensor.Tensor]int{}
	for _, other := range o.groups {
		for _, p := range other.params {
			seen[p.Tensor] = len(seen)
		}
	}
	for _, p := range params {
		first, again := seen[p]
		check(!again, op, "parameter %d is parameter %d again", len(seen), first)
		seen[p] = len(seen)
	}
	for _, t := range params {
		p := &parameter{Tensor: t}
		for i, name := range names {
			if name != "" {
				p.state[i] = tensor.Zeros(t.DType(), t.Shape()...)
			}
		}
		if steps {
			p.steps = tensor.Zeros(tensor.Int64)
		}
		g.params = append(g.params, p)
	}
	o.groups = append(o.groups, g)
	return g
}

// each calls f for every parameter that has a gradient.
func (o *optimizer[S]) each(f func(g *group[S], p *parameter)) {
	for _, g := range o.groups {
		for _, p := range g.params {
			if p.Grad() != nil {
				f(g, p)
			}
		}
	}
}

// ZeroGrad sets the gradients of the parameters to zero.
func (o *optimizer[S]) ZeroGrad() {
	o.each(func(_ *group[S], p *parameter) { p.ZeroGrad() })
}

// LR returns the learning rate that Step uses, the first group's where there are
// several.
func (o *optimizer[S]) LR() float64 {
	check(len(o.groups) > 0, "optim.LR", "no group of parameters: one at least expected")
	return o.groups[0].lr
}

// SetLR sets the learning rate of every group.
func (o *optimizer[S]) SetLR(lr float64) {
	for _, g := range o.groups {
		g.lr = checkLR("optim.SetLR", lr)
	}
}

// ScheduleLR sets the learning rate of every group to what s makes of the one that the
// group was added with, whatever SetLR has done since.
func (o *optimizer[S]) ScheduleLR(s Schedule, step int) {
	for _, g := range o.groups {
		g.lr = checkLR("optim.ScheduleLR", s(g.own, step))
	}
}

// State returns what the optimizer keeps for each parameter, by the parameter's place
// among those of all groups: "0.velocity".
func (o *optimizer[S]) State() map[string]*tensor.Tensor {
	kept := map[string]*tensor.Tensor{}
	place := 0
	for _, g := range o.groups {
		for _, p := range g.params {
			for i, name := range g.names {
				if name != "" {
					kept[fmt.Sprintf("%d.%s", place, name)] = p.state[i]
				}
			}
			if p.steps != nil {
				kept[fmt.Sprintf("%d.steps", place)] = p.steps
			}
			place++
		}
	}
	return kept
}

// count returns the number in a scalar of Int64, to be read and changed.
func count(t *tensor.Tensor) *int64 { return &tensor.Data[int64](t)[0] }

// step counts a step and returns how many there have been with it.
func (p *parameter) step() float64 {
	n := count(p.steps)
	*n++
	return float64(*n)
}

// rule changes the range of a parameter that pass has by a group's settings.
type rule[S any, T tensor.Float] func(settings *S, at pass[T])

// pass is what a rule works on: the same range of elements of each slice.
type pass[T tensor.Float] struct {
	p, g []T
	kept state[[]T]
	// scale is what a direction is multiplied by, minus the learning rate; correction is
	// a number of the rule's own.
	scale, correction float64
}

// follow makes g's parameters be updated by the rule for their type.
func (g *group[S]) follow(f32 rule[S, float32], f64 rule[S, float64]) {
	for _, p := range g.params {
		if p.DType() == tensor.Float32 {
			p.update = updater(&g.settings, p, f32)
		} else {
			p.update = updater(&g.settings, p, f64)
		}
	}
}

// grain is the least number of elements worth a goroutine.
const grain = 1 << 14

// updater returns the function that updates p by f. What it needs is made once, so that a
// step takes no memory.
func updater[S any, T tensor.Float](settings *S, p *parameter, f rule[S, T]) func(scale, correction float64) {
	var all pass[T]
	for i, t := range p.state {
		if t != nil {
			all.kept[i] = tensor.Data[T](t)
		}
	}
	part := func(lo, hi int) {
		at := all
		at.p, at.g = all.p[lo:hi], all.g[lo:hi]
		for i, kept := range all.kept {
			if kept != nil {
				at.kept[i] = kept[lo:hi]
			}
		}
		f(settings, at)
	}
	return func(scale, correction float64) {
		all.scale, all.correction, all.g = scale, correction, tensor.Data[T](p.Grad())
		if p.IsContiguous() {
			all.p = tensor.DataInPlace[T](p.Tensor)
			parallel.For(len(all.p), grain, part)
			return
		}
		values := p.Detach().Contiguous()
		all.p = tensor.Data[T](values)
		parallel.For(len(all.p), grain, part)
		p.CopyInPlace(values)
	}
}
