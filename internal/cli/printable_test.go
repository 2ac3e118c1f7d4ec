package cli

import (
	"bytes"
	"image"
	"image/png"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/onehot-go/onehot/model"
)

// TestUnprintable checks that names of classes, files, folders and settings reach the terminal
// without control characters and without forged lines.
func TestUnprintable(t *testing.T) {
	const evil = "\x1b]0;x\a\ronehot: all is well\n\u202e"
	data, dir := tinyData(t), t.TempDir()
	run := filepath.Join(dir, "run"+evil)
	succeed(t, tiny(data, run, "--epochs", "1", "-q")...)
	m, err := model.Load(folder(run).best())
	if err != nil {
		t.Fatal(err)
	}
	for i, name := range m.Classes {
		m.Classes[i] = name + evil
	}
	changed := filepath.Join(dir, "changed.safetensors")
	if err := m.Save(changed); err != nil {
		t.Fatal(err)
	}
	var picture bytes.Buffer
	if err := png.Encode(&picture, image.NewGray(image.Rect(0, 0, 28, 28))); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, evil+".png")
	writeFile(t, file, picture.Bytes())
	config := filepath.Join(run, "config.json")
	text := readFile(t, config)

	for _, c := range []struct {
		code, lines int // of both streams
		args        []string
	}{
		{0, 4, []string{"predict", changed, file}},
		{1, 1, []string{"predict", changed, file + "x"}},
		{1, 1, []string{"predict", filepath.Join(dir, evil), file}},
		{1, 1, []string{"eval", changed, "mnist", "--data-dir", data}},
		{0, 30, []string{"eval", run, "--data-dir", data}},
		{0, 2, []string{"compare", run}},
		{1, 1, []string{"compare", run + "x"}},
		{2, 1, tiny(data, run)},
		{2, 1, []string{"train", evil}},
		{2, 1, []string{evil}},
		{2, 1, []string{"train", "--class-weights", evil, "--out", filepath.Join(dir, "none")}},
		{2, 1, []string{"train", "--optimizer", evil}},
	} {
		stdout, stderr, code := onehot(t, c.args...)
		both := stdout + stderr
		if code != c.code || strings.Count(both, "\n") != c.lines || strings.ContainsAny(both, "\x1b\a\r\u202e") {
			t.Errorf("onehot %q: exit code %d, %d lines, %d and %d expected: %q", c.args, code, strings.Count(both, "\n"), c.code, c.lines, both)
		}
	}
	writeFile(t, config, bytes.Replace(text, []byte(`"class_weights": ""`), []byte(`"class_weights": "\u001b[2J\n"`), 1))
	other := filepath.Join(dir, "other")
	succeed(t, tiny(data, other, "--epochs", "1", "-q")...)
	if out := succeed(t, "compare", run, other); strings.Contains(out, "\x1b") || strings.Count(out, "\n") != 3 {
		t.Errorf("compare: %q", out)
	}
}

// TestUnprintableFolders checks that names of people's own class folders and pictures reach the
// terminal without control characters, forged lines and bytes that are no text.
func TestUnprintableFolders(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("such names cannot be had on Windows")
	}
	const evil = "\x1b]0;x\a\nonehot: all is well\n\u202e\xe9"
	dir := t.TempDir()
	t.Chdir(dir)
	colours(t, "photos", 6, 8, 8)
	for _, c := range []struct{ from, to string }{{"photos/red", "photos/" + evil}, {"photos/green/000.png", "photos/green/" + evil + ".png"}} {
		if err := os.Rename(c.from, c.to); err != nil {
			t.Skipf("no folder for such names: %v", err)
		}
	}
	writeFile(t, "photos/blue/"+evil+".jpg", []byte("\xff\xd8"))
	writeFile(t, "photos/blue/film."+evil, nil)
	writePNG(t, "other/"+evil+"2/1.png", image.NewGray(image.Rect(0, 0, 8, 8)))
	writePNG(t, "one/"+evil+"/1.png", image.NewGray(image.Rect(0, 0, 8, 8)))
	for _, c := range []struct {
		code int
		want string // in standard error
		args []string
	}{
		{0, `few pictures to learn from: "\`, []string{"train", "photos", "--model", "softmax", "--epochs", "1", "--out", "run"}},
		{0, "", []string{"eval", "run", "photos"}},
		{0, "", []string{"predict", "run", "photos/green"}},
		{1, `onehot: "other/\`, []string{"eval", "run", "other"}},
		{1, `of 1 class, "\`, []string{"train", "one", "--model", "softmax"}},
	} {
		stdout, stderr, code := onehot(t, c.args...)
		if code != c.code || !strings.Contains(stderr, c.want) {
			t.Errorf("onehot %q: exit code %d, want %d: %q, want %q in it", c.args, code, c.code, stderr, c.want)
		}
		if both := stdout + stderr; !utf8.ValidString(both) || strings.ContainsAny(both, "\x1b\a\u202e") || strings.Contains(both, "\nonehot: all is well") {
			t.Errorf("onehot %q: %q", c.args, both)
		}
	}
}
