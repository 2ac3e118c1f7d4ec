package serve

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"slices"

	"github.com/onehot-go/onehot/model"
	"github.com/onehot-go/onehot/picture"
	"github.com/onehot-go/onehot/random"
	"github.com/onehot-go/onehot/tensor"
	"github.com/onehot-go/onehot/transform"
)

// The types of elements.
const (
	typeUINT8 = "UINT8"
	typeFP32  = "FP32"
	typeBytes = "BYTES"
)

// The names of inputs and outputs.
const (
	inputName         = "input"
	imageName         = "image"
	probabilitiesName = "probabilities"
	logitsName        = "logits"
	className         = "class"
	labelsName        = "labels"
)

// Tensor is an input or an output. Its elements are in one of three fields.
type Tensor struct {
	Name     string
	Datatype string // "FP32", "UINT8", "BYTES" or, in a column of a table, "FP64", "INT64" and others
	Shape    []int
	Numbers  []float32 // of FP32 or UINT8
	Strings  [][]byte  // of BYTES; numbers of other types as they are written
	// Raw has the elements side by side, numbers with their lowest byte first, BYTES each behind
	// its length in four bytes.
	Raw []byte
}

// Request asks what a model says of its inputs.
type Request struct {
	Model   string
	Version string   // empty for the one that is served
	Inputs  []Tensor // are not changed
	Outputs []string // names of those that are wanted; all if there are none
}

// Response is the answer to a Request.
type Response struct {
	Model, Version string
	Outputs        []Tensor // with Numbers or Strings, in the order of the request
}

// Infer returns what a model says. It waits for its turn until ctx is done. The error is an *Error.
func (s *Server) Infer(ctx context.Context, r *Request) (*Response, error) {
	response, err := s.infer(ctx, r)
	if c, ok := ctx.Value(callKey{}).(*call); ok { // a mounted handler asks
		c.model = r.Model
		if err != nil {
			c.note(errorOf(err))
		}
	}
	return response, err
}

func (s *Server) infer(ctx context.Context, r *Request) (*Response, error) {
	v, err := s.find(r.Model, r.Version)
	if err != nil {
		return nil, err
	}
	defer v.release()
	for _, name := range r.Outputs {
		if known := v.outputNames(); !slices.Contains(known, name) {
			return nil, badf("outputs: found %.128q, one of %v expected", name, known)
		}
	}
	j, err := s.prepare(ctx, v, r.Inputs)
	if err != nil {
		return nil, errorOf(err)
	}
	defer v.free(j)
	if err := v.run(j); err != nil {
		return nil, errorOf(err)
	}
	response := &Response{Model: v.name, Version: v.version}
	names := r.Outputs
	if len(names) == 0 {
		names = v.outputNames()
	}
	for _, name := range names {
		response.Outputs = append(response.Outputs, v.output(name, j))
	}
	return response, nil
}

// find returns the model of a name, to be released. If the version is not empty it must be that
// of the model.
func (s *Server) find(name, version string) (*served, error) {
	slot := s.slot(name)
	if slot == nil {
		return nil, s.unknown(name)
	}
	v, err := slot.acquire()
	if err != nil {
		return nil, err
	}
	if version != "" && version != v.version {
		v.release()
		return nil, failf(http.StatusNotFound, "the model %q: found version %.128q, %s expected", name, version, v.version)
	}
	return v, nil
}

// newJob returns a job of n samples, whose inputs are of any values, to be freed. The error is
// errFull if the jobs of all requests would have too many samples.
func (v *served) newJob(ctx context.Context, n int) (*job, error) {
	if !v.samples.take(int64(n)) {
		return nil, errFull
	}
	j := v.jobs.Get().(*job)
	classes := len(v.model.Classes)
	j.ctx, j.n = ctx, n
	j.inputs = slices.Grow(j.inputs[:0], n*v.size)[:n*v.size]
	j.logits = slices.Grow(j.logits[:0], n*classes)[:n*classes]
	j.probabilities = slices.Grow(j.probabilities[:0], n*classes)[:n*classes]
	return j, nil
}

