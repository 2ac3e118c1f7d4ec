package report

import (
	"cmp"
	"fmt"
	"html/template"
	"math"
	"slices"
	"strings"

	"github.com/onehot-go/onehot/classify"
	"github.com/onehot-go/onehot/internal/printable"
	"github.com/onehot-go/onehot/transform"
)

// Rows is what a page says of a run on a table, beside its figures.
type Rows struct {
	Columns      []ColumnFacts
	Parts        []string               // that have rows: "training", "validation", "test"
	Balance      [][]int                // by class: how many rows of each part
	Coefficients []classify.Coefficient // of softmax regression; nil where nobody knows them
	Calibrated   bool                   // whether coefficients are those before a calibration
	Importance   []classify.Importance  // nil where nobody knows it
	Hardest      []HardRow              // rows that the model got wrong, by falling loss
}

// ColumnFacts is how a column of a table is prepared.
type ColumnFacts struct {
	Name    string
	Kind    transform.ColumnKind
	Missing int    // rows without a value
	Fitted  string // what was found in the training rows
}

// HardRow is a row that a model got wrong.
type HardRow struct {
	Row         int // from 1
	Line        int // of the file; 0 for none
	Sample      int // of the predictions
	Explanation *RowExplanation
	Columns     []string // names, and fields, of the columns that Explanation has numbers of
	Fields      []string
}

// How much a page shows of a table.
const (
	mostColumns      = 60
	mostCoefficients = 40
	mostImportant    = 30
	mostHard         = 12  // rows
	mostTerms        = 6   // of a row
	mostCharacters   = 40  // of a name or a field
	mostFitted       = 200 // characters of what was fitted to a column
)

// MostHard is how many hardest rows a page has room for.
const MostHard = mostHard

// rowsView is Rows as the template takes it.
type rowsView struct {
	Columns         []ColumnFacts
	MoreColumns     int
	Parts           []string
	Balance         []balanceRow
	Coefficients    []coefficientRow
	Certain         bool // whether they have standard errors
	CoefficientNote string
	Importance      []importanceRow
	MoreImportant   int
	Hardest         []hardRow
}

type balanceRow struct {
	Class string
	Share float64 // of the rows of the first part
	Rows  []int
}

type coefficientRow struct {
	Class, Feature  string
	Value, Error, P string
	Odds, Interval  string
	Bar             template.HTML
}

type importanceRow struct {
	Column, Mean, Deviation string
	Bar                     template.HTML
}

type hardRow struct {
	Place                               string
	True, Predicted, Chance, Confidence string
	Score                               string
	Terms                               []termRow
}

type termRow struct {
	Name, Value, Term string
	Bar               template.HTML
}

// view returns the rows as the template takes them. p has what the model says of them.
func (r *Rows) view(p *Predictions, classes []string) *rowsView {
	v := &rowsView{MoreColumns: max(0, len(r.Columns)-mostColumns), Parts: r.Parts, MoreImportant: max(0, len(r.Importance)-mostImportant)}
	for _, c := range r.Columns[:min(mostColumns, len(r.Columns))] {
		c.Name, c.Fitted = cut(printable.Name(c.Name)), shortened(printable.Message(c.Fitted), mostFitted)
		v.Columns = append(v.Columns, c)
	}
	all := 0
	for _, counts := range r.Balance {
		all += counts[0]
	}
	for c, counts := range r.Balance[:min(maxClasses, len(r.Balance))] {
		v.Balance = append(v.Balance, balanceRow{cut(printable.Name(classes[c])), float64(counts[0]) / float64(max(1, all)), counts})
	}
	v.coefficients(r.Coefficients, r.Calibrated)
	v.importance(r.Importance)
	for _, h := range r.Hardest {
		v.Hardest = append(v.Hardest, h.view(p))
	}
	return v
}

