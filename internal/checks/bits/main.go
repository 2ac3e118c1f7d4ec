// Command bits compares the program of the working tree with that of a commit:
//
//	go run ./internal/checks/bits [-speed] [-pairs N] [-threads N] COMMIT [CASE...]
//
// It trains the default commands with both and expects the same output and the same bytes
// of weights. With -speed it measures instead: both programs train by turns, pinned to as
// many cores as they have threads. For each case it prints the median of the ratios of
// processor time, the commit's program divided by the working tree's, and the 95% interval
// of that median. A ratio below 1 says that the working tree's program takes longer.
// Pinning needs taskset, which Linux has.
package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/onehot-go/onehot/model/safetensors"
)

// training is a case: the flags of train that it is compared with, and those that it is
// measured with. It is not measured where there are none of these.
type training struct {
	name        string
	bits, speed []string
}

var trainings = []training{
	{"softmax", []string{"--epochs", "2"}, []string{"--epochs", "30"}},
	{"mlp", []string{"--model", "mlp", "--epochs", "2"}, []string{"--model", "mlp", "--epochs", "5"}},
	{"lenet", []string{"--model", "lenet", "--epochs", "1"}, []string{"--model", "lenet", "--epochs", "2"}},
	{"cnn", []string{"--model", "cnn", "--epochs", "1", "--optimizer", "adamw"},
		[]string{"--model", "cnn", "--epochs", "1", "--optimizer", "adamw"}},
	{"resnet", []string{"--model", "resnet", "--epochs", "1", "--optimizer", "adamw"}, nil},
	{"lbfgs", []string{"--optimizer", "lbfgs", "--l2", "1.6667e-5", "--epochs", "5"},
		[]string{"--optimizer", "lbfgs", "--l2", "1.6667e-5", "--epochs", "20"}},
	{"dropout", []string{"--model", "mlp", "--epochs", "1", "--dropout", "0.2", "--optimizer", "adamw",
		"--schedule", "one-cycle"}, nil},
	{"augment", []string{"--model", "lenet", "--epochs", "1", "--augment", "crop:1,flip,erase", "--mixup", "0.2",
		"--ema", "0.99", "--momentum", "0.9", "--lr", "0.05"}, nil},
}

// minPairs is the least number whose median has a 95% interval between two of them.
const minPairs = 6

