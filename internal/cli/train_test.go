package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/onehot-go/onehot/model"
	"github.com/onehot-go/onehot/nn"
	"github.com/onehot-go/onehot/random"
	"github.com/onehot-go/onehot/task"
	"github.com/onehot-go/onehot/train"
)

// tiny returns the arguments of a run on a small data set into dir.
func tiny(data, dir string, more ...string) []string {
	return append([]string{"train", "mnist", "--data-dir", data, "--out", dir, "--batch-size", "32", "--lr", "0.5"}, more...)
}

func TestTrainPrintsAndKeeps(t *testing.T) {
	data := tinyData(t)
	t.Chdir(t.TempDir())
	stdout, stderr, code := onehot(t, "train", "mnist", "--data-dir", data, "--epochs", "3", "--lr", "0.5", "--batch-size", "32")
	if code != 0 {
		t.Fatal(stderr)
	}
	lines := strings.Split(strings.TrimSpace(stdout), "\n")
	for i, line := range lines {
		if !regexp.MustCompile(fmt.Sprintf(`^epoch %d, loss \d\.\d{4}, train acc [01]\.\d{3}, test acc [01]\.\d{3}$`, i+1)).MatchString(line) {
			t.Errorf("line %q", line)
		}
	}
	if len(lines) != 3 || !strings.HasSuffix(lines[2], "test acc 1.000") {
		t.Errorf("got %q", stdout)
	}
	if !regexp.MustCompile(`(?m)^epoch 3/3, batch 16/16, loss \d\.\d{3}, acc \d\.\d{3}, \d+k? samples/s, 0s left$`).MatchString(stderr) {
		t.Errorf("progress: %q", stderr)
	}
	run := filepath.Join("runs", "softmax-mnist-1")
	end := fmt.Sprintf("; the model is %s, the report %s\n", filepath.Join(run, "model.safetensors"), filepath.Join(run, "report.html"))
	if !strings.HasSuffix(stderr, end) {
		t.Errorf("the end does not say where the model and the report are: %q", stderr)
	}
	if !regexp.MustCompile(`(?m)^ +class +precision +recall +f1 +support\n +0 +1\.000 +1\.000 +1\.000 +9$`).MatchString(stderr) {
		t.Errorf("no table by class: %q", stderr)
	}

	var c config
	if err := json.Unmarshal(readFile(t, run, "config.json"), &c); err != nil {
		t.Fatal(err)
	}
	want := settings{Data: "mnist", Model: "softmax", Hidden: []int{256}, Epochs: 3, BatchSize: 32, LR: 0.5, Optimizer: "sgd",
		Schedule: "constant", StepSize: 1, Gamma: 0.1, Patience: 2, Init: "normal", InitStd: 0.01}
	if fmt.Sprint(c.Settings) != fmt.Sprint(want) {
		t.Errorf("settings: got %+v, want %+v", c.Settings, want)
	}
	if c.Data.Train != 500 || c.Data.Test != 90 || len(c.Data.Files) != 4 || len(c.Data.Files[0].SHA256) != 64 || c.Go == "" || c.Onehot == "" {
		t.Errorf("config: got %+v", c)
	}
	history := strings.Split(string(readFile(t, run, "history.csv")), "\n")
	if len(history) != 5 || history[0] != "epoch,train_loss,train_acc,test_loss,test_acc,lr,seconds" || !strings.HasPrefix(history[3], "3,0.") {
		t.Errorf("history: got %q", history)
	}
	m, err := model.Load(filepath.Join(run, "model.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	if n := nn.NumParameters(m.Net); n != 7850 || m.Data != "mnist" {
		t.Errorf("model: %d parameters, data %q", n, m.Data)
	}

	// The next run takes the next name.
	succeed(t, "train", "mnist", "--data-dir", data, "--epochs", "0")
	if _, err := os.Stat(filepath.Join("runs", "softmax-mnist-2", "model.safetensors")); err != nil {
		t.Error(err)
	}
}

func TestTrainUntrained(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	out := succeed(t, "train", "--epochs", "0", "--out", dir)
	var acc float64
	if _, err := fmt.Sscanf(out, "epoch 0, test acc %f", &acc); err != nil || acc < 0.05 || acc > 0.20 {
		t.Errorf("got %q", out)
	}
	for _, name := range []string{"config.json", "history.csv", "metrics.json", "model.safetensors", "last.safetensors"} {
		if len(readFile(t, dir, name)) == 0 {
			t.Errorf("%s is empty", name)
		}
	}
}

// TestTrainFashionMNIST holds the figures of one epoch to what PyTorch gives.
func TestTrainFashionMNIST(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	out := succeed(t, "train", "--epochs", "1", "--out", dir)
	var loss, trainAcc, testAcc float64
	if _, err := fmt.Sscanf(out, "epoch 1, loss %f, train acc %f, test acc %f", &loss, &trainAcc, &testAcc); err != nil {
		t.Fatalf("%v: %q", err, out)
	}
	if loss < 0.780 || loss > 0.794 || testAcc < 0.74 || testAcc > 0.80 {
		t.Errorf("loss %v, 0.780 to 0.794 expected; test accuracy %v, 0.74 to 0.80 expected", loss, testAcc)
	}
}

func TestTrainJSON(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	out := succeed(t, tiny(tinyData(t), dir, "--epochs", "2", "--json", "--quiet")...)
	lines := strings.Split(strings.TrimSpace(out), "\n")
	if len(lines) != 3 {
		t.Fatalf("got %q", out)
	}
	for i, line := range lines[:2] {
		var e map[string]any
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatal(err)
		}
		for _, key := range []string{"train_loss", "train_acc", "test_loss", "test_acc", "seconds", "eval_seconds"} {
			if v, ok := e[key].(float64); !ok || v < 0 {
				t.Errorf("epoch %d: %s is %v", i+1, key, e[key])
			}
		}
		if e["event"] != "epoch" || e["epoch"] != float64(i+1) {
			t.Errorf("got %v", e)
		}
	}
	var done doneEvent
	if err := json.Unmarshal([]byte(lines[2]), &done); err != nil {
		t.Fatal(err)
	}
	if done.Event != "done" || done.Run != dir || done.Model != filepath.Join(dir, "model.safetensors") || done.Epochs != 2 || done.BestTestAcc == nil || *done.BestTestAcc < 0.9 || done.TestAcc != nil {
		t.Errorf("got %+v", done)
	}
}

