package nn

import (
	"fmt"
	"iter"
	"strconv"
	"strings"

	"github.com/onehot-go/onehot/tensor"
)

// Layer is a module with a name in the net that it is part of.
type Layer struct {
	Name string
	Module
}

// Named gives m a name in a Sequential, in place of one that it was given before.
func Named(name string, m Module) Layer { return Layer{name, bare(m)} }

// bare returns m without the names that Named gave it.
func bare(m Module) Module {
	for {
		l, ok := m.(Layer)
		if !ok {
			return m
		}
		m = l.Module
	}
}

// Sequential is a net in which every layer's output is the next one's input.
type Sequential struct{ layers []Layer }

// NewSequential returns the net of the given layers. Those made by Named keep their
// names, the others are named by their place: "0", "1". It panics if a name is given
// twice, is empty or has a dot, which stands between the names of a path.
func NewSequential(layers ...Module) *Sequential {
	s := &Sequential{}
	seen := map[string]bool{}
	for i, m := range layers {
		name := strconv.Itoa(i)
		if layer, ok := m.(Layer); ok {
			name = layer.Name
		}
		if name == "" || strings.Contains(name, ".") {
			panic(&UseError{"nn.NewSequential", fmt.Sprintf("layer %d is named %q: a name without a dot expected", i, name)})
		}
		if seen[name] {
			panic(&UseError{"nn.NewSequential", fmt.Sprintf("two layers are named %q", name)})
		}
		seen[name] = true
		s.layers = append(s.layers, Named(name, m))
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

// Layer returns the layer of the given name, or of a path into nets within this one,
// "body.linear", or nil if there is none.
func (s *Sequential) Layer(path string) Module { return find(s, path) }

func find(c Container, path string) Module {
	name, rest, deeper := strings.Cut(path, ".")
	for layer, m := range c.Layers() {
		if layer != name {
			continue
		}
		if !deeper {
			return m
		}
		if inner, ok := m.(Container); ok {
			return find(inner, rest)
		}
	}
	return nil
}
