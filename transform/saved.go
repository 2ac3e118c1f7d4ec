package transform

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"sync"

	"github.com/onehot-go/onehot/fault"
)

// Kind is a row of the registry of deterministic transforms: what a type of them is called
// in saved forms, and what is known of it. The exported fields of T, as encoding/json has
// them, are its options in the saved form.
type Kind[T Transform] struct {
	Name string // "resize"
	// Check returns t as it is saved, with options that are the default left out. The error
	// says what keeps t from being saved, or from being used once it was read. A nil Check
	// takes every t.
	Check func(t T) (T, error)
	// Form returns what t makes of inputs of the form f, or an error if t does not take
	// them. A nil Form leaves f as it is.
	Form func(t T, f Form) (Form, error)
	// Idle reports whether t leaves every input of the form f as it is. A nil Idle means that
	// t changes some.
	Idle func(t T, f Form) bool
}

// Form is what is known of an input.
type Form struct {
	Tensor bool  // it is a tensor
	Row    bool  // it is a row of a table, which has no shape; if it is neither, it is an image
	Shape  []int // (C, H, W) of a picture; 0 stands for a size that is not known
}

// kind is a Kind of any type.
type kind struct {
	name  string
	check func(Transform) (Transform, error)
	form  func(Transform, Form) (Form, error)
	idle  func(Transform, Form) bool
	read  func(options []byte) (Transform, error)
}

// registry has the kinds by their names and by the Go types that they are of.
var registry = struct {
	sync.RWMutex
	byName map[string]*kind
	byType map[reflect.Type]*kind
}{byName: map[string]*kind{}, byType: map[reflect.Type]*kind{}}

// Register makes transforms of type T part of saved forms. A package calls it once for each
// of its types, when it is initialised. Register panics with a *fault.OptionError if the
// name is empty, and if the name or the type is registered already.
func Register[T Transform](k Kind[T]) {
	of := reflect.TypeFor[T]()
	registry.Lock()
	defer registry.Unlock()
	if k.Name == "" {
		fault.Option("transform.Register", "%v has no name", of)
	}
	if registry.byName[k.Name] != nil || registry.byType[of] != nil {
		fault.Option("transform.Register", "%v as %q: the name or the type is registered already", of, k.Name)
	}
	check := func(t T) (Transform, error) {
		if k.Check == nil {
			return t, nil
		}
		return k.Check(t)
	}
	row := &kind{
		name:  k.Name,
		check: func(t Transform) (Transform, error) { return check(t.(T)) },
		form: func(t Transform, f Form) (Form, error) {
			if k.Form == nil {
				return f, nil
			}
			return k.Form(t.(T), f)
		},
		idle: func(t Transform, f Form) bool { return k.Idle != nil && k.Idle(t.(T), f) },
		read: func(options []byte) (Transform, error) {
			var t T
			d := json.NewDecoder(bytes.NewReader(options))
			d.DisallowUnknownFields()
			if err := d.Decode(&t); err != nil {
				return nil, err
			}
			return check(t)
		},
	}
	registry.byName[k.Name], registry.byType[of] = row, row
}

// kindOf returns the kind of t, or nil if t has no saved form.
func kindOf(t Transform) *kind {
	registry.RLock()
	defer registry.RUnlock()
	return registry.byType[reflect.TypeOf(t)]
}

// kindNamed returns the kind of the given name. The error lists the names that there are.
func kindNamed(name string) (*kind, error) {
	registry.RLock()
	defer registry.RUnlock()
	if k := registry.byName[name]; k != nil {
		return k, nil
	}
	return nil, &Error{Op: "saved transform", Found: fmt.Sprintf("type %q", name),
		Expected: "one of " + strings.Join(slices.Sorted(maps.Keys(registry.byName)), ", ")}
}

// Random is a Transform that draws. In evaluation nothing is drawn.
type Random interface {
	Transform
	// InEvaluation returns the deterministic transform that takes its place in evaluation, or
	// nil if nothing does.
	InEvaluation() Transform
}

// Deterministic returns the steps of t, and of every Compose in it, without what is drawn: what
// InEvaluation returns takes the place of a Random step. t may be nil. The error is an *Error
// and names the first step that is not Random and has no saved form.
func Deterministic(t Transform) (Compose, error) {
	steps := Compose{}
	for _, s := range flat(t) {
		if r, ok := s.(Random); ok {
			if s = r.InEvaluation(); s == nil {
				continue
			}
		}
		k := kindOf(s)
		if k == nil {
			return nil, unsaved(s)
		}
		s, err := k.check(s)
		if err != nil {
			return nil, err
		}
		steps = append(steps, s)
	}
	return steps, nil
}

// unsaved is the error of a step without a saved form.
func unsaved(t Transform) error {
	return &Error{Op: "saved transform", Found: fmt.Sprintf("%T, which has no saved form", t),
		Expected: "types that transform.Register was called for"}
}

// flat returns the steps of t, which may be nil, with every Compose replaced by what is in
// it.
func flat(t Transform) []Transform {
	c, ok := t.(Compose)
	switch {
	case t == nil:
		return nil
	case !ok:
		return []Transform{t}
	}
	var steps []Transform
	for _, t := range c {
		steps = append(steps, flat(t)...)
	}
	return steps
}

