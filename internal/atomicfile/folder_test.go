package atomicfile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// writeFiles returns what writes files of one content.
func writeFiles(content string, names ...string) func(dir string) error {
	return func(dir string) error {
		for _, name := range names {
			if err := Write(filepath.Join(dir, name), writeString(content)); err != nil {
				return err
			}
		}
		return nil
	}
}

// found returns a folder's files and their content: "a.txt: content".
func found(t *testing.T, dir string) (list []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	for _, e := range entries {
		content, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, e.Name()+": "+string(content))
	}
	return list
}

// TestFolderFaults lets every change of a WriteFolder fail, and ends the process at each: the folder is the earlier or the
// new one, and the next WriteFolder or RestoreFolder finds it.
func TestFolderFaults(t *testing.T) {
	file := []string{"create", "write", "sync", "rename", "sync folder"}
	want := slices.Concat([]string{"create"}, file, file, []string{"rename", "rename", "sync folder", "remove"})
	earlier, later := []string{"a.txt: earlier", "c.txt: earlier"}, []string{"a.txt: new", "b.txt: new"}
	for _, kill := range []bool{false, true} {
		for n := 1; n <= len(want)+1; n++ {
			t.Run(fmt.Sprintf("kill %t at %d", kill, n), func(t *testing.T) {
				dir := t.TempDir()
				path := filepath.Join(dir, "package")
				if err := WriteFolder(path, writeFiles("earlier", "a.txt", "c.txt")); err != nil {
					t.Fatal(err)
				}
				changes := inject(t, n, kill)
				err := WriteFolder(path, writeFiles("new", "a.txt", "b.txt"))
				Before = nil
				if n > len(want) {
					if err != nil || !slices.Equal(*changes, want) {
						t.Fatalf("%v; changes %q, %q expected", err, *changes, want)
					}
				} else if !errors.Is(err, errFault) {
					t.Fatalf("error %v, %v expected", err, errFault)
				}
				if err := RestoreFolder(path); err != nil {
					t.Fatal(err)
				}
				content := earlier
				if n >= len(want)-1 { // the name is the new one's
					content = later
				}
				if got := found(t, path); !slices.Equal(got, content) {
					t.Errorf("found %q, %q expected", got, content)
				}
				entries, err := os.ReadDir(dir)
				if err != nil || !kill && len(entries) != 1 || len(entries) > 2 {
					t.Errorf("found %v (%v) beside the folder", entries, err)
				}
				if err := WriteFolder(path, writeFiles("new", "a.txt", "b.txt")); err != nil {
					t.Fatal(err)
				}
				if got := found(t, path); !slices.Equal(got, later) {
					t.Errorf("found %q afterwards, %q expected", got, later)
				}
			})
		}
	}
}

// TestFolderErrors holds that what write returns is the error, and that errors name the folder.
func TestFolderErrors(t *testing.T) {
	dir := t.TempDir()
	if err := WriteFolder(filepath.Join(dir, "package"), func(string) error { return errFault }); err != errFault {
		t.Errorf("got %v", err)
	}
	if got := found(t, dir); got != nil {
		t.Errorf("left behind: %q", got)
	}
	path := filepath.Join(dir, "no", "package")
	if err := WriteFolder(path, nil); err == nil || !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "write "+path+": ") {
		t.Errorf("got %v", err)
	}
}
