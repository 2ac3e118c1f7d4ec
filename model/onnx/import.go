package onnx

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/onehot-go/onehot/fault"
	"github.com/onehot-go/onehot/internal/memory"
	"github.com/onehot-go/onehot/model"
	"github.com/onehot-go/onehot/nn"
	"github.com/onehot-go/onehot/task"
	"github.com/onehot-go/onehot/tensor"
	"github.com/onehot-go/onehot/transform"
)

// Prepare says how pictures are prepared for a net whose file does not say it: the steps that make
// a tensor of the given number of channels of them. height and width are those that the file
// declares, 0 where it takes any.
type Prepare func(channels, height, width int) (transform.Compose, error)

// Load reads the model in the file at path, as Read does. The error names path.
func Load(path string, prepare Prepare) (*model.Model, error) {
	data, err := readFile(path)
	if err != nil {
		return nil, err
	}
	return read(path, data, prepare)
}

// readFile returns the bytes of a file, if there is memory for them.
func readFile(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fault.Format(path, "file", info.Mode().String(), "an ONNX file")
	}
	// The file, and as much for the weights in it.
	if err := memory.Check(2*float64(info.Size()), path); err != nil {
		return nil, err
	}
	return os.ReadFile(path)
}

// Read returns the model in the content of an ONNX file: a classifier of pictures or of rows of
// numbers, whose operations are in an order that layers of nn have, side by side or in sums and
// gates. What Export wrote becomes what it was. Of others, operations become the layers that do
// the same, and a softmax or sigmoids at the end the task. The classes are named by their numbers
// if the file has no names. The net is in evaluation.
//
// The error is a *fault.FormatError: it lists all operations that no layer is known for, or says
// which node is used otherwise than layers are. prepare is called for pictures whose preparation the
// file does not say; if it is nil, that is an error. Beside data, no more memory is taken than data
// has, but for floats of 16 bits, and some for each of at most 8192 nodes.
func Read(data []byte, prepare Prepare) (*model.Model, error) { return read("", data, prepare) }

func read(path string, data []byte, prepare Prepare) (*model.Model, error) {
	r := &reader{path: path}
	f, err := r.file(data)
	if err != nil {
		return nil, err
	}
	d := f.definition()
	if d != nil {
		if m := f.exported(*d); m != nil {
			return m, checkState(r, m)
		}
	}
	m, err := f.layers(d, prepare, int64(len(data)))
	if err != nil {
		if _, ok := errors.AsType[*fault.FormatError](err); ok {
			return nil, err
		}
		return nil, &fault.FormatError{File: path, Field: "graph", Detail: err.Error()}
	}
	return m, checkState(r, m)
}

// checkState returns an error unless all numbers of a net are finite, and variances at least 0.
func checkState(r *reader, m *model.Model) error {
	for name, v := range nn.StateDict(m.Net) {
		if v.DType() != tensor.Float32 {
			continue
		}
		for _, x := range tensor.Data[float32](v) {
			if x-x != 0 || x < 0 && strings.HasSuffix(name, ".running_var") {
				return r.fail(fmt.Sprintf("tensor %.200q", name), "found %v, a finite number expected, and a variance of at least 0", x)
			}
		}
	}
	return nil
}

// definition returns the definition in the metadata, or nil if there is none that could be.
func (f *file) definition() *model.Definition {
	text, ok := f.metadata[definitionKey]
	if !ok {
		return nil
	}
	d := model.Definition{Training: new(json.RawMessage)}
	if json.Unmarshal([]byte(text), &d) != nil {
		return nil
	}
	if _, err := d.Costs(); err != nil {
		return nil
	}
	return &d
}

