package tensor

import (
	"slices"

	"github.com/onehot-go/onehot/internal/kernel"
)

// Conv2dBatchNorm returns what BatchNorm by norm makes of t's Conv2d by conv, with the shapes,
// the bits and the errors of these, in fewer passes over memory. In training the statistics
// are added up while a core has a picture's results in its cache, and the gradients of
// pictures are made of the normalized ones' where those of the filters are. In evaluation,
// unless gradients flow, a picture's results are normalized as soon as they are written.
func (t *Tensor) Conv2dBatchNorm(filters, filterBias *Tensor, conv Conv2dOptions, runningMean, runningVar, weight, bias *Tensor, norm BatchNormOptions) *Tensor {
	c := conv.shape(t, filters, filterBias)
	size := c.Out()
	shape := []int{c.Images, c.Filters, size[0], size[1]}
	recorded := !t.noGrad && slices.ContainsFunc([]*Tensor{t, filters, filterBias, weight, bias}, func(p *Tensor) bool { return p != nil && p.requiresGrad })
	if !norm.Training && recorded || !norm.inOnePass(shape) || c.Images == 0 {
		y := t.Conv2d(filters, filterBias, conv)
		out := y.BatchNorm(runningMean, runningVar, weight, bias, norm)
		inner(t, y, out)
		return out
	}
	y := empty(t.dtype, shape)
	y.checkBatchNorm(runningMean, runningVar, weight, bias, norm.Training)
	if t.dtype == Float32 {
		return convBatchNorm[float32](c, y, t, filters, filterBias, runningMean, runningVar, weight, bias, norm)
	}
	return convBatchNorm[float64](c, y, t, filters, filterBias, runningMean, runningVar, weight, bias, norm)
}

// convBatchNorm is Conv2dBatchNorm for elements of type T, with y as memory for the
// convolution's results. In evaluation no gradient may be asked for.
func convBatchNorm[T Float](c kernel.Conv2d, y, t, filters, filterBias, runningMean, runningVar, weight, bias *Tensor, o BatchNormOptions) *Tensor {
	b := newNormed[T](y.shape, weight, bias, o)
	ys, x := Data[T](y), inOrder[T](t)
	w, wBias := inOrder[T](filters), inOrder[T](filterBias)
	var out *Tensor
	if o.Training {
		// The first picture comes first, with what is taken out of the statistics.
		first, rest := c, c
		first.Images, rest.Images = 1, c.Images-1
		kernel.Convolve(first, ys, x, w, wBias, nil)
		means, variances := b.batch.statistics(ys, func(f func(from, to int)) {
			f(0, 1)
			_, lo := b.batch.sample(0)
			kernel.Convolve(rest, ys[lo:], x[numel(t.shape[1:]):], w, wBias, func(from, to int) { f(from+1, to+1) })
		})
		b.approach(runningMean, runningVar, means, variances)
		b.by(means, variances)
		out = b.begin(t.dtype, ys)
		b.batch.ranges(b.normalize)
	} else {
		b.by(Values[float64](runningMean), Values[float64](runningVar))
		out = b.begin(t.dtype, ys)
		kernel.Convolve(c, ys, x, w, wBias, b.normalize)
	}

	var dy, db *Tensor // those of the convolution's results and bias, where they have been written
	results := func(g *Tensor) *Tensor {
		if dy == nil {
			dy = b.inputGrad(g)
		}
		return dy
	}
	inputs := []input{{filters, []*Tensor{t}, func(g *Tensor) *Tensor {
		gs := Data[T](g.Contiguous())
		b.reduce(gs)
		var dst []T
		if t.requiresGrad {
			dy = empty(y.dtype, y.shape)
			dst = Data[T](dy)
		}
		if filterBias != nil && filterBias.requiresGrad {
			db = empty(filterBias.dtype, filterBias.shape)
		}
		return weightGrad(c, filters, db, t, dst, func(dst []T, from, to int) { b.samplesGrad(dst, gs, from, to) })
	}}}
	if filterBias != nil {
		inputs = append(inputs, input{filterBias, nil, func(g *Tensor) *Tensor {
			if db != nil {
				return db
			}
			return results(g).Sum(0, 2, 3)
		}})
	}
	inputs = append(append(inputs, b.parameters(t)...), input{t, []*Tensor{filters}, func(g *Tensor) *Tensor {
		return inputGrad[T](c, t, filters, results(g))
	}})
	if weight != nil {
		inputs[0].reads = append(inputs[0].reads, weight)
	}
	return record(out, "conv2d with batch-norm", inputs...).releases(func() {
		b.release()
		y.done()
		if dy != nil {
			dy.done()
		}
	})
}