// TestTrainRemarks checks what stands on standard error.
func TestTrainRemarks(t *testing.T) {
	data, dir := tinyData(t), t.TempDir()
	if _, stderr, code := onehot(t, tiny(data, filepath.Join(dir, "quiet"), "--epochs", "1", "--quiet")...); code != 0 || stderr != "" {
		t.Errorf("--quiet: exit code %d, %q", code, stderr)
	}
	_, stderr, code := onehot(t, tiny(data, filepath.Join(dir, "json"), "--epochs", "1", "--json")...)
	if code != 0 || !regexp.MustCompile(`^epoch 1/1, .* left\n$`).MatchString(stderr) {
		t.Errorf("--json: exit code %d, %q, progress alone expected", code, stderr)
	}
}

// TestTrainResume interrupts a run and goes on with it: every file but for the seconds
// in the history is, byte for byte, that of a run that was never stopped.
func TestTrainResume(t *testing.T) {
	data, dir := tinyData(t), t.TempDir()
	options := []string{"--model", "mlp", "--hidden", "8", "--momentum", "0.5", "--weight-decay", "0.001", "--seed", "7"}
	whole, stopped := filepath.Join(dir, "whole"), filepath.Join(dir, "stopped")
	succeed(t, tiny(data, whole, append(options, "--epochs", "4")...)...)

	ctx, cancel := context.WithCancel(t.Context())
	out := &interrupt{n: 2, cancel: cancel} // as the line of epoch 2 is printed
	var stderr bytes.Buffer
	if code := run(ctx, tiny(data, stopped, append(options, "--epochs", "4", "-q")...), out, &stderr); code != 130 {
		t.Errorf("exit code %d after an interrupt, 130 expected", code)
	}
	want := fmt.Sprintf("onehot: interrupted: epoch 2 is saved in %s; --resume --out %[1]s goes on from there\n", stopped)
	if stderr.String() != want {
		t.Errorf("got %q, want %q", stderr.String(), want)
	}
	if html := string(readFile(t, stopped, "report.html")); !strings.Contains(html, "2 of 4 epochs") || !strings.Contains(html, "Confusion matrix") {
		t.Error("report.html does not show the two epochs")
	}
	if out := succeed(t, "train", "--resume", "--out", stopped, "--data-dir", data); !strings.HasPrefix(out, "epoch 3, ") {
		t.Errorf("got %q", out)
	}
	for _, name := range []string{"batches.csv", "config.json", "metrics.json", "model.safetensors", "last.safetensors"} {
		if !bytes.Equal(anonymous(readFile(t, whole, name)), anonymous(readFile(t, stopped, name))) {
			t.Errorf("%s differs", name)
		}
	}
	if a, b := withoutSeconds(readFile(t, whole, "history.csv")), withoutSeconds(readFile(t, stopped, "history.csv")); a != b {
		t.Errorf("history: got %s, want %s", b, a)
	}
	if out := succeed(t, "train", "--resume", "--out", stopped, "--data-dir", data, "--epochs", "5"); !strings.HasPrefix(out, "epoch 5, ") {
		t.Errorf("got %q", out)
	}
}

// anonymous takes out of a run's file which run it is of, and the checksum over that.
func anonymous(file []byte) []byte {
	return regexp.MustCompile(`"run": "\w+"|"onehot\.(run|sha256)":"\w+"`).ReplaceAll(file, nil)
}

// withoutSeconds drops the last column.
func withoutSeconds(csv []byte) string {
	return regexp.MustCompile(`(?m),[^,\n]*$`).ReplaceAllString(string(csv), "")
}

func TestTrainInterruptedAtOnce(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var out, stderr bytes.Buffer
	code := run(ctx, tiny(tinyData(t), dir), &out, &stderr)
	want := fmt.Sprintf("onehot: interrupted: no epoch was finished, the start is saved in %s; --resume --out %[1]s goes on from there\n", dir)
	if code != 130 || stderr.String() != want || out.Len() > 0 {
		t.Errorf("got exit code %d, %q", code, stderr.String())
	}
}

