package cli

import (
	"bytes"
	"context"
	"encoding/binary"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/onehot-go/onehot/dist"
	"github.com/onehot-go/onehot/random"
)

// onehot runs the program and returns what it printed and its exit code.
func onehot(t *testing.T, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	var out, err bytes.Buffer
	code = run(t.Context(), args, &out, &err)
	return out.String(), err.String(), code
}

// succeed is onehot for a call that must end well; it returns standard output.
func succeed(t *testing.T, args ...string) string {
	t.Helper()
	stdout, stderr, code := onehot(t, args...)
	if code != 0 {
		t.Fatalf("onehot %s: exit code %d, %s", strings.Join(args, " "), code, stderr)
	}
	return stdout
}

// wantError checks that a call fails with the given code and one line on standard error.
func wantError(t *testing.T, code int, message string, args ...string) {
	t.Helper()
	stdout, stderr, got := onehot(t, args...)
	if got != code || stderr != "onehot: "+message+"\n" || stdout != "" {
		t.Errorf("onehot %s\n got: exit code %d, %s%s\nwant: exit code %d, onehot: %s",
			strings.Join(args, " "), got, stderr, stdout, code, message)
	}
}

// tinyData returns a folder with a small data set in MNIST's files: class c is a light
// block in place c of the picture, with noise over it. It is not MNIST and learnt in an
// epoch or two.
func tinyData(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, split := range []struct {
		name string
		n    int
	}{{"train", 500}, {"t10k", 90}} {
		const side = 28
		r := random.New(1).For(split.name).Rand()
		images, labels := header(split.n, side, side), header(split.n)
		for i := range split.n {
			class := i % 10
			picture := make([]byte, side*side)
			for at := range picture {
				picture[at] = byte(r.IntN(60))
				if at/side/14 == class/5 && at%side/5 == class%5 {
					picture[at] += 150
				}
			}
			images = append(images, picture...)
			labels = append(labels, byte(class))
		}
		writeFile(t, filepath.Join(dir, split.name+"-images-idx3-ubyte"), images)
		writeFile(t, filepath.Join(dir, split.name+"-labels-idx1-ubyte"), labels)
	}
	return dir
}

// header returns the first bytes of an IDX file of unsigned bytes.
func header(sizes ...int) []byte {
	b := []byte{0, 0, 8, byte(len(sizes))}
	for _, n := range sizes {
		b = binary.BigEndian.AppendUint32(b, uint32(n))
	}
	return b
}

func writeFile(t *testing.T, path string, content []byte) {
	t.Helper()
	if err := os.WriteFile(path, content, 0o666); err != nil {
		t.Fatal(err)
	}
}

func readFile(t *testing.T, path ...string) []byte {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(path...))
	if err != nil {
		t.Fatal(err)
	}
	return content
}

func TestHelp(t *testing.T) {
	for _, args := range [][]string{nil, {"--help"}, {"train", "--help"}, {"eval", "-h"}, {"predict", "-h"}, {"data", "-h"}, {"help"}, {"help", "train"}} {
		if out := succeed(t, args...); !strings.HasPrefix(out, "Usage: onehot ") {
			t.Errorf("onehot %v: got %q", args, out)
		}
	}
}

// TestTrainHelpGroups checks that every flag of train stands in a group.
func TestTrainHelpGroups(t *testing.T) {
	var groups []string
	flags := map[string]int{}
	for line := range strings.Lines(succeed(t, "train", "--help")) {
		line = strings.TrimRight(line, "\n")
		switch {
		case line != "" && line[0] != ' ' && !strings.Contains(line, ":"), line == "Flags:":
			groups = append(groups, line)
		case len(groups) > 0 && strings.HasPrefix(strings.TrimSpace(line), "-"):
			flags[groups[len(groups)-1]]++
		}
	}
	const want = "Flags: Model Training Regularisation Learning rate Your own pictures Tables Pretrained nets Data Output"
	if got := strings.Join(groups[max(0, len(groups)-10):], " "); got != want || flags["Flags:"] != 1 || flags["Model"] < 4 || flags["Output"] < 6 {
		t.Errorf("groups %s, %s expected; flags %v, of which --help alone stands in none", got, want, flags)
	}
}

