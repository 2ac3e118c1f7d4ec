package onnx_test

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/onehot-go/onehot/model"
	"github.com/onehot-go/onehot/nn"
	"github.com/onehot-go/onehot/random"
	"github.com/onehot-go/onehot/tensor"
	"github.com/onehot-go/onehot/transform"
)

// named is a net that tests export.
type named struct {
	name   string
	task   string
	input  []int
	layers []any
}

// square is a convolution of 3×3 that leaves the size.
func square(in, out int) nn.Conv2dOptions {
	return nn.Conv2dOptions{In: in, Out: out, Kernel: nn.Square(3), Padding: nn.Square(1)}
}

// list names layers by their places.
func list(options ...any) (specs []nn.Spec) {
	for i, o := range options {
		specs = append(specs, nn.Spec{Name: fmt.Sprint("l", i), Options: o})
	}
	return specs
}

// nets have every type of layer, and most of their options.
var nets = []named{
	{"regression", "", []int{1, 4, 5}, []any{nn.FlattenOptions{}, nn.LinearOptions{In: 20, Out: 3}}},
	{"rows", "", []int{4}, []any{
		nn.LinearOptions{In: 4, Out: 6, NoBias: true}, nn.BatchNorm1dOptions{In: 6, Cumulative: true}, nn.Tanh{}, nn.LinearOptions{In: 6, Out: 8},
		nn.BatchNorm1dOptions{In: 8, NoAffine: true, Eps: new(0.01)}, nn.GELU{}, nn.LayerNormOptions{Shape: []int{8}}, nn.DropoutOptions{P: 0.5},
		nn.PHMOptions{N: 2, In: 8, Out: 4}, nn.Identity{}, nn.LogSoftmaxOptions{},
	}},
	{"labels", "multi-label", []int{5}, []any{nn.LinearOptions{In: 5, Out: 4}, nn.Sigmoid{}, nn.LinearOptions{In: 4, Out: 3}}},
	{"sequences", "", []int{3, 4}, []any{
		nn.BatchNorm1dOptions{In: 3}, nn.LinearOptions{In: 4, Out: 6}, nn.BatchNorm1dOptions{In: 3, Momentum: new(0.3)}, nn.SoftmaxOptions{Dim: new(-1)}, nn.PHMOptions{N: 3, In: 6, Out: 3},
		nn.LinearOptions{In: 3, Out: 4, NoBias: true}, nn.LogSoftmaxOptions{Dim: new(2)}, nn.FlattenOptions{Start: new(1), End: new(2)}, nn.LinearOptions{In: 12, Out: 2},
	}},
	{"pictures", "", []int{3, 9, 10}, []any{
		nn.BatchNorm2dOptions{In: 3}, square(3, 4), nn.BatchNorm2dOptions{In: 4}, nn.ReLU{}, nn.Dropout2dOptions{P: 0.1},
		nn.ZeroPad2d{Top: 1, Right: 2}, nn.Conv2dOptions{In: 4, Out: 4, Kernel: nn.Pair{2, 3}},
		nn.Conv2dOptions{In: 4, Out: 8, Kernel: nn.Pair{3, 2}, Stride: nn.Pair{1, 2}, Padding: nn.Pair{1, 0}, Dilation: nn.Pair{2, 1}, Groups: 2, NoBias: true},
		nn.BatchNorm2dOptions{In: 8, NoAffine: true}, nn.LeakyReLU{}, nn.MaxPool2dOptions{Kernel: nn.Square(2), Stride: nn.Square(1), Padding: nn.Square(1)}, nn.GroupNormOptions{Groups: 4, In: 8},
		nn.LeakyReLU{Slope: 0.3}, nn.AvgPool2dOptions{Kernel: nn.Pair{3, 2}, Stride: nn.Square(2), Padding: nn.Square(1)}, nn.LayerNormOptions{Shape: []int{4, 4}},
		nn.AdaptiveAvgPool2dOptions{Out: nn.Pair{3, 4}}, nn.FlattenOptions{Start: new(2), End: new(-1)}, nn.FlattenOptions{}, nn.LinearOptions{In: 96, Out: 4},
	}},
	{"blocks", "", []int{1, 8, 8}, []any{
		nn.Conv2dOptions{In: 1, Out: 8, Kernel: nn.Square(3), Padding: nn.Square(1), NoBias: true}, nn.BatchNorm2dOptions{In: 8}, nn.SiLU{},
		nn.ResidualOptions{
			Body:     list(square(8, 8), nn.BatchNorm2dOptions{In: 8}, nn.ReLU6{}, square(8, 8), nn.BatchNorm2dOptions{In: 8}, nn.StochasticDepthOptions{P: 0.2}),
			Shortcut: list(nn.Conv2dOptions{In: 8, Out: 8, Kernel: nn.Square(1)}, nn.BatchNorm2dOptions{In: 8}), ShortcutName: new("down"),
		},
		nn.GateOptions{Body: list(nn.AdaptiveAvgPool2dOptions{Out: nn.Square(1)}, nn.Conv2dOptions{In: 8, Out: 2, Kernel: nn.Square(1)}, nn.ReLU{},
			nn.Conv2dOptions{In: 2, Out: 8, Kernel: nn.Square(1)}, nn.Hardsigmoid{})},
		nn.SequentialOptions{Layers: list(nn.Hardswish{}, nn.ResidualOptions{Body: list(square(8, 8)), BodyName: new("")}, nn.AdaptiveAvgPool2dOptions{Out: nn.Square(2)})},
		nn.FlattenOptions{}, nn.LinearOptions{In: 32, Out: 4},
	}},
}

