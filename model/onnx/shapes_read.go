package onnx

import (
	"fmt"
	"math"
	"slices"

	"github.com/onehot-go/onehot/nn"
	"github.com/onehot-go/onehot/tensor"
	"github.com/onehot-go/onehot/transform"
)

func (r *reading) flatten(n *node) {
	axis := r.int(n, "axis", 1)
	if axis < 0 {
		axis += int64(len(r.shape)) + 1
	}
	if axis != 1 {
		r.fail("found axis %d, 1 expected", axis)
		return
	}
	r.reshapeTo([]int{product(r.shape)})
}

func (r *reading) reshape(n *node) {
	if len(n.inputs) != 2 {
		r.fail("found %d inputs, 2 expected", len(n.inputs))
		return
	}
	target, err := r.integers(n.inputs[1], 0)
	if err != nil {
		r.fail("shape: %w", err)
		return
	}
	view := r.view()
	if len(target) == 0 || len(target) > maxDims {
		r.fail("found a shape of %d dimensions", len(target))
		return
	}
	var rest []int
	all, open := 1, -1
	for i, v := range target[1:] {
		if v == 0 && r.int(n, "allowzero", 0) == 0 && i+1 < len(view) {
			v = view[i+1]
		}
		switch {
		case v == -1 && open < 0:
			open = i
			rest = append(rest, 1)
			continue
		case v < 1 || v > math.MaxInt32:
			r.fail("found shape %v", target)
			return
		}
		rest = append(rest, int(v))
		if all *= int(v); all > product(r.shape) {
			r.fail("found shape %v for samples of %v", target, r.shape)
			return
		}
	}
	if open >= 0 {
		rest[open] = product(r.shape) / all
	}
	switch first := target[0]; {
	case first == 0, first == anyBatch, first == -1 && open < 0, first == r.batch:
	default:
		r.fail("found shape %v, the batch as it is expected first", target)
		return
	}
	if product(rest) != product(r.shape) {
		r.fail("found shape %v for samples of %v", target, r.shape)
		return
	}
	r.reshapeTo(rest)
}

// integers returns the elements of a value that is a shape, or part of one: constant, or computed
// from shapes.
func (r *reading) integers(name string, within int) ([]int64, error) {
	if c := r.s.constants[name]; c != nil {
		return c.integers()
	}
	n := r.s.producers[name]
	const deepest = 16
	if n == nil || len(n.inputs) == 0 || within > deepest {
		return nil, fmt.Errorf("found %.200q, a shape that is computed from a constant or from a value before it expected", name)
	}
	if n.op == "Shape" {
		view, ok := r.views[n.inputs[0]]
		if !ok {
			return nil, fmt.Errorf("%s: found a value of another branch", n)
		}
		return view, nil
	}
	if n.op == "Concat" {
		var list []int64
		for _, input := range n.inputs {
			part, err := r.integers(input, within+1)
			if err != nil {
				return nil, err
			}
			if list = append(list, part...); len(list) > 2*maxDims {
				return nil, fmt.Errorf("%s: found more than %d numbers", n, 2*maxDims)
			}
		}
		return list, nil
	}
	list, err := r.integers(n.inputs[0], within+1)
	if err != nil {
		return nil, err
	}
	input := func(i int, standard int64) int64 {
		if i >= len(n.inputs) || n.inputs[i] == "" {
			return standard
		}
		v, e := r.integers(n.inputs[i], within+1)
		if e != nil || len(v) != 1 {
			err = fmt.Errorf("%s: found no number as input %d", n, i)
			return standard
		}
		return v[0]
	}
	switch n.op {
	case "Unsqueeze", "Squeeze", "Cast", "Identity":
	case "Gather":
		at := input(1, 0)
		if at < 0 {
			at += int64(len(list))
		}
		if err == nil && (at < 0 || at >= int64(len(list))) {
			err = fmt.Errorf("%s: found index %d of %d", n, at, len(list))
		}
		if err == nil {
			list = list[at : at+1]
		}
	case "Slice":
		var from, to int64
		if n.attributes["starts"] != nil {
			starts, ends := r.ints(n, "starts", 1), r.ints(n, "ends", 2)
			if len(starts) != 1 || len(ends) != 1 {
				return nil, fmt.Errorf("%s: found starts %v and ends %v", n, starts, ends)
			}
			from, to = starts[0], ends[0]
		} else {
			if from, to = input(1, 0), input(2, 0); input(4, 1) != 1 {
				return nil, fmt.Errorf("%s: found steps", n)
			}
		}
		size := int64(len(list))
		for _, at := range []*int64{&from, &to} {
			if *at < 0 {
				*at += size
			}
			*at = min(max(*at, 0), size)
		}
		if err == nil && from < to {
			list = list[from:to]
		} else if err == nil {
			list = nil
		}
	default:
		return nil, fmt.Errorf("%s: found it in the computation of a shape", n)
	}
	return list, err
}

