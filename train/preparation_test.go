package train_test

import (
	"fmt"
	"path/filepath"
	"reflect"
	"testing"

	"github.com/onehot-go/onehot/dataset"
	"github.com/onehot-go/onehot/loader"
	"github.com/onehot-go/onehot/model"
	"github.com/onehot-go/onehot/nn"
	"github.com/onehot-go/onehot/optim"
	"github.com/onehot-go/onehot/random"
	"github.com/onehot-go/onehot/tensor"
	"github.com/onehot-go/onehot/train"
	"github.com/onehot-go/onehot/transform"
)

// colours returns n pictures of 6×6 in colour, of three classes, each of which has one channel
// that is lighter than the others.
func colours(n int, t transform.Transform) *dataset.Images {
	m := &dataset.Images{Name: "colours", ClassNames: []string{"red", "green", "blue"}, Channels: 3, Height: 6, Width: 6, Transform: t}
	r := random.New(uint64(n)).Rand()
	for i := range n {
		m.Labels = append(m.Labels, i%3)
		for c := range 3 {
			for range 36 {
				v := r.IntN(120)
				if c == i%3 {
					v += 100
				}
				m.Pixels = append(m.Pixels, byte(v))
			}
		}
	}
	return m
}

// TestPreparedAlike trains a net of pictures in colour that are normalized. Its figures are the
// same, to the bit, before it is saved and after it is loaded, in batches of any size, and
// by a predictor of single pictures.
func TestPreparedAlike(t *testing.T) {
	normalize := transform.Normalize{Mean: []float32{0.4, 0.5, 0.6}, Std: []float32{0.2, 0.25, 0.3}}
	d := model.CNN([]int{3, 6, 6}, []string{"red", "green", "blue"})
	d.Preprocess = transform.Compose{transform.RGB{}, transform.Resize{Height: 6, Width: 6}, transform.ToTensor{}, normalize}
	m, err := model.New(d, random.New(0))
	if err != nil {
		t.Fatal(err)
	}
	augmented := transform.Compose{transform.RandomCrop{Height: 6, Width: 6, Padding: 1}, transform.RandomHorizontalFlip{P: 0.5},
		transform.ToTensor{}, normalize, transform.RandomErasing{P: 0.2}}
	test := colours(60, d.Preprocess)
	path := filepath.Join(t.TempDir(), "model.safetensors")
	c := train.Config{
		Model: m, Epochs: 2, Optimizer: optim.NewAdam(nn.ParameterList(m.Net), 0.01, optim.AdamOptions{}),
		Train: loader.New(colours(90, augmented), loader.Options{BatchSize: 30, Shuffle: true}),
		Test:  loader.New(test, loader.Options{BatchSize: 60}),
		Key:   random.New(0), Keep: train.Keep{Best: path},
	}
	var best train.Epoch
	for event, err := range train.Run(t.Context(), c) {
		if err != nil {
			t.Fatal(err)
		}
		if e, ok := event.(train.Epoch); ok && e.Best {
			best = e
		}
	}
	loaded, err := model.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	var logits *tensor.Tensor
	for _, size := range []int{1, 2, 7, 32, 60} {
		l := loader.New(test, loader.Options{BatchSize: size})
		e, err := train.Evaluate(loaded.Net, l, nil)
		if err != nil {
			t.Fatal(err)
		}
		if e.Score != best.Test.Score || size == 60 && !reflect.DeepEqual(e, best.Test) {
			t.Errorf("in batches of %d: %+v, before it was saved %+v", size, e, best.Test)
		}
		all, _, err := train.Predict(loaded.Net, l)
		if err != nil {
			t.Fatal(err)
		}
		if logits == nil {
			logits = all
		}
		if all.Ne(logits).Any().Item() != 0 {
			t.Errorf("in batches of %d logits are others than one by one", size)
		}
	}
	p, err := model.NewPredictor(loaded)
	if err != nil {
		t.Fatal(err)
	}
	want := logits.To(tensor.Float64).Softmax(1)
	for i := range test.Len() {
		found, err := p.Classify(test.Image(i), 3)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range found {
			if f.Probability != want.At(i, f.Index) {
				t.Errorf("picture %d: %v for %s, %v when measured", i, f.Probability, f.Class, want.At(i, f.Index))
			}
		}
	}

	// Data that are prepared otherwise are refused, and both ways are named.
	for field, wrong := range map[string]transform.Transform{
		"Train": transform.Compose{transform.RandomHorizontalFlip{P: 0.5}, transform.ToTensor{}},
		"Test":  transform.ToTensor{},
	} {
		other := c
		l := loader.New(colours(30, wrong), loader.Options{BatchSize: 30})
		if field == "Train" {
			other.Train = l
		} else {
			other.Test = l
		}
		want := fmt.Sprintf("train: %s: found inputs prepared by to-tensor, by %v as the model prepares them expected", field, d.Preprocess)
		for _, err := range train.Run(t.Context(), other) {
			if err == nil || err.Error() != want {
				t.Errorf("got  %v\nwant %s", err, want)
			}
			break
		}
	}
}
