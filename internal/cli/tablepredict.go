package cli

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/onehot-go/onehot/dataset/table"
	"github.com/onehot-go/onehot/internal/memory"
	"github.com/onehot-go/onehot/internal/printable"
	"github.com/onehot-go/onehot/model"
	"github.com/onehot-go/onehot/report"
	"github.com/onehot-go/onehot/tensor"
	"github.com/onehot-go/onehot/transform"
)

// rowPrediction is what predict says about one row of a table.
type rowPrediction struct {
	Row         int                `json:"row"`               // from 1
	Unknown     bool               `json:"unknown,omitempty"` // by --unknown-below
	Predictions []model.Prediction `json:"predictions"`
	Labels      *[]string          `json:"labels,omitempty"`      // that are predicted, of a model of several labels
	Explanation *rowExplanation    `json:"explanation,omitempty"` // of the likeliest
}

// rowFailure is what predict says about a row that has no prediction.
type rowFailure struct {
	Row   int    `json:"row"`
	Error string `json:"error"`
}

// tablePredicting is predict at work on a table.
type tablePredicting struct {
	command *predictCommand
	streams
	model   *model.Model
	by      *model.Predictor
	answers answers
	rows    *model.Rows
	keep    []int // columns of the table that are written too
	names   []string

	columns transform.Columns
	width   int      // of features
	header  []string // the names of the table's columns

	table  *csv.Writer // nil without --csv
	lo, hi int         // rows before those that are classified, and with them
	all    int         // rows
	failed int

	records  []table.Record // of a batch
	features []float32      // of those that have no error
}

// predictTable says what the rows of a table are.
func (c *predictCommand) predictTable(ctx context.Context, m *model.Model, by *model.Predictor, columns transform.Columns, s streams) (err error) {
	if c.Invert || c.Grid != "" || c.Explain.File != "" || c.FilesFrom != "" || len(c.Files) != 1 {
		return usagef("the model takes rows of tables: one table expected, without --invert, --grid, --files-from and a file of --explain")
	}
	if c.Explain.Asked && c.CSV != "" && !c.JSON {
		return usagef("--explain is printed: --csv takes its place, but for --json")
	}
	file, err := openTable(c.Files[0])
	if err != nil {
		return err
	}
	defer file.Close()
	o, err := c.options()
	if err != nil {
		return err
	}
	for _, column := range columns.List {
		if column.Kind != transform.Ignored {
			o.Label = column.Name // which the header has
			break
		}
	}
	if columns.Label != "" {
		o.Lists = []string{columns.Label} // which may be there too
	}
	records, err := table.NewRecords(ctx, file, file.size, file.name, o)
	if err != nil {
		return advised(err)
	}
	p := &tablePredicting{command: c, streams: s, model: m, by: by, answers: answersOf(c.Model, m, c.unknownFlags), columns: columns, width: columns.Width(), header: records.Names}
	if p.rows, err = by.Rows(records.Names); err != nil {
		return fmt.Errorf("%s: %w", file.name, err)
	}
	if err := p.keepColumns(records.Names); err != nil {
		return err
	}
	rows, of := 0, ""
	if c.Part != "" {
		if rows, of, err = countRows(ctx, file, o); err != nil {
			return err
		}
	}
	to, lo, hi, err := c.newCSVFile(m, rows, of)
	if err != nil {
		return err
	}
	if done, err := to.done(c.Force, s.err); done || err != nil {
		return err
	}
	if p.lo, p.hi = lo, hi; c.Part == "" {
		p.hi = math.MaxInt
	}
	if err := p.write(ctx, records, to); err != nil {
		return err
	}
	if p.failed == 0 {
		return nil
	}
	say(s.err, fmt.Errorf("%d of %d rows could not be classified", p.failed, p.all))
	return errReported
}

// tableFile is a table that is open, or was read from standard input.
type tableFile struct {
	io.ReaderAt
	io.Closer
	name string
	size int64
}

// maxInput is the most bytes of a table from standard input.
const maxInput = 4 << 30

func openTable(name string) (*tableFile, error) {
	if name == standardInput {
		text, err := io.ReadAll(io.LimitReader(os.Stdin, min(maxInput, memory.Limit()/2)+1))
		if err == nil {
			err = memory.Check(2*float64(len(text)), "standard input")
		}
		return &tableFile{bytes.NewReader(text), io.NopCloser(nil), name, int64(len(text))}, err
	}
	info, err := os.Stat(name)
	if err != nil {
		return nil, brokenInput(name, err).broken
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s: found no regular file, a table expected", name)
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, brokenInput(name, err).broken
	}
	return &tableFile{f, f, name, info.Size()}, nil
}

// keepColumns finds the columns of --keep, and says which columns the model makes no use of.
func (p *tablePredicting) keepColumns(names []string) error {
	for _, name := range p.command.Keep {
		i := slices.Index(names, name)
		if i < 0 {
			return usagef("--keep %s: the table has no such column, it has %s", name, strings.Join(names, ", "))
		}
		p.keep, p.names = append(p.keep, i), append(p.names, name)
	}
	if unused := p.rows.Unused(); len(unused) > 0 {
		const most = 10
		said := strings.Join(unused[:min(most, len(unused))], ", ")
		if len(unused) > most {
			said += ", ..."
		}
		fmt.Fprintf(p.err, "not used: %s %s\n", counted(len(unused), "column"), printable.Message(said))
	}
	return nil
}

