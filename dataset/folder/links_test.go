//go:build unix

package folder

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/onehot-go/onehot/dataset/files"
)

// link makes links, each "name -> target".
func link(t *testing.T, root string, links ...string) {
	t.Helper()
	for _, l := range links {
		name, target, _ := strings.Cut(l, " -> ")
		if err := os.Symlink(strings.ReplaceAll(target, "ROOT", root), filepath.Join(root, name)); err != nil {
			t.Fatal(err)
		}
	}
}

func TestLinks(t *testing.T) {
	elsewhere := makeFolder(t, "cat/1.jpg", "dog/2.jpg", "dog/deep/3.jpg")
	tests := []struct {
		name   string
		files  []string
		links  []string
		want   string
		passed map[files.Reason]int
	}{
		{name: "files", files: []string{"cat/1.jpg"}, links: []string{"cat/2.jpg -> 1.jpg", "cat/3.jpg -> " + elsewhere + "/dog/2.jpg"},
			want: " cat cat/1.jpg;  cat cat/2.jpg;  cat cat/3.jpg"},
		{name: "folders", links: []string{"b -> " + elsewhere + "/dog", "a -> " + elsewhere + "/cat"},
			want: " a a/1.jpg;  b b/2.jpg;  b b/deep/3.jpg"},
		{name: "one folder twice", files: []string{"cat/1.jpg"}, links: []string{"z -> " + elsewhere + "/dog", "a -> " + elsewhere + "/dog", "b -> " + elsewhere + "/dog"},
			want: " a a/2.jpg;  a a/deep/3.jpg;  cat cat/1.jpg", passed: map[files.Reason]int{files.Again: 2}},
		{name: "a folder that is there", files: []string{"cat/1.jpg", "dog/2.jpg"}, links: []string{"a -> cat"},
			want: " cat cat/1.jpg;  dog dog/2.jpg", passed: map[files.Reason]int{files.Again: 1}},
		{name: "a folder that has one that was read", links: []string{"b -> " + elsewhere + "/dog/deep", "c -> " + elsewhere + "/dog"},
			want: " b b/3.jpg;  c c/2.jpg", passed: map[files.Reason]int{files.Again: 1}},
		{name: "loops", files: []string{"cat/1.jpg"}, links: []string{"cat/up -> ..", "cat/here -> .", "cat/root -> /", "cat/self.jpg -> self.jpg", "cat/around -> ROOT/cat"},
			want: " cat cat/1.jpg", passed: map[files.Reason]int{files.Again: 4, files.Dangling: 1}},
		{name: "two folders that lead to each other", files: []string{"cat/1.jpg", "dog/2.jpg"}, links: []string{"cat/dog -> ../dog", "dog/cat -> ../cat"},
			want: " cat cat/1.jpg;  dog dog/2.jpg", passed: map[files.Reason]int{files.Again: 2}},
		{name: "nothing", files: []string{"cat/1.jpg"}, links: []string{"cat/2.jpg -> 3.jpg", "dog -> nowhere"},
			want: " cat cat/1.jpg", passed: map[files.Reason]int{files.Dangling: 2}},
		{name: "a device", files: []string{"cat/1.jpg"}, links: []string{"cat/2.jpg -> /dev/zero"},
			want: " cat cat/1.jpg", passed: map[files.Reason]int{files.Special: 1}},
		{name: "hidden", files: []string{"cat/1.jpg"}, links: []string{".dog -> " + elsewhere + "/dog"},
			want: " cat cat/1.jpg", passed: map[files.Reason]int{files.Hidden: 1}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			root := makeFolder(t, test.files...)
			link(t, root, test.links...)
			l, err := Open(t.Context(), root, Options{})
			if err != nil {
				t.Fatal(err)
			}
			if got := describe(l); got != test.want {
				t.Errorf("found %q\nwant  %q", got, test.want)
			}
			if test.passed == nil {
				test.passed = map[files.Reason]int{}
			}
			if !maps.Equal(l.Passed, test.passed) {
				t.Errorf("passed over %v, want %v", l.Passed, test.passed)
			}
			for i, f := range l.Files {
				if data, err := l.Read(t.Context(), i); err != nil || int64(len(data)) != f.Size {
					t.Errorf("%s: read %d bytes of %d, %v", f.Name, len(data), f.Size, err)
				}
			}
		})
	}
	t.Run("the folder itself", func(t *testing.T) {
		root := makeFolder(t)
		link(t, root, "photos -> "+elsewhere)
		l, err := Open(t.Context(), filepath.Join(root, "photos"), Options{})
		if err != nil {
			t.Fatal(err)
		}
		if got, want := describe(l), " cat cat/1.jpg;  dog dog/2.jpg;  dog dog/deep/3.jpg"; got != want {
			t.Errorf("found %q, want %q", got, want)
		}
	})
}

// TestPipe would hang if a pipe were opened.
func TestPipe(t *testing.T) {
	root := makeFolder(t, "cat/1.jpg")
	if err := syscall.Mkfifo(filepath.Join(root, "cat/2.jpg"), 0o666); err != nil {
		t.Fatal(err)
	}
	link(t, root, "cat/3.jpg -> 2.jpg")
	l, err := Open(t.Context(), root, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := describe(l), " cat cat/1.jpg"; got != want || l.Passed[files.Special] != 2 {
		t.Errorf("found %q, passed over %v", got, l.Passed)
	}
	// Nor is a file that has become one.
	if err := os.Remove(l.Place(0)); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(l.Place(0), 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Read(t.Context(), 0); err == nil || err.Error() != l.Place(0)+": found no regular file, one expected" {
		t.Errorf("error %v", err)
	}
}

// TestDeep has a path that is too long for the system.
func TestDeep(t *testing.T) {
	root := makeFolder(t, "cat/1.jpg")
	t.Chdir(root)
	for range 30 {
		name := strings.Repeat("d", 200)
		if err := os.Mkdir(name, 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.Chdir(name); err != nil { // t.Chdir looks for the path that it is in
			t.Fatal(err)
		}
	}
	if _, err := Open(t.Context(), root, Options{}); err == nil || !strings.HasPrefix(err.Error(), root+"/ddd") || !strings.HasSuffix(err.Error(), ": file name too long") {
		t.Errorf("error %v", err)
	}
}

// BenchmarkOpen lists 100,000 files in 1,000 folders.
func BenchmarkOpen(b *testing.B) {
	root := b.TempDir()
	for c := range 1000 {
		dir := filepath.Join(root, fmt.Sprintf("class-%03d", c))
		if err := os.Mkdir(dir, 0o777); err != nil {
			b.Fatal(err)
		}
		for i := range 100 {
			if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("%05d.jpg", i)), nil, 0o666); err != nil {
				b.Fatal(err)
			}
		}
	}
	for b.Loop() {
		l, err := Open(b.Context(), root, Options{})
		if err != nil || len(l.Files) != 100000 {
			b.Fatal(len(l.Files), err)
		}
	}
}
