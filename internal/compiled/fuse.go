package compiled

import (
	"math"
	"slices"

	"github.com/onehot-go/onehot/internal/kernel/inference"
	"github.com/onehot-go/onehot/nn"
)

// activation is a function of every element: one that the kernels apply as they write, or any.
type activation struct {
	fused inference.Activation
	other func(v float32) float32 // in its place, or nil
}

// none reports whether elements stay as they are.
func (a activation) none() bool { return a.fused == inference.Identity && a.other == nil }

// limits reports whether the activation limits elements, or does nothing.
func (a activation) limits() bool { return a.fused.Limits() && a.other == nil }

// elementwise returns the function of a layer that has one. A layer of another type has none.
func elementwise(m nn.Module) (activation, bool) {
	switch m := m.(type) {
	case nn.ReLU:
		return activation{fused: inference.ReLU}, true
	case nn.ReLU6:
		return activation{fused: inference.ReLU6}, true
	case nn.Hardswish:
		return activation{fused: inference.Hardswish}, true
	case nn.Hardsigmoid:
		return activation{fused: inference.Hardsigmoid}, true
	case nn.Sigmoid:
		return activation{fused: inference.Sigmoid}, true
	case nn.SiLU:
		return activation{fused: inference.SiLU}, true
	case nn.Tanh:
		return activation{other: func(v float32) float32 { return float32(math.Tanh(float64(v))) }}, true
	case nn.GELU:
		return activation{other: func(v float32) float32 {
			x := float64(v)
			return float32(x * (0.5 * math.Erfc(-x/math.Sqrt2)))
		}}, true
	case nn.LeakyReLU:
		slope := float32(m.Slope)
		if slope == 0 {
			slope = 0.01
		}
		return activation{other: func(v float32) float32 {
			if v > 0 {
				return v
			}
			return v * slope
		}}, true
	}
	return activation{}, false
}

// fusions is the table of what an operation does beside its own work. A row makes before, which writes an
// operand of o for nobody else, do what o does, and reports whether it can.
var fusions = []func(before, o *operation) bool{foldNorm, fuseActivation, fuseSum, fusePool}

// fuse returns the operations that are left when those that others can do are theirs. The program's
// result is output.
func fuse(operations []*operation, output *array) []*operation {
	reads, writer := map[*array]int{output: 1}, map[*array]*operation{}
	for _, o := range operations {
		reads[o.in]++
		if o.with != nil {
			reads[o.with]++
		}
	}
	var left []*operation
	for _, o := range operations {
		if before := fusing(o, left, reads, writer); before != nil {
			at := slices.Index(left, before) // it waits for what o waits for
			left, o.work, o.in, o.with, o.then = slices.Delete(left, at, at+1), before.work, before.in, before.with, before.then
		}
		if before := writer[o.in]; before != nil && reads[o.in] == 1 && foldForward(before, o) {
			at := slices.Index(left, before)
			left, o.in = slices.Delete(left, at, at+1), before.in
		}
		left, writer[o.out] = append(left, o), o
	}
	return left
}

// fusing returns the operation that does what o does from now on, or nil. Of two, the later one
// takes an addition.
func fusing(o *operation, left []*operation, reads map[*array]int, writer map[*array]*operation) *operation {
	candidates := []*operation{writer[o.in], writer[o.with]}
	slices.SortStableFunc(candidates, func(a, b *operation) int { return slices.Index(left, b) - slices.Index(left, a) })
	for _, before := range candidates {
		for _, takes := range fusions {
			if before != nil && reads[before.out] == 1 && takes(before, o) {
				return before
			}
		}
	}
	return nil
}

// foldNorm multiplies the filters of a convolution by a line of its results.
func foldNorm(before, o *operation) bool {
	c, ok := before.work.(*convolution)
	line, isLine := o.work.(*affine)
	if !ok || !isLine || !before.then.none() || before.with != nil || len(line.scale) != c.filters || c.pairs {
		return false
	}
	if c.scale == nil {
		c.scale = slices.Repeat([]float64{1}, c.filters)
	}
	for f := range c.scale {
		c.scale[f] *= line.scale[f]
		c.shift[f] = c.shift[f]*line.scale[f] + line.shift[f]
	}
	before.then = o.then
	return true
}

func fuseActivation(before, o *operation) bool {
	if _, ok := o.work.(only); !ok || !before.then.none() || o.then.other != nil {
		return false
	}
	switch before.work.(type) {
	case *convolution, *affine, sum:
		before.then = o.then
		return true
	}
	return false
}

// fuseSum makes a convolution add what else o adds.
func fuseSum(before, o *operation) bool {
	c, ok := before.work.(*convolution)
	if _, isSum := o.work.(sum); !ok || !isSum || !before.then.none() || before.with != nil || c.pairs {
		return false
	}
	before.with, before.then = o.in, o.then
	if before.out == o.in {
		before.with = o.with
	}
	return true
}

// fusePool has a convolution find the greatest of pairs of rows and columns, if its fastest road can. Before them it makes no
// difference what is limited.
func fusePool(before, o *operation) bool {
	c, ok := before.work.(*convolution)
	p, isPool := o.work.(pooling)
	two := [2]int{2, 2}
	if !ok || !isPool || p.mean || p.kernel != two || p.stride != two || p.padding != [2]int{} || !before.then.limits() || before.with != nil || c.pairs {
		return false
	}
	if conv := c.conv(before); conv.Choose(math.MaxInt) != inference.Direct {
		return false
	}
	c.pairs = true
	return true
}

// foldForward multiplies the columns of the convolutions' filters by lines of what they read, where zeros
// of a padding are not among it.
func foldForward(before, o *operation) bool {
	line, ok := before.work.(*affine)
	c, isConvolution := o.work.(*convolution)
	if !ok || !isConvolution || !before.then.none() || before.with != nil || c.padding != [2]int{} || c.groups > 1 {
		return false
	}
	columns := len(c.weight) / c.filters
	each := columns / len(line.scale) // columns of a number of the line
	if c.columns == nil {
		c.columns = slices.Repeat([]float64{1}, columns)
	}
	for f := range c.filters {
		sum := 0.0
		for k, w := range c.weight[f*columns:][:columns] {
			sum += float64(w) * c.columns[k] * line.shift[k/each]
		}
		if c.scale != nil {
			sum *= c.scale[f]
		}
		c.shift[f] += sum
	}
	for k := range c.columns {
		c.columns[k] *= line.scale[k/each]
	}
	return true
}
