package classify

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/onehot-go/onehot/optim"
	"github.com/onehot-go/onehot/tensor"
)

// Fitted is what a fit found. Two classes have one vector of coefficients, which speaks for the second, and
// three or more have one each.
type Fitted struct {
	// Mean and Deviation are those of the columns, which the coefficients are for after a column is brought to mean 0 and
	// deviation 1: StandardScaler's mean_ and scale_. They are nil of a fit to raw numbers.
	Mean, Deviation []float64
	Coefficients    [][]float64 // scikit-learn's coef_
	Intercepts      []float64   // and its intercept_

	// Objective is the least that was found: C times the sum of the losses, and the penalty; of no penalty the sum
	// of the losses.
	Objective  float64
	Iterations int  // of L-BFGS
	Converged  bool // whether the gradient is as small as Options.Tolerance
	// Separable says that a direction of the coefficients tells rows of some classes from all others, of a fit
	// without a penalty: the further along it the better, without an end. Those that are here are finite, and
	// how far they went is arbitrary.
	Separable bool

	classes   int
	certainty *certainty // of a fit without a penalty that converged, unless it is too large
}

// fitter is a fit at work: parameters that L-BFGS moves, and their gradients.
type fitter struct {
	*objective
	weight, bias *tensor.Tensor
	scale        float64      // of the objective and its gradients that L-BFGS sees
	last         *optim.LBFGS // of the last descent; nil before the first
	// What the parameters were when float32 gave way to float64.
	roughWeight, roughBias []float64

	// What the last evaluation found, how, and where.
	value            float64
	by               precision
	atWeight, atBias []float64
	correction       []float64 // of gradients of float32, of weights and then of biases: what float64 had beside one of them
}

// precision is how the objective is evaluated.
type precision int

const (
	none      precision = iota // not yet
	quick                      // in float32
	corrected                  // in float32, and the gradient is corrected
	exact                      // in float64
)

// newFitter returns a fitter that is at zero.
func newFitter(o *objective) *fitter {
	f := &fitter{objective: o, weight: tensor.Zeros(tensor.Float64, o.vectors, o.columns).SetRequiresGrad(true),
		bias: tensor.Zeros(tensor.Float64, o.vectors).SetRequiresGrad(true)}
	f.weight.Sum().Add(f.bias.Sum()).Backward() // makes the gradients, which are overwritten
	return f
}

// evaluate returns the objective at the parameters, scaled, and sets their gradients. It costs nothing if it was last
// evaluated so.
func (f *fitter) evaluate(by precision) float64 {
	w, b := tensor.Data[float64](f.weight.Detach()), tensor.Data[float64](f.bias.Detach())
	if f.by == by && slices.Equal(w, f.atWeight) && slices.Equal(b, f.atBias) {
		return f.value
	}
	f.by, f.atWeight, f.atBias = by, append(f.atWeight[:0], w...), append(f.atBias[:0], b...)
	weightGrad, biasGrad := f.gradients()
	f.value = f.scale * f.objective.evaluate(by == exact, w, b, weightGrad, biasGrad)
	for i := range weightGrad {
		weightGrad[i] *= f.scale
	}
	for i := range biasGrad {
		biasGrad[i] *= f.scale
	}
	if by == corrected {
		for i, v := range f.correction {
			if i < len(weightGrad) {
				weightGrad[i] += v
			} else {
				biasGrad[i-len(weightGrad)] += v
			}
		}
	}
	return f.value
}

// gradients returns those of weights and biases that evaluate left.
func (f *fitter) gradients() (weight, bias []float64) {
	return tensor.DataInPlace[float64](f.weight.Grad()), tensor.DataInPlace[float64](f.bias.Grad())
}

// unit is the weight of all rows together that L-BFGS sees: it takes what curves by less than 1e-10 along a step for rounding.
const unit = 1e6

// history is how many steps L-BFGS remembers.
const history = 20

// roughly is the gradient of the mean loss down to which a search goes by values of float32: less is near to what those round. They
// also give way where so many iterations lowered the objective by no more than a share of it.
const (
	roughly = 1e-5
	enough  = 10
	least   = 1e-7
)

// Gradients of float32 are corrected so often at most, and followed for so many iterations, down to what rounding leaves.
const (
	corrections = 4
	followed    = 30
	faintly     = 2e-8
)

