package classify

import (
	"fmt"
	"math"

	"github.com/onehot-go/onehot/fault"
	"github.com/onehot-go/onehot/model"
	"github.com/onehot-go/onehot/nn"
	"github.com/onehot-go/onehot/random"
	"github.com/onehot-go/onehot/tensor"
	"github.com/onehot-go/onehot/transform"
)

// Model returns the classifier as a model, which takes rows as the fit did and can be saved. Its classes are
// called as fmt.Sprint writes them.
func (c *Classifier[L]) Model() (*model.Model, error) {
	var names []string
	for _, class := range c.Classes {
		names = append(names, fmt.Sprint(class))
	}
	return c.Fitted.Model(names)
}

// Model returns what was fitted as a model with the given names of classes, which takes rows as the fit did: a batch
// norm with the means and deviations, unless the fit was to raw numbers, and a linear layer. Two classes have two
// rows of weights, of which the first is zero. It panics with a *fault.OptionError if there are more or fewer
// names than classes. The error says what float32 cannot hold: it names a column whose deviation is
// too small, or small beside its mean.
func (f *Fitted) Model(classes []string) (*model.Model, error) {
	if len(classes) != f.classes {
		fault.Option("classify.Model", "%d names of %d classes: one each expected", len(classes), f.classes)
	}
	columns := len(f.Coefficients[0])
	for j, m := range f.Mean {
		if math.Abs(m) > mostOffset*f.Deviation[j] {
			return nil, fmt.Errorf("classify: column %d: found a mean of %v beside a deviation of %v, which rows of float32 do not tell apart; numbers around 0 expected", j, m, f.Deviation[j])
		}
	}
	d := model.Definition{Name: "softmax", Classes: classes, InputShape: []int{columns}, Preprocess: transform.Compose{}}
	if f.Mean != nil {
		d.Layers = append(d.Layers, nn.Spec{Name: "standard", Options: nn.BatchNorm1dOptions{In: columns, Eps: new(0.0), NoAffine: true}})
	}
	d.Layers = append(d.Layers, nn.Spec{Name: "linear", Options: nn.LinearOptions{In: columns, Out: f.classes}})
	m, err := model.New(d, random.Key{})
	if err != nil {
		return nil, err
	}
	nn.SetTraining(m.Net, false)
	for name, t := range nn.StateDict(m.Net) {
		var values []float64
		first := f.classes - len(f.Coefficients)
		switch name {
		case "standard.running_mean":
			values = f.Mean
		case "standard.running_var":
			for _, v := range f.Deviation {
				values = append(values, v*v)
			}
		case "linear.weight":
			values = make([]float64, first*columns)
			for _, row := range f.Coefficients {
				values = append(values, row...)
			}
		case "linear.bias":
			values = append(make([]float64, first), f.Intercepts...)
		default:
			continue
		}
		t.CopyInPlace(tensor.New(values, t.Shape()...))
		for i, v := range tensor.Values[float32](t) {
			if v-v != 0 || name == "standard.running_var" && v < smallestVariance {
				return nil, fmt.Errorf("classify: %s: found %v in column %d, a number that float32 holds expected", name, values[i], i%columns)
			}
		}
	}
	return m, nil
}

// What a model's float32 holds: at most so many deviations from 0 to the mean, of which standardised numbers keep
// three digits, and a variance that is a normal number.
const (
	mostOffset       = 1 << 14
	smallestVariance = 0x1p-126
)
