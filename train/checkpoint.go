package train

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/onehot-go/onehot/internal/atomicfile"
	"github.com/onehot-go/onehot/model"
	"github.com/onehot-go/onehot/model/safetensors"
	"github.com/onehot-go/onehot/nn"
	"github.com/onehot-go/onehot/task"
	"github.com/onehot-go/onehot/tensor"
)

// Where a checkpoint keeps what a continued run needs, beside the model: tensors under names
// that begin with a dot, which no layer's does.
const (
	reserved        = "."
	progressKey     = "onehot.progress"
	optimizerPrefix = reserved + "optimizer."
	emaPrefix       = reserved + "ema."
	plateauPrefix   = reserved + "plateau."
)

// state returns the tensors that a continued run needs beside the model, by the names
// that a checkpoint has them under.
func (c *Config) state() map[string]*tensor.Tensor {
	state := map[string]*tensor.Tensor{}
	for name, t := range c.Optimizer.State() {
		state[optimizerPrefix+name] = t
	}
	if c.Plateau != nil {
		for name, t := range c.Plateau.State() {
			state[plateauPrefix+name] = t
		}
	}
	if c.EMA != nil {
		maps.Copy(state, c.EMA.state())
	}
	return state
}

// record is what a saved model says about its training.
type record struct {
	settings   any
	task       task.Task
	epoch      Epoch // the weights are those after it
	measured   bool  // whether the run measures
	validation bool  // which data chose the epoch
}

