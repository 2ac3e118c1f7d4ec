package safetensors

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"strconv"
	"unicode/utf8"

	"github.com/onehot-go/onehot/fault"
	"github.com/onehot-go/onehot/internal/memory"
	"github.com/onehot-go/onehot/tensor"
)

// ReadFile reads the file at path. The error is a *fault.FormatError or *UnsupportedError
// that names path where the content is at fault. The file must be a regular one.
func ReadFile(path string) (*File, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() { // opening a named pipe would wait for a writer
		return nil, fmt.Errorf("%s: a regular file expected", path)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return (&decoder{file: path, r: f}).decode(info.Size())
}

// Read reads a file of size bytes from r, and nothing after it. The error is a
// *fault.FormatError or *UnsupportedError if the content is at fault, and wraps r's own
// otherwise. It takes no more memory than a small multiple of size.
func Read(r io.Reader, size int64) (*File, error) {
	return (&decoder{r: r}).decode(size)
}

// decoder reads one file.
type decoder struct {
	file   string // for errors
	r      io.Reader
	header *json.Decoder
	buffer []byte
}

// entry is what the header says about a tensor.
type entry struct {
	name       string
	format     format
	shape      []int
	begin, end int // of its bytes in the data
}

// field names a place in the entry for errors.
func (e *entry) field(name string) string { return fmt.Sprintf("tensor %q: %s", e.name, name) }

func (d *decoder) fail(field, detail string, args ...any) error {
	return &fault.FormatError{File: d.file, Field: field, Detail: fmt.Sprintf(detail, args...)}
}

// read fills p with the next bytes of the file, which belong to field.
func (d *decoder) read(field string, p []byte) error {
	_, err := io.ReadFull(d.r, p)
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return d.fail(field, "the file ends here, before the size it was said to have")
	}
	if err != nil {
		return fmt.Errorf("%s: %w", field, err)
	}
	return nil
}

func (d *decoder) decode(size int64) (*File, error) {
	const field = "header length"
	if size < lengthSize {
		return nil, d.fail(field, "a file of %d bytes, at least %d expected", size, lengthSize)
	}
	var length [lengthSize]byte
	if err := d.read(field, length[:]); err != nil {
		return nil, err
	}
	n, left := binary.LittleEndian.Uint64(length[:]), size-lengthSize
	if n > maxHeader {
		return nil, d.fail(field, "%d bytes, at most %d expected: this is no safetensors file", n, maxHeader)
	}
	if int64(n) > left {
		return nil, d.fail(field, "%d bytes, but only %d follow", n, left)
	}
	header := make([]byte, n)
	if err := d.read("header", header); err != nil {
		return nil, err
	}
	metadata, entries, err := d.parse(header)
	if err != nil {
		return nil, err
	}
	if err := d.check(entries, left-int64(n)); err != nil {
		return nil, err
	}
	bytes := 0.0
	for _, e := range entries {
		bytes += float64(e.end-e.begin) / float64(e.format.width) * float64(e.format.memory)
	}
	if err := memory.Check(bytes, locate(d.file, "its tensors")); err != nil {
		return nil, err
	}

	f := &File{Metadata: metadata}
	d.buffer = make([]byte, bufferSize)
	for _, e := range entries {
		t := tensor.Zeros(e.format.dtype, e.shape...)
		if err := d.elements(&e, t); err != nil {
			return nil, err
		}
		f.Tensors = append(f.Tensors, Tensor{Name: e.name, Value: t, Half: e.format.half})
	}
	return f, nil
}

