package report_test

import (
	"encoding/json"
	"math"
	"os"
	"testing"

	"github.com/onehot-go/onehot/report"
	"github.com/onehot-go/onehot/tensor"
)

// TestAreas compares the areas of several classes with scikit-learn's, by metric/testdata/ranking.py.
func TestAreas(t *testing.T) {
	text, err := os.ReadFile("../metric/testdata/ranking.json")
	if err != nil {
		t.Fatal(err)
	}
	var all struct {
		Sure struct {
			Logits                [][]float64
			Labels                []int64
			ROCAUC                []float64 `json:"roc_auc"`
			ROCAUCMacro           float64   `json:"roc_auc_macro"`
			AveragePrecision      []float64 `json:"average_precision"`
			AveragePrecisionMacro float64   `json:"average_precision_macro"`
		}
		Binary struct {
			Logits           [][]float64
			Labels           []int64
			ROCAUC           float64 `json:"roc_auc"`
			AveragePrecision float64 `json:"average_precision"`
		}
	}
	if err := json.Unmarshal(text, &all); err != nil {
		t.Fatal(err)
	}
	near := func(what string, got, want float64) {
		if math.Abs(got-want) > 1e-12 {
			t.Errorf("%s: %v, want %v", what, got, want)
		}
	}
	predictions := func(rows [][]float64, labels []int64) *report.Predictions {
		var flat []float32
		for _, row := range rows {
			for _, v := range row {
				flat = append(flat, float32(v))
			}
		}
		classes := []string{"a", "b", "c", "d"}[:len(rows[0])]
		return report.NewPredictions(classes, tensor.New(flat, len(rows), len(classes)), tensor.New(labels), nil)
	}
	got := predictions(all.Sure.Logits, all.Sure.Labels).Areas()
	near("ROC", got.ROC, all.Sure.ROCAUCMacro)
	near("precision", got.Precision, all.Sure.AveragePrecisionMacro)
	for c, of := range got.ByClass {
		near("ROC of a class", of.ROC, all.Sure.ROCAUC[c])
		near("precision of a class", of.Precision, all.Sure.AveragePrecision[c])
	}
	two := predictions(all.Binary.Logits, all.Binary.Labels).Areas()
	near("ROC of two classes", two.ROC, all.Binary.ROCAUC)
	near("precision of two classes", two.Precision, all.Binary.AveragePrecision)
	near("ROC of the other", two.ByClass[0].ROC, all.Binary.ROCAUC)

	// A class without samples has none, and does not count.
	absent := predictions([][]float64{{1, 0, 0}, {0, 1, 0}, {1, 2, 0}}, []int64{0, 1, 0}).Areas()
	if !math.IsNaN(absent.ByClass[2].ROC) || !math.IsNaN(absent.ByClass[2].Precision) || absent.ROC != (absent.ByClass[0].ROC+absent.ByClass[1].ROC)/2 {
		t.Errorf("%+v", absent)
	}
}

func TestAnswered(t *testing.T) {
	p := report.NewPredictions([]string{"a", "b"}, tensor.New([]float32{3, 0, 0, 1, 0.1, 0, 0, 2}, 4, 2), tensor.New([]int64{0, 0, 0, 1}), nil)
	for _, c := range []struct{ below, coverage, accuracy float64 }{{0, 1, 0.75}, {0.6, 0.75, 2.0 / 3}, {0.8, 0.5, 1}, {1, 0, math.NaN()}} {
		coverage, accuracy := p.Answered(c.below)
		if coverage != c.coverage || accuracy != c.accuracy && !(math.IsNaN(accuracy) && math.IsNaN(c.accuracy)) {
			t.Errorf("below %v: %v answered, accuracy %v; want %v and %v", c.below, coverage, accuracy, c.coverage, c.accuracy)
		}
	}
}
