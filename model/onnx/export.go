package onnx

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/onehot-go/onehot/model"
	"github.com/onehot-go/onehot/nn"
	"github.com/onehot-go/onehot/task"
	"github.com/onehot-go/onehot/tensor"
	"github.com/onehot-go/onehot/transform"
)

// Options are settings of Export.
type Options struct {
	// TrainingForm keeps batch norms as layers of their own, so that the file has the model's very
	// weights. Else those that stand behind a convolution or a linear layer become part of it,
	// which takes less time and memory.
	TrainingForm bool
}

// Export writes the model to w. The error says what has no form in ONNX, all of it at once: a
// layer whose type Register was not called for, a step that prepares inputs behind
// transform.ToTensor or transform.Columns, a batch norm without running statistics, or a task. Nothing is written then. It
// also says what keeps the model from being saved.
func Export(w io.Writer, m *model.Model, o Options) error {
	if _, err := m.State(); err != nil { // as saving it
		return err
	}
	if !o.TrainingForm {
		var err error
		if m, err = folded(m); err != nil {
			return err
		}
	}
	f, err := newFile(m)
	if err != nil {
		return err
	}
	return f.encode(producerVersion()).writeTo(w)
}

// producerVersion returns the version of this module, as far as the program knows it.
func producerVersion() string {
	const path = "github.com/onehot-go/onehot"
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	for _, m := range append(info.Deps, &info.Main) {
		if m.Path == path {
			return m.Version
		}
	}
	return ""
}

// Before returns the steps of a preparation that come before an exported graph, and those that are
// within it. A graph that takes the bytes of pixels has those behind transform.ToTensor. Without
// such a step all are within, and before is nil.
func Before(preprocess transform.Compose) (before, within transform.Compose, err error) {
	steps, err := transform.Deterministic(preprocess)
	if err != nil {
		return nil, nil, err
	}
	at := slices.IndexFunc(steps, func(s transform.Transform) bool { return s == transform.ToTensor{} })
	if at < 0 {
		return nil, steps, nil
	}
	return steps[:at], steps[at+1:], nil
}

// newFile returns the file of a model that can be saved.
func newFile(m *model.Model) (*file, error) {
	before, within, err := Before(m.Preprocess)
	if err != nil {
		return nil, err
	}
	columns, rows := m.Columns()
	if rows {
		within = within[1:]
	}
	activation, err := unwritten(m, columns, within)
	if err != nil {
		return nil, err
	}
	definition, err := json.Marshal(m.Definition)
	if err != nil {
		return nil, err
	}
	names, err := json.Marshal(m.Classes)
	if err != nil {
		return nil, err
	}
	inputs := Inputs(m)
	g := newGraph(m.Net, inputs)
	pictures := before != nil
	g.at = "preprocess"
	var x Value
	if rows {
		x = g.columns(columns, inputs)
	} else {
		x = g.input(m.InputShape, pictures)
	}
	for _, s := range within {
		x = stepWriters[reflect.TypeOf(s)](g, s, x)
	}
	g.at = ""
	if x, err = g.Layer("", m.Net, x); err != nil {
		return nil, err
	}
	logits := g.rename(x, logitsName)
	g.at = probabilitiesName
	probabilities := g.rename(activation(g, logits), probabilitiesName)
	for _, name := range []string{probabilities.Name, logits.Name} {
		g.outputs = append(g.outputs, port{name, float32Kind, []dim{{name: "N"}, {size: int64(len(m.Classes))}}})
	}
	f := &file{opset: opset, graph: g.graph, metadata: map[string]string{definitionKey: string(definition), namesKey: string(names)}}
	if rows {
		text, err := json.Marshal(inputs)
		if err != nil {
			return nil, err
		}
		f.metadata[inputsKey] = string(text)
	}
	if pictures {
		steps, err := json.Marshal(before)
		if err != nil {
			return nil, err
		}
		f.metadata[beforeKey] = string(steps)
		f.metadata[rangeKey] = "NominalRange_0_255"
		if format := map[int]string{1: "Gray8", 3: "Rgb8"}[m.InputShape[0]]; format != "" {
			f.metadata[formatKey] = format
		}
	}
	if len(g.counters) > 0 {
		text, err := json.Marshal(g.counters)
		if err != nil {
			return nil, err
		}
		f.metadata[countersKey] = string(text)
	}
	return f, nil
}

