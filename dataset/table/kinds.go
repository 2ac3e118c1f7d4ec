package table

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/onehot-go/onehot/transform"
)

// settle says of what kind each column is.
func (t *Table) settle(o *Options) error {
	for name := range o.Kinds {
		if t.Column(name) == nil {
			return t.noColumn(name)
		}
	}
	for _, c := range t.Columns {
		if err := t.settleColumn(c, o); err != nil {
			return err
		}
	}
	return nil
}

// settleColumn says of what kind a column is, and how many of its values are missing.
func (t *Table) settleColumn(c *Column, o *Options) error {
	asked := o.Kinds[c.Name]
	if o.Columns != nil {
		asked = transform.Ignored
		for _, known := range o.Columns.List {
			if known.Name == c.Name {
				asked, c.Layout = known.Kind, known.Layout
			}
		}
	}
	switch {
	case c.Name == o.Label && o.Label != "" || slices.Contains(o.Words, c.Name):
		c.Kind = transform.Category
		c.Missing = c.countOf("")
		return nil
	case asked == transform.Ignored:
		c.Kind, c.Why = transform.Ignored, "as asked for"
		return nil
	case !c.text:
		c.Kind = transform.Numeric
		for _, b := range t.blocks {
			for _, v := range b.data[c.at].numbers {
				if v != v {
					c.Missing++
				}
			}
		}
		if c.Missing == t.Rows {
			c.Kind, c.Why = transform.Ignored, "all its values are missing"
		}
		return nil
	}
	return t.settleWords(c, asked)
}

func (c *Column) countOf(word string) int {
	if i, ok := slices.BinarySearch(c.words, word); ok {
		return c.counts[i]
	}
	return 0
}

// settleWords says of what kind a column of words is.
func (t *Table) settleWords(c *Column, asked transform.ColumnKind) error {
	missing, truths, layouts, repeats := 0, 0, slices.Clone(transform.DateLayouts), false
	numbers, others := 0, 0 // rows that have numbers and other words, or different ones if some were not kept
	words := 0              // different ones that are no missing values
	if c.Layout != "" {
		layouts = []string{c.Layout}
	}
	for i, w := range c.words {
		if t.isMissing(w) {
			missing += c.counts[i]
			continue
		}
		words++
		repeats = repeats || c.counts[i] > 1
		n := c.counts[i]
		if c.cut {
			n = 1
		}
		if looksNumeric(w) {
			numbers += n
		} else {
			others += n
		}
		if _, ok := transform.ParseBool(w); ok {
			truths++
		}
		layouts = slices.DeleteFunc(layouts, func(layout string) bool { return !fits(layout, w) })
	}
	c.Missing = missing
	expected := ""
	switch {
	case asked == transform.Category:
		c.Kind, c.Missing = transform.Category, c.countOf("")
	case asked == transform.Date && len(layouts) == 0:
		return t.noDate(c)
	case asked == transform.Boolean && truths < words:
		expected = "true or false, yes or no"
	case missing == t.Rows:
		c.Kind, c.Why = transform.Ignored, "all its values are missing"
	case asked == transform.Boolean || truths == words:
		c.Kind = transform.Boolean
	case len(layouts) > 1:
		c.Kind, c.Why = transform.Ignored, "dates whose day and month cannot be told apart"
	case c.cut && len(layouts) == 1:
		t.readAgain(c, transform.Date)
	case c.cut && numbers > others:
		t.readAgain(c, transform.Numeric)
	case asked == transform.Date || len(layouts) == 1:
		c.Kind, c.Layout = transform.Date, layouts[0]
	case numbers > others:
		return t.toNumbers(c)
	case c.many:
		c.Kind, c.Why = transform.Ignored, fmt.Sprintf("more than %d different texts", maxWords)
	case words > 1 && !repeats:
		c.Kind, c.Why = transform.Ignored, "no text comes again: names of rows, or notes"
	default:
		c.Kind, c.Missing = transform.Category, c.countOf("")
	}
	if expected == "" {
		return nil
	}
	return t.firstBad(c, expected, func(w string) bool { _, ok := transform.ParseBool(w); return ok })
}

// readAgain has a column read again as one of a kind, with all its words.
func (t *Table) readAgain(c *Column, kind transform.ColumnKind) {
	if t.again == nil {
		t.again = map[string]transform.ColumnKind{}
	}
	t.again[c.Name] = kind
}

// noColumn is the error of a column that is not there.
func (t *Table) noColumn(name string) error {
	const most = 30
	var names []string
	for i, c := range t.Columns {
		if i == most {
			names = append(names, fmt.Sprintf("and %d more", len(t.Columns)-most))
			break
		}
		names = append(names, strconv.Quote(c.Name))
	}
	return fmt.Errorf("found no column %.100q, there are %s", name, strings.Join(names, ", "))
}

// fits reports whether a text is a date of the layout.
func fits(layout, text string) bool {
	_, err := time.Parse(layout, text)
	return err == nil
}

// firstBad returns the error of the first field of a column of words that is neither good nor missing; nil for
// none.
func (t *Table) firstBad(c *Column, expected string, good func(word string) bool) error {
	bad := make([]bool, len(c.words))
	for i, w := range c.words {
		bad[i] = !t.isMissing(w) && !good(w)
	}
	for _, b := range t.blocks {
		for row, code := range b.data[c.at].codes {
			if bad[code] {
				return t.cellError(b.first+row, c, c.words[code], expected)
			}
		}
	}
	return nil
}

// noDate is the error of a column that is to have dates, and has others.
func (t *Table) noDate(c *Column) error {
	best, most := transform.DateLayouts[0], -1
	for _, layout := range transform.DateLayouts {
		n := 0
		for i, w := range c.words {
			if fits(layout, w) {
				n += c.counts[i]
			}
		}
		if n > most {
			best, most = layout, n
		}
	}
	return t.firstBad(c, "a date such as "+best, func(w string) bool { return fits(best, w) })
}

// toNumbers makes a column of words one of numbers. The error is about the first word that is none.
func (t *Table) toNumbers(c *Column) error {
	values := make([]float64, len(c.words))
	for i, w := range c.words {
		x, ok := parseFloat([]byte(w))
		if !ok {
			x = math.NaN()
		}
		values[i] = x
	}
	if err := t.firstBad(c, "a finite number", func(w string) bool { _, ok := parseFloat([]byte(w)); return ok }); err != nil {
		return err
	}
	for _, b := range t.blocks {
		d := &b.data[c.at]
		d.numbers = make([]float64, b.rows)
		for row, code := range d.codes {
			d.numbers[row] = values[code]
		}
		d.codes = nil
	}
	c.Kind, c.text, c.words, c.counts = transform.Numeric, false, nil, nil
	return nil
}
