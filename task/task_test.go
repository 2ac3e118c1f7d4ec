package task_test

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"reflect"
	"slices"
	"testing"

	"github.com/onehot-go/onehot/fault"
	"github.com/onehot-go/onehot/loss"
	"github.com/onehot-go/onehot/metric"
	"github.com/onehot-go/onehot/random"
	"github.com/onehot-go/onehot/task"
	"github.com/onehot-go/onehot/tensor"
)

var names = []string{"a", "b", "c"}

func TestScore(t *testing.T) {
	nan := math.NaN()
	for _, test := range []struct {
		score         task.Score
		x, y          float64
		better, worse bool // x than y
	}{
		{task.Accuracy, 2, 1, true, false}, {task.Accuracy, 1, 1, false, false},
		{task.Accuracy, 1, nan, true, false}, {task.Accuracy, nan, nan, false, false},
		{task.Score{Lower: true}, 2, 1, false, true}, {task.Score{Lower: true}, 1, nan, true, false},
	} {
		if b, w := test.score.Better(test.x, test.y), test.score.Better(test.y, test.x); b != test.better || w != test.worse {
			t.Errorf("%+v: %v better than %v: %t, and the other way %t", test.score, test.x, test.y, b, w)
		}
	}
	if got := task.MicroF1.Column(); got != "micro_f1" {
		t.Errorf("column %q", got)
	}
}

// outputs are logits of six samples, and what is true of them.
var (
	outputs = tensor.New([]float32{2, -1, 0, 1, 3, -2, -1, -1, 4, 0.5, 0.25, -3, -4, 1, 2, 3, -1, 1}, 6, 3)
	labels  = tensor.New([]int64{0, 1, 2, 1, 2, 0})
	holds   = tensor.New([]float32{1, 0, 0, 1, 1, 0, 0, 1, 1, 0, 0, 0, 0, 1, 1, 1, 0, 0}, 6, 3)
)

// measured returns the figures of the samples in batches of 4 and 2.
func measured(k task.Task, targets *tensor.Tensor) (task.Figures, task.Running) {
	m, r := k.NewMeter(names), k.NewRunning(names)
	for _, part := range [][2]int{{0, 4}, {4, 2}} {
		x, y := outputs.Narrow(0, part[0], part[1]), targets.Narrow(0, part[0], part[1])
		m.Update(x, y)
		r.Update(x, y)
	}
	return m.Figures(), r
}

// TestBatchesOfAnySize checks that figures have the same bits in batches of any size.
func TestBatchesOfAnySize(t *testing.T) {
	const n = 50
	r := random.New(1).Rand()
	outputs := tensor.Normal(tensor.Float32, r, 0, 2, n, 3)
	classes, vectors := tensor.Zeros(tensor.Int64, n), tensor.Zeros(tensor.Float32, n, 3)
	for i := range n {
		classes.Select(0, i).FillInPlace(float64(i % 3))
		vectors.Select(0, i).Select(0, i%2).FillInPlace(1)
	}
	for _, c := range []struct {
		task    task.Task
		targets *tensor.Tensor
	}{{task.Classification{}, classes}, {task.MultiLabel{}, vectors}} {
		k, targets := c.task, c.targets
		var want task.Figures
		for _, size := range []int{n, 1, 2, 7, 16, 49} {
			m := k.NewMeter(names)
			for at := 0; at < n; at += size {
				m.Update(outputs.Narrow(0, at, min(size, n-at)), targets.Narrow(0, at, min(size, n-at)))
			}
			got := m.Figures()
			if want == nil {
				want = got
			}
			if !reflect.DeepEqual(got, want) {
				t.Errorf("%s: batches of %d: got %+v, want %+v", k.Name(), size, got, want)
			}
		}
	}
}