// free gives back a job that nobody uses any more. Its memory is used again if it is not large.
func (v *served) free(j *job) {
	v.samples.held.Add(-int64(j.n))
	if 4*cap(j.inputs) <= maxKept {
		v.jobs.Put(j)
	}
}

// run brings a job to the queue and waits until it is computed, or its context is done.
func (v *served) run(j *job) error {
	if err := v.queue.add(j); err != nil {
		return err
	}
	select {
	case <-j.done:
	case <-j.ctx.Done():
		v.queue.drop(j)
		<-j.done
	}
	return j.err
}

// The names of outputs, of models of one class a sample, and of several labels.
var (
	classOutputs = []string{probabilitiesName, logitsName, className}
	labelOutputs = []string{probabilitiesName, logitsName, labelsName}
)

// outputNames returns the names of the model's outputs.
func (v *served) outputNames() []string {
	if v.model.SeveralLabels() {
		return labelOutputs
	}
	return classOutputs
}

// output returns an output of a job that is computed.
func (v *served) output(name string, j *job) Tensor {
	classes := len(v.model.Classes)
	t := Tensor{Name: name, Datatype: typeFP32, Shape: []int{j.n, classes}}
	switch name {
	case probabilitiesName:
		t.Numbers = make([]float32, len(j.probabilities))
		for i, p := range j.probabilities {
			t.Numbers[i] = float32(p)
		}
	case logitsName:
		t.Numbers = slices.Clone(j.logits)
	case className:
		t.Datatype, t.Shape = typeBytes, []int{j.n}
		for i := range j.n {
			row := j.probabilities[i*classes:][:classes]
			t.Strings = append(t.Strings, []byte(v.model.Classes[slices.Index(row, slices.Max(row))]))
		}
	case labelsName:
		t.Datatype, t.Shape = typeBytes, []int{j.n}
		for i := range j.n {
			list, err := json.Marshal(v.model.Labels(j.probabilities[i*classes:][:classes]))
			if err != nil {
				panic(err) // of texts there is none
			}
			t.Strings = append(t.Strings, list)
		}
	}
	return t
}

// inputs is what a model takes.
type inputs struct {
	columns  []TensorMetadata // of rows of tables; nil if it takes others
	pictures bool
	shape    []int // of a sample of "input"; nil if there is only "image"
	// Of pictures of the net's own size: what UINT8 become, by channel; and the steps behind
	// ToTensor, if FP32 are taken too.
	tables [][256]float32
	behind transform.Compose
	floats bool
}

// newInputs returns what a model of the given definition takes.
func newInputs(d *model.Definition) inputs {
	if columns := columnsOf(d); columns != nil {
		return inputs{columns: columns}
	}
	picture := transform.Form{Shape: []int{3, 0, 0}}
	if made, err := d.Preprocess.Form(picture); err != nil || !made.Tensor {
		return inputs{shape: d.InputShape, floats: true}
	}
	in := inputs{pictures: true}
	var values transform.Compose // the steps that change values and not where they lie
	for i, step := range d.Preprocess {
		switch step.(type) {
		case transform.Grayscale, transform.RGB, transform.Resize, transform.ResizeEdge, transform.CenterCrop, transform.Letterbox:
		case transform.ToTensor:
			in.floats, in.behind = len(values) == 0, d.Preprocess[i+1:]
			values = append(values, step)
		default:
			values = append(values, step)
		}
	}
	if tables, ok := transform.Table(values, d.InputShape[0]); ok {
		in.shape, in.tables = d.InputShape, tables
	}
	return in
}

