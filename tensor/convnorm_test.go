package tensor_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/onehot-go/onehot/internal/reuse"
	"github.com/onehot-go/onehot/random"
	"github.com/onehot-go/onehot/tensor"
)

// convNorm is what Conv2dBatchNorm takes, and a gradient of the result.
type convNorm struct {
	x, filters, filterBias, mean, variance, weight, bias *Tensor
	conv                                                 tensor.Conv2dOptions
	norm                                                 tensor.BatchNormOptions
}

// fused and apart compute the same.
func (c convNorm) fused() *Tensor {
	return c.x.Conv2dBatchNorm(c.filters, c.filterBias, c.conv, c.mean, c.variance, c.weight, c.bias, c.norm)
}

func (c convNorm) apart() *Tensor {
	return c.x.Conv2d(c.filters, c.filterBias, c.conv).BatchNorm(c.mean, c.variance, c.weight, c.bias, c.norm)
}

// clone returns c with tensors of its own, of which those require gradients whose names are
// not in fixed.
func (c convNorm) clone(fixed ...string) convNorm {
	c.mean, c.variance = c.mean.Clone(), c.variance.Clone()
	for name, p := range c.leaves() {
		if *p != nil {
			*p = (*p).Clone().SetRequiresGrad(!slices.Contains(fixed, name))
		}
	}
	return c
}

func (c *convNorm) leaves() map[string]**Tensor {
	return map[string]**Tensor{"pictures": &c.x, "filters": &c.filters, "bias of the filters": &c.filterBias, "weight": &c.weight, "bias": &c.bias}
}

// run returns the result of f, the gradients and the running statistics by name.
func (c convNorm) run(f func() *Tensor) map[string]*Tensor {
	y := f()
	all := map[string]*Tensor{"result": y.Detach(), "running mean": c.mean, "running variance": c.variance}
	if y.RequiresGrad() {
		y.Backward(tensor.Normal(y.DType(), random.New(9).Rand(), 0, 1, y.Shape()...))
	}
	for name, p := range c.leaves() {
		if *p != nil && (*p).Grad() != nil {
			all["gradient of the "+name] = (*p).Grad()
		}
	}
	return all
}

// convNorms returns cases: filters in tiles and not, one to a window and grouped, batches of
// one picture and many, and everything that may be left out.
func convNorms(dtype tensor.DType) (all []convNorm) {
	one, three := [2]int{1, 1}, [2]int{3, 3}
	for i, shape := range []struct {
		images, channels, filters int
		size, kernel              [2]int
		conv                      tensor.Conv2dOptions
	}{
		{5, 1, 3, [2]int{6, 7}, three, tensor.Conv2dOptions{Padding: one}},
		{19, 1, 32, [2]int{12, 12}, three, tensor.Conv2dOptions{Padding: one}},
		{9, 16, 17, [2]int{8, 8}, three, tensor.Conv2dOptions{Padding: one}},
		{1, 16, 16, [2]int{8, 8}, three, tensor.Conv2dOptions{Padding: one}},
		{2, 3, 4, [2]int{5, 4}, one, tensor.Conv2dOptions{}},
		{7, 4, 6, [2]int{9, 9}, [2]int{3, 2}, tensor.Conv2dOptions{Stride: [2]int{2, 1}, Groups: 2}},
		{3, 2, 2, [2]int{3, 9}, three, tensor.Conv2dOptions{}}, // a row: nothing to pool
	} {
		draw := func(at int, low float64, shape ...int) *Tensor {
			return tensor.Uniform(dtype, random.New(uint64(i)).At(at).Rand(), low, 1, shape...)
		}
		c := convNorm{
			x:          draw(0, -1, shape.images, shape.channels, shape.size[0], shape.size[1]),
			filters:    draw(1, -1, shape.filters, shape.channels/max(1, shape.conv.Groups), shape.kernel[0], shape.kernel[1]),
			filterBias: draw(2, -1, shape.filters), mean: draw(3, -1, shape.filters), variance: draw(4, 0.5, shape.filters),
			weight: draw(5, -1, shape.filters), bias: draw(6, -1, shape.filters), conv: shape.conv,
		}
		for _, training := range []bool{true, false} {
			for _, relu := range []bool{false, true} {
				for _, pool := range []bool{false, true} {
					c.norm = tensor.BatchNormOptions{Training: training, Momentum: 0.25, Eps: 1e-5, ReLU: relu, MaxPool: pool && shape.size[0] > 3}
					all = append(all, c)
				}
			}
		}
		c.filterBias, c.weight, c.bias = nil, nil, nil
		all = append(all, c)
	}
	return all
}

