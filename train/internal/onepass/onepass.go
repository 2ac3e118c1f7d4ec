// Package onepass has softmax regression by loops over slices: the loss of many samples and its
// gradients in one pass over them, as floats or as the bytes of their pictures.
package onepass

import (
	"slices"
	"sync"

	"github.com/onehot-go/onehot/dataset"
	"github.com/onehot-go/onehot/fault"
	"github.com/onehot-go/onehot/internal/kernel"
	"github.com/onehot-go/onehot/internal/parallel"
	"github.com/onehot-go/onehot/loader"
	"github.com/onehot-go/onehot/nn"
	"github.com/onehot-go/onehot/tensor"
)

// Regression computes the loss of softmax regression and its gradients in one pass over the
// samples: pixels become logits, probabilities and what they add to the gradient while they
// are in a core's first caches. Layer by layer, most of the time would go to carrying the
// floats of a batch to memory and back.
type Regression struct {
	op              string // that a label which names no class is blamed on
	layer           *nn.Linear
	classes, inputs int
	several         bool // targets are vectors, any of whose labels a sample may have
	// What samples are made of, if products of bytes are fast, or nil. All sums are then
	// of bytes, and lines say what they stand for.
	bytes *dataset.ByteRows
	lines []dataset.Line // of each channel, or one of all
	// What bytes are multiplied with: the weight, if there is one line. Else every channel
	// of it is scaled to the first one's line.
	scaled  []float32
	bias    []float32 // of the logits
	parts   []part
	buffers sync.Pool // of *block
}

// Samples are summed up in float32 by blocks and parts of fixed lengths, so that sums have the
// same bits for any number of threads.
const (
	blockSamples = 64 // whose pixels stay in the second cache
	aheadSamples = 16 // that are fetched from memory while others are multiplied
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
	inputs  inputs
	scores  *kernel.Scores
	labels  []int64
	vectors []float32 // (blockSamples, classes), if targets are vectors
	bias    []float32
}

// New returns a regression over layer, which has float32 parameters and a bias, on
// samples of data.
func New(op string, layer *nn.Linear, data dataset.Dataset) *Regression {
	r := &Regression{op: op, layer: layer, classes: layer.Weight.Size(0), inputs: layer.Weight.Size(1), lines: []dataset.Line{{Scale: 1}}}
	if b, ok := data.(dataset.ByteBatcher); ok && kernel.HavePixels() {
		if rows, ok := b.Bytes(); ok {
			r.bytes, r.lines = &rows, rows.Lines
			if !slices.ContainsFunc(r.lines, func(l dataset.Line) bool { return l != r.lines[0] }) {
				r.lines = r.lines[:1]
			}
		}
	}
	r.bias = make([]float32, r.classes)
	r.buffers.New = func() any {
		b := &block{scores: kernel.NewScores(r.classes, blockSamples), labels: make([]int64, blockSamples), bias: make([]float32, r.classes)}
		if r.bytes != nil {
			b.inputs = &byteInputs{kernel.NewPixels(blockSamples, r.inputs), r.bytes, nil, r.classes}
		} else {
			b.inputs = &floatInputs{make([]float32, blockSamples*r.inputs), r.classes, r.inputs}
		}
		if r.several {
			b.vectors = make([]float32, blockSamples*r.classes)
		}
		return b
	}
	// Backward makes the gradients, which are overwritten.
	layer.Weight.Sum().Add(layer.Bias.Sum()).Backward()
	return r
}

// reserve makes sure that there are n parts.
func (r *Regression) reserve(n int) {
	for len(r.parts) < n {
		r.parts = append(r.parts, part{weight: make([]float32, r.classes*r.inputs), bias: make([]float64, r.classes)})
	}
}

// sum sets the parts to sums over n samples each, of all of s; the gradients are of the sum of
// the losses times scale. Those of the weight lack what biasGrad says.
func (r *Regression) sum(s samples, n int, scale float32) {
	all := len(s.indices)
	r.reserve((all + n - 1) / n)
	weight := r.byteWeight()
	scale *= float32(r.lines[0].Scale) // of the bytes, for the weight
	parallel.Share((all+n-1)/n, 1, func(lo, hi int) {
		b := r.buffers.Get().(*block)
		defer r.buffers.Put(b)
		for i := lo; i < hi; i++ {
			p := &r.parts[i]
			p.loss, p.correct = 0, 0
			clear(p.bias)
			end := min((i+1)*n, all)
			for at := i * n; at < end; at += blockSamples {
				to := min(at+blockSamples, end)
				next := s.indices[to:end]
				if to == end { // the same part of the next batch will be this core's
					next = s.next[min(i*n, len(s.next)):]
				}
				r.add(p, b, at > i*n, weight, s, at, to, next[:min(aheadSamples, len(next))], scale)
			}
		}
	})
}

