package nn_test

import (
	"math"
	"slices"
	"testing"

	"github.com/onehot-go/onehot/nn"
	"github.com/onehot-go/onehot/random"
	"github.com/onehot-go/onehot/tensor"
)

func TestDropout(t *testing.T) {
	const n = 20000
	x := tensor.Ones(tensor.Float32, 200, n/200)
	for _, p := range []float64{0.1, 0.5, 0.9} {
		d := nn.NewDropout(p)
		d.SetChance(random.New(1))
		y := d.Forward(x)
		kept := 0
		for _, v := range tensor.Values[float32](y) {
			switch v {
			case 0:
			case float32(1 / (1 - p)):
				kept++
			default:
				t.Fatalf("P %v: got %v, want 0 or 1/(1-P)", p, v)
			}
		}
		if within := 4 * math.Sqrt(n*p*(1-p)); math.Abs(float64(kept)-n*(1-p)) > within {
			t.Errorf("P %v: %d of %d kept, want %v within %v", p, kept, n, n*(1-p), within)
		}
	}
}

// What is dropped depends on the key alone: not on the type, threads, or what was drawn
// before.
func TestDropoutIsAFunctionOfItsKey(t *testing.T) {
	d := nn.NewDropout(0.5)
	draw := func(key random.Key, x *tensor.Tensor) []float64 {
		d.SetChance(key)
		return tensor.Values[float64](d.Forward(x))
	}
	x := tensor.Ones(tensor.Float32, 300, 100)
	key := random.New(7)
	first := draw(key, x)
	if slices.Equal(draw(key.At(1), x), first) {
		t.Error("another key drops the same")
	}
	if !slices.Equal(draw(key, x), first) {
		t.Error("the same key drops something else")
	}
	if !slices.Equal(tensor.Values[float64](d.Forward(x)), first) {
		t.Error("a second call drops something else")
	}
	if !slices.Equal(draw(key, x.To(tensor.Float64)), first) {
		t.Error("float64 drops something else")
	}
	if !slices.Equal(draw(key, tensor.Ones(tensor.Float32, 100, 300).Transpose(0, 1)), first) {
		t.Error("another layout in memory drops something else")
	}
	if !slices.Equal(draw(key, x.NoGrad()), first) {
		t.Error("without gradients something else is dropped: that is no evaluation")
	}
	defer tensor.SetThreads(0)
	for _, threads := range []int{1, 2, 7} {
		tensor.SetThreads(threads)
		if !slices.Equal(draw(key, x), first) {
			t.Errorf("%d threads drop something else", threads)
		}
	}
}

func TestDropoutGradientIsItsMask(t *testing.T) {
	d := dropout(0.5, true)
	x := tensor.Full(tensor.Float64, 3, 4, 5).SetRequiresGrad(true)
	y := d.Forward(x)
	y.Sum().Backward()
	if want := tensor.Values[float64](y.DivScalar(3)); !slices.Equal(tensor.Values[float64](x.Grad()), want) {
		t.Errorf("got %v, want %v", x.Grad(), want)
	}
}

// deep has Dropout at several depths.
func deep() (net *nn.Sequential, all []*nn.Dropout) {
	for range 3 {
		all = append(all, nn.NewDropout(0.5))
	}
	return nn.NewSequential(all[0], nn.Named("body", nn.NewSequential(nn.ReLU{}, nn.Named("drop", all[1]))), nn.Named("last", all[2])), all
}

func TestSetTraining(t *testing.T) {
	net, all := deep()
	x := tensor.Ones(tensor.Float32, 4, 5)
	for i, d := range all {
		if !d.Training() {
			t.Errorf("layer %d is not made in training", i)
		}
	}
	nn.SetTraining(nn.Named("net", net), false)
	for i, d := range all {
		if d.Training() || d.Forward(x) != x {
			t.Errorf("layer %d does not evaluate", i)
		}
	}
	if y := net.Forward(x); y.Ne(x).Sum().Item() != 0 {
		t.Errorf("got %v in evaluation", y)
	}
	nn.SetTraining(net, true)
	nn.SetChance(net, random.New(1))
	for i, d := range all {
		if !d.Training() || d.Forward(x) == x {
			t.Errorf("layer %d is not in training", i)
		}
	}
}

func TestSetChanceGivesEveryLayerItsOwn(t *testing.T) {
	net, all := deep()
	key := random.New(3)
	nn.SetChance(net, key)
	x := tensor.Ones(tensor.Float32, 10, 10)
	for i, path := range []string{"0", "body.drop", "last"} {
		want := nn.NewDropout(0.5)
		want.SetChance(key.For(path))
		if got := all[i].Forward(x); got.Ne(want.Forward(x)).Sum().Item() != 0 {
			t.Errorf("%s draws from another key than that of its path", path)
		}
		for j := range i {
			if all[i].Forward(x).Ne(all[j].Forward(x)).Sum().Item() == 0 {
				t.Errorf("layers %d and %d drop the same", i, j)
			}
		}
	}
}

// TestStochasticDepth holds that samples are dropped whole, each with the probability, and that
// the others, and their gradients, are scaled.
func TestStochasticDepth(t *testing.T) {
	const n, p = 20000, 0.2
	d := nn.NewStochasticDepth(p)
	d.SetChance(random.New(1))
	x := tensor.Ones(tensor.Float64, n, 2, 1, 2).SetRequiresGrad(true)
	y := d.Forward(x)
	y.Sum().Backward()
	kept := 0
	values := tensor.Values[float64](y)
	for i := 0; i < len(values); i += 4 {
		if v := values[i]; v != 0 && v != 1/(1-p) || !slices.Equal(values[i:i+4], slices.Repeat([]float64{v}, 4)) {
			t.Fatalf("sample %d: got %v, want all 0 or all 1/(1-P)", i/4, values[i:i+4])
		}
		if values[i] != 0 {
			kept++
		}
	}
	if within := 4 * math.Sqrt(n*p*(1-p)); math.Abs(float64(kept)-n*(1-p)) > within {
		t.Errorf("%d of %d kept, want %v within %v", kept, n, n*(1-p), within)
	}
	if !slices.Equal(tensor.Values[float64](x.Grad()), values) {
		t.Error("the gradient is not the mask")
	}
	if y := d.Forward(x.Evaluation()); y.Ne(x).Any().Item() != 0 {
		t.Error("samples are dropped in evaluation")
	}
}
