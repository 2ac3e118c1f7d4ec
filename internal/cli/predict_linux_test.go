package cli

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestPredictPipes reads a named pipe, and one that has no name but under /dev/fd, like standard
// input; a folder's are passed over.
func TestPredictPipes(t *testing.T) {
	m, dir := drawingsModel(t, "", 1), t.TempDir()
	picture := readFile(t, greys(t, dir, 255)[0])
	fifo := filepath.Join(dir, "fifo.png")
	if err := syscall.Mkfifo(fifo, 0o666); err != nil {
		t.Skip(err)
	}
	go os.WriteFile(fifo, picture, 0) // which waits for a reader
	if got, want := succeed(t, "predict", m, fifo, "--top-k", "1"), fifo+" (as it is)\n  white  0.9820\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := predicted(t, m, dir); len(got) != 1 {
		t.Errorf("got %q of a folder with a pipe in it", got)
	}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if _, err := w.Write(picture); err != nil {
		t.Fatal(err)
	}
	w.Close()
	unnamed := fmt.Sprintf("/dev/fd/%d", r.Fd())
	if got, want := succeed(t, "predict", m, unnamed, "--top-k", "1"), unnamed+" (as it is)\n  white  0.9820\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	wantError(t, 1, "/dev/null: a device, the file of a picture expected", "predict", m, "/dev/null")
	wantError(t, 2, "--csv /dev/null: a file's name expected", "predict", m, "--csv", "/dev/null", "--force", fifo)
}

// TestPredictNamesThatAreNoText opens files whose names are no UTF-8, by themselves, in a folder
// and in a list, and says them as JSON and CSV can.
func TestPredictNamesThatAreNoText(t *testing.T) {
	m, dir := drawingsModel(t, "", 1), t.TempDir()
	name := filepath.Join(dir, "a\xff\xfe,b.png")
	if err := os.Rename(greys(t, dir, 255)[0], name); err != nil {
		t.Skip(err)
	}
	list := filepath.Join(dir, "list")
	writeFile(t, list, []byte(name+"\n"))
	table := filepath.Join(dir, "out.csv")
	for _, args := range [][]string{{name}, {dir}, {"--files-from", list}} {
		out := succeed(t, append([]string{"predict", m, "--json", "--csv", table, "--force"}, args...)...)
		var p prediction
		if err := json.Unmarshal([]byte(out), &p); err != nil {
			t.Fatal(err)
		}
		if p.File != `"`+dir+`/a\xff\xfe,b.png"` || string(p.Bytes) != name || len(p.Predictions) != 2 {
			t.Errorf("%q: got %s", args, out)
		}
		line := strings.Split(string(readFile(t, table)), "\n")[1]
		if want := `"""` + dir + `/a\xff\xfe,b.png""",white,`; !strings.HasPrefix(line, want) {
			t.Errorf("%q: got %s, want %s", args, line, want)
		}
	}
	stdout, stderr, code := onehot(t, "predict", m, name+"x", "--json")
	if want := `","file_bytes":"`; code != 1 || !strings.Contains(stdout, want) || !strings.Contains(stdout, `"error":"no such file or directory"`) ||
		stderr != "onehot: "+dir+`/a\xff\xfe,b.pngx: no such file or directory`+"\n" {
		t.Errorf("got exit code %d, %s, %s", code, stdout, stderr)
	}
}
