package model

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/onehot-go/onehot/random"
	"github.com/onehot-go/onehot/tensor"
	"github.com/onehot-go/onehot/transform"
)

// Rows classifies rows of tables whose columns stand in one order. It is for one goroutine at a
// time, and reuses its memory from one row to the next.
type Rows struct {
	predictor *Predictor
	columns   transform.Columns
	at        []int    // of each of columns.List: its place in a row, or -1 if it is ignored
	unused    []string // names of columns that the model makes no use of
	width     int      // of a row
	fields    []string // of a row, in the order of columns.List
	features  []float32
	logits    []float32
}

// Rows returns what classifies rows of a table that has columns of the given names, in their order. Columns that
// the model does not know, and those that it ignores, may be there or not. The error says that the model takes
// no rows of tables, names the columns that are missing, or a name that comes twice.
func (p *Predictor) Rows(names []string) (*Rows, error) {
	columns, ok := p.model.Columns()
	if !ok {
		return nil, fmt.Errorf("found a row of a table, %v expected by the model", p.raw)
	}
	places := make(map[string]int, len(names))
	for i, name := range names {
		if _, again := places[name]; again {
			return nil, fmt.Errorf("found the column %q twice, once expected", name)
		}
		places[name] = i
	}
	r := &Rows{predictor: p, columns: columns, width: len(names), fields: make([]string, len(columns.List)), features: make([]float32, columns.Width()), logits: make([]float32, len(p.model.Classes))}
	used, missing := make([]bool, len(names)), []string(nil)
	for _, c := range columns.List {
		i, found := places[c.Name]
		switch {
		case c.Kind == transform.Ignored:
			i = -1
		case !found:
			missing = append(missing, fmt.Sprintf("%q", c.Name))
		default:
			used[i] = true
		}
		r.at = append(r.at, i)
	}
	if len(missing) > 0 {
		return nil, fmt.Errorf("found no column %s, which the model needs", strings.Join(missing, ", and no column "))
	}
	for i, name := range names {
		if !used[i] {
			r.unused = append(r.unused, name)
		}
	}
	return r, nil
}

// Unused returns the names of the columns that the model makes no use of, in their order.
func (r *Rows) Unused() []string { return r.unused }

// Fill writes the features of a row, a field a column, to features, which has a number for each: the first
// element of the model's InputShape, if Columns are all of its preparation. The error names the column and the field
// that do not fit.
func (r *Rows) Fill(features []float32, row []string) error {
	if len(row) != r.width {
		return fmt.Errorf("found a row of %d fields, %d expected", len(row), r.width)
	}
	for k, i := range r.at {
		if i >= 0 {
			r.fields[k] = row[i]
		}
	}
	return r.columns.Fill(features, r.fields)
}

// Prepare returns a row, a field a column, as the net takes it: a tensor of the model's input shape. The error
// names the column and the field that do not fit.
func (r *Rows) Prepare(row []string) (*tensor.Tensor, error) {
	if err := r.Fill(r.features, row); err != nil {
		return nil, err
	}
	x, err := r.predictor.model.Preprocess[1:].Apply(transform.Input{Tensor: tensor.New(slices.Clone(r.features), len(r.features))}, random.Key{})
	if err != nil {
		return nil, err
	}
	return x.Tensor, nil
}

// Probabilities writes the probabilities of all classes of a row, a field a column, to probabilities, which has a number a
// class. It takes no memory. The error names the column and the field that do not fit, or says that the net gives
// no number for a class. Preprocess must have no step behind Columns.
func (r *Rows) Probabilities(probabilities []float64, row []string) error {
	if err := r.Fill(r.features, row); err != nil {
		return err
	}
	return r.predictor.Run(r.logits, probabilities, r.features)
}

// Classify returns the k likeliest classes of a row, a field a column, the likeliest first, or all
// classes if there are fewer. The error names the column and the field that do not fit, or says that the net gives no
// number for a class. Classify panics with a *fault.OptionError if k is below 1.
func (r *Rows) Classify(row []string, k int) ([]Prediction, error) {
	x, err := r.Prepare(row)
	if err != nil {
		return nil, err
	}
	return r.predictor.ClassifyPrepared(x, k)
}

// PrepareRecord is Rows.Prepare for one record, a text by the name of its column.
func (p *Predictor) PrepareRecord(record map[string]string) (*tensor.Tensor, error) {
	names := slices.Sorted(maps.Keys(record))
	r, err := p.Rows(names)
	if err != nil {
		return nil, err
	}
	row := make([]string, len(names))
	for i, name := range names {
		row[i] = record[name]
	}
	return r.Prepare(row)
}

// ClassifyRecord is Rows.Classify for one record, a text by the name of its column.
func (p *Predictor) ClassifyRecord(record map[string]string, k int) ([]Prediction, error) {
	x, err := p.PrepareRecord(record)
	if err != nil {
		return nil, err
	}
	return p.ClassifyPrepared(x, k)
}
