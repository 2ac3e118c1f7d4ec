package optim

import (
	"math"

	"github.com/onehot-go/onehot/tensor"
)

// maxHalvings is how often a search with L1 halves its step at most.
const maxHalvings = 40

// orthants is Step with L1. Within an orthant, where no element changes its sign, the objective with
// L1 is smooth. Every iteration chooses one, and goes from where it is to where the history of the
// smooth part leads in it.
func (o *LBFGS) orthants(objective func() float64) float64 {
	c, lr := o.groups[0].settings, o.groups[0].lr
	first := objective()
	g, x := o.gradients(), o.parameters()
	d, downhill, next := make([]float64, len(g)), make([]float64, len(g)), make([]float64, len(g))
	step, gradient := tensor.Data[float64](o.step), tensor.Data[float64](o.gradient)
	value, evaluations := first+norm1(c.l1, x), 1
	for i := 1; ; i++ {
		steepest(downhill, c.l1, x, g)
		if greatest(downhill) <= c.toleranceGrad {
			return first
		}
		*count(o.iterations)++
		o.remember(d, g)
		for k, v := range downhill {
			next[k] = -v // scratch: the gradient with L1
		}
		o.direction(d, next)
		copy(gradient, g)
		t := lr
		if *count(o.iterations) == 1 {
			t *= min(1, 1/magnitudes(downhill))
		}
		for k := range d {
			if d[k]*downhill[k] <= 0 {
				d[k] = 0
			}
		}
		before, found := value, false
		for range maxHalvings {
			promised := 0.0
			for k, v := range x {
				next[k] = v + t*d[k]
				if sign := orthant(v, downhill[k]); next[k]*sign <= 0 {
					next[k] = 0 // the border of the orthant
				}
				promised += downhill[k] * (next[k] - v)
			}
			o.set(next)
			at := objective()
			evaluations++
			if now := at + norm1(c.l1, next); now <= value-decrease*promised {
				value, found = now, true
				break
			}
			t /= 2
		}
		if !found { // rounding is all that is left
			o.set(x)
			clear(step)
			return first
		}
		g = o.gradients()
		for k, v := range next {
			step[k] = v - x[k]
		}
		x, next = next, x
		if i == c.maxIter || evaluations >= c.maxEval || greatest(step) <= c.toleranceChange || math.Abs(value-before) < c.toleranceChange {
			return first
		}
	}
}

// orthant returns the sign of v, or of the direction that it leaves 0 in.
func orthant(v, downhill float64) float64 {
	if v == 0 {
		v = downhill
	}
	return math.Copysign(1, v)
}

// steepest writes the direction in which an objective with L1 falls most to d: the gradient of its smooth part at
// x is g. It is 0 for an element at 0 that L1 holds there.
func steepest(d, l1, x, g []float64) {
	for i, v := range x {
		switch {
		case v > 0:
			d[i] = -(g[i] + l1[i])
		case v < 0:
			d[i] = -(g[i] - l1[i])
		default:
			d[i] = math.Copysign(max(math.Abs(g[i])-l1[i], 0), -g[i])
		}
	}
}

// norm1 returns the sum of the magnitudes of x, each times its strength.
func norm1(l1, x []float64) float64 {
	sum := 0.0
	for i, v := range x {
		sum += l1[i] * math.Abs(v)
	}
	return sum
}
