package tensor

import (
	"fmt"
	"slices"
	"sync/atomic"
)

// node is one recorded operation: what Backward needs to carry a gradient from its
// result to its inputs.
type node struct {
	op       string
	inputs   []edge // those that require gradients
	saved    []savedValue
	internal *storage // the result's own memory, where nobody else sees it: see Internal
	release  func()   // gives back what the operation kept for Backward, if not nil
	done     bool     // Backward has been here: all that is above is gone

	// Of the Backward that is under way.
	seen uint64  // which one it is
	grad *Tensor // what the gradients of the result add up to so far
}

// Input is an operand of an operation, with the way of gradients back to it.
type Input struct {
	Tensor *Tensor
	// Reads are the tensors whose elements Grad reads. Backward panics with a *GradError
	// if one of them was changed in place after Record.
	Reads []*Tensor
	// Grad returns the gradient of Tensor from g, the gradient of the result. What it
	// returns may have a shape that Tensor was broadcast to, and a type that it was
	// promoted to: Backward sums and converts it back, and adds gradients up where a
	// tensor is used more than once. Operations on g record nothing. Grad may return g
	// itself or a view of it. It must not write to g, and must keep neither g nor what it
	// returns, since Backward uses their memory again. Grad is called once at most, and
	// only if Tensor requires a gradient; it may be nil if the result is not of floats.
	Grad func(g *Tensor) *Tensor
}

// edge is the way of gradients to an input.
type edge struct {
	t    *Tensor
	grad func(g *Tensor) *Tensor
	// add, where there is one, adds the gradient to sum, a contiguous tensor of t's shape
	// and type, and does so where a parameter's gradient is kept.
	add func(sum, g *Tensor)
}

// savedValue is a tensor whose elements a gradient reads, and the state they were in.
type savedValue struct {
	t       *Tensor
	version uint64
}

// recorded is a node with room for what most have, to be allocated at once.
type recorded struct {
	node
	inputs [3]edge
	saved  [3]savedValue
}

// Record makes out the result of the operation op on inputs, and returns it. Gradients flow
// from out to those inputs that require them, and only what these need is kept. Every
// operation ends with Record, in this package and elsewhere: an operation computes the
// elements of a new tensor, one of Empty's for instance, without recording anything, and
// hands it to Record. The inputs' marks pass to the result: Evaluation, and NoGrad, with
// which nothing is recorded. An input that has no gradient, such as an index, is named for
// its marks.
//
// It panics with a *GradError if out is already a result or requires a gradient.
func Record(out *Tensor, op string, inputs ...Input) *Tensor {
	if out.requiresGrad {
		failGrad(op, "the result to be recorded requires a gradient already: compute its elements from Detach", out)
	}
	for _, in := range inputs {
		out.noGrad = out.noGrad || in.Tensor.noGrad
		out.evaluation = out.evaluation || in.Tensor.evaluation
	}
	if out.noGrad || !out.dtype.IsFloat() {
		return out
	}
	var n *node
	for _, in := range inputs {
		if !in.Tensor.requiresGrad {
			continue
		}
		if n == nil {
			r := &recorded{node: node{op: op}}
			n = &r.node
			n.inputs, n.saved = r.inputs[:0], r.saved[:0]
		}
		n.inputs = append(n.inputs, edge{t: in.Tensor, grad: in.Grad})
		for _, s := range in.Reads {
			n.saved = append(n.saved, savedValue{s, s.store.version})
		}
	}
	if n != nil {
		out.requiresGrad, out.node = true, n
	}
	return out
}

// adds gives t, the result of an operation, a second way to the gradient of a parameter w,
// if there is one: add adds it to sum, where that is kept, which is contiguous and of w's
// shape and type.
func (t *Tensor) adds(w *Tensor, add func(sum, g *Tensor)) *Tensor {
	if t.node != nil && w != nil && w.node == nil {
		for i := range t.node.inputs {
			if in := &t.node.inputs[i]; in.t == w {
				in.add = add
			}
		}
	}
	return t
}

