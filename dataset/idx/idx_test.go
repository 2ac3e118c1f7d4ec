package idx_test

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/onehot-go/onehot/dataset/idx"
	"github.com/onehot-go/onehot/fault"
)

// file returns an IDX file of unsigned bytes: its header and the elements given.
func file(elements string, sizes ...uint32) []byte {
	b := []byte{0, 0, 8, byte(len(sizes))}
	for _, n := range sizes {
		b = binary.BigEndian.AppendUint32(b, n)
	}
	return append(b, elements...)
}

func zip(b []byte) []byte {
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	z.Write(b)
	z.Close()
	return out.Bytes()
}

// flip returns b with one bit of byte i, from the end if negative, changed.
func flip(b []byte, i int) []byte {
	b = slices.Clone(b)
	b[(i+len(b))%len(b)] ^= 1
	return b
}

func TestRead(t *testing.T) {
	images := file("abcdefghijkl", 2, 3, 2)
	for name, in := range map[string][]byte{"plain": images, "gzip": zip(images), "two gzip members": append(zip(images[:9]), zip(images[9:])...)} {
		t.Run(name, func(t *testing.T) {
			// Small reads must not matter.
			a, err := idx.Read(iotest.OneByteReader(bytes.NewReader(in)), "images", 3)
			if err != nil {
				t.Fatal(err)
			}
			// sha256sum of the uncompressed file
			const sum = "36de79d8ea1ca328505757ec344404f811731a175c3291f2be864cd2aa11ace9"
			if !slices.Equal(a.Shape, []int{2, 3, 2}) || string(a.Data) != "abcdefghijkl" || a.SHA256 != sum {
				t.Errorf("got %+v", a)
			}
		})
	}
}

func TestReadErrors(t *testing.T) {
	labels := file("abcde", 5)
	for _, test := range []struct {
		name string
		in   []byte
		dims int
		want string
	}{
		{"empty", nil, 1, "header: found 0 bytes, expected 8: the file is cut off"},
		{"header cut off", labels[:6], 1, "header: found 6 bytes, expected 8: the file is cut off"},
		{"text", []byte("<html>not found</html>"), 1, "magic number: found 0x3c68, expected 0x0000"},
		{"short text", []byte("<!"), 1, "magic number: found 0x3c21, expected 0x0000"},
		{"zipped text", zip([]byte("<html>")), 1, "magic number: found 0x3c68, expected 0x0000"},
		{"floats", append([]byte{0, 0, 0xd, 1}, labels[4:]...), 1, "element type: found 0x0d (float), expected 0x08 (unsigned byte)"},
		{"no such type", append([]byte{0, 0, 1, 1}, labels[4:]...), 1, "element type: found 0x01, expected 0x08 (unsigned byte)"},
		{"labels for images", labels, 3, "number of dimensions: found 1, expected 3"},
		{"images for labels", file("abcd", 1, 2, 2), 1, "number of dimensions: found 3, expected 1"},
		{"no elements", file("", 0, 28, 28), 3, "sizes: found [0 28 28], expected 1 to 1073741824 elements"},
		{"too many elements", file("", 1<<31), 1, "sizes: found [2147483648], expected 1 to 1073741824 elements"},
		{"product of 2^64", file("", 1<<31, 1<<31, 4), 3, "sizes: found [2147483648 2147483648 4], expected 1 to 1073741824 elements"},
		{"elements cut off", labels[:12], 1, "elements: found 4 bytes, expected 5: the file is cut off"},
		{"zipped elements cut off", zip(labels[:12]), 1, "elements: found 4 bytes, expected 5: the file is cut off"},
		{"one too many", append(slices.Clone(labels), 'f'), 1, "end: found more bytes, expected none after 5 elements"},
		{"zipped, one too many", zip(append(slices.Clone(labels), 'f')), 1, "end: found more bytes, expected none after 5 elements"},
		{"gzip's first bytes", zip(labels)[:2], 1, "gzip header: found unexpected EOF, expected a whole one"},
		{"no such compression", flip(zip(labels), 2), 1, "gzip header: found gzip: invalid header, expected a whole one"},
		{"gzip's checksum is wrong", flip(zip(labels), -8), 1, "gzip data: found gzip: invalid checksum, expected an undamaged stream"},
		{"gzip's checksum is cut off", zip(labels)[:len(zip(labels))-3], 1, "gzip data: found unexpected EOF, expected an undamaged stream"},
		{"text after gzip", append(zip(labels), "text after"...), 1, "gzip data: found gzip: invalid header, expected an undamaged stream"},
		{"damaged gzip", append(zip(labels)[:10], 0xff, 0xff, 0xff), 1, "gzip data: found flate: corrupt input before offset 1, expected an undamaged stream"},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := idx.Read(bytes.NewReader(test.in), "file", test.dims)
			var format *fault.FormatError
			if want := "file: " + test.want; !errors.As(err, &format) || err.Error() != want {
				t.Errorf("got %q (%T), want %q", err, err, want)
			}
		})
	}
}

