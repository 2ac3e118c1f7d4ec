package model_test

import (
	"bytes"
	"image"
	"image/color"
	"image/png"
	"math"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/onehot-go/onehot/fault"
	"github.com/onehot-go/onehot/model"
	"github.com/onehot-go/onehot/nn"
	"github.com/onehot-go/onehot/picture"
	"github.com/onehot-go/onehot/random"
	"github.com/onehot-go/onehot/tensor"
	"github.com/onehot-go/onehot/transform"
)

// predictor returns a predictor of m.
func predictor(t *testing.T, m *model.Model) *model.Predictor {
	t.Helper()
	p, err := model.NewPredictor(m)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// colours returns a model of pictures in colour that are scaled by their shorter side, cut and
// normalized, which drops and has batch norms.
func colours(t *testing.T) *model.Model {
	d := model.CNN([]int{3, 8, 8}, digits)
	d.Layers = append(d.Layers, nn.Spec{Name: "drop", Options: nn.DropoutOptions{P: 0.5}})
	d.Preprocess = transform.Compose{transform.RGB{}, transform.ResizeEdge{Size: 9}, transform.CenterCrop{Height: 8, Width: 8},
		transform.ToTensor{}, transform.Normalize{Mean: []float32{0.4, 0.5, 0.6}, Std: []float32{0.2, 0.3, 0.4}}}
	return build(t, d)
}

// drawn returns a picture in colour, another one for each n.
func drawn(n int) image.Image {
	img := image.NewRGBA(image.Rect(0, 0, 14+n, 11))
	for i := range img.Pix {
		img.Pix[i] = byte(37*i + 101*n)
		if i%4 == 3 {
			img.Pix[i] = 255
		}
	}
	return img
}

// TestPredictor holds that a picture has one answer: as an image, as the bytes of a file, in a
// batch, by a model that is in training and by the same model loaded from a file.
func TestPredictor(t *testing.T) {
	m := colours(t)
	p := predictor(t, m)
	path := t.TempDir() + "/model.safetensors"
	if err := m.Save(path); err != nil {
		t.Fatal(err)
	}
	loaded, err := model.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	var inputs []*tensor.Tensor
	var answers [][]model.Prediction
	for n := range 5 {
		img := drawn(n)
		want, err := p.Classify(img, 3)
		if err != nil {
			t.Fatal(err)
		}
		if len(want) != 3 || want[0].Probability < want[1].Probability || want[1].Probability < want[2].Probability || want[0].Class != digits[want[0].Index] {
			t.Errorf("picture %d: got %v", n, want)
		}
		var file bytes.Buffer
		if err := png.Encode(&file, img); err != nil {
			t.Fatal(err)
		}
		fromFile, _, err := picture.Decode(t.Context(), &file, "picture", picture.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		got, err := predictor(t, loaded).Classify(fromFile, 3)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("picture %d: from a file, by a loaded model: %v, %v; as an image %v", n, got, err, want)
		}
		x, err := p.Prepare(img)
		if err != nil {
			t.Fatal(err)
		}
		inputs, answers = append(inputs, x), append(answers, want)
	}
	all, err := p.Probabilities(tensor.Stack(0, inputs...))
	if err != nil {
		t.Fatal(err)
	}
	var rows []float32
	for _, x := range inputs {
		rows = append(rows, tensor.Values[float32](x)...)
	}
	logits, probabilities := make([]float32, all.Numel()), make([]float64, all.Numel())
	if err := p.Run(logits, probabilities, rows); err != nil {
		t.Fatal(err)
	}
	if want := tensor.Values[float64](all); !slices.Equal(probabilities, want) {
		t.Errorf("Run gives probabilities %v, Probabilities %v", probabilities, want)
	}
	if got := tensor.Values[float64](tensor.New(logits, all.Shape()...).To(tensor.Float64).Softmax(1)); !slices.Equal(got, probabilities) {
		t.Errorf("Run gives logits whose softmax is %v, and probabilities %v", got, probabilities)
	}
	for n, answer := range answers {
		for _, c := range answer {
			if got := all.At(n, c.Index); got != c.Probability {
				t.Errorf("picture %d: %v for %s in a batch, %v alone", n, got, c.Class, c.Probability)
			}
		}
	}
	if all, err := p.Classify(drawn(0), 99); err != nil || len(all) != len(digits) {
		t.Errorf("of 99 classes: %v, %v", all, err)
	}
}

// TestPredictorAtOnce asks one predictor from many goroutines.
func TestPredictorAtOnce(t *testing.T) {
	p := predictor(t, colours(t))
	var wg sync.WaitGroup
	for n := range 8 {
		want, err := p.Classify(drawn(n), 2)
		if err != nil {
			t.Fatal(err)
		}
		wg.Go(func() {
			for range 5 {
				if got, err := p.Classify(drawn(n), 2); err != nil || !reflect.DeepEqual(got, want) {
					t.Errorf("picture %d: got %v, %v; alone %v", n, got, err, want)
					return
				}
			}
		})
	}
	wg.Wait()
}

// TestPredictorRows classifies rows of numbers, by several labels.
func TestPredictorRows(t *testing.T) {
	d := model.MLP([]int{2}, nil, []string{"wet", "cold"})
	d.Task = "multi-label"
	m := build(t, d)
	linear := m.Net.Layer("linear1").(*nn.Linear)
	linear.Weight.CopyInPlace(tensor.New([]float32{1, 0, 0, 1}, 2, 2))
	linear.Bias.FillInPlace(0)
	p := predictor(t, m)
	got, err := p.ClassifyRow([]float32{0, 2}, 2)
	sigmoid := 1 / (1 + math.Exp(-2))
	if err != nil || len(got) != 2 || got[0].Class != "cold" || math.Abs(got[0].Probability-sigmoid) > 1e-12 || got[1] != (model.Prediction{Class: "wet", Probability: 0.5}) {
		t.Errorf("got %v, %v; cold %v and wet 0.5 expected", got, err, sigmoid)
	}
	for want, row := range map[string][]float32{
		"found a row of 3 numbers, 2 expected":                   {1, 2, 3},
		"number 1 of the row: found NaN, a finite one expected":  {1, float32(math.NaN())},
		"number 0 of the row: found -Inf, a finite one expected": {float32(math.Inf(-1)), 1},
	} {
		if _, err := p.ClassifyRow(row, 1); err == nil || err.Error() != want {
			t.Errorf("got  %v\nwant %s", err, want)
		}
	}
	if _, err := p.Classify(drawn(0), 1); err == nil || err.Error() != "found a picture, rows of shape [2] expected by the model" {
		t.Errorf("a picture: %v", err)
	}
	logits, probabilities := make([]float32, 4), make([]float64, 4)
	if err := p.Run(logits, probabilities, []float32{0, 2, 3, 0}); err != nil || !slices.Equal(logits, []float32{0, 2, 3, 0}) || probabilities[0] != 0.5 || probabilities[1] != got[0].Probability {
		t.Errorf("got logits %v, probabilities %v, %v", logits, probabilities, err)
	}
	linear.Weight.FillInPlace(math.MaxFloat32)
	if again, err := p.ClassifyRow([]float32{0, 2}, 2); err != nil || !slices.Equal(again, got) {
		t.Errorf("when the model's weights are others: %v, %v, before %v", again, err, got)
	}
	p = predictor(t, m)
	const want = `the net gives +Inf for the class "wet": its weights or the input are too large`
	if _, err := p.ClassifyRow([]float32{1, 2}, 1); err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
	batch := tensor.New([]float32{0, 0, 1, 2}, 2, 2)
	if _, err := p.Probabilities(batch); err == nil || err.Error() != "sample 1: "+want {
		t.Errorf("got  %v\nwant sample 1: %s", err, want)
	}
	if err := p.Run(logits, probabilities, []float32{0, 0, 1, 2}); err == nil || err.Error() != "sample 1: "+want {
		t.Errorf("got  %v\nwant sample 1: %s", err, want)
	}
}

// TestPredictorOfBatches checks that layers which have no statistics but a batch's are refused:
// of a single sample there are none.
func TestPredictorOfBatches(t *testing.T) {
	for _, layer := range []any{nn.BatchNorm1dOptions{In: 3, NoStatistics: true}, nn.BatchNorm2dOptions{In: 3, NoStatistics: true}} {
		d := model.Definition{
			InputShape: []int{3}, Classes: []string{"a", "b"}, Preprocess: transform.Compose{},
			Layers: []nn.Spec{
				{Name: "net", Options: nn.SequentialOptions{Layers: []nn.Spec{{Name: "bn", Options: layer}}}},
				{Name: "flatten", Options: nn.FlattenOptions{}}, {Name: "linear", Options: nn.LinearOptions{In: 3, Out: 2}},
			},
		}
		if _, pictures := layer.(nn.BatchNorm2dOptions); pictures {
			d.InputShape = []int{3, 1, 1}
		}
		m := build(t, d)
		const want = `model: layer "net.bn": found a batch norm without running statistics, one with them expected for single samples`
		if _, err := model.NewPredictor(m); err == nil || err.Error() != want {
			t.Errorf("got  %v\nwant %s", err, want)
		}
	}
}

func TestPredictorErrors(t *testing.T) {
	p := predictor(t, small(t))
	if _, err := p.ClassifyRow([]float32{1, 2, 3, 4, 5, 6}, 1); err == nil ||
		err.Error() != `found a row of 6 numbers, a picture expected: the model prepares pictures by grayscale, resize {"height":2,"width":3}, to-tensor` {
		t.Errorf("a row: %v", err)
	}
	if _, err := p.Classify(image.NewUniform(color.Black), 1); err == nil || err.Error() != "grayscale: found an image of 2000000000 by 2000000000 pixels, expected at most 268435456 in all" {
		t.Errorf("an endless picture: %v", err)
	}
	if _, err := p.Probabilities(tensor.Zeros(tensor.Float32, 1, 1, 3, 2)); err == nil || err.Error() != "found inputs of float32 [1 1 3 2], float32 with samples of [1 2 3] expected" {
		t.Errorf("of another shape: %v", err)
	}
	if none, err := p.Probabilities(tensor.Zeros(tensor.Float32, 0, 1, 2, 3)); err != nil || none.Size(0) != 0 {
		t.Errorf("of no samples: %v, %v", none, err)
	}
	func() {
		defer func() {
			if e, ok := recover().(*fault.OptionError); !ok || e.Error() != "model.Predictor: 0 classes: at least 1 expected" {
				t.Errorf("no classes: %v", e)
			}
		}()
		p.Classify(drawn(0), 0)
	}()
	func() {
		defer func() {
			if e, ok := recover().(*fault.OptionError); !ok || e.Error() != "model.Predictor: 1 probabilities: 2 expected, one a class" {
				t.Errorf("too few probabilities: %v", e)
			}
		}()
		p.Likeliest([]float64{1}, 1)
	}()
	func() {
		defer func() {
			if e, ok := recover().(*fault.OptionError); !ok || e.Error() != "model.Predictor: 2 logits and 2 probabilities for 7 numbers: inputs of 6 numbers each, and 2 of both for each input, expected" {
				t.Errorf("more than a sample: %v", e)
			}
		}()
		p.Run(make([]float32, 2), make([]float64, 2), make([]float32, 7))
	}()
	m := small(t)
	m.Task = "guessing"
	if _, err := model.NewPredictor(m); err == nil || err.Error() != `model: task: found the task "guessing", one of classification, multi-label expected` {
		t.Errorf("an unknown task: %v", err)
	}
	m = small(t)
	m.Net = nn.NewSequential(nn.Flatten{})
	if _, err := model.NewPredictor(m); err == nil || !strings.HasPrefix(err.Error(), "model: the net differs from the definition: ") {
		t.Errorf("another net: %v", err)
	}
}

// BenchmarkPredictor classifies a picture of Fashion-MNIST's size by an MLP.
func BenchmarkPredictor(b *testing.B) {
	m, err := model.New(model.MLP([]int{1, 28, 28}, []int{256}, digits), random.New(0))
	if err != nil {
		b.Fatal(err)
	}
	p, err := model.NewPredictor(m)
	if err != nil {
		b.Fatal(err)
	}
	img := image.NewGray(image.Rect(0, 0, 28, 28))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := p.Classify(img, 3); err != nil {
			b.Fatal(err)
		}
	}
}
