package tensor

import (
	"fmt"
	"slices"
)

// node is one recorded operation: what Backward needs to carry a gradient from its
// result to its inputs.
type node struct {
	op     string
	inputs []input // those that require gradients
	saved  []savedValue
	done   bool // Backward has been here: inputs and saved are gone
}

// input is an operand of an operation and the way of gradients back to it.
type input struct {
	t     *Tensor
	reads []*Tensor // whose elements grad reads: changing them before Backward is an error
	// grad returns t's gradient from the gradient g of the result. It may be of a shape
	// that t was broadcast to and a type that t was promoted to; summing and converting
	// it back, and adding up where t is used more than once, happen in Backward.
	grad func(g *Tensor) *Tensor
}

// savedValue is a tensor whose elements a gradient reads, and the state they were in.
type savedValue struct {
	t       *Tensor
	version uint64
}

// record makes out the result of op: gradients flow from it to those inputs that
// require them, and only what these need is kept. Every operation ends with it.
func record(out *Tensor, op string, inputs ...input) *Tensor {
	var n *node
	for _, in := range inputs {
		out.noGrad = out.noGrad || in.t.noGrad
		if !in.t.requiresGrad {
			continue
		}
		if n == nil {
			n = &node{op: op}
		}
		n.inputs = append(n.inputs, in)
		for _, s := range in.reads {
			n.saved = append(n.saved, savedValue{s, s.store.version})
		}
	}
	if n != nil && !out.noGrad && out.dtype.IsFloat() {
		out.requiresGrad, out.node = true, n
	}
	return out
}

// SetRequiresGrad says whether operations on t are recorded, so that Backward on what
// is computed from it adds to its Grad, and returns t. Only a floating-point tensor
// that is not itself the result of a recorded operation can be told so.
func (t *Tensor) SetRequiresGrad(on bool) *Tensor {
	if on && !t.dtype.IsFloat() {
		failDType("require gradients", t.dtype, "float32 or float64", t)
	}
	if t.node != nil {
		failGrad("require gradients", "the tensor is a result of "+t.node.op+", not a leaf", t)
	}
	t.requiresGrad = on
	return t
}

// RequiresGrad reports whether gradients flow to or through t.
func (t *Tensor) RequiresGrad() bool { return t.requiresGrad }

// Grad returns the gradient that Backward has added up for t, of t's shape, or nil if
// there is none yet. Only tensors made by SetRequiresGrad keep one.
func (t *Tensor) Grad() *Tensor { return t.grad }

// ZeroGrad sets t's gradient to zero, keeping its memory for the next Backward.
func (t *Tensor) ZeroGrad() {
	if t.grad != nil {
		t.grad.FillInPlace(0)
	}
}

// Detach returns a view of t that is cut from how t was computed: it requires no
// gradient. Writing to it in place writes to t.
func (t *Tensor) Detach() *Tensor { return t.detached() }

// NoGrad returns a view of t from which nothing is recorded: a result computed from it
// carries no gradient, even through parameters that require one. It is torch.no_grad
// that travels with the data instead of the thread, so that a goroutine which evaluates
// a model does not disturb another one that trains it:
//
//	logits := net.Forward(images.NoGrad())
//
// Detach ends it for a value that is to be a constant in later computations.
func (t *Tensor) NoGrad() *Tensor {
	d := t.detached()
	d.noGrad = true
	return d
}

func (t *Tensor) detached() *Tensor {
	return &Tensor{dtype: t.dtype, shape: t.shape, strides: t.strides, offset: t.offset, store: t.store}
}

