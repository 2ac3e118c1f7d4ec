package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/alecthomas/kong"

	"github.com/onehot-go/onehot/dataset"
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

	began time.Time
}

// evalBatch is the batch size of evaluation: large enough to keep the cores busy, small
// enough to stay in the caches.
const evalBatch = 1000

// prefetch is how many goroutines prepare batches ahead.
const prefetch = 2

func (c *trainCommand) Run(ctx context.Context, parsed *kong.Context, s streams) error {
	c.began = time.Now()
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
	if err := c.complete(given(parsed)); err != nil {
		return err
	}
	return c.start(ctx, s)
}

// complete sets what the command line, which has the flags and arguments given, leaves
// open: what the recipe says, and what depends on other settings. The error is about flags
// that nothing makes use of.
func (c *trainCommand) complete(given map[string]bool) error {
	if c.MaxTime.Duration > 0 && !given["epochs"] {
		c.Epochs = 0
	}
	set := c.follow(given)
	if !given["init"] {
		c.Init = architectures[slices.Index(modelNames, c.Model)].init
	}
	if err := c.checkGiven(given); err != nil {
		return err
	}
	if !set["lr"] {
		c.LR = defaultLR[c.Optimizer]
	}
	if !set["weight-decay"] && c.Optimizer == "adamw" {
		c.WeightDecay = defaultDecay
	}
	return nil
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
	history, err := report.CreateHistory(r.folder.history(), c.Val > 0)
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
		return usagef("--resume --out %w", err)
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
		if old.Settings.MaxTime.Duration > 0 {
			return usagef("--epochs %d: the run was started with --max-time %s", c.Epochs, old.Settings.MaxTime)
		}
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
	if epochs < progress.Epoch && c.MaxTime.Duration == 0 {
		return usagef("--epochs %d: the run in %s has finished %d", epochs, c.Out, progress.Epoch)
	}
	if err := writeJSON(f.config(), newConfig(c.settings, r.data, c.Threads)); err != nil {
		return err
	}
	history, err := report.ContinueHistory(f.history(), progress.Epoch)
	if err != nil {
		return err
	}
	of := fmt.Sprintf(" of %d", epochs)
	if c.MaxTime.Duration > 0 {
		of = ""
	}
	fmt.Fprintf(s.err, "going on with %s after epoch %d%s\n", f, progress.Epoch, of)
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
	val            *loader.Loader // nil without --val
	model          *model.Model
	ema            *train.EMA // nil without --ema
	began          time.Time
	optimizer      optim.Optimizer
	criterion      loss.CrossEntropy
	plateau        *optim.ReduceLROnPlateau
	finished       int          // epochs that are saved
	listener       net.Listener // for those who watch; nil without --watch
	tensorboard    bool         // whether to write for it
}

// config returns the run as the training loop takes it.
func (r *trainRun) config(start train.Progress) train.Config {
	c := train.Config{
		Model: r.model, Optimizer: r.optimizer, Train: r.training, Test: r.test, Epochs: r.settings.Epochs,
		EMA: r.ema, Mirrored: r.settings.TTA, EarlyStop: r.settings.EarlyStop,
		Criterion: r.criterion, Schedule: r.settings.schedule(r.training.Len()), Plateau: r.plateau,
		ClipNorm: r.settings.ClipNorm, Mixup: r.settings.Mixup, Key: random.New(r.settings.Seed).For("train"),
		Settings: r.settings, Start: start, Keep: train.Keep{Best: r.folder.best(), Last: r.folder.last()},
	}
	after := r.test.Samples() // for the page
	if r.val != nil {
		c.Test, c.Validation = r.val, true
		after += r.test.Samples()
	}
	if limit := r.settings.MaxTime.Duration; limit > 0 {
		c.Budget = &train.Budget{Time: limit - time.Since(r.began) - closing, After: after}
		if r.settings.plannedToTheEnd() {
			c.Budget.Steps = timedSteps
		}
	}
	return c
}

// closing is the part of --max-time that is kept for what a run ends with, beside
// measuring: pictures and files.
const closing = time.Second

