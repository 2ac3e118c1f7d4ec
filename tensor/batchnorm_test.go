package tensor_test

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/onehot-go/onehot/internal/gradcheck"
	"github.com/onehot-go/onehot/random"
	"github.com/onehot-go/onehot/tensor"
)

// normFunc is BatchNorm, or one of the methods that do more in the same pass.
type normFunc func(x, mean, variance, weight, bias *Tensor, o tensor.BatchNormOptions) *Tensor

// norm is a batch, what it is normalized with, and a gradient of the result.
type norm struct{ x, mean, variance, weight, bias, seed *Tensor }

// newNorm draws one of the given shape.
func newNorm(dtype tensor.DType, shape ...int) norm {
	draw := func(i int, low float64, shape ...int) *Tensor {
		return tensor.Uniform(tensor.Float32, random.New(1).At(i).Rand(), low, 1, shape...).To(dtype)
	}
	c := shape[1]
	n := norm{draw(0, -1, shape...), draw(1, -1, c), draw(2, 0.5, c), draw(3, -1, c), draw(4, -1, c), draw(5, -1, shape...)}
	for _, x := range []*Tensor{n.x, n.weight, n.bias} {
		x.SetRequiresGrad(true)
	}
	return n
}

// seedFor starts from y the way back of a gradient that is as long as it.
func (n norm) seedFor(y *Tensor) {
	if seed := n.seed; slices.Equal(seed.Shape(), y.Shape()) {
		y.Backward(seed)
	} else {
		y.Backward(seed.Narrow(2, 0, y.Size(2)).Narrow(3, 0, y.Size(3)))
	}
}

// run returns the result, the gradients and the running statistics after it, by name.
func (n norm) run(f normFunc, o tensor.BatchNormOptions) map[string]*Tensor {
	y := f(n.x, n.mean, n.variance, n.weight, n.bias, o)
	n.seedFor(y)
	return map[string]*Tensor{"result": y, "gradient": n.x.Grad(), "gradient of the weight": n.weight.Grad(),
		"gradient of the bias": n.bias.Grad(), "running mean": n.mean, "running variance": n.variance}
}

// normShapes are of batches with planes longer and shorter than registers.
var normShapes = [][]int{{7, 5}, {2, 1}, {9, 3, 4}, {3, 2, 5, 7}, {5, 3, 8, 8}, {2, 4, 3, 33}, {1, 2, 1, 16}, {33, 6, 14, 14}}

// TestBatchNormFloat32 compares float32 with float64. The elements, weights and inverse
// deviations are of a magnitude about 1, and an element that cancels keeps the rounding of
// what it was made of: the tolerance is absolute.
func TestBatchNormFloat32(t *testing.T) {
	for _, shape := range normShapes {
		for method, f := range map[string]normFunc{"BatchNorm": (*Tensor).BatchNorm, "BatchNormReLU": (*Tensor).BatchNormReLU} {
			for _, o := range []tensor.BatchNormOptions{{Training: true, Momentum: 0.25, Eps: 1e-2}, {Eps: 1e-5}} {
				want := newNorm(tensor.Float64, shape...).run(f, o)
				for name, got := range newNorm(tensor.Float32, shape...).run(f, o) {
					if got.DType() != tensor.Float32 {
						t.Errorf("%s, %v, %+v: %s is %s", method, shape, o, name, got.DType())
					}
					scale := max(1, want[name].Detach().Abs().Max().Item())
					if off := got.Detach().To(tensor.Float64).Sub(want[name].Detach()).Abs().Max().Item(); !(off <= 2e-6*scale) {
						t.Errorf("%s, %v, %+v: %s is off by %v of %v", method, shape, o, name, off, scale)
					}
				}
			}
		}
	}
}