func (c convNorm) String() string {
	return fmt.Sprintf("%s %v by %v, %+v, %+v, bias %t", c.x.DType(), c.x.Shape(), c.filters.Shape(), c.conv, c.norm, c.filterBias != nil)
}

// TestConv2dBatchNorm holds that one pass gives the bits of one operation after the other,
// whichever of the inputs require gradients.
func TestConv2dBatchNorm(t *testing.T) {
	reuse.Poison.Store(true)
	defer reuse.Poison.Store(false)
	for _, dtype := range []tensor.DType{tensor.Float32, tensor.Float64} {
		for _, c := range convNorms(dtype) {
			for _, fixed := range [][]string{
				nil, {"pictures"}, {"filters"}, {"filters", "bias of the filters"}, {"pictures", "filters"}, {"bias of the filters", "weight", "bias"},
				{"pictures", "filters", "bias of the filters", "weight", "bias"},
			} {
				fused, apart := c.clone(fixed...), c.clone(fixed...)
				got, want := fused.run(fused.fused), apart.run(apart.apart)
				if len(got) != len(want) {
					t.Errorf("%v, without gradients of %v: got %d tensors, want %d", c, fixed, len(got), len(want))
				}
				for name, x := range want {
					wantSame(t, fmt.Sprintf("%v, without gradients of %v: %s", c, fixed, name), got[name], x)
				}
			}
		}
	}
}

// TestConv2dBatchNormThreads holds that results have the same bits for any number of threads.
func TestConv2dBatchNormThreads(t *testing.T) {
	defer tensor.SetThreads(0)
	for _, c := range convNorms(tensor.Float32) {
		tensor.SetThreads(1)
		first := c.clone()
		want := first.run(first.fused)
		for _, threads := range []int{2, 3, 5, 8} {
			tensor.SetThreads(threads)
			other := c.clone()
			for name, got := range other.run(other.fused) {
				wantSame(t, fmt.Sprintf("%v, %d threads: %s", c, threads, name), got, want[name])
			}
		}
	}
}

// TestConv2dBatchNormNoGrad holds that nothing is recorded from NoGrad, that the running
// statistics follow all the same, and that an empty batch leaves them.
func TestConv2dBatchNormNoGrad(t *testing.T) {
	c := convNorms(tensor.Float32)[0].clone()
	before := c.mean.Clone()
	c.x = c.x.NoGrad()
	if y := c.fused(); y.RequiresGrad() || c.mean.Eq(before).Any().Item() != 0 {
		t.Errorf("gradients are required: %t; the running mean is %v, before %v", y.RequiresGrad(), c.mean, before)
	}
	before = c.mean.Clone()
	c.x = c.x.Narrow(0, 0, 0)
	wantSame(t, "an empty batch", c.fused(), c.apart())
	wantSame(t, "the running mean after an empty batch", c.mean, before)
}

func TestConv2dBatchNormErrors(t *testing.T) {
	training := tensor.BatchNormOptions{Training: true}
	norm := func(x, filters, weight *Tensor) func() {
		return func() { x.Conv2dBatchNorm(filters, nil, tensor.Conv2dOptions{}, nil, nil, weight, nil, training) }
	}
	for text, f := range map[string]func(){
		"conv2d: shapes (4, 2, 3) and (5, 2, 3, 3): pictures (N, C, H, W) and filters (O, C, h, w) expected": norm(zeros(4, 2, 3), zeros(5, 2, 3, 3), nil),
		"batch-norm: shapes (4, 5, 1, 1) and (2): a weight of shape (5) expected, one number a channel":      norm(zeros(4, 2, 3, 3), zeros(5, 2, 3, 3), zeros(2)),
		"batch-norm: shape (1, 5, 1, 1): more than one value a channel expected in training":                 norm(zeros(1, 2, 3, 3), zeros(5, 2, 3, 3), nil),
	} {
		wantPanic[*tensor.ShapeError](t, text, text, f)
	}
}
