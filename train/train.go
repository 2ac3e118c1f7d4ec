// Package train has the training loop: it goes over the batches of every epoch, measures
// on the test data after each, emits events and keeps checkpoints. It prints and draws
// nothing: that is for those who listen to the events.
package train

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"math"
	"time"

	"github.com/onehot-go/onehot/loader"
	"github.com/onehot-go/onehot/loss"
	"github.com/onehot-go/onehot/metric"
	"github.com/onehot-go/onehot/model"
	"github.com/onehot-go/onehot/nn"
	"github.com/onehot-go/onehot/optim"
	"github.com/onehot-go/onehot/random"
	"github.com/onehot-go/onehot/train/internal/onepass"
)

// Config is a training run. Train shuffles by the epoch's number, from 1.
type Config struct {
	Model       *model.Model
	Optimizer   optim.Optimizer // over the model's parameters; a FullBatch makes an epoch one step
	Train, Test *loader.Loader
	Validation  bool // Test is a part of the training data that is held out, and no test data
	Epochs      int  // the last epoch to train; with a Budget of time, 0 for as many as there is time for

	Criterion loss.CrossEntropy        // what training makes small; test figures are always of the plain one
	Schedule  optim.Schedule           // the learning rate by training step, from 0 in the first epoch; nil keeps it
	Plateau   *optim.ReduceLROnPlateau // lowers it by the test loss of each epoch, in place of a schedule; nil does not
	ClipNorm  float64                  // the greatest norm of all gradients together; 0 for any
	Mixup     float64                  // alpha of loader.Mixup; 0 for none
	EMA       *EMA                     // of the model: it is what is measured, and kept as the best; nil for the model itself
	Mirrored  bool                     // whether test figures are of the mean probabilities of a picture and its mirror image, as Ensemble's are
	EarlyStop int                      // epochs without a better accuracy after which the run ends; 0 for none
	Budget    *Budget                  // of time; nil for any
	Key       random.Key               // where layers and mixup draw from

	Settings any      // how the run was set up, saved with the model for the record
	Start    Progress // where to go on from: what Restore returned; zero at the beginning
	Keep     Keep     // where checkpoints are kept

	clock   clock
	onePass *onepass.Regression // what computes the steps of an epoch, or nil
}

// Keep says which files checkpoints are kept in; an empty path keeps none.
type Keep struct {
	Best string // the model with the best test accuracy so far
	Last string // the latest model, with all that a continued run needs
}

// Progress is how far a run has come.
type Progress struct {
	Epoch        int     `json:"epoch"`         // epochs finished
	BestEpoch    int     `json:"best_epoch"`    // the one with the best test accuracy, the first of equals
	BestAccuracy float64 `json:"best_accuracy"` // its test accuracy

	Seconds float64 `json:"seconds,omitempty"` // of a Budget that are spent
}

// Event is something that happened in a run: a Step or an Epoch.
type Event interface{ event() }

// Step says that a batch has been trained on. Figures are of the epoch so far.
type Step struct {
	Epoch, Step int // from 1
	Steps       int // of the epoch
	Samples     int // trained on in this epoch so far
	Loss        float64
	Accuracy    float64
}

// Epoch says that an epoch has been trained and measured.
type Epoch struct {
	Epoch         int     // from 1; 0 measures a model that was not trained, and has no training figures
	TrainLoss     float64 // mean over the epoch's samples, each as it was trained on; with class weights, of each batch's weighted mean
	TrainAccuracy float64 // fraction, the same way
	Test          Evaluation
	Validation    bool    // Test is of validation data
	LR            float64 // learning rate
	Seconds       float64 // of the training steps alone
	EvalSeconds   float64 // of measuring on the test data
	Best          bool    // the test accuracy is the best so far
}

func (Step) event()  {}
func (Epoch) event() {}

// DivergedError says that a loss stopped being a number that means anything. Nothing
// after it was saved.
type DivergedError struct {
	Epoch, Step int     // from 1; step 0 is the test after the epoch
	Loss        float64 // what it became
}

// Error names epoch, step and loss.
func (e *DivergedError) Error() string {
	where := fmt.Sprintf("in epoch %d, step %d", e.Epoch, e.Step)
	if e.Step == 0 {
		where = fmt.Sprintf("in the test after epoch %d", e.Epoch)
	}
	return fmt.Sprintf("training diverged: the loss became %g %s", e.Loss, where)
}

// maxLoss is the greatest mean loss of a batch that training goes on with, in nats. At a
// million, neighbouring float32 logits lie a sixteenth apart and probabilities are 0 or
// 1: no classifier comes back from there, and a bounded gradient may keep the loss from
// ever becoming infinite.
const maxLoss = 1e6

