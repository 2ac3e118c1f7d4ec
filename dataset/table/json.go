package table

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
)

// objects divides a block of lines, each with an object of JSON, into fields by the columns that their keys
// name. Texts with escapes are written behind the block.
type objects struct {
	columns map[string]int
	lists   map[int]bool // columns that may have lists, which are read as they are written
	data    []byte
	end     int // of the block
	at      int
	line    int
}

// reset makes o read a block whose first line is the given one.
func (o *objects) reset(data []byte, line int) {
	o.data, o.end, o.at, o.line = data, len(data), 0, line
}

func (o *objects) text(f span) []byte { return o.data[f.lo:f.hi] }

// row appends a field for each column of the next object, an empty one where the object does not have
// it; o.line is that of the line behind it. It returns fields as they were where there is no more.
func (o *objects) row(fields []span) ([]span, error) {
	for o.at < o.end {
		to := o.end
		if n := bytes.IndexByte(o.data[o.at:o.end], '\n'); n >= 0 {
			to = o.at + n
		}
		f := trimmed(o.data, o.at, to)
		o.at = to + 1
		o.line++
		if f.lo == f.hi {
			continue
		}
		first := len(fields)
		fields = append(fields, make([]span, len(o.columns))...)
		err := o.object(fields[first:], f)
		if err != nil {
			err = &lineError{o.line - 1, err}
		}
		return fields, err
	}
	return fields, nil
}

// object reads an object.
func (o *objects) object(fields []span, f span) error {
	return eachField(o.data[f.lo:f.hi], func(key, value []byte, lo int) error {
		i, ok := o.columns[string(key)]
		if !ok {
			return fmt.Errorf("found the field %.100q, one that the first lines have expected", key)
		}
		switch value[0] {
		case '[', '{':
			if value[0] == '{' || !o.lists[i] {
				return fmt.Errorf("column %.100q: found a list or an object, a text or a number expected", key)
			}
			fields[i] = span{f.lo + uint32(lo), f.lo + uint32(lo+len(value))}
		case 'n':
			fields[i] = span{}
		case '"':
			if bytes.IndexByte(value, '\\') < 0 {
				at := int(f.lo) + lo
				fields[i] = trimmed(o.data, at+1, at+len(value)-1)
				break
			}
			text, err := unquoted(value)
			if err != nil {
				return err
			}
			at := len(o.data)
			o.data = append(o.data, text...)
			fields[i] = trimmed(o.data, at, len(o.data))
		default:
			fields[i] = span{f.lo + uint32(lo), f.lo + uint32(lo+len(value))}
		}
		return nil
	})
}

// eachField calls f for the fields of an object: its key without escapes, its value, and the place of the
// value in text.
func eachField(text []byte, f func(key, value []byte, lo int) error) error {
	if text[0] != '{' || !json.Valid(text) {
		return fmt.Errorf(`found %.40q, an object such as {"age":31,"city":"Oslo"} expected`, text)
	}
	i := 1
	for {
		for isSpace(text[i]) || text[i] == ',' {
			i++
		}
		if text[i] == '}' {
			return nil
		}
		end := i + endOfString(text[i:])
		key := text[i+1 : end-1]
		if bytes.IndexByte(key, '\\') >= 0 {
			var err error
			if key, err = unquoted(text[i:end]); err != nil {
				return err
			}
		}
		i = end
		for isSpace(text[i]) || text[i] == ':' {
			i++
		}
		lo := i
		switch text[i] {
		case '"':
			i += endOfString(text[i:])
		case '[', '{':
			i += endOfNested(text[i:])
		default:
			for text[i] != ',' && text[i] != '}' && !isSpace(text[i]) {
				i++
			}
		}
		if err := f(key, text[lo:i], lo); err != nil {
			return err
		}
	}
}

// endOfString returns the place behind the string that text, which is valid JSON, begins with.
func endOfString(text []byte) int {
	for i := 1; ; i++ {
		switch text[i] {
		case '"':
			return i + 1
		case '\\':
			i++
		}
	}
}

// endOfNested returns the place behind the list or object that text, which is valid JSON, begins with.
func endOfNested(text []byte) int {
	depth := 0
	for i := 0; ; i++ {
		switch text[i] {
		case '"':
			i += endOfString(text[i:]) - 1
		case '[', '{':
			depth++
		case ']', '}':
			if depth--; depth == 0 {
				return i + 1
			}
		}
	}
}

func unquoted(text []byte) ([]byte, error) {
	var s string
	err := json.Unmarshal(text, &s)
	return []byte(s), err
}

// objectNames returns the keys of the first lines of a text, in their order.
func objectNames(text []byte, whole bool) ([]string, error) {
	var names []string
	line := 0
	for l := range bytes.Lines(text) {
		line++
		if l[len(l)-1] != '\n' && !whole && line > 1 { // it may be cut
			break
		}
		if l = bytes.TrimSpace(l); len(l) == 0 {
			continue
		}
		if err := eachField(l, func(key, _ []byte, _ int) error {
			if !slices.Contains(names, string(key)) {
				names = append(names, string(key))
			}
			if len(names) > maxColumns {
				return fmt.Errorf("found more than %d fields, at most that expected", maxColumns)
			}
			return nil
		}); err != nil {
			return nil, &lineError{line, err}
		}
	}
	if names == nil {
		return nil, errors.New("found no object, one a line expected")
	}
	return names, nil
}
