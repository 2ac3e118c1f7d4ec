package report

import (
	"cmp"
	"image"
	"math"
	"slices"
	"sort"

	"github.com/onehot-go/onehot/fault"
	"github.com/onehot-go/onehot/internal/printable"
	"github.com/onehot-go/onehot/metric"
	"github.com/onehot-go/onehot/tensor"
)

// Predictions is what a model says of every sample of a data set, beside what is true.
// NewPredictions makes one.
type Predictions struct {
	Classes []string
	Labels  []int                   // (N), the true classes
	Image   func(i int) image.Image // sample i before any transform; called by several goroutines at once
	Of      string                  // what the samples are: "validation", or "" for test data
	Names   []string                // (N), the samples' files as they are shown; nil for none
	Place   func(i int) string      // the path under which sample i can be opened; nil if there is none

	logProbabilities []float32 // (N, C)
	predicted        []int     // (N)
	confusion        *metric.Confusion
}

// NewPredictions returns the predictions of logits (N, C) for samples with labels (N) of Int64,
// as train.Predict has them, of C classes. It panics with a *tensor.ShapeError,
// *tensor.DTypeError or *fault.LabelError if they do not fit each other.
func NewPredictions(classes []string, logits, labels *tensor.Tensor, picture func(i int) image.Image) *Predictions {
	p := &Predictions{Classes: classes, Image: picture, confusion: metric.NewConfusion(len(classes))}
	p.confusion.Update(logits, labels)
	p.Labels = ints(labels)
	p.logProbabilities = tensor.Values[float32](logits.LogSoftmax(1))
	if len(p.Labels) > 0 {
		p.predicted = ints(logits.ArgMax(1))
	}
	return p
}

func ints(t *tensor.Tensor) []int {
	var out []int
	for _, v := range tensor.Values[int64](t) {
		out = append(out, int(v))
	}
	return out
}

// of names what the samples are: "test", or "validation".
func (p *Predictions) of() string { return cmp.Or(p.Of, "test") }

// file returns the name of the file of sample i as it is shown, or "".
func (p *Predictions) file(i int) string {
	if p.Names == nil {
		return ""
	}
	return printable.Name(p.Names[i])
}

// name returns the name of class c as it is shown.
func (p *Predictions) name(c int) string { return printable.Name(p.Classes[c]) }

// Len returns the number of samples.
func (p *Predictions) Len() int { return len(p.Labels) }

// Confusion returns how often each class was taken for each, and with it the accuracy and
// the figures of every class. The caller must not update it.
func (p *Predictions) Confusion() *metric.Confusion { return p.confusion }

// Predicted returns the class that the model takes sample i for.
func (p *Predictions) Predicted(i int) int { return p.predicted[i] }

// Probability returns the probability that the model gives class c for sample i.
func (p *Predictions) Probability(i, c int) float64 { return math.Exp(p.logProbability(i, c)) }

// Confidence returns the probability of the predicted class of sample i.
func (p *Predictions) Confidence(i int) float64 { return p.Probability(i, p.predicted[i]) }

// Loss returns the cross-entropy of sample i in nats: -log p(true class).
func (p *Predictions) Loss(i int) float64 { return -p.logProbability(i, p.Labels[i]) }

func (p *Predictions) logProbability(i, c int) float64 {
	return float64(p.logProbabilities[i*len(p.Classes)+c])
}

// Wrong returns the samples that the model takes for another class, by falling loss.
func (p *Predictions) Wrong() []int {
	var wrong []int
	for i, c := range p.predicted {
		if c != p.Labels[i] {
			wrong = append(wrong, i)
		}
	}
	p.sortByLoss(wrong)
	return wrong
}

// sortByLoss sorts samples by falling loss, those of equal loss by index.
func (p *Predictions) sortByLoss(samples []int) {
	slices.SortFunc(samples, func(i, j int) int {
		return cmp.Or(cmp.Compare(p.Loss(j), p.Loss(i)), cmp.Compare(i, j))
	})
}

