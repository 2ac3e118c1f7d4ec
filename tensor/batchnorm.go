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
	ReLU     bool    // 0 in place of negative results, as the ReLU of the result gives, in the same pass
	MaxPool  bool    // then the greatest of every window of 2×2, as MaxPool2d of the result gives; after ReLU in the same pass
}

// BatchNorm returns (x - mean)/√(variance + eps)·weight + bias for x of shape (N, C, ...),
// where each of the C channels has its own mean, variance, weight and bias (Ioffe and
// Szegedy, 2015): torch.nn.functional.batch_norm. In training the mean and the variance
// are those of the batch's elements of the channel, the variance divided by their number,
// and the running ones, where there are any, are brought nearer to them in place, there
// divided by one less. Otherwise the running ones are taken. weight and bias, nil for 1
// and 0, and the running statistics are (C), all of x's floating-point type.
func (t *Tensor) BatchNorm(runningMean, runningVar, weight, bias *Tensor, o BatchNormOptions) *Tensor {
	t.checkBatchNorm(runningMean, runningVar, weight, bias, o.Training)
	if o.MaxPool && (!o.ReLU || t.Dim() != 4 || min(t.shape[2], t.shape[3]) < 2) {
		o.MaxPool = false
		return t.BatchNorm(runningMean, runningVar, weight, bias, o).MaxPool2d(Pool2dOptions{Kernel: [2]int{2, 2}})
	}
	if t.dtype == Float32 {
		return batchNorm[float32](t, runningMean, runningVar, weight, bias, o)
	}
	return batchNorm[float64](t, runningMean, runningVar, weight, bias, o)
}

func (t *Tensor) checkBatchNorm(runningMean, runningVar, weight, bias *Tensor, training bool) {
	const op = "batch-norm"
	if t.Dim() < 2 {
		Fail(op, "a batch (N, C, ...) expected", t)
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
			Fail(op, fmt.Sprintf("a %s of shape (%d) expected, one number a channel", p.name, t.shape[1]), t, p.Tensor)
		case p.dtype != t.dtype:
			failDType(op, p.dtype, "a "+p.name+" of the input's type, "+t.dtype.String()+",", t, p.Tensor)
		}
	}
	switch {
	case (runningMean == nil) != (runningVar == nil):
		Fail(op, "both running statistics expected, or neither", t)
	case runningMean == nil && !training:
		Fail(op, "running statistics expected where the batch's are not used", t)
	case training && t.shape[0]*numel(t.shape[2:]) == 1:
		Fail(op, "more than one value a channel expected in training", t)
	}
}

