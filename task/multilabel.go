package task

import (
	"cmp"
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
	// Thresholds are the probabilities from which on a label is predicted, one a label; nil is 0.5 for each.
	Thresholds []float64
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

// defaultThreshold is the probability from which on a label is predicted where nobody chose another.
const defaultThreshold = 0.5

// thresholds returns the probabilities from which on each of so many labels is predicted.
func (t MultiLabel) thresholds(labels int) []float64 {
	if t.Thresholds == nil {
		return slices.Repeat([]float64{defaultThreshold}, labels)
	}
	if len(t.Thresholds) != labels {
		fault.Option("task.MultiLabel", "%d thresholds: %d expected, one a label", len(t.Thresholds), labels)
	}
	for _, p := range t.Thresholds {
		if !(p >= 0 && p <= 1) {
			fault.Option("task.MultiLabel", "threshold %v: a probability from 0 to 1 expected", p)
		}
	}
	return t.Thresholds
}

// decisions are what is predicted by thresholds.
type decisions struct {
	task       MultiLabel
	thresholds []float64
}

// of returns which labels are predicted of outputs (N, C): 1 of those that are, and 0 of others. Probabilities
// have the bits that a model's predictor has.
func (d *decisions) of(outputs *tensor.Tensor) *tensor.Tensor {
	p := tensor.Values[float64](outputs)
	d.task.Row(p)
	for i, v := range p {
		p[i] = 0
		if v >= d.thresholds[i%len(d.thresholds)] {
			p[i] = 1
		}
	}
	return tensor.New(p, outputs.Shape()...)
}

// newDecisions returns the decisions for the given labels, and what counts them.
func (t MultiLabel) newDecisions(classes []string) (decisions, *metric.MultiLabel) {
	return decisions{t, t.thresholds(len(classes))}, metric.NewMultiLabel(len(classes), 0.5)
}

// NewRunning returns the micro-averaged F1. It panics with a *fault.OptionError unless
// thresholds are probabilities, one a label.
func (t MultiLabel) NewRunning(classes []string) Running {
	d, counts := t.newDecisions(classes)
	return &runningF1{counts, d}
}

// runningF1 is the micro-averaged F1 as a Running.
type runningF1 struct {
	*metric.MultiLabel
	decisions decisions
}

func (r *runningF1) Update(outputs, targets *tensor.Tensor) {
	r.MultiLabel.Update(r.decisions.of(outputs), targets)
}

func (r *runningF1) Result() float64 { return r.Average(metric.Micro).F1 }

// NewMeter returns what measures F1, average precision and loss; its figures are a ByLabel.
// It panics with a *fault.OptionError unless thresholds are probabilities, one a label.
func (t MultiLabel) NewMeter(classes []string) Meter {
	m := &labelMeter{classes: classes, ranks: metric.NewAveragePrecision(len(classes))}
	m.decisions, m.counts = t.newDecisions(classes)
	return m
}

type labelMeter struct {
	classes   []string
	decisions decisions
	mean      metric.Mean
	counts    *metric.MultiLabel
	ranks     *metric.AveragePrecision
	f1        metric.Mean // of the samples'
	samples   int
	exact     int // samples of which all decisions are right
	wrong     int // decisions
}

func (m *labelMeter) Update(outputs, targets *tensor.Tensor) {
	addLosses(&m.mean, loss.BCEWithLogits{Reduction: loss.None}.Forward(outputs, targets))
	said := m.decisions.of(outputs)
	m.counts.Update(said, targets)
	m.ranks.Update(outputs, targets)
	labels := len(m.classes)
	predicted, truth := tensor.Values[float64](said), tensor.Values[float64](targets)
	for at := 0; at < len(predicted); at += labels {
		hits, both, wrong := 0, 0, 0
		for i := at; i < at+labels; i++ {
			found, has := predicted[i] == 1, truth[i] >= 0.5
			if found != has {
				wrong++
			}
			if found && has {
				hits++
			}
			if found {
				both++
			}
			if has {
				both++
			}
		}
		m.samples++
		m.wrong += wrong
		if wrong == 0 {
			m.exact++
		}
		f1 := 0.0
		if both > 0 {
			f1 = 2 * float64(hits) / float64(both)
		}
		m.f1.Add(f1, 1)
	}
}

func (m *labelMeter) Figures() Figures {
	f := ByLabel{
		MicroF1: m.counts.Average(metric.Micro).F1, MacroF1: m.counts.Average(metric.Macro).F1, SamplesF1: m.f1.Result(),
		SubsetAccuracy: float64(m.exact) / float64(m.samples), HammingLoss: float64(m.wrong) / float64(m.samples*len(m.classes)),
		MeanAveragePrecision: m.ranks.Mean(), Loss: m.mean.Result(),
	}
	ranks := m.ranks.Result()
	for i, r := range m.counts.Result() {
		f.Labels = append(f.Labels, LabelFigures{m.classes[i], r.Precision, r.Recall, r.F1, ranks[i], m.decisions.thresholds[i], r.Support})
	}
	return f
}

// ByLabel is how well a model finds labels.
type ByLabel struct {
	MicroF1              float64        `json:"micro_f1"`               // of all decisions counted together
	MacroF1              float64        `json:"macro_f1"`               // the mean of the labels'
	SamplesF1            float64        `json:"samples_f1"`             // the mean of the samples'; 0 of one that has no label and gets none
	SubsetAccuracy       float64        `json:"subset_accuracy"`        // the fraction of the samples of which all labels are right
	HammingLoss          float64        `json:"hamming_loss"`           // the fraction of all decisions that are wrong
	MeanAveragePrecision float64        `json:"mean_average_precision"` // of the labels'
	Loss                 float64        `json:"loss"`                   // mean binary cross-entropy over all labels of all samples, in nats
	Labels               []LabelFigures `json:"labels"`
}

// LabelFigures is how well one label is found.
type LabelFigures struct {
	Name             string  `json:"name"`
	Precision        float64 `json:"precision"`
	Recall           float64 `json:"recall"`
	F1               float64 `json:"f1"`
	AveragePrecision float64 `json:"average_precision"`
	Threshold        float64 `json:"threshold"` // the probability from which on it is predicted
	Support          int     `json:"support"`   // samples that have the label
}

// Summary returns loss and micro-averaged F1.
func (f ByLabel) Summary() (loss, score float64) { return f.Loss, f.MicroF1 }

// Tables returns the figures of every label, and those over all of them.
func (f ByLabel) Tables() []Table {
	labels := Table{Header: []string{"label", "precision", "recall", "f1", "average precision", "threshold", "support"}}
	for _, l := range f.Labels {
		labels.Rows = append(labels.Rows, []string{l.Name, share(l.Precision), share(l.Recall), share(l.F1), share(l.AveragePrecision), share(l.Threshold), strconv.Itoa(l.Support)})
	}
	all := Table{Title: "over all labels", Header: []string{"micro f1", "macro f1", "samples f1", "average precision", "all labels right", "wrong decisions"},
		Rows: [][]string{{share(f.MicroF1), share(f.MacroF1), share(f.SamplesF1), share(f.MeanAveragePrecision), share(f.SubsetAccuracy), share(f.HammingLoss)}}}
	return []Table{labels, all}
}

// ChooseThresholds returns for each label the probability from which on it is best predicted, of outputs (N, C)
// and targets (N, C) that Check takes: by the greatest F1 of these samples. The decisions are those of the
// threshold in scikit-learn's precision_recall_curve that has it, the least of equals. That is the probability of
// a sample; the one returned lies in the middle between it and the next lower one, or 0: so it is the same however
// probabilities are rounded. A label that no sample has gets 0.5, and is among missing.
func ChooseThresholds(outputs, targets *tensor.Tensor) (thresholds []float64, missing []int) {
	n, labels := outputs.Size(0), outputs.Size(1)
	p, truth := tensor.Values[float64](outputs), tensor.Values[float64](targets)
	MultiLabel{}.Row(p)
	type scored struct {
		p   float64
		has bool
	}
	for c := range labels {
		samples, support := make([]scored, n), 0
		for i := range samples {
			samples[i] = scored{p[i*labels+c], truth[i*labels+c] >= 0.5}
			if samples[i].has {
				support++
			}
		}
		slices.SortFunc(samples, func(x, y scored) int { return cmp.Compare(y.p, x.p) })
		best, most, of, hits := defaultThreshold, 0, 1, 0
		for i, s := range samples {
			if s.has {
				hits++
			}
			if i+1 < n && samples[i+1].p == s.p { // they are predicted together
				continue
			}
			// F1 is 2·hits/(predicted + support).
			if hits > 0 && hits*of >= most*(i+1+support) {
				lower := 0.0
				if i+1 < n {
					lower = samples[i+1].p
				}
				best, most, of = lower+(s.p-lower)/2, hits, i+1+support
			}
		}
		if support == 0 {
			missing = append(missing, c)
		}
		thresholds = append(thresholds, best)
	}
	return thresholds, missing
}
