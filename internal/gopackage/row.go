package gopackage

import (
	"fmt"
	"go/token"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/onehot-go/onehot/model"
	"github.com/onehot-go/onehot/transform"
)

// field is a field of a row: one of a column.
type field struct {
	Name   string // in Go
	Column transform.Column
}

// isKeyword reports whether a name is one that Go has for itself.
func isKeyword(name string) bool { return token.IsKeyword(name) }

// table adds what is written of a table's columns.
func (p *content) table(columns transform.Columns, predictor *model.Predictor) error {
	p.Form, p.Input, p.Missing = rows, "row of a table", columns.Missing
	taken := map[string]bool{}
	for i, c := range columns.List {
		if c.Kind == transform.Ignored {
			p.Unused = append(p.Unused, c.Name)
			continue
		}
		p.Fields = append(p.Fields, &field{Name: unique(fieldName(c.Name, i+1), taken), Column: c})
	}
	var columnNames []string
	for _, f := range p.Fields {
		columnNames = append(columnNames, f.Column.Name)
	}
	r, err := predictor.Rows(columnNames)
	if err != nil {
		return err
	}
	for n := range samples {
		texts, literals := make([]string, len(p.Fields)), []string(nil)
		for i, f := range p.Fields {
			text, literal := f.sample(n)
			if texts[i] = text; literal != "" {
				literals = append(literals, f.Name+": "+literal)
			}
		}
		answer, err := r.Classify(texts, len(p.Model.Classes))
		if err != nil {
			return err
		}
		p.record("Row{"+strings.Join(literals, ", ")+"}", answer)
	}
	return nil
}

// fieldName returns the name of the field of a column, which is the n-th: its letters and digits, each word with a
// capital. Letters that have no capitals stand behind an X, as a field with them alone would not be exported.
func fieldName(column string, n int) string {
	var b strings.Builder
	begins := true
	for _, r := range column {
		if !unicode.IsLetter(r) && !unicode.IsDigit(r) {
			begins = true
			continue
		}
		if begins {
			r = unicode.ToUpper(r)
		}
		begins = false
		b.WriteRune(r)
	}
	name := b.String()
	if name == "" {
		return fmt.Sprint("Column", n)
	}
	if !token.IsExported(name) {
		return "X" + name
	}
	return name
}

// unique returns a name that is not taken, with a number behind it if need be, and takes it.
func unique(name string, taken map[string]bool) string {
	found := name
	for n := 2; taken[found]; n++ {
		found = fmt.Sprint(name, n)
	}
	taken[found] = true
	return found
}

// Type returns the field's type in Go.
func (f *field) Type() string {
	switch f.Column.Kind {
	case transform.Category:
		return "string"
	case transform.Date:
		return "time.Time"
	case transform.Boolean:
		return "*bool"
	}
	return "float64"
}

// Text returns the expression for the field's text in a table.
func (f *field) Text() string {
	switch f.Column.Kind {
	case transform.Category:
		return "r." + f.Name
	case transform.Date:
		return fmt.Sprintf("date(r.%s, %q)", f.Name, f.Column.Layout)
	case transform.Boolean:
		return fmt.Sprintf("truth(r.%s)", f.Name)
	}
	return fmt.Sprintf("number(r.%s)", f.Name)
}

// Comment says what the field holds.
func (f *field) Comment() string {
	c := f.Column
	head := fmt.Sprintf("%s is the column %q", f.Name, c.Name)
	switch c.Kind {
	case transform.Category:
		known := slices.DeleteFunc(slices.Clone(c.Categories), func(s string) bool { return s == "" })
		if len(known) == 0 {
			return head + `, a text of which no value is known. "" is a missing value.`
		}
		return fmt.Sprintf(`%s, a text: %s are known. "" is a missing value.`, head, names(known))
	case transform.Date:
		return fmt.Sprintf(`%s, a date that tables write as %q, by the clock of its own time zone. The zero time is a missing value.`, head, c.Layout)
	case transform.Boolean:
		return head + ", true or false. nil is a missing value."
	}
	return head + ", a number. NaN is a missing value."
}

// sample returns a value of the field for input n of those that answers are recorded for: as a table has it, and in Go,
// where it is empty for the type's zero. Those of input 4 are missing.
func (f *field) sample(n int) (text, literal string) {
	c := f.Column
	missing := n == 4
	switch c.Kind {
	case transform.Category:
		switch {
		case missing:
			return "", ""
		case n == 3 || len(c.Categories) == 0:
			text = "something else"
		default:
			text = c.Categories[n%len(c.Categories)]
		}
		if text == "" {
			return "", ""
		}
		return text, strconv.Quote(text)
	case transform.Date:
		if missing {
			return "", ""
		}
		day := time.Date(2020+n, time.Month(1+2*n), 1+4*n, 5*n%24, 9*n, 0, 0, time.UTC)
		return day.Format(c.Layout), fmt.Sprintf("time.Date(%d, %d, %d, %d, %d, 0, 0, time.UTC)", day.Year(), day.Month(), day.Day(), day.Hour(), day.Minute())
	case transform.Boolean:
		if missing {
			return "", ""
		}
		text = strconv.FormatBool(n%2 == 0)
		return text, "new(" + text + ")"
	}
	if missing {
		return "NaN", "math.NaN()"
	}
	// Four digits are enough, and the text is the same in Go and in tables.
	text = strconv.FormatFloat(c.Mean+float64(n-2)*c.Deviation, 'g', 4, 64)
	return text, text
}

// Example returns a value of the field for documents.
func (f *field) Example() string {
	_, literal := f.sample(1)
	if literal == "" {
		return `""`
	}
	return literal
}

// Has reports whether a row has a field whose text the given function makes: "number", "truth" or "date".
func (p *content) Has(function string) bool {
	return slices.ContainsFunc(p.Fields, func(f *field) bool { return strings.HasPrefix(f.Text(), function+"(") })
}
