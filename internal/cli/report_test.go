package cli

import (
	"path/filepath"
	"strings"
	"testing"
)

func TestReport(t *testing.T) {
	data, dir := tinyData(t), t.TempDir()
	run := filepath.Join(dir, "run")
	succeed(t, tiny(data, run, "--epochs", "2")...)

	// The data are found where they were in training.
	_, stderr, code := onehot(t, "report", run)
	if code != 0 || stderr != "report.html and the pictures of "+run+" are in "+run+"\n" {
		t.Errorf("exit code %d, %q", code, stderr)
	}
	out := filepath.Join(dir, "some", "where")
	succeed(t, "report", run, "--out", out, "--threads", "1")
	for _, name := range []string{"curves.svg", "confusion.png", "mistakes.png", "weights.png"} {
		if string(readFile(t, run, name)) != string(readFile(t, out, name)) {
			t.Errorf("%s is another the second time", name)
		}
	}
	if html := string(readFile(t, out, "report.html")); !strings.HasSuffix(html, "</html>\n") {
		t.Error("no whole report.html")
	}
	if svg := string(readFile(t, out, "curves.svg")); !strings.Contains(svg, ">best epoch, 1: test accuracy 1.0000<") {
		t.Errorf("no best epoch in %s", svg)
	}
}

// TestReportReplaced checks that a run that replaces another leaves no pictures of it.
func TestReportReplaced(t *testing.T) {
	data, run := tinyData(t), filepath.Join(t.TempDir(), "run")
	succeed(t, tiny(data, run, "--epochs", "1")...)
	succeed(t, "report", run)
	succeed(t, tiny(data, run, "--epochs", "1", "--force")...)
	if left, err := filepath.Glob(filepath.Join(run, "*.[ps][nv]g*")); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v (%v)", left, err)
	}
}

func TestReportErrors(t *testing.T) {
	data, dir := tinyData(t), t.TempDir()
	run := filepath.Join(dir, "run")
	succeed(t, tiny(data, run, "--epochs", "1")...)
	file := filepath.Join(dir, "file")
	writeFile(t, file, nil)
	wantError(t, 2, "--threads -1: at least 0 expected", "report", run, "--threads", "-1")
	wantError(t, 1, filepath.Join(dir, "none")+": no run in it (config.json is missing)", "report", filepath.Join(dir, "none"))
	wantError(t, 1, "mkdir "+file+": not a directory", "report", run, "--out", file)
	path := filepath.Join(data, "t10k-labels-idx1-ubyte")
	labels := readFile(t, path)
	labels[len(labels)-1]-- // from 9
	writeFile(t, path, labels)
	if _, stderr, code := onehot(t, "report", run); code != 1 ||
		!strings.HasPrefix(stderr, "onehot: the data are not those that the run in "+run+" was started with: t10k-labels-idx1-ubyte ("+path+"): found SHA-256 ") {
		t.Errorf("other data: exit code %d, %q", code, stderr)
	}
	labels[len(labels)-1]++
	writeFile(t, path, labels)
	writeFile(t, filepath.Join(run, "history.csv"), nil)
	wantError(t, 1, filepath.Join(run, "history.csv")+": found 0 lines, at least 1 expected", "report", run)
}
