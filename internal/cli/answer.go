package cli

import (
	"cmp"
	"encoding/csv"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/onehot-go/onehot/dataset"
	"github.com/onehot-go/onehot/internal/atomicfile"
	"github.com/onehot-go/onehot/internal/printable"
	"github.com/onehot-go/onehot/model"
	"github.com/onehot-go/onehot/tensor"
)

// answers is how a model's answers are written to tables.
type answers struct {
	*model.Definition
	separator string // between several labels
	unknownFlags
}

// usualSeparator is what stands between labels where the model's data had lists of them.
const usualSeparator = ";"

// answersOf returns how the answers of the model in path, m, are written, of which some may be unknown.
func answersOf(path string, m *model.Model, f unknownFlags) answers {
	s, _ := trainingSettings(path, m)
	return answers{&m.Definition, cmp.Or(s.LabelSeparator, usualSeparator), f}
}

// header returns the names of columns: those of p for each class behind the given ones.
func (a answers) header(names ...string) []string {
	for _, class := range a.Classes {
		names = append(names, "p:"+class)
	}
	return names
}

// columns returns what the columns class and probability have for the probabilities of all classes: the likeliest, or
// all labels that are predicted, and no probability then; and what those of all classes have, with as many digits
// as tell numbers of 32 bits apart, which outputs of nets are.
func (a answers) columns(probabilities []float64) (class, probability string, each []string) {
	best := 0
	for i, v := range probabilities {
		if v > probabilities[best] {
			best = i
		}
		each = append(each, strconv.FormatFloat(v, 'g', -1, 32))
	}
	if a.SeveralLabels() {
		return strings.Join(a.Labels(probabilities), a.separator), "", each
	}
	return a.said(a.Classes[best], probabilities[best]), each[best], each
}

// write writes a line a sample to the file at path: what names it, what it is, what it is taken for, and the probabilities
// of all classes, as predict does. first names the column of the names. outputs are the model's, (N, C).
func (a answers) write(path, first string, name func(i int) string, truth dataset.Dataset, outputs *tensor.Tensor) error {
	learnt, err := a.Learnt()
	if err != nil {
		return err
	}
	probabilities, classes := tensor.Values[float64](learnt.Probabilities(outputs)), len(a.Classes)
	return atomicfile.Write(path, func(w io.Writer) error {
		t := csv.NewWriter(w)
		t.Write(a.header(first, "label", "class", "probability")) // Error has the first one
		for i := range truth.Len() {
			label, err := a.truth(truth, i)
			if err != nil {
				return err
			}
			class, probability, each := a.columns(probabilities[i*classes:][:classes])
			t.Write(append([]string{name(i), label, class, probability}, each...))
		}
		t.Flush()
		return t.Error()
	})
}

// truth returns the class of a sample, or its labels.
func (a answers) truth(d dataset.Dataset, i int) (string, error) {
	if s, ok := d.(dataset.LabelSets); ok {
		labels := make([]string, len(s.Of[i]))
		for k, c := range s.Of[i] {
			labels[k] = a.Classes[c]
		}
		return strings.Join(labels, a.separator), nil
	}
	c, err := d.(dataset.Labelled).Label(i)
	if err != nil {
		return "", err
	}
	return a.Classes[c], nil
}

// predicted returns the labels that are predicted by the probabilities of all, nil of one class a sample.
func (a answers) predicted(probabilities []float64) *[]string {
	if !a.SeveralLabels() {
		return nil
	}
	labels := a.Labels(probabilities)
	return &labels
}

// lines returns what is said of the probabilities of all classes, a line each, for a table with tabs: the k likeliest. Of
// several labels it is all that are predicted, which are marked, and the likeliest others up to k in all.
func (a answers) lines(by *model.Predictor, probabilities []float64, k int) (lines []string) {
	line := func(p model.Prediction, mark string) {
		lines = append(lines, fmt.Sprintf("%s\t%.4f%s", printable.Name(p.Class), p.Probability, mark))
	}
	labels := a.predicted(probabilities)
	if labels == nil {
		for _, p := range by.Likeliest(probabilities, k) {
			line(p, "")
		}
		return lines
	}
	all := by.Likeliest(probabilities, len(probabilities))
	for _, p := range all {
		if slices.Contains(*labels, p.Class) {
			line(p, "\t*")
		}
	}
	for _, p := range all {
		if len(lines) < k && !slices.Contains(*labels, p.Class) {
			line(p, "")
		}
	}
	return lines
}