func TestClassification(t *testing.T) {
	f, r := measured(task.Classification{}, labels)
	got, ok := f.(task.ByClass)
	c := metric.NewConfusion(3)
	c.Update(outputs, labels)
	wantLoss := (loss.CrossEntropy{}).Forward(outputs, labels).Item()
	if want := task.NewByClass(names, got.Loss, c); !ok || !reflect.DeepEqual(got, want) || math.Abs(got.Loss-wantLoss) > 1e-6 {
		t.Errorf("got %+v, want %+v and loss %v", f, want, wantLoss)
	}
	if l, score := f.Summary(); l != got.Loss || score != c.Accuracy() || r.Result() != score {
		t.Errorf("loss %v, score %v, running score %v", l, score, r.Result())
	}
	tables := f.Tables()
	if want := [][]string{{"a 0", "2", "0", "0"}, {"b 1", "1", "1", "0"}, {"c 2", "0", "0", "2"}}; !reflect.DeepEqual(tables[1].Rows, want) {
		t.Errorf("confusion %v, want %v", tables[1].Rows, want)
	}
	if want := []string{"a", "0.667", "1.000", "0.800", "2"}; !reflect.DeepEqual(tables[0].Rows[0], want) {
		t.Errorf("first class %v, want %v", tables[0].Rows[0], want)
	}
}

// TestMacro compares means over classes with scikit-learn 1.2's precision_recall_fscore_support with
// average="macro" and zero_division=0. Of four classes the third has no sample, and the last is not
// there at all.
func TestMacro(t *testing.T) {
	for _, c := range []struct {
		labels, said          []int64
		precision, recall, f1 float64
	}{
		{[]int64{0, 0, 0, 1, 1}, []int64{0, 0, 2, 1, 0}, 0.5555555555555555, 0.38888888888888884, 0.4444444444444444},
		{[]int64{0, 0, 0, 1, 1}, []int64{0, 0, 1, 1, 0}, 0.5833333333333333, 0.5833333333333333, 0.5833333333333333},
		{nil, nil, 0, 0, 0},
	} {
		m := metric.NewConfusion(4)
		for i, label := range c.labels {
			scores := make([]float64, 4)
			scores[c.said[i]] = 1
			m.Update(tensor.New(scores, 1, 4), tensor.New([]int64{label}, 1))
		}
		precision, recall, f1 := task.NewByClass([]string{"a", "b", "c", "d"}, 0, m).Macro()
		if math.Abs(precision-c.precision) > 1e-15 || math.Abs(recall-c.recall) > 1e-15 || math.Abs(f1-c.f1) > 1e-15 {
			t.Errorf("%v said to be %v: got %v, %v and %v, want %v, %v and %v", c.labels, c.said, precision, recall, f1, c.precision, c.recall, c.f1)
		}
	}
}