func TestUsageErrors(t *testing.T) {
	wantError(t, 2, `unknown command "cook": one of train, eval, predict, join, export, serve, compare, models, data, report, bench, cache, lr-find, completion, man, version expected`, "cook")
	for _, c := range []struct{ said, line string }{
		{`unknown command "trian", did you mean "train"?`, "trian"},
		{`unknown command "Predict", did you mean "predict"?`, "Predict"},
		{`unknown command "lrfind", did you mean "lr-find"?`, "lrfind"},
		{`data minst: no such file or folder, and no data set: fashion-mnist, mnist, or the path of pictures expected, did you mean "mnist"?`, "train minst"},
		{`data MNIST: no such file or folder, and no data set: fashion-mnist, mnist, or the path of pictures expected, did you mean "mnist"?`, "train MNIST"},
		{`data FashionMNIST: no such file or folder, and no data set: fashion-mnist, mnist, or the path of pictures expected, did you mean "fashion-mnist"?`, "data FashionMNIST"},
		{`--optimizer Adam: one of sgd, adam, adamw, rmsprop, adagrad, lbfgs expected, did you mean "adam"? (see onehot train --help)`, "train --optimizer Adam"},
		{`--schedule onecycle: one of constant, step, multi-step, exponential, cosine, one-cycle, plateau expected, did you mean "one-cycle"? (see onehot train --help)`, "train --schedule onecycle"},
		{`--recipe quick: one of best, fast expected (see onehot train --help)`, "train --recipe quick"},
		{`unknown flag --learning-rate, did you mean "--lr"? (see onehot train --help)`, "train --learning-rate 1"},
		{`--epochs: a whole number expected (see onehot train --help)`, "train --epochs"},
		{`--lr: a number expected (see onehot train --help)`, "train --lr"},
		{`--epochs 2.5: a whole number expected (see onehot train --help)`, "train --epochs 2.5"},
		{`--seed -1: a whole number of 0 or more expected (see onehot train --help)`, "train --seed -1"},
		{`--milestones x: a whole number expected (see onehot train --help)`, "train --schedule multi-step --milestones 1,x"},
		{`--hidden "": a whole number expected (see onehot train --help)`, "train --model mlp --hidden 8,,8"},
		{`--hidden: a value expected, or several with commas (see onehot train --help)`, "train --hidden"},
		{`--hidden 99999999999999999999: a smaller number expected (see onehot train --help)`, "train --hidden 99999999999999999999"},
		{`--epochs -9223372036854775809: a larger number expected (see onehot train --help)`, "train --epochs -9223372036854775809"},
		{`--seed 18446744073709551616: a smaller number expected (see onehot train --help)`, "train --seed 18446744073709551616"},
		{`--lr 1e999: a smaller number expected (see onehot train --help)`, "train --lr 1e999"},
		{`--lr 0,1: a number expected (see onehot train --help)`, "train --lr 0,1"},
		{`--max-time: found "5", a time as in 3m or 90s expected (see onehot train --help)`, "train --max-time 5"},
		{`--json=maybe: true or false expected (see onehot train --help)`, "train --json=maybe"},
		{`--recipe "": one of best, fast expected`, "train --recipe"},
		{`--model "": one of softmax, mlp, lenet, cnn, resnet expected (see onehot train --help)`, "train --model"},
		{`--class-weights: a value expected`, "train --class-weights"},
		{`--out: a value expected, found --json`, "train --out --json"},
		{`<model> or --pretrained expected (see onehot predict --help)`, "predict"},
		{`shell csh: one of bash, zsh, fish expected, did you mean "zsh"? (see onehot completion --help)`, "completion csh"},
	} {
		wantError(t, 2, c.said, strings.Fields(c.line)...)
	}
	wantError(t, 2, `--recipe "": one of best, fast expected`, "train", "--recipe", "")
	wantError(t, 2, `--model "": one of softmax, mlp, lenet, cnn, resnet expected (see onehot train --help)`, "train", "--model=")
	wantError(t, 2, `--epochs "": a whole number expected (see onehot train --help)`, "train", "--epochs", "")
	wantError(t, 2, `unknown flag --verbose (see onehot --help)`, "--verbose")
	wantError(t, 2, `unknown flag --epoch, did you mean "--epochs"? (see onehot train --help)`, "train", "--epoch", "3")
}

// panicking is a dist.Comm whose Size panics.
type panicking struct{ dist.Comm }

func (panicking) Rank() int { return 0 }

func TestPanicIsOneLine(t *testing.T) {
	var out, err bytes.Buffer
	code := run(context.WithValue(t.Context(), commKey{}, panicking{}), []string{"train"}, &out, &err)
	if code != 1 || strings.Count(err.String(), "\n") != 1 || !strings.HasPrefix(err.String(), "onehot: internal error: ") {
		t.Errorf("got exit code %d, %q", code, err.String())
	}
}

// interrupt is a writer that ends a context when something is written to it for the
// n-th time, as Ctrl-C would.
type interrupt struct {
	bytes.Buffer
	n      int
	cancel context.CancelFunc
}

func (w *interrupt) Write(p []byte) (int, error) {
	if w.n--; w.n == 0 {
		w.cancel()
	}
	return w.Buffer.Write(p)
}

// interrupted calls a training that is interrupted as it prints the given line, from 1, or with
// 0 before its first step.
func interrupted(t *testing.T, line int, args ...string) (stderr string) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	if line == 0 {
		cancel()
	}
	var err bytes.Buffer
	if code := run(ctx, args, &interrupt{n: line, cancel: cancel}, &err); code != exitInterrupted {
		t.Fatalf("onehot %s: exit code %d, %s", strings.Join(args, " "), code, err.String())
	}
	return err.String()
}

func TestVersionFlag(t *testing.T) {
	if flag, command := succeed(t, "--version"), succeed(t, "version"); flag != command {
		t.Errorf("--version: %q, version: %q", flag, command)
	}
	if help := succeed(t, "help", "eval"); help != succeed(t, "eval", "--help") {
		t.Errorf("help eval: %q", help)
	}
}

// TestHome checks that a ~ that the shell left is the home folder.
func TestHome(t *testing.T) {
	data := tinyData(t)
	t.Chdir(t.TempDir())
	home := t.TempDir()
	t.Setenv("HOME", home)
	t.Setenv("USERPROFILE", home)
	succeed(t, "train", "mnist", "--data-dir", data, "--epochs", "0", "--out=~/a")
	succeed(t, "train", "mnist", "--data-dir", data, "--epochs", "0", "--out", "~/b")
	succeed(t, "compare", "~/a", filepath.Join(home, "b"))
	if _, err := os.Stat("~"); err == nil {
		t.Error("there is a folder ~")
	}
}

// TestDrawnNowhere checks that a picture that cannot be written is an error before the work.
func TestDrawnNowhere(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, c := range []string{"predict no-model no-picture --grid", "predict no-model no-picture --explain", "compare no-run --plot", "data --show", "lr-find --plot"} {
		args := append(strings.Fields(c), "no/such/dir/x.png")
		wantError(t, 2, args[len(args)-2]+" no/such/dir/x.png: there is no folder no/such/dir", args...)
	}
}
