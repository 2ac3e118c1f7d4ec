package nn_test

import (
	"errors"
	"fmt"
	"iter"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/onehot-go/onehot/internal/gradcheck"
	"github.com/onehot-go/onehot/internal/reference"
	"github.com/onehot-go/onehot/nn"
	"github.com/onehot-go/onehot/random"
	"github.com/onehot-go/onehot/tensor"
)

func rng() *rand.Rand { return random.New(1).Rand() }

// nets are those of testdata/reference.py, by the names there.
var nets = map[string]nn.Module{
	"Linear":               nn.NewLinear(4, 2, rng()),
	"Linear of one sample": nn.NewLinear(2, 3, rng()),
	"Linear of no sample":  nn.NewLinear(2, 3, rng()),
	"ReLU":                 nn.ReLU{},
	"Flatten":              nn.Flatten{},
	"MLP":                  nn.NewSequential(nn.Flatten{}, nn.NewLinear(8, 5, rng()), nn.ReLU{}, nn.NewLinear(5, 3, rng())),
}

// netCase is a net in testdata/reference.json, of Float64.
type netCase struct {
	Name                string
	State               map[string]reference.Array
	Input, Output, Seed reference.Array
	InputGrad           reference.Array `json:"input_grad"`
	Grads               map[string]reference.Array
}

// TestNets compares outputs and gradients with PyTorch's.
func TestNets(t *testing.T) {
	var file struct{ Nets []netCase }
	reference.Load(t, "testdata/reference.json", &file)
	for _, c := range file.Nets {
		for dtype, tolerance := range map[tensor.DType]float64{tensor.Float64: 1e-14, tensor.Float32: 1e-6} {
			name := fmt.Sprintf("%s, %s", c.Name, dtype)
			m := nets[c.Name]
			if m == nil {
				t.Errorf("%s: no such net", name)
				continue
			}
			check := func(what string, got *tensor.Tensor, want reference.Array) {
				t.Helper()
				want.DType = dtype.String()
				if got == nil {
					t.Errorf("%s: %s: got nil", name, what)
				} else if err := reference.Compare(got, want, tolerance); err != nil {
					t.Errorf("%s: %s: %v", name, what, err)
				}
			}
			setParameters(m, c.State, dtype)
			x := c.Input.Tensor().To(dtype).SetRequiresGrad(true)
			out := m.Forward(x)
			check("output", out, c.Output)
			out.Backward(c.Seed.Tensor().To(dtype))
			check("gradient of the input", x.Grad(), c.InputGrad)
			var names []string
			for param, p := range m.Parameters() {
				names = append(names, param)
				check("gradient of "+param, p.Grad(), c.Grads[param])
			}
			slices.Sort(names)
			if want := slices.Sorted(maps.Keys(c.State)); !slices.Equal(names, want) {
				t.Errorf("%s: got parameters %v, want %v", name, names, want)
			}
			if dtype == tensor.Float64 {
				inputs := append(nn.ParameterList(m), x)
				if err := gradcheck.Check(func([]*tensor.Tensor) *tensor.Tensor { return m.Forward(x) }, inputs...); err != nil {
					t.Errorf("%s: %v", name, err)
				}
			}
		}
	}
	if len(file.Nets) != len(nets) {
		t.Errorf("%d nets, but %d references", len(nets), len(file.Nets))
	}
}

// setParameters gives m's Linear layers those of state, converted to dtype.
func setParameters(m nn.Module, state map[string]reference.Array, dtype tensor.DType) {
	nn.Apply(m, func(path string, m nn.Module) {
		l, ok := m.(*nn.Linear)
		if !ok {
			return
		}
		if path != "" {
			path += "."
		}
		l.Weight = state[path+"weight"].Tensor().To(dtype).SetRequiresGrad(true)
		l.Bias = state[path+"bias"].Tensor().To(dtype).SetRequiresGrad(true)
	})
}

// wantUniform fails unless x has the range and deviation of draws uniform within ±bound.
func wantUniform(t *testing.T, name string, x *tensor.Tensor, bound float64) {
	t.Helper()
	n := float64(x.Numel())
	d := x.Detach().To(tensor.Float64)
	low, high := d.Min().Item(), d.Max().Item()
	// All of n draws miss the outer hundredth of a side with a chance of 0.995^n.
	if edge := float64(float32(bound)); low < -edge || high > edge || low > -0.99*bound || high < 0.99*bound {
		t.Errorf("%s: got values in [%v, %v], want them to fill ±%v", name, low, high, bound)
	}
	std := bound / math.Sqrt(3)
	mean := d.Mean().Item()
	got := math.Sqrt(d.Mul(d).Mean().Item())
	if within := 4 * std / math.Sqrt(n); math.Abs(mean) > within || math.Abs(got-std) > within {
		t.Errorf("%s: got mean %v and deviation %v, want 0 and %v", name, mean, got, std)
	}
}

