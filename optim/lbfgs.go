package optim

import (
	"math"
	"slices"

	"github.com/onehot-go/onehot/internal/parallel"
	"github.com/onehot-go/onehot/tensor"
)

// LBFGS is the limited-memory quasi-Newton method of Broyden, Fletcher, Goldfarb and
// Shanno (Nocedal, 1980) as torch.optim.LBFGS defines it. It learns how the objective
// curves from its last steps and how the gradient changed over them, so the objective
// must be the same function each time: of all samples, not of a batch.
//
// It computes in float64 whatever the parameters' type. The history takes two numbers for
// each of HistorySize steps and each element of the parameters: float32 where all of them
// are, and float64 where one is not.
type LBFGS struct {
	optimizer[lbfgsSettings]
	parts []*tensor.Tensor // of flat, shaped as the parameters
	flat  []float64        // where elements of all parameters come together

	// What lasts from step to step, for n elements and a history of h steps. The pair
	// that was added as number i is in row i % h.
	iterations, pairs *tensor.Tensor // counts so far, scalars of Int64
	steps, changes    *tensor.Tensor // (h, n): of the parameters, and what they made of the gradient
	curvature         *tensor.Tensor // (h): the products of both; from here on all are of Float64
	scale             *tensor.Tensor // (): of the inverse Hessian, before the history
	step, gradient    *tensor.Tensor // (n): the last step, and the gradient before it
}

// LBFGSOptions are the settings of LBFGS that are not always given; the zero value is
// PyTorch's default.
type LBFGSOptions struct {
	MaxIter         *int     // iterations of a Step; 20 if nil
	MaxEval         *int     // evaluations after which a Step begins no further iteration; 5/4 of MaxIter if nil
	ToleranceGrad   *float64 // a Step ends where no element of the gradient is larger; 1e-7 if nil
	ToleranceChange *float64 // and where neither the parameters nor the objective change by more; 1e-9 if nil
	HistorySize     *int     // steps that are remembered; 100 if nil
	// StrongWolfe searches along every direction for a point that meets the strong Wolfe
	// conditions: PyTorch's line_search_fn="strong_wolfe". Without it the step is lr times
	// the direction, wherever that leads.
	StrongWolfe bool
	// L1, with one number a parameter tensor, adds that times the sum of the elements' magnitudes to
	// the objective: the orthant-wise method of Andrew and Gao (2007), which PyTorch does not have.
	// Elements become 0, and stay so. The objective's function and what Step returns do without it, and
	// it searches by halves, so that StrongWolfe has no part in it. Nil adds nothing.
	L1 []float64
}

type lbfgsSettings struct {
	maxIter, maxEval, history      int
	toleranceGrad, toleranceChange float64
	strongWolfe                    bool
	l1                             []float64 // of each element; nil for none
}

// NewLBFGS returns an optimizer of params with learning rate lr, which is what a step
// takes of its direction, or with StrongWolfe what its search begins with; PyTorch's
// default is 1.
func NewLBFGS(params []*tensor.Tensor, lr float64, options LBFGSOptions) *LBFGS {
	const op = "optim.LBFGS"
	iterations := or(options.MaxIter, 20)
	c := lbfgsSettings{iterations, or(options.MaxEval, iterations*5/4), or(options.HistorySize, 100),
		or(options.ToleranceGrad, 1e-7), or(options.ToleranceChange, 1e-9), options.StrongWolfe, nil}
	check(c.maxIter >= 1, op, "%d iterations: at least 1 expected", c.maxIter)
	check(c.maxEval >= 1, op, "%d evaluations: at least 1 expected", c.maxEval)
	check(c.history >= 1, op, "history of %d: at least 1 expected", c.history)
	check(c.toleranceGrad >= 0, op, "tolerance of the gradient %v: at least 0 expected", c.toleranceGrad)
	check(c.toleranceChange >= 0, op, "tolerance of changes %v: at least 0 expected", c.toleranceChange)
	if options.L1 != nil {
		check(len(options.L1) == len(params), op, "%d strengths of L1 for %d parameters: one each expected", len(options.L1), len(params))
		for i, strength := range options.L1 {
			check(strength >= 0, op, "L1 of %v: at least 0 expected", strength)
			c.l1 = append(c.l1, slices.Repeat([]float64{strength}, params[i].Numel())...)
		}
	}
	o := &LBFGS{}
	n, kept := 0, tensor.Float32
	for _, p := range o.add(op, params, lr, c, nil, false).params {
		n += p.Numel()
		if p.DType() == tensor.Float64 {
			kept = tensor.Float64
		}
	}
	flat := tensor.Zeros(tensor.Float64, n)
	o.flat = tensor.Data[float64](flat)
	at := 0
	for _, p := range params {
		o.parts = append(o.parts, flat.Narrow(0, at, p.Numel()).Reshape(p.Shape()...))
		at += p.Numel()
	}
	o.iterations, o.pairs = tensor.Zeros(tensor.Int64), tensor.Zeros(tensor.Int64)
	o.steps, o.changes = tensor.Zeros(kept, c.history, n), tensor.Zeros(kept, c.history, n)
	o.curvature, o.scale = tensor.Zeros(tensor.Float64, c.history), tensor.Ones(tensor.Float64)
	o.step, o.gradient = tensor.Zeros(tensor.Float64, n), tensor.Zeros(tensor.Float64, n)
	return o
}

