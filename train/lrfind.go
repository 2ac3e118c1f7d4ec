package train

import (
	"context"
	"errors"
	"math"

	"github.com/onehot-go/onehot/fault"
)

// LRLoss is the training loss at a learning rate, in nats, smoothed over the steps before.
type LRLoss struct{ LR, Loss float64 }

// How FindLR smooths, and at how many times the lowest loss it stops.
const (
	lrSmoothing = 0.95
	lrExplodes  = 4
)

// FindLR is the learning rate range test (Smith, "Cyclical learning rates for training
// neural networks", 2017): it trains c's model for so many steps, at least 2, with a
// learning rate that grows from low to high by the same factor in each, and returns the
// loss at every step that had a sample with a weight. It ends early if the loss explodes. The model is of no more use
// afterwards. FindLR ignores what c says of epochs, schedules, measuring and checkpoints. The
// error is a *SetupError, the data's or ctx's, or a *DivergedError of the first step. A
// FullBatch has no learning rate to find, and is a *SetupError.
//
// It panics with a *fault.OptionError unless 0 < low < high and steps is at least 2.
func FindLR(ctx context.Context, c Config, low, high float64, steps int) ([]LRLoss, error) {
	if !(low > 0 && low < high && high <= math.MaxFloat64 && steps >= 2) {
		fault.Option("train.FindLR", "%v to %v in %d steps: positive numbers in order and at least 2 steps expected", low, high, steps)
	}
	rate := func(_ float64, step int) float64 { return low * math.Pow(high/low, float64(step)/float64(steps-1)) }
	c.Schedule, c.Plateau, c.EMA, c.Budget = rate, nil, nil, nil
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
				return found, nil
			}
			if err != nil {
				return nil, err
			}
			if t.weight > 0 {
				sum = lrSmoothing*sum + (1-lrSmoothing)*t.loss
				smooth := sum / (1 - math.Pow(lrSmoothing, float64(len(found)+1))) // as Adam corrects its averages
				found = append(found, LRLoss{rate(0, l.stepsDone-1), smooth})
				if least = min(least, smooth); smooth > lrExplodes*least {
					return found, nil
				}
			}
			if l.stepsDone == steps && len(found) == 0 {
				return nil, noWeight(epoch)
			}
			if l.stepsDone == steps {
				return found, nil
			}
		}
		if step == 0 {
			return nil, emptyEpoch("Train")
		}
	}
}

// SuggestLR returns a tenth of the learning rate with the lowest loss, a usual choice: at
// that itself training is about to fail. It panics if there are none.
func SuggestLR(found []LRLoss) float64 {
	best := found[0]
	for _, p := range found {
		if p.Loss < best.Loss {
			best = p
		}
	}
	return best.LR / 10
}
