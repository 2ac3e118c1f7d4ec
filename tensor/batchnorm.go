package tensor

import (
	"fmt"
	"math"
	"slices"
	"sync"

	"github.com/onehot-go/onehot/internal/kernel"
	"github.com/onehot-go/onehot/internal/parallel"
)

// BatchNormOptions says how BatchNorm normalizes.
type BatchNormOptions struct {
	Training bool    // by the statistics of the batch
	Momentum float64 // share of these in the running ones, in training
	Eps      float64 // added to the variance
}

// following is what is done to the results of a batch norm in the same pass.
type following struct {
	relu    bool // 0 takes the place of negative results
	maxPool bool // then the greatest of every window of 2×2 is taken; only behind relu
}

// inOnePass reports whether windows of a batch of the given shape can be pooled before it is
// normalized. A weight of 0 leaves equal elements, of which the first has to win.
func (f following) inOnePass(shape []int, weight *Tensor) bool {
	return !f.maxPool || len(shape) == 4 && min(shape[2], shape[3]) >= 2 &&
		(weight == nil || !slices.Contains(Values[float64](weight), 0))
}

// BatchNorm returns (x - mean)/√(variance + eps)·weight + bias for x of shape (N, C, ...),
// where each of the C channels has its own mean, variance, weight and bias (Ioffe and
// Szegedy, 2015): torch.nn.functional.batch_norm. In training the mean and the variance
// are those of the batch's elements of the channel, the variance divided by their number,
// and the running ones, where there are any, are brought nearer to them in place, there
// divided by one less. Otherwise the running ones are taken. weight and bias, nil for 1
// and 0, and the running statistics are (C), all of x's floating-point type.
func (t *Tensor) BatchNorm(runningMean, runningVar, weight, bias *Tensor, o BatchNormOptions) *Tensor {
	return t.batchNorm(runningMean, runningVar, weight, bias, o, following{})
}

// BatchNormReLU returns the ReLU of BatchNorm, with its shapes, errors and bits, in one pass.
func (t *Tensor) BatchNormReLU(runningMean, runningVar, weight, bias *Tensor, o BatchNormOptions) *Tensor {
	return t.batchNorm(runningMean, runningVar, weight, bias, o, following{relu: true})
}

// BatchNormReLUMaxPool returns the greatest element of every window of 2×2 of BatchNormReLU,
// with the shapes and errors of BatchNorm and MaxPool2d. Windows are pooled first, since a
// channel's weight says, by its sign, what will be the greatest, and only that is normalized.
// The values have the bits of one operation after the other. The gradients are made of sums
// in another order, which are rounded in float64.
func (t *Tensor) BatchNormReLUMaxPool(runningMean, runningVar, weight, bias *Tensor, o BatchNormOptions) *Tensor {
	return t.batchNorm(runningMean, runningVar, weight, bias, o, following{relu: true, maxPool: true})
}

// batchNorm is BatchNorm with what follows it.
func (t *Tensor) batchNorm(runningMean, runningVar, weight, bias *Tensor, o BatchNormOptions, f following) *Tensor {
	t.checkBatchNorm(runningMean, runningVar, weight, bias, o.Training)
	if !f.inOnePass(t.shape, weight) {
		return t.BatchNormReLU(runningMean, runningVar, weight, bias, o).MaxPool2d(Pool2dOptions{Kernel: [2]int{2, 2}})
	}
	if t.dtype == Float32 {
		return batchNorm[float32](t, runningMean, runningVar, weight, bias, o, f)
	}
	return batchNorm[float64](t, runningMean, runningVar, weight, bias, o, f)
}

func (t *Tensor) checkBatchNorm(runningMean, runningVar, weight, bias *Tensor, training bool) {
	const op = "batch-norm"
	if t.Dim() < 2 {
		failShape(op, "a batch (N, C, ...) expected", t)
	}
	if !t.dtype.IsFloat() {
		failDType(op, t.dtype, "float32 or float64", t)
	}
	for _, p := range []struct {
		name string
		*Tensor
	}{{"running mean", runningMean}, {"running variance", runningVar}, {"weight", weight}, {"bias", bias}} {
		switch {
		case p.Tensor == nil:
		case !slices.Equal(p.shape, t.shape[1:2]):
			failShape(op, fmt.Sprintf("a %s of shape (%d) expected, one number a channel", p.name, t.shape[1]), t, p.Tensor)
		case p.dtype != t.dtype:
			failDType(op, p.dtype, "a "+p.name+" of the input's type, "+t.dtype.String()+",", t, p.Tensor)
		}
	}
	switch {
	case (runningMean == nil) != (runningVar == nil):
		failShape(op, "both running statistics expected, or neither", t)
	case runningMean == nil && !training:
		failShape(op, "running statistics expected where the batch's are not used", t)
	case training && t.shape[0]*numel(t.shape[2:]) == 1:
		failShape(op, "more than one value a channel expected in training", t)
	}
}

