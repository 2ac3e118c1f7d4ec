package loss

import "github.com/onehot-go/onehot/tensor"

// MSE is the squared error, (x - y)². It is torch.nn.MSELoss.
type MSE struct {
	Reduction Reduction // Mean and Sum are over all elements
}

// Forward returns the loss of predictions for targets of the same shape: neither is
// broadcast, since (N) against (N, 1) is a mistake. With the reduction None it has that
// shape too.
func (l MSE) Forward(predictions, targets *tensor.Tensor) *tensor.Tensor {
	const op = "loss.MSE"
	wantSame(op, "predictions", predictions, targets)
	d := predictions.Sub(targets)
	return l.Reduction.reduce(op, d.Mul(d), nil)
}

// PerSample returns the mean over all elements, and their number.
func (l MSE) PerSample(value, predictions, _ *tensor.Tensor) (mean, weight float64) {
	weight = float64(predictions.Numel())
	return l.Reduction.mean(value, weight), weight
}