// parse reads the header. The entries are in the order of their data.
func (d *decoder) parse(header []byte) (metadata map[string]string, entries []entry, err error) {
	const field = "header"
	if !utf8.Valid(header) {
		return nil, nil, d.fail(field, "not valid UTF-8")
	}
	if len(header) == 0 || header[0] != '{' {
		return nil, nil, d.fail(field, "starts with %.1q, '{' expected", header)
	}
	// Once the whole header is known to be JSON, tokens can only be of the wrong kind.
	var raw json.RawMessage
	if err := json.Unmarshal(header, &raw); err != nil {
		if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
			return nil, nil, d.fail(field, "not valid JSON at byte %d: %v", syntax.Offset, syntax)
		}
		return nil, nil, d.fail(field, "not valid JSON: %v", err)
	}
	d.header = json.NewDecoder(bytes.NewReader(header))
	d.header.UseNumber()

	_, err = d.object(field, func(name string) (err error) {
		if name == metadataKey {
			metadata, err = d.strings(metadataKey)
			return err
		}
		e, err := d.entry(name)
		entries = append(entries, e)
		return err
	})
	slices.SortFunc(entries, func(x, y entry) int {
		return cmp.Or(cmp.Compare(x.begin, y.begin), cmp.Compare(x.end, y.end), cmp.Compare(x.name, y.name))
	})
	return metadata, entries, err
}

// entry reads what the header says about the tensor called name.
func (d *decoder) entry(name string) (entry, error) {
	e := entry{name: name}
	var dtype string
	var offsets []int
	seen, err := d.object(fmt.Sprintf("tensor %q", name), func(key string) (err error) {
		switch key {
		case "dtype":
			dtype, err = d.string(e.field(key))
		case "shape":
			e.shape, err = d.ints(e.field(key), maxDims)
		case "data_offsets":
			offsets, err = d.ints(e.field(key), 2)
		default: // skipped, as by the reference implementation
			err = d.header.Decode(new(json.RawMessage))
		}
		return err
	})
	if err != nil {
		return e, err
	}
	for _, key := range []string{"dtype", "shape", "data_offsets"} {
		if !seen[key] {
			return e, d.fail(e.field(key), "missing")
		}
	}
	if len(offsets) != 2 || offsets[0] > offsets[1] {
		return e, d.fail(e.field("data_offsets"), "found %d, [begin, end] expected", offsets)
	}
	e.begin, e.end = offsets[0], offsets[1]
	i := slices.IndexFunc(formats, func(f format) bool { return f.name == dtype })
	if i < 0 {
		return e, &UnsupportedError{File: d.file, Tensor: name, DType: dtype}
	}
	e.format = formats[i]
	return e, nil
}

// check makes sure that the entries, which are in the order of their data, fit their
// shapes and fill all of the data, size bytes, without holes or overlaps.
func (d *decoder) check(entries []entry, size int64) error {
	at := 0
	for i, e := range entries {
		if e.begin < at {
			return d.fail(e.field("data_offsets"), "starts at byte %d, inside tensor %q, which ends at %d",
				e.begin, entries[i-1].name, at)
		}
		if e.begin > at {
			return d.fail(e.field("data_offsets"), "starts at byte %d and leaves a hole: %d expected", e.begin, at)
		}
		n, ok := byteSize(e.shape, e.format.memory)
		if !ok {
			return d.fail(e.field("shape"), "%d has more elements than fit in memory", e.shape)
		}
		if n = n / e.format.memory * e.format.width; e.end-e.begin != n {
			return d.fail(e.field("data_offsets"), "%d bytes, but shape %d of %s takes %d",
				e.end-e.begin, e.shape, e.format.name, n)
		}
		at = e.end
	}
	if int64(at) != size {
		return d.fail("data", "%d bytes follow the header, but the tensors take %d", size, at)
	}
	return nil
}

// byteSize returns the size of a tensor in memory, or false where it overflows an int. Empty
// dimensions do not excuse others that overflow: strides are computed from them.
func byteSize(shape []int, width int) (int, bool) {
	n, empty := width, false
	for _, s := range shape {
		if s == 0 {
			empty = true
			continue
		}
		if n > math.MaxInt/s {
			return 0, false
		}
		n *= s
	}
	if empty {
		return 0, true
	}
	return n, true
}

