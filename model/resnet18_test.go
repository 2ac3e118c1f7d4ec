package model_test

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/onehot-go/onehot/internal/reference"
	"github.com/onehot-go/onehot/model"
	"github.com/onehot-go/onehot/nn"
	"github.com/onehot-go/onehot/tensor"
	"github.com/onehot-go/onehot/transform"
)

// resNet18 defines torchvision's ResNet-18, for pictures of 224×224 in colour, with its names of
// parameters (He et al., 2015).
func resNet18(classes []string) model.Definition {
	conv := func(name string, in, out, kernel, stride int) nn.Spec {
		return nn.Spec{Name: name, Options: nn.Conv2dOptions{
			In: in, Out: out, Kernel: nn.Square(kernel), Stride: nn.Square(stride), Padding: nn.Square(kernel / 2), NoBias: true}}
	}
	norm := func(name string, channels int) nn.Spec {
		return nn.Spec{Name: name, Options: nn.BatchNorm2dOptions{In: channels}}
	}
	relu := nn.Spec{Name: "relu", Options: nn.ReLU{}}
	// block is two convolutions of 3×3, added to what they are computed from, and a ReLU. Their
	// net has no name, so that they are the block's own layers.
	block := func(name string, in, out, stride int) nn.Spec {
		sum := nn.ResidualOptions{
			BodyName: new(""), Body: []nn.Spec{
				conv("conv1", in, out, 3, stride), norm("bn1", out), relu, conv("conv2", out, out, 3, 1), norm("bn2", out)},
			ShortcutName: new("downsample"),
		}
		if stride != 1 {
			sum.Shortcut = []nn.Spec{conv("0", in, out, 1, stride), norm("1", out)}
		}
		return nn.Spec{Name: name, Options: nn.SequentialOptions{Layers: []nn.Spec{{Options: sum}, {Name: "relu2", Options: nn.ReLU{}}}}}
	}

	pool := nn.MaxPool2dOptions{Kernel: nn.Square(3), Stride: nn.Square(2), Padding: nn.Square(1)}
	layers := []nn.Spec{conv("conv1", 3, 64, 7, 2), norm("bn1", 64), relu, {Name: "maxpool", Options: pool}}
	in := 64
	for i, out := range []int{64, 128, 256, 512} {
		blocks := []nn.Spec{block("0", in, out, min(i+1, 2)), block("1", out, out, 1)}
		layers = append(layers, nn.Spec{Name: fmt.Sprint("layer", i+1), Options: nn.SequentialOptions{Layers: blocks}})
		in = out
	}
	return model.Definition{
		Name: "resnet18", Classes: classes, InputShape: []int{3, 224, 224},
		Preprocess: transform.Compose{
			transform.RGB{}, transform.ResizeEdge{Size: 256}, transform.CenterCrop{Height: 224, Width: 224}, transform.ToTensor{},
			transform.Normalize{Mean: []float32{0.485, 0.456, 0.406}, Std: []float32{0.229, 0.224, 0.225}},
		},
		Layers: append(layers,
			nn.Spec{Name: "avgpool", Options: nn.AdaptiveAvgPool2dOptions{Out: nn.Square(1)}},
			nn.Spec{Name: "flatten", Options: nn.FlattenOptions{}},
			nn.Spec{Name: "fc", Options: nn.LinearOptions{In: in, Out: len(classes)}}),
	}
}

// hashed returns the numbers from -1 to below 1 that testdata/resnet18.py makes of their places:
// splitmix64 of salt and index, changed by f, which computes in float64.
func hashed(salt uint64, f func(v float64) float64, shape ...int) *tensor.Tensor {
	n := 1
	for _, s := range shape {
		n *= s
	}
	data := make([]float32, n)
	for i := range data {
		z := (salt<<32 + uint64(i) + 1) * 0x9E3779B97F4A7C15
		z = (z ^ z>>30) * 0xBF58476D1CE4E5B9
		z = (z ^ z>>27) * 0x94D049BB133111EB
		z ^= z >> 31
		data[i] = float32(f(float64(z>>40)/(1<<23) - 1))
	}
	return tensor.New(data, shape...)
}