// minimise moves the parameters to where the objective with L1 of the given strength is least, and returns how many iterations
// that took. It goes by float32 first, as far as its values tell what is lower, and follows the gradient from there without a
// search. Float64 judges the end. Where the gradient of float32 is wrong it is corrected and followed further, and what that does not
// reach is left to a search by float64.
func (f *fitter) minimise(l1 float64, o Options) (iterations int, converged bool) {
	f.scale, f.by = unit/f.total, none // the last evaluation was of another objective
	l1 *= f.scale
	tolerance := unit * o.Tolerance
	iterations = f.descend(quick, true, l1, max(tolerance, unit*roughly), o.Iterations)
	f.evaluate(quick)
	if slope := f.slope(l1); o.Tolerance >= roughly {
		return iterations, slope <= tolerance
	}
	f.roughWeight, f.roughBias = slices.Clone(f.atWeight), slices.Clone(f.atBias)
	faint := max(tolerance/2, unit*faintly)
	if l1 == 0 {
		iterations += f.follow(quick, quick, faint, o.Iterations-iterations)
	}
	for range corrections {
		weightGrad, biasGrad := f.gradients()
		f.correction = slices.Concat(weightGrad, biasGrad)
		f.evaluate(exact)
		before := f.slope(l1)
		if l1 > 0 || !(before > tolerance) {
			break
		}
		for i, v := range slices.Concat(weightGrad, biasGrad) {
			f.correction[i] = v - f.correction[i]
		}
		iterations += f.follow(corrected, exact, faint, o.Iterations-iterations)
		if after := f.slope(l1); after <= tolerance || after > before/2 {
			break
		}
		f.evaluate(quick)
	}
	iterations += f.descend(exact, true, l1, tolerance, o.Iterations-iterations)
	f.evaluate(exact)
	if l1 == 0 && f.slope(l1) > tolerance { // what is lower is less than float64 tells
		iterations += f.follow(exact, exact, tolerance, o.Iterations-iterations)
	}
	return iterations, f.slope(l1) <= tolerance
}

// follow follows gradients without a search, and stays where it is if they become larger as the judge evaluates them, which is the last
// evaluation. It returns how many iterations that took. Steps near the minimum are too short to learn from.
func (f *fitter) follow(by, judge precision, tolerance float64, most int) (iterations int) {
	f.evaluate(judge)
	before, learnt := f.slope(0), f.last
	weight, bias := f.weight.Detach().Clone(), f.bias.Detach().Clone()
	iterations = f.descend(by, false, 0, tolerance, min(followed, most))
	f.last = learnt
	f.evaluate(judge)
	if !(f.slope(0) <= before) {
		f.weight.CopyInPlace(weight)
		f.bias.CopyInPlace(bias)
		f.evaluate(judge)
	}
	return iterations
}

// descend makes up to so many iterations of L-BFGS, until no element of the gradient, as it is evaluated, is larger than tolerance,
// and returns how many. It searches along every direction, or goes all the way. What was learnt of the curvature in the descent
// before, of another strength perhaps, it begins with.
func (f *fitter) descend(by precision, search bool, l1, tolerance float64, most int) (iterations int) {
	options := optim.LBFGSOptions{MaxIter: new(1), ToleranceGrad: new(0.0), ToleranceChange: new(0.0), HistorySize: new(history), StrongWolfe: search}
	if l1 > 0 {
		options.L1 = []float64{l1, 0}
	}
	step := optim.NewLBFGS([]*tensor.Tensor{f.weight, f.bias}, 1, options)
	state := step.State()
	if f.last != nil {
		for name, t := range f.last.State() {
			state[name].CopyInPlace(t)
		}
	}
	state["step"].FillInPlace(0) // the gradient is another one, and its change says nothing
	f.last = step
	before := math.Inf(1) // the objective some iterations ago
	f.evaluate(by)
	start := f.slope(l1)
	for ; ; iterations++ {
		value := f.evaluate(by)
		slope := f.slope(l1)
		if !(slope > tolerance) || iterations >= most || !search && slope > 10*start {
			return iterations
		}
		if by == quick && iterations%enough == 0 {
			for _, w := range f.atWeight {
				value += l1 * math.Abs(w)
			}
			if before-value <= least*math.Abs(value) {
				return iterations
			}
			before = value
		}
		weight, bias := slices.Clone(f.atWeight), slices.Clone(f.atBias)
		step.Step(func() float64 { return f.evaluate(by) })
		if slices.Equal(weight, tensor.Data[float64](f.weight.Detach())) && slices.Equal(bias, tensor.Data[float64](f.bias.Detach())) {
			return iterations // rounding is all that is left
		}
	}
}

// slope returns the greatest element of the gradient that evaluate left, of the objective with L1.
func (f *fitter) slope(l1 float64) float64 {
	most := 0.0
	for _, g := range tensor.Values[float64](f.bias.Grad()) {
		most = max(most, math.Abs(g))
	}
	w := tensor.Values[float64](f.weight)
	for i, g := range tensor.Values[float64](f.weight.Grad()) {
		if w[i] == 0 {
			g = max(math.Abs(g)-l1, 0)
		} else {
			g += math.Copysign(l1, w[i])
		}
		most = max(most, math.Abs(g))
	}
	return most
}

