package train_test

import (
	"context"
	"errors"
	"math"
	"testing"

	"github.com/onehot-go/onehot/fault"
	"github.com/onehot-go/onehot/loader"
	"github.com/onehot-go/onehot/loss"
	"github.com/onehot-go/onehot/random"
	"github.com/onehot-go/onehot/train"
)

func TestFindLR(t *testing.T) {
	find := func(high float64, steps int) []train.LRLoss {
		t.Helper()
		found, err := train.FindLR(t.Context(), setup(t), 1e-4, high, steps)
		if err != nil {
			t.Fatal(err)
		}
		return found
	}
	found := find(1e-2, 11) // more than the 4 steps of an epoch
	if len(found) != 11 {
		t.Fatalf("%d steps, want 11", len(found))
	}
	for i, p := range found {
		if want := 1e-4 * math.Pow(10, float64(i)/5); math.Abs(p.LR-want) > 1e-12*want {
			t.Errorf("step %d: learning rate %v, want %v", i, p.LR, want)
		}
	}
	// With rates that change nothing the losses are those of the model as it was made, smoothed.
	c := setup(t)
	var losses []float64
	for batch, err := range c.Train.Batches(1, 0) {
		if err != nil {
			t.Fatal(err)
		}
		losses = append(losses, (loss.CrossEntropy{}).Forward(c.Model.Net.Forward(batch.Inputs), batch.Targets).Item())
	}
	found, err := train.FindLR(t.Context(), setup(t), 1e-12, 1e-11, len(losses))
	if err != nil {
		t.Fatal(err)
	}
	for i, p := range found {
		sum, weights := 0.0, 0.0
		for j, l := range losses {
			w := math.Exp(-float64((i-j)*(i-j)) / 32)
			sum, weights = sum+w*l, weights+w
		}
		if want := sum / weights; math.Abs(p.Loss-want) > 1e-6 {
			t.Errorf("step %d: loss %v, want %v", i, p.Loss, want)
		}
	}
	// A rate that is far too high ends it, and no loss hides those around it.
	found = find(1e9, 300)
	if len(found) == 300 {
		t.Error("the loss does not explode")
	}
	for i, p := range found {
		if !(p.Loss <= 3.5*losses[0]) {
			t.Errorf("step %d: loss %v, the first %v", i, p.Loss, losses[0])
		}
	}
}

func TestFindLRErrors(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := train.FindLR(ctx, setup(t), 1e-3, 1, 5); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	c := setup(t)
	c.Train = loader.New(broken{blobs(20, 4, random.New(1)), 7, errors.New("unreadable")}, loader.Options{BatchSize: 5})
	if _, err := train.FindLR(t.Context(), c, 1e-3, 1, 5); err == nil || err.Error() != "unreadable" {
		t.Errorf("error %v of data that cannot be read", err)
	}
	for want, f := range map[string]func(){
		"train.FindLR: 1 to 1 in 5 steps: positive numbers in order and at least 2 steps expected": func() { train.FindLR(t.Context(), setup(t), 1, 1, 5) },
		"train.FindLR: 0 to 1 in 5 steps: positive numbers in order and at least 2 steps expected": func() { train.FindLR(t.Context(), setup(t), 0, 1, 5) },
		"train.FindLR: 1 to 2 in 1 steps: positive numbers in order and at least 2 steps expected": func() { train.FindLR(t.Context(), setup(t), 1, 2, 1) },
	} {
		func() {
			defer func() {
				if err, _ := recover().(*fault.OptionError); err == nil || err.Error() != want {
					t.Errorf("got %v, want %s", err, want)
				}
			}()
			f()
		}()
	}
}

func TestSuggestLR(t *testing.T) {
	for _, c := range []struct {
		losses    []float64 // of rates 1, 2, 4, ...
		low, high float64
	}{
		{[]float64{2.3, 2.3, 2, 1.5, 1.04, 1, 1.02, 1.3, 1.5, 3}, 16, 128}, // 0.065 and 0.39 above the lowest
		{[]float64{2.3, 2.3, 2, 1.5, 1.04, 1, 1.02, 1.3, 1.3, 1.3}, 16, 512},
		{[]float64{2, 1.01, 1.5, 1, 1.2, 1.4, 1.1}, 8, 16}, // the valley of the lowest
		{[]float64{1, 2, 3}, 1, 1},
		{[]float64{1}, 1, 1},
	} {
		var found []train.LRLoss
		for i, l := range c.losses {
			found = append(found, train.LRLoss{LR: math.Pow(2, float64(i)), Loss: l})
		}
		got, low, high := train.SuggestLR(found)
		if want := math.Sqrt(c.low * c.high); low != c.low || high != c.high || math.Abs(got-want) > 1e-12*want {
			t.Errorf("%v: got %v from %v to %v, want %v to %v", c.losses, got, low, high, c.low, c.high)
		}
	}
}
