package nn

import "github.com/onehot-go/onehot/tensor"

// forward returns what the first of the layers, which has at least one, make of x, and how
// many of them that is: several where one pass gives what they give one after the other.
func forward(layers []Layer, x *tensor.Tensor) (y *tensor.Tensor, n int) {
	if len(layers) > 1 {
		switch first := layers[0].Module.(type) {
		case *BatchNorm2d:
			if _, ok := layers[1].Module.(ReLU); ok {
				if len(layers) > 2 && layers[2].Module == Module(NewMaxPool2d(2)) {
					return first.pictures(x, true, true), 3
				}
				return first.pictures(x, true, false), 2
			}
		case ReLU:
			// The greatest element of a window is positive or becomes 0, in either order.
			if pool, ok := layers[1].Module.(MaxPool2d); ok {
				pool.ReLU = true
				return pool.Forward(x), 2
			}
		}
	}
	return layers[0].Forward(x), 1
}
