package metric

import (
	"fmt"
	"math"
	"sort"

	"github.com/onehot-go/onehot/fault"
	"github.com/onehot-go/onehot/tensor"
)

// LogLoss is the mean of -log p(true class), in nats: the cross-entropy of the labels and
// what the model believes. The zero value is ready to use, for logits.
type LogLoss struct {
	Probabilities bool // scores are probabilities, not logits

	sum   float64
	total int
}

// Update adds a batch: scores (N, C) of C classes, logits or probabilities, and labels
// (N), the true classes as Int64 from 0 to C-1. A true class of probability 0 makes the
// loss +Inf, where scikit-learn's log_loss puts 2e-16 for 0. It panics with a
// *tensor.ShapeError, *tensor.DTypeError or *fault.LabelError if scores and labels are
// not that, and with a *fault.OptionError if probabilities are negative or do not sum
// to 1 within 1e-6.
func (l *LogLoss) Update(scores, labels *tensor.Tensor) {
	const op = "metric.LogLoss"
	actual := trueClasses(op, scores, labels)
	values := tensor.Values[float64](scores)
	classes := scores.Size(1)
	for i, c := range actual {
		row := values[i*classes:][:classes]
		if l.Probabilities {
			checkDistribution(op, fmt.Sprintf("sample %d", i), row)
			l.sum -= math.Log(row[c])
		} else {
			l.sum -= logSoftmax(row, c)
		}
	}
	l.total += len(actual)
}

// Result returns the mean over all samples so far, or NaN without any.
func (l *LogLoss) Result() float64 { return l.sum / float64(l.total) }

// Reset forgets all samples.
func (l *LogLoss) Reset() { *l = LogLoss{Probabilities: l.Probabilities} }

// logSoftmax returns element c of the log-softmax of x, with the maximum taken out.
func logSoftmax(x []float64, c int64) float64 {
	most := math.Inf(-1)
	for _, v := range x {
		most = math.Max(most, v)
	}
	sum := 0.0
	for _, v := range x {
		sum += math.Exp(v - most)
	}
	return x[c] - most - math.Log(sum)
}

// Calibration is the expected calibration error (Guo et al., "On Calibration of Modern
// Neural Networks", 2017): how far confidence, the probability of the predicted class, is
// from accuracy. Samples are put in bins of equal width by confidence, ((b-1)/Bins,
// b/Bins]; the error is the mean over samples of the distance between their bin's
// accuracy and its mean confidence. The zero value is ready to use, for logits and 15
// bins.
type Calibration struct {
	Bins          int  // 0 means 15, as Guo et al. have
	Probabilities bool // scores are probabilities, not logits

	bins []bin
}

// bin is the samples of like confidence.
type bin struct {
	confidence     float64 // the sum
	correct, total int
}

// Update adds a batch: scores (N, C) of C classes, logits or probabilities, and labels
// (N), the true classes as Int64 from 0 to C-1. It panics with a *tensor.ShapeError,
// *tensor.DTypeError or *fault.LabelError if they are not that, and with a
// *fault.OptionError if probabilities are negative or do not sum to 1 within 1e-6, and
// where Bins is negative.
func (e *Calibration) Update(scores, labels *tensor.Tensor) {
	const op = "metric.Calibration"
	if e.Bins < 0 {
		fault.Option(op, "%d bins", e.Bins)
	}
	predicted, actual := classes(op, scores, labels)
	if e.bins == nil {
		n := e.Bins
		if n == 0 {
			n = 15
		}
		e.bins = make([]bin, n)
	}
	values := tensor.Values[float64](scores)
	classes := scores.Size(1)
	for i, p := range predicted {
		row := values[i*classes:][:classes]
		confidence := row[p]
		if e.Probabilities {
			checkDistribution(op, fmt.Sprintf("sample %d", i), row)
		} else {
			confidence = math.Exp(logSoftmax(row, p))
		}
		// The first bin whose upper bound is not below; NaN, of logits, goes to the last.
		last := len(e.bins) - 1
		b := &e.bins[sort.Search(last, func(k int) bool { return confidence <= float64(k+1)/float64(last+1) })]
		b.confidence += confidence
		b.total++
		if p == actual[i] {
			b.correct++
		}
	}
}

// Result returns the error over all samples so far, from 0 to 1, or NaN without any.
func (e *Calibration) Result() float64 {
	sum, total := 0.0, 0
	for _, b := range e.bins {
		sum += math.Abs(float64(b.correct) - b.confidence)
		total += b.total
	}
	return sum / float64(total)
}

// Reset forgets all samples.
func (e *Calibration) Reset() { *e = Calibration{Bins: e.Bins, Probabilities: e.Probabilities} }
