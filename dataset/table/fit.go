package table

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/onehot-go/onehot/internal/memory"
	"github.com/onehot-go/onehot/internal/parallel"
	"github.com/onehot-go/onehot/transform"
)

// Labels are the classes of the rows of a table.
type Labels struct {
	Classes []string // numbers by their size, and other words byte by byte
	Of      []int    // by row: the class, or -1 of a row without a label
	Without int      // rows without one
}

// The most values that a label of numbers has with few rows each, and how many rows few are.
const (
	mostNumbers = 20
	fewRows     = 10
)

// Labels returns the classes in the column of the given name, which Options.Label named when the table was read. The
// error says that there is no such column, that it has fewer than two classes, or that it is a quantity: a
// number with many values. settled says that somebody knows that it is none.
func (t *Table) Labels(name string, settled bool) (*Labels, error) {
	c := t.Column(name)
	if c == nil {
		return nil, fmt.Errorf("%s: %w", t.Name, t.noColumn(name))
	}
	l := &Labels{Of: make([]int, t.Rows)}
	numeric, whole := true, true
	type class struct {
		code  int
		value float64
	}
	var classes []class
	for i, w := range c.words {
		if t.isMissing(w) {
			continue
		}
		x, ok := parseFloat([]byte(w))
		numeric, whole = numeric && ok, whole && x == math.Trunc(x)
		classes = append(classes, class{i, x})
	}
	if n := len(classes); numeric && !settled && (!whole && n > 2 || n > mostNumbers && n*fewRows > t.Rows) {
		return nil, fmt.Errorf("%s: column %.100q: found %d different numbers such as %s, classes expected: it is a quantity; kind category takes it as classes",
			t.Name, name, n, c.words[classes[0].code])
	}
	if c.many {
		return nil, fmt.Errorf("%s: column %.100q: found more than %d different labels, at most that expected", t.Name, name, maxWords)
	}
	if numeric {
		slices.SortStableFunc(classes, func(a, b class) int { return cmp.Compare(a.value, b.value) })
	}
	of := make([]int, len(c.words))
	for i := range of {
		of[i] = -1
	}
	for i, k := range classes {
		of[k.code] = i
		l.Classes = append(l.Classes, c.words[k.code])
	}
	if len(l.Classes) < 2 {
		return nil, fmt.Errorf("%s: column %.100q: found %d classes, two at least expected", t.Name, name, len(l.Classes))
	}
	for _, b := range t.blocks {
		for row, code := range b.data[c.at].codes {
			if l.Of[b.first+row] = of[code]; of[code] < 0 {
				l.Without++
			}
		}
	}
	return l, nil
}

// Words returns the text of every row in a column that Options.Words named; "" is a missing one. The error says
// that there is no such column.
func (t *Table) Words(name string) ([]string, error) {
	c := t.Column(name)
	if c == nil {
		return nil, fmt.Errorf("%s: %w", t.Name, t.noColumn(name))
	}
	words := make([]string, 0, t.Rows)
	for _, b := range t.blocks {
		for _, code := range b.data[c.at].codes {
			words = append(words, c.words[code])
		}
	}
	return words, nil
}

// rareBelow returns how often a category must come in so many rows to have a place of its own.
func rareBelow(rows int) int { return max(2, min(10, rows/1000)) }

// Fit returns the preparation of rows, fitted to those of the given indices: means and population
// deviations, medians, and the categories that are not rare. Columns named in without, such as that of
// the labels, are no inputs. The error says that nothing is left.
func (t *Table) Fit(rows []int, without ...string) (transform.Columns, error) {
	var used []*Column
	for _, c := range t.Columns {
		if !slices.Contains(without, c.Name) {
			used = append(used, c)
		}
	}
	fitted := transform.Columns{Missing: t.missing, List: make([]transform.Column, len(used))}
	of := t.chosen(rows)
	parallel.Share(len(used), 1, func(lo, hi int) {
		for i := lo; i < hi; i++ {
			fitted.List[i] = t.fitColumn(used[i], of, len(rows))
		}
	})
	if fitted.Width() == 0 {
		return fitted, fmt.Errorf("%s: found no column that tells rows apart, one at least expected beside the label", t.Name)
	}
	return fitted, nil
}

// chosen returns which rows the indices name.
func (t *Table) chosen(rows []int) []bool {
	of := make([]bool, t.Rows)
	for _, i := range rows {
		of[i] = true
	}
	return of
}

// fitColumn fits a column to n chosen rows.
func (t *Table) fitColumn(c *Column, chosen []bool, n int) transform.Column {
	f := transform.Column{Name: c.Name, Kind: c.Kind, Why: c.Why, Layout: c.Layout}
	switch c.Kind {
	case transform.Numeric, transform.Boolean:
		t.fitNumbers(c, &f, chosen, n)
	case transform.Category:
		t.fitCategories(c, &f, chosen, n)
	case transform.Date:
		t.fitDates(c, &f, chosen)
	}
	return f
}

