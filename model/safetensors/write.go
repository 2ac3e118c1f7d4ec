package safetensors

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"unicode/utf8"

	"github.com/onehot-go/onehot/fault"
	"github.com/onehot-go/onehot/tensor"
)

// Write writes f to w as a safetensors file. The bytes depend on nothing but the
// content: tensors are placed as the reference implementation places them, by type and
// then by name, and the keys of the metadata are sorted. The error is a *fault.FormatError
// if f cannot be written, and w's own otherwise: where two tensors have one name, or
// where a finite number is too great for a tensor's Half.
func (f *File) Write(w io.Writer) error {
	tensors := slices.Clone(f.Tensors)
	slices.SortFunc(tensors, func(x, y Tensor) int {
		return cmp.Or(cmp.Compare(rank(x), rank(y)), cmp.Compare(x.Name, y.Name))
	})
	header, err := encodeHeader(f.Metadata, tensors)
	if err != nil {
		return err
	}
	if _, err := w.Write(binary.LittleEndian.AppendUint64(nil, uint64(len(header)))); err != nil {
		return err
	}
	if _, err := w.Write(header); err != nil {
		return err
	}
	buffer := make([]byte, bufferSize)
	for _, t := range tensors {
		if err := writeElements(w, buffer, t); err != nil {
			return err
		}
	}
	return nil
}

// rank returns the index in formats of the type of t's elements, or -1 if t's Half is
// none that they can have.
func rank(t Tensor) int {
	return slices.IndexFunc(formats, func(f format) bool { return f.dtype == t.Value.DType() && f.half == t.Half })
}

// encodeHeader returns the header for tensors in this order, filled up with spaces so
// that the data starts at a multiple of 8 bytes.
func encodeHeader(metadata map[string]string, tensors []Tensor) ([]byte, error) {
	b := bytes.NewBufferString("{")
	member := func(key string, value any) {
		if b.Len() > 1 {
			b.WriteByte(',')
		}
		b.Write(marshal(key))
		b.WriteByte(':')
		b.Write(marshal(value))
	}

	if len(metadata) > 0 {
		for key, value := range metadata {
			if !utf8.ValidString(key) || !utf8.ValidString(value) {
				return nil, &fault.FormatError{Field: fmt.Sprintf("%s: %q", metadataKey, key), Detail: "not valid UTF-8"}
			}
		}
		member(metadataKey, metadata)
	}

	if n := max(len(metadata), len(tensors)+1); n > maxMembers {
		return nil, &fault.FormatError{Field: "header", Detail: fmt.Sprintf("%d tensors and %d keys of metadata, less than %d of each expected", len(tensors), len(metadata), maxMembers)}
	}
	at := 0
	seen := map[string]bool{}
	for _, t := range tensors {
		field := fmt.Sprintf("tensor %q", t.Name)
		switch {
		case t.Name == metadataKey:
			return nil, &fault.FormatError{Field: field, Detail: "the name is reserved"}
		case !utf8.ValidString(t.Name):
			return nil, &fault.FormatError{Field: field, Detail: "the name is not valid UTF-8"}
		case seen[t.Name]:
			return nil, &fault.FormatError{Field: field, Detail: "two tensors have this name"}
		case t.Value.Dim() > maxDims:
			return nil, &fault.FormatError{Field: field, Detail: fmt.Sprintf("%d dimensions, at most %d expected", t.Value.Dim(), maxDims)}
		case rank(t) < 0:
			return nil, &fault.FormatError{Field: field, Detail: fmt.Sprintf("Half is %q for elements of type %v: F16 or BF16 for float32 expected",
				t.Half, t.Value.DType())}
		}
		seen[t.Name] = true
		format := formats[rank(t)]
		end := at + t.Value.Numel()*format.width
		member(t.Name, struct {
			DType   string `json:"dtype"`
			Shape   []int  `json:"shape"`
			Offsets [2]int `json:"data_offsets"`
		}{format.name, append([]int{}, t.Value.Shape()...), [2]int{at, end}}) // never a nil shape, which is null in JSON
		at = end
	}

	b.WriteByte('}')
	for b.Len()%alignment != 0 {
		b.WriteByte(' ')
	}
	if b.Len() > maxHeader {
		return nil, &fault.FormatError{Field: "header", Detail: fmt.Sprintf("%d bytes, at most %d expected", b.Len(), maxHeader)}
	}
	return b.Bytes(), nil
}

// marshal returns v, made of strings and integers, as JSON. Unlike json.Marshal it
// leaves <, > and & as they are, which is how the reference implementation writes them.
func marshal(v any) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.Encode(v) // such values and a bytes.Buffer know no errors
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

// writeElements writes the data of t.
func writeElements(w io.Writer, buffer []byte, t Tensor) error {
	value := t.Value.Detach().Contiguous()
	if t.Half != "" {
		return drainHalf(w, buffer, t, tensor.Data[float32](value))
	}
	switch value.DType() {
	case tensor.Bool:
		return drain(w, buffer, tensor.Data[bool](value))
	case tensor.Uint8:
		return drain(w, buffer, tensor.Data[uint8](value))
	case tensor.Int64:
		return drain(w, buffer, tensor.Data[int64](value))
	case tensor.Float32:
		return drain(w, buffer, tensor.Data[float32](value))
	default:
		return drain(w, buffer, tensor.Data[float64](value))
	}
}

// drain writes src, a buffer at a time.
func drain[T tensor.Element](w io.Writer, buffer []byte, src []T) error {
	for len(src) > 0 {
		part := src[:min(len(src), len(buffer)/binary.Size(src[:1]))]
		n, err := binary.Encode(buffer, binary.LittleEndian, part)
		if err != nil {
			return err
		}
		if _, err := w.Write(buffer[:n]); err != nil {
			return err
		}
		src = src[len(part):]
	}
	return nil
}
