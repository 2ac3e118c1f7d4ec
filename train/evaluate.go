package train

import (
	"context"

	"github.com/onehot-go/onehot/loader"
	"github.com/onehot-go/onehot/nn"
	"github.com/onehot-go/onehot/task"
	"github.com/onehot-go/onehot/tensor"
)

// Evaluation is how well a model does on a data set.
type Evaluation struct {
	Loss    float64      // the task's, mean over the samples
	Score   float64      // the task's
	Figures task.Figures // all of the task's: of Classification a task.ByClass; nil if only the two are known
}

// Evaluate measures net by t, nil for task.Classification, on the samples of s in its epoch 0.
// Layers compute as in evaluation, whatever their modes. The error is a *SetupError or that of
// the data.
func Evaluate(net nn.Module, s loader.Source, t task.Task) (Evaluation, error) {
	return evaluate(context.Background(), net, s, t)
}

// evaluate is Evaluate until ctx is done: then the error is ctx's.
func evaluate(ctx context.Context, net nn.Module, s loader.Source, t task.Task) (Evaluation, error) {
	if t == nil {
		t = task.Classification{}
	}
	var meter task.Meter
	err := forEach(net, s, func(outputs *tensor.Tensor, batch loader.Batch) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := checkBatch("Test", t, batch, outputs, s.Classes()); err != nil {
			return err
		}
		if meter == nil {
			meter = t.NewMeter(s.Classes())
		}
		meter.Update(outputs, batch.Targets)
		return nil
	})
	if err != nil {
		return Evaluation{}, err
	}
	figures := meter.Figures()
	loss, score := figures.Summary()
	return Evaluation{loss, score, figures}, nil
}

// forEach calls f with net's outputs for each batch of s in its epoch 0, and the batch. It
// is called once at least, or there is an error.
func forEach(net nn.Module, s loader.Source, f func(outputs *tensor.Tensor, batch loader.Batch) error) error {
	if absent(net) {
		return wrong("Model", "found none, a net expected")
	}
	if absent(s) {
		return wrong("Test", "found none, a source of batches expected")
	}
	batches := 0
	for batch, err := range s.Batches(0, 0) {
		if err != nil {
			return err
		}
		outputs, err := evaluated(net, batch.Inputs)
		if err != nil {
			return err
		}
		if err := f(outputs, batch); err != nil {
			return err
		}
		batches++
	}
	if batches == 0 {
		return emptyEpoch("Test")
	}
	return nil
}
