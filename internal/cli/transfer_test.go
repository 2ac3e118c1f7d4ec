package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"image"
	"maps"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/onehot-go/onehot/dataset/files"
	"github.com/onehot-go/onehot/model"
	"github.com/onehot-go/onehot/model/zoo"
	"github.com/onehot-go/onehot/nn"
	"github.com/onehot-go/onehot/random"
	"github.com/onehot-go/onehot/tensor"
	"github.com/onehot-go/onehot/train"
)

// byHand returns the probabilities of the pictures of a run's part by a net's features and a fit to those of
// the training part, made of the files by the library alone: by file, by class.
func byHand(t *testing.T, m *model.Model, photos, run, part string, l2 float64) map[string][]float64 {
	t.Helper()
	by, err := model.NewPredictor(m)
	if err != nil {
		t.Fatal(err)
	}
	net, classes := zoo.Features(m.Net), []string{"blue", "green", "red"}
	features := &featureRows{classes: classes}
	measured := map[string]*tensor.Tensor{}
	for _, row := range readTable(t, run, "files.csv")[1:] {
		x, err := by.Prepare(must(t, photos, row[0]))
		if err != nil {
			t.Fatal(err)
		}
		y := net.Forward(x.Unsqueeze(0).NoGrad().Evaluation())
		if row[2] == part {
			measured[row[0]] = y
		}
		if row[2] == "train" {
			features.width = y.Size(1)
			features.values = append(features.values, tensor.Values[float32](y)...)
			features.rows, features.labels = append(features.rows, len(features.rows)), append(features.labels, slices.Index(classes, row[1]))
		}
	}
	head := nn.NewLinear(features.width, len(classes), random.New(1).Rand())
	head.Weight.FillInPlace(0)
	head.Bias.FillInPlace(0)
	f, err := train.NewFullBatch(head, features, 1, l2)
	if err != nil {
		t.Fatal(err)
	}
	f.Iterations = 1000
	f.Step()
	said := map[string][]float64{}
	for name, y := range measured {
		said[name] = tensor.Values[float64](head.Forward(y).Softmax(1))
	}
	return said
}

