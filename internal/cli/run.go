package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/onehot-go/onehot/dataset"
	"github.com/onehot-go/onehot/loader"
	"github.com/onehot-go/onehot/model"
	"github.com/onehot-go/onehot/model/zoo"
	"github.com/onehot-go/onehot/nn"
	"github.com/onehot-go/onehot/random"
	"github.com/onehot-go/onehot/report"
	"github.com/onehot-go/onehot/train"
)

// config returns the run as the training loop takes it.
func (r *trainRun) config(start train.Progress) train.Config {
	c := train.Config{
		Model: r.model, Optimizer: r.optimizer, Train: r.training, Validation: r.val != nil, Epochs: r.settings.Epochs,
		EMA: r.ema, Mirrored: r.settings.TTA, EarlyStop: r.settings.EarlyStop, Monitor: r.settings.monitor(),
		Criterion: r.criterion, Schedule: r.settings.schedule(r.steps), Plateau: r.plateau,
		ClipNorm: r.settings.ClipNorm, Mixup: r.settings.Mixup, Key: random.New(r.settings.Seed).For("train"),
		Run: r.id, Settings: r.settings, Start: start, Shards: r.settings.Shards, Comm: r.comm,
		Keep: train.Keep{Best: r.folder.best(), Last: r.folder.last(), Before: r.folder.before()},
	}
	after := 0
	if r.data.measured() {
		c.Test = r.choosing()
		after = r.final().Samples() // for the page
	}
	if r.probe != nil {
		c.Model, c.Whole = r.probe.head, r.model
		if c.Test != nil {
			c.Test = r.probe.choosing()
		}
	}
	if r.testedLast() {
		after += r.test.Samples()
	}
	if r.settings.Calibrate != "" && r.val != nil {
		after += r.val.Samples() + r.final().Samples()
	}
	if limit := r.settings.MaxTime.Duration; limit > 0 {
		c.Budget = &train.Budget{Time: limit - time.Since(r.began) - closing, After: after}
		if r.settings.plannedToTheEnd() {
			c.Budget.Steps = timedSteps
		}
	}
	return c
}

// epochs returns how many epochs of a run are done, with the part of one.
func (r *trainRun) epochs(p train.Progress) float64 {
	if p.Part == nil {
		return float64(p.Epoch)
	}
	return float64(p.Epoch) + float64(p.Part.Steps)/float64(r.steps)
}

// checkSetup returns what is wrong with the run, before its folder is made, and which flag is to
// blame.
func (r *trainRun) checkSetup() error {
	if r.settings.Calibrate != "" {
		if err := r.checkCalibration(); err != nil {
			return err
		}
	}
	err := train.Check(r.config(train.Progress{}))
	if e, ok := errors.AsType[*train.SetupError](err); ok {
		switch e.Field {
		case "BatchSize":
			return usagef("--batch-size %d: %s", r.settings.BatchSize, e.Detail)
		case "Shards":
			return usagef("--shards %d: %s", max(r.settings.Shards, 1), e.Detail)
		}
	}
	return err
}

// closing is the part of --max-time that is kept for what a run ends with, beside
// measuring: pictures and files.
const closing = time.Second