// reshapeTo adds what makes samples of another shape, as the graph has it, with as many numbers.
func (r *reading) reshapeTo(shape []int) {
	var view []int
	for _, n := range r.view()[1:] {
		view = append(view, int(n))
	}
	if slices.Equal(view, shape) {
		return
	}
	if r.columns != nil {
		r.fail("found numbers in another order")
		return
	}
	if len(shape) == 1 {
		channels := r.shape[0]
		r.add("flatten", nn.Flatten{})
		if pixels := product(view) / channels; r.last && channels > 1 && pixels > 1 {
			for i := range product(view) {
				r.columns = append(r.columns, i%channels*pixels+i/channels)
			}
		}
		r.last = false
		return
	}
	for from := range view {
		for to := from + 1; to < len(view) && !r.last; to++ {
			joined := slices.Replace(slices.Clone(view), from, to+1, product(view[from:to+1]))
			if slices.Equal(joined, shape) {
				r.add("flatten", nn.FlattenDims(from+1, to+1))
				return
			}
		}
	}
	r.fail("found samples of %v that become %v: only dimensions side by side are joined", view, shape)
}

func (r *reading) squeeze(n *node) {
	axes := r.ints(n, "axes", 1)
	view := r.view()
	var shape []int
	for i, size := range view[1:] {
		d, rank := int64(i+1), int64(len(view))
		if named := slices.Contains(axes, d) || slices.Contains(axes, d-rank); size == 1 && (named || axes == nil) {
			continue
		} else if named {
			r.fail("found a size of %d in dimension %d, 1 expected", size, d)
		}
		shape = append(shape, int(size))
	}
	if slices.Contains(axes, 0) || slices.Contains(axes, -int64(len(view))) || axes == nil && r.batch == 1 || len(shape) == 0 {
		r.fail("found axes %v of shape %v", axes, view)
		return
	}
	r.reshapeTo(shape)
}

func (r *reading) transpose(n *node) {
	perm := r.ints(n, "perm", 1)
	switch {
	case len(r.shape) == 3 && r.last && slices.Equal(perm, []int64{0, 3, 1, 2}):
		r.last = false
	case len(r.shape) == 3 && !r.last && slices.Equal(perm, []int64{0, 2, 3, 1}):
		r.last = true
	case len(perm) == len(r.shape)+1 && slices.IsSorted(perm):
	default:
		r.fail("found perm %v of samples of shape %v, channels behind height and width, or before them, expected", perm, r.shape)
	}
}

func (r *reading) padding(n *node) {
	pads := r.ints(n, "pads", 1)
	if mode := r.text(n, "mode", "constant"); mode != "constant" {
		r.fail("found mode %.20q, constant expected", mode)
	}
	if c := r.constant(n, 2); c != nil && r.scalar(c) != 0 || r.float(n, "value", 0) != 0 || len(n.inputs) > 3 && n.inputs[3] != "" {
		r.fail("found other numbers or axes than zeros around pictures")
	}
	if len(r.shape) != 3 || len(pads) != 8 {
		r.fail("found pads %v for samples of shape %v, eight numbers and pictures expected", pads, r.shape)
		return
	}
	if !r.wantFirst() {
		return
	}
	for i, p := range pads {
		if p < 0 || p > math.MaxInt16 || i%4 < 2 && p != 0 {
			r.fail("found pads %v, rows and columns around pictures expected", pads)
			return
		}
	}
	r.pad([4]int{int(pads[2]), int(pads[3]), int(pads[6]), int(pads[7])})
}

// pad adds zeros above, left of, below and right of pictures.
func (r *reading) pad(pads [4]int) {
	r.add("pad", nn.ZeroPad2d{Top: pads[0], Left: pads[1], Bottom: pads[2], Right: pads[3]})
}