// TestTrainInterruptedWithVal checks that a run with validation data that is stopped has
// read no test data: it has neither their figures nor a page.
func TestTrainInterruptedWithVal(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	ctx, cancel := context.WithCancel(t.Context())
	if code := run(ctx, tiny(tinyData(t), dir, "--val", "20", "--epochs", "9"), &interrupt{n: 2, cancel: cancel}, io.Discard); code != 130 {
		t.Fatalf("exit code %d after an interrupt, 130 expected", code)
	}
	for _, name := range []string{"metrics.json", "report.html"} {
		if _, err := os.Stat(filepath.Join(dir, name)); err == nil {
			t.Errorf("there is %s", name)
		}
	}
}

// TestTrainWithEverything goes through every option of training, each stopped after an
// epoch and continued: what is drawn and what the optimizer keeps must come back.
func TestTrainWithEverything(t *testing.T) {
	data, dir := tinyData(t), t.TempDir()
	for i, options := range [][]string{
		{"--optimizer", "adam", "--schedule", "cosine", "--warmup", "1", "--model", "mlp", "--hidden", "16", "--dropout", "0.2"},
		{"--optimizer", "adamw", "--schedule", "one-cycle", "--weight-decay", "0.01", "--mixup", "0.2"},
		{"--optimizer", "rmsprop", "--lr", "0.001", "--momentum", "0.5", "--schedule", "exponential", "--gamma", "0.5", "--label-smoothing", "0.1"},
		{"--optimizer", "adagrad", "--schedule", "plateau", "--patience", "0", "--class-weights", "balanced", "--clip-norm", "1"},
		{"--lr", "0.1", "--momentum", "0.9", "--nesterov", "--schedule", "multi-step", "--milestones", "1,2", "--class-weights", "1,1,1,1,1,1,1,1,1,2"},
		{"--lr", "0.1", "--schedule", "step", "--augment", "crop:1,rotate:5,affine:0.05,erase:0.1,flip:0.1,resized-crop:0.9,brightness:0.1,contrast:0.1"},
		{"--lr", "0.1", "--warmup", "2"},
	} {
		whole, stopped := filepath.Join(dir, fmt.Sprint("whole", i)), filepath.Join(dir, fmt.Sprint("stopped", i))
		args := func(run string) []string {
			return append([]string{"train", "mnist", "--data-dir", data, "--batch-size", "32", "--epochs", "3", "--out", run}, options...)
		}
		succeed(t, args(whole)...)
		ctx, cancel := context.WithCancel(t.Context())
		if code := run(ctx, args(stopped), &interrupt{n: 1, cancel: cancel}, io.Discard); code != 130 {
			t.Fatalf("%v: exit code %d after an interrupt", options, code)
		}
		succeed(t, "train", "--resume", "--out", stopped, "--data-dir", data)
		if !bytes.Equal(anonymous(readFile(t, whole, "last.safetensors")), anonymous(readFile(t, stopped, "last.safetensors"))) {
			t.Errorf("%v: continuing gives other weights", options)
		}
		var f task.ByClass
		if err := json.Unmarshal(readFile(t, whole, "metrics.json"), &f); err != nil {
			t.Fatal(err)
		}
		if f.Accuracy < 0.5 {
			t.Errorf("%v: accuracy %v: nothing was learnt", options, f.Accuracy)
		}
	}
}

// TestTrainLBFGS continues a run that was stopped, with the same bytes.
func TestTrainLBFGS(t *testing.T) {
	data, dir := tinyData(t), t.TempDir()
	args := func(run string) []string {
		return []string{"train", "mnist", "--data-dir", data, "--optimizer", "lbfgs", "--l2", "0.001", "--epochs", "6", "--out", run}
	}
	whole, stopped := filepath.Join(dir, "whole"), filepath.Join(dir, "stopped")
	succeed(t, args(whole)...)
	ctx, cancel := context.WithCancel(t.Context())
	if code := run(ctx, args(stopped), &interrupt{n: 2, cancel: cancel}, io.Discard); code != 130 {
		t.Errorf("exit code %d after an interrupt", code)
	}
	if out := succeed(t, "train", "--resume", "--out", stopped); !strings.HasPrefix(out, "epoch 3, ") {
		t.Errorf("got %q", out)
	}
	for _, name := range []string{"config.json", "metrics.json", "model.safetensors", "last.safetensors"} {
		if !bytes.Equal(anonymous(readFile(t, whole, name)), anonymous(readFile(t, stopped, name))) {
			t.Errorf("%s differs", name)
		}
	}
	var c config
	if err := json.Unmarshal(readFile(t, whole, "config.json"), &c); err != nil || c.Settings.L2 != 0.001 || c.Settings.LR != 1 {
		t.Errorf("settings: got %+v, %v", c.Settings, err)
	}
	wantError(t, 2, "--l2 1: the run was started with 0.001, and only --epochs can change", "train", "--resume", "--out", stopped, "--l2", "1")
}

// TestTrainFashionMNISTLBFGS holds 20 iterations to what as many of scikit-learn's
// LogisticRegression(C=1) come to: loss 0.5554, accuracies 0.814 and 0.803.
func TestTrainFashionMNISTLBFGS(t *testing.T) {
	out := succeed(t, "train", "--optimizer", "lbfgs", "--l2", "1.6667e-5", "--epochs", "20", "--out", filepath.Join(t.TempDir(), "run"))
	lines := strings.Split(strings.TrimSpace(out), "\n")
	var loss, trainAcc, testAcc float64
	if _, err := fmt.Sscanf(lines[len(lines)-1], "epoch 20, loss %f, train acc %f, test acc %f", &loss, &trainAcc, &testAcc); err != nil {
		t.Fatalf("%v: %q", err, out)
	}
	if !(loss < 0.5554) || !(trainAcc > 0.814) || !(testAcc > 0.803) {
		t.Errorf("loss %v, train accuracy %v, test accuracy %v: less than 0.5554 and more than 0.814 and 0.803 expected", loss, trainAcc, testAcc)
	}
}

