// Package calibrate makes the probabilities of a model ones that can be taken at their word. A calibration is fitted to what the
// model says of samples that it was not trained on, and folded into its last layer: whoever uses the model
// needs to know nothing of it.
package calibrate

import (
	"fmt"
	"math"
	"slices"

	"github.com/onehot-go/onehot/metric"
	"github.com/onehot-go/onehot/model"
	"github.com/onehot-go/onehot/nn"
	"github.com/onehot-go/onehot/tensor"
)

// The methods of calibration.
const (
	// Temperature divides all logits by one number (Guo et al., "On Calibration of Modern Neural Networks", 2017). What a
	// sample is taken for stays. It is scikit-learn's method "temperature".
	Temperature = "temperature"
	// Platt makes of a logit z of two classes, that of the second minus that of the first, or of a label, a·z + b (Platt,
	// "Probabilistic Outputs for Support Vector Machines", 1999). It is scikit-learn's method "sigmoid" with one
	// classifier.
	Platt = "platt"
)

// Methods has all methods.
var Methods = []string{Temperature, Platt}

// The bounds of a temperature. It stays 1 where no number is the best, since all samples are right with any.
const (
	minTemperature = 0.01
	maxTemperature = 100
)

// Fit fits a calibration to logits (N, C) of Float32 or Float64, and targets: classes (N) of Int64, or, for several labels, (N, C) of
// floats, 1 where a sample has the label. It minimises the mean negative log-likelihood, and is finite for samples that
// are told apart without a mistake too. The error says that the method is unknown, or is not for so many classes, or that
// there is no sample, or a logit that is not finite. Fit panics with a *tensor.ShapeError, *tensor.DTypeError or
// *fault.LabelError if logits and targets do not fit each other.
func Fit(method string, logits, targets *tensor.Tensor) (*model.Calibration, error) {
	s := newSamples(logits, targets)
	if s.n == 0 {
		return nil, fmt.Errorf("calibration: found no sample, one at least expected")
	}
	if i := slices.IndexFunc(s.logits, func(v float64) bool { return v-v != 0 }); i >= 0 {
		return nil, fmt.Errorf("calibration: found the logit %v of sample %d, a finite number expected", s.logits[i], i/s.classes)
	}
	c := &model.Calibration{Method: method, Samples: s.n}
	switch {
	case method == Temperature:
		c.Temperature = s.temperature()
	case method != Platt:
		return nil, fmt.Errorf("calibration: found the method %q, temperature or platt expected", method)
	case s.truth != nil:
		for k := range s.classes {
			scores, positive := make([]float64, s.n), make([]bool, s.n)
			for i := range s.n {
				scores[i], positive[i] = s.logits[i*s.classes+k], s.truth[i*s.classes+k] >= 0.5
			}
			a, b := sigmoid(scores, positive)
			c.A, c.B = append(c.A, a), append(c.B, b)
		}
	case s.classes == 2:
		scores, positive := make([]float64, s.n), make([]bool, s.n)
		for i := range s.n {
			scores[i], positive[i] = s.logits[2*i+1]-s.logits[2*i], s.labels[i] == 1
		}
		a, b := sigmoid(scores, positive)
		c.A, c.B = []float64{a}, []float64{b}
	default:
		return nil, severalClasses(s.classes)
	}
	c.Before = s.measure()
	s.apply(c)
	c.After = s.measure()
	return c, nil
}

// samples are what a calibration is fitted to.
type samples struct {
	n, classes int
	logits     []float64 // (n, classes)
	labels     []int64   // (n), or nil for several labels
	truth      []float64 // (n, classes), of several labels
}

func newSamples(logits, targets *tensor.Tensor) *samples {
	const op = "calibrate.Fit"
	if logits.Dim() != 2 {
		panic(&tensor.ShapeError{Op: op, Shapes: [][]int{logits.Shape(), targets.Shape()}, Detail: "logits (N, C) expected"})
	}
	s := &samples{n: logits.Size(0), classes: logits.Size(1), logits: tensor.Values[float64](logits)}
	if targets.DType() == tensor.Int64 {
		new(metric.LogLoss).Update(logits, targets) // which checks them
		s.labels = tensor.Values[int64](targets)
		return s
	}
	metric.NewMultiLabel(s.classes, 0).Update(logits, targets)
	s.truth = tensor.Values[float64](targets)
	return s
}

