package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/alecthomas/kong"

	"github.com/onehot-go/onehot/loader"
	"github.com/onehot-go/onehot/loss"
	"github.com/onehot-go/onehot/model"
	"github.com/onehot-go/onehot/nn"
	"github.com/onehot-go/onehot/optim"
	"github.com/onehot-go/onehot/random"
	"github.com/onehot-go/onehot/report"
	"github.com/onehot-go/onehot/tensor"
	"github.com/onehot-go/onehot/train"
	"github.com/onehot-go/onehot/transform"
)

type trainCommand struct {
	settings    `embed:""`
	dataFlags   `group:"Data"`
	Out         string `group:"Output" help:"The run's folder (default runs/<model>-<data>-<n>, the first n that is free)." placeholder:"DIR"`
	Threads     int    `default:"0" group:"Training" help:"Threads to compute with; 0 takes all cores. Results do not depend on it."`
	Resume      bool   `xor:"existing" group:"Output" help:"Go on with the run in --out; it keeps its settings, and --epochs may be raised."`
	Force       bool   `xor:"existing" group:"Output" help:"Replace the run in --out."`
	JSON        bool   `group:"Output" help:"Print one JSON object a line instead of text."`
	TensorBoard bool   `name:"tensorboard" group:"Output" help:"Keep figures and pictures for TensorBoard too, in the run's folder."`
	Watch       bool   `group:"Output" help:"Serve the run's report while it trains, to this machine alone."`
	Port        int    `default:"0" group:"Output" help:"Port of --watch; 0 takes any that is free."`
	Quiet       bool   `short:"q" group:"Output" help:"Print no progress and no remarks."`
}

// evalBatch is the batch size of evaluation: large enough to keep the cores busy, small
// enough to stay in the caches.
const evalBatch = 1000

// prefetch is how many goroutines prepare batches ahead.
const prefetch = 2

func (c *trainCommand) Run(ctx context.Context, parsed *kong.Context, s streams) error {
	if c.Threads < 0 {
		return usagef("--threads %d: at least 0 expected", c.Threads)
	}
	if given(parsed)["port"] && !c.Watch {
		return usagef("--port is for --watch")
	}
	if given(parsed)["out"] && c.Out == "" {
		return usagef(`--out "": a folder's name expected`)
	}
	tensor.SetThreads(c.Threads)
	if c.Quiet {
		s.err = io.Discard
	}
	if c.Resume {
		return c.resume(ctx, given(parsed), s)
	}
	if !given(parsed)["init"] {
		c.Init = defaultInit(c.Model)
	}
	if err := c.checkGiven(given(parsed)); err != nil {
		return err
	}
	if !given(parsed)["lr"] {
		c.LR = defaultLR[c.Optimizer]
	}
	if !given(parsed)["weight-decay"] && c.Optimizer == "adamw" {
		c.WeightDecay = defaultDecay
	}
	return c.start(ctx, s)
}

// start begins a run.
func (c *trainCommand) start(ctx context.Context, s streams) error {
	r, err := c.prepare(ctx, s)
	if err != nil {
		return err
	}
	var unlock func()
	if r.folder, unlock, err = createFolder(c.Out, c.Force, c.settings); err != nil {
		return err
	}
	defer unlock()
	err = c.begin(ctx, r, s)
	// A run that --force replaces is gone when there is something in its place.
	if err != nil && r.finished == 0 {
		if c.Force {
			return errors.Join(err, r.folder.settle(true))
		}
		os.Remove(string(r.folder)) // only if nothing was written
		return err
	}
	return errors.Join(err, r.folder.settle(false))
}

// begin writes the folder's first files and trains.
func (c *trainCommand) begin(ctx context.Context, r *trainRun, s streams) error {
	if err := writeJSON(r.folder.config(), newConfig(c.settings, r.data, c.Threads)); err != nil {
		return err
	}
	history, err := report.CreateHistory(r.folder.history())
	if err != nil {
		return err
	}
	return r.train(ctx, history, train.Progress{}, c.JSON, s)
}

