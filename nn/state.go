package nn

import (
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"

	"github.com/onehot-go/onehot/tensor"
)

// StateDict yields the names and values of all that a trained m is, as PyTorch's
// state_dict names them: the parameters in order, and then the buffers of all that it is
// made of. The tensors are cut from gradients and share m's memory: Clone those that are
// to stay as they are.
func StateDict(m Module) iter.Seq2[string, *tensor.Tensor] {
	return func(yield func(string, *tensor.Tensor) bool) {
		applyFor("nn.StateDict", m, func(string, Module) {})
		for name, p := range m.Parameters() {
			if !yield(name, p.Detach()) {
				return
			}
		}
		more := true
		apply("", m, func(path string, m Module) {
			if b, ok := m.(Buffered); ok && more {
				for name, v := range b.Buffers() {
					if more = yield(join(path, name), v.Detach()); !more {
						return
					}
				}
			}
		})
	}
}

// StateError says why a set of named tensors does not fit a module.
type StateError struct {
	Missing    []string // names that the set lacks
	Unexpected []string // names that the module has no place for
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

// LoadStateDict copies the tensors of state into those of m that have the same names. It
// returns the names that state lacks, in m's order, and those that m has no place for,
// sorted. If strict is true there may be neither, and shapes and types must agree in
// any case: otherwise it changes nothing, and err is a *StateError.
func LoadStateDict(m Module, state map[string]*tensor.Tensor, strict bool) (missing, unexpected []string, err error) {
	known := map[string]bool{}
	var mismatched []string
	for name, p := range StateDict(m) {
		known[name] = true
		switch v := state[name]; {
		case v == nil:
			missing = append(missing, name)
		case v.DType() != p.DType() || !slices.Equal(v.Shape(), p.Shape()):
			mismatched = append(mismatched, fmt.Sprintf("%s: %s %s expected, got %s %s", name, p.DType(), shapeText(p), v.DType(), shapeText(v)))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(state)) {
		if !known[name] {
			unexpected = append(unexpected, name)
		}
	}
	wrong := StateError{Mismatched: mismatched}
	if strict {
		wrong.Missing, wrong.Unexpected = missing, unexpected
	}
	if wrong.Missing != nil || wrong.Unexpected != nil || wrong.Mismatched != nil {
		return missing, unexpected, &wrong
	}
	for name, p := range StateDict(m) {
		if v := state[name]; v != nil {
			p.CopyInPlace(v.Detach())
		}
	}
	return missing, unexpected, nil
}

// shapeText writes t's shape: "(10, 784)".
func shapeText(t *tensor.Tensor) string {
	return "(" + strings.ReplaceAll(strings.Trim(fmt.Sprint(t.Shape()), "[]"), " ", ", ") + ")"
}
