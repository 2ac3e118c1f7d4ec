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

	"github.com/onehot-go/onehot/fault"
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
	f.Tensors = append(f.Tensors, safetensors.Tensor{Name: ".more", Value: tensor.Zeros(tensor.Float32, 100)})
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
	"no input shape":      {func(d *model.Definition) { d.InputShape = nil }, `input_shape: found [], 1 to 8 sizes of at least 1 with at most 134217728 numbers in all expected`},
	"empty dimension":     {func(d *model.Definition) { d.InputShape = []int{1, 0, 3} }, `input_shape: found [1 0 3], 1 to 8 sizes of at least 1 with at most 134217728 numbers in all expected`},
	"negative dimensions": {func(d *model.Definition) { d.InputShape = []int{1, -2, -3} }, `input_shape: found [1 -2 -3], 1 to 8 sizes of at least 1 with at most 134217728 numbers in all expected`},
	"enormous input":      {func(d *model.Definition) { d.InputShape = []int{1, math.MaxInt32, 3} }, `input_shape: found [1 2147483647 3], 1 to 8 sizes of at least 1 with at most 134217728 numbers in all expected`},
	"no classes":          {func(d *model.Definition) { d.Classes = nil }, `classes: none found, at least one expected`},
	"no layers":           {func(d *model.Definition) { d.Layers = nil }, `layers: found 0 outputs, 2 expected, one a class`},
	"pictures to the end": {func(d *model.Definition) {
		d.Layers[1] = nn.Spec{Name: "relu", Options: nn.ReLU{}}
		d.Layers = d.Layers[1:]
	}, `layers: found 0 outputs, 2 expected, one a class`},
	"more classes":     {func(d *model.Definition) { d.Classes = digits }, `layers: found 2 outputs, 10 expected, one a class`},
	"no name":          {func(d *model.Definition) { d.Layers[1].Name = "" }, `layers[1] "": a name of its own without a dot expected`},
	"reserved name":    {func(d *model.Definition) { d.Layers[1].Name = ".linear" }, `layers[1] ".linear": a name of its own without a dot expected`},
	"dot in a name":    {func(d *model.Definition) { d.Layers[1].Name = "a.b" }, `layers[1] "a.b": a name of its own without a dot expected`},
	"name given twice": {func(d *model.Definition) { d.Layers[1].Name = "flatten" }, `layers[1] "flatten": a name of its own without a dot expected`},
	"other inputs":     {func(d *model.Definition) { d.Layers[1].Options = nn.LinearOptions{In: 7, Out: 2} }, `layers[1] "linear": found 7 inputs, 6 expected`},
	"inputs of the second": {func(d *model.Definition) {
		d.Layers = append(d.Layers, nn.Spec{Name: "b", Options: nn.LinearOptions{In: 3, Out: 2}})
	}, `layers[2] "b": found 3 inputs, 2 expected`},
	"no outputs":            {func(d *model.Definition) { d.Layers[1].Options = nn.LinearOptions{In: 6, Out: 0} }, `layers[1] "linear": found 0 outputs, 1 to 153391689 expected`},
	"negative outputs":      {func(d *model.Definition) { d.Layers[1].Options = nn.LinearOptions{In: 6, Out: -2} }, `layers[1] "linear": found -2 outputs, 1 to 153391689 expected`},
	"enormous outputs":      {func(d *model.Definition) { d.Layers[1].Options = nn.LinearOptions{In: 6, Out: math.MaxInt32} }, `layers[1] "linear": found 2147483647 outputs, 1 to 153391689 expected`},
	"outputs that overflow": {func(d *model.Definition) { d.Layers[1].Options = nn.LinearOptions{In: 6, Out: math.MaxInt} }, fmt.Sprintf(`layers[1] "linear": found %d outputs, 1 to 153391689 expected`, math.MaxInt)},
	"enormous in sum": {func(d *model.Definition) {
		d.Layers[1].Options = nn.LinearOptions{In: 6, Out: 1 << 26}
		d.Layers = append(d.Layers, nn.Spec{Name: "b", Options: nn.LinearOptions{In: 1 << 26, Out: 15}})
	}, `layers[2] "b": more than 1073741824 parameters up to here`},
	"linear before flatten": {func(d *model.Definition) { d.Layers = d.Layers[1:] }, `layers[0] "linear": a flatten layer before it expected`},
	"linear of nothing": {func(d *model.Definition) {
		d.Layers = d.Layers[1:]
		d.Layers[0].Options = nn.LinearOptions{Out: 2}
	}, `layers[0] "linear": a flatten layer before it expected`},
	"another size":       {func(d *model.Definition) { d.Preprocess[1] = transform.Resize{Height: 3, Width: 3} }, `preprocess: it makes [1 3 3] of a picture, [1 2 3] expected as input_shape says`},
	"colour":             {func(d *model.Definition) { d.Preprocess = d.Preprocess[1:] }, `preprocess: it makes [3 2 3] of a picture, [1 2 3] expected as input_shape says`},
	"no preprocessing":   {func(d *model.Definition) { d.Preprocess = nil }, `preprocess: nothing found, the steps from an input to what the net takes expected; an empty list leaves inputs as they are`},
	"picture to the end": {func(d *model.Definition) { d.Preprocess = d.Preprocess[:2] }, `preprocess: step 0: grayscale: found a tensor of shape [1 2 3], expected an image`},
}

