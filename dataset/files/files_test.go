package files

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"github.com/onehot-go/onehot/dataset/internal/reading"
)

func TestNames(t *testing.T) {
	for name, want := range map[string]Kind{
		"a.jpg": Picture, "a.JPEG": Picture, "a.jpe": Picture, "a.jfif": Picture, "a.PnG": Picture, "a.gif": Picture, "a.webp": Picture,
		"a.bmp": Picture, "a.tif": Picture, "a.TIFF": Picture, "a/b.c/d.jpg": Picture,
		"a.heic": Conversion, "a.HEIF": Conversion, "a.avif": Conversion,
		"jpg": Other, "a.jpg/b": Other, "a.jpg.txt": Other, "a.mp4": Other, "a.": Other, "a.svg": Other, "": Other,
	} {
		if got := KindOf(name); got != want {
			t.Errorf("%s: kind %d, want %d", name, got, want)
		}
	}
	for name, want := range map[string]bool{".a": true, "..": true, "__MACOSX": true, "a.": false, "_a": false, "__macosx": false, "": false} {
		if got := IsHidden(name); got != want {
			t.Errorf("%q hidden: %v", name, got)
		}
	}
	for name, want := range map[string]string{
		"train": Train, "Training": Train, "VAL": Val, "valid": Val, "validation": Val, "test": Test, "testing": Test,
		"": "", "trains": "", "tests": "", "dev": "",
	} {
		if got := PartOf(name); got != want {
			t.Errorf("part of %q: %q, want %q", name, got, want)
		}
	}
	for name, want := range map[string]string{"cat": "cat", "猫": "猫", "caf\xe9": `caf\xe9`, "\xff\xfe": `\xff\xfe`, "a\ufffd": "a\ufffd"} {
		if got := ClassName(name); got != want {
			t.Errorf("class of %q: %q, want %q", name, got, want)
		}
	}
}

func TestConvertError(t *testing.T) {
	if err := New("photos", []File{{Name: "a/1.jpg"}}).ConvertError(); err != nil {
		t.Error(err)
	}
	one, several := New("my photos", []File{{Name: "a/1.HEIC"}}), New("photos", []File{{Name: "a/1.HEIC"}, {Name: "a/2.heic"}, {Name: "a/1.avif"}})
	archive := New("photos.zip", []File{{Name: "a/1.avif"}})
	archive.Archive = struct{ Archive }{}
	for want, l := range map[string]*List{
		`my photos: found 1 picture in HEIC, which cannot be decoded: convert them with  find 'my photos' -type f \( -iname '*.heic' \) -exec heif-convert {} {}.jpg \;`:                      one,
		`photos: found 3 pictures in AVIF and HEIC, which cannot be decoded: convert them with  find photos -type f \( -iname '*.avif' -o -iname '*.heic' \) -exec heif-convert {} {}.jpg \;`: several,
		`photos.zip: found 1 picture in AVIF, which cannot be decoded: unpack it to FOLDER, convert them with  find FOLDER -type f \( -iname '*.avif' \) -exec heif-convert {} {}.jpg \;`:     archive,
	} {
		if err := l.ConvertError(); err == nil || err.Error() != want {
			t.Errorf("error %v\nwant %s", err, want)
		}
	}
	for path, want := range map[string]string{"-a": "./-a", "it's": `'it'\''s'`, "a;b": "'a;b'", "": "''", "$(x)": "'$(x)'", "/a/b-1.c": "/a/b-1.c", "猫": "'猫'"} {
		if got := quote(path); got != want {
			t.Errorf("%s is quoted as %s, want %s", path, got, want)
		}
	}
}

func TestRead(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "1.jpg"), []byte("one"), 0o666); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "2.jpg"), 0o777); err != nil {
		t.Fatal(err)
	}
	huge := filepath.Join(dir, "3.jpg")
	if err := os.WriteFile(huge, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(huge, MaxSize+1); err != nil {
		t.Fatal(err)
	}
	l := &List{Root: dir, Files: []File{{Name: "1.jpg"}, {Name: "2.jpg"}, {Name: "3.jpg"}, {Name: "4.jpg"}, {Name: filepath.ToSlash(filepath.Join(dir, "1.jpg"))}}}
	want := []string{"one", "found no regular file, one expected", "found 268435457 bytes, at most 268435456 expected", "no such file or directory", "one"}
	var got []string
	for c, err := range l.Contents(t.Context(), []int{4, 0, 2, 1, 3}) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, l.Files[c.Index].Name)
		switch {
		case c.Err == nil && string(c.Data) != want[c.Index]:
			t.Errorf("file %d: %q, want %q", c.Index, c.Data, want[c.Index])
		case c.Err != nil && c.Err.Error() != l.Place(c.Index)+": "+want[c.Index]:
			t.Errorf("file %d: error %v, want %s", c.Index, c.Err, want[c.Index])
		}
	}
	if want := []string{l.Files[4].Name, "1.jpg", "3.jpg", "2.jpg", "4.jpg"}; !reflect.DeepEqual(got, want) {
		t.Errorf("read in the order %q, want %q", got, want)
	}
	for range l.Contents(t.Context(), []int{0, 1}) {
		break // an early end is no error
	}

	failed, err := l.Stat(t.Context())
	if err != nil || len(failed) != 2 || !errors.Is(failed[1], reading.ErrSpecial) || !errors.Is(failed[3], os.ErrNotExist) {
		t.Errorf("failed %v, %v", failed, err)
	}
	if l.Files[0].Size != 3 || l.Files[2].Size != MaxSize+1 {
		t.Errorf("sizes of %d and %d", l.Files[0].Size, l.Files[2].Size)
	}

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := l.Read(ctx, 0); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v of a context that is done", err)
	}
	for c, err := range l.Contents(ctx, []int{0}) {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%+v, %v of a context that is done", c, err)
		}
	}
	if _, err := l.Stat(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v of a context that is done", err)
	}
}
