package zoo

import (
	"image"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/onehot-go/onehot/model"
	"github.com/onehot-go/onehot/nn"
	"github.com/onehot-go/onehot/random"
	"github.com/onehot-go/onehot/tensor"
	"github.com/onehot-go/onehot/transform"
)

// TestTrained compares what a MobileNetV2 with weights of somebody's training makes of pictures with what
// TensorFlow.js makes of them: with the files of internal/trainedtest/trained.js, in the folder that ONEHOT_TRAINED
// names.
func TestTrained(t *testing.T) {
	folder := os.Getenv("ONEHOT_TRAINED")
	if folder == "" {
		t.Skip("ONEHOT_TRAINED names no folder with the files of internal/trainedtest/trained.js")
	}
	weights, err := ReadState(filepath.Join(folder, "weights.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	oracle, err := ReadState(filepath.Join(folder, "oracle.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	pictures := oracle["pictures"]
	for name, v := range oracle {
		if strings.HasPrefix(name, "classifier.") {
			weights[name] = v
		}
	}
	m, err := model.New(keras(t), random.Key{})
	if err != nil {
		t.Fatal(err)
	}
	if loaded, err := Load(m.Net, weights); err != nil || loaded != (Loaded{}) {
		t.Fatalf("loaded %+v (%v)", loaded, err)
	}
	nn.SetTraining(m.Net, false)

	// The model is used as people use it: from a file, by a predictor.
	file := filepath.Join(t.TempDir(), "model.safetensors")
	if err := m.Save(file); err != nil {
		t.Fatal(err)
	}
	if m, err = model.Load(file); err != nil {
		t.Fatal(err)
	}
	predictor, err := model.NewPredictor(m)
	if err != nil {
		t.Fatal(err)
	}
	n, rows, columns := pictures.Size(0), pictures.Size(1), pictures.Size(2)
	var inputs []*tensor.Tensor
	for i := range n {
		img := image.NewNRGBA(image.Rect(0, 0, columns, rows))
		bytes := tensor.Data[uint8](pictures.Select(0, i).Contiguous())
		for p := range rows * columns {
			copy(img.Pix[4*p:], bytes[3*p:3*p+3])
			img.Pix[4*p+3] = 255
		}
		x, err := predictor.Prepare(img)
		if err != nil {
			t.Fatal(err)
		}
		inputs = append(inputs, x)
	}
	batch := tensor.Stack(0, inputs...)
	got, err := predictor.Probabilities(batch)
	if err != nil {
		t.Fatal(err)
	}
	wantNear(t, "probabilities", got, oracle["probabilities"])
	pooled := batch.NoGrad().Evaluation()
	for _, name := range []string{"features", "avgpool", "flatten"} {
		pooled = m.Net.Layer(name).Forward(pooled)
	}
	wantNear(t, "features", pooled, oracle["features"])
}

// wantNear holds that the greatest difference of two tensors is at most a hundred-thousandth of the greatest number.
func wantNear(t *testing.T, what string, got, want *tensor.Tensor) {
	t.Helper()
	if !slices.Equal(got.Shape(), want.Shape()) {
		t.Fatalf("%s of shape %v, want %v", what, got.Shape(), want.Shape())
	}
	far := got.To(tensor.Float64).Sub(want.To(tensor.Float64)).Abs().Max().Item()
	greatest := want.To(tensor.Float64).Abs().Max().Item()
	t.Logf("%s: the greatest difference is %.2g of the greatest number", what, far/greatest)
	if !(far <= 1e-5*greatest) || math.IsInf(greatest, 0) {
		t.Errorf("%s: the greatest difference is %g, the greatest number %g", what, far, greatest)
	}
}

// keras defines the MobileNetV2 as Keras has it, with the head that it was given there. Layers with a stride
// of 2 pad pictures by one row below and one column on the right, where torchvision's pad all
// sides, and batch norms have an eps of 0.001.
func keras(t *testing.T) model.Definition {
	n, err := Named("mobilenet_v2")
	if err != nil {
		t.Fatal(err)
	}
	d := n.Definition([]string{"a", "b", "c", "d", "e"})
	d.Preprocess = transform.Compose{transform.Resize{Height: 224, Width: 224}, transform.ToTensor{}}
	d.Layers = kerasLayers(d.Layers)
	d.Layers[len(d.Layers)-1] = sequence("classifier",
		nn.LinearOptions{In: 1280, Out: 256}, nn.ReLU{}, nn.DropoutOptions{P: 0.5},
		nn.LinearOptions{In: 256, Out: 128}, nn.ReLU{}, nn.DropoutOptions{P: 0.25},
		nn.LinearOptions{In: 128, Out: 5})
	return d
}

// kerasLayers returns layers with Keras's padding and eps.
func kerasLayers(layers []nn.Spec) (changed []nn.Spec) {
	for _, l := range layers {
		switch o := l.Options.(type) {
		case nn.SequentialOptions:
			o.Layers = kerasLayers(o.Layers)
			l.Options = o
		case nn.ResidualOptions:
			o.Body = kerasLayers(o.Body)
			l.Options = o
		case nn.BatchNorm2dOptions:
			o.Eps = new(0.001)
			l.Options = o
		case nn.Conv2dOptions:
			if o.Stride == nn.Square(2) {
				o.Padding = nn.Pair{}
				l.Options = o
				changed = append(changed, nn.Spec{Name: "pad", Options: nn.ZeroPad2d{Right: 1, Bottom: 1}})
			}
		}
		changed = append(changed, l)
	}
	return changed
}
