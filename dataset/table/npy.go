package table

import (
	"archive/zip"
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"
)

// NumPy's formats are described at https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html:
// a magic number, a version, a header that is a dictionary of Python, and the elements.

// The most bytes of a header, elements of an array, and bytes of an element.
const (
	maxHeader   = 1 << 16
	maxElements = 1 << 33
	maxElement  = 1 << 16
)

const npyMagic = "\x93NUMPY"

// array is the header of an array, and what reads its elements.
type array struct {
	kind    byte // 'f', 'i', 'u', 'b', 'U' or 'S'
	size    int  // bytes of an element
	order   binary.ByteOrder
	fortran bool
	shape   []int
	r       io.Reader
}

var (
	npyDescr   = regexp.MustCompile(`['"]descr['"]\s*:\s*['"]([<>|=]?)([a-zA-Z?])(\d*)['"]`)
	npyFortran = regexp.MustCompile(`['"]fortran_order['"]\s*:\s*(True|False)`)
	npyShape   = regexp.MustCompile(`['"]shape['"]\s*:\s*\(([\d,\sL]*)\)`)
)

// readHeader reads the header of an array.
func readHeader(r io.Reader) (*array, error) {
	var start [8]byte
	if _, err := io.ReadFull(r, start[:]); err != nil || string(start[:6]) != npyMagic {
		return nil, fmt.Errorf("found %q, an array of NumPy expected", start)
	}
	size := 2
	if start[6] > 1 {
		size = 4
	}
	length := make([]byte, 4)
	if _, err := io.ReadFull(r, length[:size]); err != nil {
		return nil, fmt.Errorf("header: %w", unexpected(err))
	}
	n := binary.LittleEndian.Uint32(length)
	if start[6] < 1 || start[6] > 3 || n > maxHeader {
		return nil, fmt.Errorf("found version %d and a header of %d bytes, versions 1 to 3 and at most %d expected", start[6], n, maxHeader)
	}
	header := make([]byte, n)
	if _, err := io.ReadFull(r, header); err != nil {
		return nil, fmt.Errorf("header: %w", unexpected(err))
	}
	descr, fortran, shape := npyDescr.FindSubmatch(header), npyFortran.FindSubmatch(header), npyShape.FindSubmatch(header)
	if descr == nil || fortran == nil || shape == nil {
		return nil, fmt.Errorf("found the header %.200q, one with descr, fortran_order and shape, of numbers or texts, expected", bytes.TrimSpace(header))
	}
	a := &array{kind: descr[2][0], order: binary.LittleEndian, fortran: string(fortran[1]) == "True", r: r}
	if string(descr[1]) == ">" {
		a.order = binary.BigEndian
	}
	a.size, _ = strconv.Atoi(string(descr[3]))
	ok := false
	switch a.kind {
	case 'f':
		ok = a.size == 2 || a.size == 4 || a.size == 8
	case 'i', 'u':
		ok = a.size == 1 || a.size == 2 || a.size == 4 || a.size == 8
	case 'b', '?':
		a.kind, ok = 'b', a.size <= 1
		a.size = 1
	case 'S':
		ok = a.size >= 1 && a.size <= maxElement
	case 'U':
		ok = a.size >= 1 && a.size <= maxElement/4
		a.size *= 4
	}
	if !ok {
		return nil, fmt.Errorf("found elements of type %q, numbers, truths or texts of one length expected", string(descr[2])+string(descr[3]))
	}
	elements := 1
	for f := range strings.SplitSeq(string(shape[1]), ",") {
		if f = strings.Trim(f, " L\t\n"); f == "" {
			continue
		}
		n, err := strconv.Atoi(f)
		if err != nil || n < 0 || n > 0 && elements > maxElements/n {
			return nil, fmt.Errorf("found the shape (%.100s), at most %d elements expected", shape[1], maxElements)
		}
		a.shape = append(a.shape, n)
		elements *= n
	}
	if a.fortran && len(a.shape) > 2 {
		return nil, fmt.Errorf("found the shape (%s) in Fortran's order, C's order expected of more than two dimensions", shape[1])
	}
	return a, nil
}

// rows returns how many rows an array has, and how many numbers each.
func (a *array) rows() (rows, width int) {
	if len(a.shape) == 0 {
		return 1, 1
	}
	width = 1
	for _, n := range a.shape[1:] {
		width *= n
	}
	return a.shape[0], width
}

// text reports whether the elements are texts.
func (a *array) text() bool { return a.kind == 'U' || a.kind == 'S' }

// each calls f for every element of the rows from lo up to hi, in the order of the file. The error says that there are
// fewer elements, or, if the last row is among them, that there is more behind them.
func (a *array) each(lo, hi int, f func(row, column int, b []byte) error) error {
	rows, width := a.rows()
	lines, elements := hi-lo, width
	before, between := lo*width, 0
	turned := a.fortran && len(a.shape) > 1 // Fortran's order has the first dimension fastest
	if turned {
		lines, elements = width, hi-lo
		before, between = lo, rows-(hi-lo)
	}
	in := bufio.NewReaderSize(a.r, 1<<16)
	b := make([]byte, a.size)
	for line := range lines {
		passed := between
		if line == 0 {
			passed = before
		}
		if err := a.skip(in, passed); err != nil {
			return err
		}
		for i := range elements {
			row, column := lo+line, i
			if turned {
				row, column = lo+i, line
			}
			if _, err := io.ReadFull(in, b); err != nil {
				return fmt.Errorf("element at (%d, %d): %w", row, column, unexpected(err))
			}
			if err := f(row, column, b); err != nil {
				return err
			}
		}
	}
	if hi < rows {
		return nil
	}
	if k, err := io.CopyN(io.Discard, in, 1); k > 0 {
		return errors.New("found more bytes behind the last element, none expected")
	} else if err != io.EOF {
		return err
	}
	return nil
}

