package nn

import (
	"iter"
	"reflect"
	"strconv"
	"strings"

	"github.com/onehot-go/onehot/fault"
	"github.com/onehot-go/onehot/tensor"
)

// Children yields modules with the names that Named gave them or, as in a Sequential, with their
// places. A module that keeps others in fields returns it from Layers:
//
//	func (n *Net) Layers() iter.Seq2[string, nn.Module] {
//		return nn.Children(nn.Named("hidden", n.Hidden), nn.Named("output", n.Output))
//	}
//
//	func (n *Net) Parameters() iter.Seq2[string, *tensor.Tensor] { return nn.ParametersOf(n) }
//
// It panics as NewSequential does.
func Children(modules ...Module) iter.Seq2[string, Module] {
	return newList("nn.Children", modules).all
}

// ParametersOf yields the parameters of c's layers in order, each name with its layer's in
// front: "hidden.weight". It is Parameters of a module that has none of its own.
func ParametersOf(c Container) iter.Seq2[string, *tensor.Tensor] {
	return func(yield func(string, *tensor.Tensor) bool) {
		for path, l := range c.Layers() {
			for name, p := range l.Parameters() {
				if !yield(join(path, name), p) {
					return
				}
			}
		}
	}
}

// Get returns the layer of type M that has the given name within c, or a path into nets within
// it, "body.linear". It panics with a *fault.OptionError if there is no such layer, or if it has
// another type. The error says what there is.
func Get[M Module](c Container, path string) M {
	m := find(c, path)
	if m == nil {
		var names []string
		Apply(c, func(path string, _ Module) {
			if path != "" {
				names = append(names, strconv.Quote(path))
			}
		})
		fault.Option("nn.Get", "no layer is named %q: one of %s expected", path, strings.Join(names, ", "))
	}
	l, ok := m.(M)
	if !ok {
		fault.Option("nn.Get", "layer %q is of type %T: %v expected", path, m, reflect.TypeFor[M]())
	}
	return l
}

// list is modules with their names.
type list struct {
	names  []string
	layers []Module // without their names
}

// newList returns the modules for the function op, with the names that Named gave them or their
// places. It panics with a *fault.OptionError if two have one name, or a name has a dot.
func newList(op string, modules []Module) list {
	var s list
	for i, m := range modules {
		name := nameOf(m, strconv.Itoa(i))
		m = bare(m)
		if _, net := m.(Container); name == "" && !net || strings.Contains(name, ".") {
			fault.Option(op, "layer %d is named %q: a name without a dot expected", i, name)
		}
		s.names, s.layers = append(s.names, name), append(s.layers, m)
	}
	seen := map[string]bool{}
	eachPath("", s.all, func(path string) {
		if seen[path] {
			fault.Option(op, "two layers are named %q", path)
		}
		seen[path] = true
	})
	return s
}

// all yields the modules with their names.
func (s list) all(yield func(string, Module) bool) {
	for i, l := range s.layers {
		if !yield(s.names[i], l) {
			return
		}
	}
}

// eachPath calls f with the paths of all layers that have a name, and of all that is in them. The
// layers are within the module at path.
func eachPath(path string, layers iter.Seq2[string, Module], f func(path string)) {
	for name, m := range layers {
		at := join(path, name)
		if name != "" {
			f(at)
		}
		if inner, ok := bare(m).(Container); ok {
			eachPath(at, inner.Layers(), f)
		}
	}
}

// checkFields panics, for the function op, if m is of another package's type and one of its
// fields holds a module or a parameter that m does not name. Whatever goes over m would leave
// that out in silence.
func checkFields(op string, m Module) {
	v := reflect.ValueOf(m)
	if v.Kind() == reflect.Pointer {
		v = v.Elem()
	}
	if v.Kind() != reflect.Struct || v.Type().PkgPath() == ownPackage {
		return
	}
	f := fields{of: m, known: map[key]bool{}}
	f.knowTree(m)
	for _, p := range m.Parameters() {
		f.known[keyOf(reflect.ValueOf(p))] = true
	}
	if name, what := f.forgotten(v); name != "" {
		fault.Option(op, "%T: its field %s holds a %s that neither Layers nor Parameters names: see nn.Children", m, name, what)
	}
}

var ownPackage = reflect.TypeFor[Sequential]().PkgPath()

// key says which tensor or module a value is: by where it lies or, of a module that is no
// pointer, by its type alone.
type key struct {
	of reflect.Type
	at uintptr
}

func keyOf(v reflect.Value) key {
	if v.Kind() == reflect.Pointer {
		return key{v.Type(), v.Pointer()}
	}
	return key{of: v.Type()}
}

