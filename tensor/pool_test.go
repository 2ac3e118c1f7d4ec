package tensor_test

import (
	"fmt"
	"math"
	"testing"

	"github.com/onehot-go/onehot/random"
	"github.com/onehot-go/onehot/tensor"
)

// A kernel of 2 by 2 has a way of its own for float32: it gives what float64 gives, whose
// elements are the same.
func TestMaxPool2x2(t *testing.T) {
	pair := tensor.Pool2dOptions{Kernel: [2]int{2, 2}}
	special := []float64{math.NaN(), math.Inf(1), math.Inf(-1), 0, math.Copysign(0, -1), 1}
	for height := 2; height <= 5; height++ {
		for width := 2; width <= 70; width++ {
			r := random.New(uint64(width)).At(height).Rand()
			x := tensor.Normal(tensor.Float32, r, 0, 1, 3, 2, height, width)
			data := tensor.Data[float32](x)
			for range len(data) / 3 {
				data[r.IntN(len(data))] = float32(special[r.IntN(len(special))])
			}
			y := x.SetRequiresGrad(true).MaxPool2d(pair)
			wide := x.Detach().To(tensor.Float64).SetRequiresGrad(true)
			want := wide.MaxPool2d(pair)
			wantSame(t, fmt.Sprint(height, "×", width), y, want.To(tensor.Float32))
			seed := tensor.Normal(tensor.Float32, r, 0, 1, y.Shape()...)
			y.Backward(seed)
			want.Backward(seed.To(tensor.Float64))
			wantSame(t, fmt.Sprint(height, "×", width, ", gradient"), x.Grad(), wide.Grad().To(tensor.Float32))
		}
	}
}

// TestPoolThreads holds that results have the same bits for any number of threads.
func TestPoolThreads(t *testing.T) {
	defer tensor.SetThreads(0)
	window := tensor.Pool2dOptions{Kernel: [2]int{3, 3}, Stride: [2]int{2, 2}, Padding: [2]int{1, 1}}
	for name, f := range map[string]func(x *Tensor) *Tensor{
		"max of pairs": func(x *Tensor) *Tensor { return x.MaxPool2d(tensor.Pool2dOptions{Kernel: [2]int{2, 2}}) },
		"max":          func(x *Tensor) *Tensor { return x.MaxPool2d(window) },
		"mean":         func(x *Tensor) *Tensor { return x.AvgPool2d(window) },
		"adaptive":     func(x *Tensor) *Tensor { return x.AdaptiveAvgPool2d(2, 3) },
	} {
		run := func(threads int) (y, grad *Tensor) {
			tensor.SetThreads(threads)
			x := tensor.Normal(tensor.Float32, random.New(1).Rand(), 0, 1, 11, 7, 28, 27).SetRequiresGrad(true)
			y = f(x)
			y.Mul(y).Sum().Backward()
			return y, x.Grad()
		}
		y, grad := run(1)
		for _, threads := range []int{2, 3, 5, 8} {
			gotY, gotGrad := run(threads)
			wantSame(t, fmt.Sprintf("%s, %d threads", name, threads), gotY, y)
			wantSame(t, fmt.Sprintf("%s, %d threads, gradient", name, threads), gotGrad, grad)
		}
	}
}

// TestReLUMaxPool2d holds that one pass gives the bits of one operation after the other.
func TestReLUMaxPool2d(t *testing.T) {
	for name, o := range map[string]tensor.Pool2dOptions{
		"pairs":       {Kernel: [2]int{2, 2}, Stride: [2]int{2, 2}},
		"overlapping": {Kernel: [2]int{3, 3}, Stride: [2]int{1, 1}, Padding: [2]int{1, 1}},
		"3 by 3":      {Kernel: [2]int{3, 3}},
	} {
		for _, dtype := range []tensor.DType{tensor.Float32, tensor.Float64} {
			x := tensor.Normal(tensor.Float32, random.New(1).Rand(), -0.5, 1, 3, 4, 9, 31).To(dtype)
			apart, fused := x.Clone().SetRequiresGrad(true), x.Clone().SetRequiresGrad(true)
			want, got := apart.ReLU().MaxPool2d(o), fused.ReLUMaxPool2d(o)
			wantSame(t, name, got, want)
			want.Mul(want).Sum().Backward()
			got.Mul(got).Sum().Backward()
			wantSame(t, name+", gradient", fused.Grad(), apart.Grad())
		}
	}
}

