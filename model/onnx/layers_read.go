package onnx

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/onehot-go/onehot/internal/memory"
	"github.com/onehot-go/onehot/nn"
	"github.com/onehot-go/onehot/tensor"
	"github.com/onehot-go/onehot/transform"
)

// readers is the table of operations: what makes layers of each.
var readers map[string]func(r *reading, n *node)

func init() {
	readers = map[string]func(r *reading, n *node){
		"Gemm": (*reading).gemm, "MatMul": (*reading).matMul, "Conv": (*reading).conv,
		"BatchNormalization": (*reading).batchNorm, "InstanceNormalization": (*reading).instanceNorm, "LayerNormalization": (*reading).layerNorm,
		"MaxPool": (*reading).pool, "AveragePool": (*reading).pool, "GlobalAveragePool": (*reading).globalPool, "GlobalMaxPool": (*reading).globalPool,
		"ReduceMean": (*reading).reduceMean,
		"Add":        (*reading).affine, "Sub": (*reading).affine, "Mul": (*reading).affine, "Div": (*reading).affine,
		"Flatten": (*reading).flatten, "Reshape": (*reading).reshape, "Squeeze": (*reading).squeeze, "Transpose": (*reading).transpose, "Pad": (*reading).padding,
		"Identity": func(*reading, *node) {},
		"Cast": func(r *reading, n *node) {
			if to := kind(r.int(n, "to", 0)); to != float32Kind && to != float16Kind && to != float64Kind {
				r.fail("found a cast to %v, float32 expected", to)
			}
		},
		"Dropout": func(r *reading, n *node) {
			p := r.float(n, "ratio", 0.5)
			if c := r.constant(n, 1); c != nil {
				p = r.scalar(c)
			}
			if !(p >= 0 && p <= 1) {
				r.fail("found a ratio of %g, 0 to 1 expected", p)
				return
			}
			r.add("dropout", nn.NewDropout(p))
		},
		"Relu": layer("relu", nn.ReLU{}), "Sigmoid": layer("sigmoid", nn.Sigmoid{}), "Tanh": layer("tanh", nn.Tanh{}), "HardSwish": layer("hardswish", nn.Hardswish{}),
		"LeakyRelu": func(r *reading, n *node) {
			if slope := r.float(n, "alpha", 0.01); slope == 0 {
				r.add("relu", nn.ReLU{})
			} else {
				r.add("leakyrelu", nn.LeakyReLU{Slope: slope})
			}
		},
		"HardSigmoid": func(r *reading, n *node) { r.hardsigmoid(n, "hardsigmoid", nn.Hardsigmoid{}) },
		"Clip": func(r *reading, n *node) {
			switch low, high := r.clip(n); {
			case low == 0 && high == 6:
				r.add("relu6", nn.ReLU6{})
			case low == 0 && high >= math.MaxFloat32:
				r.add("relu", nn.ReLU{})
			default:
				r.fail("found limits %g and %g, 0 and 6 expected", low, high)
			}
		},
		"Gelu": func(r *reading, n *node) {
			if how := r.text(n, "approximate", "none"); how != "none" {
				r.fail("found the approximation %.20q, none expected", how)
				return
			}
			r.add("gelu", nn.GELU{})
		},
		"Erf":        func(r *reading, n *node) { r.fail("found it outside a GELU") },
		"Softmax":    func(r *reading, n *node) { r.add("softmax", nn.SoftmaxDim(r.axis(n))) },
		"LogSoftmax": func(r *reading, n *node) { r.add("logsoftmax", nn.LogSoftmaxDim(r.axis(n))) },
	}
}

// layer returns a reader of an operation that is a layer without options.
func layer(called string, m nn.Module) func(r *reading, n *node) {
	return func(r *reading, _ *node) { r.add(called, m) }
}

// near reports whether a number is another but for rounding to float32.
func near(a, b float64) bool { return math.Abs(a-b) <= 1e-6*max(1, math.Abs(b)) }

