package metric

import (
	"math"
	"slices"

	"github.com/onehot-go/onehot/fault"
)

// Ranking is how scores rank samples that are positive and samples that are not. Samples of equal score have one rank.
// NewRanking makes one.
type Ranking struct {
	thresholds []float64 // the scores that there are, falling
	hits       []int     // positive samples with at least that score
	falls      []int     // other samples with at least that score
}

// NewRanking returns the ranking of scores (N), of which only the order counts and NaN is the greatest. positive (N) says
// which samples are. It panics with a *fault.OptionError if there are not as many of both.
func NewRanking(scores []float64, positive []bool) *Ranking {
	if len(scores) != len(positive) {
		fault.Option("metric.NewRanking", "%d scores for %d samples", len(scores), len(positive))
	}
	samples := make([]scored, len(scores))
	for i, v := range scores {
		samples[i] = scored{v, positive[i]}
	}
	slices.SortFunc(samples, func(x, y scored) int { return descending(x.score, y.score) })
	r := &Ranking{}
	hits := 0
	for i, s := range samples {
		if s.has {
			hits++
		}
		if i+1 == len(samples) || descending(s.score, samples[i+1].score) != 0 {
			r.thresholds, r.hits, r.falls = append(r.thresholds, s.score), append(r.hits, hits), append(r.falls, i+1-hits)
		}
	}
	return r
}

// all returns how many samples are positive, and how many are not.
func (r *Ranking) all() (positive, others int) {
	if n := len(r.thresholds); n > 0 {
		return r.hits[n-1], r.falls[n-1]
	}
	return 0, 0
}

// Thresholds returns the scores that there are, falling: those of the points of ROC behind its first, and of
// PrecisionRecall behind its first.
func (r *Ranking) Thresholds() []float64 { return r.thresholds }

// ROC returns the receiver operating characteristic: the share of the other samples, and that of the positive ones, whose
// score is at least a threshold, from (0, 0), of a threshold above all scores, to (1, 1). It is scikit-learn's roc_curve
// with drop_intermediate=False. A share of no samples is NaN.
func (r *Ranking) ROC() (falsePositive, truePositive []float64) {
	positive, others := r.all()
	falsePositive, truePositive = []float64{0 / float64(others)}, []float64{0 / float64(positive)}
	for i, hits := range r.hits {
		falsePositive = append(falsePositive, float64(r.falls[i])/float64(others))
		truePositive = append(truePositive, float64(hits)/float64(positive))
	}
	return falsePositive, truePositive
}

// ROCArea returns the area under the curve of ROC: the probability that a positive sample has a higher score than another
// one, where equal scores count half. It is scikit-learn's roc_auc_score, and NaN unless there are samples of both
// kinds.
func (r *Ranking) ROCArea() float64 {
	positive, others := r.all()
	area, hits, falls := 0.0, 0, 0
	for i := range r.thresholds {
		area += float64(r.falls[i]-falls) * float64(r.hits[i]+hits) / 2
		hits, falls = r.hits[i], r.falls[i]
	}
	return area / float64(positive) / float64(others)
}

// PrecisionRecall returns, of the samples whose score is at least a threshold, the share that is positive, and which share of
// the positive ones they are, from (1, 0), of a threshold above all scores, to a recall of 1. It is scikit-learn's
// precision_recall_curve, whose points have the opposite order. Without a positive sample the recall is NaN.
func (r *Ranking) PrecisionRecall() (precision, recall []float64) {
	positive, _ := r.all()
	precision, recall = []float64{1}, []float64{0 / float64(positive)}
	for i, hits := range r.hits {
		precision = append(precision, float64(hits)/float64(hits+r.falls[i]))
		recall = append(recall, float64(hits)/float64(positive))
	}
	return precision, recall
}

// AveragePrecision returns the mean of the precisions at the ranks of the positive samples, the area under the steps of
// PrecisionRecall. It is scikit-learn's average_precision_score, and NaN without a positive sample.
func (r *Ranking) AveragePrecision() float64 {
	positive, _ := r.all()
	if positive == 0 {
		return math.NaN()
	}
	area, before := 0.0, 0
	for i, hits := range r.hits {
		area += float64(hits-before) * float64(hits) / float64(hits+r.falls[i])
		before = hits
	}
	return area / float64(positive)
}
