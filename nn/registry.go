package nn

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"sync"

	"github.com/onehot-go/onehot/fault"
	"github.com/onehot-go/onehot/internal/reuse"
	"github.com/onehot-go/onehot/random"
)

// Type is a row of the registry of layers. It has all that definitions, files and nets need to
// know of layers of type L. Options of type O define such a layer. O is a struct with JSON tags,
// or L itself if that says all there is to say. No field of it is called "name" or "type".
type Type[L Module, O any] struct {
	// Name is what files call the type: "linear". A module that adds its own puts its own name
	// before it: "acme.gate".
	Name string
	// Cost says what a layer with these options makes of one sample, and what that takes. It is
	// called before the layer is made: no option is trusted before it was looked at. The error
	// says what is found and what is expected. Costs adds where in the net that is.
	Cost func(o O, in Sample) (Cost, error)
	// Make returns the layer for options that Cost accepted.
	Make func(o O, at Place) L
	// Options returns the options of a layer that may have been changed since it was made. The
	// error says what no options make.
	Options func(l L) (O, error)
	// KeepsNothing declares that no layer of this type holds its input or its output, or
	// tensors that share their memory, once Forward has returned them: a net of such layers
	// uses memory again. Of a Container it says so beside what its layers keep. It holds for
	// the very type L. A type that embeds L has no part in it.
	KeepsNothing bool
	// Text, if not nil, returns what the function Text shows of a layer beside its type:
	// "in=3, out=2". If it is nil, Text shows the options as files have them, and of a Container
	// its layers alone.
	Text func(o O) string
}

// Register adds a type of layer: from then on definitions with it are checked, made, saved and
// loaded. A package calls it once a type, as it starts. It panics with a *fault.OptionError if
// something is missing or the name, L or O already belong to another type.
func Register[L Module, O any](t Type[L, O]) {
	layer, options := reflect.TypeFor[L](), reflect.TypeFor[O]()
	if t.Name == "" || t.Cost == nil || t.Make == nil || t.Options == nil {
		fault.Option("nn.Register", "%v: a name and all functions expected", layer)
	}
	n := &row{
		name: t.Name, layer: layer, options: options, keepsNothing: t.KeepsNothing,
		decode: decodeStrictly[O],
		cost:   func(o any, in Sample) (Cost, error) { return t.Cost(o.(O), in) },
		make:   func(o any, at Place) Module { return t.Make(o.(O), at) },
		read:   func(m Module) (any, error) { return t.Options(m.(L)) },
	}
	if t.Text != nil {
		n.text = func(o any) string { return t.Text(o.(O)) }
	}
	registry.add(n)
}

// row is a Type without its type parameters.
type row struct {
	name           string
	layer, options reflect.Type
	keepsNothing   bool
	decode         func(data []byte) (any, error)
	cost           func(o any, in Sample) (Cost, error)
	make           func(o any, at Place) Module
	read           func(m Module) (any, error)
	text           func(o any) string // or nil
}

// registry has all types of layers.
var registry rows

// rows is a list of rows that goroutines may read while one adds to it.
type rows struct {
	mu       sync.RWMutex
	named    map[string]*row
	layers   map[reflect.Type]*row
	defining map[reflect.Type]*row // by the type of the options
}

func (r *rows) add(n *row) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.named == nil {
		r.named, r.layers, r.defining = map[string]*row{}, map[reflect.Type]*row{}, map[reflect.Type]*row{}
	}
	for _, other := range []*row{r.named[n.name], r.layers[n.layer], r.defining[n.options]} {
		if other != nil {
			fault.Option("nn.Register", "%q for %v with %v, but there is %q for %v with %v",
				n.name, n.layer, n.options, other.name, other.layer, other.options)
		}
	}
	r.named[n.name], r.layers[n.layer], r.defining[n.options] = n, n, n
}

func (r *rows) byName(name string) *row {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.named[name]
}

func (r *rows) byOptions(o any) *row {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.defining[reflect.TypeOf(o)]
}

func (r *rows) byLayer(m Module) *row {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.layers[reflect.TypeOf(m)]
}

// names lists the names of all types, as errors do: "linear, relu or residual".
func (r *rows) names() string {
	r.mu.RLock()
	defer r.mu.RUnlock()
	names := slices.Sorted(maps.Keys(r.named))
	last := len(names) - 1
	return strings.Join(names[:last], ", ") + " or " + names[last]
}

// keepsNothing reports whether m, and all that it is made of, hold neither inputs nor outputs
// once they have returned them.
func keepsNothing(m Module) bool {
	m = bare(m)
	if r := registry.byLayer(m); r == nil || !r.keepsNothing {
		return false
	}
	switch m := m.(type) {
	case *Sequential: // without an iterator, which takes memory at each call
		return allKeepNothing(m.layers)
	case Container:
		return layersKeepNothing(m)
	}
	return true
}

// layersKeepNothing reports whether no layer of c keeps anything.
func layersKeepNothing(c Container) bool {
	for _, l := range c.Layers() {
		if !keepsNothing(l) {
			return false
		}
	}
	return true
}

