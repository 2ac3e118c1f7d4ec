package nn_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/onehot-go/onehot/fault"
	"github.com/onehot-go/onehot/nn"
	"github.com/onehot-go/onehot/random"
	"github.com/onehot-go/onehot/tensor"
)

// saved are layers with the options that they may have, what they are saved as, and the shape
// of a sample for them.
var saved = []struct {
	layer nn.Module
	json  string
	input []int
}{
	{nn.NewLinear(3, 2, rng()), `"type":"linear","in":3,"out":2`, []int{3}},
	{nn.NewLinearNoBias(3, 2, rng()), `"type":"linear","in":3,"out":2,"no_bias":true`, []int{5, 3}},
	{nn.Flatten{}, `"type":"flatten"`, []int{2, 3, 4}},
	{nn.FlattenDims(2, 3), `"type":"flatten","start_dim":2,"end_dim":3`, []int{2, 3, 4}},
	{nn.FlattenDims(-3, 2), `"type":"flatten","start_dim":-3,"end_dim":2`, []int{2, 3, 4}},
	{nn.Identity{}, `"type":"identity"`, []int{2, 3, 4}},
	{nn.NewDropout(0.25), `"type":"dropout","p":0.25`, []int{3}},
	{nn.NewDropout(0), `"type":"dropout"`, []int{2, 3}},
	{nn.NewDropout2d(0.5), `"type":"dropout2d","p":0.5`, []int{2, 3, 4}},
	{nn.ReLU{}, `"type":"relu"`, []int{2, 3, 4}},
	{nn.LeakyReLU{}, `"type":"leakyrelu"`, []int{3}},
	{nn.LeakyReLU{Slope: 0.2}, `"type":"leakyrelu","slope":0.2`, []int{3}},
	{nn.GELU{}, `"type":"gelu"`, []int{3}},
	{nn.Sigmoid{}, `"type":"sigmoid"`, []int{3}},
	{nn.Tanh{}, `"type":"tanh"`, []int{3}},
	{nn.SiLU{}, `"type":"silu"`, []int{3}},
	{nn.ReLU6{}, `"type":"relu6"`, []int{3}},
	{nn.Hardsigmoid{}, `"type":"hardsigmoid"`, []int{3}},
	{nn.Hardswish{}, `"type":"hardswish"`, []int{3}},
	{nn.Softmax{}, `"type":"softmax"`, []int{3, 2}},
	{nn.SoftmaxDim(-1), `"type":"softmax","dim":-1`, []int{3, 2}},
	{nn.LogSoftmax{}, `"type":"logsoftmax"`, []int{3}},
	{nn.LogSoftmaxDim(2), `"type":"logsoftmax","dim":2`, []int{3, 2}},
	{nn.NewPHM(2, 4, 6, rng()), `"type":"phm","n":2,"in":4,"out":6`, []int{4}},
	{nn.NewConv2d(3, 4, [2]int{3, 3}, tensor.Conv2dOptions{}, rng()), `"type":"conv2d","in":3,"out":4,"kernel":3`, []int{3, 7, 8}},
	{nn.NewConv2d(3, 4, [2]int{3, 3}, tensor.Conv2dOptions{Stride: [2]int{1, 1}, Dilation: [2]int{1, 1}, Groups: 1}, rng()),
		`"type":"conv2d","in":3,"out":4,"kernel":3`, []int{3, 7, 8}},
	{nn.NewConv2dNoBias(4, 6, [2]int{3, 2}, tensor.Conv2dOptions{Stride: [2]int{2, 1}, Padding: [2]int{1, 0}, Dilation: [2]int{2, 3}, Groups: 2}, rng()),
		`"type":"conv2d","in":4,"out":6,"kernel":[3,2],"stride":[2,1],"padding":[1,0],"dilation":[2,3],"groups":2,"no_bias":true`, []int{4, 7, 8}},
	{nn.NewBatchNorm1d(3), `"type":"batchnorm1d","in":3`, []int{3}},
	{nn.NewBatchNorm1d(3), `"type":"batchnorm1d","in":3`, []int{3, 5}},
	{nn.NewBatchNorm2d(3), `"type":"batchnorm2d","in":3`, []int{3, 4, 5}},
	{norm2d(func(b *nn.BatchNorm2d) { b.Eps, b.Momentum = 0.001, new(0.01) }), `"type":"batchnorm2d","in":3,"eps":0.001,"momentum":0.01`, []int{3, 4, 5}},
	{norm2d(func(b *nn.BatchNorm2d) { b.Eps, b.Momentum = 0, new(0.0) }), `"type":"batchnorm2d","in":3,"eps":0,"momentum":0`, []int{3, 4, 5}},
	{norm2d(func(b *nn.BatchNorm2d) { b.Momentum = nil }), `"type":"batchnorm2d","in":3,"cumulative":true`, []int{3, 4, 5}},
	{norm2d(func(b *nn.BatchNorm2d) { b.Weight, b.Bias = nil, nil }), `"type":"batchnorm2d","in":3,"no_affine":true`, []int{3, 4, 5}},
	{norm2d(func(b *nn.BatchNorm2d) { b.RunningMean, b.RunningVar, b.NumBatchesTracked = nil, nil, nil }), `"type":"batchnorm2d","in":3,"no_statistics":true`, []int{3, 4, 5}},
	{&nn.BatchNorm1d{BatchNorm: nn.BatchNorm{Eps: 1e-5, Momentum: new(0.1)}}, `"type":"batchnorm1d","no_affine":true,"no_statistics":true`, []int{3}},
	{nn.NewLayerNorm(5), `"type":"layernorm","shape":[5]`, []int{3, 5}},
	{withEps(nn.NewLayerNorm(4, 5), 0.01), `"type":"layernorm","shape":[4,5],"eps":0.01`, []int{3, 4, 5}},
	{nn.NewGroupNorm(2, 6), `"type":"groupnorm","groups":2,"in":6`, []int{6, 2, 3}},
	{withEps(nn.NewGroupNorm(1, 6), 0.01), `"type":"groupnorm","groups":1,"in":6,"eps":0.01`, []int{6}},
	{nn.NewMaxPool2d(2), `"type":"maxpool2d","kernel":2`, []int{3, 5, 6}},
	{nn.MaxPool2d{Pool2dOptions: tensor.Pool2dOptions{Kernel: [2]int{2, 2}, Stride: [2]int{2, 2}}}, `"type":"maxpool2d","kernel":2`, []int{3, 5, 6}},
	{nn.MaxPool2d{Pool2dOptions: window}, `"type":"maxpool2d","kernel":3,"stride":2,"padding":1`, []int{3, 5, 6}},
	{nn.AvgPool2d{Pool2dOptions: tensor.Pool2dOptions{Kernel: [2]int{2, 3}, Stride: [2]int{1, 2}, Padding: [2]int{0, 1}}},
		`"type":"avgpool2d","kernel":[2,3],"stride":[1,2],"padding":[0,1]`, []int{3, 5, 6}},
	{nn.AdaptiveAvgPool2d{Rows: 2, Cols: 2}, `"type":"adaptiveavgpool2d","out":2`, []int{3, 5, 6}},
	{nn.AdaptiveAvgPool2d{Rows: 5, Cols: 1}, `"type":"adaptiveavgpool2d","out":[5,1]`, []int{3, 5, 6}},
	{nn.ZeroPad2d{}, `"type":"zeropad2d"`, []int{3, 5, 6}},
	{nn.ZeroPad2d{Left: 1, Right: 2, Top: 3, Bottom: 4}, `"type":"zeropad2d","left":1,"right":2,"top":3,"bottom":4`, []int{3, 5, 6}},
	{&nn.Residual{Body: nn.NewSequential(nn.NewLinear(2, 2, rng()))}, `"type":"residual","body":[{"name":"0","type":"linear","in":2,"out":2}]`, []int{2}},
	{&nn.Residual{Body: nn.Named("", nn.NewSequential(nn.Tanh{})), Shortcut: nn.Named("downsample", nn.NewSequential(nn.Named("act", nn.ReLU{})))},
		`"type":"residual","body":[{"name":"0","type":"tanh"}],"shortcut":[{"name":"act","type":"relu"}],"body_name":"","shortcut_name":"downsample"`, []int{2}},
	{nn.NewStochasticDepth(0.2), `"type":"stochasticdepth","p":0.2`, []int{2, 3, 4}},
	{&nn.Gate{Body: nn.NewSequential(nn.NewLinear(2, 1, rng()), nn.Sigmoid{})}, `"type":"gate","body":[{"name":"0","type":"linear","in":2,"out":1},{"name":"1","type":"sigmoid"}]`, []int{3, 2}},
	{&nn.Gate{Body: nn.Named("", nn.NewSequential(nn.Named("pool", nn.AdaptiveAvgPool2d{Rows: 1, Cols: 1}), nn.Named("scale", nn.Hardsigmoid{})))},
		`"type":"gate","body":[{"name":"pool","type":"adaptiveavgpool2d","out":1},{"name":"scale","type":"hardsigmoid"}],"body_name":""`, []int{2, 3, 4}},
	{nn.AdaptiveAvgPool2d{Rows: 7, Cols: 7}, `"type":"adaptiveavgpool2d","out":7`, []int{3, 5, 6}},
	{nn.NewSequential(nn.Named("a", nn.ReLU{}), nn.NewSequential()), `"type":"sequential","layers":[{"name":"a","type":"relu"},{"name":"1","type":"sequential"}]`, []int{2}},
}

