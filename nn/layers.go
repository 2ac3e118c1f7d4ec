package nn

import (
	"fmt"
	"iter"
	"math"
	"math/rand/v2"
	"strconv"

	"github.com/onehot-go/onehot/tensor"
)

// none yields nothing: the parameters of a layer that has none.
func none(func(string, *tensor.Tensor) bool) {}

// Linear is y = x·Wᵀ + b: (N, in) to (N, out).
type Linear struct {
	Weight *tensor.Tensor // (out, in)
	Bias   *tensor.Tensor // (out)
}

// NewLinear returns a Linear layer of float32 parameters, drawn from r as PyTorch draws
// them: weights and biases uniform within ±1/√in.
func NewLinear(in, out int, r *rand.Rand) *Linear {
	if in < 1 || out < 1 {
		panic(&tensor.ShapeError{Op: "nn.NewLinear", Detail: fmt.Sprintf("%d inputs and %d outputs: at least 1 of each expected", in, out)})
	}
	bound := 1 / math.Sqrt(float64(in))
	return &Linear{
		Weight: tensor.Uniform(tensor.Float32, r, -bound, bound, out, in).SetRequiresGrad(true),
		Bias:   tensor.Uniform(tensor.Float32, r, -bound, bound, out).SetRequiresGrad(true),
	}
}

// Forward returns x·Wᵀ + b for x of shape (N, in).
func (l *Linear) Forward(x *tensor.Tensor) *tensor.Tensor {
	if x.Dim() != 2 || x.Size(1) != l.Weight.Size(1) {
		tensor.Fail("nn.Linear", "input (N, in) and weight (out, in) expected", x, l.Weight)
	}
	return x.MatMul(l.Weight.Transpose(0, 1)).Add(l.Bias)
}

// Parameters yields "weight" and "bias".
func (l *Linear) Parameters() iter.Seq2[string, *tensor.Tensor] {
	return func(yield func(string, *tensor.Tensor) bool) {
		_ = yield("weight", l.Weight) && yield("bias", l.Bias)
	}
}

// Flatten makes one row of every sample: (N, ...) to (N, product of the rest).
type Flatten struct{}

// Forward returns x with all dimensions but the first joined.
func (Flatten) Forward(x *tensor.Tensor) *tensor.Tensor {
	if x.Dim() < 2 {
		tensor.Fail("nn.Flatten", "a batch with at least two dimensions expected", x)
	}
	return x.Flatten(1, -1)
}

// Parameters yields nothing.
func (Flatten) Parameters() iter.Seq2[string, *tensor.Tensor] { return none }

// ReLU is max(x, 0), element by element.
type ReLU struct{}

// Forward returns max(x, 0).
func (ReLU) Forward(x *tensor.Tensor) *tensor.Tensor { return x.ReLU() }

// Parameters yields nothing.
func (ReLU) Parameters() iter.Seq2[string, *tensor.Tensor] { return none }

// Layer is a module with a name in the net that it is part of.
type Layer struct {
	Name string
	Module
}

// Named gives m a name in a Sequential.
func Named(name string, m Module) Layer { return Layer{name, m} }

// Sequential is a net in which every layer's output is the next one's input.
type Sequential struct{ layers []Layer }

// NewSequential returns the net of the given layers. Those made by Named keep their
// names, the others are named by their place: "0", "1". It panics if a name is given
// twice.
func NewSequential(layers ...Module) *Sequential {
	s := &Sequential{}
	seen := map[string]bool{}
	for i, m := range layers {
		layer, ok := m.(Layer)
		if !ok {
			layer = Named(strconv.Itoa(i), m)
		}
		if seen[layer.Name] {
			panic(fmt.Errorf("nn.NewSequential: two layers are named %q", layer.Name))
		}
		seen[layer.Name] = true
		s.layers = append(s.layers, layer)
	}
	return s
}

// Forward passes x through the layers in order.
func (s *Sequential) Forward(x *tensor.Tensor) *tensor.Tensor {
	for _, l := range s.layers {
		x = l.Forward(x)
	}
	return x
}

// Parameters yields the layers' parameters, each name with its layer's in front:
// "linear.weight".
func (s *Sequential) Parameters() iter.Seq2[string, *tensor.Tensor] {
	return func(yield func(string, *tensor.Tensor) bool) {
		for _, l := range s.layers {
			for name, p := range l.Parameters() {
				if !yield(join(l.Name, name), p) {
					return
				}
			}
		}
	}
}

// Layers yields the layers with their names, in order.
func (s *Sequential) Layers() iter.Seq2[string, Module] {
	return func(yield func(string, Module) bool) {
		for _, l := range s.layers {
			if !yield(l.Name, l.Module) {
				return
			}
		}
	}
}

// Layer returns the layer of the given name, or nil if there is none.
func (s *Sequential) Layer(name string) Module {
	for _, l := range s.layers {
		if l.Name == name {
			return l.Module
		}
	}
	return nil
}
