package metric

import (
	"cmp"
	"encoding/json"
	"fmt"
	"math"
	"slices"

	"github.com/onehot-go/onehot/fault"
	"github.com/onehot-go/onehot/tensor"
)

// MultiLabel counts how often each of several labels, any number of which a sample may
// have, was found and missed. A label is predicted where its score is above a threshold.
// NewMultiLabel makes one. Its JSON form has the counts alone.
type MultiLabel struct {
	threshold float64
	counts    []labelCount
}

// labelCount is the number of samples that have a label, that it was predicted of, and both.
type labelCount struct {
	Support   int `json:"support"`
	Predicted int `json:"predicted"`
	Hits      int `json:"hits"`
}

// NewMultiLabel returns a MultiLabel without samples. It panics with a *fault.OptionError
// if labels is below 1 or the threshold NaN.
func NewMultiLabel(labels int, threshold float64) *MultiLabel {
	if labels < 1 || math.IsNaN(threshold) {
		fault.Option("metric.NewMultiLabel", "%d labels, threshold %v: at least 1 and a number expected", labels, threshold)
	}
	return &MultiLabel{threshold, make([]labelCount, labels)}
}

// Update adds a batch: scores (N, C) of C labels, and targets (N, C) of floats, 1 where a
// sample has the label and 0 where not; from 0.5 on it has. It panics with a
// *tensor.ShapeError or *tensor.DTypeError if they are not that.
func (m *MultiLabel) Update(scores, targets *tensor.Tensor) {
	values, truth := multiLabel("metric.MultiLabel", len(m.counts), scores, targets)
	for i, v := range values {
		c := &m.counts[i%len(m.counts)]
		predicted, has := v > m.threshold, truth[i] >= 0.5
		if predicted {
			c.Predicted++
		}
		if has {
			c.Support++
		}
		if predicted && has {
			c.Hits++
		}
	}
}

// multiLabel returns the elements of scores (N, labels) and targets of that shape, after
// checking that they are.
func multiLabel(op string, labels int, scores, targets *tensor.Tensor) (values, truth []float64) {
	if scores.Dim() != 2 || scores.Size(1) != labels || !slices.Equal(scores.Shape(), targets.Shape()) {
		panic(&tensor.ShapeError{Op: op, Shapes: [][]int{scores.Shape(), targets.Shape()},
			Detail: fmt.Sprintf("scores and targets (N, %d) expected", labels)})
	}
	if !targets.DType().IsFloat() {
		panic(&tensor.DTypeError{Op: op, Shapes: [][]int{scores.Shape(), targets.Shape()}, Got: targets.DType(), Want: "float32 or float64 targets"})
	}
	return tensor.Values[float64](scores), tensor.Values[float64](targets)
}

// Result returns a report for every label, in their order.
func (m *MultiLabel) Result() []ClassReport {
	out := make([]ClassReport, len(m.counts))
	for k, c := range m.counts {
		out[k] = c.report()
	}
	return out
}

func (c labelCount) report() ClassReport {
	return ClassReport{
		Precision: ratio(c.Hits, c.Predicted, 0),
		Recall:    ratio(c.Hits, c.Support, 0),
		F1:        ratio(2*c.Hits, c.Predicted+c.Support, 0),
		Support:   c.Support,
	}
}

// Average returns the averages of precision, recall and F1 over all labels, and as Support
// how many labels all samples have together: with Micro those of all decisions counted
// together, otherwise means of the labels' figures, as scikit-learn has them. It panics with a
// *fault.OptionError if how is none of the three.
func (m *MultiLabel) Average(how Averaging) ClassReport {
	if how == Micro {
		var all labelCount
		for _, c := range m.counts {
			all.Support += c.Support
			all.Predicted += c.Predicted
			all.Hits += c.Hits
		}
		return all.report()
	}
	return average("metric.MultiLabel", m.Result(), how)
}

// Reset forgets all samples.
func (m *MultiLabel) Reset() { clear(m.counts) }

// MarshalJSON returns the counts.
func (m *MultiLabel) MarshalJSON() ([]byte, error) { return json.Marshal(m.counts) }

// UnmarshalJSON puts counts that MarshalJSON returned in the place of m's. The error says
// that they are not those of as many labels.
func (m *MultiLabel) UnmarshalJSON(text []byte) error {
	var counts []labelCount
	if err := json.Unmarshal(text, &counts); err != nil {
		return err
	}
	if len(counts) != len(m.counts) {
		return fmt.Errorf("found counts of %d labels, %d expected", len(counts), len(m.counts))
	}
	for k, c := range counts {
		if c.Hits < 0 || c.Hits > min(c.Support, c.Predicted) {
			return fmt.Errorf("label %d: found %d hits of %d with the label and %d predicted", k, c.Hits, c.Support, c.Predicted)
		}
	}
	m.counts = counts
	return nil
}

// AveragePrecision is how well scores rank the samples that have a label before those that
// have not, for each of several labels: the mean of the precisions at the ranks of those
// that have it, samples of equal score counting as one rank. It is scikit-learn's
// average_precision_score, and 0 for a label that no sample has. NewAveragePrecision makes
// one. It keeps every score: 16 bytes a sample and label.
type AveragePrecision struct {
	labels [][]scored
}

// scored is a sample's score of a label.
type scored struct {
	score float64
	has   bool
}

// NewAveragePrecision returns an AveragePrecision without samples. It panics with a
// *fault.OptionError if labels is below 1.
func NewAveragePrecision(labels int) *AveragePrecision {
	if labels < 1 {
		fault.Option("metric.NewAveragePrecision", "%d labels: at least 1 expected", labels)
	}
	return &AveragePrecision{make([][]scored, labels)}
}

// Update adds a batch: scores (N, C) of C labels, of which only the order counts and NaN is
// the greatest, and targets (N, C) of floats, 1 where a sample has the label and 0 where not;
// from 0.5 on it has. It panics with a *tensor.ShapeError or *tensor.DTypeError if they
// are not that.
func (a *AveragePrecision) Update(scores, targets *tensor.Tensor) {
	values, truth := multiLabel("metric.AveragePrecision", len(a.labels), scores, targets)
	for i, v := range values {
		k := i % len(a.labels)
		a.labels[k] = append(a.labels[k], scored{v, truth[i] >= 0.5})
	}
}

// Result returns the average precision of every label, in their order.
func (a *AveragePrecision) Result() []float64 {
	out := make([]float64, len(a.labels))
	for k, samples := range a.labels {
		slices.SortFunc(samples, func(x, y scored) int { return descending(x.score, y.score) })
		seen, hits, before := 0, 0, 0
		for i, s := range samples {
			seen++
			if s.has {
				hits++
			}
			if i+1 < len(samples) && descending(s.score, samples[i+1].score) == 0 {
				continue
			}
			out[k] += float64(hits-before) * float64(hits) / float64(seen)
			before = hits
		}
		if hits > 0 {
			out[k] /= float64(hits)
		}
	}
	return out
}

// descending compares scores for an order from the greatest, NaN, to the least.
func descending(x, y float64) int {
	if math.IsNaN(x) || math.IsNaN(y) {
		return cmp.Compare(x, y) // there NaN is the least
	}
	return cmp.Compare(y, x)
}

// Mean returns the mean of the labels' average precisions.
func (a *AveragePrecision) Mean() float64 {
	sum := 0.0
	for _, v := range a.Result() {
		sum += v
	}
	return sum / float64(len(a.labels))
}

// Reset forgets all samples.
func (a *AveragePrecision) Reset() { clear(a.labels) }
