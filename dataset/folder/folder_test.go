package folder

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/onehot-go/onehot/dataset/files"
	"github.com/onehot-go/onehot/random"
)

// make writes a folder of the given files, each with its own name in it. A name that ends with
// "/" is a folder.
func makeFolder(t testing.TB, names ...string) string {
	t.Helper()
	root := filepath.Join(t.TempDir(), "photos")
	for _, name := range append([]string{"/"}, names...) {
		path := filepath.Join(root, name)
		dir := path
		if !strings.HasSuffix(name, "/") {
			dir = filepath.Dir(path)
		}
		if err := os.MkdirAll(dir, 0o777); err != nil {
			t.Fatal(err)
		}
		if dir == path {
			continue
		}
		if err := os.WriteFile(path, []byte(name), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

// describe writes the files of a list as "part class name".
func describe(l *files.List) string {
	var b strings.Builder
	for _, f := range l.Files {
		fmt.Fprintf(&b, "%s %s %s; ", f.Part, f.Class, f.Name)
	}
	return strings.TrimSuffix(b.String(), "; ")
}

func TestOpen(t *testing.T) {
	tests := []struct {
		name    string
		files   []string
		options Options
		want    string // the files, or the error
		passed  map[files.Reason]int
		others  map[string]int
	}{
		{name: "class folders", files: []string{"dog/b.PNG", "cat/2.jpg", "cat/10.JPeG"},
			want: " cat cat/10.JPeG;  cat cat/2.jpg;  dog dog/b.PNG"},
		{name: "sorted by bytes", files: []string{"a/1.jpg", "a-b/1.jpg", "B/1.jpg", "é/1.jpg"},
			want: " B B/1.jpg;  a-b a-b/1.jpg;  a a/1.jpg;  é é/1.jpg"},
		{name: "other files", files: []string{"cat/1.jpg", "cat/film.MP4", "cat/1.txt", "cat/noextension", "notes.txt", "cat/Thumbs.db"},
			want: " cat cat/1.jpg", others: map[string]int{".mp4": 1, ".txt": 2, "": 1, ".db": 1}},
		{name: "hidden", files: []string{"cat/1.jpg", "cat/._1.jpg", ".ipynb_checkpoints/1.jpg", "__MACOSX/cat/1.jpg", ".DS_Store"},
			want: " cat cat/1.jpg", passed: map[files.Reason]int{files.Hidden: 4}},
		{name: "first level", files: []string{"animal/cat/1.jpg", "animal/1.jpg", "town/house/old/1.jpg"},
			want: " animal animal/1.jpg;  animal animal/cat/1.jpg;  town town/house/old/1.jpg"},
		{name: "all levels", files: []string{"animal/cat/1.jpg", "animal/1.jpg", "town/house/old/1.jpg"}, options: Options{Nested: true},
			want: " animal animal/1.jpg;  animal/cat animal/cat/1.jpg;  town/house/old town/house/old/1.jpg"},
		{name: "parts", files: []string{"Training/cat/1.jpg", "valid/dog/1.jpg", "TEST/cat/1.jpg", "labels/1.txt"},
			want: "test cat TEST/cat/1.jpg; train cat Training/cat/1.jpg; val dog valid/dog/1.jpg", others: map[string]int{".txt": 1}},
		{name: "parts of nested folders", files: []string{"train/a/b/1.jpg", "test/a/c/1.jpg"}, options: Options{Nested: true},
			want: "test a/c test/a/c/1.jpg; train a/b train/a/b/1.jpg"},
		{name: "training alone", files: []string{"train/cat/1.jpg", "train/dog/1.jpg"},
			want: "train cat train/cat/1.jpg; train dog train/dog/1.jpg"},
		{name: "a class that is called like a part", files: []string{"train/test/1.jpg", "train/val/1.jpg"},
			want: "train test train/test/1.jpg; train val train/val/1.jpg"},
		{name: "beside class folders", files: []string{"cover.jpg", "cat/1.jpg"},
			want: " cat cat/1.jpg", passed: map[files.Reason]int{files.Outside: 1}},
		{name: "beside class folders of a part", files: []string{"train/cover.jpg", "train/cat/1.jpg"},
			want: "train cat train/cat/1.jpg", passed: map[files.Reason]int{files.Outside: 1}},
		{name: "names of any bytes", files: []string{"ca\xfft/\xfe\n.jpg", "-rf/--.jpg", "a b/ .jpg", `back\slash/1.jpg`},
			want: " -rf -rf/--.jpg;  a b a b/ .jpg;  back\\slash back\\slash/1.jpg;  ca\\xfft ca\xfft/\xfe\n.jpg"},
		{name: "to convert", files: []string{"cat/1.HEIC", "cat/2.avif", "cat/3.heic", "cat/3.jpg", "cat/4.heic", "cat/4.heic.png", "cat/5.heic", "cat/5.x.png"},
			want: " cat cat/3.jpg;  cat cat/4.heic.png;  cat cat/5.x.png", others: map[string]int{".heic": 2}},

		{name: "mixed", files: []string{"train/cat/1.jpg", "val/cat/1.jpg", "dog/1.jpg", "cow/1.jpg"},
			want: "ROOT: found the parts train, val beside the class folders cow, dog, either parts with class folders in them or class folders alone expected"},
		{name: "twice a part", files: []string{"val/cat/1.jpg", "valid/cat/1.jpg", "train/cat/1.jpg"},
			want: "ROOT: found both val and valid, one folder for that part of the data expected"},
		{name: "no class folders in a part", files: []string{"train/cat/1.jpg", "test/1.jpg"},
			want: "ROOT: found pictures and no class folders in test, a folder for each class expected in it"},
		{name: "nothing", want: "ROOT: found no pictures, some in class folders expected"},
		{name: "no pictures", files: []string{"cat/1.mp4", "cat/2.mp4", "cat/x", "dog/1.txt"},
			want: "ROOT: found no pictures but other files (2 .mp4, 1 without an extension, 1 .txt), some in class folders expected"},
		{name: "no folders", files: []string{"1.jpg", "2.jpg"},
			want: "ROOT: found 2 pictures and no class folders that have any"},
		{name: "empty classes", files: []string{"cat/1.jpg", "dog/", "cow/1.txt"},
			want: "ROOT: found no pictures in cow, dog, some in each class folder expected, or --allow-empty"},
		{name: "an empty class of a part, and an empty part", files: []string{"train/cat/1.jpg", "val/cat/", "test/"},
			want: "ROOT: found no pictures in test, val/cat, some in each class folder expected, or --allow-empty"},
		{name: "empty nested classes", files: []string{"animal/cat/1.jpg", "animal/dog/", "town/house/"}, options: Options{Nested: true},
			want: "ROOT: found no pictures in animal/dog, town/house, some in each class folder expected, or --allow-empty"},
		{name: "empty classes that may be", files: []string{"train/cat/1.jpg", "train/dog/", "val/cow/"}, options: Options{AllowEmpty: true},
			want: "train cat train/cat/1.jpg"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if runtime.GOOS != "linux" && strings.Contains(test.name, "bytes") {
				t.Skip("names of any bytes are Linux's")
			}
			root := makeFolder(t, test.files...)
			l, err := Open(t.Context(), root, test.options)
			if err != nil {
				if got := strings.ReplaceAll(err.Error(), root, "ROOT"); got != test.want {
					t.Errorf("error %s\nwant %s", got, test.want)
				}
				return
			}
			if got := describe(l); got != test.want {
				t.Errorf("found %q\nwant  %q", got, test.want)
			}
			if test.passed == nil {
				test.passed = map[files.Reason]int{}
			}
			if test.others == nil {
				test.others = map[string]int{}
			}
			if !maps.Equal(l.Passed, test.passed) || !maps.Equal(l.Others, test.others) {
				t.Errorf("passed over %v and %v, want %v and %v", l.Passed, l.Others, test.passed, test.others)
			}
			for i, f := range l.Files {
				data, err := l.Read(t.Context(), i)
				if err != nil || string(data) != f.Name || int64(len(data)) != f.Size || f.Time.IsZero() {
					t.Errorf("%s: read %q of %d bytes at %v: %v", f.Name, data, f.Size, f.Time, err)
				}
			}
		})
	}
}

func TestClasses(t *testing.T) {
	l, err := Open(t.Context(), makeFolder(t, "train/cat/1.jpg", "train/dog/", "val/cow/1.jpg"), Options{AllowEmpty: true})
	if err != nil {
		t.Fatal(err)
	}
	classes := l.Classes()
	if want := []string{"cat", "dog"}; !slices.Equal(classes, want) {
		t.Errorf("classes %q, want %q", classes, want)
	}
	_, err = l.Labels(classes)
	want := l.Place(1) + `: found the class "cow", one of the 2 that there is training data of expected: cat, dog`
	if err == nil || err.Error() != want {
		t.Errorf("error %v\nwant %s", err, want)
	}
	labels, err := l.Labels([]string{"cow", "cat"})
	if want := []int{1, 0}; err != nil || !slices.Equal(labels, want) {
		t.Errorf("labels %v, %v, want %v", labels, err, want)
	}
}

// TestConvert has folders of pictures that have to be converted first: they are not empty.
func TestConvert(t *testing.T) {
	for _, names := range [][]string{
		{"cat/1.heic", "dog/1.jpg"},
		{"cat/1.heic", "dog/1.avif"},
		{"train/cat/1.jpg", "test/cat/1.HEIF"},
	} {
		root := makeFolder(t, names...)
		l, err := Open(t.Context(), root, Options{})
		if err != nil {
			t.Errorf("%v: %v", names, err)
			continue
		}
		if err := l.ConvertError(); err == nil || !strings.HasPrefix(err.Error(), root+": found ") || !strings.Contains(err.Error(), "find "+root+" -type f") {
			t.Errorf("%v: error %v", names, err)
		}
	}
}

// TestElsewhere holds that a copy of a folder has the same files, and that they are divided in the same way.
func TestElsewhere(t *testing.T) {
	var names []string
	for i := range 60 {
		names = append(names, fmt.Sprintf("%s/%d.jpg", []string{"cat", "dog", "cow"}[i%3], i))
	}
	draw := func(names []string) string {
		l, err := Open(t.Context(), makeFolder(t, names...), Options{})
		if err != nil {
			t.Fatal(err)
		}
		labels, err := l.Labels(l.Classes())
		if err != nil {
			t.Fatal(err)
		}
		parts, err := files.Draw(l.Files, labels, nil, files.Share{Fraction: 0.2}, files.Share{Count: 5}, random.New(7))
		if err != nil {
			t.Fatal(err)
		}
		return fmt.Sprint(describe(l), parts)
	}
	first := draw(names)
	slices.Reverse(names) // so the disk may have them in another order
	if again := draw(append(names, "cat/notes.txt", ".DS_Store")); again != first {
		t.Errorf("a folder is\n%s\nand its copy\n%s", first, again)
	}
}

func TestFind(t *testing.T) {
	l, err := Find(t.Context(), makeFolder(t, "1.jpg", "train/2.jpg", "a/b/c/3.jpg", "a/x.txt", ".a/4.jpg"))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := describe(l), "  1.jpg;   a/b/c/3.jpg;   train/2.jpg"; got != want {
		t.Errorf("found %q, want %q", got, want)
	}
	if l, err := Find(t.Context(), makeFolder(t)); err != nil || len(l.Files) != 0 {
		t.Errorf("found %v in an empty folder: %v", l, err)
	}
}

func TestErrors(t *testing.T) {
	root := makeFolder(t, "cat/1.jpg")
	for path, want := range map[string]string{
		filepath.Join(root, "dog"):       "no such file or directory",
		filepath.Join(root, "cat/1.jpg"): "found a file, a folder expected",
	} {
		if runtime.GOOS == "windows" {
			t.Skip("the messages are Unix's")
		}
		for _, open := range []func() (*files.List, error){
			func() (*files.List, error) { return Open(t.Context(), path, Options{}) },
			func() (*files.List, error) { return Find(t.Context(), path) },
		} {
			if _, err := open(); err == nil || err.Error() != path+": "+want {
				t.Errorf("error %v, want %s: %s", err, path, want)
			}
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Open(ctx, root, Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v of a context that is done", err)
	}
}
