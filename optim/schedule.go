package optim

import (
	"math"
	"slices"
)

// Schedule returns the learning rate at a step, counted from 0, for a group of
// parameters whose own learning rate is base. A step is whatever ScheduleLR is called
// for: a batch or an epoch. Schedules are functions and keep nothing (but for
// ReduceLROnPlateau, whose LR method is one): a continued training has only to name the
// step.
type Schedule func(base float64, step int) float64

// StepLR multiplies the learning rate by gamma after every size steps.
func StepLR(size int, gamma float64) Schedule {
	const op = "optim.StepLR"
	check(size >= 1, op, "size %d: at least 1 expected", size)
	check(gamma >= 0, op, "gamma %v: at least 0 expected", gamma)
	return func(base float64, step int) float64 { return base * math.Pow(gamma, float64(step/size)) }
}

// MultiStepLR multiplies the learning rate by gamma at every one of milestones, which
// are steps in order; at one that is named twice, twice.
func MultiStepLR(milestones []int, gamma float64) Schedule {
	const op = "optim.MultiStepLR"
	milestones = checkMilestones(op, milestones)
	check(gamma >= 0, op, "gamma %v: at least 0 expected", gamma)
	return func(base float64, step int) float64 { return base * math.Pow(gamma, float64(passed(milestones, step))) }
}

// ExponentialLR multiplies the learning rate by gamma in every step.
func ExponentialLR(gamma float64) Schedule {
	check(gamma >= 0, "optim.ExponentialLR", "gamma %v: at least 0 expected", gamma)
	return func(base float64, step int) float64 { return base * math.Pow(gamma, float64(step)) }
}

// CosineAnnealingLR goes from the group's learning rate down to low in the given number
// of steps, along half a cosine; further steps go up again, along the other half.
func CosineAnnealingLR(steps int, low float64) Schedule {
	const op = "optim.CosineAnnealingLR"
	check(steps >= 1, op, "%d steps: at least 1 expected", steps)
	checkLR(op, low)
	return func(base float64, step int) float64 { return cosine(base, low, float64(step)/float64(steps)) }
}

// cosine goes from start to end along half a cosine as t goes from 0 to 1.
func cosine(start, end, t float64) float64 {
	return end + (start-end)/2*(1+math.Cos(math.Pi*t))
}

// linear goes from start to end in a straight line as t goes from 0 to 1. It meets both
// exactly and is never below 0 where neither is: start + (end-start)·t can miss an end of
// 0 by a negative rounding error.
func linear(start, end, t float64) float64 { return start*(1-t) + end*t }

// LinearLR goes from start times to end times the group's learning rate in the given
// number of steps, in a straight line, and stays there: LinearLR(0.1, 1, 5) is a
// warm-up of five steps.
func LinearLR(start, end float64, steps int) Schedule {
	const op = "optim.LinearLR"
	check(start >= 0 && start <= 1, op, "start %v: from 0 to 1 expected", start)
	check(end >= 0 && end <= 1, op, "end %v: from 0 to 1 expected", end)
	check(steps >= 1, op, "%d steps: at least 1 expected", steps)
	return func(base float64, step int) float64 {
		return base * linear(start, end, float64(min(step, steps))/float64(steps))
	}
}

// SequentialLR follows the first schedule up to the first milestone, and from each
// milestone on the next schedule, for which that is step 0. There is one schedule more
// than there are milestones, which are steps in order.
func SequentialLR(schedules []Schedule, milestones []int) Schedule {
	const op = "optim.SequentialLR"
	milestones, schedules = checkMilestones(op, milestones), slices.Clone(schedules)
	check(len(schedules) == len(milestones)+1, op, "%d schedules and %d milestones: one schedule more expected", len(schedules), len(milestones))
	return func(base float64, step int) float64 {
		at := passed(milestones, step)
		if at > 0 {
			step -= milestones[at-1]
		}
		return schedules[at](base, step)
	}
}

// checkMilestones returns a copy of milestones, which it holds to be in order.
func checkMilestones(op string, milestones []int) []int {
	for i, m := range milestones {
		check(m >= 1 && (i == 0 || m >= milestones[i-1]), op, "milestones %v: steps from 1 in order expected", milestones)
	}
	return slices.Clone(milestones)
}

