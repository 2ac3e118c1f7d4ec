package train_test

import (
	"math"
	"testing"

	"github.com/onehot-go/onehot/nn"
	"github.com/onehot-go/onehot/random"
	"github.com/onehot-go/onehot/tensor"
	"github.com/onehot-go/onehot/train"
)

// TestEnsemble compares an ensemble with the mean of probabilities written out.
func TestEnsemble(t *testing.T) {
	r := random.New(3).Rand()
	a := nn.NewSequential(nn.Flatten{}, nn.NewLinear(6, 3, r))
	b := nn.NewSequential(nn.Flatten{}, nn.NewLinear(6, 3, r))
	x := tensor.Normal(tensor.Float32, r, 0, 1, 4, 1, 2, 3)
	mirrored := tensor.Zeros(tensor.Float32, 4, 1, 2, 3)
	for i := range 3 {
		mirrored.Select(3, 2-i).CopyInPlace(x.Select(3, i))
	}
	for name, c := range map[string]struct {
		e       train.Ensemble
		outputs []*tensor.Tensor // logits whose probabilities are averaged
	}{
		"one":          {train.Ensemble{Members: []nn.Module{a}}, []*tensor.Tensor{a.Forward(x)}},
		"two":          {train.Ensemble{Members: []nn.Module{a, b}}, []*tensor.Tensor{a.Forward(x), b.Forward(x)}},
		"mirrored":     {train.Ensemble{Members: []nn.Module{a}, Mirrored: true}, []*tensor.Tensor{a.Forward(x), a.Forward(mirrored)}},
		"two mirrored": {train.Ensemble{Members: []nn.Module{a, b}, Mirrored: true}, []*tensor.Tensor{a.Forward(x), a.Forward(mirrored), b.Forward(x), b.Forward(mirrored)}},
	} {
		got := c.e.Forward(x)
		for i := range 4 {
			for k := range 3 {
				mean := 0.0
				for _, y := range c.outputs {
					sum := 0.0
					for j := range 3 {
						sum += math.Exp(y.At(i, j))
					}
					mean += math.Exp(y.At(i, k)) / sum / float64(len(c.outputs))
				}
				if p := math.Exp(got.At(i, k)); math.Abs(p-mean) > 1e-6 {
					t.Errorf("%s: probability %v of sample %d and class %d, want %v", name, p, i, k, mean)
				}
			}
		}
	}
}

// TestEnsembleInEvaluation checks that members are in evaluation while they are measured.
func TestEnsembleInEvaluation(t *testing.T) {
	c := setup(t)
	d := nn.NewDropout(0.9)
	net := nn.NewSequential(d, c.Model.Net)
	want, err := train.Evaluate(c.Model.Net, c.Test, nil)
	if err != nil {
		t.Fatal(err)
	}
	got, err := train.Evaluate(&train.Ensemble{Members: []nn.Module{net}}, c.Test, nil)
	if err != nil || math.Abs(got.Loss-want.Loss) > 1e-6 || got.Score != want.Score {
		t.Errorf("loss %v, accuracy %v (%v), want %v and %v", got.Loss, got.Score, err, want.Loss, want.Score)
	}
	if !d.Training() {
		t.Error("dropout is not in training any more")
	}
}