// ignore makes a column one that is no input.
func ignore(f *transform.Column, why string) {
	*f = transform.Column{Name: f.Name, Kind: transform.Ignored, Why: why}
}

// fitNumbers fits a column of numbers or truths.
func (t *Table) fitNumbers(c *Column, f *transform.Column, chosen []bool, n int) {
	values := make([]float64, 0, n)
	truth := make([]float64, len(c.words))
	for i, w := range c.words {
		truth[i] = math.NaN()
		if v, ok := transform.ParseBool(w); ok && !t.isMissing(w) {
			truth[i] = 0
			if v {
				truth[i] = 1
			}
		}
	}
	for _, b := range t.blocks {
		d := &b.data[c.at]
		for row := range b.rows {
			if !chosen[b.first+row] {
				continue
			}
			var v float64
			if c.text {
				v = truth[d.codes[row]]
			} else {
				v = d.numbers[row]
			}
			if v == v {
				values = append(values, v)
			}
		}
	}
	f.Indicator = len(values) < n
	if len(values) == 0 {
		ignore(f, "all its values are missing")
		return
	}
	f.Mean, f.Deviation = moments(values)
	if constant := slices.Min(values) == slices.Max(values); constant && !f.Indicator {
		ignore(f, "it is always the same: "+format(values[0]))
		return
	} else if constant || !(f.Deviation > 0) {
		f.Deviation = 1
	}
	if math.IsInf(f.Deviation, 0) || math.IsInf(f.Mean, 0) {
		ignore(f, "its numbers are too large to have a deviation")
		return
	}
	f.Median = median(values)
}

// median returns the median, and brings the values in another order.
func median(values []float64) float64 {
	k := len(values) / 2
	upper := choose(values, k)
	if len(values)%2 == 1 {
		return upper
	}
	return slices.Max(values[:k])/2 + upper/2
}

// choose returns the value that would be at k if the values were sorted, and brings it there, smaller ones
// before it and larger ones behind: Hoare's selection.
func choose(values []float64, k int) float64 {
	lo, hi := 0, len(values)-1
	for lo < hi {
		pivot := values[lo+(hi-lo)/2]
		i, j := lo, hi
		for i <= j {
			for values[i] < pivot {
				i++
			}
			for values[j] > pivot {
				j--
			}
			if i <= j {
				values[i], values[j] = values[j], values[i]
				i, j = i+1, j-1
			}
		}
		switch {
		case k <= j:
			hi = j
		case k >= i:
			lo = i
		default:
			return values[k]
		}
	}
	return values[k]
}

// moments returns the mean and the population's deviation.
func moments(values []float64) (mean, deviation float64) {
	for _, v := range values {
		mean += v
	}
	mean /= float64(len(values))
	squares := 0.0
	for _, v := range values {
		squares += (v - mean) * (v - mean)
	}
	return mean, math.Sqrt(squares / float64(len(values)))
}

// fitCategories fits a column of categories.
func (t *Table) fitCategories(c *Column, f *transform.Column, chosen []bool, n int) {
	counts := make([]int, len(c.words))
	for _, b := range t.blocks {
		for row, code := range b.data[c.at].codes {
			if chosen[b.first+row] {
				counts[code]++
			}
		}
	}
	least, different, last := rareBelow(n), 0, ""
	for i, w := range c.words {
		if counts[i] > 0 {
			different, last = different+1, w
		}
		if counts[i] >= least {
			f.Categories = append(f.Categories, w)
		} else if counts[i] > 0 {
			f.Rare++
		}
	}
	switch {
	case different == 1:
		ignore(f, "it is always the same: "+last)
	case len(f.Categories) == 0:
		ignore(f, fmt.Sprintf("none of its %d categories comes %d times", f.Rare, least))
	}
}

// fitDates fits a column of dates. Parts that are always the same are no features.
func (t *Table) fitDates(c *Column, f *transform.Column, chosen []bool) {
	parts := t.dates(c)
	var values [5][]float64
	for _, b := range t.blocks {
		for row, code := range b.data[c.at].codes {
			if !chosen[b.first+row] {
				continue
			}
			p := parts[code]
			if p == nil {
				f.Indicator = true
				continue
			}
			for k, v := range p {
				values[k] = append(values[k], v)
			}
		}
	}
	for k, name := range transform.DateParts {
		if len(values[k]) > 0 && slices.Min(values[k]) != slices.Max(values[k]) {
			mean, deviation := moments(values[k])
			f.Parts = append(f.Parts, transform.DatePart{Name: name, Mean: mean, Deviation: deviation})
		}
	}
	if f.Parts == nil && !f.Indicator {
		ignore(f, "it is always the same")
	}
}

// dates returns the parts of a column's words, nil of those that are missing.
func (t *Table) dates(c *Column) []*[5]float64 {
	parts := make([]*[5]float64, len(c.words))
	for i, w := range c.words {
		if at, err := time.Parse(c.Layout, w); err == nil {
			p := transform.PartsOf(at)
			parts[i] = &p
		}
	}
	return parts
}

