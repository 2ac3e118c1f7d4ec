package cli

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/onehot-go/onehot/dataset"
	"github.com/onehot-go/onehot/dataset/files"
	"github.com/onehot-go/onehot/dataset/table"
	"github.com/onehot-go/onehot/dist"
	"github.com/onehot-go/onehot/internal/printable"
	"github.com/onehot-go/onehot/loader"
	"github.com/onehot-go/onehot/model"
	"github.com/onehot-go/onehot/nn"
	"github.com/onehot-go/onehot/random"
	"github.com/onehot-go/onehot/train"
	"github.com/onehot-go/onehot/transform"
)

// tableGroup is the group of flags that are for tables alone.
const tableGroup = "Tables"

// tableFlags say how a table is read.
type tableFlags struct {
	Delimiter string   `placeholder:"CHARACTER" group:"Tables" help:"What separates the fields of a table, one character or tab (default: it is found)."`
	Encoding  string   `default:"" enum:",${encodings}" placeholder:"NAME" group:"Tables" help:"How the text of a table is encoded: ${encodings} (default: it is found)."`
	NoHeader  bool     `group:"Tables" help:"The first row of a table names no columns: they are 1, 2 and so on."`
	NA        []string `name:"na" placeholder:"WORDS" group:"Tables" help:"Words of a table that are missing values in every column, beside those of the model."`
}

// options returns how a table is read, but for the kinds of its columns.
func (f tableFlags) options() (table.Options, error) {
	o := table.Options{Encoding: f.Encoding, NoHeader: f.NoHeader, Missing: f.NA}
	switch {
	case f.Delimiter == "tab":
		o.Delimiter = '\t'
	case len(f.Delimiter) == 1 && !strings.Contains("\"\n\r", f.Delimiter) && f.Delimiter[0] < 0x80:
		o.Delimiter = f.Delimiter[0]
	case f.Delimiter != "":
		return o, usagef("--delimiter %q: one character, or tab, expected", f.Delimiter)
	}
	if f.Encoding != "" && !slices.Contains(table.Encodings, f.Encoding) {
		return o, usagef("--encoding %q: one of %s expected", f.Encoding, strings.Join(table.Encodings, ", "))
	}
	return o, nil
}

// isTable reports whether the data are a table, whose rows are the samples.
func (s *settings) isTable() bool { return s.isPath() && s.LabelColumn != "" && s.PathColumn == "" }

// options returns how a table is read.
func (s *settings) options() (table.Options, error) {
	o, err := tableFlags{s.Delimiter, s.Encoding, s.NoHeader, s.NA}.options()
	if err != nil {
		return o, err
	}
	o.Kinds = map[string]transform.ColumnKind{}
	for _, c := range s.Columns {
		at := strings.LastIndexByte(c, '=')
		kind := transform.ColumnKind(c[at+1:])
		if at < 1 || !slices.Contains(transform.ColumnKinds, kind) {
			return o, usagef("--columns %s: a column's name, =, and numeric, category, date, boolean or ignored expected", c)
		}
		o.Kinds[c[:at]] = kind
	}
	return o, nil
}

// ownTable is a table of the user's own.
type ownTable struct {
	*table.Table
	name    string
	labels  *table.Labels    // nil of rows that have several labels
	sets    *table.LabelSets // of rows that have several labels; else nil
	part    []string         // by row: its part, or "" of a row without a label
	weights []float64        // by row: how much it counts; nil for 1 each
	sha256  string           // of the file; "" until it is asked for
}

// classes returns the names of the classes, or of the labels.
func (t *ownTable) classes() []string {
	if t.sets != nil {
		return t.sets.Classes
	}
	return t.labels.Classes
}

// labelsOf returns the labels of a row: its class, those of several, or none.
func (t *ownTable) labelsOf(row int) []int {
	switch {
	case t.sets != nil:
		return t.sets.Of[row]
	case t.labels.Of[row] < 0:
		return nil
	}
	return t.labels.Of[row : row+1]
}

// perClass returns how many of some rows each class, or label, has.
func (t *ownTable) perClass(rows []int) []int {
	counts := make([]int, len(t.classes()))
	for _, i := range rows {
		for _, c := range t.labelsOf(i) {
			counts[c]++
		}
	}
	return counts
}

