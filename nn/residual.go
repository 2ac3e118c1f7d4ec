package nn

import (
	"iter"

	"github.com/onehot-go/onehot/tensor"
)

// Residual is Body(x) + Shortcut(x): what the body learns is the difference from its
// input, so that deep nets can be trained (He et al., 2015). Their layers are named after
// "body" and "shortcut", or after the names that Named gave the two: with "" as if they were
// the outer net's.
type Residual struct {
	Body     Module
	Shortcut Module // brings x to the shape of Body's output; nil for x itself
}

// Forward returns Body(x) + Shortcut(x), which have one shape.
func (r *Residual) Forward(x *tensor.Tensor) *tensor.Tensor {
	y := r.Body.Forward(x)
	if r.Shortcut != nil {
		x = r.Shortcut.Forward(x)
	}
	return y.Add(x)
}

// Parameters yields those of the body and of the shortcut: "body.0.weight",
// "shortcut.weight".
func (r *Residual) Parameters() iter.Seq2[string, *tensor.Tensor] { return ParametersOf(r) }

// What the two nets are called where Named gave them no name.
const bodyName, shortcutName = "body", "shortcut"

// Layers yields the body and, where there is one, the shortcut.
func (r *Residual) Layers() iter.Seq2[string, Module] {
	return func(yield func(string, Module) bool) {
		_ = yield(nameOf(r.Body, bodyName), bare(r.Body)) &&
			r.Shortcut != nil && yield(nameOf(r.Shortcut, shortcutName), bare(r.Shortcut))
	}
}
