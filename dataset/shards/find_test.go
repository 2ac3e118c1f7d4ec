package shards_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/onehot-go/onehot/dataset/shards"
)

// TestFind finds pictures without classes in several archives, and reads them.
func TestFind(t *testing.T) {
	dir := t.TempDir()
	write := func(name string, entries ...string) []byte {
		var b bytes.Buffer
		w := tar.NewWriter(&b)
		for _, e := range entries {
			w.WriteHeader(&tar.Header{Name: e, Size: int64(len(e)), Mode: 0o644})
			w.Write([]byte(e))
		}
		w.Close()
		if err := os.WriteFile(filepath.Join(dir, name), b.Bytes(), 0o666); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	write("s-0.tar", "b.png", "a/1.jpg", "notes.txt", ".hidden.png")
	second := write("s-1.tar", "b.png", "b.cls", "x.jpg")
	l, err := shards.Find(context.Background(), filepath.Join(dir, "s-{0..1}.tar"))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for i := range l.Files {
		data, err := l.Read(context.Background(), i)
		if err != nil {
			t.Error(err)
		}
		got = append(got, strings.TrimPrefix(l.Place(i), dir+"/")+"="+string(data))
	}
	want := "s-0.tar: a/1.jpg=a/1.jpg s-0.tar: b.png=b.png s-1.tar: b.png=b.png s-1.tar: x.jpg=x.jpg"
	if strings.Join(got, " ") != want || l.Others[".txt"] != 1 || l.Others[".cls"] != 1 {
		t.Errorf("found %v, others %v, want %s", got, l.Others, want)
	}
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	z.Write(second)
	z.Close()
	path := filepath.Join(dir, "s.tar.gz")
	if err := os.WriteFile(path, b.Bytes(), 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := shards.Find(context.Background(), path); fmt.Sprint(err) != path+": found a tar.gz file, whose files can only be read from its beginning; zip or tar expected" {
		t.Error(err)
	}
}
