package model

import (
	"cmp"
	"fmt"
	"image"
	"slices"
	"sync"

	"github.com/onehot-go/onehot/fault"
	"github.com/onehot-go/onehot/random"
	"github.com/onehot-go/onehot/task"
	"github.com/onehot-go/onehot/tensor"
	"github.com/onehot-go/onehot/transform"
)

// Predictor says what a model makes of inputs as they come: images, rows of numbers, rows of
// tables. It prepares them as in training, and computes as in evaluation. Many goroutines may
// call it at once.
type Predictor struct {
	model *Model
	net   *Compiled
	task  task.Task
	raw   transform.Form // of inputs before they are prepared
	work  sync.Pool      // of *workspace
}

// workspace is the memory of a call.
type workspace struct {
	steps         transform.Workspace
	logits        []float32
	probabilities []float64
}

// Prediction is a class and how likely it is.
type Prediction struct {
	Class       string  `json:"class"`
	Probability float64 `json:"probability"` // from 0 to 1
	Index       int     `json:"-"`           // of the class in the model's Classes
}

// predictorBatch is the most samples that a predictor computes at once.
const predictorBatch = 32

// NewPredictor returns a predictor of m as it is: later changes of its weights make no difference. The error says what is wrong with m's definition, how
// its net differs from that, or which layer has no statistics but those of a batch: what it
// makes of a sample depends on the others.
func NewPredictor(m *Model) (*Predictor, error) {
	c, err := Compile(m, predictorBatch)
	if err != nil {
		return nil, err
	}
	p := &Predictor{model: m, net: c}
	if p.task, err = task.Named(m.Task); err != nil {
		return nil, err
	}
	p.raw, err = m.raw()
	return p, err
}

// Classify returns the k likeliest classes of a picture, the likeliest first, or all classes if
// there are fewer. Package picture reads one from a file, upright. The error says that the model takes no pictures, that a step of the
// preparation cannot work on this one, or that the net gives no number for a class. Classify
// panics with a *fault.OptionError if k is below 1.
func (p *Predictor) Classify(img image.Image, k int) ([]Prediction, error) {
	checkCount(k)
	if err := p.checkPicture(); err != nil {
		return nil, err
	}
	w := p.workspace()
	defer p.work.Put(w)
	out, err := p.model.Preprocess.ApplyIn(&w.steps, transform.Input{Image: img})
	if err != nil {
		return nil, err
	}
	if err := p.checkPrepared(out); err != nil {
		return nil, err
	}
	return p.classify(w, out.Tensor, k)
}

// workspace returns memory for a call, which gives it back.
func (p *Predictor) workspace() *workspace {
	if w, ok := p.work.Get().(*workspace); ok {
		return w
	}
	n := len(p.model.Classes)
	return &workspace{logits: make([]float32, n), probabilities: make([]float64, n)}
}

// classify is ClassifyPrepared for an input that fits.
func (p *Predictor) classify(w *workspace, x *tensor.Tensor, k int) ([]Prediction, error) {
	if bad := p.run(w.logits, w.probabilities, tensor.Data[float32](x.Contiguous())); bad != nil {
		return nil, bad
	}
	return p.Likeliest(w.probabilities, k), nil
}

// ClassifyRow is Classify for the numbers of one input, in the order of the model's input
// shape, before they are prepared. The error names a number that is not finite.
func (p *Predictor) ClassifyRow(row []float32, k int) ([]Prediction, error) {
	if p.raw.Row {
		return nil, fmt.Errorf("found a row of %d numbers, %v expected by the model", len(row), p.raw)
	}
	if !p.raw.Tensor {
		return nil, fmt.Errorf("found a row of %d numbers, a picture expected: the model prepares pictures by %v", len(row), p.model.Preprocess)
	}
	if n := product(p.raw.Shape); len(row) != n {
		return nil, fmt.Errorf("found a row of %d numbers, %d expected", len(row), n)
	}
	for i, v := range row {
		if v-v != 0 {
			return nil, fmt.Errorf("number %d of the row: found %v, a finite one expected", i, v)
		}
	}
	x, err := p.apply(transform.Input{Tensor: tensor.New(row, p.raw.Shape...)})
	if err != nil {
		return nil, err
	}
	return p.ClassifyPrepared(x, k)
}

// Prepare returns a picture as the net takes it, a tensor of the model's input shape. The error
// says that the model takes no pictures, or which step cannot work on this one.
func (p *Predictor) Prepare(img image.Image) (*tensor.Tensor, error) {
	if err := p.checkPicture(); err != nil {
		return nil, err
	}
	return p.apply(transform.Input{Image: img})
}

// checkPicture returns an error if the model takes no pictures.
func (p *Predictor) checkPicture() error {
	if p.raw.Row {
		return fmt.Errorf("found a picture, %v expected by the model", p.raw)
	}
	if p.raw.Tensor {
		return fmt.Errorf("found a picture, rows of shape %v expected by the model", p.raw.Shape)
	}
	return nil
}

// apply prepares an input.
func (p *Predictor) apply(in transform.Input) (*tensor.Tensor, error) {
	out, err := p.model.Preprocess.Apply(in, random.Key{})
	if err != nil {
		return nil, err
	}
	return out.Tensor, p.checkPrepared(out)
}

// checkPrepared returns an error unless an input has become what the net takes.
func (p *Predictor) checkPrepared(out transform.Input) error {
	if !slices.Equal(out.Tensor.Shape(), p.model.InputShape) {
		return fmt.Errorf("the input became a tensor of shape %v, %v expected", out.Tensor.Shape(), p.model.InputShape)
	}
	return nil
}