// batchNorm is BatchNorm, and what follows it, for elements of type T.
func batchNorm[T Float](t, runningMean, runningVar, weight, bias *Tensor, o BatchNormOptions, f following) *Tensor {
	x := Data[T](t.detached().Contiguous())
	b := newNormed[T](t.dtype, t.shape, weight, bias, o, f)
	b.x = x
	if o.Training {
		b.follow(runningMean, runningVar, x, func(take func(x []T, from, to int)) { b.batch.each(x, take) })
		b.result.each(b.pooled(), b.normalize)
	} else {
		b.by(Values[float64](runningMean), Values[float64](runningVar))
		b.batch.each(x, func(x []T, from, to int) { b.normalize(b.pool(x, from, to), from, to) })
	}
	inputs := append(b.parameters(t), Input{t, []*Tensor{t}, b.inputGrad})
	if !o.Training { // the statistics do not depend on the input
		shape := append([]int{len(b.channels)}, slices.Repeat([]int{1}, t.Dim()-2)...)
		factors := wrap(convert[T](b.scales), shape)
		in := &inputs[len(inputs)-1]
		*in = Input{t, nil, func(g *Tensor) *Tensor { return g.Mul(factors) }}
		if f.relu {
			in.Reads = []*Tensor{b.out}
			in.Grad = func(g *Tensor) *Tensor {
				if g = reluGradient(g, b.out).Mul(factors); f.maxPool {
					g = g.maxPool2x2Grad(b.winners, t.shape)
				}
				return g
			}
		}
	}
	if weight != nil {
		in := &inputs[len(inputs)-1]
		in.Reads = append(in.Reads, weight)
	}
	return Record(b.out, "batch-norm", inputs...).releases(b.release)
}

// normed is a batch and what a batch norm makes of it.
type normed[T Float] struct {
	BatchNormOptions
	following
	weight, bias     *Tensor
	batch, result    perChannel[T]
	shape            []int // of the batch
	channels         []kernel.Channel[T]
	inverses, scales []float64 // of the deviations, and these times the weights
	x                []T       // the batch, where gradients are made of it
	out              *Tensor
	best             *Tensor // what won in the windows of the batch, and later its gradient: see reduce
	winners          *[]uint8
	sums, dots       []float64 // of the result's gradient, and of its products with the elements: see reduce
}

// newNormed returns one of a batch of the given shape, and of nothing yet, with memory for
// the result.
func newNormed[T Float](dtype DType, shape []int, weight, bias *Tensor, o BatchNormOptions, f following) *normed[T] {
	p := perChannel[T]{samples: shape[0], channels: shape[1], size: numel(shape[2:])}
	b := &normed[T]{BatchNormOptions: o, following: f, weight: weight, bias: bias, batch: p, result: p, shape: shape, channels: make([]kernel.Channel[T], p.channels)}
	if f.maxPool {
		shape = []int{shape[0], shape[1], shape[2] / 2, shape[3] / 2}
		b.result.size = shape[2] * shape[3]
		b.best, b.winners = Empty(dtype, shape...), newWinners(numel(shape))
		if weight != nil { // its sign says what will win
			for c, w := range Values[T](weight) {
				b.channels[c].Scale = w
			}
		}
	}
	b.out = Empty(dtype, shape...)
	return b
}

// follow normalizes by the statistics of the batch, and brings the running ones, unless they
// are nil, nearer to them. visit calls its argument for ranges of samples, with their
// elements, as perChannel's statistics says; their windows are pooled on the way.
func (b *normed[T]) follow(runningMean, runningVar *Tensor, first []T, visit func(func(x []T, from, to int))) {
	means, variances := b.batch.statistics(first, func(add func(x []T, from, to int)) {
		visit(func(x []T, from, to int) {
			b.pool(x, from, to)
			add(x, from, to)
		})
	})
	if n := b.batch.count(); runningMean != nil && n > 1 {
		approach(runningMean, means, 1, b.Momentum)
		approach(runningVar, variances, n/(n-1), b.Momentum)
	}
	b.by(means, variances)
}

