package cli

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/onehot-go/onehot/model"
	"github.com/onehot-go/onehot/model/zoo"
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
	if _, table, _ := strings.Cut(out, "\n\ntorchvision's nets, for ImageNet's 1000 classes, with the weights that it has (onehot models NAME lists the layers):\n\n"); !strings.HasPrefix(table, `
                 net    picture  parameters    FLOPs  weights    MiB  top-1
             alexnet  3×224×224      61.1 M   1.43 G       v1  233.1  56.5%
`[1:]) || !strings.Contains(table, `
            resnet50  3×224×224      25.6 M   8.22 G       v1   97.8  76.1%
                                                           v2   97.8  80.9%
`) || !strings.HasSuffix(table, "\nThe weights are not part of this program. "+zoo.Licence+".\n") {
		t.Errorf("got the table\n%s", table)
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

	// One by its name: the same of those that --model takes.
	if one := succeed(t, "models", "mlp"); !strings.Contains(out, "\n\n"+one) || !strings.HasPrefix(one, "mlp: 203530 parameters") {
		t.Errorf("got\n%s", one)
	}
	two := succeed(t, "models", "efficientnet_b1", "softmax")
	for _, line := range []string{
		"efficientnet_b1: 7794184 parameters, 1423880840 FLOPs for a picture of 3×240×240 and 1000 classes",
		"               features.1.0.block.1.fc1             conv2d       8×1×1         264       520",
		"weights v1: https://download.pytorch.org/models/efficientnet_b1_rwightman-533bc792.pth, 30.1 MiB, top-1 78.6%",
		`  prepared by resize-edge {"size":256,"interpolation":"bicubic"}, center-crop {"height":240,"width":240}, rgb, to-tensor, normalize {"mean":[0.485,0.456,0.406],"std":[0.229,0.224,0.225]}`,
		"softmax: 7850 parameters, 15690 FLOPs for a picture of 1×28×28 and 10 classes",
	} {
		if !slices.Contains(strings.Split(two, "\n"), line) {
			t.Errorf("no line %q in\n%s", line, two)
		}
	}
	wantError(t, 2, "models resnet51: one of softmax, mlp, lenet, cnn, resnet, alexnet, vgg11, vgg11_bn, vgg13, vgg13_bn, vgg16, vgg16_bn, vgg19, vgg19_bn, "+
		"resnet18, resnet34, resnet50, resnet101, resnet152, mobilenet_v2, mobilenet_v3_small, mobilenet_v3_large, "+
		`efficientnet_b0, efficientnet_b1, efficientnet_b2, efficientnet_b3, efficientnet_b4 expected, did you mean "resnet50"?`, "models", "resnet51")

	lines := strings.Split(strings.TrimSpace(succeed(t, "models", "--json")), "\n")
	own := lines[:len(modelNames)]
	if nets := lines[len(own):]; len(nets) != len(zoo.Nets()) || !strings.HasPrefix(nets[11], `{"name":"resnet50","input":[3,224,224],"classes":1000,"parameters":25557032,"flops":8217632232,"weights":[`+
		`{"version":"v1","url":"https://download.pytorch.org/models/resnet50-0676ba61.pth","mib":97.781,"top1":76.13,"preprocess":[{"type":"resize-edge","size":256},`) {
		t.Errorf("got %d nets: %s", len(nets), nets)
	}
	if one := succeed(t, "models", "--json", "resnet18"); !strings.Contains(one, `}]}],"layers":[{"layer":"conv1","type":"conv2d","output":[64,112,112],"parameters":9408,`) {
		t.Errorf("got %s", one)
	}
	var names []string
	for _, line := range own {
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