// exported returns the model of a definition, if the file is what Export writes of it, or nil:
// other programs may have changed the graph.
func (f *file) exported(d model.Definition) *model.Model {
	costs, err := d.Costs()
	if err != nil {
		return nil
	}
	want, have := 0, 0
	for _, c := range costs {
		want += c.Parameters + c.Buffers
		have++ // a counter
	}
	constants := map[string]*constant{}
	for i := range f.graph.constants {
		c := &f.graph.constants[i]
		constants[c.name] = c
		if c.kind == float32Kind && !c.external && !c.varints {
			have += c.size()
		}
	}
	// A net has the size of what is in the file, which is looked at before it is made.
	if want > have || memory.Check(8*float64(want), "its weights") != nil {
		return nil
	}
	var counters map[string]int64
	if text, ok := f.metadata[countersKey]; ok && json.Unmarshal([]byte(text), &counters) != nil {
		return nil
	}
	m, err := model.Blank(d)
	if err != nil {
		return nil
	}
	for name, v := range nn.StateDict(m.Net) {
		if v.DType() == tensor.Int64 {
			n, ok := counters[name]
			if !ok {
				return nil
			}
			tensor.Data[int64](v)[0] = n
			continue
		}
		c := constants[name]
		if c == nil || c.kind != float32Kind || c.external || !slices.Equal(c.shape, v.Shape()) {
			return nil
		}
		data := tensor.Data[float32](v)
		if c.floatsTo(func(i int, x float32) { data[i] = x }) != nil {
			return nil
		}
	}
	nn.SetTraining(m.Net, false)
	again, err := newFile(m)
	if err != nil || !again.graph.same(&f.graph) || again.opset != f.opset {
		return nil
	}
	return m
}

// same reports whether a graph that is to be written is one that was read.
func (g *graph) same(read *graph) bool {
	if !reflect.DeepEqual(g.inputs, read.inputs) || !reflect.DeepEqual(g.outputs, read.outputs) ||
		len(g.nodes) != len(read.nodes) || len(g.constants) != len(read.constants) {
		return false
	}
	for i := range g.nodes {
		a, b := &g.nodes[i], &read.nodes[i]
		if a.op != b.op || a.domain != b.domain || a.name != b.name || !slices.Equal(a.inputs, b.inputs) || !slices.Equal(a.outputs, b.outputs) ||
			!maps.EqualFunc(a.attributes, b.attributes, func(x, y any) bool { return reflect.DeepEqual(x, y) }) {
			return false
		}
	}
	for i := range g.constants {
		if !g.constants[i].same(&read.constants[i]) {
			return false
		}
	}
	return true
}

// same reports whether a constant that is to be written is one that was read.
func (c *constant) same(read *constant) bool {
	if c.name != read.name || c.kind != read.kind || !slices.Equal(c.shape, read.shape) || read.external {
		return false
	}
	if c.kind == int64Kind {
		ints, err := read.integers()
		return err == nil && slices.Equal(ints, c.ints)
	}
	if c.kind == float64Kind {
		return bytes.Equal(c.raw, read.raw)
	}
	equal := true
	err := read.floatsTo(func(i int, v float32) { equal = equal && v == c.floats[i] })
	return err == nil && equal
}

// layers returns the model that a graph makes. d is the definition in the metadata, which another
// program left there, or nil. The file has so many bytes.
func (f *file) layers(d *model.Definition, prepare Prepare, bytes int64) (*model.Model, error) {
	in, out, err := f.ends()
	if err != nil {
		return nil, err
	}
	s, err := newStructure(&f.graph, in.name, out)
	if err != nil {
		return nil, err
	}
	if _, ok := s.depth[out]; !ok {
		return nil, fmt.Errorf("output %.200q: found that it does not come from the input alone", out)
	}
	steps, err := s.steps(in.name, out, 0)
	if err != nil {
		return nil, err
	}
	made := model.Definition{Name: "onnx", Preprocess: transform.Compose{}}
	if n := len(steps); n > 0 && !steps[n-1].fork {
		switch steps[n-1].node.op {
		case "Softmax":
			steps = steps[:n-1]
		case "Sigmoid":
			steps, made.Task = steps[:n-1], task.MultiLabel{}.Name()
		}
	}
	r := &reading{
		s: s, opset: f.opset, taken: bytes,
		counts: map[string]int{}, views: map[string][]int64{}, tensors: map[tensorKey]*tensor.Tensor{},
	}
	if err := r.prepare(&made, in, d, prepare); err != nil {
		return nil, err
	}
	m := &model.Model{Definition: made, Net: r.net(steps)}
	if r.err != nil {
		return nil, r.err
	}
	if r.normalize != nil {
		m.Preprocess = append(m.Preprocess, *r.normalize)
	}
	if len(r.shape) != 1 || r.last {
		return nil, fmt.Errorf("found outputs of shape %v, one number a class expected", r.shape)
	}
	if r.columns != nil {
		return nil, fmt.Errorf("found outputs that are pixels in another order")
	}
	if m.Layers, err = nn.Describe(m.Net); err != nil {
		return nil, err
	}
	m.Classes = f.classes(r.shape[0])
	if d != nil && len(d.Classes) == len(m.Classes) {
		m.Name, m.Classes, m.Task, m.Thresholds, m.Ground, m.Data, m.Training = d.Name, d.Classes, d.Task, d.Thresholds, d.Ground, d.Data, d.Training
	}
	if _, err := m.Costs(); err != nil {
		return nil, err
	}
	nn.SetTraining(m.Net, false)
	return m, nil
}

