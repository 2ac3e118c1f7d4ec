package train_test

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/onehot-go/onehot/dataset"
	"github.com/onehot-go/onehot/fault"
	"github.com/onehot-go/onehot/loader"
	"github.com/onehot-go/onehot/model"
	"github.com/onehot-go/onehot/nn"
	"github.com/onehot-go/onehot/random"
	"github.com/onehot-go/onehot/tensor"
	"github.com/onehot-go/onehot/train"
	"github.com/onehot-go/onehot/transform"
)

// rows are samples of numbers; testdata/crossvalidate.py has the same ones.
type rows struct {
	values [][]float32
	labels []int
}

func newRows() *rows {
	r := &rows{}
	state := int64(1)
	for i := range 90 {
		row := make([]float32, 12)
		for j := range row {
			state = (state*1103515245 + 12345) % (1 << 31)
			v := float64(state)/(1<<31)*2 - 1
			if j%3 == i%3 {
				v += 0.6
			}
			row[j] = float32(max(0, v))
		}
		r.values, r.labels = append(r.values, row), append(r.labels, i%3)
	}
	return r
}

func (r *rows) Len() int          { return len(r.labels) }
func (r *rows) Classes() []string { return []string{"a", "b", "c"} }
func (r *rows) Sample(i int, _ random.Key) (dataset.Sample, error) {
	return dataset.Sample{Input: transform.Input{Tensor: tensor.New(r.values[i])}, Target: dataset.Class(r.labels[i])}, nil
}

// folds are three, as in testdata/crossvalidate.py.
func folds() []train.Fold {
	folds := make([]train.Fold, 3)
	for i := range 90 {
		for k := range folds {
			if i/3%3 == k {
				folds[k].Measure = append(folds[k].Measure, i)
			} else {
				folds[k].Fit = append(folds[k].Fit, i)
			}
		}
	}
	return folds
}

// TestCrossValidateL2 compares a path of strengths, and the fits to all samples, with scikit-learn's.
func TestCrossValidateL2(t *testing.T) {
	text, err := os.ReadFile("testdata/crossvalidate.json")
	if err != nil {
		t.Fatal(err)
	}
	var want []struct {
		L2, Loss, Accuracy float64
		Probabilities      [][]float64
	}
	if err := json.Unmarshal(text, &want); err != nil {
		t.Fatal(err)
	}
	data := newRows()
	var strengths []float64
	for _, w := range want {
		strengths = append(strengths, w.L2)
	}
	fits := 0
	got, err := train.CrossValidateL2(t.Context(), data, 12, folds(), strengths, func(done, total int) {
		if fits++; done != fits || total != 12 {
			t.Errorf("%d of %d are done", done, total)
		}
	})
	if err != nil || len(got) != len(want) {
		t.Fatalf("got %v, %v", got, err)
	}
	for i, w := range want {
		if g := got[i]; g.L2 != w.L2 || math.Abs(g.Loss-w.Loss) > 2e-4*w.Loss || g.Accuracy != w.Accuracy {
			t.Errorf("got %+v, want %+v", g, w)
		}
		layer := nn.NewLinear(12, 3, random.New(1).Rand())
		f, err := train.NewFullBatch(layer, data, 1, w.L2)
		if err != nil {
			t.Fatal(err)
		}
		f.Iterations = 1000
		f.Step()
		p := layer.Forward(tensor.New(slices.Concat(data.values[:3]...), 3, 12)).Softmax(1)
		for k, v := range tensor.Values[float64](p) {
			if want := w.Probabilities[k/3][k%3]; math.Abs(v-want) > 1e-3 {
				t.Errorf("L2 of %g: probability %d is %v, want %v", w.L2, k, v, want)
			}
		}
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := train.CrossValidateL2(ended, data, 12, folds(), strengths, nil); err != context.Canceled {
		t.Errorf("got %v", err)
	}
	for name, f := range map[string]func(){
		"no folds":             func() { train.CrossValidateL2(t.Context(), data, 12, nil, strengths, nil) },
		"an empty fold":        func() { train.CrossValidateL2(t.Context(), data, 12, make([]train.Fold, 2), strengths, nil) },
		"strengths that rise":  func() { train.CrossValidateL2(t.Context(), data, 12, folds(), []float64{1, 2}, nil) },
		"a negative strength":  func() { train.CrossValidateL2(t.Context(), data, 12, folds(), []float64{-1}, nil) },
		"a strength that is 0": nil,
	} {
		var raised any
		func() {
			defer func() { raised = recover() }()
			if f != nil {
				f()
			}
		}()
		_, isOption := raised.(*fault.OptionError)
		if isOption != (f != nil) {
			t.Errorf("%s: panicked with %v", name, raised)
		}
	}
}

// TestIterations holds that a step of several iterations ends where as many steps of one do, and that the
// whole model is what is kept of a part that was trained.
func TestIterations(t *testing.T) {
	data := newRows()
	ends := make([]*nn.Linear, 2)
	for k := range ends {
		ends[k] = nn.NewLinear(12, 3, random.New(1).Rand())
		f, err := train.NewFullBatch(ends[k], data, 1, 0.01)
		if err != nil {
			t.Fatal(err)
		}
		f.Iterations = []int{0, 6}[k]
		for range []int{6, 1}[k] {
			f.Step()
		}
	}
	if ends[0].Weight.Ne(ends[1].Weight).Any().Item() != 0 {
		t.Error("six iterations are no step of six")
	}
}

// TestWhole trains the last layer of a net, on what the layers before it make of the samples: the whole net
// is what is kept.
func TestWhole(t *testing.T) {
	classes := []string{"a", "b", "c"}
	whole, err := model.New(model.MLP([]int{4}, []int{12}, classes), random.New(1))
	if err != nil {
		t.Fatal(err)
	}
	last := model.Definition{Name: "last", Classes: classes, InputShape: []int{12}, Layers: whole.Layers[len(whole.Layers)-1:], Preprocess: transform.Compose{}}
	head := whole.Net.Layer(last.Layers[0].Name).(*nn.Linear)
	part := &model.Model{Definition: last, Net: nn.NewSequential(nn.Named(last.Layers[0].Name, head))}
	data := newRows()
	f, err := train.NewFullBatch(head, data, 1, 0.01)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "best.safetensors")
	batches := loader.New(data, loader.Options{BatchSize: 90})
	c := train.Config{Model: part, Whole: whole, Optimizer: f, Train: batches, Test: batches, Epochs: 2, Keep: train.Keep{Best: path}}
	for _, err := range train.Run(t.Context(), c) {
		if err != nil {
			t.Fatal(err)
		}
	}
	saved, err := model.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	if saved.Name != "mlp" || saved.Net.Layer(last.Layers[0].Name).(*nn.Linear).Weight.Ne(head.Weight).Any().Item() != 0 {
		t.Errorf("kept is %s", saved.Name)
	}
	c.EMA = train.NewEMA(part, 0.9)
	if e, ok := errors.AsType[*train.SetupError](train.Check(c)); !ok || e.Field != "Whole" {
		t.Errorf("an EMA too: %v", e)
	}
}