// norm2d returns a changed batch norm of three channels.
func norm2d(change func(b *nn.BatchNorm2d)) *nn.BatchNorm2d {
	b := nn.NewBatchNorm2d(3)
	change(b)
	return b
}

// layout says which tensors a net has.
func layout(net nn.Module) (lines []string, numbers int) {
	for name, v := range nn.StateDict(net) {
		lines = append(lines, fmt.Sprint(name, v.DType(), v.Shape()))
		numbers += v.Numel()
	}
	return lines, numbers
}

// TestEveryLayerIsSaved describes layers, writes the definition, reads it and makes the layer
// again. What its cost says is true.
func TestEveryLayerIsSaved(t *testing.T) {
	types := map[string]bool{}
	for _, c := range saved {
		net := nn.NewSequential(nn.Named("x", c.layer))
		specs, err := nn.Describe(net)
		if err != nil {
			t.Errorf("%s: %v", c.json, err)
			continue
		}
		types[specs[0].Type()] = true
		text, err := json.Marshal(specs)
		if want := `[{"name":"x",` + c.json + `}]`; err != nil || string(text) != want {
			t.Errorf("got  %s (%v)\nwant %s", text, err, want)
		}
		var read []nn.Spec
		if err := json.Unmarshal(text, &read); err != nil || !reflect.DeepEqual(read, specs) {
			t.Errorf("%s: read as %+v (%v), want %+v", c.json, read, err, specs)
		}
		again, err := nn.Build(read, c.input, random.New(1))
		if err != nil {
			t.Errorf("%s: %v", c.json, err)
			continue
		}
		if got, want := fmt.Sprintf("%T", again.Layer("x")), fmt.Sprintf("%T", c.layer); got != want {
			t.Errorf("%s: made a %s, want %s", c.json, got, want)
		}
		if err := nn.Verify(again, specs); err != nil {
			t.Errorf("%s: %v", c.json, err)
		}
		want, _ := layout(net)
		got, numbers := layout(again)
		if !slices.Equal(got, want) {
			t.Errorf("%s: made %v, want %v", c.json, got, want)
		}
		costs, output, err := nn.Costs(read, c.input)
		if err != nil {
			t.Errorf("%s: %v", c.json, err)
		}
		parameters, all := 0, 0
		for _, c := range costs {
			parameters += c.Parameters
			all += c.Parameters + c.Buffers
		}
		if parameters != nn.NumParameters(net) || all != numbers {
			t.Errorf("%s: costs of %d parameters and %d numbers in all, want %d and %d", c.json, parameters, all, nn.NumParameters(net), numbers)
		}
		nn.SetTraining(again, false)
		shape := again.Forward(tensor.Ones(tensor.Float32, append([]int{2}, c.input...)...)).Shape()
		if !slices.Equal(shape[1:], output) {
			t.Errorf("%s: costs make it %v, it is %v", c.json, output, shape)
		}
	}
	all := strings.ReplaceAll(knownTypes(t), " or ", ", ")
	for _, name := range strings.Split(all, ", ") {
		if !types[name] && !strings.Contains(name, ".") {
			t.Errorf("there is no layer of type %s here", name)
		}
	}
}

