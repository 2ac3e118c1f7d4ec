package onnx

import (
	"fmt"
	"math"

	"github.com/onehot-go/onehot/model"
	"github.com/onehot-go/onehot/nn"
	"github.com/onehot-go/onehot/tensor"
)

// folded returns a model that computes the same without the batch norms that stand behind a
// convolution or a linear layer: they are part of its weight and bias. Layers that do not change
// are shared with m, a model that can be saved.
func folded(m *model.Model) (*model.Model, error) {
	net, _ := foldNet(m.Net, m.InputShape)
	f := &model.Model{Definition: m.Definition, Net: net}
	var err error
	if f.Layers, err = nn.Describe(net); err != nil {
		return nil, fmt.Errorf("model: %w", err)
	}
	return f, nil
}

// foldNet is folded for a net that takes samples of a shape. It returns the shape of what the net
// makes of them too.
func foldNet(net *nn.Sequential, shape []int) (*nn.Sequential, []int) {
	var layers []nn.Module
	var names []string
	for name, l := range net.Layers() {
		before := len(layers) - 1
		if before >= 0 {
			if joined := join(layers[before], l, shape); joined != nil {
				layers[before] = joined
				continue
			}
		}
		layers, names = append(layers, foldLayer(l, shape)), append(names, name)
		_, shape, _ = nn.Costs(specs(l), shape)
	}
	for i, l := range layers {
		layers[i] = nn.Named(names[i], l)
	}
	return nn.NewSequential(layers...), shape
}

// foldLayer is folded for what is within a layer.
func foldLayer(l nn.Module, shape []int) nn.Module {
	switch l := l.(type) {
	case *nn.Sequential:
		net, _ := foldNet(l, shape)
		return net
	case *nn.Residual:
		branches := foldBranches(l, shape)
		r := &nn.Residual{Body: branches[0]}
		if len(branches) > 1 {
			r.Shortcut = branches[1]
		}
		return r
	case *nn.Gate:
		return &nn.Gate{Body: foldBranches(l, shape)[0]}
	}
	return l
}

// foldBranches is folded for nets that take the same.
func foldBranches(c nn.Container, shape []int) (branches []nn.Module) {
	for name, l := range c.Layers() {
		branches = append(branches, nn.Named(name, foldLayer(l, shape)))
	}
	return branches
}

// join returns what a layer and a batch norm behind it, which takes samples of a shape, are in one,
// or nil if that is no layer.
func join(l, behind nn.Module, shape []int) nn.Module {
	b := normOf(behind)
	if b == nil || b.RunningMean == nil {
		return nil
	}
	switch l := l.(type) {
	case *nn.Conv2d:
		weight, bias := scaled(b, l.Weight, l.Bias)
		return &nn.Conv2d{Weight: weight, Bias: bias, Options: l.Options}
	case *nn.Linear:
		if len(shape) == 1 { // of several rows, the channels are those, and not the outputs
			weight, bias := scaled(b, l.Weight, l.Bias)
			return &nn.Linear{Weight: weight, Bias: bias}
		}
	}
	return nil
}

// normOf returns what a layer is if it is a batch norm, or nil.
func normOf(l nn.Module) *nn.BatchNorm {
	switch l := l.(type) {
	case *nn.BatchNorm1d:
		return &l.BatchNorm
	case *nn.BatchNorm2d:
		return &l.BatchNorm
	}
	return nil
}

// scaled returns a weight, whose first dimension is the outputs, and a bias, which may be nil, as
// they are with a batch norm behind them: with the factor f = weight/√(variance+eps) of an
// output, f·w and f·(b-mean) + bias, computed in float64.
func scaled(b *nn.BatchNorm, weight, bias *tensor.Tensor) (w, c *tensor.Tensor) {
	mean, variance := tensor.Values[float64](b.RunningMean), tensor.Values[float64](b.RunningVar)
	outputs := len(mean)
	factors, shifts, biases := make([]float64, outputs), make([]float64, outputs), make([]float64, outputs)
	for i := range factors {
		factors[i] = 1
	}
	if b.Weight != nil {
		factors, shifts = tensor.Values[float64](b.Weight), tensor.Values[float64](b.Bias)
	}
	if bias != nil {
		biases = tensor.Values[float64](bias)
	}
	w, c = weight.Detach().Clone(), tensor.Zeros(tensor.Float32, outputs)
	data, moved := tensor.Data[float32](w), tensor.Data[float32](c)
	row := len(data) / outputs
	for i, f := range factors {
		f /= math.Sqrt(variance[i] + b.Eps)
		for j := range row {
			data[i*row+j] = float32(f * float64(data[i*row+j]))
		}
		moved[i] = float32(f*(biases[i]-mean[i]) + shifts[i])
	}
	return w, c
}
