package cli

import (
	"bytes"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestUnmeasuredRun trains on all pictures of a folder, and goes through the commands that take such a
// run.
func TestUnmeasuredRun(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	colours(t, filepath.Join(dir, "photos"), 20, 8, 8)
	args := []string{"photos", "--val", "0", "--model", "softmax", "--batch-size", "60", "--lr", "0.1"}
	stdout, stderr, code := onehot(t, append([]string{"train", "--epochs", "3", "--out", "whole", "--tensorboard"}, args...)...)
	if code != 0 {
		t.Fatal(stderr)
	}
	lines := strings.Split(stdout, "\n")
	if len(lines) != 4 || strings.Contains(stdout, "val") || strings.Contains(stdout, "test") || !strings.HasPrefix(lines[2], "epoch 3, loss 0.") {
		t.Errorf("%q", stdout)
	}
	for _, want := range []string{
		"photos: 3 classes, 60 pictures to train on; nothing is measured\n",
		"nothing was measured: there are no validation or test pictures; the model of epoch 3 is whole/model.safetensors, the report whole/report.html\n",
	} {
		if !strings.Contains(stderr, filepath.FromSlash(want)) {
			t.Errorf("got %q, want %q in it", stderr, want)
		}
	}
	if d := readRunConfig(t, "whole").Data; d.Train != 60 || d.Val != 0 || d.Test != 0 {
		t.Errorf("data: %+v", d)
	}
	rows := readTable(t, "whole", "history.csv")
	if len(rows) != 4 || rows[3][0] != "3" || rows[3][1] == "" || rows[3][3] != "" || rows[3][4] != "" {
		t.Errorf("history.csv: %q", rows)
	}
	if _, err := os.Stat(filepath.Join("whole", "metrics.json")); !os.IsNotExist(err) {
		t.Errorf("metrics.json: %v", err)
	}
	page := string(readFile(t, "whole", "report.html"))
	if !strings.Contains(page, "in epoch 3, the latest; nothing was measured") || !strings.Contains(page, "What speaks for each class") || strings.Contains(page, "What was taken for what") {
		t.Errorf("the page: %s", page)
	}
	m, err := loadModel("whole", new(bytes.Buffer))
	if err != nil || recordedEpoch(m) != 3 {
		t.Errorf("the model is of epoch %d, %v", recordedEpoch(m), err)
	}

	// In two parts, as JSON: without any figure of test or validation data.
	begun := succeed(t, append([]string{"train", "--epochs", "2", "--out", "parts", "--json", "-q"}, args...)...)
	for i, line := range strings.Split(strings.TrimSpace(begun), "\n") {
		var event map[string]any
		if err := json.Unmarshal([]byte(line), &event); err != nil {
			t.Fatal(err)
		}
		want := []string{"epoch", "eval_seconds", "event", "lr", "seconds", "train_acc", "train_loss"}
		if i == 2 {
			want = []string{"best_epoch", "epochs", "event", "model", "run"}
		}
		var got []string
		for key := range event {
			got = append(got, key)
		}
		if slices.Sort(got); !slices.Equal(got, want) {
			t.Errorf("line %d has %q, want %q", i, got, want)
		}
	}
	if going := succeed(t, "train", "--resume", "--epochs", "3", "-q", "--out", "parts"); going != lines[2]+"\n" {
		t.Errorf("the run went on with %q, want %q", going, lines[2])
	}
	if !bytes.Equal(weightsOf(t, "whole"), weightsOf(t, "parts")) {
		t.Error("in two parts there are other weights")
	}

	wantError(t, 1, "whole: it was trained on all pictures of photos: others to measure it on expected, as in  onehot eval whole PATH", "eval", "whole")
	if out := succeed(t, "eval", "whole", "photos"); !strings.HasPrefix(out, "whole on photos, 60 samples\naccuracy 1.0000,") {
		t.Errorf("eval: %q", out)
	}
	succeed(t, "report", "whole", "--out", "drawn")
	files, err := os.ReadDir("drawn")
	var names []string
	for _, f := range files {
		names = append(names, f.Name())
	}
	if err != nil || !slices.Equal(names, []string{"curves.png", "curves.svg", "report.html", "weights.png"}) {
		t.Errorf("report wrote %q, %v", names, err)
	}
	succeed(t, "train", "photos", "--model", "softmax", "--batch-size", "256", "--lr", "0.1", "--epochs", "1", "-q", "--out", "validated")
	table := strings.Split(succeed(t, "compare", "whole", "validated", "--plot", "curves.png"), "\n")
	if !strings.Contains(table[0], "best val acc") || strings.Contains(table[0], "best test acc") || !strings.HasPrefix(strings.TrimSpace(table[1]), "validated ") ||
		!slices.Equal(strings.Fields(table[2])[:7], []string{"whole", "60", "0", "3", "-", "-", "-"}) {
		t.Errorf("compare: %q", table)
	}
	if out := succeed(t, "compare", "whole", "parts"); strings.Contains(out, "*") {
		t.Errorf("compare marks the best of runs that were not measured: %q", out)
	}
	var compared map[string]any
	if err := json.Unmarshal([]byte(succeed(t, "compare", "whole", "--json")), &compared); err != nil || compared["best_epoch"] != 3.0 || compared["best_test_acc"] != nil || compared["best_val_acc"] != nil || compared["test_acc"] != nil {
		t.Errorf("compare --json: %v, %v", compared, err)
	}

	// What needs measuring.
	for _, flags := range [][]string{{"--monitor", "accuracy"}, {"--early-stop", "2"}, {"--schedule", "plateau"}, {"--tta"}, {"--epochs", "0"}} {
		flag := flags[0]
		if flag == "--schedule" || flag == "--epochs" {
			flag = strings.Join(flags, " ")
		}
		wantError(t, 2, flag+" is for runs that are measured: photos has no validation or test pictures, --val or --test expected",
			append([]string{"train", "-q", "--out", "none"}, append(args, flags...)...)...)
	}
	if _, err := os.Stat("none"); !os.IsNotExist(err) {
		t.Errorf("a folder was made: %v", err)
	}
	succeed(t, "train", "photos", "--val", "0", "--recipe", "best", "--model", "softmax", "--epochs", "1", "-q", "--out", "recipe")
	if readRunConfig(t, "recipe").Settings.TTA {
		t.Error("the recipe measures with --tta where nothing is measured")
	}
}

// TestMacroFigures checks the means over classes in metrics.json and eval --json, and that files
// without them are read.
func TestMacroFigures(t *testing.T) {
	dir := t.TempDir()
	photos := filepath.Join(dir, "photos")
	colours(t, photos, 10, 8, 8)
	run := filepath.Join(dir, "run")
	succeed(t, "train", photos, "--model", "softmax", "--optimizer", "sgd", "--lr", "0.1", "--epochs", "1", "-q", "--out", run)
	if err := os.RemoveAll(filepath.Join(photos, "red")); err != nil {
		t.Fatal(err)
	}
	for i := range 4 { // green pictures under blue
		name := filepath.Join(photos, "blue", string(rune('a'+i))+".png")
		writePNG(t, name, must(t, photos, "green", "00"+string(rune('0'+i))+".png"))
	}
	type figures struct {
		Accuracy float64
		Classes  []struct{ Precision, Recall, F1 float64 }
		Macro    struct{ Precision, Recall, F1 float64 }
	}
	var kept, measured figures
	for text, f := range map[string]*figures{string(readFile(t, run, "metrics.json")): &kept, succeed(t, "eval", run, photos, "--json"): &measured} {
		if err := json.Unmarshal([]byte(text), f); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(text, `"macro":`) {
			t.Errorf("no macro figures in %s", text)
		}
	}
	if kept.Accuracy != 1 || kept.Macro.Precision != 1 || kept.Macro.Recall != 1 || kept.Macro.F1 != 1 {
		t.Errorf("metrics.json: %+v", kept)
	}
	// Of 14 pictures under blue 10 are, and of the 14 that are green 10 lie there.
	near := func(got, want float64) bool { return math.Abs(got-want) < 1e-15 }
	if m := measured.Macro; !near(m.Precision, (1+10./14)/2) || !near(m.Recall, (10./14+1)/2) || !near(m.F1, 20./24) {
		t.Errorf("eval: %+v", measured)
	}
	path := folder(run).metrics()
	text := string(readFile(t, path))
	before, _, _ := strings.Cut(text, `,`+"\n"+`  "macro"`)
	writeFile(t, path, []byte(before+"\n}\n"))
	if f, err := folder(run).readFigures(); err != nil || f.Accuracy != 1 || f.Part != "val" {
		t.Errorf("without macro figures: %+v, %v", f, err)
	}
}