// unknown returns a layer of a type that there is none of.
func unknown(t *testing.T) (s nn.Spec) {
	t.Helper()
	if err := json.Unmarshal([]byte(`{"type":"?"}`), &s); err != nil {
		t.Fatal(err)
	}
	return s
}

// scale is a layer as another module has it.
type scale struct{ Factors *tensor.Tensor }

type scaleOptions struct {
	Channels int `json:"channels"`
}

func (s *scale) Forward(x *tensor.Tensor) *tensor.Tensor { return x.Mul(s.Factors) }

func (s *scale) Parameters() iter.Seq2[string, *tensor.Tensor] {
	return func(yield func(string, *tensor.Tensor) bool) { yield("factors", s.Factors) }
}

func init() {
	nn.Register(nn.Type[*scale, scaleOptions]{
		Name: "test.scale",
		Cost: func(o scaleOptions, in nn.Sample) (nn.Cost, error) {
			if len(in.Shape) != 1 || o.Channels != in.Shape[0] {
				return nn.Cost{}, fmt.Errorf("found %d channels, %v expected", o.Channels, in.Shape)
			}
			return nn.Cost{Output: in.Shape, Parameters: o.Channels, FLOPs: o.Channels}, nil
		},
		Make: func(o scaleOptions, at nn.Place) *scale {
			return &scale{tensor.Uniform(tensor.Float32, at.Rand(), 0.5, 1.5, o.Channels).SetRequiresGrad(true)}
		},
		Options:      func(s *scale) (scaleOptions, error) { return scaleOptions{s.Factors.Numel()}, nil },
		KeepsNothing: true,
	})
}

