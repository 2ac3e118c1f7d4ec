// Package model keeps a classifier in one file: the architecture, the weights, the names of
// the classes, the task that it learnt, and the steps that prepare its input. A Predictor
// takes a model and inputs as they come, prepares them by these steps, and says what they are.
//
// The file is in the safetensors format. Its weights are named and shaped as in PyTorch's
// state_dict, so that other readers of safetensors open it too. Everything else is in its
// metadata.
package model

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/onehot-go/onehot/internal/atomicfile"
	"github.com/onehot-go/onehot/internal/memory"
	"github.com/onehot-go/onehot/model/safetensors"
	"github.com/onehot-go/onehot/nn"
	"github.com/onehot-go/onehot/random"
	"github.com/onehot-go/onehot/tensor"
	"github.com/onehot-go/onehot/transform"
)

// Definition says what a model is, but for its weights. Every field is saved.
type Definition struct {
	Name       string    `json:"name"`        // of the architecture: "softmax", "cnn"
	Layers     []nn.Spec `json:"layers"`      // of the net, in order
	Classes    []string  `json:"classes"`     // names, one for each output
	InputShape []int     `json:"input_shape"` // of one input: (channels, height, width) of a picture, or (numbers) of a row
	// Preprocess is the steps from an input as it was read to what the net takes. It is empty,
	// and not nil, if inputs stay as they are.
	Preprocess transform.Compose `json:"preprocess"`
	Ground     Ground            `json:"ground,omitempty"` // of the pictures it was trained on; empty where nobody looked
	Task       string            `json:"task,omitempty"`   // the name of what is learnt; none is "classification"
	// Thresholds are the probabilities from which on labels are predicted, one a class of a model that learnt
	// several labels a sample; nil is 0.5 for each.
	Thresholds []float64 `json:"thresholds,omitempty"`
	Data       string    `json:"data"`     // the data set it was trained on
	Training   any       `json:"training"` // how it was trained, for the record; Load makes it a *json.RawMessage
	// Calibration says how the weights of the last layer were changed after training, for the record; nil if they were not.
	Calibration *Calibration `json:"calibration,omitempty"`
}

// Calibration is how a model's logits were made ones whose probabilities can be taken at their word. Package calibrate fits
// and applies it.
type Calibration struct {
	Method      string             `json:"method"`                // "temperature" or "platt"
	Temperature float64            `json:"temperature,omitempty"` // that all logits are divided by
	A           []float64          `json:"a,omitempty"`           // of platt: a·z + b is made of z, the second class's logit minus the first's; or one a label, of its logit
	B           []float64          `json:"b,omitempty"`
	Samples     int                `json:"samples"` // that it was fitted to
	Before      CalibrationFigures `json:"before"`
	After       CalibrationFigures `json:"after"`
}

// CalibrationFigures say how far probabilities can be taken at their word, on the samples that a calibration was fitted
// to.
type CalibrationFigures struct {
	Loss  float64 `json:"loss"`              // mean negative log-likelihood, in nats: of a sample, or of a label of it
	Error float64 `json:"calibration_error"` // expected calibration error, as metric.Calibration has it
}

// Softmax defines softmax regression: the picture as one row of numbers, and one linear
// layer from there to the logits.
func Softmax(inputShape []int, classes []string) Definition {
	return Definition{
		Name: "softmax", Classes: classes, InputShape: inputShape, Preprocess: pictures(inputShape),
		Layers: []nn.Spec{
			{Name: "flatten", Options: nn.FlattenOptions{}},
			{Name: "linear", Options: nn.LinearOptions{In: product(inputShape), Out: len(classes)}},
		},
	}
}

// MLP defines a multilayer perceptron: linear layers with ReLU between them, one hidden
// layer for each of the given sizes.
func MLP(inputShape []int, hidden []int, classes []string) Definition {
	b := builder{Definition{Name: "mlp", Classes: classes, InputShape: inputShape, Preprocess: pictures(inputShape)}}
	b.dense(1, hidden...)
	return b.Definition
}

// WithDropout returns d with a dropout of probability p behind every ReLU of Layers. Nets
// within a layer, such as a residual's body, stay as they are.
func (d Definition) WithDropout(p float64) Definition {
	var layers []nn.Spec
	for _, l := range d.Layers {
		layers = append(layers, l)
		if _, ok := l.Options.(nn.ReLU); ok {
			layers = append(layers, nn.Spec{Name: strings.Replace(l.Name, "relu", "dropout", 1), Options: nn.DropoutOptions{P: p}})
		}
	}
	d.Layers = layers
	return d
}

func product(shape []int) int {
	n := 1
	for _, s := range shape {
		n *= s
	}
	return n
}

// Model is a net and what it is.
type Model struct {
	Definition
	Net *nn.Sequential
}

// New returns the model that d defines, its parameters drawn as PyTorch draws them,
// every layer's from a key of its own under key. The error says which part of the
// definition makes no net.
func New(d Definition, key random.Key) (*Model, error) {
	return d.model(func() (*nn.Sequential, error) { return nn.Build(d.Layers, d.InputShape, key) })
}

// Blank is New for those who overwrite all parameters at once, as with weights that they have. No time
// goes to drawing them.
func Blank(d Definition) (*Model, error) {
	return d.model(func() (*nn.Sequential, error) { return nn.Blank(d.Layers, d.InputShape) })
}

