package train

import (
	"github.com/onehot-go/onehot/loader"
	"github.com/onehot-go/onehot/nn"
	"github.com/onehot-go/onehot/tensor"
)

// Predict returns what net says of the samples of l's first epoch: logits (N, C), row by
// row in their order, and their labels (N). That is the data set's order where l neither
// shuffles nor samples. Layers that are in training are in evaluation for that time. The
// error is the data set's.
func Predict(net nn.Module, l *loader.Loader) (logits *tensor.Tensor, labels []int, err error) {
	defer nn.Evaluating(net)()
	labels = make([]int, 0, l.Samples())
	for batch, err := range l.Epoch(0) {
		if err != nil {
			return nil, nil, err
		}
		y := net.Forward(batch.Inputs.NoGrad())
		if logits == nil {
			logits = tensor.Zeros(y.DType(), l.Samples(), y.Size(1))
		}
		logits.Narrow(0, len(labels), y.Size(0)).CopyInPlace(y)
		for _, label := range tensor.Data[int64](batch.Targets) {
			labels = append(labels, int(label))
		}
	}
	if logits == nil {
		logits = tensor.Zeros(tensor.Float32, 0, len(l.Dataset().Classes()))
	}
	return logits, labels, nil
}