// ends returns the graph's only input, and the name of the output that has the probabilities, or is
// the first.
func (f *file) ends() (in port, out string, err error) {
	constants := map[string]bool{}
	for _, c := range f.graph.constants {
		constants[c.name] = true
	}
	// Older versions list constants among the inputs too.
	inputs := slices.DeleteFunc(slices.Clone(f.graph.inputs), func(p port) bool { return constants[p.name] })
	if len(inputs) != 1 || len(f.graph.outputs) == 0 {
		return in, "", fmt.Errorf("found %d inputs and %d outputs, one input and at least one output expected", len(inputs), len(f.graph.outputs))
	}
	out = f.graph.outputs[0].name
	for _, p := range f.graph.outputs {
		if p.name == probabilitiesName {
			out = probabilitiesName
		}
	}
	return inputs[0], out, nil
}

// prepare fills in what is known of inputs, and what prepares them.
func (r *reading) prepare(made *model.Definition, in port, d *model.Definition, prepare Prepare) error {
	switch in.kind {
	case float32Kind, float16Kind, float64Kind, uint8Kind:
	default:
		return fmt.Errorf("input %.200q: found elements of %v, floating-point numbers or bytes expected", in.name, in.kind)
	}
	var sizes []int // 0 for those that are not known
	for _, s := range in.shape {
		if s.size < 0 || s.size > 1<<20 {
			return fmt.Errorf("input %.200q: found a size of %d", in.name, s.size)
		}
		sizes = append(sizes, int(s.size))
	}
	if len(sizes) < 2 || len(sizes) > 4 {
		return fmt.Errorf("input %.200q: found %d dimensions, pictures of 4 or rows of 2 expected", in.name, len(sizes))
	}
	r.batch = int64(sizes[0])
	if len(sizes) < 4 {
		made.InputShape = sizes[1:]
		return r.begin(made, in)
	}
	channels, height, width := sizes[1], sizes[2], sizes[3]
	if !isColour(channels) && isColour(width) {
		channels, height, width = width, channels, height
		r.last = true
	}
	if !isColour(channels) {
		return fmt.Errorf("input %.200q: found pictures of shape %v, 1 or 3 channels expected", in.name, sizes[1:])
	}
	switch {
	case d != nil && len(d.InputShape) == 3 && d.InputShape[0] == channels:
		before, _, err := Before(d.Preprocess)
		if err != nil {
			return err
		}
		if before == nil {
			return errors.New("found a definition that does not take pictures")
		}
		made.Preprocess = append(before, transform.ToTensor{})
	case prepare == nil:
		return errors.New("found no steps that prepare pictures")
	default:
		var err error
		if made.Preprocess, err = prepare(channels, height, width); err != nil {
			return err
		}
	}
	form, err := made.Preprocess.Form(transform.Form{Shape: []int{3, 0, 0}})
	if err != nil {
		return err
	}
	if !form.Tensor || len(form.Shape) != 3 || form.Shape[0] != channels {
		return fmt.Errorf("found a preparation to %v, %d channels expected", form, channels)
	}
	made.InputShape = form.Shape
	return r.begin(made, in)
}

func isColour(channels int) bool { return channels == 1 || channels == 3 }

// begin starts at the input.
func (r *reading) begin(made *model.Definition, in port) error {
	r.shape = made.InputShape
	if slices.Min(r.shape) < 1 {
		return fmt.Errorf("input %.200q: found samples of shape %v, known sizes expected", in.name, r.shape)
	}
	if in.kind == uint8Kind && len(r.shape) == 3 { // the preparation has made them numbers from 0 to 1
		r.scales, r.shifts = slices.Repeat([]float64{255}, r.shape[0]), make([]float64, r.shape[0])
	}
	r.views[in.name] = r.view()
	return nil
}

// classes returns the names of so many classes.
func (f *file) classes(n int) []string {
	var names []string
	if json.Unmarshal([]byte(f.metadata[namesKey]), &names) == nil && len(names) == n {
		return names
	}
	names = make([]string, n)
	for i := range names {
		names[i] = strconv.Itoa(i)
	}
	return names
}
