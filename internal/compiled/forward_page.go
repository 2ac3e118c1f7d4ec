//go:build onehot_page

package compiled

import (
	"fmt"

	"github.com/onehot-go/onehot/nn"
	"github.com/onehot-go/onehot/tensor"
)

// forwardOf passes x through a layer that has no operations. It is for the program of a page, which internal/web/gen
// builds with this tag, and calls the Forward of those registered layers that may have none. A call of any layer's Forward would link
// convolutions and their gradients too, twice over for float64, and they are a tenth of that program.
func forwardOf(m nn.Module, x *tensor.Tensor) *tensor.Tensor {
	switch m := m.(type) {
	case *nn.Sequential:
		return through(within(m), x)
	case *nn.Residual:
		branches := within(m)
		y := forwardOf(branches[0], x)
		return y.Add(through(branches[1:], x))
	case *nn.Gate:
		return x.Mul(forwardOf(within(m)[0], x))
	case nn.Identity, *nn.Dropout, *nn.Dropout2d, *nn.StochasticDepth:
		return x
	case *nn.Linear:
		return m.Forward(x)
	case *nn.PHM:
		return m.Forward(x)
	case *nn.BatchNorm1d:
		return m.Forward(x)
	case *nn.LayerNorm:
		return m.Forward(x)
	case *nn.GroupNorm:
		return m.Forward(x)
	case nn.Flatten:
		return m.Forward(x)
	case nn.Softmax:
		return m.Forward(x)
	case nn.LogSoftmax:
		return m.Forward(x)
	case nn.ReLU:
		return m.Forward(x)
	case nn.ReLU6:
		return m.Forward(x)
	case nn.Hardswish:
		return m.Forward(x)
	case nn.Hardsigmoid:
		return m.Forward(x)
	case nn.Sigmoid:
		return m.Forward(x)
	case nn.SiLU:
		return m.Forward(x)
	case nn.Tanh:
		return m.Forward(x)
	case nn.GELU:
		return m.Forward(x)
	case nn.LeakyReLU:
		return m.Forward(x)
	case *nn.Conv2d, *nn.BatchNorm2d, nn.ZeroPad2d, nn.MaxPool2d, nn.AvgPool2d, nn.AdaptiveAvgPool2d: // within a gate
		p, err := Compile(m, x.Shape()[1:], Options{Batch: 1})
		if err != nil {
			panic(err) // it fits: the shapes of all layers were compared
		}
		y := make([]float32, x.Size(0)*numel(p.Output()))
		p.Run(y, tensor.Data[float32](x.Contiguous()))
		return tensor.New(y, append([]int{x.Size(0)}, p.Output()...)...)
	}
	panic(fmt.Sprintf("%T: a layer of package nn expected", m))
}

// through passes x through layers in order.
func through(layers []nn.Module, x *tensor.Tensor) *tensor.Tensor {
	for _, m := range layers {
		x = forwardOf(m, x)
	}
	return x
}
