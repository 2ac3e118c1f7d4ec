package train

import (
	"fmt"
	"slices"
	"time"

	"github.com/onehot-go/onehot/dataset"
	"github.com/onehot-go/onehot/internal/parallel"
	"github.com/onehot-go/onehot/loader"
	"github.com/onehot-go/onehot/nn"
	"github.com/onehot-go/onehot/optim"
	"github.com/onehot-go/onehot/random"
	"github.com/onehot-go/onehot/tensor"
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
	regression *regression
	l2         float64
	fill       dataset.Fill
	indices    []int // of all samples

	// What the last evaluation found, and where.
	weight, bias          []float32
	value, loss, accuracy float64
}

var _ optim.Optimizer = (*FullBatch)(nil)

// Parts of the samples are summed up in float32, and the parts in float64: without noise in
// the last digits that a search would take for hills.
const partSamples = 2048

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
		panic(&optim.OptionError{Op: op, Detail: fmt.Sprintf("l2 %v, %d samples: at least 0 and at least 1 expected", l2, data.Len())})
	}
	f := &FullBatch{
		LBFGS: optim.NewLBFGS([]*tensor.Tensor{layer.Weight, layer.Bias}, lr,
			optim.LBFGSOptions{MaxIter: new(1), HistorySize: new(lbfgsHistory), StrongWolfe: true}),
		regression: newRegression("train.FullBatch", layer, data), l2: l2,
	}
	var shape []int
	if b, ok := data.(dataset.Batcher); ok {
		f.fill, shape = b.Batch()
	}
	if f.fill == nil {
		var err error
		if f.fill, shape, err = keepSamples(data); err != nil {
			return nil, err
		}
	}
	inputs := layer.Weight.Size(1)
	size := 1
	for _, n := range shape {
		size *= n
	}
	if size != inputs {
		tensor.Fail(op, fmt.Sprintf("samples of %d numbers and weight (classes, %d) expected", size, size), layer.Weight)
	}
	for i := range data.Len() {
		f.indices = append(f.indices, i)
	}
	return f, nil
}

// keepSamples reads all samples and returns what copies them, and the shape of one.
func keepSamples(data dataset.Dataset) (fill dataset.Fill, shape []int, err error) {
	var images []float32
	var labels []int64
	for batch, err := range loader.New(data, loader.Options{BatchSize: 256, Workers: parallel.Threads()}).Epoch(1) {
		if err != nil {
			return nil, nil, err
		}
		shape = batch.Inputs.Shape()[1:]
		images = append(images, tensor.Data[float32](batch.Inputs)...)
		labels = append(labels, tensor.Data[int64](batch.Targets)...)
	}
	size := len(images) / len(labels)
	return func(to []float32, toLabels []int64, indices []int, _ dataset.Chance) {
		for k, i := range indices {
			copy(to[k*size:], images[i*size:][:size])
			toLabels[k] = labels[i]
		}
	}, shape, nil
}

// Step changes the parameters by one iteration of L-BFGS.
func (f *FullBatch) Step() { f.LBFGS.Step(f.Objective) }

// Objective returns what is minimized at the layer's parameters, and sets their
// gradients. Where it has just been evaluated it costs nothing: there a step begins, and
// most end.
func (f *FullBatch) Objective() float64 {
	weight := tensor.Data[float32](f.regression.layer.Weight.Detach().Contiguous())
	bias := tensor.Data[float32](f.regression.layer.Bias.Detach().Contiguous())
	if slices.Equal(weight, f.weight) && slices.Equal(bias, f.bias) {
		return f.value
	}
	f.weight, f.bias = append(f.weight[:0], weight...), append(f.bias[:0], bias...)
	r, n := f.regression, float64(len(f.indices))
	r.sum(samples{f.indices, nil, func(images []float32, labels []int64, lo, hi int) {
		f.fill(images, labels, f.indices[lo:hi], dataset.Chance{Of: random.New(0).At, First: lo})
	}}, partSamples, 1)
	loss, correct := r.total(len(r.parts))
	squares := 0.0
	for _, w := range weight {
		squares += float64(w) * float64(w)
	}
	gradient, biasGradient := tensor.Data[float32](r.layer.Weight.Grad()), tensor.Data[float32](r.layer.Bias.Grad())
	parallel.For(r.classes, 1, func(lo, hi int) {
		sums := make([]float64, r.inputs)
		for j := lo; j < hi; j++ {
			grad := r.biasGrad(len(r.parts), j)
			biasGradient[j] = float32(grad / n)
			from, to := j*r.inputs, (j+1)*r.inputs
			clear(sums)
			for _, p := range r.parts {
				for i, v := range p.weight[from:to] {
					sums[i] += float64(v)
				}
			}
			for i, sum := range sums {
				gradient[from+i] = float32((sum+r.line.Shift*grad)/n + f.l2*float64(weight[from+i]))
			}
		}
	})
	f.loss, f.accuracy = loss/n, float64(correct)/n
	f.value = f.loss + f.l2/2*squares
	return f.value
}

// fullBatch trains one epoch by f and measures; more is false if emit stopped it.
func (c *Config) fullBatch(f *FullBatch, epoch int, emit func(Event) bool) (e Epoch, more bool, err error) {
	start := time.Now()
	f.Step()
	if value := f.Objective(); !(value <= maxLoss) { // NaN too
		return e, false, &DivergedError{epoch, 1, value}
	}
	if !emit(Step{epoch, 1, 1, len(f.indices), f.loss, f.accuracy}) {
		return e, false, nil
	}
	e = Epoch{Epoch: epoch, TrainLoss: f.loss, TrainAccuracy: f.accuracy, Validation: c.Validation, LR: f.LR(), Seconds: time.Since(start).Seconds()}
	err = c.measure(&e)
	return e, true, err
}
