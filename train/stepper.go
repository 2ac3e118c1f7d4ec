package train

import (
	"github.com/onehot-go/onehot/loss"
	"github.com/onehot-go/onehot/nn"
	"github.com/onehot-go/onehot/tensor"
	"github.com/onehot-go/onehot/train/internal/onepass"
)

// stepper returns what computes the steps of c in one pass, or nil where they are more than
// softmax regression: the net is one Linear layer behind a Flatten, the loss the plain mean.
func (c *Config) stepper() *onepass.Regression {
	plain := c.Criterion.Weight == nil && c.Criterion.IgnoreIndex == nil && c.Criterion.LabelSmoothing == 0 && c.Criterion.Reduction == loss.Mean
	if !plain || c.Mixup > 0 {
		return nil
	}
	var layers []nn.Module
	for _, l := range c.Model.Net.Layers() {
		layers = append(layers, l)
	}
	if len(layers) != 2 || layers[0] != nn.Module(nn.Flatten{}) {
		return nil
	}
	l, ok := layers[1].(*nn.Linear)
	if !ok || l.Bias == nil {
		return nil
	}
	for _, p := range []*tensor.Tensor{l.Weight, l.Bias} {
		if p.DType() != tensor.Float32 || !p.IsContiguous() || !p.RequiresGrad() {
			return nil
		}
	}
	return onepass.New("loss.CrossEntropy", l, c.Train.Dataset())
}