// readTable reads the table that the settings name, and its labels, with the ranks of comm; nil is one.
func (s *settings) readTable(ctx context.Context, comm dist.Comm) (*ownTable, error) {
	o, err := s.options()
	if err != nil {
		return nil, err
	}
	o.Comm, o.Label = comm, s.LabelColumn
	if s.LabelColumn != "" {
		o.Lists = []string{s.LabelColumn}
	}
	if s.LabelSeparator != "" { // fields may be as many as rows
		o.Words = []string{s.LabelColumn}
	}
	for _, name := range []string{s.SplitColumn, s.GroupColumn, s.WeightColumn} {
		if name != "" {
			o.Words = append(o.Words, name)
		}
	}
	t := &ownTable{name: dataName(s.Data)}
	if t.Table, err = table.Open(ctx, s.Data, o); err != nil {
		return nil, advised(err)
	}
	if s.LabelColumn == "" { // of a table that is only looked at
		t.labels = &table.Labels{Of: make([]int, t.Rows)}
		return t, nil
	}
	if s.LabelSeparator != "" || t.HasLists(s.LabelColumn) {
		t.sets, err = t.LabelSets(s.LabelColumn, s.LabelSeparator, nil)
	} else {
		t.labels, err = t.Labels(s.LabelColumn, o.Kinds[s.LabelColumn] == transform.Category)
	}
	if err == nil && s.WeightColumn != "" {
		err = t.parseWeights(s.WeightColumn)
	}
	return t, err
}

// advised returns err with what helps against a field that does not fit its column.
func advised(err error) error {
	if e, ok := errors.AsType[*table.CellError](err); ok {
		return fmt.Errorf("%w; --na %s makes it a missing value, --columns %s a column of words", err, printable.Word(e.Found), printable.Word(e.Column+"=category"))
	}
	return err
}

// settleTable reads the table, and sets what the command line, which has the flags given, and a run's settings that
// were adopted leave open.
func (c *trainCommand) settleTable(ctx context.Context, given map[string]bool) (err error) {
	open := func(flag string) bool { return !given[flag] && !c.adopted[flag] }
	if info, err := os.Stat(c.Data); err == nil && info.IsDir() {
		return usagef("--label-column is for lists, with --path-column, and for tables")
	}
	if c.Model != "softmax" && c.Model != "mlp" {
		return usagef("--model %s is for pictures: softmax or mlp expected for a table", c.Model)
	}
	if c.SplitColumn == "" && open("val") && c.CV == 0 {
		c.Val = share(0.2)
	}
	if open("optimizer") {
		c.Optimizer = "lbfgs"
		if c.Model == "mlp" {
			c.Optimizer = "adam"
		}
	}
	if c.fits() {
		c.settlePenalty(given, open)
	} else if open("batch-size") {
		c.BatchSize = 32
	}
	if err := c.check(); err != nil { // before files are read
		return err
	}
	if c.table, err = c.readTable(ctx, c.comm); err != nil {
		return err
	}
	if err := c.table.assign(&c.settings); err != nil {
		return err
	}
	if !c.fits() && open("epochs") && c.MaxTime.Duration == 0 {
		c.Epochs = min(max(leastSteps*c.BatchSize/len(c.table.rows(dataset.Train)), 10), 200)
	}
	return nil
}

// leastSteps is how many steps a net is trained on a table, unless that takes very few or many epochs.
const leastSteps = 2000

