// Package train has the training loop: it goes over the batches of every epoch, measures
// on the test data after each, if there are any, emits events and keeps checkpoints. It prints
// and draws nothing: that is for those who listen to the events.
package train

import (
	"encoding/json"
	"fmt"

	"github.com/onehot-go/onehot/dist"
	"github.com/onehot-go/onehot/loader"
	"github.com/onehot-go/onehot/loss"
	"github.com/onehot-go/onehot/metric"
	"github.com/onehot-go/onehot/model"
	"github.com/onehot-go/onehot/optim"
	"github.com/onehot-go/onehot/random"
	"github.com/onehot-go/onehot/task"
	"github.com/onehot-go/onehot/tensor"
)

// Config is a training run. A source's epochs of training count from 1; the test data are
// epoch 0 of theirs.
type Config struct {
	Model      *model.Model
	Whole      *model.Model    // what is kept as the best in place of Model, which has the last of its layers; nil for Model itself
	Task       task.Task       // what the model learns, and what it is measured by; nil for the one that Model names
	Optimizer  optim.Optimizer // over the model's parameters; a FullBatch or a Solver makes an epoch one step
	Train      loader.Source
	Test       loader.Source // what epochs are measured on; nil measures nothing, and the best epoch is the latest
	Validation bool          // Test is a part of the training data that is held out, and no test data
	Epochs     int           // the last epoch to train; with a Budget of time, 0 for as many as there is time for

	Criterion loss.Loss                // what training makes small; nil for the task's loss, which test figures always are of
	Schedule  optim.Schedule           // the learning rate by training step, from 0 in the first epoch; nil keeps it
	Plateau   *optim.ReduceLROnPlateau // lowers it by the test loss of each epoch, in place of a schedule; nil does not
	ClipNorm  float64                  // the greatest norm of all gradients together; 0 for any
	// OnGradients, if not nil, is called after every evaluation of the loss and its
	// gradients, and may change both: gradients are clipped and used afterwards. An error ends
	// the run.
	OnGradients func(*Gradients) error
	Mixup       float64    // alpha of loader.Mixup; 0 for none
	EMA         *EMA       // of the model: it is what is measured, and kept as the best; nil for the model itself
	Monitor     *Monitor   // by what the best epoch is chosen; nil for the task's score
	Mirrored    bool       // whether test figures are of the mean probabilities of a picture and its mirror image, as Ensemble's are
	EarlyStop   int        // epochs without a better one by Monitor after which the run ends; 0 for none
	Budget      *Budget    // of time; nil for any
	Key         random.Key // where layers and mixup draw from

	// Shards is into how many fixed parts a batch is divided, to be worked on by as many ranks as Comm has, one of
	// them or all; 0 and 1 do not divide it. Each goes through the net by itself: layers draw by shard, mixup's partners are
	// of the same shard, and a batch norm has the statistics of a shard, of at least 16 samples if the batch is full. The gradient of a batch is that of the weighted mean
	// that loss.PerSample says, over all its samples. For a number of shards, weights and figures have the same bits for
	// any number of ranks up to it. A FullBatch has parts of its own, and a Solver may have some: their sums depend on neither.
	Shards int
	Comm   dist.Comm // the ranks that work on the run; nil for one

	Run      string   // the run's identity, kept in checkpoints, so that Restore takes no other's; empty for none
	Settings any      // how the run was set up, saved with the model for the record
	Start    Progress // where to go on from: what Restore returned; zero at the beginning
	Keep     Keep     // where checkpoints are kept
}

// Gradients is what an evaluation of the loss has found, before the optimizer uses it: of a
// batch, or of a FullBatch's objective, which a step evaluates several times.
type Gradients struct {
	Parameters []*tensor.Tensor // of the model, in order, each once; Grad has the gradient
	Loss       float64          // the mean, or the objective; what is written here takes its place
	Samples    int              // that were evaluated
}

