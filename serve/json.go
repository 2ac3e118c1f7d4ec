package serve

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"unicode/utf8"
)

// wireRequest is a request for inference as JSON says it.
type wireRequest struct {
	ID      string
	Inputs  []wireInput
	Outputs []wireOutput
	Binary  bool // all outputs, where they do not say it
}

// wireInput is an input, with Numbers or Strings, or with the size of its data behind the JSON.
type wireInput struct {
	Tensor
	data   bool  // whether there are data in the JSON
	nested []int // the lengths of the arrays in these, if they are not flat
	binary int   // bytes behind the JSON; -1 if none are said
}

// wireOutput is a requested output.
type wireOutput struct {
	Name   string
	Binary *bool
}

// maxElements is the most inputs, outputs, and strings of an input: two bytes of them may become a hundred
// in memory.
const maxElements = 1 << 17

var errMany = fmt.Errorf("more than %d inputs, outputs or strings", maxElements)

// maxDepth is how deep arrays and objects may lie in each other.
const maxDepth = 32

// parseRequest reads a request. It goes over the text once: encoding/json takes several times as
// long for tensors. What it takes is valid JSON, keys that it does not know too.
func parseRequest(text []byte) (*wireRequest, error) {
	p := &parser{text: text}
	r := &wireRequest{}
	err := p.whole(func(key string) error {
		switch key {
		case "id":
			return p.stringTo(&r.ID, key)
		case "inputs":
			return p.array(key, func() error {
				if len(r.Inputs) == maxElements {
					return errMany
				}
				input, err := p.input()
				r.Inputs = append(r.Inputs, input)
				return err
			})
		case "outputs":
			return p.array(key, func() error {
				if len(r.Outputs) == maxElements {
					return errMany
				}
				output, err := p.output()
				r.Outputs = append(r.Outputs, output)
				return err
			})
		case "parameters":
			return p.parameters(func(key string) error {
				if key == "binary_data_output" {
					return p.bool(&r.Binary, key)
				}
				return p.skip()
			})
		}
		return p.skip()
	})
	if err != nil {
		return nil, err
	}
	return r, nil
}

// whole reads a request that is an object and nothing else. The error says where it is at fault.
func (p *parser) whole(member func(key string) error) error {
	err := p.object("the request", member)
	if err == nil {
		err = p.end()
	}
	if err != nil {
		return fmt.Errorf("request: byte %d: %w", p.at, err)
	}
	return nil
}

// input reads an input.
func (p *parser) input() (wireInput, error) {
	in := wireInput{binary: -1}
	var text []byte // of the data
	err := p.object("an input", func(key string) error {
		switch key {
		case "name":
			return p.stringTo(&in.Name, key)
		case "datatype":
			return p.stringTo(&in.Datatype, key)
		case "shape":
			in.Shape = []int{}
			return p.array(key, func() error {
				n, err := p.count(key)
				in.Shape = append(in.Shape, n)
				if len(in.Shape) > maxDepth {
					return fmt.Errorf("shape: more than %d dimensions", maxDepth)
				}
				return err
			})
		case "data":
			in.data, in.Numbers, in.Strings = true, nil, nil
			from := p.at
			err := p.data(&in)
			text = p.text[from:p.at]
			return err
		case "parameters":
			return p.parameters(func(key string) (err error) {
				if key == "binary_data_size" {
					in.binary, err = p.count(key)
					return err
				}
				return p.skip()
			})
		}
		return p.skip()
	})
	if err == nil && in.nested != nil && !slices.Equal(in.nested, in.Shape) {
		err = fmt.Errorf("%.40q: found data in arrays of shape %v, %v expected", in.Name, in.nested, in.Shape)
	}
	if in.Datatype != typeUINT8 && in.Datatype != typeFP32 && len(in.Numbers) > 0 { // whose digits all count
		if len(in.Numbers) > maxElements {
			return in, errMany
		}
		in.Numbers, in.Strings = nil, numbersIn(text)
	}
	return in, err
}