// reading makes layers of the steps of a graph. Pictures are (channels, height, width) for layers
// whatever the order in the graph is.
type reading struct {
	s     *structure
	opset int64
	batch int64 // that the graph is for, 0 for any
	taken int64 // bytes of the file and of tensors

	shape   []int // of a sample
	last    bool  // the graph has channels behind height and width here
	columns []int // of a row that was a picture with channels last: which of the layers' numbers each is
	within  int   // nets that are being made

	layers    []nn.Module
	scales    []float64 // a factor and a summand for each channel, which wait to be a layer
	shifts    []float64
	normalize *transform.Normalize // those before the first layer, as a step of the preparation

	counts  map[string]int     // layers by what they are called
	views   map[string][]int64 // shapes of values as the graph has them, of the batch too
	tensors map[tensorKey]*tensor.Tensor
	err     error // the first
}

// anyBatch stands for the size of a batch in a shape.
const anyBatch = math.MinInt64

// tensorKey is what a parameter is made of.
type tensorKey struct {
	of         *constant
	transposed bool
}

// fail keeps the first error.
func (r *reading) fail(format string, args ...any) {
	if r.err == nil {
		r.err = fmt.Errorf(format, args...)
	}
}

// net returns the layers of steps.
func (r *reading) net(steps []step) *nn.Sequential {
	outer := r.layers
	r.layers = nil
	r.within++
	for i := 0; i < len(steps) && r.err == nil; {
		i += r.steps(steps[i:])
	}
	r.settle()
	net := nn.NewSequential(r.layers...)
	r.layers = outer
	r.within--
	return net
}

// steps adds what some steps are together, and returns how many of them.
func (r *reading) steps(list []step) int {
	s := list[0]
	n := s.node
	done := 1
	switch {
	case !s.fork && r.isHardsigmoid(list):
		r.add("hardsigmoid", nn.Hardsigmoid{})
		done = 3
	case !s.fork:
		readers[n.op](r, n)
	case n.op == "Mul":
		done = r.product(list)
	case n.op == "Add":
		r.sum(s)
	default:
		r.fail("found two inputs that are no constants")
	}
	if r.err != nil {
		if !errors.As(r.err, new(*nodeError)) {
			r.err = &nodeError{n.String(), r.err}
		}
		return done
	}
	r.views[list[done-1].node.outputs[0]] = r.view()
	return done
}

// nodeError is what keeps a node from becoming a layer.
type nodeError struct {
	node string
	err  error
}

func (e *nodeError) Error() string { return e.node + ": " + e.err.Error() }
func (e *nodeError) Unwrap() error { return e.err }

// constantStep returns the number of a step of an operation with it.
func (r *reading) constantStep(s step, op string) (float64, bool) {
	if s.fork || s.node.op != op || len(s.node.inputs) != 2 {
		return 0, false
	}
	c := r.constant(s.node, 1)
	if c == nil && op != "Div" {
		c = r.constant(s.node, 0)
	}
	if c == nil || c.external || c.size() != 1 || !c.isFloat() {
		return 0, false
	}
	return r.scalar(c), true
}

// is reports whether a step is an operation with a number.
func (r *reading) is(s step, op string, v float64) bool {
	found, ok := r.constantStep(s, op)
	return ok && near(found, v)
}

// times reports whether a step multiplies by v, or divides by 1/v.
func (r *reading) times(s step, v float64) bool { return r.is(s, "Mul", v) || r.is(s, "Div", 1/v) }

// isClipped reports whether steps begin with max(0, min(x + 3, 6)).
func (r *reading) isClipped(list []step) bool {
	if len(list) < 2 || !r.is(list[0], "Add", 3) || list[1].fork || list[1].node.op != "Clip" {
		return false
	}
	low, high := r.clip(list[1].node)
	return low == 0 && high == 6
}

// isHardsigmoid reports whether steps begin with a Hardsigmoid in three operations.
func (r *reading) isHardsigmoid(list []step) bool {
	return len(list) > 2 && r.isClipped(list) && r.times(list[2], 1.0/6)
}

// isErf reports whether steps are 1 + erf(x/√2).
func (r *reading) isErf(list []step) bool {
	return len(list) == 3 && r.times(list[0], 1/math.Sqrt2) && !list[1].fork && list[1].node.op == "Erf" && r.is(list[2], "Add", 1)
}