// TestBatchNormReLU holds that ReLU in the same pass gives the bits of ReLU behind it.
func TestBatchNormReLU(t *testing.T) {
	for _, dtype := range []tensor.DType{tensor.Float32, tensor.Float64} {
		for _, shape := range normShapes {
			for _, training := range []bool{true, false} {
				o := tensor.BatchNormOptions{Training: training, Eps: 1e-5}
				apart, fused := newNorm(dtype, shape...), newNorm(dtype, shape...)
				y := apart.x.BatchNorm(apart.mean, apart.variance, apart.weight, apart.bias, o).ReLU()
				y.Backward(apart.seed)
				got := fused.run((*Tensor).BatchNormReLU, o)
				name := fmt.Sprint(dtype, " ", shape, " training ", training)
				wantSame(t, name, got["result"], y)
				wantSame(t, name+", gradient", got["gradient"], apart.x.Grad())
				wantSame(t, name+", gradient of the weight", got["gradient of the weight"], apart.weight.Grad())
				wantSame(t, name+", gradient of the bias", got["gradient of the bias"], apart.bias.Grad())
			}
		}
	}
}

// pooledShapes are of pictures whose windows are fewer and more than half a register, with
// rows and columns left over and without.
var pooledShapes = [][]int{{3, 2, 4, 4}, {2, 3, 14, 14}, {3, 2, 5, 7}, {2, 4, 3, 33}, {4, 3, 28, 28}, {1, 5, 10, 35}, {2, 2, 7, 70}}

// TestBatchNormReLUMaxPool holds that pooling in the same pass gives the bits of pooling behind
// it, of elements many of which are equal too. The gradients are made of sums in another
// order, which are rounded in float64.
func TestBatchNormReLUMaxPool(t *testing.T) {
	pair := tensor.Pool2dOptions{Kernel: [2]int{2, 2}}
	for _, dtype := range []tensor.DType{tensor.Float32, tensor.Float64} {
		for _, shape := range pooledShapes {
			for _, o := range []tensor.BatchNormOptions{{Training: true}, {}} {
				for _, ties := range []string{"no ties", "equal elements", "a weight of 0"} {
					name := fmt.Sprintf("%v %v %+v %s", dtype, shape, o, ties)
					o.Momentum, o.Eps = 0.25, 1e-5
					apart, fused := newNorm(dtype, shape...), newNorm(dtype, shape...)
					for _, n := range []norm{apart, fused} {
						switch ties {
						case "equal elements":
							n.x.Detach().CopyInPlace(n.x.Detach().MulScalar(4).To(tensor.Int64).To(dtype))
						case "a weight of 0":
							n.weight.Detach().Narrow(0, 0, 1).FillInPlace(0)
							n.bias.Detach().Narrow(0, 0, 1).FillInPlace(1)
						}
					}
					y := apart.x.BatchNorm(apart.mean, apart.variance, apart.weight, apart.bias, o).ReLU().MaxPool2d(pair)
					apart.seedFor(y)
					got := fused.run((*Tensor).BatchNormReLUMaxPool, o)
					wantSame(t, name, got["result"], y)
					wantSame(t, name+", running mean", fused.mean, apart.mean)
					wantSame(t, name+", without gradients", fused.x.NoGrad().BatchNormReLUMaxPool(fused.mean, fused.variance, fused.weight, fused.bias, o), y)
					bound := 1e-14
					if dtype == tensor.Float32 {
						bound = 1e-6
					}
					for what, want := range map[string]*Tensor{"gradient": apart.x.Grad(), "gradient of the weight": apart.weight.Grad(), "gradient of the bias": apart.bias.Grad()} {
						off := got[what].Sub(want).Abs().Max().Item()
						if scale := max(1, want.Abs().Max().Item()); !(off <= bound*scale) {
							t.Errorf("%s: the %s is off by %v of %v", name, what, off, scale)
						}
					}
				}
			}
		}
	}
}

// TestBatchNormReLUMaxPoolGradient checks the gradients of the way through windows by
// differences.
func TestBatchNormReLUMaxPoolGradient(t *testing.T) {
	for _, training := range []bool{true, false} {
		n := newNorm(tensor.Float64, 2, 3, 5, 4)
		o := tensor.BatchNormOptions{Training: training, Eps: 1e-2}
		f := func(in []*Tensor) *Tensor {
			y := in[0].BatchNormReLUMaxPool(n.mean, n.variance, in[1], in[2], o)
			return y.Mul(y).Sum()
		}
		if err := gradcheck.Check(f, n.x, n.weight, n.bias); err != nil {
			t.Errorf("training %t: %v", training, err)
		}
	}
}