// patience is how long the latest checkpoint of a FullBatch may be put off: its epochs take
// some milliseconds each, and writing the file would take a quarter as long. What is put
// off is written when ctx is done.
const patience = time.Second

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
	_, full := c.Optimizer.(*FullBatch)
	saved, putOff := time.Now(), false
	for epoch := progress.Epoch + 1; c.goesOn(progress); epoch++ {
		if err := ctx.Err(); err != nil && full {
			if putOff {
				return cmp.Or(c.save(e, progress, true), err)
			}
			return err
		}
		var more bool
		var err error
		if e, more, err = c.epoch(ctx, epoch, emit); err != nil || !more {
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
		putOff = full && epoch < c.Epochs && time.Since(saved) < patience
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

// epoch trains one epoch and measures; more is false if emit stopped it.
func (c *Config) epoch(ctx context.Context, epoch int, emit func(Event) bool) (e Epoch, more bool, err error) {
	if f, ok := c.Optimizer.(*FullBatch); ok {
		return c.fullBatch(f, epoch, emit)
	}
	start := time.Now()
	var mean metric.Mean
	var accuracy metric.Accuracy
	step, samples := 0, 0
	c.onePass = c.stepper()
	if c.Plateau != nil {
		c.Optimizer.ScheduleLR(c.Plateau.LR, epoch)
	}
	for batch, err := range c.Train.Epoch(epoch) {
		if err != nil {
			return e, false, err
		}
		if err := ctx.Err(); err != nil {
			return e, false, err
		}
		step++
		value, err := c.step(epoch, step, batch, &accuracy)
		if err != nil {
			return e, false, err
		}
		n := batch.Targets.Size(0)
		samples += n
		c.clock.trained += n
		mean.Update(value, n)
		if !emit(Step{epoch, step, c.Train.Len(), samples, mean.Result(), accuracy.Result()}) {
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

// step trains on one batch, in one pass if it can, adds what the model made of it to
// accuracy, and returns the loss.
func (c *Config) step(epoch, step int, batch loader.Batch, accuracy *metric.Accuracy) (value float64, err error) {
	steps := (epoch-1)*c.Train.Len() + step // so far, with this one
	if c.Schedule != nil {
		c.Optimizer.ScheduleLR(c.Schedule, c.planned(steps-1))
	}
	done := false
	if c.onePass != nil {
		var correct int
		if value, correct, done = c.onePass.Step(batch); done {
			accuracy.Add(correct, len(batch.Indices))
		}
	}
	if !done {
		value = c.layered(c.Key.At(epoch).At(step), batch, accuracy)
	}
	if !(value <= maxLoss) { // NaN too
		return 0, &DivergedError{epoch, step, value}
	}
	if c.ClipNorm > 0 {
		optim.ClipGradNorm(nn.ParameterList(c.Model.Net), c.ClipNorm, 2)
	}
	c.Optimizer.Step()
	if c.EMA != nil {
		c.EMA.Update(steps)
	}
	return value, nil
}

// layered sets the gradients of the loss of a batch layer by layer, and returns the loss. A
// loss that ends training has none.
func (c *Config) layered(key random.Key, batch loader.Batch, accuracy *metric.Accuracy) (value float64) {
	nn.SetChance(c.Model.Net, key.For("layers"))
	images, target := batch.Inputs, batch.Targets
	if c.Mixup > 0 {
		images, target = loader.Mixup(batch, len(c.Model.Classes), c.Mixup, key.For("mixup"))
	}
	c.Optimizer.ZeroGrad()
	logits := c.Model.Net.Forward(images)
	l := c.Criterion.Forward(logits, target)
	accuracy.Update(logits, batch.Targets)
	if value = l.Item(); value <= maxLoss {
		l.Backward()
	}
	return value
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

// Evaluation is how well a model does on a data set.
type Evaluation struct {
	Accuracy float64              // fraction of the samples whose class has the highest score
	Loss     float64              // mean cross-entropy over the samples, in nats
	Classes  []metric.ClassReport // by class, in the order of the labels
	Counts   [][]int              // samples by true class (row) and predicted class (column)
}

// Evaluate measures net on the samples of l, in its first epoch. Layers that are in
// training are in evaluation for that time.
func Evaluate(net nn.Module, l *loader.Loader) (Evaluation, error) {
	defer nn.Evaluating(net)()
	var mean metric.Mean
	confusion := metric.NewConfusion(len(l.Dataset().Classes()))
	for batch, err := range l.Epoch(0) {
		if err != nil {
			return Evaluation{}, err
		}
		logits := net.Forward(batch.Inputs.NoGrad())
		mean.Update(loss.CrossEntropy{}.Forward(logits, batch.Targets).Item(), batch.Targets.Size(0))
		confusion.Update(logits, batch.Targets)
	}
	return Evaluation{
		Accuracy: confusion.Accuracy(), Loss: mean.Result(),
		Classes: confusion.Result(), Counts: confusion.Counts(),
	}, nil
}
