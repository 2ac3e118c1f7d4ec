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
	"github.com/onehot-go/onehot/optim"
)

// Where a checkpoint keeps what a continued run needs, beside the model.
const (
	progressKey     = "onehot.progress"
	optimizerPrefix = model.ReservedName + "optimizer."
)

// Record is what a saved model says about its training.
type Record struct {
	Settings      any     `json:"settings"`
	Epoch         int     `json:"epoch"` // the weights are those after it; 0 if untrained
	TrainLoss     float64 `json:"train_loss"`
	TrainAccuracy float64 `json:"train_acc"`
	TestLoss      float64 `json:"test_loss"`
	TestAccuracy  float64 `json:"test_acc"`
}

// save writes the checkpoints after epoch e.
func (c *Config) save(e Epoch, progress Progress) error {
	c.Model.Training = Record{c.Settings, e.Epoch, e.TrainLoss, e.TrainAccuracy, e.Test.Loss, e.Test.Accuracy}
	if e.Best && c.Keep.Best != "" {
		if err := c.Model.Save(c.Keep.Best); err != nil {
			return err
		}
	}
	if c.Keep.Last == "" {
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
	for name, t := range c.Optimizer.State() {
		f.Tensors = append(f.Tensors, safetensors.Tensor{Name: optimizerPrefix + name, Value: t})
	}
	return atomicfile.Write(c.Keep.Last, func(w io.Writer) error { return f.Write(w) })
}

// Restore reads the checkpoint in the file at path into m and o, which were made as
// those it was written from, and returns how far the run had come. Training from there
// gives the very bits that it would have given without the stop.
func Restore(path string, m *model.Model, o optim.Optimizer) (Progress, error) {
	f, err := safetensors.ReadFile(path)
	if err != nil {
		return Progress{}, err
	}
	progress, err := restore(f, m, o)
	if err != nil {
		return Progress{}, fmt.Errorf("%s: %w", path, err)
	}
	return progress, nil
}

func restore(f *safetensors.File, m *model.Model, o optim.Optimizer) (Progress, error) {
	var progress Progress
	text, ok := f.Metadata[progressKey]
	if !ok {
		return progress, fmt.Errorf("metadata: no %q in it: this is no checkpoint to continue from", progressKey)
	}
	if err := json.Unmarshal([]byte(text), &progress); err != nil {
		return progress, fmt.Errorf("metadata %q: %w", progressKey, err)
	}
	if progress.Epoch < 0 || progress.BestEpoch < 0 || progress.BestEpoch > progress.Epoch {
		return progress, fmt.Errorf("metadata %q: found %s, epochs in order expected", progressKey, text)
	}
	saved, err := model.FromState(f)
	if err != nil {
		return progress, err
	}
	state := o.State()
	restored := map[string]bool{}
	for _, t := range f.Tensors {
		name, ok := strings.CutPrefix(t.Name, optimizerPrefix)
		if !ok {
			continue
		}
		mine := state[name]
		if mine == nil || mine.DType() != t.Value.DType() || !slices.Equal(mine.Shape(), t.Value.Shape()) {
			return progress, fmt.Errorf("tensor %q: %s %v does not belong to this optimizer", t.Name, t.Value.DType(), t.Value.Shape())
		}
		mine.CopyInPlace(t.Value)
		restored[name] = true
	}
	for _, name := range slices.Sorted(maps.Keys(state)) {
		if !restored[name] {
			return progress, fmt.Errorf("tensor %q: missing: the optimizer cannot go on without it", optimizerPrefix+name)
		}
	}
	return progress, nn.LoadState(m.Net, maps.Collect(saved.Net.Parameters()))
}