// skip passes over so many elements. Of a file that can be read from any place they are not read.
func (a *array) skip(in *bufio.Reader, elements int) error {
	n := int64(elements) * int64(a.size)
	buffered := min(n, int64(in.Buffered()))
	if _, err := in.Discard(int(buffered)); err != nil {
		return err
	}
	if s, ok := a.r.(io.Seeker); ok && n > buffered {
		_, err := s.Seek(n-buffered, io.SeekCurrent)
		return err
	}
	_, err := io.CopyN(io.Discard, in, n-buffered)
	return unexpected(err)
}

// number returns the number that b has.
func (a *array) number(b []byte) float64 {
	var bits uint64
	switch a.size {
	case 1:
		bits = uint64(b[0])
	case 2:
		bits = uint64(a.order.Uint16(b))
	case 4:
		bits = uint64(a.order.Uint32(b))
	case 8:
		bits = a.order.Uint64(b)
	}
	switch a.kind {
	case 'f':
		switch a.size {
		case 2:
			return half(uint16(bits))
		case 4:
			return float64(math.Float32frombits(uint32(bits)))
		}
		return math.Float64frombits(bits)
	case 'i':
		shift := 64 - 8*a.size
		return float64(int64(bits<<shift) >> shift)
	}
	return float64(bits)
}

// half returns the number of IEEE 754's binary16.
func half(h uint16) float64 {
	sign := 1.0
	if h>>15 != 0 {
		sign = -1
	}
	fraction, exponent := float64(h&0x3ff), int(h>>10&0x1f)
	switch exponent {
	case 0:
		return sign * math.Ldexp(fraction, -24)
	case 31:
		if fraction != 0 {
			return math.NaN()
		}
		return math.Inf(int(sign))
	}
	return sign * math.Ldexp(1024+fraction, exponent-25)
}

// word returns the text that b has.
func (a *array) word(b []byte) (string, error) {
	if a.kind == 'S' {
		text := string(bytes.TrimRight(b, "\x00"))
		if !utf8.ValidString(text) {
			return "", fmt.Errorf("found %.100q, UTF-8 expected", text)
		}
		return text, nil
	}
	var text []byte
	for i := 0; i < len(b); i += 4 {
		r := a.order.Uint32(b[i:])
		if r > utf8.MaxRune || !utf8.ValidRune(rune(r)) {
			return "", fmt.Errorf("found the character %#x, one of Unicode expected", r)
		}
		text = utf8.AppendRune(text, rune(r))
	}
	return string(bytes.TrimRight(text, "\x00")), nil
}

// format writes a number as a text: whole ones without a point.
func format(v float64) string {
	if v != v {
		return ""
	}
	if v == math.Trunc(v) && math.Abs(v) < 1e15 {
		return strconv.FormatFloat(v+0, 'f', -1, 64)
	}
	return strconv.FormatFloat(v, 'g', -1, 64)
}

// member is an array of an NPZ file.
type member struct {
	name string
	file *zip.File // nil of an NPY file
	r    io.Reader // of an NPY file
}

// open reads the header of the array.
func (m *member) open() (*array, io.Closer, error) {
	if m.file == nil {
		a, err := readHeader(m.r)
		return a, io.NopCloser(nil), err
	}
	r, err := m.file.Open()
	if err != nil {
		return nil, nil, err
	}
	a, err := readHeader(r)
	if err != nil {
		r.Close()
		return nil, nil, err
	}
	// What elements take is checked by what is there, before memory is taken for them.
	rows, width := a.rows()
	if most := m.file.CompressedSize64 * mostDeflated; float64(rows)*float64(width)*float64(a.size) > float64(most) {
		r.Close()
		return nil, nil, fmt.Errorf("found at most %d bytes, %d elements of %d bytes expected", most, rows*width, a.size)
	}
	return a, r, nil
}

// mostDeflated is how many bytes one of a compressed file stands for, at most.
const mostDeflated = 1032

// maxMembers is the most arrays of an NPZ file.
const maxMembers = 1 << 12

// members returns the arrays of an NPZ file.
func members(r io.ReaderAt, size int64) ([]member, error) {
	z, err := zip.NewReader(r, size)
	if err != nil {
		return nil, err
	}
	if len(z.File) > maxMembers {
		return nil, fmt.Errorf("found %d arrays, at most %d expected", len(z.File), maxMembers)
	}
	var all []member
	for _, f := range z.File {
		if name, ok := strings.CutSuffix(f.Name, ".npy"); ok {
			all = append(all, member{name: name, file: f})
		}
	}
	if all == nil {
		return nil, errors.New("found a zip file without arrays, an NPZ file expected")
	}
	return all, nil
}