// TestAnothersLayer holds that a layer of another module is checked, made, written and read
// like the package's own.
func TestAnothersLayer(t *testing.T) {
	specs := []nn.Spec{
		{Name: "linear", Options: nn.LinearOptions{In: 2, Out: 3}},
		{Name: "inner", Options: nn.SequentialOptions{Layers: []nn.Spec{{Name: "scale", Options: scaleOptions{3}}}}},
	}
	net, err := nn.Build(specs, []int{2}, random.New(1))
	if err != nil {
		t.Fatal(err)
	}
	key := random.New(1)
	want := tensor.Uniform(tensor.Float32, key.For("inner.scale").Rand(), 0.5, 1.5, 3)
	if got := maps.Collect(net.Parameters())["inner.scale.factors"]; got == nil || got.Ne(want).Any().Item() != 0 {
		t.Errorf("got %v, want %v", got, want)
	}
	found, err := nn.Describe(net)
	if err != nil || !reflect.DeepEqual(found, specs) {
		t.Errorf("got %v (%v), want %v", found, err, specs)
	}
	text, err := json.Marshal(found)
	if want := `[{"name":"linear","type":"linear","in":2,"out":3},{"name":"inner","type":"sequential","layers":[{"name":"scale","type":"test.scale","channels":3}]}]`; err != nil || string(text) != want {
		t.Errorf("got %s (%v)", text, err)
	}
	var read []nn.Spec
	if err := json.Unmarshal(text, &read); err != nil || !reflect.DeepEqual(read, specs) {
		t.Errorf("got %v (%v)", read, err)
	}
	specs[0].Options = nn.LinearOptions{In: 2, Out: 4}
	if _, err := nn.Build(specs, []int{2}, key); err == nil || err.Error() != `layers[1] "inner": layers[0] "scale": found 3 channels, [4] expected` {
		t.Errorf("got %v", err)
	}
}

// free is a layer whose cost is as wrong as a test wants it.
type free struct{ nn.Identity }

type freeOptions struct{ Cost nn.Cost }

func init() {
	nn.Register(nn.Type[free, freeOptions]{
		Name:    "test.free",
		Cost:    func(o freeOptions, _ nn.Sample) (nn.Cost, error) { return o.Cost, nil },
		Make:    func(freeOptions, nn.Place) free { return free{} },
		Options: func(free) (freeOptions, error) { return freeOptions{}, errors.New("found something") },
	})
}