// assign says which row is in which part.
func (t *ownTable) assign(s *settings) error {
	t.part = make([]string, t.Rows)
	rows, list := make([]int, 0, t.Rows), make([]files.File, 0, t.Rows)
	var labels []int
	var sets [][]int
	words := func(column string) ([]string, error) {
		if column == "" {
			return make([]string, t.Rows), nil
		}
		return t.Words(column)
	}
	splits, err := words(s.SplitColumn)
	if err != nil {
		return err
	}
	groups, err := words(s.GroupColumn)
	if err != nil {
		return err
	}
	for i := range t.Rows {
		if t.sets != nil {
			sets = append(sets, t.sets.Of[i])
		} else if class := t.labels.Of[i]; class >= 0 {
			labels = append(labels, class)
		} else {
			continue
		}
		f := files.File{Group: groups[i], Part: files.PartOf(splits[i])}
		if f.Part == "" && s.SplitColumn != "" {
			return fmt.Errorf("%s: row %d, column %q: found %.100q, train, val or test expected", s.Data, i+1, s.SplitColumn, splits[i])
		}
		rows, list = append(rows, i), append(list, f)
	}
	parts := make([]string, len(rows))
	if s.Val.None() && s.Test.None() {
		for k, f := range list {
			parts[k] = cmp.Or(f.Part, files.Train)
		}
	} else {
		key := random.New(s.Seed).For("parts")
		if t.sets != nil {
			parts, err = files.DrawSets(list, sets, nil, s.Val.Share, s.Test.Share, key)
		} else {
			parts, err = files.Draw(list, labels, nil, s.Val.Share, s.Test.Share, key)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", s.Data, err)
		}
	}
	for k, i := range rows {
		t.part[i] = parts[k]
	}
	if s.LabelColumn == "" {
		return nil
	}
	if c := slices.Index(t.perClass(t.rows(dataset.Train)), 0); c >= 0 {
		return fmt.Errorf("%s: found no training row of the class %q, one at least expected", s.Data, t.classes()[c])
	}
	return nil
}

// rows returns the rows of a part.
func (t *ownTable) rows(split dataset.Split) (rows []int) {
	for i, part := range t.part {
		if part == split.String() {
			rows = append(rows, i)
		}
	}
	return rows
}

// all returns all rows.
func (t *ownTable) all() (rows []int) {
	for i := range t.Rows {
		rows = append(rows, i)
	}
	return rows
}

// record returns what config.json says of the table, which rank 0 of comm, or nil, reads once more.
func (t *ownTable) record(path string, comm dist.Comm) (dataRecord, error) {
	whole, err := filepath.Abs(path)
	if err != nil {
		return dataRecord{}, err
	}
	if t.sha256 == "" {
		if t.sha256, err = hashShared(comm, path); err != nil {
			return dataRecord{}, err
		}
	}
	learnt := ""
	if t.sets != nil {
		learnt = severalLabels
	}
	return dataRecord{
		Task: learnt,
		Name: t.name, Path: path, Absolute: whole, SHA256: t.sha256, Files: []fileRecord{{filepath.Base(path), path, t.sha256}},
		Train: len(t.rows(dataset.Train)), Val: len(t.rows(dataset.Validation)), Test: len(t.rows(dataset.Test)),
	}, nil
}

// samples returns the rows of a part, or nil if it has none. Where rows have several labels, targets has them.
func (t *ownTable) samples(split dataset.Split, whole table.Samples) (samples *table.Samples, targets dataset.Dataset) {
	whole.Split, whole.Rows = split, t.rows(split)
	if whole.Len() == 0 {
		return nil, nil
	}
	if t.sets == nil {
		for _, i := range whole.Rows {
			whole.Labels = append(whole.Labels, t.labels.Of[i])
		}
		return &whole, &whole
	}
	whole.Labels = make([]int, whole.Len()) // of no account
	sets := dataset.LabelSets{Dataset: &whole}
	for _, i := range whole.Rows {
		sets.Of = append(sets.Of, t.sets.Of[i])
	}
	return &whole, sets
}

