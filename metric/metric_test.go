package metric

import (
	"encoding/json"
	"math"
	"os"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"github.com/onehot-go/onehot/fault"
	"github.com/onehot-go/onehot/tensor"
)

// reference is what testdata/reference.py wrote.
type reference struct {
	Classification []struct {
		Name                  string
		Scores                [][]float64
		Labels                []int64
		Accuracy              float64
		Confusion             [][]int
		Precision, Recall, F1 []float64
		Support               []int

		Macro, Micro, Weighted [3]float64 // precision, recall and F1
		Reports                []struct {
			Names []string
			Text  string
		}
	}
	Loss struct {
		Batches []float64
		Sizes   []int
		Mean    float64
	}
	Probabilities []struct {
		Logits      [][]float64
		Labels      []int64
		Top         []float64 // accuracies of the first k, from 1
		LogLoss     float64   `json:"log_loss"`
		Calibration []struct {
			Bins  int
			Error float64
		}
	}
	Edges struct {
		Probabilities [][]float64
		Labels        []int64
		Error         float64
	}
	Information []struct {
		P, Q         []float64
		Entropy      figure
		CrossEntropy figure `json:"cross_entropy"`
		KL           figure
	}
}

// figure is a number, or "inf".
type figure float64

func (f *figure) UnmarshalJSON(b []byte) error {
	v, err := strconv.ParseFloat(strings.Trim(string(b), `"`), 64)
	*f = figure(v)
	return err
}

func readReference(t *testing.T) reference {
	t.Helper()
	content, err := os.ReadFile("testdata/reference.json")
	if err != nil {
		t.Fatal(err)
	}
	var r reference
	if err := json.Unmarshal(content, &r); err != nil {
		t.Fatal(err)
	}
	return r
}

// near reports whether x and y are equal but for rounding.
func near(x, y float64) bool { return math.Abs(x-y) <= 1e-15*max(1, math.Abs(y)) }

// rows returns scores as a tensor (N, C) of the given type.
func rows(dtype tensor.DType, scores ...[]float64) *tensor.Tensor {
	var flat []float64
	for _, row := range scores {
		flat = append(flat, row...)
	}
	return tensor.New(flat, len(scores), len(flat)/len(scores)).To(dtype)
}

func labels(c ...int64) *tensor.Tensor { return tensor.New(c, len(c)) }

func TestReference(t *testing.T) {
	for _, test := range readReference(t).Classification {
		for _, dtype := range []tensor.DType{tensor.Float32, tensor.Float64} {
			t.Run(test.Name+" "+dtype.String(), func(t *testing.T) {
				var accuracy Accuracy
				confusion := NewConfusion(len(test.Confusion))
				for range 2 { // the second time after Reset
					accuracy.Reset()
					confusion.Reset()
					const batch = 7 // divides no case's size: the last batch is short
					for at := 0; at < len(test.Labels); at += batch {
						end := min(at+batch, len(test.Labels))
						x, y := rows(dtype, test.Scores[at:end]...), labels(test.Labels[at:end]...)
						accuracy.Update(x, y)
						confusion.Update(x, y)
					}
				}
				if got := accuracy.Result(); !near(got, test.Accuracy) {
					t.Errorf("Accuracy %v, want %v", got, test.Accuracy)
				}
				if got := confusion.Accuracy(); !near(got, test.Accuracy) {
					t.Errorf("Confusion.Accuracy %v, want %v", got, test.Accuracy)
				}
				if got := confusion.Counts(); !reflect.DeepEqual(got, test.Confusion) {
					t.Errorf("Counts %v, want %v", got, test.Confusion)
				}
				for k, got := range confusion.Result() {
					if !near(got.Precision, test.Precision[k]) || !near(got.Recall, test.Recall[k]) ||
						!near(got.F1, test.F1[k]) || got.Support != test.Support[k] {
						t.Errorf("class %d: %+v, want precision %v, recall %v, F1 %v, support %d",
							k, got, test.Precision[k], test.Recall[k], test.F1[k], test.Support[k])
					}
				}
				for how, want := range map[Averaging][3]float64{Macro: test.Macro, Micro: test.Micro, Weighted: test.Weighted} {
					got := confusion.Average(how)
					if !near(got.Precision, want[0]) || !near(got.Recall, want[1]) || !near(got.F1, want[2]) || got.Support != len(test.Labels) {
						t.Errorf("averaging %d: %+v, want %v of %d samples", how, got, want, len(test.Labels))
					}
				}
				for _, report := range test.Reports {
					if got := confusion.Report(report.Names); got != report.Text {
						t.Errorf("report\n%s\nwant\n%s", got, report.Text)
					}
				}
			})
		}
	}
}

func TestMean(t *testing.T) {
	want := readReference(t).Loss
	var m Mean
	m.Update(1e6, 3)
	m.Reset()
	for i, v := range want.Batches {
		m.Update(v, want.Sizes[i])
		m.Update(math.NaN(), 0)
	}
	if got := m.Result(); !near(got, want.Mean) {
		t.Errorf("mean %v, want %v", got, want.Mean)
	}
	m.Update(math.NaN(), 1)
	if got := m.Result(); !math.IsNaN(got) {
		t.Errorf("mean with a NaN in it: %v, want NaN", got)
	}
}

