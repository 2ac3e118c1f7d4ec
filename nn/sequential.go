package nn

import (
	"iter"
	"strings"

	"github.com/onehot-go/onehot/tensor"
)

// named is a module with a name in the net that it is part of.
type named struct {
	Module
	name string
}

// Named gives m a name in a Sequential or a Residual, in place of one that it was given before.
func Named(name string, m Module) Module { return named{bare(m), name} }

// bare returns m without the name that Named gave it.
func bare(m Module) Module {
	if n, ok := m.(named); ok {
		return n.Module
	}
	return m
}

// nameOf returns the name that Named gave m, or the given one.
func nameOf(m Module, standard string) string {
	if n, ok := m.(named); ok {
		return n.name
	}
	return standard
}

// Sequential is a net in which every layer's output is the next one's input.
type Sequential struct{ list }

// NewSequential returns the net of the given layers. Those made by Named keep their
// names, the others are named by their place: "0", "1". A net within the net may be named "":
// its layers are then named as if they were this net's. NewSequential panics with a *fault.OptionError if
// two have one name, or a name has a dot, which stands between the names of a path.
func NewSequential(layers ...Module) *Sequential {
	return &Sequential{newList("nn.NewSequential", layers)}
}

// Forward passes x through the layers in order.
func (s *Sequential) Forward(x *tensor.Tensor) *tensor.Tensor { return Forward(x, s.layers...) }

// Parameters yields the layers' parameters, each name with its layer's in front:
// "linear.weight".
func (s *Sequential) Parameters() iter.Seq2[string, *tensor.Tensor] { return ParametersOf(s) }

// Layers yields the layers with their names, in order.
func (s *Sequential) Layers() iter.Seq2[string, Module] { return s.all }

// Layer returns the layer of the given name, or of a path into nets within this one,
// "body.linear", or nil if there is none.
func (s *Sequential) Layer(path string) Module { return find(s, path) }

func find(c Container, path string) Module {
	name, rest, deeper := strings.Cut(path, ".")
	for layer, m := range c.Layers() {
		inner, net := bare(m).(Container)
		switch {
		case layer == "" && net:
			if m := find(inner, path); m != nil {
				return m
			}
		case layer != name:
		case !deeper:
			return m
		case net:
			return find(inner, rest)
		}
	}
	return nil
}