// hardsigmoid adds a layer that is made of a HardSigmoid, if that has PyTorch's numbers.
func (r *reading) hardsigmoid(n *node, called string, m nn.Module) {
	if alpha, beta := r.float(n, "alpha", 0.2), r.float(n, "beta", 0.5); !near(alpha, 1.0/6) || !near(beta, 0.5) {
		r.fail("found alpha %g and beta %g, 1/6 and 1/2 expected", alpha, beta)
		return
	}
	r.add(called, m)
}

// product adds a gate, or one of the activations that are one, and returns how many steps it is.
func (r *reading) product(list []step) int {
	left, right := list[0].left, list[0].right
	if len(left) > len(right) {
		left, right = right, left
	}
	switch single := len(right) == 1 && !right[0].fork; {
	case len(left) == 1 && r.times(left[0], 0.5) && r.isErf(right):
		r.add("gelu", nn.GELU{})
	case len(left) > 0:
		r.fail("found a product of two branches, of one with what it begins with expected")
	case single && right[0].node.op == "Sigmoid":
		r.add("silu", nn.SiLU{})
	case single && right[0].node.op == "HardSigmoid":
		r.hardsigmoid(right[0].node, "hardswish", nn.Hardswish{})
	case len(right) == 3 && r.isHardsigmoid(right):
		r.add("hardswish", nn.Hardswish{})
	case len(right) == 2 && r.isClipped(right) && len(list) > 1 && r.times(list[1], 1.0/6):
		r.add("hardswish", nn.Hardswish{})
		return 2
	case r.isErf(right) && len(list) > 1 && r.times(list[1], 0.5):
		r.add("gelu", nn.GELU{})
		return 2
	default:
		r.settle()
		before := r.place()
		body := r.net(right)
		shape := r.shape
		r.back(before)
		if r.last && shape[0] != before.shape[0] {
			r.fail("found a gate of pictures with channels last")
		}
		r.add("gate", &nn.Gate{Body: body})
	}
	return 1
}

// sum adds a sum of two branches.
func (r *reading) sum(s step) {
	r.settle()
	body, shortcut := s.left, s.right
	if len(body) == 0 {
		body, shortcut = shortcut, body
	}
	before := r.place()
	l := &nn.Residual{Body: r.net(body)}
	after := r.place()
	r.back(before)
	if len(shortcut) > 0 {
		l.Shortcut = r.net(shortcut)
	}
	if end := r.place(); end.last != after.last || !slices.Equal(end.columns, after.columns) {
		r.fail("found a sum of pictures of which one has channels last")
	}
	r.back(before)
	r.add("block", l)
	r.back(place{r.shape, after.last, after.columns})
}

// place is what is known of a value.
type place struct {
	shape   []int
	last    bool
	columns []int
}

func (r *reading) place() place { return place{r.shape, r.last, r.columns} }
func (r *reading) back(p place) { r.shape, r.last, r.columns = p.shape, p.last, p.columns }

// add adds a layer, which errors and the net call so, with a number.
func (r *reading) add(called string, m nn.Module) {
	if r.settle(); r.err != nil {
		return
	}
	r.append(called, m)
}

// append is add for a layer that is what waits.
func (r *reading) append(called string, m nn.Module) {
	specs, err := nn.Describe(nn.NewSequential(nn.Named("layer", m)))
	if err != nil {
		r.fail("%w", err)
		return
	}
	_, shape, err := nn.Costs(specs, r.shape)
	if err != nil {
		r.fail("%s", strings.TrimPrefix(err.Error(), `layers[0] "layer": `))
		return
	}
	r.counts[called]++
	r.layers = append(r.layers, nn.Named(called+strconv.Itoa(r.counts[called]), m))
	r.shape = shape
}

// view returns the shape of a batch as the graph has it.
func (r *reading) view() []int64 {
	view := []int64{anyBatch}
	if r.batch != 0 {
		view[0] = r.batch
	}
	for _, n := range r.shape {
		view = append(view, int64(n))
	}
	if r.last && len(view) == 4 {
		view[1], view[2], view[3] = view[2], view[3], view[1]
	}
	return view
}

// wantFirst fails unless pictures have their channels before height and width.
func (r *reading) wantFirst() bool {
	if r.last {
		r.fail("found pictures (N, H, W, C), (N, C, H, W) expected")
	}
	return !r.last && r.err == nil
}

