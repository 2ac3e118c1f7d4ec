package main

import (
	"math"
	"strings"
	"testing"

	"github.com/onehot-go/onehot/dataset"
	"github.com/onehot-go/onehot/loss"
	"github.com/onehot-go/onehot/nn"
	"github.com/onehot-go/onehot/optim"
	"github.com/onehot-go/onehot/random"
	"github.com/onehot-go/onehot/tensor"
)

// TestAgreesWithLayers trains an epoch from scratch and one with the library's layers,
// loss and optimizer, from the same weights and over the same batches.
func TestAgreesWithLayers(t *testing.T) {
	training, err := load(dataset.Train)
	if err != nil {
		t.Fatal(err)
	}
	m := newNet()
	linear := nn.NewLinear(inputs, outputs, random.New(0).Rand())
	linear.Weight.CopyInPlace(m.w.Detach().Transpose(0, 1))
	linear.Bias.FillInPlace(0)
	layers := nn.NewSequential(nn.Flatten{}, linear)

	if _, _, err := trainEpoch(m, training, 1); err != nil {
		t.Fatal(err)
	}
	optimizer := optim.NewSGD(nn.ParameterList(layers), lr, optim.SGDOptions{})
	for batch, err := range training.Epoch(1) {
		if err != nil {
			t.Fatal(err)
		}
		optimizer.ZeroGrad()
		loss.CrossEntropy{}.Forward(layers.Forward(batch.Inputs), batch.Targets).Backward()
		optimizer.Step()
	}

	// Weights end up to 0.7 in size; 235 steps, each rounded to 24 bits in another
	// order, may add up to a few units of 6e-8.
	const tolerance = 2e-6
	worst := func(a, b *tensor.Tensor) float64 {
		d := a.Detach().Sub(b.Detach())
		return math.Max(d.Max().Item(), -d.Min().Item())
	}
	if d := worst(m.w, linear.Weight.Transpose(0, 1)); !(d <= tolerance) {
		t.Errorf("weights differ by %g, at most %g expected", d, tolerance)
	}
	if d := worst(m.b, linear.Bias); !(d <= tolerance) {
		t.Errorf("biases differ by %g, at most %g expected", d, tolerance)
	}
	if size := m.w.Detach().Max().Item(); size < 0.1 {
		t.Errorf("the greatest weight is %g: nothing was learnt", size)
	}
}

func TestRun(t *testing.T) {
	var out strings.Builder
	if err := run(&out, 1); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(lines) != 7 || !strings.HasPrefix(lines[0], "epoch 1, loss 0.78") {
		t.Errorf("got %q", lines)
	}
}

func TestSoftmaxOfLargeScores(t *testing.T) {
	o := tensor.New([]float32{1e4, 0, -1e4, 100, 101, 102}, 2, 3)
	got := tensor.Values[float64](softmax(o))
	for i, want := range []float64{1, 0, 0, 0.09003057317038046, 0.24472847105479767, 0.6652409557748219} {
		if math.Abs(got[i]-want) > 1e-7 {
			t.Errorf("element %d: got %v, want %v", i, got[i], want)
		}
	}
	if l := crossEntropy(o, tensor.New([]int64{2, 2}, 2)).At(0); l != 2e4 {
		t.Errorf("loss of a class that is 2e4 below the greatest: got %v, want 20000", l)
	}
}