// separable reports whether the parameters tell all classes apart, or what L-BFGS still did at the end, in float64, tells rows of
// some classes from all others.
func (f *fitter) separable() bool {
	w, b := tensor.Values[float64](f.weight), tensor.Values[float64](f.bias)
	if f.separates(w, b, 0) {
		return true
	}
	for i, v := range f.roughWeight {
		w[i] -= v
	}
	for i, v := range f.roughBias {
		b[i] -= v
	}
	return f.separates(w, b, aside)
}

// aside is what rows may lose by the last steps of L-BFGS, as a share of the most that one gains, when they go along a direction that
// tells classes apart: they do not go along it alone.
const aside = 0.01

// separates reports whether coefficients and intercepts say at least as much for every row's own class as for any other, but for
// a share of the most that they say for one.
func (o *objective) separates(coefficients, intercepts []float64, share float64) bool {
	row, logits := make([]float64, o.columns), make([]float64, o.classes)
	least, most := 0.0, 0.0
	for i, label := range o.labels {
		if o.weights != nil && o.weights[i] == 0 {
			continue
		}
		o.read(row, i)
		o.apply(row)
		first := o.classes - o.vectors
		for k, b := range intercepts {
			z := b
			for j, w := range coefficients[k*o.columns:][:o.columns] {
				z += w * row[j]
			}
			logits[first+k] = z
		}
		for k, z := range logits {
			if int64(k) != label {
				least, most = min(least, logits[label]-z), max(most, logits[label]-z)
			}
		}
	}
	return most > 1 && least >= -share*most
}

// outOfBounds returns the error of a fit whose objective became value, or its gradient no number.
func (f *fitter) outOfBounds(value float64, o Options) error {
	row := make([]float64, f.columns)
	column, most := 0, 0.0
	for i := range f.rows {
		f.read(row, i)
		f.apply(row)
		for j, v := range row {
			if math.Abs(v) > most {
				column, most = j, math.Abs(v)
			}
		}
	}
	return fmt.Errorf("the objective became %v: found C of %v and numbers up to %v in column %d, less extreme ones expected", value, o.C, most, column)
}

// fitRows is Fit for classes by number.
func fitRows(op string, t table, labels []int64, classes int, o Options) (*Fitted, error) {
	all, err := fitPath(op, t, labels, classes, []float64{cmp.Or(o.C, 1)}, o)
	if err != nil {
		return nil, err
	}
	return all[0], nil
}

// fitPath is FitPath for any rows.
func fitPath(op string, t table, labels []int64, classes int, strengths []float64, o Options) ([]*Fitted, error) {
	o.C = strengths[0]
	o = o.complete(op)
	// Without a penalty the minimum is the same for standardised numbers, and the way there is shorter.
	undo := o.Raw && math.IsInf(o.C, 1)
	f, err := prepare(op, t, labels, classes, o.Raw && !undo, o)
	if err != nil {
		return nil, err
	}
	all := make([]*Fitted, len(strengths))
	for i, c := range strengths {
		o.C = c
		if all[i], err = f.fit(o); err != nil {
			return nil, err
		}
		if undo {
			*all[i] = all[i].Undo()
		}
	}
	return all, nil
}

// prepare returns a fitter of rows, which are standardised unless they are to stay raw. The error says what is wrong with rows or weights.
func prepare(op string, t table, labels []int64, classes int, raw bool, o Options) (*fitter, error) {
	if t.columns == 0 {
		return nil, errors.New("row 0: found 0 numbers, at least 1 expected")
	}
	weights, err := o.weigh(op, labels, classes)
	if err != nil {
		return nil, err
	}
	if err := checkClasses(labels, weights, classes); err != nil {
		return nil, err
	}
	s, err := newScaling(t, o.weight, raw)
	if err != nil {
		return nil, err
	}
	return newFitter(newObjective(t, s, labels, weights, classes, o.Comm)), nil
}

// Rehearse evaluates what FitTensor makes small, at zero, as a fit does many times, and returns how long this rank of o.Comm took for its share of
// the rows, and how long it took until all ranks had the sum. The errors and panics are FitTensor's.
func Rehearse(x, y *tensor.Tensor, classes []string, o Options) (own, all time.Duration, err error) {
	const op = "classify.Rehearse"
	m, labels := fromTensors(op, x, y, len(classes))
	f, err := prepare(op, m, labels, len(classes), true, o.complete(op))
	if err != nil {
		return 0, 0, err
	}
	f.scale = unit / f.total
	for range 2 { // memory is new in the first
		f.by = none
		start := time.Now()
		f.evaluate(quick)
		own, all = f.spent, time.Since(start)
	}
	return own, all, f.err
}