func TestInitialisation(t *testing.T) {
	l := nn.NewLinear(100, 64, rng())
	wantUniform(t, "Linear's weight", l.Weight, 0.1)
	wantUniform(t, "Linear's bias", nn.NewLinear(100, 5000, rng()).Bias, 0.1)
	if l.Weight.DType() != tensor.Float32 || !l.Weight.RequiresGrad() || !l.Bias.RequiresGrad() {
		t.Error("Linear's parameters are no float32, or need no gradients")
	}
	if !slices.Equal(l.Weight.Shape(), []int{64, 100}) || !slices.Equal(l.Bias.Shape(), []int{64}) {
		t.Errorf("got shapes %v and %v", l.Weight.Shape(), l.Bias.Shape())
	}
	nn.XavierUniform(l.Weight, rng())
	wantUniform(t, "Xavier", l.Weight, math.Sqrt(6.0/164))
	nn.KaimingUniform(l.Weight, rng())
	wantUniform(t, "Kaiming", l.Weight, math.Sqrt(6.0/100))
	if !l.Weight.RequiresGrad() {
		t.Error("initialisation has the weight need no gradients")
	}
	kernels := tensor.Zeros(tensor.Float64, 16, 8, 5, 5) // of a convolution
	nn.XavierUniform(kernels, rng())
	wantUniform(t, "Xavier of a convolution", kernels, math.Sqrt(6.0/(25*(16+8))))
	nn.KaimingUniform(kernels, rng())
	wantUniform(t, "Kaiming of a convolution", kernels, math.Sqrt(6.0/(25*8)))

	if first, second := nn.NewLinear(3, 2, rng()), nn.NewLinear(3, 2, rng()); first.Weight.Ne(second.Weight).Sum().Item() != 0 {
		t.Error("the same generator gives other weights")
	}
}

// nested is a net within a net.
func nested() *nn.Sequential {
	return nn.NewSequential(
		nn.Flatten{},
		nn.Named("body", nn.NewSequential(nn.NewLinear(4, 3, rng()), nn.Named("relu", nn.ReLU{}))),
		nn.Named("head", nn.NewLinear(3, 2, rng())),
	)
}

func TestSequentialNames(t *testing.T) {
	net := nested()
	var names []string
	for name, p := range net.Parameters() {
		names = append(names, fmt.Sprint(name, p.Shape()))
	}
	if want := []string{"body.0.weight[3 4]", "body.0.bias[3]", "head.weight[2 3]", "head.bias[2]"}; !slices.Equal(names, want) {
		t.Errorf("got parameters %v, want %v", names, want)
	}
	list := nn.ParameterList(net)
	if head := net.Layer("head").(*nn.Linear); len(list) != 4 || list[2] != head.Weight || list[3] != head.Bias {
		t.Errorf("got a list of %d parameters in another order", len(list))
	}
	if got, want := nn.NumParameters(net), 12+3+6+2; got != want {
		t.Errorf("got %d parameters, want %d", got, want)
	}
	var layers []string
	for name, m := range net.Layers() {
		layers = append(layers, fmt.Sprintf("%s %T", name, m))
	}
	if want := []string{"0 nn.Flatten", "body *nn.Sequential", "head *nn.Linear"}; !slices.Equal(layers, want) {
		t.Errorf("got layers %v, want %v", layers, want)
	}
	if net.Layer("tail") != nil {
		t.Error("a layer that is not there is found")
	}
}

func TestApplyOrder(t *testing.T) {
	var visited []string
	nn.Apply(nested(), func(path string, m nn.Module) { visited = append(visited, fmt.Sprintf("%q %T", path, m)) })
	want := []string{`"0" nn.Flatten`, `"body.0" *nn.Linear`, `"body.relu" nn.ReLU`, `"body" *nn.Sequential`, `"head" *nn.Linear`, `"" *nn.Sequential`}
	if !slices.Equal(visited, want) {
		t.Errorf("got %v, want %v", visited, want)
	}
}

// A loop over parameters or layers may end early.
func TestIteratorsStop(t *testing.T) {
	net := nested()
	for n := 1; n <= 4; n++ {
		seen := 0
		for range net.Parameters() {
			if seen++; seen == n {
				break
			}
		}
		if seen != n {
			t.Errorf("%d parameters seen, want %d", seen, n)
		}
	}
	next, stop := iter.Pull2(net.Layers())
	if name, _, ok := next(); name != "0" || !ok {
		t.Errorf("got layer %q", name)
	}
	stop()
}

