package task

import (
	"fmt"
	"math"
	"slices"
	"strconv"

	"github.com/onehot-go/onehot/fault"
	"github.com/onehot-go/onehot/loss"
	"github.com/onehot-go/onehot/metric"
	"github.com/onehot-go/onehot/tensor"
)

// MicroF1 is the score of MultiLabel: the F1 of all decisions counted together.
var MicroF1 = Score{Name: "micro-f1", Short: "micro-f1"}

// MultiLabel is the task of finding labels. A sample may have any number of them. A net's outputs
// are logits (N, C), and each answers a question of its own. Targets are (N, C) of Float32, 1 if
// a sample has the label and 0 if not. Figures are scikit-learn's.
type MultiLabel struct {
	// Threshold is the probability above which a label is predicted; 0 is 0.5.
	Threshold float64
}

var _ Task = MultiLabel{}

// Name returns "multi-label".
func (MultiLabel) Name() string { return "multi-label" }

// Loss returns binary cross-entropy, the mean over all labels of all samples.
func (MultiLabel) Loss() loss.Loss { return loss.BCEWithLogits{} }

// Score returns MicroF1.
func (MultiLabel) Score() Score { return MicroF1 }

// Probabilities returns the sigmoid of every logit.
func (MultiLabel) Probabilities(outputs *tensor.Tensor) *tensor.Tensor { return outputs.Sigmoid() }

// Row replaces the logits of one sample by their sigmoids, with the bits of Probabilities of float64.
func (MultiLabel) Row(outputs []float64) {
	for i, v := range outputs {
		if v < 0 { // exp(-v) would overflow
			e := math.Exp(v)
			outputs[i] = e / (1 + e)
		} else {
			outputs[i] = 1 / (1 + math.Exp(-v))
		}
	}
}

// Check returns an error unless there is a logit for every label, and a number from 0 to 1 for
// every one of every sample.
func (MultiLabel) Check(outputs, targets *tensor.Tensor, classes []string) error {
	if err := checkOutputs(outputs, classes); err != nil {
		return err
	}
	if targets.DType() != tensor.Float32 || !slices.Equal(targets.Shape(), outputs.Shape()) {
		return fmt.Errorf("found targets of %s %v, float32 %v expected", targets.DType(), targets.Shape(), outputs.Shape())
	}
	for i, v := range tensor.Values[float32](targets) {
		if !(v >= 0 && v <= 1) {
			return fmt.Errorf("found the target %v of label %d of sample %d, 0 to 1 expected", v, i%len(classes), i/len(classes))
		}
	}
	return nil
}

// threshold returns the probability above which a label is predicted.
func (t MultiLabel) threshold() float64 {
	if t.Threshold == 0 {
		return 0.5
	}
	if !(t.Threshold > 0 && t.Threshold < 1) {
		fault.Option("task.MultiLabel", "threshold %v: a probability between 0 and 1 expected", t.Threshold)
	}
	return t.Threshold
}

// newCounts returns counts of logits above the threshold's.
func (t MultiLabel) newCounts(classes []string) *metric.MultiLabel {
	p := t.threshold()
	return metric.NewMultiLabel(len(classes), math.Log(p/(1-p)))
}

// NewRunning returns the micro-averaged F1. It panics with a *fault.OptionError if the
// threshold is no probability between 0 and 1.
func (t MultiLabel) NewRunning(classes []string) Running { return &runningF1{t.newCounts(classes)} }

// runningF1 is the micro-averaged F1 as a Running.
type runningF1 struct{ *metric.MultiLabel }

func (r *runningF1) Result() float64 { return r.Average(metric.Micro).F1 }

// NewMeter returns what measures F1, average precision and loss; its figures are a ByLabel.
// It panics with a *fault.OptionError if the threshold is no probability between 0 and 1.
func (t MultiLabel) NewMeter(classes []string) Meter {
	return &labelMeter{classes: classes, threshold: t.threshold(),
		counts: t.newCounts(classes), ranks: metric.NewAveragePrecision(len(classes))}
}

type labelMeter struct {
	classes   []string
	threshold float64
	mean      metric.Mean
	counts    *metric.MultiLabel
	ranks     *metric.AveragePrecision
}

func (m *labelMeter) Update(outputs, targets *tensor.Tensor) {
	addLosses(&m.mean, loss.BCEWithLogits{Reduction: loss.None}.Forward(outputs, targets))
	m.counts.Update(outputs, targets)
	m.ranks.Update(outputs, targets)
}

func (m *labelMeter) Figures() Figures {
	f := ByLabel{
		MicroF1: m.counts.Average(metric.Micro).F1, MacroF1: m.counts.Average(metric.Macro).F1,
		MeanAveragePrecision: m.ranks.Mean(), Loss: m.mean.Result(), Threshold: m.threshold,
	}
	ranks := m.ranks.Result()
	for i, r := range m.counts.Result() {
		f.Labels = append(f.Labels, LabelFigures{m.classes[i], r.Precision, r.Recall, r.F1, ranks[i], r.Support})
	}
	return f
}

// ByLabel is how well a model finds labels.
type ByLabel struct {
	MicroF1              float64        `json:"micro_f1"`
	MacroF1              float64        `json:"macro_f1"`
	MeanAveragePrecision float64        `json:"mean_average_precision"` // of the labels'
	Loss                 float64        `json:"loss"`                   // mean binary cross-entropy over all labels of all samples, in nats
	Threshold            float64        `json:"threshold"`              // the probability above which a label is predicted
	Labels               []LabelFigures `json:"labels"`
}

// LabelFigures is how well one label is found.
type LabelFigures struct {
	Name             string  `json:"name"`
	Precision        float64 `json:"precision"`
	Recall           float64 `json:"recall"`
	F1               float64 `json:"f1"`
	AveragePrecision float64 `json:"average_precision"`
	Support          int     `json:"support"` // samples that have the label
}

// Summary returns loss and micro-averaged F1.
func (f ByLabel) Summary() (loss, score float64) { return f.Loss, f.MicroF1 }

// Tables returns the figures of every label, and below them their means.
func (f ByLabel) Tables() []Table {
	labels := Table{Header: []string{"label", "precision", "recall", "f1", "average precision", "support"}}
	for _, l := range f.Labels {
		labels.Rows = append(labels.Rows, []string{l.Name, share(l.Precision), share(l.Recall), share(l.F1), share(l.AveragePrecision), strconv.Itoa(l.Support)})
	}
	means := Table{Title: "over all labels", Header: []string{"", "micro f1", "macro f1", "average precision"},
		Rows: [][]string{{"", share(f.MicroF1), share(f.MacroF1), share(f.MeanAveragePrecision)}}}
	return []Table{labels, means}
}
