package train

import (
	"context"
	"errors"
	"math"

	"github.com/onehot-go/onehot/fault"
)

// LRLoss is the training loss at a learning rate, in nats, smoothed over the steps around.
type LRLoss struct{ LR, Loss float64 }

// How FindLR smooths, and where it stops.
const (
	lrWidth    = 4    // standard deviation of the weights of steps around, in steps
	lrCut      = 3    // times the first loss: what is above counts as that, so that one step does not hide those around
	lrTrailing = 0.95 // share that a mean of the steps so far, which says when to stop, keeps of itself in a step
	lrExplodes = 4    // times the lowest of those means
)

// FindLR is the learning rate range test (Smith, "Cyclical learning rates for training
// neural networks", 2017): it trains c's model for so many steps, at least 2, with a
// learning rate that grows from low to high by the same factor in each, and returns the
// loss at every step that had a sample with a weight. It ends early if the loss explodes. The model is of no more use
// afterwards. FindLR ignores what c says of epochs, schedules, measuring, checkpoints and ranks. The
// error is a *SetupError, the data's or ctx's, or a *DivergedError of the first step. A
// FullBatch has no learning rate to find, and is a *SetupError.
//
// It panics with a *fault.OptionError unless 0 < low < high and steps is at least 2.
func FindLR(ctx context.Context, c Config, low, high float64, steps int) ([]LRLoss, error) {
	if !(low > 0 && low < high && high <= math.MaxFloat64 && steps >= 2) {
		fault.Option("train.FindLR", "%v to %v in %d steps: positive numbers in order and at least 2 steps expected", low, high, steps)
	}
	rate := func(_ float64, step int) float64 { return low * math.Pow(high/low, float64(step)/float64(steps-1)) }
	c.Schedule, c.Plateau, c.EMA, c.Budget, c.Comm = rate, nil, nil, nil, nil
	l, err := newLoop(c, false)
	if err != nil {
		return nil, err
	}
	s := l.newStepper()
	var found []LRLoss
	sum, least := 0.0, math.Inf(1)
	for epoch := 1; ; epoch++ {
		step := 0
		for batch, err := range s.batches(epoch, 0) {
			if err != nil {
				return nil, err
			}
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			step++
			t, err := l.step(epoch, step, s, batch)
			if _, diverged := errors.AsType[*DivergedError](err); diverged && len(found) > 0 {
				return smoothed(found), nil
			}
			if err != nil {
				return nil, err
			}
			if t.weight > 0 {
				found = append(found, LRLoss{rate(0, l.stepsDone-1), t.loss})
				sum = lrTrailing*sum + (1-lrTrailing)*t.loss
				mean := sum / (1 - math.Pow(lrTrailing, float64(len(found)))) // as Adam corrects its averages
				if least = min(least, mean); mean > lrExplodes*least {
					return smoothed(found), nil
				}
			}
			if l.stepsDone == steps && len(found) == 0 {
				return nil, noWeight(epoch)
			}
			if l.stepsDone == steps {
				return smoothed(found), nil
			}
		}
		if step == 0 {
			return nil, emptyEpoch("Train")
		}
	}
}

// smoothed returns the losses as means of those of the steps around, by a bell curve. A mean of
// the steps before alone would come late, and show a loss at a rate that is twice its own.
func smoothed(found []LRLoss) []LRLoss {
	out := make([]LRLoss, len(found))
	for i, f := range found {
		sum, weights := 0.0, 0.0
		for j := max(0, i-4*lrWidth); j < min(len(found), i+4*lrWidth+1); j++ {
			away := float64(i-j) / lrWidth
			w := math.Exp(-away * away / 2)
			sum += w * min(found[j].Loss, lrCut*found[0].Loss)
			weights += w
		}
		out[i] = LRLoss{f.LR, sum / weights}
	}
	return out
}

// What SuggestLR takes for the bottom of the loss's valley on either side, as shares of the fall
// from the first loss to the lowest. They were measured: docs/07-recipes.md has for five nets how near the
// best rate the suggestion comes.
const (
	lrReached = 0.05
	lrLeft    = 0.3
)

// SuggestLR returns a learning rate to train with, which is the geometric mean of the two between
// which the loss is near its lowest: at low it gets there, and beyond high it rises again, as
// steps become too large. It panics if there are none.
func SuggestLR(found []LRLoss) (suggested, low, high float64) {
	bottom := 0
	for i, f := range found {
		if f.Loss < found[bottom].Loss {
			bottom = i
		}
	}
	least := found[bottom].Loss
	fall := found[0].Loss - least
	first, last := bottom, bottom
	for first > 0 && found[first-1].Loss <= least+lrReached*fall {
		first--
	}
	for last+1 < len(found) && found[last+1].Loss <= least+lrLeft*fall {
		last++
	}
	low, high = found[first].LR, found[last].LR
	return math.Sqrt(low * high), low, high
}
