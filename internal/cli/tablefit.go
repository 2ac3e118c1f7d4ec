package cli

import (
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"strconv"
	"time"

	"github.com/onehot-go/onehot/classify"
	"github.com/onehot-go/onehot/dataset/table"
	"github.com/onehot-go/onehot/dist"
	"github.com/onehot-go/onehot/internal/atomicfile"
	"github.com/onehot-go/onehot/internal/memory"
	"github.com/onehot-go/onehot/model"
	"github.com/onehot-go/onehot/nn"
	"github.com/onehot-go/onehot/optim"
	"github.com/onehot-go/onehot/random"
	"github.com/onehot-go/onehot/tensor"
	"github.com/onehot-go/onehot/train"
	"github.com/onehot-go/onehot/transform"
)

// fits reports whether the run fits softmax regression to the rows of a table.
func (s *settings) fits() bool { return s.isTable() && s.Optimizer == "lbfgs" }

// tableIterations is the most iterations of L-BFGS of the fit to a table.
const tableIterations = 1000

// usualL1Ratio is the share of L1 in an elastic net where none is given.
const usualL1Ratio = 0.5

// settlePenalty sets what the flags leave open of the penalty of a fit. open reports whether a flag was not given.
func (s *settings) settlePenalty(given map[string]bool, open func(flag string) bool) {
	s.Epochs = 1
	if given["l2"] && s.L2 == 0 {
		s.Penalty = "none"
	}
	if s.CV == 0 && s.Penalty != "none" && open("C") && s.L2 == 0 {
		s.C = 1
	}
	if s.Penalty == "elasticnet" && open("l1-ratio") {
		s.L1Ratio = usualL1Ratio
	}
}

// searches reports whether cross-validation chooses the strength of the penalty.
func (s *settings) searches() bool {
	return s.CV > 0 && s.fits() && s.Penalty != "none" && s.C == 0 && s.L2 == 0
}

// fitOptions returns how a fit to so many rows is made, but for weights. Where cross-validation chooses the strength, it is not
// among them.
func (s *settings) fitOptions(rows int) classify.Options {
	o := classify.Options{Raw: true, C: s.C, Iterations: tableIterations}
	switch {
	case s.Penalty == "none":
		o.C = math.Inf(1)
	case s.L2 > 0:
		o.C = 1 / (s.L2 * float64(rows))
	}
	switch s.Penalty {
	case "l1":
		o.L1Ratio = 1
	case "elasticnet":
		o.L1Ratio = s.L1Ratio
	}
	return o
}

// fitting is a fit to training rows of a table.
type fitting interface {
	train.Solver
	train.Sharer
	fitted() bool                         // whether Solve was called
	remark() string                       // what people should know of it; "" is nothing
	coefficients() []classify.Coefficient // by names of features
}

// tableFit fits softmax regression to training rows of a table.
type tableFit struct {
	atOnce
	layer   *nn.Linear
	x, y    *tensor.Tensor
	columns transform.Columns
	classes []string
	options classify.Options
	found   *classify.Fitted // nil until it is fitted
}

var _ fitting = (*tableFit)(nil)

// newTableFit returns what fits layer to rows. weights are those of all rows of the table, or nil. The error says
// that there is not enough memory, or which class weights are wrong.
func (s *settings) newTableFit(layer *nn.Linear, rows *table.Samples, weights []float64) (*tableFit, error) {
	n, classes := rows.Len(), len(rows.ClassNames)
	// Features of the training rows twice, and sums of parts, steps and changes of gradients for every parameter.
	bytes := 8*float64(n)*float64(rows.Width) + 8*128*float64(classes)*float64(rows.Width+1)
	if err := memory.Check(bytes, fmt.Sprintf("a fit to %d rows of %d features", n, rows.Width)); err != nil {
		return nil, err
	}
	f := &tableFit{layer: layer, columns: rows.Columns, classes: rows.ClassNames, options: s.fitOptions(n)}
	x, y, counts := make([]float32, n*rows.Width), make([]int64, n), make([]int, classes)
	for i, row := range rows.Rows {
		copy(x[i*rows.Width:], rows.Features[row*rows.Width:][:rows.Width])
		y[i] = int64(rows.Labels[i])
		counts[y[i]]++
		if weights != nil {
			f.options.Weights = append(f.options.Weights, weights[row])
		}
	}
	f.x, f.y = tensor.New(x, n, rows.Width), tensor.New(y, n)
	criterion, err := s.criterion(counts) // which checks class weights
	if err != nil {
		return nil, err
	}
	if s.ClassWeights == "balanced" {
		f.options.Balanced = true
	} else if criterion.Weight != nil {
		f.options.ClassWeights = tensor.Values[float64](criterion.Weight)
	}
	return f, nil
}

// Solve fits, and sets the layer's parameters.
func (f *tableFit) Solve() (loss float64, correct, samples int, err error) {
	if f.found, err = classify.FitTensor(f.x, f.y, f.classes, f.options); err != nil {
		return 0, 0, 0, err
	}
	f.put(f.found)
	loss, accuracy, err := f.found.Measure(f.x, f.y)
	n := f.y.Numel()
	return loss, int(math.Round(accuracy * float64(n))), n, err
}

// Share is that of a train.Sharer.
func (f *tableFit) Share(c dist.Comm) { f.options.Comm = c }

// Rehearse is that of a train.Sharer.
func (f *tableFit) Rehearse() (own, all time.Duration, err error) {
	return classify.Rehearse(f.x, f.y, f.classes, f.options)
}