// constant returns an input of a node that is one, or nil.
func (r *reading) constant(n *node, i int) *constant {
	if i >= len(n.inputs) {
		return nil
	}
	return r.s.constants[n.inputs[i]]
}

// attribute returns an attribute of a type, or the default.
func attribute[T any](r *reading, n *node, name string, standard T) T {
	v, ok := n.attributes[name]
	if !ok {
		return standard
	}
	t, ok := v.(T)
	if !ok {
		r.fail("found a %s of type %T, %T expected", name, v, standard)
		return standard
	}
	return t
}

func (r *reading) int(n *node, name string, standard int64) int64 {
	return attribute(r, n, name, standard)
}

func (r *reading) text(n *node, name, standard string) string { return attribute(r, n, name, standard) }

// float returns an attribute as the number that was meant before it was rounded to 32 bits.
func (r *reading) float(n *node, name string, standard float64) float64 {
	if n.attributes[name] == nil {
		return standard
	}
	return meant(attribute(r, n, name, float32(0)))
}

// meant returns the number of fewest digits that is v in 32 bits.
func meant(v float32) float64 {
	f, err := strconv.ParseFloat(strconv.FormatFloat(float64(v), 'g', -1, 32), 64)
	if err != nil {
		return float64(v)
	}
	return f
}

// ints returns a list of integers that is an attribute in older versions and an input in newer
// ones.
func (r *reading) ints(n *node, name string, input int) []int64 {
	if v, ok := n.attributes[name]; ok {
		list, ok := v.([]int64)
		if !ok {
			r.fail("found %s of type %T, integers expected", name, v)
		}
		return list
	}
	c := r.constant(n, input)
	if c == nil {
		if input < len(n.inputs) && n.inputs[input] != "" {
			r.fail("found %s that are no constants", name)
		}
		return nil
	}
	list, err := c.integers()
	if err != nil {
		r.fail("%s: %w", name, err)
	}
	return list
}

// scalar returns the number of a constant of one element.
func (r *reading) scalar(c *constant) float64 {
	if c.external || c.size() != 1 || !c.isFloat() {
		r.fail("found %d elements of %v, one floating-point number expected", c.size(), c.kind)
		return 0
	}
	f := 0.0
	if err := c.floatsTo(func(_ int, v float32) { f = meant(v) }); err != nil {
		r.fail("%w", err)
	}
	return f
}

// clip returns the limits of a Clip.
func (r *reading) clip(n *node) (low, high float64) {
	low, high = r.float(n, "min", math.Inf(-1)), r.float(n, "max", math.Inf(1))
	for i, limit := range []*float64{&low, &high} {
		switch c := r.constant(n, i+1); {
		case c != nil:
			*limit = r.scalar(c)
		case len(n.inputs) > i+1 && n.inputs[i+1] != "":
			r.fail("found limits that are no constants")
		}
	}
	return low, high
}

// axis returns the dimension of a Softmax.
func (r *reading) axis(n *node) int {
	standard := int64(-1)
	if r.opset < 13 {
		standard = 1
	}
	axis := r.int(n, "axis", standard)
	rank := int64(len(r.shape)) + 1
	if axis < 0 {
		axis += rank
	}
	if axis < 1 || axis >= rank || rank > 2 && (r.last || r.opset < 13 && axis != rank-1) {
		r.fail("found axis %d of %d dimensions", axis, rank)
		return 1
	}
	return int(axis)
}

// tensor returns the elements of a constant as a parameter of the given shape, transposed if said
// so. What the file has once is in memory once.
func (r *reading) tensor(c *constant, transposed bool, shape ...int) *tensor.Tensor {
	if c.size() != product(shape) {
		r.fail("found a tensor of shape %v, %v expected", c.shape, shape)
		return nil
	}
	key := tensorKey{c, transposed}
	if t := r.tensors[key]; t != nil {
		return t.View(shape...)
	}
	t := r.empty(shape...)
	if t == nil {
		return nil
	}
	data := tensor.Data[float32](t)
	rows, cols := 1, len(data)
	if transposed {
		rows, cols = shape[0], shape[1] // of what is made
	}
	r.copy(c, func(i int, v float32) {
		if transposed {
			data[i%rows*cols+i/rows] = v
		} else {
			data[i] = v
		}
	})
	t.SetRequiresGrad(true)
	r.tensors[key] = t
	return t
}

