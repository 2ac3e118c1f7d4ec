package zoo

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/onehot-go/onehot/model"
	"github.com/onehot-go/onehot/nn"
	"github.com/onehot-go/onehot/random"
	"github.com/onehot-go/onehot/tensor"
)

// build makes a net for so many classes and small pictures.
func build(t *testing.T, name string, classes int, seed uint64) *nn.Sequential {
	t.Helper()
	n, err := Named(name)
	if err != nil {
		t.Fatal(err)
	}
	net, err := nn.Build(n.Definition(ImageNet()[:classes]).Layers, []int{3, 64, 64}, random.New(seed))
	if err != nil {
		t.Fatal(err)
	}
	return net
}

// stateOf returns a net's state, in memory of its own.
func stateOf(net *nn.Sequential) map[string]*tensor.Tensor {
	state := map[string]*tensor.Tensor{}
	for name, v := range nn.StateDict(net) {
		state[name] = v.Clone()
	}
	return state
}

// wantState compares a net with a state, but for tensors whose names begin with except.
func wantState(t *testing.T, net *nn.Sequential, want map[string]*tensor.Tensor, except string) {
	t.Helper()
	for name, v := range nn.StateDict(net) {
		if except != "" && strings.HasPrefix(name, except) {
			continue
		}
		if v.Ne(want[name]).Any().Item() != 0 {
			t.Errorf("%s was not loaded", name)
		}
	}
}

func TestLoad(t *testing.T) {
	from := build(t, "mobilenet_v3_small", 7, 1)
	state := stateOf(from)

	net := build(t, "mobilenet_v3_small", 7, 2)
	got, err := Load(net, state)
	if err != nil || got != (Loaded{}) {
		t.Fatalf("got %+v (%v)", got, err)
	}
	wantState(t, net, state, "")

	// A head for other classes stays as it was made.
	net = build(t, "mobilenet_v3_small", 5, 2)
	before := stateOf(net)
	got, err = Load(net, state)
	if want := (Loaded{"classifier.3", 7}); err != nil || got != want {
		t.Fatalf("got %+v (%v), want %+v", got, err, want)
	}
	wantState(t, net, state, "classifier.3.")
	for _, name := range []string{"classifier.3.weight", "classifier.3.bias"} {
		if maps.Collect(nn.StateDict(net))[name].Ne(before[name]).Any().Item() != 0 {
			t.Errorf("%s has changed", name)
		}
	}
	if len(state) != len(before) {
		t.Error("the state has changed")
	}

	// None, no numbers of batches, names of several devices, and numbers of 64 bits.
	other := map[string]*tensor.Tensor{}
	for name, v := range state {
		if !strings.HasPrefix(name, "classifier.3.") && !strings.HasSuffix(name, "num_batches_tracked") {
			other["module."+name] = v.To(tensor.Float64)
		}
	}
	net = build(t, "mobilenet_v3_small", 7, 2)
	got, err = Load(net, other)
	if want := (Loaded{"classifier.3", 0}); err != nil || got != want {
		t.Fatalf("got %+v (%v), want %+v", got, err, want)
	}
	wantState(t, net, state, "classifier.3.")
}

