package onnx

import (
	"encoding/binary"
	"fmt"
	"math"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/onehot-go/onehot/fault"
	"github.com/onehot-go/onehot/model/safetensors"
)

// The most that a file may have beside elements of tensors. A net of a thousand layers has some
// ten thousand items: nodes, names, attributes and numbers.
const (
	maxItems = 1 << 18
	maxNodes = 1 << 13
	maxDims  = 8
)

// reader reads the messages of a file.
type reader struct {
	path  string // for errors, or ""
	items int
}

// fail returns a *fault.FormatError about a field.
func (r *reader) fail(field, format string, args ...any) error {
	return &fault.FormatError{File: r.path, Field: field, Detail: fmt.Sprintf(format, args...)}
}

// value is what a field has: bytes, or a number of at most 64 bits.
type value struct {
	bytes  []byte
	number uint64
}

// each calls f with every field of a message, which errors call so. The wire type that f returns
// is that which the field should have, if it is a known one.
func (r *reader) each(message []byte, called string, f func(field protowire.Number, v value) (protowire.Type, error)) error {
	for at := 0; at < len(message); {
		if r.items++; r.items > maxItems {
			return r.fail(called, "found more than %d nodes, names, attributes and numbers", maxItems)
		}
		field, of, n := protowire.ConsumeTag(message[at:])
		if n < 0 {
			return r.fail(called, "no protocol buffer: %v", protowire.ParseError(n))
		}
		at += n
		var v value
		switch of {
		case protowire.VarintType:
			v.number, n = protowire.ConsumeVarint(message[at:])
		case protowire.Fixed32Type:
			var bits uint32
			bits, n = protowire.ConsumeFixed32(message[at:])
			v.number = uint64(bits)
		case protowire.Fixed64Type:
			v.number, n = protowire.ConsumeFixed64(message[at:])
		case protowire.BytesType:
			v.bytes, n = protowire.ConsumeBytes(message[at:])
		default:
			n = protowire.ConsumeFieldValue(field, of, message[at:])
		}
		if n < 0 {
			return r.fail(called, "no protocol buffer: %v", protowire.ParseError(n))
		}
		at += n
		want, err := f(field, v)
		if err != nil {
			return err
		}
		if want != unknownField && want != of {
			return r.fail(called, "found field %d of wire type %d, %d expected", field, of, want)
		}
	}
	return nil
}

// unknownField is what f of reader.each returns for a field that is left out.
const unknownField protowire.Type = -1

// text returns a name or another short text.
func (r *reader) text(v value, called string) (string, error) {
	const most = 1 << 12
	if len(v.bytes) > most {
		return "", r.fail(called, "found a text of %d bytes, at most %d expected", len(v.bytes), most)
	}
	return string(v.bytes), nil
}

// file reads a ModelProto.
func (r *reader) file(data []byte) (*file, error) {
	const called = "model"
	f := &file{metadata: map[string]string{}}
	graphs := 0
	err := r.each(data, called, func(field protowire.Number, v value) (protowire.Type, error) {
		switch field {
		case 7:
			graphs++
			return protowire.BytesType, r.graph(v.bytes, &f.graph)
		case 8:
			return protowire.BytesType, r.operators(v.bytes, f)
		case 14:
			return protowire.BytesType, r.entry(v.bytes, f.metadata)
		}
		return unknownField, nil
	})
	if err != nil {
		return nil, err
	}
	if graphs != 1 || f.opset == 0 {
		return nil, r.fail(called, "found %d graphs and version %d of the operators, one of each expected: this is no ONNX file", graphs, f.opset)
	}
	if f.opset < oldest || f.opset > newest {
		return nil, r.fail(called, "found version %d of the operators, %d to %d expected", f.opset, oldest, newest)
	}
	return f, nil
}

// The versions of ONNX's operators that are read.
const oldest, newest = 7, 22

// operators reads an OperatorSetIdProto. Others than ONNX's are of no account: their nodes name them.
func (r *reader) operators(b []byte, f *file) error {
	domain, version := "", uint64(0)
	err := r.each(b, "operators", func(field protowire.Number, v value) (_ protowire.Type, err error) {
		switch field {
		case 1:
			domain, err = r.text(v, "operators")
			return protowire.BytesType, err
		case 2:
			version = v.number
			return protowire.VarintType, nil
		}
		return unknownField, nil
	})
	if standardDomain(domain) {
		f.opset = int64(min(version, math.MaxInt32))
	}
	return err
}

