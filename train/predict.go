package train

import (
	"context"

	"github.com/onehot-go/onehot/dist"
	"github.com/onehot-go/onehot/loader"
	"github.com/onehot-go/onehot/nn"
	"github.com/onehot-go/onehot/tensor"
)

// Predict returns what net says of the samples of s in its epoch 0, outputs (N, C), row by row
// in their order, and their targets, (N) or (N, C). That is the data set's order if a
// loader neither shuffles nor samples. Layers compute as in evaluation, whatever their modes.
// The error is a *SetupError or that of the data.
func Predict(net nn.Module, s loader.Source) (outputs, targets *tensor.Tensor, err error) {
	return PredictOn(nil, net, s)
}

// PredictOn is Predict by the ranks of c, nil for one, as EvaluateOn is Evaluate.
func PredictOn(c dist.Comm, net nn.Module, s loader.Source) (outputs, targets *tensor.Tensor, err error) {
	var all [2][]*tensor.Tensor
	err = forEach(context.Background(), c, net, s, func(outputs *tensor.Tensor, batch loader.Batch) error {
		all[0], all[1] = append(all[0], outputs.Clone()), append(all[1], batch.Targets.Clone())
		return nil
	})
	if err != nil {
		return nil, nil, err
	}
	return tensor.Cat(0, all[0]...), tensor.Cat(0, all[1]...), nil
}
