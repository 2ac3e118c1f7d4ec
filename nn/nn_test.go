package nn_test

import (
	"fmt"
	"iter"
	"maps"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"github.com/onehot-go/onehot/fault"
	"github.com/onehot-go/onehot/internal/gradcheck"
	"github.com/onehot-go/onehot/internal/reference"
	"github.com/onehot-go/onehot/nn"
	"github.com/onehot-go/onehot/random"
	"github.com/onehot-go/onehot/tensor"
)

func rng() *rand.Rand { return random.New(1).Rand() }

// nets are those of testdata/reference.py, by the names there.
var nets = map[string]nn.Module{
	"Linear":                nn.NewLinear(4, 2, rng()),
	"Linear of one sample":  nn.NewLinear(2, 3, rng()),
	"Linear of no sample":   nn.NewLinear(2, 3, rng()),
	"Linear of a vector":    nn.NewLinear(4, 2, rng()),
	"Linear of sequences":   nn.NewLinear(4, 2, rng()),
	"Linear of no sequence": nn.NewLinear(2, 3, rng()),
	"Linear without bias":   nn.NewLinearNoBias(4, 2, rng()),
	"Identity":              nn.Identity{},
	"ReLU":                  nn.ReLU{},
	"LeakyReLU":             nn.LeakyReLU{},
	"LeakyReLU of 0.25":     nn.LeakyReLU{Slope: 0.25},
	"GELU":                  nn.GELU{},
	"Sigmoid":               nn.Sigmoid{},
	"Tanh":                  nn.Tanh{},
	"Softmax":               nn.Softmax{},
	"Softmax of pictures":   nn.SoftmaxDim(1),
	"Softmax along 0":       nn.SoftmaxDim(0),
	"Softmax along -1":      nn.SoftmaxDim(-1),
	"LogSoftmax":            nn.LogSoftmax{},
	"LogSoftmax along 0":    nn.LogSoftmaxDim(0),
	"LogSoftmax along -1":   nn.LogSoftmaxDim(-1),
	"Flatten":               nn.Flatten{},
	"Flatten 0 to 1":        nn.FlattenDims(0, 1),
	"Flatten -2 to -1":      nn.FlattenDims(-2, -1),
	"Flatten 0 to -1":       nn.FlattenDims(0, -1),
	"Flatten of a vector":   nn.FlattenDims(0, 0),
	"Dropout in evaluation": dropout(0.5, false),
	"Dropout of nothing":    dropout(0, true),
	"Dropout of all":        dropout(1, true),
	"PHM of 1":              nn.NewPHM(1, 4, 2, rng()),
	"PHM of 2":              nn.NewPHM(2, 4, 6, rng()),
	"PHM of 4":              nn.NewPHM(4, 8, 4, rng()),
	"PHM of sequences":      nn.NewPHM(3, 3, 3, rng()),
	"Conv2d":                nn.NewConv2d(2, 3, [2]int{3, 3}, tensor.Conv2dOptions{}, rng()),
	"Conv2d without bias": nn.NewConv2dNoBias(2, 4, [2]int{3, 2}, tensor.Conv2dOptions{
		Stride: [2]int{2, 1}, Padding: [2]int{1, 0}, Dilation: [2]int{1, 2}, Groups: 2}, rng()),
	"MaxPool2d":                      nn.NewMaxPool2d(2),
	"MaxPool2d of 3":                 nn.MaxPool2d{Pool2dOptions: window},
	"AvgPool2d":                      nn.NewAvgPool2d(2),
	"AvgPool2d of 3":                 nn.AvgPool2d{Pool2dOptions: window},
	"AdaptiveAvgPool2d":              nn.AdaptiveAvgPool2d{Rows: 1, Cols: 1},
	"AdaptiveAvgPool2d to 2×3":       nn.AdaptiveAvgPool2d{Rows: 2, Cols: 3},
	"BatchNorm1d":                    nn.NewBatchNorm1d(3),
	"BatchNorm1d of sequences":       nn.NewBatchNorm1d(2),
	"BatchNorm1d in evaluation":      evaluating(nn.NewBatchNorm1d(2)),
	"BatchNorm2d":                    nn.NewBatchNorm2d(2),
	"BatchNorm2d in evaluation":      evaluating(nn.NewBatchNorm2d(2)),
	"BatchNorm2d without parameters": &nn.BatchNorm2d{BatchNorm: nn.BatchNorm{RunningMean: channels(0), RunningVar: channels(1), NumBatchesTracked: tensor.Scalar(int64(0)), Momentum: new(0.1), Eps: 1e-5}},
	"BatchNorm2d without statistics": evaluating(&nn.BatchNorm2d{BatchNorm: nn.BatchNorm{Weight: channels(1), Bias: channels(0), Eps: 1e-5}}),
	"Dropout2d in evaluation":        evaluating(dropout2d(0.5)),
	"Dropout2d of nothing":           dropout2d(0),
	"Dropout2d of all":               dropout2d(1),
	"Residual":                       &nn.Residual{Body: block(2, 2, 1)},
	"Residual with a shortcut": &nn.Residual{Body: block(2, 3, 2), Shortcut: nn.NewSequential(
		nn.NewConv2dNoBias(2, 3, [2]int{1, 1}, tensor.Conv2dOptions{Stride: [2]int{2, 2}}, rng()), nn.NewBatchNorm2d(3))},
	"Convolutional": nn.NewSequential(
		nn.NewConv2dNoBias(1, 2, [2]int{3, 3}, tensor.Conv2dOptions{Padding: [2]int{1, 1}}, rng()), nn.NewBatchNorm2d(2), nn.ReLU{}, nn.NewMaxPool2d(2),
		nn.NewConv2d(2, 3, [2]int{2, 2}, tensor.Conv2dOptions{}, rng()), nn.ReLU{}, nn.NewMaxPool2d(2), nn.Flatten{}, nn.NewLinear(3, 2, rng())),
	"LayerNorm":                   nn.NewLayerNorm(5),
	"LayerNorm of two dimensions": withEps(nn.NewLayerNorm(3, 4), 0.01),
	"GroupNorm":                   nn.NewGroupNorm(3, 6),
	"GroupNorm of rows":           withEps(nn.NewGroupNorm(2, 4), 0.01),
	"SiLU":                        nn.SiLU{},
	"ReLU6":                       nn.NewSequential(nn.NewLayerNorm(5), nn.ReLU6{}),
	"Hardsigmoid":                 nn.NewSequential(nn.NewLayerNorm(5), nn.Hardsigmoid{}),
	"Hardswish":                   nn.NewSequential(nn.NewLayerNorm(5), nn.Hardswish{}),
	"AdaptiveAvgPool2d to more":   nn.AdaptiveAvgPool2d{Rows: 3, Cols: 7},
	"Conv2d depthwise": nn.NewConv2dNoBias(3, 3, [2]int{3, 3}, tensor.Conv2dOptions{
		Stride: [2]int{2, 2}, Padding: [2]int{1, 1}, Groups: 3}, rng()),
	"Conv2d depthwise to more": nn.NewConv2d(2, 6, [2]int{3, 3}, tensor.Conv2dOptions{Padding: [2]int{2, 2}, Groups: 2}, rng()),
	"BatchNorm2d with eps":     &nn.BatchNorm2d{BatchNorm: normWith(0.001, 0.01)},
	"Gate": &nn.Gate{Body: nn.NewSequential(
		nn.AdaptiveAvgPool2d{Rows: 1, Cols: 1},
		nn.Named("fc1", nn.NewConv2d(4, 2, [2]int{1, 1}, tensor.Conv2dOptions{}, rng())), nn.SiLU{},
		nn.Named("fc2", nn.NewConv2d(2, 4, [2]int{1, 1}, tensor.Conv2dOptions{}, rng())), nn.Sigmoid{})},
	"Gate of elements":              &nn.Gate{Body: nn.NewSequential(nn.NewLinear(4, 4, rng()), nn.Sigmoid{})},
	"StochasticDepth in evaluation": evaluating(nn.NewStochasticDepth(0.5)),
	"StochasticDepth of nothing":    stochasticDepth(0),
	"StochasticDepth of all":        stochasticDepth(1),
	"ZeroPad2d":                     nn.ZeroPad2d{Left: 1, Right: 2, Top: 3},
	"ZeroPad2d of nothing":          nn.ZeroPad2d{},
	"ZeroPad2d before a stride": nn.NewSequential(nn.ZeroPad2d{Right: 1, Bottom: 1},
		nn.NewConv2d(2, 2, [2]int{3, 3}, tensor.Conv2dOptions{Stride: [2]int{2, 2}, Groups: 2}, rng())),
	"MLP": nn.NewSequential(nn.Flatten{}, nn.NewLinear(8, 5, rng()), nn.ReLU{}, nn.NewLinear(5, 3, rng())),
}

