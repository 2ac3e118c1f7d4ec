package cli

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/onehot-go/onehot/model"
	"github.com/onehot-go/onehot/nn"
)

func TestModels(t *testing.T) {
	out := succeed(t, "models")
	want := `softmax: 7850 parameters, 15690 FLOPs for a picture of 1×28×28 and 10 classes

    layer     type  output  parameters  FLOPs
  flatten  flatten     784           0      0
   linear   linear      10        7850  15690

mlp: 203530 parameters`
	if !strings.HasPrefix(out, want) {
		t.Errorf("got\n%s\nwant\n%s", out, want)
	}
	for _, line := range []string{
		"lenet: 61706 parameters, 852370 FLOPs for a picture of 1×28×28 and 10 classes",
		"    conv2       conv2d  64×14×14       18496  7237888",
		"  block1.body.conv1       conv2d    32×7×7        9216   903168",
	} {
		if !slices.Contains(strings.Split(out, "\n"), line) {
			t.Errorf("no line %q in\n%s", line, out)
		}
	}

	lines := strings.Split(strings.TrimSpace(succeed(t, "models", "--json")), "\n")
	var names []string
	for _, line := range lines {
		var c modelCost
		if err := json.Unmarshal([]byte(line), &c); err != nil {
			t.Fatal(err)
		}
		names = append(names, c.Name)
		sum := 0
		for _, l := range c.Layers {
			sum += l.FLOPs
		}
		if sum != c.FLOPs || sum == 0 || !slices.Equal(c.Input, []int{1, 28, 28}) || c.Classes != 10 {
			t.Errorf("got %+v", c)
		}
		if !strings.HasPrefix(line, fmt.Sprintf(`{"name":"%s","input":[1,28,28],"classes":10,"parameters":%d,"flops":%d,"layers":[{"layer":`, c.Name, c.Parameters, sum)) {
			t.Errorf("got %s", line)
		}
	}
	if !slices.Equal(names, modelNames) {
		t.Errorf("got %q, want %q", names, modelNames)
	}
}

// TestConvolutionalNets trains each named net for an epoch, from the weights that are
// usual for it, and measures and uses what was saved: the figures are those of the run.
func TestConvolutionalNets(t *testing.T) {
	data := tinyData(t)
	for _, name := range []string{"lenet", "cnn", "resnet"} {
		dir := filepath.Join(t.TempDir(), "run")
		out := succeed(t, "train", "mnist", "--data-dir", data, "--out", dir, "--model", name, "--epochs", "2", "--batch-size", "32", "--lr", "0.05", "--json", "-q")
		lines := strings.Split(strings.TrimSpace(out), "\n")
		var first, last struct {
			Loss float64 `json:"train_loss"`
			Acc  float64 `json:"test_acc"`
		}
		for i, v := range []any{&first, &last} {
			if err := json.Unmarshal([]byte(lines[i]), v); err != nil {
				t.Fatal(err)
			}
		}
		if !(last.Loss < first.Loss && first.Loss < 3) {
			t.Errorf("%s: the loss goes from %v to %v", name, first.Loss, last.Loss)
		}
		m, err := model.Load(filepath.Join(dir, "last.safetensors"))
		if err != nil {
			t.Fatal(err)
		}
		nn.Apply(m.Net, func(path string, l nn.Module) {
			if b, ok := l.(*nn.BatchNorm2d); ok && b.NumBatchesTracked.Item() != 2*16 {
				t.Errorf("%s: %s has seen %v batches, want 32", name, path, b.NumBatchesTracked.Item())
			}
		})
		var e struct{ Accuracy float64 }
		if err := json.Unmarshal([]byte(succeed(t, "eval", filepath.Join(dir, "last.safetensors"), "--data-dir", data, "--json")), &e); err != nil {
			t.Fatal(err)
		}
		if e.Accuracy != last.Acc {
			t.Errorf("%s: eval says %v, the run said %v", name, e.Accuracy, last.Acc)
		}
	}
}

// TestInitialisationOfConvolutions holds that --init reaches convolutions, and which is
// usual for what net.
func TestInitialisationOfConvolutions(t *testing.T) {
	data := tinyData(t)
	deviation := func(args ...string) float64 {
		dir := filepath.Join(t.TempDir(), "run")
		succeed(t, append([]string{"train", "mnist", "--data-dir", data, "--out", dir, "--epochs", "0", "-q"}, args...)...)
		m, err := model.Load(filepath.Join(dir, "model.safetensors"))
		if err != nil {
			t.Fatal(err)
		}
		return m.Net.Layer("conv2").(*nn.Conv2d).Weight.Detach().Std(1).Item()
	}
	for args, want := range map[string]float64{
		"--model cnn":                            0.0340, // 1/√(3·32·9)
		"--model cnn --init kaiming":             0.0833, // √(2/(32·9))
		"--model cnn --init xavier":              0.0481, // √(2/(96·9))
		"--model cnn --init normal":              0.01,
		"--model cnn --init normal --init-std 3": 3,
		"--model lenet":                          0.1155, // √(2/(6·25))
	} {
		if got := deviation(strings.Fields(args)...); got < 0.97*want || got > 1.03*want {
			t.Errorf("%s: the deviation of the weights is %v, want about %v", args, got, want)
		}
	}
	wantError(t, 2, "--init-std is for --init normal", "train", "--model", "cnn", "--init-std", "0.1")
}
