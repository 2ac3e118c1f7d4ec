package train

import (
	"context"
	"iter"
	"math"
	"time"

	"github.com/onehot-go/onehot/loader"
	"github.com/onehot-go/onehot/model"
	"github.com/onehot-go/onehot/nn"
	"github.com/onehot-go/onehot/optim"
)

// maxLoss is the greatest mean loss of a batch that training goes on with, in nats. At a
// million, neighbouring float32 logits lie a sixteenth apart and probabilities are 0 or
// 1: no classifier comes back from there, and a bounded gradient may keep the loss from
// ever becoming infinite.
const maxLoss = 1e6

// Run trains the model and yields what happens. An error ends it: a *SetupError before the
// first step, a *DivergedError, one of the data or of a checkpoint's file, or ctx's, when it
// is done. Checkpoints are written after each epoch's event has been handled, so that what a
// listener records of an epoch is there when its checkpoint is; the latest one of a FullBatch
// may follow up to a second later. When ctx is done and all steps of an epoch are, or some are
// and Keep.Within is not nil, the latest checkpoint is written as far as the run is.
//
// With several ranks, all call Run with configurations of the same meaning, and all go through the same
// events. What differs is found first, and is a *dist.DiffersError on all of them. All begin with the weights, the
// optimizer's state and the progress of rank 0. What ends the run on one rank ends it on all: the error is a
// *dist.RankError elsewhere too, whose Err is a listener that stopped, a file that cannot be read, a context that is
// done. If the connection fails, it is a *dist.CommError. Rank 0 alone writes checkpoints.
//
// Layers are trained in the modes that they are in, and keep them: a batch norm that is in
// evaluation stays as it is.
func Run(ctx context.Context, c Config) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		stopped := false
		l, err := newLoop(c, true)
		if c.ranks() > 1 {
			err = c.meet(l, err)
		}
		if err == nil {
			err = l.run(ctx, func(e Event) bool {
				stopped = !yield(e, nil)
				return !stopped
			})
			err = l.leave(err, stopped)
		}
		if err != nil && !stopped {
			yield(nil, err)
		}
	}
}

// run is Run with events going to emit, which returns false to stop.
func (l *loop) run(ctx context.Context, emit func(Event) bool) error {
	progress := l.Start
	if progress.Epoch == 0 && progress.Part == nil {
		if err := l.save(Epoch{}, progress, true); err != nil {
			return err
		}
		if l.Epochs == 0 && l.Budget == nil {
			return l.untrained(ctx, emit)
		}
	}
	var e Epoch
	saved, putOff := time.Now(), false
	for l.goesOn(progress) {
		if err := l.ready(ctx, nil); err != nil {
			if putOff && interrupted(err) {
				return l.both(l.save(e, progress, true), err)
			}
			return err
		}
		s := l.newStepper()
		var more bool
		var err error
		if e, more, err = l.epoch(ctx, s, &progress, emit); err != nil || !more {
			return err
		}
		monitor := l.monitor()
		if e.Unmeasured {
			progress.BestEpoch, e.Best = e.Epoch, true
		} else if v := monitor.Of(e.Test); monitor.Better(v, progress.BestScore) || progress.BestEpoch == 0 {
			progress.BestEpoch, progress.BestScore, e.Best = e.Epoch, v, true
		}
		if l.Plateau != nil {
			l.Plateau.Observe(e.Test.Loss)
		}
		if !emit(e) {
			return nil
		}
		putOff = e.Epoch < l.Epochs && time.Since(saved) < s.patience()
		if err := l.save(e, progress, !putOff); err != nil {
			return err
		}
		if !putOff {
			saved = time.Now()
		}
	}
	return nil
}

// goesOn reports whether there is an epoch to train after progress.
func (l *loop) goesOn(progress Progress) bool {
	if l.EarlyStop > 0 && progress.Epoch-progress.BestEpoch >= l.EarlyStop {
		return false
	}
	if l.Budget == nil {
		return progress.Epoch < l.Epochs
	}
	return (l.Epochs == 0 || progress.Epoch < l.Epochs) && (progress.Epoch == 0 || l.share() < 1)
}

// untrained measures and saves a model as it was initialised.
func (l *loop) untrained(ctx context.Context, emit func(Event) bool) error {
	e := Epoch{Scored: l.Task.Score(), Best: true, Validation: l.Validation, LR: l.Optimizer.LR()}
	if err := l.measure(ctx, &e); err != nil {
		return err
	}
	if !emit(e) {
		return nil
	}
	return l.save(e, Progress{BestScore: e.Test.Score}, true)
}