// standardDomain reports whether operations of a domain are ONNX's own.
func standardDomain(name string) bool { return name == "" || name == "ai.onnx" }

// entry reads a StringStringEntryProto.
func (r *reader) entry(b []byte, to map[string]string) error {
	var key string
	var text []byte
	err := r.each(b, "metadata", func(field protowire.Number, v value) (_ protowire.Type, err error) {
		switch field {
		case 1:
			key, err = r.text(v, "metadata")
			return protowire.BytesType, err
		case 2:
			text = v.bytes
			return protowire.BytesType, nil
		}
		return unknownField, nil
	})
	if err != nil {
		return err
	}
	switch key {
	case definitionKey, countersKey, namesKey: // the others are for people
		if len(text) > maxMetadata {
			return r.fail("metadata "+key, "found %d bytes, at most %d expected", len(text), maxMetadata)
		}
		to[key] = string(text)
	}
	return nil
}

// maxMetadata is the most bytes of an entry.
const maxMetadata = 1 << 23

// graph reads a GraphProto.
func (r *reader) graph(b []byte, g *graph) error {
	const called = "graph"
	return r.each(b, called, func(field protowire.Number, v value) (protowire.Type, error) {
		switch field {
		case 1:
			if len(g.nodes) == maxNodes {
				return protowire.BytesType, r.fail(called, "found more than %d nodes", maxNodes)
			}
			n, err := r.node(v.bytes)
			g.nodes = append(g.nodes, n)
			return protowire.BytesType, err
		case 5:
			c, err := r.constant(v.bytes)
			g.constants = append(g.constants, c)
			return protowire.BytesType, err
		case 11, 12:
			p, err := r.port(v.bytes)
			if field == 11 {
				g.inputs = append(g.inputs, p)
			} else {
				g.outputs = append(g.outputs, p)
			}
			return protowire.BytesType, err
		case 15:
			return protowire.BytesType, r.fail(called, "found a sparse tensor, dense ones expected")
		}
		return unknownField, nil
	})
}

// node reads a NodeProto.
func (r *reader) node(b []byte) (n node, err error) {
	const called = "node"
	err = r.each(b, called, func(field protowire.Number, v value) (_ protowire.Type, err error) {
		var text string
		switch field {
		case 1, 2, 3, 4, 7:
			if text, err = r.text(v, called); err != nil {
				return protowire.BytesType, err
			}
		}
		switch field {
		case 1:
			n.inputs = append(n.inputs, text)
		case 2:
			n.outputs = append(n.outputs, text)
		case 3:
			n.name = text
		case 4:
			n.op = text
		case 5:
			if n.attributes == nil {
				n.attributes = map[string]any{}
			}
			err = r.attribute(v.bytes, n.attributes)
		case 7:
			n.domain = text
		default:
			return unknownField, nil
		}
		return protowire.BytesType, err
	})
	return n, err
}

// attribute reads an AttributeProto.
func (r *reader) attribute(b []byte, to map[string]any) error {
	const called = "attribute"
	var name, text string
	var f float32
	var i, of int64
	var floats []float32
	var ints []int64
	var texts []string
	var c *constant
	err := r.each(b, called, func(field protowire.Number, v value) (_ protowire.Type, err error) {
		switch field {
		case 1:
			name, err = r.text(v, called)
		case 2:
			f = math.Float32frombits(uint32(v.number))
			return protowire.Fixed32Type, nil
		case 3:
			i = int64(v.number)
			return protowire.VarintType, nil
		case 4:
			text, err = r.text(v, called)
		case 5:
			c = new(constant)
			*c, err = r.constant(v.bytes)
		case 7:
			if v.bytes == nil {
				floats = append(floats, math.Float32frombits(uint32(v.number)))
				return protowire.Fixed32Type, nil
			}
			err = r.packed(v.bytes, called, protowire.Fixed32Type, func(n uint64) { floats = append(floats, math.Float32frombits(uint32(n))) })
		case 8:
			if v.bytes == nil {
				ints = append(ints, int64(v.number))
				return protowire.VarintType, nil
			}
			err = r.packed(v.bytes, called, protowire.VarintType, func(n uint64) { ints = append(ints, int64(n)) })
		case 9:
			var s string
			s, err = r.text(v, called)
			texts = append(texts, s)
		case 20:
			of = int64(v.number)
			return protowire.VarintType, nil
		default:
			return unknownField, nil
		}
		return protowire.BytesType, err
	})
	if err != nil {
		return err
	}
	switch of {
	case floatAttribute:
		to[name] = f
	case intAttribute:
		to[name] = i
	case stringAttribute:
		to[name] = text
	case tensorAttribute:
		to[name] = c
	case floatsAttribute:
		to[name] = floats
	case intsAttribute:
		to[name] = ints
	case stringsAttribute:
		to[name] = texts
	default:
		to[name] = other{}
	}
	return nil
}

