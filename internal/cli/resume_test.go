package cli

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/onehot-go/onehot/train"
)

// TestResumeDamaged resumes runs whose latest checkpoint is no good: they go on from the one
// before, say so, and come to the same bits.
func TestResumeDamaged(t *testing.T) {
	data, dir := tinyData(t), t.TempDir()
	options := []string{"--momentum", "0.5"}
	run := filepath.Join(dir, "run")
	succeed(t, tiny(data, run, append(options, "--epochs", "3")...)...)
	other := filepath.Join(dir, "other")
	succeed(t, tiny(data, other, append(options, "--epochs", "3")...)...)
	whole := copied(t, run)
	succeed(t, "train", "--resume", "--out", whole, "--epochs", "4")
	last := readFile(t, run, "last.safetensors")

	for name, c := range map[string]struct {
		damaged []byte
		why     string // a regular expression
	}{
		"cut":         {last[:len(last)/2], `: data: \d+ bytes follow the header, but the tensors take \d+`},
		"empty":       {[]byte{}, `: header length: a file of 0 bytes, at least 8 expected`},
		"zeroed":      {make([]byte, len(last)), `: .* expected`},
		"another run": {readFile(t, other, "last.safetensors"), `: found run "\w{26}", "\w{26}" expected: the checkpoint is of another run`},
		"a flipped bit": {append(bytes.Clone(last[:len(last)-3]), last[len(last)-3]^4, last[len(last)-2], last[len(last)-1]),
			`: found SHA-256 \w{64}, "\w{64}" expected: the file is damaged`},
	} {
		t.Run(name, func(t *testing.T) {
			run := copied(t, run)
			path := filepath.Join(run, "last.safetensors")
			writeFile(t, path, c.damaged)
			stdout, stderr, code := onehot(t, "train", "--resume", "--out", run, "--epochs", "4")
			want := "^" + regexp.QuoteMeta(path) + c.why + `; taken is last\.1\.safetensors, the checkpoint before it, and the refused one is now last\.refused\.safetensors` +
				"\ngoing on with " + regexp.QuoteMeta(run) + " after epoch 2 of 4\n"
			if code != 0 || !regexp.MustCompile(want).MatchString(stderr) || !strings.HasPrefix(stdout, "epoch 3, ") {
				t.Errorf("exit code %d, %q, %q expected", code, stderr, want)
			}
			if !bytes.Equal(readFile(t, run, "last.refused.safetensors"), c.damaged) {
				t.Error("the refused checkpoint is not kept")
			}
			if !bytes.Equal(readFile(t, run, "model.safetensors"), readFile(t, whole, "model.safetensors")) ||
				!bytes.Equal(anonymous(readFile(t, run, "last.safetensors")), anonymous(readFile(t, whole, "last.safetensors"))) {
				t.Error("the weights are others than those of a run without damage")
			}
		})
	}

	// Where both are no good, both are said, and nothing changes.
	writeFile(t, filepath.Join(run, "last.safetensors"), nil)
	writeFile(t, filepath.Join(run, "last.1.safetensors"), nil)
	before := contents(t, run)
	const empty = "header length: a file of 0 bytes, at least 8 expected"
	wantError(t, 1, fmt.Sprintf("%s: %s; %s: %[2]s", filepath.Join(run, "last.safetensors"), empty, filepath.Join(run, "last.1.safetensors")), "train", "--resume", "--out", run)
	if after := contents(t, run); len(after) != len(before) {
		t.Errorf("%d files, %d before", len(after), len(before))
	}
	// A run that has a model does not start again.
	for _, name := range []string{"last.safetensors", "last.1.safetensors"} {
		if err := os.Remove(filepath.Join(run, name)); err != nil {
			t.Fatal(err)
		}
	}
	if _, stderr, code := onehot(t, "train", "--resume", "--out", run); code != 1 || !strings.Contains(stderr, filepath.Join(run, "last.safetensors")) {
		t.Errorf("no checkpoint: exit code %d, %q", code, stderr)
	}
}

