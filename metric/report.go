package metric

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/onehot-go/onehot/fault"
)

// Averaging is how the figures of all classes become one.
type Averaging int

// The ways to average, as scikit-learn names them.
const (
	Macro    Averaging = iota // every class counts as much
	Micro                     // every sample does: of samples with one class each, all three figures are the accuracy
	Weighted                  // every class counts by its samples
)

// Average returns the averages of precision, recall and F1 over all classes, also those
// without samples, and as Support the number of all samples. Without samples the figures
// are 0. It panics with a *fault.OptionError if how is none of the three.
func (c *Confusion) Average(how Averaging) ClassReport {
	if how != Micro {
		return average("metric.Confusion", c.Result(), how)
	}
	hits, all := 0, 0
	for k, row := range c.counts {
		hits += row[k]
		for _, n := range row {
			all += n
		}
	}
	accuracy := ratio(hits, all, 0)
	return ClassReport{accuracy, accuracy, accuracy, all}
}

// average returns the means of reports, each of which counts as much or, with Weighted, by
// its support.
func average(op string, reports []ClassReport, how Averaging) ClassReport {
	if how != Macro && how != Weighted {
		fault.Option(op, "averaging %d: Macro, Micro or Weighted expected", how)
	}
	var mean ClassReport
	weights := 0.0
	for _, r := range reports {
		mean.Support += r.Support
		weight := 1.0
		if how == Weighted {
			weight = float64(r.Support)
		}
		weights += weight
		mean.Precision += weight * r.Precision
		mean.Recall += weight * r.Recall
		mean.F1 += weight * r.F1
	}
	if weights > 0 {
		mean.Precision /= weights
		mean.Recall /= weights
		mean.F1 /= weights
	}
	return mean
}

// Report returns precision, recall, F1 and support of every class, the accuracy and the
// macro and weighted averages as a table: the text of scikit-learn's
// classification_report with all classes as labels. As there the line of the accuracy is
// one of micro averages where a class has no sample and is never predicted. It panics
// with a *fault.OptionError if names does not have one name a class.
func (c *Confusion) Report(names []string) string {
	if len(names) != len(c.counts) {
		fault.Option("metric.Confusion", "%d names of %d classes", len(names), len(c.counts))
	}
	width := len("weighted avg")
	for _, name := range names {
		width = max(width, utf8.RuneCountInString(name))
	}
	var b strings.Builder
	line := func(name string, r ClassReport) {
		fmt.Fprintf(&b, "%*s  %9.2f %9.2f %9.2f %9d\n", width, name, r.Precision, r.Recall, r.F1, r.Support)
	}
	fmt.Fprintf(&b, "%*s  %9s %9s %9s %9s\n\n", width, "", "precision", "recall", "f1-score", "support")
	for k, r := range c.Result() {
		line(names[k], r)
	}
	b.WriteByte('\n')
	if all := c.Average(Micro); c.everyClassMet() {
		fmt.Fprintf(&b, "%*s  %9s %9s %9.2f %9d\n", width, "accuracy", "", "", all.F1, all.Support)
	} else {
		line("micro avg", all)
	}
	line("macro avg", c.Average(Macro))
	line("weighted avg", c.Average(Weighted))
	return b.String()
}

// everyClassMet reports whether each class has a sample or was predicted.
func (c *Confusion) everyClassMet() bool {
	for k, row := range c.counts {
		met := false
		for j := range row {
			met = met || row[j] > 0 || c.counts[j][k] > 0
		}
		if !met {
			return false
		}
	}
	return true
}
