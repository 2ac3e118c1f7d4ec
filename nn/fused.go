package nn

import "github.com/onehot-go/onehot/tensor"

// forward returns what the first of the layers, which has at least one, make of x, and how
// many of them that is: several where one pass gives what they give one after the other.
func forward(layers []Module, x *tensor.Tensor) (y *tensor.Tensor, n int) {
	switch first := layers[0].(type) {
	case *Conv2d:
		if norm, relu, pool, n := normed(layers[1:]); norm != nil {
			f := x.Conv2dBatchNorm
			switch {
			case pool:
				f = x.Conv2dBatchNormReLUMaxPool
			case relu:
				f = x.Conv2dBatchNormReLU
			}
			return norm.forward(func(mean, variance, weight, bias *tensor.Tensor, o tensor.BatchNormOptions) *tensor.Tensor {
				return f(first.Weight, first.Bias, first.Options, mean, variance, weight, bias, o)
			}), 1 + n
		}
		if _, ok := at(layers, 1).(ReLU); ok && at(layers, 2) == NewMaxPool2d(2) {
			return x.Conv2dReLUMaxPool(first.Weight, first.Bias, first.Options), 3
		}
	case *Linear:
		if _, ok := at(layers, 1).(ReLU); ok {
			checkLinear("nn.Linear", x, first.Weight)
			return x.LinearReLU(first.Weight, first.Bias), 2
		}
	case *BatchNorm2d:
		f := x.BatchNorm
		_, relu, pool, n := normed(layers)
		switch {
		case pool:
			f = x.BatchNormReLUMaxPool
		case relu:
			f = x.BatchNormReLU
		}
		return first.pictures(x, f), n
	case ReLU:
		if pool, ok := at(layers, 1).(MaxPool2d); ok {
			return x.ReLUMaxPool2d(pool.Pool2dOptions), 2
		}
	}
	return layers[0].Forward(x), 1
}

// normed returns the batch norm that the layers begin with, or nil, whether ReLU and pooling
// of pairs come next, and how many layers that is.
func normed(layers []Module) (norm *BatchNorm2d, relu, pool bool, n int) {
	if norm, _ = at(layers, 0).(*BatchNorm2d); norm == nil {
		return nil, false, false, 0
	}
	if _, relu = at(layers, 1).(ReLU); !relu {
		return norm, false, false, 1
	}
	if p, ok := at(layers, 2).(MaxPool2d); ok && p == NewMaxPool2d(2) {
		return norm, true, true, 3
	}
	return norm, true, false, 2
}

// at returns layer i, or nil if there are not so many.
func at(layers []Module, i int) Module {
	if i < len(layers) {
		return layers[i]
	}
	return nil
}
