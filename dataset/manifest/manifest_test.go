package manifest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/onehot-go/onehot/dataset/files"
)

// write writes a manifest beside three files, and returns its path.
func write(t testing.TB, name, text string) string {
	t.Helper()
	root := t.TempDir()
	for _, dir := range []string{"cat", "dog", "folder.jpg"} {
		if err := os.Mkdir(filepath.Join(root, dir), 0o777); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"cat/1.jpg", "cat/2 ,;.jpg", "dog/a3f9", ".hidden.png"} {
		if err := os.WriteFile(filepath.Join(root, name), []byte(name), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	path := filepath.Join(root, name)
	if err := os.WriteFile(path, []byte(strings.ReplaceAll(text, "ROOT", filepath.ToSlash(root))), 0o666); err != nil {
		t.Fatal(err)
	}
	return path
}

func describe(l *files.List) string {
	var all []string
	for _, f := range l.Files {
		class := f.Class
		if l.Several {
			class = fmt.Sprintf("%q", f.Labels)
		}
		all = append(all, fmt.Sprintf("%s|%s|%s|%s|%d", f.Name, class, f.Part, f.Group, f.Size))
	}
	return strings.Join(all, "  ")
}

func TestOpen(t *testing.T) {
	all := Columns{Path: "file", Label: "kind", Split: "part", Group: "person"}
	plain := Columns{Path: "file", Label: "kind"}
	several := Columns{Path: "file", Label: "kind", Separator: ";"}
	const four = "cat/1.jpg|cat|train|p1|9  dog/a3f9|dog|test|p2|8"
	tests := []struct {
		name, file, text string
		columns          Columns
		want             string // the files, or the error
		convert          map[string]int
	}{
		{name: "CSV", file: "list.csv", columns: all, want: four,
			text: "kind,file,other,part,person\ndog,dog/a3f9,x,Testing,p2\ncat,cat/1.jpg,y,train,p1\n"},
		{name: "spaces, CRLF and a byte order mark", file: "list.csv", columns: all, want: four,
			text: "\ufefffile, kind ,part,person\r\ndog/a3f9, dog,test ,p2\r\ncat/1.jpg,cat, TRAINING,p1\r\n"},
		{name: "semicolons", file: "list.csv", columns: all, want: four,
			text: "file;kind;part;person\ndog/a3f9;dog;test;p2\ncat/1.jpg;cat;train;p1"},
		{name: "tabs that are found", file: "list.txt", columns: all, want: four,
			text: "file\tkind\tpart\tperson\ndog/a3f9\tdog\ttest\tp2\ncat/1.jpg\tcat\ttrain\tp1"},
		{name: "TSV", file: "list.TSV", columns: plain, want: "cat/1.jpg|a,b;c|||9",
			text: "file\tkind\ncat/1.jpg\ta,b;c\n"},
		{name: "quotes", file: "list.csv", columns: plain, want: `cat/2 ,;.jpg|a "b"|||12`,
			text: "file,kind\n\"cat/2 ,;.jpg\",\"a \"\"b\"\"\"\n"},
		{name: "paths alone", file: "list.csv", columns: Columns{Path: "file"}, want: "cat/1.jpg||||9",
			text: "file\ncat/1.jpg\n"},
		{name: "absolute paths and other spellings", file: "list.csv", columns: Columns{Path: "file"},
			want: "ROOT/cat/1.jpg||||9  dog/a3f9||||8", text: "file\nROOT/cat/1.jpg\n./cat/../dog//a3f9\n"},
		{name: "hidden files, and words that are no missing values", file: "list.csv", columns: plain, want: ".hidden.png|NA|||11  cat/1.jpg|null|||9  dog/a3f9|None|||8",
			text: "file,kind\n.hidden.png,NA\ncat/1.jpg,null\ndog/a3f9,None\n"},
		{name: "to convert", file: "list.csv", columns: plain, want: "cat/1.jpg|cat|||9", convert: map[string]int{".heic": 1},
			text: "file,kind\ncat/1.jpg,cat\ncat/7.HEIC,cat\n"},
		{name: "labels that are no UTF-8", file: "list.csv", columns: plain, want: `cat/1.jpg|caf\xe9|||9`,
			text: "file,kind\ncat/1.jpg,caf\xe9\n"},
		{name: "JSONL", file: "list.jsonl", columns: all, want: four,
			text: `{"file":"dog/a3f9","kind":"dog","part":"test","person":"p2","more":[1]}` + "\n\n" + `{"person":"p1","part":"train","kind":"cat","file":"cat/1.jpg"}`},
		{name: "JSONL with numbers", file: "list", columns: all, want: "cat/1.jpg|7|train|true|9",
			text: `{"file":"cat/1.jpg","kind":7,"part":"train","person":true}`},

		{name: "no such column", file: "list.csv", columns: all, text: "file,kind,split\ncat/1.jpg,cat,train\n",
			want: `LIST: found no column "part", there are "file", "kind", "split"`},
		{name: "no name of a column", file: "list.csv", text: "file,kind\ncat/1.jpg,cat\n",
			want: `LIST: found no column "", there are "file", "kind"`},
		{name: "no such field", file: "list.jsonl", columns: plain, text: `{"file":"cat/1.jpg","kind":"cat"}` + "\n" + `{"file":"dog/a3f9","sort":"dog"}`,
			want: `LIST: line 2: found no column "kind", there are "file", "sort"`},
		{name: "a column twice", file: "list.csv", columns: plain, text: "file,kind,kind\ncat/1.jpg,cat,cat\n",
			want: `LIST: found the column "kind" twice, once expected`},
		{name: "an empty label", file: "list.csv", columns: plain, text: "file,kind\ncat/1.jpg,cat\n\ndog/a3f9, \n",
			want: `LIST: line 4, column "kind": found " ", a value expected`},
		{name: "no label", file: "list.jsonl", columns: plain, text: `{"file":"cat/1.jpg","kind":null}`,
			want: `LIST: line 1, column "kind": found "", a value expected`},
		{name: "a label that is an object", file: "list.jsonl", columns: plain, text: `{"file":"cat/1.jpg","kind":{"cat":1}}`,
			want: `LIST: line 1, column "kind": found a list or an object, a text or a number expected`},
		{name: "a path that is a list", file: "list.jsonl", columns: plain, text: `{"file":["cat/1.jpg"],"kind":"cat"}`,
			want: `LIST: line 1, column "file": found a list, a text or a number expected`},
		{name: "a list with something else", file: "list.jsonl", columns: plain, text: `{"file":"cat/1.jpg","kind":["cat",null]}`,
			want: `LIST: line 1, column "kind": found "", found <nil> in a list of labels, texts or numbers expected`},
		{name: "lists", file: "list.jsonl", columns: plain, text: `{"file":"cat/1.jpg","kind":["tom"," cat","tom"]}` + "\n" + `{"file":"cat/2 ,;.jpg","kind":"a;b"}` + "\n" + `{"file":"dog/a3f9","kind":[]}`,
			want: `cat/1.jpg|["tom" "cat"]|||9  cat/2 ,;.jpg|["a;b"]|||12  dog/a3f9|[]|||8`},
		{name: "several labels", file: "list.csv", columns: several, text: "file,kind\ncat/1.jpg,tom; cat;;tom\ndog/a3f9, \n",
			want: `cat/1.jpg|["tom" "cat"]|||9  dog/a3f9|[]|||8`},
		{name: "several labels with tabs", file: "list.tsv", columns: several, text: "file\tkind\ncat/1.jpg\ttom;cat\n",
			want: `cat/1.jpg|["tom" "cat"]|||9`},
		{name: "an empty path", file: "list.csv", columns: plain, text: "file,kind\n,cat\n",
			want: `LIST: line 2, column "file": found "", a value expected`},
		{name: "an unknown part", file: "list.csv", columns: all, text: "file,kind,part,person\ncat/1.jpg,cat,dev,p1\n",
			want: `LIST: line 2, column "part": found "dev", train, val or test expected`},
		{name: "a path twice", file: "list.csv", columns: plain, text: "file,kind\ncat/1.jpg,cat\ndog/a3f9,dog\n./cat//1.jpg,cat\n",
			want: `LIST: line 4, column "file": found "./cat//1.jpg", each file once expected, this one is in line 2`},
		{name: "a path that is once absolute", file: "list.csv", columns: plain, text: "file,kind\ncat/1.jpg,cat\nROOT/cat/1.jpg,cat\n",
			want: `LIST: line 3, column "file": found "ROOT/cat/1.jpg", each file once expected, this one is in line 2`},
		{name: "a file that is not there", file: "list.csv", columns: plain, text: "file,kind\ndog/a3f9,dog\ncat/9.jpg,cat\ncat/8.jpg,cat\n",
			want: `LIST: line 3, column "file": found "cat/9.jpg", no such file or directory at ROOT/cat/9.jpg; and so 2 files in all`},
		{name: "a folder", file: "list.csv", columns: plain, text: "file,kind\nfolder.jpg,dog\n",
			want: `LIST: line 2, column "file": found "folder.jpg", no regular file at ROOT/folder.jpg`},
		{name: "a short line", file: "list.csv", columns: plain, text: "file,kind\ncat/1.jpg,cat\ndog/a3f9\n",
			want: `LIST: line 3: found 1 columns, 2 expected as in the header`},
		{name: "a quote", file: "list.csv", columns: plain, text: "file,kind\ncat/1.jpg,c\"at\n",
			want: `LIST: parse error on line 2, column 12: bare " in non-quoted-field`},
		{name: "no object", file: "list.jsonl", columns: plain, text: "\n[1,2]\n",
			want: `LIST: line 2: found "[1,2]", an object such as {"path":"cat/1.jpg"} expected`},
		{name: "more than an object", file: "list.jsonl", columns: plain, text: `{"file":"cat/1.jpg","kind":"cat"} {}`,
			want: `LIST: line 1: found "{\"file\":\"cat/1.jpg\",\"kind\":\"cat\"} {}", an object such as {"path":"cat/1.jpg"} expected`},
		{name: "a long line", file: "list.jsonl", columns: plain, text: `{"file":"` + strings.Repeat("a", maxLine) + `"}`,
			want: `LIST: line 1: found 1048587 bytes, at most 1048576 expected`},
		{name: "UTF-16", file: "list.csv", columns: plain, text: "\xff\xfef\x00",
			want: `LIST: found UTF-16, UTF-8 expected`},
		{name: "empty", file: "list.csv", columns: plain, text: "\n \n",
			want: `LIST: found an empty file, a header or an object a line expected`},
		{name: "a header alone", file: "list.csv", columns: plain, text: "file,kind\n",
			want: `LIST: found a header and no files, a line for each file expected`},
	}
	if runtime.GOOS == "windows" {
		t.Skip("the messages are Unix's")
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			path := write(t, test.file, test.text)
			l, err := Open(t.Context(), path, test.columns)
			got := ""
			if err != nil {
				got = strings.ReplaceAll(err.Error(), path, "LIST")
			} else {
				got = describe(l)
			}
			if got = strings.ReplaceAll(got, filepath.Dir(path), "ROOT"); got != test.want {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
			if err != nil {
				return
			}
			if !maps.Equal(l.Convert, test.convert) {
				t.Errorf("to convert %v, want %v", l.Convert, test.convert)
			}
			for i, f := range l.Files {
				data, err := l.Read(t.Context(), i)
				if err != nil || !strings.HasSuffix(f.Name, string(data)) {
					t.Errorf("%s: read %q, %v", f.Name, data, err)
				}
			}
		})
	}
}

func TestContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Open(ctx, write(t, "list.csv", "file\ncat/1.jpg\n"), Columns{Path: "file"}); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v of a context that is done", err)
	}
}

