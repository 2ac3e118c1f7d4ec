package cli

import (
	"encoding/json"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

func TestBenchErrors(t *testing.T) {
	wantError(t, exitUsage, "bench speed: one of products, softmax, scratch, mlp, lenet, cnn, lbfgs expected", "bench", "speed")
	wantError(t, exitUsage, "--threads 0, --repeat 0: at least 0 and at least 1 expected", "bench", "--repeat", "0")
	wantError(t, exitUsage, "--threads -1, --repeat 5: at least 0 and at least 1 expected", "bench", "--threads", "-1")
}

// TestBench runs the program on what takes least, with a stand-in for PyTorch. It says
// nothing about how fast anything is.
func TestBench(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the stand-in is a shell script")
	}
	dir := t.TempDir()
	python := filepath.Join(dir, "python")
	script := "#!/bin/sh\n[ \"$4\" = softmax ] && [ -s \"$3/images.u8\" ] && [ -s \"$3/labels.u8\" ] && [ \"$5\" -ge 1 ] || exit 1\nwhile read line; do echo 60; done\n"
	if err := os.WriteFile(python, []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	var r epochResult
	out := succeed(t, "bench", "softmax", "--repeat", "3", "--json", "--vs-torch", "--python", python)
	if err := json.Unmarshal([]byte(out), &r); err != nil {
		t.Fatal(err)
	}
	if len(r.Seconds) != 3 || len(r.Other) != 3 || r.Median <= 0 || r.Ratio != 60/r.Median || r.Work != "softmax" {
		t.Errorf("got %+v", r)
	}
	r = epochResult{}
	out = succeed(t, "bench", "scratch", "--repeat", "1", "--json", "--vs-torch", "--python", python)
	if err := json.Unmarshal([]byte(out), &r); err != nil || len(r.Seconds) != 1 || len(r.Other) != 1 || r.Work != "scratch" {
		t.Errorf("got %+v, %v", r, err)
	}
	text := succeed(t, "bench", "softmax", "--repeat", "1", "--vs-torch", "--python", python)
	if !strings.Contains(text, "median of 1\nsoftmax ") || !strings.Contains(text, "PyTorch 60000.0 ms: ") {
		t.Errorf("got\n%s", text)
	}

	for broken, want := range map[string]string{
		"#!/bin/sh\nexit 3\n":   "--vs-torch: " + python + " could not train softmax: exit status 3; it needs numpy and torch, and scikit-learn for lbfgs",
		"#!/bin/sh\necho 1s\n":  "--vs-torch: " + python + ` printed "1s", seconds expected`,
		"#!/bin/sh\necho 0.5\n": "--vs-torch: " + python + " ended before its last epoch",
	} {
		if err := os.WriteFile(python, []byte(broken), 0o755); err != nil {
			t.Fatal(err)
		}
		wantError(t, exitFailure, want, "bench", "softmax", "--repeat", "2", "--json", "--vs-torch", "--python", python)
	}
	wantError(t, exitFailure, "--vs-torch: --python /nowhere/python: fork/exec /nowhere/python: no such file or directory",
		"bench", "softmax", "--repeat", "1", "--json", "--vs-torch", "--python", "/nowhere/python")
}

func TestMedian(t *testing.T) {
	for _, c := range []struct {
		figures []float64
		want    float64
	}{{[]float64{3}, 3}, {[]float64{3, 1}, 2}, {[]float64{9, 1, 2}, 2}, {[]float64{4, 1, 3, 2}, 2.5}} {
		if got := median(c.figures); got != c.want {
			t.Errorf("median of %v: %v, want %v", c.figures, got, c.want)
		}
	}
}