// Features prepares all rows: a row of columns.Width() numbers for each. The error names a column that is not
// there, or a field that does not fit.
func (t *Table) Features(columns transform.Columns) ([]float32, error) {
	width := columns.Width()
	if err := memory.Check(4*float64(t.Rows)*float64(width), fmt.Sprintf("%s: %d rows of %d features", t.Name, t.Rows, width)); err != nil {
		return nil, err
	}
	type place struct {
		of   *Column
		as   *transform.Column
		at   int         // of its features
		rows [][]float32 // of words: their features
	}
	var places []place
	at := 0
	for i := range columns.List {
		p := place{as: &columns.List[i], at: at}
		n := p.as.Width()
		at += n
		if n == 0 {
			continue
		}
		if p.of = t.Column(p.as.Name); p.of == nil {
			return nil, fmt.Errorf("%s: %w", t.Name, t.noColumn(p.as.Name))
		}
		places = append(places, p)
	}
	for k := range places {
		p := &places[k]
		if !p.of.text {
			if p.as.Kind != transform.Numeric {
				return nil, fmt.Errorf("%s: found numbers in the column %.100q, %s expected", t.Name, p.of.Name, p.as.Kind)
			}
			continue
		}
		if p.as.Kind == transform.Category { // a place of one or none
			continue
		}
		p.rows = make([][]float32, len(p.of.words))
		for i, w := range p.of.words {
			if t.isMissing(w) {
				w = ""
			}
			p.rows[i] = make([]float32, p.as.Width())
			if err := p.as.Text(p.rows[i], w); err != nil {
				e := err.(*transform.Error)
				return nil, t.firstBad(p.of, e.Expected, func(word string) bool { return word != w })
			}
		}
	}
	hot := make([][]int, len(places)) // of categories: the feature of each word
	for k, p := range places {
		if p.as.Kind == transform.Category && p.of.text {
			for _, w := range p.of.words {
				i, ok := slices.BinarySearch(p.as.Categories, w)
				if !ok {
					i = len(p.as.Categories)
				}
				hot[k] = append(hot[k], p.at+i)
			}
		}
	}
	out := make([]float32, t.Rows*width)
	parallel.Share(len(t.blocks), 1, func(lo, hi int) {
		for _, b := range t.blocks[lo:hi] {
			for k, p := range places {
				d := &b.data[p.of.at]
				n := p.as.Width()
				for row := range b.rows {
					to := out[(b.first+row)*width:][:width]
					switch {
					case hot[k] != nil:
						to[hot[k][d.codes[row]]] = 1
					case p.rows != nil:
						copy(to[p.at:], p.rows[d.codes[row]])
					default:
						if v := d.numbers[row]; v == v {
							p.as.Number(to[p.at:p.at+n], v)
						} else {
							p.as.Absent(to[p.at : p.at+n])
						}
					}
				}
			}
		}
	})
	return out, nil
}

// Remarks says what people should know of columns that were fitted beside their kinds: which is the label in
// other words, and which is another column once more.
func (t *Table) Remarks(fitted transform.Columns, label string, l *Labels) (said []string) {
	type figures struct {
		kind            transform.ColumnKind
		mean, deviation float64
		categories      int
	}
	alike := map[figures][]*Column{}
	for _, f := range fitted.List {
		c := t.Column(f.Name)
		if f.Kind == transform.Ignored {
			continue
		}
		if t.isLabel(c, l) {
			said = append(said, fmt.Sprintf("column %q tells %q without fail: leave it out if it is not known before the label is", c.Name, label))
		}
		k := figures{f.Kind, f.Mean, f.Deviation, len(f.Categories)}
		for _, earlier := range alike[k] {
			if t.equal(earlier, c) {
				said = append(said, fmt.Sprintf("column %q is column %q once more", c.Name, earlier.Name))
				break
			}
		}
		alike[k] = append(alike[k], c)
	}
	return said
}

// isLabel reports whether each class has one value of a column, and each value one class.
func (t *Table) isLabel(c *Column, l *Labels) bool {
	class := map[float64]int{}
	for _, b := range t.blocks {
		d := &b.data[c.at]
		for row := range b.rows {
			k := l.Of[b.first+row]
			if k < 0 {
				continue
			}
			v := 0.0
			if c.text {
				v = float64(d.codes[row])
			} else if v = d.numbers[row]; v != v {
				return false
			}
			of, known := class[v]
			if known && of != k || !known && len(class) == len(l.Classes) {
				return false
			}
			class[v] = k
		}
	}
	return len(class) == len(l.Classes)
}

// equal reports whether two columns have the same value in every row.
func (t *Table) equal(a, b *Column) bool {
	if a.text != b.text || a.text && !slices.Equal(a.words, b.words) {
		return false
	}
	for _, block := range t.blocks {
		x, y := &block.data[a.at], &block.data[b.at]
		if a.text && !slices.Equal(x.codes, y.codes) {
			return false
		}
		for row, v := range x.numbers {
			if w := y.numbers[row]; v != w && (v == v || w == w) {
				return false
			}
		}
	}
	return true
}