// Pair is two classes of which one is taken for the other.
type Pair struct {
	True, Predicted int
	Samples         []int // those, by falling loss
}

// Confused returns the pairs of classes that are confused, by falling number of samples.
// A taken for B and B taken for A are two pairs.
func (p *Predictions) Confused() []Pair {
	at := map[[2]int]int{}
	var pairs []Pair
	for _, i := range p.Wrong() {
		key := [2]int{p.Labels[i], p.predicted[i]}
		k, ok := at[key]
		if !ok {
			k = len(pairs)
			at[key] = k
			pairs = append(pairs, Pair{True: key[0], Predicted: key[1]})
		}
		pairs[k].Samples = append(pairs[k].Samples, i)
	}
	slices.SortFunc(pairs, func(a, b Pair) int {
		return cmp.Or(cmp.Compare(len(b.Samples), len(a.Samples)), cmp.Compare(a.True, b.True), cmp.Compare(a.Predicted, b.Predicted))
	})
	return pairs
}

// LabelErrors returns the samples whose label is likely wrong, by falling loss: those off
// the diagonal of the confident joint of Northcutt, Jiang and Chuang, "Confident Learning:
// Estimating Uncertainty in Dataset Labels", 2021. A class claims a sample if the model
// gives it at least the probability that it gives that class on average over the samples
// labelled so; of several that claim one the most probable does. It makes sense for
// samples that the model was not trained on.
func (p *Predictions) LabelErrors() []int {
	thresholds, counts := make([]float64, len(p.Classes)), make([]int, len(p.Classes))
	for i, c := range p.Labels {
		thresholds[c] += p.Probability(i, c)
		counts[c]++
	}
	for c, n := range counts {
		thresholds[c] /= float64(n) // NaN, which claims nothing, where no sample has the label
	}
	var suspects []int
	for i, label := range p.Labels {
		claim, most := label, 0.0
		for c, threshold := range thresholds {
			if v := p.Probability(i, c); v >= threshold && v > most {
				claim, most = c, v
			}
		}
		if claim != label {
			suspects = append(suspects, i)
		}
	}
	p.sortByLoss(suspects)
	return suspects
}

// Calibration is how far a model's confidence can be trusted.
type Calibration struct {
	Bins  []Bin
	Error float64 // the expected calibration error, as metric.Calibration has it; NaN without samples
}

// Bin is the samples whose confidence is like: above Low and up to High.
type Bin struct {
	Low, High  float64
	Samples    int
	Confidence float64 // their mean confidence; 0 without samples
	Accuracy   float64 // the fraction of them that is predicted right; 0 without samples
}

// Calibration puts the samples in n bins of equal width by confidence and compares it with
// accuracy. It panics with a *fault.OptionError if n is below 1.
func (p *Predictions) Calibration(n int) Calibration {
	if n < 1 {
		fault.Option("report.Calibration", "%d bins, at least 1 expected", n)
	}
	c := Calibration{Bins: make([]Bin, n)}
	for k := range c.Bins {
		c.Bins[k].Low, c.Bins[k].High = float64(k)/float64(n), float64(k+1)/float64(n)
	}
	for i := range p.Labels {
		v := p.Confidence(i)
		b := &c.Bins[sort.Search(n-1, func(k int) bool { return v <= c.Bins[k].High })]
		b.Samples++
		b.Confidence += v
		if p.predicted[i] == p.Labels[i] {
			b.Accuracy++
		}
	}
	for k := range c.Bins {
		b := &c.Bins[k]
		c.Error += math.Abs(b.Accuracy - b.Confidence)
		if b.Samples > 0 {
			b.Confidence /= float64(b.Samples)
			b.Accuracy /= float64(b.Samples)
		}
	}
	c.Error /= float64(len(p.Labels))
	return c
}
