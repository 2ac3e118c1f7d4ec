package metric

import (
	"encoding/json"
	"math"
	"os"
	"testing"

	"github.com/onehot-go/onehot/tensor"
)

// multiLabelCase is one of those that testdata/multilabel.py wrote.
type multiLabelCase struct {
	Name                   string
	Threshold              float64
	Scores, Targets        [][]float64
	Precision, Recall, F1  []float64
	Support                []int
	Micro, Macro, Weighted [3]float64 // precision, recall and F1
	AveragePrecision       []float64  `json:"average_precision"`
	MeanAveragePrecision   float64    `json:"mean_average_precision"`
}

func multiLabelCases(t *testing.T) (cases []multiLabelCase) {
	t.Helper()
	text, err := os.ReadFile("testdata/multilabel.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &cases); err != nil {
		t.Fatal(err)
	}
	return cases
}

// TestMultiLabelAgreesWithScikitLearn takes the samples in batches, and goes on with what was
// saved of the first ones.
func TestMultiLabelAgreesWithScikitLearn(t *testing.T) {
	for _, c := range multiLabelCases(t) {
		m, p := NewMultiLabel(len(c.F1), c.Threshold), NewAveragePrecision(len(c.F1))
		for i := 0; i < len(c.Scores); i += 7 {
			end := min(i+7, len(c.Scores))
			scores, targets := rows(tensor.Float64, c.Scores[i:end]...), rows(tensor.Float32, c.Targets[i:end]...)
			m.Update(scores, targets)
			p.Update(scores, targets)
			text, err := json.Marshal(m)
			if err != nil {
				t.Fatal(err)
			}
			m = NewMultiLabel(len(c.F1), c.Threshold)
			if err := json.Unmarshal(text, m); err != nil {
				t.Fatal(err)
			}
		}
		precisions := p.Result()
		for k, r := range m.Result() {
			if !near(r.Precision, c.Precision[k]) || !near(r.Recall, c.Recall[k]) || !near(r.F1, c.F1[k]) || r.Support != c.Support[k] {
				t.Errorf("%s, label %d: %+v, want %v, %v, %v of %d", c.Name, k, r, c.Precision[k], c.Recall[k], c.F1[k], c.Support[k])
			}
			if !near(precisions[k], c.AveragePrecision[k]) {
				t.Errorf("%s, label %d: average precision %v, want %v", c.Name, k, precisions[k], c.AveragePrecision[k])
			}
		}
		for how, want := range map[Averaging][3]float64{Micro: c.Micro, Macro: c.Macro, Weighted: c.Weighted} {
			r := m.Average(how)
			if !near(r.Precision, want[0]) || !near(r.Recall, want[1]) || !near(r.F1, want[2]) {
				t.Errorf("%s, averaging %d: %+v, want %v", c.Name, how, r, want)
			}
		}
		if !near(p.Mean(), c.MeanAveragePrecision) {
			t.Errorf("%s: mean average precision %v, want %v", c.Name, p.Mean(), c.MeanAveragePrecision)
		}
		m.Reset()
		p.Reset()
		if r := m.Average(Micro); r != (ClassReport{}) || p.Mean() != 0 {
			t.Errorf("%s: %+v and %v after Reset", c.Name, r, p.Mean())
		}
	}
}

// TestAveragePrecisionOfNaN checks that NaN ranks before all numbers, as it does everywhere in
// this package, and infinities in their order.
func TestAveragePrecisionOfNaN(t *testing.T) {
	p := NewAveragePrecision(1)
	p.Update(rows(tensor.Float64, []float64{math.Inf(1)}, []float64{math.NaN()}, []float64{math.Inf(-1)}, []float64{0}),
		rows(tensor.Float64, []float64{0}, []float64{1}, []float64{1}, []float64{0}))
	if got, want := p.Mean(), (1+2.0/4)/2; got != want { // at ranks 1 and 4
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestStates(t *testing.T) {
	var a, b Accuracy
	a.Add(3, 7)
	var m, n Mean
	m.Update(0.1, 3)
	m.Add(1.0/3, 0.7)
	for _, pair := range [][2]any{{&a, &b}, {&m, &n}} {
		text, err := json.Marshal(pair[0])
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(text, pair[1]); err != nil {
			t.Fatal(err)
		}
	}
	if a != b || m != n {
		t.Errorf("got %+v and %+v, want %+v and %+v", b, n, a, m)
	}
	for text, to := range map[string]any{
		`{"correct": 8, "total": 7}`: &b, `{"correct": -1, "total": 7}`: &b, `[]`: &b, `{"sum": "a"}`: &n,
		`[{"support": 1, "predicted": 1, "hits": 1}]`:  NewMultiLabel(2, 0),
		`[{"support": 1, "predicted": 1, "hits": 2}]`:  NewMultiLabel(1, 0),
		`[{"support": 1, "predicted": 1, "hits": -1}]`: NewMultiLabel(1, 0),
		`{}`: NewMultiLabel(1, 0),
	} {
		if json.Unmarshal([]byte(text), to) == nil {
			t.Errorf("%T takes %s", to, text)
		}
	}
	if a != b || m != n {
		t.Error("what was refused changed something")
	}
}

func TestMultiLabelPanics(t *testing.T) {
	x := tensor.Zeros(tensor.Float32, 2, 3)
	for want, call := range map[string]func(){
		"metric.NewMultiLabel: 0 labels, threshold 0: at least 1 and a number expected":      func() { NewMultiLabel(0, 0) },
		"metric.NewMultiLabel: 1 labels, threshold NaN: at least 1 and a number expected":    func() { NewMultiLabel(1, math.NaN()) },
		"metric.NewAveragePrecision: 0 labels: at least 1 expected":                          func() { NewAveragePrecision(0) },
		"metric.MultiLabel: shapes (2, 3) and (2, 3): scores and targets (N, 2) expected":    func() { NewMultiLabel(2, 0).Update(x, x) },
		"metric.MultiLabel: shapes (2, 3) and (2): scores and targets (N, 3) expected":       func() { NewMultiLabel(3, 0).Update(x, tensor.Zeros(tensor.Float32, 2)) },
		"metric.AveragePrecision: shapes (2) and (2, 3): scores and targets (N, 3) expected": func() { NewAveragePrecision(3).Update(tensor.Zeros(tensor.Float32, 2), x) },
		"metric.MultiLabel: int64 elements, shapes (2, 3) and (2, 3): float32 or float64 targets expected": func() {
			NewMultiLabel(3, 0).Update(x, tensor.Zeros(tensor.Int64, 2, 3))
		},
		"metric.MultiLabel: averaging 7: Macro, Micro or Weighted expected": func() { NewMultiLabel(3, 0).Average(7) },
	} {
		t.Run(want, func(t *testing.T) {
			defer func() {
				if err, _ := recover().(error); !typed(err) || err.Error() != want {
					t.Errorf("panic with %v, want %s", err, want)
				}
			}()
			call()
		})
	}
}
