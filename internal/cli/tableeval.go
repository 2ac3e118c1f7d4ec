package cli

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strconv"

	"github.com/onehot-go/onehot/dataset"
	"github.com/onehot-go/onehot/dataset/table"
	"github.com/onehot-go/onehot/internal/printable"
	"github.com/onehot-go/onehot/loader"
	"github.com/onehot-go/onehot/model"
	"github.com/onehot-go/onehot/train"
	"github.com/onehot-go/onehot/transform"
)

// evalTable measures a model of rows of tables: on data, or with "" on what it was measured on at the end of its
// run.
func (c *evalCommand) evalTable(ctx context.Context, names []string, data string, m *model.Model, columns transform.Columns, s streams) error {
	if len(names) > 1 || c.TTA {
		return usagef("%s takes rows of tables: one model expected, without --tta", names[0])
	}
	samples, truth, err := c.tableSamples(ctx, names[0], data, m, columns, s.err)
	if err != nil {
		return err
	}
	learnt, err := m.Learnt()
	if err != nil {
		return err
	}
	source := loader.New(truth, loader.Options{BatchSize: evalBatch, Workers: prefetch})
	measured := keeping{Task: learnt}
	e, err := train.Evaluate(m.Net, source, &measured)
	if err != nil {
		return err
	}
	if c.CSV != "" {
		outputs, _ := measured.kept()
		name := func(i int) string { return strconv.Itoa(samples.Rows[i] + 1) }
		if err := answersOf(names[0], m, c.unknownFlags).write(c.CSV, "row", name, truth, outputs); err != nil {
			return err
		}
	}
	figures := measured.figures(e, m.Classes, c.UnknownBelow)
	if c.JSON {
		return json.NewEncoder(s.out).Encode(figures)
	}
	fmt.Fprintf(s.out, "%s on %s, %d rows\n", printable.Name(names[0]), printable.Name(samples.Name), samples.Len())
	return figures.write(s.out, learnt.Score(), true)
}

// tableSamples returns what eval measures on. targets are the rows with all their labels.
func (c *evalCommand) tableSamples(ctx context.Context, path, data string, m *model.Model, columns transform.Columns, remarks io.Writer) (samples *table.Samples, targets dataset.Dataset, err error) {
	label := columns.Label
	s, known := trainingSettings(path, m)
	again := data == ""
	switch {
	case again && !known:
		return nil, nil, fmt.Errorf("%s: it does not say what it was measured on: a table expected, as in  onehot eval %s TABLE.csv", path, printable.Word(path))
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
		return nil, nil, err
	}
	o.Columns, o.Words, o.Label, o.Lists = &columns, []string{label}, label, []string{label}
	t, err := table.Open(ctx, data, o)
	if err != nil {
		return nil, nil, advised(err)
	}
	words, err := t.Words(label)
	if err != nil {
		return nil, nil, err
	}
	samples = &table.Samples{Name: dataName(data), Split: dataset.Test, ClassNames: m.Classes, Columns: columns, Width: columns.Width()}
	if samples.Features, err = t.Features(columns); err != nil {
		return nil, nil, err
	}
	part := func(int) bool { return true }
	if again {
		own, err := s.readTable(ctx, nil)
		if err != nil {
			return nil, nil, err
		}
		if err := own.assign(&s); err != nil {
			return nil, nil, err
		}
		record, err := own.record(data, nil)
		if err != nil {
			return nil, nil, err
		}
		if before, err := runOf(path).readConfig(); err == nil {
			if err := before.Data.same(record); err != nil {
				return nil, nil, fmt.Errorf("the table is not that of the run: %w", err)
			}
		}
		split := dataset.Test
		if record.Test == 0 {
			split = dataset.Validation
		}
		if !record.measured() {
			return nil, nil, fmt.Errorf("%s: it was trained on all rows of %s: a table to measure it on expected, as in  onehot eval %s TABLE.csv", path, data, printable.Word(path))
		}
		samples.Name += " " + split.String()
		part = func(row int) bool { return own.part[row] == split.String() }
	}
	without := 0
	if m.SeveralLabels() {
		sets, err := t.LabelSets(label, cmp.Or(c.LabelSeparator, s.LabelSeparator), m.Classes)
		if err != nil {
			return nil, nil, err
		}
		all := dataset.LabelSets{Dataset: samples}
		for row, set := range sets.Of {
			if part(row) {
				samples.Rows, samples.Labels, all.Of = append(samples.Rows, row), append(samples.Labels, 0), append(all.Of, set)
			}
		}
		if samples.Len() == 0 {
			return nil, nil, fmt.Errorf("%s: found no row", data)
		}
		return samples, all, nil
	}
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
			return nil, nil, &table.CellError{File: data, Line: t.Line(row), Row: row + 1, Column: label, Found: word, Expected: "a class of the model"}
		}
	}
	if without > 0 {
		fmt.Fprintf(remarks, "dropped: %s without a label\n", counted(without, "row"))
	}
	if samples.Len() == 0 {
		return nil, nil, fmt.Errorf("%s: found no row with a label", data)
	}
	return samples, samples, nil
}
