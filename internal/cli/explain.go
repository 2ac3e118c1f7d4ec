package cli

import (
	"fmt"
	"io"
	"math"
	"strings"
	"text/tabwriter"

	"github.com/alecthomas/kong"

	"github.com/onehot-go/onehot/internal/printable"
	"github.com/onehot-go/onehot/report"
	"github.com/onehot-go/onehot/transform"
)

// explainFlag asks why a model says what it says: of a picture in a file, and of rows where the rest is printed.
type explainFlag struct {
	Asked bool
	File  string
}

// Decode takes the word behind the flag if it is the name of a file that is drawn to.
func (f *explainFlag) Decode(ctx *kong.DecodeContext) error {
	f.Asked = true
	next := ctx.Scan.Peek()
	if word, ok := next.Value.(string); ok && (next.Type == kong.FlagValueToken || word == "" || report.CheckPicture(word) == nil) {
		f.File = word
		ctx.Scan.Pop()
	}
	return nil
}

// rowExplanation is why a row is what it is said to be, in JSON.
type rowExplanation struct {
	Class string    `json:"class"`
	Score float64   `json:"score"` // how far the class's logit is above the mean of the others'; of several labels the logit
	Base  float64   `json:"base"`  // the score of the mean row
	Terms []rowTerm `json:"terms"` // the greatest first
	Rest  float64   `json:"rest"`  // what columns say together
}

// rowTerm is what a column adds to the score.
type rowTerm struct {
	Column string  `json:"column"`
	Value  string  `json:"value"` // the field, as it was read
	Term   float64 `json:"term"`
}

// newRowExplanation names what is in an explanation. value has the field of a column of the given name.
func newRowExplanation(e *report.RowExplanation, classes []string, columns transform.Columns, value func(name string) string) *rowExplanation {
	named := &rowExplanation{Class: classes[e.Class], Score: e.Score, Base: e.Base, Rest: e.Rest}
	for _, t := range e.Terms {
		name := columns.List[t.Column].Name
		named.Terms = append(named.Terms, rowTerm{name, value(name), t.Value})
	}
	return named
}

// mostTerms is how many terms of a row are printed.
const mostTerms = 10

// write writes the explanation as text, a term a line.
func (e *rowExplanation) write(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	line := func(what string, v float64) {
		fmt.Fprintf(t, "  %s\t%+.4f\t\n", what, v)
	}
	for _, of := range e.Terms[:min(mostTerms, len(e.Terms))] {
		line(printable.Name(of.Column)+" = "+printable.Message(shortened(of.Value)), of.Term)
	}
	if more := len(e.Terms) - mostTerms; more > 0 {
		sum := 0.0
		for _, of := range e.Terms[mostTerms:] {
			sum += of.Term
		}
		line(counted(more, "more column"), sum)
	}
	if math.Abs(e.Rest) >= 5e-4*math.Max(1, math.Abs(e.Score)) {
		line("columns together", e.Rest)
	}
	line("the mean row", e.Base)
	line("score of "+printable.Name(e.Class), e.Score)
	return t.Flush()
}

// shortened returns a field without what is too long for a line.
func shortened(field string) string {
	const most = 40
	if r := []rune(field); len(r) > most {
		return strings.TrimSpace(string(r[:most-1])) + "…"
	}
	return field
}