// prepare returns a job of a request's inputs.
func (s *Server) prepare(ctx context.Context, v *served, given []Tensor) (*job, error) {
	if v.inputs.columns != nil {
		return s.prepareRows(ctx, v, given)
	}
	names := v.inputs.names()
	if len(given) != 1 || !slices.Contains(names, given[0].Name) {
		found := make([]string, len(given))
		for i := range given {
			found[i] = fmt.Sprintf("%.40q", given[i].Name)
		}
		return nil, badf("inputs: found %d, %v, one of %v expected", len(given), found[:min(len(found), 3)], names)
	}
	t := &given[0]
	if len(t.Shape) == 0 || t.Shape[0] < 1 {
		return nil, badf("%s: found the shape %v, at least one sample expected", t.Name, t.Shape)
	}
	if n := t.Shape[0]; n > v.queue.most {
		return nil, failf(http.StatusRequestEntityTooLarge, "%s: found %d samples, at most %d expected", t.Name, n, v.queue.most)
	}
	if t.Name == imageName {
		files, err := t.files()
		if err != nil {
			return nil, err
		}
		return s.prepareFiles(ctx, v, files)
	}
	if want := append([]int{t.Shape[0]}, v.inputs.shape...); !slices.Equal(t.Shape, want) {
		return nil, badf("%s: found the shape %v, [-1 %s expected", t.Name, t.Shape, fmt.Sprint(v.inputs.shape)[1:])
	}
	j, err := v.newJob(ctx, t.Shape[0])
	if err != nil {
		return nil, err
	}
	if err := v.fill(j.inputs, t); err != nil {
		v.free(j)
		return nil, err
	}
	return j, nil
}

// names returns the names of inputs.
func (in inputs) names() []string {
	switch {
	case in.columns != nil:
		return nil
	case !in.pictures:
		return []string{inputName}
	case in.shape == nil:
		return []string{imageName}
	}
	return []string{inputName, imageName}
}

// fill writes the prepared samples of t, whose shape fits, to x.
func (v *served) fill(x []float32, t *Tensor) error {
	switch {
	case t.Datatype == typeUINT8 && v.inputs.tables != nil:
		return v.inputs.lookUp(x, t)
	case t.Datatype == typeFP32 && v.inputs.floats:
		return v.floats(x, t)
	}
	return badf("%s: found the type %.40q, %s expected", t.Name, t.Datatype, v.inputs.types())
}

// types returns the types that "input" takes.
func (in inputs) types() string {
	switch {
	case in.tables == nil:
		return typeFP32
	case !in.floats:
		return typeUINT8
	}
	return typeUINT8 + " or " + typeFP32
}

// lookUp is fill for bytes.
func (in inputs) lookUp(x []float32, t *Tensor) error {
	area := in.shape[1] * in.shape[2]
	if t.Raw != nil {
		if len(t.Raw) != len(x) {
			return badf("%s: found %d bytes, %d expected", t.Name, len(t.Raw), len(x))
		}
		for at, c := 0, 0; at < len(x); at, c = at+area, c+1 {
			table, from := &in.tables[c%in.shape[0]], t.Raw[at:at+area]
			for i, v := range from {
				x[at+i] = table[v]
			}
		}
		return nil
	}
	if len(t.Numbers) != len(x) {
		return badf("%s: found %d numbers, %d expected", t.Name, len(t.Numbers), len(x))
	}
	for i, v := range t.Numbers {
		b := uint8(v)
		if float32(b) != v {
			return badf("%s: number %d: found %v, a whole one from 0 to 255 expected", t.Name, i, v)
		}
		x[i] = in.tables[i/area%in.shape[0]][b]
	}
	return nil
}

