package nn_test

import (
	"slices"
	"sync"
	"testing"

	"github.com/onehot-go/onehot/nn"
	"github.com/onehot-go/onehot/random"
	"github.com/onehot-go/onehot/tensor"
)

// modal is a net of all layers that have modes.
func modal() *nn.Sequential {
	return nn.NewSequential(
		nn.NewConv2d(1, 4, [2]int{3, 3}, tensor.Conv2dOptions{Padding: [2]int{1, 1}}, rng()), nn.NewBatchNorm2d(4), nn.ReLU{}, nn.NewMaxPool2d(2),
		nn.NewDropout2d(0.5), nn.NewBatchNorm2d(4), nn.Flatten{}, nn.NewDropout(0.5), nn.NewLinear(4*3*3, 5, rng()), nn.NewBatchNorm1d(5))
}

// TestMarkedInput holds that layers compute as in evaluation for a marked input, whatever their
// mode, and that nothing of them changes.
func TestMarkedInput(t *testing.T) {
	net := modal()
	x := tensor.Normal(tensor.Float32, rng(), 1, 2, 8, 1, 6, 6)
	nn.SetChance(net, random.New(1))
	net.Forward(x) // running statistics of their own
	state := map[string][]float64{}
	for name, v := range nn.StateDict(net) {
		state[name] = tensor.Values[float64](v)
	}
	got := tensor.Values[float32](net.Forward(x.NoGrad().Evaluation()))
	for name, v := range nn.StateDict(net) {
		if !slices.Equal(tensor.Values[float64](v), state[name]) {
			t.Errorf("%s changed", name)
		}
	}
	nn.Apply(net, func(path string, m nn.Module) {
		if l, ok := m.(nn.Modal); ok && !l.Training() {
			t.Errorf("%s is no longer in training", path)
		}
	})
	nn.SetTraining(net, false)
	if want := tensor.Values[float32](net.Forward(x)); !slices.Equal(got, want) {
		t.Errorf("got %v, want %v as in evaluation", got, want)
	}
	if y := net.Forward(x.Evaluation()); !y.RequiresGrad() {
		t.Error("the mark ends gradients")
	}
}

// TestMeasuringAtOnce measures a net in two goroutines while another goes through its training
// passes: each gets what it gets alone. The race detector holds that nothing is written which
// others read. Running statistics are what a pass in training writes, so the net that is
// trained has none.
func TestMeasuringAtOnce(t *testing.T) {
	measured := modal()
	trained := nn.NewSequential(nn.Flatten{}, nn.NewLinear(36, 64, rng()), nn.ReLU{}, nn.NewDropout(0.5), nn.NewLayerNorm(64), nn.NewLinear(64, 5, rng()))
	x := tensor.Normal(tensor.Float32, rng(), 0, 1, 16, 1, 6, 6)
	want := map[*nn.Sequential][]float32{}
	for _, net := range []*nn.Sequential{measured, trained} {
		want[net] = tensor.Values[float32](net.Forward(x.NoGrad().Evaluation()))
	}
	nn.SetChance(trained, random.New(1))
	inTraining := tensor.Values[float32](trained.Forward(x.NoGrad()))
	var all sync.WaitGroup
	for range 2 {
		all.Go(func() {
			for range 10 {
				for net, want := range want {
					if got := tensor.Values[float32](net.Forward(x.NoGrad().Evaluation())); !slices.Equal(got, want) {
						t.Errorf("measured %v, want %v", got, want)
					}
				}
			}
		})
	}
	all.Go(func() {
		for range 10 {
			nn.SetChance(trained, random.New(1))
			y := trained.Forward(x)
			if got := tensor.Values[float32](y); !slices.Equal(got, inTraining) {
				t.Errorf("trained on %v, want %v", got, inTraining)
			}
			y.Sum().Backward()
		}
	})
	all.Wait()
}