// output reads a requested output.
func (p *parser) output() (wireOutput, error) {
	var out wireOutput
	err := p.object("an output", func(key string) error {
		switch key {
		case "name":
			return p.stringTo(&out.Name, key)
		case "parameters":
			return p.parameters(func(key string) error {
				if key == "binary_data" {
					out.Binary = new(false)
					return p.bool(out.Binary, key)
				}
				return p.skip()
			})
		}
		return p.skip()
	})
	return out, err
}

// parameters reads an object of parameters, or null.
func (p *parser) parameters(member func(key string) error) error {
	if p.space(); p.next() == 'n' {
		return p.word("null")
	}
	return p.object("parameters", member)
}

// data reads the elements of an input, flat or nested.
func (p *parser) data(in *wireInput) error {
	t := &in.Tensor
	var lengths []int // of nested arrays by depth, -1 for those that are not known
	var level func(depth int) error
	level = func(depth int) error {
		n := 0
		if depth == len(lengths) {
			lengths = append(lengths, -1)
		}
		err := p.array("data", func() error {
			switch c := p.next(); {
			case c == '-' || c >= '0' && c <= '9':
				if len(t.Strings) > 0 {
					return errors.New("data: found a number among strings")
				}
				before := len(t.Numbers)
				var err error
				t.Numbers, err = p.numbers(t.Numbers)
				n += len(t.Numbers) - before
				return err
			case c == '"':
				if len(t.Numbers) > 0 {
					return errors.New("data: found a string among numbers")
				}
				if len(t.Strings) == maxElements {
					return errMany
				}
				s, err := p.string()
				t.Strings = append(t.Strings, s)
				n++
				return err
			case c == '[':
				n++
				return level(depth + 1)
			}
			return p.expected("data: a number, a string or an array")
		})
		if err != nil {
			return err
		}
		if lengths[depth] < 0 {
			lengths[depth] = n
		}
		if lengths[depth] != n {
			return fmt.Errorf("data: found %d elements in an array beside one of %d, as many expected", n, lengths[depth])
		}
		return nil
	}
	// A shape may promise any number of elements: only what stands in the text counts.
	if end := bytes.IndexByte(p.text[p.at:], ']'); end >= 0 {
		commas := bytes.Count(p.text[p.at:p.at+end], []byte{','})
		t.Numbers = make([]float32, 0, min(product(in.Shape), commas+1))
	}
	if err := level(0); err != nil {
		return err
	}
	if len(lengths) > 1 {
		in.nested = lengths
	}
	return nil
}

// product returns how many elements a shape has, at most math.MaxInt32.
func product(shape []int) int {
	n := int64(1)
	for _, size := range shape {
		n = min(n*int64(size), math.MaxInt32)
	}
	return int(n)
}

// parser reads JSON.
type parser struct {
	text  []byte
	at    int
	depth int
}

// next returns the byte at the parser's place, 0 at the end of the text.
func (p *parser) next() byte {
	if p.at < len(p.text) {
		return p.text[p.at]
	}
	return 0
}

// space goes over white space.
func (p *parser) space() {
	for p.at < len(p.text) {
		switch p.text[p.at] {
		case ' ', '\t', '\n', '\r':
			p.at++
		default:
			return
		}
	}
}

// expected returns the error of what stands at the parser's place.
func (p *parser) expected(what string) error {
	if p.at >= len(p.text) {
		return fmt.Errorf("found the end, %s expected", what)
	}
	return fmt.Errorf("found %q, %s expected", p.text[p.at:p.at+1], what)
}

// end returns an error unless only white space is left.
func (p *parser) end() error {
	if p.space(); p.at < len(p.text) {
		return p.expected("the end")
	}
	return nil
}