func TestLoadErrors(t *testing.T) {
	net := build(t, "mobilenet_v3_small", 7, 1)
	state := stateOf(net)
	first := "features.0.0.weight"
	for want, change := range map[string]func(s map[string]*tensor.Tensor){
		"weights of another net: 1 tensors missing (features.0.0.weight)": func(s map[string]*tensor.Tensor) { delete(s, first) },
		`weights of another net: 4 tensors unexpected ("a", "b", "c", and so on)`: func(s map[string]*tensor.Tensor) {
			for _, name := range []string{"d", "c", "a", "b"} {
				s[name] = tensor.Scalar(0.0)
			}
		},
		"weights of another net: 1 tensors of another kind (features.0.0.weight: float32 [16 3 3 3] expected, found float32 [16 3 9])": func(s map[string]*tensor.Tensor) {
			s[first] = s[first].Reshape(16, 3, 9)
		},
		"weights of another net: 1 tensors of another kind (features.0.0.weight: float32 [16 3 3 3] expected, found int64 [16 3 3 3])": func(s map[string]*tensor.Tensor) {
			s[first] = s[first].To(tensor.Int64)
		},
		"weights of another net: 1 tensors of another kind (features.0.0.weight: finite numbers expected, found NaN or an infinity)": func(s map[string]*tensor.Tensor) {
			s[first] = tensor.Full(tensor.Float32, math.NaN(), 16, 3, 3, 3)
		},
		"weights of another net: 1 tensors of another kind (classifier.3.weight: float32 [7 1024] expected, found float32 [7 1000])": func(s map[string]*tensor.Tensor) {
			s["classifier.3.weight"] = tensor.Zeros(tensor.Float32, 7, 1000)
		},
	} {
		changed := maps.Clone(state)
		change(changed)
		changed["features.0.1.bias"] = tensor.Full(tensor.Float32, 9, 16) // is not to be loaded
		_, err := Load(net, changed)
		if _, ok := errors.AsType[*nn.StateError](err); !ok || err.Error() != want {
			t.Errorf("got  %v\nwant %s", err, want)
		}
		wantState(t, net, state, "")
	}
	_, err := Load(net, stateOf(build(t, "resnet18", 3, 1)))
	if want := "weights of another net: 208 tensors missing (features.0.0.weight, features.0.1.weight, features.0.1.bias, and so on); " +
		`122 tensors unexpected ("bn1.bias", "bn1.num_batches_tracked", "bn1.running_mean", and so on)`; err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}

// TestTimm renames what torchvision calls the layers of an EfficientNet and a VGG as timm does, by
// rules of its own, and loads that.
func TestTimm(t *testing.T) {
	from := build(t, "efficientnet_b0", 3, 1)
	state := stateOf(from)
	block := regexp.MustCompile(`^features\.(\d)\.(\d+)\.block\.(.*)\.(\w+)$`)
	timm := map[string]*tensor.Tensor{}
	for name, v := range state {
		layer := name[:strings.LastIndexByte(name, '.')]
		if m := block.FindStringSubmatch(name); m != nil {
			var stage int
			fmt.Sscan(m[1], &stage)
			order := []string{"0.0 conv_pw", "0.1 bn1", "1.0 conv_dw", "1.1 bn2", "2.fc1 se.conv_reduce", "2.fc2 se.conv_expand", "3.0 conv_pwl", "3.1 bn3"}
			if stage == 1 {
				order = []string{"0.0 conv_dw", "0.1 bn1", "1.fc1 se.conv_reduce", "1.fc2 se.conv_expand", "2.0 conv_pw", "2.1 bn2"}
			}
			for _, pair := range order {
				if ours, theirs, _ := strings.Cut(pair, " "); ours == m[3] {
					name = fmt.Sprintf("blocks.%d.%s.%s.%s", stage-1, m[2], theirs, m[4])
				}
			}
		} else {
			theirs := map[string]string{"features.0.0": "conv_stem", "features.0.1": "bn1", "features.8.0": "conv_head", "features.8.1": "bn2", "classifier.1": "classifier"}[layer]
			name = theirs + strings.TrimPrefix(name, layer)
		}
		timm[name] = v
	}
	if timm["blocks.0.0.se.conv_expand.bias"] == nil || timm["blocks.6.0.bn3.running_var"] == nil || timm["classifier.bias"] == nil || len(timm) != len(state) {
		t.Fatalf("%d of %d names: %q", len(timm), len(state), slices.Sorted(maps.Keys(timm)))
	}
	net := build(t, "efficientnet_b0", 3, 2)
	if got, err := Load(net, timm); err != nil || got != (Loaded{}) {
		t.Fatalf("got %+v (%v)", got, err)
	}
	wantState(t, net, state, "")

	got := renamed(map[string]*tensor.Tensor{
		"features.0.weight": tensor.Scalar(1.0), "pre_logits.fc1.weight": tensor.Zeros(tensor.Float32, 4, 2, 7, 7), "pre_logits.fc1.bias": tensor.Scalar(2.0),
		"pre_logits.fc2.weight": tensor.Zeros(tensor.Float32, 4, 4, 1, 1), "head.fc.weight": tensor.Zeros(tensor.Float32, 3, 4),
	})
	for name, shape := range map[string][]int{"features.0.weight": {}, "classifier.0.weight": {4, 98}, "classifier.0.bias": {}, "classifier.3.weight": {4, 4}, "classifier.6.weight": {3, 4}} {
		if v := got[name]; v == nil || !slices.Equal(v.Shape(), shape) || len(got) != 5 {
			t.Errorf("%s: got %v among %q", name, v, slices.Sorted(maps.Keys(got)))
		}
	}
}

