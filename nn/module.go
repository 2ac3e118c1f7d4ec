// Package nn has layers and how they are put together: a Module computes an output from
// an input and names its parameters as PyTorch's state_dict does.
//
// A net is made of layers by NewSequential, or of a list of specs by Build. The list has a form
// in JSON, which a model's file keeps. Register adds a type of layer that specs may have; all
// of the package's own types are registered.
//
// A layer has a mode, training or evaluation, which SetTraining sets. For an input that is
// marked, x.Evaluation(), all layers compute as in evaluation, whatever their modes.
//
// Initialisation is that of torch.nn.init. A tensor's own methods do what looks at no layer:
// NormalInPlace, UniformInPlace, and FillInPlace for a constant.
package nn

import (
	"iter"

	"github.com/onehot-go/onehot/random"
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

// Modal is a module that computes something else while it is trained than afterwards. A
// new one is in training. For an input that is marked by Evaluation it computes as in
// evaluation, whatever its mode.
type Modal interface {
	Module
	// Training reports whether the module is in training.
	Training() bool
	// SetTraining says whether it is.
	SetTraining(on bool)
}

// Stochastic is a module that uses chance in training.
type Stochastic interface {
	Module
	// SetChance gives the key that Forward draws from, the same for every call until
	// the next key is given.
	SetChance(key random.Key)
}

// Buffered is a module that keeps tensors which are part of what it has learnt, although
// gradients do not change them.
type Buffered interface {
	Module
	// Buffers yields their names and the tensors, always in the same order:
	// "running_mean".
	Buffers() iter.Seq2[string, *tensor.Tensor]
}

// Apply calls f on every module that m is made of, inner ones first, and on m itself,
// with its path: "linear", or "" for m. It is how initialisation goes over a model.
//
// Apply, SetTraining, StateDict and ParameterList panic with a *fault.OptionError for a module
// that has a module or a parameter in a field, and names it neither in Layers nor in Parameters.
// What is done to all that the module is made of would leave it out.
func Apply(m Module, f func(path string, m Module)) { applyFor("nn.Apply", m, f) }

// applyFor is Apply for the function op.
func applyFor(op string, m Module, f func(path string, m Module)) {
	apply("", m, func(path string, m Module) {
		checkFields(op, m)
		f(path, m)
	})
}

func apply(path string, m Module, f func(path string, m Module)) {
	m = bare(m)
	if c, ok := m.(Container); ok {
		for name, layer := range c.Layers() {
			apply(join(path, name), layer, f)
		}
	}
	f(path, m)
}

// join returns the path of something in the module of the given path. A net without a name
// adds nothing to the paths of what is within it.
func join(path, name string) string {
	if path == "" || name == "" {
		return path + name
	}
	return path + "." + name
}

// SetTraining puts m and all that it is made of in training or in evaluation. Layers are in
// training when they are made. A mode lasts: it is for layers that are to stay as they are
// while others are trained. To measure or use a net, mark its input instead:
// net.Forward(x.NoGrad().Evaluation()). That changes no mode, which others who use the net at
// the same time would see.
func SetTraining(m Module, on bool) {
	applyFor("nn.SetTraining", m, func(_ string, m Module) {
		if l, ok := m.(Modal); ok {
			l.SetTraining(on)
		}
	})
}

// SetChance gives every layer of m that uses chance a key of its own path under key. A
// training loop calls it before each step with the key of that step, so that a step
// draws the same whatever came before it and however many threads there are:
//
//	nn.SetChance(net, key.At(epoch).At(step))
func SetChance(m Module, key random.Key) {
	apply("", m, func(path string, m Module) {
		if l, ok := m.(Stochastic); ok {
			l.SetChance(key.For(path))
		}
	})
}

// ParameterList returns m's parameters in order, each once even where layers share it:
// what an optimizer takes.
func ParameterList(m Module) []*tensor.Tensor {
	applyFor("nn.ParameterList", m, func(string, Module) {})
	var list []*tensor.Tensor
	seen := map[*tensor.Tensor]bool{}
	for _, p := range m.Parameters() {
		if !seen[p] {
			seen[p] = true
			list = append(list, p)
		}
	}
	return list
}

// NumParameters returns how many numbers training changes in m.
func NumParameters(m Module) int {
	n := 0
	for _, p := range ParameterList(m) {
		n += p.Numel()
	}
	return n
}
