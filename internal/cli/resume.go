package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"

	"github.com/onehot-go/onehot/internal/atomicfile"
	"github.com/onehot-go/onehot/report"
	"github.com/onehot-go/onehot/train"
)

// resume goes on with the run in --out.
func (c *trainCommand) resume(ctx context.Context, given map[string]bool, s streams) error {
	if c.Out == "" {
		return usagef("--resume needs --out with the run's folder")
	}
	f := folder(c.Out).actual()
	if !c.follows() {
		unlock, err := f.lock(s.err)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return c.agree(err)
		}
		if err == nil {
			defer unlock()
		}
	}
	old, err := c.readOld(f)
	if errors.Is(err, fs.ErrNotExist) {
		return usagef("--resume --out %w", err)
	}
	if err != nil {
		return err
	}
	r, err := c.arrangeOld(ctx, f, old, given, s)
	return c.share(ctx, r, err, s, func() error { return c.goOn(ctx, f, r, s) })
}

// arrangeOld returns the run in f, which is to go on.
func (c *trainCommand) arrangeOld(ctx context.Context, f folder, old config, given map[string]bool, s streams) (*trainRun, error) {
	if err := conflict(given, old.Settings, c.settings); err != nil {
		return nil, err
	}
	epochs := old.Settings.Epochs
	if given["epochs"] && old.Settings.probes() {
		return nil, usagef("--epochs is for %s", fineTuning)
	}
	if given["epochs"] && old.Settings.fits() {
		return nil, usagef("--epochs is for %s", byEpochs)
	}
	if given["epochs"] {
		if old.Settings.MaxTime.Duration > 0 {
			return nil, usagef("--epochs %d: the run was started with --max-time %s", c.Epochs, old.Settings.MaxTime)
		}
		if epochs = c.Epochs; epochs != old.Settings.Epochs && old.Settings.plannedToTheEnd() {
			return nil, usagef("--epochs %d: --schedule %s was planned for %d", epochs, old.Settings.Schedule, old.Settings.Epochs)
		}
	}
	data := c.Data
	c.settings, c.weights = old.Settings, old.Weights
	c.Epochs = epochs
	c.Data = old.where()
	if given["data"] { // where the pictures of the run are now
		c.Data = data
	}
	if !given["data-dir"] {
		c.DataDir = old.Data.Dir
	}
	if !given["checkpoint-every"] {
		c.Every = old.Every
	}
	r, err := c.prepare(ctx, s)
	if _, ok := errors.AsType[usageError](err); ok { // of the file, not of the command line
		return nil, fmt.Errorf("%s: %s", f.config(), err)
	}
	if err != nil {
		return nil, err
	}
	err = old.Data.same(r.data)
	if err == nil && !c.follows() { // the list of files is in the folder
		err = r.own.samePictures(old.Data, f.files())
	}
	if err != nil {
		return nil, fmt.Errorf("the data are not those that the run in %s was started with: %w", c.Out, err)
	}
	if old.Data.Val != r.data.Val { // of a version that rounded class by class
		return nil, fmt.Errorf("the run in %s was started with %d samples held out by --val %s, and now it would hold out %d", c.Out, old.Data.Val, c.Val, r.data.Val)
	}
	r.folder, r.id = f, old.Run
	return r, nil
}

// goOn goes on with the run in f.
func (c *trainCommand) goOn(ctx context.Context, f folder, r *trainRun, s streams) error {
	progress, err := r.restore(s.err)
	if err != nil {
		return err
	}
	if c.Epochs < progress.Epoch && c.MaxTime.Duration == 0 {
		return usagef("--epochs %d: the run in %s has finished %d", c.Epochs, c.Out, progress.Epoch)
	}
	if err := writeJSON(f.config(), newConfig(r.id, c.settings, r.data, r.weights, c.Threads, c.Every)); err != nil {
		return err
	}
	history, err := report.ContinueHistory(f.history(), r.data.score(), progress.Epoch)
	if errors.Is(err, fs.ErrNotExist) && progress.Epoch == 0 { // killed before it was written
		history, err = report.CreateHistory(f.history(), r.data.score(), r.val != nil)
	}
	if err != nil {
		return err
	}
	of := fmt.Sprintf(" of %d", c.Epochs)
	if c.MaxTime.Duration > 0 {
		of = ""
	}
	if progress.Part != nil {
		of += fmt.Sprintf(" and %d steps", progress.Part.Steps)
	}
	fmt.Fprintf(s.err, "going on with %s after epoch %d%s\n", f, progress.Epoch, of)
	return r.train(ctx, history, progress, c.JSON, s)
}

// restore brings the run back to its latest checkpoint. If that is missing, damaged or another
// run's, it takes the one before. If there is none yet, it takes the start. It tells remarks
// why.
func (r *trainRun) restore(remarks io.Writer) (train.Progress, error) {
	f := r.folder
	progress, err := train.Restore(f.last(), r.config(train.Progress{}))
	if err == nil {
		return progress, nil
	}
	missing := errors.Is(err, fs.ErrNotExist)
	progress, errBefore := train.Restore(f.before(), r.config(train.Progress{}))
	switch {
	case errBefore == nil && missing: // killed before the next one had its name
		fmt.Fprintf(remarks, "%s is missing: taken is %s, the checkpoint before it\n", f.last(), filepath.Base(f.before()))
	case errBefore == nil:
		if err := atomicfile.Rename(f.last(), f.refused()); err != nil {
			return progress, err
		}
		fmt.Fprintf(remarks, "%v; taken is %s, the checkpoint before it, and the refused one is now %s\n", err, filepath.Base(f.before()), filepath.Base(f.refused()))
	case missing && errors.Is(errBefore, fs.ErrNotExist) && !f.begun():
		fmt.Fprintf(remarks, "%s is missing: the run was ended before its first checkpoint, and starts again\n", f.last())
		return train.Progress{}, nil
	case errors.Is(errBefore, fs.ErrNotExist):
		return progress, err
	default:
		return progress, errors.Join(err, errBefore)
	}
	return progress, atomicfile.Rename(f.before(), f.last())
}

// conflict returns an error if a setting on the command line differs from the run's.
func conflict(given map[string]bool, old, now settings) error {
	before, after := old.byFlag(), now.byFlag()
	for _, flag := range slices.Sorted(maps.Keys(before)) {
		moved := flag == "data" && old.isPath() && now.isPath() // which the pictures will show
		if flag != "epochs" && !moved && given[flag] && before[flag] != after[flag] {
			name := "--" + flag
			if flag == "data" {
				name = "data set"
			}
			return usagef("%s %s: the run was started with %s, and only --epochs can change", name, after[flag], before[flag])
		}
	}
	return nil
}