// elements reads the data of e to t.
func (d *decoder) elements(e *entry, t *tensor.Tensor) error {
	if e.format.half != "" {
		return fillHalf(d, e, tensor.Data[float32](t))
	}
	switch e.format.dtype {
	case tensor.Bool:
		return fill(d, e, tensor.Data[bool](t))
	case tensor.Uint8:
		return fill(d, e, tensor.Data[uint8](t))
	case tensor.Int64:
		return fill(d, e, tensor.Data[int64](t))
	case tensor.Float32:
		return fill(d, e, tensor.Data[float32](t))
	default:
		return fill(d, e, tensor.Data[float64](t))
	}
}

// fill reads the data of e to dst, a buffer at a time.
func fill[T tensor.Element](d *decoder, e *entry, dst []T) error {
	for len(dst) > 0 {
		part := dst[:min(len(dst), len(d.buffer)/e.format.width)]
		raw := d.buffer[:len(part)*e.format.width]
		if err := d.read(e.field("data"), raw); err != nil {
			return err
		}
		if e.format.dtype == tensor.Bool {
			if i := slices.IndexFunc(raw, func(b byte) bool { return b > 1 }); i >= 0 {
				return d.fail(e.field("data"), "found %d for a BOOL, 0 or 1 expected", raw[i])
			}
		}
		if _, err := binary.Decode(raw, binary.LittleEndian, part); err != nil {
			return err
		}
		dst = dst[len(part):]
	}
	return nil
}

// object reads a JSON object of at most maxMembers. It calls member with every key in turn, to read the
// value, and returns the set of keys.
func (d *decoder) object(field string, member func(key string) error) (map[string]bool, error) {
	if tok := d.token(); tok != json.Delim('{') {
		return nil, d.fail(field, "found %s, an object expected", describe(tok))
	}
	seen := map[string]bool{}
	for d.header.More() {
		key, _ := d.token().(string)
		if len(seen) == maxMembers {
			return nil, d.fail(field, "more than %d keys", maxMembers)
		}
		if seen[key] {
			return nil, d.fail(field, "%q stands here twice", key)
		}
		seen[key] = true
		if err := member(key); err != nil {
			return nil, err
		}
	}
	d.token() // the closing brace
	return seen, nil
}

// strings reads a JSON object whose values are strings.
func (d *decoder) strings(field string) (map[string]string, error) {
	out := map[string]string{}
	_, err := d.object(field, func(key string) (err error) {
		out[key], err = d.string(fmt.Sprintf("%s: %q", field, key))
		return err
	})
	return out, err
}

// ints reads a JSON array of sizes or offsets, at most so many.
func (d *decoder) ints(field string, most int) ([]int, error) {
	if tok := d.token(); tok != json.Delim('[') {
		return nil, d.fail(field, "found %s, an array expected", describe(tok))
	}
	var out []int
	for d.header.More() {
		if len(out) == most {
			return nil, d.fail(field, "more than %d numbers", most)
		}
		tok := d.token()
		number, _ := tok.(json.Number)
		n, err := strconv.ParseUint(number.String(), 10, strconv.IntSize-1)
		if err != nil {
			return nil, d.fail(field, "found %s, an integer from 0 to %d expected", describe(tok), math.MaxInt)
		}
		out = append(out, int(n))
	}
	d.token() // the closing bracket
	return out, nil
}

// string reads a JSON string.
func (d *decoder) string(field string) (string, error) {
	tok := d.token()
	s, ok := tok.(string)
	if !ok {
		return "", d.fail(field, "found %s, a string expected", describe(tok))
	}
	return s, nil
}

// token returns the next token of the header, which is known to be valid JSON.
func (d *decoder) token() json.Token {
	tok, _ := d.header.Token()
	return tok
}

// describe names a token for errors.
func describe(tok json.Token) string {
	switch tok := tok.(type) {
	case nil:
		return "null"
	case json.Delim:
		if tok == '{' {
			return "an object"
		}
		return "an array"
	case string:
		return strconv.Quote(tok)
	}
	return fmt.Sprint(tok)
}
