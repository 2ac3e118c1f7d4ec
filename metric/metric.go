// Package metric measures classifiers, a batch at a time, and distributions.
//
// A metric takes batches of any size with Update and gives the figure over all samples
// so far, never a mean of batch means; Reset starts over. None may be updated from
// several goroutines at once.
//
// The class predicted for a sample is the one with the greatest score; of equal scores
// the first wins, and NaN counts as the greatest, as in PyTorch. So scores can be
// logits, log-probabilities or probabilities alike, but for LogLoss and Calibration,
// which are about the probabilities.
package metric

import (
	"encoding/json"
	"fmt"
	"math"

	"github.com/onehot-go/onehot/fault"
	"github.com/onehot-go/onehot/internal/shapes"
	"github.com/onehot-go/onehot/tensor"
)

// Accuracy is the fraction of samples whose class was predicted. The zero value is
// ready to use.
type Accuracy struct {
	correct, total int
}

// Update adds a batch: scores (N, C) of C classes, and labels (N), the true classes as
// Int64 from 0 to C-1. It panics with a *tensor.ShapeError, *tensor.DTypeError or
// *fault.LabelError if they are not that.
func (a *Accuracy) Update(scores, labels *tensor.Tensor) {
	predicted, actual := classes("metric.Accuracy", scores, labels)
	for i, p := range predicted {
		if p == actual[i] {
			a.correct++
		}
	}
	a.total += len(predicted)
}

// Add adds n samples of which so many were predicted right.
func (a *Accuracy) Add(correct, n int) {
	a.correct += correct
	a.total += n
}

// Result returns the accuracy over all samples so far, from 0 to 1, or NaN without any.
func (a *Accuracy) Result() float64 { return ratio(a.correct, a.total, math.NaN()) }

// Reset forgets all samples.
func (a *Accuracy) Reset() { *a = Accuracy{} }

// accuracyState is an Accuracy as JSON.
type accuracyState struct {
	Correct int `json:"correct"`
	Total   int `json:"total"`
}

// MarshalJSON returns all that a has counted.
func (a *Accuracy) MarshalJSON() ([]byte, error) {
	return json.Marshal(accuracyState{a.correct, a.total})
}

// UnmarshalJSON puts what MarshalJSON returned in the place of what a has counted.
func (a *Accuracy) UnmarshalJSON(text []byte) error {
	var s accuracyState
	if err := json.Unmarshal(text, &s); err != nil {
		return err
	}
	if s.Correct < 0 || s.Correct > s.Total {
		return fmt.Errorf("found %d samples right of %d", s.Correct, s.Total)
	}
	a.correct, a.total = s.Correct, s.Total
	return nil
}

// Mean is the mean over samples of a figure that is known as the mean of each batch,
// such as the loss. The zero value is ready to use.
type Mean struct {
	sum, total float64
}

// Update adds a batch of n samples whose mean is value. An empty batch adds nothing,
// whatever its value. A negative n panics with a
// *fault.OptionError.
func (m *Mean) Update(value float64, n int) {
	if n < 0 {
		fault.Option("metric.Mean", "a batch of %d samples", n)
	}
	if n == 0 {
		return // the mean of no sample is NaN, which would spoil the sum
	}
	m.Add(value, float64(n))
}

// Add adds a batch whose mean is value, over samples of so much weight together.
func (m *Mean) Add(value, weight float64) {
	m.sum += value * weight
	m.total += weight
}

// Result returns the mean over all samples so far, or NaN without any.
func (m *Mean) Result() float64 { return m.sum / m.total }

// Reset forgets all samples.
func (m *Mean) Reset() { *m = Mean{} }

// meanState is a Mean as JSON.
type meanState struct {
	Sum    float64 `json:"sum"`
	Weight float64 `json:"weight"`
}

// MarshalJSON returns all that m has summed up, to the bit. The error is of sums that are
// not finite.
func (m *Mean) MarshalJSON() ([]byte, error) { return json.Marshal(meanState{m.sum, m.total}) }

// UnmarshalJSON puts what MarshalJSON returned in the place of what m has summed up.
func (m *Mean) UnmarshalJSON(text []byte) error {
	var s meanState
	if err := json.Unmarshal(text, &s); err != nil {
		return err
	}
	m.sum, m.total = s.Sum, s.Weight
	return nil
}