func TestLoadState(t *testing.T) {
	source, target := nested(), nested()
	for _, p := range source.Parameters() {
		p.NormalInPlace(rng(), 0, 1)
	}
	before := nn.ParameterList(target)
	state := maps.Collect(source.Parameters())
	if err := nn.LoadState(target, state); err != nil {
		t.Fatal(err)
	}
	for name, p := range target.Parameters() {
		if p.Ne(state[name]).Sum().Item() != 0 {
			t.Errorf("%s: got %v, want %v", name, p, state[name])
		}
		if p == state[name] || !p.RequiresGrad() {
			t.Errorf("%s is not the net's own, or needs no gradients", name)
		}
	}
	if !slices.Equal(nn.ParameterList(target), before) {
		t.Error("the parameters are other tensors: an optimizer would lose them")
	}
}

func TestLoadStateErrors(t *testing.T) {
	good := func() map[string]*tensor.Tensor { return maps.Collect(nested().Parameters()) }
	for _, c := range []struct {
		change func(state map[string]*tensor.Tensor)
		want   string
	}{
		{func(s map[string]*tensor.Tensor) { delete(s, "head.bias") }, "missing head.bias"},
		{func(s map[string]*tensor.Tensor) { clear(s) }, "missing body.0.weight, body.0.bias, head.weight, head.bias"},
		{func(s map[string]*tensor.Tensor) { s["tail"], s["extra"] = s["head.bias"], s["head.bias"] }, "unexpected extra, tail"},
		{func(s map[string]*tensor.Tensor) { s["head.bias"] = tensor.Zeros(tensor.Float32, 2, 1) },
			"head.bias: float32 (2) expected, got float32 (2, 1)"},
		{func(s map[string]*tensor.Tensor) { s["head.weight"] = tensor.Scalar(1.0) },
			"head.weight: float32 (2, 3) expected, got float64 ()"},
		{func(s map[string]*tensor.Tensor) {
			delete(s, "body.0.bias")
			s["body.0.b"] = tensor.Scalar(1.0)
			s["body.0.weight"] = tensor.Zeros(tensor.Int64, 3, 4)
			s["head.weight"] = tensor.Zeros(tensor.Float32, 3, 2)
		}, "missing body.0.bias; unexpected body.0.b; body.0.weight: float32 (3, 4) expected, got int64 (3, 4); " +
			"head.weight: float32 (2, 3) expected, got float32 (3, 2)"},
	} {
		net := nested()
		for _, p := range net.Parameters() {
			p.FillInPlace(7)
		}
		state := good()
		c.change(state)
		err := nn.LoadState(net, state)
		if se := (*nn.StateError)(nil); !errors.As(err, &se) || err.Error() != c.want {
			t.Errorf("got  %v\nwant %v", err, c.want)
		}
		for name, p := range net.Parameters() {
			if p.Ne(tensor.Scalar(float32(7))).Sum().Item() != 0 {
				t.Errorf("%v: %s was changed", err, name)
			}
		}
	}
}

func TestPanics(t *testing.T) {
	x := tensor.Zeros(tensor.Float32, 2, 3)
	for want, f := range map[string]func(){
		"nn.NewLinear: 0 inputs and 3 outputs: at least 1 of each expected":                func() { nn.NewLinear(0, 3, rng()) },
		"nn.NewLinear: 3 inputs and -1 outputs: at least 1 of each expected":               func() { nn.NewLinear(3, -1, rng()) },
		"nn.Linear: shapes (2, 3) and (5, 4): input (N, in) and weight (out, in) expected": func() { nn.NewLinear(4, 5, rng()).Forward(x) },
		"nn.Linear: shapes (3) and (5, 3): input (N, in) and weight (out, in) expected":    func() { nn.NewLinear(3, 5, rng()).Forward(x.Select(0, 0)) },
		"matmul: float32 elements: two matrices of float32, or of float64, expected":       func() { nn.NewLinear(3, 5, rng()).Forward(x.To(tensor.Float64)) },
		"nn.Flatten: shape (3): a batch with at least two dimensions expected":             func() { nn.Flatten{}.Forward(x.Select(0, 0)) },
		"nn.XavierUniform: shape (3): a weight with at least two dimensions expected":      func() { nn.XavierUniform(x.Select(0, 0), rng()) },
		"nn.KaimingUniform: shape (): a weight with at least two dimensions expected":      func() { nn.KaimingUniform(tensor.Scalar(1.0), rng()) },
		`nn.NewSequential: two layers are named "a"`:                                       func() { nn.NewSequential(nn.Named("a", nn.ReLU{}), nn.Named("a", nn.ReLU{})) },
		`nn.NewSequential: two layers are named "1"`:                                       func() { nn.NewSequential(nn.Named("1", nn.ReLU{}), nn.ReLU{}) },
	} {
		func() {
			defer func() {
				if err, ok := recover().(error); !ok || err.Error() != want {
					t.Errorf("got  %v\nwant %s", err, want)
				}
			}()
			f()
		}()
	}
}
