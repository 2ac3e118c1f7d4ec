package train

import (
	"cmp"
	"context"
	"iter"
	"math"
	"time"

	"github.com/onehot-go/onehot/loader"
	"github.com/onehot-go/onehot/metric"
	"github.com/onehot-go/onehot/model"
	"github.com/onehot-go/onehot/nn"
	"github.com/onehot-go/onehot/optim"
)

// maxLoss is the greatest mean loss of a batch that training goes on with, in nats. At a
// million, neighbouring float32 logits lie a sixteenth apart and probabilities are 0 or
// 1: no classifier comes back from there, and a bounded gradient may keep the loss from
// ever becoming infinite.
const maxLoss = 1e6

// Run trains the model and yields what happens. An error ends it: a *DivergedError, one
// of the data or of a checkpoint's file, or ctx's, when it is done. Checkpoints are
// written after each epoch's event has been handled, so that what a listener records of
// an epoch is there when its checkpoint is; the latest one of a FullBatch may follow up to a
// second later.
func Run(ctx context.Context, c Config) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		if err := c.run(ctx, func(e Event) bool { return yield(e, nil) }); err != nil {
			yield(nil, err)
		}
	}
}

// run is Run with events going to emit, which returns false to stop.
func (c *Config) run(ctx context.Context, emit func(Event) bool) error {
	progress := c.Start
	c.clock = clock{start: time.Now()}
	if progress.Epoch == 0 {
		if err := c.save(Epoch{}, progress, true); err != nil {
			return err
		}
		if c.Epochs == 0 && c.Budget == nil {
			return c.untrained(emit)
		}
	}
	nn.SetTraining(c.Model.Net, true)
	var e Epoch
	saved, putOff := time.Now(), false
	for epoch := progress.Epoch + 1; c.goesOn(progress); epoch++ {
		if err := ctx.Err(); err != nil {
			if putOff {
				return cmp.Or(c.save(e, progress, true), err)
			}
			return err
		}
		var accuracy metric.Accuracy
		s := c.newStepper(&accuracy)
		var more bool
		var err error
		if e, more, err = c.epoch(ctx, epoch, s, &accuracy, emit); err != nil || !more {
			return err
		}
		progress.Epoch = epoch
		if c.Budget != nil {
			progress.Seconds = c.spent().Seconds()
		}
		if e.Test.Accuracy > progress.BestAccuracy || progress.BestEpoch == 0 {
			progress.BestEpoch, progress.BestAccuracy, e.Best = epoch, e.Test.Accuracy, true
		}
		if c.Plateau != nil {
			c.Plateau.Observe(e.Test.Loss)
		}
		if !emit(e) {
			return nil
		}
		putOff = epoch < c.Epochs && time.Since(saved) < s.patience()
		if err := c.save(e, progress, !putOff); err != nil {
			return err
		}
		if !putOff {
			saved = time.Now()
		}
	}
	return nil
}

// goesOn reports whether there is an epoch to train after progress.
func (c *Config) goesOn(progress Progress) bool {
	if c.EarlyStop > 0 && progress.Epoch-progress.BestEpoch >= c.EarlyStop {
		return false
	}
	if c.Budget == nil {
		return progress.Epoch < c.Epochs
	}
	return (c.Epochs == 0 || progress.Epoch < c.Epochs) && (progress.Epoch == 0 || c.share() < 1)
}

// untrained measures and saves a model as it was initialised.
func (c *Config) untrained(emit func(Event) bool) error {
	e := Epoch{Best: true, Validation: c.Validation, LR: c.Optimizer.LR()}
	if err := c.measure(&e); err != nil {
		return err
	}
	if !emit(e) {
		return nil
	}
	return c.save(e, Progress{BestAccuracy: e.Test.Accuracy}, true)
}

// epoch trains one epoch by s and measures; more is false if emit stopped it.
func (c *Config) epoch(ctx context.Context, epoch int, s stepper, accuracy *metric.Accuracy, emit func(Event) bool) (e Epoch, more bool, err error) {
	start := time.Now()
	var mean metric.Mean
	step, samples := 0, 0
	if c.Plateau != nil {
		c.Optimizer.ScheduleLR(c.Plateau.LR, epoch)
	}
	for batch, err := range s.batches(epoch) {
		if err != nil {
			return e, false, err
		}
		if err := ctx.Err(); err != nil {
			return e, false, err
		}
		step++
		t, err := c.step(epoch, step, s, batch)
		if err != nil {
			return e, false, err
		}
		samples += t.samples
		c.clock.trained += t.samples
		mean.Add(t.loss, t.weight)
		if !emit(Step{epoch, step, s.steps(), samples, mean.Result(), accuracy.Result()}) {
			return e, false, nil
		}
		if c.Budget != nil && c.share() >= 1 {
			break
		}
	}
	e = Epoch{Epoch: epoch, TrainLoss: mean.Result(), TrainAccuracy: accuracy.Result(), Validation: c.Validation,
		LR: c.Optimizer.LR(), Seconds: time.Since(start).Seconds()}
	err = c.measure(&e)
	return e, true, err
}

// step makes a step of an epoch by s.
func (c *Config) step(epoch, step int, s stepper, batch loader.Batch) (taken, error) {
	steps := (epoch-1)*s.steps() + step // so far, with this one
	if c.Schedule != nil {
		c.Optimizer.ScheduleLR(c.Schedule, c.planned(steps-1))
	}
	t, err := s.step(batch, c.Key.At(epoch).At(step))
	if err != nil {
		return t, err
	}
	if !(t.loss <= maxLoss) { // NaN too
		return t, &DivergedError{epoch, step, t.loss}
	}
	if c.EMA != nil {
		c.EMA.Update(steps)
	}
	return t, nil
}

// act hands what an evaluation found to all that act on gradients.
func (c *Config) act(g *Gradients) error {
	if c.OnGradients != nil {
		if err := c.OnGradients(g); err != nil {
			return err
		}
	}
	if c.ClipNorm > 0 {
		optim.ClipGradNorm(g.Parameters, c.ClipNorm, 2)
	}
	return nil
}

// measure adds the figures on the test data to e.
func (c *Config) measure(e *Epoch) (err error) {
	start := time.Now()
	if e.Test, err = Evaluate(Measured(c.measured().Net, c.Mirrored), c.Test); err != nil {
		return err
	}
	if math.IsNaN(e.Test.Loss) || math.IsInf(e.Test.Loss, 0) {
		return &DivergedError{e.Epoch, 0, e.Test.Loss}
	}
	took := time.Since(start)
	e.EvalSeconds = took.Seconds()
	c.clock.measured, c.clock.measuring = c.clock.measured+c.Test.Samples(), c.clock.measuring+took
	return nil
}

// measured returns the model that is measured.
func (c *Config) measured() *model.Model {
	if c.EMA != nil {
		return c.EMA.Model
	}
	return c.Model
}
