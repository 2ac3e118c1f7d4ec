package train

import (
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
	"github.com/onehot-go/onehot/tensor"
)

// Where a checkpoint keeps what a continued run needs, beside the model.
const (
	progressKey     = "onehot.progress"
	optimizerPrefix = model.ReservedName + "optimizer."
	emaPrefix       = model.ReservedName + "ema."
	plateauPrefix   = model.ReservedName + "plateau."
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

// Record is what a saved model says about its training.
type Record struct {
	Settings      any     `json:"settings"`
	Epoch         int     `json:"epoch"` // the weights are those after it; 0 if untrained
	TrainLoss     float64 `json:"train_loss"`
	TrainAccuracy float64 `json:"train_acc"`

	// One of the two pairs: which data chose the epoch.
	TestLoss     *float64 `json:"test_loss,omitempty"`
	TestAccuracy *float64 `json:"test_acc,omitempty"`
	ValLoss      *float64 `json:"val_loss,omitempty"`
	ValAccuracy  *float64 `json:"val_acc,omitempty"`
}

// save writes the checkpoints after epoch e, the latest one if last says so.
func (c *Config) save(e Epoch, progress Progress, last bool) error {
	record := Record{Settings: c.Settings, Epoch: e.Epoch, TrainLoss: e.TrainLoss, TrainAccuracy: e.TrainAccuracy}
	if c.Validation {
		record.ValLoss, record.ValAccuracy = &e.Test.Loss, &e.Test.Accuracy
	} else {
		record.TestLoss, record.TestAccuracy = &e.Test.Loss, &e.Test.Accuracy
	}
	c.Model.Training, c.measured().Training = record, record
	if e.Best && c.Keep.Best != "" {
		if err := c.measured().Save(c.Keep.Best); err != nil {
			return err
		}
	}
	if !last || c.Keep.Last == "" {
		return nil
	}
	f, err := c.Model.State()
	if err != nil {
		return err
	}
	text, err := json.Marshal(progress)
	if err != nil {
		return err
	}
	f.Metadata[progressKey] = string(text)
	for name, t := range c.state() {
		f.Tensors = append(f.Tensors, safetensors.Tensor{Name: name, Value: t})
	}
	if err := seal(f, c.Run); err != nil {
		return err
	}
	return atomicfile.WriteKeeping(c.Keep.Last, c.Keep.Before, func(w io.Writer) error { return f.Write(w) })
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
	if progress.BestEpoch < 0 || progress.BestEpoch > progress.Epoch {
		return progress, fmt.Errorf("metadata %q: found %s, epochs in order expected", progressKey, text)
	}
	saved, err := model.FromState(f)
	if err != nil {
		return progress, err
	}
	state, found := c.state(), map[string]*tensor.Tensor{}
	for _, t := range f.Tensors {
		if !strings.HasPrefix(t.Name, model.ReservedName) {
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
	return progress, nil
}
