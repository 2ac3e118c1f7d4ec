package train

import (
	"sync"

	"github.com/onehot-go/onehot/internal/kernel"
	"github.com/onehot-go/onehot/internal/parallel"
	"github.com/onehot-go/onehot/loader"
	"github.com/onehot-go/onehot/loss"
	"github.com/onehot-go/onehot/nn"
	"github.com/onehot-go/onehot/tensor"
)

// regression computes the loss of softmax regression and its gradients in one pass over the
// samples: pixels become floats, logits, probabilities and what they add to the gradient
// while they are in a core's first caches. Layer by layer, most of the time would go to
// carrying the floats of a batch to memory and back.
type regression struct {
	op              string // that a label which names no class is blamed on
	layer           *nn.Linear
	classes, inputs int
	parts           []part
	buffers         sync.Pool // of *block
}

// Samples are summed up in float32 by blocks and parts of fixed lengths, so that sums have the
// same bits for any number of threads.
const (
	blockSamples = 64 // whose pixels as float32 stay in the second cache
	// Of a part of a batch. Cores hand parts to one another, which takes longer than what
	// shorter ones would gain.
	stepSamples = 128
)

// part is what some of the samples add to the loss and its gradient.
type part struct {
	weight  []float32
	bias    []float64
	loss    float64
	correct int
}

// block is memory for a block of samples.
type block struct {
	images, logits, p, losses []float32
	labels, predicted         []int64
}

// newRegression returns a regression over layer, which has float32 parameters and a bias.
func newRegression(op string, layer *nn.Linear) *regression {
	r := &regression{op: op, layer: layer, classes: layer.Weight.Size(0), inputs: layer.Weight.Size(1)}
	r.buffers.New = func() any {
		floats := func(n int) []float32 { return make([]float32, blockSamples*n) }
		return &block{floats(r.inputs), floats(r.classes), floats(r.classes), floats(1),
			make([]int64, blockSamples), make([]int64, blockSamples)}
	}
	// Backward makes the gradients, which are overwritten.
	layer.Weight.Sum().Add(layer.Bias.Sum()).Backward()
	return r
}

// reserve makes sure that there are n parts.
func (r *regression) reserve(n int) {
	for len(r.parts) < n {
		r.parts = append(r.parts, part{weight: make([]float32, r.classes*r.inputs), bias: make([]float64, r.classes)})
	}
}

// fill writes the samples from lo up to hi, and their labels.
type fill func(images []float32, labels []int64, lo, hi int)

// sum sets the parts to sums over parts of n samples each, of all samples; the gradients are
// of the sum of the losses times scale.
func (r *regression) sum(all, n int, scale float32, f fill) {
	r.reserve((all + n - 1) / n)
	weight, bias := tensor.Data[float32](r.layer.Weight), tensor.Data[float32](r.layer.Bias)
	parallel.Share((all+n-1)/n, 1, func(lo, hi int) {
		b := r.buffers.Get().(*block)
		defer r.buffers.Put(b)
		for i := lo; i < hi; i++ {
			p := &r.parts[i]
			p.loss, p.correct = 0, 0
			clear(p.bias)
			end := min((i+1)*n, all)
			for at := i * n; at < end; at += blockSamples {
				r.add(p, b, at > i*n, weight, bias, at, min(at+blockSamples, end), scale, f)
			}
		}
	})
}

// add adds the samples from lo up to hi to p, or, where there is nothing in p's weight yet,
// begins with them.
func (r *regression) add(p *part, b *block, more bool, weight, bias []float32, lo, hi int, scale float32, f fill) {
	rows := hi - lo
	images, labels, losses := b.images[:rows*r.inputs], b.labels[:rows], b.losses[:rows]
	logits, probabilities, predicted := b.logits[:rows*r.classes], b.p[:rows*r.classes], b.predicted[:rows]
	f(images, labels, lo, hi)
	for k, label := range labels {
		if label < 0 || label >= int64(r.classes) {
			panic(&loss.LabelError{Op: r.op, Label: label, Index: []int{lo + k}, Classes: r.classes})
		}
	}
	x := kernel.Matrix[float32]{Data: images, Rows: rows, Cols: r.inputs, RowStride: r.inputs, ColStride: 1}
	w := kernel.Matrix[float32]{Data: weight, Rows: r.inputs, Cols: r.classes, RowStride: 1, ColStride: r.inputs}
	kernel.GemmHere(logits, x, w, kernel.Epilogue[float32]{Bias: bias})
	kernel.ArgMaxRows(predicted, logits, rows, r.classes)
	kernel.CrossEntropyRows(losses, probabilities, logits, labels, rows, r.classes)
	for k, label := range labels {
		p.loss += float64(losses[k])
		if predicted[k] == label {
			p.correct++
		}
	}
	kernel.CrossEntropyGradRows(probabilities, probabilities, labels, scale, rows, r.classes)
	g := kernel.Matrix[float32]{Data: probabilities, Rows: r.classes, Cols: rows, RowStride: 1, ColStride: r.classes}
	kernel.GemmHere(p.weight, g, x, kernel.Epilogue[float32]{Add: more})
	for k := 0; k < len(probabilities); k += r.classes {
		for j, v := range probabilities[k : k+r.classes] {
			p.bias[j] += float64(v)
		}
	}
}

// total returns the loss and how many samples were predicted right, over the first n parts.
func (r *regression) total(n int) (loss float64, correct int) {
	for _, p := range r.parts[:n] {
		loss += p.loss
		correct += p.correct
	}
	return loss, correct
}

// stepper returns what computes the steps of c in one pass, or nil where they are more than
// softmax regression: the net is one Linear layer behind a Flatten, the loss the plain mean.
func (c *Config) stepper() *regression {
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
	return newRegression("loss.CrossEntropy", l)
}

// step sets the gradients of the mean loss of a batch, and returns that and how many of its
// samples were predicted right; ok is false where the batch cannot be filled in pieces.
func (r *regression) step(batch loader.Batch) (value float64, correct int, ok bool) {
	if !batch.InPieces() || batch.Images.Numel() != len(batch.Indices)*r.inputs {
		return 0, 0, false
	}
	n := len(batch.Indices)
	r.sum(n, stepSamples, 1/float32(n), batch.Fill)
	parts := r.parts[:(n+stepSamples-1)/stepSamples]
	gradient := tensor.DataInPlace[float32](r.layer.Weight.Grad())
	parallel.For(len(gradient), 1<<11, func(lo, hi int) {
		copy(gradient[lo:hi], parts[0].weight[lo:hi])
		for _, p := range parts[1:] {
			kernel.Add(gradient[lo:hi], gradient[lo:hi], p.weight[lo:hi])
		}
	})
	for j := range r.classes {
		sum := 0.0
		for _, p := range parts {
			sum += p.bias[j]
		}
		tensor.Data[float32](r.layer.Bias.Grad())[j] = float32(sum)
	}
	value, correct = r.total(len(parts))
	return value / float64(n), correct, true
}
