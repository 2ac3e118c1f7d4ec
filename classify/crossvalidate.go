package classify

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/onehot-go/onehot/fault"
	"github.com/onehot-go/onehot/internal/parallel"
	"github.com/onehot-go/onehot/random"
	"github.com/onehot-go/onehot/tensor"
)

// Fold has the rows, by index, that a fit is to, and those that it is then measured on.
type Fold struct{ Fit, Measure []int }

// Folds divides rows of the given classes into so many folds, each of which is measured once: scikit-learn's
// StratifiedGroupKFold, shuffled. Rows of one group are measured in one fold; nil makes every row a group of its own. Every
// fold has of each class its share, as far as groups let it. key draws. The error says how many groups are too few. It panics with a
// *fault.OptionError if k is below 2, or groups are not as many as labels.
func Folds(labels []int64, groups []string, k int, key random.Key) ([]Fold, error) {
	const op = "classify.Folds"
	if k < 2 || groups != nil && len(groups) != len(labels) {
		fault.Option(op, "%d folds of %d rows and %d groups: 2 or more, and a group for each row, expected", k, len(labels), len(groups))
	}
	var sets [][]int
	at := map[string]int{}
	perClass := map[int64]float64{}
	for i, label := range labels {
		perClass[label]++
		if groups == nil {
			sets = append(sets, []int{i})
			continue
		}
		s, known := at[groups[i]]
		if !known {
			s, at[groups[i]] = len(sets), len(sets)
			sets = append(sets, nil)
		}
		sets[s] = append(sets[s], i)
	}
	if len(sets) < k {
		return nil, tooFew(len(sets), k, groups != nil)
	}
	key.Rand().Shuffle(len(sets), func(i, j int) { sets[i], sets[j] = sets[j], sets[i] })
	slices.SortStableFunc(sets, func(a, b []int) int { return cmp.Compare(len(b), len(a)) })
	of := make([]int, len(labels)) // the fold that a row is measured in
	sizes, there := make([]int, k), make([]map[int64]float64, k)
	for f := range there {
		there[f] = map[int64]float64{}
	}
	for _, set := range sets {
		best, least := 0, math.Inf(1)
		for f := range k {
			more := 0.0 // of the squared shares of its classes
			for _, i := range set {
				more += there[f][labels[i]] / (perClass[labels[i]] * perClass[labels[i]])
			}
			if more < least || more == least && sizes[f] < sizes[best] {
				best, least = f, more
			}
		}
		for _, i := range set {
			of[i] = best
			there[best][labels[i]]++
		}
		sizes[best] += len(set)
	}
	folds := make([]Fold, k)
	for i, at := range of {
		for f := range folds {
			if f == at {
				folds[f].Measure = append(folds[f].Measure, i)
			} else {
				folds[f].Fit = append(folds[f].Fit, i)
			}
		}
	}
	return folds, nil
}

// Strength is a strength of the penalty, and how well fits with it do on rows that they do not know.
type Strength struct {
	C        float64   `json:"C"`
	Loss     []float64 `json:"loss"`     // of each fold: the mean cross-entropy of its rows
	Accuracy []float64 `json:"accuracy"` // and their share that is classified right
}

// Moments returns the mean and the deviation of one strength's figures of folds; the deviation is the sample's, with one
// fewer in its denominator.
func Moments(folds []float64) (mean, deviation float64) {
	n := float64(len(folds))
	for _, v := range folds {
		mean += v / n
	}
	for _, v := range folds {
		deviation += (v - mean) * (v - mean) / (n - 1)
	}
	return mean, math.Sqrt(deviation)
}

// Best returns which strength has the least mean loss, the stronger of equals.
func Best(path []Strength) int {
	best, least := 0, math.Inf(1)
	for i, s := range path {
		if mean, _ := Moments(s.Loss); mean < least {
			best, least = i, mean
		}
	}
	return best
}

// Simplest returns the strongest penalty whose mean loss is within one standard error of the least one: the rule of Breiman and
// others, for models that are hardly worse and simpler. Strengths have the strongest penalty first, as FitPath takes them.
func Simplest(path []Strength) int {
	best := Best(path)
	mean, deviation := Moments(path[best].Loss)
	most := mean + deviation/math.Sqrt(float64(len(path[best].Loss)))
	return slices.IndexFunc(path[:best+1], func(s Strength) bool {
		mean, _ := Moments(s.Loss)
		return mean <= most
	})
}

