package optim_test

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"testing"

	"github.com/onehot-go/onehot/internal/reference"
	"github.com/onehot-go/onehot/loss"
	"github.com/onehot-go/onehot/nn"
	"github.com/onehot-go/onehot/optim"
	"github.com/onehot-go/onehot/random"
	"github.com/onehot-go/onehot/tensor"
)

// settings are SGD's as testdata/reference.json has them.
type settings struct {
	LR, Momentum float64
	WeightDecay  float64 `json:"weight_decay"`
}

func (s settings) options() optim.SGDOptions {
	return optim.SGDOptions{Momentum: s.Momentum, WeightDecay: s.WeightDecay}
}

// TestSGD follows 20 steps of PyTorch's SGD.
func TestSGD(t *testing.T) {
	var file struct {
		Start, Target, Curvature []reference.Array
		Runs                     []struct {
			Settings settings
			Steps    []reference.Array
		}
	}
	reference.Load(t, "testdata/reference.json", &file)
	for _, run := range file.Runs {
		dtype := reference.DType(run.Steps[0].DType)
		tolerance := 1e-13
		if dtype == tensor.Float32 {
			tolerance = 1e-5
		}
		read := func(a []reference.Array) *tensor.Tensor { return a[0].Tensor().To(dtype) }
		p, target, curvature := read(file.Start).SetRequiresGrad(true), read(file.Target), read(file.Curvature)
		o := optim.NewSGD([]*tensor.Tensor{p}, run.Settings.LR, run.Settings.options())
		for i, want := range run.Steps {
			if i == 10 {
				o.SetLR(o.LR() / 2)
			}
			o.ZeroGrad()
			d := p.Sub(target)
			d.Mul(d).Mul(curvature).Sum().Backward()
			gradient := p.Grad().Clone()
			o.Step()
			if err := reference.Compare(p.Detach(), want, tolerance); err != nil {
				t.Fatalf("%+v, %s, step %d: %v", run.Settings, dtype, i, err)
			}
			if gradient.Ne(p.Grad()).Sum().Item() != 0 {
				t.Fatalf("%+v, %s: Step changed the gradient", run.Settings, dtype)
			}
		}
	}
	if len(file.Runs) == 0 {
		t.Fatal("no runs")
	}
}

func TestStepLeavesParametersWithoutGradient(t *testing.T) {
	used, unused := tensor.Ones(tensor.Float64, 2).SetRequiresGrad(true), tensor.Ones(tensor.Float64, 2).SetRequiresGrad(true)
	o := optim.NewSGD([]*tensor.Tensor{unused, used}, 0.5, optim.SGDOptions{Momentum: 0.9, WeightDecay: 0.25})
	used.Sum().Backward()
	o.Step()
	if got, want := tensor.Values[float64](unused), []float64{1, 1}; !slices.Equal(got, want) {
		t.Errorf("unused: got %v, want %v", got, want)
	}
	if got, want := tensor.Values[float64](used), []float64{0.375, 0.375}; !slices.Equal(got, want) {
		t.Errorf("used: got %v, want %v", got, want)
	}
	o.ZeroGrad()
	if used.Grad().Sum().Item() != 0 || unused.Grad() != nil {
		t.Errorf("got gradients %v and %v after ZeroGrad", used.Grad(), unused.Grad())
	}
}

// TestState stops a training, goes on with another optimizer and ends where the one that
// was never stopped does.
func TestState(t *testing.T) {
	start := func() (*tensor.Tensor, *optim.SGD) {
		p := tensor.New([]float32{1, -2, 3}, 3).SetRequiresGrad(true)
		return p, optim.NewSGD([]*tensor.Tensor{p}, 0.1, optim.SGDOptions{Momentum: 0.9})
	}
	step := func(p *tensor.Tensor, o *optim.SGD) {
		o.ZeroGrad()
		p.Mul(p).Sum().Backward()
		o.Step()
	}
	p, o := start()
	for range 3 {
		step(p, o)
	}
	q, resumed := start()
	q.CopyInPlace(p.Detach())
	state := resumed.State()
	if got := slices.Sorted(maps.Keys(state)); !slices.Equal(got, []string{"0.velocity"}) {
		t.Fatalf("got state %v", got)
	}
	for name, saved := range o.State() {
		state[name].CopyInPlace(saved)
	}
	for range 3 {
		step(p, o)
		step(q, resumed)
	}
	if p.Ne(q).Sum().Item() != 0 {
		t.Errorf("got %v, want %v", q, p)
	}
	if state := optim.NewSGD([]*tensor.Tensor{p}, 0.1, optim.SGDOptions{}).State(); len(state) != 0 {
		t.Errorf("without momentum there is a state: %v", state)
	}
}

// TestSameBitsForAnyThreads trains a multilayer perceptron with different numbers of
// threads: the weights must end with the same bits.
func TestSameBitsForAnyThreads(t *testing.T) {
	defer tensor.SetThreads(0)
	const batch, inputs, hidden, classes, steps = 256, 784, 256, 10, 20
	key := random.New(1)
	images := tensor.Normal(tensor.Float32, key.For("images").Rand(), 0, 1, batch, inputs)
	labels := tensor.Uniform(tensor.Float32, key.For("labels").Rand(), 0, classes, batch).To(tensor.Int64)

	train := func(threads int) []*tensor.Tensor {
		tensor.SetThreads(threads)
		r := key.For("init").Rand()
		net := nn.NewSequential(nn.NewLinear(inputs, hidden, r), nn.ReLU{}, nn.NewLinear(hidden, classes, r))
		params := nn.ParameterList(net)
		o := optim.NewSGD(params, 0.1, optim.SGDOptions{Momentum: 0.9, WeightDecay: 1e-4})
		first, last := 0.0, 0.0
		for i := range steps {
			o.ZeroGrad()
			l := loss.CrossEntropy{}.Forward(net.Forward(images), labels)
			l.Backward()
			o.Step()
			if last = l.Item(); i == 0 {
				first = last
			}
		}
		if !(last < first/2) { // it does learn
			t.Errorf("%d threads: the loss went from %v to %v", threads, first, last)
		}
		return params
	}
	want := train(1)
	for _, threads := range []int{2, 3, 8} {
		for i, p := range train(threads) {
			for at, got := range tensor.Data[float32](p) {
				if want := tensor.Data[float32](want[i])[at]; math.Float32bits(got) != math.Float32bits(want) {
					t.Fatalf("%d threads: parameter %d, element %d: got %v, want %v", threads, i, at, got, want)
				}
			}
		}
	}
}

var _ optim.Optimizer = (*optim.SGD)(nil)

func ExampleSGD_State() {
	p := tensor.Zeros(tensor.Float32, 2, 3).SetRequiresGrad(true)
	o := optim.NewSGD([]*tensor.Tensor{p}, 0.1, optim.SGDOptions{Momentum: 0.9})
	for name, v := range o.State() {
		fmt.Println(name, v.Shape())
	}
	// Output: 0.velocity [2 3]
}