// put sets the layer's parameters to what was fitted. Of two classes the first has zeros.
func (f *tableFit) put(found *classify.Fitted) {
	zeros := len(f.classes) - len(found.Coefficients)
	weight, bias := make([]float64, zeros*f.columns.Width()), make([]float64, zeros)
	for k, row := range found.Coefficients {
		weight, bias = append(weight, row...), append(bias, found.Intercepts[k])
	}
	f.layer.Weight.CopyInPlace(tensor.New(weight, len(f.classes), f.columns.Width()))
	f.layer.Bias.CopyInPlace(tensor.New(bias, len(bias)))
}

func (f *tableFit) Step() { f.Solve() }

// atOnce is what an optimizer has that fits at once: no gradients, no learning rate, and nothing that a continued run needs beside
// the parameters.
type atOnce struct{}

func (atOnce) ZeroGrad()                        {}
func (atOnce) LR() float64                      { return 1 }
func (atOnce) SetLR(float64)                    {}
func (atOnce) ScheduleLR(optim.Schedule, int)   {}
func (atOnce) State() map[string]*tensor.Tensor { return nil }

func (f *tableFit) fitted() bool { return f.found != nil }

// remark says what people should know of the fit; "" is nothing.
func (f *tableFit) remark() string {
	switch {
	case f.found.Separable:
		return fmt.Sprintf("columns tell rows of some classes from all others without fail: without a penalty coefficients grow without an end, and these are where they were after %d iterations; --penalty l2 holds them", f.found.Iterations)
	case !f.found.Converged:
		return fmt.Sprintf("the fit ended after %d iterations, before the minimum: a smaller --C may help", f.found.Iterations)
	}
	return ""
}

// coefficients returns what was fitted, by names of features.
func (f *tableFit) coefficients() []classify.Coefficient {
	names := classify.Names{Classes: f.classes, Features: f.columns.Features()}
	names.Mean, names.Deviation = f.columns.Scales()
	return f.found.Explain(names)
}

// keepCoefficients writes the coefficients of the fit to the run's folder. A run that goes on behind its end fits once more if
// they are not there.
func (r *trainRun) keepCoefficients(remarks io.Writer) error {
	if !r.fit.fitted() {
		if _, err := os.Stat(r.folder.coefficients()); err == nil {
			return nil
		}
		r.fit.Share(nil) // other ranks do not come here
		if _, _, _, err := r.fit.Solve(); err != nil {
			return err
		}
	}
	if said := r.fit.remark(); said != "" {
		fmt.Fprintln(remarks, said)
	}
	return atomicfile.Write(r.folder.coefficients(), func(w io.Writer) error {
		return classify.WriteCoefficients(w, r.fit.coefficients())
	})
}

// Importance is measured in so many draws, by about so many multiplications in all, and on that many rows at least.
const (
	importanceDraws = 5
	importanceWork  = 2e10
	importanceRows  = 100
)

// importances returns what a model loses without each column of a table, on rows that it is measured on. Of more rows than there is time
// for the first ones are taken.
func importances(m *model.Model, rows *table.Samples, seed uint64) []classify.Importance {
	var groups []classify.Group
	at := 0
	for i := range rows.Columns.List {
		c := &rows.Columns.List[i]
		if n := c.Width(); n > 0 {
			groups = append(groups, classify.Group{Name: c.Name, From: at, To: at + n})
			at += n
		}
	}
	parameters := 0
	for _, p := range nn.ParameterList(m.Net) {
		parameters += p.Numel()
	}
	n := min(rows.Len(), max(importanceRows, int(importanceWork/float64(parameters*importanceDraws*len(groups)))))
	x, y := make([]float32, 0, n*rows.Width), make([]int64, n)
	for i, row := range rows.Rows[:n] {
		x = append(x, rows.Features[row*rows.Width:][:rows.Width]...)
		y[i] = int64(rows.Labels[i])
	}
	return classify.Importances(m.Net, tensor.New(x, n, rows.Width), tensor.New(y, n), groups, importanceDraws, random.New(seed).For("importance"))
}

// look adds to metrics.json what only tables have: how much a column says, and cross-validation.
func (r *trainRun) look() error {
	figures := r.crossFigures
	if r.data.measured() {
		var err error
		if figures, err = r.folder.readFigures(); err != nil {
			return err
		}
		m, err := model.Load(r.folder.best())
		if err != nil {
			return err
		}
		figures.Importance = importances(m, r.final().Dataset().(*table.Samples), r.settings.Seed)
	}
	figures.CV = r.cv
	if figures.Classes == nil { // nothing was measured
		return nil
	}
	return writeJSON(r.folder.metrics(), figures)
}

// parseWeights returns the weights of the rows that have a label, in the column of the given name.
func (t *ownTable) parseWeights(column string) error {
	words, err := t.Words(column)
	if err != nil {
		return err
	}
	t.weights = make([]float64, t.Rows)
	for i, word := range words {
		if t.sets == nil && t.labels.Of[i] < 0 {
			continue
		}
		w, err := strconv.ParseFloat(word, 64)
		if err != nil || !(w >= 0) || math.IsInf(w, 1) {
			return &table.CellError{File: t.Name, Line: t.Line(i), Row: i + 1, Column: column, Found: word, Expected: "a weight of 0 or more"}
		}
		t.weights[i] = w
	}
	return nil
}

// without are the columns that are no inputs.
func (s *settings) without() []string {
	return slices.DeleteFunc([]string{s.LabelColumn, s.SplitColumn, s.GroupColumn, s.WeightColumn}, func(name string) bool { return name == "" })
}