// Monitor is a figure of the test data by which the best epoch is chosen.
type Monitor struct {
	task.Score                          // what it is
	Of         func(Evaluation) float64 // it, of an epoch
}

// testSamples returns how many samples an epoch is measured on, -1 if nobody knows.
func (c *Config) testSamples() int {
	if c.Test == nil {
		return 0
	}
	return c.Test.Samples()
}

// monitor returns by what the best epoch is chosen.
func (c *Config) monitor() Monitor {
	if c.Monitor != nil {
		return *c.Monitor
	}
	return Monitor{c.Task.Score(), func(e Evaluation) float64 { return e.Score }}
}

// Keep says which files checkpoints are kept in; an empty path keeps none.
type Keep struct {
	Best   string // the model with the best test score so far, or the latest if nothing is measured
	Last   string // the latest model, with all that a continued run needs
	Before string // what Last was before it, in the same folder; of a run that was killed there may be no Last beside it
	// Within, if not nil, is asked after every step of an epoch whether Last is written at once:
	// a run can then go on within the epoch. It says when, and never what is computed. It is
	// asked when the step's event has been handled. An error ends the run.
	Within func(Step) (bool, error)
}

// Progress is how far a run has come.
type Progress struct {
	Epoch     int     `json:"epoch"`         // epochs finished
	BestEpoch int     `json:"best_epoch"`    // the best one by Config.Monitor, the first of equals; the latest if nothing is measured
	BestScore float64 `json:"best_accuracy"` // its test score, of any task, or what Config.Monitor has of it

	Steps   int     `json:"steps,omitempty"`   // of training, in all epochs; 0 in files from when they were not counted
	Seconds float64 `json:"seconds,omitempty"` // of a Budget that are spent
	Score   string  `json:"score,omitempty"`   // what BestScore is, but for accuracy
	Part    *Part   `json:"part,omitempty"`    // of the epoch after these, if some of it is done
	Shards  int     `json:"shards,omitempty"`  // of a batch; 0 for one
}

// Part is the beginning of an epoch, and its sums.
type Part struct {
	Steps   int             `json:"steps"`
	Samples int             `json:"samples"`
	Loss    *metric.Mean    `json:"loss"`
	Score   json.RawMessage `json:"score"`   // a task.Running
	Seconds float64         `json:"seconds"` // of training
}

// Event is something that happened in a run: a Step or an Epoch.
type Event interface{ event() }

// Step says that a batch has been trained on. Figures are of the epoch so far. A batch without a
// sample that counts in the criterion's mean, because of class weights of 0 or ignored labels, is
// a step that leaves the parameters as they are.
type Step struct {
	Epoch, Step int     // from 1
	Steps       int     // of the epoch; -1 if nobody knows
	Samples     int     // trained on in this epoch so far
	Loss        float64 // NaN before a sample has counted
	Score       float64
}

// Epoch says that an epoch has been trained, and measured if there is something to measure on.
type Epoch struct {
	Epoch       int        // from 1; 0 measures a model that was not trained, and has no training figures
	Scored      task.Score // what the scores are
	TrainLoss   float64    // of the criterion, mean over the epoch's samples, each as it was trained on; with class weights, their weighted mean
	TrainScore  float64    // of the same outputs
	Test        Evaluation
	Validation  bool       // Test is of validation data
	Unmeasured  bool       // there are no data to measure on, and Test is zero
	LR          float64    // learning rate
	Seconds     float64    // of the training steps alone
	EvalSeconds float64    // of measuring on the test data
	Best        bool       // it is the best so far
	Ranks       []RankTime // of every rank, if there are several
}

// RankTime is what a rank did in the training steps of an epoch, since the run began or went on.
type RankTime struct {
	Samples int     `json:"samples"` // that it trained on itself; 0 where a step is of all samples at once
	Seconds float64 `json:"seconds"`
	Waited  float64 `json:"waited"` // seconds of these in which it waited for others, sent and received
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
