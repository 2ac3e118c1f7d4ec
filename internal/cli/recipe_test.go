package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/onehot-go/onehot/model"
	"github.com/onehot-go/onehot/report"
	"github.com/onehot-go/onehot/task"
)

// TestRecipe checks what a recipe sets, and that the command line overrides it.
func TestRecipe(t *testing.T) {
	data, dir := tinyData(t), t.TempDir()
	for i, c := range []struct {
		args []string
		want func(s *settings) // changes the recipe's own settings
	}{
		{nil, func(*settings) {}},
		{[]string{"--batch-size", "64", "--ema", "0", "--seed", "3"}, func(s *settings) { s.BatchSize, s.EMA, s.Seed = 64, 0, 3 }},
		{[]string{"--model", "lenet", "--init", "xavier"}, func(s *settings) { s.Model, s.Init = "lenet", "xavier" }},
		{[]string{"--optimizer", "sgd"}, func(s *settings) { s.Optimizer, s.LR, s.WeightDecay = "sgd", 0.1, 0 }},
		{[]string{"--optimizer", "adamw", "--schedule", "constant"}, func(s *settings) { s.Schedule = "constant" }},
	} {
		run := filepath.Join(dir, fmt.Sprint(i))
		args := append([]string{"train", "mnist", "--data-dir", data, "--recipe", "fast", "--val", "100", "--epochs", "0", "--out", run}, c.args...)
		succeed(t, args...)
		var got config
		if err := json.Unmarshal(readFile(t, run, "config.json"), &got); err != nil {
			t.Fatal(err)
		}
		want := recipes["fast"]
		want.Data, want.Recipe, want.Val, want.Epochs = "mnist", "fast", count(100), 0
		want.Hidden, want.StepSize, want.Gamma, want.Patience, want.Init, want.InitStd = []int{256}, 1, 0.1, 2, "uniform", 0.01
		c.want(&want)
		if fmt.Sprint(got.Settings) != fmt.Sprint(want) {
			t.Errorf("%v\n got %+v\nwant %+v", c.args, got.Settings, want)
		}
		if got.Data.Train != 400 || got.Data.Val != 100 || got.Data.Test != 90 {
			t.Errorf("%v: %d, %d and %d samples", c.args, got.Data.Train, got.Data.Val, got.Data.Test)
		}
		// What the page says gives the run is the run, without the recipe's name.
		words := strings.Fields(got.command(folder(filepath.Join(dir, fmt.Sprint("again", i)))))
		succeed(t, words[1:]...)
		var again config
		if err := json.Unmarshal(readFile(t, dir, fmt.Sprint("again", i), "config.json"), &again); err != nil {
			t.Fatal(err)
		}
		if again.Settings.Recipe = "fast"; fmt.Sprint(again.Settings) != fmt.Sprint(got.Settings) {
			t.Errorf("%s\n gives %+v\nwant %+v", strings.Join(words, " "), again.Settings, got.Settings)
		}
	}
	for name, r := range recipes {
		r.Data, r.Hidden, r.StepSize, r.Init = "fashion-mnist", []int{256}, 1, "uniform"
		if err := r.checkSaved(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	wantError(t, 2, `--recipe slow: one of best, fast expected (see onehot train --help)`, "train", "--recipe", "slow")
}

// TestValidation checks what is said of which data, and that a run goes on exactly.
func TestValidation(t *testing.T) {
	data, dir := tinyData(t), t.TempDir()
	whole, stopped := filepath.Join(dir, "whole"), filepath.Join(dir, "stopped")
	options := []string{"--epochs", "3", "--val", "50", "--ema", "0.9", "--augment", "crop:1", "--model", "lenet", "--lr", "0.05"}
	stdout, stderr, code := onehot(t, tiny(data, whole, options...)...)
	if code != 0 {
		t.Fatal(stderr)
	}
	line := `epoch %d, loss \d\.\d{4}, train acc [01]\.\d{3}, val acc [01]\.\d{3}\n`
	end := `test acc ([01]\.\d{4}), loss \d\.\d{4} of epoch [123], the best by val acc; the test data were read this once\n`
	found := regexp.MustCompile("^" + fmt.Sprintf(line, 1) + fmt.Sprintf(line, 2) + fmt.Sprintf(line, 3) + end + "$").FindStringSubmatch(stdout)
	if found == nil {
		t.Fatalf("got %q", stdout)
	}
	if !regexp.MustCompile(`(?m)^best: epoch [123], val acc [01]\.\d{4}; `).MatchString(stderr) {
		t.Errorf("got %q", stderr)
	}
	var figures task.ByClass
	if err := json.Unmarshal(readFile(t, whole, "metrics.json"), &figures); err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprintf("%.4f", figures.Accuracy); got != found[1] {
		t.Errorf("metrics.json has accuracy %s, %s was said", got, found[1])
	}
	if out := succeed(t, "eval", whole, "--data-dir", data); !strings.Contains(out, "accuracy "+found[1]+",") {
		t.Errorf("the kept model gives %q, accuracy %s expected", out, found[1])
	}
	epochs, err := report.ReadHistory(filepath.Join(whole, "history.csv"), task.Accuracy)
	if err != nil || len(epochs) != 3 || !epochs[0].Validation {
		t.Errorf("history: %+v, %v", epochs, err)
	}
	if header, _, _ := strings.Cut(string(readFile(t, whole, "history.csv")), "\n"); header != "epoch,train_loss,train_acc,val_loss,val_acc,lr,seconds" {
		t.Errorf("history: %q", header)
	}
	if out := succeed(t, "compare", whole); !strings.Contains(out, "best val acc") || !strings.Contains(out, found[1]) {
		t.Errorf("compare: %s", out)
	}

	ctx, cancel := context.WithCancel(t.Context())
	if code := run(ctx, tiny(data, stopped, options...), &interrupt{n: 2, cancel: cancel}, io.Discard); code != 130 {
		t.Fatalf("exit code %d after an interrupt", code)
	}
	if _, err := os.Stat(filepath.Join(stopped, "metrics.json")); err == nil {
		t.Error("test figures before the end")
	}
	if out := succeed(t, "train", "--resume", "--out", stopped); !strings.HasPrefix(out, "epoch 3, ") || !strings.HasSuffix(stdout, out[strings.Index(out, "\n")+1:]) {
		t.Errorf("got %q", out)
	}
	for _, name := range []string{"config.json", "metrics.json", "model.safetensors", "last.safetensors"} {
		if !bytes.Equal(anonymous(readFile(t, whole, name)), anonymous(readFile(t, stopped, name))) {
			t.Errorf("%s differs", name)
		}
	}

	out := succeed(t, tiny(data, filepath.Join(dir, "json"), append(options, "--json", "-q")...)...)
	for _, key := range []string{`"val_loss"`, `"val_acc"`, `"best_val_acc"`, `"test_acc"`, `"test_loss"`} {
		if !strings.Contains(out, key) {
			t.Errorf("%s is missing in %s", key, out)
		}
	}
	if first, _, _ := strings.Cut(out, "\n"); strings.Contains(first, "test") {
		t.Errorf("an epoch says %s", first)
	}
}

// TestTrainTTA checks that the figures of a run with --tta are those of eval --tta, and of its
// page, and that a recipe's --tta can be switched off.
func TestTrainTTA(t *testing.T) {
	data, dir := tinyData(t), filepath.Join(t.TempDir(), "run")
	out := succeed(t, tiny(data, dir, "--epochs", "2", "--val", "50", "--model", "lenet", "--lr", "0.05", "--tta")...)
	found := regexp.MustCompile(`test acc ([01]\.\d{4}), loss (\d\.\d{4}) of .* once, each picture with its mirror image\n$`).FindStringSubmatch(out)
	if found == nil {
		t.Fatalf("got %q", out)
	}
	want := fmt.Sprintf("accuracy %s, loss %s\n", found[1], found[2])
	if out := succeed(t, "eval", dir, "--tta", "--data-dir", data); !strings.Contains(out, want) {
		t.Errorf("eval --tta: got %q, want %q in it", out, want)
	}
	if out := succeed(t, "eval", dir, "--data-dir", data); strings.Contains(out, want) {
		t.Errorf("eval without --tta gives the same: %q", out)
	}
	if page := string(readFile(t, dir, "report.html")); !strings.Contains(page, found[2]) {
		t.Errorf("the page does not have the loss %s", found[2])
	}
	s := settings{Recipe: "best"}
	if s.follow(recipes["best"], map[string]bool{"tta": true}); s.TTA {
		t.Error("--tta=false was overridden by the recipe")
	}
	if s.follow(recipes["best"], map[string]bool{}); !s.TTA {
		t.Error("the recipe best does not set --tta")
	}
}

// TestEarlyStopping checks that a run ends when no more is to be had.
func TestEarlyStopping(t *testing.T) {
	data, dir := tinyData(t), filepath.Join(t.TempDir(), "run")
	out := succeed(t, tiny(data, dir, "--epochs", "500", "--val", "50", "--early-stop", "2")...)
	if n := strings.Count(out, "epoch "); n < 4 || n > 50 { // the test's line has one too
		t.Errorf("%d lines: %s", n, out)
	}
}

// TestMaxTime holds a run to its time.
func TestMaxTime(t *testing.T) {
	data, dir := tinyData(t), filepath.Join(t.TempDir(), "run")
	start := time.Now()
	out := succeed(t, tiny(data, dir, "--max-time", "1s", "--schedule", "one-cycle")...)
	if took := time.Since(start); took > time.Minute { // on however slow a machine
		t.Errorf("it took %v", took)
	}
	if !strings.HasPrefix(out, "epoch 1, ") {
		t.Errorf("got %q", out)
	}
	if again := succeed(t, "train", "--resume", "--out", dir); strings.Count(again, "\n") > 1 {
		t.Errorf("the time is spent, but it goes on: %q", again)
	}
	var c config
	if err := json.Unmarshal(readFile(t, dir, "config.json"), &c); err != nil || c.Settings.MaxTime.Duration != time.Second || c.Settings.Epochs != 0 {
		t.Errorf("settings %+v, %v", c.Settings, err)
	}
	wantError(t, 2, "--epochs 3: the run was started with --max-time 1s", "train", "--resume", "--out", dir, "--epochs", "3")
}

func TestRecipeUsage(t *testing.T) {
	data, dir := tinyData(t), filepath.Join(t.TempDir(), "run")
	for want, args := range map[string][]string{
		"--val 500: less than the 500 training samples expected":                                      {"--val", "500"},
		"--val -1: a number, or a share below 1 as in 0.15 or 15% expected (see onehot train --help)": {"--val", "-1"},
		"--early-stop is for runs with --val":                                                         {"--early-stop", "2"},
		"--ema 1: a number from 0 to below 1 expected":                                                {"--ema", "1"},
		"--max-time -1s: 0s or more expected":                                                         {"--max-time", "-1s"},
		"--max-time is for runs without --epochs":                                                     {"--max-time", "1s", "--epochs", "3"},
		"--warmup is for runs without --max-time":                                                     {"--max-time", "1s", "--schedule", "cosine", "--warmup", "1"},
	} {
		wantError(t, 2, want, tiny(data, dir, args...)...)
	}
	wantError(t, 2, "--ema is for optimizers other than lbfgs", "train", "--optimizer", "lbfgs", "--ema", "0.9")
	wantError(t, 2, "--max-time is for optimizers other than lbfgs", "train", "--optimizer", "lbfgs", "--max-time", "9s")
}

func TestLRFind(t *testing.T) {
	data := tinyData(t)
	t.Chdir(t.TempDir())
	args := []string{"lr-find", "mnist", "--data-dir", data, "--batch-size", "32", "--steps", "60"}
	if out := succeed(t, args...); !regexp.MustCompile(`^the loss is lowest from \S+ to \S+; suggested: --lr \S+, between them\n$`).MatchString(out) {
		t.Errorf("got %q", out)
	}
	if entries, err := os.ReadDir("."); err != nil || len(entries) != 0 {
		t.Errorf("left behind: %v, %v", entries, err)
	}
	var found lrFound
	if err := json.Unmarshal([]byte(succeed(t, append(args, "--json", "--plot", "lr.svg", "--recipe", "fast", "--model", "softmax")...)), &found); err != nil {
		t.Fatal(err)
	}
	if n := len(found.LR); n < 30 || n > 60 || len(found.Loss) != n || found.LR[0] != 1e-5 || found.Low < 1e-5 || found.Suggested < found.Low || found.High < found.Suggested || found.High > 10 {
		t.Errorf("got %+v", found)
	}
	if !bytes.HasPrefix(readFile(t, "lr.svg"), []byte("<svg ")) {
		t.Error("no picture")
	}
	for want, more := range map[string][]string{
		"--lr is for train": {"--lr", "1"},
		"--from 2 --to 1: positive numbers in order expected":           {"--from", "2", "--to", "1"},
		"--steps 1: 2 to 1000000000 expected":                           {"--steps", "1"},
		"--optimizer lbfgs: it searches for its steps itself":           {"--optimizer", "lbfgs"},
		"--plot lr.svg exists: --force replaces it":                     {"--plot", "lr.svg"},
		"--threads -1: at least 0 expected":                             {"--threads", "-1"},
		`--plot lr.bmp: found the ending ".bmp", .png or .svg expected`: {"--plot", "lr.bmp"},
	} {
		wantError(t, 2, want, append(args[:len(args)-2:len(args)-2], more...)...)
	}
}

// TestEvalSeveral checks ensembles and mirrored pictures.
// TestMirrorRemark checks that --tta of a model that is trained without mirror images says what
// that does, and of others nothing.
func TestMirrorRemark(t *testing.T) {
	data, dir := tinyData(t), t.TempDir()
	remark := func(name string) string { return fmt.Sprintf(noMirrors, name) }
	told := func(args ...string) string {
		t.Helper()
		_, stderr, code := onehot(t, args...)
		if code != 0 {
			t.Fatalf("%v: exit code %d, %q", args, code, stderr)
		}
		return stderr
	}
	plain, never, flipped := filepath.Join(dir, "plain"), filepath.Join(dir, "never"), filepath.Join(dir, "flipped")
	for _, c := range []struct {
		run    string
		remark bool
		args   []string
	}{{plain, true, nil}, {never, true, []string{"--augment", "crop:1,flip:0"}}, {flipped, false, []string{"--augment", "flip"}}} {
		if got := told(tiny(data, c.run, append(c.args, "--epochs", "1", "--tta")...)...); strings.HasPrefix(got, remark("the model")) != c.remark {
			t.Errorf("train %s: got %q", c.run, got)
		}
	}
	if got := told(tiny(data, filepath.Join(dir, "without"), "--epochs", "1")...); strings.Contains(got, "--tta") {
		t.Errorf("train without --tta: got %q", got)
	}
	if got := told(tiny(data, filepath.Join(dir, "quiet"), "--epochs", "1", "--tta", "-q")...); got != "" {
		t.Errorf("train -q: got %q", got)
	}
	// A file without a record of its training is known nothing of.
	unknown := filepath.Join(dir, "unknown.safetensors")
	m, err := model.Load(filepath.Join(plain, "model.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	m.Training = nil
	if err := m.Save(unknown); err != nil {
		t.Fatal(err)
	}
	for want, args := range map[string][]string{
		"":                            {flipped, unknown, "--tta"},
		remark(plain):                 {plain, flipped, "--tta"},
		remark(plain) + remark(never): {plain, never, "--tta"},
	} {
		if got := told(append([]string{"eval", "--data-dir", data}, args...)...); got != want {
			t.Errorf("eval %v: got %q, want %q", args, got, want)
		}
	}
	if got := told("eval", plain, "--data-dir", data); got != "" {
		t.Errorf("eval without --tta: got %q", got)
	}
}

func TestEvalSeveral(t *testing.T) {
	data, dir := tinyData(t), t.TempDir()
	a, b := filepath.Join(dir, "a"), filepath.Join(dir, "b")
	succeed(t, tiny(data, a, "--epochs", "1")...)
	succeed(t, tiny(data, b, "--epochs", "1", "--model", "mlp", "--seed", "2")...)
	loss := func(args ...string) float64 {
		t.Helper()
		var f task.ByClass
		if err := json.Unmarshal([]byte(succeed(t, append(append([]string{"eval"}, args...), "--data-dir", data, "--json")...)), &f); err != nil {
			t.Fatal(err)
		}
		return f.Loss
	}
	one, other := loss(a), loss(b)
	if both := loss(a, b); both >= max(one, other) || both == min(one, other) {
		t.Errorf("loss %v of both, %v and %v of each", both, one, other)
	}
	if twice := loss(a, a, "mnist"); twice < one-1e-6 || twice > one+1e-6 {
		t.Errorf("loss %v of the same twice, %v of it", twice, one)
	}
	if mirrored := loss(a, "--tta"); mirrored <= one { // the classes are places
		t.Errorf("loss %v with mirror images, %v without", mirrored, one)
	}
	if out := succeed(t, "eval", a, b, "--tta", "--data-dir", data); !strings.HasPrefix(out, a+" + "+b+" on mnist test, 90 samples, each with its mirror image\n") {
		t.Errorf("got %q", out)
	}
	other2 := filepath.Join(dir, "clothes")
	succeed(t, "train", "--epochs", "0", "--out", other2)
	wantError(t, 1, other2+" tells [t-shirt trouser pullover dress coat sandal shirt sneaker bag ankle boot] apart, but "+a+" [0 1 2 3 4 5 6 7 8 9]",
		"eval", a, other2, "--data-dir", data)
	wantError(t, 1, "nothing: no such file or folder: a model's file or a run's folder expected", "eval", a, "nothing")
}
