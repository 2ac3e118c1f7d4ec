package cli

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
)

func TestBenchErrors(t *testing.T) {
	wantError(t, exitUsage, "bench speed: one of products, softmax, scratch, mlp, lenet, cnn, lbfgs expected", "bench", "speed")
	wantError(t, exitUsage, "--threads 0, --repeat 0: at least 0 and at least 1 expected", "bench", "--repeat", "0")
	wantError(t, exitUsage, "--threads -1, --repeat 5: at least 0 and at least 1 expected", "bench", "--threads", "-1")
}

// standIn returns a Python that answers as PyTorch would: it has OpenBLAS's oldest kernels unless
// it is told of others, which are faster.
func standIn(t *testing.T, script string) string {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("the stand-in is a shell script")
	}
	python := filepath.Join(t.TempDir(), "python")
	if err := os.WriteFile(python, []byte("#!/bin/sh\n"+script), 0o755); err != nil {
		t.Fatal(err)
	}
	return python
}

// probing is the stand-in's answer to what it has.
const probing = `if [ "$4" = product ]; then
	echo "Core not found: any" >&2
	echo "Core: ${OPENBLAS_CORETYPE:-Prescott}" >&2
	case "$OPENBLAS_CORETYPE" in "") speed=30.5 ;; Haswell) speed=90 ;; *) speed=60 ;; esac
	echo "{\"missing\":[$MISSING],\"gflops\":$speed}"
	exit
fi
`

// TestBench runs the program on what takes least, with a stand-in for PyTorch. It says
// nothing about how fast anything is.
func TestBench(t *testing.T) {
	t.Setenv("OPENBLAS_CORETYPE", "")
	core := "Prescott"
	if slices.Contains(runnable(processorFlags()), "Haswell") {
		core = "Haswell"
	}
	python := standIn(t, probing+`[ "$4" = softmax ] && [ -s "$3/images.u8" ] && [ -s "$3/labels.u8" ] && [ "$5" -ge 1 ] || exit 1
[ "${OPENBLAS_CORETYPE:-Prescott}" = `+core+` ] || exit 1
while read line; do echo 60; done
`)
	var r epochResult
	out := succeed(t, "bench", "softmax", "--repeat", "3", "--json", "--vs-torch", "--python", python)
	if err := json.Unmarshal([]byte(out), &r); err != nil {
		t.Fatal(err)
	}
	if len(r.Seconds) != 3 || len(r.Other) != 3 || r.Median <= 0 || r.Ratio != 60/r.Median || r.Work != "softmax" || r.Core != core {
		t.Errorf("got %+v", r)
	}
	r = epochResult{}
	out = succeed(t, "bench", "scratch", "--repeat", "1", "--json", "--vs-torch", "--python", python)
	if err := json.Unmarshal([]byte(out), &r); err != nil || len(r.Seconds) != 1 || len(r.Other) != 1 || r.Work != "scratch" {
		t.Errorf("got %+v, %v", r, err)
	}
	text := succeed(t, "bench", "softmax", "--repeat", "1", "--vs-torch", "--python", python)
	if !strings.Contains(text, "kernels for "+core+" (GFLOP/s: Prescott, its own choice, 30") || !strings.Contains(text, "\nsoftmax ") || !strings.Contains(text, "PyTorch 60000.0 ms: ") {
		t.Errorf("got\n%s", text)
	}

	for broken, want := range map[string]string{
		"exit 3\n":   " could not train softmax: exit status 3",
		"echo 1s\n":  ` printed "1s", seconds expected`,
		"echo 0.5\n": " ended before its last epoch",
	} {
		python := standIn(t, probing+broken)
		wantError(t, exitFailure, "--vs-torch: "+python+want, "bench", "softmax", "--repeat", "2", "--json", "--vs-torch", "--python", python)
	}
}

// TestBenchWithout checks that onehot is measured where the other side is not there.
func TestBenchWithout(t *testing.T) {
	noTorch := standIn(t, `MISSING='"torch"'
`+probing+"exit 1\n")
	broken := standIn(t, "echo 5\nexit 3\n")
	for python, want := range map[string]string{
		noTorch:           noTorch + " has no torch: only onehot is measured where they are needed",
		broken:            broken + ": exit status 3: only onehot is measured",
		"/nowhere/python": "/nowhere/python: fork/exec /nowhere/python: no such file or directory: only onehot is measured",
	} {
		stdout, stderr, code := onehot(t, "bench", "softmax", "--repeat", "1", "--json", "--vs-torch", "--python", python)
		var r epochResult
		if err := json.Unmarshal([]byte(stdout), &r); err != nil || len(r.Seconds) != 1 || r.Other != nil {
			t.Errorf("%s: got %+v, %v", python, r, err)
		}
		if code != 0 || stderr != "onehot: --vs-torch: --python "+want+"\n" {
			t.Errorf("%s: exit code %d, %q", python, code, stderr)
		}
	}
}