// Backward computes the derivative of t, a scalar, with respect to every tensor that it
// was computed from and that requires gradients, and adds it to their Grad. A result
// that is not a scalar takes a seed of its shape and type: the gradient of some scalar
// with respect to t. What was recorded is released: a second Backward through the same
// operations panics with a *GradError, as do a t that no gradient flows to, and a value
// that was changed in place although its operation's gradient needs it; no Grad has
// changed then.
func (t *Tensor) Backward(seed ...*Tensor) {
	if t.noGrad {
		failGrad("backward", "the value was computed from a NoGrad tensor", t)
	}
	if !t.requiresGrad {
		failGrad("backward", "the value depends on no tensor that requires gradients", t)
	}

	from, nodes := t.seed(seed), order(t.node)
	for _, n := range nodes {
		n.check()
	}
	pending := map[*node]*Tensor{}
	// give adds g to the gradient of in: the one place where gradients are summed back
	// over broadcast dimensions, converted back and added up.
	give := func(in, g *Tensor) {
		g = sumTo(g.NoGrad(), in.shape).To(in.dtype) // gradients of gradients are not recorded
		switch {
		case in.node == nil:
			in.accumulate(g)
		case pending[in.node] == nil:
			pending[in.node] = g
		default:
			pending[in.node] = pending[in.node].Add(g)
		}
	}
	give(t, from)
	for _, n := range nodes {
		g := pending[n]
		delete(pending, n)
		for _, in := range n.inputs {
			if in.t.requiresGrad { // it may have been turned off for a leaf
				give(in.t, in.grad(g))
			}
		}
		*n = node{op: n.op, done: true}
	}
}

// seed returns the gradient that Backward starts from.
func (t *Tensor) seed(seed []*Tensor) *Tensor {
	switch {
	case len(seed) > 1:
		failGrad("backward", fmt.Sprintf("one seed expected, got %d", len(seed)), t)
	case len(seed) == 1:
		if !slices.Equal(seed[0].shape, t.shape) {
			Fail("backward", "the seed has another shape than the value", t, seed[0])
		}
		if seed[0].dtype != t.dtype {
			failDType("backward", seed[0].dtype, t.dtype.String()+" as the value has", t, seed[0])
		}
		return seed[0]
	case t.Numel() != 1:
		Fail("backward", "a value that is not a scalar needs a seed", t)
	}
	return Full(t.dtype, 1, t.shape...)
}

// check panics unless n still has what its gradients need.
func (n *node) check() {
	if n.done {
		panic(&GradError{Op: "backward", Detail: "through " + n.op + " a second time: its record was released by the first"})
	}
	for _, s := range n.saved {
		if s.t.store.version != s.version {
			panic(&GradError{Op: "backward", Detail: fmt.Sprintf(
				"a value of shape %s that the gradient of %s needs was changed in place (%d changes since)",
				shapeString(s.t.shape), n.op, s.t.store.version-s.version)})
		}
	}
}

// order returns the operations that lead to n, each after all that use its result.
func order(n *node) []*node {
	if n == nil {
		return nil
	}
	var out []*node
	type frame struct {
		n    *node
		next int // the input to look at next
	}
	seen := map[*node]bool{n: true}
	stack := []frame{{n: n}} // not recursion: a long chain must not exhaust the stack
	for len(stack) > 0 {
		top := &stack[len(stack)-1]
		if top.next == len(top.n.inputs) {
			out = append(out, top.n)
			stack = stack[:len(stack)-1]
			continue
		}
		in := top.n.inputs[top.next].t.node
		top.next++
		if in != nil && !seen[in] {
			seen[in] = true
			stack = append(stack, frame{n: in})
		}
	}
	slices.Reverse(out)
	return out
}

// accumulate adds g to the gradient that t keeps, in memory of its own: g may be shared
// with other gradients.
func (t *Tensor) accumulate(g *Tensor) {
	if t.grad == nil {
		t.grad = Zeros(t.dtype, t.shape...)
		t.grad.CopyInPlace(g)
		return
	}
	t.grad.AddInPlace(g)
}

// sumTo sums g over the dimensions along which shape was broadcast to g's shape.
func sumTo(g *Tensor, shape []int) *Tensor {
	if slices.Equal(g.shape, shape) {
		return g
	}
	lead := g.Dim() - len(shape)
	var dims []int
	for d := range g.shape {
		if d < lead || shape[d-lead] == 1 && g.shape[d] != 1 {
			dims = append(dims, d)
		}
	}
	if len(dims) > 0 {
		g = g.SumKeepDim(dims...)
	}
	return g.Reshape(shape...)
}
