package nn

import (
	"fmt"
	"iter"

	"github.com/onehot-go/onehot/fault"
	"github.com/onehot-go/onehot/internal/shapes"
	"github.com/onehot-go/onehot/tensor"
)

// ZeroPad2d puts so many rows and columns of zeros around pictures: (N, C, H, W) to (N, C,
// Top+H+Bottom, Left+W+Right). A convolution pads opposite sides alike; with this layer before it they
// may differ, as those of Keras do. Numbers below 0, which cut pictures in PyTorch, panic.
type ZeroPad2d struct {
	Left   int `json:"left,omitempty"`
	Right  int `json:"right,omitempty"`
	Top    int `json:"top,omitempty"`
	Bottom int `json:"bottom,omitempty"`
}

// Forward returns x with the zeros around it.
func (p ZeroPad2d) Forward(x *tensor.Tensor) *tensor.Tensor {
	if min(p.Left, p.Right, p.Top, p.Bottom) < 0 {
		fault.Option("nn.ZeroPad2d", "padding %s: at least 0 on each side expected", p.text())
	}
	if x.Dim() < 3 {
		shapes.Fail("nn.ZeroPad2d", "pictures (N, C, H, W) or (C, H, W) expected", x)
	}
	return pad(pad(x, -1, p.Left, p.Right), -2, p.Top, p.Bottom)
}

// pad returns x with zeros before and after it along a dimension.
func pad(x *tensor.Tensor, dim, before, after int) *tensor.Tensor {
	zeros := func(n int) *tensor.Tensor {
		shape := x.Shape()
		shape[len(shape)+dim] = n
		return tensor.Zeros(x.DType(), shape...)
	}
	if before == 0 && after == 0 {
		return x
	}
	return tensor.Cat(dim, zeros(before), x, zeros(after))
}

// Parameters yields nothing.
func (ZeroPad2d) Parameters() iter.Seq2[string, *tensor.Tensor] { return none }

func (p ZeroPad2d) cost(in Sample) (Cost, error) {
	if err := in.picture(); err != nil {
		return Cost{}, err
	}
	if min(p.Left, p.Right, p.Top, p.Bottom) < 0 || max(p.Left, p.Right, p.Top, p.Bottom) > maxSide {
		return Cost{}, fmt.Errorf("found padding %s, 0 to %d on each side expected", p.text(), maxSide)
	}
	channels, rows, columns := in.Shape[0], in.Shape[1], in.Shape[2]+p.Left+p.Right
	c := Cost{Output: []int{channels, rows + p.Top + p.Bottom, columns}}
	// The zeros, and the picture between those of its sides.
	c.Scratch = min(channels*(2*rows+p.Top+p.Bottom)*columns, maxNumbers)
	return c, nil
}

func (p ZeroPad2d) text() string { return pythonTuple(p.Left, p.Right, p.Top, p.Bottom) }
