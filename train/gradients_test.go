package train_test

import (
	"errors"
	"math"
	"slices"
	"sync"
	"testing"

	"github.com/onehot-go/onehot/dataset"
	"github.com/onehot-go/onehot/loader"
	"github.com/onehot-go/onehot/nn"
	"github.com/onehot-go/onehot/random"
	"github.com/onehot-go/onehot/tensor"
	"github.com/onehot-go/onehot/train"
)

// parameters returns all numbers that training changes in c's net.
func parameters(c train.Config) (all []float32) {
	for _, p := range nn.ParameterList(c.Model.Net) {
		all = append(all, tensor.Values[float32](p.Detach())...)
	}
	return all
}

// averaged returns what makes the gradients of two runs the mean of both before each step.
func averaged() (first, second func(*train.Gradients) error) {
	there, back := make(chan *train.Gradients), make(chan struct{})
	first = func(mine *train.Gradients) error {
		other := <-there
		mine.Loss = (mine.Loss + other.Loss) / 2
		other.Loss = mine.Loss
		for i, p := range mine.Parameters {
			g := p.Grad()
			g.AddInPlace(other.Parameters[i].Grad()).MulInPlace(tensor.Scalar(0.5))
			other.Parameters[i].Grad().CopyInPlace(g)
		}
		back <- struct{}{}
		return nil
	}
	second = func(mine *train.Gradients) error {
		there <- mine
		<-back
		return nil
	}
	return first, second
}

// TestGradientsOfTwoRuns trains two nets on half of every batch each, with the mean of their
// gradients: they stay one net, that of a run on all samples.
func TestGradientsOfTwoRuns(t *testing.T) {
	for name, hidden := range map[string][]int{"in one pass": nil, "layer by layer": {5}} {
		t.Run(name, func(t *testing.T) {
			data := blobs(48, 4, random.New(1))
			of := func(start, batch int) train.Config {
				var d dataset.Dataset = data
				if batch < 16 {
					var half []int
					for i := range 24 {
						half = append(half, i/8*16+start+i%8)
					}
					d = dataset.Subset{Dataset: data, Indices: half}
				}
				c := config(t, settings{batch: batch, lr: 0.5, hidden: hidden}, data, blobs(9, 4, random.New(2)))
				c.Train, c.Epochs = loader.New(d, loader.Options{BatchSize: batch}), 3
				return c
			}
			whole, a, b := of(0, 16), of(0, 8), of(8, 8)
			a.OnGradients, b.OnGradients = averaged()
			want, err := run(t.Context(), whole)
			if err != nil {
				t.Fatal(err)
			}
			var got [2][]train.Event
			var wg sync.WaitGroup
			for i, c := range []train.Config{a, b} {
				wg.Go(func() {
					var err error
					if got[i], err = run(t.Context(), c); err != nil {
						t.Error(err)
					}
				})
			}
			wg.Wait()
			if !slices.Equal(parameters(a), parameters(b)) {
				t.Error("the two nets are no longer the same")
			}
			for k, v := range parameters(whole) {
				if d := math.Abs(float64(v - parameters(a)[k])); d > 1e-5 {
					t.Fatalf("parameter %d is %v, of all samples %v", k, parameters(a)[k], v)
				}
			}
			for i, e := range epochs(want) {
				for _, g := range got {
					if d := math.Abs(epochs(g)[i].TrainLoss - e.TrainLoss); d > 1e-5 {
						t.Errorf("epoch %d: loss %v, of all samples %v", e.Epoch, epochs(g)[i].TrainLoss, e.TrainLoss)
					}
				}
			}
		})
	}
}

// TestGradientsOfAllSamples fits two halves of the samples with the mean of their objectives:
// what L-BFGS finds for all of them.
func TestGradientsOfAllSamples(t *testing.T) {
	data := blobs(60, 4, random.New(1))
	of := func(from, to int) train.Config {
		c := setup(t)
		part := dataset.Subset{Dataset: data}
		for i := from; i < to; i++ {
			part.Indices = append(part.Indices, i)
		}
		f, err := train.NewFullBatch(c.Model.Net.Layer("linear").(*nn.Linear), part, 1, 0.01)
		if err != nil {
			t.Fatal(err)
		}
		c.Optimizer, c.Train, c.Epochs = f, loader.New(part, loader.Options{BatchSize: 10}), 5
		return c
	}
	whole, a, b := of(0, 60), of(0, 30), of(30, 60)
	a.OnGradients, b.OnGradients = averaged()
	want, err := run(t.Context(), whole)
	if err != nil {
		t.Fatal(err)
	}
	var got [2][]train.Event
	var wg sync.WaitGroup
	for i, c := range []train.Config{a, b} {
		wg.Go(func() {
			var err error
			if got[i], err = run(t.Context(), c); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if !slices.Equal(parameters(a), parameters(b)) {
		t.Error("the two nets are no longer the same")
	}
	for k, e := range epochs(want) {
		for _, g := range got {
			if d := math.Abs(epochs(g)[k].TrainLoss - e.TrainLoss); d > 1e-4 {
				t.Errorf("epoch %d: loss %v, of all samples %v", e.Epoch, epochs(g)[k].TrainLoss, e.TrainLoss)
			}
		}
	}
}

func TestGradientsError(t *testing.T) {
	torn := errors.New("torn")
	for name, c := range map[string]train.Config{
		"in one pass": setup(t), "layer by layer": setup(t, func(s *settings) { s.hidden = []int{5} }), "all samples": fullBatch(t),
	} {
		calls := 0
		c.OnGradients = func(g *train.Gradients) error {
			if calls++; calls == 2 {
				return torn
			}
			return nil
		}
		if _, err := run(t.Context(), c); !errors.Is(err, torn) || calls != 2 {
			t.Errorf("%s: error %v after %d calls, want the second call's", name, err, calls)
		}
	}
}
