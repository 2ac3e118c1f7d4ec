package metric_test

import (
	"encoding/json"
	"math"
	"os"
	"slices"
	"testing"

	"github.com/onehot-go/onehot/fault"
	"github.com/onehot-go/onehot/metric"
)

// rankings is what scikit-learn says, by testdata/ranking.py.
type rankings struct {
	Rankings []struct {
		Name              string
		Scores            []float64
		Positive          []bool
		FPR, TPR          []float64
		Thresholds        []float64
		Precision, Recall []float64
		ROCAUC            float64 `json:"roc_auc"`
		AveragePrecision  float64 `json:"average_precision"`
	}
	Several struct {
		Scores           [][]float64
		Labels           []int
		ROCAUC           []float64 `json:"roc_auc"`
		AveragePrecision []float64 `json:"average_precision"`
	}
}

func readRankings(t *testing.T) (r rankings) {
	text, err := os.ReadFile("testdata/ranking.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &r); err != nil {
		t.Fatal(err)
	}
	return r
}

func TestRankingReference(t *testing.T) {
	same := func(a, b []float64) bool {
		return slices.EqualFunc(a, b, func(x, y float64) bool { return math.Abs(x-y) < 1e-12 })
	}
	all := readRankings(t)
	for _, c := range all.Rankings {
		r := metric.NewRanking(c.Scores, c.Positive)
		fpr, tpr := r.ROC()
		precision, recall := r.PrecisionRecall()
		if !same(fpr, c.FPR) || !same(tpr, c.TPR) || !same(r.Thresholds(), c.Thresholds) {
			t.Errorf("%s: ROC %v, %v at %v\nwant %v, %v at %v", c.Name, fpr, tpr, r.Thresholds(), c.FPR, c.TPR, c.Thresholds)
		}
		if !same(precision, c.Precision) || !same(recall, c.Recall) {
			t.Errorf("%s: precision %v, recall %v\nwant %v, %v", c.Name, precision, recall, c.Precision, c.Recall)
		}
		if math.Abs(r.ROCArea()-c.ROCAUC) > 1e-12 || math.Abs(r.AveragePrecision()-c.AveragePrecision) > 1e-12 {
			t.Errorf("%s: areas %v and %v, want %v and %v", c.Name, r.ROCArea(), r.AveragePrecision(), c.ROCAUC, c.AveragePrecision)
		}
	}
	for class, want := range all.Several.ROCAUC {
		scores, positive := make([]float64, len(all.Several.Labels)), make([]bool, len(all.Several.Labels))
		for i, label := range all.Several.Labels {
			scores[i], positive[i] = all.Several.Scores[i][class], label == class
		}
		r := metric.NewRanking(scores, positive)
		if math.Abs(r.ROCArea()-want) > 1e-12 || math.Abs(r.AveragePrecision()-all.Several.AveragePrecision[class]) > 1e-12 {
			t.Errorf("class %d: areas %v and %v, want %v and %v", class, r.ROCArea(), r.AveragePrecision(), want, all.Several.AveragePrecision[class])
		}
	}
}

// TestRankingWithoutBoth has samples of one kind alone, or none: what they do not say is NaN.
func TestRankingWithoutBoth(t *testing.T) {
	for _, c := range []struct {
		positive  []bool
		precision float64
	}{{nil, math.NaN()}, {[]bool{true, true}, 1}, {[]bool{false, false}, math.NaN()}} {
		r := metric.NewRanking(make([]float64, len(c.positive)), c.positive)
		if got := r.ROCArea(); !math.IsNaN(got) {
			t.Errorf("%v: area %v", c.positive, got)
		}
		if got := r.AveragePrecision(); got != c.precision && !(math.IsNaN(got) && math.IsNaN(c.precision)) {
			t.Errorf("%v: average precision %v, want %v", c.positive, got, c.precision)
		}
	}
	// NaN has the first rank.
	if got := metric.NewRanking([]float64{math.NaN(), 1, math.Inf(1)}, []bool{true, false, false}).ROCArea(); got != 1 {
		t.Errorf("area %v with a score of NaN, want 1", got)
	}
	defer func() {
		if _, ok := recover().(*fault.OptionError); !ok {
			t.Error("two scores for one sample are taken")
		}
	}()
	metric.NewRanking(make([]float64, 2), make([]bool, 1))
}