// TestTimmMobileNetV3 renames the layers of MobileNetV3s by the table of testdata/timm.py, and loads that: what timm's net
// says, whose batch norms have another eps, is what ours says.
func TestTimmMobileNetV3(t *testing.T) {
	text, err := os.ReadFile("testdata/timm.txt")
	if err != nil {
		t.Fatal(err)
	}
	tables := map[string]map[string]string{} // by net: timm's names by torchvision's
	var table map[string]string
	for line := range strings.Lines(string(text)) {
		theirs, ours, ok := strings.Cut(strings.TrimSpace(line), " ")
		if !ok {
			table = map[string]string{}
			tables[theirs] = table
			continue
		}
		table[ours] = theirs
	}
	for name, table := range tables {
		from := build(t, name, 3, 1)
		fill(from)
		nn.SetTraining(from, false)
		nn.Apply(from, func(_ string, m nn.Module) {
			if b, ok := m.(*nn.BatchNorm2d); ok {
				b.Eps = timmEps
			}
		})
		timm := map[string]*tensor.Tensor{}
		for name, v := range stateOf(from) {
			dot := strings.LastIndexByte(name, '.')
			layer := table[name[:dot]]
			if layer == "conv_head" && v.Dim() == 2 {
				v = v.Reshape(v.Size(0), v.Size(1), 1, 1)
			}
			timm[layer+name[dot:]] = v
		}
		net := build(t, name, 3, 2)
		if got, err := Load(net, timm); err != nil || got != (Loaded{}) {
			t.Fatalf("%s: got %+v (%v)", name, got, err)
		}
		nn.SetTraining(net, false)
		x := tensor.Normal(tensor.Float32, random.New(3).Rand(), 0, 1, 2, 3, 64, 64).NoGrad()
		wantNear(t, name, net.Forward(x), from.Forward(x))
		delete(timm, "blocks.1.0.conv_dw.weight")
		timm["blocks.x.0.conv.weight"], timm["blocks.1"] = tensor.Scalar(1.0), tensor.Scalar(1.0)
		want := `weights of another net: 1 tensors missing (features.2.block.1.0.weight); 2 tensors unexpected ("blocks.1", "blocks.x.0.conv.weight")`
		if _, err := Load(net, timm); err == nil || err.Error() != want {
			t.Errorf("%s: got  %v\nwant %s", name, err, want)
		}
	}
}

// TestReadState reads a model's own file, and one of torch.save.
func TestReadState(t *testing.T) {
	n, err := Named("mobilenet_v3_small")
	if err != nil {
		t.Fatal(err)
	}
	m, err := model.New(n.Definition([]string{"a", "b"}), random.New(1))
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "model.safetensors")
	if err := m.Save(path); err != nil {
		t.Fatal(err)
	}
	state, err := ReadState(path)
	if err != nil {
		t.Fatal(err)
	}
	wantState(t, m.Net, state, "")
	if again, err := model.Load(path); err != nil || again.Preprocess.String() != n.Weights()[0].Preprocess().String() {
		t.Errorf("the preparation was not kept (%v)", err)
	}
	state, err = ReadState("../torchfile/testdata/zip.pth")
	if err != nil || state["parameter"] == nil {
		t.Errorf("got %v (%v)", state, err)
	}
	for path, want := range map[string]string{
		"testdata/weights.py": "testdata/weights.py: beginning: found ",
		"testdata/none":       "open testdata/none: ",
	} {
		if _, err := ReadState(path); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}
