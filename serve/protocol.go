package serve

import (
	"cmp"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/onehot-go/onehot/task"
)

// This file has the Open Inference Protocol over REST.

func (c *call) live() error { return c.json(http.StatusOK, map[string]bool{"live": true}) }

func (c *call) ready() error {
	if !c.Ready() {
		return c.json(http.StatusServiceUnavailable, map[string]bool{"ready": false})
	}
	return c.json(http.StatusOK, map[string]bool{"ready": true})
}

// Ready reports whether the server is to be sent requests: it is until Drain is called.
func (s *Server) Ready() bool { return !s.draining.Load() }

// Extensions are what the server has beside the protocol itself.
var Extensions = []string{"binary_tensor_data", "model_repository"}

// Name is what the server is called in its metadata.
const Name = "onehot"

// Version returns the version of the program, for metadata.
func (s *Server) Version() string { return s.options.Version }

func (c *call) metadata() error {
	return c.json(http.StatusOK, map[string]any{"name": Name, "version": c.Version(), "extensions": Extensions})
}

// Metadata is what a model takes and gives.
type Metadata struct {
	Name       string             `json:"name"`
	Versions   []string           `json:"versions"`
	Platform   string             `json:"platform"`
	Inputs     []TensorMetadata   `json:"inputs"`
	Outputs    []TensorMetadata   `json:"outputs"`
	Parameters MetadataParameters `json:"parameters"`
}

// TensorMetadata is an input or an output. A dimension of any size is -1.
type TensorMetadata struct {
	Name     string `json:"name"`
	Datatype string `json:"datatype"`
	Shape    []int  `json:"shape"`
}

// MetadataParameters is what is known of a model beyond the protocol.
type MetadataParameters struct {
	Classes    []string        `json:"classes"` // in the order of the outputs' last dimension
	Task       string          `json:"task"`
	Thresholds []float64       `json:"thresholds,omitempty"` // the probabilities from which on labels are predicted, of several labels; none is 0.5 for each
	Ground     string          `json:"ground,omitempty"`     // of the pictures that it knows: "dark", "light" or "mixed"
	Prepare    json.RawMessage `json:"preprocess"`           // the saved form of the steps from an input to what the net takes
}

// Metadata returns what a model takes and gives. An empty version stands for the one that is
// served. The error is an *Error.
func (s *Server) Metadata(name, version string) (*Metadata, error) {
	v, err := s.find(name, version)
	if err != nil {
		return nil, err
	}
	defer v.release()
	prepare, err := json.Marshal(v.model.Preprocess)
	if err != nil {
		return nil, err
	}
	m := &Metadata{
		Name: v.name, Versions: []string{v.version}, Platform: "onehot",
		Parameters: MetadataParameters{v.model.Classes, cmp.Or(v.model.Task, task.Classification{}.Name()), v.model.Thresholds, string(v.model.Ground), prepare},
	}
	m.Inputs = slices.Clone(v.inputs.columns)
	for _, name := range v.inputs.names() {
		t := TensorMetadata{name, typeBytes, []int{-1}}
		if name == inputName {
			t.Datatype, t.Shape = typeFP32, append(t.Shape, v.inputs.shape...)
			if v.inputs.tables != nil {
				t.Datatype = typeUINT8
			}
		}
		m.Inputs = append(m.Inputs, t)
	}
	classes := len(v.model.Classes)
	m.Outputs = []TensorMetadata{{probabilitiesName, typeFP32, []int{-1, classes}}, {logitsName, typeFP32, []int{-1, classes}}}
	for _, name := range v.outputNames()[len(m.Outputs):] {
		m.Outputs = append(m.Outputs, TensorMetadata{name, typeBytes, []int{-1}})
	}
	return m, nil
}

func (c *call) modelMetadata() error {
	c.model = c.in[0]
	m, err := c.Metadata(c.in[0], c.in[1])
	if err != nil {
		return err
	}
	return c.json(http.StatusOK, m)
}

func (c *call) modelReady() error {
	c.model = c.in[0]
	v, err := c.find(c.in[0], c.in[1])
	if err != nil {
		return err
	}
	v.release()
	return c.json(http.StatusOK, map[string]any{"name": c.in[0], "ready": true})
}