// empty returns a tensor, or nil if there is no memory for it.
func (r *reading) empty(shape ...int) *tensor.Tensor {
	r.taken += 4 * int64(product(shape))
	if err := memory.Check(float64(r.taken), "its weights"); err != nil {
		r.fail("%w", err)
	}
	if r.err != nil {
		return nil
	}
	return tensor.Zeros(tensor.Float32, shape...)
}

// copy calls f with the elements of a constant, which are finite.
func (r *reading) copy(c *constant, f func(i int, v float32)) {
	finite := true
	err := c.floatsTo(func(i int, v float32) {
		finite = finite && v-v == 0
		f(i, v)
	})
	if err != nil {
		r.fail("%w", err)
	}
	if !finite {
		r.fail("found NaN or an infinity, finite numbers expected")
	}
}

// parameter returns an input as a parameter of so many numbers.
func (r *reading) parameter(n *node, input, size int) *tensor.Tensor {
	c := r.constant(n, input)
	if c == nil {
		r.fail("found no constant as input %d", input)
		return nil
	}
	return r.tensor(c, false, size)
}

func (r *reading) gemm(n *node) {
	c := r.constant(n, 1)
	if r.int(n, "transA", 0) != 0 || !near(r.float(n, "alpha", 1), 1) || !near(r.float(n, "beta", 1), 1) || c == nil || r.constant(n, 0) != nil {
		r.fail("found other options than transB, or no constant matrix")
		return
	}
	if len(r.shape) != 1 {
		r.fail("found samples of shape %v, rows expected", r.shape)
		return
	}
	l := r.linear(c, r.int(n, "transB", 0) != 0)
	if bias := r.constant(n, 2); bias != nil && r.err == nil {
		l.Bias = r.tensor(bias, false, l.Weight.Size(0))
	} else if len(n.inputs) > 2 && n.inputs[2] != "" && bias == nil {
		r.fail("found a summand that is no constant")
	}
	if r.err == nil {
		r.add("linear", l)
		r.columns = nil
	}
}

func (r *reading) matMul(n *node) {
	c := r.constant(n, 1)
	if c == nil {
		r.fail("found no constant matrix on the right")
		return
	}
	if l := r.linear(c, false); r.err == nil {
		r.add("linear", l)
		r.columns = nil
	}
}

// linear returns the layer of a matrix, (out, in) or, as it is in most graphs, (in, out).
func (r *reading) linear(c *constant, outFirst bool) *nn.Linear {
	if len(c.shape) != 2 {
		r.fail("found a tensor of shape %v, a matrix expected", c.shape)
		return nil
	}
	if c.of != nil {
		c, outFirst = c.of, !outFirst
	}
	in, out := c.shape[0], c.shape[1]
	if outFirst {
		in, out = out, in
	}
	if r.columns == nil {
		w := r.tensor(c, !outFirst, out, in)
		return &nn.Linear{Weight: w}
	}
	if len(r.columns) != in {
		r.fail("found a matrix of %v for %d numbers", c.shape, len(r.columns))
		return nil
	}
	w := r.empty(out, in)
	if w == nil {
		return nil
	}
	data := tensor.Data[float32](w)
	r.copy(c, func(i int, v float32) {
		o, j := i%out, i/out
		if outFirst {
			o, j = i/in, i%in
		}
		data[o*in+r.columns[j]] = v
	})
	return &nn.Linear{Weight: w.SetRequiresGrad(true)}
}