// FuzzManifest holds that whatever a manifest has is files that are there, or an error that names it.
func FuzzManifest(f *testing.F) {
	for _, text := range []string{
		"file,kind,part\ncat/1.jpg,cat,train\n", "file;kind;part\n\"cat/1.jpg\";cat;val", "file\tkind\tpart\ndog/a3f9\tdog\ttest\n",
		`{"file":"cat/1.jpg","kind":7,"part":"test"}`, `{"file":"cat/1.jpg","kind":["a",1," a"],"part":"test"}`, `{"file":["cat/1.jpg"],"kind":[{}],"part":"test"}`, "\ufefffile,kind,part\r\n", "file,kind,part\n\"", "{", "file,kind,part\n/dev/zero,a,train\n", "file,kind,part\n../../../../etc/passwd,a,train\n",
	} {
		f.Add([]byte(text))
	}
	path := write(f, "list", "")
	f.Fuzz(func(t *testing.T, text []byte) {
		r := &reader{ctx: t.Context(), path: path, root: filepath.Dir(path), lines: map[string]int{}, label: "kind"}
		r.columns = []column{{"file", setPath}, {"kind", r.setLabel}, {"part", setPart}}
		err := r.read(text, "file")
		if err == nil {
			_, err = r.list()
		}
		if err != nil && !strings.HasPrefix(err.Error(), path+": ") {
			t.Errorf("error %v does not name the manifest", err)
		}
		for _, file := range r.found {
			if file.Name == "" || file.Part == "" {
				t.Errorf("found %+v", file)
			}
		}
	})
}
