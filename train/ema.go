package train

import (
	"github.com/onehot-go/onehot/fault"
	"github.com/onehot-go/onehot/model"
	"github.com/onehot-go/onehot/nn"
	"github.com/onehot-go/onehot/tensor"
)

// EMA is a model whose weights are the exponential moving average of those of a model in
// training: after every step an average w becomes d·w + (1-d)·v for the weight v. It
// usually does better than the model itself, whose last steps are mostly noise.
//
// The n-th step has d = min(decay, (1+n)/(10+n)), as TensorFlow's
// ExponentialMovingAverage if it is told the steps: the average soon forgets the
// weights that training began with. Buffers that are floats, the statistics of batch
// norm, are averaged too, as PyTorch's AveragedModel does with use_buffers; others are
// copied.
type EMA struct {
	Model *model.Model // in evaluation; the averages are in its net

	of       *nn.Sequential // in training
	decay    float64
	averages []*tensor.Tensor
	values   []*tensor.Tensor // of the model in training, in the same order
}

// NewEMA returns the average of m's weights, which begins as they are. It panics with an
// *fault.OptionError if decay is not from 0 to below 1, and if m has a net that its
// definition does not make.
func NewEMA(m *model.Model, decay float64) *EMA {
	const op = "train.NewEMA"
	if !(decay >= 0 && decay < 1) {
		fault.Option(op, "decay %v: from 0 to below 1 expected", decay)
	}
	average, err := model.Blank(m.Definition)
	if err != nil {
		panic(err)
	}
	nn.SetTraining(average.Net, false)
	e := &EMA{Model: average, of: m.Net, decay: decay}
	for _, v := range nn.StateDict(m.Net) {
		e.values = append(e.values, v)
	}
	for _, w := range nn.StateDict(average.Net) {
		e.averages = append(e.averages, w.CopyInPlace(e.values[len(e.averages)]))
	}
	return e
}

// Update follows the model after its n-th step, from 1.
func (e *EMA) Update(n int) {
	d := min(e.decay, float64(1+n)/float64(10+n))
	for i, w := range e.averages {
		if v := e.values[i]; w.DType().IsFloat() {
			w.MulInPlace(tensor.Scalar(float32(d))).AddScaledInPlace(v, 1-d)
		} else {
			w.CopyInPlace(v)
		}
	}
}

// state returns the averages by the names that a checkpoint has them under.
func (e *EMA) state() map[string]*tensor.Tensor {
	state := map[string]*tensor.Tensor{}
	for name, w := range nn.StateDict(e.Model.Net) {
		state[emaPrefix+name] = w
	}
	return state
}
