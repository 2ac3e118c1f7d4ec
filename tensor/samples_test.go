package tensor_test

import (
	"fmt"
	"testing"

	"github.com/onehot-go/onehot/random"
	"github.com/onehot-go/onehot/tensor"
)

// TestSameBitsInAnyBatch holds that what operations make of a sample has the same bits in a batch
// of any size and for any number of threads.
func TestSameBitsInAnyBatch(t *testing.T) {
	defer tensor.SetThreads(0)
	seed := 0
	draw := func(shape ...int) *Tensor {
		seed++
		return tensor.Uniform(tensor.Float32, random.New(1).At(seed).Rand(), -1, 1, shape...)
	}
	two := tensor.Pool2dOptions{Kernel: [2]int{2, 2}}
	padded := tensor.Conv2dOptions{Padding: [2]int{1, 1}}
	evaluation := tensor.BatchNormOptions{Eps: 1e-5}
	mean, variance, weight, bias := draw(16), draw(16).Abs(), draw(16), draw(16)
	filters, filterBias, wide := draw(16, 1, 3, 3), draw(16), draw(16, 16, 3, 3)
	hidden, hiddenBias, classes, classBias := draw(256, 784), draw(256), draw(10, 784), draw(10)
	rows, picture, planes := []int{784}, []int{1, 14, 14}, []int{16, 14, 14}
	for name, c := range map[string]struct {
		shape []int // of a sample
		f     func(x *Tensor) *Tensor
	}{
		"Linear":                {rows, func(x *Tensor) *Tensor { return x.Linear(hidden, hiddenBias) }},
		"Linear, few outputs":   {rows, func(x *Tensor) *Tensor { return x.Linear(classes, classBias) }},
		"Linear without a bias": {rows, func(x *Tensor) *Tensor { return x.Linear(hidden, nil) }},
		"LinearReLU":            {rows, func(x *Tensor) *Tensor { return x.LinearReLU(hidden, hiddenBias) }},
		"Linear of sequences":   {[]int{3, 784}, func(x *Tensor) *Tensor { return x.Linear(hidden, hiddenBias) }},
		"Linear of float64": {rows, func(x *Tensor) *Tensor {
			return x.To(tensor.Float64).Linear(hidden.To(tensor.Float64), hiddenBias.To(tensor.Float64))
		}},
		"MatMul":              {rows, func(x *Tensor) *Tensor { return x.MatMul(hidden.Transpose(0, 1)) }},
		"MatMul by rows":      {rows, func(x *Tensor) *Tensor { return x.MatMul(hidden.Transpose(0, 1).Clone()) }},
		"MatMul, few columns": {rows, func(x *Tensor) *Tensor { return x.MatMul(classes.Transpose(0, 1).Clone()) }},
		"MatMul of sequences": {[]int{3, 784}, func(x *Tensor) *Tensor { return x.MatMul(classes.Transpose(0, 1)) }},

		"Conv2d":          {picture, func(x *Tensor) *Tensor { return x.Conv2d(filters, filterBias, padded) }},
		"Conv2d in tiles": {planes, func(x *Tensor) *Tensor { return x.Conv2d(wide, nil, padded) }},
		"Conv2d depthwise": {planes, func(x *Tensor) *Tensor {
			return x.Conv2d(filters, filterBias, tensor.Conv2dOptions{Padding: [2]int{1, 1}, Stride: [2]int{2, 2}, Groups: 16})
		}},
		"Conv2dReLUMaxPool": {planes, func(x *Tensor) *Tensor { return x.Conv2dReLUMaxPool(wide, filterBias, padded) }},
		"Conv2dBatchNorm": {planes, func(x *Tensor) *Tensor {
			return x.Conv2dBatchNorm(wide, filterBias, padded, mean, variance, weight, bias, evaluation)
		}},
		"Conv2dBatchNormReLU": {picture, func(x *Tensor) *Tensor {
			return x.Conv2dBatchNormReLU(filters, nil, padded, mean, variance, weight, bias, evaluation)
		}},
		"Conv2dBatchNormReLUMaxPool": {picture, func(x *Tensor) *Tensor {
			return x.Conv2dBatchNormReLUMaxPool(filters, filterBias, padded, mean, variance, weight, bias, evaluation)
		}},
		"BatchNorm":            {planes, func(x *Tensor) *Tensor { return x.BatchNorm(mean, variance, weight, bias, evaluation) }},
		"BatchNorm of rows":    {[]int{16}, func(x *Tensor) *Tensor { return x.BatchNorm(mean, variance, weight, bias, evaluation) }},
		"BatchNormReLU":        {planes, func(x *Tensor) *Tensor { return x.BatchNormReLU(mean, variance, weight, bias, evaluation) }},
		"BatchNormReLUMaxPool": {planes, func(x *Tensor) *Tensor { return x.BatchNormReLUMaxPool(mean, variance, weight, bias, evaluation) }},
		"MaxPool2d":            {planes, func(x *Tensor) *Tensor { return x.MaxPool2d(two) }},
		"ReLUMaxPool2d":        {planes, func(x *Tensor) *Tensor { return x.ReLUMaxPool2d(two) }},
		"AvgPool2d":            {planes, func(x *Tensor) *Tensor { return x.AvgPool2d(two) }},
		"AdaptiveAvgPool2d":    {planes, func(x *Tensor) *Tensor { return x.AdaptiveAvgPool2d(1, 1) }},

		"Softmax":      {[]int{10}, func(x *Tensor) *Tensor { return x.Softmax(1) }},
		"LogSoftmax":   {[]int{10}, func(x *Tensor) *Tensor { return x.LogSoftmax(1) }},
		"LogSumExp":    {[]int{10}, func(x *Tensor) *Tensor { return x.LogSumExp(1) }},
		"CrossEntropy": {[]int{10}, func(x *Tensor) *Tensor { return x.CrossEntropy(x.Detach().ArgMin(1)) }},
		"Exp":          {[]int{7}, (*Tensor).Exp},
		"GELU":         {[]int{7}, (*Tensor).GELU},
		"Add":          {[]int{16}, func(x *Tensor) *Tensor { return x.Add(bias) }},
		"Sum":          {planes, func(x *Tensor) *Tensor { return x.Sum(1, 2, 3) }},
		"Std":          {planes, func(x *Tensor) *Tensor { return x.Std(1, 2, 3) }},
	} {
		const most = 100
		x := draw(append([]int{most}, c.shape...)...)
		tensor.SetThreads(1)
		want := c.f(x)
		for i, n := range []int{1, 2, 3, 7, 8, 16, 31, 32, 33, 64, most} {
			tensor.SetThreads(1 + i%3)
			first := (13 * i) % (most - n + 1)
			wantSame(t, fmt.Sprintf("%s, %d samples", name, n), c.f(x.Narrow(0, first, n)), want.Narrow(0, first, n))
		}
	}
}