// MarshalJSON returns {"settings": ..., "epoch": 3, "train_loss": ..., "train_acc": ...,
// "test_loss": ..., "test_acc": ...}, with "val" in place of "test" and the score's own name in
// place of "acc", and the task if that is not classification. The epoch is 0 if untrained. A run that
// measures nothing has no test figures.
func (r record) MarshalJSON() ([]byte, error) {
	score, split := r.task.Score().Column(), "test"
	if r.validation {
		split = "val"
	}
	type field struct {
		name  string
		value any
	}
	fields := []field{{"settings", r.settings}, {"epoch", r.epoch.Epoch},
		{"train_loss", r.epoch.TrainLoss}, {"train_" + score, r.epoch.TrainScore}}
	if r.measured {
		fields = append(fields, field{split + "_loss", r.epoch.Test.Loss}, field{split + "_" + score, r.epoch.Test.Score})
	}
	if name := r.task.Name(); name != (task.Classification{}).Name() {
		fields = slices.Insert(fields, 1, field{"task", name})
	}
	var b bytes.Buffer
	for i, f := range fields {
		value, err := json.Marshal(f.value)
		if err != nil {
			return nil, err
		}
		fmt.Fprintf(&b, "%c%q:%s", "{,"[min(i, 1)], f.name, value)
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// save writes the checkpoints after epoch e, the latest one if last says so.
func (l *loop) save(e Epoch, progress Progress, last bool) error {
	r := record{l.Settings, l.Task, e, l.Test != nil, l.Validation}
	best := cmp.Or(l.Whole, l.measured())
	l.Model.Training, best.Training = r, r
	if e.Best && l.Keep.Best != "" {
		if err := best.Save(l.Keep.Best); err != nil {
			return err
		}
	}
	if !last {
		return nil
	}
	return l.saveLast(progress)
}

// saveWithin writes the latest checkpoint within the epoch after p, of which part is done.
func (l *loop) saveWithin(p Progress, part Part) error {
	var err error
	if part.Score, err = json.Marshal(l.running); err != nil {
		return err
	}
	p.Part = &part
	l.count(&p)
	return l.saveLast(p)
}

// savedShards returns how many shards a batch has as checkpoints say it: 0 for one.
func (c *Config) savedShards() int {
	if n := c.shards(); n > 1 {
		return n
	}
	return 0
}

// saveLast writes the latest checkpoint.
func (l *loop) saveLast(progress Progress) error {
	if l.Keep.Last == "" {
		return nil
	}
	f, err := l.Model.State()
	if err != nil {
		return err
	}
	if by := l.monitor(); by.Score != task.Accuracy {
		progress.Score = by.Name
	}
	progress.Shards = l.savedShards()
	text, err := json.Marshal(progress)
	if err != nil {
		return err
	}
	f.Metadata[progressKey] = string(text)
	for name, t := range l.state() {
		f.Tensors = append(f.Tensors, safetensors.Tensor{Name: name, Value: t})
	}
	if err := seal(f, l.Run); err != nil {
		return err
	}
	return atomicfile.WriteKeeping(l.Keep.Last, l.Keep.Before, func(w io.Writer) error { return f.Write(w) })
}

// Restore reads the checkpoint in the file at path into the model, the optimizer, the
// plateau and the EMA of c, made as those it was written from, and returns how far the run had come:
// c.Start of the run that goes on. That gives the very bits that it would have given
// without the stop. A file that is damaged and one of another run than c.Run are errors. An
// error changes nothing, and names the file and the place in it.
func Restore(path string, c Config) (Progress, error) {
	f, err := safetensors.ReadFile(path)
	if err != nil {
		return Progress{}, err
	}
	if err := checkSeal(f, c.Run); err != nil {
		return Progress{}, fmt.Errorf("%s: %w", path, err)
	}
	progress, err := c.restore(f)
	if err != nil {
		return Progress{}, fmt.Errorf("%s: %w", path, err)
	}
	return progress, nil
}

func (c *Config) restore(f *safetensors.File) (progress Progress, err error) {
	text, ok := f.Metadata[progressKey]
	if !ok {
		return progress, fmt.Errorf("metadata: no %q in it: this is no checkpoint to continue from", progressKey)
	}
	if err := json.Unmarshal([]byte(text), &progress); err != nil {
		return progress, fmt.Errorf("metadata %q: %w", progressKey, err)
	}
	if err := c.settleTask(); err != nil {
		return progress, err
	}
	if progress.BestEpoch < 0 || progress.BestEpoch > progress.Epoch {
		return progress, fmt.Errorf("metadata %q: found %s, epochs in order expected", progressKey, text)
	}
	if p := progress.Part; p != nil && (p.Steps < 1 || p.Loss == nil || p.Score == nil) {
		return progress, fmt.Errorf("metadata %q: found %s, the sums of a part of an epoch expected", progressKey, text)
	}
	if found, want := cmp.Or(progress.Score, task.Accuracy.Name), c.monitor().Name; found != want {
		return progress, fmt.Errorf("metadata %q: found a run by %s, one by %s expected", progressKey, found, want)
	}
	if progress.Shards != c.savedShards() {
		return progress, fmt.Errorf("metadata %q: found a run of %s, %d expected", progressKey, plural(max(progress.Shards, 1), "shard"), c.shards())
	}
	saved, err := model.FromState(f)
	if err != nil {
		return progress, err
	}
	state, found := c.state(), map[string]*tensor.Tensor{}
	for _, t := range f.Tensors {
		if !strings.HasPrefix(t.Name, reserved) {
			continue
		}
		mine := state[t.Name]
		if mine == nil || mine.DType() != t.Value.DType() || !slices.Equal(mine.Shape(), t.Value.Shape()) {
			return progress, fmt.Errorf("tensor %q: %s %v does not belong to this optimizer", t.Name, t.Value.DType(), t.Value.Shape())
		}
		found[t.Name] = t.Value
	}
	for _, name := range slices.Sorted(maps.Keys(state)) {
		if found[name] == nil {
			return progress, fmt.Errorf("tensor %q: missing: the optimizer cannot go on without it", name)
		}
	}
	if _, _, err := nn.LoadStateDict(c.Model.Net, maps.Collect(nn.StateDict(saved.Net)), true); err != nil {
		return progress, err
	}
	for name, t := range found {
		state[name].CopyInPlace(t)
	}
	c.Model.Training = saved.Training
	return progress, nil
}
