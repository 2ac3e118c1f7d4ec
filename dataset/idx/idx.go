// Package idx reads IDX files, the format that MNIST and its like are published in: a
// header of big-endian numbers, then the elements of one array.
//
//	bytes 0-1  0
//	byte  2    the type of the elements: 8 is unsigned byte, the only one read here
//	byte  3    the number of dimensions
//	4 bytes a dimension: its size
//	the elements, the last dimension fastest
//
// The format is described at http://yann.lecun.com/exdb/mnist/.
package idx

import (
	"bufio"
	"compress/flate"
	"compress/gzip"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"

	"github.com/onehot-go/onehot/fault"
	"github.com/onehot-go/onehot/internal/memory"
)

// maxSize is the largest number of elements that is read, 1 GiB of them. The smallest is
// one: a file without elements is an error.
const maxSize = 1 << 30

// Array is what an IDX file holds.
type Array struct {
	Shape  []int
	Data   []byte // the elements, the last dimension fastest
	SHA256 string // of the whole file, uncompressed, in hexadecimal
}

// ReadFile reads the file at path as Read does.
func ReadFile(path string, dims int) (*Array, error) {
	f, err := Open(path, dims)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return f.Read()
}

// Read reads an array of unsigned bytes with the given number of dimensions, 3 for
// images and 1 for labels, from r to its end. It has 1 to 2^30 elements. The first bytes of r
// say whether it is compressed with gzip. Memory is taken once, for as many elements as the
// header says, when that has been checked. The error is a *fault.FormatError if the file is
// not such an array, is cut off or damaged, or goes on after its last element. name stands for
// the file in errors.
func Read(r io.Reader, name string, dims int) (*Array, error) {
	f, err := newFile(r, name, dims)
	if err != nil {
		return nil, err
	}
	return f.Read()
}

// File is a file of which the header has been read.
type File struct {
	Shape []int // as the header says

	decoder
	header []byte
	closer io.Closer
}

// Open opens the file at path, which is a regular one, and reads its header: whoever knows how
// many elements there should be sees it before memory is taken for them. The error is that of
// Read. A file that is too short for what its header says is an error too.
func Open(path string, dims int) (*File, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() { // opening a named pipe would wait for a writer
		return nil, fmt.Errorf("%s: a regular file expected", path)
	}
	in, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	f, err := newFile(in, path, dims)
	if err == nil {
		err = f.checkLength(info.Size())
	}
	if err != nil {
		in.Close()
		return nil, err
	}
	f.closer = in
	return f, nil
}

// Close closes the file.
func (f *File) Close() error { return f.closer.Close() }

// newFile reads the header of the file that r has.
func newFile(r io.Reader, name string, dims int) (*File, error) {
	f := &File{decoder: decoder{name: name}}
	b := bufio.NewReader(r)
	f.r = b
	if start, err := b.Peek(2); err == nil && start[0] == 0x1f && start[1] == 0x8b {
		z, err := gzip.NewReader(b)
		if err != nil {
			return nil, f.fault("gzip header", err, "a whole one")
		}
		f.r, f.compressed = z, true
	}

	f.header = make([]byte, 4+4*dims)
	if n, err := io.ReadFull(f.r, f.header); err != nil {
		// What there is of the magic number says more than that the rest is missing.
		if err := f.checkMagic(f.header[:n], dims); err != nil {
			return nil, err
		}
		return nil, f.short("header", n, len(f.header), err)
	}
	if err := f.checkMagic(f.header, dims); err != nil {
		return nil, err
	}
	var err error
	f.Shape, f.size, err = f.shape(f.header[4:])
	return f, err
}

// mostDeflated is how many bytes one of a compressed file stands for, at most.
const mostDeflated = 1032

// checkLength returns an error if a file of so many bytes cannot have all elements.
func (f *File) checkLength(bytes int64) error {
	most, found := bytes-int64(len(f.header)), "%d bytes"
	if f.compressed {
		most, found = bytes*mostDeflated, "at most %d bytes"
	}
	if int64(f.size) > most {
		return f.format("elements", fmt.Sprintf(found, most), fmt.Sprintf("%d: the file is cut off", f.size))
	}
	return nil
}

