package train

import (
	"fmt"
	"math"

	"github.com/onehot-go/onehot/dataset"
	"github.com/onehot-go/onehot/fault"
	"github.com/onehot-go/onehot/internal/shapes"
	"github.com/onehot-go/onehot/nn"
	"github.com/onehot-go/onehot/optim"
	"github.com/onehot-go/onehot/tensor"
	"github.com/onehot-go/onehot/train/internal/onepass"
)

// FullBatch fits softmax regression to all samples at once: a step is an iteration of
// L-BFGS with a strong Wolfe search, on
//
//	mean cross-entropy + λ/2 · |W|²
//
// over the samples of a data set, where W is the weight without the bias. Scikit-learn's
// LogisticRegression minimizes the same, with C = 1/(λ·samples). For plain gradient
// descent the weight decay λ would pull the weights in the same way, and the bias too;
// L-BFGS has to know the whole objective.
//
// As the Optimizer of a Config it makes an epoch one step, in which the order of the
// samples, the criterion, schedules, clipping and mixup of the Config have no part. Its
// gradients are in Grad of the layer's parameters.
type FullBatch struct {
	*optim.LBFGS
	parameters []*tensor.Tensor
	objective  *onepass.Objective
}

var _ optim.Optimizer = (*FullBatch)(nil)

// lbfgsHistory is how many steps FullBatch remembers.
const lbfgsHistory = 20

// NewFullBatch returns an optimizer of layer, which has float32 parameters and a bias, on
// data, with the strength l2 of the pull of the weights towards 0; lr is what the search
// for a step begins with, usually 1. Data that is a dataset.Batcher is converted anew in
// every evaluation, with the same chance, which takes hardly any memory; what other data
// is in its first epoch is kept. The error is the data's. It panics where samples and
// layer do not fit.
func NewFullBatch(layer *nn.Linear, data dataset.Dataset, lr, l2 float64) (*FullBatch, error) {
	const op = "train.NewFullBatch"
	if !(l2 >= 0) || data.Len() == 0 {
		fault.Option(op, "l2 %v, %d samples: at least 0 and at least 1 expected", l2, data.Len())
	}
	parameters := []*tensor.Tensor{layer.Weight, layer.Bias}
	optimizer := optim.NewLBFGS(parameters, lr,
		optim.LBFGSOptions{MaxIter: new(1), HistorySize: new(lbfgsHistory), StrongWolfe: true})
	objective, err := onepass.NewObjective("train.FullBatch", layer, data, l2)
	if err != nil {
		return nil, err
	}
	size := 1
	for _, n := range objective.Shape() {
		size *= n
	}
	if size != layer.Weight.Size(1) {
		shapes.Fail(op, fmt.Sprintf("samples of %d numbers and weight (classes, %d) expected", size, size), layer.Weight)
	}
	return &FullBatch{optimizer, parameters, objective}, nil
}

// Step changes the parameters by one iteration of L-BFGS.
func (f *FullBatch) Step() { f.step(func(*Gradients) error { return nil }) }

// step is Step with act called after every evaluation of the objective. Its first error ends
// the step.
func (f *FullBatch) step(act func(*Gradients) error) (err error) {
	f.LBFGS.Step(func() float64 {
		if err != nil {
			return math.NaN()
		}
		value, evaluated := f.objective.Evaluate()
		if !evaluated {
			return value
		}
		g := Gradients{Parameters: f.parameters, Loss: value, Samples: f.objective.Samples()}
		if err = act(&g); err != nil {
			return math.NaN()
		}
		f.objective.Set(g.Loss)
		return g.Loss
	})
	return err
}

// Objective returns what is minimized at the layer's parameters, and sets their
// gradients. Where it has just been evaluated it costs nothing: there a step begins, and
// most end.
func (f *FullBatch) Objective() float64 {
	value, _ := f.objective.Evaluate()
	return value
}