// model returns the model that d defines with the net that build makes.
func (d Definition) model(build func() (*nn.Sequential, error)) (*Model, error) {
	if _, err := d.check(); err != nil {
		return nil, fmt.Errorf("model: %w", err)
	}
	net, err := build()
	if err != nil {
		return nil, fmt.Errorf("model: %w", err)
	}
	return &Model{Definition: d, Net: net}, nil
}

// String returns a table of the net's layers: name, type, output shape for one sample and
// number of parameters.
func (m *Model) String() string {
	return nn.Summary(m.Net, append([]int{1}, m.InputShape...)...)
}

// Where a file keeps what: the definition in the metadata, and whatever a training run
// needs beside the weights under a prefix that no layer can have.
const (
	metadataKey = "onehot"
	reserved    = "."
)

// maxDefinition is the most bytes that a definition may have in a file. One of a thousand layers
// and ten thousand classes has less than 1<<20.
const maxDefinition = 1 << 23

// verify returns the costs of the layers, or what is wrong with the definition, or how the net
// differs from it.
func (m *Model) verify() ([]nn.Cost, error) {
	costs, err := m.Costs()
	if err != nil {
		return nil, err
	}
	if err := nn.Verify(m.Net, m.Layers); err != nil {
		return nil, fmt.Errorf("model: the net differs from the definition: %w", err)
	}
	return costs, nil
}

// State returns the model as the content of a file. More tensors may be added under names that
// begin with a dot, as no layer's does, and more metadata. The error says what could not be
// read back: a definition that makes no net, or a net of other layers than the definition has.
func (m *Model) State() (*safetensors.File, error) {
	costs, err := m.verify()
	if err != nil {
		return nil, err
	}
	definition, err := json.Marshal(m.Definition)
	if err != nil {
		return nil, fmt.Errorf("model: training record: %w", err)
	}
	if len(definition) > maxDefinition {
		return nil, fmt.Errorf("model: a definition of %d bytes, at most %d expected", len(definition), maxDefinition)
	}
	// "format" tells Hugging Face's tools how the tensors are laid out.
	f := &safetensors.File{Metadata: map[string]string{metadataKey: string(definition), "format": "pt"}}
	numbers := 0
	for name, p := range nn.StateDict(m.Net) {
		f.Tensors = append(f.Tensors, safetensors.Tensor{Name: name, Value: p})
		numbers += p.Numel()
	}
	if want := size(costs); numbers != want {
		return nil, fmt.Errorf("model: the net has %d weights, %d expected by the definition", numbers, want)
	}
	return f, nil
}

// checkTensor returns an error for values that no net can work with.
func checkTensor(name string, v *tensor.Tensor) error {
	if v.DType().IsFloat() && v.Sub(v).Ne(tensor.Scalar(float32(0))).Any().Item() != 0 {
		return fmt.Errorf("tensor %q: found NaN or an infinity, finite numbers expected", name)
	}
	if strings.HasSuffix(name, ".running_var") && v.Lt(tensor.Scalar(0.0)).Any().Item() != 0 {
		return fmt.Errorf("tensor %q: found a negative variance", name)
	}
	return nil
}

// Save writes the model to the file at path, whole or not at all. It refuses what Load would
// refuse: beside what State does, weights that are not finite.
func (m *Model) Save(path string) error {
	f, err := m.State()
	if err != nil {
		return err
	}
	for _, t := range f.Tensors {
		if err := checkTensor(t.Name, t.Value); err != nil {
			return fmt.Errorf("model: %w", err)
		}
	}
	return atomicfile.Write(path, func(w io.Writer) error { return f.Write(w) })
}

// Load reads the model that Save wrote to path, ready to be used: its layers are in
// evaluation. The error names the file, and the place in it that is at fault.
func Load(path string) (*Model, error) {
	f, err := safetensors.ReadFile(path)
	if err != nil {
		return nil, err
	}
	m, err := FromState(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return m, nil
}

// FromState returns the model in a file's content. Tensors whose names begin with a dot are left
// to those who put them there.
func FromState(f *safetensors.File) (*Model, error) {
	text, ok := f.Metadata[metadataKey]
	if !ok {
		return nil, fmt.Errorf("metadata: no %q in it: these are weights without a definition, or not of a model that onehot saved", metadataKey)
	}
	if len(text) > maxDefinition {
		return nil, fmt.Errorf("metadata %q: found %d bytes, at most %d expected", metadataKey, len(text), maxDefinition)
	}
	d := Definition{Training: new(json.RawMessage)} // the very bytes, so that saving writes them again
	if err := json.Unmarshal([]byte(text), &d); err != nil {
		return nil, fmt.Errorf("metadata %q: %w", metadataKey, err)
	}
	costs, err := d.check()
	if err != nil {
		return nil, fmt.Errorf("metadata %q: %w", metadataKey, err)
	}
	state := map[string]*tensor.Tensor{}
	got := 0
	for _, t := range f.Tensors {
		if !strings.HasPrefix(t.Name, reserved) {
			if err := checkTensor(t.Name, t.Value); err != nil {
				return nil, err
			}
			state[t.Name] = t.Value
			got += t.Value.Numel()
		}
	}
	if want := size(costs); got != want { // before memory is taken for what a definition only claims
		return nil, fmt.Errorf("%d weights found, %d expected by the definition", got, want)
	}
	// What was read, the net, and what checkTensor needs.
	if err := memory.Check(3*4*float64(got), "its weights"); err != nil {
		return nil, err
	}
	m, err := Blank(d)
	if err != nil {
		return nil, err
	}
	if _, _, err := nn.LoadStateDict(m.Net, state, true); err != nil {
		return nil, err
	}
	nn.SetTraining(m.Net, false)
	return m, nil
}