// write says what all rows are, and writes the table of --csv.
func (p *tablePredicting) write(ctx context.Context, records *table.Records, file csvFile) error {
	if file.path == "" {
		return p.each(ctx, records)
	}
	err := file.write(append(p.answers.header("row", "class", "probability", "error"), p.names...), func(t *csv.Writer) (int, error) {
		p.table = t
		err := p.each(ctx, records)
		return p.failed, err
	})
	if err == nil {
		fmt.Fprintf(p.err, "written to %s\n", printable.Name(file.path))
	}
	return err
}

// countRows returns how many rows a table has, and a hash of its file.
func countRows(ctx context.Context, file *tableFile, o table.Options) (rows int, of string, err error) {
	records, err := table.NewRecords(ctx, file, file.size, file.name, o)
	if err != nil {
		return 0, "", advised(err)
	}
	for _, err := range records.All(ctx) {
		if err != nil {
			return 0, "", err
		}
		rows++
	}
	h := sha256.New()
	if _, err := io.Copy(h, io.NewSectionReader(file, 0, file.size)); err != nil {
		return 0, "", err
	}
	return rows, hex.EncodeToString(h.Sum(nil)), nil
}

// each says what the rows are, in their order, some of them at a time.
func (p *tablePredicting) each(ctx context.Context, records *table.Records) error {
	for r, err := range records.All(ctx) {
		if err != nil {
			return err
		}
		if r.Row <= p.lo {
			continue
		}
		if r.Row > p.hi {
			break
		}
		if r.Err == nil {
			at := len(p.features)
			p.features = append(p.features, make([]float32, p.width)...)
			if r.Err = p.rows.Fill(p.features[at:], r.Fields); r.Err != nil {
				p.features = p.features[:at]
			}
		}
		if p.records = append(p.records, r); len(p.records) == evalBatch {
			if err := p.batch(); err != nil {
				return err
			}
		}
	}
	return p.batch()
}

// batch says what the rows are that were read.
func (p *tablePredicting) batch() error {
	n, classes := len(p.features)/p.width, len(p.model.Classes)
	probabilities := make([]float64, 0, n*classes)
	failed := map[int]error{}
	of := func(x []float32) ([]float64, error) {
		t, err := p.by.Probabilities(tensor.New(x, len(x)/p.width, p.width))
		if err != nil {
			return nil, err
		}
		return tensor.Values[float64](t), nil
	}
	if all, err := of(p.features); err == nil {
		probabilities = all
	} else { // the other rows are still worth classifying
		for i := range n {
			one, err := of(p.features[i*p.width:][:p.width])
			if err != nil {
				failed[i], one = err, make([]float64, classes)
			}
			probabilities = append(probabilities, one...)
		}
	}
	k := 0
	for _, r := range p.records {
		var found []float64
		var x []float32
		if r.Err == nil {
			found, x, r.Err = probabilities[k*classes:][:classes], p.features[k*p.width:][:p.width], failed[k]
			k++
		}
		if err := p.one(r, x, found); err != nil {
			return err
		}
	}
	p.records, p.features = p.records[:0], p.features[:0]
	return nil
}

// one says what a row is, whose features are x.
func (p *tablePredicting) one(r table.Record, x []float32, probabilities []float64) error {
	c := p.command
	p.all++
	var reason string
	if r.Err != nil {
		p.failed++
		reason = printable.Message(r.Err.Error())
		place := fmt.Sprintf("row %d", r.Row)
		if r.Line > 0 && r.Fields != nil { // the error of a row without fields has it
			place += fmt.Sprintf(" (line %d)", r.Line)
		}
		say(p.err, fmt.Errorf("%s: %w", place, r.Err))
	}
	if p.table != nil {
		row := []string{strconv.Itoa(r.Row), "", "", reason}
		if r.Err == nil {
			class, probability, each := p.answers.columns(probabilities)
			row[1], row[2] = class, probability
			row = append(row, each...)
		} else {
			row = append(row, make([]string, len(p.model.Classes))...)
		}
		for _, i := range p.keep {
			kept := ""
			if i < len(r.Fields) {
				kept = r.Fields[i]
			}
			row = append(row, kept)
		}
		if err := p.table.Write(row); err != nil {
			return fmt.Errorf("%s: %w", c.CSV, err)
		}
	}
	if r.Err != nil {
		if c.JSON {
			return json.NewEncoder(p.out).Encode(rowFailure{r.Row, reason})
		}
		return nil
	}
	likeliest := p.by.Likeliest(probabilities, c.TopK)
	unsure := c.unknown(likeliest[0].Probability)
	var why *rowExplanation
	if c.Explain.Asked {
		e, err := report.ExplainRow(p.by, &p.model.Definition, x, likeliest[0].Index)
		if err != nil {
			return fmt.Errorf("row %d: --explain: %w", r.Row, err)
		}
		why = newRowExplanation(e, p.model.Classes, p.columns, func(name string) string { return r.Fields[slices.Index(p.header, name)] })
	}
	switch {
	case c.JSON:
		return json.NewEncoder(p.out).Encode(rowPrediction{r.Row, unsure, likeliest, p.answers.predicted(probabilities), why})
	case c.CSV == "":
		said := p.answers.lines(p.by, probabilities, c.TopK)
		for i, line := range said {
			said[i] = strings.ReplaceAll(line, "\t", " ")
		}
		format := "row %d: %s\n"
		if unsure {
			format = "row %d: " + unknown + " (%s)\n"
		}
		if _, err := fmt.Fprintf(p.out, format, r.Row, strings.Join(said, ", ")); err != nil || why == nil {
			return err
		}
		return why.write(p.out)
	}
	return nil
}