// prepareTable returns a run on a table but for its folder.
func (c *trainCommand) prepareTable(ctx context.Context, s streams) (r *trainRun, err error) {
	if c.table == nil {
		if c.table, err = c.readTable(ctx, c.comm); err != nil {
			return nil, err
		}
	}
	t := c.table
	if t.part == nil {
		if err := t.assign(&c.settings); err != nil {
			return nil, err
		}
	}
	r = &trainRun{comm: c.comm, settings: c.settings, plateau: c.plateau(), tensorboard: c.TensorBoard, began: c.began, every: c.Every.Duration}
	if r.data, err = t.record(c.Data, c.comm); err != nil {
		return nil, err
	}
	if !r.data.measured() {
		if err := c.checkUnmeasured(); err != nil {
			return nil, err
		}
	}
	columns, err := t.Fit(t.rows(dataset.Train), c.without()...)
	if err != nil {
		return nil, err
	}
	columns.Label = c.LabelColumn
	if err := t.describe(s.err, &columns, c.LabelColumn); err != nil {
		return nil, err
	}
	if t.sets != nil {
		if err := c.checkSeveral(); err != nil {
			return nil, err
		}
	}
	if c.CV > 0 {
		if err := c.crossValidate(ctx, t, r, s); err != nil {
			return nil, err
		}
	}
	whole := table.Samples{Name: t.name, ClassNames: t.classes(), Columns: columns, Width: columns.Width()}
	if whole.Features, err = t.Features(columns); err != nil {
		return nil, advised(err)
	}
	training, targets := t.samples(dataset.Train, whole)
	columns.Means = training.Means()
	whole.Columns, training.Columns = columns, columns
	definition := model.Softmax([]int{whole.Width}, whole.ClassNames)
	if c.Model == "mlp" {
		definition = model.MLP([]int{whole.Width}, c.Hidden, whole.ClassNames)
	}
	definition.Preprocess, definition.Data, definition.Task = transform.Compose{columns}, c.Data, r.data.Task
	if c.Dropout > 0 {
		definition = definition.WithDropout(c.Dropout)
	}
	if t.sets != nil {
		r.criterion, err = c.labelCriterion(t.perClass(training.Rows), training.Len())
	} else {
		r.criterion, err = c.criterion(t.perClass(training.Rows))
	}
	if err != nil {
		return nil, err
	}
	if r.model, err = c.build(definition); err != nil {
		return nil, err
	}
	if c.fits() {
		r.criterion = nil // it knows weights of classes itself
		layer := r.model.Net.Layer("linear").(*nn.Linear)
		fit, err := c.newTableFit(layer, training, t.weights)
		if err != nil {
			return nil, err
		}
		fit.options.C = cmp.Or(r.chosenC, fit.options.C)
		if r.fit = fit; t.sets != nil {
			r.fit = newLabelFit(layer, fit, targets.(dataset.LabelSets).Of, t.classes())
		}
		r.optimizer = r.fit
	} else {
		r.optimizer = c.optimizer(c.learning(r.model.Net))
	}
	if c.EMA > 0 {
		r.ema = train.NewEMA(r.model, c.EMA)
	}
	r.training = loader.New(targets, c.order(c.BatchSize, training.Labels))
	if r.steps, err = train.Steps(r.training, 1); err != nil {
		return nil, err
	}
	measuring := func(split dataset.Split) *loader.Loader {
		d, targets := t.samples(split, whole)
		if d == nil {
			return nil
		}
		return loader.New(targets, loader.Options{BatchSize: evalBatch, Workers: prefetch})
	}
	r.table, r.val, r.test = t, measuring(dataset.Validation), measuring(dataset.Test)
	if err := r.checkSetup(); err != nil {
		return nil, err
	}
	return r, c.listen(r)
}

// describe writes what a table has: how it is written, its columns and its classes. fitted is the preparation of its
// columns.
func (t *ownTable) describe(w io.Writer, fitted *transform.Columns, label string) error {
	fmt.Fprintf(w, "%s: %s: %s", printable.Name(t.name), t.Dialect, counted(t.Rows, "row"))
	if label != "" {
		if t.sets != nil {
			fmt.Fprintf(w, ", %s", counted(len(t.sets.Classes), "label"))
		} else {
			fmt.Fprintf(w, ", %s", classesOf(len(t.labels.Classes)))
		}
	}
	fmt.Fprintln(w)
	if t.sets != nil {
		all := 0
		for _, set := range t.sets.Of {
			all += len(set)
		}
		fmt.Fprintln(w, labelsPerSample(t.Rows, all, t.sets.Without, "row"))
	} else if n := t.labels.Without; n > 0 {
		fmt.Fprintf(w, "dropped: %s without a label\n", counted(n, "row"))
	}
	const most = 40 // columns that are shown
	columns := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(columns, "column\tkind\tmissing\tfitted")
	for i, c := range fitted.List {
		if i == most {
			fmt.Fprintf(columns, "and %d more\n", len(fitted.List)-most)
			break
		}
		missing := ""
		if n := t.Column(c.Name).Missing; n > 0 {
			missing = strconv.Itoa(n)
		}
		fmt.Fprintf(columns, "%s\t%s\t%s\t%s\n", printable.Name(c.Name), c.Kind, missing, printable.Message(about(&c)))
	}
	if err := columns.Flush(); err != nil {
		return err
	}
	for _, remark := range t.remarks(*fitted, label) {
		fmt.Fprintln(w, printable.Message(remark))
	}
	return nil
}

