package model_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"io/fs"
	"maps"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/onehot-go/onehot/model"
	"github.com/onehot-go/onehot/model/safetensors"
	"github.com/onehot-go/onehot/nn"
	"github.com/onehot-go/onehot/random"
	"github.com/onehot-go/onehot/tensor"
	"github.com/onehot-go/onehot/transform"
)

var digits = strings.Split("0123456789", "")

// build returns the model that d defines.
func build(t *testing.T, d model.Definition) *model.Model {
	t.Helper()
	m, err := model.New(d, random.New(1))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// small returns a model of 6 inputs and 2 classes: 14 weights.
func small(t *testing.T) *model.Model {
	t.Helper()
	d := model.Softmax([]int{1, 2, 3}, []string{"a", "b"})
	d.Data = "dots"
	return build(t, d)
}

func TestArchitectures(t *testing.T) {
	for name, test := range map[string]struct {
		d                  model.Definition
		layers, parameters []string
	}{
		"softmax": {
			model.Softmax([]int{1, 28, 28}, digits),
			[]string{"flatten nn.Flatten", "linear *nn.Linear"},
			[]string{"linear.weight [10 784]", "linear.bias [10]"},
		},
		"mlp": {
			model.MLP([]int{1, 28, 28}, []int{256, 64}, digits),
			[]string{"flatten nn.Flatten", "linear1 *nn.Linear", "relu1 nn.ReLU", "linear2 *nn.Linear", "relu2 nn.ReLU", "linear3 *nn.Linear"},
			[]string{"linear1.weight [256 784]", "linear1.bias [256]", "linear2.weight [64 256]", "linear2.bias [64]",
				"linear3.weight [10 64]", "linear3.bias [10]"},
		},
		"mlp of three channels": {
			model.MLP([]int{3, 4, 5}, []int{7}, []string{"a"}),
			[]string{"flatten nn.Flatten", "linear1 *nn.Linear", "relu1 nn.ReLU", "linear2 *nn.Linear"},
			[]string{"linear1.weight [7 60]", "linear1.bias [7]", "linear2.weight [1 7]", "linear2.bias [1]"},
		},
		"mlp without a hidden layer": {
			model.MLP([]int{1, 2, 2}, nil, []string{"a", "b"}),
			[]string{"flatten nn.Flatten", "linear1 *nn.Linear"},
			[]string{"linear1.weight [2 4]", "linear1.bias [2]"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			m := build(t, test.d)
			var layers, parameters []string
			for name, layer := range m.Net.Layers() {
				layers = append(layers, fmt.Sprintf("%s %T", name, layer))
			}
			for name, p := range m.Net.Parameters() {
				parameters = append(parameters, fmt.Sprint(name, " ", p.Shape()))
				if p.DType() != tensor.Float32 || !p.RequiresGrad() {
					t.Errorf("%s: %v elements, requires gradients: %t", name, p.DType(), p.RequiresGrad())
				}
			}
			if !slices.Equal(layers, test.layers) {
				t.Errorf("layers %q, want %q", layers, test.layers)
			}
			if !slices.Equal(parameters, test.parameters) {
				t.Errorf("parameters %q, want %q", parameters, test.parameters)
			}
			if !reflect.DeepEqual(m.Definition, test.d) {
				t.Errorf("definition %v, want %v", m.Definition, test.d)
			}
			shape := append([]int{3}, test.d.InputShape...)
			if got := m.Net.Forward(tensor.Zeros(tensor.Float32, shape...)).Shape(); !slices.Equal(got, []int{3, len(test.d.Classes)}) {
				t.Errorf("logits of shape %v", got)
			}
		})
	}
}

// TestDefinitionsAreApart checks that a definition does not grow into the caller's list
// of hidden sizes.
func TestDefinitionsAreApart(t *testing.T) {
	hidden := append(make([]int, 0, 4), 5, 6)
	model.MLP([]int{1, 2, 2}, hidden, digits)
	if got := hidden[:3]; got[2] != 0 {
		t.Errorf("memory behind the hidden sizes was written: %v", got)
	}
}

// TestNewDraws checks that each layer draws from its own key: what another layer is, or
// whether it is there, makes no difference.
func TestNewDraws(t *testing.T) {
	weights := func(d model.Definition, seed uint64) map[string][]float32 {
		m, err := model.New(d, random.New(seed))
		if err != nil {
			t.Fatal(err)
		}
		out := map[string][]float32{}
		for name, p := range m.Net.Parameters() {
			out[name] = tensor.Values[float32](p)
		}
		return out
	}
	shape := []int{1, 2, 2}
	got := weights(model.MLP(shape, []int{3, 3}, []string{"a", "b", "c"}), 1)
	if again := weights(model.MLP(shape, []int{3, 3}, []string{"a", "b", "c"}), 1); !reflect.DeepEqual(got, again) {
		t.Error("the same key gives other weights")
	}
	if longer := weights(model.MLP(shape, []int{3, 3, 5}, []string{"a"}), 1); !slices.Equal(got["linear2.weight"], longer["linear2.weight"]) {
		t.Error("a further layer changes the weights of linear2")
	}
	if slices.Equal(got["linear2.weight"], got["linear3.weight"]) {
		t.Error("linear2 and linear3 have the same weights")
	}
	if other := weights(model.MLP(shape, []int{3, 3}, []string{"a", "b", "c"}), 2); slices.Equal(got["linear1.weight"], other["linear1.weight"]) {
		t.Error("another key gives the same weights")
	}
}

// record is a training record with what JSON makes hard to keep: an order of fields, an
// integer beyond float64, and characters that are escaped.
type record struct {
	Seed uint64  `json:"seed"`
	Best float64 `json:"best"`
	Data string  `json:"data"`
}

func TestRoundTrip(t *testing.T) {
	dir := t.TempDir()
	for name, d := range map[string]model.Definition{
		"softmax": model.Softmax([]int{1, 28, 28}, []string{"T-shirt/top", "<a> & \"b\"", "Größe"}),
		"mlp":     model.MLP([]int{1, 5, 7}, []int{16, 8}, digits),
		"lenet":   model.LeNet([]int{1, 12, 13}, digits),
		"cnn":     model.CNN([]int{3, 4, 6}, digits),
		"resnet":  model.ResNet([]int{1, 9, 8}, digits),
		"others":  others(),
	} {
		for kind, training := range map[string]any{"record": record{math.MaxUint64, 0.1, "<&>"}, "none": nil} {
			t.Run(name+", training "+kind, func(t *testing.T) {
				d.Data, d.Training = "fashion-mnist", training
				m := build(t, d)
				nn.SetChance(m.Net, random.New(7))
				m.Net.Forward(tensor.Uniform(tensor.Float32, random.New(8).Rand(), 0, 1, append([]int{4}, d.InputShape...)...)) // for running statistics
				nn.SetTraining(m.Net, false)
				first, second := filepath.Join(dir, "first.safetensors"), filepath.Join(dir, "second.safetensors")
				if err := m.Save(first); err != nil {
					t.Fatal(err)
				}
				loaded, err := model.Load(first)
				if err != nil {
					t.Fatal(err)
				}
				x := tensor.Uniform(tensor.Float32, random.New(9).Rand(), 0, 1, append([]int{5}, d.InputShape...)...)
				want, got := tensor.Values[float32](m.Net.Forward(x)), tensor.Values[float32](loaded.Net.Forward(x))
				for i := range want {
					if math.Float32bits(got[i]) != math.Float32bits(want[i]) {
						t.Errorf("logit %d: %v, before saving %v", i, got[i], want[i])
					}
				}
				// All but the training record comes back as it was, and that as its text.
				text, err := json.Marshal(training)
				if err != nil {
					t.Fatal(err)
				}
				if raw, ok := loaded.Training.(*json.RawMessage); training != nil && (!ok || string(*raw) != string(text)) || training == nil && loaded.Training != nil {
					t.Errorf("training record %v, want %s", loaded.Training, text)
				}
				definition := loaded.Definition
				definition.Training = training
				if !reflect.DeepEqual(definition, d) {
					t.Errorf("definition %v, want %v", definition, d)
				}
				if err := loaded.Save(second); err != nil {
					t.Fatal(err)
				}
				if !slices.Equal(content(t, first), content(t, second)) {
					t.Error("saved again the file has other bytes")
				}
			})
		}
	}
}

func content(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestOtherReaders checks what a reader that knows nothing of models finds in a file.
func TestOtherReaders(t *testing.T) {
	path := filepath.Join(t.TempDir(), "model.safetensors")
	m := build(t, model.MLP([]int{1, 28, 28}, []int{256}, digits))
	if err := m.Save(path); err != nil {
		t.Fatal(err)
	}
	f, err := safetensors.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, tensor := range f.Tensors {
		got = append(got, fmt.Sprint(tensor.Name, " ", tensor.Value.DType(), " ", tensor.Value.Shape()))
	}
	if want := []string{"linear1.bias float32 [256]", "linear1.weight float32 [256 784]", "linear2.bias float32 [10]", "linear2.weight float32 [10 256]"}; !slices.Equal(got, want) {
		t.Errorf("tensors %q, want %q", got, want)
	}
	for name, p := range m.Net.Parameters() {
		if v, ok := f.Lookup(name); !ok || !slices.Equal(tensor.Values[float32](v), tensor.Values[float32](p)) {
			t.Errorf("%s has not the model's values", name)
		}
	}
	if got := slices.Sorted(maps.Keys(f.Metadata)); !slices.Equal(got, []string{"format", "onehot"}) || f.Metadata["format"] != "pt" {
		t.Errorf("metadata %q", f.Metadata)
	}
	want := `{"name":"mlp","layers":[{"name":"flatten","type":"flatten"},{"name":"linear1","type":"linear","in":784,"out":256},` +
		`{"name":"relu1","type":"relu"},{"name":"linear2","type":"linear","in":256,"out":10}],` +
		`"classes":["0","1","2","3","4","5","6","7","8","9"],"input_shape":[1,28,28],` +
		`"preprocess":[{"type":"grayscale"},{"type":"resize","height":28,"width":28},{"type":"to-tensor"}],"data":"","training":null}`
	if f.Metadata["onehot"] != want {
		t.Errorf("definition\n%s\nwant\n%s", f.Metadata["onehot"], want)
	}
}

// TestReservedTensors checks that a model is loaded from a file with more in it.
func TestReservedTensors(t *testing.T) {
	m := small(t)
	f, err := m.State()
	if err != nil {
		t.Fatal(err)
	}
	f.Metadata["more"] = "text"
	f.Tensors = append(f.Tensors, safetensors.Tensor{Name: model.ReservedName + "more", Value: tensor.Zeros(tensor.Float32, 100)})
	loaded, err := model.FromState(f)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := tensor.Values[float32](loaded.Net.Forward(tensor.Ones(tensor.Float32, 1, 1, 2, 3))),
		tensor.Values[float32](m.Net.Forward(tensor.Ones(tensor.Float32, 1, 1, 2, 3))); !slices.Equal(got, want) {
		t.Errorf("logits %v, want %v", got, want)
	}
}

// definitionErrors are definitions that make no net of small's weights, as changes to
// small's, and what is wrong with them.
var definitionErrors = map[string]struct {
	change func(d *model.Definition)
	want   string
}{
	"no input shape":      {func(d *model.Definition) { d.InputShape = nil }, `input_shape: found [], (channels, height, width) of 1 to 512 each expected`},
	"two dimensions":      {func(d *model.Definition) { d.InputShape = []int{2, 3} }, `input_shape: found [2 3], (channels, height, width) of 1 to 512 each expected`},
	"empty dimension":     {func(d *model.Definition) { d.InputShape = []int{1, 0, 3} }, `input_shape: found [1 0 3], (channels, height, width) of 1 to 512 each expected`},
	"negative dimensions": {func(d *model.Definition) { d.InputShape = []int{1, -2, -3} }, `input_shape: found [1 -2 -3], (channels, height, width) of 1 to 512 each expected`},
	"enormous input":      {func(d *model.Definition) { d.InputShape = []int{1, math.MaxInt32, 3} }, `input_shape: found [1 2147483647 3], (channels, height, width) of 1 to 512 each expected`},
	"no classes":          {func(d *model.Definition) { d.Classes = nil }, `classes: none found, at least one expected`},
	"no layers":           {func(d *model.Definition) { d.Layers = nil }, `layers: found 0 outputs, 2 expected, one a class`},
	"pictures to the end": {func(d *model.Definition) {
		d.Layers[1] = model.Layer{Name: "relu", Type: "relu"}
		d.Layers = d.Layers[1:]
	}, `layers: found 0 outputs, 2 expected, one a class`},
	"more classes":     {func(d *model.Definition) { d.Classes = digits }, `layers: found 2 outputs, 10 expected, one a class`},
	"unknown type":     {func(d *model.Definition) { d.Layers[1].Type = "Linear" }, `layers[1] "linear": found type "Linear", flatten, linear, relu, dropout, conv2d, batchnorm1d, batchnorm2d, maxpool2d, avgpool2d, adaptiveavgpool2d, dropout2d or residual expected`},
	"no type":          {func(d *model.Definition) { d.Layers[0].Type = "" }, `layers[0] "flatten": found type "", flatten, linear, relu, dropout, conv2d, batchnorm1d, batchnorm2d, maxpool2d, avgpool2d, adaptiveavgpool2d, dropout2d or residual expected`},
	"no name":          {func(d *model.Definition) { d.Layers[1].Name = "" }, `layers[1] "": a name of its own without a dot expected`},
	"reserved name":    {func(d *model.Definition) { d.Layers[1].Name = ".linear" }, `layers[1] ".linear": a name of its own without a dot expected`},
	"dot in a name":    {func(d *model.Definition) { d.Layers[1].Name = "a.b" }, `layers[1] "a.b": a name of its own without a dot expected`},
	"name given twice": {func(d *model.Definition) { d.Layers[1].Name = "flatten" }, `layers[1] "flatten": a name of its own without a dot expected`},
	"other inputs":     {func(d *model.Definition) { d.Layers[1].In = 7 }, `layers[1] "linear": found 7 inputs, 6 expected`},
	"inputs of the second": {func(d *model.Definition) {
		d.Layers = append(d.Layers, model.Layer{Name: "b", Type: "linear", In: 3, Out: 2})
	}, `layers[2] "b": found 3 inputs, 2 expected`},
	"no outputs":            {func(d *model.Definition) { d.Layers[1].Out = 0 }, `layers[1] "linear": found 0 outputs, 1 to 153391689 expected`},
	"negative outputs":      {func(d *model.Definition) { d.Layers[1].Out = -2 }, `layers[1] "linear": found -2 outputs, 1 to 153391689 expected`},
	"enormous outputs":      {func(d *model.Definition) { d.Layers[1].Out = math.MaxInt32 }, `layers[1] "linear": found 2147483647 outputs, 1 to 153391689 expected`},
	"outputs that overflow": {func(d *model.Definition) { d.Layers[1].Out = math.MaxInt }, fmt.Sprintf(`layers[1] "linear": found %d outputs, 1 to 153391689 expected`, math.MaxInt)},
	"enormous in sum": {func(d *model.Definition) {
		d.Layers[1].Out = 1 << 26
		d.Layers = append(d.Layers, model.Layer{Name: "b", Type: "linear", In: 1 << 26, Out: 15})
	}, `layers[2] "b": more than 1073741824 parameters up to here`},
	"linear before flatten": {func(d *model.Definition) { d.Layers = d.Layers[1:] }, `layers[0] "linear": a flatten layer before it expected`},
	"linear of nothing": {func(d *model.Definition) {
		d.Layers = d.Layers[1:]
		d.Layers[0].In = 0
	}, `layers[0] "linear": a flatten layer before it expected`},
	"unknown step":       {func(d *model.Definition) { d.Preprocess[0].Type = "rotate" }, `preprocess[0]: found type "rotate", grayscale, resize or to-tensor expected`},
	"resize to nothing":  {func(d *model.Definition) { d.Preprocess[1].Height = 0 }, `preprocess[1]: found height 0 and width 3, 1 to 512 expected`},
	"enormous resize":    {func(d *model.Definition) { d.Preprocess[1].Width = math.MaxInt32 }, `preprocess[1]: found height 2 and width 2147483647, 1 to 512 expected`},
	"no preprocessing":   {func(d *model.Definition) { d.Preprocess = nil }, `preprocess: to-tensor expected as the last step`},
	"picture to the end": {func(d *model.Definition) { d.Preprocess = d.Preprocess[:2] }, `preprocess: to-tensor expected as the last step`},
}

// others returns a definition with the layers and options that no named model has.
func others() model.Definition {
	d := model.Softmax([]int{3, 9, 7}, []string{"a", "b"})
	d.Name = "others"
	d.Layers = []model.Layer{
		{Name: "conv", Type: "conv2d", In: 3, Out: 4, Kernel: 3, Stride: 2, Padding: 1},
		{Name: "drop", Type: "dropout2d"},
		{Name: "outer", Type: "residual", Body: []model.Layer{
			{Name: "inner", Type: "residual", Body: []model.Layer{{Name: "bn", Type: "batchnorm2d", In: 4}}},
		}},
		{Name: "overlapping", Type: "maxpool2d", Kernel: 3, Stride: 1, Padding: 1},
		{Name: "apart", Type: "avgpool2d", Kernel: 2},
		{Name: "adaptive", Type: "adaptiveavgpool2d", Out: 2},
		{Name: "flatten", Type: "flatten"},
		{Name: "bn", Type: "batchnorm1d", In: 16},
		{Name: "output", Type: "linear", In: 16, Out: 2},
	}
	return d
}

// TestLayerErrors checks that New and Load refuse layers that cannot work, within others
// too. Sizes are such that memory taken for one of the enormous ones would end the test.
func TestLayerErrors(t *testing.T) {
	path := filepath.Join(t.TempDir(), "model.safetensors")
	deep := model.Layer{Name: "r", Type: "relu"}
	for range 5 {
		deep = model.Layer{Name: "r", Type: "residual", Body: []model.Layer{deep}}
	}
	conv := func(change func(l *model.Layer)) func(d *model.Definition) {
		return func(d *model.Definition) { change(&d.Layers[0]) }
	}
	for want, change := range map[string]func(d *model.Definition){
		`layers[0] "conv": found 2 input channels, 3 expected`:                                                                   conv(func(l *model.Layer) { l.In = 2 }),
		`layers[0] "conv": found 0 output channels, 1 to 38347922 expected`:                                                      conv(func(l *model.Layer) { l.Out = 0 }),
		fmt.Sprintf(`layers[0] "conv": found %d output channels, 1 to 38347922 expected`, math.MaxInt):                           conv(func(l *model.Layer) { l.Out = math.MaxInt }),
		`layers[0] "conv": found kernel 0, 1 to 512 expected`:                                                                    conv(func(l *model.Layer) { l.Kernel = 0 }),
		fmt.Sprintf(`layers[0] "conv": found kernel %d, 1 to 512 expected`, math.MaxInt):                                         conv(func(l *model.Layer) { l.Kernel = math.MaxInt }),
		`layers[0] "conv": found stride -1, 0 to 512 expected`:                                                                   conv(func(l *model.Layer) { l.Stride = -1 }),
		`layers[0] "conv": found stride 513, 0 to 512 expected`:                                                                  conv(func(l *model.Layer) { l.Stride = 513 }),
		`layers[0] "conv": found padding -1, 0 to 512 expected`:                                                                  conv(func(l *model.Layer) { l.Padding = -1 }),
		`layers[0] "conv": found padding 513, 0 to 512 expected`:                                                                 conv(func(l *model.Layer) { l.Padding = 513 }),
		`layers[0] "conv": found pictures of 9×7, at least 8×8 expected`:                                                         conv(func(l *model.Layer) { l.Kernel, l.Padding = 8, 0 }),
		`layers[0] "conv": more than 134217728 numbers for one sample`:                                                           conv(func(l *model.Layer) { l.Out = 1 << 24 }),
		`layers[0] "conv": more than 137438953472 operations for one sample`:                                                     conv(func(l *model.Layer) { l.Kernel, l.Padding, l.Stride, l.Out = 500, 500, 1, 50 }),
		`layers[1] "drop": found p 1.5, 0 to 1 expected`:                                                                         func(d *model.Definition) { d.Layers[1].P = 1.5 },
		`layers[2] "outer": body[0] "inner": body[0] "bn": found 5 channels, 4 expected`:                                         func(d *model.Definition) { d.Layers[2].Body[0].Body[0].In = 5 },
		`layers[2] "outer": body[0] "a.b": a name of its own without a dot expected`:                                             func(d *model.Definition) { d.Layers[2].Body[0].Name = "a.b" },
		`layers[2] "outer": shortcut[0] "": a name of its own without a dot expected`:                                            func(d *model.Definition) { d.Layers[2].Shortcut = []model.Layer{{Type: "relu"}} },
		`layers[2] "outer": found a body to [4 5 4], [80] as the shortcut expected`:                                              func(d *model.Definition) { d.Layers[2].Shortcut = []model.Layer{{Name: "f", Type: "flatten"}} },
		`layers[2] "r": body[0] "r": body[0] "r": body[0] "r": body[0] "r": found more than 4 residual layers within each other`: func(d *model.Definition) { d.Layers[2] = deep },
		`layers[3] "overlapping": found padding 2, 0 to 1 expected`:                                                              func(d *model.Definition) { d.Layers[3].Padding = 2 },
		`layers[3] "overlapping": found kernel 0, 1 to 512 expected`:                                                             func(d *model.Definition) { d.Layers[3].Kernel = 0 },
		`layers[4] "apart": found pictures of 5×4, at least 6×6 expected`:                                                        func(d *model.Definition) { d.Layers[4].Kernel = 6 },
		`layers[5] "adaptive": found 3 rows and columns, 1 to 2 expected`:                                                        func(d *model.Definition) { d.Layers[5].Out = 3 },
		`layers[5] "adaptive": found 0 rows and columns, 1 to 2 expected`:                                                        func(d *model.Definition) { d.Layers[5].Out = 0 },
		`layers[7] "bn": found 15 channels, 16 expected`:                                                                         func(d *model.Definition) { d.Layers[7].In = 15 },
		`layers[7] "bn": pictures expected, found what is behind a flatten layer`:                                                func(d *model.Definition) { d.Layers[7].Type = "batchnorm2d" },
		`layers[1] "drop": a flatten layer before it expected`:                                                                   func(d *model.Definition) { d.Layers[1] = model.Layer{Name: "drop", Type: "batchnorm1d", In: 4} },
	} {
		m := build(t, others())
		change(&m.Definition)
		if _, err := model.New(m.Definition, random.Key{}); err == nil || err.Error() != "model: "+want {
			t.Errorf("New:\ngot  %v\nwant model: %s", err, want)
		}
		if err := m.Save(path); err != nil {
			t.Fatal(err)
		}
		if _, err := model.Load(path); err == nil || err.Error() != path+`: metadata "onehot": `+want {
			t.Errorf("Load:\ngot  %v\nwant %s: metadata \"onehot\": %s", err, path, want)
		}
	}
}

// TestNamedModels checks that the named nets adapt to pictures and classes, down to the
// smallest picture that they take.
func TestNamedModels(t *testing.T) {
	for name, c := range map[string]struct {
		define     func(inputShape []int, classes []string) model.Definition
		parameters int // for Fashion-MNIST
		least      int
		tooSmall   string
	}{
		"lenet":  {model.LeNet, 61706, 12, `model: layers[5] "pool2": found pictures of 1×1, at least 2×2 expected`},
		"cnn":    {model.CNN, 421834, 4, `model: layers[7] "pool2": found pictures of 1×1, at least 2×2 expected`},
		"resnet": {model.ResNet, 225578, 4, `model: layers[7] "pool2": found pictures of 1×1, at least 2×2 expected`},
	} {
		m := build(t, c.define([]int{1, 28, 28}, digits))
		costs, err := m.Costs()
		if err != nil {
			t.Fatal(err)
		}
		sum := 0
		for _, l := range costs {
			sum += l.Parameters
		}
		if n := nn.NumParameters(m.Net); n != c.parameters || sum != n || m.Name != name {
			t.Errorf("%s, called %s: %d parameters, %d as the costs say, want %d", name, m.Name, n, sum, c.parameters)
		}
		for _, shape := range [][]int{{1, 28, 28}, {3, 32, 32}, {1, 17, 40}, {1, c.least, c.least}} {
			m := build(t, c.define(shape, []string{"a", "b", "c"}))
			if got := m.Net.Forward(tensor.Zeros(tensor.Float32, append([]int{2}, shape...)...)).Shape(); !slices.Equal(got, []int{2, 3}) {
				t.Errorf("%s: logits of shape %v for pictures of %v", name, got, shape)
			}
		}
		if _, err := model.New(c.define([]int{1, c.least - 1, c.least - 1}, digits), random.Key{}); err == nil || err.Error() != c.tooSmall {
			t.Errorf("%s:\ngot  %v\nwant %s", name, err, c.tooSmall)
		}
	}
}

// TestCosts counts those of each kind of layer by hand.
func TestCosts(t *testing.T) {
	d := others()
	got, err := d.Costs()
	if err != nil {
		t.Fatal(err)
	}
	want := []model.Cost{
		{Layer: "conv", Type: "conv2d", Output: []int{4, 5, 4}, Parameters: 4*27 + 4, FLOPs: 80 * (2*27 + 1)},
		{Layer: "drop", Type: "dropout2d", Output: []int{4, 5, 4}},
		{Layer: "outer.body.inner.body.bn", Type: "batchnorm2d", Output: []int{4, 5, 4}, Parameters: 8, FLOPs: 2 * 80},
		{Layer: "outer.body.inner", Type: "residual", Output: []int{4, 5, 4}, FLOPs: 80},
		{Layer: "outer", Type: "residual", Output: []int{4, 5, 4}, FLOPs: 80},
		{Layer: "overlapping", Type: "maxpool2d", Output: []int{4, 5, 4}, FLOPs: 9 * 80},
		{Layer: "apart", Type: "avgpool2d", Output: []int{4, 2, 2}, FLOPs: 4 * 16},
		{Layer: "adaptive", Type: "adaptiveavgpool2d", Output: []int{4, 2, 2}, FLOPs: 16},
		{Layer: "flatten", Type: "flatten", Output: []int{16}},
		{Layer: "bn", Type: "batchnorm1d", Output: []int{16}, Parameters: 32, FLOPs: 32},
		{Layer: "output", Type: "linear", Output: []int{2}, Parameters: 34, FLOPs: 66},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	d.Classes = nil
	if _, err := d.Costs(); err == nil || err.Error() != "model: classes: none found, at least one expected" {
		t.Errorf("of no classes: error %v", err)
	}
}

// A negative variance would make every logit NaN.
func TestNegativeVariance(t *testing.T) {
	f, err := build(t, model.CNN([]int{1, 4, 4}, digits)).State()
	if err != nil {
		t.Fatal(err)
	}
	v, _ := f.Lookup("bn2.running_var")
	v.Select(0, 3).FillInPlace(-1)
	if _, err := model.FromState(f); err == nil || err.Error() != `tensor "bn2.running_var": found a negative variance` {
		t.Errorf("error %v", err)
	}
}

// TestDefinitionErrors checks that New and Load refuse the same definitions. Sizes are
// such that memory taken for one of the enormous ones would end the test.
func TestDefinitionErrors(t *testing.T) {
	path := filepath.Join(t.TempDir(), "model.safetensors")
	for name, test := range definitionErrors {
		t.Run(name, func(t *testing.T) {
			m := small(t)
			test.change(&m.Definition)
			if _, err := model.New(m.Definition, random.Key{}); err == nil || err.Error() != "model: "+test.want {
				t.Errorf("New: error %v, want model: %s", err, test.want)
			}
			if err := m.Save(path); err != nil {
				t.Fatal(err)
			}
			if _, err := model.Load(path); err == nil || err.Error() != path+`: metadata "onehot": `+test.want {
				t.Errorf("Load: error %v, want %s: metadata \"onehot\": %s", err, path, test.want)
			}
		})
	}
}

// TestLoadErrors checks files that are at fault elsewhere than in the definition.
func TestLoadErrors(t *testing.T) {
	path := filepath.Join(t.TempDir(), "model.safetensors")
	definition := func(text string) func(f *safetensors.File) {
		return func(f *safetensors.File) { f.Metadata["onehot"] = text }
	}
	zeros := func(shape ...int) *tensor.Tensor { return tensor.Zeros(tensor.Float32, shape...) }
	weights := func(tensors ...safetensors.Tensor) func(f *safetensors.File) {
		return func(f *safetensors.File) { f.Tensors = tensors }
	}
	for name, test := range map[string]struct {
		change func(f *safetensors.File)
		want   string
	}{
		"no metadata": {func(f *safetensors.File) { f.Metadata = nil },
			`metadata: no "onehot" in it: these are weights without a definition, or not of a model that onehot saved`},
		"metadata of another program": {func(f *safetensors.File) { f.Metadata = map[string]string{"format": "pt"} },
			`metadata: no "onehot" in it: these are weights without a definition, or not of a model that onehot saved`},
		"no JSON":        {definition(""), `metadata "onehot": unexpected end of JSON input`},
		"cut JSON":       {definition(`{"name":"soft`), `metadata "onehot": unexpected end of JSON input`},
		"bad JSON":       {definition(`{"name":}`), `metadata "onehot": invalid character '}' looking for beginning of value`},
		"JSON list":      {definition(`[]`), `metadata "onehot": json: cannot unmarshal array into Go value of type model.Definition`},
		"fraction":       {definition(`{"layers":[{"in":1.5}]}`), `metadata "onehot": json: cannot unmarshal number 1.5 into Go struct field Layer.layers.in of type int`},
		"number too big": {definition(`{"layers":[{"in":1e40}]}`), `metadata "onehot": json: cannot unmarshal number 1e40 into Go struct field Layer.layers.in of type int`},
		"null":           {definition(`null`), `metadata "onehot": input_shape: found [], (channels, height, width) of 1 to 512 each expected`},
		"no weights":     {weights(), `0 weights found, 14 expected by the definition`},
		"one missing":    {weights(safetensors.Tensor{Name: "linear.weight", Value: zeros(2, 6)}), `12 weights found, 14 expected by the definition`},
		"one too many": {func(f *safetensors.File) {
			f.Tensors = append(f.Tensors, safetensors.Tensor{Name: "linear2.bias", Value: zeros(2)})
		}, `16 weights found, 14 expected by the definition`},
		"larger than the weights": {func(f *safetensors.File) {
			f.Metadata["onehot"] = strings.NewReplacer(`"in":6`, `"in":262144`, `"out":2`, `"out":4000`, `[1,2,3]`, `[1,512,512]`, `"height":2,"width":3`, `"height":512,"width":512`,
				`["a","b"]`, `["a"`+strings.Repeat(`,"a"`, 3999)+`]`).Replace(f.Metadata["onehot"])
		}, `14 weights found, 1048580000 expected by the definition`},
		"another name": {weights(safetensors.Tensor{Name: "fc.weight", Value: zeros(2, 6)}, safetensors.Tensor{Name: "linear.bias", Value: zeros(2)}),
			`missing linear.weight; unexpected fc.weight`},
		"an empty one too many": {func(f *safetensors.File) {
			f.Tensors = append(f.Tensors, safetensors.Tensor{Name: "linear2.bias", Value: zeros(0)})
		}, `unexpected linear2.bias`},
		"transposed": {weights(safetensors.Tensor{Name: "linear.weight", Value: zeros(6, 2)}, safetensors.Tensor{Name: "linear.bias", Value: zeros(2)}),
			`linear.weight: float32 (2, 6) expected, got float32 (6, 2)`},
		"another type": {weights(safetensors.Tensor{Name: "linear.weight", Value: zeros(2, 6)}, safetensors.Tensor{Name: "linear.bias", Value: zeros(2).To(tensor.Float64)}),
			`linear.bias: float32 (2) expected, got float64 (2)`},
	} {
		t.Run(name, func(t *testing.T) {
			f, err := small(t).State()
			if err != nil {
				t.Fatal(err)
			}
			test.change(f)
			var b strings.Builder
			if err := f.Write(&b); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, []byte(b.String()), 0o666); err != nil {
				t.Fatal(err)
			}
			if _, err := model.Load(path); err == nil || err.Error() != path+": "+test.want {
				t.Errorf("error %v, want %s: %s", err, path, test.want)
			}
		})
	}

	if err := os.WriteFile(path, []byte("PNG"), 0o666); err != nil {
		t.Fatal(err)
	}
	var format *safetensors.FormatError
	if _, err := model.Load(path); !errors.As(err, &format) || err.Error() != path+": header length: a file of 3 bytes, at least 8 expected" {
		t.Errorf("no safetensors file: error %v", err)
	}
	if _, err := model.Load(path + ".none"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no file: error %v", err)
	}
}

func TestSaveErrors(t *testing.T) {
	m := small(t)
	path := filepath.Join(t.TempDir(), "none", "model.safetensors")
	var at *fs.PathError
	if err := m.Save(path); !errors.As(err, &at) || at.Path != path || !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("into no folder: error %v", err)
	}
	m.Training = math.NaN()
	if err := m.Save(path); err == nil || err.Error() != "model: training record: json: unsupported value: NaN" {
		t.Errorf("with a record that is not JSON: error %v", err)
	}
}

// TestTransform checks what the preprocessing makes of pictures.
func TestTransform(t *testing.T) {
	m := small(t)
	tr, err := m.Transform()
	if err != nil {
		t.Fatal(err)
	}
	grey := &image.Gray{Pix: []byte{0, 51, 102, 153, 204, 255}, Stride: 3, Rect: image.Rect(0, 0, 3, 2)}
	p, err := tr.Apply(transform.Input{Image: grey}, random.Key{})
	if err != nil {
		t.Fatal(err)
	}
	if want := []float32{0, 0.2, 0.4, 0.6, 0.8, 1}; !slices.Equal(p.Tensor.Shape(), m.InputShape) || !slices.Equal(tensor.Data[float32](p.Tensor), want) {
		t.Errorf("a picture of the right size becomes %v, want %v", p.Tensor, want)
	}
	p, err = tr.Apply(transform.Input{Image: image.NewRGBA(image.Rect(0, 0, 40, 7))}, random.Key{})
	if err != nil || !slices.Equal(p.Tensor.Shape(), m.InputShape) {
		t.Errorf("a larger, coloured one becomes %v (%v)", p.Tensor, err)
	}
}

// FuzzFromState makes models of definitions that nobody wrote: it must return an error,
// or a model that works and that can be saved and loaded again.
func FuzzFromState(f *testing.F) {
	m, err := model.New(model.Softmax([]int{1, 2, 3}, []string{"a", "b"}), random.New(1))
	if err != nil {
		f.Fatal(err)
	}
	mlp, err := model.New(model.MLP([]int{1, 1, 2}, []int{2}, []string{"a", "b"}), random.New(1))
	if err != nil {
		f.Fatal(err)
	}
	mlp.Training = record{1, 2, "3"}
	convolutional, err := model.New(others(), random.New(1))
	if err != nil {
		f.Fatal(err)
	}
	for _, m := range []*model.Model{m, mlp, convolutional} {
		state, err := m.State()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(state.Metadata["onehot"])
		f.Add(strings.Replace(state.Metadata["onehot"], `,"training":null`, "", 1))
	}
	for _, test := range definitionErrors {
		d := model.Softmax([]int{1, 2, 3}, []string{"a", "b"})
		test.change(&d)
		text, err := json.Marshal(d)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(text))
	}
	f.Fuzz(func(t *testing.T, definition string) {
		if len(definition) > 1<<12 {
			return
		}
		for _, weights := range []*model.Model{m, mlp, convolutional} {
			state, err := weights.State()
			if err != nil {
				t.Fatal(err)
			}
			state.Metadata["onehot"] = definition
			m, err := model.FromState(state)
			if err != nil {
				continue
			}
			tr, err := m.Transform()
			if err != nil {
				t.Fatal(err)
			}
			p, err := tr.Apply(transform.Input{Image: image.NewGray(image.Rect(0, 0, 2, 2))}, random.Key{})
			if err == nil && p.Tensor == nil {
				t.Errorf("no tensor comes out of %v", m.Preprocess)
			}
			shape := append([]int{1}, m.InputShape...)
			if got := m.Net.Forward(tensor.Zeros(tensor.Float32, shape...)).Shape(); !slices.Equal(got, []int{1, len(m.Classes)}) {
				t.Errorf("logits of shape %v for %d classes", got, len(m.Classes))
			}
			again, err := m.State()
			if err != nil {
				t.Fatal(err)
			}
			if m, err = model.FromState(again); err != nil {
				t.Fatalf("loaded again: %v", err)
			}
			if last, err := m.State(); err != nil || last.Metadata["onehot"] != again.Metadata["onehot"] {
				t.Errorf("saved again the definition is %s (%v), want %s", last.Metadata["onehot"], err, again.Metadata["onehot"])
			}
		}
	})
}