// TestCostsLimits holds that no layer takes a net beyond its limits, whoever wrote it.
func TestCostsLimits(t *testing.T) {
	one := []int{1}
	for want, c := range map[string]nn.Cost{
		"found a cost of {Layer:x Type:test.free Output:[] Parameters:0 Buffers:0 FLOPs:0 Scratch:0 Work:0}, positive numbers expected":     {},
		"found a cost of {Layer:x Type:test.free Output:[2 -1] Parameters:0 Buffers:0 FLOPs:0 Scratch:0 Work:0}, positive numbers expected": {Output: []int{2, -1}},
		"found a cost of {Layer:x Type:test.free Output:[1] Parameters:-1 Buffers:0 FLOPs:0 Scratch:0 Work:0}, positive numbers expected":   {Output: one, Parameters: -1},
		"more than 134217728 numbers for one sample":       {Output: []int{1 << 40, 1 << 40, 1 << 40}},
		"more than 1073741824 parameters up to here":       {Output: one, Parameters: 1<<63 - 1},
		"more than 137438953472 operations for one sample": {Output: one, FLOPs: 1<<63 - 1},
	} {
		_, _, err := nn.Costs([]nn.Spec{{Name: "x", Options: freeOptions{c}}}, one)
		if want := `layers[0] "x": ` + want; err == nil || err.Error() != want {
			t.Errorf("got  %v\nwant %s", err, want)
		}
	}
	half := nn.Cost{Output: one, Parameters: 1<<29 + 1, FLOPs: 1<<36 + 1}
	specs := []nn.Spec{{Name: "x", Options: freeOptions{half}}, {Name: "y", Options: freeOptions{half}}}
	costs, output, err := nn.Costs(specs, one)
	if err == nil || err.Error() != `layers[1] "y": more than 1073741824 parameters up to here` || len(costs) != 1 || !slices.Equal(output, one) {
		t.Errorf("got %v, %v, %v", costs, output, err)
	}
	half.Parameters = 0
	specs[1].Options = freeOptions{half}
	if _, _, err := nn.Costs(specs, one); err == nil || err.Error() != `layers[1] "y": more than 137438953472 operations for one sample up to here` {
		t.Errorf("got %v", err)
	}
	for _, shape := range [][]int{nil, {0}, {-1, -1}, {1 << 28}, {1 << 40, 1 << 40}} {
		if _, _, err := nn.Costs(nil, shape); err == nil || err.Error() != fmt.Sprintf("found samples of shape %v, 1 to 134217728 numbers expected", shape) {
			t.Errorf("%v: got %v", shape, err)
		}
	}
}

func TestRegisterErrors(t *testing.T) {
	cost := func(o scaleOptions, in nn.Sample) (nn.Cost, error) { return nn.Cost{}, nil }
	wantPanic[*fault.OptionError](t, "nn.Register: *nn_test.scale: a name and all functions expected", func() {
		nn.Register(nn.Type[*scale, scaleOptions]{Name: "x", Cost: cost})
	})
	wantPanic[*fault.OptionError](t, `nn.Register: "relu" for *nn_test.scale with nn_test.scaleOptions, but there is "relu" for nn.ReLU with nn.ReLU`, func() {
		nn.Register(nn.Type[*scale, scaleOptions]{
			Name: "relu", Cost: cost,
			Make:    func(scaleOptions, nn.Place) *scale { return nil },
			Options: func(*scale) (scaleOptions, error) { return scaleOptions{}, nil },
		})
	})
}

// TestDescribeErrors holds that what no specs make has no description, and that the error says
// where it is.
func TestDescribeErrors(t *testing.T) {
	half := nn.NewBatchNorm2d(3)
	half.Bias = nil
	for want, m := range map[string]nn.Module{
		`layers[0] "a": found a *nn_test.spy, for which no type is registered`:                                                                &spy{},
		`layers[0] "a": *nn.Sequential: layers[1] "b": found a *nn.ReLU, for which no type is registered`:                                     nn.NewSequential(nn.ReLU{}, nn.Named("b", &nn.ReLU{})),
		`layers[0] "a": *nn.Residual: found a body of type nn.ReLU, *nn.Sequential expected`:                                                  &nn.Residual{Body: nn.ReLU{}},
		`layers[0] "a": *nn.Residual: found a shortcut of type nn.ReLU, *nn.Sequential expected`:                                              &nn.Residual{Body: nn.NewSequential(), Shortcut: nn.ReLU{}},
		`layers[0] "a": nn_test.free: found something`:                                                                                        free{},
		`layers[0] "a": *nn.BatchNorm2d: found one of several tensors alone: weight and bias, or all running statistics, may be nil together`: half,
	} {
		if _, err := nn.Describe(nn.NewSequential(nn.Named("a", m))); err == nil || err.Error() != want {
			t.Errorf("got  %v\nwant %s", err, want)
		}
	}
	if _, err := nn.Describe(nil); err == nil || err.Error() != "found no net" {
		t.Errorf("of no net: %v", err)
	}
	for want, s := range map[string]nn.Spec{
		`layers[0] "a": found no options`:                                            {Name: "a"},
		`layers[0] "a": found options of type int, for which no layer is registered`: {Name: "a", Options: 3},
		`layers[0] "": a name of its own without a dot expected`:                     {Options: nn.ReLU{}},
		`layers[0] "a.b": a name of its own without a dot expected`:                  {Name: "a.b", Options: nn.ReLU{}},
		`layers[0] "": found type "?", ` + knownTypes(t) + ` expected`:               unknown(t),
	} {
		if _, err := nn.Build([]nn.Spec{s}, []int{2}, random.Key{}); err == nil || err.Error() != want {
			t.Errorf("got  %v\nwant %s", err, want)
		}
	}
	for _, s := range []nn.Spec{{}, {Options: 3}, unknown(t)} {
		if text, err := json.Marshal(s); err == nil {
			t.Errorf("%+v is written as %s", s, text)
		}
	}
}

