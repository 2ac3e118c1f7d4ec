package nn

import (
	"iter"

	"github.com/onehot-go/onehot/tensor"
)

// MaxPool2d is the greatest element of every window of a picture: (N, C, H, W) to (N, C,
// H', W'), as tensor.MaxPool2d has it.
type MaxPool2d struct{ tensor.Pool2dOptions }

// NewMaxPool2d returns a MaxPool2d of windows of size rows and columns that lie side by
// side.
func NewMaxPool2d(size int) MaxPool2d {
	return MaxPool2d{tensor.Pool2dOptions{Kernel: [2]int{size, size}}}
}

// Forward returns the greatest elements of x.
func (p MaxPool2d) Forward(x *tensor.Tensor) *tensor.Tensor { return x.MaxPool2d(p.Pool2dOptions) }

// Parameters yields nothing.
func (MaxPool2d) Parameters() iter.Seq2[string, *tensor.Tensor] { return none }

// AvgPool2d is the mean of every window of a picture: (N, C, H, W) to (N, C, H', W'), as
// tensor.AvgPool2d has it.
type AvgPool2d struct{ tensor.Pool2dOptions }

// NewAvgPool2d returns an AvgPool2d of windows of size rows and columns that lie side by
// side.
func NewAvgPool2d(size int) AvgPool2d {
	return AvgPool2d{tensor.Pool2dOptions{Kernel: [2]int{size, size}}}
}

// Forward returns the means of x.
func (p AvgPool2d) Forward(x *tensor.Tensor) *tensor.Tensor { return x.AvgPool2d(p.Pool2dOptions) }

// Parameters yields nothing.
func (AvgPool2d) Parameters() iter.Seq2[string, *tensor.Tensor] { return none }

// AdaptiveAvgPool2d is the means of as many windows as it is told to make of a picture,
// whatever its size: (N, C, H, W) to (N, C, Rows, Cols). With one of each it is the mean
// over the picture, in which many convolutional nets end.
type AdaptiveAvgPool2d struct{ Rows, Cols int }

// Forward returns the means of x.
func (p AdaptiveAvgPool2d) Forward(x *tensor.Tensor) *tensor.Tensor {
	return x.AdaptiveAvgPool2d(p.Rows, p.Cols)
}

// Parameters yields nothing.
func (AdaptiveAvgPool2d) Parameters() iter.Seq2[string, *tensor.Tensor] { return none }
