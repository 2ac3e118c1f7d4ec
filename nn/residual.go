package nn

import (
	"iter"

	"github.com/onehot-go/onehot/tensor"
)

// Residual is Body(x) + Shortcut(x): what the body learns is the difference from its
// input, so that deep nets can be trained (He et al., 2015).
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
func (r *Residual) Parameters() iter.Seq2[string, *tensor.Tensor] {
	return func(yield func(string, *tensor.Tensor) bool) {
		for path, m := range r.Layers() {
			for name, p := range m.Parameters() {
				if !yield(join(path, name), p) {
					return
				}
			}
		}
	}
}

// Layers yields "body" and, where there is one, "shortcut".
func (r *Residual) Layers() iter.Seq2[string, Module] {
	return func(yield func(string, Module) bool) {
		_ = yield("body", r.Body) && r.Shortcut != nil && yield("shortcut", r.Shortcut)
	}
}