// definition defines the net.
func (n named) definition() model.Definition {
	d := model.Definition{Name: n.name, Task: n.task, InputShape: n.input, Layers: list(n.layers...), Preprocess: transform.Compose{}, Data: "none", Training: map[string]any{"epochs": 3}}
	if len(n.input) == 3 {
		d.Preprocess = transform.Compose{transform.Grayscale{}, transform.ResizeEdge{Size: 12}, transform.CenterCrop{Height: n.input[1], Width: n.input[2]}, transform.ToTensor{},
			transform.Normalize{Mean: []float32{0.4, 0.5, 0.6}[:n.input[0]], Std: []float32{0.2, 0.25, 0.3}[:n.input[0]]}}
		if n.input[0] == 3 {
			d.Preprocess[0] = transform.RGB{}
		}
	}
	_, output, _ := nn.Costs(d.Layers, d.InputShape)
	for i := range output[0] {
		d.Classes = append(d.Classes, fmt.Sprintf("class %d, \"ж\"", i))
	}
	return d
}

// trained returns a model of the definition whose batch norms have statistics.
func trained(t testing.TB, d model.Definition) *model.Model {
	t.Helper()
	m, err := model.New(d, random.New(7))
	if err != nil {
		t.Fatal(err)
	}
	r := random.New(11).Rand()
	for name, v := range nn.StateDict(m.Net) {
		fill := func(low, high float64) {
			data := tensor.Data[float32](v)
			for i := range data {
				data[i] = float32(low + (high-low)*r.Float64())
			}
		}
		switch {
		case strings.HasSuffix(name, "running_mean"):
			fill(-0.3, 0.3)
		case strings.HasSuffix(name, "running_var"):
			fill(0.5, 1.5)
		case strings.HasSuffix(name, "num_batches_tracked"):
			v.FillInPlace(5)
		case v.Dim() == 1: // biases, and the weights of norms
			fill(0.2, 0.9)
		}
	}
	nn.SetTraining(m.Net, false)
	return m
}

// batch returns inputs for a net: bytes of pixels, (N, H, W, C), where it takes pictures, or
// numbers, and as the net takes them.
func batch(t testing.TB, m *model.Model, n int) (pixels []uint8, numbers []float32, prepared *tensor.Tensor) {
	t.Helper()
	r := random.New(13).Rand()
	shape := m.InputShape
	prepared = tensor.Zeros(tensor.Float32, append([]int{n}, shape...)...)
	data := tensor.Data[float32](prepared)
	if len(shape) != 3 {
		for i := range data {
			data[i] = float32(4*r.Float64() - 2)
		}
		return nil, data, prepared
	}
	normalize, _ := m.Preprocess[len(m.Preprocess)-1].(transform.Normalize)
	channels, plane := shape[0], shape[1]*shape[2]
	for i := range n {
		for p := range plane {
			for c := range channels {
				v := uint8(r.IntN(256))
				pixels = append(pixels, v)
				x := float32(v) / 255
				if normalize.Mean != nil {
					x = (x - normalize.Mean[c]) / normalize.Std[c]
				}
				data[(i*channels+c)*plane+p] = x
			}
		}
	}
	return pixels, nil, prepared
}

// answers returns what the model makes of inputs.
func answers(t testing.TB, m *model.Model, prepared *tensor.Tensor) (probabilities, logits []float64) {
	t.Helper()
	p, err := model.NewPredictor(m)
	if err != nil {
		t.Fatal(err)
	}
	made, err := p.Probabilities(prepared)
	if err != nil {
		t.Fatal(err)
	}
	return tensor.Values[float64](made), tensor.Values[float64](m.Net.Forward(prepared.NoGrad().Evaluation()))
}

// furthest returns the greatest difference of two lists.
func furthest(a, b []float64) float64 {
	if len(a) != len(b) {
		return math.Inf(1)
	}
	most := 0.0
	for i := range a {
		if d := math.Abs(a[i] - b[i]); !(d <= most) {
			most = d
		}
	}
	return most
}

// typeNames lists the types of layers that there are.
func typeNames(t *testing.T) []string {
	t.Helper()
	var s nn.Spec
	if err := json.Unmarshal([]byte(`{"type":"?"}`), &s); err != nil {
		t.Fatal(err)
	}
	_, _, err := nn.Costs([]nn.Spec{s}, []int{3})
	text := strings.TrimSuffix(strings.TrimPrefix(err.Error(), `layers[0] "": found type "?", `), " expected")
	return strings.Split(strings.ReplaceAll(text, " or ", ", "), ", ")
}