// train trains to the last epoch, telling s and the run's folder what happens.
func (r *trainRun) train(ctx context.Context, history *report.History, start train.Progress, asJSON bool, s streams) (err error) {
	defer history.Close()
	if r.settings.TTA && !mirrors(r.settings.Augment) {
		fmt.Fprintf(s.err, noMirrors, "the model")
	}
	var page []byte
	live, err := r.live(start, s)
	if err != nil {
		return err
	}
	defer func() { live.end(page, err) }()
	bar := newProgress(s.err, start.Epoch, r.settings.Epochs, r.training.Samples(), r.data.score().Short)
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
	batches := report.NewBatches(r.folder.readBatches(r.epochs(start), s.err), start.Part)
	best := start
	paced := false         // whether it was said what several ranks bring
	handled := start.Epoch // the last epoch whose event has been handled; it is saved when more follows
	r.finished = handled
	score := r.data.score()
	print := func(v any, line string) error {
		bar.clear()
		if asJSON {
			return writeEvent(s.out, v, score)
		}
		_, err := fmt.Fprintln(s.out, line)
		return err
	}
	if start.Part != nil {
		r.kept = train.Step{Epoch: start.Epoch + 1, Step: start.Part.Steps}
	}
	c := r.config(start)
	checkpoints := newInterval(r.every, time.Now)
	if r.every > 0 {
		c.Keep.Within = func(s train.Step) (bool, error) {
			if !checkpoints.over() {
				return false, nil
			}
			r.kept = s
			return true, r.keepBatches(batches)
		}
	}
	var last train.Step
	r.begun = true
	for event, err := range train.Run(ctx, c) {
		if err != nil {
			bar.clear()
			_, diverged := errors.AsType[*train.DivergedError](err)
			interrupted := errors.Is(err, context.Canceled)
			stopped := diverged || interrupted
			if stopped {
				r.finished = handled
			}
			if interrupted && last.Epoch > 0 && (c.Keep.Within != nil || last.Step == last.Steps) {
				r.kept = last
			}
			err = errors.Join(r.explain(err), r.keepBatches(batches))
			leaveWord(ctx, err)
			if stopped {
				err = errors.Join(err, r.keepPage())
			}
			return err
		}
		r.finished = handled
		live.observe(event)
		switch e := event.(type) {
		case train.Step:
			last = e
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
				best = train.Progress{BestEpoch: e.Epoch, BestScore: e.Test.Score}
				if !e.Unmeasured && !r.testedLast() {
					if err := r.writeFigures(e.Test, nil); err != nil {
						return err
					}
				}
			}
			if err := print(newEpochEvent(e), report.Line(e)); err != nil {
				return err
			}
			if a, ok := newPace(e); ok && !paced {
				paced = true
				bar.clear()
				fmt.Fprintln(s.err, a)
				if asJSON {
					if err := writeEvent(s.out, a, score); err != nil {
						return err
					}
				}
			}
			if err := r.keepBatches(batches); err != nil {
				return err
			}
			handled = e.Epoch
			checkpoints.start()
		}
	}
	r.finished = handled
	bar.clear()
	r.assisted = r.comm != nil && r.comm.Size() > 1
	defer func() { err = r.dismiss(err) }()
	if r.settings.Calibrate != "" {
		if err := r.calibrate(s.err); err != nil {
			return err
		}
	}
	if r.data.several() {
		if err := r.settleThresholds(s.err); err != nil {
			return err
		}
	}
	if r.testedLast() || r.settings.Calibrate != "" || r.data.several() && r.val != nil {
		if err := r.measureBest(); err != nil {
			return err
		}
	}
	if r.fit != nil {
		if err := r.keepCoefficients(s.err); err != nil {
			return err
		}
	}
	if r.table != nil && !r.data.several() {
		if err := r.look(); err != nil {
			return err
		}
	}
	var figures figuresFile
	if r.data.measured() || r.cv != nil {
		if figures, err = r.folder.readFigures(); err != nil {
			return err
		}
	}
	if r.testedLast() && !asJSON {
		mirrored := ""
		if r.settings.TTA {
			mirrored = ", each picture with its mirror image"
		}
		loss, value := figures.figures().Summary()
		fmt.Fprintf(s.out, "test %s %.4f, loss %.4f of epoch %d, the best by val %s; the test data were read this once%s\n",
			score.Short, value, loss, best.BestEpoch, r.settings.monitored(score), mirrored)
	}
	final, err := r.finalPage()
	if err != nil {
		return err
	}
	if final.Predictions != nil {
		figures.look(final.Predictions, 0)
		if err := writeJSON(r.folder.metrics(), figures); err != nil {
			return err
		}
	}
	if i := slices.IndexFunc(final.Epochs, func(e train.Epoch) bool { return e.Epoch == best.BestEpoch }); i >= 0 && r.settings.monitor() != nil {
		best.BestScore = final.Epochs[i].Test.Score // progress has the figure that it was chosen by
	}
	if err := board.addPictures(final.Predictions, best.BestEpoch); err != nil {
		return err
	}
	if page, err = r.folder.writePage(final); err != nil {
		return err
	}
	if asJSON {
		done := doneEvent{Event: "done", Run: string(r.folder), Model: r.folder.best(), Epochs: r.finished, BestEpoch: best.BestEpoch}
		switch {
		case !r.data.measured():
		case r.val == nil:
			done.BestTestAcc = &best.BestScore
		case r.test == nil:
			done.BestValAcc = &best.BestScore
		default:
			loss, value := figures.figures().Summary()
			done.BestValAcc, done.TestAcc, done.TestLoss = &best.BestScore, &value, &loss
		}
		return writeEvent(s.out, done, score)
	}
	if !r.data.measured() && r.cv != nil {
		report.WriteTable(s.err, figures.Tables()[0])
		fmt.Fprintf(s.err, "%s\nby cross-validation: acc %.4f; the model of all %d rows is %s, the report %s\n", macroLine(figures.ByClass), figures.Accuracy, r.data.Train, r.folder.best(), r.folder.page())
		return nil
	}
	if !r.data.measured() {
		fmt.Fprintf(s.err, "nothing was measured: there are no validation or test %ss; the model of epoch %d is %s, the report %s\n", r.sample(), best.BestEpoch, r.folder.best(), r.folder.page())
		return nil
	}
	report.WriteTable(s.err, figures.figures().Tables()[0])
	if r.own != nil || r.table != nil {
		fmt.Fprintln(s.err, meansLine(figures.figures()))
	}
	chosen := fmt.Sprintf("val %s %.4f", score.Short, best.BestScore)
	if r.val == nil {
		chosen = fmt.Sprintf("test %s %.4f, by which it was chosen", score.Short, best.BestScore)
	}
	if r.settings.monitor() != nil {
		chosen = fmt.Sprintf("%s %s %.4f, chosen by its %s", r.choosingSplit(), score.Short, best.BestScore, r.settings.monitored(score))
	}
	fmt.Fprintf(s.err, "best: epoch %d, %s; the model is %s, the report %s\n", best.BestEpoch, chosen, r.folder.best(), r.folder.page())
	return nil
}