// affine adds a sum or a product with numbers, one for all or one a channel.
func (r *reading) affine(n *node) {
	at := 1
	c := r.constant(n, 1)
	if c == nil {
		at, c = 0, r.constant(n, 0)
	}
	if c == nil || c.external || len(n.inputs) != 2 {
		r.fail("found no constant")
		return
	}
	if n.op == "Add" && r.bias(c) {
		return
	}
	if r.columns != nil && c.size() > 1 {
		r.fail("found numbers in another order")
		return
	}
	channels := r.shape[0]
	if !r.perChannel(c) {
		r.fail("found a constant of shape %v for samples of %v, one number, or one a channel, expected", c.shape, r.shape)
		return
	}
	values := make([]float64, 0, channels)
	r.copy(c, func(_ int, v float32) { values = append(values, float64(v)) })
	if r.err != nil {
		return
	}
	for len(values) < channels {
		values = append(values, values[0])
	}
	if r.scales == nil {
		r.scales, r.shifts = slices.Repeat([]float64{1}, channels), make([]float64, channels)
	}
	for i, v := range values {
		switch {
		case n.op == "Add":
			r.shifts[i] += v
		case n.op == "Sub" && at == 1:
			r.shifts[i] -= v
		case n.op == "Sub":
			r.scales[i], r.shifts[i] = -r.scales[i], v-r.shifts[i]
		case n.op == "Mul":
			r.scales[i], r.shifts[i] = r.scales[i]*v, r.shifts[i]*v
		case at == 1 && v != 0:
			r.scales[i], r.shifts[i] = r.scales[i]/v, r.shifts[i]/v
		default:
			r.fail("found a quotient by %g, or by what is no constant", v)
		}
	}
}

// perChannel reports whether a constant has one number, or one a channel in its dimension.
func (r *reading) perChannel(c *constant) bool {
	if c.size() == 1 {
		return true
	}
	view := r.view()
	channel := 1
	if r.last {
		channel = len(view) - 1
	}
	for i, n := range c.shape {
		if d := i + len(view) - len(c.shape); n != 1 && (d != channel || n != r.shape[0]) {
			return false
		}
	}
	return c.size() == r.shape[0]
}

// bias makes a constant that is added the bias of the layer before it, if that has none, and
// reports whether it did.
func (r *reading) bias(c *constant) bool {
	if len(r.layers) == 0 || r.scales != nil {
		return false
	}
	last := r.layers[len(r.layers)-1]
	for _, m := range nn.NewSequential(last).Layers() {
		switch l := m.(type) {
		case *nn.Linear:
			if out := l.Weight.Size(0); l.Bias == nil && c.size() == out && len(c.shape) > 0 && c.shape[len(c.shape)-1] == out {
				l.Bias = r.tensor(c, false, out)
				return true
			}
		case *nn.Conv2d:
			if l.Bias == nil && c.size() == r.shape[0] && r.perChannel(c) {
				l.Bias = r.tensor(c, false, r.shape[0])
				return true
			}
		}
	}
	return false
}

// settle adds the factors and summands that wait: to the preparation if nothing is before them, else
// as a batch norm of mean 0 and variance 1.
func (r *reading) settle() {
	scales, shifts := r.scales, r.shifts
	r.scales, r.shifts = nil, nil
	if scales == nil || r.err != nil {
		return
	}
	idle, invertible := true, true
	for i := range scales {
		idle = idle && math.Abs(scales[i]-1) < 1e-9 && math.Abs(shifts[i]) < 1e-9
		invertible = invertible && scales[i] != 0
	}
	if idle {
		return
	}
	if r.within == 1 && len(r.layers) == 0 && r.normalize == nil && len(r.shape) == 3 && invertible {
		r.normalize = &transform.Normalize{}
		for i := range scales {
			r.normalize.Mean = append(r.normalize.Mean, float32(-shifts[i]/scales[i]))
			r.normalize.Std = append(r.normalize.Std, float32(1/scales[i]))
		}
		return
	}
	channels := len(scales)
	b := nn.BatchNorm{Momentum: new(0.1), NumBatchesTracked: tensor.Scalar(int64(0))}
	for _, t := range []**tensor.Tensor{&b.Weight, &b.Bias, &b.RunningMean, &b.RunningVar} {
		if *t = r.empty(channels); *t == nil {
			return
		}
	}
	b.RunningVar.FillInPlace(1)
	for i := range scales {
		tensor.Data[float32](b.Weight)[i], tensor.Data[float32](b.Bias)[i] = float32(scales[i]), float32(shifts[i])
	}
	b.Weight.SetRequiresGrad(true)
	b.Bias.SetRequiresGrad(true)
	m := nn.Module(&nn.BatchNorm1d{BatchNorm: b})
	if len(r.shape) == 3 {
		m = &nn.BatchNorm2d{BatchNorm: b}
	}
	r.append("affine", m)
}