// by says by which statistics the batch is normalized.
func (b *normed[T]) by(means, variances []float64) {
	b.inverses = make([]float64, len(b.channels))
	for c, v := range variances {
		b.inverses[c] = 1 / math.Sqrt(v+b.Eps)
	}
	b.scales = slices.Clone(b.inverses)
	if b.weight != nil {
		for c, w := range Values[float64](b.weight) {
			b.scales[c] *= w
		}
	}
	for c := range b.channels {
		b.channels[c].Mean, b.channels[c].Scale = T(means[c]), T(b.scales[c])
	}
	if b.bias != nil {
		for c, v := range Values[T](b.bias) {
			b.channels[c].Offset = v
		}
	}
}

// pool returns what the results of some samples x are made of: x, or what wins in its windows.
func (b *normed[T]) pool(x []T, from, to int) []T {
	if !b.maxPool {
		return x
	}
	best := Data[T](b.best)
	for sample := from; sample < to; sample++ {
		at, end := b.batch.sample(sample - from)
		lo, hi := b.result.sample(sample)
		kernel.PreNormMaxPool2x2(best[lo:hi], (*b.winners)[lo:hi], x[at:end], b.channels, b.shape[2], b.shape[3])
	}
	lo, _ := b.result.sample(from)
	hi, _ := b.result.sample(to)
	return best[lo:hi]
}

// normalize writes the results of some samples, which are made of x.
func (b *normed[T]) normalize(x []T, from, to int) {
	out := Data[T](b.out)
	for sample := from; sample < to; sample++ {
		at, end := b.result.sample(sample - from)
		lo, hi := b.result.sample(sample)
		kernel.Normalize(out[lo:hi], x[at:end], b.channels, b.result.size, b.relu)
	}
}

// pooled returns what the result of the batch is made of, once it has been pooled.
func (b *normed[T]) pooled() []T {
	if b.maxPool {
		return Data[T](b.best)
	}
	return b.x
}

// reduce adds up, once, the sums that all gradients are made of, from the gradient g of the
// result. Where windows are pooled, what won in them is not needed any more: the gradients
// that reach it through ReLU and the scale take its place.
func (b *normed[T]) reduce(g []T) {
	if b.sums != nil {
		return
	}
	from := b.pooled()
	b.sums, b.dots = b.result.reduce(func(add func(g []T, from, to int)) { b.result.each(g, add) }, func(sums, dots []float64, g []T, sample int) {
		lo, hi := b.result.sample(sample)
		kernel.GradMoments(sums, dots, g, from[lo:hi], b.channels, b.result.size, b.relu)
		if b.maxPool { // without slope and shift yet
			kernel.Grad(from[lo:hi], g, from[lo:hi], b.channels, b.result.size, b.relu)
		}
	})
	for c := range b.channels {
		b.channels[c].Slope = T(-b.scales[c] * b.inverses[c] * b.inverses[c] * b.dots[c] / b.batch.count())
		b.channels[c].Shift = T(-b.scales[c] * b.sums[c] / b.batch.count())
	}
}

// inputGrad returns the gradient of the batch, in training, from that of the result.
func (b *normed[T]) inputGrad(g *Tensor) *Tensor {
	dx := Empty(g.dtype, b.shape...)
	gs := Data[T](g.Contiguous())
	b.reduce(gs)
	b.batch.each(Data[T](dx), func(dst []T, from, to int) { b.samplesGrad(dst, gs, from, to) })
	return dx
}

// samplesGrad writes that of some samples to dst.
func (b *normed[T]) samplesGrad(dst, g []T, from, to int) {
	for sample := from; sample < to; sample++ {
		at, end := b.batch.sample(sample)
		lo, hi := b.result.sample(sample)
		dst, x := dst[(sample-from)*(end-at):][:end-at], b.x[at:end]
		if b.maxPool {
			kernel.PreNormMaxPool2x2Grad(dst, Data[T](b.best)[lo:hi], (*b.winners)[lo:hi], x, b.channels, b.shape[2], b.shape[3])
		} else {
			kernel.Grad(dst, g[lo:hi], x, b.channels, b.batch.size, b.relu)
		}
	}
}