// others returns a definition with the layers and options that no named model has.
func others() model.Definition {
	d := model.Softmax([]int{3, 9, 7}, []string{"a", "b"})
	d.Name = "others"
	d.Layers = []nn.Spec{
		{Name: "conv", Options: nn.Conv2dOptions{In: 3, Out: 4, Kernel: nn.Square(3), Stride: nn.Square(2), Padding: nn.Square(1)}},
		{Name: "drop", Options: nn.Dropout2dOptions{}},
		{Name: "outer", Options: nn.ResidualOptions{Body: []nn.Spec{
			{Name: "inner", Options: nn.ResidualOptions{Body: []nn.Spec{{Name: "bn", Options: nn.BatchNorm2dOptions{In: 4}}}}},
		}}},
		{Name: "overlapping", Options: nn.MaxPool2dOptions{Kernel: nn.Square(3), Stride: nn.Square(1), Padding: nn.Square(1)}},
		{Name: "apart", Options: nn.AvgPool2dOptions{Kernel: nn.Square(2)}},
		{Name: "adaptive", Options: nn.AdaptiveAvgPool2dOptions{Out: nn.Square(2)}},
		{Name: "flatten", Options: nn.FlattenOptions{}},
		{Name: "bn", Options: nn.BatchNorm1dOptions{In: 16}},
		{Name: "output", Options: nn.LinearOptions{In: 16, Out: 2}},
	}
	return d
}

