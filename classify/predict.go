package classify

import (
	"fmt"

	"github.com/onehot-go/onehot/fault"
	"github.com/onehot-go/onehot/internal/parallel"
	"github.com/onehot-go/onehot/tensor"
)

// check panics unless a row has a number for each column, and there is room for each class.
func (f *Fitted) check(op string, row, classes int) {
	if columns := len(f.Coefficients[0]); row != columns || classes != f.classes {
		fault.Option(op, "a row of %d numbers and %d classes: %d and %d expected", row, classes, columns, f.classes)
	}
}

// predictWork is how many multiplications another core is worth.
const predictWork = 1 << 14

// all returns the probabilities of all classes for the rows of t, (N, C) in row-major order, and the likeliest class of each.
// The error names a number that is not finite.
func (f *Fitted) all(op string, t table) (probabilities []float64, likeliest []int64, err error) {
	f.check(op, t.columns, f.classes)
	probabilities, likeliest = make([]float64, t.rows*f.classes), make([]int64, t.rows)
	bad := make([]bool, t.rows)
	parallel.For(t.rows, 1+predictWork/(1+t.columns*len(f.Coefficients)), func(lo, hi int) {
		row := make([]float64, t.columns)
		for i := lo; i < hi; i++ {
			t.read(row, i)
			for _, v := range row {
				bad[i] = bad[i] || v-v != 0
			}
			if bad[i] {
				continue
			}
			likeliest[i] = int64(f.Probabilities(probabilities[i*f.classes:][:f.classes], row))
		}
	})
	for i, is := range bad {
		if is {
			return nil, nil, notFinite(i)
		}
	}
	return probabilities, likeliest, nil
}

// notFinite returns the error of a row that has a number which is none.
func notFinite(row int) error { return fmt.Errorf("row %d: found a number that is not finite", row) }

// PredictProba returns the probabilities of all classes for every row. The error says which row has another
// length than those of the fit, or a number that is not finite.
func (c *Classifier[L]) PredictProba(x [][]float64) ([][]float64, error) {
	probabilities, _, err := c.rows("classify.PredictProba", x)
	if err != nil {
		return nil, err
	}
	out := make([][]float64, len(x))
	for i := range out {
		out[i] = probabilities[i*c.classes:][:c.classes:c.classes]
	}
	return out, nil
}

// Predict returns the likeliest class of every row. The errors are PredictProba's.
func (c *Classifier[L]) Predict(x [][]float64) ([]L, error) {
	_, likeliest, err := c.rows("classify.Predict", x)
	if err != nil {
		return nil, err
	}
	out := make([]L, len(x))
	for i, k := range likeliest {
		out[i] = c.Classes[k]
	}
	return out, nil
}

// rows is all for slices.
func (c *Classifier[L]) rows(op string, x [][]float64) (probabilities []float64, likeliest []int64, err error) {
	if len(x) == 0 {
		return nil, nil, nil
	}
	t, err := fromSlices(x)
	if err != nil {
		return nil, nil, err
	}
	if want := len(c.Coefficients[0]); t.columns != want {
		return nil, nil, fmt.Errorf("row 0: found %d numbers, %d expected", t.columns, want)
	}
	return c.all(op, t)
}

// PredictProbaTensor returns the probabilities (N, C) of Float64 of all classes for rows (N, D) of Float32 or
// Float64. The error names a row with a number that is not finite. It panics if x is not that.
func (f *Fitted) PredictProbaTensor(x *tensor.Tensor) (*tensor.Tensor, error) {
	const op = "classify.PredictProbaTensor"
	t := fromTensor(op, x)
	probabilities, _, err := f.all(op, t)
	if err != nil {
		return nil, err
	}
	return tensor.New(probabilities, t.rows, f.classes), nil
}

// PredictTensor returns the number of the likeliest class, (N) of Int64, for rows (N, D) of Float32 or Float64. The errors and
// panics are PredictProbaTensor's.
func (f *Fitted) PredictTensor(x *tensor.Tensor) (*tensor.Tensor, error) {
	const op = "classify.PredictTensor"
	t := fromTensor(op, x)
	_, likeliest, err := f.all(op, t)
	if err != nil {
		return nil, err
	}
	return tensor.New(likeliest, t.rows), nil
}
