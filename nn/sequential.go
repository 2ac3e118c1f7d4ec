package nn

import (
	"fmt"
	"iter"
	"strconv"
	"strings"

	"github.com/onehot-go/onehot/internal/reuse"
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
type Sequential struct {
	layers []Layer
	closed bool // all layers are the package's own: none keeps its input or output
}

// NewSequential returns the net of the given layers. Those made by Named keep their
// names, the others are named by their place: "0", "1". It panics if a name is given
// twice, is empty or has a dot, which stands between the names of a path.
func NewSequential(layers ...Module) *Sequential {
	s := &Sequential{closed: true}
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
		s.closed = s.closed && own(bare(m))
	}
	return s
}

// own reports whether m is one of the package's layers, or a net of nothing else. The type
// itself is looked at: a type that embeds one of them may keep what passes through it.
func own(m Module) bool {
	switch m := m.(type) {
	case *Linear, Flatten, Identity, *Dropout, ReLU, LeakyReLU, GELU, Sigmoid, Tanh,
		*Conv2d, MaxPool2d, AvgPool2d, AdaptiveAvgPool2d, *BatchNorm1d, *BatchNorm2d, *Dropout2d:
		return true
	case *Sequential:
		return m.closed
	case *Residual:
		return own(bare(m.Body)) && (m.Shortcut == nil || own(bare(m.Shortcut)))
	}
	return false
}

// Forward passes x through the layers in order.
func (s *Sequential) Forward(x *tensor.Tensor) *tensor.Tensor {
	input := x
	for rest := s.layers; len(rest) > 0; {
		y, n := forward(rest, x)
		if s.closed { // then nobody can see x but y's gradient
			reuse.Inner(input, x, y)
		}
		x, rest = y, rest[n:]
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