// coefficients adds those that say most.
func (v *rowsView) coefficients(all []classify.Coefficient, calibrated bool) {
	if len(all) == 0 {
		return
	}
	sorted := slices.DeleteFunc(slices.Clone(all), func(c classify.Coefficient) bool { return c.Feature == classify.Intercept })
	slices.SortStableFunc(sorted, func(a, b classify.Coefficient) int {
		return cmp.Compare(math.Abs(b.Standardised), math.Abs(a.Standardised))
	})
	shown := sorted[:min(mostCoefficients, len(sorted))]
	most := 0.0
	for _, c := range shown {
		most = max(most, math.Abs(c.Standardised))
		v.Certain = v.Certain || finite(c.Error)
	}
	against := "the mean of all classes"
	if name := all[0].Against; name != "" {
		against = cut(printable.Name(name))
	}
	v.CoefficientNote = fmt.Sprintf("What 1 more of a feature adds to the score of a class against %s, and what it multiplies the odds by. The bars are for features of one size, by which they can be compared.", against)
	if len(shown) < len(sorted) {
		v.CoefficientNote += fmt.Sprintf(" These %d of %s say most; coefficients.csv has all.", len(shown), comma(len(sorted)))
	}
	if !v.Certain {
		v.CoefficientNote += " Standard errors are those of fits without a penalty."
	}
	if calibrated {
		v.CoefficientNote += " They are those of the fit, before the calibration."
	}
	for _, c := range shown {
		row := coefficientRow{Class: cut(printable.Name(c.Class)), Feature: cut(printable.Name(c.Feature)), Value: signed(c.Value), Odds: known("%.4g", c.OddsRatio), Bar: signedBar(c.Standardised, most)}
		row.Error, row.P = known("%.2g", c.Error), known("%.2g", c.P)
		if finite(c.P) && c.P < 1e-4 {
			row.P = "< 0.0001"
		}
		if finite(c.Low) && finite(c.High) {
			row.Interval = fmt.Sprintf("%.4g to %.4g", c.Low, c.High)
		}
		v.Coefficients = append(v.Coefficients, row)
	}
}

// importance adds the columns that count most.
func (v *rowsView) importance(all []classify.Importance) {
	sorted := slices.Clone(all)
	slices.SortStableFunc(sorted, func(a, b classify.Importance) int { return cmp.Compare(b.Mean, a.Mean) })
	sorted = sorted[:min(mostImportant, len(sorted))]
	most := 0.0
	for _, i := range sorted {
		most = max(most, math.Abs(i.Mean))
	}
	for _, i := range sorted {
		v.Importance = append(v.Importance, importanceRow{cut(printable.Name(i.Column)), signed(i.Mean), fmt.Sprintf("%.4f", i.Deviation), signedBar(i.Mean, most)})
	}
}

// view returns the row as the template takes it.
func (h *HardRow) view(p *Predictions) hardRow {
	label, said := p.Labels[h.Sample], p.Predicted(h.Sample)
	v := hardRow{Place: fmt.Sprintf("row %s", comma(h.Row)), True: cut(p.name(label)), Predicted: cut(p.name(said)),
		Chance: chance(p.Probability(h.Sample, label)), Confidence: chance(p.Confidence(h.Sample))}
	if h.Line > 0 {
		v.Place += fmt.Sprintf(", line %s", comma(h.Line))
	}
	e := h.Explanation
	most := math.Abs(e.Base)
	for _, t := range e.Terms {
		most = max(most, math.Abs(t.Value))
	}
	add := func(name, value string, term float64) {
		v.Terms = append(v.Terms, termRow{name, value, signed(term), signedBar(term, most)})
	}
	for k, t := range e.Terms[:min(mostTerms, len(e.Terms))] {
		add(cut(printable.Name(h.Columns[k])), cut(printable.Message(h.Fields[k])), t.Value)
	}
	rest := e.Rest
	for _, t := range e.Terms[min(mostTerms, len(e.Terms)):] {
		rest += t.Value
	}
	if math.Abs(rest) >= 5e-4*max(1, math.Abs(e.Score)) {
		add("all others", "", rest)
	}
	add("the mean row", "", e.Base)
	v.Score = signed(e.Score)
	return v
}

// cut returns a name or a field that is not too long for a table.
func cut(s string) string { return shortened(s, mostCharacters) }

// shortened returns at most so many characters of s.
func shortened(s string, most int) string {
	if r := []rune(s); len(r) > most {
		return strings.TrimSpace(string(r[:most-1])) + "…"
	}
	return s
}

// signed writes a number with its sign.
func signed(v float64) string {
	if math.Abs(v) >= 0.00005 && math.Abs(v) < 0.01 || math.Abs(v) >= 1e5 {
		return fmt.Sprintf("%+.2g", v)
	}
	return fmt.Sprintf("%+.4f", v)
}

// known writes a number in a format, or nothing where it is not known.
func known(format string, v float64) string {
	if !finite(v) {
		return ""
	}
	return fmt.Sprintf(format, v)
}

// signedBar draws a number of at most a size as a bar to the right, or to the left.
func signedBar(v, most float64) template.HTML {
	if !(most > 0) || !finite(v) {
		return ""
	}
	side, long := "for", 50*min(1, math.Abs(v)/most)
	x := 50.0
	if v < 0 {
		side, x = "against", 50-long
	}
	return template.HTML(fmt.Sprintf(`<svg class="signed" viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true"><rect class="all" width="100" height="10"/><rect class="%s" x="%.1f" width="%.1f" height="10"/></svg>`, side, x, long))
}
