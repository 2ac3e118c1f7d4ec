package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/onehot-go/onehot/classify"
	"github.com/onehot-go/onehot/dataset"
	"github.com/onehot-go/onehot/dataset/files"
	"github.com/onehot-go/onehot/internal/memory"
	"github.com/onehot-go/onehot/internal/printable"
	"github.com/onehot-go/onehot/random"
	"github.com/onehot-go/onehot/task"
	"github.com/onehot-go/onehot/tensor"
	"github.com/onehot-go/onehot/train"
)

// crossValidation is what cross-validation found.
type crossValidation struct {
	Folds     int               `json:"folds"`
	Rule      string            `json:"rule,omitempty"` // by which a strength was chosen
	Strengths []strengthFigures `json:"strengths"`      // the strongest penalty first; one without C where there is no choice
}

// strengthFigures are the figures of a strength of the penalty, on rows that fits did not know.
type strengthFigures struct {
	Event             string    `json:"event,omitempty"`
	C                 float64   `json:"C,omitzero"`
	Loss              float64   `json:"loss"` // the mean of the folds'
	LossDeviation     float64   `json:"loss_deviation"`
	Accuracy          float64   `json:"accuracy"`
	AccuracyDeviation float64   `json:"accuracy_deviation"`
	Best              bool      `json:"best,omitempty"` // of the least loss
	Chosen            bool      `json:"chosen,omitempty"`
	FoldLoss          []float64 `json:"fold_loss"` // by fold
	FoldAccuracy      []float64 `json:"fold_accuracy"`
}

// pathStrengths returns the strengths that are tried: 20 from 10^-4 to 10^4, in equal steps of their logarithm.
func pathStrengths() (all []float64) {
	const n, least, most = 20, -4, 4
	for i := range n {
		c, err := strconv.ParseFloat(strconv.FormatFloat(math.Pow(10, least+float64(i)*(most-least)/(n-1)), 'g', 4, 64), 64) // as --C may have it
		if err != nil {
			panic(err)
		}
		all = append(all, c)
	}
	return all
}

// crossValidate measures the run's model in folds of the training rows, each prepared and trained as a run of its own whose validation
// part is the fold. It sets what was found, and the strength that was chosen.
func (c *trainCommand) crossValidate(ctx context.Context, t *ownTable, r *trainRun, s streams) error {
	rows := t.rows(dataset.Train)
	labels := make([]int64, len(rows))
	for k, i := range rows {
		labels[k] = int64(t.labels.Of[i])
	}
	var groups []string
	if c.GroupColumn != "" {
		words, err := t.Words(c.GroupColumn)
		if err != nil {
			return err
		}
		for _, i := range rows {
			groups = append(groups, words[i])
		}
	}
	folds, err := classify.Folds(labels, groups, c.CV, random.New(c.Seed).For("cv"))
	if err != nil {
		return fmt.Errorf("%s: --cv: %w", c.Data, err)
	}
	sayFew(s.err, t, rows, c.CV)
	path := []float64{c.C} // of one model without a choice
	if c.searches() {
		path = pathStrengths()
	}
	classes := t.labels.Classes
	if err := memory.Check(8*float64(len(path))*float64(len(classes))*float64(len(classes)), fmt.Sprintf("confusions of %d classes with %d strengths", len(classes), len(path))); err != nil {
		return err
	}
	found := make([]classify.Strength, len(path))
	meters := make([]task.Meter, len(path)) // of all rows, each measured by the fold that does not know it
	for i, strength := range path {
		found[i].C, meters[i] = strength, (task.Classification{}).NewMeter(classes)
	}
	shown := newBar(s.err)
	for k, fold := range folds {
		if now := time.Now(); now.Sub(shown.said) >= shown.interval {
			shown.draw([]string{fmt.Sprintf("fold %d/%d", k+1, len(folds))}, []int{0}, float64(k)/float64(len(folds)), now)
		}
		of := *t
		of.part = make([]string, t.Rows)
		for _, i := range fold.Fit {
			of.part[rows[i]] = files.Train
		}
		for _, i := range fold.Measure {
			of.part[rows[i]] = files.Val
		}
		err := c.foldRun(ctx, &of, path, func(i int, logits, targets *tensor.Tensor) {
			f := task.Classification{}.NewMeter(classes)
			f.Update(logits, targets)
			meters[i].Update(logits, targets)
			loss, accuracy := f.Figures().Summary()
			found[i].Loss, found[i].Accuracy = append(found[i].Loss, loss), append(found[i].Accuracy, accuracy)
		})
		if err != nil {
			shown.clear()
			return fmt.Errorf("fold %d of %d: %w", k+1, len(folds), err)
		}
	}
	shown.clear()
	best := classify.Best(found)
	chosen := best
	r.cv = &crossValidation{Folds: len(folds)}
	if c.searches() {
		if r.cv.Rule = c.CVRule; c.CVRule != "best" {
			r.cv.Rule, chosen = "one-se", classify.Simplest(found)
		}
		r.chosenC = path[chosen]
	}
	for i, f := range found {
		of := strengthFigures{C: f.C, FoldLoss: f.Loss, FoldAccuracy: f.Accuracy, Best: c.searches() && i == best, Chosen: i == chosen}
		of.Loss, of.LossDeviation = classify.Moments(f.Loss)
		of.Accuracy, of.AccuracyDeviation = classify.Moments(f.Accuracy)
		r.cv.Strengths = append(r.cv.Strengths, of)
	}
	r.crossFigures = newFigures(train.Evaluation{Figures: meters[chosen].Figures()})
	r.crossFigures.Part = "cv"
	return r.cv.print(c.JSON, s)
}

