package loss_test

import (
	"math"
	"testing"

	"github.com/onehot-go/onehot/loss"
	"github.com/onehot-go/onehot/random"
	"github.com/onehot-go/onehot/tensor"
)

// own is a loss of the reader's own: the largest error of every sample.
type own struct{ none bool }

func (o own) Forward(outputs, targets *tensor.Tensor) *tensor.Tensor {
	each := outputs.Sub(targets).Abs().Max(1)
	if o.none {
		return each
	}
	return each.Mean()
}

// TestPerSample checks that a loss says one mean whatever its reduction, and that means of
// batches put together by their weights are the mean of all samples.
func TestPerSample(t *testing.T) {
	r := random.New(1).Rand()
	logits := tensor.Normal(tensor.Float64, r, 0, 2, 12, 4)
	labels := tensor.New([]int64{0, 1, 2, 3, 3, 3, 1, 0, 2, 2, 1, 0}, 12)
	numbers := tensor.Normal(tensor.Float64, r, 0, 1, 12, 4).Sigmoid()
	probabilities := tensor.Normal(tensor.Float64, r, 0, 1, 12, 4).Softmax(1)
	weights := tensor.New([]float64{1, 0.5, 3, 2}, 4)
	ignored := int64(3)
	type family struct {
		targets *tensor.Tensor
		outputs *tensor.Tensor
		of      func(loss.Reduction) loss.Loss
	}
	for name, f := range map[string]family{
		"cross-entropy": {labels, logits, func(r loss.Reduction) loss.Loss { return loss.CrossEntropy{Reduction: r} }},
		"smooth":        {labels, logits, func(r loss.Reduction) loss.Loss { return loss.CrossEntropy{Reduction: r, LabelSmoothing: 0.1} }},
		"weighted": {labels, logits, func(r loss.Reduction) loss.Loss {
			return loss.CrossEntropy{Reduction: r, Weight: weights, IgnoreIndex: &ignored}
		}},
		"ignoring":      {labels, logits, func(r loss.Reduction) loss.Loss { return loss.CrossEntropy{Reduction: r, IgnoreIndex: &ignored} }},
		"probabilities": {probabilities, logits, func(r loss.Reduction) loss.Loss { return loss.CrossEntropy{Reduction: r, Weight: weights} }},
		"nll":           {labels, logits.LogSoftmax(1), func(r loss.Reduction) loss.Loss { return loss.NLL{Reduction: r, Weight: weights} }},
		"binary":        {numbers, logits, func(r loss.Reduction) loss.Loss { return loss.BCEWithLogits{Reduction: r, PosWeight: weights} }},
		"square":        {numbers, logits, func(r loss.Reduction) loss.Loss { return loss.MSE{Reduction: r} }},
		"divergence":    {probabilities, logits.LogSoftmax(1), func(r loss.Reduction) loss.Loss { return loss.KLDiv{Reduction: r} }},
	} {
		reductions := []loss.Reduction{loss.Mean, loss.Sum, loss.None}
		whole := f.of(loss.Mean).Forward(f.outputs, f.targets).Item()
		if name == "divergence" {
			reductions = append(reductions, loss.BatchMean)
			whole = f.of(loss.BatchMean).Forward(f.outputs, f.targets).Item()
		}
		for _, r := range reductions {
			l := f.of(r)
			sum, total := 0.0, 0.0
			for _, part := range [][2]int{{0, 5}, {5, 6}, {11, 1}} { // from, length
				x, y := f.outputs.Narrow(0, part[0], part[1]), f.targets.Narrow(0, part[0], part[1])
				mean, weight := loss.PerSample(l, l.Forward(x, y), x, y)
				sum, total = sum+mean*weight, total+weight
			}
			if got := sum / total; math.Abs(got-whole) > 1e-12 {
				t.Errorf("%s, %v: %v, want %v", name, r, got, whole)
			}
		}
	}
	want := own{}.Forward(logits, numbers).Item()
	for _, l := range []loss.Loss{own{}, own{none: true}} {
		if mean, weight := loss.PerSample(l, l.Forward(logits, numbers), logits, numbers); math.Abs(mean-want) > 1e-12 || weight != 12 {
			t.Errorf("%+v: mean %v and weight %v, want %v and 12", l, mean, weight, want)
		}
	}
}