// TestLayerErrors checks that New, Save and Load refuse layers that cannot work, within others
// too. Sizes are such that memory taken for one of the enormous ones would end the test.
func TestLayerErrors(t *testing.T) {
	deep := nn.Spec{Name: "r", Options: nn.ReLU{}}
	for range 9 {
		deep = nn.Spec{Name: "r", Options: nn.ResidualOptions{Body: []nn.Spec{deep}}}
	}
	inner := func(s nn.Spec) []nn.Spec {
		return []nn.Spec{{Name: "inner", Options: nn.ResidualOptions{Body: []nn.Spec{s}}}}
	}
	unnamed := func(d *model.Definition) {
		d.Layers[2] = nn.Spec{Options: nn.ResidualOptions{BodyName: new(""), Body: inner(nn.Spec{Name: "r", Options: nn.ReLU{}})}}
	}
	for want, change := range map[string]func(d *model.Definition){
		`layers[0] "conv": found 2 input channels, 3 expected`:                                         change(0, func(o *nn.Conv2dOptions) { o.In = 2 }),
		`layers[0] "conv": found 0 output channels, 1 to 38347922 expected`:                            change(0, func(o *nn.Conv2dOptions) { o.Out = 0 }),
		fmt.Sprintf(`layers[0] "conv": found %d output channels, 1 to 38347922 expected`, math.MaxInt): change(0, func(o *nn.Conv2dOptions) { o.Out = math.MaxInt }),
		`layers[0] "conv": found kernel 0, 1 to 512 expected`:                                          change(0, func(o *nn.Conv2dOptions) { o.Kernel = nn.Square(0) }),
		fmt.Sprintf(`layers[0] "conv": found kernel %d, 1 to 512 expected`, math.MaxInt):               change(0, func(o *nn.Conv2dOptions) { o.Kernel = nn.Square(math.MaxInt) }),
		`layers[0] "conv": found stride -1, 0 to 512 expected`:                                         change(0, func(o *nn.Conv2dOptions) { o.Stride = nn.Square(-1) }),
		`layers[0] "conv": found stride 513, 0 to 512 expected`:                                        change(0, func(o *nn.Conv2dOptions) { o.Stride = nn.Square(513) }),
		`layers[0] "conv": found padding -1, 0 to 512 expected`:                                        change(0, func(o *nn.Conv2dOptions) { o.Padding = nn.Square(-1) }),
		`layers[0] "conv": found padding 513, 0 to 512 expected`:                                       change(0, func(o *nn.Conv2dOptions) { o.Padding = nn.Square(513) }),
		`layers[0] "conv": found pictures of 9×7, at least 8×8 expected`:                               change(0, func(o *nn.Conv2dOptions) { o.Kernel, o.Padding = nn.Square(8), nn.Pair{} }),
		`layers[0] "conv": more than 134217728 numbers for one sample`:                                 change(0, func(o *nn.Conv2dOptions) { o.Out = 1 << 24 }),
		`layers[0] "conv": more than 137438953472 operations for one sample`: change(0, func(o *nn.Conv2dOptions) {
			o.Kernel, o.Padding, o.Stride, o.Out = nn.Square(500), nn.Square(500), nn.Pair{}, 50
		}),
		`layers[1] "drop": found p 1.5, 0 to 1 expected`: change(1, func(o *nn.Dropout2dOptions) { o.P = 1.5 }),
		`layers[2] "outer": body[0] "inner": body[0] "bn": found 5 channels, 4 expected`: change(2, func(o *nn.ResidualOptions) {
			o.Body = inner(nn.Spec{Name: "bn", Options: nn.BatchNorm2dOptions{In: 5}})
		}),
		`layers[2] "outer": body[0] "a.b": a name of its own without a dot expected`:                        change(2, func(o *nn.ResidualOptions) { o.Body[0].Name = "a.b" }),
		`layers[2] "outer": shortcut[0] "": a name of its own without a dot expected`:                       change(2, func(o *nn.ResidualOptions) { o.Shortcut = []nn.Spec{{Options: nn.ReLU{}}} }),
		`layers[2] "outer": found a body to [4 5 4], [80] as the shortcut expected`:                         change(2, func(o *nn.ResidualOptions) { o.Shortcut = []nn.Spec{{Name: "f", Options: nn.FlattenOptions{}}} }),
		`layers[2] "r": ` + strings.Repeat(`body[0] "r": `, 8) + `found more than 8 nets within each other`: func(d *model.Definition) { d.Layers[2] = deep },
		`layers[3] "overlapping": found padding 2, 0 to 1 expected`:                                         change(3, func(o *nn.MaxPool2dOptions) { o.Padding = nn.Square(2) }),
		`layers[3] "overlapping": found kernel 0, 1 to 512 expected`:                                        change(3, func(o *nn.MaxPool2dOptions) { o.Kernel = nn.Pair{} }),
		`layers[4] "apart": found pictures of 5×4, at least 6×6 expected`:                                   change(4, func(o *nn.AvgPool2dOptions) { o.Kernel = nn.Square(6) }),
		`layers[5] "adaptive": found 513 rows and columns, 1 to 512 expected`:                               change(5, func(o *nn.AdaptiveAvgPool2dOptions) { o.Out = nn.Square(513) }),
		`layers[5] "adaptive": found 0 rows and columns, 1 to 512 expected`:                                 change(5, func(o *nn.AdaptiveAvgPool2dOptions) { o.Out = nn.Pair{} }),
		`layers[7] "bn": found 15 channels, 16 expected`:                                                    change(7, func(o *nn.BatchNorm1dOptions) { o.In = 15 }),
		`layers[7] "bn": pictures expected, found what is behind a flatten layer`:                           func(d *model.Definition) { d.Layers[7].Options = nn.BatchNorm2dOptions{In: 16} },
		`layers[1] "drop": a flatten layer before it expected`:                                              func(d *model.Definition) { d.Layers[1].Options = nn.BatchNorm1dOptions{In: 4} },
		`layers[0] "conv": found kernel 3×513, 1 to 512 expected`:                                           change(0, func(o *nn.Conv2dOptions) { o.Kernel[1] = 513 }),
		`layers[0] "conv": found dilation -1, 0 to 512 expected`:                                            change(0, func(o *nn.Conv2dOptions) { o.Dilation = nn.Square(-1) }),
		`layers[0] "conv": found pictures of 9×7, at least 9×11 expected`:                                   change(0, func(o *nn.Conv2dOptions) { o.Dilation = nn.Pair{5, 6} }),
		`layers[0] "conv": found 2 groups, a divisor of 3 input and 4 output channels expected`:             change(0, func(o *nn.Conv2dOptions) { o.Groups = 2 }),
		`layers[0] "conv": found -1 groups, a divisor of 3 input and 4 output channels expected`:            change(0, func(o *nn.Conv2dOptions) { o.Groups = -1 }),
		`layers[2] "outer": body is named "a.b": a name without a dot expected`:                             change(2, func(o *nn.ResidualOptions) { o.BodyName = new("a.b") }),
		`layers[6] "inner": a name of its own without a dot expected`:                                       func(d *model.Definition) { d.Layers[6].Name = "inner"; unnamed(d) },
		`layers[2] "": shortcut is named "inner", which another layer is`: func(d *model.Definition) {
			unnamed(d)
			d.Layers[2].Options = nn.ResidualOptions{BodyName: new(""), Body: inner(nn.Spec{Name: "r", Options: nn.ReLU{}}), ShortcutName: new("inner"), Shortcut: inner(nn.Spec{Name: "r", Options: nn.ReLU{}})}
		},
		`layers[3] "overlapping": found padding 0×2, 0 to 1 expected`:                                change(3, func(o *nn.MaxPool2dOptions) { o.Padding = nn.Pair{0, 2} }),
		`layers[5] "adaptive": found -1×3 rows and columns, 1 to 512 expected`:                       change(5, func(o *nn.AdaptiveAvgPool2dOptions) { o.Out = nn.Pair{-1, 3} }),
		`layers[6] "flatten": found start_dim 0, a dimension behind the batch's of 4 expected`:       change(6, func(o *nn.FlattenOptions) { o.Start = new(0) }),
		`layers[6] "flatten": found end_dim 4, a dimension behind the batch's of 4 expected`:         change(6, func(o *nn.FlattenOptions) { o.End = new(4) }),
		`layers[6] "flatten": found start_dim 3 behind end_dim 1`:                                    change(6, func(o *nn.FlattenOptions) { o.Start, o.End = new(3), new(1) }),
		`layers[7] "bn": found eps -1, 0 to 1 expected`:                                              change(7, func(o *nn.BatchNorm1dOptions) { o.Eps = new(-1.0) }),
		`layers[7] "bn": found momentum 2, cumulative false: 0 to 1, or cumulative alone, expected`:  change(7, func(o *nn.BatchNorm1dOptions) { o.Momentum = new(2.0) }),
		`layers[7] "bn": found momentum 0.5, cumulative true: 0 to 1, or cumulative alone, expected`: change(7, func(o *nn.BatchNorm1dOptions) { o.Momentum, o.Cumulative = new(0.5), true }),
		`layers[7] "bn": found n 3, a divisor of the inputs and the outputs up to 512 expected`:      func(d *model.Definition) { d.Layers[7].Options = nn.PHMOptions{N: 3, In: 16, Out: 6} },
		`layers[7] "bn": found dim 0, a dimension behind the batch's of 2 expected`:                  func(d *model.Definition) { d.Layers[7].Options = nn.SoftmaxOptions{Dim: new(0)} },
	} {
		m := build(t, others())
		change(&m.Definition)
		refused(t, m, want)
	}
}

