package shards

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/onehot-go/onehot/dataset/files"
	"github.com/onehot-go/onehot/dataset/folder"
)

// member is a file of an archive. A name that ends with "/" is a folder.
type member struct {
	name, text string
	kind       byte // of a tar; 0 is a file or a folder
}

// members makes files that have their names in them, as path.Clean writes them.
func members(names ...string) []member {
	var all []member
	for _, name := range names {
		all = append(all, member{name: name, text: path.Clean(name)})
	}
	return all
}

func tarOf(t testing.TB, all []member) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, m := range all {
		h := &tar.Header{Name: m.name, Mode: 0o644, Typeflag: tar.TypeReg, Size: int64(len(m.text))}
		switch {
		case m.kind != 0:
			h.Typeflag, h.Linkname, h.Size = m.kind, m.text, 0
		case strings.HasSuffix(m.name, "/"):
			h.Typeflag, h.Size = tar.TypeDir, 0
		}
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if h.Size > 0 {
			if _, err := w.Write([]byte(m.text)); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func gzipOf(t testing.TB, data []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func zipOf(t testing.TB, all []member) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for i, m := range all {
		h := &zip.FileHeader{Name: m.name, Method: []uint16{zip.Store, zip.Deflate}[i%2]}
		if m.kind != 0 {
			h.SetMode(os.ModeSymlink | 0o777)
		}
		f, err := w.CreateHeader(h)
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(m.name, "/") {
			continue
		}
		if _, err := f.Write([]byte(m.text)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// write writes a file and returns its path.
func write(t testing.TB, dir, name string, data []byte) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, data, 0o666); err != nil {
		t.Fatal(err)
	}
	return path
}

// archives has the three kinds of archives of the same members.
var archives = map[string]func(testing.TB, []member) []byte{
	"a.zip":    zipOf,
	"a.tar":    tarOf,
	"a.tar.gz": func(t testing.TB, all []member) []byte { return gzipOf(t, tarOf(t, all)) },
}

func describe(l *files.List) string {
	var all []string
	for _, f := range l.Files {
		all = append(all, fmt.Sprintf("%s|%s|%s", f.Name, f.Class, f.Part))
	}
	return strings.Join(all, "  ")
}

// readAll holds that all files have the wanted bytes, read one by one and together.
func readAll(t *testing.T, l *files.List, want func(name string) string) {
	t.Helper()
	var all []int
	for i, f := range l.Files {
		all = append([]int{i}, all...)
		data, err := l.Read(t.Context(), i)
		if err != nil || string(data) != want(f.Name) || int64(len(data)) != f.Size || f.Time.IsZero() {
			t.Errorf("%s: read %q, %v, size %d", f.Name, data, err, f.Size)
		}
	}
	var got []int
	for c, err := range l.Contents(t.Context(), all) {
		if err != nil {
			t.Fatal(err)
		}
		if name := l.Files[c.Index].Name; c.Err != nil || string(c.Data) != want(name) {
			t.Errorf("%s: read %q, %v", name, c.Data, c.Err)
		}
		got = append(got, c.Index)
	}
	slices.Sort(got)
	slices.Sort(all)
	if !slices.Equal(got, all) {
		t.Errorf("read the files %v, want %v", got, all)
	}
	for range l.Contents(t.Context(), all) {
		break // an early end is no error
	}
}

func TestFolders(t *testing.T) {
	tests := []struct {
		name    string
		members []member
		options folder.Options
		want    string // the files, or the error
		passed  map[files.Reason]int
		others  map[string]int
	}{
		{name: "class folders", members: members("dog/b.PNG", "cat/2.jpg", "cat/10.jpg", "notes.txt"),
			want: "cat/10.jpg|cat|  cat/2.jpg|cat|  dog/b.PNG|dog|", others: map[string]int{".txt": 1}},
		{name: "a folder of class folders", members: members("photos/", "photos/dog/", "photos/dog/1.jpg", "photos/cat/1.jpg", "photos/cover.jpg", "photos/README", "__MACOSX/photos/cat/._1.jpg"),
			want: "cat/1.jpg|cat|  dog/1.jpg|dog|", passed: map[files.Reason]int{files.Hidden: 1, files.Outside: 1}, others: map[string]int{"": 1}},
		{name: "a folder of parts", members: members("data/train/cat/1.jpg", "data/val/cat/1.jpg"),
			want: "train/cat/1.jpg|cat|train  val/cat/1.jpg|cat|val"},
		{name: "a folder of one part", members: members("data/train/cat/1.jpg"), want: "train/cat/1.jpg|cat|train"},
		{name: "parts", members: members("train/cat/1.jpg", "train/dog/1.jpg"),
			want: "train/cat/1.jpg|cat|train  train/dog/1.jpg|dog|train"},
		{name: "one class", members: members("cat/1.jpg", "cat/deep/2.jpg"), want: "cat/1.jpg|cat|  cat/deep/2.jpg|cat|"},
		{name: "nested", members: members("animal/cat/1.jpg", "town/a/b/1.jpg"), options: folder.Options{Nested: true},
			want: "animal/cat/1.jpg|animal/cat|  town/a/b/1.jpg|town/a/b|"},
		{name: "names from the folder itself", members: members("./", "./cat/1.jpg", "./dog//2.jpg"), want: "cat/1.jpg|cat|  dog/2.jpg|dog|"},
		{name: "names that lead out", members: members("cat/1.jpg", "../cat/2.jpg", "/cat/3.jpg", "cat/../../4.jpg", "cat/../cat/5.jpg", "cat/..jpg/6.jpg"),
			want: "cat/1.jpg|cat|", passed: map[files.Reason]int{files.Unsafe: 4, files.Hidden: 1}},
		{name: "links", members: []member{{name: "cat/1.jpg", text: "cat/1.jpg"}, {name: "cat/2.jpg", text: "../../../etc/passwd", kind: tar.TypeSymlink}},
			want: "cat/1.jpg|cat|", passed: map[files.Reason]int{files.Special: 1}},
		{name: "a name twice", members: []member{{name: "cat/1.jpg", text: "the first"}, {name: "cat/2.jpg", text: "cat/2.jpg"}, {name: "./cat/1.jpg", text: "cat/1.jpg"}},
			want: "cat/1.jpg|cat|  cat/2.jpg|cat|", passed: map[files.Reason]int{files.Duplicate: 1}},
		{name: "hidden", members: members("cat/1.jpg", ".git/2.jpg", "cat/.3.jpg", "a/.b/c.jpg"), want: "cat/1.jpg|cat|", passed: map[files.Reason]int{files.Hidden: 3}},
		{name: "sidecars", members: []member{{name: "cat/1.jpg", text: "cat/1.jpg"}, {name: "cat/1.json", text: `{"label":"dog"}`}},
			want: "cat/1.jpg|cat|", others: map[string]int{".json": 1}},
		{name: "a long name", members: members("cat/1.jpg", "cat/"+strings.Repeat("a/", 2100)+"2.jpg"),
			want: "cat/1.jpg|cat|", passed: map[files.Reason]int{files.Unsafe: 1}},

		{name: "mixed", members: members("train/cat/1.jpg", "dog/1.jpg"),
			want: "ARCHIVE: found the parts train beside the class folders dog, either parts with class folders in them or class folders alone expected"},
		{name: "no folders", members: members("1.jpg"), want: "ARCHIVE: found 1 pictures and no class folders that have any"},
		{name: "an empty class", members: members("cat/1.jpg", "dog/"), want: "ARCHIVE: found no pictures in dog, some in each class folder expected, or --allow-empty"},
		{name: "an empty class that may be", members: members("photos/cat/1.jpg", "photos/cow/1.jpg", "photos/dog/"), options: folder.Options{AllowEmpty: true},
			want: "cat/1.jpg|cat|  cow/1.jpg|cow|"},
		{name: "nothing", members: members("cat/1.txt"), want: "ARCHIVE: found no pictures but other files (1 .txt), some in class folders expected"},
	}
	for _, test := range tests {
		for name, pack := range archives {
			t.Run(test.name+" "+name, func(t *testing.T) {
				path := write(t, t.TempDir(), name, pack(t, test.members))
				l, err := Open(t.Context(), path, test.options)
				if err != nil {
					if got := strings.ReplaceAll(err.Error(), path, "ARCHIVE"); got != test.want {
						t.Errorf("error %s\nwant %s", got, test.want)
					}
					return
				}
				if got := describe(l); got != test.want {
					t.Errorf("found %q\nwant  %q", got, test.want)
				}
				if !maps.Equal(l.Passed, notNil(test.passed)) || !maps.Equal(l.Others, notNil(test.others)) {
					t.Errorf("passed over %v and %v, want %v and %v", l.Passed, l.Others, test.passed, test.others)
				}
				readAll(t, l, func(name string) string {
					for _, m := range test.members {
						if strings.HasSuffix(m.text, name) {
							return m.text
						}
					}
					return ""
				})
			})
		}
	}
}

func notNil[K comparable](m map[K]int) map[K]int {
	if m == nil {
		return map[K]int{}
	}
	return m
}

func TestPlace(t *testing.T) {
	path := write(t, t.TempDir(), "a.zip", zipOf(t, members("photos/cat/1.jpg", "photos/dog/1.jpg")))
	l, err := Open(t.Context(), path, folder.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := l.Place(1), path+": photos/dog/1.jpg"; got != want {
		t.Errorf("place %q, want %q", got, want)
	}
}

// TestWindows has a name as some programs write it there.
func TestWindows(t *testing.T) {
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, name := range []string{`cat\1.jpg`, `dog\1.jpg`} {
		if _, err := w.CreateHeader(&zip.FileHeader{Name: name}); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	l, err := Open(t.Context(), write(t, t.TempDir(), "a.zip", b.Bytes()), folder.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := describe(l), "cat/1.jpg|cat|  dog/1.jpg|dog|"; got != want {
		t.Errorf("found %q, want %q", got, want)
	}
}

func TestSeveralArchives(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "p-1.zip", zipOf(t, members("cat/1.jpg", "dog/1.jpg")))
	write(t, dir, "p-2.zip", tarOf(t, members("cat/2.jpg", "dog/1.jpg", "dog/2.jpg"))) // content decides
	l, err := Open(t.Context(), filepath.Join(dir, "p-{1..2}.zip"), folder.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := describe(l), "cat/1.jpg|cat|  cat/2.jpg|cat|  dog/1.jpg|dog|  dog/2.jpg|dog|"; got != want || l.Passed[files.Duplicate] != 1 {
		t.Errorf("found %q, want %q; passed over %v", got, want, l.Passed)
	}
	if got, want := l.Place(2), filepath.Join(dir, "p-2.zip")+": dog/1.jpg"; got != want {
		t.Errorf("the file that comes twice lies in %q, want %q", got, want)
	}
	readAll(t, l, func(name string) string { return name })
}

func TestExpand(t *testing.T) {
	for pattern, want := range map[string]string{
		"a.tar":               "a.tar",
		"a-{08..11}.tar":      "a-08.tar a-09.tar a-10.tar a-11.tar",
		"a-{0..2}.tar":        "a-0.tar a-1.tar a-2.tar",
		"{x,y}/{1..2}":        "x/1 x/2 y/1 y/2",
		"a{,b}":               "a ab",
		"a{b":                 "a{b",
		"a}b":                 "a}b",
		"{2..1}":              "error {2..1}: found {2..1}, a range such as {000..009} or a list such as {a,b} expected",
		"{a..b}":              "error {a..b}: found {a..b}, a range such as {000..009} or a list such as {a,b} expected",
		"{}":                  "error {}: found {}, a range such as {000..009} or a list such as {a,b} expected",
		"{-1..2}":             "error {-1..2}: found {-1..2}, a range such as {000..009} or a list such as {a,b} expected",
		"{0..100000}":         "error {0..100000}: found {0..100000}, at most 100000 files expected",
		"{0..1000}{0..1000}":  "error {0..1000}{0..1000}: found 1002001 files, at most 100000 expected",
		"{1..99999999999999}": "error {1..99999999999999}: found {1..99999999999999}, a range such as {000..009} or a list such as {a,b} expected",
	} {
		paths, err := Expand(pattern)
		got := strings.Join(paths, " ")
		if err != nil {
			got = "error " + err.Error()
		}
		if got != want {
			t.Errorf("%s is %s, want %s", pattern, got, want)
		}
	}
}

func TestWebDataset(t *testing.T) {
	shard := func(first int) []member {
		var all []member
		for i := first; i < first+2; i++ {
			all = append(all, member{name: fmt.Sprintf("%03d.jpg", i), text: fmt.Sprint("picture ", i)}, member{name: fmt.Sprintf("%03d.cls", i), text: fmt.Sprintln(i)})
		}
		return all
	}
	tests := []struct {
		name   string
		shards [][]member
		beside string // classnames.txt
		want   string // the files, or the error
		passed map[files.Reason]int
		others map[string]int
	}{
		{name: "numbers", shards: [][]member{shard(9)}, want: "009.jpg|9|  010.jpg|10|"},
		{name: "several shards", shards: [][]member{shard(0), shard(0)}, want: "0.tar/000.jpg|0|  0.tar/001.jpg|1|  1.tar/000.jpg|0|  1.tar/001.jpg|1|"},
		{name: "names beside", shards: [][]member{shard(0)}, beside: "cat\r\n dog\n\n", want: "000.jpg|cat|  001.jpg|dog|"},
		{name: "names", want: "a.jpg|cat|  b.PNG|dog|",
			shards: [][]member{{{name: "a.jpg"}, {name: "a.cls", text: "cat"}, {name: "b.PNG"}, {name: "b.CLS", text: " dog\n"}}}},
		{name: "JSON", want: "a.jpg|cat|  b.jpg|7|  c.jpg|cow|", others: map[string]int{".txt": 1},
			shards: [][]member{{{name: "a.jpg"}, {name: "a.json", text: `{"label":"cat","cls":1}`}, {name: "b.jpg"}, {name: "b.json", text: `{"cls":7}`},
				{name: "c.jpg"}, {name: "c.json", text: `{"label":null,"class":"cow"}`}, {name: "c.txt", text: "a cow"}}}},
		{name: "a class before JSON", want: "a.jpg|cat|",
			shards: [][]member{{{name: "a.cls", text: "cat"}, {name: "a.jpg"}, {name: "a.json", text: `{"label":"dog"}`}}}},
		{name: "folders in keys", want: "x/a.jpg|cat|  y/a.jpg|dog|",
			shards: [][]member{{{name: "x/a.jpg"}, {name: "y/a.jpg"}, {name: "x/a.cls", text: "cat"}, {name: "y/a.cls", text: "dog"}}}},
		{name: "dots in extensions", want: "a.jpg|cat|", others: map[string]int{".seg.png": 1},
			shards: [][]member{{{name: "a.jpg"}, {name: "a.seg.png"}, {name: "a.cls", text: "cat"}}}},
		{name: "no class", want: "a.jpg|cat|", passed: map[files.Reason]int{files.Incomplete: 1},
			shards: [][]member{{{name: "a.jpg"}, {name: "a.cls", text: "cat"}, {name: "b.jpg"}}}},

		{name: "two pictures", want: "SHARD: a.png: found a second picture of the sample a beside .jpg, one expected",
			shards: [][]member{{{name: "a.jpg"}, {name: "a.png"}, {name: "a.cls", text: "cat"}}}},
		{name: "an empty class", want: `SHARD: a.cls: found "", the name or the number of a class expected`,
			shards: [][]member{{{name: "a.jpg"}, {name: "a.cls", text: "\n"}}}},
		{name: "JSON without a class", want: `SHARD: b.json: found no "label", "cls" or "class" that is a text or a number`,
			shards: [][]member{{{name: "a.jpg"}, {name: "a.cls", text: "cat"}, {name: "b.jpg"}, {name: "b.json", text: `{"label":[1]}`}}}},
		{name: "a number without a name", beside: "cat\n", want: "SHARD: 001.cls: found the class 1, a line of DIR/classnames.txt expected, which has those from 0 to 0", shards: [][]member{shard(0)}},
		{name: "a large class", want: "SHARD: a.cls: found 1048577 bytes, at most 1048576 expected",
			shards: [][]member{{{name: "a.jpg"}, {name: "a.cls", text: strings.Repeat("a", maxLabel+1)}}}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			dir := t.TempDir()
			pattern := filepath.Join(dir, "{0.tar,1.tar}")
			for i, all := range test.shards {
				write(t, dir, fmt.Sprintf("%d.tar", i), [][]byte{tarOf(t, all), gzipOf(t, tarOf(t, all))}[i])
			}
			if len(test.shards) == 1 {
				pattern = filepath.Join(dir, "0.tar")
			}
			if test.beside != "" {
				write(t, dir, "classnames.txt", []byte(test.beside))
			}
			l, err := Open(t.Context(), pattern, folder.Options{})
			if err != nil {
				if got := strings.ReplaceAll(strings.ReplaceAll(err.Error(), filepath.Join(dir, "0.tar"), "SHARD"), dir, "DIR"); got != test.want {
					t.Errorf("error %s\nwant %s", got, test.want)
				}
				return
			}
			if got := describe(l); got != test.want {
				t.Errorf("found %q\nwant  %q", got, test.want)
			}
			if !maps.Equal(l.Passed, notNil(test.passed)) || !maps.Equal(l.Others, notNil(test.others)) {
				t.Errorf("passed over %v and %v, want %v and %v", l.Passed, l.Others, test.passed, test.others)
			}
			readAll(t, l, func(name string) string {
				for i, all := range test.shards {
					for _, m := range all {
						if m.name == strings.TrimPrefix(name, fmt.Sprintf("%d.tar/", i)) {
							return m.text
						}
					}
				}
				return "?"
			})
		})
	}
}

func TestContext(t *testing.T) {
	for name, pack := range archives {
		path := write(t, t.TempDir(), name, pack(t, members("cat/1.jpg", "dog/1.jpg")))
		l, err := Open(t.Context(), path, folder.Options{})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := Open(ctx, path, folder.Options{}); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: error %v of a context that is done", name, err)
		}
		if _, err := l.Read(ctx, 0); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: error %v of a context that is done", name, err)
		}
	}
}
