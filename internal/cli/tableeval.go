package cli

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strconv"

	"github.com/onehot-go/onehot/dataset"
	"github.com/onehot-go/onehot/dataset/table"
	"github.com/onehot-go/onehot/internal/atomicfile"
	"github.com/onehot-go/onehot/internal/printable"
	"github.com/onehot-go/onehot/loader"
	"github.com/onehot-go/onehot/model"
	"github.com/onehot-go/onehot/report"
	"github.com/onehot-go/onehot/task"
	"github.com/onehot-go/onehot/tensor"
	"github.com/onehot-go/onehot/train"
	"github.com/onehot-go/onehot/transform"
)

// evalTable measures a model of rows of tables: on data, or with "" on what it was measured on at the end of its
// run.
func (c *evalCommand) evalTable(ctx context.Context, names []string, data string, m *model.Model, columns transform.Columns, s streams) error {
	if len(names) > 1 || c.TTA {
		return usagef("%s takes rows of tables: one model expected, without --tta", names[0])
	}
	samples, err := c.tableSamples(ctx, names[0], data, m, columns, s.err)
	if err != nil {
		return err
	}
	source := loader.New(samples, loader.Options{BatchSize: evalBatch, Workers: prefetch})
	e, err := train.Evaluate(m.Net, source, nil)
	if err != nil {
		return err
	}
	if c.CSV != "" {
		logits, _, err := train.Predict(m.Net, source)
		if err != nil {
			return err
		}
		if err := writeRowPredictions(c.CSV, samples, logits); err != nil {
			return err
		}
	}
	if c.JSON {
		return json.NewEncoder(s.out).Encode(newFigures(e))
	}
	fmt.Fprintf(s.out, "%s on %s, %d rows\n", printable.Name(names[0]), printable.Name(samples.Name), samples.Len())
	if err := report.WriteFigures(s.out, task.Accuracy, e.Figures); err != nil {
		return err
	}
	_, err = fmt.Fprintf(s.out, "\n%s\n", macroLine(e.Figures.(task.ByClass)))
	return err
}

// tableSamples returns what eval measures on.
func (c *evalCommand) tableSamples(ctx context.Context, path, data string, m *model.Model, columns transform.Columns, remarks io.Writer) (*table.Samples, error) {
	label := columns.Label
	s, known := trainingSettings(path, m)
	again := data == ""
	switch {
	case again && !known:
		return nil, fmt.Errorf("%s: it does not say what it was measured on: a table expected, as in  onehot eval %s TABLE.csv", path, printable.Word(path))
	case again:
		data = s.Data
	case c.LabelColumn != "":
		label = c.LabelColumn
	}
	flags := c.tableFlags
	if again {
		flags = tableFlags{s.Delimiter, s.Encoding, s.NoHeader, s.NA}
	}
	o, err := flags.options()
	if err != nil {
		return nil, err
	}
	o.Columns, o.Words, o.Label = &columns, []string{label}, label
	t, err := table.Open(ctx, data, o)
	if err != nil {
		return nil, advised(err)
	}
	words, err := t.Words(label)
	if err != nil {
		return nil, err
	}
	samples := &table.Samples{Name: dataName(data), Split: dataset.Test, ClassNames: m.Classes, Columns: columns, Width: columns.Width()}
	if samples.Features, err = t.Features(columns); err != nil {
		return nil, err
	}
	part := func(int) bool { return true }
	if again {
		own, err := s.readTable(ctx)
		if err != nil {
			return nil, err
		}
		if err := own.assign(&s); err != nil {
			return nil, err
		}
		record, err := own.record(data)
		if err != nil {
			return nil, err
		}
		if before, err := runOf(path).readConfig(); err == nil {
			if err := before.Data.same(record); err != nil {
				return nil, fmt.Errorf("the table is not that of the run: %w", err)
			}
		}
		split := dataset.Test
		if record.Test == 0 {
			split = dataset.Validation
		}
		if !record.measured() {
			return nil, fmt.Errorf("%s: it was trained on all rows of %s: a table to measure it on expected, as in  onehot eval %s TABLE.csv", path, data, printable.Word(path))
		}
		samples.Name += " " + split.String()
		part = func(row int) bool { return own.part[row] == split.String() }
	}
	without := 0
	for row, word := range words {
		if !part(row) {
			continue
		}
		class := slices.Index(m.Classes, word)
		switch {
		case class >= 0:
			samples.Rows, samples.Labels = append(samples.Rows, row), append(samples.Labels, class)
		case transform.IsMissing(word):
			without++
		default:
			return nil, &table.CellError{File: data, Line: t.Line(row), Row: row + 1, Column: label, Found: word, Expected: "a class of the model"}
		}
	}
	if without > 0 {
		fmt.Fprintf(remarks, "dropped: %s without a label\n", counted(without, "row"))
	}
	if samples.Len() == 0 {
		return nil, fmt.Errorf("%s: found no row with a label", data)
	}
	return samples, nil
}

// writeRowPredictions writes a line a row to the file at path: its number from 1, what it is, what it is taken for,
// and the probabilities of all classes. logits are (N, C).
func writeRowPredictions(path string, d *table.Samples, logits *tensor.Tensor) error {
	probabilities, classes := tensor.Values[float64](logits.Softmax(1)), d.Classes()
	return atomicfile.Write(path, func(w io.Writer) error {
		t := csv.NewWriter(w)
		header := []string{"row", "label", "class", "probability"}
		for _, class := range classes {
			header = append(header, "p:"+class)
		}
		t.Write(header) // Error has the first one
		for i, label := range d.Labels {
			line, best := []string{strconv.Itoa(d.Rows[i] + 1), classes[label], "", ""}, 0
			of := probabilities[i*len(classes):][:len(classes)]
			for class, v := range of {
				if v > of[best] {
					best = class
				}
				line = append(line, strconv.FormatFloat(v, 'g', -1, 32))
			}
			line[2], line[3] = classes[best], line[4+best]
			t.Write(line)
		}
		t.Flush()
		return t.Error()
	})
}
