package nn

import (
	"fmt"
	"iter"

	"github.com/onehot-go/onehot/random"
	"github.com/onehot-go/onehot/tensor"
)

// Dropout sets elements to 0 in training, each with probability P, and scales those that
// stay by 1/(1-P), so that their expectation is the input (Hinton et al., 2012). In
// evaluation it returns its input.
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

// NewDropout returns a Dropout that drops with probability p.
func NewDropout(p float64) *Dropout {
	if !(p >= 0 && p <= 1) {
		panic(&UseError{"nn.NewDropout", fmt.Sprintf("probability %v: 0 to 1 expected", p)})
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
	if d.evaluation {
		return x
	}
	if !d.hasKey {
		panic(&UseError{"nn.Dropout", "no chance to draw from in training: call nn.SetChance before each step, or nn.SetTraining(net, false) to evaluate"})
	}
	r := d.key.Rand()
	scales := make([]float64, x.Numel()) // in order on one goroutine: the order of draws is part of the result
	for i := range scales {
		if r.Float64() >= d.P {
			scales[i] = 1 / (1 - d.P)
		}
	}
	return x.Mul(tensor.New(scales, x.Shape()...).To(x.DType()))
}

// Parameters yields nothing.
func (*Dropout) Parameters() iter.Seq2[string, *tensor.Tensor] { return none }