// allKeepNothing reports whether all layers of a list keep nothing.
func allKeepNothing(layers []Module) bool {
	return !slices.ContainsFunc(layers, func(l Module) bool { return !keepsNothing(l) })
}

// Place is where in a net a layer is made.
type Place struct {
	path  string
	key   random.Key
	blank bool // parameters are to be overwritten
}

// Rand returns what the layer's parameters are drawn from. It depends on the net's key and the
// layer's path alone, so that what other layers draw makes no difference. For Blank it returns
// a generator from which package tensor draws nothing.
func (p Place) Rand() *rand.Rand {
	if p.blank {
		return reuse.Blank
	}
	return p.key.For(p.path).Rand()
}

// Net makes a net within the layer, of the given name, which may be "".
func (p Place) Net(name string, layers []Spec) *Sequential {
	p.path = join(p.path, name)
	var modules []Module
	for _, s := range layers {
		at := Place{join(p.path, s.Name), p.key, p.blank}
		modules = append(modules, Named(s.Name, registry.byOptions(s.Options).make(s.Options, at)))
	}
	return NewSequential(modules...)
}

// Build returns the net of the given layers for samples of shape input: (channels, height,
// width) of a picture. Every layer draws its parameters from a key of its own under key, that
// of its path. The error says which layer cannot work. No memory is taken before all layers
// have been checked.
func Build(layers []Spec, input []int, key random.Key) (*Sequential, error) {
	if _, _, err := Costs(layers, input); err != nil {
		return nil, err
	}
	return Place{key: key}.Net("", layers), nil
}

// Blank is Build for those who overwrite all parameters at once, as with a state dict. No time goes
// to drawing them.
func Blank(layers []Spec, input []int) (*Sequential, error) {
	if _, _, err := Costs(layers, input); err != nil {
		return nil, err
	}
	return Place{blank: true}.Net("", layers), nil
}

// Describe returns the specs of a net that may have been changed since it was made: Build
// makes of them a net of the same layers with other parameters. The error names the layer that
// no specs make, and its type, or says that there is no net.
func Describe(net *Sequential) ([]Spec, error) {
	if net == nil {
		return nil, errors.New("found no net")
	}
	return describe("layers", net)
}

// describe is Describe for a net that errors call so.
func describe(called string, net *Sequential) ([]Spec, error) {
	var layers []Spec
	i := 0
	for name, m := range net.Layers() {
		r := registry.byLayer(m)
		if r == nil {
			return nil, fmt.Errorf("%s[%d] %q: found a %T, for which no type is registered", called, i, name, m)
		}
		o, err := r.read(m)
		if err != nil {
			return nil, fmt.Errorf("%s[%d] %q: %T: %w", called, i, name, m, err)
		}
		layers = append(layers, Spec{name, o})
		i++
	}
	return normal(layers), nil
}

// describeInner is describe for a net within a layer, which may be anything.
func describeInner(called string, m Module) ([]Spec, error) {
	net, ok := bare(m).(*Sequential)
	if !ok {
		return nil, fmt.Errorf("found a %s of type %T, *nn.Sequential expected", called, bare(m))
	}
	return describe(called, net)
}

// Verify returns an error unless net has the layers that Build makes of the given specs. The
// error names the first layer that differs, its type, and what was found and expected.
func Verify(net *Sequential, layers []Spec) error {
	found, err := Describe(net)
	if err != nil {
		return err
	}
	return differ("layers", found, normal(layers))
}

// differ returns an error unless two lists of specs, which errors call so, are the same.
func differ(called string, found, want []Spec) error {
	for i := range max(len(found), len(want)) {
		switch {
		case i == len(found):
			return fmt.Errorf("%s[%d] %q: found no more layers, %s expected", called, i, want[i].Name, want[i].Type())
		case i == len(want):
			return fmt.Errorf("%s[%d] %q: found %s, no more layers expected", called, i, found[i].Name, found[i].Type())
		case !reflect.DeepEqual(found[i], want[i]):
			err := differWithin(found[i], want[i])
			if err == nil {
				err = fmt.Errorf("found %s, %s expected", text(found[i]), text(want[i]))
			}
			return fmt.Errorf("%s[%d] %q: %w", called, i, found[i].Name, err)
		}
	}
	return nil
}

// differWithin returns how the nets within two layers differ, nil if they have none, or
// something else differs.
func differWithin(found, want Spec) error {
	if found.Name != want.Name {
		return nil
	}
	switch f := found.Options.(type) {
	case SequentialOptions:
		if w, ok := want.Options.(SequentialOptions); ok {
			return differ("layers", f.Layers, w.Layers)
		}
	case ResidualOptions:
		if w, ok := want.Options.(ResidualOptions); ok {
			if err := differ("body", f.Body, w.Body); err != nil {
				return err
			}
			return differ("shortcut", f.Shortcut, w.Shortcut)
		}
	case GateOptions:
		if w, ok := want.Options.(GateOptions); ok {
			return differ("body", f.Body, w.Body)
		}
	}
	return nil
}

// text returns a spec for an error.
func text(s Spec) string {
	b, err := s.MarshalJSON()
	if err != nil {
		return err.Error()
	}
	return string(b)
}
