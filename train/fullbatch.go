package train

import (
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/onehot-go/onehot/dataset"
	"github.com/onehot-go/onehot/internal/kernel"
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
	layer   *nn.Linear
	l2      float64
	fill    dataset.Fill
	indices []int // of all samples

	parts   []part
	buffers sync.Pool // of *block

	// What the last evaluation found, and where.
	weight, bias          []float32
	value, loss, accuracy float64
}

var _ optim.Optimizer = (*FullBatch)(nil)

// Samples are worked on in blocks, whose pixels as float32 stay in the second cache.
// Blocks are summed up in float32 by parts, and parts in float64: without noise in the
// last digits that a search would take for hills. Both have fixed lengths, so that the
// sums have the same bits for any number of threads.
const (
	blockSamples = 256
	partSamples  = 8 * blockSamples
)

// part is what some of the samples add to the objective and its gradient.
type part struct {
	weight, bias []float32
	loss         float64
	correct      int
}

// block is memory for a block of samples.
type block struct {
	images, scores, losses, bias []float32
	labels                       []int64
}

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
		layer: layer, l2: l2,
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
	classes, inputs := layer.Weight.Size(0), layer.Weight.Size(1)
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
	for range (data.Len() + partSamples - 1) / partSamples {
		f.parts = append(f.parts, part{weight: make([]float32, classes*inputs), bias: make([]float32, classes)})
	}
	f.buffers.New = func() any {
		n := blockSamples
		return &block{make([]float32, n*inputs), make([]float32, n*classes), make([]float32, n), make([]float32, classes), make([]int64, n)}
	}
	// Backward makes the gradients, which Objective overwrites.
	layer.Weight.Sum().Add(layer.Bias.Sum()).Backward()
	return f, nil
}

// keepSamples reads all samples and returns what copies them, and the shape of one.
func keepSamples(data dataset.Dataset) (fill dataset.Fill, shape []int, err error) {
	var images []float32
	var labels []int64
	for batch, err := range loader.New(data, loader.Options{BatchSize: blockSamples, Workers: parallel.Threads()}).Epoch(1) {
		if err != nil {
			return nil, nil, err
		}
		shape = batch.Images.Shape()[1:]
		images = append(images, tensor.Data[float32](batch.Images)...)
		labels = append(labels, tensor.Data[int64](batch.Labels)...)
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
	weight := tensor.Data[float32](f.layer.Weight.Detach().Contiguous())
	bias := tensor.Data[float32](f.layer.Bias.Detach().Contiguous())
	if slices.Equal(weight, f.weight) && slices.Equal(bias, f.bias) {
		return f.value
	}
	f.weight, f.bias = append(f.weight[:0], weight...), append(f.bias[:0], bias...)
	parallel.For(len(f.parts), 1, func(lo, hi int) {
		b := f.buffers.Get().(*block)
		defer f.buffers.Put(b)
		for i := lo; i < hi; i++ {
			f.parts[i].sum(f, b, i*partSamples)
		}
	})
	n := float64(len(f.indices))
	loss, correct := 0.0, 0
	for _, p := range f.parts {
		loss += p.loss
		correct += p.correct
	}
	squares := 0.0
	for _, w := range weight {
		squares += float64(w) * float64(w)
	}
	f.mean(f.layer.Weight, func(p part) []float32 { return p.weight }, weight, f.l2)
	f.mean(f.layer.Bias, func(p part) []float32 { return p.bias }, bias, 0)
	f.loss, f.accuracy = loss/n, float64(correct)/n
	f.value = f.loss + f.l2/2*squares
	return f.value
}

// mean sets the gradient of a parameter, whose elements are values, to the mean of what
// the parts have for it, and the pull l2.
func (f *FullBatch) mean(parameter *tensor.Tensor, of func(part) []float32, values []float32, l2 float64) {
	n, gradient := float64(len(f.indices)), tensor.Data[float32](parameter.Grad())
	parallel.For(len(values), 1<<10, func(lo, hi int) {
		sums := make([]float64, hi-lo)
		for _, p := range f.parts {
			for i, v := range of(p)[lo:hi] {
				sums[i] += float64(v)
			}
		}
		for i, sum := range sums {
			gradient[lo+i] = float32(sum/n + l2*float64(values[lo+i]))
		}
	})
}

// sum sets p to the sum over the part's samples, which begin at the given one, with b
// for memory.
func (p *part) sum(f *FullBatch, b *block, begin int) {
	classes, inputs := f.layer.Weight.Size(0), f.layer.Weight.Size(1)
	loss, correct := 0.0, 0
	clear(p.bias)
	end := min(begin+partSamples, len(f.indices))
	for at := begin; at < end; at += blockSamples {
		indices := f.indices[at:min(at+blockSamples, end)]
		rows := len(indices)
		images, scores, losses, labels := b.images[:rows*inputs], b.scores[:rows*classes], b.losses[:rows], b.labels[:rows]
		f.fill(images, labels, indices, dataset.Chance{Of: random.New(0).At, First: at})
		for k, label := range labels {
			if label < 0 || label >= int64(classes) {
				tensor.Fail("train.FullBatch", fmt.Sprintf("label %d of sample %d: 0 to %d expected", label, indices[k], classes-1), f.layer.Weight)
			}
		}
		x := kernel.Matrix[float32]{Data: images, Rows: rows, Cols: inputs, RowStride: inputs, ColStride: 1}
		w := kernel.Matrix[float32]{Data: f.weight, Rows: inputs, Cols: classes, RowStride: 1, ColStride: inputs}
		kernel.Gemm(scores, x, w, kernel.Epilogue[float32]{Bias: f.bias})
		kernel.CrossEntropyRows(losses, scores, scores, labels, rows, classes)
		for k, label := range labels {
			loss += float64(losses[k])
			if p := scores[k*classes:][:classes]; p[label] > 0.5 || first(p) == int(label) { // mostly the former
				correct++
			}
		}
		kernel.CrossEntropyGradRows(scores, scores, labels, 1, rows, classes)
		g := kernel.Matrix[float32]{Data: scores, Rows: classes, Cols: rows, RowStride: 1, ColStride: classes}
		kernel.Gemm(p.weight, g, x, kernel.Epilogue[float32]{Add: at > begin})
		kernel.SumCols(b.bias, scores, rows, classes)
		for j, v := range b.bias {
			p.bias[j] += v
		}
	}
	p.loss, p.correct = loss, correct
}

// first returns where the greatest of p is, the first of equals.
func first(p []float32) int {
	best := 0
	for j, v := range p {
		if v > p[best] {
			best = j
		}
	}
	return best
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
