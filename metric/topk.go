package metric

import (
	"math"

	"github.com/onehot-go/onehot/fault"
	"github.com/onehot-go/onehot/tensor"
)

// TopK is the fraction of samples whose class is among the K with the greatest scores.
// With K of 1 it is Accuracy, and of equal scores the first wins here too, where
// scikit-learn's top_k_accuracy_score lets the last.
type TopK struct {
	K int // at least 1

	hits, total int
}

// Update adds a batch: scores (N, C) of C classes, and labels (N), the true classes as
// Int64 from 0 to C-1. It panics with a *tensor.ShapeError, *tensor.DTypeError or
// *fault.LabelError if they are not that, and with a *fault.OptionError if K is below
// 1.
func (a *TopK) Update(scores, labels *tensor.Tensor) {
	const op = "metric.TopK"
	if a.K < 1 {
		fault.Option(op, "K is %d, at least 1 expected", a.K)
	}
	actual := trueClasses(op, scores, labels)
	values, classes := tensor.Values[float64](scores), scores.Size(1)
	for i, c := range actual {
		row := values[i*classes:][:classes]
		ahead := 0
		for _, v := range row[:c] {
			if !less(v, row[c]) {
				ahead++
			}
		}
		for _, v := range row[c:] {
			if less(row[c], v) {
				ahead++
			}
		}
		if ahead < a.K {
			a.hits++
		}
	}
	a.total += len(actual)
}

// less reports whether the score x is less than y, NaN being the greatest of all.
func less(x, y float64) bool { return x < y || x == x && y != y }

// Result returns the fraction over all samples so far, from 0 to 1, or NaN without any.
func (a *TopK) Result() float64 { return ratio(a.hits, a.total, math.NaN()) }

// Reset forgets all samples.
func (a *TopK) Reset() { *a = TopK{K: a.K} }
