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
	after                                                string // the batch norm: "", "ReLU" or "ReLUMaxPool"
}

// fused and apart compute the same.
func (c convNorm) fused() *Tensor {
	f := map[string]func(x, filters, filterBias *Tensor, conv tensor.Conv2dOptions, mean, variance, weight, bias *Tensor, norm tensor.BatchNormOptions) *Tensor{
		"": (*Tensor).Conv2dBatchNorm, "ReLU": (*Tensor).Conv2dBatchNormReLU, "ReLUMaxPool": (*Tensor).Conv2dBatchNormReLUMaxPool,
	}[c.after]
	return f(c.x, c.filters, c.filterBias, c.conv, c.mean, c.variance, c.weight, c.bias, c.norm)
}

func (c convNorm) apart() *Tensor {
	f := map[string]normFunc{"": (*Tensor).BatchNorm, "ReLU": (*Tensor).BatchNormReLU, "ReLUMaxPool": (*Tensor).BatchNormReLUMaxPool}[c.after]
	return f(c.x.Conv2d(c.filters, c.filterBias, c.conv), c.mean, c.variance, c.weight, c.bias, c.norm)
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
		{6, 2, 24, [2]int{11, 9}, three, tensor.Conv2dOptions{Stride: [2]int{1, 2}, Padding: [2]int{0, 1}}},
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
			for _, after := range []string{"", "ReLU", "ReLUMaxPool"} {
				if after == "ReLUMaxPool" && shape.size[0] == 3 {
					continue // there is no window
				}
				c.norm, c.after = tensor.BatchNormOptions{Training: training, Momentum: 0.25, Eps: 1e-5}, after
				all = append(all, c)
			}
		}
		c.filterBias, c.weight, c.bias = nil, nil, nil
		all = append(all, c)
	}
	return all
}

func (c convNorm) String() string {
	return fmt.Sprintf("%s %v by %v, %+v, %+v %s, bias %t", c.x.DType(), c.x.Shape(), c.filters.Shape(), c.conv, c.norm, c.after, c.filterBias != nil)
}

// summedUp says whether the gradient of the filters may be made of sums over what lies under
// the filters, which rounds it in another way.
func (c convNorm) summedUp(fixed []string) bool {
	return c.norm.Training && c.after == "ReLUMaxPool" && slices.Contains(fixed, "pictures") && c.conv.Groups == 0 &&
		c.x.Size(1)*c.filters.Size(2)*c.filters.Size(3) <= c.filters.Size(0)
}

// TestConv2dBatchNorm holds that one pass gives the bits of one operation after the other,
// whichever of the inputs require gradients, or numbers as near as sums in another order are.
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
					label := fmt.Sprintf("%v, without gradients of %v: %s", c, fixed, name)
					switch {
					case c.summedUp(fixed) && name == "gradient of the filters":
						wantNear(t, label, got[name], x)
					case c.norm.Training && name == "gradient of the bias of the filters":
						rounding := map[tensor.DType]float64{tensor.Float32: 1e-4, tensor.Float64: 1e-12}[dtype]
						if size, other := got[name].Abs().Max().Item(), x.Abs().Max().Item(); size != 0 || !(other <= rounding) {
							t.Errorf("%s: got %g, and %g from one operation after the other: 0 expected but for rounding", label, size, other)
						}
					default:
						wantSame(t, label, got[name], x)
					}
				}
			}
		}
	}
}

// wantNear fails unless gradients differ by no more than some roundings of the greatest.
func wantNear(t *testing.T, name string, got, want *Tensor) {
	t.Helper()
	bound := 1e-6
	if want.DType() == tensor.Float64 {
		bound = 4e-15
	}
	if diff, most := got.Sub(want).Abs().Max().Item(), want.Abs().Max().Item(); !(diff <= bound*most) {
		t.Errorf("%s: differs by %g, where the greatest is %g", name, diff, most)
	}
}

// TestConv2dBatchNormDigits holds that gradients of filters that are made of sums lose hardly
// more digits than others where pictures, or what the filters make of them, lie far from 0, and
// where filters of differences leave little of smooth pictures.
func TestConv2dBatchNormDigits(t *testing.T) {
	level := tensor.Uniform(tensor.Float64, random.New(5).Rand(), 0, 1, 19, 1, 1, 1)
	for _, of := range []struct{ x, bias, contrast float64 }{{50, 0, 1}, {0, 30, 1}, {-20, 100, 1}, {0, 0, 1e-2}, {0, 0, 1e-3}} {
		c := convNorms(tensor.Float64)[7]
		c.norm, c.after = tensor.BatchNormOptions{Training: true}, "ReLUMaxPool"
		c.x, c.filterBias = c.x.AddScalar(of.x), c.filterBias.AddScalar(of.bias)
		if of.contrast < 1 {
			c.x = c.x.MulScalar(of.contrast).Add(level)
			c.filters, c.conv.Padding = c.filters.Sub(c.filters.Mean(1, 2, 3).Reshape(32, 1, 1, 1)), [2]int{}
		}
		exact := c.clone("pictures")
		want := exact.run(exact.apart)["gradient of the filters"]
		c.mean, c.variance = c.mean.To(tensor.Float32), c.variance.To(tensor.Float32)
		for _, p := range c.leaves() {
			*p = (*p).To(tensor.Float32)
		}
		off := func(c convNorm, f func() *Tensor) float64 {
			return c.run(f)["gradient of the filters"].To(tensor.Float64).Sub(want).Abs().Max().Item()
		}
		fused, apart := c.clone("pictures"), c.clone("pictures")
		if got, others := off(fused, fused.fused), off(apart, apart.apart); !(got <= 2*others) {
			t.Errorf("%+v: off by %g, one operation after the other by %g", of, got, others)
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
	evaluation := c
	evaluation.norm.Training = false
	for name, y := range map[string]*Tensor{"training": c.fused(), "evaluation": evaluation.fused()} {
		if y.RequiresGrad() || y.Mul(tensor.Ones(tensor.Float32, 1).SetRequiresGrad(true)).RequiresGrad() {
			t.Errorf("%s: gradients are required of the result, or of what is made of it", name)
		}
	}
	if c.mean.Eq(before).Any().Item() != 0 {
		t.Errorf("the running mean is %v, before %v", c.mean, before)
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