// packed calls f with the numbers of a packed list.
func (r *reader) packed(b []byte, called string, of protowire.Type, f func(n uint64)) error {
	for len(b) > 0 {
		if r.items++; r.items > maxItems {
			return r.fail(called, "found more than %d nodes, names, attributes and numbers", maxItems)
		}
		var v uint64
		var n int
		if of == protowire.VarintType {
			v, n = protowire.ConsumeVarint(b)
		} else {
			var bits uint32
			bits, n = protowire.ConsumeFixed32(b)
			v = uint64(bits)
		}
		if n < 0 {
			return r.fail(called, "no protocol buffer: %v", protowire.ParseError(n))
		}
		f(v)
		b = b[n:]
	}
	return nil
}

// port reads a ValueInfoProto of a tensor.
func (r *reader) port(b []byte) (p port, err error) {
	const called = "input or output"
	inner := func(b []byte, at protowire.Number, f func(b []byte) error) error {
		return r.each(b, called, func(field protowire.Number, v value) (protowire.Type, error) {
			if field == at {
				return protowire.BytesType, f(v.bytes)
			}
			return unknownField, nil
		})
	}
	size := func(b []byte) error {
		d := dim{name: "?"}
		err := r.each(b, called, func(field protowire.Number, v value) (_ protowire.Type, err error) {
			switch field {
			case 1:
				d = dim{size: int64(v.number)}
				return protowire.VarintType, nil
			case 2:
				d.name, err = r.text(v, called)
				return protowire.BytesType, err
			}
			return unknownField, nil
		})
		p.shape = append(p.shape, d)
		return err
	}
	tensor := func(b []byte) error {
		return r.each(b, called, func(field protowire.Number, v value) (protowire.Type, error) {
			switch field {
			case 1:
				p.kind = kind(v.number)
				return protowire.VarintType, nil
			case 2:
				return protowire.BytesType, inner(v.bytes, 1, size)
			}
			return unknownField, nil
		})
	}
	err = r.each(b, called, func(field protowire.Number, v value) (_ protowire.Type, err error) {
		switch field {
		case 1:
			p.name, err = r.text(v, called)
			return protowire.BytesType, err
		case 2:
			return protowire.BytesType, inner(v.bytes, 1, tensor)
		}
		return unknownField, nil
	})
	return p, err
}

// constant reads a TensorProto. Its elements stay where they are in the file.
func (r *reader) constant(b []byte) (c constant, err error) {
	const called = "tensor"
	lists := 0
	err = r.each(b, called, func(field protowire.Number, v value) (_ protowire.Type, err error) {
		switch field {
		case 1:
			if v.bytes == nil {
				c.shape = append(c.shape, int(int64(v.number)))
				return protowire.VarintType, nil
			}
			err = r.packed(v.bytes, called, protowire.VarintType, func(n uint64) { c.shape = append(c.shape, int(int64(n))) })
		case 2:
			c.kind = kind(v.number)
			return protowire.VarintType, nil
		case 4, 5, 7, 9, 10: // float_data, int32_data, int64_data, raw_data and double_data
			c.raw, c.varints = v.bytes, field == 5 || field == 7
			lists++
		case 8:
			c.name, err = r.text(v, called)
		case 13:
			c.external = true
		case 14:
			c.external = c.external || v.number == 1
			return protowire.VarintType, nil
		default:
			return unknownField, nil
		}
		return protowire.BytesType, err
	})
	if err != nil {
		return c, err
	}
	field := fmt.Sprintf("tensor %.100q", c.name)
	if len(c.shape) > maxDims {
		return c, r.fail(field, "found %d dimensions, at most %d expected", len(c.shape), maxDims)
	}
	if lists > 1 {
		return c, r.fail(field, "found %d lists of elements, one expected", lists)
	}
	if c.external {
		return c, nil
	}
	n := 1
	for _, s := range c.shape {
		if s < 0 || s > 0 && n > math.MaxInt/8/s {
			return c, r.fail(field, "found shape %d, which does not fit in memory", c.shape)
		}
		n *= s
	}
	width := c.kind.width()
	if width == 0 {
		return c, nil // an operation that needs it says what it does not know
	}
	if c.varints && n > len(c.raw) || !c.varints && n*width != len(c.raw) {
		return c, r.fail(field, "found %d bytes of elements for shape %v of %v", len(c.raw), c.shape, c.kind)
	}
	return c, nil
}