// unwritten returns what makes probabilities of logits, or an error that lists all of a model that
// has no form in ONNX.
func unwritten(m *model.Model, columns transform.Columns, within transform.Compose) (activation func(g *Graph, x Value) Value, err error) {
	list := unwrittenColumns(columns)
	nn.Apply(m.Net, func(path string, l nn.Module) {
		if writerOf(l) == nil {
			list = append(list, fmt.Sprintf("layer %q of type %T", path, l))
		} else if b := normOf(l); b != nil && b.RunningMean == nil {
			list = append(list, fmt.Sprintf("layer %q, a batch norm without running statistics", path))
		}
	})
	for _, s := range within {
		if stepWriters[reflect.TypeOf(s)] == nil {
			name, _, _ := strings.Cut(transform.Compose{s}.String(), " ") // without its options
			list = append(list, fmt.Sprintf("step %q of the preparation", name))
		}
	}
	t, err := task.Named(m.Task)
	if err != nil {
		return nil, err
	}
	switch t.(type) {
	case task.Classification:
		activation = func(g *Graph, x Value) Value { return g.Node("Softmax", Attributes{"axis": int64(1)}, x) }
	case task.MultiLabel:
		activation = func(g *Graph, x Value) Value { return g.Node("Sigmoid", nil, x) }
	default:
		list = append(list, fmt.Sprintf("task %q", m.Task))
	}
	if list != nil {
		return nil, errors.New("no form in ONNX is known of " + strings.Join(list, ", ")) // see Register
	}
	return activation, nil
}

// Value is what a node takes or makes.
type Value struct {
	Name string // in the graph
	// Shape is that of one sample, without the dimension of the batch. It is known of what a layer
	// takes, and not of what Graph.Node returns.
	Shape []int
}

// Attributes are those of a node. The values are float32, int64, string, []float32, []int64 or
// []string.
type Attributes map[string]any

// Graph is a graph that layers are written to.
type Graph struct {
	graph
	at       string                    // the path of the layer that is written
	taken    map[string]int            // names of values, and how many begin with each
	weights  map[*tensor.Tensor]string // by the tensors that the net has
	counters map[string]int64
}

// newGraph returns a graph for all weights of a net, with the names of the inputs taken.
func newGraph(net *nn.Sequential, inputs []Input) *Graph {
	g := &Graph{taken: map[string]int{}, weights: map[*tensor.Tensor]string{}, counters: map[string]int64{}}
	for _, reserved := range []string{inputName, logitsName, probabilitiesName} {
		g.taken[reserved] = 1
	}
	for _, in := range inputs {
		g.taken[in.Name] = 1
	}
	for name, t := range nn.StateDict(net) {
		g.taken[name] = 1
		if t.DType() == tensor.Int64 {
			g.counters[name] = int64(t.Item())
		}
	}
	return g
}

// input adds the graph's input, and returns what a net takes: float32 of (N, ...). The bytes of
// pictures are scaled to numbers from 0 to 1.
func (g *Graph) input(shape []int, pictures bool) Value {
	p := port{name: inputName, kind: float32Kind, shape: []dim{{name: "N"}}}
	if !pictures {
		for _, n := range shape {
			p.shape = append(p.shape, dim{size: int64(n)})
		}
		g.inputs = append(g.inputs, p)
		return Value{inputName, shape}
	}
	p.kind = uint8Kind
	for _, n := range []int{shape[1], shape[2], shape[0]} {
		p.shape = append(p.shape, dim{size: int64(n)})
	}
	g.inputs = append(g.inputs, p)
	x := g.Node("Cast", Attributes{"to": int64(float32Kind)}, Value{Name: inputName})
	x = g.Node("Transpose", Attributes{"perm": []int64{0, 3, 1, 2}}, x)
	x = g.Node("Div", nil, x, g.Floats([]float32{255}))
	x.Shape = shape
	return x
}