// change returns a function that changes the options of one layer of a definition.
func change[O any](layer int, f func(o *O)) func(d *model.Definition) {
	return func(d *model.Definition) {
		o := d.Layers[layer].Options.(O)
		f(&o)
		d.Layers[layer].Options = o
	}
}

// refused checks that New, Save and Load say what is wrong with m's definition.
func refused(t *testing.T, m *model.Model, want string) {
	t.Helper()
	if _, err := model.New(m.Definition, random.Key{}); err == nil || err.Error() != "model: "+want {
		t.Errorf("New:\ngot  %v\nwant model: %s", err, want)
	}
	if _, err := m.State(); err == nil || err.Error() != "model: "+want {
		t.Errorf("State:\ngot  %v\nwant model: %s", err, want)
	}
	definition, err := json.Marshal(m.Definition)
	if err != nil {
		t.Fatal(err)
	}
	f := &safetensors.File{Metadata: map[string]string{"onehot": string(definition)}}
	if _, err := model.FromState(f); err == nil || err.Error() != `metadata "onehot": `+want {
		t.Errorf("FromState:\ngot  %v\nwant metadata \"onehot\": %s", err, want)
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

// TestStages checks that nets for larger pictures have more stages, and that sizes which make no
// net end in an error.
func TestStages(t *testing.T) {
	for _, c := range []struct{ side, stages, left int }{
		{35, 2, 8}, {36, 3, 4}, {64, 3, 8}, {128, 4, 8}, {224, 5, 7},
	} {
		for name, define := range map[string]func(inputShape []int, classes []string) model.Definition{"cnn": model.CNN, "resnet": model.ResNet} {
			d := define([]int{3, c.side, c.side + 20}, digits)
			costs, err := d.Costs()
			if err != nil {
				t.Fatal(err)
			}
			pools, left := 0, 0
			for _, l := range costs {
				if l.Type == "maxpool2d" {
					pools, left = pools+1, l.Output[1]
				}
			}
			if pools != c.stages || left != c.left {
				t.Errorf("%s for %d pixels: %d stages that leave %d, want %d and %d", name, c.side, pools, left, c.stages, c.left)
			}
		}
	}
	if _, err := model.New(model.CNN([]int{3, 1 << 40, 1 << 40}, digits), random.Key{}); err == nil {
		t.Error("pictures of 2^80 pixels have a net")
	}
}

// TestCosts counts those of each kind of layer by hand.
func TestCosts(t *testing.T) {
	d := others()
	got, err := d.Costs()
	if err != nil {
		t.Fatal(err)
	}
	want := []nn.Cost{
		{Layer: "conv", Type: "conv2d", Output: []int{4, 5, 4}, Parameters: 4*27 + 4, FLOPs: 80 * (2*27 + 1)},
		{Layer: "drop", Type: "dropout2d", Output: []int{4, 5, 4}},
		{Layer: "outer.body.inner.body.bn", Type: "batchnorm2d", Output: []int{4, 5, 4}, Parameters: 8, Buffers: 9, FLOPs: 2 * 80},
		{Layer: "outer.body.inner", Type: "residual", Output: []int{4, 5, 4}, FLOPs: 80},
		{Layer: "outer", Type: "residual", Output: []int{4, 5, 4}, FLOPs: 80},
		{Layer: "overlapping", Type: "maxpool2d", Output: []int{4, 5, 4}, FLOPs: 9 * 80},
		{Layer: "apart", Type: "avgpool2d", Output: []int{4, 2, 2}, FLOPs: 4 * 16},
		{Layer: "adaptive", Type: "adaptiveavgpool2d", Output: []int{4, 2, 2}, FLOPs: 16},
		{Layer: "flatten", Type: "flatten", Output: []int{16}},
		{Layer: "bn", Type: "batchnorm1d", Output: []int{16}, Parameters: 32, Buffers: 33, FLOPs: 32},
		{Layer: "output", Type: "linear", Output: []int{2}, Parameters: 34, FLOPs: 66},
	}
	for i := range got { // of memory: package nn holds them to what is taken
		got[i].Scratch, got[i].Work = 0, 0
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

// TestDefinitionErrors checks that New, Save and Load refuse the same definitions. Sizes are
// such that memory taken for one of the enormous ones would end the test.
func TestDefinitionErrors(t *testing.T) {
	for name, test := range definitionErrors {
		t.Run(name, func(t *testing.T) {
			m := small(t)
			test.change(&m.Definition)
			refused(t, m, test.want)
		})
	}
}

// TestPreprocessErrors checks steps that cannot be written to a file, and ones that cannot be
// read from it.
func TestPreprocessErrors(t *testing.T) {
	for want, step := range map[string]transform.Transform{
		`model: preprocess: step 1: resize: found a side of 0 pixels, expected 1 to 4096`:                                                                    transform.Resize{Width: 3},
		`model: preprocess: step 1: saved transform: found transform.Lambda, which has no saved form, expected types that transform.Register was called for`: transform.Lambda(func(p transform.Input) (transform.Input, error) { return p, nil }),
	} {
		m := small(t)
		m.Preprocess[1] = step
		if _, err := model.New(m.Definition, random.New(0)); err == nil || err.Error() != want {
			t.Errorf("New: got  %v\nwant %s", err, want)
		}
		if _, err := m.State(); err == nil || err.Error() != want {
			t.Errorf("State: got  %v\nwant %s", err, want)
		}
	}
	for want, edit := range map[string][2]string{
		`metadata "onehot": step 1: resize: found a side of 0 pixels, expected 1 to 4096`:          {`"height":2`, `"height":0`},
		`metadata "onehot": step 1: resize: found a side of 2147483647 pixels, expected 1 to 4096`: {`"height":2`, `"height":2147483647`},
		`metadata "onehot": step 1: json: unknown field "hight"`:                                   {`"height":2`, `"hight":2`},
	} {
		f, err := small(t).State()
		if err != nil {
			t.Fatal(err)
		}
		f.Metadata["onehot"] = strings.Replace(f.Metadata["onehot"], edit[0], edit[1], 1)
		if _, err := model.FromState(f); err == nil || err.Error() != want {
			t.Errorf("got  %v\nwant %s", err, want)
		}
	}
}

// TestRows holds that a model of rows of numbers, which nothing is done to, is saved and
// loaded.
func TestRows(t *testing.T) {
	m, err := model.New(model.MLP([]int{4}, []int{3}, []string{"a", "b"}), random.New(0))
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "rows.safetensors")
	if err := m.Save(path); err != nil {
		t.Fatal(err)
	}
	got, err := model.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	if got.Preprocess == nil || len(got.Preprocess) != 0 || !slices.Equal(got.InputShape, []int{4}) {
		t.Errorf("got inputs of %v prepared by %v", got.InputShape, got.Preprocess)
	}
}

// TestLoadErrors checks files that are at fault elsewhere than in the definition.
func TestLoadErrors(t *testing.T) {
	path := filepath.Join(t.TempDir(), "model.safetensors")
	definition := func(text string) func(f *safetensors.File) {
		return func(f *safetensors.File) { f.Metadata["onehot"] = text }
	}
	layer := func(text string) func(f *safetensors.File) {
		return definition(`{"input_shape":[1,2,3],"classes":["a"],"layers":[` + text + `]}`)
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
		"no JSON":                 {definition(""), `metadata "onehot": unexpected end of JSON input`},
		"cut JSON":                {definition(`{"name":"soft`), `metadata "onehot": unexpected end of JSON input`},
		"bad JSON":                {definition(`{"name":}`), `metadata "onehot": invalid character '}' looking for beginning of value`},
		"JSON list":               {definition(`[]`), `metadata "onehot": json: cannot unmarshal array into Go value of type model.Definition`},
		"unknown type":            {layer(`{"name":"a","type":"Linear"}`), `metadata "onehot": layers[0] "a": found type "Linear", adaptiveavgpool2d, avgpool2d, batchnorm1d, batchnorm2d, conv2d, dropout, dropout2d, flatten, gate, gelu, groupnorm, hardsigmoid, hardswish, identity, layernorm, leakyrelu, linear, logsoftmax, maxpool2d, phm, relu, relu6, residual, sequential, sigmoid, silu, softmax, stochasticdepth, tanh or zeropad2d expected`},
		"no type":                 {layer(`{"name":"a","in":3}`), `metadata "onehot": layers[0] "a": found type "", adaptiveavgpool2d, avgpool2d, batchnorm1d, batchnorm2d, conv2d, dropout, dropout2d, flatten, gate, gelu, groupnorm, hardsigmoid, hardswish, identity, layernorm, leakyrelu, linear, logsoftmax, maxpool2d, phm, relu, relu6, residual, sequential, sigmoid, silu, softmax, stochasticdepth, tanh or zeropad2d expected`},
		"null layer":              {layer(`null`), `metadata "onehot": layers[0] "": found type "", adaptiveavgpool2d, avgpool2d, batchnorm1d, batchnorm2d, conv2d, dropout, dropout2d, flatten, gate, gelu, groupnorm, hardsigmoid, hardswish, identity, layernorm, leakyrelu, linear, logsoftmax, maxpool2d, phm, relu, relu6, residual, sequential, sigmoid, silu, softmax, stochasticdepth, tanh or zeropad2d expected`},
		"fraction":                {layer(`{"name":"a","type":"linear","in":1.5}`), `metadata "onehot": layers[0] "a": json: cannot unmarshal number 1.5 into Go struct field LinearOptions.in of type int`},
		"number too big":          {layer(`{"name":"a","type":"linear","in":1e40}`), `metadata "onehot": layers[0] "a": json: cannot unmarshal number 1e40 into Go struct field LinearOptions.in of type int`},
		"unknown option":          {layer(`{"name":"a","type":"relu","in":3}`), `metadata "onehot": layers[0] "a": json: unknown field "in"`},
		"three numbers":           {layer(`{"name":"a","type":"maxpool2d","kernel":[2,2,2]}`), `metadata "onehot": layers[0] "a": found 3 numbers, one or two expected, of rows and columns`},
		"within a net":            {layer(`{"name":"a","type":"residual","body":[{"name":"b","type":"phm","n":"2"}]}`), `metadata "onehot": layers[0] "a": body[0] "b": json: cannot unmarshal string into Go struct field PHMOptions.n of type int`},
		"name of no text":         {layer(`{"name":1}`), `metadata "onehot": name of a layer: json: cannot unmarshal number into Go value of type string`},
		"layer of no JSON object": {layer(`[]`), `metadata "onehot": json: cannot unmarshal array into Go struct field Definition.layers of type map[string]json.RawMessage`},
		"too deep":                {layer(strings.Repeat(`{"type":"residual","body":[`, 4000) + strings.Repeat(`]}`, 4000)), `metadata "onehot": a layer of more than 24 brackets within each other`},
		"null":                    {definition(`null`), `metadata "onehot": input_shape: found [], 1 to 8 sizes of at least 1 with at most 134217728 numbers in all expected`},
		"enormous":                {definition(strings.Repeat(" ", 1<<23+1)), `metadata "onehot": found 8388609 bytes, at most 8388608 expected`},
		"no weights":              {weights(), `0 weights found, 14 expected by the definition`},
		"one missing":             {weights(safetensors.Tensor{Name: "linear.weight", Value: zeros(2, 6)}), `12 weights found, 14 expected by the definition`},
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
	var format *fault.FormatError
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
	m.Training = strings.Repeat("a", 1<<23)
	if err := m.Save(path); err == nil || err.Error() != "model: a definition of 8388888 bytes, at most 8388608 expected" {
		t.Errorf("with an enormous record: error %v", err)
	}
	m.Training = nil
	name := m.Classes[1]
	m.Classes[1] = "a\xff"
	if err := m.Save(path); err == nil || err.Error() != `model: classes[1]: found "a\xff", UTF-8 expected` {
		t.Errorf("with a name that is not UTF-8: error %v", err)
	}
	m.Classes[1] = name
	r := random.New(1).Rand()
	flat, linear := nn.Named("flatten", nn.Flatten{}), nn.Named("linear", nn.NewLinear(6, 2, r))
	broken := nn.NewLinear(6, 2, r)
	broken.Bias.FillInPlace(math.NaN())
	wide := nn.NewLinear(6, 2, r)
	wide.Weight = wide.Weight.Detach().To(tensor.Float64)
	for want, net := range map[string]*nn.Sequential{
		`model: the net differs from the definition: found no net`:                                                                                                                                         nil,
		`model: the net differs from the definition: layers[1] "linear": found a struct { *nn.Linear }, for which no type is registered`:                                                                   nn.NewSequential(flat, nn.Named("linear", struct{ *nn.Linear }{nn.NewLinear(6, 2, r)})),
		`model: the net differs from the definition: layers[1] "linear": found {"name":"linear","type":"linear","in":6,"out":2,"no_bias":true}, {"name":"linear","type":"linear","in":6,"out":2} expected`: nn.NewSequential(flat, nn.Named("linear", nn.NewLinearNoBias(6, 2, r))),
		`model: the net differs from the definition: layers[1] "1": found {"name":"1","type":"linear","in":6,"out":2}, {"name":"linear","type":"linear","in":6,"out":2} expected`:                          nn.NewSequential(flat, nn.NewLinear(6, 2, r)),
		`model: the net differs from the definition: layers[1] "linear": *nn.Linear: found a weight of float64, float32 expected`:                                                                          nn.NewSequential(flat, nn.Named("linear", wide)),
		`model: the net differs from the definition: layers[1] "linear": found no more layers, linear expected`:                                                                                            nn.NewSequential(flat),
		`model: the net differs from the definition: layers[2] "relu": found relu, no more layers expected`:                                                                                                nn.NewSequential(flat, linear, nn.Named("relu", nn.ReLU{})),
		`model: tensor "linear.bias": found NaN or an infinity, finite numbers expected`:                                                                                                                   nn.NewSequential(flat, nn.Named("linear", broken)),
	} {
		m.Net = net
		if err := m.Save(path); err == nil || err.Error() != want {
			t.Errorf("got  %v\nwant %s", err, want)
		}
	}
}

// TestTransform checks what the preprocessing makes of pictures.
func TestTransform(t *testing.T) {
	m := small(t)
	tr := m.Preprocess
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
			tr := m.Preprocess
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