// TestTrainKilled kills a run at every change to the disk that it makes. Called again it
// comes to the very files of one that was never stopped.
func TestTrainKilled(t *testing.T) {
	data, dir := tinyData(t), t.TempDir()
	args := func(run string) []string { return tiny(data, run, "--epochs", "3", "--momentum", "0.5", "-q") }
	whole := filepath.Join(dir, "whole")
	list := changes(t, args(whole)...)
	if len(list) < 60 {
		t.Errorf("%d changes to the disk, at least 60 expected: %q", len(list), list)
	}
	for at := 1; at <= len(list); at++ {
		run := filepath.Join(dir, fmt.Sprint(at))
		where := fmt.Sprintf("killed at change %d, %s", at, strings.ReplaceAll(list[at-1], dir, ""))
		if stderr, err := child(t, at, args(run)...); err == nil {
			t.Fatalf("%s: it was not: %s", where, stderr)
		}
		again := []string{"train", "--resume", "--out", run, "-q"}
		if _, err := os.Stat(filepath.Join(run, "config.json")); err != nil {
			again = args(run) // it is a new folder's
		}
		succeed(t, again...)
		for _, name := range []string{"batches.csv", "config.json", "metrics.json", "model.safetensors", "last.safetensors"} {
			if !bytes.Equal(anonymous(readFile(t, whole, name)), anonymous(readFile(t, run, name))) {
				t.Errorf("%s: %s differs", where, name)
			}
		}
		if a, b := withoutSeconds(readFile(t, whole, "history.csv")), withoutSeconds(readFile(t, run, "history.csv")); a != b {
			t.Errorf("%s: history %s, want %s", where, b, a)
		}
	}
}

// TestTrainKilledWithinEpoch kills a run that keeps checkpoints within its epoch at every
// change to the disk that it makes. Resumed, it goes on within the epoch, and comes to the very
// files of a run that keeps none and was never stopped.
func TestTrainKilledWithinEpoch(t *testing.T) {
	data, dir := tinyData(t), t.TempDir()
	args := func(run string, more ...string) []string {
		return tiny(data, run, append(more, "--epochs", "1", "--batch-size", "250", "--momentum", "0.5", "-q")...)
	}
	whole := filepath.Join(dir, "whole")
	succeed(t, args(whole)...)
	often := func(run string) []string { return args(run, "--checkpoint-every", "1ns") }
	list := changes(t, often(filepath.Join(dir, "often"))...)
	within := 0
	for at := 1; at <= len(list); at++ {
		run := filepath.Join(dir, fmt.Sprint(at))
		where := fmt.Sprintf("killed at change %d, %s", at, strings.ReplaceAll(list[at-1], dir, ""))
		if stderr, err := child(t, at, often(run)...); err == nil {
			t.Fatalf("%s: it was not: %s", where, stderr)
		}
		again := []string{"train", "--resume", "--out", run}
		if _, err := os.Stat(filepath.Join(run, "config.json")); err != nil {
			again = often(run)
		}
		_, stderr, code := onehot(t, again...)
		if code != 0 {
			t.Fatalf("%s: %s", where, stderr)
		}
		if regexp.MustCompile(`(?m)^going on with .* after epoch 0 of 1 and [12] steps$`).MatchString(stderr) {
			within++
		}
		for _, name := range []string{"batches.csv", "metrics.json", "model.safetensors", "last.safetensors"} {
			if !bytes.Equal(anonymous(readFile(t, whole, name)), anonymous(readFile(t, run, name))) {
				t.Errorf("%s: %s differs", where, name)
			}
		}
		if a, b := withoutSeconds(readFile(t, whole, "history.csv")), withoutSeconds(readFile(t, run, "history.csv")); a != b {
			t.Errorf("%s: history %s, want %s", where, b, a)
		}
	}
	if within < 10 {
		t.Errorf("%d of %d runs went on within an epoch, at least 10 expected", within, len(list))
	}
}

// TestTrainInterruptedWithinEpoch checks what a run that was stopped within its first epoch says
// of it, and that --resume keeps the interval.
func TestTrainInterruptedWithinEpoch(t *testing.T) {
	data, dir := tinyData(t), t.TempDir()
	run := filepath.Join(dir, "run")
	wantError(t, 2, "--checkpoint-every -1s: 0s or more expected", tiny(data, run, "--checkpoint-every", "-1s")...)
	succeed(t, tiny(data, run, "--checkpoint-every", "1ns", "--epochs", "1")...)
	c, err := folder(run).readConfig()
	if err != nil || c.Every.Duration != 1 {
		t.Fatalf("every %v, %v", c.Every, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	r := trainRun{folder: folder(run), kept: train.Step{Epoch: 2, Step: 3}, finished: 1}
	cancel()
	want := fmt.Sprintf("interrupted: step 3 of epoch 2 is saved in %s; --resume --out %[1]s goes on from there", run)
	if got := r.explain(ctx.Err()); got.Error() != want {
		t.Errorf("got %q, want %q", got, want)
	}
	succeed(t, "train", "--resume", "--out", run, "--epochs", "2")
	if c, err = folder(run).readConfig(); err != nil || c.Every.Duration != 1 {
		t.Errorf("resumed: every %v, %v", c.Every, err)
	}
	succeed(t, "train", "--resume", "--out", run, "--epochs", "3", "--checkpoint-every", "0s")
	if c, err = folder(run).readConfig(); err != nil || c.Every.Duration != 0 {
		t.Errorf("resumed without: every %v, %v", c.Every, err)
	}
}