// name returns a name of a value that no other has.
func (g *Graph) name(wanted string) string {
	g.taken[wanted]++
	if n := g.taken[wanted]; n > 1 {
		return g.name(fmt.Sprintf("%s_%d", wanted, n))
	}
	return wanted
}

// Node adds an operation of ONNX's own, and returns what it makes, which is its only output.
func (g *Graph) Node(op string, attributes Attributes, inputs ...Value) Value {
	wanted := op
	if g.at != "" {
		wanted = g.at + "/" + op
	}
	name := g.name(wanted)
	n := node{op: op, name: name, outputs: []string{name}, attributes: attributes}
	for _, v := range inputs {
		n.inputs = append(n.inputs, v.Name)
	}
	g.nodes = append(g.nodes, n)
	return Value{Name: name}
}

// Weight returns a parameter or a buffer of the layer that is written, by its name within that:
// "weight". It is a tensor of Float32. Tensors that layers share are in the file once.
func (g *Graph) Weight(name string, t *tensor.Tensor) Value {
	if known := g.weights[t]; known != "" {
		return Value{Name: known}
	}
	if g.at != "" {
		name = g.at + "." + name
	}
	if slices.ContainsFunc(g.inputs, func(in port) bool { return in.name == name }) { // a column of a table
		name = g.name(name)
	}
	g.weights[t] = name
	g.constants = append(g.constants, constant{name: name, kind: float32Kind, shape: t.Shape(), floats: tensor.Data[float32](t.Detach().Contiguous())})
	return Value{Name: name}
}

// Floats returns a constant of the given shape, none for a single number.
func (g *Graph) Floats(v []float32, shape ...int) Value {
	name := g.name(g.at + "/constant")
	g.constants = append(g.constants, constant{name: name, kind: float32Kind, shape: shape, floats: v})
	return Value{Name: name}
}

// Ints returns a constant list of numbers.
func (g *Graph) Ints(v ...int64) Value {
	name := g.name(g.at + "/constant")
	g.constants = append(g.constants, constant{name: name, kind: int64Kind, shape: []int{len(v)}, ints: v})
	return Value{Name: name}
}

// Layer adds what a layer of the given name, within the one that is written, does with x in
// evaluation. Layers that hold others call it for those. A layer without a name adds nothing to
// the path. The error says which layer has no row, or cannot work on x.
func (g *Graph) Layer(name string, l nn.Module, x Value) (Value, error) {
	net := nn.NewSequential(nn.Named("layer", l))
	write := writerOf(net.Layer("layer"))
	if write == nil {
		return Value{}, fmt.Errorf("layer %q: no form in ONNX is known of type %T", g.at, l)
	}
	specs, err := nn.Describe(net)
	if err != nil {
		return Value{}, err
	}
	_, shape, err := nn.Costs(specs, x.Shape)
	if err != nil {
		return Value{}, err
	}
	before := g.at
	if before != "" && name != "" {
		name = before + "." + name
	}
	g.at = before
	if name != "" {
		g.at = name
	}
	y, err := write(g, net.Layer("layer"), x)
	g.at = before
	y.Shape = shape
	return y, err
}

// rename gives a value another name. The graph's input and what is an output already keep theirs:
// a node that does nothing has the name then.
func (g *Graph) rename(v Value, name string) Value {
	i := slices.IndexFunc(g.nodes, func(n node) bool { return n.outputs[0] == v.Name })
	if i < 0 {
		g.at = name
		g.nodes = append(g.nodes, node{op: "Identity", name: name, inputs: []string{v.Name}, outputs: []string{name}})
		return Value{name, v.Shape}
	}
	g.nodes[i].outputs[0] = name
	for _, n := range g.nodes {
		for i, in := range n.inputs {
			if in == v.Name {
				n.inputs[i] = name
			}
		}
	}
	return Value{name, v.Shape}
}