// CrossValidate fits to every fold with each strength C of strengths, as FitPath does, and measures on the fold's other rows. What
// standardises is fitted to the same rows as the rest. The rows and classes are FitTensor's, and so are the errors. A
// Tolerance of 0 is 1e-5 here: what is smaller makes no difference to a choice. It panics as FitPath does, and with a
// *fault.OptionError if there are no folds.
func CrossValidate(x, y *tensor.Tensor, classes []string, folds []Fold, strengths []float64, o Options) ([]Strength, error) {
	if len(folds) == 0 {
		fault.Option("classify.CrossValidate", "no folds: at least 1 expected")
	}
	o.Tolerance = cmp.Or(o.Tolerance, ChoiceTolerance)
	path := make([]Strength, len(strengths))
	for i, c := range strengths {
		path[i] = Strength{c, make([]float64, len(folds)), make([]float64, len(folds))}
	}
	errs := make([]error, len(folds))
	parallel.Share(len(folds), 1, func(lo, hi int) {
		for k := lo; k < hi; k++ {
			errs[k] = validate(x, y, classes, folds[k], strengths, o, func(i int, loss, accuracy float64) {
				path[i].Loss[k], path[i].Accuracy[k] = loss, accuracy
			})
		}
	})
	return path, cmp.Or(errs...)
}

// ChoiceTolerance is Options.Tolerance of fits that are measured, so that one of them can be chosen.
const ChoiceTolerance = 1e-5

// validate fits to a fold with each strength, and gives what it measures to found.
func validate(x, y *tensor.Tensor, classes []string, fold Fold, strengths []float64, o Options, found func(i int, loss, accuracy float64)) error {
	if weights := o.Weights; weights != nil {
		o.Weights = make([]float64, len(fold.Fit))
		for k, i := range fold.Fit {
			o.Weights[k] = weights[i]
		}
	}
	fitted, err := FitPath(rowsOf(x, fold.Fit), rowsOf(y, fold.Fit), classes, strengths, o)
	if err != nil {
		return err
	}
	measureX, measureY := rowsOf(x, fold.Measure), rowsOf(y, fold.Measure)
	for i, f := range fitted {
		loss, accuracy, err := f.Measure(measureX, measureY)
		if err != nil {
			return err
		}
		found(i, loss, accuracy)
	}
	return nil
}

// Measure returns the mean cross-entropy of rows (N, D) with classes (N), and the share of them that is classified right. The
// errors and panics are FitTensor's.
func (f *Fitted) Measure(x, y *tensor.Tensor) (loss, accuracy float64, err error) {
	const op = "classify.Measure"
	t, labels := fromTensors(op, x, y, f.classes)
	f.check(op, t.columns, f.classes)
	losses, right := make([]float64, t.rows), make([]bool, t.rows)
	parallel.For(t.rows, 1+predictWork/(1+t.columns*len(f.Coefficients)), func(lo, hi int) {
		row, logits := make([]float64, t.columns), make([]float64, f.classes)
		for i := lo; i < hi; i++ {
			t.read(row, i)
			f.logits(logits, row)
			peak, sum := slices.Max(logits), 0.0
			for _, z := range logits {
				sum += math.Exp(z - peak)
			}
			losses[i], right[i] = math.Log(sum)+peak-logits[labels[i]], logits[labels[i]] == peak
		}
	})
	correct := 0
	for i, v := range losses {
		if v-v != 0 {
			return 0, 0, notFinite(i)
		}
		loss += v
		if right[i] {
			correct++
		}
	}
	return loss / float64(t.rows), float64(correct) / float64(t.rows), nil
}

// rowsOf returns the given rows of t.
func rowsOf(t *tensor.Tensor, rows []int) *tensor.Tensor {
	at := make([]int64, len(rows))
	for k, i := range rows {
		at[k] = int64(i)
	}
	return t.IndexSelect(0, tensor.New(at, len(at)))
}

// tooFew returns the error of fewer rows, or groups, than folds.
func tooFew(found, folds int, groups bool) error {
	what := "rows"
	if groups {
		what = "groups"
	}
	return fmt.Errorf("found %d %s for %d folds, at least one a fold expected", found, what, folds)
}
