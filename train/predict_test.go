package train_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/onehot-go/onehot/dataset"
	"github.com/onehot-go/onehot/loader"
	"github.com/onehot-go/onehot/metric"
	"github.com/onehot-go/onehot/nn"
	"github.com/onehot-go/onehot/random"
	"github.com/onehot-go/onehot/tensor"
	"github.com/onehot-go/onehot/train"
	"github.com/onehot-go/onehot/transform"
)

// TestPredict compares predictions with Evaluate, for batches of which the last is short.
func TestPredict(t *testing.T) {
	c := setup(t)
	c.Epochs = 3
	if _, err := run(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	logits, labels, err := train.Predict(c.Model.Net, c.Test)
	if err != nil {
		t.Fatal(err)
	}
	if got := logits.Shape(); !slices.Equal(got, []int{31, 3}) || !slices.Equal(labels.Shape(), []int{31}) {
		t.Fatalf("logits %v and labels %v, want (31, 3) and 31", got, labels.Shape())
	}
	for i, label := range tensor.Values[int64](labels) {
		if label != int64(i%3) {
			t.Errorf("label %d of sample %d, want %d", label, i, i%3)
		}
	}
	confusion := metric.NewConfusion(3)
	confusion.Update(logits, labels)
	want, err := train.Evaluate(c.Model.Net, c.Test, nil)
	if err != nil {
		t.Fatal(err)
	}
	for k, row := range confusion.Counts() {
		if !slices.Equal(row, byClass(want).Confusion[k]) {
			t.Errorf("class %d predicted as %v, want %v", k, row, byClass(want).Confusion[k])
		}
	}
}

// TestPredictRestores checks that dropout drops nothing in predictions, and does again
// afterwards.
func TestPredictRestores(t *testing.T) {
	c := setup(t)
	dropout := nn.NewDropout(0.5)
	net := nn.NewSequential(c.Model.Net, dropout)
	a, _, err := train.Predict(net, c.Test)
	if err != nil {
		t.Fatal(err)
	}
	b, _, err := train.Predict(c.Model.Net, c.Test)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(tensor.Values[float32](a), tensor.Values[float32](b)) {
		t.Error("dropout changed the predictions")
	}
	if !dropout.Training() {
		t.Error("the net is no longer in training")
	}
}

func TestPredictNothing(t *testing.T) {
	c := setup(t)
	l := loader.New(blobs(0, 4, random.New(1)), loader.Options{BatchSize: 4})
	_, _, err := train.Predict(c.Model.Net, l)
	if e, ok := errors.AsType[*train.SetupError](err); !ok || e.Field != "Test" {
		t.Errorf("error %v", err)
	}
}

func TestPredictError(t *testing.T) {
	c := setup(t)
	data := blobs(5, 4, random.New(1))
	data.Transform = transform.Resize{} // to no size
	_, _, err := train.Predict(c.Model.Net, loader.New(dataset.Dataset(data), loader.Options{BatchSize: 4}))
	if e, ok := errors.AsType[*transform.Error](err); !ok {
		t.Errorf("error %v (%v), want the transform's", err, e)
	}
}
