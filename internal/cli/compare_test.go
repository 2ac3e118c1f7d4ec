package cli

import (
	"encoding/json"
	"fmt"
	"math"
	"path/filepath"
	"strings"
	"testing"

	"github.com/onehot-go/onehot/report"
	"github.com/onehot-go/onehot/task"
)

// handRun returns the folder of a run whose history is rewritten to known figures.
func handRun(t *testing.T, data, dir, history string, more ...string) string {
	t.Helper()
	succeed(t, tiny(data, dir, append(more, "--epochs", fmt.Sprint(strings.Count(history, "\n")))...)...)
	writeFile(t, filepath.Join(dir, "history.csv"), []byte("epoch,train_loss,train_acc,test_loss,test_acc,lr,seconds\n"+history))
	return dir
}

func TestCompare(t *testing.T) {
	data := tinyData(t)
	t.Chdir(t.TempDir())
	handRun(t, data, "a", "1,0.7,0.7,0.61,0.8,0.5,1.25\n2,0.6,0.8,0.51,0.9,0.5,1.5\n3,0.5,0.9,0.52,0.9,0.5,1.5\n")
	handRun(t, data, "b", "1,0.6,0.8,0.5125,0.875,0.5,0.125\n", "--model", "mlp", "--hidden", "16,8", "--seed", "7")
	handRun(t, data, "c", "", "--force")
	var untrained task.ByClass
	if err := json.Unmarshal(readFile(t, "c", "metrics.json"), &untrained); err != nil {
		t.Fatal(err)
	}

	const want = `  run  hidden    model  seed  epochs  test loss  test acc  best test acc  in epoch  seconds  parameters
    a       -  softmax     0       3     0.5200    0.9000        0.9000*         2     4.25        7850
    b    16,8      mlp     7       1     0.5125    0.8750        0.8750          1     0.12       12786
    c       -  softmax     0       0     %.4f    %.4f        %.4[2]f          0     0.00        7850
`
	table := fmt.Sprintf(want, untrained.Loss, untrained.Accuracy)
	if got := succeed(t, "compare", "c", "b", "a"); got != table {
		t.Errorf("got\n%s\nwant\n%s", got, table)
	}
	// What is the same in all is left out.
	if got := succeed(t, "compare", "a", "c"); strings.Contains(got, "model") || strings.Contains(got, "seed") {
		t.Errorf("got\n%s", got)
	}

	lines := strings.Split(strings.TrimSpace(succeed(t, "compare", "--json", "b", "a")), "\n")
	if len(lines) != 2 {
		t.Fatalf("got %q", lines)
	}
	var b comparedRun
	if err := json.Unmarshal([]byte(lines[0]), &b); err != nil {
		t.Fatal(err)
	}
	if b.Settings.Seed != 7 || fmt.Sprint(b.Settings.Hidden) != "[16 8]" {
		t.Errorf("settings %+v", b.Settings)
	}
	const figures = `"epochs":3,"test_acc":0.9,"test_loss":0.52,"best_test_acc":0.9,"best_epoch":2,"seconds":4.25,"parameters":7850}`
	if !strings.HasPrefix(lines[1], `{"run":"a","settings":{"data":"mnist",`) || !strings.HasSuffix(lines[1], figures) {
		t.Errorf("got %s, %s expected at the end", lines[1], figures)
	}

	_, stderr, code := onehot(t, "compare", "a", "b", "--plot", "runs.svg")
	if code != 0 || stderr != "drawn to runs.svg\n" {
		t.Errorf("exit code %d, %q", code, stderr)
	}
	for _, name := range []string{">a", ">b"} { // in the legend
		if svg := string(readFile(t, "runs.svg")); !strings.Contains(svg, name) {
			t.Errorf("%s is missing in %s", name, svg)
		}
	}
	wantError(t, 2, "--plot runs.svg exists: --force replaces it", "compare", "a", "--plot", "runs.svg")
	succeed(t, "compare", "a", "--plot", "runs.svg", "--force")
	succeed(t, "compare", "a", "--plot", "runs.png")
}

// TestCompareValidation keeps accuracies of validation and of test data apart.
func TestCompareValidation(t *testing.T) {
	var b strings.Builder
	runs := []comparedRun{
		{Run: "val", Settings: settings{Val: count(9), Optimizer: "sgd"}, TestAcc: new(0.75), TestLoss: new(0.5), BestValAcc: new(0.99)},
		{Run: "test", Settings: settings{Optimizer: "sgd"}, TestAcc: new(0.8), TestLoss: new(0.5), BestTestAcc: new(0.85)},
		{Run: "no test", Settings: settings{Optimizer: "sgd"}, BestValAcc: new(0.98)},
	}
	for _, c := range []struct {
		runs []comparedRun
		want string
	}{
		{runs, `      run  val  epochs  test loss  test acc  best test acc  best val acc  in epoch  seconds  parameters
     test    0       0     0.5000   0.8000*         0.8500             -         0     0.00           0
      val    9       0     0.5000   0.7500               -        0.9900         0     0.00           0
  no test    0       0          -        -               -        0.9800         0     0.00           0
`},
		{runs[:1], `  run  epochs  test loss  test acc  best val acc  in epoch  seconds  parameters
  val       0     0.5000    0.7500        0.9900         0     0.00           0
`},
		{runs[2:], `      run  epochs  test loss  test acc  best val acc  in epoch  seconds  parameters
  no test       0          -         -        0.9800         0     0.00           0
`},
	} {
		b.Reset()
		if err := writeComparison(&b, c.runs, math.MaxInt); err != nil || b.String() != c.want {
			t.Errorf("got\n%s\nwant\n%s", b.String(), c.want)
		}
	}
}