// Read reads the elements, to the end of the file. It is called once.
func (f *File) Read() (*Array, error) {
	if err := memory.Check(float64(f.size), fmt.Sprintf("%s: its %d elements", f.name, f.size)); err != nil {
		return nil, err
	}
	data := memory.Bytes(f.size)
	if n, err := io.ReadFull(f.r, data); err != nil {
		return nil, f.short("elements", n, f.size, err)
	}
	// Reading on to the end also checks gzip's checksum.
	switch n, err := io.CopyN(io.Discard, f.r, 1); {
	case n > 0:
		return nil, f.format("end", "more bytes", fmt.Sprintf("none after %d elements", f.size))
	case err != io.EOF:
		return nil, f.fault("gzip data", err, "an undamaged stream")
	}

	hash := sha256.New()
	hash.Write(f.header)
	hash.Write(data)
	return &Array{Shape: f.Shape, Data: data, SHA256: hex.EncodeToString(hash.Sum(nil))}, nil
}

// decoder makes the errors of one file.
type decoder struct {
	r          io.Reader // the uncompressed bytes
	name       string
	compressed bool
	size       int // elements
}

// checkMagic checks as much of the header's first 4 bytes as there is.
func (d *decoder) checkMagic(header []byte, dims int) error {
	switch {
	case len(header) >= 2 && (header[0] != 0 || header[1] != 0):
		return d.format("magic number", fmt.Sprintf("0x%02x%02x", header[0], header[1]), "0x0000")
	case len(header) >= 3 && header[2] != 8:
		return d.format("element type", elementType(header[2]), elementType(8))
	case len(header) >= 4 && int(header[3]) != dims:
		return d.format("number of dimensions", strconv.Itoa(int(header[3])), strconv.Itoa(dims))
	}
	return nil
}

// shape reads the sizes of the dimensions and multiplies them.
func (d *decoder) shape(sizes []byte) (shape []int, size int, err error) {
	all, product := make([]uint32, len(sizes)/4), uint64(1)
	for i := range all {
		all[i] = binary.BigEndian.Uint32(sizes[4*i:])
		if product <= maxSize { // so the product stays below 2^62
			product *= uint64(all[i])
		}
	}
	if product == 0 || product > maxSize {
		return nil, 0, d.format("sizes", fmt.Sprint(all), fmt.Sprintf("1 to %d elements", maxSize))
	}
	for _, n := range all {
		shape = append(shape, int(n))
	}
	return shape, int(product), nil
}

// short is the error of a part of the file of which n bytes of size could be read.
func (d *decoder) short(field string, n, size int, err error) error {
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return d.format(field, fmt.Sprintf("%d bytes", n), fmt.Sprintf("%d: the file is cut off", size))
	}
	return d.fault("gzip data", err, "an undamaged stream")
}

// fault is the error of a read that failed: of a damaged file if err says so, and else
// of what the file is read from.
func (d *decoder) fault(field string, err error, expected string) error {
	var corrupt flate.CorruptInputError
	if errors.Is(err, gzip.ErrHeader) || errors.Is(err, gzip.ErrChecksum) || errors.As(err, &corrupt) ||
		err == io.EOF || err == io.ErrUnexpectedEOF {
		return d.format(field, err.Error(), expected)
	}
	return fmt.Errorf("%s: %w", d.name, err)
}

func (d *decoder) format(field, found, expected string) error {
	return fault.Format(d.name, field, found, expected)
}

// elementType names a type as the format's description does.
func elementType(code byte) string {
	names := map[byte]string{8: "unsigned byte", 9: "signed byte", 0xb: "short", 0xc: "int", 0xd: "float", 0xe: "double"}
	if name, ok := names[code]; ok {
		return fmt.Sprintf("0x%02x (%s)", code, name)
	}
	return fmt.Sprintf("0x%02x", code)
}