// Form returns what c makes of inputs of the form f, such as colour pictures of any size: an
// image of the shape (3, 0, 0). The error is about the first step that does not take what it
// is given, has options that cannot work or no saved form, and names its index.
func (c Compose) Form(f Form) (Form, error) {
	for i, t := range flat(c) {
		k := kindOf(t)
		if k == nil {
			return Form{}, fmt.Errorf("step %d: %w", i, unsaved(t))
		}
		t, err := k.check(t)
		if err == nil {
			f, err = k.form(t, f)
		}
		if err != nil {
			return Form{}, fmt.Errorf("step %d: %w", i, err)
		}
	}
	return f, nil
}

// Same reports whether c and other do the same to inputs of the form f: whether they have the
// same saved form, but for steps that leave such inputs as they are. So a Resize to the size
// that all pictures of a data set have makes no difference.
func (c Compose) Same(other Compose, f Form) bool {
	mine, err := json.Marshal(c.For(f))
	if err != nil {
		return false
	}
	theirs, err := json.Marshal(other.For(f))
	return err == nil && bytes.Equal(mine, theirs)
}

// For returns the steps of c that are needed for inputs of the form f: all but those that
// leave such inputs as they are.
func (c Compose) For(f Form) Compose {
	steps := flat(c)
	kept := Compose{}
	for i, t := range steps {
		k := kindOf(t)
		if k == nil {
			return append(kept, steps[i:]...)
		}
		next, err := k.form(t, f)
		if err != nil {
			return append(kept, steps[i:]...)
		}
		if !k.idle(t, f) {
			kept = append(kept, t)
		}
		f = next
	}
	return kept
}

// MarshalJSON returns the saved form of c: a list of its steps, in which every Compose is
// replaced by what is in it. A step is an object of its options and the name of its type:
//
//	[{"type":"grayscale"},{"type":"resize","height":28,"width":28},{"type":"to-tensor"}]
//
// The error is an *Error and names a step that has no saved form, or options that cannot
// work. A nil Compose is null.
func (c Compose) MarshalJSON() ([]byte, error) {
	if c == nil {
		return []byte("null"), nil
	}
	out := []byte{'['}
	for i, t := range flat(c) {
		k := kindOf(t)
		if k == nil {
			return nil, unsaved(t)
		}
		options, err := k.options(t)
		if err != nil {
			return nil, err
		}
		if i > 0 {
			out = append(out, ',')
		}
		name, err := json.Marshal(k.name)
		if err != nil {
			return nil, err
		}
		out = append(append(out, `{"type":`...), name...)
		if len(options) > len("{}") {
			out = append(out, ',')
		}
		out = append(out, options[1:]...)
	}
	return append(out, ']'), nil
}

// options returns the options of t as a JSON object.
func (k *kind) options(t Transform) ([]byte, error) {
	t, err := k.check(t)
	if err != nil {
		return nil, err
	}
	return json.Marshal(t)
}

// maxSteps is the greatest number of steps that are read.
const maxSteps = 100

// UnmarshalJSON reads the saved form that MarshalJSON writes. The error names the index of
// the step that cannot be read: of a type that is not registered, with options that the type
// does not have, or that cannot work. As always, null changes nothing.
func (c *Compose) UnmarshalJSON(b []byte) error {
	if string(b) == "null" {
		return nil
	}
	var list []map[string]json.RawMessage
	if err := json.Unmarshal(b, &list); err != nil {
		return err
	}
	if len(list) > maxSteps {
		return &Error{Op: "saved transform", Found: fmt.Sprintf("%d steps", len(list)), Expected: fmt.Sprintf("at most %d", maxSteps)}
	}
	steps := Compose{}
	for i, fields := range list {
		t, err := readStep(fields)
		if err != nil {
			return fmt.Errorf("step %d: %w", i, err)
		}
		steps = append(steps, t)
	}
	*c = steps
	return nil
}

// readStep reads one step.
func readStep(fields map[string]json.RawMessage) (Transform, error) {
	var name string
	if of, ok := fields["type"]; ok {
		if err := json.Unmarshal(of, &name); err != nil {
			return nil, err
		}
	}
	k, err := kindNamed(name)
	if err != nil {
		return nil, err
	}
	delete(fields, "type")
	options, err := json.Marshal(fields)
	if err != nil {
		return nil, err
	}
	return k.read(options)
}

// String names the steps of c with their options:
//
//	grayscale, resize {"height":28,"width":28}, to-tensor
//
// A step that has no saved form is named by its Go type.
func (c Compose) String() string {
	var names []string
	for _, t := range flat(c) {
		name := fmt.Sprintf("%T", t)
		if k := kindOf(t); k != nil {
			name = k.name
			if options, err := k.options(t); err != nil {
				name += fmt.Sprintf(" (%v)", err)
			} else if len(options) > len("{}") {
				name += " " + string(options)
			}
		}
		names = append(names, name)
	}
	if names == nil {
		return "nothing"
	}
	return strings.Join(names, ", ")
}
