package cli

import (
	"fmt"
	"image"
	"image/color"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/onehot-go/onehot/model"
	"github.com/onehot-go/onehot/model/safetensors"
	"github.com/onehot-go/onehot/model/zoo"
	"github.com/onehot-go/onehot/nn"
	"github.com/onehot-go/onehot/random"
	"github.com/onehot-go/onehot/tensor"
)

// smallNet is the net of the zoo that computes least.
const smallNet = "mobilenet_v3_small"

// drawnNet returns a net for so many classes with weights that are drawn, and batch norms that know
// what comes of them: what the net says depends on the picture.
func drawnNet(t *testing.T, classes []string) *model.Model {
	t.Helper()
	n, err := zoo.Named(smallNet)
	if err != nil {
		t.Fatal(err)
	}
	m, err := model.New(n.Definition(classes), random.New(5))
	if err != nil {
		t.Fatal(err)
	}
	momentum := map[*nn.BatchNorm2d]*float64{}
	nn.Apply(m.Net, func(_ string, l nn.Module) {
		if b, ok := l.(*nn.BatchNorm2d); ok {
			momentum[b], b.Momentum = b.Momentum, nil
		}
	})
	r := random.New(6).Rand()
	x := tensor.Normal(tensor.Float32, r, 0, 1, 4, 3, 224, 224)
	x = x.Add(tensor.Normal(tensor.Float32, r, 0, 1, 4, 3, 1, 1)) // each of a colour
	nn.SetChance(m.Net, random.New(7))
	m.Net.Forward(x.NoGrad())
	for b, v := range momentum {
		b.Momentum = v
	}
	nn.SetTraining(m.Net, false)
	return m
}

// writeWeights writes a net's state to a file of safetensors, without anything else in it.
func writeWeights(t *testing.T, m *model.Model, path ...string) string {
	t.Helper()
	var f safetensors.File
	state := maps.Collect(nn.StateDict(m.Net))
	for _, name := range slices.Sorted(maps.Keys(state)) {
		f.Tensors = append(f.Tensors, safetensors.Tensor{Name: name, Value: state[name]})
	}
	file, err := os.Create(filepath.Join(path...))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if err := f.Write(file); err != nil {
		t.Fatal(err)
	}
	return file.Name()
}

// TestPredictPretrained names a picture by a net for ImageNet's classes as the library does.
func TestPredictPretrained(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("XDG_CACHE_HOME", filepath.Join(dir, "cache"))
	m := drawnNet(t, zoo.ImageNet())
	weights := writeWeights(t, m, dir, "weights.safetensors")
	picture := filepath.Join(dir, "picture.png")
	img := image.NewRGBA(image.Rect(0, 0, 300, 260))
	for y := range 260 {
		for x := range 300 {
			img.SetRGBA(x, y, color.RGBA{uint8(x), uint8(y), uint8(x * y >> 4), 255})
		}
	}
	writePNG(t, picture, img)
	by, err := model.NewPredictor(m)
	if err != nil {
		t.Fatal(err)
	}
	want, err := by.Classify(must(t, picture), 2)
	if err != nil {
		t.Fatal(err)
	}
	p := prediction{named{File: picture}, []string{"scaled from 300x260 to 295x256", "cut to 224x224"}, false, want, nil}
	var text strings.Builder
	var lines []string
	for _, c := range want {
		lines = append(lines, fmt.Sprintf("%s\t%.4f", c.Class, c.Probability))
	}
	p.write(&text, picture, lines)
	if out := succeed(t, "predict", "--pretrained", smallNet, "--weights", weights, "--top-k", "2", picture); out != text.String() {
		t.Errorf("got %s, want %s", out, text.String())
	}
	three := writeWeights(t, drawnNet(t, []string{"a", "b", "c"}), dir, "three.safetensors")
	known, err := zoo.Named(smallNet)
	if err != nil {
		t.Fatal(err)
	}
	first := known.Weights()[0]
	place := filepath.Join(dir, "cache", "onehot", "weights", first.File)
	for _, c := range []struct {
		code int
		want string
		args []string
	}{
		{2, "<model> or --pretrained expected (see onehot predict --help)", nil},
		{2, "a picture, a folder of them, or --files-from expected (see onehot predict --help)", []string{"--pretrained", smallNet}},
		{2, "--weights and --download are for --pretrained", []string{"run", picture, "--weights", "v1"}},
		{2, "--weights v2: torchvision has v1 alone of mobilenet_v3_small: that, a file or a run's folder expected", []string{picture, "--pretrained", smallNet, "--weights", "v2"}},
		{2, "--weights nothing: no such file or folder: v1, v2, a file of weights or a run's folder expected", []string{picture, "--pretrained", smallNet, "--weights", "nothing"}},
		{1, "the weights v1 of mobilenet_v3_small are not at " + place + ": get the 9.8 MiB from " + first.URL() + " and put them there, or give --download",
			[]string{picture, "--pretrained", smallNet}},
		{1, three + ": found weights for 3 classes, ImageNet's 1000 expected", []string{picture, "--pretrained", smallNet, "--weights", three}},
	} {
		wantError(t, c.code, c.want, append([]string{"predict"}, c.args...)...)
	}
	if err := os.MkdirAll(filepath.Dir(place), 0o777); err != nil {
		t.Fatal(err)
	}
	writeFile(t, place, []byte("others"))
	wantError(t, 1, place+`: size: found 6 bytes, 9.829 MiB expected`, "predict", "--pretrained", smallNet, picture)
}