func TestPoolErrors(t *testing.T) {
	x := zeros(2, 3, 4, 5)
	pool := func(kernel, stride, padding int) tensor.Pool2dOptions {
		return tensor.Pool2dOptions{Kernel: [2]int{kernel, kernel}, Stride: [2]int{stride, stride}, Padding: [2]int{padding, padding}}
	}
	const sizes = ": sizes of at least 1, and a padding of at most half the kernel, expected"
	for text, f := range map[string]func(){
		"max-pool2d: shape (4, 5): pictures (N, C, H, W) or (C, H, W) expected":                      func() { zeros(4, 5).MaxPool2d(pool(2, 0, 0)) },
		"avg-pool2d: shape (1, 2, 3, 4, 5): pictures (N, C, H, W) or (C, H, W) expected":             func() { zeros(1, 2, 3, 4, 5).AvgPool2d(pool(2, 0, 0)) },
		"adaptive-avg-pool2d: shape (5): pictures (N, C, H, W) or (C, H, W) expected":                func() { zeros(5).AdaptiveAvgPool2d(1, 1) },
		"max-pool2d: shape (2, 3, 0, 5): pictures of at least one row and column expected":           func() { zeros(2, 3, 0, 5).MaxPool2d(pool(2, 0, 0)) },
		"adaptive-avg-pool2d: shape (3, 4, 0): pictures of at least one row and column expected":     func() { zeros(3, 4, 0).AdaptiveAvgPool2d(1, 1) },
		"max-pool2d: shape (2, 3, 4, 5): kernel [0 0], stride [0 0] and padding [0 0]" + sizes:       func() { x.MaxPool2d(pool(0, 0, 0)) },
		"max-pool2d: shape (2, 3, 4, 5): kernel [2 2], stride [-1 -1] and padding [0 0]" + sizes:     func() { x.MaxPool2d(pool(2, -1, 0)) },
		"avg-pool2d: shape (2, 3, 4, 5): kernel [3 3], stride [1 1] and padding [2 2]" + sizes:       func() { x.AvgPool2d(pool(3, 1, 2)) },
		"avg-pool2d: shape (2, 3, 4, 5): kernel [3 3], stride [1 1] and padding [-1 -1]" + sizes:     func() { x.AvgPool2d(pool(3, 1, -1)) },
		"max-pool2d: shape (2, 3, 4, 5): kernel [5 5] with padding [0 0] is larger than the picture": func() { x.MaxPool2d(pool(5, 0, 0)) },
		"adaptive-avg-pool2d: shape (2, 3, 4, 5): 0 rows and 1 columns: at least 1 of each expected": func() { x.AdaptiveAvgPool2d(0, 1) },
	} {
		wantPanic[*tensor.ShapeError](t, text, text, f)
	}
	for text, f := range map[string]func(){
		"max-pool2d: uint8 elements, shape (3, 4, 5): float32 or float64 expected":             func() { zeros(3, 4, 5).To(tensor.Uint8).MaxPool2d(pool(2, 0, 0)) },
		"adaptive-avg-pool2d: int64 elements, shape (2, 3, 4, 5): float32 or float64 expected": func() { x.To(tensor.Int64).AdaptiveAvgPool2d(1, 1) },
	} {
		wantPanic[*tensor.DTypeError](t, text, text, f)
	}
}

// BenchmarkMaxPool2d measures the pools of a small convolutional net for pictures of
// 28×28, each forward and forward with backward.
func BenchmarkMaxPool2d(b *testing.B) {
	pair := tensor.Pool2dOptions{Kernel: [2]int{2, 2}}
	for _, shape := range [][]int{{256, 32, 28, 28}, {256, 64, 14, 14}} {
		x := tensor.Uniform(tensor.Float32, random.New(1).Rand(), 0, 1, shape...).SetRequiresGrad(true)
		seed := x.Detach().MaxPool2d(pair)
		b.Run(fmt.Sprint("forward/", shape), func(b *testing.B) {
			for b.Loop() {
				x.MaxPool2d(pair)
			}
		})
		b.Run(fmt.Sprint("both/", shape), func(b *testing.B) {
			for b.Loop() {
				x.MaxPool2d(pair).Backward(seed)
			}
		})
	}
}