// TestBenchNets runs the program on small nets, with stand-ins for onnxruntime and PyTorch.
func TestBenchNets(t *testing.T) {
	t.Setenv("OPENBLAS_CORETYPE", "Haswell")
	dir := t.TempDir()
	writeFile(t, filepath.Join(dir, "mlp.onnx"), nil)
	node := standIn(t, `[ "$1" = -e ] && [ "$3" = `+filepath.Join(dir, "mlp.onnx")+` ] && [ "$5" = 1 ] && [ "$6" = 1,28,28 ] || exit 1
while read line; do echo "$4"00 1000; done
`)
	python := standIn(t, probing+`[ "$3" = mlp ] && [ "$6" = 1,28,28 ] || exit 1
while read line; do echo 5 7; done
`)
	out := succeed(t, "bench", "classify", "mlp", "--threads", "1", "--repeat", "1", "--json",
		"--vs-onnxruntime", "--onnx", dir, "--node", node, "--vs-torch", "--python", python)
	lines := strings.Split(strings.TrimSpace(out), "\n")
	if len(lines) != 2 {
		t.Fatalf("got %q", out)
	}
	for i, batch := range netBatches {
		var r netResult
		if err := json.Unmarshal([]byte(lines[i]), &r); err != nil {
			t.Fatal(err)
		}
		ours := r.CPU
		if ours == 0 {
			ours = r.Wall
		}
		theirs := map[bool]float64{true: float64(100 * batch), false: 1000}[r.CPU > 0]
		if r.Net != "mlp" || r.Batch != batch || r.Threads != 1 || r.Wall <= 0 || r.ONNX == nil || r.Torch == nil ||
			*r.ONNX != (netOthers{CPU: float64(100 * batch), Wall: 1000, Ratio: theirs / ours}) || r.Torch.Wall != 7 || r.Torch.Core != "Haswell" {
			t.Errorf("got %s", lines[i])
		}
	}
	text := succeed(t, "bench", "zoo", "mobilenet_v3_small", "--repeat", "1")
	if !strings.Contains(text, "\nmobilenet_v3_small batch 1 ") || !strings.Contains(text, "\nmobilenet_v3_small batch 8 ") {
		t.Errorf("got\n%s", text)
	}

	for broken, want := range map[string]string{
		"echo 'Error: no module' >&2\necho at >&2\nexit 3\n": ": exit status 3: Error: no module",
		"echo last >&2\n": ": it ended before its last turn: last",
		"echo 1s\n":       ` printed "1s", milliseconds of processor time and of the clock expected`,
	} {
		node := standIn(t, broken)
		wantError(t, exitFailure, "--vs-onnxruntime: "+node+want, "bench", "classify", "mlp", "--repeat", "1", "--json", "--vs-onnxruntime", "--onnx", dir, "--node", node)
	}
	wantError(t, exitFailure, "--onnx: stat "+filepath.Join(dir, "cnn.onnx")+": no such file or directory", "bench", "classify", "cnn", "--json", "--vs-onnxruntime", "--onnx", dir)
	wantError(t, exitUsage, "bench classify vgg: one of mlp, lenet, cnn, resnet expected", "bench", "classify", "vgg")
	wantError(t, exitUsage, "--vs-onnxruntime and --onnx DIR, with NAME.onnx for each net, are for each other", "bench", "zoo", "--onnx", dir)
}

func TestRunnable(t *testing.T) {
	const avx2 = "fpu sse2 avx2 fma"
	const avx512 = avx2 + " avx512f avx512bw avx512dq avx512vl avx512cd"
	for flags, want := range map[string]string{
		"fpu sse2":                       "[]",
		avx2:                             "[Zen Haswell]",
		avx512:                           "[SkylakeX Zen Haswell]",
		avx512 + " avx512_bf16":          "[Cooperlake SkylakeX Zen Haswell]",
		avx512 + " avx512_bf16 amx_tile": "[SapphireRapids Cooperlake SkylakeX Zen Haswell]",
	} {
		if got := fmt.Sprint(runnable(strings.Fields(flags))); got != want {
			t.Errorf("%s: got %s, want %s", flags, got, want)
		}
	}
}

func TestInUse(t *testing.T) {
	const before = "cpu  100 0 50 1000 20 0 5 10 7 0\ncpu0 1 2 3\n"
	for after, want := range map[string]float64{
		"cpu  100 0 50 1100 20 0 5 10 7 0\n": 0,
		"cpu  120 5 60 1055 25 1 6 18 9 0\n": 0.45 / 1.05, // 45 in use, 60 idle or waiting for a disk
		before:                               0,
		"":                                   0,
		"cpu x 0 50 1100 20 0 5 10\n":        0,
	} {
		if got := inUse(before, after); math.Abs(got-want) > 1e-12 {
			t.Errorf("%q: got %v, want %v", after, got, want)
		}
	}
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
