package nn

import (
	"fmt"
	"iter"
	"strconv"
	"strings"

	"github.com/onehot-go/onehot/fault"
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
type Sequential struct {
	names  []string
	layers []Module // without their names
}

// NewSequential returns the net of the given layers. Those made by Named keep their
// names, the others are named by their place: "0", "1". A net within the net may be named "":
// its layers are then named as if they were this net's. NewSequential panics with a *fault.OptionError if
// two have one name, or a name has a dot, which stands between the names of a path.
func NewSequential(layers ...Module) *Sequential {
	s := &Sequential{}
	for i, m := range layers {
		name := nameOf(m, strconv.Itoa(i))
		m = bare(m)
		if _, net := m.(Container); name == "" && !net || strings.Contains(name, ".") {
			panic(&fault.OptionError{Op: "nn.NewSequential", Detail: fmt.Sprintf("layer %d is named %q: a name without a dot expected", i, name)})
		}
		s.names, s.layers = append(s.names, name), append(s.layers, m)
	}
	seen := map[string]bool{}
	eachPath("", s, func(path string) {
		if seen[path] {
			panic(&fault.OptionError{Op: "nn.NewSequential", Detail: fmt.Sprintf("two layers are named %q", path)})
		}
		seen[path] = true
	})
	return s
}

// eachPath calls f with the path of every layer that has a name, within c, which is at path, and
// all that is in it.
func eachPath(path string, c Container, f func(path string)) {
	for name, m := range c.Layers() {
		at := join(path, name)
		if name != "" {
			f(at)
		}
		if inner, ok := bare(m).(Container); ok {
			eachPath(at, inner, f)
		}
	}
}

// Forward passes x through the layers in order.
func (s *Sequential) Forward(x *tensor.Tensor) *tensor.Tensor { return Forward(x, s.layers...) }

// Parameters yields the layers' parameters, each name with its layer's in front:
// "linear.weight".
func (s *Sequential) Parameters() iter.Seq2[string, *tensor.Tensor] {
	return func(yield func(string, *tensor.Tensor) bool) {
		for path, l := range s.Layers() {
			for name, p := range l.Parameters() {
				if !yield(join(path, name), p) {
					return
				}
			}
		}
	}
}

// Layers yields the layers with their names, in order.
func (s *Sequential) Layers() iter.Seq2[string, Module] {
	return func(yield func(string, Module) bool) {
		for i, l := range s.layers {
			if !yield(s.names[i], l) {
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
