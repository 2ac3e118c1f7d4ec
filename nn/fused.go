package nn

import (
	"slices"

	"github.com/onehot-go/onehot/internal/reuse"
	"github.com/onehot-go/onehot/tensor"
)

// fusion is one row of the table of fast roads: layers that stand one after the other, and the
// operation that does in one pass what they do one by one.
type fusion struct {
	layers    []kind
	operation string // the method of a tensor that takes their place
	forward   func(x *tensor.Tensor, layers []Module) *tensor.Tensor
	// gradients says how gradients differ from those of the layers one by one, "" for not at
	// all. Outputs and running statistics have the same bits.
	gradients string
	test      string // the test that holds the operation to its layers
}

// kind is what a layer must be at one place of a fusion: a type and options, by their meaning.
type kind struct {
	name string
	is   func(m Module) bool
}

// typed is the kind of all layers of type L, but not of types that embed it.
func typed[L Module](name string) kind {
	return kind{name, func(m Module) bool {
		_, ok := m.(L)
		return ok
	}}
}

var (
	anyConv2d      = typed[*Conv2d]("Conv2d")
	anyLinear      = typed[*Linear]("Linear")
	anyBatchNorm2d = typed[*BatchNorm2d]("BatchNorm2d")
	anyReLU        = typed[ReLU]("ReLU")
	anyMaxPool2d   = typed[MaxPool2d]("MaxPool2d")
	pairMaxPool2d  = kind{"MaxPool2d of 2×2 side by side", func(m Module) bool {
		p, ok := m.(MaxPool2d)
		two := Square(2)
		return ok && p.Kernel == two && Pair(p.Stride).unless(two) == Pair{} && p.Padding == Pair{}
	}}
)

// How gradients differ.
const (
	biasAndFilters = "that of the convolution's bias is 0, which it is but for rounding, and that of a first layer's filters is a sum in another order"
	ties           = "a window whose elements become equal by rounding may pass its gradient to another of them"
)

// fusions is the table. A row that begins like another but is longer comes first.
var fusions = []fusion{
	{[]kind{anyConv2d, anyBatchNorm2d, anyReLU, pairMaxPool2d}, "Conv2dBatchNormReLUMaxPool", func(x *tensor.Tensor, layers []Module) *tensor.Tensor {
		return convNorm(x, layers, x.Conv2dBatchNormReLUMaxPool)
	}, biasAndFilters + "; " + ties, "TestFusions"},
	{[]kind{anyConv2d, anyBatchNorm2d, anyReLU}, "Conv2dBatchNormReLU", func(x *tensor.Tensor, layers []Module) *tensor.Tensor {
		return convNorm(x, layers, x.Conv2dBatchNormReLU)
	}, biasAndFilters, "TestFusions"},
	{[]kind{anyConv2d, anyBatchNorm2d}, "Conv2dBatchNorm", func(x *tensor.Tensor, layers []Module) *tensor.Tensor {
		return convNorm(x, layers, x.Conv2dBatchNorm)
	}, biasAndFilters, "TestFusions"},
	{[]kind{anyConv2d, anyReLU, pairMaxPool2d}, "Conv2dReLUMaxPool", func(x *tensor.Tensor, layers []Module) *tensor.Tensor {
		c := layers[0].(*Conv2d)
		return x.Conv2dReLUMaxPool(c.Weight, c.Bias, c.Options)
	}, "", "TestFusions"},
	{[]kind{anyBatchNorm2d, anyReLU, pairMaxPool2d}, "BatchNormReLUMaxPool", func(x *tensor.Tensor, layers []Module) *tensor.Tensor {
		return layers[0].(*BatchNorm2d).pictures(x, x.BatchNormReLUMaxPool)
	}, ties, "TestFusions"},
	{[]kind{anyBatchNorm2d, anyReLU}, "BatchNormReLU", func(x *tensor.Tensor, layers []Module) *tensor.Tensor {
		return layers[0].(*BatchNorm2d).pictures(x, x.BatchNormReLU)
	}, "", "TestFusions"},
	{[]kind{anyLinear, anyReLU}, "LinearReLU", func(x *tensor.Tensor, layers []Module) *tensor.Tensor {
		l := layers[0].(*Linear)
		checkLinear("nn.Linear", x, l.Weight)
		return x.LinearReLU(l.Weight, l.Bias)
	}, "", "TestFusions"},
	{[]kind{anyReLU, anyMaxPool2d}, "ReLUMaxPool2d", func(x *tensor.Tensor, layers []Module) *tensor.Tensor {
		return x.ReLUMaxPool2d(layers[1].(MaxPool2d).Pool2dOptions)
	}, "", "TestFusions"},
}

// convNorm passes x through a Conv2d and the BatchNorm2d behind it by operation, which is
// x.Conv2dBatchNorm or one that does more in the same pass.
func convNorm(x *tensor.Tensor, layers []Module, operation func(filters, filterBias *tensor.Tensor, conv tensor.Conv2dOptions,
	mean, variance, weight, bias *tensor.Tensor, o tensor.BatchNormOptions) *tensor.Tensor) *tensor.Tensor {
	c := layers[0].(*Conv2d)
	return layers[1].(*BatchNorm2d).forward(x, func(mean, variance, weight, bias *tensor.Tensor, o tensor.BatchNormOptions) *tensor.Tensor {
		return operation(c.Weight, c.Bias, c.Options, mean, variance, weight, bias, o)
	})
}

// begins reports whether the layers begin with those of f.
func (f *fusion) begins(layers []Module) bool {
	if len(layers) < len(f.layers) {
		return false
	}
	for i, k := range f.layers {
		if !k.is(layers[i]) {
			return false
		}
	}
	return true
}

// Forward passes x through the layers in order, as a Sequential does. One operation may take the
// place of several layers that stand one after the other, such as LinearReLU for a Linear and a
// ReLU. Outputs have the same bits. If all layers keep nothing of what passes between them, its
// memory is used again. A block that is no Sequential calls Forward from its own.
func Forward(x *tensor.Tensor, layers ...Module) *tensor.Tensor {
	if slices.ContainsFunc(layers, func(m Module) bool { _, ok := m.(named); return ok }) {
		layers = slices.Clone(layers)
		for i, m := range layers {
			layers[i] = bare(m)
		}
	}
	closed := allKeepNothing(layers)
	input := x
	for len(layers) > 0 {
		y, n := first(x, layers)
		if closed { // then nobody can see x but y's gradient
			reuse.Inner(input, x, y)
		}
		x, layers = y, layers[n:]
	}
	return x
}

// first returns what the first of the layers make of x, and how many of them that is.
func first(x *tensor.Tensor, layers []Module) (y *tensor.Tensor, n int) {
	for i := range fusions {
		if f := &fusions[i]; f.begins(layers) {
			return f.forward(x, layers), len(f.layers)
		}
	}
	return layers[0].Forward(x), 1
}
