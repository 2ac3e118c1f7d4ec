package cli

import (
	"math"
	"time"

	"github.com/onehot-go/onehot/classify"
	"github.com/onehot-go/onehot/dist"
	"github.com/onehot-go/onehot/nn"
	"github.com/onehot-go/onehot/tensor"
)

// labelFit fits a regression of its own to every label of training rows of a table, as scikit-learn's
// OneVsRestClassifier does.
type labelFit struct {
	atOnce
	layer *nn.Linear
	each  []*tableFit // by label: of the rows that have it, and of the others
}

var _ fitting = (*labelFit)(nil)

// newLabelFit returns what fits layer to rows of so many labels each. like fits classes of the same rows, and has all else.
func newLabelFit(layer *nn.Linear, like *tableFit, sets [][]int, labels []string) *labelFit {
	f := &labelFit{layer: layer}
	for k, label := range labels {
		of, y := *like, make([]int64, len(sets))
		for i, set := range sets {
			for _, c := range set {
				if c == k {
					y[i] = 1
				}
			}
		}
		of.y, of.classes = tensor.New(y, len(y)), []string{"other than " + label, label}
		f.each = append(f.each, &of)
	}
	return f
}

// always is the logit of a label that all rows have, or none: nothing tells rows apart by it.
const always = 20

// Solve fits, and sets the layer's parameters.
func (f *labelFit) Solve() (loss float64, correct, samples int, err error) {
	var weight, bias []float64
	for _, of := range f.each {
		samples = of.y.Numel()
		if !of.varies() {
			weight, bias = append(weight, make([]float64, of.columns.Width())...), append(bias, math.Copysign(always, of.y.Sum().Item()-0.5))
			continue
		}
		if of.found, err = classify.FitTensor(of.x, of.y, of.classes, of.options); err != nil {
			return 0, 0, 0, err
		}
		weight, bias = append(weight, of.found.Coefficients[0]...), append(bias, of.found.Intercepts[0])
		one, accuracy, err := of.found.Measure(of.x, of.y)
		if err != nil {
			return 0, 0, 0, err
		}
		loss += one / float64(len(f.each))
		correct += int(math.Round(accuracy * float64(samples)))
	}
	f.layer.Weight.CopyInPlace(tensor.New(weight, len(f.each), len(weight)/len(f.each)))
	f.layer.Bias.CopyInPlace(tensor.New(bias, len(bias)))
	return loss, correct, samples, nil
}

// varies reports whether rows have both of two classes.
func (f *tableFit) varies() bool {
	having := int(f.y.Sum().Item())
	return having > 0 && having < f.y.Numel()
}

// Share is that of a train.Sharer.
func (f *labelFit) Share(c dist.Comm) {
	for _, of := range f.each {
		of.Share(c)
	}
}

// Rehearse is that of the first label that some rows have, and others have not. Without one there is nothing to do.
func (f *labelFit) Rehearse() (own, all time.Duration, err error) {
	for _, of := range f.each {
		if of.varies() {
			return of.Rehearse()
		}
	}
	return 0, 0, nil
}

func (f *labelFit) fitted() bool { return f.each[0].found != nil }

func (f *labelFit) Step() { f.Solve() }

// remark returns the first of the labels' remarks.
func (f *labelFit) remark() string {
	for _, of := range f.each {
		if of.found == nil {
			continue
		}
		if said := of.remark(); said != "" {
			return of.classes[1] + ": " + said
		}
	}
	return ""
}

// coefficients returns those of all labels.
func (f *labelFit) coefficients() (all []classify.Coefficient) {
	for _, of := range f.each {
		if of.found != nil {
			all = append(all, of.coefficients()...)
		}
	}
	return all
}
