package train_test

import (
	"math"
	"slices"
	"testing"

	"github.com/onehot-go/onehot/dataset"
	"github.com/onehot-go/onehot/loader"
	"github.com/onehot-go/onehot/model"
	"github.com/onehot-go/onehot/nn"
	"github.com/onehot-go/onehot/optim"
	"github.com/onehot-go/onehot/random"
	"github.com/onehot-go/onehot/task"
	"github.com/onehot-go/onehot/tensor"
	"github.com/onehot-go/onehot/train"
)

// singly gives the samples of a data set one by one, not by writing batches.
type singly struct{ dataset.Dataset }

// TestAgreement holds that a model has one answer, to the bit, whoever asks it: the loop's evaluation after an
// epoch, Evaluate and Predict of the saved model, in batches of other sizes and by samples that are read one
// by one, and a Predictor of it.
func TestAgreement(t *testing.T) {
	for name, define := range map[string]func(shape []int, classes []string) model.Definition{
		"softmax": model.Softmax, "lenet": model.LeNet, "cnn": model.CNN, "resnet": model.ResNet,
		"mlp": func(shape []int, classes []string) model.Definition { return model.MLP(shape, []int{20}, classes) },
	} {
		t.Run(name, func(t *testing.T) {
			training, test := blobs(40, 18, random.New(1)), blobs(31, 18, random.New(2))
			d := define(training.Shape(), training.Classes())
			m, err := model.New(d, random.New(4))
			if err != nil {
				t.Fatal(err)
			}
			events, err := run(t.Context(), train.Config{
				Model: m, Optimizer: optim.NewSGD(nn.ParameterList(m.Net), 0.01, optim.SGDOptions{}), Epochs: 1,
				Train: loader.New(training, loader.Options{BatchSize: 8, Shuffle: true}), Test: loader.New(test, loader.Options{BatchSize: 13}),
			})
			if err != nil {
				t.Fatal(err)
			}
			want := epochs(events)[0].Test
			path := t.TempDir() + "/model.safetensors"
			if err := m.Save(path); err != nil {
				t.Fatal(err)
			}
			if m, err = model.Load(path); err != nil {
				t.Fatal(err)
			}
			p, err := model.NewPredictor(m)
			if err != nil {
				t.Fatal(err)
			}
			logits := map[string]*tensor.Tensor{}
			for way, source := range map[string]loader.Source{
				"the loop's batches": loader.New(test, loader.Options{BatchSize: 13}),
				"one batch":          loader.New(test, loader.Options{BatchSize: 31}),
				"one by one":         loader.New(singly{test}, loader.Options{BatchSize: 5}),
			} {
				e, err := train.Evaluate(m.Net, source, nil)
				if err != nil {
					t.Fatal(err)
				}
				if e.Loss != want.Loss || e.Score != want.Score {
					t.Errorf("%s: loss %v and score %v, the loop found %v and %v", way, e.Loss, e.Score, want.Loss, want.Score)
				}
				if logits[way], _, err = train.Predict(m.Net, source); err != nil {
					t.Fatal(err)
				}
			}
			all := tensor.Values[float32](logits["one batch"])
			for way, l := range logits {
				if !slices.Equal(tensor.Values[float32](l), all) {
					t.Errorf("%s: other logits than in one batch", way)
				}
			}
			sum := 0.0
			for i := range test.Len() {
				x, err := p.Prepare(test.Image(i))
				if err != nil {
					t.Fatal(err)
				}
				got, probabilities := make([]float32, 3), make([]float64, 3)
				if err := p.Run(got, probabilities, tensor.Data[float32](x)); err != nil {
					t.Fatal(err)
				}
				if !slices.Equal(got, all[3*i:3*i+3]) {
					t.Errorf("picture %d: the predictor gives %v, Predict %v", i, got, all[3*i:3*i+3])
				}
				sum -= math.Log(probabilities[test.Labels[i]])
			}
			if loss := sum / float64(test.Len()); math.Abs(loss-want.Loss) > 1e-6*math.Abs(loss) {
				t.Errorf("the predictor's loss is %v, the loop's %v", loss, want.Loss)
			}
		})
	}
}

// TestAgreementOfEnsembles holds that an ensemble of compiled members, with mirror images, is measured as by their
// layers.
func TestAgreementOfEnsembles(t *testing.T) {
	test := blobs(31, 12, random.New(2))
	e := &train.Ensemble{Mirrored: true}
	for i := range uint64(2) {
		m, err := model.New(model.CNN(test.Shape(), test.Classes()), random.New(i))
		if err != nil {
			t.Fatal(err)
		}
		e.Members = append(e.Members, m.Net)
	}
	source := loader.New(test, loader.Options{BatchSize: 31})
	batch, err := source.First(0)
	if err != nil {
		t.Fatal(err)
	}
	want := tensor.Values[float32](e.Forward(batch.Inputs.NoGrad().Evaluation()))
	logits, _, err := train.Predict(e, source)
	if err != nil {
		t.Fatal(err)
	}
	for i, v := range tensor.Values[float32](logits) {
		if math.Abs(float64(v-want[i])) > 1e-5 {
			t.Errorf("logit %d: %v, by layers %v", i, v, want[i])
		}
	}
}

// labelled is blobs whose targets say of every band whether it is light, as vectors that are written in batches.
type labelled struct{ *dataset.Images }

func (l labelled) Batch() (dataset.Fill, dataset.Row) {
	fill, row := l.Images.Batch()
	row.Vector = 3
	return func(to dataset.Memory, indices []int, chance dataset.Chance) {
		vectors := to.Vectors
		to.Vectors, to.Classes = nil, make([]int64, len(indices))
		fill(to, indices, chance)
		clear(vectors)
		for i, c := range to.Classes {
			vectors[3*i+int(c)] = 1
		}
	}, row
}

// TestVectorTargets measures a net on targets that are vectors.
func TestVectorTargets(t *testing.T) {
	data := blobs(31, 4, random.New(2))
	net := nn.NewSequential(nn.Flatten{}, nn.NewLinear(16, 3, random.New(1).Rand()))
	e, err := train.Evaluate(net, loader.New(labelled{data}, loader.Options{BatchSize: 8}), task.MultiLabel{})
	if err != nil {
		t.Fatal(err)
	}
	logits, targets, err := train.Predict(net, loader.New(labelled{data}, loader.Options{BatchSize: 9}))
	if err != nil {
		t.Fatal(err)
	}
	sum := 0.0
	for i, x := range tensor.Values[float64](logits) {
		y := tensor.Values[float64](targets)[i]
		if (y == 1) != (i%3 == data.Labels[i/3]) || y != 1 && y != 0 {
			t.Fatalf("target %d is %v", i, y)
		}
		sum += math.Log1p(math.Exp(x)) - x*y
	}
	if want := sum / 93; math.Abs(e.Loss-want) > 1e-6 {
		t.Errorf("loss %v, want %v", e.Loss, want)
	}
}