// TestReadFailure tells a file that cannot be read from one that is damaged.
func TestReadFailure(t *testing.T) {
	broken := errors.New("the disk is on fire")
	for _, n := range []int{0, 3, 10, 13} {
		_, err := idx.Read(io.MultiReader(bytes.NewReader(file("abcde", 5)[:n]), iotest.ErrReader(broken)), "file", 1)
		var format *fault.FormatError
		if !errors.Is(err, broken) || errors.As(err, &format) || !strings.HasPrefix(err.Error(), "file: ") {
			t.Errorf("after %d bytes: got %q", n, err)
		}
	}
	if _, err := idx.ReadFile(filepath.Join(t.TempDir(), "none"), 1); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no file: got %v", err)
	}
}

// FuzzRead checks that whatever the bytes, Read returns an array that is consistent or
// an error that names the file.
func FuzzRead(f *testing.F) {
	paths, err := filepath.Glob("testdata/*.idx*")
	if err != nil || len(paths) == 0 {
		f.Fatalf("no files under testdata (%v)", err)
	}
	for _, path := range paths {
		b, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b, 1)
		f.Add(b, 3)
	}
	f.Fuzz(func(t *testing.T, b []byte, dims int) {
		if dims < 0 || dims > 8 || len(b) > 1<<16 {
			return
		}
		a, err := idx.Read(bytes.NewReader(b), "file", dims)
		if err != nil {
			if !strings.HasPrefix(err.Error(), "file: ") {
				t.Errorf("the error %q does not begin with the file", err)
			}
			return
		}
		size := 1
		for _, n := range a.Shape {
			size *= n
		}
		if len(a.Shape) != dims || size != len(a.Data) {
			t.Errorf("%d elements of shape %v, %d dimensions asked for", len(a.Data), a.Shape, dims)
		}
	})
}

func Example() {
	file := strings.NewReader("\x00\x00\x08\x01\x00\x00\x00\x03\x05\x00\x04")
	labels, err := idx.Read(file, "labels", 1)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(labels.Shape, labels.Data)
	// Output: [3] [5 0 4]
}

// TestOpenTooShort checks that what a file cannot have is refused by its header.
func TestOpenTooShort(t *testing.T) {
	for name, c := range map[string]struct {
		content []byte
		want    string
	}{
		"plain": {file("abcd", 1<<30), "elements: found 4 bytes, expected 1073741824: the file is cut off"},
		"gzip":  {zip(file("abcd", 1<<30)), fmt.Sprintf("elements: found at most %d bytes, expected 1073741824: the file is cut off", 1032*len(zip(file("abcd", 1<<30))))},
	} {
		path := filepath.Join(t.TempDir(), "file")
		if err := os.WriteFile(path, c.content, 0o666); err != nil {
			t.Fatal(err)
		}
		_, err := idx.Open(path, 1)
		var format *fault.FormatError
		if want := path + ": " + c.want; !errors.As(err, &format) || err.Error() != want {
			t.Errorf("%s: got %v, want %s", name, err, want)
		}
	}
	dir := t.TempDir()
	if _, err := idx.Open(dir, 1); err == nil || err.Error() != dir+": a regular file expected" {
		t.Errorf("a folder: got %v", err)
	}
}

// TestOpenShape reads the header before the elements.
func TestOpenShape(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, zip(file("abcdefghijkl", 2, 3, 2)), 0o666); err != nil {
		t.Fatal(err)
	}
	f, err := idx.Open(path, 3)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if !slices.Equal(f.Shape, []int{2, 3, 2}) {
		t.Errorf("shape %v", f.Shape)
	}
	if a, err := f.Read(); err != nil || string(a.Data) != "abcdefghijkl" {
		t.Errorf("got %v, %v", a, err)
	}
}
