package nn

import (
	"iter"
	"slices"

	"github.com/onehot-go/onehot/fault"
	"github.com/onehot-go/onehot/internal/shapes"
	"github.com/onehot-go/onehot/random"
	"github.com/onehot-go/onehot/tensor"
)

// Dropout sets elements to 0 in training, each with probability P, and scales those that
// stay by 1/(1-P), so that their expectation is the input (Hinton et al., 2012). It
// returns its input in evaluation: after SetTraining(false), and for an input that is marked by
// Evaluation.
//
// What is dropped is a function of the key that SetChance gave and of the element's
// place, so it is the same for any number of threads, and for every batch of one shape
// until there is another key: SetChance(net, key) gives every layer one of its own before
// each step. A Dropout that stands at two places of a net drops the same at both.
type Dropout struct {
	P float64 // in [0, 1]

	evaluation bool
	key        random.Key
	hasKey     bool
}

// NewDropout returns a Dropout that drops with probability p. It panics with a
// *fault.OptionError if p is outside [0, 1].
func NewDropout(p float64) *Dropout { return newDropout("nn.NewDropout", p) }

func newDropout(op string, p float64) *Dropout {
	if !(p >= 0 && p <= 1) {
		fault.Option(op, "probability %v: 0 to 1 expected", p)
	}
	return &Dropout{P: p}
}

// Training reports whether elements are dropped.
func (d *Dropout) Training() bool { return !d.evaluation }

// SetTraining says whether elements are dropped.
func (d *Dropout) SetTraining(on bool) { d.evaluation = !on }

// SetChance gives the key that decides which elements are dropped.
func (d *Dropout) SetChance(key random.Key) { d.key, d.hasKey = key, true }

// Forward returns x, in training with elements dropped. It panics in training before
// SetChance was called: there is no hidden source of chance to draw from.
func (d *Dropout) Forward(x *tensor.Tensor) *tensor.Tensor {
	return d.drop("nn.Dropout", x, x.Shape())
}

// drop returns x times, in training, the scales of a tensor of the given shape, which x
// broadcasts: 0 or 1/(1-P).
func (d *Dropout) drop(op string, x *tensor.Tensor, shape []int) *tensor.Tensor {
	if d.evaluation || x.InEvaluation() {
		return x
	}
	if !d.hasKey {
		fault.Option(op, "no chance to draw from in training: call nn.SetChance before each step, or Forward(x.Evaluation()) to evaluate")
	}
	r := d.key.Rand()
	scales := tensor.Zeros(tensor.Float64, shape...)
	data := tensor.Data[float64](scales) // in order on one goroutine: the order of draws is part of the result
	for i := range data {
		if r.Float64() >= d.P {
			data[i] = 1 / (1 - d.P)
		}
	}
	return x.Mul(scales.To(x.DType()))
}

// Parameters yields nothing.
func (*Dropout) Parameters() iter.Seq2[string, *tensor.Tensor] { return none }

// Dropout2d is a Dropout of whole channels: in training it sets each channel of each
// picture, (N, C, H, W), to 0 with probability P. Neighbouring pixels are much alike, and
// one that is dropped alone would be made up for by them (Tompson et al., 2015).
type Dropout2d struct{ Dropout }

// NewDropout2d returns a Dropout2d that drops with probability p. It panics as NewDropout does.
func NewDropout2d(p float64) *Dropout2d { return &Dropout2d{*newDropout("nn.NewDropout2d", p)} }

// Forward returns x, in training with channels dropped. It panics in training before
// SetChance was called.
func (d *Dropout2d) Forward(x *tensor.Tensor) *tensor.Tensor {
	if x.Dim() != 4 {
		shapes.Fail("nn.Dropout2d", "pictures (N, C, H, W) expected", x)
	}
	return d.drop("nn.Dropout2d", x, []int{x.Size(0), x.Size(1), 1, 1})
}

// StochasticDepth is a Dropout of whole samples, (N, ...): in training it sets each to 0 with
// probability P. At the end of a residual's body it leaves nothing but the shortcut for them
// (Huang et al., 2016). It is torchvision's StochasticDepth by rows.
type StochasticDepth struct{ Dropout }

// NewStochasticDepth returns a StochasticDepth that drops with probability p. It panics as
// NewDropout does.
func NewStochasticDepth(p float64) *StochasticDepth {
	return &StochasticDepth{*newDropout("nn.NewStochasticDepth", p)}
}

// Forward returns x, in training with samples dropped. It panics in training before SetChance
// was called.
func (d *StochasticDepth) Forward(x *tensor.Tensor) *tensor.Tensor {
	const op = "nn.StochasticDepth"
	if x.Dim() == 0 {
		shapes.Fail(op, "a batch (N, ...) expected", x)
	}
	shape := slices.Repeat([]int{1}, x.Dim())
	shape[0] = x.Size(0)
	return d.drop(op, x, shape)
}
