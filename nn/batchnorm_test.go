package nn_test

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"testing"

	"github.com/onehot-go/onehot/nn"
	"github.com/onehot-go/onehot/random"
	"github.com/onehot-go/onehot/tensor"
)

// TestBatchNormMomentum follows the running statistics of several batches: with a momentum
// a share of the way, without one their plain mean.
func TestBatchNormMomentum(t *testing.T) {
	for _, momentum := range []*float64{new(0.25), new(0.0), nil} {
		b := nn.NewBatchNorm1d(1)
		b.Momentum = momentum
		mean, variance := 0.0, 1.0
		for i, batch := range [][]float32{{1, 3}, {2, 8}, {-1, 0}} {
			m, v := float64(batch[0]+batch[1])/2, math.Pow(float64(batch[0]-batch[1]), 2)/2
			share := 1 / float64(i+1)
			if momentum != nil {
				share = *momentum
			}
			mean, variance = mean+share*(m-mean), variance+share*(v-variance)
			b.Forward(tensor.New(batch, 2, 1))
		}
		got := []float64{b.RunningMean.Item(), b.RunningVar.Item(), b.NumBatchesTracked.Item()}
		if math.Abs(got[0]-mean) > 1e-6 || math.Abs(got[1]-variance) > 1e-6*variance || got[2] != 3 {
			t.Errorf("got mean, variance and batches %v, want %v", got, []float64{mean, variance, 3})
		}
		b.SetTraining(false)
		b.Forward(tensor.Ones(tensor.Float32, 1, 1))
		if after := []float64{b.RunningMean.Item(), b.RunningVar.Item(), b.NumBatchesTracked.Item()}; !slices.Equal(after, got) {
			t.Errorf("an evaluation changes the statistics to %v, before %v", after, got)
		}
	}
}

// TestBuffers checks that a state has the buffers, in nets within nets too, and takes them.
func TestBuffers(t *testing.T) {
	build := func() *nn.Sequential {
		return nn.NewSequential(nn.Named("stem", nn.NewBatchNorm2d(2)),
			nn.Named("block", &nn.Residual{Body: block(2, 2, 1), Shortcut: nn.NewSequential(nn.NewBatchNorm2d(2))}))
	}
	net := build()
	var names []string
	for name := range nn.StateDict(net) {
		names = append(names, name)
	}
	want := []string{"stem.weight", "stem.bias", "block.body.0.weight", "block.body.1.weight", "block.body.1.bias", "block.body.3.weight",
		"block.body.4.weight", "block.body.4.bias", "block.shortcut.0.weight", "block.shortcut.0.bias"}
	for _, path := range []string{"stem", "block.body.1", "block.body.4", "block.shortcut.0"} {
		want = append(want, path+".running_mean", path+".running_var", path+".num_batches_tracked")
	}
	if !slices.Equal(names, want) {
		t.Errorf("got %v, want %v", names, want)
	}
	for n := range len(want) { // a loop may end early
		seen := 0
		for range nn.StateDict(net) {
			if seen++; seen > n {
				break
			}
		}
		if seen != n+1 {
			t.Errorf("%d of the state seen, want %d", seen, n+1)
		}
	}
	net.Forward(tensor.Normal(tensor.Float32, rng(), 1, 2, 4, 2, 3, 3))
	other := build()
	if _, _, err := nn.LoadStateDict(other, maps.Collect(nn.StateDict(net)), true); err != nil {
		t.Fatal(err)
	}
	state := maps.Collect(nn.StateDict(net))
	for name, v := range nn.StateDict(other) {
		if v.Ne(state[name]).Any().Item() != 0 {
			t.Errorf("%s: got %v, want %v", name, v, state[name])
		}
	}
	if n := state["block.body.4.num_batches_tracked"]; n.DType() != tensor.Int64 || n.Item() != 1 || n.Dim() != 0 {
		t.Errorf("got %v batches tracked, want one as an int64", n)
	}
}

func TestDropout2dDropsChannels(t *testing.T) {
	d := dropout2d(0.5)
	x := tensor.Ones(tensor.Float32, 40, 50, 3, 2).SetRequiresGrad(true)
	y := d.Forward(x)
	kept := 0
	for i, v := range tensor.Values[float32](y) {
		first := float32(y.At(i/300, i/6%50, 0, 0))
		if v != first || v != 0 && v != 2 {
			t.Fatalf("element %d is %v, the first of its channel %v", i, v, first)
		}
		if i%6 == 0 && v != 0 {
			kept++
		}
	}
	if kept < 900 || kept > 1100 { // 4.5 times the deviation of 22
		t.Errorf("%d of 2000 channels kept", kept)
	}
	y.Sum().Backward()
	if x.Grad().Ne(y.Detach()).Any().Item() != 0 {
		t.Error("the gradient is not what the elements were multiplied by")
	}
	key := random.New(5)
	if d.SetChance(key.At(1)); d.Forward(x).Eq(y).All().Item() != 0 {
		t.Error("another key drops the same")
	}
	if d.SetChance(key); d.Forward(x).Ne(y).Any().Item() != 0 {
		t.Error("the same key drops something else")
	}
}

func TestConvolutionAtStart(t *testing.T) {
	const bound = 0.1 // 1/√(4·25)
	l := nn.NewConv2d(8, 64, [2]int{5, 5}, tensor.Conv2dOptions{Groups: 2}, rng())
	moments(t, "Conv2d's weight", l.Weight, bound/math.Sqrt(3), 1.8)
	moments(t, "Conv2d's bias", nn.NewConv2d(4, 5000, [2]int{5, 5}, tensor.Conv2dOptions{}, rng()).Bias, bound/math.Sqrt(3), 1.8)
	if got := fmt.Sprint(l.Weight.Shape(), l.Bias.Shape()); got != "[64 4 5 5] [64]" || !l.Weight.RequiresGrad() || !l.Bias.RequiresGrad() {
		t.Errorf("got weight and bias of %s", got)
	}
}