// enter goes over the bracket that begins what is named, one deeper.
func (p *parser) enter(bracket byte, what string) error {
	if p.space(); p.next() != bracket {
		return p.expected(fmt.Sprintf("%q, the beginning of %s,", string(bracket), what))
	}
	if p.depth++; p.depth > maxDepth {
		return fmt.Errorf("arrays and objects that lie more than %d deep in each other", maxDepth)
	}
	p.at++
	p.space()
	return nil
}

// list reads what stands between the brackets of an array or object, comma by comma.
func (p *parser) list(open, shut byte, what string, element func() error) error {
	if err := p.enter(open, what); err != nil {
		return err
	}
	defer func() { p.depth-- }()
	if p.next() == shut {
		p.at++
		return nil
	}
	for {
		if err := element(); err != nil {
			return err
		}
		p.space()
		switch p.next() {
		case ',':
			p.at++
			p.space()
		case shut:
			p.at++
			return nil
		default:
			return p.expected(fmt.Sprintf("',' or %q", string(shut)))
		}
	}
}

// array reads an array; element reads an element.
func (p *parser) array(what string, element func() error) error {
	return p.list('[', ']', what, element)
}

// object reads an object; member reads the value of a key.
func (p *parser) object(what string, member func(key string) error) error {
	return p.list('{', '}', what, func() error {
		if p.next() != '"' {
			return p.expected("a key in quotes")
		}
		key, err := p.string()
		if err != nil {
			return err
		}
		if p.space(); p.next() != ':' {
			return p.expected("':'")
		}
		p.at++
		p.space()
		return member(string(key))
	})
}

// string reads a string. It may share the text's memory.
func (p *parser) string() ([]byte, error) {
	from := p.at
	for p.at++; p.at < len(p.text); p.at++ {
		switch c := p.text[p.at]; {
		case c == '"':
			p.at++
			return p.text[from+1 : p.at-1], nil
		case c == '\\' || c < ' ' || c >= utf8.RuneSelf:
			return p.escaped(from)
		}
	}
	return nil, errors.New("found the end in a string, '\"' expected")
}

// escaped reads the string that begins at from by encoding/json. It has more than plain ASCII.
func (p *parser) escaped(from int) ([]byte, error) {
	for ; p.at < len(p.text); p.at++ {
		switch p.text[p.at] {
		case '\\':
			p.at++
		case '"':
			p.at++
			var s string
			if err := json.Unmarshal(p.text[from:p.at], &s); err != nil {
				p.at = from
				return nil, fmt.Errorf("a string: %w", err)
			}
			return []byte(s), nil
		}
	}
	p.at = len(p.text)
	return nil, errors.New("found the end in a string, '\"' expected")
}

// stringTo reads the string of a key.
func (p *parser) stringTo(s *string, key string) error {
	if p.next() != '"' {
		return p.expected(key + ": a string")
	}
	text, err := p.string()
	*s = string(text)
	return err
}

// bool reads the truth value of a key.
func (p *parser) bool(b *bool, key string) error {
	switch p.next() {
	case 't':
		*b = true
		return p.word("true")
	case 'f':
		*b = false
		return p.word("false")
	}
	return p.expected(key + ": true or false")
}

// word reads true, false or null.
func (p *parser) word(word string) error {
	if rest := p.text[p.at:]; len(rest) < len(word) || string(rest[:len(word)]) != word {
		return p.expected("a value")
	}
	p.at += len(word)
	return nil
}

// count reads the whole number of a key, 0 to the greatest of 31 bits.
func (p *parser) count(key string) (int, error) {
	from := p.at
	if _, err := p.number(); err != nil {
		return 0, err
	}
	n, err := strconv.ParseUint(string(p.text[from:p.at]), 10, 31)
	if err != nil {
		return 0, fmt.Errorf("%s: found %.40q, a whole number from 0 to %d expected", key, p.text[from:p.at], math.MaxInt32)
	}
	return int(n), nil
}

