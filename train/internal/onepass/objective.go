package onepass

import (
	"slices"

	"github.com/onehot-go/onehot/dataset"
	"github.com/onehot-go/onehot/fault"
	"github.com/onehot-go/onehot/internal/parallel"
	"github.com/onehot-go/onehot/loader"
	"github.com/onehot-go/onehot/nn"
	"github.com/onehot-go/onehot/random"
	"github.com/onehot-go/onehot/tensor"
)

// Objective is mean cross-entropy + λ/2 · |W|² over all samples of a data set, where W is a
// layer's weight without the bias. Where targets are vectors of labels, the cross-entropy of a sample is
// the sum of its labels' binary ones.
type Objective struct {
	regression *Regression
	l2         float64
	fill       dataset.Fill
	row        dataset.Row
	indices    []int // of all samples

	// What the last evaluation found, and where.
	weight, bias []float32
	value, loss  float64
	correct      int
}

// Parts of the samples are summed up in float32, and the parts in float64. So the last digits
// have no noise that a search would take for hills.
const partSamples = 2048

// NewObjective returns the objective of layer, which has float32 parameters and a bias, on
// data of at least one sample. A label that names no class is blamed on op. Data that is a
// dataset.Batcher is converted anew in every evaluation; other data is read once and kept.
// The error is the data's.
func NewObjective(op string, layer *nn.Linear, data dataset.Dataset, l2 float64) (*Objective, error) {
	o := &Objective{regression: New(op, layer, data), l2: l2}
	if b, ok := data.(dataset.Batcher); ok {
		o.fill, o.row = b.Batch()
	}
	if o.fill == nil {
		var err error
		if o.fill, o.row, err = keepSamples(data); err != nil {
			return nil, err
		}
	}
	if o.row.Vector > 0 && o.row.Vector != o.regression.classes {
		fault.Option(op, "targets are vectors of %d: classes, or vectors of %d expected", o.row.Vector, o.regression.classes)
	}
	o.regression.several = o.row.Vector > 0
	for i := range data.Len() {
		o.indices = append(o.indices, i)
	}
	return o, nil
}

// keepSamples reads all samples and returns what copies them, and what a row of them is.
func keepSamples(data dataset.Dataset) (fill dataset.Fill, row dataset.Row, err error) {
	var images, vectors []float32
	var labels []int64
	samples := 0
	for batch, err := range loader.New(data, loader.Options{BatchSize: 256, Workers: parallel.Threads()}).Epoch(1) {
		if err != nil {
			return nil, dataset.Row{}, err
		}
		row.Input = batch.Inputs.Shape()[1:]
		images = append(images, tensor.Data[float32](batch.Inputs)...)
		samples += batch.Inputs.Size(0)
		if batch.Targets.DType() == tensor.Int64 {
			labels = append(labels, tensor.Data[int64](batch.Targets)...)
		} else {
			row.Vector = batch.Targets.Size(1)
			vectors = append(vectors, tensor.Data[float32](batch.Targets)...)
		}
	}
	size := len(images) / samples
	return func(to dataset.Memory, indices []int, _ dataset.Chance) {
		for k, i := range indices {
			copy(to.Inputs[k*size:], images[i*size:][:size])
			if row.Vector > 0 {
				copy(to.Vectors[k*row.Vector:], vectors[i*row.Vector:][:row.Vector])
			} else {
				to.Classes[k] = labels[i]
			}
		}
	}, row, nil
}

// Shape returns the shape of a sample.
func (o *Objective) Shape() []int { return o.row.Input }

// Samples returns how many there are.
func (o *Objective) Samples() int { return len(o.indices) }

// Several reports whether targets are vectors of labels.
func (o *Objective) Several() bool { return o.regression.several }

// Result returns the mean cross-entropy that the last evaluation found, and how many samples
// were predicted right, where each has one class.
func (o *Objective) Result() (loss float64, correct int) { return o.loss, o.correct }

// Set puts value in place of what the last evaluation found: its gradients were changed.
func (o *Objective) Set(value float64) {
	o.loss += value - o.value
	o.value = value
}

// Evaluate returns the objective at the layer's parameters, and sets their gradients. If it
// was last evaluated at the same parameters it costs nothing, and evaluated is false.
func (o *Objective) Evaluate() (value float64, evaluated bool) {
	weight := tensor.Data[float32](o.regression.layer.Weight.Detach().Contiguous())
	bias := tensor.Data[float32](o.regression.layer.Bias.Detach().Contiguous())
	if slices.Equal(weight, o.weight) && slices.Equal(bias, o.bias) {
		return o.value, false
	}
	o.weight, o.bias = append(o.weight[:0], weight...), append(o.bias[:0], bias...)
	r, n := o.regression, float64(len(o.indices))
	r.sum(samples{o.indices, nil, func(to dataset.Memory, lo, hi int) {
		o.fill(to, o.indices[lo:hi], dataset.Chance{Of: random.New(0).At, First: lo})
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
			size := r.inputs / len(r.lines)
			for c, line := range r.lines {
				for i := c * size; i < (c+1)*size; i++ {
					sum := sums[i]
					if c > 0 {
						sum *= r.ratio(c)
					}
					gradient[from+i] = float32((sum+line.Shift*grad)/n + o.l2*float64(weight[from+i]))
				}
			}
		}
	})
	o.loss, o.correct = loss/n, correct
	o.value = o.loss + o.l2/2*squares
	return o.value, true
}
