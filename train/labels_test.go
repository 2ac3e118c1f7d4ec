package train_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/onehot-go/onehot/dataset"
	"github.com/onehot-go/onehot/dataset/table"
	"github.com/onehot-go/onehot/internal/reference"
	"github.com/onehot-go/onehot/loader"
	"github.com/onehot-go/onehot/loss"
	"github.com/onehot-go/onehot/metric"
	"github.com/onehot-go/onehot/model"
	"github.com/onehot-go/onehot/nn"
	"github.com/onehot-go/onehot/random"
	"github.com/onehot-go/onehot/task"
	"github.com/onehot-go/onehot/tensor"
	"github.com/onehot-go/onehot/train"
)

// labelRows are rows of numbers with any number of labels each, and scikit-learn's fits to them.
type labelRows struct {
	Rows, Labels []reference.Array
	Fits         []struct {
		L2                      float64
		Weight, Bias, Objective reference.Array
	}
}

func (f *labelRows) data() dataset.LabelSets {
	x, y := f.Rows[0].Tensor(), f.Labels[0].Tensor()
	rows := &table.Samples{Name: "rows", ClassNames: []string{"a", "b", "c"}, Width: x.Size(1), Features: tensor.Values[float32](x), Labels: make([]int, x.Size(0))}
	sets := dataset.LabelSets{Dataset: rows, Of: make([][]int, x.Size(0))}
	for i, v := range tensor.Values[int64](y) {
		if v == 1 {
			sets.Of[i/3] = append(sets.Of[i/3], i%3)
		}
	}
	for i := range rows.Labels {
		rows.Rows = append(rows.Rows, i)
	}
	return sets
}

// TestFullBatchOfLabels compares fits to several labels with those of scikit-learn's OneVsRestClassifier, of rows that are
// filled and of others that are kept.
func TestFullBatchOfLabels(t *testing.T) {
	var file labelRows
	reference.Load(t, "testdata/onevsrest.json", &file)
	for _, want := range file.Fits {
		for name, data := range map[string]dataset.Dataset{"filled": file.data(), "kept": onlySamples{file.data()}} {
			layer, f := newFullBatch(t, data, 5, want.L2)
			for range 60 {
				f.Step()
			}
			if err := reference.Compare(tensor.Scalar(f.Objective()), want.Objective, 1e-6); err != nil {
				t.Errorf("%s, l2 %v: objective: %v", name, want.L2, err)
			}
			if d := distance(layer.Weight.Detach(), want.Weight.Tensor()); !(d < 2e-3) {
				t.Errorf("%s, l2 %v: the weight is off by %.1e of it", name, want.L2, d)
			}
			if d := distance(layer.Bias.Detach(), want.Bias.Tensor()); !(d < 2e-3) {
				t.Errorf("%s, l2 %v: the bias is off by %.1e of it", name, want.L2, d)
			}
		}
	}
}

// TestFullBatchRunOfLabels fits in a run: its figures are the task's.
func TestFullBatchRunOfLabels(t *testing.T) {
	var file labelRows
	reference.Load(t, "testdata/onevsrest.json", &file)
	data := file.data()
	data.Dataset = onlySamples{data.Dataset} // which does not say that its rows are a table's
	d := model.Softmax([]int{5}, data.Classes())
	d.Task = task.MultiLabel{}.Name()
	m, err := model.New(d, random.New(1))
	if err != nil {
		t.Fatal(err)
	}
	f, err := train.NewFullBatch(m.Net.Layer("linear").(*nn.Linear), data, 1, 0.01)
	if err != nil {
		t.Fatal(err)
	}
	f.Iterations = 20
	source := loader.New(data, loader.Options{BatchSize: 32})
	var last train.Epoch
	for e, err := range train.Run(context.Background(), train.Config{Model: m, Optimizer: f, Train: source, Test: source, Epochs: 1}) {
		if err != nil {
			t.Fatal(err)
		}
		if e, ok := e.(train.Epoch); ok {
			last = e
		}
	}
	outputs, targets, err := train.Predict(m.Net, source)
	if err != nil {
		t.Fatal(err)
	}
	counts := metric.NewMultiLabel(3, 0)
	counts.Update(outputs, targets)
	want := loss.BCEWithLogits{}.Forward(outputs, targets).Item()
	if f1 := counts.Average(metric.Micro).F1; last.TrainScore != f1 || last.Test.Score != f1 || f1 < 0.7 {
		t.Errorf("scores %v and %v, want %v", last.TrainScore, last.Test.Score, f1)
	}
	if d := last.TrainLoss - want; d > 1e-5 || d < -1e-5 {
		t.Errorf("loss %v, want %v", last.TrainLoss, want)
	}
	// The targets of a task, and those that a fit is of, are of one kind.
	m.Task = ""
	rows := data.Dataset
	for _, c := range []struct {
		task task.Task
		want string
	}{
		{task.Classification{}, "train: Optimizer: found a FullBatch of other targets than the task classification has"},
		{task.MultiLabel{}, "train: Train: multi-label: found targets of int64 [1], float32 [1 3] expected"},
	} {
		err := train.Check(train.Config{Model: m, Task: c.task, Optimizer: f, Train: loader.New(rows, loader.Options{BatchSize: 32}), Epochs: 1})
		if fmt.Sprint(err) != c.want {
			t.Errorf("%s: got %v, want %s", c.task.Name(), err, c.want)
		}
	}
}

// TestEnsembleOfLabels averages probabilities that are sigmoids.
func TestEnsembleOfLabels(t *testing.T) {
	r := random.New(1).Rand()
	one, other := nn.NewLinear(4, 3, r), nn.NewLinear(4, 3, r)
	x := tensor.Normal(tensor.Float32, r, 0, 3, 5, 4)
	e := &train.Ensemble{Members: []nn.Module{one, other}, SeveralLabels: true}
	want := one.Forward(x).Sigmoid().Add(other.Forward(x).Sigmoid()).DivScalar(2)
	if got := e.Forward(x).Sigmoid(); distance(got, want) > 1e-6 {
		t.Errorf("got %v, want %v", got, want)
	}
}
