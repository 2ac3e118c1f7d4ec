//go:build !onehot_page

package compiled

import (
	"github.com/onehot-go/onehot/nn"
	"github.com/onehot-go/onehot/tensor"
)

// forwardOf passes x through a layer that has no operations.
func forwardOf(m nn.Module, x *tensor.Tensor) *tensor.Tensor { return m.Forward(x) }