// TestProbe fits the last layer of a net to pictures, and does with the run all that there is to do.
func TestProbe(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	colours(t, filepath.Join(dir, "photos"), 20, 40, 30)
	net := drawnNet(t, []string{"a", "b", "c", "d", "e", "f", "g"})
	weights := writeWeights(t, net, dir, "weights.safetensors")
	args := []string{"train", "photos", "--pretrained", smallNet, "--weights", "weights.safetensors", "--test", "0.2"}
	stdout, stderr, code := onehot(t, append(args, "--out", "run")...)
	if code != 0 {
		t.Fatal(stderr)
	}
	if !regexp.MustCompile(`^epoch 1, loss 0\.\d{4}, train acc [01]\.\d{3}, val acc [01]\.\d{3}\ntest acc [01]\.\d{4}, loss \d\.\d{4} of epoch 1, the best by val acc; the test data were read this once\n$`).MatchString(stdout) {
		t.Errorf("got %q", stdout)
	}
	for _, want := range []string{
		"--pretrained mobilenet_v3_small: its last layer is fitted to about 36 pictures, the others stay; --freeze N or none trains more of them\n",
		"the features of 60 pictures are computed, and kept for later runs\n",
		" is chosen of 10 strengths, by cross-validation of the training pictures in 5 folds: loss ",
	} {
		if !strings.Contains(stderr, want) {
			t.Errorf("%q is missing in %q", want, stderr)
		}
	}
	if strings.Contains(stderr, "onehot train photos --pretrained") {
		t.Errorf("it advises what is done: %q", stderr)
	}
	c := readRunConfig(t, "run")
	s := c.Settings
	if s.Model != smallNet || s.Freeze != "all" || s.Optimizer != "lbfgs" || s.Weights != weights || s.PreparedAs != "v1" || s.Size != 224 || s.L2 <= 0 ||
		c.Weights == nil || c.Weights.Path != weights || len(c.Weights.SHA256) != 64 {
		t.Errorf("settings %+v, weights %+v", s, c.Weights)
	}
	m, err := model.Load(filepath.Join("run", "model.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	if m.Name != smallNet || m.Preprocess.String() != net.Preprocess.String() || !slices.Equal(m.Classes, []string{"blue", "green", "red"}) || !slices.Equal(m.InputShape, []int{3, 224, 224}) {
		t.Errorf("the model is %s of %v and %v, prepared by %v", m.Name, m.InputShape, m.Classes, m.Preprocess)
	}
	for name, v := range nn.StateDict(m.Net) {
		if strings.HasPrefix(name, "classifier.3.") {
			continue
		}
		for had, w := range nn.StateDict(net.Net) {
			if had == name && v.Ne(w).Any().Item() != 0 {
				t.Errorf("%s has changed", name)
			}
		}
	}

	// What is measured is what the library makes of the files.
	if out := succeed(t, "eval", "run", "--csv", "said.csv"); !strings.HasPrefix(out, "run on photos test, 12 samples\n") {
		t.Errorf("eval: %q", out)
	}
	want := byHand(t, net, "photos", "run", "test", s.L2)
	rows := readTable(t, "said.csv")[1:]
	if len(rows) != len(want) {
		t.Errorf("%d pictures are measured, want %d", len(rows), len(want))
	}
	for _, row := range rows {
		for k, v := range want[row[0]] {
			if got, err := strconv.ParseFloat(row[4+k], 64); err != nil || math.Abs(got-v) > 1e-5 {
				t.Errorf("%s: class %d has %v, want %v", row[0], k, got, v)
			}
		}
	}
	var figures struct{ Accuracy, Loss float64 }
	if err := json.Unmarshal(readFile(t, "run", "metrics.json"), &figures); err != nil || !strings.Contains(stdout, fmt.Sprintf("test acc %.4f, loss %.4f", figures.Accuracy, figures.Loss)) {
		t.Errorf("metrics.json has %v, %v", figures, err)
	}

	// All else that takes a run.
	page := string(readFile(t, "run", "report.html"))
	for _, want := range []string{"mobilenet_v3_small on photos", "onehot train photos --val 0.2 --lr 1 --optimizer lbfgs --l2 "} {
		if !strings.Contains(page, want) {
			t.Errorf("the page has no %q", want)
		}
	}
	command := regexp.MustCompile(`onehot train photos [^<"]*--out run`).FindString(page)
	if strings.Contains(command, "--size") || strings.Contains(command, "--model") || strings.Contains(command, "--epochs") {
		t.Errorf("the page's command is %q", command)
	}
	again := strings.Fields(strings.Replace(command, "--out run", "--out again", 1))[1:]
	out, stderr, code := onehot(t, again...)
	if code != 0 || out != stdout || !strings.Contains(stderr, "the features of 60 pictures are kept from before\n") {
		t.Errorf("the page's command %q gives %q, %q", again, out, stderr)
	}
	if out, want := readFile(t, "again", "model.safetensors"), readFile(t, "run", "model.safetensors"); !bytes.Equal(out[len(out)-1000:], want[len(want)-1000:]) {
		t.Error("the page's command gives other weights")
	}
	if out := succeed(t, "train", "--config", filepath.Join("run", "config.json"), "--out", "third", "-q"); out != stdout {
		t.Errorf("config.json gives %q", out)
	}
	succeed(t, "report", "run", "--out", "drawn")
	if out := succeed(t, "compare", "run", "again"); !strings.Contains(out, "best val acc") {
		t.Errorf("compare: %q", out)
	}
	if out := succeed(t, "predict", "run", filepath.Join("photos", "red", "000.png"), "--top-k", "1"); !strings.Contains(out, "(scaled from 40x30 to 341x256, cut to 224x224)") {
		t.Errorf("predict: %q", out)
	}
	if _, stderr, code := onehot(t, "train", "--resume", "--out", "run"); code != 0 || !strings.Contains(stderr, "going on with run after epoch 1 of 1\n") {
		t.Errorf("--resume: %d, %q", code, stderr)
	}

	// All pictures are fitted to where none is to be measured on.
	all, stderr, code := onehot(t, "train", "photos", "--pretrained", smallNet, "--weights", "weights.safetensors", "--val", "0", "--l2", "0.01", "--out", "all")
	if code != 0 || !regexp.MustCompile(`^epoch 1, loss 0\.\d{4}, train acc [01]\.\d{3}\n$`).MatchString(all) ||
		!strings.Contains(stderr, "photos: 3 classes, 60 pictures to train on; nothing is measured\n") || !strings.Contains(stderr, "nothing was measured: ") {
		t.Errorf("--val 0: %d, %q, %q", code, all, stderr)
	}
	if out := succeed(t, "eval", "all", "photos"); !strings.HasPrefix(out, "all on photos, 60 samples\n") {
		t.Errorf("eval: %q", out)
	}
	wantError(t, 2, "--monitor is for runs that are measured: photos has no validation or test pictures, --val or --test expected",
		"train", "photos", "--pretrained", smallNet, "--weights", "weights.safetensors", "--val", "0", "--monitor", "loss", "-q", "--out", "none")

	// Mirror images double what is fitted to; the features of other weights and pictures are others.
	_, stderr, code = onehot(t, append(args, "--augment", "flip", "--l2", "0.01", "--out", "mirrored")...)
	if code != 0 || !strings.Contains(stderr, "the features of 60 pictures are kept from before\nthe features of 36 mirror images are computed, and kept for later runs\n") {
		t.Errorf("--augment flip: %d, %q", code, stderr)
	}
	if out := succeed(t, "cache"); strings.Count(out, "features") != 2 {
		t.Errorf("cache: %q", out)
	}
	writePNG(t, filepath.Join("photos", "red", "more.png"), image.NewRGBA(image.Rect(0, 0, 30, 30)))
	if _, stderr, code = onehot(t, append(args, "--l2", "0.01", "--out", "more")...); code != 0 || !strings.Contains(stderr, "the features of 61 pictures are computed") {
		t.Errorf("one more picture: %d, %q", code, stderr)
	}
	wantError(t, 1, "the data are not those that the run in run was started with: found other files: 1 added (red/more.png)", "train", "--resume", "--out", "run", "-q")
	if err := os.Remove(filepath.Join("photos", "red", "more.png")); err != nil {
		t.Fatal(err)
	}
	nn.Get[*nn.Conv2d](net.Net, "features.0.0").Weight.Detach().MulInPlace(tensor.Scalar(float32(1.5)))
	writeWeights(t, net, dir, "weights.safetensors")
	if _, stderr, code = onehot(t, append(args, "--l2", "0.01", "--out", "other")...); code != 0 || !strings.Contains(stderr, "the features of 60 pictures are computed") {
		t.Errorf("other weights: %d, %q", code, stderr)
	}
	if _, stderr, code = onehot(t, "train", "--resume", "--out", "run"); code != 1 || !strings.HasSuffix(stderr, " expected: the run began with other weights\n") {
		t.Errorf("--resume with other weights: %d, %q", code, stderr)
	}
}

// TestPretrainedErrors checks what is wrong with command lines and weights.
func TestPretrainedErrors(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	colours(t, filepath.Join(dir, "photos"), 4, 8, 8)
	writeWeights(t, drawnNet(t, []string{"a", "b"}), dir, "weights.safetensors")
	const tuned = "fine-tuning, with --freeze N or none"
	for _, c := range []struct {
		code       int
		args, want string
	}{
		{2, "--pretrained resnet17", `--pretrained resnet17: one of ` + strings.Join(netNames(), ", ") + ` expected, did you mean "resnet18"? (see onehot train --help)`},
		{2, "--weights v1", "--weights is for --pretrained"},
		{2, "--freeze all", "--freeze is for --pretrained"},
		{2, "--lr-head 0.1", "--lr-head is for " + tuned},
		{2, "--pretrained resnet18 --model cnn", "--model is for runs without --pretrained"},
		{2, "--pretrained resnet18 --size 32", "--size is for runs without --pretrained"},
		{2, "--pretrained resnet18 --recipe fast", "--recipe is for runs without --pretrained"},
		{2, "--pretrained resnet18 --lr-head 0.1", "--lr-head is for " + tuned},
		{2, "--pretrained resnet18 --tta", "--tta is for " + tuned},
		{2, "--pretrained resnet18 --optimizer sgd", "--optimizer sgd is for " + tuned},
		{2, "--pretrained resnet18 --augment crop", "--augment crop is for " + tuned + "; without, flip is known, which adds mirror images"},
		{2, "--pretrained resnet18 --l2 -1", "--l2 -1: a number of 0 or more expected"},
		{2, "--pretrained resnet18 --freeze none --lr-head -1", "--lr-head -1: a number of 0 or more expected"},
		{2, "--pretrained resnet18 --freeze 3 --l2 1", "--l2 is for --optimizer lbfgs"},
		{2, "--pretrained mobilenet_v3_small --weights weights.safetensors --epochs 3", "--epochs is for " + tuned},
		{1, "--pretrained mobilenet_v3_small --weights photos", "--weights " + filepath.Join(dir, "photos") + ": no model in it: the folder of a run that has finished an epoch expected"},
		{1, "--pretrained mobilenet_v3_small --weights weights.safetensors --memory 100MB", "--pretrained mobilenet_v3_small: the features of 12 pictures, and a sample would take "},
		{1, "--pretrained mobilenet_v3_large --weights weights.safetensors", filepath.Join(dir, "weights.safetensors") + ": weights of another net: 106 tensors missing ("},
		{2, "--pretrained mobilenet_v3_small --weights weights.safetensors --freeze 0", "--freeze 0: all, none, 1 to 14, or a layer before the last expected: features.0, "},
		{2, "--pretrained mobilenet_v3_small --weights weights.safetensors --freeze 15", "--freeze 15: all, none, 1 to 14, or a "},
		{2, "--pretrained mobilenet_v3_small --weights weights.safetensors --freeze layer1", "--freeze layer1: all, none, 1 to 14, or a "},
	} {
		stdout, stderr, code := onehot(t, append([]string{"train", "photos", "-q"}, strings.Fields(c.args)...)...)
		if code != c.code || !strings.HasPrefix(stderr, "onehot: "+c.want) || strings.Count(stderr, "\n") != 1 || stdout != "" {
			t.Errorf("%s: exit code %d, %s, want %d, %s", c.args, code, stderr, c.code, c.want)
		}
	}
	wantError(t, 2, "--pretrained is for pictures of your own", "train", "mnist", "--pretrained", "resnet18")
	wantError(t, 2, "--pretrained resnet18: without --freeze N or none its last layer is fitted by a method that searches for its steps itself", "lr-find", "photos", "--pretrained", "resnet18")
}

// stateOf returns the tensors of a model's file, by name.
func stateOf(t *testing.T, path ...string) map[string]*tensor.Tensor {
	t.Helper()
	m, err := model.Load(filepath.Join(path...))
	if err != nil {
		t.Fatal(err)
	}
	return maps.Collect(nn.StateDict(m.Net))
}

// TestFineTuning trains the later layers of a net on, by rates of their own, and holds that the others stay
// to the bit, with the statistics of their batch norms.
func TestFineTuning(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	colours(t, filepath.Join(dir, "photos"), 8, 40, 30)
	net := drawnNet(t, []string{"a", "b"})
	writeWeights(t, net, dir, "weights.safetensors")
	before := maps.Collect(nn.StateDict(net.Net))
	args := []string{"train", "photos", "--pretrained", smallNet, "--weights", "weights.safetensors", "--batch-size", "5"}
	tune := func(run string, more ...string) (stderr string) {
		t.Helper()
		_, stderr, code := onehot(t, slices.Concat(args, []string{"--out", run}, more)...)
		if code != 0 {
			t.Fatal(stderr)
		}
		return stderr
	}
	stderr := tune("run", "--freeze", "features.3", "--schedule", "constant", "--epochs", "2")
	for _, want := range []string{
		"--pretrained mobilenet_v3_small, --freeze features.3: 2 epochs of 4 steps, batches of 5, adamw at a learning rate of 0.0001, 0.001 for the last layer\n",
		"the last layer, for 2 classes, is replaced by a new one for 3\n",
	} {
		if !strings.Contains(stderr, want) {
			t.Errorf("%q is missing in %q", want, stderr)
		}
	}
	frozen := regexp.MustCompile(`^features\.[0-3]\.`)
	after := stateOf(t, "run", "last.safetensors")
	for name, v := range before {
		w := after[name]
		if head := strings.HasPrefix(name, "classifier.3."); head != !slices.Equal(v.Shape(), w.Shape()) || head {
			continue
		}
		if changed := v.Ne(w).Any().Item() != 0; changed == frozen.MatchString(name) {
			t.Errorf("%s: changed is %v", name, changed)
		}
	}

	// A run that goes on has the same bits.
	tune("parts", "--freeze", "4", "--schedule", "constant", "--epochs", "1")
	succeed(t, "train", "--resume", "--out", "parts", "--epochs", "2", "-q")
	for name, v := range stateOf(t, "parts", "last.safetensors") {
		if v.Ne(after[name]).Any().Item() != 0 {
			t.Errorf("%s: a resumed run has other bits", name)
		}
	}

	// The rates: the last layer alone learns, while batch norms in training follow what they see.
	for _, c := range []struct {
		args    []string
		changed string
	}{
		{[]string{"--freeze", "none", "--lr", "0", "--lr-head", "0.01", "--weight-decay", "0"}, `^classifier\.3\.|running|tracked`},
		{[]string{"--freeze", "14"}, `^classifier\.3\.`},
		{[]string{"--freeze", "features", "--lr-head", "0"}, `^classifier\.0\.`},
	} {
		start, end := c.args[1]+"-start", c.args[1]+"-end"
		tune(start, append(c.args, "--epochs", "0")...)
		tune(end, append(c.args, "--epochs", "1")...)
		began, ended := stateOf(t, start, "last.safetensors"), stateOf(t, end, "last.safetensors")
		for name, v := range began {
			if changed := v.Ne(ended[name]).Any().Item() != 0; changed != regexp.MustCompile(c.changed).MatchString(name) {
				t.Errorf("%v: %s: changed is %v", c.args, name, changed)
			}
		}
	}

	// Few pictures are gone over more often, unless the command line says how often.
	if stderr := tune("few", "--freeze", "14", "--batch-size", "19", "--max-time", "1s"); !strings.Contains(stderr, "1s long") {
		t.Errorf("%q", stderr)
	}
	few := trainCommand{settings: settings{Pretrained: smallNet, Freeze: "3", BatchSize: 16}, pictures: &ownPictures{List: &files.List{Files: make([]files.File, 160)}}}
	few.tuneLonger(nil)
	if few.Epochs != 20 {
		t.Errorf("%d epochs of 10 steps", few.Epochs)
	}

	// A run's own weights come with its last layer if that is for the same classes.
	args[5] = "run"
	if stderr := tune("on", "--freeze", "none", "--epochs", "0"); strings.Contains(stderr, "replaced") {
		t.Errorf("%q", stderr)
	}
	best := stateOf(t, "run", "model.safetensors")
	for name, v := range stateOf(t, "on", "model.safetensors") {
		if v.Ne(best[name]).Any().Item() != 0 {
			t.Errorf("%s of a run's weights has changed", name)
		}
	}
}
