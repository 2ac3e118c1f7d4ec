package tensor_test

import (
	"fmt"
	"testing"

	"github.com/onehot-go/onehot/random"
	"github.com/onehot-go/onehot/tensor"
)

// TestConv2dReLUMaxPool holds that one pass gives the bits of one operation after the other,
// whichever of the inputs require gradients, on any number of threads: of filters in tiles and
// not, of groups, of rows and columns in no window, and of a NaN.
func TestConv2dReLUMaxPool(t *testing.T) {
	one, two := [2]int{1, 1}, [2]int{2, 2}
	for i, c := range []struct {
		images, channels, filters int
		size, kernel              [2]int
		conv                      tensor.Conv2dOptions
	}{
		{9, 1, 6, [2]int{28, 28}, [2]int{5, 5}, tensor.Conv2dOptions{Padding: two}},
		{19, 6, 16, [2]int{13, 12}, [2]int{5, 5}, tensor.Conv2dOptions{}},
		{9, 16, 17, [2]int{9, 8}, [2]int{3, 3}, tensor.Conv2dOptions{Padding: one}},
		{5, 4, 6, [2]int{9, 11}, [2]int{3, 2}, tensor.Conv2dOptions{Stride: [2]int{1, 2}, Groups: 2}},
		{3, 2, 3, [2]int{3, 9}, [2]int{3, 3}, tensor.Conv2dOptions{Padding: [2]int{1, 0}}},
		{0, 2, 3, [2]int{4, 4}, one, tensor.Conv2dOptions{}},
	} {
		for _, dtype := range []tensor.DType{tensor.Float32, tensor.Float64} {
			draw := func(at int, shape ...int) *Tensor {
				return tensor.Uniform(dtype, random.New(uint64(i)).At(at).Rand(), -1, 1, shape...)
			}
			x, filters, bias := draw(0, c.images, c.channels, c.size[0], c.size[1]), draw(1, c.filters, c.channels/max(1, c.conv.Groups), c.kernel[0], c.kernel[1]), draw(2, c.filters)
			if c.images == 3 {
				x = x.Div(x.Ge(tensor.Zeros(dtype, 1)).To(dtype)).Mul(tensor.Zeros(dtype, 1)) // 0, or NaN
			}
			wantFused(t, fmt.Sprintf("%s %+v", dtype, c), operands{"x": x, "filters": filters, "bias": bias},
				[][]string{nil, {"x"}, {"filters"}, {"bias"}, {"x", "filters"}, {"filters", "bias"}, {"x", "bias"}, {"x", "filters", "bias"}, {"no bias"}},
				func(shape ...int) *Tensor { return draw(3, shape...) },
				func(o operands) *Tensor { return o["x"].Conv2dReLUMaxPool(o["filters"], o["bias"], c.conv) },
				func(o operands) *Tensor {
					return o["x"].Conv2d(o["filters"], o["bias"], c.conv).ReLU().MaxPool2d(tensor.Pool2dOptions{Kernel: two})
				})
		}
	}
}

func TestConv2dReLUMaxPoolErrors(t *testing.T) {
	for text, f := range map[string]func(){
		"conv2d: shapes (4, 2, 3) and (5, 2, 3, 3): pictures (N, C, H, W) and filters (O, C, h, w) expected": func() {
			zeros(4, 2, 3).Conv2dReLUMaxPool(zeros(5, 2, 3, 3), nil, tensor.Conv2dOptions{})
		},
		"max-pool2d: shape (4, 5, 1, 2): kernel [2 2] with padding [0 0] is larger than the picture": func() {
			zeros(4, 2, 3, 4).Conv2dReLUMaxPool(zeros(5, 2, 3, 3), nil, tensor.Conv2dOptions{})
		},
	} {
		wantPanic[*tensor.ShapeError](t, text, text, f)
	}
}