// IndexEntry is a model in the index of the repository.
type IndexEntry struct {
	Name    string `json:"name"`
	Version string `json:"version,omitempty"`
	State   string `json:"state"`  // "READY" or "UNAVAILABLE"
	Reason  string `json:"reason"` // why it is unavailable
}

// The states of models.
const (
	stateReady       = "READY"
	stateUnavailable = "UNAVAILABLE"
)

// Index returns all models, loaded or not.
func (s *Server) Index() []IndexEntry {
	var entries []IndexEntry
	for _, slot := range s.slots {
		e := IndexEntry{slot.Name, "", stateUnavailable, "unloaded"}
		if v, err := slot.acquire(); err == nil {
			e.Version, e.State, e.Reason = v.version, stateReady, ""
			v.release()
		}
		entries = append(entries, e)
	}
	return entries
}

// index answers with the index: of all models or, for {"ready":true}, of those that are loaded.
func (c *call) index() error {
	b := buffers.Get().(*[]byte)
	defer keep(b)
	if err := c.readAll(b); err != nil {
		return err
	}
	loaded := false
	if p := (&parser{text: *b}); p.end() != nil {
		err := p.whole(func(key string) error {
			if key == "ready" {
				return p.bool(&loaded, key)
			}
			return p.skip()
		})
		if err != nil {
			return badf("%v", err)
		}
	}
	entries := c.Index()
	if loaded {
		entries = slices.DeleteFunc(entries, func(e IndexEntry) bool { return e.State != stateReady })
	}
	return c.json(http.StatusOK, entries)
}

func (c *call) load() error {
	return c.control(func() error { return c.Reload(c.r.Context(), c.in[0]) })
}

func (c *call) unload() error {
	return c.control(func() error { return c.Unload(c.in[0]) })
}

// control does to a model what only some servers let clients do.
func (c *call) control(do func() error) error {
	c.model = c.in[0]
	if !c.options.Admin {
		return failf(http.StatusForbidden, "this server loads and unloads no models for requests")
	}
	err := do()
	if _, ok := errors.AsType[*Error](err); err != nil && !ok {
		err = failf(http.StatusServiceUnavailable, "%v", err) // what the server has, and not the request
	}
	if err != nil {
		return err
	}
	return c.json(http.StatusOK, struct{}{})
}

// headerLength is the header that says how many bytes of a body are JSON. The rest are data.
const headerLength = "Inference-Header-Content-Length"

// answerInfer answers a request for inference.
func (c *call) answerInfer() error {
	c.model = c.in[0]
	b := buffers.Get().(*[]byte)
	defer keep(b)
	if err := c.readAll(b); err != nil {
		return err
	}
	text, data := *b, []byte(nil)
	if header := c.r.Header.Get(headerLength); header != "" {
		n, err := strconv.ParseUint(header, 10, 31)
		if err != nil || int(n) > len(text) {
			return badf("%s: found %.40q of a body of %d bytes, at most as many expected", headerLength, header, len(text))
		}
		text, data = text[:n], text[n:]
	}
	wire, err := parseRequest(text)
	if err != nil {
		return badf("%v", err)
	}
	if err := wire.attach(data); err != nil {
		return badf("%v", err)
	}
	request := Request{Model: c.in[0], Version: c.in[1]}
	for i := range wire.Inputs {
		request.Inputs = append(request.Inputs, wire.Inputs[i].Tensor)
	}
	for _, out := range wire.Outputs {
		request.Outputs = append(request.Outputs, out.Name)
	}
	response, err := c.Infer(c.r.Context(), &request)
	if err != nil {
		return err
	}
	answer := buffers.Get().(*[]byte)
	defer keep(answer)
	*answer = response.appendTo(*answer, wire, c.w.Header())
	return c.write(http.StatusOK, *answer)
}