// TestBatchNormRunning follows the running statistics by their definition.
func TestBatchNormRunning(t *testing.T) {
	n := newNorm(tensor.Float64, 4, 2, 3)
	mean, variance := n.mean.Clone(), n.variance.Clone()
	o := tensor.BatchNormOptions{Training: true, Momentum: 0.25}
	for range 2 {
		n.x.BatchNorm(n.mean, n.variance, nil, nil, o)
		mean = mean.MulScalar(0.75).Add(n.x.Detach().Mean(0, 2).MulScalar(0.25))
		variance = variance.MulScalar(0.75).Add(n.x.Detach().Var(1, 0, 2).MulScalar(0.25))
	}
	for name, pair := range map[string][2]*Tensor{"mean": {n.mean, mean}, "variance": {n.variance, variance}} {
		if off := pair[0].Sub(pair[1]).Abs().Max().Item(); off > 1e-15 {
			t.Errorf("running %s: got %v, want %v", name, pair[0], pair[1])
		}
	}
	before := slices.Concat(tensor.Values[float64](n.mean), tensor.Values[float64](n.variance))
	n.x.BatchNorm(n.mean, n.variance, nil, nil, tensor.BatchNormOptions{Momentum: 0.25})
	tensor.Zeros(tensor.Float64, 0, 2, 3).BatchNorm(n.mean, n.variance, nil, nil, o)
	if after := slices.Concat(tensor.Values[float64](n.mean), tensor.Values[float64](n.variance)); !slices.Equal(after, before) {
		t.Errorf("an evaluation or an empty batch makes the running statistics %v, before %v", after, before)
	}
}

// A mean that is large beside the deviation takes no digits away.
func TestBatchNormFarFromZero(t *testing.T) {
	x := tensor.New([]float64{1, 2, 4, 8, 5, 7}, 6, 1)
	o := tensor.BatchNormOptions{Training: true}
	want := tensor.Values[float64](x.BatchNorm(nil, nil, nil, nil, o))
	for i, v := range tensor.Values[float64](x.AddScalar(1<<40).BatchNorm(nil, nil, nil, nil, o)) {
		if math.Abs(v-want[i]) > 1e-14 {
			t.Errorf("element %d: got %v, near 0 %v", i, v, want[i])
		}
	}
	// Of equal elements nothing is left.
	for _, dtype := range []tensor.DType{tensor.Float32, tensor.Float64} {
		y := tensor.Full(dtype, 7.7, 10, 2, 3).BatchNorm(nil, nil, nil, nil, tensor.BatchNormOptions{Training: true, Eps: 1e-5})
		if y.Ne(tensor.Scalar(0.0)).Any().Item() != 0 {
			t.Errorf("%s: a constant becomes %v", dtype, y)
		}
	}
}

// TestBatchNormThreads holds that results have the same bits for any number of threads.
func TestBatchNormThreads(t *testing.T) {
	defer tensor.SetThreads(0)
	for _, shape := range [][]int{{64, 300}, {37, 6, 14, 14}, {5, 3, 100, 100}} {
		f := (*Tensor).BatchNormReLU
		if len(shape) == 4 {
			f = (*Tensor).BatchNormReLUMaxPool
		}
		o := tensor.BatchNormOptions{Training: true, Momentum: 0.1, Eps: 1e-5}
		tensor.SetThreads(1)
		want := newNorm(tensor.Float32, shape...).run(f, o)
		for _, threads := range []int{2, 3, 5, 8} {
			tensor.SetThreads(threads)
			for name, got := range newNorm(tensor.Float32, shape...).run(f, o) {
				wantSame(t, fmt.Sprintf("%v, %d threads: %s", shape, threads, name), got, want[name])
			}
		}
	}
}