// remarks says what people should know of the columns; nothing of a table without labels.
func (t *ownTable) remarks(fitted transform.Columns, label string) []string {
	if label == "" || t.sets != nil {
		return []string{}
	}
	return append([]string{}, t.Remarks(fitted, label, t.labels)...)
}

// about says what was fitted to a column.
func about(c *transform.Column) string {
	switch c.Kind {
	case transform.Numeric:
		return fmt.Sprintf("mean %.4g, deviation %.4g", c.Mean, c.Deviation)
	case transform.Boolean:
		return fmt.Sprintf("%.3g of them true", c.Mean)
	case transform.Category:
		const most = 4
		said := strings.Join(c.Categories[:min(most, len(c.Categories))], ", ")
		if n := len(c.Categories) - most; n > 0 {
			said += fmt.Sprintf(" and %d more", n)
		}
		if c.Rare > 0 {
			said += fmt.Sprintf("; %d rare ones joined", c.Rare)
		}
		return said
	case transform.Date:
		var parts []string
		for _, p := range c.Parts {
			parts = append(parts, p.Name)
		}
		return c.Layout + ": " + strings.Join(parts, ", ")
	}
	return c.Why
}

// describeTable shows what is in the table that the settings name.
func (c *dataCommand) describeTable(ctx context.Context, s *settings, to streams) error {
	t, err := s.readTable(ctx, nil)
	if err != nil {
		return err
	}
	if err := t.assign(s); err != nil {
		return err
	}
	fitted, err := t.Fit(t.rows(dataset.Train), s.without()...)
	if err != nil {
		return err
	}
	if c.JSON {
		return t.writeJSON(to.out, fitted, s.LabelColumn)
	}
	if err := t.describe(to.out, &fitted, s.LabelColumn); err != nil || s.LabelColumn == "" {
		return err
	}
	w := tabwriter.NewWriter(to.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "\nclass\trows")
	for i, n := range t.perClass(t.all()) {
		fmt.Fprintf(w, "%s\t%d\n", printable.Name(t.classes()[i]), n)
	}
	return w.Flush()
}

// columnFacts is what data --json says of a column.
type columnFacts struct {
	transform.Column
	Absent int `json:"missing"`
}

// tableFacts is what data --json says of a table.
type tableFacts struct {
	Rows    int            `json:"rows"`
	Dropped int            `json:"dropped"` // rows without a label
	Written string         `json:"written"` // how
	Columns []columnFacts  `json:"columns"`
	Classes map[string]int `json:"classes"`
	Remarks []string       `json:"remarks"`
}

// writeJSON writes what a table has as one object.
func (t *ownTable) writeJSON(w io.Writer, fitted transform.Columns, label string) error {
	dropped := 0
	if t.sets == nil {
		dropped = t.labels.Without
	}
	facts := tableFacts{Rows: t.Rows, Dropped: dropped, Written: t.Dialect.String(), Classes: map[string]int{}, Remarks: t.remarks(fitted, label)}
	for _, c := range fitted.List {
		facts.Columns = append(facts.Columns, columnFacts{c, t.Column(c.Name).Missing})
	}
	if label != "" {
		for i, n := range t.perClass(t.all()) {
			facts.Classes[t.classes()[i]] = n
		}
	}
	return json.NewEncoder(w).Encode(facts)
}

// tableEndings are what the names of tables end with, before what says how they are compressed.
var tableEndings = []string{".csv", ".tsv", ".tab", ".jsonl", ".ndjson", ".npy", ".npz"}

// looksLikeTable reports whether the data are a file that is called as tables are, and no list of pictures.
func (s *settings) looksLikeTable() bool {
	name := strings.ToLower(s.Data)
	for _, compressed := range []string{".gz", ".zst"} {
		name = strings.TrimSuffix(name, compressed)
	}
	info, err := os.Stat(s.Data)
	return s.PathColumn == "" && slices.Contains(tableEndings, filepath.Ext(name)) && err == nil && info.Mode().IsRegular()
}
