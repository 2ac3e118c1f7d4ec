package train

import (
	"fmt"
	"math"
	"time"

	"github.com/onehot-go/onehot/dataset"
	"github.com/onehot-go/onehot/dist"
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
// LogisticRegression minimizes the same, with C = 1/(λ·samples). Where samples have any number of
// labels, it is the sum of the labels' mean binary cross-entropies in place of the first, as
// OneVsRestClassifier has it. For plain gradient
// descent the weight decay λ would pull the weights in the same way, and the bias too;
// L-BFGS has to know the whole objective.
//
// As the Optimizer of a Config it makes an epoch one step. The order of the samples has no part
// in it. A criterion of its own, a schedule, a plateau, clipping or mixup in the Config is a
// *SetupError. The gradients are in Grad of the layer's parameters.
type FullBatch struct {
	*optim.LBFGS
	// Iterations is how many a step makes at most, where 0 stands for 1. It ends before, where ten of
	// them hardly lower the objective any more.
	Iterations int
	parameters []*tensor.Tensor
	objective  *onepass.Objective
}

var _ Sharer = (*FullBatch)(nil)

// lbfgsHistory is how many steps FullBatch remembers.
const lbfgsHistory = 20

// NewFullBatch returns an optimizer of layer on data. The layer has float32 parameters and a
// bias. l2, at least 0, is λ. The search for a step begins with lr, usually 1. Data that are a
// dataset.Batcher are converted anew in every evaluation, with the same chance, which takes
// hardly any memory. Of other data, the first epoch is kept in memory. The error is the data's.
// It panics if l2 cannot work, if there are no samples, and if samples and layer do not fit.
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
	return &FullBatch{LBFGS: optimizer, parameters: parameters, objective: objective}, nil
}

// Step changes the parameters by an iteration of L-BFGS, or by as many as Iterations says.
func (f *FullBatch) Step() { f.step(func(*Gradients) error { return nil }) }

// A Step of several iterations ends where so many of them lowered the objective by no more than this
// share of it: less is near to what float32 rounds. One alone may lower it by less long before the minimum.
const (
	enough = 10
	least  = 1e-7
)

// step is Step with act called after every evaluation of the objective. Its first error ends
// the step.
func (f *FullBatch) step(act func(*Gradients) error) error {
	before := math.Inf(1)
	for i := 1; ; i++ {
		if err := f.iteration(act); err != nil || i >= f.Iterations {
			return err
		}
		if i%enough == 0 {
			now := f.Objective()
			if !(before-now > least*math.Abs(now)) { // NaN too
				return nil
			}
			before = now
		}
	}
}

// iteration is step for one iteration.
func (f *FullBatch) iteration(act func(*Gradients) error) (err error) {
	f.LBFGS.Step(func() float64 {
		if err != nil {
			return math.NaN()
		}
		value, evaluated := f.objective.Evaluate()
		if err = f.objective.Err(); err != nil {
			return math.NaN()
		}
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

// Share is that of a Sharer.
func (f *FullBatch) Share(c dist.Comm) { f.objective.Share(c) }

// Rehearse is that of a Sharer.
func (f *FullBatch) Rehearse() (own, all time.Duration, err error) { return f.objective.Rehearse() }

// Objective returns what is minimized at the layer's parameters, and sets their gradients. It
// costs nothing if it was last evaluated at the same parameters.
func (f *FullBatch) Objective() float64 {
	value, _ := f.objective.Evaluate()
	return value
}
