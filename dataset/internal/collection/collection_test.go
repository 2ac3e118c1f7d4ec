package collection

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/onehot-go/onehot/dataset"
	"github.com/onehot-go/onehot/fault"
)

// array returns an IDX file of the given sizes in which element i is i modulo 3.
func array(sizes ...int) []byte {
	b := []byte{0, 0, 8, byte(len(sizes))}
	n := 1
	for _, s := range sizes {
		b = binary.BigEndian.AppendUint32(b, uint32(s))
		n *= s
	}
	for i := range n {
		b = append(b, byte(i%3))
	}
	return b
}

func zip(b []byte) []byte {
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	z.Write(b)
	z.Close()
	return out.Bytes()
}

// tiny is a collection of three classes, and contents are its files' bytes: 4 samples to
// learn from, 2 to test on.
func tiny() (c *Collection, contents map[string][]byte) {
	contents = map[string][]byte{
		"train-images": array(4, Side, Side), "train-labels": array(4),
		"test-images": array(2, Side, Side), "test-labels": array(2),
	}
	file := func(name string, dims int) File {
		sum := sha256.Sum256(contents[name])
		return File{Name: name, Size: int64(len(contents[name])), SHA256: hex.EncodeToString(sum[:]), Dims: dims}
	}
	return &Collection{
		Name: "tiny", Package: "tinypkg", Folder: "Tiny", Advice: ", or draw it",
		Classes: []string{"a", "b", "c"},
		Train:   Pair{file("train-images", 3), file("train-labels", 1)},
		Test:    Pair{file("test-images", 3), file("test-labels", 1)},
	}, contents
}

func write(t *testing.T, path string, b []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, b, 0o666); err != nil {
		t.Fatal(err)
	}
}

// TestOpenPlaces puts the files where they may be, and wrong ones where those are not to
// be preferred.
func TestOpenPlaces(t *testing.T) {
	for _, test := range []struct {
		name  string
		files []string // of the test images: the first is the one to be read
	}{
		{"as torchvision leaves them", []string{"Tiny/raw/test-images", "Tiny/raw/test-images.gz", "test-images"}},
		{"compressed", []string{"Tiny/raw/test-images.gz", "test-images", "test-images.gz"}},
		{"in the folder itself", []string{"test-images", "test-images.gz"}},
		{"compressed in the folder itself", []string{"test-images.gz"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			c, contents := tiny()
			root := t.TempDir()
			for i, name := range test.files {
				b := contents["test-images"]
				if i > 0 {
					b = []byte("not this one")
				}
				if strings.HasSuffix(name, ".gz") {
					b = zip(b)
				}
				write(t, filepath.Join(root, name), b)
			}
			write(t, filepath.Join(root, "test-labels"), contents["test-labels"])
			m, err := c.Open(root, dataset.Test)
			if err != nil {
				t.Fatal(err)
			}
			if m.Name != "tiny" || m.Split != dataset.Test || m.Len() != 2 || m.Height != Side || m.Width != Side ||
				!bytes.Equal(m.Pixels, contents["test-images"][16:]) || !slices.Equal(m.Labels, []int{0, 1}) ||
				!slices.Equal(m.Classes(), c.Classes) {
				t.Errorf("got %+v", m)
			}
			want := []dataset.File{
				{Name: "test-images", Path: filepath.Join(root, test.files[0]), SHA256: c.Test.Images.SHA256},
				{Name: "test-labels", Path: filepath.Join(root, "test-labels"), SHA256: c.Test.Labels.SHA256},
			}
			if !slices.Equal(m.Files, want) {
				t.Errorf("recorded %v, want %v", m.Files, want)
			}
		})
	}
}

// TestOpenEmptyRoot finds files in data and in the system's folder, the latter for an
// empty root alone.
func TestOpenEmptyRoot(t *testing.T) {
	c, contents := tiny()
	t.Chdir(t.TempDir())
	c.System = "system"
	write(t, "data/Tiny/raw/test-images", contents["test-images"])
	write(t, "system/test-labels.gz", zip(contents["test-labels"]))
	m, err := c.Open("", dataset.Test)
	if err != nil {
		t.Fatal(err)
	}
	if m.Files[0].Path != filepath.Join("data", "Tiny", "raw", "test-images") || m.Files[1].Path != filepath.Join("system", "test-labels.gz") {
		t.Errorf("read %v", m.Files)
	}
	if _, err := c.Open("data", dataset.Test); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("with the root data: got %v, want that a file is missing", err)
	}
}

func TestOpenErrors(t *testing.T) {
	big := array(2)
	big[9] = 3
	for _, test := range []struct {
		name           string
		images, labels []byte // nil: no file
		want           string // FOLDER stands for the folder
	}{
		{"no images", nil, array(2), "tiny: test-images (or .gz): file does not exist in FOLDER/Tiny/raw, FOLDER: fetch it with --download (tinypkg.Download in Go), or draw it"},
		{"no labels", array(2, Side, Side), nil, "tiny: test-labels (or .gz): file does not exist in FOLDER/Tiny/raw, FOLDER: fetch it with --download (tinypkg.Download in Go), or draw it"},
		{"fewer labels", array(3, Side, Side), array(2), "FOLDER/test-labels: number of labels: found 2, expected 3, the number of images in FOLDER/test-images"},
		{"a label too high", array(2, Side, Side), big, "FOLDER/test-labels: label 1: found 3, expected 0 to 2"},
		{"wide images", array(2, Side, 32), array(2), "FOLDER/test-images: size of the images: found 28x32, expected 28x28"},
		{"images cut off", array(2, Side, Side)[:100], array(2), "FOLDER/test-images: elements: found 84 bytes, expected 1568: the file is cut off"},
		{"images for labels", array(2, Side, Side), array(2, Side, Side), "FOLDER/test-labels: number of dimensions: found 3, expected 1"},
	} {
		t.Run(test.name, func(t *testing.T) {
			c, _ := tiny()
			root := t.TempDir()
			for name, b := range map[string][]byte{"test-images": test.images, "test-labels": test.labels} {
				if b != nil {
					write(t, filepath.Join(root, name), b)
				}
			}
			_, err := c.Open(root, dataset.Test)
			if err == nil {
				t.Fatal("no error")
			}
			if got := filepath.ToSlash(strings.ReplaceAll(err.Error(), root, "FOLDER")); got != test.want {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
			missing := test.images == nil || test.labels == nil
			var format *fault.FormatError
			if errors.Is(err, fs.ErrNotExist) != missing || errors.As(err, &format) == missing {
				t.Errorf("%q is a %T", err, err)
			}
		})
	}
}

func TestOpenUnknownSplit(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("no panic")
		}
	}()
	c, _ := tiny()
	c.Open(t.TempDir(), dataset.Split(2))
}