// window is one that overlaps its neighbours.
var window = tensor.Pool2dOptions{Kernel: [2]int{3, 3}, Stride: [2]int{2, 2}, Padding: [2]int{1, 1}}

// channels returns a number for each of two channels.
func channels(v float64) *tensor.Tensor { return tensor.Full(tensor.Float32, v, 2) }

// withEps gives a layer another eps.
func withEps(m nn.Module, eps float64) nn.Module {
	switch l := m.(type) {
	case *nn.LayerNorm:
		l.Eps = eps
	case *nn.GroupNorm:
		l.Eps = eps
	}
	return m
}

// evaluating puts a layer in evaluation.
func evaluating(m nn.Module) nn.Module {
	nn.SetTraining(m, false)
	return m
}

// dropout2d returns a layer with a chance.
func dropout2d(p float64) *nn.Dropout2d {
	d := nn.NewDropout2d(p)
	d.SetChance(random.New(5))
	return d
}

// stochasticDepth returns a layer with a chance.
func stochasticDepth(p float64) *nn.StochasticDepth {
	d := nn.NewStochasticDepth(p)
	d.SetChance(random.New(5))
	return d
}

// normWith returns what a batch norm of two channels is made of.
func normWith(eps, momentum float64) nn.BatchNorm {
	b := nn.NewBatchNorm2d(2).BatchNorm
	b.Eps, b.Momentum = eps, new(momentum)
	return b
}

