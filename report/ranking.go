package report

import (
	"math"

	"github.com/onehot-go/onehot/metric"
)

// Ranking returns how the probability of class c ranks the samples of the class and the others.
func (p *Predictions) Ranking(c int) *metric.Ranking {
	scores, positive := make([]float64, p.Len()), make([]bool, p.Len())
	for i, label := range p.Labels {
		scores[i], positive[i] = p.rank(i, c), label == c
	}
	return metric.NewRanking(scores, positive)
}

// rank returns a number that grows with the probability of class c for sample i, and tells those near 1 apart too.
func (p *Predictions) rank(i, c int) float64 {
	v := p.logProbability(i, c)
	if math.Exp(v) <= 0.5 {
		return v
	}
	rest := 0.0
	for k := range p.Classes {
		if k != c {
			rest += p.Probability(i, k)
		}
	}
	return -math.Log(rest)
}

// Areas are the areas under the curves of rankings.
type Areas struct {
	ROC       float64  // of the second of two classes; of more the mean over those that have one; NaN without any
	Precision float64  // the same of the average precisions
	ByClass   []Ranked // of each class against the others
}

// Ranked are the areas of one class, as metric.Ranking has them: ROCArea and AveragePrecision. They are NaN without samples that
// they need.
type Ranked struct{ ROC, Precision float64 }

// Areas returns the areas under the curves of all classes.
func (p *Predictions) Areas() Areas {
	var a Areas
	var roc, precision metric.Mean
	for c := range p.Classes {
		r := p.Ranking(c)
		of := Ranked{r.ROCArea(), r.AveragePrecision()}
		a.ByClass = append(a.ByClass, of)
		if finite(of.ROC) {
			roc.Update(of.ROC, 1)
		}
		if finite(of.Precision) {
			precision.Update(of.Precision, 1)
		}
	}
	a.ROC, a.Precision = roc.Result(), precision.Result()
	if len(p.Classes) == 2 {
		a.ROC, a.Precision = a.ByClass[1].ROC, a.ByClass[1].Precision
	}
	return a
}

// Answered returns how much a model answers, and how often rightly, that says nothing of samples whose confidence is below
// a probability: the share of the samples, and the accuracy of those, which is NaN without any.
func (p *Predictions) Answered(below float64) (coverage, accuracy float64) {
	answered, right := 0, 0
	for i, label := range p.Labels {
		if p.Confidence(i) >= below {
			answered++
			if p.predicted[i] == label {
				right++
			}
		}
	}
	return float64(answered) / float64(p.Len()), float64(right) / float64(answered)
}