// resume goes on with the run in --out.
func (c *trainCommand) resume(ctx context.Context, given map[string]bool, s streams) error {
	if c.Out == "" {
		return usagef("--resume needs --out with the run's folder")
	}
	f := folder(filepath.Clean(c.Out))
	old, err := f.readConfig()
	if errors.Is(err, fs.ErrNotExist) {
		return usagef("--resume --out %s: no run in it (config.json is missing)", c.Out)
	}
	if err != nil {
		return err
	}
	unlock, err := f.lock()
	if err != nil {
		return err
	}
	defer unlock()
	if err := conflict(given, old.Settings, c.settings); err != nil {
		return err
	}
	if err := old.Settings.checkSaved(); err != nil {
		return fmt.Errorf("%s: %w", f.config(), err)
	}
	epochs := old.Settings.Epochs
	if given["epochs"] {
		if epochs = c.Epochs; epochs != old.Settings.Epochs && old.Settings.plannedToTheEnd() {
			return usagef("--epochs %d: --schedule %s was planned for %d", epochs, old.Settings.Schedule, old.Settings.Epochs)
		}
	}
	c.settings = old.Settings
	c.Epochs = epochs
	if !given["data-dir"] {
		c.DataDir = old.Data.Dir
	}
	r, err := c.prepare(ctx, s)
	if err != nil {
		return err
	}
	if err := old.Data.same(r.data); err != nil {
		return fmt.Errorf("the data are not those that the run in %s was started with: %w", c.Out, err)
	}
	r.folder = f
	progress, err := train.Restore(f.last(), r.config(train.Progress{}))
	if err != nil {
		return err
	}
	if epochs < progress.Epoch {
		return usagef("--epochs %d: the run in %s has finished %d", epochs, c.Out, progress.Epoch)
	}
	if err := writeJSON(f.config(), newConfig(c.settings, r.data, c.Threads)); err != nil {
		return err
	}
	history, err := report.ContinueHistory(f.history(), progress.Epoch)
	if err != nil {
		return err
	}
	fmt.Fprintf(s.err, "going on with %s after epoch %d of %d\n", f, progress.Epoch, epochs)
	return r.train(ctx, history, progress, c.JSON, s)
}

// conflict returns an error if a setting on the command line differs from the run's.
func conflict(given map[string]bool, old, now settings) error {
	before, after := old.byFlag(), now.byFlag()
	for _, flag := range slices.Sorted(maps.Keys(before)) {
		if flag != "epochs" && given[flag] && before[flag] != after[flag] {
			name := "--" + flag
			if flag == "data" {
				name = "data set"
			}
			return usagef("%s %s: the run was started with %s, and only --epochs can change", name, after[flag], before[flag])
		}
	}
	return nil
}

// trainRun is a run that is set up.
type trainRun struct {
	settings       settings
	folder         folder
	data           dataRecord
	training, test *loader.Loader
	model          *model.Model
	optimizer      optim.Optimizer
	criterion      loss.CrossEntropy
	plateau        *optim.ReduceLROnPlateau
	finished       int // epochs that are saved
	watch          bool
	port           int  // to watch at
	tensorboard    bool // whether to write for it
}

// config returns the run as the training loop takes it.
func (r *trainRun) config(start train.Progress) train.Config {
	return train.Config{
		Model: r.model, Optimizer: r.optimizer, Train: r.training, Test: r.test, Epochs: r.settings.Epochs,
		Criterion: r.criterion, Schedule: r.settings.schedule(r.training.Len()), Plateau: r.plateau,
		ClipNorm: r.settings.ClipNorm, Mixup: r.settings.Mixup, Key: random.New(r.settings.Seed).For("train"),
		Settings: r.settings, Start: start, Keep: train.Keep{Best: r.folder.best(), Last: r.folder.last()},
	}
}

// prepare opens the data and makes the model and its optimizer. It writes nothing.
func (c *trainCommand) prepare(ctx context.Context, s streams) (*trainRun, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	training, test, err := c.open(ctx, c.Data, s.err)
	if err != nil {
		return nil, err
	}
	r := &trainRun{settings: c.settings, data: newDataRecord(c.DataDir, training, test), plateau: c.plateau(), watch: c.Watch, port: c.Port,
		tensorboard: c.TensorBoard}
	if training.Transform, err = c.augment(training.Height, training.Width); err != nil {
		return nil, err
	}
	test.Transform = transform.ToTensor{}
	if r.criterion, err = c.criterion(perClass(training)); err != nil {
		return nil, err
	}
	if r.model, err = c.build(training.Shape(), training.Classes()); err != nil {
		return nil, err
	}
	if c.Optimizer == "lbfgs" {
		r.optimizer, err = train.NewFullBatch(r.model.Net.Layer("linear").(*nn.Linear), training, c.LR, c.L2)
		if err != nil {
			return nil, err
		}
	} else {
		r.optimizer = c.optimizer(nn.ParameterList(r.model.Net))
	}
	r.training = loader.New(training, loader.Options{BatchSize: c.BatchSize, Shuffle: true, Seed: c.Seed, Workers: prefetch})
	r.test = loader.New(test, loader.Options{BatchSize: evalBatch, Workers: prefetch})
	return r, nil
}

