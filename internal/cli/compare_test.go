package cli

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/onehot-go/onehot/report"
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
	var untrained report.Figures
	if err := json.Unmarshal(readFile(t, "c", "metrics.json"), &untrained); err != nil {
		t.Fatal(err)
	}

	const want = `  run  hidden    model  seed  epochs  test loss  test acc  best acc  in epoch  seconds  parameters
    a       -  softmax     0       3     0.5200    0.9000    0.9000         2     4.25        7850
    b    16,8      mlp     7       1     0.5125    0.8750    0.8750         1     0.12       12786
    c       -  softmax     0       0     %.4f    %.4f    %.4[2]f         0     0.00        7850
`
	table := fmt.Sprintf(want, untrained.Loss, untrained.Accuracy)
	if got := succeed(t, "compare", "a", "b", "c"); got != table {
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

func TestCompareErrors(t *testing.T) {
	data, dir := tinyData(t), t.TempDir()
	run := handRun(t, data, filepath.Join(dir, "run"), "1,0.6,0.8,0.5,0.9,0.5,1\n")
	none := filepath.Join(dir, "none")
	wantError(t, 1, none+": no run in it (config.json is missing)", "compare", run, none)
	wantError(t, 1, dir+": no run in it (config.json is missing)", "compare", dir)
	wantError(t, 2, `--plot runs.gif: found the ending ".gif", .png or .svg expected`, "compare", run, "--plot", "runs.gif")

	file := func(name string) string { return filepath.Join(run, name) }
	config := readFile(t, file("config.json"))
	writeFile(t, file("config.json"), []byte("{"))
	wantError(t, 1, file("config.json")+": unexpected end of JSON input", "compare", run)
	writeFile(t, file("config.json"), config)
	writeFile(t, file("metrics.json"), []byte("7"))
	wantError(t, 1, file("metrics.json")+": json: cannot unmarshal number into Go value of type report.Figures", "compare", run)
}