// State returns what a continued training needs beside the parameters and the learning
// rate: tensors that Step changes, by name. Copying a saved state into them continues
// exactly.
func (o *LBFGS) State() map[string]*tensor.Tensor {
	return map[string]*tensor.Tensor{
		"iterations": o.iterations, "pairs": o.pairs, "steps": o.steps, "changes": o.changes,
		"curvature": o.curvature, "scale": o.scale, "step": o.step, "gradient": o.gradient,
	}
}

// Step changes the parameters in up to MaxIter iterations and returns what the objective
// was before. The objective returns its value at the parameters, and leaves its gradient
// with them; a parameter without one stays. Like any closure for PyTorch's optimizers it
// sets the gradients to zero before it calls Backward:
//
//	optimizer.Step(func() float64 {
//		optimizer.ZeroGrad()
//		l := criterion.Forward(net.Forward(x), y)
//		l.Backward()
//		return l.Item()
//	})
//
// It is evaluated at the start and one or more times in each iteration.
func (o *LBFGS) Step(objective func() float64) float64 {
	c, lr := o.groups[0].settings, o.groups[0].lr
	if c.l1 != nil {
		return o.orthants(objective)
	}
	first := objective()
	g := o.gradients()
	if greatest(g) <= c.toleranceGrad {
		return first
	}
	d := make([]float64, len(g))
	step, gradient := tensor.Data[float64](o.step), tensor.Data[float64](o.gradient)
	value, evaluations := first, 1
	for i := 1; ; i++ {
		*count(o.iterations)++
		o.remember(d, g)
		o.direction(d, g)
		copy(gradient, g)
		before, t := value, lr
		if *count(o.iterations) == 1 {
			t *= min(1, 1/magnitudes(g))
		}
		slope := dot(g, d)
		moved := !(slope > -c.toleranceChange) // NaN too
		if moved {
			x := o.parameters()
			if c.strongWolfe {
				end, n := search(point{0, value, slope, g}, t, d, func(t float64) (float64, []float64) {
					o.moveTo(x, d, t)
					return objective(), o.gradients()
				})
				t, value, g = end.t, end.value, end.gradient
				evaluations += n
				o.moveTo(x, d, t)
			} else {
				o.moveTo(x, d, t)
				if i < c.maxIter { // the next Step would do it again
					value = objective()
					g = o.gradients()
					evaluations++
				}
			}
		}
		for k, v := range d {
			step[k] = t * v
		}
		if !moved || i == c.maxIter || evaluations >= c.maxEval || greatest(g) <= c.toleranceGrad ||
			greatest(step) <= c.toleranceChange || math.Abs(value-before) < c.toleranceChange {
			return first
		}
	}
}