// block returns the body of a residual block.
func block(in, out, stride int) *nn.Sequential {
	around := [2]int{1, 1}
	return nn.NewSequential(
		nn.NewConv2dNoBias(in, out, [2]int{3, 3}, tensor.Conv2dOptions{Stride: [2]int{stride, stride}, Padding: around}, rng()), nn.NewBatchNorm2d(out),
		nn.ReLU{}, nn.NewConv2dNoBias(out, out, [2]int{3, 3}, tensor.Conv2dOptions{Padding: around}, rng()), nn.NewBatchNorm2d(out))
}

// dropout returns a layer with a chance.
func dropout(p float64, training bool) *nn.Dropout {
	d := nn.NewDropout(p)
	d.SetTraining(training)
	d.SetChance(random.New(5))
	return d
}

// netCase is a net in testdata/reference.json, of Float64.
type netCase struct {
	Name                string
	State, After        map[string]reference.Array // what the net has before, and of it the buffers after
	Input, Output, Seed reference.Array
	InputGrad           reference.Array `json:"input_grad"`
	Grads               map[string]reference.Array
}

// references is testdata/reference.json.
type references struct {
	Nets  []netCase
	Gains []gainCase
	Inits []initCase
}

func loadReferences(t *testing.T) (r references) {
	t.Helper()
	reference.Load(t, "testdata/reference.json", &r)
	return r
}