// sayFew tells remarks which classes have fewer rows than there are folds: no fit to a fold knows all of them.
func sayFew(remarks io.Writer, t *ownTable, rows []int, folds int) {
	counts := make([]int, len(t.labels.Classes))
	for _, i := range rows {
		counts[t.labels.Of[i]]++
	}
	var few []string
	for k, n := range counts {
		if n < folds {
			few = append(few, printable.Name(t.labels.Classes[k]))
		}
	}
	if len(few) > 0 {
		const most = 5
		said := strings.Join(few[:min(most, len(few))], ", ")
		if n := len(few) - most; n > 0 {
			said += fmt.Sprintf(" and %d more", n)
		}
		fmt.Fprintf(remarks, "classes of fewer rows than folds: %s; some folds do not measure them\n", said)
	}
}

// foldRun trains a model of the rows of a table that are for training, with each strength of path, and gives what it says of the
// validation rows, (N, classes), and their classes to measured.
func (c *trainCommand) foldRun(ctx context.Context, t *ownTable, path []float64, measured func(i int, logits, targets *tensor.Tensor)) error {
	of := *c
	of.CV, of.table, of.Watch, of.TensorBoard = 0, t, false, false
	r, err := of.prepareTable(ctx, streams{out: io.Discard, err: io.Discard})
	if err != nil {
		return err
	}
	measure := func(i int) error {
		logits, targets, err := train.Predict(r.config(train.Progress{}).Model.Net, r.val)
		if err == nil {
			measured(i, logits, targets)
		}
		return err
	}
	if fit, ok := r.fit.(*tableFit); ok {
		if !c.searches() {
			path = []float64{fit.options.C}
		}
		fit.options.Tolerance = classify.ChoiceTolerance
		all, err := classify.FitPath(fit.x, fit.y, fit.classes, path, fit.options)
		if err != nil {
			return err
		}
		for i, found := range all {
			fit.put(found)
			if err := measure(i); err != nil {
				return err
			}
		}
		return ctx.Err()
	}
	config := r.config(train.Progress{})
	config.Keep, config.Test, config.Validation = train.Keep{}, nil, false
	for _, err := range train.Run(ctx, config) {
		if err != nil {
			return err
		}
	}
	return measure(0)
}

// print tells what was found: a table, and a line of what was chosen; or as JSON an object a strength.
func (v *crossValidation) print(asJSON bool, s streams) error {
	if asJSON {
		for _, f := range v.Strengths {
			f.Event = "cv"
			if err := json.NewEncoder(s.out).Encode(f); err != nil {
				return err
			}
		}
		return nil
	}
	chosen := v.Strengths[slices.IndexFunc(v.Strengths, func(f strengthFigures) bool { return f.Chosen })]
	if len(v.Strengths) > 1 {
		w := tabwriter.NewWriter(s.err, 0, 0, 2, ' ', 0)
		fmt.Fprintln(w, "C\tloss\taccuracy\t")
		for _, f := range v.Strengths {
			var why []string
			if f.Best {
				why = append(why, "least loss")
			}
			if f.Chosen {
				why = append(why, "chosen")
			}
			fmt.Fprintf(w, "%g\t%.4f ± %.4f\t%.4f ± %.4f\t%s\n", f.C, f.Loss, f.LossDeviation, f.Accuracy, f.AccuracyDeviation, strings.Join(why, ", "))
		}
		if err := w.Flush(); err != nil {
			return err
		}
	}
	line := fmt.Sprintf("cv of %d folds, ", v.Folds)
	if v.Rule != "" {
		line += fmt.Sprintf("C %g by %s, ", chosen.C, v.Rule)
	}
	_, err := fmt.Fprintf(s.out, "%sloss %.4f ± %.4f, acc %.3f ± %.3f\n", line, chosen.Loss, chosen.LossDeviation, chosen.Accuracy, chosen.AccuracyDeviation)
	return err
}
