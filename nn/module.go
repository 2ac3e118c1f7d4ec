// Package nn has layers and how they are put together: a Module computes an output from
// an input and names its parameters as PyTorch's state_dict does.
package nn

import (
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"

	"github.com/onehot-go/onehot/tensor"
)

// Module is a layer, or a net of layers.
type Module interface {
	// Forward returns the output for a batch of inputs; the first dimension of both
	// counts the samples. A shape that the module cannot take panics.
	Forward(x *tensor.Tensor) *tensor.Tensor
	// Parameters yields the names and the tensors that training changes, always in the
	// same order: "weight", or "linear.weight" in a net.
	Parameters() iter.Seq2[string, *tensor.Tensor]
}

// Container is a module that is made of others.
type Container interface {
	Module
	// Layers yields the modules it is made of, with their names, in order.
	Layers() iter.Seq2[string, Module]
}

// Apply calls f on every module that m is made of, inner ones first, and on m itself,
// with its path: "linear", or "" for m. It is how initialisation goes over a model.
func Apply(m Module, f func(path string, m Module)) { apply("", m, f) }

func apply(path string, m Module, f func(path string, m Module)) {
	if c, ok := m.(Container); ok {
		for name, layer := range c.Layers() {
			apply(join(path, name), layer, f)
		}
	}
	f(path, m)
}

// join returns the name of something within the module of the given path.
func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

// ParameterList returns m's parameters in order: what an optimizer takes.
func ParameterList(m Module) []*tensor.Tensor {
	var list []*tensor.Tensor
	for _, p := range m.Parameters() {
		list = append(list, p)
	}
	return list
}

// NumParameters returns how many numbers training changes in m.
func NumParameters(m Module) int {
	n := 0
	for _, p := range m.Parameters() {
		n += p.Numel()
	}
	return n
}

// StateError says why a set of named tensors does not fit a module.
type StateError struct {
	Missing    []string // parameters that the set lacks
	Unexpected []string // tensors that the module has no place for
	Mismatched []string // "linear.weight: float32 (10, 784) expected, got float32 (10, 100)"
}

// Error names everything that does not fit.
func (e *StateError) Error() string {
	var parts []string
	if len(e.Missing) > 0 {
		parts = append(parts, "missing "+strings.Join(e.Missing, ", "))
	}
	if len(e.Unexpected) > 0 {
		parts = append(parts, "unexpected "+strings.Join(e.Unexpected, ", "))
	}
	return strings.Join(append(parts, e.Mismatched...), "; ")
}

// describe writes t's type and shape: "float32 (10, 784)".
func describe(t *tensor.Tensor) string {
	shape := strings.Trim(fmt.Sprint(t.Shape()), "[]")
	return fmt.Sprintf("%s (%s)", t.DType(), strings.ReplaceAll(shape, " ", ", "))
}

// LoadState copies the tensors of state into m's parameters of the same names. Names,
// shapes and types must agree, or it changes nothing and returns a *StateError.
func LoadState(m Module, state map[string]*tensor.Tensor) error {
	var wrong StateError
	params := maps.Collect(m.Parameters())
	for _, name := range slices.Sorted(maps.Keys(state)) {
		if params[name] == nil {
			wrong.Unexpected = append(wrong.Unexpected, name)
		}
	}
	for name, p := range m.Parameters() {
		switch v := state[name]; {
		case v == nil:
			wrong.Missing = append(wrong.Missing, name)
		case v.DType() != p.DType() || !slices.Equal(v.Shape(), p.Shape()):
			wrong.Mismatched = append(wrong.Mismatched, fmt.Sprintf("%s: %s expected, got %s", name, describe(p), describe(v)))
		}
	}
	if wrong.Missing != nil || wrong.Unexpected != nil || wrong.Mismatched != nil {
		return &wrong
	}
	for name, p := range params {
		p.CopyInPlace(state[name].Detach())
	}
	return nil
}