// keepBatches writes the losses by batch.
func (r *trainRun) keepBatches(b *report.Batches) error {
	losses := b.Losses()
	if len(losses) == 0 {
		return nil
	}
	return report.WriteBatches(r.folder.batches(), losses)
}

// keepPage writes the page of a run that was stopped after an epoch. If the test data are read
// once, there is none yet: it would read them before all choices are made.
func (r *trainRun) keepPage() error {
	if r.finished == 0 || r.testedLast() {
		return nil
	}
	p, err := r.finalPage()
	if err != nil {
		return err
	}
	_, err = r.folder.writePage(p)
	return err
}

// measureBest measures the best model on the test data, or on those held out if there are none, after all choices.
func (r *trainRun) measureBest() error {
	m, err := model.Load(r.folder.best())
	if err != nil {
		return err
	}
	learnt, err := m.Learnt()
	if err != nil {
		return err
	}
	comm, err := r.call(m, r.finalSplit())
	if err != nil {
		return err
	}
	net, of := r.asked(m, r.finalSplit())
	e, err := train.EvaluateOn(comm, net, of, learnt)
	if err != nil {
		return err
	}
	return r.writeFigures(e, m.Calibration)
}

// asked returns what says of validation or test data what a model does: its net, and the data, or of a probe its last
// layer, and their features.
func (r *trainRun) asked(m *model.Model, part dataset.Split) (nn.Module, *loader.Loader) {
	if r.probe != nil {
		_, head := zoo.Head(m.Net)
		return head, r.probe.parts[part]
	}
	data := r.test
	if part == dataset.Validation {
		data = r.val
	}
	return measured(m.Net, r.settings.TTA, r.data.several()), data
}

// writeFigures writes the figures of the best model, calibrated or not, to metrics.json.
func (r *trainRun) writeFigures(e train.Evaluation, c *model.Calibration) error {
	f := newFigures(e)
	f.Calibration = c
	if r.test == nil {
		f.Part = "val"
	}
	return writeJSON(r.folder.metrics(), f)
}

// explain says what is left of a run that err ended.
func (r *trainRun) explain(err error) error {
	kept := fmt.Sprintf("epoch %d is saved in %s", r.finished, r.folder)
	switch {
	case r.kept.Epoch > r.finished:
		kept = fmt.Sprintf("step %d of epoch %d is saved in %s", r.kept.Step, r.kept.Epoch, r.folder)
	case r.finished == 0:
		kept = fmt.Sprintf("no epoch was finished, the start is saved in %s", r.folder)
	}
	if r.folder.waiting() {
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
			return fmt.Errorf("%w%s; %s", err, r.settings.advice(d), kept)
		}
		return err
	}
}

// advice names the setting that made a loss leave all bounds, behind a colon. It is empty where
// no setting is known to be the cause.
func (s *settings) advice(d *train.DivergedError) string {
	least := 2 * (1 + s.Momentum) / s.LR // the weight decay from which on plain steps make weights grow
	switch {
	case s.Optimizer == "lbfgs": // its search finds a rate of its own
		return ""
	case d.Epoch == 0 || d.Epoch == 1 && d.Step == 1: // of the weights as they were drawn
		if s.Init == "normal" && s.ClassWeights == "" {
			return fmt.Sprintf(": a --init-std below %g may help", s.InitStd)
		}
		return ""
	case s.LR == 0:
		return ""
	case (s.Optimizer == "sgd" || s.Optimizer == "adamw") && s.WeightDecay > least:
		return fmt.Sprintf(": a --weight-decay below %.3g may help, or a lower learning rate than %g", least, s.LR)
	}
	return fmt.Sprintf(": a learning rate below %g may help", s.LR)
}
