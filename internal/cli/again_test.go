package cli

import (
	"bytes"
	"fmt"
	"path/filepath"
	"testing"
)

// TestConfigAgain does runs again from their config.json.
func TestConfigAgain(t *testing.T) {
	data, dir := tinyData(t), t.TempDir()
	n := 0
	again := func(run string, more ...string) string {
		t.Helper()
		n++
		out := filepath.Join(dir, fmt.Sprint("again", n))
		succeed(t, append([]string{"train", "--config", filepath.Join(run, "config.json"), "--out", out, "-q"}, more...)...)
		return out
	}
	for name, args := range map[string][]string{
		"mlp":    {"--model", "mlp", "--hidden", "8,4", "--optimizer", "adamw", "--weight-decay", "0", "--seed", "3", "--schedule", "cosine"},
		"init":   {"--init", "xavier", "--momentum", "0.5", "--augment", "crop:1", "--val", "100", "--batch-size", "32"},
		"recipe": {"--recipe", "fast", "--model", "softmax", "--val", "100", "--lr", "0.01"},
		"lbfgs":  {"--optimizer", "lbfgs", "--l2", "0.01"},
	} {
		run := filepath.Join(dir, name)
		succeed(t, append([]string{"train", "mnist", "--data-dir", data, "--epochs", "2", "--out", run, "-q"}, args...)...)
		out := again(run)
		for _, file := range []string{"config.json", "model.safetensors", "last.safetensors"} {
			if !bytes.Equal(anonymous(readFile(t, run, file)), anonymous(readFile(t, out, file))) {
				t.Errorf("%s: %s differs", name, file)
			}
		}
	}

	// The command line wins, and brings along what goes with it.
	settingsOf := func(run string) settings {
		t.Helper()
		c, err := folder(run).readConfig()
		if err != nil {
			t.Fatal(err)
		}
		return c.Settings
	}
	run := filepath.Join(dir, "init")
	if s := settingsOf(again(run, "--seed", "9", "--epochs", "1")); s.Seed != 9 || s.Epochs != 1 || s.Init != "xavier" || s.Momentum != 0.5 || s.Val != count(100) {
		t.Errorf("--seed, --epochs: %+v", s)
	}
	if s := settingsOf(again(run, "--optimizer", "adam", "--model", "lenet")); s.LR != 0.001 || s.Momentum != 0 || s.Init != "kaiming" || s.BatchSize != 32 {
		t.Errorf("--optimizer, --model: %+v", s)
	}
	if s := settingsOf(again(run, "--max-time", "2s")); s.Epochs != 0 || s.Momentum != 0.5 {
		t.Errorf("--max-time: %+v", s)
	}

	config := filepath.Join(run, "config.json")
	wantError(t, 2, "--config is for new runs: --resume goes on with the settings of the run in --out", "train", "--resume", "--out", run, "--config", config)
	wantError(t, 2, "--dropout is for --model mlp", "train", "--config", config, "--dropout", "0.5", "--out", filepath.Join(dir, "none"))
	missing := filepath.Join(dir, "none.json")
	wantError(t, 1, "open "+missing+": no such file or directory", "train", "--config", missing)
	labels := filepath.Join(data, "t10k-labels-idx1-ubyte")
	content := readFile(t, labels)
	content[len(content)-1]-- // from 9
	writeFile(t, labels, content)
	_, stderr, code := onehot(t, "train", "--config", config, "--out", filepath.Join(dir, "none"))
	if want := "onehot: the data are not those of " + config + ": t10k-labels-idx1-ubyte"; code != 1 || len(stderr) < len(want) || stderr[:len(want)] != want {
		t.Errorf("other data: exit code %d, %q", code, stderr)
	}
	again(run, "--data-dir", data) // these are asked for
}
