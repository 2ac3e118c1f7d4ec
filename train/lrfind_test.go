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
	// The first loss is that of the model as it was made.
	c := setup(t)
	for batch, err := range c.Train.Batches(1, 0) {
		if err != nil {
			t.Fatal(err)
		}
		if want := (loss.CrossEntropy{}).Forward(c.Model.Net.Forward(batch.Inputs), batch.Targets).Item(); math.Abs(found[0].Loss-want) > 1e-6 {
			t.Errorf("first loss %v, want %v", found[0].Loss, want)
		}
		break
	}
	// A rate that is far too high ends it.
	found = find(1e9, 300)
	least := math.Inf(1)
	for i, p := range found {
		if least = min(least, p.Loss); p.Loss > 4*least && i != len(found)-1 {
			t.Errorf("it goes on after step %d of %d with loss %v, %v was the least", i, len(found), p.Loss, least)
		}
	}
	if len(found) == 300 {
		t.Error("the loss does not explode")
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
	if got := train.SuggestLR([]train.LRLoss{{0.01, 3}, {0.1, 2}, {1, 1}, {10, 1}, {100, 5}}); got != 0.1 {
		t.Errorf("got %v, want a tenth of the first lowest", got)
	}
}
