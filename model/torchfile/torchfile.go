// Package torchfile reads state dicts that PyTorch's torch.save wrote: files that end in .pth or
// .pt. It takes the tensors out of them and runs nothing.
//
// Such a file has a pickle, a program for a small machine that makes objects, and the elements of
// tensors beside it: as members of a zip archive since PyTorch 1.6, before that one after the
// other in one stream. A pickle may call any function. This package knows the operations and the
// handful of functions that tensors in dictionaries need. It does on plain data what they would
// do, and anything else is an error that names it. Every count, size and stride is checked
// before memory is taken for it: all in all little more than the file's size, and twice that for
// floats of 16 bits, which are Float32 in memory.
package torchfile

import (
	"archive/zip"
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"strings"

	"github.com/onehot-go/onehot/fault"
	"github.com/onehot-go/onehot/tensor"
)

// ReadFile reads the file at path, as Read does. The error names path.
func ReadFile(path string) (map[string]*tensor.Tensor, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	return read(path, f, info.Size())
}

// Read returns the tensors of a state dict in a file of size bytes, by their names. It may lie
// within a dictionary of a training's state, under "state_dict", "model" or "model_state_dict".
// Tensors that share their elements in the file share memory. Elements are booleans, bytes, int64
// and floats of 16, 32 and 64 bits; those of 16 bits are Float32 once read.
//
// The error is a *fault.FormatError if the content is at fault.
func Read(r io.ReaderAt, size int64) (map[string]*tensor.Tensor, error) { return read("", r, size) }

// What files begin with.
const (
	zipMagic    = "PK\x03\x04"
	legacyMagic = "\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19\x2e" // a pickle of 0x1950a86a20f9469cfc6c
	tarMagic    = "ustar"                                                        // at byte 257
	tarAt       = 257
)

// Bounds on what is no elements of tensors.
const (
	maxPickle    = 16 << 20 // bytes
	maxDirectory = 16 << 20 // bytes of what lists a zip archive's members
)

// file is a file that is read.
type file struct {
	path string // for errors, or ""
	size int64
	// storages are what tensors have their elements in, by their keys, and claimed is how many
	// bytes of the file they say to be.
	storages map[string]*storage
	claimed  int64
}

// fail returns the error of a place in the file.
func (f *file) fail(field, detail string, args ...any) error {
	return &fault.FormatError{File: f.path, Field: field, Detail: fmt.Sprintf(detail, args...)}
}

func read(path string, r io.ReaderAt, size int64) (map[string]*tensor.Tensor, error) {
	f := &file{path: path, size: size, storages: map[string]*storage{}}
	begin := make([]byte, min(size, tarAt+int64(len(tarMagic))))
	if n, err := r.ReadAt(begin, 0); n < len(begin) {
		return nil, f.reading("beginning", err)
	}
	switch {
	case bytes.HasPrefix(begin, []byte(zipMagic)):
		return f.zip(r)
	case bytes.HasPrefix(begin, []byte(legacyMagic)):
		return f.legacy(r)
	case len(begin) > tarAt && string(begin[tarAt:]) == tarMagic:
		return nil, f.fail("beginning", "a tar archive, as PyTorch wrote before 2017: a zip archive or a stream expected. "+
			"Load it with torch.load of PyTorch before 2.9, and save what it gives with torch.save")
	}
	return nil, f.fail("beginning", "found %q, a zip archive (%q) or a stream (%q) of torch.save expected", begin[:min(len(begin), 8)], zipMagic, legacyMagic[:8])
}

// reading returns the error of reading a field, which err is about, if the file ends there or
// cannot be read.
func (f *file) reading(field string, err error) error {
	switch {
	case err == io.EOF || err == io.ErrUnexpectedEOF:
		return f.fail(field, "the file ends here")
	case errors.Is(err, zip.ErrChecksum):
		return f.fail(field, "its checksum is not that of its bytes: the file is damaged")
	case errors.Is(err, errBoolean):
		return f.fail(field, "%v", err)
	}
	if f.path != "" {
		field = f.path + ": " + field
	}
	return fmt.Errorf("%s: %w", field, err)
}

// directory lets through so many bytes that a zip archive's directory may have.
type directory struct {
	io.ReaderAt
	left int
}

var errDirectory = errors.New("the list of members is too long")

func (d *directory) ReadAt(p []byte, at int64) (int, error) {
	if d.left -= len(p); d.left < 0 {
		return 0, errDirectory
	}
	return d.ReaderAt.ReadAt(p, at)
}