// TestResNet18 compares a net that is defined here with torchvision's: names, shapes and number
// of parameters, and the logits of the same weights and inputs.
func TestResNet18(t *testing.T) {
	var file struct {
		Parameters []struct {
			Name  string
			Shape []int
		}
		Statistics []struct {
			Name   string
			Values []float32
		}
		Inputs []struct {
			Salt   uint64
			Shape  []int
			Logits []float64
		}
	}
	reference.Load(t, "testdata/resnet18.json", &file)
	d := resNet18(slices.Repeat([]string{"class"}, 1000))
	m := build(t, d)

	var got, want []string
	for name, p := range m.Net.Parameters() {
		got = append(got, fmt.Sprint(name, " ", p.Shape()))
	}
	for _, p := range file.Parameters {
		want = append(want, fmt.Sprint(p.Name, " ", p.Shape))
	}
	if !slices.Equal(got, want) {
		t.Fatalf("parameters\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	costs, err := d.Costs()
	if err != nil {
		t.Fatal(err)
	}
	parameters := 0
	for _, c := range costs {
		parameters += c.Parameters
	}
	if n := nn.NumParameters(m.Net); n != 11_689_512 || parameters != n {
		t.Errorf("%d parameters, %d as the costs say, want 11689512", n, parameters)
	}
	if _, err := m.State(); err != nil {
		t.Error(err)
	}
	text, err := json.Marshal(d.Layers)
	if err != nil {
		t.Fatal(err)
	}
	var read []nn.Spec
	if err := json.Unmarshal(text, &read); err != nil || nn.Verify(m.Net, read) != nil {
		t.Errorf("written and read the layers are %+v (%v)", read, err)
	}

	state := map[string]*tensor.Tensor{}
	for salt, p := range file.Parameters {
		f := func(v float64) float64 { return v / 4 }
		switch fan := 1; {
		case len(p.Shape) > 1:
			for _, n := range p.Shape[1:] {
				fan *= n
			}
			f = func(v float64) float64 { return v * math.Sqrt(6/float64(fan)) }
		case strings.HasSuffix(p.Name, "weight"):
			f = func(v float64) float64 { return 1 + v/4 }
		}
		state[p.Name] = hashed(uint64(salt), f, p.Shape...)
	}
	statistics := 0
	for _, s := range file.Statistics {
		state[s.Name] = tensor.New(s.Values, len(s.Values))
		statistics += len(s.Values)
		if layer, ok := strings.CutSuffix(s.Name, "running_var"); ok {
			state[layer+"num_batches_tracked"] = tensor.Scalar(int64(1))
		}
	}
	if statistics != 9600 {
		t.Errorf("%d running statistics, want 9600", statistics)
	}
	if _, _, err := nn.LoadStateDict(m.Net, state, true); err != nil {
		t.Fatal(err)
	}
	for _, in := range file.Inputs {
		x := hashed(in.Salt, func(v float64) float64 { return 2 * v }, in.Shape...)
		y := tensor.Values[float64](m.Net.Forward(x.NoGrad().Evaluation()))
		if len(y) != len(in.Logits) {
			t.Fatalf("pictures of %v: %d logits, want %d", in.Shape, len(y), len(in.Logits))
		}
		most, off := 0.0, 0.0
		for i, want := range in.Logits {
			most = max(most, math.Abs(want))
			off = max(off, math.Abs(y[i]-want))
		}
		if t.Logf("pictures of %v: logits of at most %.3g are off by %.2g of that", in.Shape, most, off/most); !(off <= 1e-4*most) {
			t.Errorf("pictures of %v: logits are off by %g, the greatest is %g", in.Shape, off, most)
		}
	}
}
