package train_test

import (
	"errors"
	"math"
	"slices"
	"testing"

	"github.com/onehot-go/onehot/loss"
	"github.com/onehot-go/onehot/nn"
	"github.com/onehot-go/onehot/optim"
	"github.com/onehot-go/onehot/tensor"
	"github.com/onehot-go/onehot/train"
)

// one is a run by batches of one sample, of which some do not count.
func one(s *settings) { s.batch, s.momentum, s.decay, s.lr = 1, 0.9, 0.01, 0.1 }

// TestWeightless trains by batches of which some have no weight, and by a loop that leaves them
// out. The results are the same.
func TestWeightless(t *testing.T) {
	for name, criterion := range map[string]loss.CrossEntropy{
		"class weights":  {Weight: tensor.New([]float32{2, 0, 1})},
		"ignored labels": {IgnoreIndex: new(int64(1))},
		"sum":            {Weight: tensor.New([]float32{2, 0, 1}), Reduction: loss.Sum},
	} {
		t.Run(name, func(t *testing.T) {
			c := setup(t, one)
			c.Criterion = criterion
			c.Schedule = func(base float64, step int) float64 { return base / float64(1+step) }
			c.EMA = train.NewEMA(c.Model, 0.5)
			c.Epochs = 2

			want := setup(t, one)
			average := train.NewEMA(want.Model, 0.5)
			optimizer := optim.NewSGD(nn.ParameterList(want.Model.Net), 0.1, optim.SGDOptions{Momentum: 0.9, WeightDecay: 0.01})
			step, losses, weights := 0, 0.0, 0.0
			for epoch := range 2 {
				losses, weights = 0, 0
				for batch, err := range want.Train.Batches(epoch+1, 0) {
					if err != nil {
						t.Fatal(err)
					}
					step++
					label := tensor.Values[int64](batch.Targets)[0]
					if label == 1 {
						continue
					}
					weight := 1.0
					if label == 0 && criterion.Weight != nil {
						weight = 2
					}
					optimizer.ScheduleLR(c.Schedule, step-1)
					optimizer.ZeroGrad()
					value := criterion.Forward(want.Model.Net.Forward(batch.Inputs), batch.Targets)
					value.Backward()
					optimizer.Step()
					average.Update(step)
					if criterion.Reduction == loss.Sum {
						losses += value.Item()
					} else {
						losses += weight * value.Item()
					}
					weights += weight
				}
			}

			evaluations := 0
			c.OnGradients = func(*train.Gradients) error { evaluations++; return nil }
			events, err := run(t.Context(), c)
			if err != nil {
				t.Fatal(err)
			}
			if evaluations != 2*33 { // of 50 labels, 17 are 1
				t.Errorf("%d evaluations, want 66", evaluations)
			}
			for i, p := range nn.ParameterList(c.Model.Net) {
				if !slices.Equal(tensor.Values[float32](p), tensor.Values[float32](nn.ParameterList(want.Model.Net)[i])) {
					t.Errorf("parameter %d differs", i)
				}
				if !slices.Equal(tensor.Values[float32](nn.ParameterList(c.EMA.Model.Net)[i]), tensor.Values[float32](nn.ParameterList(average.Model.Net)[i])) {
					t.Errorf("average of parameter %d differs", i)
				}
			}
			if e := epochs(events)[1]; math.Abs(e.TrainLoss-losses/weights) > 1e-6 {
				t.Errorf("training loss %v, want %v", e.TrainLoss, losses/weights)
			}
		})
	}
}

// TestWeightlessEpoch trains on samples of which none counts: that is an error of the setup.
func TestWeightlessEpoch(t *testing.T) {
	none := loss.CrossEntropy{Weight: tensor.New([]float32{0, 0, 0})}
	c := setup(t)
	c.Criterion = none
	_, err := run(t.Context(), c)
	want := "train: Criterion: found no sample with a weight in epoch 1, at least one expected"
	if _, ok := errors.AsType[*train.SetupError](err); !ok || err.Error() != want {
		t.Errorf("error %v, want %s", err, want)
	}
	c = setup(t)
	c.Criterion = none
	want = "train: Criterion: found no sample with a weight in epoch 2, at least one expected"
	if found, err := train.FindLR(t.Context(), c, 1e-4, 1e-2, 7); found != nil || err == nil || err.Error() != want {
		t.Errorf("FindLR: %v, %v, want %s", found, err, want)
	}
}

// TestFindLRWeightless leaves out steps without a weight, which count.
func TestFindLRWeightless(t *testing.T) {
	c := setup(t, one)
	c.Criterion = loss.CrossEntropy{IgnoreIndex: new(int64(1))}
	var rates []float64
	step := 0
	for batch, err := range c.Train.Batches(1, 0) {
		if err != nil {
			t.Fatal(err)
		}
		if step++; step > 20 {
			break
		}
		if tensor.Values[int64](batch.Targets)[0] != 1 {
			rates = append(rates, 1e-4*math.Pow(10, float64(step-1)/19))
		}
	}
	found, err := train.FindLR(t.Context(), c, 1e-4, 1e-3, 20)
	if err != nil || len(found) != len(rates) || len(rates) == 20 {
		t.Fatalf("%d losses, %v, want %d", len(found), err, len(rates))
	}
	for i, f := range found {
		if math.Abs(f.LR-rates[i]) > 1e-12 || math.IsNaN(f.Loss) {
			t.Errorf("loss %d: %v, want the learning rate %v", i, f, rates[i])
		}
	}
}