func TestBatchNormNoGrad(t *testing.T) {
	n := newNorm(tensor.Float32, 4, 3)
	before := n.mean.Clone()
	y := n.x.NoGrad().BatchNorm(n.mean, n.variance, n.weight, n.bias, tensor.BatchNormOptions{Training: true, Momentum: 0.5})
	if y.RequiresGrad() || n.mean.Eq(before).Any().Item() != 0 {
		t.Errorf("without gradients: they are required: %t, running mean %v, before %v", y.RequiresGrad(), n.mean, before)
	}
}

func TestBatchNormErrors(t *testing.T) {
	x, two, three := zeros(4, 2, 3), zeros(2), zeros(3)
	training := tensor.BatchNormOptions{Training: true}
	norm := func(x, mean, variance, weight, bias *Tensor, o tensor.BatchNormOptions) func() {
		return func() { x.BatchNorm(mean, variance, weight, bias, o) }
	}
	for text, f := range map[string]func(){
		"batch-norm: shape (3): a batch (N, C, ...) expected":                                                  norm(three, nil, nil, nil, nil, training),
		"batch-norm: shapes (4, 2, 3) and (3): a running mean of shape (2) expected, one number a channel":     norm(x, three, two, nil, nil, training),
		"batch-norm: shapes (4, 2, 3) and (3): a running variance of shape (2) expected, one number a channel": norm(x, two, three, nil, nil, training),
		"batch-norm: shapes (4, 2, 3) and (3): a weight of shape (2) expected, one number a channel":           norm(x, nil, nil, three, nil, training),
		"batch-norm: shapes (4, 2, 3) and (): a bias of shape (2) expected, one number a channel":              norm(x, nil, nil, nil, zeros(), training),
		"batch-norm: shape (4, 2, 3): both running statistics expected, or neither":                            norm(x, two, nil, nil, nil, training),
		"batch-norm: shape (4, 2, 3): running statistics expected where the batch's are not used":              norm(x, nil, nil, two, two, tensor.BatchNormOptions{}),
		"batch-norm: shape (1, 2): more than one value a channel expected in training":                         norm(zeros(1, 2), nil, nil, nil, nil, training),
		"batch-norm: shape (1, 2, 1, 1): more than one value a channel expected in training":                   norm(zeros(1, 2, 1, 1), nil, nil, nil, nil, training),
	} {
		wantPanic[*tensor.ShapeError](t, text, text, f)
	}
	for text, f := range map[string]func(){
		"batch-norm: int64 elements, shape (4, 2, 3): float32 or float64 expected":                                          norm(x.To(tensor.Int64), nil, nil, nil, nil, training),
		"batch-norm: float64 elements, shapes (4, 2, 3) and (2): a weight of the input's type, float32, expected":           norm(x, nil, nil, two.To(tensor.Float64), nil, training),
		"batch-norm: float32 elements, shapes (4, 2, 3) and (2): a running variance of the input's type, float64, expected": norm(x.To(tensor.Float64), two.To(tensor.Float64), two, nil, nil, training),
	} {
		wantPanic[*tensor.DTypeError](t, text, text, f)
	}
}

// BenchmarkBatchNorm measures the layers of a small convolutional net for pictures of
// 28×28, each forward and forward with backward.
func BenchmarkBatchNorm(b *testing.B) {
	for _, shape := range [][]int{{256, 32, 28, 28}, {256, 64, 14, 14}} {
		n := newNorm(tensor.Float32, shape...)
		o := tensor.BatchNormOptions{Training: true, Momentum: 0.1, Eps: 1e-5}
		b.Run(fmt.Sprint("forward/", shape), func(b *testing.B) {
			for b.Loop() {
				n.x.BatchNormReLU(n.mean, n.variance, n.weight, n.bias, o)
			}
		})
		b.Run(fmt.Sprint("both/", shape), func(b *testing.B) {
			for b.Loop() {
				n.x.BatchNormReLU(n.mean, n.variance, n.weight, n.bias, o).Backward(n.seed)
			}
		})
	}
}
