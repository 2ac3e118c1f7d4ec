package tensor

import (
	"slices"

	"github.com/onehot-go/onehot/internal/kernel"
)

// Conv2dBatchNorm returns what BatchNorm by norm makes of t's Conv2d by conv, with the shapes
// and the errors of these, in fewer passes over memory. In training the statistics are added
// up while a core has a picture's results in its cache, and the gradients of pictures are made
// of the normalized ones' where those of the filters are. In evaluation, unless gradients flow,
// a picture's results are normalized as soon as they are written. The numbers are the same to
// the bit but for the gradient of filterBias in training: it is 0, since the mean takes the
// bias out again, without what rounding errors would make of it.
func (t *Tensor) Conv2dBatchNorm(filters, filterBias *Tensor, conv Conv2dOptions, runningMean, runningVar, weight, bias *Tensor, norm BatchNormOptions) *Tensor {
	return t.convBatchNorm(filters, filterBias, conv, runningMean, runningVar, weight, bias, norm, following{})
}

// Conv2dBatchNormReLU returns what BatchNormReLU makes of t's Conv2d, as Conv2dBatchNorm does
// without ReLU.
func (t *Tensor) Conv2dBatchNormReLU(filters, filterBias *Tensor, conv Conv2dOptions, runningMean, runningVar, weight, bias *Tensor, norm BatchNormOptions) *Tensor {
	return t.convBatchNorm(filters, filterBias, conv, runningMean, runningVar, weight, bias, norm, following{relu: true})
}

// Conv2dBatchNormReLUMaxPool returns what BatchNormReLUMaxPool makes of t's Conv2d, as
// Conv2dBatchNorm does without ReLU and pooling. The numbers are the same to the bit but in two
// cases more: of the elements of a window that would be the same once normalized, the greatest
// before wins rather than the first; and of pictures that need no gradient the convolution's
// results may not be kept, and the gradient of the filters is then added up in another way (see
// filterGrad).
func (t *Tensor) Conv2dBatchNormReLUMaxPool(filters, filterBias *Tensor, conv Conv2dOptions, runningMean, runningVar, weight, bias *Tensor, norm BatchNormOptions) *Tensor {
	return t.convBatchNorm(filters, filterBias, conv, runningMean, runningVar, weight, bias, norm, following{relu: true, maxPool: true})
}

// convBatchNorm is Conv2dBatchNorm with what follows it.
func (t *Tensor) convBatchNorm(filters, filterBias *Tensor, conv Conv2dOptions, runningMean, runningVar, weight, bias *Tensor, norm BatchNormOptions, f following) *Tensor {
	c := conv.shape(t, filters, filterBias)
	size := c.Out()
	shape := []int{c.Images, c.Filters, size[0], size[1]}
	results := &Tensor{dtype: t.dtype, shape: shape}
	results.checkBatchNorm(runningMean, runningVar, weight, bias, norm.Training)
	recorded := !t.noGrad && slices.ContainsFunc([]*Tensor{t, filters, filterBias, weight, bias}, func(p *Tensor) bool { return p != nil && p.requiresGrad })
	if !norm.Training && recorded || !f.inOnePass(shape, weight) || c.Images == 0 {
		y := t.Conv2d(filters, filterBias, conv)
		out := y.batchNorm(runningMean, runningVar, weight, bias, norm, f)
		inner(t, y, out)
		return out
	}
	if t.dtype == Float32 {
		return convBatchNorm[float32](c, shape, t, filters, filterBias, runningMean, runningVar, weight, bias, norm, f)
	}
	return convBatchNorm[float64](c, shape, t, filters, filterBias, runningMean, runningVar, weight, bias, norm, f)
}