// TestSchedules holds the learning rates that history.csv shows to what the flags say.
func TestSchedules(t *testing.T) {
	data, dir := tinyData(t), t.TempDir()
	for i, c := range []struct {
		options []string
		rates   []float64 // of the last step of each of four epochs of 10 steps
	}{
		{nil, []float64{0.1, 0.1, 0.1, 0.1}},
		{[]string{"--optimizer", "adam"}, []float64{0.001, 0.001, 0.001, 0.001}},
		{[]string{"--schedule", "step", "--step-size", "2", "--gamma", "0.5"}, []float64{0.1, 0.1, 0.05, 0.05}},
		{[]string{"--schedule", "multi-step", "--milestones", "1,3"}, []float64{0.1, 0.01, 0.01, 0.001}},
		{[]string{"--schedule", "exponential", "--gamma", "0.5"}, []float64{0.1, 0.05, 0.025, 0.0125}},
		{[]string{"--schedule", "cosine"}, []float64{cosine(9, 40), cosine(19, 40), cosine(29, 40), cosine(39, 40)}},
		{[]string{"--warmup", "2"}, []float64{0.1 * (0.1 + 0.9*9/20), 0.1 * (0.1 + 0.9*19/20), 0.1, 0.1}},
		{[]string{"--warmup", "1", "--schedule", "cosine"}, []float64{0.1 * (0.1 + 0.9*9/10), cosine(9, 30), cosine(19, 30), cosine(29, 30)}},
	} {
		run := filepath.Join(dir, fmt.Sprint(i))
		succeed(t, append([]string{"train", "mnist", "--data-dir", data, "--batch-size", "50", "--epochs", "4", "--out", run}, c.options...)...)
		lines := strings.Split(strings.TrimSpace(string(readFile(t, run, "history.csv"))), "\n")[1:]
		for e, line := range lines {
			got, err := strconv.ParseFloat(strings.Split(line, ",")[5], 64)
			if err != nil || math.Abs(got-c.rates[e]) > 1e-12 {
				t.Errorf("%v: epoch %d: learning rate %v, want %v", c.options, e+1, got, c.rates[e])
			}
		}
	}
}

// cosine is the learning rate of step i of n along half a cosine from 0.1 to 0.
func cosine(i, n float64) float64 { return 0.05 * (1 + math.Cos(math.Pi*i/n)) }

func TestTrainThreadsGiveTheSameBits(t *testing.T) {
	data, dir := tinyData(t), t.TempDir()
	defer func() { succeed(t, tiny(data, filepath.Join(dir, "reset"), "--epochs", "0")...) }() // all threads again
	var first []byte
	for _, threads := range []string{"1", "2", "3", "8"} {
		run := filepath.Join(dir, threads)
		succeed(t, tiny(data, run, "--model", "mlp", "--hidden", "64", "--batch-size", "256", "--epochs", "1", "--threads", threads)...)
		model := anonymous(readFile(t, run, "last.safetensors"))
		if first == nil {
			first = model
		}
		if !bytes.Equal(model, first) {
			t.Errorf("%s threads give other weights than 1", threads)
		}
	}
}

func TestTrainDiverges(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	stdout, stderr, code := onehot(t, "train", "--lr", "1e6", "--out", dir)
	if code != 1 || stdout != "" || !regexp.MustCompile(`^onehot: training diverged: the loss became \S+ in epoch 1, step 2: a learning rate below 1e\+06 may help; no epoch was finished, the start is saved in `).MatchString(stderr) {
		t.Errorf("got exit code %d, %q", code, stderr)
	}
	// What an earlier epoch left stays.
	succeed(t, "train", "--epochs", "1", "--out", dir+"2", "--model", "mlp", "--hidden", "8")
	before := readFile(t, dir+"2", "last.safetensors")
	setLR(t, filepath.Join(dir+"2", "config.json"), "1e20")
	_, stderr, code = onehot(t, "train", "--resume", "--out", dir+"2", "--epochs", "2")
	if code != 1 || !regexp.MustCompile(`the loss became (NaN|\+Inf|\S+e\+\d+) in epoch 2, step 2.*; epoch 1 is saved in`).MatchString(stderr) {
		t.Errorf("got exit code %d, %q", code, stderr)
	}
	if !bytes.Equal(readFile(t, dir+"2", "last.safetensors"), before) {
		t.Error("the last good weights were overwritten")
	}
}

