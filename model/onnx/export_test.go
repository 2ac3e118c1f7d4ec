package onnx_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"iter"
	"slices"
	"strings"
	"testing"

	"github.com/onehot-go/onehot/fault"
	"github.com/onehot-go/onehot/model"
	"github.com/onehot-go/onehot/model/onnx"
	"github.com/onehot-go/onehot/nn"
	"github.com/onehot-go/onehot/random"
	"github.com/onehot-go/onehot/tensor"
	"github.com/onehot-go/onehot/transform"
)

// TestEveryLayerHasARow holds the table of layers to the registry: the nets of these tests have
// every type that there is, and all of them are written.
func TestEveryLayerHasARow(t *testing.T) {
	types := map[string]bool{"sequential": true}
	for _, n := range nets {
		m := trained(t, n.definition())
		if err := onnx.Export(new(bytes.Buffer), m, onnx.Options{TrainingForm: true}); err != nil {
			t.Errorf("%s: %v", n.name, err)
		}
		costs, err := m.Costs()
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range costs {
			types[c.Type] = true
		}
	}
	for _, name := range typeNames(t) {
		if !types[name] && !strings.Contains(name, ".") {
			t.Errorf("no net here has a layer of type %s", name)
		}
	}
}

// power is a layer of another module: xⁿ.
type power struct {
	N int `json:"n"`
}

func (p power) Forward(x *tensor.Tensor) *tensor.Tensor {
	y := x
	for range p.N - 1 {
		y = y.Mul(x)
	}
	return y
}

func (power) Parameters() iter.Seq2[string, *tensor.Tensor] {
	return func(func(string, *tensor.Tensor) bool) {}
}

// silent is power without a form in ONNX.
type silent struct{ power }

// brightness is a step that stands behind ToTensor.
type brightness struct{}

func (brightness) Apply(p transform.Input, _ random.Key) (transform.Input, error) {
	return transform.Input{Tensor: p.Tensor.MulScalar(2)}, nil
}

func init() {
	nn.Register(nn.Type[power, power]{
		Name: "test.power", Cost: func(_ power, in nn.Sample) (nn.Cost, error) { return nn.Cost{Output: in.Shape}, nil },
		Make: func(p power, _ nn.Place) power { return p }, Options: func(p power) (power, error) { return p, nil },
	})
	nn.Register(nn.Type[silent, silent]{
		Name: "test.silent", Cost: func(_ silent, in nn.Sample) (nn.Cost, error) { return nn.Cost{Output: in.Shape}, nil },
		Make: func(p silent, _ nn.Place) silent { return p }, Options: func(p silent) (silent, error) { return p, nil },
	})
	onnx.Register(func(g *onnx.Graph, p power, x onnx.Value) (onnx.Value, error) {
		if p.N > 9 {
			return x, errors.New("too great a power")
		}
		return g.Node("Pow", nil, x, g.Floats([]float32{float32(p.N)})), nil
	})
	transform.Register(transform.Kind[brightness]{Name: "test.brightness"})
}

// foreign is a net with a layer of another module.
func foreign(layer any) model.Definition {
	return named{"foreign", "", []int{1, 2, 2}, []any{nn.FlattenOptions{}, layer, nn.LinearOptions{In: 4, Out: 2}}}.definition()
}

func TestForeignLayers(t *testing.T) {
	var b bytes.Buffer
	if err := onnx.Export(&b, trained(t, foreign(power{3})), onnx.Options{}); err != nil || !bytes.Contains(b.Bytes(), []byte("Pow")) {
		t.Errorf("%v, %d bytes", err, b.Len())
	}
	defer func() {
		if err, ok := recover().(*fault.OptionError); !ok || err.Op != "onnx.Register" {
			t.Errorf("a second row: %v", err)
		}
	}()
	onnx.Register(func(*onnx.Graph, nn.ReLU, onnx.Value) (onnx.Value, error) { return onnx.Value{}, nil })
}

// TestExportRefuses holds that nothing is written of a model that cannot be, and that the error
// lists all that keeps it from being written.
func TestExportRefuses(t *testing.T) {
	two := foreign(silent{})
	two.Layers[0], two.Layers[1] = nn.Spec{Name: "odd", Options: silent{}}, two.Layers[0]
	two.Preprocess = append(two.Preprocess, brightness{})
	blind := named{"blind", "", []int{2}, []any{nn.BatchNorm1dOptions{In: 2, NoStatistics: true}}}.definition()
	for want, d := range map[string]model.Definition{
		`no form in ONNX is known of layer "odd" of type onnx_test.silent, step "test.brightness" of the preparation`: two,
		`layers[1] "l1": too great a power`:                                               foreign(power{10}),
		`no form in ONNX is known of layer "l0", a batch norm without running statistics`: blind,
	} {
		var b bytes.Buffer
		err := onnx.Export(&b, trained(t, d), onnx.Options{})
		if err == nil || !strings.Contains(err.Error(), strings.TrimPrefix(want, `layers[1] "l1": `)) || b.Len() > 0 {
			t.Errorf("got %v, %d bytes\nwant %s", err, b.Len(), want)
		}
	}
}

// TestBefore holds what is said of the steps that come before a graph.
func TestBefore(t *testing.T) {
	normalize := transform.Normalize{Mean: []float32{0.5}, Std: []float32{0.5}}
	for _, c := range []struct {
		steps          transform.Compose
		before, within string
	}{
		{transform.Compose{transform.Compose{transform.Grayscale{}, transform.RandomHorizontalFlip{P: 0.5}}, transform.ToTensor{}, normalize}, "grayscale", `normalize {"mean":[0.5],"std":[0.5]}`},
		{transform.Compose{transform.ToTensor{}}, "nothing", "nothing"},
		{transform.Compose{normalize}, "nothing", `normalize {"mean":[0.5],"std":[0.5]}`},
	} {
		before, within, err := onnx.Before(c.steps)
		if err != nil || before.String() != c.before || within.String() != c.within {
			t.Errorf("%v: got %v and %v (%v), want %s and %s", c.steps, before, within, err, c.before, c.within)
		}
	}
}

// TestFolded holds that batch norms are part of the layers before them, and nothing else differs.
func TestFolded(t *testing.T) {
	for _, n := range nets {
		m := trained(t, n.definition())
		var b bytes.Buffer
		if err := onnx.Export(&b, m, onnx.Options{}); err != nil {
			t.Fatal(err)
		}
		norms := bytes.Count(b.Bytes(), []byte("\"\x12BatchNormalization"))
		if want := map[string]int{"sequences": 2, "pictures": 1}[n.name]; norms != want {
			t.Errorf("%s: %d batch norms are left, want %d", n.name, norms, want)
		}
	}
}

// TestMetadata holds what readers in other languages find.
func TestMetadata(t *testing.T) {
	m := trained(t, nets[4].definition())
	var b bytes.Buffer
	if err := onnx.Export(&b, m, onnx.Options{}); err != nil {
		t.Fatal(err)
	}
	names, err := json.Marshal(m.Classes)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{string(names), `[{"type":"rgb"},{"type":"resize-edge","size":12},{"type":"center-crop","height":9,"width":10}]`, "Rgb8", "NominalRange_0_255"} {
		if !bytes.Contains(b.Bytes(), []byte(want)) {
			t.Errorf("the file lacks %s", want)
		}
	}
	again := new(bytes.Buffer)
	if err := onnx.Export(again, m, onnx.Options{}); err != nil || !slices.Equal(again.Bytes(), b.Bytes()) {
		t.Errorf("the same model makes another file (%v)", err)
	}
}