// width returns how many bytes an element has, 0 of a type that is not read.
func (k kind) width() int {
	switch k {
	case uint8Kind, int8Kind, boolKind:
		return 1
	case float16Kind, bfloat16Kind:
		return 2
	case float32Kind, int32Kind:
		return 4
	case int64Kind, float64Kind:
		return 8
	}
	return 0
}

// String names the type: "float32".
func (k kind) String() string {
	names := map[kind]string{
		float32Kind: "float32", uint8Kind: "uint8", int8Kind: "int8", int32Kind: "int32", int64Kind: "int64", boolKind: "bool",
		float16Kind: "float16", float64Kind: "float64", bfloat16Kind: "bfloat16",
	}
	if name := names[k]; name != "" {
		return name
	}
	return fmt.Sprintf("type %d", int(k))
}

// size returns how many elements the constant has.
func (c *constant) size() int { return product(c.shape) }

// isFloat reports whether the elements are floating-point numbers, which floatsTo reads.
func (c *constant) isFloat() bool {
	switch c.kind {
	case float32Kind, float64Kind, float16Kind, bfloat16Kind:
		return true
	}
	return false
}

// floatsTo calls f with the index and the value of every element, floating-point numbers as float32.
func (c *constant) floatsTo(f func(i int, v float32)) error {
	for i, v := range c.floats {
		f(i, v)
	}
	if c.floats != nil {
		return nil
	}
	if c.varints { // 16 bits each
		half := c.half()
		if half == "" {
			return fmt.Errorf("found elements of %v in a list of integers", c.kind)
		}
		return c.eachVarint(func(i int, v int64) { f(i, half.Float32(uint16(v))) })
	}
	n := c.size()
	switch c.kind {
	case float32Kind:
		for i := range n {
			f(i, math.Float32frombits(binary.LittleEndian.Uint32(c.raw[4*i:])))
		}
	case float64Kind:
		for i := range n {
			f(i, float32(math.Float64frombits(binary.LittleEndian.Uint64(c.raw[8*i:]))))
		}
	case float16Kind, bfloat16Kind:
		half := c.half()
		for i := range n {
			f(i, half.Float32(binary.LittleEndian.Uint16(c.raw[2*i:])))
		}
	default:
		return fmt.Errorf("found %v, floating-point numbers expected", c.kind)
	}
	return nil
}

// half returns the format of 16 bits, or "".
func (c *constant) half() safetensors.Half {
	return map[kind]safetensors.Half{float16Kind: safetensors.F16, bfloat16Kind: safetensors.BF16}[c.kind]
}

// eachVarint calls f with the index and the value of every element of a list of integers.
func (c *constant) eachVarint(f func(i int, v int64)) error {
	b := c.raw
	for i := range c.size() {
		v, n := protowire.ConsumeVarint(b)
		if n < 0 {
			return fmt.Errorf("found fewer than %d elements", c.size())
		}
		f(i, int64(v))
		b = b[n:]
	}
	return nil
}

// integers returns the elements, at most 1<<10 integers.
func (c *constant) integers() ([]int64, error) {
	const most = 1 << 10
	n := c.size()
	if n > most || c.external || c.kind != int64Kind && c.kind != int32Kind {
		return nil, fmt.Errorf("found %d elements of %v, at most %d integers expected", n, c.kind, most)
	}
	if c.ints != nil {
		return c.ints, nil
	}
	list := make([]int64, n)
	if c.varints {
		return list, c.eachVarint(func(i int, v int64) { list[i] = v })
	}
	for i := range list {
		if c.kind == int32Kind {
			list[i] = int64(int32(binary.LittleEndian.Uint32(c.raw[4*i:])))
		} else {
			list[i] = int64(binary.LittleEndian.Uint64(c.raw[8*i:]))
		}
	}
	return list, nil
}