// TestNets compares outputs and gradients with PyTorch's.
func TestNets(t *testing.T) {
	file := loadReferences(t)
	for _, c := range file.Nets {
		for dtype, tolerance := range map[tensor.DType]float64{tensor.Float64: 1e-13, tensor.Float32: 3e-6} {
			if dtype == tensor.Float32 && slices.Contains([]string{"Residual", "Residual with a shortcut", "Convolutional", "BatchNorm2d", "BatchNorm1d of sequences",
				"LayerNorm", "LayerNorm of two dimensions", "GroupNorm", "GroupNorm of rows", "ReLU6", "Hardsigmoid", "Hardswish"}, c.Name) {
				tolerance = 1e-4 // norms leave elements that are differences of ones a hundred times greater
			}
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
				check("gradient of "+param, p.Grad(), c.Grads[param])
			}
			for name, v := range nn.StateDict(m) {
				if names = append(names, name); !v.DType().IsFloat() {
					v = v.To(dtype)
				}
				if after, ok := c.After[name]; ok {
					check(name+" after it", v, after)
				}
			}
			slices.Sort(names)
			if want := slices.Sorted(maps.Keys(c.State)); !slices.Equal(names, want) {
				t.Errorf("%s: got a state of %v, want %v", name, names, want)
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

// setParameters gives m's layers the parameters in state, converted to dtype.
func setParameters(m nn.Module, state map[string]reference.Array, dtype tensor.DType) {
	nn.Apply(m, func(path string, m nn.Module) {
		get := func(name string) *tensor.Tensor {
			if path != "" {
				name = path + "." + name
			}
			return state[name].Tensor().To(dtype).SetRequiresGrad(true)
		}
		norm := func(b *nn.BatchNorm) {
			if b.Weight != nil {
				b.Weight, b.Bias = get("weight"), get("bias")
			}
			if b.RunningMean != nil {
				b.RunningMean, b.RunningVar = get("running_mean").SetRequiresGrad(false), get("running_var").SetRequiresGrad(false)
				b.NumBatchesTracked.FillInPlace(0)
			}
		}
		switch l := m.(type) {
		case *nn.Linear:
			l.Weight = get("weight")
			if l.Bias != nil {
				l.Bias = get("bias")
			}
		case *nn.Conv2d:
			l.Weight = get("weight")
			if l.Bias != nil {
				l.Bias = get("bias")
			}
		case *nn.BatchNorm1d:
			norm(&l.BatchNorm)
		case *nn.BatchNorm2d:
			norm(&l.BatchNorm)
		case *nn.LayerNorm:
			l.Weight, l.Bias = get("weight"), get("bias")
		case *nn.GroupNorm:
			l.Weight, l.Bias = get("weight"), get("bias")
		case *nn.PHM:
			l.A, l.S, l.Bias = get("A"), get("S"), get("bias")
		}
	})
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
	for path, want := range map[string]string{
		"0": "nn.Flatten", "body": "*nn.Sequential", "body.0": "*nn.Linear", "body.relu": "nn.ReLU", "head": "*nn.Linear",
		"tail": "<nil>", "": "<nil>", "body.1": "<nil>", "body.": "<nil>", ".0": "<nil>", "head.weight": "<nil>", "body.0.weight": "<nil>",
	} {
		if got := fmt.Sprintf("%T", net.Layer(path)); got != want {
			t.Errorf("layer %q: got %s, want %s", path, got, want)
		}
	}
	inner := nn.NewLinear(2, 2, rng())
	net = nn.NewSequential(nn.Named("block", nn.Named("renamed", residual{inner})))
	if got := net.Layer("block.inner"); got != inner {
		t.Errorf("within a container of another type: got %T", got)
	}
}

// A net without a name adds nothing to the names of what is in it.
func TestNamelessNets(t *testing.T) {
	l := func() nn.Module { return nn.NewLinear(2, 2, rng()) }
	block := &nn.Residual{Body: nn.Named("", nn.NewSequential(nn.Named("conv", l()))), Shortcut: nn.Named("down", nn.NewSequential(l()))}
	net := nn.NewSequential(nn.Named("", nn.NewSequential(nn.Named("first", l()), nn.Named("", nn.NewSequential(nn.Named("norm", nn.NewBatchNorm1d(2)))))),
		nn.Named("layer", nn.NewSequential(nn.Named("", block))), nn.Named("other", &nn.Residual{Body: nn.Tanh{}}))
	var names []string
	for name := range nn.StateDict(net) {
		names = append(names, name)
	}
	if want := []string{"first.weight", "first.bias", "norm.weight", "norm.bias", "layer.conv.weight", "layer.conv.bias", "layer.down.0.weight", "layer.down.0.bias",
		"norm.running_mean", "norm.running_var", "norm.num_batches_tracked"}; !slices.Equal(names, want) {
		t.Errorf("got  %v\nwant %v", names, want)
	}
	for path, want := range map[string]string{
		"first": "*nn.Linear", "norm": "*nn.BatchNorm1d", "layer.conv": "*nn.Linear", "layer.down": "*nn.Sequential", "layer.down.0": "*nn.Linear",
		"layer.body": "<nil>", "other.body": "nn.Tanh", "": "<nil>", "layer.": "<nil>",
	} {
		if got := fmt.Sprintf("%T", net.Layer(path)); got != want {
			t.Errorf("layer %q: got %s, want %s", path, got, want)
		}
	}
	for want, layers := range map[string][]nn.Module{
		`nn.NewSequential: two layers are named "a"`:                           {nn.Named("a", l()), nn.Named("", nn.NewSequential(nn.Named("a", l())))},
		`nn.NewSequential: two layers are named "0"`:                           {l(), nn.Named("", nn.NewSequential(l()))},
		`nn.NewSequential: two layers are named "b.down"`:                      {nn.Named("b", &nn.Residual{Body: nn.Named("", nn.NewSequential(nn.Named("down", l()))), Shortcut: nn.Named("down", l())})},
		`nn.NewSequential: layer 0 is named "": a name without a dot expected`: {nn.Named("", l())},
	} {
		wantPanic[*fault.OptionError](t, want, func() { nn.NewSequential(layers...) })
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

// A name that a net gave a module stands between it and its place, but not in its path.
func TestApplyToNamed(t *testing.T) {
	var visited []string
	visit := func(path string, m nn.Module) { visited = append(visited, fmt.Sprintf("%q %T", path, m)) }
	nn.Apply(nn.Named("net", nested()), visit)
	nn.Apply(nn.Named("a", nn.Named("b", nn.ReLU{})), visit)
	nn.Apply(nn.Named("a", nn.Named("b", nn.Tanh{})), visit)
	nn.Apply(nn.NewSequential(nn.Named("a", nn.Named("b", nn.ReLU{}))), visit)
	want := []string{`"0" nn.Flatten`, `"body.0" *nn.Linear`, `"body.relu" nn.ReLU`, `"body" *nn.Sequential`, `"head" *nn.Linear`, `"" *nn.Sequential`,
		`"" nn.ReLU`, `"" nn.Tanh`, `"a" nn.ReLU`, `"" *nn.Sequential`}
	if !slices.Equal(visited, want) {
		t.Errorf("got  %v\nwant %v", visited, want)
	}
}

// An optimizer that got a parameter twice would take two steps with it.
func TestSharedLayersCountOnce(t *testing.T) {
	shared := nn.NewLinear(3, 3, rng())
	net := nn.NewSequential(shared, nn.ReLU{}, shared)
	if list := nn.ParameterList(net); !slices.Equal(list, []*tensor.Tensor{shared.Weight, shared.Bias}) {
		t.Errorf("got %d parameters", len(list))
	}
	if n := nn.NumParameters(net); n != 12 {
		t.Errorf("got %d parameters, want 12", n)
	}
	var names []string
	for name := range net.Parameters() {
		names = append(names, name)
	}
	if want := []string{"0.weight", "0.bias", "2.weight", "2.bias"}; !slices.Equal(names, want) {
		t.Errorf("got names %v, want %v", names, want)
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

// wantPanic fails unless f panics with an error of type E and the given text.
func wantPanic[E error](t *testing.T, text string, f func()) {
	t.Helper()
	defer func() {
		t.Helper()
		got := recover()
		if err, ok := got.(E); !ok || err.Error() != text {
			t.Errorf("got  %T: %v\nwant %v: %s", got, got, reflect.TypeFor[E](), text)
		}
	}()
	f()
}

func TestShapeErrors(t *testing.T) {
	x := tensor.Zeros(tensor.Float32, 2, 3)
	row := x.Select(0, 0)
	for want, f := range map[string]func(){
		"nn.NewLinear: 0 inputs and 3 outputs: at least 1 of each expected":                  func() { nn.NewLinear(0, 3, rng()) },
		"nn.NewLinear: 3 inputs and -1 outputs: at least 1 of each expected":                 func() { nn.NewLinear(3, -1, rng()) },
		"nn.NewLinearNoBias: 3 inputs and 0 outputs: at least 1 of each expected":            func() { nn.NewLinearNoBias(3, 0, rng()) },
		"nn.Linear: shapes (2, 3) and (5, 4): input (..., in) and weight (out, in) expected": func() { nn.NewLinear(4, 5, rng()).Forward(x) },
		"nn.Linear: shapes () and (5, 1): input (..., in) and weight (out, in) expected":     func() { nn.NewLinear(1, 5, rng()).Forward(tensor.Scalar(float32(1))) },
		"nn.Linear: shapes (0, 3, 2) and (5, 3): input (..., in) and weight (out, in) expected": func() {
			nn.NewLinear(3, 5, rng()).Forward(tensor.Zeros(tensor.Float32, 0, 3, 2))
		},
		"nn.PHM: shapes (2, 3) and (2, 4): input (..., in) and weight (out, in) expected":     func() { nn.NewPHM(2, 4, 2, rng()).Forward(x) },
		"nn.NewPHM: 4 inputs and 6 outputs with n = 4: multiples of n, at least 1, expected":  func() { nn.NewPHM(4, 4, 6, rng()) },
		"nn.NewPHM: 6 inputs and 4 outputs with n = 4: multiples of n, at least 1, expected":  func() { nn.NewPHM(4, 6, 4, rng()) },
		"nn.NewPHM: 4 inputs and 4 outputs with n = 0: multiples of n, at least 1, expected":  func() { nn.NewPHM(0, 4, 4, rng()) },
		"nn.NewPHM: 0 inputs and 4 outputs with n = 2: multiples of n, at least 1, expected":  func() { nn.NewPHM(2, 0, 4, rng()) },
		"nn.NewPHM: 4 inputs and -4 outputs with n = 2: multiples of n, at least 1, expected": func() { nn.NewPHM(2, 4, -4, rng()) },
		"nn.Flatten: shape (3): a batch with at least two dimensions expected":                func() { nn.Flatten{}.Forward(row) },
		"flatten: shape (2, 3): dimension 2 is out of range":                                  func() { nn.FlattenDims(0, 2).Forward(x) },
		"softmax: shape (3): dimension 1 is out of range":                                     func() { nn.Softmax{}.Forward(row) },
		"log-softmax: shape (3): dimension 1 is out of range":                                 func() { nn.LogSoftmax{}.Forward(row) },
		"nn.NewConv2d: 3 inputs and 4 outputs in 2 groups with kernel [3 3]: at least 1 of each, and multiples of the groups, expected": func() {
			nn.NewConv2d(3, 4, [2]int{3, 3}, tensor.Conv2dOptions{Groups: 2}, rng())
		},
		"nn.NewConv2dNoBias: 0 inputs and 4 outputs in 1 groups with kernel [3 3]: at least 1 of each, and multiples of the groups, expected": func() {
			nn.NewConv2dNoBias(0, 4, [2]int{3, 3}, tensor.Conv2dOptions{}, rng())
		},
		"nn.NewConv2d: 1 inputs and 4 outputs in 1 groups with kernel [3 0]: at least 1 of each, and multiples of the groups, expected": func() {
			nn.NewConv2d(1, 4, [2]int{3, 0}, tensor.Conv2dOptions{}, rng())
		},
		"nn.NewBatchNorm1d: 0 channels: at least 1 expected":                          func() { nn.NewBatchNorm1d(0) },
		"nn.NewBatchNorm2d: -1 channels: at least 1 expected":                         func() { nn.NewBatchNorm2d(-1) },
		"nn.BatchNorm1d: shape (3): rows (N, C) or sequences (N, C, L) expected":      func() { nn.NewBatchNorm1d(3).Forward(row) },
		"nn.BatchNorm2d: shape (2, 3): pictures (N, C, H, W) expected":                func() { nn.NewBatchNorm2d(3).Forward(x) },
		"nn.Dropout2d: shape (2, 3): pictures (N, C, H, W) expected":                  func() { nn.NewDropout2d(0.5).Forward(x) },
		"max-pool2d: shape (2, 3): pictures (N, C, H, W) or (C, H, W) expected":       func() { nn.NewMaxPool2d(2).Forward(x) },
		"nn.XavierUniform: shape (3): a weight with at least two dimensions expected": func() { nn.XavierUniform(row, rng(), 1) },
		"nn.XavierNormal: shape (3): a weight with at least two dimensions expected":  func() { nn.XavierNormal(row, rng(), 1) },
		"nn.KaimingUniform: shape (): a weight with at least two dimensions expected": func() { nn.KaimingUniform(tensor.Scalar(1.0), rng(), nn.FanIn, 1) },
		"nn.KaimingNormal: shape (3): a weight with at least two dimensions expected": func() { nn.KaimingNormal(row, rng(), nn.FanOut, 1) },
	} {
		wantPanic[*tensor.ShapeError](t, want, f)
	}
	wantPanic[*tensor.DTypeError](t, "matmul: float32 elements, shapes (2, 3) and (3, 5): two matrices of float32, or of float64, expected", func() {
		nn.NewLinear(3, 5, rng()).Forward(x.To(tensor.Float64))
	})
}

func TestOptionErrors(t *testing.T) {
	x := tensor.Zeros(tensor.Float32, 2, 3)
	for want, f := range map[string]func(){
		`nn.NewSequential: two layers are named "a"`:                           func() { nn.NewSequential(nn.Named("a", nn.ReLU{}), nn.Named("a", nn.ReLU{})) },
		`nn.NewSequential: two layers are named "1"`:                           func() { nn.NewSequential(nn.Named("1", nn.ReLU{}), nn.ReLU{}) },
		`nn.NewSequential: layer 1 is named "": a name without a dot expected`: func() { nn.NewSequential(nn.ReLU{}, nn.Named("", nn.ReLU{})) },
		`nn.NewSequential: layer 0 is named "a.b": a name without a dot expected`: func() {
			nn.NewSequential(nn.Named("a.b", nn.ReLU{}))
		},
		"nn.NewDropout: probability -0.1: 0 to 1 expected": func() { nn.NewDropout(-0.1) },
		"nn.NewDropout: probability 1.5: 0 to 1 expected":  func() { nn.NewDropout(1.5) },
		"nn.NewDropout: probability NaN: 0 to 1 expected":  func() { nn.NewDropout(math.NaN()) },
		"nn.NewDropout2d: probability 2: 0 to 1 expected":  func() { nn.NewDropout2d(2) },
		"nn.Dropout2d: no chance to draw from in training: call nn.SetChance before each step, or Forward(x.Evaluation()) to evaluate": func() {
			nn.NewDropout2d(0.5).Forward(tensor.Zeros(tensor.Float32, 1, 1, 1, 1))
		},
		"nn.Dropout: no chance to draw from in training: call nn.SetChance before each step, or Forward(x.Evaluation()) to evaluate": func() {
			nn.NewDropout(0.5).Forward(x)
		},
		"nn.Gain: none is known of nn.GELU":     func() { nn.Gain(nn.GELU{}) },
		"nn.Gain: none is known of *nn.Dropout": func() { nn.Gain(nn.NewDropout(0.5)) },
		"nn.KaimingUniform: unknown fan 2":      func() { nn.KaimingUniform(x, rng(), 2, 1) },
		"nn.KaimingNormal: unknown fan -1":      func() { nn.KaimingNormal(x, rng(), -1, 1) },
	} {
		wantPanic[*fault.OptionError](t, want, f)
	}
}
