package report

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/onehot-go/onehot/model"
)

// RowExplanation says why a row of a table has the score that it has: how far a class's logit is above the mean of the others', of two
// classes the logarithm of its odds. Of several labels it is the label's logit, the logarithm of its odds too.
type RowExplanation struct {
	Class int
	Score float64
	Base  float64 // the score of the mean row, the bias of softmax regression among it
	Terms []Term  // of the columns, the greatest first, for or against
	Rest  float64 // what columns say together and none alone: Score is Base, all terms and Rest; of softmax regression it is rounding
}

// Term is what a column adds to a score: how much lower that would be with the column of the mean row. Of softmax regression it is the
// column's coefficients times how far its prepared values are from their means.
type Term struct {
	Column int // in the List of transform.Columns
	Value  float64
}

// ExplainRow explains the score of a class for a row, x, that is prepared: a number for each feature of d's columns. by is a predictor of a model that
// d defines. The error says that the model takes no rows of tables, or that the net gives no number for a class.
func ExplainRow(by *model.Predictor, d *model.Definition, x []float32, class int) (*RowExplanation, error) {
	columns, ok := d.Columns()
	if !ok {
		return nil, fmt.Errorf("found a row of a table, the model prepares its input by %v", d.Preprocess)
	}
	classes := len(d.Classes)
	logits, probabilities := make([]float32, classes), make([]float64, classes)
	score := func(x []float32) (float64, error) {
		if err := by.Run(logits, probabilities, x); err != nil {
			return 0, err
		}
		if d.SeveralLabels() {
			return float64(logits[class]), nil
		}
		others := 0.0
		for k, v := range logits {
			if k != class {
				others += float64(v)
			}
		}
		return float64(logits[class]) - others/float64(max(1, classes-1)), nil
	}
	mean := columns.MeanRow()
	e := &RowExplanation{Class: class}
	var err error
	if e.Score, err = score(x); err != nil {
		return nil, err
	}
	if e.Base, err = score(mean); err != nil {
		return nil, err
	}
	without := slices.Clone(x)
	e.Rest = e.Score - e.Base
	at := 0
	for i := range columns.List {
		n := columns.List[i].Width()
		if n == 0 {
			continue
		}
		copy(without[at:at+n], mean[at:])
		lower, err := score(without)
		if err != nil {
			return nil, err
		}
		copy(without[at:at+n], x[at:])
		at += n
		e.Terms = append(e.Terms, Term{i, e.Score - lower})
		e.Rest -= e.Score - lower
	}
	slices.SortStableFunc(e.Terms, func(a, b Term) int { return cmp.Compare(math.Abs(b.Value), math.Abs(a.Value)) })
	return e, nil
}