// remember adds the last step to the history, unless there is none; g is the gradient behind
// it, and change is scratch.
func (o *LBFGS) remember(change, g []float64) {
	if *count(o.iterations) == 1 {
		return
	}
	step := tensor.Data[float64](o.step)
	for i, before := range tensor.Data[float64](o.gradient) {
		change[i] = g[i] - before
	}
	// Curvature that is not positive would not keep the directions downhill.
	product := dot(change, step)
	if !(product > 1e-10) {
		return
	}
	pairs, curvature := count(o.pairs), tensor.Data[float64](o.curvature)
	at := int(*pairs) % len(curvature)
	if o.steps.DType() == tensor.Float32 {
		keep[float32](o, at, step, change)
	} else {
		keep[float64](o, at, step, change)
	}
	curvature[at] = product
	tensor.Data[float64](o.scale)[0] = product / dot(change, change)
	*pairs++
}

// keep writes a step and a change to a row of the history, which is of type T.
func keep[T tensor.Float](o *LBFGS, row int, step, change []float64) {
	s, c := tensor.Data[T](o.steps)[row*len(step):], tensor.Data[T](o.changes)[row*len(step):]
	for i := range step {
		s[i], c[i] = T(step[i]), T(change[i])
	}
}

// direction writes where to go from where the gradient is g to d.
func (o *LBFGS) direction(d, g []float64) {
	if o.steps.DType() == tensor.Float32 {
		quasiNewton[float32](o, d, g)
	} else {
		quasiNewton[float64](o, d, g)
	}
}

// quasiNewton is direction for a history of type T.
func quasiNewton[T tensor.Float](o *LBFGS, d, g []float64) {
	pairs := count(o.pairs)
	scale, curvature := tensor.Data[float64](o.scale), tensor.Data[float64](o.curvature)
	steps, changes := tensor.Data[T](o.steps), tensor.Data[T](o.changes)
	row := func(of []T, i int) []T { return of[i*len(g):][:len(g)] }
	h := len(curvature)
	for i, v := range g {
		d[i] = -v
	}
	oldest := max(0, int(*pairs)-h)
	shares := make([]float64, h)
	for i := int(*pairs) - 1; i >= oldest; i-- {
		at := i % h
		shares[at] = dot(row(steps, at), d) / curvature[at]
		addScaled(d, row(changes, at), -shares[at])
	}
	for i := range d {
		d[i] *= scale[0]
	}
	for i := oldest; i < int(*pairs); i++ {
		at := i % h
		addScaled(d, row(steps, at), shares[at]-dot(row(changes, at), d)/curvature[at])
	}
}

// gradients returns those of all parameters side by side, zeros where there is none.
func (o *LBFGS) gradients() []float64 {
	clear(o.flat)
	for i, p := range o.groups[0].params {
		if g := p.Grad(); g != nil {
			o.parts[i].CopyInPlace(g)
		}
	}
	return slices.Clone(o.flat)
}

// parameters returns the elements of all parameters side by side.
func (o *LBFGS) parameters() []float64 {
	for i, p := range o.groups[0].params {
		o.parts[i].CopyInPlace(p.Detach())
	}
	return slices.Clone(o.flat)
}

// moveTo sets the parameters to x + t·d.
func (o *LBFGS) moveTo(x, d []float64, t float64) {
	copy(o.flat, x)
	addScaled(o.flat, d, t)
	o.spread()
}

// set sets the parameters to x.
func (o *LBFGS) set(x []float64) {
	copy(o.flat, x)
	o.spread()
}

// spread sets the parameters to what flat has.
func (o *LBFGS) spread() {
	for i, p := range o.groups[0].params {
		p.CopyInPlace(o.parts[i])
	}
}

// point is one on the line along which a step is searched for.
type point struct {
	t        float64   // how far along the direction
	value    float64   // of the objective
	slope    float64   // along the direction
	gradient []float64 // of the objective
}

// What a search asks for and when it gives up, as PyTorch has it. The tolerance is not
// the one of LBFGSOptions there either.
const (
	decrease        = 1e-4 // share of what the first slope promises that the value falls by at least
	flatter         = 0.9  // share of the first slope that is left at most
	maxTrials       = 25   // after the first
	searchTolerance = 1e-9 // of what a step changes in any parameter
)