// floats is fill for numbers of 32 bits.
func (v *served) floats(x []float32, t *Tensor) error {
	if t.Raw != nil {
		if len(t.Raw) != 4*len(x) {
			return badf("%s: found %d bytes, %d expected", t.Name, len(t.Raw), 4*len(x))
		}
		for i := range x {
			x[i] = math.Float32frombits(binary.LittleEndian.Uint32(t.Raw[4*i:]))
		}
	} else if copy(x, t.Numbers); len(t.Numbers) != len(x) {
		return badf("%s: found %d numbers, %d expected", t.Name, len(t.Numbers), len(x))
	}
	steps := v.inputs.behind
	if v.inputs.pictures {
		for i, v := range x {
			if !(v >= 0 && v <= 1) {
				return badf("%s: number %d: found %v, one from 0 to 1 expected", t.Name, i, v)
			}
		}
	} else {
		steps = v.model.Preprocess
		for i, v := range x {
			if v-v != 0 {
				return badf("%s: number %d: found %v, a finite one expected", t.Name, i, v)
			}
		}
	}
	if len(steps) == 0 {
		return nil
	}
	for ; len(x) > 0; x = x[v.size:] {
		made, err := steps.Apply(transform.Input{Tensor: tensor.New(slices.Clone(x[:v.size]), v.inputs.shape...)}, random.Key{})
		if err != nil {
			return err
		}
		if !slices.Equal(made.Tensor.Shape(), v.model.InputShape) {
			return badf("%s: a sample became a tensor of shape %v, %v expected", t.Name, made.Tensor.Shape(), v.model.InputShape)
		}
		copy(x, tensor.Values[float32](made.Tensor))
	}
	return nil
}

// files returns the files of a tensor of them.
func (t *Tensor) files() ([][]byte, error) {
	if t.Datatype != typeBytes {
		return nil, badf("%s: found the type %.40q, %s expected", t.Name, t.Datatype, typeBytes)
	}
	files := t.Strings
	if t.Raw != nil {
		var err error
		if files, err = split(t.Raw); err != nil {
			return nil, badf("%s: %v", t.Name, err)
		}
	}
	if len(t.Shape) != 1 || t.Shape[0] != len(files) {
		return nil, badf("%s: found the shape %v and %d elements, one dimension of as many expected", t.Name, t.Shape, len(files))
	}
	return files, nil
}

// split returns the elements of BYTES that lie side by side.
func split(raw []byte) (elements [][]byte, err error) {
	for len(raw) > 0 {
		if len(raw) < 4 {
			return nil, fmt.Errorf("element %d: found %d bytes of its length, 4 expected", len(elements), len(raw))
		}
		n := int64(binary.LittleEndian.Uint32(raw))
		if raw = raw[4:]; n > int64(len(raw)) {
			return nil, fmt.Errorf("element %d: found %d bytes, %d expected as its length says", len(elements), len(raw), n)
		}
		elements, raw = append(elements, raw[:n]), raw[n:]
	}
	return elements, nil
}

// prepareFiles returns a job of the files of pictures. As many are decoded at once as there are
// cores.
func (s *Server) prepareFiles(ctx context.Context, v *served, files [][]byte) (*job, error) {
	j, err := v.newJob(ctx, len(files))
	if err != nil {
		return nil, err
	}
	for i, file := range files {
		if err := s.prepareFile(ctx, v, j.inputs[i*v.size:][:v.size], file); err != nil {
			v.free(j)
			if len(files) == 1 || ctx.Err() != nil {
				return nil, err
			}
			return nil, fmt.Errorf("picture %d: %w", i, err)
		}
	}
	return j, nil
}

// prepareFile writes the prepared picture of a file to x.
func (s *Server) prepareFile(ctx context.Context, v *served, x []float32, file []byte) error {
	select {
	case s.decoding <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-s.decoding }()
	f, err := picture.Parse(file, picture.Limits{Pixels: s.options.MaxPixels, Memory: 8 * s.options.MaxPixels})
	if err != nil {
		return err
	}
	img, _, err := f.Decode(ctx)
	if err != nil {
		return err
	}
	made, err := v.by.Prepare(img)
	if err != nil {
		return err
	}
	copy(x, tensor.Values[float32](made))
	return nil
}