// TestDescribeTensors holds that tensors which a layer of the same options would not have, so that
// a file with them could not be read, are found.
func TestDescribeTensors(t *testing.T) {
	zeros := func(shape ...int) *tensor.Tensor { return tensor.Zeros(tensor.Float32, shape...) }
	linear, conv := nn.LinearOptions{In: 3, Out: 2}, nn.Conv2dOptions{In: 3, Out: 2, Kernel: nn.Square(1)}
	phm, norm := nn.PHMOptions{N: 3, In: 3, Out: 6}, nn.BatchNorm1dOptions{In: 3}
	layers, groups := nn.LayerNormOptions{Shape: []int{3}}, nn.GroupNormOptions{Groups: 1, In: 3}
	for want, c := range map[string]struct {
		options any
		change  func(m nn.Module)
	}{
		"*nn.Linear: found no weight":                                                {linear, func(m nn.Module) { m.(*nn.Linear).Weight = nil }},
		"*nn.Linear: found a weight of float64, float32 expected":                    {linear, func(m nn.Module) { m.(*nn.Linear).Weight = tensor.Zeros(tensor.Float64, 2, 3) }},
		"*nn.Linear: found a weight of shape [2 3 1], 2 dimensions expected":         {linear, func(m nn.Module) { m.(*nn.Linear).Weight = zeros(2, 3, 1) }},
		"*nn.Linear: found a bias of shape [1 2], 1 dimensions expected":             {linear, func(m nn.Module) { m.(*nn.Linear).Bias = zeros(1, 2) }},
		"*nn.Linear: found a bias of shape [1], [2] expected":                        {linear, func(m nn.Module) { m.(*nn.Linear).Bias = zeros(1) }},
		"*nn.Conv2d: found no weight":                                                {conv, func(m nn.Module) { m.(*nn.Conv2d).Weight = nil }},
		"*nn.Conv2d: found a weight of shape [2 3], 4 dimensions expected":           {conv, func(m nn.Module) { m.(*nn.Conv2d).Weight = zeros(2, 3) }},
		"*nn.Conv2d: found a bias of shape [3], [2] expected":                        {conv, func(m nn.Module) { m.(*nn.Conv2d).Bias = zeros(3) }},
		"*nn.PHM: found no S":                                                        {phm, func(m nn.Module) { m.(*nn.PHM).S = nil }},
		"*nn.PHM: found no A":                                                        {phm, func(m nn.Module) { m.(*nn.PHM).A = nil }},
		"*nn.PHM: found no bias":                                                     {phm, func(m nn.Module) { m.(*nn.PHM).Bias = nil }},
		"*nn.BatchNorm1d: found a weight of shape [3 1], 1 dimensions expected":      {norm, func(m nn.Module) { m.(*nn.BatchNorm1d).Weight = zeros(3, 1) }},
		"*nn.BatchNorm1d: found a bias of shape [2], [3] expected":                   {norm, func(m nn.Module) { m.(*nn.BatchNorm1d).Bias = zeros(2) }},
		"*nn.BatchNorm1d: found a running_mean of shape [2], [3] expected":           {norm, func(m nn.Module) { m.(*nn.BatchNorm1d).RunningMean = zeros(2) }},
		"*nn.BatchNorm1d: found a running_var of shape [3 1], 1 dimensions expected": {norm, func(m nn.Module) { m.(*nn.BatchNorm1d).RunningVar = zeros(3, 1) }},
		"*nn.BatchNorm1d: found a num_batches_tracked of float32 [], an int64 without dimensions expected": {norm, func(m nn.Module) {
			m.(*nn.BatchNorm1d).NumBatchesTracked = zeros()
		}},
		"*nn.LayerNorm: found no weight":                         {layers, func(m nn.Module) { m.(*nn.LayerNorm).Weight = nil }},
		"*nn.LayerNorm: found no bias":                           {layers, func(m nn.Module) { m.(*nn.LayerNorm).Bias = nil }},
		"*nn.GroupNorm: found no weight":                         {groups, func(m nn.Module) { m.(*nn.GroupNorm).Weight = nil }},
		"*nn.GroupNorm: found a bias of shape [2], [3] expected": {groups, func(m nn.Module) { m.(*nn.GroupNorm).Bias = zeros(2) }},
	} {
		input := []int{3}
		if _, pictures := c.options.(nn.Conv2dOptions); pictures {
			input = []int{3, 1, 1}
		}
		net, err := nn.Build([]nn.Spec{{Name: "a", Options: c.options}}, input, random.Key{})
		if err != nil {
			t.Fatal(err)
		}
		c.change(net.Layer("a"))
		if _, err := nn.Describe(net); err == nil || err.Error() != `layers[0] "a": `+want {
			t.Errorf("got  %v\nwant layers[0] \"a\": %s", err, want)
		}
	}
}