// attach gives inputs without data in the JSON what is behind it.
func (r *wireRequest) attach(data []byte) error {
	for i := range r.Inputs {
		in := &r.Inputs[i]
		switch {
		case in.data && in.binary >= 0:
			return fmt.Errorf("%.40q: found data and binary_data_size, one of them expected", in.Name)
		case in.data && in.Name == imageName:
			if err := in.decode(); err != nil {
				return fmt.Errorf("%s: %w", in.Name, err)
			}
		case in.data:
		case in.binary < 0:
			return fmt.Errorf("%.40q: found no data", in.Name)
		case in.binary > len(data):
			return fmt.Errorf("%.40q: found %d bytes behind the JSON, %d expected as binary_data_size says", in.Name, len(data), in.binary)
		default:
			in.Raw, data = data[:in.binary:in.binary], data[in.binary:]
		}
	}
	if len(data) > 0 {
		return fmt.Errorf("found %d bytes behind the data of all inputs, none expected", len(data))
	}
	return nil
}

// decode makes files of the base64 that JSON has in their place.
func (in *wireInput) decode() error {
	for i, text := range in.Strings {
		file := make([]byte, base64.StdEncoding.DecodedLen(len(text)))
		n, err := base64.StdEncoding.Decode(file, text)
		if err != nil {
			return fmt.Errorf("element %d: %w", i, err)
		}
		in.Strings[i] = file[:n]
	}
	return nil
}

// appendTo appends the answer to a request: JSON, and behind it what is to be bytes. It sets what
// the header says of that.
func (r *Response) appendTo(b []byte, wire *wireRequest, header http.Header) []byte {
	b = append(b, `{"model_name":`...)
	b = appendString(b, r.Model)
	b = append(b, `,"model_version":`...)
	b = appendString(b, r.Version)
	b = append(b, `,"id":`...)
	b = appendString(b, wire.ID)
	b = append(b, `,"outputs":[`...)
	behind := false
	for i := range r.Outputs {
		t := &r.Outputs[i]
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, `{"name":"`...)
		b = append(b, t.Name...)
		b = append(b, `","datatype":"`...)
		b = append(b, t.Datatype...)
		b = append(b, `","shape":[`...)
		for i, n := range t.Shape {
			if i > 0 {
				b = append(b, ',')
			}
			b = strconv.AppendInt(b, int64(n), 10)
		}
		b = append(b, ']')
		if wire.binary(i) {
			behind = true
			b = append(b, `,"parameters":{"binary_data_size":`...)
			b = strconv.AppendInt(b, int64(t.rawSize()), 10)
			b = append(b, '}')
		} else {
			b = append(b, `,"data":[`...)
			for i, v := range t.Numbers {
				if i > 0 {
					b = append(b, ',')
				}
				b = strconv.AppendFloat(b, float64(v), 'g', -1, 32)
			}
			for i, s := range t.Strings {
				if i > 0 {
					b = append(b, ',')
				}
				b = appendString(b, string(s))
			}
			b = append(b, ']')
		}
		b = append(b, '}')
	}
	b = append(b, "]}"...)
	header.Set("Content-Type", "application/json")
	if behind {
		header.Set("Content-Type", "application/octet-stream")
		header.Set(headerLength, strconv.Itoa(len(b)))
		for i := range r.Outputs {
			if wire.binary(i) {
				b = r.Outputs[i].AppendRaw(b)
			}
		}
	}
	return b
}

// binary reports whether output i of an answer is to be bytes.
func (r *wireRequest) binary(i int) bool {
	if i < len(r.Outputs) && r.Outputs[i].Binary != nil {
		return *r.Outputs[i].Binary
	}
	return r.Binary
}

// rawSize returns how many bytes AppendRaw appends.
func (t *Tensor) rawSize() int {
	n := 4 * (len(t.Numbers) + len(t.Strings))
	for _, s := range t.Strings {
		n += len(s)
	}
	return n
}

// AppendRaw appends t's elements as Raw has them.
func (t *Tensor) AppendRaw(b []byte) []byte {
	b = slices.Grow(b, t.rawSize())
	for _, v := range t.Numbers {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
	}
	for _, s := range t.Strings {
		b = binary.LittleEndian.AppendUint32(b, uint32(len(s)))
		b = append(b, s...)
	}
	return b
}

// appendString appends a string as JSON.
func appendString(b []byte, s string) []byte {
	if strings.IndexFunc(s, func(r rune) bool { return r < ' ' || r > '~' || r == '"' || r == '\\' }) < 0 {
		b = append(b, '"')
		b = append(b, s...)
		return append(b, '"')
	}
	text, _ := json.Marshal(s) // a string has a form
	return append(b, text...)
}
