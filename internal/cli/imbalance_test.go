package cli

import (
	"bytes"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/onehot-go/onehot/task"
	"github.com/onehot-go/onehot/train"
)

// TestBalancedOrder checks that all classes come about as often, however many samples they have.
func TestBalancedOrder(t *testing.T) {
	labels := make([]int, 1000)
	for i := range 50 {
		labels[i*20] = 1
	}
	s := settings{Sample: "balanced", Seed: 3}
	o := s.order(16, labels)
	if o.Shuffle || o.Sampler.Len() != len(labels) {
		t.Fatalf("%+v", o)
	}
	rare := 0
	for _, i := range o.Sampler.Order(1) {
		rare += labels[i]
	}
	if rare < 450 || rare > 550 {
		t.Errorf("%d of 1000 samples are of the class that has 50", rare)
	}
	if o := (&settings{Seed: 3}).order(16, labels); !o.Shuffle || o.Sampler != nil || o.BatchSize != 16 || o.Seed != 3 {
		t.Errorf("without --sample: %+v", o)
	}
}

// TestMonitors checks what figure each is, and which of two is better.
func TestMonitors(t *testing.T) {
	e := train.Evaluation{Loss: 0.25, Score: 0.75, Figures: task.ByClass{Classes: []task.ClassFigures{{F1: 0.5, Support: 3}, {F1: 1, Support: 1}, {F1: 0}}}}
	for name, want := range map[string]float64{"macro-f1": 0.75, "loss": 0.25} {
		m := (&settings{Monitor: name}).monitor()
		if got := m.Of(e); got != want || m.Better(1, 2) != (name == "loss") {
			t.Errorf("%s: got %v, want %v", name, got, want)
		}
	}
	for _, name := range []string{"", "accuracy"} {
		if (&settings{Monitor: name}).monitor() != nil {
			t.Errorf("%q is another figure than accuracy", name)
		}
	}
}

// TestMonitoredRun checks that a run by its loss keeps the epoch of the lowest, says so, goes on as if
// it had not been stopped, and that others find the epoch.
func TestMonitoredRun(t *testing.T) {
	dir := t.TempDir()
	photos := filepath.Join(dir, "photos")
	colours(t, photos, 12, 8, 8)
	args := []string{"--model", "mlp", "--hidden", "16", "--monitor", "loss", "--lr", "0.3", "--batch-size", "8", "--sample", "balanced", "--seed", "5"}
	whole, parts := filepath.Join(dir, "whole"), filepath.Join(dir, "parts")
	stdout, stderr, code := onehot(t, append([]string{"train", photos, "--epochs", "6", "--out", whole}, args...)...)
	if code != 0 {
		t.Fatal(stderr)
	}
	epochs, _, err := folder(whole).readCurves(task.Accuracy, new(bytes.Buffer))
	if err != nil {
		t.Fatal(err)
	}
	best := epochs[0]
	for _, e := range epochs {
		if e.Test.Loss < best.Test.Loss {
			best = e
		}
	}
	if want := fmt.Sprintf("best: epoch %d, val acc %.4f, chosen by its loss; ", best.Epoch, best.Test.Score); !strings.Contains(stderr, want) {
		t.Errorf("got %q, want %q in it", stderr, want)
	}
	if !strings.Contains(stderr, "mean of the classes: precision ") {
		t.Errorf("no figures over all classes: %q", stderr)
	}
	m, err := loadModel(whole, new(bytes.Buffer))
	if err != nil || recordedEpoch(m) != best.Epoch {
		t.Errorf("the model is of epoch %d, %v, want %d", recordedEpoch(m), err, best.Epoch)
	}
	if page := string(readFile(t, whole, "report.html")); !strings.Contains(page, fmt.Sprintf("after epoch %d, the best of 6", best.Epoch)) {
		t.Errorf("the page shows another epoch than %d as the best", best.Epoch)
	}
	if r, err := folder(whole).compared(new(bytes.Buffer)); err != nil || r.BestEpoch != best.Epoch {
		t.Errorf("compare says epoch %d, %v, want %d", r.BestEpoch, err, best.Epoch)
	}
	begun := succeed(t, append([]string{"train", photos, "--epochs", "3", "-q", "--out", parts}, args...)...)
	going := succeed(t, "train", "--resume", "--epochs", "6", "-q", "--out", parts)
	if begun+going != stdout || !bytes.Equal(weightsOf(t, whole), weightsOf(t, parts)) {
		t.Errorf("in two parts %q, at once %q", begun+going, stdout)
	}
	wantError(t, 2, "--sample is for optimizers other than lbfgs", "train", photos, "--optimizer", "lbfgs", "--model", "softmax", "--sample", "balanced")
}

// TestRecipesOfPictures checks what recipes come to for many and for few pictures.
func TestRecipesOfPictures(t *testing.T) {
	for _, c := range []struct {
		s                  situation
		name               string
		batch, least, most int
		augment            string
	}{
		{situation{55_000, 10, 28, false}, "fast", 128, 2, 2, ""},
		{situation{55_000, 10, 28, false}, "best", 128, 42, 42, "crop:1"},
		{situation{480, 4, 64, true}, "fast", 16, 17, 60, ""},
		{situation{480, 4, 64, true}, "best", 16, 100, 300, "crop:4,flip"},
		{situation{20, 2, 64, true}, "fast", 1, 25, 60, ""},
		{situation{1_000_000, 100, 64, true}, "fast", 128, 1, 1, ""},
	} {
		batch := c.s.batch()
		r := c.s.recipe(c.name, batch)
		if batch != c.batch || r.Epochs < c.least || r.Epochs > c.most || strings.Join(r.Augment, ",") != c.augment || !r.Val.None() {
			t.Errorf("%s for %+v: batches of %d, %d epochs, %v", c.name, c.s, batch, r.Epochs, r.Augment)
		}
		if steps := r.Epochs * c.s.steps(batch); steps < usefulSteps {
			t.Errorf("%s for %+v: %d steps", c.name, c.s, steps)
		}
	}
	for _, c := range []struct {
		s             situation
		epochs, batch int
		model         string
	}{
		{situation{48, 3, 9, true}, 30, 2, "resnet"},
		{situation{20, 2, 64, true}, 30, 1, "resnet"},
		{situation{100_000, 10, 64, true}, 5, 128, "resnet"},
		{situation{1000, 10, 4, false}, 30, 32, "mlp"},
	} {
		if r := c.s.advice(c.s.net(), c.s.batch()); r.Epochs != c.epochs || r.BatchSize != c.batch || r.Model != c.model || r.Optimizer != "adamw" || r.Schedule != "one-cycle" {
			t.Errorf("for %+v: %+v", c.s, r)
		}
	}
}