// Probabilities returns the probabilities of all classes, (N, C) of Float64, for a batch of
// inputs that are prepared, (N, ...) of Float32. A sample's have the same bits in a batch of any size. The
// error says that the shape does not fit, or names the first sample that the net gives no
// number for.
func (p *Predictor) Probabilities(inputs *tensor.Tensor) (*tensor.Tensor, error) {
	if err := p.checkInputs(inputs); err != nil {
		return nil, err
	}
	n, classes := inputs.Size(0), len(p.model.Classes)
	probabilities := make([]float64, n*classes)
	if bad := p.run(make([]float32, n*classes), probabilities, tensor.Data[float32](inputs.Contiguous())); bad != nil {
		return nil, fmt.Errorf("sample %d: %w", bad.sample, bad)
	}
	return tensor.New(probabilities, n, classes), nil
}

// Run computes a batch of inputs that are prepared, of the model's input shape and one behind the
// other, into the caller's memory: logits, what the net says of every class, and probabilities,
// both a row a sample. Each has the bits that it has in a batch of any size, and the probabilities
// those that Probabilities returns. The error names the first sample that the net gives no number
// for. Run panics with a *fault.OptionError unless inputs are whole samples, and the other two have
// a number for each of their classes.
func (p *Predictor) Run(logits []float32, probabilities []float64, inputs []float32) error {
	size, classes := product(p.model.InputShape), len(p.model.Classes)
	n := len(inputs) / size
	if len(inputs) != n*size || len(logits) != n*classes || len(probabilities) != n*classes {
		fault.Option("model.Predictor", "%d logits and %d probabilities for %d numbers: inputs of %d numbers each, and %d of both for each input, expected",
			len(logits), len(probabilities), len(inputs), size, classes)
	}
	if bad := p.run(logits, probabilities, inputs); bad != nil {
		return fmt.Errorf("sample %d: %w", bad.sample, bad)
	}
	return nil
}

// checkInputs returns an error unless inputs are a batch as the net takes it.
func (p *Predictor) checkInputs(inputs *tensor.Tensor) error {
	shape := inputs.Shape()
	if inputs.DType() != tensor.Float32 || len(shape) == 0 || !slices.Equal(shape[1:], p.model.InputShape) {
		return fmt.Errorf("found inputs of %s %v, float32 with samples of %v expected", inputs.DType(), shape, p.model.InputShape)
	}
	return nil
}

// run is Run for memory that fits.
func (p *Predictor) run(logits []float32, probabilities []float64, inputs []float32) *noNumber {
	p.net.Run(logits, inputs)
	classes := len(p.model.Classes)
	for i, v := range logits {
		if v-v != 0 {
			return &noNumber{i / classes, v, p.model.Classes[i%classes]}
		}
	}
	for i, v := range logits {
		probabilities[i] = float64(v)
	}
	if t, ok := p.task.(rowTask); ok {
		for i := 0; i < len(probabilities); i += classes {
			t.Row(probabilities[i : i+classes])
		}
	} else if len(logits) > 0 {
		outputs := tensor.New(probabilities, len(logits)/classes, classes)
		copy(probabilities, tensor.Values[float64](p.task.Probabilities(outputs)))
	}
	return nil
}

// rowTask is a task that makes probabilities of a sample's outputs in their place, without taking memory.
type rowTask interface{ Row(outputs []float64) }

// noNumber says that a net gives no number for a class of a sample.
type noNumber struct {
	sample int
	value  float32
	class  string
}

func (e *noNumber) Error() string {
	return fmt.Sprintf("the net gives %v for the class %q: its weights or the input are too large", e.value, e.class)
}

// ClassifyPrepared is Classify for one input that is prepared, a tensor of the model's input
// shape.
func (p *Predictor) ClassifyPrepared(x *tensor.Tensor, k int) ([]Prediction, error) {
	checkCount(k)
	if err := p.checkInputs(x.Unsqueeze(0)); err != nil {
		return nil, err
	}
	w := p.workspace()
	defer p.work.Put(w)
	return p.classify(w, x, k)
}

// Likeliest returns the k classes of the greatest probabilities, one a class as a row of
// Probabilities has them, the likeliest first, or all classes if there are fewer. Likeliest
// panics with a *fault.OptionError if k is below 1, or there are more or fewer probabilities
// than classes.
func (p *Predictor) Likeliest(probabilities []float64, k int) []Prediction {
	checkCount(k)
	if len(probabilities) != len(p.model.Classes) {
		fault.Option("model.Predictor", "%d probabilities: %d expected, one a class", len(probabilities), len(p.model.Classes))
	}
	k = min(k, len(probabilities))
	likeliest := make([]Prediction, 0, k)
	for i, v := range probabilities {
		if len(likeliest) < k {
			likeliest = append(likeliest, Prediction{p.model.Classes[i], v, i})
			if len(likeliest) == k {
				slices.SortStableFunc(likeliest, likelier)
			}
		} else if c := (Prediction{p.model.Classes[i], v, i}); likelier(c, likeliest[k-1]) < 0 {
			at := k - 1
			for ; at > 0 && likelier(c, likeliest[at-1]) < 0; at-- {
				likeliest[at] = likeliest[at-1]
			}
			likeliest[at] = c
		}
	}
	return likeliest
}

// likelier compares predictions so that the likelier one comes first.
func likelier(a, b Prediction) int { return cmp.Compare(b.Probability, a.Probability) }

// checkCount panics if nobody can ask for k classes.
func checkCount(k int) {
	if k < 1 {
		fault.Option("model.Predictor", "%d classes: at least 1 expected", k)
	}
}