// convBatchNorm is Conv2dBatchNorm, and what follows it, for elements of type T and results of the given shape. In
// evaluation no gradient may be asked for.
func convBatchNorm[T Float](c kernel.Conv2d, shape []int, t, filters, filterBias, runningMean, runningVar, weight, bias *Tensor, o BatchNormOptions, f following) *Tensor {
	b := newNormed[T](t.dtype, shape, weight, bias, o, f)
	x, w, wBias := inOrder[T](t), inOrder[T](filters), inOrder[T](filterBias)
	if !o.Training {
		b.by(Values[float64](runningMean), Values[float64](runningVar))
		kernel.Convolve(c, nil, x, w, wBias, func(y []T, from, to int) { b.normalize(b.pool(y, from, to), from, to) })
		var inputs []Input // none of which requires a gradient, but whose NoGrad the result takes on
		for _, p := range []*Tensor{t, filters, filterBias, weight, bias} {
			if p != nil {
				inputs = append(inputs, Input{Tensor: p})
			}
		}
		return Record(b.out, "conv2d with batch-norm", inputs...).releases(b.release)
	}
	// The first picture comes first, with what is taken out of the statistics.
	first, rest := c, c
	first.Images, rest.Images = 1, c.Images-1
	// Without its results the gradient of the filters is had as filterGrad says, that of the
	// pictures is not. It is worth it where less lies under a filter than there are filters.
	kept := t.requiresGrad || !f.maxPool || c.Groups > 1 || numel(filters.shape[1:]) > c.Filters
	if !kept {
		shape = append([]int{1}, shape[1:]...)
	}
	y := Empty(t.dtype, shape...) // of all pictures, or of the first
	_, size := b.batch.sample(0)
	one, others := Data[T](y)[:size], []T(nil)
	if kept {
		b.x = Data[T](y)
		others = b.x[size:]
	}
	kernel.Convolve(first, one, x, w, wBias, nil)
	b.follow(runningMean, runningVar, one, func(take func(x []T, from, to int)) {
		take(one, 0, 1)
		kernel.Convolve(rest, others, x[numel(t.shape[1:]):], w, wBias, func(x []T, from, to int) { take(x, from+1, to+1) })
	})
	b.result.each(b.pooled(), b.normalize)

	inputs := convInputs[T](c, t, filters, nil,
		func(g *Tensor) (dw, dx, db *Tensor) {
			gs := Data[T](g.Contiguous())
			b.reduce(gs)
			if !kept {
				return wrap(b.filterGrad(c, x, w, wBias), filters.shape), nil, nil
			}
			return convGrads(c, t, filters, nil, nil, func(dst []T, from, to int) { b.samplesGrad(dst, gs, from, to) })
		},
		b.inputGrad,
	)
	inputs[0].Reads = append(inputs[0].Reads, filters)
	if weight != nil {
		inputs[0].Reads = append(inputs[0].Reads, weight)
	}
	if filterBias != nil {
		inputs = append(inputs, Input{filterBias, nil, func(*Tensor) *Tensor { return Zeros(filterBias.dtype, filterBias.shape...) }})
	}
	inputs = append(inputs, b.parameters(t)...)
	return Record(b.out, "conv2d with batch-norm", inputs...).releases(func() {
		b.release()
		y.done()
	})
}

// filterGrad returns the gradient of the filters w of convolution c of x, whose results have
// been pooled and are not kept. They are y = Σ w·p + bias, where p is what lies under a
// filter, and their gradient is g + (y - mean)·slope + shift, where g is not 0 but for what
// won in its window. So that of w is
//
//	Σ g·p + slope·Σ (y - mean)·p + shift·Σ p
//
// over all places. The first sum is one of few terms, and the others are made of Σ p·p and Σ p,
// which are the same for all filters.
func (b *normed[T]) filterGrad(c kernel.Conv2d, x, w, wBias []T) []T {
	won, squares, totals := kernel.SumPatches(c, x, Data[T](b.best), *b.winners)
	under, dw := len(totals), make([]T, len(won))
	for o, channel := range b.channels {
		w := w[o*under:][:under]
		rest := -float64(channel.Mean)
		if wBias != nil {
			rest += float64(wBias[o])
		}
		for k, total := range totals {
			product := rest * total // Σ (y - mean)·p
			for j, v := range w {
				product += float64(v) * squares[j*under+k]
			}
			dw[o*under+k] = T(won[o*under+k] + float64(channel.Slope)*product + float64(channel.Shift)*total)
		}
	}
	return dw
}