// slope returns the derivative of the sum of the negative log-likelihoods by what logits are multiplied with, and the
// derivative of that.
func (s *samples) slope(by float64) (first, second float64) {
	if s.truth != nil {
		for i, z := range s.logits {
			p := logistic(by * z)
			first += (p - s.truth[i]) * z
			second += p * (1 - p) * z * z
		}
		return first, second
	}
	for i, label := range s.labels {
		row := s.logits[i*s.classes:][:s.classes]
		most := slices.Max(row)
		sum, mean, square := 0.0, 0.0, 0.0
		for _, z := range row {
			d := z - most
			e := math.Exp(by * d)
			sum, mean, square = sum+e, mean+e*d, square+e*d*d
		}
		mean, square = mean/sum, square/sum
		first += mean - (row[label] - most)
		second += square - mean*mean
	}
	return first, second
}

// temperature returns the best one. The likelihood is concave in its inverse, so that the derivative has one zero: Newton's
// steps find it, by halves where they would leave the interval that has it.
func (s *samples) temperature() float64 {
	low, high := 1.0/maxTemperature, 1.0/minTemperature
	if first, _ := s.slope(high); first <= 0 {
		if s.separable() {
			return 1
		}
		return 1 / high
	}
	if first, _ := s.slope(low); first >= 0 {
		return 1 / low
	}
	by := 1.0
	for range 200 {
		first, second := s.slope(by)
		if first > 0 {
			high = by
		} else {
			low = by
		}
		next := by - first/second
		if !(next > low && next < high) {
			next = math.Sqrt(low * high)
		}
		if math.Abs(next-by) <= 1e-12*by {
			break
		}
		by = next
	}
	return 1 / by
}

// separable reports whether no sample is wrong, so that every logit says what is true the more the greater it
// gets.
func (s *samples) separable() bool {
	if s.truth != nil {
		for i, z := range s.logits {
			if (s.truth[i] >= 0.5) != (z > 0) {
				return false
			}
		}
		return true
	}
	for i, label := range s.labels {
		row := s.logits[i*s.classes:][:s.classes]
		if row[label] < slices.Max(row) {
			return false
		}
	}
	return true
}

// sigmoid returns a and b, with which logistic(a·score + b) is most likely the probability that a sample is positive. Targets
// are not 0 and 1, but as Platt has them a little less sure, so that there is a best a for scores that tell samples
// apart without a mistake. It minimises as Lin, Lin and Weng do ("A note on Platt's probabilistic outputs for
// support vector machines", 2007): by Newton's steps, each shortened until it is one down.
func sigmoid(scores []float64, positive []bool) (a, b float64) {
	hits := 0.0
	for _, p := range positive {
		if p {
			hits++
		}
	}
	others := float64(len(positive)) - hits
	high, low := (hits+1)/(hits+2), 1/(others+2)
	target := func(i int) float64 {
		if positive[i] {
			return high
		}
		return low
	}
	scale := 0.0 // of the scores, so that they may have any
	for _, v := range scores {
		scale = math.Max(scale, math.Abs(v))
	}
	if scale == 0 {
		scale = 1
	}
	loss := func(a, b float64) (sum float64) {
		for i, v := range scores {
			z := a*(v/scale) + b
			sum += math.Max(z, 0) - target(i)*z + math.Log1p(math.Exp(-math.Abs(z)))
		}
		return sum
	}
	b = math.Log((hits + 1) / (others + 1))
	now := loss(a, b)
	for range 100 {
		var ga, gb float64
		aa, ab, bb := 1e-12, 0.0, 1e-12 // never singular
		for i, v := range scores {
			v /= scale
			p := logistic(a*v + b)
			d, w := p-target(i), p*(1-p)
			ga, gb = ga+d*v, gb+d
			aa, ab, bb = aa+w*v*v, ab+w*v, bb+w
		}
		if math.Max(math.Abs(ga), math.Abs(gb)) < 1e-10*float64(len(scores)) {
			break
		}
		det := aa*bb - ab*ab
		da, db := -(bb*ga-ab*gb)/det, -(aa*gb-ab*ga)/det
		step := 1.0
		for ; step > 1e-10; step /= 2 {
			if next := loss(a+step*da, b+step*db); next < now+1e-4*step*(ga*da+gb*db) {
				a, b, now = a+step*da, b+step*db, next
				break
			}
		}
		if step <= 1e-10 { // down to rounding
			break
		}
	}
	return a / scale, b
}

// logistic returns 1/(1 + exp(-z)).
func logistic(z float64) float64 {
	if z < 0 {
		e := math.Exp(z)
		return e / (1 + e)
	}
	return 1 / (1 + math.Exp(-z))
}

// apply does to the logits what a calibration says.
func (s *samples) apply(c *model.Calibration) {
	for i := range s.logits {
		scale, shift := rule(c, i%s.classes, s.classes)
		s.logits[i] = s.logits[i]*scale + shift
	}
}