// skip reads a value that nobody asked for.
func (p *parser) skip() error {
	switch c := p.next(); c {
	case '{':
		return p.object("an object", func(string) error { return p.skip() })
	case '[':
		return p.array("an array", p.skip)
	case '"':
		_, err := p.string()
		return err
	case 't':
		return p.word("true")
	case 'f':
		return p.word("false")
	case 'n':
		return p.word("null")
	default:
		_, err := p.number()
		return err
	}
}

// numbers appends numbers as long as one stands behind the other, and leaves what follows the last.
func (p *parser) numbers(to []float32) ([]float32, error) {
	for {
		d, err := p.number()
		if err != nil {
			return to, err
		}
		v, err := d.float32()
		if err != nil {
			return to, err
		}
		to = append(to, v)
		at := p.at
		if p.space(); p.next() != ',' {
			p.at = at
			return to, nil
		}
		p.at++
		p.space()
		if c := p.next(); c != '-' && (c < '0' || c > '9') {
			p.at = at
			return to, nil
		}
	}
}

// decimal is a number as it is written: digits times a power of ten.
type decimal struct {
	text     []byte
	digits   uint64 // the value of all digits, if there are at most 19
	exponent int
	negative bool
	exact    bool // digits and exponent are as the text has them
}

// number reads a number.
func (p *parser) number() (decimal, error) {
	var d decimal
	text, from, at := p.text, p.at, p.at
	fail := func(what string) (decimal, error) {
		p.at = at
		return d, p.expected(what)
	}
	if at < len(text) && text[at] == '-' {
		d.negative = true
		at++
	}
	first := at
	for at < len(text) && text[at]-'0' <= 9 {
		d.digits = 10*d.digits + uint64(text[at]-'0')
		at++
	}
	count := at - first
	if count == 0 {
		return fail("a number")
	}
	if count > 1 && text[first] == '0' {
		at = first + 1
		return fail("no digit behind 0 that begins a number")
	}
	if at < len(text) && text[at] == '.' {
		at++
		behind := at
		for at < len(text) && text[at]-'0' <= 9 {
			d.digits = 10*d.digits + uint64(text[at]-'0')
			at++
		}
		if at == behind {
			return fail("a digit")
		}
		count += at - behind
		d.exponent = behind - at
	}
	if at < len(text) && text[at]|0x20 == 'e' {
		at++
		negative := false
		if at < len(text) && (text[at] == '+' || text[at] == '-') {
			negative = text[at] == '-'
			at++
		}
		behind, e := at, 0
		for at < len(text) && text[at]-'0' <= 9 {
			e = min(10*e+int(text[at]-'0'), 1<<20)
			at++
		}
		if at == behind {
			return fail("a digit")
		}
		if negative {
			e = -e
		}
		d.exponent += e
	}
	p.at = at
	d.text, d.exact = text[from:at], count <= 19
	return d, nil
}

// powers are the powers of ten that are exact in 64 bits.
var powers = [...]float64{1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22}

// float32 returns the number of 32 bits that is next to d. In 64 bits the digits and one power of
// ten make a number that is at most two units of its last place off. That rounds to the same
// 32 bits as the exact one, unless it is so close to the middle between two of them.
func (d *decimal) float32() (float32, error) {
	if e := d.exponent; d.exact && e >= -22 && e <= 22 {
		v := float64(d.digits)
		if e < 0 {
			v /= powers[-e]
		} else {
			v *= powers[e]
		}
		const (
			extra  = 1<<29 - 1 // the places that 64 bits have and 32 have not
			middle = 1 << 28
			off    = 4
		)
		if rest := math.Float64bits(v) & extra; v == 0 || v > 1e-37 && v < 1e38 && (rest < middle-off || rest > middle+off) {
			if d.negative {
				v = -v
			}
			return float32(v), nil
		}
	}
	v, err := strconv.ParseFloat(string(d.text), 32)
	if err != nil {
		return 0, fmt.Errorf("found %.40q, a number of 32 bits expected", d.text)
	}
	return float32(v), nil
}