// fit returns what is fitted from where the parameters are.
func (f *fitter) fit(o Options) (*Fitted, error) {
	f.l2 = (1 - o.L1Ratio) / o.C
	l1 := o.L1Ratio / o.C
	out := &Fitted{Mean: f.mean, Deviation: f.deviation, classes: f.classes}
	out.Iterations, out.Converged = f.minimise(l1, o)
	value := f.evaluate(exact) / f.scale
	if f.err != nil {
		return nil, f.err
	}
	if slope := f.slope(l1); value-value != 0 || slope-slope != 0 {
		return nil, f.outOfBounds(value, o)
	}
	w := tensor.Values[float64](f.weight)
	for k := range f.vectors {
		out.Coefficients = append(out.Coefficients, w[k*f.columns:][:f.columns])
	}
	out.Intercepts = tensor.Values[float64](f.bias)
	if math.IsInf(o.C, 1) {
		out.Separable = f.separable()
		out.Converged = out.Converged && !out.Separable
		if out.Converged {
			out.certainty = f.certainty(out)
		}
		out.Objective = value
		return out, nil
	}
	for _, v := range w {
		value += l1 * math.Abs(v)
	}
	out.Objective = value * o.C
	return out, nil
}

// checkClasses returns an error unless rows that count have two classes or more.
func checkClasses(labels []int64, weights []float64, classes int) error {
	if len(labels) == 0 {
		return errors.New("found no rows, at least 1 expected")
	}
	there := make([]bool, classes)
	found := 0
	for i, label := range labels {
		if !there[label] && (weights == nil || weights[i] > 0) {
			there[label] = true
			found++
		}
	}
	if found < 2 {
		return fmt.Errorf("found rows of %d class, 2 or more expected", found)
	}
	return nil
}

// logits writes those of a row to dst, one a class, of which the first of two classes has 0.
func (f *Fitted) logits(dst, row []float64) {
	first := f.classes - len(f.Coefficients)
	clear(dst[:first])
	copy(dst[first:], f.Intercepts)
	var block [64]float64 // of standardised numbers
	for at := 0; at < len(row); at += len(block) {
		n := min(len(block), len(row)-at)
		x := block[:n]
		copy(x, row[at:])
		if f.Mean != nil {
			scaling{f.Mean[at:][:n], f.Deviation[at:][:n]}.apply(x)
		}
		for k, w := range f.Coefficients {
			dst[first+k] += dot(x, w[at:][:n])
		}
	}
}

// dot returns the sum of the products of a and b, which are as long as each other.
func dot(a, b []float64) float64 {
	var s0, s1, s2, s3 float64 // four, so that an addition need not wait for the last
	for len(a) >= 4 && len(b) >= 4 {
		s0 += a[0] * b[0]
		s1 += a[1] * b[1]
		s2 += a[2] * b[2]
		s3 += a[3] * b[3]
		a, b = a[4:], b[4:]
	}
	for i, v := range a {
		s0 += v * b[i]
	}
	return s0 + s1 + s2 + s3
}

// Probabilities writes the probabilities of the classes of a row to dst, which has one number a class, and returns
// the number of the likeliest class. It takes no memory. The numbers of the row are finite. It panics with a
// *fault.OptionError if row or dst have another length.
func (f *Fitted) Probabilities(dst, row []float64) (likeliest int) {
	f.check("classify.Probabilities", len(row), len(dst))
	f.logits(dst, row)
	peak := slices.Max(dst)
	sum := 0.0
	likeliest = max(0, slices.Index(dst, peak))
	for k, z := range dst {
		dst[k] = math.Exp(z - peak)
		sum += dst[k]
	}
	for k := range dst {
		dst[k] /= sum
	}
	return likeliest
}

// vectors returns every vector of coefficients with its intercept before it.
func (f *Fitted) vectors() (all [][]float64) {
	for k, row := range f.Coefficients {
		all = append(all, append([]float64{f.Intercepts[k]}, row...))
	}
	return all
}

// Undo returns the same for raw numbers: standardisation is part of its coefficients and intercepts, and it says the same of
// every row.
func (f *Fitted) Undo() Fitted {
	out := *f
	if f.Mean != nil && f.certainty != nil {
		c := *f.certainty
		c.undone = true
		out.certainty = &c
	}
	out.Mean, out.Deviation, out.Coefficients, out.Intercepts = nil, nil, nil, nil
	for _, v := range f.vectors() {
		v = scaling{f.Mean, f.Deviation}.undo(v)
		out.Coefficients, out.Intercepts = append(out.Coefficients, v[1:]), append(out.Intercepts, v[0])
	}
	return out
}