// rule returns what a calibration multiplies logit k of so many with, and adds.
func rule(c *model.Calibration, k, logits int) (scale, shift float64) {
	switch {
	case c.Method == Temperature:
		return 1 / c.Temperature, 0
	case len(c.A) == logits: // labels
		return c.A[k], c.B[k]
	}
	return c.A[0], c.B[0] * (float64(k) - 0.5) // half of b to each of two classes
}

// measure returns how well the logits say what is true.
func (s *samples) measure() model.CalibrationFigures {
	e := metric.Calibration{}
	if s.truth == nil {
		logits, labels := tensor.New(s.logits, s.n, s.classes), tensor.New(s.labels, s.n)
		l := metric.LogLoss{}
		l.Update(logits, labels)
		e.Update(logits, labels)
		return model.CalibrationFigures{Loss: l.Result(), Error: e.Result()}
	}
	// Every label of every sample is told from its absence.
	sum, two, has := 0.0, make([]float64, 0, 2*len(s.logits)), make([]int64, len(s.logits))
	for i, z := range s.logits {
		sum += math.Max(z, 0) - s.truth[i]*z + math.Log1p(math.Exp(-math.Abs(z)))
		two = append(two, 0, z)
		if s.truth[i] >= 0.5 {
			has[i] = 1
		}
	}
	e.Update(tensor.New(two, len(has), 2), tensor.New(has, len(has)))
	return model.CalibrationFigures{Loss: sum / float64(len(has)), Error: e.Result()}
}

// Check returns what keeps a model from being calibrated by a method: that there is no such method, or that it is for two classes or
// several labels; that the model is calibrated already; that its last layer is not linear, or lacks a bias that is
// needed.
func Check(method string, m *model.Model) error {
	_, err := check(method, m)
	return err
}

// check is Check, and returns the last layer.
func check(method string, m *model.Model) (*nn.Linear, error) {
	if !slices.Contains(Methods, method) {
		return nil, fmt.Errorf("calibration: found the method %q, temperature or platt expected", method)
	}
	if n := len(m.Classes); method == Platt && n != 2 && !m.SeveralLabels() {
		return nil, severalClasses(n)
	}
	if m.Calibration != nil {
		return nil, fmt.Errorf("calibration: the model is calibrated already, by %s", m.Calibration.Method)
	}
	last, err := lastLinear(m.Net)
	if err != nil {
		return nil, err
	}
	if n := last.Weight.Size(0); n != len(m.Classes) {
		return nil, fmt.Errorf("calibration: the last layer has %d outputs, %d expected, one a class", n, len(m.Classes))
	}
	if last.Bias == nil && method == Platt {
		return nil, fmt.Errorf("calibration: the last layer has no bias, which platt changes; temperature needs none")
	}
	return last, nil
}

func severalClasses(n int) error {
	return fmt.Errorf("calibration: platt is for two classes, or several labels: found %d classes, for which there is temperature", n)
}

// Apply folds a calibration into the last layer of m, and notes it in m's definition. The error is Check's, or says that a weight
// would leave what 32 bits hold; m then stays as it was.
func Apply(m *model.Model, c *model.Calibration) error {
	last, err := check(c.Method, m)
	if err != nil {
		return err
	}
	weights, in := tensor.Values[float64](last.Weight), last.Weight.Size(1)
	var biases []float64
	if last.Bias != nil {
		biases = tensor.Values[float64](last.Bias)
	}
	for i := range weights {
		scale, _ := rule(c, i/in, len(m.Classes))
		weights[i] *= scale
	}
	for k := range biases {
		scale, shift := rule(c, k, len(m.Classes))
		biases[k] = biases[k]*scale + shift
	}
	for _, v := range slices.Concat(weights, biases) {
		if !(math.Abs(v) <= math.MaxFloat32) {
			return fmt.Errorf("calibration: the last layer would have the weight %g, which is too large", v)
		}
	}
	fill := func(t *tensor.Tensor, values []float64) {
		data := tensor.Data[float32](t)
		for i, v := range values {
			data[i] = float32(v)
		}
	}
	fill(last.Weight, weights)
	if biases != nil {
		fill(last.Bias, biases)
	}
	m.Calibration = c
	return nil
}

// lastLinear returns the last layer of a net, or of the net that is its last layer.
func lastLinear(net nn.Module) (*nn.Linear, error) {
	for {
		switch l := net.(type) {
		case *nn.Linear:
			return l, nil
		case *nn.Sequential:
			var last nn.Module
			for _, last = range l.Layers() {
			}
			if net = last; net != nil {
				continue
			}
		}
		return nil, fmt.Errorf("calibration: the net ends in a %T, a linear layer expected", net)
	}
}