func TestPredictedClass(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	for name, test := range map[string]struct {
		row  []float64
		want int64
	}{
		"greatest":       {[]float64{-3, -1, -2}, 1},
		"first of a tie": {[]float64{0, 2, 2}, 1},
		"all equal":      {[]float64{0, 0, 0}, 0},
		"infinities":     {[]float64{-inf, 5, inf}, 2},
		"NaN":            {[]float64{inf, 1, nan}, 2},
		"first NaN":      {[]float64{0, nan, nan}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			c := NewConfusion(3)
			c.Update(rows(tensor.Float32, test.row), labels(0))
			if got := c.Counts()[0]; got[test.want] != 1 {
				t.Errorf("counts %v, want class %d predicted", got, test.want)
			}
		})
	}
}

func TestWithoutSamples(t *testing.T) {
	var a Accuracy
	var m Mean
	c := NewConfusion(2)
	for range 2 { // the second time after an empty batch
		if !math.IsNaN(a.Result()) || !math.IsNaN(m.Result()) || !math.IsNaN(c.Accuracy()) {
			t.Errorf("%v, %v and %v, want NaN", a.Result(), m.Result(), c.Accuracy())
		}
		if got, want := c.Result(), make([]ClassReport, 2); !reflect.DeepEqual(got, want) {
			t.Errorf("Results %v, want %v", got, want)
		}
		for _, how := range []Averaging{Macro, Micro, Weighted} {
			if got := c.Average(how); got != (ClassReport{}) {
				t.Errorf("averaging %d: %v, want zeros", how, got)
			}
		}
		a.Update(tensor.Zeros(tensor.Float32, 0, 2), labels())
		c.Update(tensor.Zeros(tensor.Float32, 0, 2), labels())
		m.Update(math.NaN(), 0)
	}
}

func TestViewsAndGradients(t *testing.T) {
	x := rows(tensor.Float32, []float64{1, 5}, []float64{4, 2}, []float64{3, 0}).SetRequiresGrad(true)
	y := tensor.New([]int64{1, 9, 1, 9}, 2, 2).Select(1, 0)
	c := NewConfusion(3)
	c.Update(x.Permute(1, 0), y)
	if got, want := c.Counts(), [][]int{{0, 0, 0}, {1, 1, 0}, {0, 0, 0}}; !reflect.DeepEqual(got, want) {
		t.Errorf("Counts %v, want %v", got, want)
	}
}

func TestCountsIsACopy(t *testing.T) {
	c := NewConfusion(2)
	c.Counts()[0][0] = 7
	if got := c.Counts()[0][0]; got != 0 {
		t.Errorf("writing to Counts changed the matrix to %d", got)
	}
}

// typed reports whether err is of the types that say what a caller did wrong.
func typed(err error) bool {
	switch err.(type) {
	case *tensor.ShapeError, *tensor.DTypeError, *fault.OptionError, *fault.LabelError:
		return true
	}
	return false
}

func TestPanics(t *testing.T) {
	var a Accuracy
	var m Mean
	c := NewConfusion(3)
	x := tensor.Zeros(tensor.Float32, 2, 3)
	for name, test := range map[string]struct {
		call func()
		want string
	}{
		"scores": {func() { a.Update(tensor.Zeros(tensor.Float32, 2), labels(0, 1)) },
			"metric.Accuracy: shapes (2) and (2): scores (N, C) and labels (N) expected"},
		"labels": {func() { c.Update(x, tensor.Zeros(tensor.Int64, 2, 1)) },
			"metric.Confusion: shapes (2, 3) and (2, 1): scores (N, C) and labels (N) expected"},
		"sizes": {func() { a.Update(x, labels(0, 1, 2)) },
			"metric.Accuracy: shapes (2, 3) and (3): scores (N, C) and labels (N) expected"},
		"type": {func() { a.Update(x, tensor.Zeros(tensor.Float32, 2)) },
			"metric.Accuracy: float32 elements, shapes (2, 3) and (2): int64 labels expected"},
		"label too large": {func() { a.Update(x, labels(0, 3)) },
			"metric.Accuracy: label 3 at (1): 0 to 2 expected, there are 3 classes"},
		"negative label": {func() { c.Update(x, labels(-1, 0)) },
			"metric.Confusion: label -1 at (0): 0 to 2 expected, there are 3 classes"},
		"classes": {func() { c.Update(tensor.Zeros(tensor.Float32, 2, 2), labels(0, 1)) },
			"metric.Confusion: shapes (2, 2) and (2): scores of 3 classes expected"},
		"no classes":     {func() { NewConfusion(0) }, "metric.NewConfusion: 0 classes, at least 1 expected"},
		"names":          {func() { c.Report([]string{"a"}) }, "metric.Confusion: 1 names of 3 classes"},
		"negative batch": {func() { m.Update(1, -2) }, "metric.Mean: a batch of -2 samples"},
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				err, _ := recover().(error)
				if !typed(err) || err.Error() != test.want {
					t.Errorf("panic with %v, want %s", err, test.want)
				}
			}()
			test.call()
		})
	}
	if !math.IsNaN(a.Result()) || !math.IsNaN(c.Accuracy()) {
		t.Error("a refused batch was counted")
	}
}