// TestAdvice checks that an error names the setting that can be its cause, or none.
func TestAdvice(t *testing.T) {
	first, second, test, untrained := &train.DivergedError{Epoch: 1, Step: 1}, &train.DivergedError{Epoch: 1, Step: 2}, &train.DivergedError{Epoch: 2}, &train.DivergedError{}
	sgd := settings{Optimizer: "sgd", LR: 0.5, Init: "normal", InitStd: 100}
	with := func(change func(*settings)) settings {
		s := sgd
		change(&s)
		return s
	}
	for _, c := range []struct {
		s    settings
		err  *train.DivergedError
		want string
	}{
		{sgd, first, ": a --init-std below 100 may help"},
		{sgd, untrained, ": a --init-std below 100 may help"},
		{with(func(s *settings) { s.Init = "kaiming" }), first, ""},
		{with(func(s *settings) { s.ClassWeights = "1e9,1" }), first, ""},
		{sgd, second, ": a learning rate below 0.5 may help"},
		{sgd, test, ": a learning rate below 0.5 may help"},
		{with(func(s *settings) { s.LR = 0 }), second, ""},
		{with(func(s *settings) { s.LR, s.WeightDecay = 0, 10 }), second, ""},
		{with(func(s *settings) { s.WeightDecay = 3 }), second, ": a learning rate below 0.5 may help"},
		{with(func(s *settings) { s.WeightDecay = 5 }), second, ": a --weight-decay below 4 may help, or a lower learning rate than 0.5"},
		{with(func(s *settings) { s.WeightDecay, s.Momentum = 5, 0.5 }), second, ": a learning rate below 0.5 may help"},
		{with(func(s *settings) { s.WeightDecay, s.Optimizer = 5, "adamw" }), test, ": a --weight-decay below 4 may help, or a lower learning rate than 0.5"},
		{with(func(s *settings) { s.WeightDecay, s.Optimizer = 5, "adam" }), second, ": a learning rate below 0.5 may help"},
		{with(func(s *settings) { s.Optimizer = "lbfgs" }), first, ""},
		{with(func(s *settings) { s.Optimizer = "lbfgs" }), test, ""},
	} {
		if got := c.s.advice(c.err); got != c.want {
			t.Errorf("%+v: advice %q on %q, want %q", c.s, got, c.err, c.want)
		}
	}
	// So it is in a run.
	data, dir := tinyData(t), t.TempDir()
	for want, args := range map[string][]string{
		` in epoch 1, step 1: a --init-std below 1e\+09 may help; no epoch was finished, the start is saved in `:             {"--init-std", "1e9"},
		` in epoch 1, step \d+: a --weight-decay below 4 may help, or a lower learning rate than 0.5; no epoch was finished`: {"--weight-decay", "1e6", "--lr", "0.5"},
	} {
		_, stderr, code := onehot(t, tiny(data, filepath.Join(dir, args[0]), args...)...)
		if code != 1 || !regexp.MustCompile(want).MatchString(stderr) {
			t.Errorf("%v: exit code %d, %q, want %q", args, code, stderr, want)
		}
	}
}

// TestTrainWeightless trains by single samples of which most have no weight.
func TestTrainWeightless(t *testing.T) {
	data, dir := tinyData(t), filepath.Join(t.TempDir(), "run")
	args := []string{"--class-weights", "0,0,0,0,0,0,0,0,0,1", "--batch-size", "1", "--epochs", "1", "--ema", "0.9"}
	if out := succeed(t, tiny(data, dir, args...)...); strings.Contains(out, "NaN") {
		t.Errorf("got %q", out)
	}
	if b := readFile(t, dir, "batches.csv"); len(b) == 0 || bytes.Contains(b, []byte("NaN")) {
		t.Errorf("batches.csv: %q", b)
	}
	succeed(t, "report", dir)
}

// setLR changes the learning rate in a config.json.
func setLR(t *testing.T, path, lr string) {
	text := readFile(t, path)
	changed := bytes.Replace(text, []byte(`"lr": 0.1`), []byte(`"lr": `+lr), 1)
	if bytes.Equal(text, changed) {
		t.Fatal("no learning rate in ", path)
	}
	writeFile(t, path, changed)
}

