package atomicfile

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// errFault is what an injected fault returns.
var errFault = errors.New("fault")

// inject lets the n-th change to the disk fail, from 1, and with kill all that follow too:
// nothing is tidied up after a kill. It returns what the changes were.
func inject(t *testing.T, n int, kill bool) *[]string {
	var changes []string
	Before = func(change, _ string) error {
		changes = append(changes, change)
		if len(changes) == n || kill && len(changes) > n {
			return errFault
		}
		return nil
	}
	t.Cleanup(func() { Before = nil })
	return &changes
}

// twice writes content in two pieces.
func twice(content string) func(io.Writer) error {
	return func(w io.Writer) error {
		half := len(content) / 2
		return errors.Join(writeString(content[:half])(w), writeString(content[half:])(w))
	}
}

// TestFaults lets every change of a Write fail, and ends the process at each.
func TestFaults(t *testing.T) {
	want := []string{"create", "write", "write", "sync", "rename", "sync folder"}
	for _, kill := range []bool{false, true} {
		for n := 1; n <= len(want)+1; n++ {
			t.Run(fmt.Sprintf("kill %t at %d", kill, n), func(t *testing.T) {
				dir := t.TempDir()
				path := filepath.Join(dir, "a.txt")
				if err := Write(path, writeString("earlier")); err != nil {
					t.Fatal(err)
				}
				changes := inject(t, n, kill)
				err := Write(path, twice("the new one"))
				if n > len(want) {
					if err != nil || !slices.Equal(*changes, want) {
						t.Fatalf("%v; changes %q, %q expected", err, *changes, want)
					}
				} else if !errors.Is(err, errFault) {
					t.Fatalf("error %v, %v expected", err, errFault)
				}
				content := "earlier"
				if n >= len(want) { // the name is the new one's
					content = "the new one"
				}
				if !kill {
					wantOnly(t, dir, "a.txt", content)
				}
				if got, err := os.ReadFile(path); err != nil || string(got) != content {
					t.Errorf("content %q (%v), %q expected", got, err, content)
				}
				left, err := filepath.Glob(filepath.Join(dir, ".*"))
				if err != nil || len(left) > 1 {
					t.Fatalf("left behind: %v (%v)", left, err)
				}
				for _, name := range left {
					if of, ok := Temporary(filepath.Base(name)); !ok || of != "a.txt" {
						t.Errorf("left behind: %s, of %q", name, of)
					}
				}
			})
		}
	}
}

// TestKeeping checks that a Write that keeps the earlier file loses neither, wherever it
// ends.
func TestKeeping(t *testing.T) {
	want := []string{"create", "write", "sync", "rename", "rename", "sync folder"}
	for n := 1; n <= len(want)+1; n++ {
		dir := t.TempDir()
		path, before := filepath.Join(dir, "a.txt"), filepath.Join(dir, "b.txt")
		for _, content := range []string{"first", "second"} { // the first write has nothing to keep
			if err := WriteKeeping(path, before, writeString(content)); err != nil {
				t.Fatal(err)
			}
		}
		changes := inject(t, n, true)
		if err := WriteKeeping(path, before, writeString("third")); n <= len(want) && !errors.Is(err, errFault) {
			t.Fatalf("change %d: error %v, %v expected", n, err, errFault)
		}
		Before = nil
		read := func(path string) string {
			content, _ := os.ReadFile(path)
			return string(content)
		}
		got := []string{read(path), read(before)}
		files := []string{"second", "first"}
		switch {
		case n == 5:
			files = []string{"", "second"}
		case n > 5:
			files = []string{"third", "second"}
		}
		if !slices.Equal(got, files) {
			t.Errorf("change %d: files %q, %q expected", n, got, files)
		}
		if n > len(want) && !slices.Equal(*changes, want) {
			t.Errorf("changes %q, %q expected", *changes, want)
		}
	}
}

func TestRenameAndRemove(t *testing.T) {
	dir := t.TempDir()
	from, to := filepath.Join(dir, "from"), filepath.Join(dir, "to")
	if err := os.Mkdir(from, 0o755); err != nil {
		t.Fatal(err)
	}
	changes := inject(t, 0, false)
	if err := Rename(from, to); err != nil {
		t.Fatal(err)
	}
	if err := Rename(from, to); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("error %v, %v expected", err, os.ErrNotExist)
	}
	if err := Remove(to); err != nil {
		t.Fatal(err)
	}
	if err := RemoveAll(to); err != nil {
		t.Fatal(err)
	}
	if want := []string{"rename", "sync folder", "rename", "remove", "remove"}; !slices.Equal(*changes, want) {
		t.Errorf("changes %q, %q expected", *changes, want)
	}
	for n, do := range []func() error{
		func() error { return Rename(from, to) }, func() error { return Remove(to) }, func() error { return RemoveAll(to) },
	} {
		inject(t, 1, false)
		if err := do(); err != errFault {
			t.Errorf("%d: error %v, %v expected", n, err, errFault)
		}
	}
}

func TestTemporary(t *testing.T) {
	f, err := createBeside(filepath.Join(t.TempDir(), "a.b.txt"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if of, ok := Temporary(filepath.Base(f.Name())); !ok || of != "a.b.txt" {
		t.Errorf("%s: of %q, %t", f.Name(), of, ok)
	}
	for _, name := range []string{"", ".tmp", "..tmp", "a.txt.1.tmp", ".a.txt.1", ".a.txt.!.tmp", ".a.tmp", "..1.tmp"} {
		if of, ok := Temporary(name); ok {
			t.Errorf("%q is temporary, of %q", name, of)
		}
	}
}
