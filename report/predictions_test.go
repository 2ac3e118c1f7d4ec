package report

import (
	"fmt"
	"image"
	"math"
	"reflect"
	"slices"
	"testing"

	"github.com/onehot-go/onehot/metric"
	"github.com/onehot-go/onehot/random"
	"github.com/onehot-go/onehot/tensor"
)

// predictions returns those of the given probabilities, a row a sample, for pictures that
// are disks.
func predictions(classes []string, labels []int, probabilities ...[]float64) *Predictions {
	scores := make([]float32, 0, len(labels)*len(classes))
	for _, row := range probabilities {
		for _, v := range row {
			scores = append(scores, float32(math.Log(v)))
		}
	}
	return NewPredictions(classes, tensor.New(scores, len(labels), len(classes)), truth(labels...),
		func(i int) image.Image { return dot(6 + i%7) })
}

// truth returns labels as a tensor.
func truth(labels ...int) *tensor.Tensor {
	t := tensor.Zeros(tensor.Int64, len(labels))
	for i, c := range labels {
		tensor.Data[int64](t)[i] = int64(c)
	}
	return t
}

// near reports whether two figures computed from float32 are the same.
func near(a, b float64) bool { return math.Abs(a-b) <= 1e-6 }

// abc are predictions of six samples of three classes.
func abc() *Predictions {
	return predictions([]string{"a", "b", "c"}, []int{0, 1, 2, 0, 1, 0},
		[]float64{0.7, 0.2, 0.1},
		[]float64{0.6, 0.3, 0.1},
		[]float64{0.5, 0.25, 0.25},
		[]float64{0.1, 0.8, 0.1},
		[]float64{0.9, 0.05, 0.05},
		[]float64{0.05, 0.05, 0.9})
}

func TestPredictions(t *testing.T) {
	p := abc()
	if p.Len() != 6 {
		t.Errorf("%d samples", p.Len())
	}
	for i, want := range []struct {
		predicted                     int
		confidence, probability, loss float64
	}{
		{0, 0.7, 0.1, -math.Log(0.7)}, {0, 0.6, 0.1, -math.Log(0.3)}, {0, 0.5, 0.25, -math.Log(0.25)},
		{1, 0.8, 0.1, -math.Log(0.1)}, {0, 0.9, 0.05, -math.Log(0.05)}, {2, 0.9, 0.9, -math.Log(0.05)},
	} {
		if p.Predicted(i) != want.predicted || !near(p.Confidence(i), want.confidence) ||
			!near(p.Probability(i, 2), want.probability) || !near(p.Loss(i), want.loss) {
			t.Errorf("sample %d: predicted %d with %g, probability of c %g, loss %g; want %v",
				i, p.Predicted(i), p.Confidence(i), p.Probability(i, 2), p.Loss(i), want)
		}
	}
	if got, want := p.Wrong(), []int{4, 5, 3, 2, 1}; !slices.Equal(got, want) { // 4 and 5 have the same loss
		t.Errorf("wrong %v, want %v", got, want)
	}
	if got, want := p.Confusion().Counts(), [][]int{{1, 1, 1}, {2, 0, 0}, {1, 0, 0}}; !reflect.DeepEqual(got, want) {
		t.Errorf("confusion %v, want %v", got, want)
	}
	want := []Pair{{1, 0, []int{4, 1}}, {0, 1, []int{3}}, {0, 2, []int{5}}, {2, 0, []int{2}}}
	if got := p.Confused(); !reflect.DeepEqual(got, want) {
		t.Errorf("pairs %v, want %v", got, want)
	}
}

