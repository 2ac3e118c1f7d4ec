package nn

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
)

// Spec defines one layer of a net: its name and its options, whose Go type says which type of
// layer it is. As JSON it is one flat object, the options behind the name and the type:
//
//	nn.Spec{Name: "output", Options: nn.LinearOptions{In: 256, Out: 10}}
//	{"name":"output","type":"linear","in":256,"out":10}
type Spec struct {
	// Name stands before the names of the layer's parameters: "output.weight". A net within
	// a net, "sequential" or "residual", may have none: then its layers are named as if they
	// were the outer net's.
	Name string
	// Options is a value of a type that Register was called for: LinearOptions, ReLU.
	Options any
}

// Type returns the type of the layer as files name it, "linear", or "" for options of no
// registered type.
func (s Spec) Type() string {
	if u, ok := s.Options.(unread); ok {
		return u.name
	}
	if r := registry.byOptions(s.Options); r != nil {
		return r.name
	}
	return ""
}

// unread stands for options that could not be read from JSON. Costs and Build return what is
// wrong with them, since they know where in the net the layer is.
type unread struct {
	name string // of the type
	err  error  // nil if no such type is registered
}

// MarshalJSON writes the flat object. Options of a type that is not registered are an error.
func (s Spec) MarshalJSON() ([]byte, error) {
	r, err := s.row()
	if err != nil {
		return nil, fmt.Errorf("layer %q: %w", s.Name, err)
	}
	head, err := json.Marshal(struct {
		Name string `json:"name"`
		Type string `json:"type"`
	}{s.Name, r.name})
	if err != nil {
		return nil, err
	}
	options, err := json.Marshal(s.Options)
	if err != nil {
		return nil, fmt.Errorf("layer %q: %w", s.Name, err)
	}
	if !bytes.HasPrefix(options, []byte("{")) {
		return nil, fmt.Errorf("layer %q: options are written as %.20s, an object expected", s.Name, options)
	}
	if len(options) > len("{}") {
		options[0] = ','
		head = head[:len(head)-1]
		return append(head, options...), nil
	}
	return head, nil
}

// maxBrackets is how deeply the JSON of a layer may be nested: two for each net, and some for
// options.
const maxBrackets = 2*maxDepth + 8

// UnmarshalJSON reads the flat object. A type that is not registered, or options that it does
// not have, are no error here but of Costs and Build, which say where in the net they are.
func (s *Spec) UnmarshalJSON(data []byte) error {
	if brackets(data) > maxBrackets { // each level of nets reads all that is within it again
		return fmt.Errorf("a layer of more than %d brackets within each other", maxBrackets)
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(data, &fields); err != nil {
		return err
	}
	var head struct{ Name, Type string }
	for key, v := range map[string]*string{"name": &head.Name, "type": &head.Type} {
		if raw, ok := fields[key]; ok {
			if err := json.Unmarshal(raw, v); err != nil {
				return fmt.Errorf("%s of a layer: %w", key, err)
			}
			delete(fields, key)
		}
	}
	s.Name, s.Options = head.Name, unread{name: head.Type}
	r := registry.byName(head.Type)
	if r == nil {
		return nil
	}
	rest, err := json.Marshal(fields)
	if err != nil {
		return err
	}
	if s.Options, err = r.decode(rest); err != nil {
		s.Options = unread{head.Type, err}
	}
	return nil
}

// brackets returns how many brackets and braces of JSON are open at once at most.
func brackets(data []byte) int {
	depth, most, text := 0, 0, false
	for i := 0; i < len(data); i++ {
		switch c := data[i]; {
		case text && c == '\\':
			i++
		case c == '"':
			text = !text
		case text:
		case c == '{' || c == '[':
			depth++
			most = max(most, depth)
		case c == '}' || c == ']':
			depth--
		}
	}
	return most
}

// decodeStrictly reads options of type O and refuses fields that it has not.
func decodeStrictly[O any](data []byte) (any, error) {
	var o O
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	err := d.Decode(&o)
	return o, err
}

// row returns the row of the registry that the options belong to.
func (s Spec) row() (*row, error) {
	if u, ok := s.Options.(unread); ok {
		if u.err != nil {
			return nil, u.err
		}
		return nil, fmt.Errorf("found type %q, %s expected", u.name, registry.names())
	}
	if s.Options == nil {
		return nil, errors.New("found no options")
	}
	r := registry.byOptions(s.Options)
	if r == nil {
		return nil, fmt.Errorf("found options of type %T, for which no layer is registered", s.Options)
	}
	return r, nil
}

// Pair is a number of rows and one of columns. As JSON it is one number if they are equal.
type Pair [2]int

// Square returns the pair of n rows and n columns.
func Square(n int) Pair { return Pair{n, n} }

// String returns "3" for three rows and columns, and "3×2" for three rows and two columns.
func (p Pair) String() string {
	if p[0] == p[1] {
		return fmt.Sprint(p[0])
	}
	return fmt.Sprintf("%d×%d", p[0], p[1])
}

// MarshalJSON writes 3, or [3,2].
func (p Pair) MarshalJSON() ([]byte, error) {
	if p[0] == p[1] {
		return json.Marshal(p[0])
	}
	return json.Marshal([2]int(p))
}

// UnmarshalJSON reads a number, or a list of two.
func (p *Pair) UnmarshalJSON(data []byte) error {
	if !bytes.HasPrefix(data, []byte("[")) {
		var n int
		err := json.Unmarshal(data, &n)
		*p = Square(n)
		return err
	}
	var list []int
	if err := json.Unmarshal(data, &list); err != nil {
		return err
	}
	if len(list) != 2 {
		return fmt.Errorf("found %d numbers, one or two expected, of rows and columns", len(list))
	}
	*p = Pair(list)
	return nil
}

// normal returns the specs without options that say no more than the default does, so that
// what means the same is equal.
func normal(layers []Spec) []Spec {
	layers = slices.Clone(layers)
	for i, s := range layers {
		if o, ok := s.Options.(interface{ normal() any }); ok {
			layers[i].Options = o.normal()
		}
	}
	if len(layers) == 0 {
		return nil
	}
	return layers
}