// batchNorm is BatchNorm for elements of type T.
func batchNorm[T Float](t, runningMean, runningVar, weight, bias *Tensor, o BatchNormOptions) *Tensor {
	planes := perChannel[T]{samples: t.shape[0], channels: t.shape[1], size: numel(t.shape[2:])}
	n := planes.channels
	x := Data[T](t.detached().Contiguous())
	var means, variances []float64
	if o.Training {
		means, variances = planes.statistics(x)
		if runningMean != nil && planes.count() > 1 {
			approach(runningMean, means, 1, o.Momentum)
			approach(runningVar, variances, planes.count()/(planes.count()-1), o.Momentum)
		}
	} else {
		means, variances = Values[float64](runningMean), Values[float64](runningVar)
	}
	inverses := make([]float64, n) // of the deviations
	for c, v := range variances {
		inverses[c] = 1 / math.Sqrt(v+o.Eps)
	}
	scales := slices.Clone(inverses)
	if weight != nil {
		for c, w := range Values[float64](weight) {
			scales[c] *= w
		}
	}
	channels := make([]kernel.Channel[T], n)
	for c := range channels {
		channels[c].Mean, channels[c].Scale = T(means[c]), T(scales[c])
	}
	if bias != nil {
		for c, b := range Values[T](bias) {
			channels[c].Offset = b
		}
	}
	shape := t.shape
	if o.MaxPool {
		shape = t.withSize(t.shape[2]/2, t.shape[3]/2)
	}
	out := empty(t.dtype, shape)
	dst := Data[T](out)
	// What the result was made of: all elements, or those that won in their windows.
	made, source := planes, x
	var best *Tensor
	var winners *[]uint8
	if o.MaxPool {
		best, winners = empty(t.dtype, shape), newWinners(len(dst))
		made.size, source = numel(shape[2:]), Data[T](best)
		planes.each(func(sample, at, to int) {
			lo, hi := made.sample(sample)
			kernel.NormMaxPool2x2(dst[lo:hi], source[lo:hi], (*winners)[lo:hi], x[at:to], channels, t.shape[2], t.shape[3])
		})
	} else {
		planes.each(func(_, at, to int) { kernel.Normalize(dst[at:to], x[at:to], channels, planes.size, o.ReLU) })
	}

	// The sums that all three gradients are made of are added up once.
	var sums, dots []float64
	reduce := func(g []T) {
		if sums == nil {
			sums, dots = made.reduce(func(sums, dots []float64, at, to int) {
				kernel.GradMoments(sums, dots, g[at:to], source[at:to], channels, made.size, o.ReLU)
			})
			if best != nil {
				best.done()
			}
		}
	}
	inputs := []input{{t, []*Tensor{t}, func(g *Tensor) *Tensor {
		gs := Data[T](g.Contiguous())
		reduce(gs)
		for c := range channels {
			channels[c].Slope = T(-scales[c] * inverses[c] * inverses[c] * dots[c] / planes.count())
			channels[c].Shift = T(-scales[c] * sums[c] / planes.count())
		}
		dx := empty(t.dtype, t.shape)
		dst := Data[T](dx)
		planes.each(func(sample, at, to int) {
			if lo, hi := made.sample(sample); o.MaxPool {
				kernel.NormMaxPool2x2Grad(dst[at:to], gs[lo:hi], (*winners)[lo:hi], x[at:to], channels, t.shape[2], t.shape[3])
			} else {
				kernel.Grad(dst[at:to], gs[at:to], x[at:to], channels, planes.size, o.ReLU)
			}
		})
		if o.MaxPool {
			doneWinners(winners)
		}
		return dx
	}}}
	if !o.Training { // the statistics do not depend on the input
		shape := append([]int{n}, slices.Repeat([]int{1}, t.Dim()-2)...)
		factors := wrap(convert[T](scales), shape)
		inputs[0] = input{t, nil, func(g *Tensor) *Tensor { return g.Mul(factors) }}
		switch {
		case o.MaxPool:
			inputs[0] = input{t, nil, func(g *Tensor) *Tensor { return g.Mul(factors).maxPool2x2Grad(winners, t.shape) }}
		case o.ReLU:
			inputs[0] = input{t, []*Tensor{out}, func(g *Tensor) *Tensor { return reluGradient(g, out).Mul(factors) }}
		}
	}
	if weight != nil {
		inputs[0].reads = append(inputs[0].reads, weight)
		inputs = append(inputs, input{weight, []*Tensor{t}, func(g *Tensor) *Tensor {
			reduce(Data[T](g.Contiguous()))
			dw := make([]T, n)
			for c, d := range dots {
				dw[c] = T(d * inverses[c])
			}
			return wrap(dw, weight.shape)
		}})
	}
	if bias != nil {
		inputs = append(inputs, input{bias, nil, func(g *Tensor) *Tensor {
			reduce(Data[T](g.Contiguous()))
			return wrap(convert[T](sums), bias.shape)
		}})
	}
	record(out, "batch-norm", inputs...)
	if o.MaxPool && out.node == nil { // no gradient will ask for them
		best.done()
		doneWinners(winners)
	}
	return out
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

// each calls f for every sample, in parallel, with its number and the range of its
// elements.
func (p perChannel[T]) each(f func(sample, at, to int)) {
	elements := p.channels * p.size
	if elements == 0 {
		return
	}
	parallel.For(p.samples, 1+grain/elements, func(lo, hi int) {
		for i := lo; i < hi; i++ {
			at, to := p.sample(i)
			f(i, at, to)
		}
	})
}

// planeSums has memory for the sums of planes, as pointers to slices.
var planeSums = sync.Pool{New: func() any { return new([]float64) }}

// reduce adds up two sums for each channel: f gives those of the planes in a range of
// elements, a sample's. Samples are added in their order.
func (p perChannel[T]) reduce(f func(first, second []float64, at, to int)) (first, second []float64) {
	n := p.samples * p.channels
	sums := planeSums.Get().(*[]float64)
	defer planeSums.Put(sums)
	*sums = slices.Grow((*sums)[:0], 2*n)[:2*n]
	clear(*sums)
	firsts, seconds := (*sums)[:n], (*sums)[n:]
	p.each(func(sample, at, to int) {
		lo, hi := sample*p.channels, (sample+1)*p.channels
		f(firsts[lo:hi], seconds[lo:hi], at, to)
	})
	first, second = make([]float64, p.channels), make([]float64, p.channels)
	for i := range n {
		first[i%p.channels] += firsts[i]
		second[i%p.channels] += seconds[i]
	}
	return first, second
}

// statistics returns the mean and the variance of every channel of x, the variance divided
// by the number of elements. A channel's first element is taken out before: no digits are
// lost where the mean is large beside the deviation.
func (p perChannel[T]) statistics(x []T) (means, variances []float64) {
	shifts := make([]kernel.Channel[T], p.channels)
	if len(x) > 0 {
		for c := range shifts {
			shifts[c].Mean = x[c*p.size]
		}
	}
	means, variances = p.reduce(func(sums, squares []float64, at, to int) {
		kernel.Moments(sums, squares, x[at:to], shifts, p.size)
	})
	for c, sum := range means {
		mean := sum / p.count()
		means[c], variances[c] = float64(shifts[c].Mean)+mean, variances[c]/p.count()-mean*mean
	}
	return means, variances
}
