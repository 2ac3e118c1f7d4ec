package task

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"

	"github.com/onehot-go/onehot/loss"
	"github.com/onehot-go/onehot/metric"
	"github.com/onehot-go/onehot/tensor"
)

// Accuracy is the score of Classification: the fraction of the samples whose class has the
// greatest output.
var Accuracy = Score{Name: "accuracy", Short: "acc"}

// Classification is the task of telling classes apart. Every sample has one class. A net's
// outputs are logits (N, C), and targets are classes (N) of Int64.
type Classification struct{}

var _ Task = Classification{}

// Name returns "classification".
func (Classification) Name() string { return "classification" }

// Loss returns the plain mean cross-entropy.
func (Classification) Loss() loss.Loss { return loss.CrossEntropy{} }

// Score returns Accuracy.
func (Classification) Score() Score { return Accuracy }

// Probabilities returns the softmax of the logits.
func (Classification) Probabilities(outputs *tensor.Tensor) *tensor.Tensor { return outputs.Softmax(1) }

// Row replaces the logits of one sample by their softmax, with the bits of Probabilities of float64.
func (Classification) Row(outputs []float64) {
	peak, sum := slices.Max(outputs), 0.0
	for i, v := range outputs {
		outputs[i] = math.Exp(v - peak)
		sum += outputs[i]
	}
	for i := range outputs {
		outputs[i] /= sum
	}
}

// Check returns an error unless there is a logit for every class, and a class for every sample.
func (Classification) Check(outputs, targets *tensor.Tensor, classes []string) error {
	if err := checkOutputs(outputs, classes); err != nil {
		return err
	}
	if targets.DType() != tensor.Int64 || !slices.Equal(targets.Shape(), outputs.Shape()[:1]) {
		return fmt.Errorf("found targets of %s %v for %d samples, a class of int64 for each expected", targets.DType(), targets.Shape(), outputs.Size(0))
	}
	for i, c := range tensor.Values[int64](targets) {
		if c < 0 || c >= int64(len(classes)) {
			return fmt.Errorf("found the label %d of sample %d, 0 to %d expected", c, i, len(classes)-1)
		}
	}
	return nil
}

// checkOutputs returns an error unless outputs are (N, C) for C classes.
func checkOutputs(outputs *tensor.Tensor, classes []string) error {
	if outputs.Dim() != 2 || outputs.Size(1) != len(classes) {
		return fmt.Errorf("found outputs of shape %v, (N, %d) expected for the %d classes", outputs.Shape(), len(classes), len(classes))
	}
	return nil
}

// NewRunning returns the accuracy, a *metric.Accuracy.
func (Classification) NewRunning([]string) Running { return new(metric.Accuracy) }

// NewMeter returns what measures accuracy, loss and each class; its figures are a ByClass.
func (Classification) NewMeter(classes []string) Meter {
	return &classMeter{classes: classes, confusion: metric.NewConfusion(len(classes))}
}

type classMeter struct {
	classes   []string
	mean      metric.Mean
	confusion *metric.Confusion
}

func (m *classMeter) Update(outputs, targets *tensor.Tensor) {
	addLosses(&m.mean, loss.CrossEntropy{Reduction: loss.None}.Forward(outputs, targets))
	m.confusion.Update(outputs, targets)
}

// addLosses adds losses to mean one by one, so that it has the same bits in batches of any size.
func addLosses(mean *metric.Mean, losses *tensor.Tensor) {
	for _, v := range tensor.Values[float64](losses) {
		mean.Add(v, 1)
	}
}

func (m *classMeter) Figures() Figures {
	return NewByClass(m.classes, m.mean.Result(), m.confusion)
}

// ByClass is how well a model tells classes apart.
type ByClass struct {
	Accuracy  float64        `json:"accuracy"`
	Loss      float64        `json:"loss"` // mean cross-entropy, in nats
	Classes   []ClassFigures `json:"classes"`
	Confusion [][]int        `json:"confusion"` // samples by true class (row) and predicted class (column)
}

// ClassFigures is how well one class is told from the others.
type ClassFigures struct {
	Name      string  `json:"name"`
	Precision float64 `json:"precision"`
	Recall    float64 `json:"recall"`
	F1        float64 `json:"f1"`
	Support   int     `json:"support"` // samples of the class
}

// NewByClass returns the figures of a confusion matrix of the given classes, with the mean
// loss of its samples.
func NewByClass(classes []string, loss float64, c *metric.Confusion) ByClass {
	f := ByClass{Accuracy: c.Accuracy(), Loss: loss, Confusion: c.Counts()}
	for i, r := range c.Result() {
		f.Classes = append(f.Classes, ClassFigures{classes[i], r.Precision, r.Recall, r.F1, r.Support})
	}
	return f
}

// Summary returns loss and accuracy.
func (f ByClass) Summary() (loss, score float64) { return f.Loss, f.Accuracy }

// Macro returns the means over the classes that have samples, or that samples were taken for, which
// count the same however many they are: of precision, of recall and of F1. They are scikit-learn's
// macro averages.
func (f ByClass) Macro() (precision, recall, f1 float64) {
	n := 0.0
	for i, c := range f.Classes {
		if c.Support > 0 || slices.ContainsFunc(f.Confusion, func(row []int) bool { return row[i] > 0 }) {
			precision, recall, f1, n = precision+c.Precision, recall+c.Recall, f1+c.F1, n+1
		}
	}
	if n == 0 {
		return 0, 0, 0
	}
	return precision / n, recall / n, f1 / n
}

// maxMatrix is the most classes whose confusion matrix is a table that a person can read.
const maxMatrix = 50

// Tables returns the figures of every class, and the confusion matrix; of many classes only what is
// confused most often.
func (f ByClass) Tables() []Table {
	classes := Table{Header: []string{"class", "precision", "recall", "f1", "support"}}
	for _, c := range f.Classes {
		classes.Rows = append(classes.Rows, []string{c.Name, share(c.Precision), share(c.Recall), share(c.F1), strconv.Itoa(c.Support)})
	}
	if len(f.Classes) > maxMatrix {
		return []Table{classes, f.confused()}
	}
	confusion := Table{Title: "confusion: true class in rows, predicted class in columns", Header: []string{""}}
	for i, row := range f.Confusion {
		confusion.Header = append(confusion.Header, strconv.Itoa(i))
		cells := []string{fmt.Sprintf("%s %d", f.Classes[i].Name, i)}
		for _, n := range row {
			cells = append(cells, strconv.Itoa(n))
		}
		confusion.Rows = append(confusion.Rows, cells)
	}
	return []Table{classes, confusion}
}

// confused returns the pairs of classes of which the one is taken for the other most often, at most
// 20 of them.
func (f ByClass) confused() Table {
	type pair struct{ truth, taken, samples int }
	var pairs []pair
	for i, row := range f.Confusion {
		for j, n := range row {
			if n > 0 && i != j {
				pairs = append(pairs, pair{i, j, n})
			}
		}
	}
	slices.SortStableFunc(pairs, func(a, b pair) int { return cmp.Compare(b.samples, a.samples) })
	t := Table{Title: "confused most often", Header: []string{"class", "taken for", "samples"}}
	for _, p := range pairs[:min(20, len(pairs))] {
		t.Rows = append(t.Rows, []string{f.Classes[p.truth].Name, f.Classes[p.taken].Name, strconv.Itoa(p.samples)})
	}
	return t
}

func share(v float64) string { return strconv.FormatFloat(v, 'f', 3, 64) }
