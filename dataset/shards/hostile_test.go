package shards

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"cmp"
	"compress/flate"
	"encoding/binary"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/onehot-go/onehot/dataset/files"
	"github.com/onehot-go/onehot/dataset/folder"
)

// rawZip writes a zip file whose entries declare what they like.
func rawZip(t testing.TB, headers ...zip.FileHeader) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, h := range headers {
		data := h.Extra
		h.Extra = nil
		f, err := w.CreateRaw(&h)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Write(data); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// deflated returns n zeros, compressed.
func deflated(t testing.TB, n int64) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := flate.NewWriter(&b, flate.BestSpeed)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.CopyN(w, zeros{}, n); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// header returns the header of cat/1.jpg, whose compressed bytes lie in Extra until it is written.
func header(data []byte, size uint64) zip.FileHeader {
	return zip.FileHeader{Name: "cat/1.jpg", Method: zip.Deflate, Extra: data, CompressedSize64: uint64(len(data)), UncompressedSize64: size,
		CRC32: crc32.ChecksumIEEE(make([]byte, size))}
}

// TestHostileFiles has archives that are opened, and files in them that cannot be read.
func TestHostileFiles(t *testing.T) {
	zeros := deflated(t, 10000)
	damaged := header(zeros, 10000)
	damaged.CRC32++
	garbage := header([]byte("\xff\xff\xff\xff"), 10)
	huge := header(zeros, 10000)
	huge.UncompressedSize64 = files.MaxSize + 1
	wide := header(zeros, 10000)
	wide.UncompressedSize64 = files.MaxSize
	for want, h := range map[string]zip.FileHeader{
		"found more bytes than the 9999 that are declared":       header(zeros, 9999),
		"found fewer bytes than the 10001 that are declared":     header(zeros, 10001),
		"found fewer bytes than the 268435456 that are declared": wide,
		"found 268435457 bytes, at most 268435456 expected":      huge,
		"zip: checksum error":                                    damaged,
		"flate: corrupt input before offset 1":                   garbage,
	} {
		path := write(t, t.TempDir(), "a.zip", rawZip(t, h))
		l, err := Open(t.Context(), path, folder.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := l.Read(t.Context(), 0); err == nil || err.Error() != path+": cat/1.jpg: "+want {
			t.Errorf("error %v\nwant %s", err, want)
		}
	}
}

func TestHostileZips(t *testing.T) {
	plain := zipOf(t, members("cat/1.jpg", "cat/2.jpg"))
	encrypted, method := header(nil, 0), header(nil, 0)
	encrypted.Flags, method.Method = 1, 93
	// Two entries of the directory, and one header that both stand for.
	shared := slices.Clone(plain)
	first, second := bytes.Index(shared, []byte("PK\x01\x02")), bytes.LastIndex(shared, []byte("PK\x01\x02"))
	copy(shared[second+42:][:4], shared[first+42:][:4])
	long := slices.Clone(plain)
	binary.LittleEndian.PutUint32(long[first+20:], 1<<30)
	lost := slices.Clone(plain)
	binary.LittleEndian.PutUint32(lost[first+42:], 7)
	for want, data := range map[string][]byte{
		"ZIP: found a zip file that is cut off or damaged, a whole one expected":                            plain[:len(plain)-30],
		"ZIP: cat/1.jpg: found an encrypted file, one without a password expected":                          rawZip(t, encrypted),
		"ZIP: cat/1.jpg: found a file that is compressed by method 93, 0 (stored) or 8 (deflated) expected": rawZip(t, method),
		"ZIP: cat/2.jpg: found bytes that belong to cat/1.jpg too, files apart from each other expected":    shared,
		"ZIP: cat/1.jpg: found no header of a file, a whole zip file expected":                              lost,
		"ZIP: found no pictures, some in class folders expected":                                            rawZip(t),
		`ZIP: found "Rar!\x1a\a\x01\x00" at its beginning, a zip, tar or tar.gz file expected`:              []byte("Rar!\x1a\a\x01\x00"),
		`ZIP: found "" at its beginning, a zip, tar or tar.gz file expected`:                                nil,
		"ZIP: found a tar that is damaged, a whole one expected: gzip: invalid header":                      []byte("\x1f\x8b\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"),
		"ZIP: cat/1.jpg: found 1073741824 bytes from 39 on in a zip file of 266, a whole one expected":      long,
	} {
		path := write(t, t.TempDir(), "a.zip", data)
		if _, err := Open(t.Context(), path, folder.Options{}); err == nil || strings.ReplaceAll(err.Error(), path, "ZIP") != want {
			t.Errorf("error %v\nwant %s", err, want)
		}
	}
}

// TestCutOff cuts archives off everywhere: they are errors, or the files that are whole.
func TestCutOff(t *testing.T) {
	for name, pack := range archives {
		whole := pack(t, members("cat/1.jpg", "dog/1.jpg"))
		for n := 0; n < len(whole); n += max(1, len(whole)/200) {
			path := write(t, t.TempDir(), name, whole[:n])
			l, err := Open(t.Context(), path, folder.Options{})
			if err != nil {
				if !strings.HasPrefix(err.Error(), path+": ") {
					t.Errorf("%s of %d bytes: error %v", name, n, err)
				}
				continue
			}
			if name != "a.tar" { // which may end behind any file
				t.Errorf("%s of %d bytes: no error", name, n)
			}
			for i, f := range l.Files {
				if data, err := l.Read(t.Context(), i); err != nil || string(data) != f.Name {
					t.Errorf("%s of %d bytes: %s has %q, %v", name, n, f.Name, data, err)
				}
			}
		}
	}
}

// TestSparse has a file that declares more than there is.
func TestSparse(t *testing.T) {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, h := range []*tar.Header{
		{Name: "cat/1.jpg", Typeflag: tar.TypeReg},
		{Name: "cat/2.jpg", Typeflag: tar.TypeFifo},
		{Name: "cat/3.jpg", Typeflag: tar.TypeLink, Linkname: "cat/1.jpg"},
		{Name: "cat/4.jpg", Typeflag: tar.TypeChar},
	} {
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	b.Write(oldSparse("cat/5.jpg", 1<<40))
	b.Write(make([]byte, 1024))
	path := write(t, t.TempDir(), "a.tar", b.Bytes())
	l, err := Open(t.Context(), path, folder.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if got := describe(l); got != "cat/1.jpg|cat|" || l.Passed[files.Special] != 4 {
		t.Errorf("found %q, passed over %v", got, l.Passed)
	}
}

// oldSparse returns the header of a sparse file, as GNU tar wrote them first, of which there are no bytes.
func oldSparse(name string, size uint64) []byte {
	h := make([]byte, 512)
	copy(h, name)
	copy(h[100:], "0000644\x000000000\x000000000\x0000000000000\x0000000000000\x00")
	h[156] = 'S'
	copy(h[257:], "ustar  \x00")
	copy(h[386:], "00000000000\x0000000000000\x00") // one piece of no bytes
	h[483] = 0x80                                   // the real size, in base 256
	binary.BigEndian.PutUint64(h[487:], size)
	copy(h[148:], "        ")
	sum := 0
	for _, b := range h {
		sum += int(b)
	}
	copy(h[148:], []byte{'0' + byte(sum>>15&7), '0' + byte(sum>>12&7), '0' + byte(sum>>9&7), '0' + byte(sum>>6&7), '0' + byte(sum>>3&7), '0' + byte(sum&7), 0, ' '})
	return h
}

// TestBounds has what would take more memory or time than there is.
func TestBounds(t *testing.T) {
	s := &scan{passed: map[files.Reason]int{}, count: maxEntries - 1}
	if name, err := s.see("cat/1.jpg"); name != "cat/1.jpg" || err != nil {
		t.Errorf("%q, %v", name, err)
	}
	want := "found more than 4194304 entries or 536870912 bytes of names, at most that expected"
	if _, err := s.see("cat/2.jpg"); err == nil || err.Error() != want {
		t.Errorf("error %v, want %s", err, want)
	}
	s = &scan{passed: map[files.Reason]int{}, names: maxNames - 8}
	if _, err := s.see("cat/1.jpg"); err == nil || err.Error() != want {
		t.Errorf("error %v, want %s", err, want)
	}
	b := &bounded{t.Context(), zeros{}, 1000}
	if n, err := io.Copy(io.Discard, b); err != errBomb || n > 1<<20 {
		t.Errorf("read %d bytes of a bomb, %v", n, err)
	}
	f, err := os.Open(write(t, t.TempDir(), "a", make([]byte, 100)))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	d := &budget{File: f, left: 50}
	if _, err := d.ReadAt(make([]byte, 50), 0); err != nil {
		t.Error(err)
	}
	if _, err := d.ReadAt(make([]byte, 1), 0); err == nil || err.Error() != "found a directory of more than 201326592 bytes, at most that expected" {
		t.Errorf("error %v", err)
	}
	d.listed = true
	if _, err := d.ReadAt(make([]byte, 100), 0); err != nil {
		t.Errorf("%v once the directory is read", err)
	}
}

// TestLargeZip reads more bytes of the entries of a zip file than its directory may have.
func TestLargeZip(t *testing.T) {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, name := range []string{"cat/1.jpg", "dog/1.jpg"} {
		w, err := z.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Store})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(make([]byte, 8<<20)); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	l, err := Open(t.Context(), write(t, t.TempDir(), "a.zip", b.Bytes()), folder.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for range maxDirectory/(16<<20) + 1 {
		for c, err := range l.Contents(t.Context(), []int{0, 1}) {
			if err := cmp.Or(err, c.Err); err != nil || len(c.Data) != 8<<20 {
				t.Fatalf("%d bytes, %v", len(c.Data), err)
			}
		}
	}
}

// TestChange changes archives after they were listed.
func TestChange(t *testing.T) {
	for _, name := range []string{"a.tar", "a.tar.gz"} {
		path := write(t, t.TempDir(), name, archives[name](t, members("cat/1.jpg", "dog/1.jpg")))
		l, err := Open(t.Context(), path, folder.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, time.Time{}, time.Unix(1, 0)); err != nil {
			t.Fatal(err)
		}
		want := path + ": found another file than before, one that does not change expected"
		if _, err := l.Read(t.Context(), 0); err == nil || err.Error() != want {
			t.Errorf("error %v\nwant %s", err, want)
		}
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		if _, err := l.Read(t.Context(), 0); err == nil || !strings.HasPrefix(err.Error(), path+": ") {
			t.Errorf("error %v of a file that is gone", err)
		}
	}
	dir := t.TempDir()
	for _, path := range []string{dir, filepath.Join(dir, "0.tar")} {
		if _, err := Open(t.Context(), path, folder.Options{}); err == nil || !strings.HasPrefix(err.Error(), path+": ") {
			t.Errorf("error %v of %s", err, path)
		}
	}
}

// FuzzShards holds that an archive is an error that names it, or files that can be read or not, in
// either way with the same bytes.
func FuzzShards(f *testing.F) {
	for _, pack := range archives {
		f.Add(pack(f, members("cat/1.jpg", "dog/1.jpg")))
		f.Add(pack(f, []member{{name: "a.jpg"}, {name: "a.cls", text: "7"}, {name: "b.jpg"}, {name: "b.json", text: `{"label":"x"}`}}))
		f.Add(pack(f, []member{{name: "data/train/cat/1.jpg"}, {name: "../x.jpg"}, {name: "data/val/"}, {name: "l.jpg", text: "m", kind: tar.TypeSymlink}}))
	}
	f.Add(oldSparse("cat/5.jpg", 1<<40))
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, data []byte) {
		path := write(t, dir, "a", data)
		l, err := Open(t.Context(), path, folder.Options{Nested: true, AllowEmpty: true})
		if err != nil {
			if !strings.HasPrefix(err.Error(), path+": ") {
				t.Errorf("error %v does not name the archive", err)
			}
			return
		}
		var all []int
		for i, file := range l.Files {
			all = append(all, i)
			if file.Class == "" || strings.HasPrefix(file.Name, "/") || slices.Contains(strings.Split(file.Name, "/"), "..") {
				t.Errorf("found %+v", file)
			}
		}
		for c, err := range l.Contents(t.Context(), all) {
			if err != nil {
				if !strings.HasPrefix(err.Error(), path+": ") {
					t.Errorf("error %v does not name the archive", err)
				}
				break
			}
			one, err := l.Read(t.Context(), c.Index)
			if !bytes.Equal(one, c.Data) || (err == nil) != (c.Err == nil) {
				t.Errorf("%s: read %q, %v, and together with others %q, %v", l.Place(c.Index), one, err, c.Data, c.Err)
			}
		}
	})
}