var (
	tensorType = reflect.TypeFor[*tensor.Tensor]()
	moduleType = reflect.TypeFor[Module]()
)

// fields looks for what a module has in its fields and does not name. It reads unexported fields
// too, as far as reflection does.
type fields struct {
	of    Module
	known map[key]bool // what the module names, and what was looked at
}

// knowTree takes note of m, all that it is made of and their buffers.
func (f *fields) knowTree(m Module) {
	apply("", m, func(_ string, m Module) {
		f.known[keyOf(reflect.ValueOf(m))] = true
		if b, ok := m.(Buffered); ok {
			for _, t := range b.Buffers() {
				f.known[keyOf(reflect.ValueOf(t))] = true
			}
		}
	})
}

// forgotten returns the name of the first field of a struct that holds what is not named, and
// the type of that, or "".
func (f *fields) forgotten(v reflect.Value) (name, what string) {
	for i := range v.NumField() {
		field := v.Type().Field(i)
		if field.Anonymous && field.Type.Kind() == reflect.Struct && !isModule(field.Type) {
			if name, what := f.forgotten(v.Field(i)); name != "" {
				return field.Name + "." + name, what
			}
		} else if t := f.within(v.Field(i), nil); t != nil {
			return field.Name, t.String()
		}
	}
	return "", ""
}

// isModule reports whether a value of type t is a module, or its address is one.
func isModule(t reflect.Type) bool {
	return t.Implements(moduleType) || t.Kind() == reflect.Struct && reflect.PointerTo(t).Implements(moduleType)
}

// within returns the type of the first thing in v that is not named, or nil: a parameter, or a
// module with modes, chance or buffers. v is part of a module of type in, but of those that m
// names, or in is nil where v is m's. Then it looks at modules and tensors and lists of them
// alone.
func (f *fields) within(v reflect.Value, in reflect.Type) reflect.Type {
	if v.Kind() == reflect.Interface {
		v = v.Elem()
	}
	if !v.IsValid() || v.IsZero() {
		return nil
	}
	t := v.Type()
	module := isModule(t)
	if module && t.Kind() == reflect.Struct && !t.Implements(moduleType) && v.CanAddr() {
		return f.within(v.Addr(), in)
	}
	if module || t.Kind() == reflect.Pointer {
		if f.known[keyOf(v)] {
			return nil
		}
		if t.Kind() == reflect.Pointer { // what it points to may point back
			f.known[keyOf(v)] = true
		}
	}
	switch {
	case t == tensorType:
		if f.parameter(v, in) {
			return t
		}
		return nil
	case module && f.needed(t):
		return t
	case module:
		in = t
	}
	switch v.Kind() {
	case reflect.Pointer:
		if v.Elem().Kind() == reflect.Struct && in != nil {
			return f.withinFields(v.Elem(), in)
		}
	case reflect.Struct:
		if in != nil {
			return f.withinFields(v, in)
		}
	case reflect.Slice, reflect.Array:
		for i := range v.Len() {
			if t := f.within(v.Index(i), in); t != nil {
				return t
			}
		}
	case reflect.Map:
		for _, e := range v.Seq2() {
			if t := f.within(e, in); t != nil {
				return t
			}
		}
	}
	return nil
}

// withinFields is within for the fields of a struct.
func (f *fields) withinFields(v reflect.Value, in reflect.Type) reflect.Type {
	for i := range v.NumField() {
		if t := f.within(v.Field(i), in); t != nil {
			return t
		}
	}
	return nil
}

// parameter reports whether v, a tensor, is to be trained. Of one that reflection may not look
// at it holds where it is a layer's of this package, which keep no others.
func (f *fields) parameter(v reflect.Value, in reflect.Type) bool {
	if v.CanInterface() {
		t := v.Interface().(*tensor.Tensor)
		return t.RequiresGrad() && t.IsLeaf()
	}
	return in != nil && in.Kind() == reflect.Pointer && in.Elem().PkgPath() == ownPackage
}

// needed reports whether modules of type t must be named, because the module that holds them
// does not do for them what they do.
func (f *fields) needed(t reflect.Type) bool {
	_, modal := f.of.(Modal)
	_, stochastic := f.of.(Stochastic)
	_, buffered := f.of.(Buffered)
	return !modal && t.Implements(reflect.TypeFor[Modal]()) ||
		!stochastic && t.Implements(reflect.TypeFor[Stochastic]()) ||
		!buffered && t.Implements(reflect.TypeFor[Buffered]())
}