func TestTrainForce(t *testing.T) {
	data, dir := tinyData(t), filepath.Join(t.TempDir(), "run")
	succeed(t, tiny(data, dir, "--epochs", "1")...)
	before := readFile(t, dir, "model.safetensors")
	wantError(t, 2, fmt.Sprintf("--out %s exists: --resume continues the run in it, --force replaces it", dir), tiny(data, dir, "--epochs", "2")...)
	if !bytes.Equal(readFile(t, dir, "model.safetensors"), before) {
		t.Error("a refused run wrote over the model")
	}
	succeed(t, tiny(data, dir, "--epochs", "2", "--force")...)
	if bytes.Equal(readFile(t, dir, "model.safetensors"), before) {
		t.Error("--force did not replace the model")
	}
	// A run that comes to nothing leaves the earlier one.
	before = readFile(t, dir, "model.safetensors")
	_, stderr, code := onehot(t, tiny(data, dir, "--force", "--lr", "1e9")...)
	if code != 1 || !strings.Contains(stderr, "no epoch was finished, and the earlier run in "+dir+" stays") {
		t.Errorf("got exit code %d, %q", code, stderr)
	}
	if !bytes.Equal(readFile(t, dir, "model.safetensors"), before) || !bytes.Contains(readFile(t, dir, "config.json"), []byte(`"lr": 0.5`)) {
		t.Error("the earlier run is not as it was")
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 8 {
		t.Errorf("the folder has %v, eight files expected (%v)", entries, err)
	}
	// An empty folder, and one with a slash behind its name, are free.
	empty := t.TempDir()
	succeed(t, tiny(data, empty, "--epochs", "0")...)
	succeed(t, tiny(data, filepath.Join(empty, "new")+"/", "--epochs", "0")...)
	other := t.TempDir()
	writeFile(t, filepath.Join(other, "letter.txt"), []byte("dear"))
	wantError(t, 2, fmt.Sprintf("--out %s exists and is no run's folder (no config.json in it)", other),
		tiny(data, other, "--force")...)
}

func TestTrainErrors(t *testing.T) {
	data, dir := tinyData(t), t.TempDir()
	out := filepath.Join(dir, "run")
	for _, c := range []struct {
		message string
		args    []string
	}{
		{`data cifar: no such file or folder, and no data set: fashion-mnist, mnist, or the path of pictures expected`, []string{"cifar"}},
		{`--model gpt: one of softmax, mlp, lenet, cnn, resnet expected (see onehot train --help)`, []string{"--model", "gpt"}},
		{`--optimizer lion: one of sgd, adam, adamw, rmsprop, adagrad, lbfgs expected (see onehot train --help)`, []string{"--optimizer", "lion"}},
		{`--init zero: one of normal, kaiming, xavier, uniform expected (see onehot train --help)`, []string{"--init", "zero"}},
		{"--epochs -1: at least 0 expected", []string{"--epochs", "-1"}},
		{"--l2 -1: a number of 0 or more expected", []string{"--optimizer", "lbfgs", "--l2", "-1"}},
		{"--l2 is for --optimizer lbfgs", []string{"--l2", "0.1"}},
		{"--optimizer lbfgs is for --model softmax", []string{"--optimizer", "lbfgs", "--model", "mlp"}},
		{"--batch-size is for optimizers other than lbfgs", []string{"--optimizer", "lbfgs", "--batch-size", "256"}},
		{"--momentum is for --optimizer sgd or rmsprop", []string{"--optimizer", "lbfgs", "--momentum", "0.9"}},
		{"--weight-decay is for optimizers other than lbfgs, which has --l2", []string{"--optimizer", "lbfgs", "--weight-decay", "0.1"}},
		{"--clip-norm is for optimizers other than lbfgs", []string{"--optimizer", "lbfgs", "--clip-norm", "1"}},
		{"--shards is for optimizers other than lbfgs, whose parts are always the same", []string{"--optimizer", "lbfgs", "--shards", "4"}},
		{"--schedule cosine is for optimizers other than lbfgs", []string{"--optimizer", "lbfgs", "--schedule", "cosine"}},
		{"--warmup is for optimizers other than lbfgs", []string{"--optimizer", "lbfgs", "--warmup", "1"}},
		{"--label-smoothing is for optimizers other than lbfgs", []string{"--optimizer", "lbfgs", "--label-smoothing", "0.1"}},
		{"--class-weights is for optimizers other than lbfgs", []string{"--optimizer", "lbfgs", "--class-weights", "balanced"}},
		{"--augment is for optimizers other than lbfgs", []string{"--optimizer", "lbfgs", "--augment", "flip"}},
		{"--mixup is for optimizers other than lbfgs", []string{"--optimizer", "lbfgs", "--mixup", "0.2"}},
		{"--epochs 1000000001: at most 1000000000 expected", []string{"--epochs", "1000000001"}},
		{`--epochs 9223372036854775808: a smaller number expected (see onehot train --help)`, []string{"--epochs", "9223372036854775808"}},
		{"--batch-size 9223372036854775807: at most 1000000000 expected", []string{"--batch-size", "9223372036854775807"}},
		{"--warmup 9223372036854775807: at most 1000000000 expected", []string{"--warmup", "9223372036854775807"}},
		{"--milestones 1000000001: at most 1000000000 expected", []string{"--schedule", "multi-step", "--milestones", "1000000001"}},
		{"--batch-size 0: at least 1 expected", []string{"--batch-size", "0"}},
		{"--lr NaN: a number of 0 or more expected", []string{"--lr", "NaN"}},
		{"--lr -0.1: a number of 0 or more expected", []string{"--lr", "-0.1"}},
		{"--lr +Inf: a number of 0 or more expected", []string{"--lr", "Inf"}},
		{`--lr fast: a number expected (see onehot train --help)`, []string{"--lr", "fast"}},
		{"--momentum -1: a number from 0 to below 1 expected", []string{"--momentum", "-1"}},
		{"--momentum 5: a number from 0 to below 1 expected", []string{"--momentum", "5"}},
		{"--weight-decay NaN: a number of 0 or more expected", []string{"--weight-decay", "NaN"}},
		{"--init-std -1: a number of 0 or more expected", []string{"--init-std", "-1"}},
		{"--hidden 0: sizes of at least 1 expected", []string{"--model", "mlp", "--hidden", "16,0"}},
		{"--hidden is for --model mlp", []string{"--hidden", "16"}},
		{`--hidden [9999999]: model: layers[1] "linear1": found 9999999 outputs, 1 to 1367823 expected`, []string{"--model", "mlp", "--hidden", "9999999"}},
		{"--clip-norm -1: a number of 0 or more expected", []string{"--clip-norm", "-1"}},
		{"--warmup -1: at least 0 expected", []string{"--warmup", "-1"}},
		{"--label-smoothing 1: a number from 0 to below 1 expected", []string{"--label-smoothing", "1"}},
		{"--dropout NaN: a number from 0 to below 1 expected", []string{"--model", "mlp", "--dropout", "NaN"}},
		{"--dropout is for --model mlp", []string{"--dropout", "0.5"}},
		{"--momentum is for --optimizer sgd or rmsprop", []string{"--optimizer", "adam", "--momentum", "0.9"}},
		{"--nesterov is for --optimizer sgd with --momentum", []string{"--nesterov"}},
		{"--milestones is for --schedule multi-step", []string{"--milestones", "2"}},
		{"--schedule multi-step is for runs with --milestones", []string{"--schedule", "multi-step"}},
		{"--milestones [3 1]: epochs after the 0 of --warmup in increasing order expected", []string{"--schedule", "multi-step", "--milestones", "3,1"}},
		{"--milestones [3 3]: epochs after the 0 of --warmup in increasing order expected", []string{"--schedule", "multi-step", "--milestones", "3,3"}},
		{"--milestones [2]: epochs after the 2 of --warmup in increasing order expected", []string{"--schedule", "multi-step", "--milestones", "2", "--warmup", "2"}},
		{"--gamma 1: below 1 expected for --schedule plateau", []string{"--schedule", "plateau", "--gamma", "1"}},
		{"--gamma is for --schedule step, multi-step, exponential or plateau", []string{"--gamma", "0.5"}},
		{"--patience is for --schedule plateau", []string{"--patience", "5"}},
		{"--step-size is for --schedule step", []string{"--step-size", "2"}},
		{"--init-std is for --init normal", []string{"--init", "xavier", "--init-std", "0.1"}},
		{"--augment crop:1.5: a whole number of pixels expected", []string{"--augment", "crop:1.5"}},
		{"--class-weights 0,0,0,0,0,0,0,0,0,0: at least one above 0 expected, of a class with training samples", []string{"--class-weights", "0,0,0,0,0,0,0,0,0,0"}},
		{"--class-weights 1,2: balanced, or 10 numbers of 0 or more expected", []string{"--class-weights", "1,2"}},
		{"--augment blur: one of affine, brightness, contrast, crop, erase, flip, hue, resized-crop, rotate, saturation, trivial expected", []string{"--augment", "flip,blur"}},
		{"--augment trivial:3: trivial takes no number", []string{"--augment", "trivial:3"}},
		{"--augment hue:0.6: a number from 0 to 0.5 expected behind the colon", []string{"--augment", "hue:0.6"}},
		{"--augment hue: hue does nothing to grey pictures, which this model takes: other changes expected", []string{"--augment", "flip,hue"}},
		{"--augment saturation:0.2: saturation does nothing to grey pictures, which this model takes: other changes expected", []string{"--augment", "saturation:0.2"}},
		{"--augment flip:2: a number from 0 to 1 expected behind the colon", []string{"--augment", "flip:2"}},
		{"--threads -2: at least 0 expected", []string{"--threads", "-2"}},
		{"--resume and --force can't be used together (see onehot train --help)", []string{"--resume", "--force"}},
		{fmt.Sprintf("--resume --out %s: no run in it (config.json is missing)", out), []string{"--resume"}},
	} {
		wantError(t, 2, c.message, append([]string{"train", "--out", out}, c.args...)...)
	}
	wantError(t, 2, "--resume needs --out with the run's folder", "train", "--resume")
	wantError(t, 2, `--out "": a folder's name expected`, "train", "--out", "")
	if _, err := os.Stat(out); err == nil {
		t.Error("a refused run made a folder")
	}

	run := filepath.Join(dir, "started")
	succeed(t, tiny(data, run, "--epochs", "2")...)
	resume := func(more ...string) []string {
		return append([]string{"train", "--resume", "--out", run, "--data-dir", data}, more...)
	}
	wantError(t, 2, "--lr 0.25: the run was started with 0.5, and only --epochs can change", resume("--lr", "0.25")...)
	wantError(t, 2, "data set fashion-mnist: the run was started with mnist, and only --epochs can change", resume("fashion-mnist")...)
	wantError(t, 2, fmt.Sprintf("--epochs 1: the run in %s has finished 2", run), resume("--epochs", "1")...)
	wantError(t, 2, "--out: a value expected, found --json", "train", "--out", "--json")

	// The folder of the data comes back with a run, and a schedule keeps its end.
	cycle := filepath.Join(dir, "cycle")
	succeed(t, "train", "mnist", "--data-dir", data, "--out", cycle, "--schedule", "one-cycle", "--epochs", "1")
	succeed(t, "train", "--resume", "--out", cycle)
	wantError(t, 2, "--epochs 2: --schedule one-cycle was planned for 1", "train", "--resume", "--out", cycle, "--epochs", "2")
	text := readFile(t, cycle, "config.json")
	writeFile(t, filepath.Join(cycle, "config.json"), bytes.Replace(text, []byte(`"init": "normal"`), []byte(`"init": "magic"`), 1))
	wantError(t, 1, filepath.Join(cycle, "config.json")+`: init: found "magic", one of normal, kaiming, xavier, uniform expected`,
		"train", "--resume", "--out", cycle)
}

func TestTrainDataErrors(t *testing.T) {
	fresh := func(change func(dir string)) []string {
		dir := tinyData(t)
		change(dir)
		return tiny(dir, filepath.Join(t.TempDir(), "run"))
	}
	dirOf := func(args []string) string { return args[3] }
	const images, labels = "train-images-idx3-ubyte", "train-labels-idx1-ubyte"

	args := fresh(func(dir string) { os.Remove(filepath.Join(dir, labels)) })
	wantError(t, 1, fmt.Sprintf("mnist: %s (or .gz): file does not exist in %s, %s: fetch it with --download (mnist.Download in Go)",
		labels, filepath.Join(dirOf(args), "MNIST", "raw"), dirOf(args)), args...)

	for _, c := range []struct {
		file    string
		content func(old []byte) []byte
		message string // after the file's name
	}{
		{images, func(old []byte) []byte { return old[:len(old)-1] }, ""},
		{images, func(old []byte) []byte { return []byte("\x89PNG\r\n\x1a\n") }, ""},
		{labels, func(old []byte) []byte { old[8+3] = 10; return old }, ": label 3: found 10, expected 0 to 9"},
		{labels, func(old []byte) []byte { return append(header(499), old[8:507]...) }, ": number of labels: found 499, expected 500, the number of images in "},
	} {
		args := fresh(func(dir string) {
			path := filepath.Join(dir, c.file)
			writeFile(t, path, c.content(readFile(t, path)))
		})
		_, stderr, code := onehot(t, args...)
		if code != 1 || !strings.HasPrefix(stderr, "onehot: "+filepath.Join(dirOf(args), c.file)+": ") ||
			!strings.Contains(stderr, c.message) || !strings.Contains(stderr, "expected") || strings.Count(stderr, "\n") != 1 {
			t.Errorf("got exit code %d, %q", code, stderr)
		}
	}
}

func TestTrainCannotWrite(t *testing.T) {
	data, dir := tinyData(t), t.TempDir()
	file := filepath.Join(dir, "file")
	writeFile(t, file, nil)
	_, stderr, code := onehot(t, tiny(data, filepath.Join(file, "run"))...)
	if code != 1 || !strings.Contains(stderr, file) || strings.Count(stderr, "\n") != 1 {
		t.Errorf("got exit code %d, %q", code, stderr)
	}
}

func TestTrainInitialisations(t *testing.T) {
	data, dir := tinyData(t), t.TempDir()
	load := func(args ...string) *nn.Linear {
		t.Helper()
		run := filepath.Join(dir, fmt.Sprint(args))
		succeed(t, tiny(data, run, append(args, "--epochs", "0")...)...)
		m, err := loadModel(run, io.Discard)
		if err != nil {
			t.Fatal(err)
		}
		if l, ok := m.Net.Layer("linear").(*nn.Linear); ok {
			return l
		}
		return m.Net.Layer("linear1").(*nn.Linear)
	}
	greatest := func(l *nn.Linear) float64 { return l.Weight.Detach().Max().Item() }

	if l := load("--init", "kaiming"); greatest(l) > math.Sqrt(6./784) || greatest(l) < 0.99*math.Sqrt(6./784) {
		t.Errorf("kaiming: greatest weight %v", greatest(l))
	}
	if l := load("--init", "xavier"); greatest(l) > math.Sqrt(6./794) || greatest(l) < 0.99*math.Sqrt(6./794) {
		t.Errorf("xavier: greatest weight %v", greatest(l))
	}
	// Normal draws go beyond 3 deviations among 7840, and hardly beyond 5.
	if l := load("--init-std", "2"); greatest(l) < 6 || greatest(l) > 10 {
		t.Errorf("normal: greatest weight %v", greatest(l))
	}
	if l := load(); l.Bias.Detach().Max().Item() != 0 || l.Bias.Detach().Min().Item() != 0 {
		t.Errorf("softmax regression's biases start at %v, 0 expected", l.Bias)
	}
	bias := load("--model", "mlp").Bias.Detach()
	if high, low := bias.Max().Item(), bias.Min().Item(); high > 1./28 || high < 0.03 || low > -0.03 || low < -1./28 {
		t.Errorf("an mlp's biases lie within %v and %v, uniform within 1/28 expected", low, high)
	}
}

// TestTrainLastBatchOfOne names the flag that leaves one sample for the last batch, of which a
// batch norm can make nothing, before there is a folder.
func TestTrainLastBatchOfOne(t *testing.T) {
	data, run := tinyData(t), filepath.Join(t.TempDir(), "run")
	c := trainCommand{dataFlags: dataFlags{sourceFlags: sourceFlags{DataDir: data}}, settings: settings{Data: "mnist", Model: "softmax", BatchSize: 499, Epochs: 1, LR: 0.1,
		Optimizer: "sgd", Schedule: "constant", Init: "uniform", Hidden: []int{1}, StepSize: 1}}
	r, err := c.prepare(t.Context(), streams{io.Discard, io.Discard})
	if err != nil {
		t.Fatal(err)
	}
	layers := r.model.Layers
	r.model.Layers = []nn.Spec{layers[0], {Name: "bn", Options: nn.BatchNorm1dOptions{In: 784}}, layers[1]}
	if r.model.Net, err = nn.Build(r.model.Layers, r.model.InputShape, random.New(1)); err != nil {
		t.Fatal(err)
	}
	want := `--batch-size 499: found 1 sample in the last batch of an epoch, at least 2 expected for layer "bn", a batch norm`
	if err := r.checkSetup(); err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	wantError(t, 2, "--batch-size 0: at least 1 expected", tiny(data, run, "--batch-size", "0")...)
	succeed(t, tiny(data, run, "--batch-size", "499", "--model", "cnn", "--epochs", "1")...) // pictures of more than one pixel
}
