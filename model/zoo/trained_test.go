package zoo

import (
	"fmt"
	"image"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/onehot-go/onehot/model"
	"github.com/onehot-go/onehot/nn"
	"github.com/onehot-go/onehot/random"
	"github.com/onehot-go/onehot/tensor"
	"github.com/onehot-go/onehot/transform"
)

// TestTrained compares what a MobileNetV2 with weights of somebody's training makes of pictures with what
// TensorFlow.js makes of them: with the file that internal/trainedtest/trained.js wrote and
// ONEHOT_TRAINED names.
func TestTrained(t *testing.T) {
	path := os.Getenv("ONEHOT_TRAINED")
	if path == "" {
		t.Skip("ONEHOT_TRAINED names no file of internal/trainedtest/trained.js")
	}
	state, err := ReadState(path)
	if err != nil {
		t.Fatal(err)
	}
	pictures, features, probabilities := state["pictures"], state["features"], state["probabilities"]
	for _, name := range []string{"pictures", "features", "probabilities"} {
		delete(state, name)
	}
	m, err := model.New(keras(t), random.Key{})
	if err != nil {
		t.Fatal(err)
	}
	weights := map[string]*tensor.Tensor{}
	for name, v := range state {
		name, w := ofKeras(t, name, v)
		weights[name] = w
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
	wantNear(t, "probabilities", got, probabilities)
	pooled := batch.NoGrad().Evaluation()
	for _, name := range []string{"features", "avgpool", "flatten"} {
		pooled = m.Net.Layer(name).Forward(pooled)
	}
	wantNear(t, "features", pooled, features)
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

// ofKeras returns torchvision's name of a tensor, and the tensor as torchvision has it: filters of a convolution
// are (out, in, rows, columns), where Keras has (rows, columns, in, out), and depthwise (rows, columns, in, 1).
func ofKeras(t *testing.T, name string, v *tensor.Tensor) (string, *tensor.Tensor) {
	layer, kind, _ := strings.Cut(name, "/")
	switch kind {
	case "kernel":
		if v.Dim() == 2 {
			v = v.Permute(1, 0)
		} else {
			v = v.Permute(3, 2, 0, 1)
		}
	case "depthwise_kernel":
		v = v.Permute(2, 3, 0, 1)
	}
	kinds := map[string]string{"kernel": "weight", "depthwise_kernel": "weight", "gamma": "weight", "bias": "bias", "beta": "bias",
		"moving_mean": "running_mean", "moving_variance": "running_var"}
	layers := map[string]string{"Conv1": "features.0.0", "bn_Conv1": "features.0.1", "Conv_1": "features.18.0", "Conv_1_bn": "features.18.1",
		"expanded_conv_depthwise": "features.1.conv.0.0", "expanded_conv_depthwise_BN": "features.1.conv.0.1",
		"expanded_conv_project": "features.1.conv.1", "expanded_conv_project_BN": "features.1.conv.2",
		"dense_1": "classifier.0", "dense_2": "classifier.3", "dense_3": "classifier.6"}
	within := map[string]string{"expand": "0.0", "expand_BN": "0.1", "depthwise": "1.0", "depthwise_BN": "1.1", "project": "2", "project_BN": "3"}
	at := layers[layer]
	if rest, ok := strings.CutPrefix(layer, "block_"); ok {
		number, part, _ := strings.Cut(rest, "_")
		block, err := strconv.Atoi(number)
		if err != nil {
			t.Fatal(err)
		}
		at = fmt.Sprintf("features.%d.conv.%s", block+1, within[part])
	}
	if at == "" || kinds[kind] == "" {
		t.Fatalf("a tensor of Keras is called %q", name)
	}
	return at + "." + kinds[kind], v.Contiguous()
}