// TestLabelErrors works out the confident joint by hand: the thresholds of abc are
// (0.7+0.1+0.05)/3 = 0.283 for a, (0.3+0.05)/2 = 0.175 for b and 0.25 for c.
func TestLabelErrors(t *testing.T) {
	// Sample 0 is claimed by a, its label; the others by a, a, b, a and c, none of them theirs.
	if got, want := abc().LabelErrors(), []int{4, 5, 3, 2, 1}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	// A wrong prediction that no threshold backs is no label error: that of a is 0.75 here.
	p := predictions([]string{"a", "b"}, []int{0, 0, 1, 1, 1},
		[]float64{0.9, 0.1}, []float64{0.6, 0.4}, []float64{0.55, 0.45}, []float64{0.2, 0.8}, []float64{0.95, 0.05})
	if got, want := p.LabelErrors(), []int{4}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v (wrong are %v)", got, want, p.Wrong())
	}
	// A class without a sample of its own claims nothing.
	p = predictions([]string{"a", "b"}, []int{0, 0}, []float64{0.9, 0.1}, []float64{0.1, 0.9})
	if got := p.LabelErrors(); got != nil {
		t.Errorf("got %v, want none", got)
	}
}

func TestCalibration(t *testing.T) {
	c := abc().Calibration(4)
	want := []Bin{{Low: 0, High: 0.25}, {0.25, 0.5, 1, 0.5, 0}, {0.5, 0.75, 2, 0.65, 0.5}, {0.75, 1, 3, (0.8 + 0.9 + 0.9) / 3, 0}}
	for k, b := range c.Bins {
		w := want[k]
		if b.Low != w.Low || b.High != w.High || b.Samples != w.Samples || !near(b.Confidence, w.Confidence) || !near(b.Accuracy, w.Accuracy) {
			t.Errorf("bin %d is %v, want %v", k, b, w)
		}
	}
	if want := (1*0.5 + 2*0.15 + 2.6) / 6; !near(c.Error, want) {
		t.Errorf("error %g, want %g", c.Error, want)
	}
}

// TestCalibrationIsMetrics compares the error over many samples with package metric's,
// which is compared with another program's.
func TestCalibrationIsMetrics(t *testing.T) {
	r := random.New(1).Rand()
	const n, classes = 500, 7
	logits := tensor.Zeros(tensor.Float32, n, classes).NormalInPlace(r, 0, 2)
	labels := tensor.RandInt(r, 0, classes, n)
	p := NewPredictions(make([]string, classes), logits, labels, nil)
	for _, bins := range []int{1, 10, 15} {
		m := metric.Calibration{Bins: bins}
		m.Update(logits, labels)
		if got, want := p.Calibration(bins).Error, m.Result(); !near(got, want) {
			t.Errorf("%d bins: error %g, want %g", bins, got, want)
		}
	}
}

func TestPredictionsOfNothing(t *testing.T) {
	p := NewPredictions([]string{"a", "b"}, tensor.Zeros(tensor.Float32, 0, 2), truth(), nil)
	if p.Len() != 0 || p.Wrong() != nil || p.Confused() != nil || p.LabelErrors() != nil || !math.IsNaN(p.Calibration(10).Error) {
		t.Error("something in predictions of nothing")
	}
}

func TestPredictionsPanics(t *testing.T) {
	names := []string{"a", "b"}
	logits := tensor.Zeros(tensor.Float32, 3, 2)
	for want, call := range map[string]func(){
		"metric.Confusion: shapes (3, 2) and (2): scores (N, C) and labels (N) expected": func() { NewPredictions(names, logits, truth(0, 1), nil) },
		"metric.Confusion: shapes (3, 2) and (3): scores of 1 classes expected":          func() { NewPredictions(names[:1], logits, truth(0, 1, 1), nil) },
		"metric.Confusion: shapes (6) and (6): scores (N, C) and labels (N) expected":    func() { NewPredictions(names, logits.Reshape(6), truth(0, 0, 0, 0, 0, 0), nil) },
		"metric.Confusion: label 2 at (1): 0 to 1 expected, there are 2 classes": func() {
			NewPredictions(names, logits, truth(0, 2, 1), nil)
		},
		"report.Calibration: 0 bins, at least 1 expected": func() { abc().Calibration(0) },
	} {
		t.Run(want, func(t *testing.T) {
			defer func() {
				if got := fmt.Sprint(recover()); got != want {
					t.Errorf("panic with %v, want %s", got, want)
				}
			}()
			call()
		})
	}
}