// knownTypes lists the types of layers as errors do.
func knownTypes(t *testing.T) string {
	t.Helper()
	_, _, err := nn.Costs([]nn.Spec{unknown(t)}, []int{3})
	return strings.TrimSuffix(strings.TrimPrefix(err.Error(), `layers[0] "": found type "?", `), " expected")
}

// TestVerify holds that the error names the layer that differs, within nets too.
func TestVerify(t *testing.T) {
	define := func(body, shortcut, act nn.Spec, name *string) []nn.Spec {
		return []nn.Spec{{Name: "a", Options: nn.SequentialOptions{Layers: []nn.Spec{
			{Name: "b", Options: nn.ResidualOptions{Body: []nn.Spec{body}, Shortcut: []nn.Spec{shortcut}, BodyName: name}}, act}}}}
	}
	relu, tanh := nn.Spec{Name: "x", Options: nn.ReLU{}}, nn.Spec{Name: "x", Options: nn.Tanh{}}
	net, err := nn.Build(define(relu, relu, relu, nil), []int{2}, random.New(1))
	if err != nil {
		t.Fatal(err)
	}
	if err := nn.Verify(net, define(relu, relu, relu, new("body"))); err != nil {
		t.Error(err)
	}
	for want, specs := range map[string][]nn.Spec{
		`layers[0] "a": layers[0] "b": body[0] "x": found {"name":"x","type":"relu"}, {"name":"x","type":"tanh"} expected`:     define(tanh, relu, relu, nil),
		`layers[0] "a": layers[0] "b": shortcut[0] "x": found {"name":"x","type":"relu"}, {"name":"x","type":"tanh"} expected`: define(relu, tanh, relu, nil),
		`layers[0] "a": layers[1] "x": found {"name":"x","type":"relu"}, {"name":"x","type":"tanh"} expected`:                  define(relu, relu, tanh, nil),
		`layers[0] "a": layers[0] "b": found {"name":"b","type":"residual","body":[{"name":"x","type":"relu"}],"shortcut":[{"name":"x","type":"relu"}]}, ` +
			`{"name":"b","type":"residual","body":[{"name":"x","type":"relu"}],"shortcut":[{"name":"x","type":"relu"}],"body_name":"c"} expected`: define(relu, relu, relu, new("c")),
	} {
		if err := nn.Verify(net, specs); err == nil || err.Error() != want {
			t.Errorf("got  %v\nwant %s", err, want)
		}
	}
}

// TestZeroPad2dErrors holds that only pictures are padded, and not by less than nothing.
func TestZeroPad2dErrors(t *testing.T) {
	padded := func(p nn.ZeroPad2d) []nn.Spec { return []nn.Spec{{Name: "pad", Options: p}} }
	for want, c := range map[string]struct {
		pad   nn.ZeroPad2d
		input []int
	}{
		`layers[0] "pad": found padding (-1, 0, 0, 0), 0 to 512 on each side expected`:  {nn.ZeroPad2d{Left: -1}, []int{4, 5, 6}},
		`layers[0] "pad": found padding (0, 0, 0, 513), 0 to 512 on each side expected`: {nn.ZeroPad2d{Bottom: 513}, []int{4, 5, 6}},
		`layers[0] "pad": pictures expected, found what is behind a flatten layer`:      {nn.ZeroPad2d{Left: 1}, []int{4}},
		`layers[0] "pad": more than 134217728 numbers for one sample`:                   {nn.ZeroPad2d{512, 512, 512, 512}, []int{1 << 20, 1, 1}},
	} {
		if _, _, err := nn.Costs(padded(c.pad), c.input); err == nil || err.Error() != want {
			t.Errorf("got  %v\nwant %s", err, want)
		}
	}
	wantPanic[*fault.OptionError](t, "nn.ZeroPad2d: padding (0, 0, -1, 0): at least 0 on each side expected", func() {
		nn.ZeroPad2d{Top: -1}.Forward(tensor.Zeros(tensor.Float32, 1, 2, 3))
	})
	wantPanic[*tensor.ShapeError](t, "nn.ZeroPad2d: shape (2, 3): pictures (N, C, H, W) or (C, H, W) expected", func() {
		nn.ZeroPad2d{Left: 1}.Forward(tensor.Zeros(tensor.Float32, 2, 3))
	})
}

