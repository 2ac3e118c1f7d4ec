package optim

import (
	"math"

	"github.com/onehot-go/onehot/tensor"
)

// ReduceLROnPlateau lowers the learning rate when a figure has stopped improving, as
// torch.optim.lr_scheduler.ReduceLROnPlateau does. Observe tells it the figure after
// every epoch; LR is a Schedule:
//
//	plateau.Observe(testLoss)
//	optimizer.ScheduleLR(plateau.LR, epoch)
type ReduceLROnPlateau struct {
	factor, threshold, eps float64
	patience               int64
	options                PlateauOptions

	best       *tensor.Tensor // a scalar of Float64; the others are of Int64
	bad        *tensor.Tensor // observations since the best, or since the last reduction
	cooldown   *tensor.Tensor // observations still to come that do not count as bad
	reductions *tensor.Tensor
}

// PlateauOptions are the settings of ReduceLROnPlateau that are not always given; the
// zero value is PyTorch's default.
type PlateauOptions struct {
	Max       bool     // the figure is to become large, such as an accuracy
	Threshold *float64 // by what fraction of the best a figure must be better to count; 1e-4 if nil
	Absolute  bool     // Threshold is a difference, not a fraction of the best
	Cooldown  int      // observations after a reduction that do not count as bad
	MinLR     float64  // no learning rate is brought below it
	Eps       *float64 // a reduction by no more than this is not made; 1e-8 if nil
}

// NewReduceLROnPlateau returns a schedule that multiplies the learning rate by factor
// when more than patience observations in a row are no better than the best. PyTorch's
// defaults are 0.1 and 10.
func NewReduceLROnPlateau(factor float64, patience int, options PlateauOptions) *ReduceLROnPlateau {
	const op = "optim.ReduceLROnPlateau"
	threshold, eps := or(options.Threshold, 1e-4), or(options.Eps, 1e-8)
	check(factor >= 0 && factor < 1, op, "factor %v: at least 0 and less than 1 expected", factor)
	check(patience >= 0, op, "patience %d: at least 0 expected", patience)
	check(threshold >= 0, op, "threshold %v: at least 0 expected", threshold)
	check(options.Cooldown >= 0, op, "cooldown %d: at least 0 expected", options.Cooldown)
	check(options.MinLR >= 0, op, "least learning rate %v: at least 0 expected", options.MinLR)
	check(eps >= 0, op, "eps %v: at least 0 expected", eps)
	worst := 1
	if options.Max {
		worst = -1
	}
	return &ReduceLROnPlateau{
		factor: factor, threshold: threshold, eps: eps, patience: int64(patience), options: options,
		best: tensor.Scalar(math.Inf(worst)), bad: tensor.Scalar[int64](0),
		cooldown: tensor.Scalar[int64](0), reductions: tensor.Scalar[int64](0),
	}
}

// Observe takes note of the figure after one more epoch. NaN is no improvement.
func (s *ReduceLROnPlateau) Observe(figure float64) {
	best := s.best.Item()
	var better bool
	switch o := s.options; {
	case o.Max && o.Absolute:
		better = figure > best+s.threshold
	case o.Max:
		better = figure > best*(1+s.threshold)
	case o.Absolute:
		better = figure < best-s.threshold
	default:
		better = figure < best*(1-s.threshold)
	}
	bad, cooldown := count(s.bad), count(s.cooldown)
	if better {
		s.best.FillInPlace(figure)
		*bad = 0
	} else {
		*bad++
	}
	if *cooldown > 0 {
		*cooldown--
		*bad = 0
	}
	if *bad > s.patience {
		*count(s.reductions)++
		*cooldown = int64(s.options.Cooldown)
		*bad = 0
	}
}

// LR returns base as far reduced as the observations had it; it does not depend on step.
func (s *ReduceLROnPlateau) LR(base float64, step int) float64 {
	lr := base
	for range *count(s.reductions) {
		lower := max(lr*s.factor, s.options.MinLR)
		if lr-lower <= s.eps { // and so it would be again
			break
		}
		lr = lower
	}
	return lr
}

// State returns what a continued training needs: tensors that Observe changes, by name.
// Copying a saved state into them continues exactly.
func (s *ReduceLROnPlateau) State() map[string]*tensor.Tensor {
	return map[string]*tensor.Tensor{"best": s.best, "bad": s.bad, "cooldown": s.cooldown, "reductions": s.reductions}
}