// epoch trains what is left of the epoch after p by s, measures, and sets p to the end of it;
// more is false if emit stopped it.
func (l *loop) epoch(ctx context.Context, s stepper, p *Progress, emit func(Event) bool) (e Epoch, more bool, err error) {
	start := time.Now()
	e = Epoch{Epoch: p.Epoch + 1, Scored: l.Task.Score(), Validation: l.Validation}
	part := Part{Loss: &l.mean}
	if err := l.begin(s, *p, &part); err != nil {
		return e, false, err
	}
	before := time.Duration(part.Seconds * float64(time.Second))
	if l.Plateau != nil {
		l.Optimizer.ScheduleLR(l.Plateau.LR, e.Epoch)
	}
	for batch, err := range s.batches(e.Epoch, part.Steps) {
		if err := l.ready(ctx, err); err != nil {
			if interrupted(err) && l.Keep.Within != nil && part.Steps > 0 {
				part.Seconds = (before + time.Since(start)).Seconds()
				err = l.both(l.saveWithin(*p, part), err)
			}
			return e, false, err
		}
		part.Steps++
		t, err := l.step(e.Epoch, part.Steps, s, batch)
		if err != nil {
			return e, false, err
		}
		part.Samples += t.samples
		l.clock.trained += t.samples
		l.mean.Add(t.loss, t.weight)
		step := Step{e.Epoch, part.Steps, s.steps(), part.Samples, l.mean.Result(), l.running.Result()}
		if !emit(step) {
			return e, false, nil
		}
		if l.Budget != nil && l.share() >= 1 {
			break
		}
		if l.Keep.Within == nil {
			continue
		}
		due, err := l.Keep.Within(step)
		if err == nil && due {
			part.Seconds = (before + time.Since(start)).Seconds()
			err = l.saveWithin(*p, part)
		}
		if err != nil {
			return e, false, err
		}
	}
	if part.Steps == 0 {
		return e, false, emptyEpoch("Train")
	}
	e.TrainLoss, e.TrainScore = l.mean.Result(), l.running.Result()
	if math.IsNaN(e.TrainLoss) {
		return e, false, noWeight(e.Epoch)
	}
	took := time.Since(start)
	e.LR, e.Seconds = l.Optimizer.LR(), (before + took).Seconds()
	if e.Ranks, err = l.times(took); err != nil {
		return e, false, err
	}
	if err := l.measure(ctx, &e); err != nil {
		if interrupted(err) { // the steps are not lost
			part.Seconds = e.Seconds
			err = l.both(l.saveWithin(*p, part), err)
		}
		return e, false, err
	}
	p.Epoch, p.Part = e.Epoch, nil
	l.count(p)
	return e, true, nil
}

// begin sets the sums of an epoch to what is done of it.
func (l *loop) begin(s stepper, p Progress, part *Part) error {
	l.mean.Reset()
	l.running.Reset()
	if l.own = 0; l.timed != nil {
		l.timed.spent = 0
	}
	if l.stepsDone = p.Steps; p.Steps == 0 && p.Epoch > 0 { // written when they were not counted
		l.stepsDone = p.Epoch * s.steps()
	}
	if p.Part == nil {
		return nil
	}
	if p.Part.Loss == nil {
		return wrong("Start", "found no loss of the part of epoch %d, what Restore returns expected", p.Epoch+1)
	}
	if err := l.running.UnmarshalJSON(p.Part.Score); err != nil {
		return wrong("Start", "the score of epoch %d: %v", p.Epoch+1, err)
	}
	l.mean = *p.Part.Loss
	part.Steps, part.Samples, part.Seconds = p.Part.Steps, p.Part.Samples, p.Part.Seconds
	return nil
}

// count sets what p says of steps and time.
func (l *loop) count(p *Progress) {
	p.Steps = l.stepsDone
	if l.Budget != nil {
		p.Seconds = l.spent().Seconds()
	}
}

// step makes a step of an epoch by s.
func (l *loop) step(epoch, step int, s stepper, batch loader.Batch) (taken, error) {
	if l.Schedule != nil {
		l.Optimizer.ScheduleLR(l.Schedule, l.planned(l.stepsDone))
	}
	t, err := s.step(batch, l.Key.At(epoch).At(step))
	if err != nil {
		return t, err
	}
	if !(t.loss <= maxLoss) { // NaN too
		return t, &DivergedError{epoch, step, t.loss}
	}
	l.stepsDone++
	if l.EMA != nil && t.weight > 0 {
		l.EMA.Update(l.stepsDone)
	}
	return t, nil
}

// act hands what an evaluation found to all that act on gradients.
func (l *loop) act(g *Gradients) error {
	if l.OnGradients != nil {
		if err := l.OnGradients(g); err != nil {
			return err
		}
	}
	if l.ClipNorm > 0 {
		optim.ClipGradNorm(g.Parameters, l.ClipNorm, 2)
	}
	return nil
}

// measure adds the figures on the test data to e, unless ctx is done before. Without test data e
// says so.
func (l *loop) measure(ctx context.Context, e *Epoch) (err error) {
	if e.Unmeasured = l.Test == nil; e.Unmeasured {
		return nil
	}
	start := time.Now()
	var net nn.Module = l.measured().Net
	if l.Mirrored {
		net = &Ensemble{Members: []nn.Module{net}, Mirrored: true, SeveralLabels: l.severalLabels()}
	}
	if e.Test, err = evaluate(ctx, l.Comm, net, l.Test, l.Task); err != nil {
		return err
	}
	if math.IsNaN(e.Test.Loss) || math.IsInf(e.Test.Loss, 0) {
		return &DivergedError{e.Epoch, 0, e.Test.Loss}
	}
	took := time.Since(start)
	e.EvalSeconds = took.Seconds()
	if n := l.Test.Samples(); n > 0 {
		l.clock.measured, l.clock.measuring = l.clock.measured+n, l.clock.measuring+took
	}
	return nil
}

// measured returns the model that is measured.
func (c *Config) measured() *model.Model {
	if c.EMA != nil {
		return c.EMA.Model
	}
	return c.Model
}
