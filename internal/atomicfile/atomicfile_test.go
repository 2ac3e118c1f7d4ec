package atomicfile

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func writeString(s string) func(io.Writer) error {
	return func(w io.Writer) error {
		_, err := io.WriteString(w, s)
		return err
	}
}

// wantOnly fails the test unless dir has just one file, name, holding content.
func wantOnly(t *testing.T, dir, name, content string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(entries) != 1 || entries[0].Name() != name {
		t.Fatalf("files in the folder: %v, want only %s", entries, name)
	}
	got, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != content {
		t.Fatalf("content %q, want %q", got, content)
	}
}

func TestWrite(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a.txt")
	for _, content := range []string{"first", "second, longer", "", "third"} {
		if err := Write(path, writeString(content)); err != nil {
			t.Fatal(err)
		}
		wantOnly(t, dir, "a.txt", content)
	}
}

func TestWriteInCurrentFolder(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	if err := Write("a.txt", writeString("here")); err != nil {
		t.Fatal(err)
	}
	wantOnly(t, dir, "a.txt", "here")
}

func TestPermissions(t *testing.T) {
	dir := t.TempDir()
	usual, path := filepath.Join(dir, "usual"), filepath.Join(dir, "a.txt")
	if err := os.WriteFile(usual, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := Write(path, writeString("x")); err != nil {
		t.Fatal(err)
	}
	want, err := os.Stat(usual)
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if got.Mode() != want.Mode() {
		t.Errorf("mode %v, want %v", got.Mode(), want.Mode())
	}
}

// errBroken is what a failing callback returns.
var errBroken = errors.New("weights are errBroken")

func TestErrorInTheMiddle(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a.txt")
	if err := Write(path, writeString("earlier")); err != nil {
		t.Fatal(err)
	}
	err := Write(path, func(w io.Writer) error {
		if err := writeString("half of the new")(w); err != nil {
			return err
		}
		return errBroken
	})
	if want := "write " + path + ": weights are errBroken"; !errors.Is(err, errBroken) || err.Error() != want {
		t.Errorf("error %q, want %q", err, want)
	}
	wantOnly(t, dir, "a.txt", "earlier")
}

func TestPanicInTheMiddle(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a.txt")
	if err := Write(path, writeString("earlier")); err != nil {
		t.Fatal(err)
	}
	func() {
		defer func() {
			if recover() != errBroken {
				t.Error("the panic did not pass through")
			}
		}()
		Write(path, func(io.Writer) error { panic(errBroken) })
	}()
	wantOnly(t, dir, "a.txt", "earlier")
}

func TestErrorsNameThePath(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, []byte("x"), 0o644); err != nil {
		t.Fatal(err)
	}
	folder := filepath.Join(dir, "folder")
	if err := os.MkdirAll(filepath.Join(folder, "child"), 0o755); err != nil {
		t.Fatal(err)
	}
	for name, path := range map[string]string{
		"no such folder":         filepath.Join(dir, "none", "a.txt"),
		"the folder is a file":   filepath.Join(file, "a.txt"),
		"the target is a folder": folder,
	} {
		t.Run(name, func(t *testing.T) {
			err := Write(path, writeString("new"))
			var pathErr *fs.PathError
			if !errors.As(err, &pathErr) || pathErr.Path != path {
				t.Fatalf("error %v, want one that names %s", err, path)
			}
			if strings.Contains(err.Error(), ".tmp") {
				t.Errorf("error %q names the temporary file", err)
			}
		})
	}
	if left, _ := filepath.Glob(filepath.Join(dir, ".*.tmp")); left != nil {
		t.Errorf("temporary files left: %v", left)
	}
}