func (r *reading) conv(n *node) {
	c := r.constant(n, 1)
	if c == nil || len(c.shape) != 4 {
		r.fail("found no constant of four dimensions as filters")
		return
	}
	if !r.wantFirst() {
		return
	}
	kernel := [2]int{c.shape[2], c.shape[3]}
	w := r.sweep(n, kernel)
	bias := r.constant(n, 2)
	if bias == nil && len(n.inputs) > 2 && n.inputs[2] != "" {
		r.fail("found a bias that is no constant")
	}
	if w.pads[0] != w.pads[2] || w.pads[1] != w.pads[3] {
		r.pad(w.pads)
		w.pads = [4]int{}
	}
	l := &nn.Conv2d{Weight: r.tensor(c, false, c.shape...)}
	l.Options = tensor.Conv2dOptions{Stride: w.stride, Padding: [2]int{w.pads[0], w.pads[1]}, Dilation: w.dilation, Groups: int(r.int(n, "group", 1))}
	if bias != nil && r.err == nil {
		l.Bias = r.tensor(bias, false, l.Weight.Size(0))
	}
	if r.err == nil {
		r.add("conv", l)
	}
}

// sweep is how a convolution or a pooling goes over a picture.
type sweep struct {
	stride, dilation [2]int
	pads             [4]int // above, left, below and right
}

// sweep returns how a node goes over pictures. In ceil mode the last windows may go beyond them:
// that is refused where they do.
func (r *reading) sweep(n *node, kernel [2]int) (w sweep) {
	pair := func(name string) [2]int {
		list := r.ints(n, name, len(n.inputs))
		if list == nil {
			return [2]int{1, 1}
		}
		if len(list) != 2 || list[0] < 1 || list[1] < 1 || max(list[0], list[1]) > math.MaxInt16 {
			r.fail("found %s %v, two numbers of at least 1 expected", name, list)
			return [2]int{1, 1}
		}
		return [2]int{int(list[0]), int(list[1])}
	}
	w.stride, w.dilation = pair("strides"), pair("dilations")
	pads := r.ints(n, "pads", len(n.inputs))
	if pads == nil {
		pads = make([]int64, 4)
	}
	if len(pads) != 4 || slices.Min(pads) < 0 || slices.Max(pads) > math.MaxInt16 || len(r.shape) != 3 {
		r.fail("found pads %v and samples of shape %v, four numbers of at least 0, and pictures, expected", pads, r.shape)
		return w
	}
	for i, p := range pads {
		w.pads[i] = int(p)
	}
	auto := r.text(n, "auto_pad", "NOTSET")
	ceil := r.int(n, "ceil_mode", 0) != 0
	for d := range 2 {
		size, reach := r.shape[1+d], w.dilation[d]*(kernel[d]-1)+1
		switch auto {
		case "NOTSET", "":
		case "VALID":
			w.pads[d], w.pads[d+2] = 0, 0
		case "SAME_UPPER", "SAME_LOWER":
			all := max(((size+w.stride[d]-1)/w.stride[d]-1)*w.stride[d]+reach-size, 0)
			w.pads[d], w.pads[d+2] = all/2, all-all/2
			if auto == "SAME_LOWER" {
				w.pads[d], w.pads[d+2] = w.pads[d+2], w.pads[d]
			}
		default:
			r.fail("found auto_pad %.20q", auto)
		}
		if ceil && (size+w.pads[d]+w.pads[d+2]-reach)%w.stride[d] != 0 {
			r.fail("found windows that go beyond pictures of %v: ceil_mode is not known", r.shape)
		}
	}
	return w
}

func (r *reading) pool(n *node) {
	kernel := r.ints(n, "kernel_shape", len(n.inputs))
	if len(kernel) != 2 || slices.Min(kernel) < 1 || slices.Max(kernel) > math.MaxInt16 {
		r.fail("found kernel_shape %v, two numbers expected", kernel)
		return
	}
	if !r.wantFirst() {
		return
	}
	o := tensor.Pool2dOptions{Kernel: [2]int{int(kernel[0]), int(kernel[1])}}
	w := r.sweep(n, o.Kernel)
	if w.pads[0] != w.pads[2] || w.pads[1] != w.pads[3] || w.dilation != [2]int{1, 1} {
		r.fail("found pads %v and dilations %v, the same on both sides and none expected", w.pads, w.dilation)
	}
	o.Stride, o.Padding = w.stride, [2]int{w.pads[0], w.pads[1]}
	if n.op == "MaxPool" {
		r.add("maxpool", nn.MaxPool2d{Pool2dOptions: o})
		return
	}
	if w.pads != [4]int{} && r.int(n, "count_include_pad", 0) == 0 {
		r.fail("found means without the padding, count_include_pad expected")
	}
	r.add("avgpool", nn.AvgPool2d{Pool2dOptions: o})
}