// prepare opens the data and makes the model and its optimizer. It writes nothing.
func (c *trainCommand) prepare(ctx context.Context, s streams) (*trainRun, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	training, test, err := c.open(ctx, c.Data, s.err)
	if err != nil {
		return nil, err
	}
	r := &trainRun{settings: c.settings, data: newDataRecord(c.DataDir, training, test), plateau: c.plateau(),
		tensorboard: c.TensorBoard, began: c.began}
	if training.Transform, err = c.augment(training.Height, training.Width); err != nil {
		return nil, err
	}
	test.Transform = transform.ToTensor{}
	var samples dataset.Dataset = training
	if c.Val > 0 {
		var held dataset.Subset
		if samples, held, err = c.hold(training); err != nil {
			return nil, err
		}
		r.val = loader.New(held, loader.Options{BatchSize: evalBatch, Workers: prefetch})
		r.data.Train, r.data.Val = samples.Len(), held.Len()
	}
	counts := make([]int, len(training.Classes()))
	labels, err := dataset.Labels(samples)
	if err != nil {
		return nil, err
	}
	for _, label := range labels {
		counts[label]++
	}
	if r.criterion, err = c.criterion(counts); err != nil {
		return nil, err
	}
	if r.model, err = c.build(training.Shape(), training.Classes()); err != nil {
		return nil, err
	}
	if c.Optimizer == "lbfgs" {
		r.optimizer, err = train.NewFullBatch(r.model.Net.Layer("linear").(*nn.Linear), samples, c.LR, c.L2)
		if err != nil {
			return nil, err
		}
	} else {
		r.optimizer = c.optimizer(nn.ParameterList(r.model.Net))
	}
	if c.EMA > 0 {
		r.ema = train.NewEMA(r.model, c.EMA)
	}
	r.training = loader.New(samples, loader.Options{BatchSize: c.BatchSize, Shuffle: true, Seed: c.Seed, Workers: prefetch})
	r.test = loader.New(test, loader.Options{BatchSize: evalBatch, Workers: prefetch})
	if c.Watch { // before the folder is made: the port may be taken
		if r.listener, err = net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", c.Port)); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// hold returns the training samples without those of --val, and those as they are tested
// on.
func (s *settings) hold(training *dataset.Images) (rest, held dataset.Subset, err error) {
	n := training.Len()
	if s.Val >= n {
		return rest, held, usagef("--val %d: less than the %d training samples expected", s.Val, n)
	}
	share := float64(s.Val) / float64(n)
	parts, err := dataset.StratifiedSplit(training, []float64{1 - share, share}, random.New(s.Seed).For("validation"))
	if err != nil {
		return rest, held, err
	}
	rest, held = parts[0], parts[1]
	if held.Len() == 0 {
		return rest, held, usagef("--val %d: too few to have any of a class", s.Val)
	}
	whole := *training
	whole.Transform = transform.ToTensor{}
	held.Dataset = &whole
	return rest, held, nil
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
	if limit := r.settings.MaxTime.Duration; limit > 0 {
		bar.end = r.began.Add(limit - time.Duration(start.Seconds*float64(time.Second)))
	}
	var board *board
	if r.tensorboard {
		if board, err = r.folder.newBoard(start.Epoch); err != nil {
			return err
		}
		defer board.close()
	}
	earlier, err := report.ReadBatches(r.folder.batches(), start.Epoch)
	if err != nil {
		return err
	}
	batches := report.NewBatches(earlier)
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
			_, diverged := errors.AsType[*train.DivergedError](err)
			stopped := diverged || errors.Is(err, context.Canceled)
			if stopped {
				r.finished = handled
			}
			err = errors.Join(r.explain(err), r.keepBatches(batches))
			if stopped {
				err = errors.Join(err, r.keepPage())
			}
			return err
		}
		r.finished = handled
		live.observe(event)
		switch e := event.(type) {
		case train.Step:
			bar.step(e)
			batches.Observe(e)
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
				if r.val == nil {
					if err := writeJSON(r.folder.metrics(), report.NewFigures(e.Test, r.model.Classes)); err != nil {
						return err
					}
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
	if err := r.keepBatches(batches); err != nil {
		return err
	}
	if r.val != nil {
		if err := r.testOnce(); err != nil {
			return err
		}
	}
	figures, err := r.folder.readFigures()
	if err != nil {
		return err
	}
	if r.val != nil && !asJSON {
		mirrored := ""
		if r.settings.TTA {
			mirrored = ", each picture with its mirror image"
		}
		fmt.Fprintf(s.out, "test acc %.4f, loss %.4f of epoch %d, the best by val acc; the test data were read this once%s\n",
			figures.Accuracy, figures.Loss, best.BestEpoch, mirrored)
	}
	final, err := r.finalPage()
	if err != nil {
		return err
	}
	if err := board.addPictures(final.Predictions, best.BestEpoch); err != nil {
		return err
	}
	if page, err = r.folder.writePage(final); err != nil {
		return err
	}
	if asJSON {
		done := doneEvent{Event: "done", Run: string(r.folder), Model: r.folder.best(), Epochs: r.finished, BestEpoch: best.BestEpoch}
		if r.val != nil {
			done.BestValAcc, done.TestAcc, done.TestLoss = &best.BestAccuracy, &figures.Accuracy, &figures.Loss
		} else {
			done.BestTestAcc = &best.BestAccuracy
		}
		return json.NewEncoder(s.out).Encode(done)
	}
	figures.WriteClasses(s.err)
	chosen := fmt.Sprintf("val acc %.4f", best.BestAccuracy)
	if r.val == nil {
		chosen = fmt.Sprintf("test acc %.4f, by which it was chosen", best.BestAccuracy)
	}
	fmt.Fprintf(s.err, "best: epoch %d, %s; the model is %s, the report %s\n", best.BestEpoch, chosen, r.folder.best(), r.folder.page())
	return nil
}

// keepBatches writes the losses by batch of a run that has finished an epoch.
func (r *trainRun) keepBatches(b *report.Batches) error {
	losses := b.Losses()
	if r.finished == 0 || len(losses) == 0 {
		return nil
	}
	return report.WriteBatches(r.folder.batches(), losses)
}

// keepPage writes the page of a run that was stopped after an epoch. With validation data
// there is none yet: it would read the test data before all choices are made.
func (r *trainRun) keepPage() error {
	if r.finished == 0 || r.val != nil {
		return nil
	}
	p, err := r.finalPage()
	if err != nil {
		return err
	}
	_, err = r.folder.writePage(p)
	return err
}

// testOnce measures the best model on the test data, after all choices.
func (r *trainRun) testOnce() error {
	m, err := model.Load(r.folder.best())
	if err != nil {
		return err
	}
	e, err := train.Evaluate(train.Measured(m.Net, r.settings.TTA), r.test)
	if err != nil {
		return err
	}
	return writeJSON(r.folder.metrics(), report.NewFigures(e, m.Classes))
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
	TestLoss    *float64 `json:"test_loss,omitempty"` // without --val
	TestAcc     *float64 `json:"test_acc,omitempty"`
	ValLoss     *float64 `json:"val_loss,omitempty"` // with it
	ValAcc      *float64 `json:"val_acc,omitempty"`
	LR          float64  `json:"lr"`
	Seconds     float64  `json:"seconds"`
	EvalSeconds float64  `json:"eval_seconds"`
}

func newEpochEvent(e train.Epoch) epochEvent {
	out := epochEvent{Event: "epoch", Epoch: e.Epoch, LR: e.LR, Seconds: e.Seconds, EvalSeconds: e.EvalSeconds}
	if e.Validation {
		out.ValLoss, out.ValAcc = &e.Test.Loss, &e.Test.Accuracy
	} else {
		out.TestLoss, out.TestAcc = &e.Test.Loss, &e.Test.Accuracy
	}
	if e.Epoch > 0 {
		out.TrainLoss, out.TrainAcc = &e.TrainLoss, &e.TrainAccuracy
	}
	return out
}

// doneEvent is the last line of --json.
type doneEvent struct {
	Event       string   `json:"event"`
	Run         string   `json:"run"`   // the folder
	Model       string   `json:"model"` // the file with the best weights
	Epochs      int      `json:"epochs"`
	BestEpoch   int      `json:"best_epoch"`
	BestTestAcc *float64 `json:"best_test_acc,omitempty"` // without --val
	BestValAcc  *float64 `json:"best_val_acc,omitempty"`  // with it
	TestAcc     *float64 `json:"test_acc,omitempty"`      // of the best epoch by validation
	TestLoss    *float64 `json:"test_loss,omitempty"`
}