// TestBlank holds that a blank net has the layers of one that is built, with zeros in place of draws, and that layers of
// others, which draw by themselves, are made too.
func TestBlank(t *testing.T) {
	layers := []nn.Spec{
		{Name: "conv", Options: nn.Conv2dOptions{In: 3, Out: 2, Kernel: nn.Square(3)}}, {Name: "bn", Options: nn.BatchNorm2dOptions{In: 2}},
		{Name: "flatten", Options: nn.FlattenOptions{}}, {Name: "scale", Options: scaleOptions{8}}, {Name: "linear", Options: nn.LinearOptions{In: 8, Out: 2}},
	}
	net, err := nn.Blank(layers, []int{3, 4, 4})
	if err != nil {
		t.Fatal(err)
	}
	if err := nn.Verify(net, layers); err != nil {
		t.Error(err)
	}
	for name, p := range net.Parameters() {
		if want := name == "bn.weight"; p.Ne(tensor.Scalar(float32(0))).Any().Item() != 0 != want || !p.RequiresGrad() {
			t.Errorf("%s is %v", name, p)
		}
	}
	built, err := nn.Build(layers, []int{3, 4, 4}, random.New(1))
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := nn.LoadStateDict(net, maps.Collect(nn.StateDict(built)), true); err != nil {
		t.Fatal(err)
	}
	x := tensor.Normal(tensor.Float32, rng(), 0, 1, 2, 3, 4, 4)
	if net.Forward(x).Ne(built.Forward(x)).Any().Item() != 0 {
		t.Error("the nets differ once they have the same weights")
	}
	if _, err := nn.Blank(layers, []int{2, 4, 4}); err == nil || err.Error() != `layers[0] "conv": found 3 input channels, 2 expected` {
		t.Errorf("got %v", err)
	}
}

// TestGateErrors holds that a gate's body makes what its input can be multiplied with.
func TestGateErrors(t *testing.T) {
	gate := func(body ...nn.Spec) []nn.Spec {
		return []nn.Spec{{Name: "gate", Options: nn.GateOptions{Body: body}}}
	}
	pool := func(rows, cols int) nn.Spec {
		return nn.Spec{Name: "pool", Options: nn.AdaptiveAvgPool2dOptions{Out: nn.Pair{rows, cols}}}
	}
	for want, layers := range map[string][]nn.Spec{
		`layers[0] "gate": found a body to [4 2 1], [4 5 6] expected, or 1 in place of a size`: gate(pool(2, 1)),
		`layers[0] "gate": found a body to [120], [4 5 6] expected, or 1 in place of a size`:   gate(nn.Spec{Name: "f", Options: nn.FlattenOptions{}}),
		`layers[0] "gate": body[0] "pool": found 0 rows and columns, 1 to 512 expected`:        gate(pool(0, 0)),
		`layers[0] "gate": body[0] "": a name of its own without a dot expected`:               gate(nn.Spec{Options: nn.Sigmoid{}}),
		`layers[0] "gate": body[1] "pool": a name of its own without a dot expected`:           gate(pool(1, 1), pool(1, 1)),
		`layers[0] "gate": body[0] "depth": found p 2, 0 to 1 expected`:                        gate(nn.Spec{Name: "depth", Options: nn.StochasticDepthOptions{P: 2}}),
	} {
		if _, _, err := nn.Costs(layers, []int{4, 5, 6}); err == nil || err.Error() != want {
			t.Errorf("got  %v\nwant %s", err, want)
		}
	}
	net, err := nn.Build(gate(pool(1, 6)), []int{4, 5, 6}, random.New(1))
	if err != nil {
		t.Fatal(err)
	}
	if err := nn.Verify(net, gate(pool(5, 1))); err == nil || err.Error() != `layers[0] "gate": body[0] "pool": found {"name":"pool","type":"adaptiveavgpool2d","out":[1,6]}, {"name":"pool","type":"adaptiveavgpool2d","out":[5,1]} expected` {
		t.Errorf("got %v", err)
	}
}