// passed returns how many of milestones have been reached at step.
func passed(milestones []int, step int) int {
	n, _ := slices.BinarySearch(milestones, step+1)
	return n
}

// OneCycleLR is the policy of Smith and Topin (2017) in two phases, as
// torch.optim.lr_scheduler.OneCycleLR defines it: along half cosines, the learning rate
// goes up to the group's own and then down to next to nothing, while the momentum goes
// down and up again. With three phases the second goes down to where the first began, and
// the third on from there. It counts batches. LR is a Schedule:
//
//	optimizer.ScheduleLR(cycle.LR, step)
//	optimizer.SetMomentum(cycle.Momentum(step))
type OneCycleLR struct {
	ends                      []float64 // the step at which each phase ends
	anneal                    func(start, end, t float64) float64
	div, finalDiv             float64
	baseMomentum, maxMomentum float64
}

// OneCycleOptions are the settings of OneCycleLR that are not always given; the zero
// value is PyTorch's default.
type OneCycleOptions struct {
	PctStart       *float64 // share of the steps in which the learning rate goes up; 0.3 if nil
	DivFactor      *float64 // the start is the group's learning rate divided by this; 25 if nil
	FinalDivFactor *float64 // the end is the start divided by this; 1e4 if nil
	BaseMomentum   *float64 // momentum when the learning rate is highest; 0.85 if nil
	MaxMomentum    *float64 // momentum at the start and at the end; 0.95 if nil
	Linear         bool     // go in straight lines, not along half cosines
	ThreePhase     bool     // go down in two phases: as fast as up, and on to the end
}

// NewOneCycleLR returns a cycle of the given number of steps.
func NewOneCycleLR(steps int, options OneCycleOptions) *OneCycleLR {
	const op = "optim.OneCycleLR"
	start := or(options.PctStart, 0.3)
	peak, last := start*float64(steps)-1, float64(steps-1)
	c := &OneCycleLR{
		ends: []float64{peak, last}, anneal: cosine,
		div: or(options.DivFactor, 25), finalDiv: or(options.FinalDivFactor, 1e4),
		baseMomentum: or(options.BaseMomentum, 0.85), maxMomentum: or(options.MaxMomentum, 0.95),
	}
	if options.ThreePhase {
		c.ends = []float64{peak, 2 * peak, last}
	}
	if options.Linear {
		c.anneal = linear
	}
	check(steps >= 1, op, "%d steps: at least 1 expected", steps)
	check(start >= 0 && start <= 1, op, "start %v: from 0 to 1 expected", start)
	check(c.div > 0, op, "division factor %v: above 0 expected", c.div)
	check(c.finalDiv > 0, op, "final division factor %v: above 0 expected", c.finalDiv)
	check(c.baseMomentum >= 0, op, "base momentum %v: at least 0 expected", c.baseMomentum)
	check(c.maxMomentum >= 0, op, "max momentum %v: at least 0 expected", c.maxMomentum)
	return c
}

// LR returns the learning rate at step, which is highest, base, where the phases meet.
// After the last step it stays what it was.
func (c *OneCycleLR) LR(base float64, step int) float64 {
	start := base / c.div
	return c.at(step, start, base, start/c.finalDiv)
}

// Momentum returns the momentum at step: what SetMomentum of SGD, RMSprop and Adam
// takes.
func (c *OneCycleLR) Momentum(step int) float64 {
	return c.at(step, c.maxMomentum, c.baseMomentum, c.maxMomentum)
}

// at returns what goes from start to peak in the first phase and on to end in the last,
// by way of start if there is one between.
func (c *OneCycleLR) at(step int, start, peak, end float64) float64 {
	n := len(c.ends)
	values := append([]float64{start, peak, start}[:n], end)
	at, from := min(float64(step), c.ends[n-1]), 0.0
	for i, to := range c.ends {
		if at <= to && from < to {
			return c.anneal(values[i], values[i+1], (at-from)/(to-from))
		}
		from = to
	}
	return peak // at once, and there is nothing behind it
}
