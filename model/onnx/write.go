package onnx

import (
	"encoding/binary"
	"io"
	"math"
	"slices"

	"google.golang.org/protobuf/encoding/protowire"
)

// The numbers of fields are those of onnx.proto.

// message is an encoded protocol buffer in parts, so that weights need not be copied.
type message struct {
	parts []part
	size  int
}

// part is bytes, or floats that are written little-endian.
type part struct {
	bytes  []byte
	floats []float32
}

// bytes appends encoded bytes.
func (m *message) bytes(b []byte) {
	if n := len(m.parts); n > 0 && m.parts[n-1].floats == nil {
		m.parts[n-1].bytes = append(m.parts[n-1].bytes, b...)
	} else {
		m.parts = append(m.parts, part{bytes: b})
	}
	m.size += len(b)
}

// tag appends a field's number and type.
func (m *message) tag(field protowire.Number, t protowire.Type) {
	m.bytes(protowire.AppendTag(nil, field, t))
}

func (m *message) int(field protowire.Number, v int64) {
	m.tag(field, protowire.VarintType)
	m.bytes(protowire.AppendVarint(nil, uint64(v)))
}

func (m *message) float(field protowire.Number, v float32) {
	m.tag(field, protowire.Fixed32Type)
	m.bytes(protowire.AppendFixed32(nil, math.Float32bits(v)))
}

func (m *message) text(field protowire.Number, v string) {
	m.tag(field, protowire.BytesType)
	m.bytes(protowire.AppendString(nil, v))
}

// message appends a message within the message.
func (m *message) message(field protowire.Number, inner *message) {
	m.tag(field, protowire.BytesType)
	m.bytes(protowire.AppendVarint(nil, uint64(inner.size)))
	for _, p := range inner.parts {
		if p.floats == nil {
			m.bytes(p.bytes)
			continue
		}
		m.parts = append(m.parts, p)
		m.size += 4 * len(p.floats)
	}
}

// writeTo writes the message to w.
func (m *message) writeTo(w io.Writer) error {
	var buffer [1 << 16]byte
	for _, p := range m.parts {
		if p.floats == nil {
			if _, err := w.Write(p.bytes); err != nil {
				return err
			}
			continue
		}
		for floats := p.floats; len(floats) > 0; {
			n := min(len(floats), len(buffer)/4)
			if _, err := binary.Encode(buffer[:], binary.LittleEndian, floats[:n]); err != nil {
				return err
			}
			if _, err := w.Write(buffer[:4*n]); err != nil {
				return err
			}
			floats = floats[n:]
		}
	}
	return nil
}

// encode returns the file as a ModelProto of the versions that Export writes.
func (f *file) encode(producerVersion string) *message {
	m := new(message)
	m.int(1, irVersion)
	m.text(2, "onehot")
	m.text(3, producerVersion)
	m.message(7, f.graph.encode())
	operations := func(domain string, version int64) {
		set := new(message)
		set.text(1, domain)
		set.int(2, version)
		m.message(8, set)
	}
	operations("", f.opset)
	if slices.ContainsFunc(f.graph.nodes, func(n node) bool { return n.domain == learning }) {
		operations(learning, learningVersion)
	}
	for _, key := range sortedKeys(f.metadata) {
		entry := new(message)
		entry.text(1, key)
		entry.text(2, f.metadata[key])
		m.message(14, entry)
	}
	return m
}

// encode returns the graph as a GraphProto.
func (g *graph) encode() *message {
	m := new(message)
	for i := range g.nodes {
		m.message(1, g.nodes[i].encode())
	}
	m.text(2, "classifier")
	for i := range g.constants {
		m.message(5, g.constants[i].encode())
	}
	for _, p := range g.inputs {
		m.message(11, p.encode())
	}
	for _, p := range g.outputs {
		m.message(12, p.encode())
	}
	return m
}

// encode returns the node as a NodeProto.
func (n *node) encode() *message {
	m := new(message)
	for _, name := range n.inputs {
		m.text(1, name)
	}
	for _, name := range n.outputs {
		m.text(2, name)
	}
	m.text(3, n.name)
	m.text(4, n.op)
	for _, key := range sortedKeys(n.attributes) {
		m.message(5, encodeAttribute(key, n.attributes[key]))
	}
	if n.domain != "" {
		m.text(7, n.domain)
	}
	return m
}

// The types of attributes.
const (
	floatAttribute   = 1
	intAttribute     = 2
	stringAttribute  = 3
	tensorAttribute  = 4
	floatsAttribute  = 6
	intsAttribute    = 7
	stringsAttribute = 8
)

// encodeAttribute returns an AttributeProto. The value has a type that Graph.Node takes.
func encodeAttribute(name string, value any) *message {
	m := new(message)
	m.text(1, name)
	of := int64(0)
	switch v := value.(type) {
	case float32:
		m.float(2, v)
		of = floatAttribute
	case int64:
		m.int(3, v)
		of = intAttribute
	case string:
		m.text(4, v)
		of = stringAttribute
	case []float32:
		for _, f := range v {
			m.float(7, f)
		}
		of = floatsAttribute
	case []int64:
		for _, i := range v {
			m.int(8, i)
		}
		of = intsAttribute
	case []string:
		for _, s := range v {
			m.text(9, s)
		}
		of = stringsAttribute
	}
	m.int(20, of)
	return m
}

// encode returns the constant as a TensorProto.
func (c *constant) encode() *message {
	m := new(message)
	for _, s := range c.shape {
		m.int(1, int64(s))
	}
	m.int(2, int64(c.kind))
	if c.kind == int64Kind {
		m.tag(7, protowire.BytesType)
		var packed []byte
		for _, v := range c.ints {
			packed = protowire.AppendVarint(packed, uint64(v))
		}
		m.bytes(protowire.AppendBytes(nil, packed))
	}
	m.text(8, c.name)
	if c.kind == float64Kind {
		m.tag(9, protowire.BytesType)
		m.bytes(protowire.AppendBytes(nil, c.raw))
	}
	if c.kind == float32Kind {
		m.tag(9, protowire.BytesType)
		m.bytes(protowire.AppendVarint(nil, 4*uint64(len(c.floats))))
		if len(c.floats) > 0 {
			m.parts = append(m.parts, part{floats: c.floats})
			m.size += 4 * len(c.floats)
		}
	}
	return m
}

// encode returns the port as a ValueInfoProto.
func (p *port) encode() *message {
	shape := new(message)
	for _, d := range p.shape {
		size := new(message)
		if d.name != "" {
			size.text(2, d.name)
		} else {
			size.int(1, d.size)
		}
		shape.message(1, size)
	}
	tensor := new(message)
	tensor.int(1, int64(p.kind))
	tensor.message(2, shape)
	of := new(message)
	of.message(1, tensor)
	m := new(message)
	m.text(1, p.name)
	m.message(2, of)
	return m
}