// releases says what gives back the memory that the operation whose result t is kept for its
// gradients. That is now, if no gradient will ask for them.
func (t *Tensor) releases(release func()) *Tensor {
	if t.node == nil {
		release()
	} else {
		t.node.release = release
	}
	return t
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

// IsLeaf reports whether t is no result of a recorded operation, as parameters are none.
func (t *Tensor) IsLeaf() bool { return t.node == nil }

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

// Evaluation returns a view of t that is marked: layers compute as in evaluation on it,
// whatever their own mode is. The mark passes to all that is computed from the view, as
// NoGrad's does, but for tensors that are changed in place. So several goroutines may
// evaluate a model, and train it, at once:
//
//	logits := net.Forward(images.NoGrad().Evaluation())
//
// Gradients flow through the view.
func (t *Tensor) Evaluation() *Tensor {
	e := t.alias("evaluation", t.shape, t.strides, t.offset, same[*Tensor])
	e.evaluation = true
	return e
}

// InEvaluation reports whether t is a result of Evaluation, or computed from one.
func (t *Tensor) InEvaluation() bool { return t.evaluation }

// withoutGrad is NoGrad, or t itself where it is that already.
func (t *Tensor) withoutGrad() *Tensor {
	if t.noGrad {
		return t
	}
	return t.NoGrad()
}

func (t *Tensor) detached() *Tensor {
	return &Tensor{dtype: t.dtype, shape: t.shape, strides: t.strides, offset: t.offset, store: t.store, evaluation: t.evaluation}
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

	b := backward{from: t.seed(seed), first: births.Load()}
	nodes := order(t.node)
	for _, n := range nodes {
		n.check()
	}
	b.give(t, b.from)
	for _, n := range nodes {
		g := n.grad
		for _, in := range n.inputs {
			switch {
			case !in.t.requiresGrad: // it has been turned off for a leaf
			case in.add != nil && in.t.node == nil:
				in.add(in.t.ownGrad(), g)
			default:
				b.give(in.t, in.grad(g))
			}
		}
		b.drop(g)
		if n.internal != nil {
			n.internal.recycle()
		}
		if n.release != nil {
			n.release()
		}
		clear(n.inputs)
		clear(n.saved)
		*n = node{op: n.op, done: true}
	}
}

// backward is one call of Backward.
type backward struct {
	from  *Tensor // the gradient it starts from
	first uint64  // storages with a greater number were taken after it began: see release
}

// give adds g to the gradient of in: the one place where gradients are summed back over
// broadcast dimensions, converted back and added up.
func (b backward) give(in, g *Tensor) {
	sum := sumTo(g.withoutGrad(), in.shape).To(in.dtype) // gradients of gradients are not recorded
	if sum.store != g.store {
		b.release(g)
	}
	switch {
	case in.node == nil:
		in.ownGrad().AddInPlace(sum)
		b.release(sum)
	case in.node.grad == nil:
		in.node.grad = b.hold(sum)
	default:
		before := in.node.grad
		in.node.grad = b.hold(before.Add(sum))
		b.release(sum)
		b.drop(before)
	}
}

// owns reports whether g's memory was taken by this Backward. What was taken since it began
// and is seen by it cannot be anybody else's.
func (b backward) owns(g *Tensor) bool { return g.store.born > b.first }

// hold counts g, which waits to be passed on, among those that its memory is needed for.
func (b backward) hold(g *Tensor) *Tensor {
	if b.owns(g) {
		g.store.holders++
	}
	return g
}

// drop ends a hold.
func (b backward) drop(g *Tensor) {
	if b.owns(g) {
		g.store.holders--
		b.release(g)
	}
}

// release gives back the memory of a gradient that has been passed on, unless another one
// that waits shares it.
func (b backward) release(g *Tensor) {
	if b.owns(g) && g.store.holders == 0 {
		g.store.recycle()
	}
}

// seed returns the gradient that Backward starts from.
func (t *Tensor) seed(seed []*Tensor) *Tensor {
	switch {
	case len(seed) > 1:
		failGrad("backward", fmt.Sprintf("one seed expected, got %d", len(seed)), t)
	case len(seed) == 1:
		if !slices.Equal(seed[0].shape, t.shape) {
			failShape("backward", "the seed has another shape than the value", t, seed[0])
		}
		if seed[0].dtype != t.dtype {
			failDType("backward", seed[0].dtype, t.dtype.String()+" as the value has", t, seed[0])
		}
		return seed[0]
	case t.Numel() != 1:
		failShape("backward", "a value that is not a scalar needs a seed", t)
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

// walks counts the calls of order.
var walks atomic.Uint64

// order returns the operations that lead to n, each after all that use its result.
func order(n *node) []*node {
	if n == nil {
		return nil
	}
	walk := walks.Add(1)
	out := make([]*node, 0, 16)
	type frame struct {
		n    *node
		next int // the input to look at next
	}
	n.seen = walk
	stack := append(make([]frame, 0, 16), frame{n: n}) // not recursion: a long chain must not exhaust the stack
	for len(stack) > 0 {
		top := &stack[len(stack)-1]
		if top.next == len(top.n.inputs) {
			out = append(out, top.n)
			stack = stack[:len(stack)-1]
			continue
		}
		in := top.n.inputs[top.next].t.node
		top.next++
		if in != nil && in.seen != walk {
			in.seen = walk
			stack = append(stack, frame{n: in})
		}
	}
	slices.Reverse(out)
	return out
}

// ownGrad returns the gradient that t keeps, zeros if there was none, to be added to.
func (t *Tensor) ownGrad() *Tensor {
	if t.grad == nil {
		t.grad = Zeros(t.dtype, t.shape...)
	}
	return t.grad
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