// TestCompareWidth checks that no line is longer than the terminal is wide, and that nothing is
// left out for it.
func TestCompareWidth(t *testing.T) {
	runs := []comparedRun{
		{Run: "runs/a-long-name-1", Settings: settings{Optimizer: "sgd", Seed: 1}, TestAcc: new(0.75), TestLoss: new(0.5), BestTestAcc: new(0.75)},
		{Run: "runs/a-long-name-2", Settings: settings{Optimizer: "adam"}, TestAcc: new(0.8), TestLoss: new(0.5), BestTestAcc: new(0.85)},
	}
	const want = `            run  optimizer  seed  epochs
  ...ong-name-2       adam     0       0
  ...ong-name-1        sgd     1       0

            run  test loss  test acc
  ...ong-name-2     0.5000    0.8000
  ...ong-name-1     0.5000    0.7500

            run  best test acc  in epoch
  ...ong-name-2        0.8500*         0
  ...ong-name-1        0.7500          0

            run  seconds  parameters
  ...ong-name-2     0.00           0
  ...ong-name-1     0.00           0
`
	var b strings.Builder
	if err := writeComparison(&b, runs, 40); err != nil || b.String() != want {
		t.Errorf("got\n%s\nwant\n%s", b.String(), want)
	}
	b.Reset()
	if err := writeComparison(&b, runs, 100); err != nil || strings.Count(b.String(), "\n\n") != 1 || !strings.Contains(b.String(), "runs/a-long-name-1") {
		t.Errorf("got\n%s", b.String())
	}
}

func TestCompareErrors(t *testing.T) {
	data, dir := tinyData(t), t.TempDir()
	run := handRun(t, data, filepath.Join(dir, "run"), "1,0.6,0.8,0.5,0.9,0.5,1\n")
	none := filepath.Join(dir, "none")
	wantError(t, 1, dir+": no run in it (config.json is missing); left out", "compare", dir)
	wantError(t, 2, `--plot runs.gif: found the ending ".gif", .png or .svg expected`, "compare", run, "--plot", "runs.gif")

	file := func(name string) string { return filepath.Join(run, name) }
	for _, c := range []struct{ name, content, message string }{
		{"config.json", "{", ": unexpected end of JSON input; left out"},
		{"metrics.json", "7", ": json: cannot unmarshal number into Go value of type cli.figuresFile; left out"},
		{"history.csv", "", ": found 0 lines, at least 1 expected; left out"},
	} {
		whole := readFile(t, file(c.name))
		writeFile(t, file(c.name), []byte(c.content))
		wantError(t, 1, file(c.name)+c.message, "compare", run)
		writeFile(t, file(c.name), whole)
	}

	// One that is left out is said, and the others are compared.
	alone := succeed(t, "compare", run)
	stdout, stderr, code := onehot(t, "compare", none, run, dir)
	want := fmt.Sprintf("onehot: %s: no run in it (config.json is missing); left out\nonehot: %s: no run in it (config.json is missing); left out\n", none, dir)
	if code != 0 || stdout != alone || stderr != want {
		t.Errorf("got exit code %d, %s%s", code, stderr, stdout)
	}
}

// TestCompareUnfinished leaves out a run that has finished no epoch, and one whose test data
// have not been read.
func TestCompareUnfinished(t *testing.T) {
	data, dir := tinyData(t), t.TempDir()
	for _, c := range []struct {
		name, message string
		options       []string
		lines         int // that are printed before it is interrupted
	}{
		{"start", "%s: no model in it: the folder of a run that has finished an epoch expected; left out", nil, 0},
		{"val", "%s: no figures in it (metrics.json is missing): a run with --val has them when it ends; left out", []string{"--val", "20"}, 2},
	} {
		run := filepath.Join(dir, c.name)
		interrupted(t, c.lines, tiny(data, run, c.options...)...)
		wantError(t, 1, fmt.Sprintf(c.message, run), "compare", run)
	}
}

// TestBatchesDamaged checks that losses by batch that cannot be read are left out of
// pictures, and in nobody's way.
func TestBatchesDamaged(t *testing.T) {
	data, run := tinyData(t), filepath.Join(t.TempDir(), "run")
	succeed(t, tiny(data, run, "--epochs", "1")...)
	batches := filepath.Join(run, "batches.csv")
	for _, content := range []string{"", "epoch\n", "epoch,train_loss\n0.5,NaN\n", "epoch,train_loss\n0.5,+Inf\n", "epoch,train_loss\n1,x\n", "epoch,train_loss\n\"\n"} {
		for _, args := range [][]string{{"compare", run}, {"report", run}, {"train", "--resume", "--out", run, "-q"}, {"train", "--resume", "--out", run}} {
			writeFile(t, batches, []byte(content))
			_, stderr, code := onehot(t, args...)
			quiet := args[len(args)-1] == "-q"
			if said := strings.Contains(stderr, ": the losses by batch are not drawn\n") && strings.Contains(stderr, batches+": "); code != 0 || said == quiet {
				t.Errorf("%q: onehot %v: exit code %d, %q", content, args, code, stderr)
			}
		}
	}
	writeFile(t, batches, nil)
	succeed(t, "train", "--resume", "--out", run, "--epochs", "2")
	if losses, err := report.ReadBatches(batches, 2); err != nil || len(losses) == 0 || losses[0].Epoch <= 1 {
		t.Errorf("after going on: %v, %v", losses, err)
	}
}