// TestClassificationJSON holds the form of metrics.json.
func TestClassificationJSON(t *testing.T) {
	c := metric.NewConfusion(2)
	c.Update(tensor.New([]float64{1, 0, 0, 1, 1, 0, 1, 0}, 4, 2), tensor.New([]int64{0, 1, 1, 0}))
	figures := task.NewByClass([]string{"T-shirt/top", "Kleid für Größe"}, 0.81234, c)
	got, err := json.Marshal(figures)
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"accuracy":0.75,"loss":0.81234,"classes":[` +
		`{"name":"T-shirt/top","precision":0.6666666666666666,"recall":1,"f1":0.8,"support":2},` +
		`{"name":"Kleid für Größe","precision":1,"recall":0.5,"f1":0.6666666666666666,"support":2}],` +
		`"confusion":[[2,0],[1,1]]}`
	if string(got) != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	var back task.ByClass
	if err := json.Unmarshal(got, &back); err != nil || !reflect.DeepEqual(back, figures) {
		t.Errorf("read back: %+v (%v)", back, err)
	}
}

// TestMultiLabel compares the figures with those of the metrics that scikit-learn's numbers
// were compared with.
func TestMultiLabel(t *testing.T) {
	for _, thresholds := range [][]float64{nil, {0.5, 0.5, 0.5}, {0.8, 0.3, 0.6}} {
		k := task.MultiLabel{Thresholds: thresholds}
		f, r := measured(k, holds)
		got, ok := f.(task.ByLabel)
		if !ok {
			t.Fatalf("figures are a %T", f)
		}
		if thresholds == nil {
			thresholds = []float64{0.5, 0.5, 0.5}
		}
		counts, ranks := metric.NewMultiLabel(3, -1e-12), metric.NewAveragePrecision(3)
		counts.Update(outputs.Sigmoid().To(tensor.Float64).Sub(tensor.New(thresholds, 3)), holds)
		ranks.Update(outputs, holds)
		if got.MicroF1 != counts.Average(metric.Micro).F1 || got.MacroF1 != counts.Average(metric.Macro).F1 || got.MeanAveragePrecision != ranks.Mean() {
			t.Errorf("thresholds %v: got %+v", thresholds, got)
		}
		for i, l := range got.Labels {
			c := counts.Result()[i]
			if want := (task.LabelFigures{names[i], c.Precision, c.Recall, c.F1, ranks.Result()[i], thresholds[i], c.Support}); l != want {
				t.Errorf("thresholds %v: got %+v, want %+v", thresholds, l, want)
			}
		}
		if want := (loss.BCEWithLogits{}).Forward(outputs, holds).Item(); math.Abs(got.Loss-want) > 1e-6 {
			t.Errorf("loss %v, want %v", got.Loss, want)
		}
		if l, score := f.Summary(); l != got.Loss || score != got.MicroF1 || r.Result() != score {
			t.Errorf("loss %v, score %v, running score %v", l, score, r.Result())
		}
		if tables := f.Tables(); len(tables[0].Rows) != 3 || len(tables[0].Rows[0]) != len(tables[0].Header) || len(tables[1].Rows[0]) != len(tables[1].Header) {
			t.Errorf("tables %v", tables)
		}
	}
	for _, thresholds := range [][]float64{{0.5, -1, 0.5}, {0.5, 0.5, 1.1}, {math.NaN(), 0.5, 0.5}, {0.5}} {
		func() {
			defer func() {
				if _, ok := recover().(*fault.OptionError); !ok {
					t.Errorf("thresholds %v are taken", thresholds)
				}
			}()
			task.MultiLabel{Thresholds: thresholds}.NewMeter(names)
		}()
	}
}

// TestThresholds compares thresholds that are chosen, and the figures by them, with scikit-learn's.
func TestThresholds(t *testing.T) {
	text, err := os.ReadFile("testdata/multilabel.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []struct {
		Name                                  string
		Logits, Targets                       [][]float32
		Thresholds, Precision, Recall, F1     []float64
		Support                               []int
		Micro, Macro, Samples, Exact, Hamming float64
	}
	if err := json.Unmarshal(text, &cases); err != nil {
		t.Fatal(err)
	}
	near := func(x, y float64) bool { return math.Abs(x-y) < 1e-6 } // logits are of float32 here
	for _, c := range cases {
		n, labels := len(c.Logits), len(c.Thresholds)
		outputs, targets := tensor.New(slices.Concat(c.Logits...), n, labels), tensor.New(slices.Concat(c.Targets...), n, labels)
		thresholds, missing := task.ChooseThresholds(outputs, targets)
		var none []int
		for i, s := range c.Support {
			if s == 0 {
				none = append(none, i)
			}
		}
		if !slices.EqualFunc(thresholds, c.Thresholds, near) || !slices.Equal(missing, none) {
			t.Errorf("%s: thresholds %v, %v of no sample, want %v and %v", c.Name, thresholds, missing, c.Thresholds, none)
		}
		m := task.MultiLabel{Thresholds: thresholds}.NewMeter(make([]string, labels))
		m.Update(outputs.Narrow(0, 0, 2), targets.Narrow(0, 0, 2))
		m.Update(outputs.Narrow(0, 2, n-2), targets.Narrow(0, 2, n-2))
		f := m.Figures().(task.ByLabel)
		if !near(f.MicroF1, c.Micro) || !near(f.MacroF1, c.Macro) || !near(f.SamplesF1, c.Samples) || !near(f.SubsetAccuracy, c.Exact) || !near(f.HammingLoss, c.Hamming) {
			t.Errorf("%s: got %+v, want %+v", c.Name, f, c)
		}
		for i, l := range f.Labels {
			if !near(l.Precision, c.Precision[i]) || !near(l.Recall, c.Recall[i]) || !near(l.F1, c.F1[i]) || l.Support != c.Support[i] || l.Threshold != thresholds[i] {
				t.Errorf("%s, label %d: got %+v, want %v, %v, %v and %d", c.Name, i, l, c.Precision[i], c.Recall[i], c.F1[i], c.Support[i])
			}
		}
	}
}

// TestRunningIsSaved checks that a running score goes on from what was saved.
func TestRunningIsSaved(t *testing.T) {
	for _, k := range []struct {
		task    task.Task
		targets *tensor.Tensor
	}{{task.Classification{}, labels}, {task.MultiLabel{}, holds}} {
		_, whole := measured(k.task, k.targets)
		first, second := k.task.NewRunning(names), k.task.NewRunning(names)
		first.Update(outputs.Narrow(0, 0, 2), k.targets.Narrow(0, 0, 2))
		text, err := json.Marshal(first)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(text, second); err != nil {
			t.Fatal(err)
		}
		second.Update(outputs.Narrow(0, 2, 4), k.targets.Narrow(0, 2, 4))
		if second.Result() != whole.Result() {
			t.Errorf("%s: %v, want %v", k.task.Name(), second.Result(), whole.Result())
		}
	}
}

func TestCheck(t *testing.T) {
	for _, test := range []struct {
		task             task.Task
		outputs, targets *tensor.Tensor
		want             string // "" where they fit
	}{
		{task.Classification{}, outputs, labels, ""},
		{task.Classification{}, outputs.Narrow(1, 0, 2), labels, "found outputs of shape [6 2], (N, 3) expected for the 3 classes"},
		{task.Classification{}, outputs, holds, "found targets of float32 [6 3] for 6 samples, a class of int64 for each expected"},
		{task.Classification{}, outputs, labels.AddScalar(1), "found the label 3 of sample 2, 0 to 2 expected"},
		{task.MultiLabel{}, outputs, holds, ""},
		{task.MultiLabel{}, outputs.Reshape(18), holds, "found outputs of shape [18], (N, 3) expected for the 3 classes"},
		{task.MultiLabel{}, outputs, labels, "found targets of int64 [6], float32 [6 3] expected"},
		{task.MultiLabel{}, outputs, holds.MulScalar(2), "found the target 2 of label 0 of sample 0, 0 to 1 expected"},
	} {
		err := test.task.Check(test.outputs, test.targets, names)
		if got := errorText(err); got != test.want {
			t.Errorf("%s: got %q, want %q", test.task.Name(), got, test.want)
		}
	}
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// TestTablesOfMany has more classes than a matrix of them can be read: the pairs that are confused
// are listed, those with most samples first.
func TestTablesOfMany(t *testing.T) {
	for classes, title := range map[int]string{50: "confusion: true class in rows, predicted class in columns", 51: "confused most often"} {
		var f task.ByClass
		for i := range classes {
			f.Classes = append(f.Classes, task.ClassFigures{Name: fmt.Sprint("class ", i)})
			f.Confusion = append(f.Confusion, make([]int, classes))
			f.Confusion[i][i] = 9
			f.Confusion[i][(i+1)%classes] = i % 5
		}
		f.Confusion[7][3] = 8
		tables := f.Tables()
		if len(tables) != 2 || len(tables[0].Rows) != classes || tables[1].Title != title {
			t.Fatalf("%d classes: %d tables, the second called %q", classes, len(tables), tables[1].Title)
		}
		if classes == 50 {
			continue
		}
		rows := tables[1].Rows
		if len(rows) != 20 || !slices.Equal(rows[0], []string{"class 7", "class 3", "8"}) || !slices.Equal(rows[1], []string{"class 4", "class 5", "4"}) ||
			!slices.Equal(rows[11], []string{"class 3", "class 4", "3"}) {
			t.Errorf("rows %v", rows)
		}
	}
}
