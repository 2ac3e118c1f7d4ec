package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"github.com/onehot-go/onehot/classify"
	"github.com/onehot-go/onehot/dataset"
	"github.com/onehot-go/onehot/dataset/table"
	"github.com/onehot-go/onehot/internal/atomicfile"
	"github.com/onehot-go/onehot/loader"
	"github.com/onehot-go/onehot/model"
	"github.com/onehot-go/onehot/report"
	"github.com/onehot-go/onehot/train"
	"github.com/onehot-go/onehot/transform"
)

// tablePage returns the page of a run on a table that has ended, in folder f. measured are the rows that its model is measured on; nil
// for none, and where they have several labels.
func tablePage(f folder, c config, t *ownTable, measured *table.Samples) (*report.Page, error) {
	m, err := model.Load(f.best())
	if err != nil {
		return nil, err
	}
	columns, ok := m.Columns()
	if !ok {
		return nil, fmt.Errorf("%s: found a model that takes no rows of a table", f.best())
	}
	p := newPage(f, c, m)
	p.Time = time.Now()
	if p.Epochs, p.Batches, err = f.readCurves(c.Data.score(), io.Discard); err != nil {
		return nil, err
	}
	if c.Settings.monitor() != nil {
		p.BestEpoch = recordedEpoch(m)
	}
	p.Rows = t.facts(columns)
	p.Rows.Calibrated = m.Calibration != nil
	if p.Rows.Coefficients, err = f.readCoefficients(); err != nil {
		return nil, err
	}
	if measured == nil { // or what was measured is kept
		if c.Data.measured() || c.Settings.CV > 0 {
			err = addFigures(&p, f)
		}
		return &p, err
	}
	figures, err := f.readFigures()
	if err != nil {
		return nil, err
	}
	p.Rows.Importance = figures.Importance
	logits, targets, err := train.Predict(m.Net, loader.New(measured, loader.Options{BatchSize: evalBatch, Workers: prefetch}))
	if err != nil {
		return nil, err
	}
	p.Predictions = report.NewPredictions(m.Classes, logits, targets, nil)
	if measured.Split == dataset.Validation {
		p.Predictions.Of = "validation"
	}
	p.Rows.Hardest, err = t.hardest(m, columns, measured, p.Predictions)
	return &p, err
}

// facts returns what a page says of the table itself.
func (t *ownTable) facts(columns transform.Columns) *report.Rows {
	r := &report.Rows{Balance: make([][]int, len(t.classes()))}
	for i := range columns.List {
		c := &columns.List[i]
		r.Columns = append(r.Columns, report.ColumnFacts{Name: c.Name, Kind: c.Kind, Missing: t.Column(c.Name).Missing, Fitted: about(c)})
	}
	for _, part := range []struct {
		split dataset.Split
		name  string
	}{{dataset.Train, "training"}, {dataset.Validation, "validation"}, {dataset.Test, "test"}} {
		rows := t.rows(part.split)
		if len(rows) == 0 {
			continue
		}
		r.Parts = append(r.Parts, part.name)
		for class, n := range t.perClass(rows) {
			r.Balance[class] = append(r.Balance[class], n)
		}
	}
	return r
}

// measured returns the rows that a model of such samples is measured on at the end: the test rows, or those held out; nil for none, and where
// rows have several labels.
func (t *ownTable) measured(whole table.Samples) *table.Samples {
	if t.sets != nil {
		return nil
	}
	for _, split := range []dataset.Split{dataset.Test, dataset.Validation} {
		if samples, _ := t.samples(split, whole); samples != nil {
			return samples
		}
	}
	return nil
}

// hardest returns the rows that a model is most surely wrong of, explained.
func (t *ownTable) hardest(m *model.Model, columns transform.Columns, measured *table.Samples, said *report.Predictions) ([]report.HardRow, error) {
	by, err := model.NewPredictor(m)
	if err != nil {
		return nil, err
	}
	at := map[string]int{}
	for i, c := range t.Columns {
		at[c.Name] = i
	}
	var hard []report.HardRow
	wrong := said.Wrong()
	for _, i := range wrong[:min(report.MostHard, len(wrong))] {
		row := measured.Rows[i]
		h := report.HardRow{Row: row + 1, Line: t.Line(row), Sample: i}
		if h.Explanation, err = report.ExplainRow(by, &m.Definition, measured.Features[row*measured.Width:][:measured.Width], said.Predicted(i)); err != nil {
			return nil, err
		}
		fields := t.Fields(row)
		for _, of := range h.Explanation.Terms {
			name := columns.List[of.Column].Name
			h.Columns, h.Fields = append(h.Columns, name), append(h.Fields, fields[at[name]])
		}
		hard = append(hard, h)
	}
	return hard, nil
}

// maxCoefficients is the most bytes of a run's coefficients.csv.
const maxCoefficients = 1 << 30

// readCoefficients reads a run's coefficients.csv; nil if it has none.
func (f folder) readCoefficients() ([]classify.Coefficient, error) {
	file, err := os.Open(f.coefficients())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer file.Close()
	all, err := classify.ReadCoefficients(io.LimitReader(file, maxCoefficients))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", f.coefficients(), err)
	}
	return all, nil
}

// reportTable writes the page and the pictures of a run on a table again.
func (c *reportCommand) reportTable(ctx context.Context, f folder, config config, s streams) error {
	settings := config.Settings
	if settings.Data = config.where(); c.DataDir != "" { // the table is there now
		settings.Data = c.DataDir
	}
	t, err := settings.readTable(ctx, nil)
	if err != nil {
		return err
	}
	if err := t.assign(&settings); err != nil {
		return err
	}
	record, err := t.record(settings.Data, nil)
	if err != nil {
		return err
	}
	if err := config.Data.same(record); err != nil {
		return fmt.Errorf("the table is not that of the run in %s: %w", f, err)
	}
	m, err := model.Load(f.best())
	if err != nil {
		return err
	}
	columns, _ := m.Columns() // tablePage says where there are none
	whole := table.Samples{Name: t.name, ClassNames: t.classes(), Columns: columns, Width: columns.Width()}
	if whole.Features, err = t.Features(columns); err != nil {
		return err
	}
	page, err := tablePage(f, config, t, t.measured(whole))
	if err != nil {
		return err
	}
	out := folder(cmp.Or(c.Out, string(f)))
	if err := os.MkdirAll(string(out), 0o777); err != nil {
		return err
	}
	run := report.Run{Name: string(f), Epochs: page.Epochs, Batches: page.Batches}
	if err := report.Pictures(string(out), run, page.Predictions, page.Model.Net, page.Model.InputShape); err != nil {
		return err
	}
	if err := atomicfile.Write(out.page(), page.Write); err != nil {
		return err
	}
	fmt.Fprintf(s.err, "report.html and the pictures of %s are in %s\n", f, out)
	return nil
}