// search returns a point along the direction d that meets the strong Wolfe conditions
// against the start, at t of 0, and how often it called evaluate for it, which returns
// value and gradient at t. It tries t first, and goes on until it has two points with such
// a point between them; then it narrows these down. Where the trials run out it returns the
// best of what it has.
func search(start point, t float64, d []float64, evaluate func(t float64) (float64, []float64)) (end point, evaluations int) {
	try := func(t float64) point {
		evaluations++
		value, g := evaluate(t)
		return point{t, value, dot(g, d), g}
	}
	tooHigh := func(p point) bool { return p.value > start.value+decrease*p.t*start.slope }
	flat := func(p point) bool { return math.Abs(p.slope) <= -flatter*start.slope }

	before, now := start, try(t)
	trials := 0
	for {
		if trials == maxTrials {
			before = start
			break
		}
		if tooHigh(now) || trials > 1 && now.value >= before.value {
			break
		}
		if flat(now) {
			return now, evaluations
		}
		if now.slope >= 0 {
			break
		}
		next := interpolate(before, now, now.t+0.01*(now.t-before.t), 10*now.t)
		before, now = now, try(next)
		trials++
	}

	// Where the values are equal the first is the lower, as in PyTorch.
	ends, low := [2]point{before, now}, 0
	sort := func() {
		low = 1
		if ends[0].value <= ends[1].value {
			low = 0
		}
	}
	sort()
	length := greatest(d)
	close := false // the last trial was close to an end
	for trials < maxTrials && math.Abs(ends[1].t-ends[0].t)*length >= searchTolerance {
		left, right := min(ends[0].t, ends[1].t), max(ends[0].t, ends[1].t)
		t := interpolate(ends[0], ends[1], left, right)
		// At an end, or close to one for the second time in a row: away from it.
		margin := 0.1 * (right - left)
		near := min(right-t, t-left) < margin
		if near && (close || t >= right || t <= left) {
			if math.Abs(t-right) < math.Abs(t-left) {
				t = right - margin
			} else {
				t = left + margin
			}
			near = false
		}
		close = near

		now := try(t)
		trials++
		if tooHigh(now) || now.value >= ends[low].value {
			ends[1-low] = now
			sort()
			continue
		}
		if flat(now) {
			return now, evaluations
		}
		if now.slope*(ends[1-low].t-ends[low].t) >= 0 {
			ends[1-low] = ends[low]
		}
		ends[low] = now
	}
	return ends[low], evaluations
}

// interpolate returns where the cubic through two points, with their slopes, is least
// between left and right, or the middle where it has no minimum.
func interpolate(a, b point, left, right float64) float64 {
	if a.t > b.t {
		a, b = b, a
	}
	d := a.slope + b.slope - 3*(a.value-b.value)/(a.t-b.t)
	square := d*d - a.slope*b.slope
	if !(square >= 0) {
		return (left + right) / 2
	}
	root := math.Sqrt(square)
	t := b.t - (b.t-a.t)*((b.slope+root-d)/(b.slope-a.slope+2*root))
	return min(max(t, left), right)
}

// greatest returns the greatest magnitude in x.
func greatest(x []float64) float64 { return addNorm(0, x, math.Inf(1)) }

// magnitudes returns the sum of the magnitudes in x.
func magnitudes(x []float64) float64 { return addNorm(0, x, 1) }

// addScaled adds alpha times x to dst.
func addScaled[T tensor.Float](dst []float64, x []T, alpha float64) {
	parallel.For(len(dst), grain, func(lo, hi int) {
		for i, v := range x[lo:hi] {
			dst[lo+i] += alpha * float64(v)
		}
	})
}

// dot returns the sum of the products of x and y. As in addNorm, blocks have a fixed
// size.
func dot[T tensor.Float](x []T, y []float64) float64 {
	blocks := make([]float64, (len(x)+grain-1)/grain)
	parallel.For(len(blocks), 1, func(lo, hi int) {
		for b := lo; b < hi; b++ {
			from, to := b*grain, min((b+1)*grain, len(x))
			x, y := x[from:to], y[from:to]
			var s0, s1, s2, s3 float64 // four, so that an addition need not wait for the last
			for len(x) >= 4 && len(y) >= 4 {
				s0 += float64(x[0]) * y[0]
				s1 += float64(x[1]) * y[1]
				s2 += float64(x[2]) * y[2]
				s3 += float64(x[3]) * y[3]
				x, y = x[4:], y[4:]
			}
			for i, v := range x {
				s0 += float64(v) * y[i]
			}
			blocks[b] = s0 + s1 + s2 + s3
		}
	})
	sum := 0.0
	for _, part := range blocks {
		sum += part
	}
	return sum
}