// Confusion counts how often each class was taken for each. NewConfusion makes one.
type Confusion struct {
	counts [][]int // [true class][predicted class]
}

// ClassReport says how well one class is told from the rest. A fraction whose
// denominator is 0 is 0, as scikit-learn's zero_division=0 has it.
type ClassReport struct {
	Precision float64 // the fraction of the samples predicted as this class that are of it
	Recall    float64 // the fraction of the samples of this class that were predicted as it
	F1        float64 // the harmonic mean of precision and recall
	Support   int     // the number of samples of this class
}

// NewConfusion returns an empty confusion matrix for the given number of classes. It
// panics with a *fault.OptionError if that is less than 1.
func NewConfusion(classes int) *Confusion {
	if classes < 1 {
		fault.Option("metric.NewConfusion", "%d classes, at least 1 expected", classes)
	}
	c := &Confusion{counts: make([][]int, classes)}
	c.Reset()
	return c
}

// Update adds a batch: scores (N, C), where C is the number of classes, and labels (N),
// the true classes as Int64 from 0 to C-1. It panics with a *tensor.ShapeError,
// *tensor.DTypeError or *fault.LabelError if they are not that.
func (c *Confusion) Update(scores, labels *tensor.Tensor) {
	const op = "metric.Confusion"
	predicted, actual := classes(op, scores, labels)
	if scores.Size(1) != len(c.counts) {
		shapes.Fail(op, fmt.Sprintf("scores of %d classes expected", len(c.counts)), scores, labels)
	}
	for i, p := range predicted {
		c.counts[actual[i]][p]++
	}
}

// Counts returns a copy of the matrix: in row t and column p stands the number of
// samples of class t that were predicted as class p.
func (c *Confusion) Counts() [][]int {
	out := make([][]int, len(c.counts))
	for i, row := range c.counts {
		out[i] = append([]int(nil), row...)
	}
	return out
}

// Result returns a report for every class, in their order.
func (c *Confusion) Result() []ClassReport {
	out := make([]ClassReport, len(c.counts))
	for k := range out {
		hits, support, predicted := c.counts[k][k], 0, 0
		for j := range c.counts {
			support += c.counts[k][j]
			predicted += c.counts[j][k]
		}
		out[k] = ClassReport{
			Precision: ratio(hits, predicted, 0),
			Recall:    ratio(hits, support, 0),
			F1:        ratio(2*hits, predicted+support, 0),
			Support:   support,
		}
	}
	return out
}

// Accuracy returns the fraction of samples whose class was predicted, or NaN without
// any.
func (c *Confusion) Accuracy() float64 {
	correct, total := 0, 0
	for t, row := range c.counts {
		correct += row[t]
		for _, n := range row {
			total += n
		}
	}
	return ratio(correct, total, math.NaN())
}

// Reset sets all counts to 0.
func (c *Confusion) Reset() {
	for t := range c.counts {
		c.counts[t] = make([]int, len(c.counts))
	}
}

// ratio returns x / y, or otherwise where y is 0.
func ratio(x, y int, otherwise float64) float64 {
	if y == 0 {
		return otherwise
	}
	return float64(x) / float64(y)
}

// classes returns the predicted and the true class of every sample, after checking that
// scores (N, C) and labels (N) fit each other.
func classes(op string, scores, labels *tensor.Tensor) (predicted, actual []int64) {
	actual = trueClasses(op, scores, labels)
	if len(actual) == 0 {
		return nil, nil // and perhaps no class to predict
	}
	return tensor.Data[int64](scores.ArgMaxKeepDim(1)), actual
}

// trueClasses returns labels (N), after checking that they fit scores (N, C).
func trueClasses(op string, scores, labels *tensor.Tensor) []int64 {
	if scores.Dim() != 2 || labels.Dim() != 1 || scores.Size(0) != labels.Size(0) {
		shapes.Fail(op, "scores (N, C) and labels (N) expected", scores, labels)
	}
	if labels.DType() != tensor.Int64 {
		panic(&tensor.DTypeError{Op: op, Shapes: [][]int{scores.Shape(), labels.Shape()}, Got: labels.DType(), Want: "int64 labels"})
	}
	actual, n := tensor.Data[int64](labels.Contiguous()), scores.Size(1)
	for i, c := range actual {
		if c < 0 || c >= int64(n) {
			fault.Label(op, c, i, labels.Shape(), n, "")
		}
	}
	return actual
}