// byteWeight returns what bytes are multiplied with, and sets the bias of the logits.
func (r *Regression) byteWeight() []float32 {
	weight := tensor.Data[float32](r.layer.Weight)
	copy(r.bias, tensor.Data[float32](r.layer.Bias))
	for j := range r.bias {
		for c, line := range r.lines {
			if line.Shift == 0 {
				continue
			}
			sum := 0.0
			for _, w := range r.channel(weight, j, c) {
				sum += float64(w)
			}
			r.bias[j] = float32(float64(r.bias[j]) + line.Shift*sum)
		}
	}
	if len(r.lines) == 1 {
		return weight
	}
	r.scaled = append(r.scaled[:0], weight...)
	for j := range r.classes {
		for c := range r.lines {
			kernel.Scale(r.channel(r.scaled, j, c), r.channel(r.scaled, j, c), float32(r.ratio(c)))
		}
	}
	return r.scaled
}

// channel returns the elements that a weight, or a gradient of it, has for class j and the
// inputs of line c.
func (r *Regression) channel(weight []float32, j, c int) []float32 {
	size := r.inputs / len(r.lines)
	return weight[j*r.inputs+c*size:][:size]
}

// ratio returns how much steeper line c is than the first.
func (r *Regression) ratio(c int) float64 { return r.lines[c].Scale / r.lines[0].Scale }

// add adds samples lo up to hi to p, or, if there is nothing in p's weight yet, begins with
// them.
func (r *Regression) add(p *part, b *block, more bool, weight []float32, s samples, lo, hi int, next []int, scale float32) {
	n, c := hi-lo, b.scores
	c.SetSamples(n)
	if r.several {
		vectors := b.vectors[:n*r.classes]
		b.inputs.products(c, dataset.Memory{Vectors: vectors}, s, lo, hi, next, weight)
		p.loss += c.Binary(vectors, r.bias, scale)
	} else {
		r.crossEntropy(p, b, s, lo, hi, next, weight, scale)
	}
	b.inputs.gradient(p.weight, c, n, more)
	kernel.SumRows(b.bias, c.P, r.classes, c.Stride)
	for j, sum := range b.bias {
		p.bias[j] += float64(sum)
	}
}

// crossEntropy is the part of add in which labels count.
func (r *Regression) crossEntropy(p *part, b *block, s samples, lo, hi int, next []int, weight []float32, scale float32) {
	labels, c := b.labels[:hi-lo], b.scores
	b.inputs.products(c, dataset.Memory{Classes: labels}, s, lo, hi, next, weight)
	for k, label := range labels {
		if label < 0 || label >= int64(r.classes) {
			fault.Label(r.op, label, lo+k, []int{len(s.indices)}, r.classes, "")
		}
	}
	sum, right := c.CrossEntropy(labels, float32(r.lines[0].Scale), r.bias)
	p.loss += sum
	p.correct += right
	c.Grad(labels, scale)
}

// biasGrad returns the gradient of element j of the bias, over parts. The gradient
// of a weight of class j is the sum of the parts' times the ratio of its line, and the shift
// of its line times this.
func (r *Regression) biasGrad(parts []part, j int) float64 {
	sum := 0.0
	for _, p := range parts {
		sum += p.bias[j]
	}
	return sum / r.lines[0].Scale
}

// total returns the loss and how many samples were predicted right, over parts.
func total(parts []part) (loss float64, correct int) {
	for _, p := range parts {
		loss += p.loss
		correct += p.correct
	}
	return loss, correct
}

// Step sets the gradients of the mean loss of a batch, and returns that and how many of its
// samples were predicted right; ok is false if the batch cannot be filled in pieces.
func (r *Regression) Step(batch loader.Batch) (value float64, correct int, ok bool) {
	fill, ok := batch.Pieces()
	if !ok || batch.Targets.DType() != tensor.Int64 || batch.Inputs.Numel() != len(batch.Indices)*r.inputs {
		return 0, 0, false
	}
	n := len(batch.Indices)
	r.sum(samples{batch.Indices, batch.Next, fill}, stepSamples, 1/float32(n))
	parts := r.parts[:(n+stepSamples-1)/stepSamples]
	gradient, bias := tensor.DataInPlace[float32](r.layer.Weight.Grad()), tensor.DataInPlace[float32](r.layer.Bias.Grad())
	parallel.For(r.classes, 1+(1<<11)/max(1, r.inputs), func(lo, hi int) {
		for j := lo; j < hi; j++ {
			grad := r.biasGrad(parts, j)
			bias[j] = float32(grad)
			from, to := j*r.inputs, (j+1)*r.inputs
			row := gradient[from:to]
			copy(row, parts[0].weight[from:to])
			for _, p := range parts[1:] {
				kernel.Add(row, row, p.weight[from:to])
			}
			for c, line := range r.lines {
				row := r.channel(gradient, j, c)
				if c > 0 {
					kernel.Scale(row, row, float32(r.ratio(c)))
				}
				if shift := float32(line.Shift * grad); shift != 0 {
					for i := range row {
						row[i] += shift
					}
				}
			}
		}
	})
	value, correct = total(parts)
	return value / float64(n), correct, true
}
