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
	"slices"
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
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return Read(f, path, dims)
}

// Read reads an array of unsigned bytes with the given number of dimensions, 3 for
// images and 1 for labels, from r to its end. It has 1 to 2^30 elements. The first bytes of r
// say whether it is compressed with gzip. The header is checked before memory is taken for what
// it promises, and past 64 MiB memory is taken only as the elements come. The error is a
// *fault.FormatError if the file is not such an array, is cut off or damaged, or goes on
// after its last element. name stands for the file in errors.
func Read(r io.Reader, name string, dims int) (*Array, error) {
	d := &decoder{name: name}
	b := bufio.NewReader(r)
	d.r = b
	if start, err := b.Peek(2); err == nil && start[0] == 0x1f && start[1] == 0x8b {
		z, err := gzip.NewReader(b)
		if err != nil {
			return nil, d.fault("gzip header", err, "a whole one")
		}
		d.r = z
	}

	header := make([]byte, 4+4*dims)
	if n, err := io.ReadFull(d.r, header); err != nil {
		// What there is of the magic number says more than that the rest is missing.
		if err := d.checkMagic(header[:n], dims); err != nil {
			return nil, err
		}
		return nil, d.short("header", n, len(header), err)
	}
	if err := d.checkMagic(header, dims); err != nil {
		return nil, err
	}
	shape, size, err := d.shape(header[4:])
	if err != nil {
		return nil, err
	}

	// A header can promise more than the file has: past the first allocation, memory
	// grows as the elements come.
	data := memory.Bytes(min(size, 64<<20))[:0]
	for len(data) < size {
		data = slices.Grow(data, 1)
		n, err := io.ReadFull(d.r, data[len(data):min(cap(data), size)])
		data = data[:len(data)+n]
		if err != nil {
			return nil, d.short("elements", len(data), size, err)
		}
	}
	// Reading on to the end also checks gzip's checksum.
	switch n, err := io.CopyN(io.Discard, d.r, 1); {
	case n > 0:
		return nil, d.format("end", "more bytes", fmt.Sprintf("none after %d elements", size))
	case err != io.EOF:
		return nil, d.fault("gzip data", err, "an undamaged stream")
	}

	hash := sha256.New()
	hash.Write(header)
	hash.Write(data)
	return &Array{Shape: shape, Data: data, SHA256: hex.EncodeToString(hash.Sum(nil))}, nil
}

// decoder makes the errors of one file.
type decoder struct {
	r    io.Reader // the uncompressed bytes
	name string
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