// train trains to the last epoch, telling s and the run's folder what happens.
func (r *trainRun) train(ctx context.Context, history *report.History, start train.Progress, asJSON bool, s streams) (err error) {
	defer history.Close()
	var page []byte
	live, err := r.live(s)
	if err != nil {
		return err
	}
	defer func() { live.end(page, err) }()
	bar := newProgress(s.err, start.Epoch, r.settings.Epochs, r.training.Samples())
	var board *board
	if r.tensorboard {
		if board, err = r.folder.newBoard(start.Epoch); err != nil {
			return err
		}
		defer board.close()
	}
	best := start
	handled := start.Epoch // the last epoch whose event has been handled; it is saved when more follows
	r.finished = handled
	print := func(v any, line string) error {
		bar.clear()
		if asJSON {
			return json.NewEncoder(s.out).Encode(v)
		}
		_, err := fmt.Fprintln(s.out, line)
		return err
	}
	for event, err := range train.Run(ctx, r.config(start)) {
		if err != nil {
			bar.clear()
			if _, diverged := errors.AsType[*train.DivergedError](err); diverged || errors.Is(err, context.Canceled) {
				r.finished = handled
			}
			return r.explain(err)
		}
		r.finished = handled
		live.observe(event)
		switch e := event.(type) {
		case train.Step:
			bar.step(e)
		case train.Epoch:
			if e.Epoch > 0 {
				if err := history.Add(e); err != nil {
					return err
				}
			}
			if err := board.addEpoch(e, r.training.Samples()); err != nil {
				return err
			}
			if e.Best {
				best = train.Progress{BestEpoch: e.Epoch, BestAccuracy: e.Test.Accuracy}
				if err := writeJSON(r.folder.metrics(), report.NewFigures(e.Test, r.model.Classes)); err != nil {
					return err
				}
			}
			if err := print(newEpochEvent(e), report.Line(e)); err != nil {
				return err
			}
			handled = e.Epoch
		}
	}
	r.finished = handled
	bar.clear()
	if err := board.addPictures(r); err != nil {
		return err
	}
	if page, err = r.writePage(); err != nil {
		return err
	}
	if asJSON {
		return json.NewEncoder(s.out).Encode(doneEvent{"done", string(r.folder), r.folder.best(), r.finished, best.BestEpoch, best.BestAccuracy})
	}
	figures, err := r.folder.readFigures()
	if err != nil {
		return err
	}
	figures.WriteClasses(s.err)
	fmt.Fprintf(s.err, "best: epoch %d, test acc %.4f; the model is %s, the report %s\n",
		best.BestEpoch, best.BestAccuracy, r.folder.best(), r.folder.page())
	return nil
}

// explain says what is left of a run that err ended.
func (r *trainRun) explain(err error) error {
	kept := fmt.Sprintf("epoch %d is saved in %s", r.finished, r.folder)
	if r.finished == 0 {
		kept = fmt.Sprintf("no epoch was finished, the start is saved in %s", r.folder)
	}
	if _, earlier := os.Stat(r.folder.config() + replaced); earlier == nil && r.finished == 0 {
		kept = fmt.Sprintf("no epoch was finished, and the earlier run in %s stays", r.folder)
		if errors.Is(err, context.Canceled) {
			return fmt.Errorf("interrupted: %s%.0w", kept, err)
		}
	}
	switch {
	case errors.Is(err, context.Canceled):
		return fmt.Errorf("interrupted: %s; --resume --out %s goes on from there%.0w", kept, r.folder, err)
	default:
		if d, ok := errors.AsType[*train.DivergedError](err); ok {
			if d.Epoch == 1 && d.Step == 1 || d.Epoch == 0 { // before the learning rate was used
				return fmt.Errorf("%w; %s", err, kept)
			}
			return fmt.Errorf("%w: a learning rate below %g may help; %s", err, r.settings.LR, kept)
		}
		return err
	}
}

// epochEvent is an epoch on standard output with --json.
type epochEvent struct {
	Event       string   `json:"event"`
	Epoch       int      `json:"epoch"`
	TrainLoss   *float64 `json:"train_loss"` // null for a model that was not trained
	TrainAcc    *float64 `json:"train_acc"`
	TestLoss    float64  `json:"test_loss"`
	TestAcc     float64  `json:"test_acc"`
	LR          float64  `json:"lr"`
	Seconds     float64  `json:"seconds"`
	EvalSeconds float64  `json:"eval_seconds"`
}

func newEpochEvent(e train.Epoch) epochEvent {
	out := epochEvent{Event: "epoch", Epoch: e.Epoch, TestLoss: e.Test.Loss, TestAcc: e.Test.Accuracy, LR: e.LR,
		Seconds: e.Seconds, EvalSeconds: e.EvalSeconds}
	if e.Epoch > 0 {
		out.TrainLoss, out.TrainAcc = &e.TrainLoss, &e.TrainAccuracy
	}
	return out
}

// doneEvent is the last line of --json.
type doneEvent struct {
	Event       string  `json:"event"`
	Run         string  `json:"run"`   // the folder
	Model       string  `json:"model"` // the file with the best weights
	Epochs      int     `json:"epochs"`
	BestEpoch   int     `json:"best_epoch"`
	BestTestAcc float64 `json:"best_test_acc"`
}
