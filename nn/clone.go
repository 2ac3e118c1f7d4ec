package nn

import (
	"fmt"
	"reflect"

	"github.com/onehot-go/onehot/fault"
	"github.com/onehot-go/onehot/tensor"
)

// Cloner is a module that Clone cannot copy field by field, because it keeps what it is made of
// in fields of its own package.
type Cloner interface {
	Module
	// CloneWith returns a copy of the module. c copies the tensors and modules that it is made of.
	CloneWith(c *Copier) Module
}

// Clone returns a deep copy of m with parameters and buffers of its own: of the same values,
// types, requirements of gradients and modes. What m has twice, such as a parameter that layers
// share, the copy has twice. Gradients are not copied.
//
// Modules of other packages are copied field by field: numbers and texts in all fields, and in
// exported ones tensors, modules, pointers, slices and maps, with all that is in them. A module
// that has more, such as a tensor in an unexported field, has to be a Cloner: for one that is
// not, Clone panics with a *fault.OptionError that names the field, since a copy would share it in
// silence.
func Clone[M Module](m M) M {
	c := &Copier{map[any]reflect.Value{}}
	n, _ := c.Module(m).(M) // nil is none
	return n
}

// Copier is one call of Clone. It copies what is met twice once.
type Copier struct {
	copies map[any]reflect.Value // by pointer
}

// Module returns the copy of m, and nil for nil.
func (c *Copier) Module(m Module) Module {
	if m == nil {
		return nil
	}
	return c.value(reflect.ValueOf(m), fmt.Sprintf("%T", m)).Interface().(Module)
}

// Tensor returns the copy of t, a leaf, and nil for nil.
func (c *Copier) Tensor(t *tensor.Tensor) *tensor.Tensor {
	if t == nil {
		return nil
	}
	if v, ok := c.copies[t]; ok {
		return v.Interface().(*tensor.Tensor)
	}
	n := t.Detach().Clone()
	if t.RequiresGrad() {
		n.SetRequiresGrad(true)
	}
	c.copies[t] = reflect.ValueOf(n)
	return n
}

// value returns the copy of v, which is called so in errors.
func (c *Copier) value(v reflect.Value, called string) reflect.Value {
	if plain(v.Type()) || v.IsZero() {
		return v
	}
	if v.Kind() == reflect.Pointer {
		if n, ok := c.copies[v.Interface()]; ok {
			return n
		}
	}
	switch m := v.Interface().(type) {
	case *tensor.Tensor:
		return reflect.ValueOf(c.Tensor(m))
	case Cloner:
		// A type that embeds a Cloner would get a copy of that alone: its fields are copied.
		if n := reflect.ValueOf(m.CloneWith(c)); n.Type() == v.Type() {
			if v.Kind() == reflect.Pointer {
				c.copies[v.Interface()] = n
			}
			return n
		}
	}
	n := reflect.New(v.Type()).Elem()
	switch v.Kind() {
	case reflect.Pointer:
		n.Set(reflect.New(v.Type().Elem()))
		c.copies[v.Interface()] = n // before what it points to, which may point back
		n.Elem().Set(c.value(v.Elem(), called))
	case reflect.Interface:
		n.Set(c.value(v.Elem(), called))
	case reflect.Struct:
		n.Set(v) // what is plain, in unexported fields too
		for i := range v.NumField() {
			f := v.Type().Field(i)
			called := called + "." + f.Name
			switch {
			case plain(f.Type) || v.Field(i).IsZero():
			case f.IsExported():
				n.Field(i).Set(c.value(v.Field(i), called))
			default:
				refuse(called, f.Type)
			}
		}
	case reflect.Array:
		for i := range v.Len() {
			n.Index(i).Set(c.value(v.Index(i), called))
		}
	case reflect.Slice:
		n.Set(reflect.MakeSlice(v.Type(), v.Len(), v.Len()))
		for i := range v.Len() {
			n.Index(i).Set(c.value(v.Index(i), called))
		}
	case reflect.Map:
		n.Set(reflect.MakeMap(v.Type()))
		for key, value := range v.Seq2() {
			n.SetMapIndex(c.value(key, called), c.value(value, called))
		}
	default: // functions, channels
		refuse(called, v.Type())
	}
	return n
}

// refuse panics for a field that cannot be copied.
func refuse(field string, t reflect.Type) {
	fault.Option("nn.Clone", "%s is a %v, which cannot be copied from here: nn.Cloner expected", field, t)
}

// plain reports whether values of type t are copied by assignment, so that copies share nothing.
func plain(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Struct:
		for i := range t.NumField() {
			if !plain(t.Field(i).Type) {
				return false
			}
		}
		return true
	case reflect.Array:
		return plain(t.Elem())
	case reflect.Pointer, reflect.Interface, reflect.Slice, reflect.Map, reflect.Func, reflect.Chan, reflect.UnsafePointer:
		return false
	}
	return true
}

// CloneWith returns a copy of the net for Clone.
func (s *Sequential) CloneWith(c *Copier) Module {
	n := &Sequential{list{names: s.names}}
	for _, m := range s.layers {
		n.layers = append(n.layers, c.Module(m))
	}
	return n
}

// CloneWith returns a copy that has the same name, for Clone.
func (n named) CloneWith(c *Copier) Module { return named{c.Module(n.Module), n.name} }
