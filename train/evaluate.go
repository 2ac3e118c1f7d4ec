package train

import (
	"github.com/onehot-go/onehot/loader"
	"github.com/onehot-go/onehot/loss"
	"github.com/onehot-go/onehot/metric"
	"github.com/onehot-go/onehot/nn"
)

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
