package cli

import (
	"fmt"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/onehot-go/onehot/internal/memory"
	"github.com/onehot-go/onehot/model"
	"github.com/onehot-go/onehot/nn"
	"github.com/onehot-go/onehot/random"
)

// needs returns how many bytes a training step of the command would take, as it says when it
// is refused.
func needs(t *testing.T, args ...string) int {
	t.Helper()
	var m []string
	for mib := 70; m == nil; mib += 10 { // first, even a sample does not fit
		_, stderr, code := onehot(t, append(args, "--memory", fmt.Sprint(mib, "MiB"))...)
		if code == 0 {
			t.Fatalf("it fits in %d MiB", mib)
		}
		m = regexp.MustCompile(`a training step would take (\d+\.\d) MiB of memory, at most `).FindStringSubmatch(stderr)
	}
	n, err := strconv.ParseFloat(m[1], 64)
	if err != nil {
		t.Fatal(err)
	}
	return int(n*(1<<20)) + 1<<17 // it was rounded
}

// TestMemoryOfTraining asks for batches that do not fit, and for the greatest that does.
func TestMemoryOfTraining(t *testing.T) {
	data, dir := tinyData(t), t.TempDir()
	run := filepath.Join(dir, "run")
	for _, args := range [][]string{
		tiny(data, run, "--model", "cnn", "--batch-size", "500"),
		{"lr-find", "mnist", "--data-dir", data, "--model", "cnn", "--batch-size", "500"},
	} {
		_, stderr, code := onehot(t, append(args, "--memory", "200MB")...)
		m := regexp.MustCompile(`^onehot: --batch-size 500: a training step would take \d+\.\d MiB of memory, at most 190\.7 MiB expected \(--memory; there are .* GiB\): a batch of (\d+) fits\n$`).FindStringSubmatch(stderr)
		if code != 2 || m == nil {
			t.Fatalf("exit code %d, %q", code, stderr)
		}
		if contents(t, dir) != nil {
			t.Error("a folder was made")
		}
		args = append(args, "--memory", "200MB", "--batch-size")
		most, _ := strconv.Atoi(m[1])
		if args[0] == "lr-find" {
			args = append([]string{"lr-find", "--steps", "2"}, args[1:]...)
		} else {
			args = append(args[:len(args):len(args)], strconv.Itoa(most), "--epochs", "1", "--out", filepath.Join(dir, "most"))
			succeed(t, args...)
			dir = t.TempDir()
			continue
		}
		succeed(t, append(args, strconv.Itoa(most))...)
		if _, stderr, code := onehot(t, append(args, strconv.Itoa(most+1))...); code != 2 || !strings.HasSuffix(stderr, " fits\n") {
			t.Errorf("one more: exit code %d, %q", code, stderr)
		}
	}
	// Weights alone that do not fit, before they are taken.
	_, stderr, code := onehot(t, tiny(data, filepath.Join(dir, "wide"), "--model", "mlp", "--hidden", "20000,20000", "--memory", "1GB")...)
	if code != 1 || !strings.HasPrefix(stderr, "onehot: --model mlp: a sample would take 10.9 GiB of memory, at most 953.7 MiB expected (--memory; there are ") {
		t.Errorf("wide: exit code %d, %q", code, stderr)
	}
	wantError(t, 2, "--memory nothing: a size as in 10GB or 500MB expected (see onehot train --help)", tiny(data, run, "--memory", "nothing")...)
}

// TestMemoryOfMeasuring measures with less memory than a thousand samples take: the batches are
// smaller, and the figures are the same.
func TestMemoryOfMeasuring(t *testing.T) {
	data, dir := tinyData(t), t.TempDir()
	run := filepath.Join(dir, "run")
	succeed(t, tiny(data, run, "--model", "cnn", "--epochs", "1")...)
	args := []string{"eval", run, "--data-dir", data, "--json"}
	want := succeed(t, args...)
	got := succeed(t, append(args, "--memory", "73MiB")...)
	memoryFlags{Memory: 73 << 20}.limit()
	defer memoryFlags{}.limit()
	m, err := model.Load(filepath.Join(run, "model.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	if n, err := measuringBatch("x", false, 0, &m.Definition); err != nil || n < 2 || n > 60 {
		t.Errorf("batches of %d (%v), a few samples expected", n, err)
	}
	if got != want {
		t.Errorf("in small batches: %s\nwant %s", got, want)
	}
	if _, stderr, code := onehot(t, append(args, "--memory", "65MiB")...); code != 1 ||
		!strings.HasPrefix(stderr, "onehot: "+run+": a sample would take ") || !strings.Contains(stderr, " of memory, at most 65.0 MiB expected (--memory; there are ") {
		t.Errorf("too little: exit code %d, %q", code, stderr)
	}
}

// wide saves a model whose definition has a convolution of so many channels.
func wide(t *testing.T, path string, channels int) {
	t.Helper()
	d := model.Softmax([]int{1, 28, 28}, []string{"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"})
	d.Name, d.Data = "wide", "mnist"
	d.Layers = []nn.Spec{
		{Name: "conv", Options: nn.Conv2dOptions{In: 1, Out: channels, Kernel: nn.Square(1)}},
		{Name: "pool", Options: nn.AdaptiveAvgPool2dOptions{Out: nn.Square(1)}},
		{Name: "flatten", Options: nn.FlattenOptions{}},
		{Name: "linear", Options: nn.LinearOptions{In: channels, Out: 10}},
	}
	m, err := model.New(d, random.New(0))
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Save(path); err != nil {
		t.Fatal(err)
	}
}

func TestHeld(t *testing.T) {
	defer memoryFlags{}.limit()
	memoryFlags{Memory: 1 << 20}.limit()
	if memory.Limit() != 1<<20 || pictureMemory() != 1<<20/runtime.GOMAXPROCS(0) {
		t.Errorf("a limit of %d, %d for a picture", memory.Limit(), pictureMemory())
	}
	memoryFlags{}.limit()
	if n := memory.Total(); n > 0 && memory.Limit() != n/2 {
		t.Errorf("a limit of %d of %d", memory.Limit(), n)
	}
}