func (r *reading) globalPool(n *node) {
	if len(r.shape) != 3 {
		r.fail("found samples of shape %v, pictures expected", r.shape)
		return
	}
	if !r.wantFirst() {
		return
	}
	if n.op == "GlobalMaxPool" {
		r.add("maxpool", nn.MaxPool2d{Pool2dOptions: tensor.Pool2dOptions{Kernel: [2]int{r.shape[1], r.shape[2]}}})
		return
	}
	r.add("avgpool", nn.AdaptiveAvgPool2d{Rows: 1, Cols: 1})
}

func (r *reading) reduceMean(n *node) {
	axes := slices.Clone(r.ints(n, "axes", 1))
	for i := range axes {
		if axes[i] < 0 {
			axes[i] += int64(len(r.shape)) + 1
		}
	}
	slices.Sort(axes)
	want := []int64{2, 3}
	if r.last {
		want = []int64{1, 2}
	}
	if len(r.shape) != 3 || !slices.Equal(axes, want) {
		r.fail("found axes %v of samples of shape %v, height and width expected", axes, r.shape)
		return
	}
	if r.add("avgpool", nn.AdaptiveAvgPool2d{Rows: 1, Cols: 1}); r.int(n, "keepdims", 1) == 0 && r.err == nil {
		r.reshapeTo([]int{r.shape[0]})
	}
}

func (r *reading) batchNorm(n *node) {
	if r.int(n, "training_mode", 0) != 0 {
		r.fail("found it in training")
		return
	}
	if len(r.shape) == 3 && !r.wantFirst() || r.columns != nil {
		r.fail("found numbers in another order")
		return
	}
	c := r.shape[0]
	b := nn.BatchNorm{
		Weight: r.parameter(n, 1, c), Bias: r.parameter(n, 2, c), RunningMean: r.parameter(n, 3, c), RunningVar: r.parameter(n, 4, c),
		NumBatchesTracked: tensor.Scalar(int64(0)), Momentum: new(meant(float32(1 - r.float(n, "momentum", 0.9)))), Eps: r.float(n, "epsilon", 1e-5),
	}
	if r.err == nil {
		b.RunningMean, b.RunningVar = b.RunningMean.Detach(), b.RunningVar.Detach()
		if slices.Min(tensor.Data[float32](b.RunningVar)) < 0 {
			r.fail("found a negative variance")
		}
		r.norm(b)
	}
}

// norm adds a batch norm.
func (r *reading) norm(b nn.BatchNorm) {
	if len(r.shape) == 3 {
		r.add("bn", &nn.BatchNorm2d{BatchNorm: b})
	} else {
		r.add("bn", &nn.BatchNorm1d{BatchNorm: b})
	}
}

func (r *reading) instanceNorm(n *node) {
	if len(r.shape) < 2 || !r.wantFirst() {
		r.fail("found samples of shape %v", r.shape)
		return
	}
	c := r.shape[0]
	l := &nn.GroupNorm{Groups: c, Weight: r.parameter(n, 1, c), Bias: r.parameter(n, 2, c), Eps: r.float(n, "epsilon", 1e-5)}
	if r.err == nil {
		r.add("groupnorm", l)
	}
}

func (r *reading) layerNorm(n *node) {
	rank := int64(len(r.shape)) + 1
	axis := r.int(n, "axis", -1)
	if axis < 0 {
		axis += rank
	}
	if axis < 1 || axis >= rank || r.last || r.columns != nil {
		r.fail("found axis %d of %d dimensions", axis, rank)
		return
	}
	shape := r.shape[axis-1:]
	scale, bias := r.constant(n, 1), r.constant(n, 2)
	if scale == nil || bias == nil {
		r.fail("found no constants as scale and bias")
		return
	}
	l := &nn.LayerNorm{Weight: r.tensor(scale, false, shape...), Bias: r.tensor(bias, false, shape...), Eps: r.float(n, "epsilon", 1e-5)}
	if r.err == nil {
		r.add("layernorm", l)
	}
}