// zip reads an archive: PREFIX/data.pkl is the pickle, and PREFIX/data/KEY has the elements of the
// storage KEY.
func (f *file) zip(r io.ReaderAt) (map[string]*tensor.Tensor, error) {
	const field = "zip archive"
	listed := &directory{r, maxDirectory}
	z, err := zip.NewReader(listed, f.size)
	if err != nil {
		if errors.Is(err, zip.ErrFormat) || errors.Is(err, errDirectory) {
			return nil, f.fail(field, "%v: the file may be cut", err)
		}
		return nil, f.reading(field, err)
	}
	listed.left = math.MaxInt
	members := map[string]*zip.File{}
	prefix, found := "", false
	for _, m := range z.File {
		if members[m.Name] != nil {
			return nil, f.fail(field, "two members named %.200q", m.Name)
		}
		members[m.Name] = m
		if p, ok := strings.CutSuffix(m.Name, "/data.pkl"); ok {
			if found {
				return nil, f.fail(field, "members %.200q and %.200q, one data.pkl expected", prefix+"/data.pkl", m.Name)
			}
			prefix, found = p, true
		}
	}
	if !found {
		return nil, f.fail(field, "no member data.pkl among %d: this is no file of torch.save", len(z.File))
	}
	if order := members[prefix+"/byteorder"]; order != nil {
		text, err := f.member(order, 16)
		if err != nil {
			return nil, err
		}
		if string(text) != "little" {
			return nil, f.fail(called(order.Name), "found %q, little expected", text)
		}
	}
	text, err := f.member(members[prefix+"/data.pkl"], maxPickle)
	if err != nil {
		return nil, err
	}
	in := &source{bufio.NewReader(bytes.NewReader(text)), int64(len(text)), 0}
	value, err := f.unpickle("data.pkl", in)
	if err != nil {
		return nil, err
	}
	if in.left > 0 {
		return nil, f.fail("data.pkl", "%d bytes follow its end", in.left)
	}
	state, err := f.state(value)
	if err != nil {
		return nil, err
	}
	for _, n := range state {
		s := n.view.storage
		if s.data != nil {
			continue // another tensor has its elements too
		}
		name := prefix + "/data/" + s.key
		m := members[name]
		if m == nil {
			return nil, f.fail(field, "no member %.200q, where tensor %.200q has its elements", name, n.name)
		}
		if m.UncompressedSize64 != uint64(s.bytes()) {
			return nil, f.fail(called(name), "%d bytes, but %d elements of %s take %d", m.UncompressedSize64, s.n, s.kind.name, s.bytes())
		}
		data, err := f.open(m)
		if err != nil {
			return nil, err
		}
		if err := s.fill(data); err != nil {
			return nil, f.reading(called(name), err)
		}
		if _, err := data.Read(make([]byte, 1)); err != io.EOF { // where the checksum is known to be right
			return nil, f.reading(called(name), err)
		}
	}
	return f.tensors(state)
}

// called names a member for errors.
func called(member string) string { return fmt.Sprintf("member %.200q", member) }

// open returns a reader of a member that is not compressed.
func (f *file) open(m *zip.File) (io.ReadCloser, error) {
	if m.Method != zip.Store || m.CompressedSize64 != m.UncompressedSize64 {
		return nil, f.fail(called(m.Name), "a compressed member: torch.save compresses none")
	}
	r, err := m.Open()
	if err != nil {
		return nil, f.fail(called(m.Name), "%v: the file may be cut", err)
	}
	return r, nil
}

// member returns the bytes of a member, at most so many.
func (f *file) member(m *zip.File, most int64) ([]byte, error) {
	if m.UncompressedSize64 > uint64(most) || m.UncompressedSize64 > uint64(f.size) {
		return nil, f.fail(called(m.Name), "%d bytes, at most %d expected", m.UncompressedSize64, min(most, f.size))
	}
	r, err := f.open(m)
	if err != nil {
		return nil, err
	}
	text, err := io.ReadAll(r)
	if err != nil {
		return nil, f.reading(called(m.Name), err)
	}
	return text, nil
}

// legacy reads a stream: pickles of a number by which it is known, of a version, of the machine
// that wrote it, of the state and of a list of storages, and then the storages in that order,
// each behind the number of its elements.
func (f *file) legacy(r io.ReaderAt) (map[string]*tensor.Tensor, error) {
	at := int64(len(legacyMagic))
	in := &source{bufio.NewReaderSize(io.NewSectionReader(r, at, f.size-at), 1<<16), f.size - at, 0}
	version, err := f.unpickle("version", in)
	if err != nil {
		return nil, err
	}
	if version != int64(1001) {
		return nil, f.fail("version", "found %v, 1001 expected", describe(version))
	}
	system, err := f.unpickle("system", in)
	if err != nil {
		return nil, err
	}
	if d, ok := system.(*dict); !ok || d.get("little_endian") != true {
		return nil, f.fail("system", "found %s, a dictionary whose little_endian is True expected", describe(system))
	}
	value, err := f.unpickle("state", in)
	if err != nil {
		return nil, err
	}
	state, err := f.state(value)
	if err != nil {
		return nil, err
	}
	value, err = f.unpickle("storages", in)
	if err != nil {
		return nil, err
	}
	keys, ok := value.(*list)
	if !ok {
		return nil, f.fail("storages", "found %s, a list expected", describe(value))
	}
	for _, k := range keys.items {
		key, _ := k.(string)
		s := f.storages[key]
		if s == nil || s.data != nil {
			return nil, f.fail("storages", "found %s, the key of a storage that is listed once expected", describe(k))
		}
		field := fmt.Sprintf("storage %q", key)
		var count [8]byte
		if err := in.read(count[:]); err != nil {
			return nil, f.reading(field, err)
		}
		if n := int64(le(count[:])); n != s.n {
			return nil, f.fail(field, "%d elements, but the state says %d", n, s.n)
		}
		if s.bytes() > in.left {
			return nil, f.fail(field, "%d elements of %s take %d bytes, but %d follow", s.n, s.kind.name, s.bytes(), in.left)
		}
		in.left -= s.bytes()
		if s.used {
			err = s.fill(in.r)
		} else {
			_, err = io.CopyN(io.Discard, in.r, s.bytes())
		}
		if err != nil {
			return nil, f.reading(field, err)
		}
	}
	return f.tensors(state)
}