// parameters returns the ways of gradients to weight and bias, where t's elements are read.
func (b *normed[T]) parameters(t *Tensor) (inputs []Input) {
	if b.weight != nil {
		inputs = append(inputs, Input{b.weight, []*Tensor{t}, func(g *Tensor) *Tensor {
			b.reduce(Data[T](g.Contiguous()))
			dw := make([]T, len(b.dots))
			for c, d := range b.dots {
				dw[c] = T(d * b.inverses[c])
			}
			return wrap(dw, b.weight.shape)
		}})
	}
	if b.bias != nil {
		inputs = append(inputs, Input{b.bias, nil, func(g *Tensor) *Tensor {
			b.reduce(Data[T](g.Contiguous()))
			return wrap(convert[T](b.sums), b.bias.shape)
		}})
	}
	return inputs
}

// release gives back the memory of what gradients need.
func (b *normed[T]) release() {
	if b.maxPool {
		b.best.done()
		doneWinners(b.winners)
	}
}

// approach moves every element of running, (C), to factor·target by the share momentum of
// the way, in float64.
func approach(running *Tensor, target []float64, factor, momentum float64) {
	v := Values[float64](running)
	for c := range v {
		v[c] = momentum*factor*target[c] + (1-momentum)*v[c]
	}
	running.detached().CopyInPlace(wrap(v, running.shape))
}

func convert[T Float](v []float64) []T {
	out := make([]T, len(v))
	for i := range v {
		out[i] = T(v[i])
	}
	return out
}

// perChannel goes over elements that lie by samples and channels, size of each in one
// plane.
type perChannel[T Float] struct{ samples, channels, size int }

// count returns how many elements a channel has, and 1 for none: sums of nothing are 0.
func (p perChannel[T]) count() float64 { return float64(max(1, p.samples*p.size)) }

// sample returns the range of a sample's elements.
func (p perChannel[T]) sample(i int) (at, to int) {
	elements := p.channels * p.size
	return i * elements, (i + 1) * elements
}

// each calls f for ranges of samples that together are all, with their part of x, in
// parallel.
func (p perChannel[T]) each(x []T, f func(x []T, from, to int)) {
	if elements := p.channels * p.size; elements > 0 {
		parallel.Share(p.samples, 1+grain/elements, func(from, to int) { f(x[from*elements:to*elements], from, to) })
	}
}

// planeSums has memory for the sums of planes, as pointers to slices.
var planeSums = sync.Pool{New: func() any { return new([]float64) }}

// reduce adds up two sums for each channel: f gives those of the planes x of a sample. visit
// calls its argument for ranges of samples, with their elements, as each does. Samples are
// added in their order.
func (p perChannel[T]) reduce(visit func(func(x []T, from, to int)), f func(first, second []float64, x []T, sample int)) (first, second []float64) {
	n := p.samples * p.channels
	sums := planeSums.Get().(*[]float64)
	defer planeSums.Put(sums)
	*sums = slices.Grow((*sums)[:0], 2*n)[:2*n]
	clear(*sums)
	firsts, seconds := (*sums)[:n], (*sums)[n:]
	visit(func(x []T, from, to int) {
		for sample := from; sample < to; sample++ {
			at, end := p.sample(sample - from)
			lo, hi := sample*p.channels, (sample+1)*p.channels
			f(firsts[lo:hi], seconds[lo:hi], x[at:end], sample)
		}
	})
	first, second = make([]float64, p.channels), make([]float64, p.channels)
	for i := range n {
		first[i%p.channels] += firsts[i]
		second[i%p.channels] += seconds[i]
	}
	return first, second
}

// statistics returns the mean and the variance of every channel, the variance divided by the
// number of elements, of samples visited as reduce says. A channel's first element, of the
// first sample, is taken out before: no digits are lost where the mean is large beside the
// deviation.
func (p perChannel[T]) statistics(first []T, visit func(func(x []T, from, to int))) (means, variances []float64) {
	shifts := make([]kernel.Channel[T], p.channels)
	if len(first) > 0 {
		for c := range shifts {
			shifts[c].Mean = first[c*p.size]
		}
	}
	means, variances = p.reduce(visit, func(sums, squares []float64, x []T, _ int) {
		kernel.Moments(sums, squares, x, shifts, p.size)
	})
	for c, sum := range means {
		mean := sum / p.count()
		means[c], variances[c] = float64(shifts[c].Mean)+mean, variances[c]/p.count()-mean*mean
	}
	return means, variances
}