func main() {
	speed := flag.Bool("speed", false, "measure processor time")
	pairs := flag.Int("pairs", 15, "with -speed: runs of each program in each case, at least 6")
	threads := flag.Int("threads", 1, "with -speed: threads and cores")
	flag.Parse()
	if flag.NArg() == 0 || *pairs < minPairs || *threads < 1 {
		flag.Usage()
		os.Exit(2)
	}
	dir, err := os.MkdirTemp("", "bits")
	if err == nil {
		c := comparison{dir: dir, pairs: *pairs, threads: *threads}
		err = errors.Join(c.run(flag.Arg(0), flag.Args()[1:], *speed), os.RemoveAll(dir))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// comparison is of two programs, which work in a folder of their own.
type comparison struct {
	dir            string
	before, after  string // the programs
	pairs, threads int
}

// run builds both programs, and compares or measures the cases with the given names, or
// all where there is no name. Programs that differ are an error.
func (c *comparison) run(commit string, names []string, speed bool) error {
	for _, name := range names {
		if !slices.ContainsFunc(trainings, func(t training) bool { return t.name == name }) {
			return fmt.Errorf("no case is called %q", name)
		}
	}
	if err := c.build(commit); err != nil {
		return err
	}
	failed := 0
	for _, t := range trainings {
		if len(names) > 0 && !slices.Contains(names, t.name) || speed && t.speed == nil {
			continue
		}
		var result string
		var err error
		if speed {
			result, err = c.measure(t.speed)
		} else {
			result, err = "the same bits", c.same(t.bits)
		}
		if err != nil {
			result = err.Error()
			failed++
		}
		fmt.Printf("%-8s %s\n", t.name, result)
	}
	if failed > 0 {
		return fmt.Errorf("%d failed", failed)
	}
	return nil
}

// build makes the programs of the commit and of the working tree.
func (c *comparison) build(commit string) error {
	root, err := output(exec.Command("git", "rev-parse", "--show-toplevel"))
	if err != nil {
		return err
	}
	root = strings.TrimSpace(root)
	tree := filepath.Join(c.dir, "tree")
	git := func(args ...string) error {
		_, err := output(exec.Command("git", append([]string{"-C", root, "worktree"}, args...)...))
		return err
	}
	if err := git("add", "--detach", tree, commit); err != nil {
		return err
	}
	c.before, c.after = filepath.Join(c.dir, "before.exe"), filepath.Join(c.dir, "after.exe")
	for program, source := range map[string]string{c.before: tree, c.after: root} {
		command := exec.Command("go", "build", "-o", program, "./cmd/onehot")
		command.Dir = source
		if _, buildErr := output(command); buildErr != nil {
			err = errors.Join(err, fmt.Errorf("%s: %w", source, buildErr))
		}
	}
	return errors.Join(err, git("remove", "--force", tree))
}

// output runs a command and returns its standard output. The error has what it wrote to
// standard error.
func output(command *exec.Cmd) (string, error) {
	var errs bytes.Buffer
	command.Stderr = &errs
	out, err := command.Output()
	if err != nil {
		err = fmt.Errorf("%s: %w\n%s", strings.Join(command.Args, " "), err, errs.Bytes())
	}
	return string(out), err
}

// train returns the command that trains with a program into the run's folder.
func train(program, run string, flags []string) *exec.Cmd {
	return exec.Command(program, append([]string{"train", "--quiet", "--out", run}, flags...)...)
}

// same trains with both programs and returns an error that says where they differ.
func (c *comparison) same(flags []string) error {
	var printed []string
	var runs []string
	for _, program := range []string{c.before, c.after} {
		run := program + ".run"
		out, err := output(train(program, run, flags))
		if err != nil {
			return err
		}
		defer os.RemoveAll(run)
		printed, runs = append(printed, out), append(runs, run)
	}
	if printed[0] != printed[1] {
		return fmt.Errorf("printed\n%sand before\n%s", printed[1], printed[0])
	}
	for _, name := range []string{"model.safetensors", "last.safetensors"} {
		before, err := safetensors.ReadFile(filepath.Join(runs[0], name))
		if err != nil {
			return err
		}
		after, err := safetensors.ReadFile(filepath.Join(runs[1], name))
		if err != nil {
			return err
		}
		if err := sameWeights(before, after); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

// sameWeights returns an error unless both files have the same weights to the bit. What
// training keeps beside them may differ: its names begin with a dot.
func sameWeights(before, after *safetensors.File) error {
	a, err := weights(before)
	if err != nil {
		return err
	}
	b, err := weights(after)
	if err != nil {
		return err
	}
	if len(a) == 0 {
		return errors.New("no weights")
	}
	for name, bytes := range a {
		if other, ok := b[name]; !ok {
			return fmt.Errorf("no tensor %q", name)
		} else if other != bytes {
			return fmt.Errorf("tensor %q differs", name)
		}
	}
	if len(b) != len(a) {
		return fmt.Errorf("%d tensors, and before %d", len(b), len(a))
	}
	return nil
}

// weights returns type, shape and elements of a file's weights by name, each as a file of
// its own.
func weights(f *safetensors.File) (map[string]string, error) {
	all := map[string]string{}
	for _, t := range f.Tensors {
		if strings.HasPrefix(t.Name, ".") {
			continue
		}
		var b strings.Builder
		if err := (&safetensors.File{Tensors: []safetensors.Tensor{t}}).Write(&b); err != nil {
			return nil, err
		}
		all[t.Name] = b.String()
	}
	return all, nil
}

// measure trains with both programs by turns and says what the ratios of their processor
// times are.
func (c *comparison) measure(flags []string) (string, error) {
	flags = append(slices.Clone(flags), "--threads", strconv.Itoa(c.threads))
	var ratios []float64
	for i := range c.pairs {
		programs := []string{c.before, c.after}
		if i%2 == 1 { // so that neither always comes first
			slices.Reverse(programs)
		}
		took := map[string]time.Duration{}
		for _, program := range programs {
			run := program + ".run"
			command := train(program, run, flags)
			command = exec.Command("taskset", append([]string{"--cpu-list", fmt.Sprintf("0-%d", c.threads-1)}, command.Args...)...)
			if _, err := output(command); err != nil {
				return "", err
			}
			took[program] = command.ProcessState.UserTime() + command.ProcessState.SystemTime()
			if err := os.RemoveAll(run); err != nil {
				return "", err
			}
		}
		ratios = append(ratios, took[c.before].Seconds()/took[c.after].Seconds())
	}
	low, middle, high := median(ratios)
	return fmt.Sprintf("%.3f, 95%% interval %.3f to %.3f", middle, low, high), nil
}

// median returns the median of at least minPairs values and its 95% interval. That goes
// from the k-th smallest to the k-th greatest value: the median of what they are drawn from
// lies outside if fewer than k of them are on one side of it, as heads of a fair coin.
func median(values []float64) (low, middle, high float64) {
	slices.Sort(values)
	n := len(values)
	k := 0
	tail, chance := 0.0, 1.0 // of at most k heads, of k heads
	for range n {
		chance /= 2
	}
	for tail += chance; tail <= 0.025; tail += chance {
		chance *= float64(n-k) / float64(k+1)
		k++
	}
	return values[k-1], (values[(n-1)/2] + values[n/2]) / 2, values[n-k]
}
