// Package classify fits softmax regression to tables: rows of numbers, each with a class. It is
// scikit-learn's make_pipeline(StandardScaler(), LogisticRegression()), in its meaning of C and with
// its minima: of L2, L1 and elastic net, with weights of samples and of classes.
//
//	c, err := classify.Fit(x, y, classify.Options{})
//	if err != nil {
//		return err
//	}
//	said, err := c.Predict(unknown)
//
// What is fitted is a Classifier. Model makes one file's worth of it, for the program and for PyTorch.
package classify

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/onehot-go/onehot/dist"
	"github.com/onehot-go/onehot/fault"
	"github.com/onehot-go/onehot/internal/shapes"
	"github.com/onehot-go/onehot/tensor"
)

// Options are the settings of a fit that are not always given; the zero value is scikit-learn's default,
// standardised.
type Options struct {
	// C is the inverse strength of the penalty. What is made small is C times the sum of the losses, plus
	// (1 - L1Ratio)/2 times the sum of the squared coefficients, plus L1Ratio times the sum of their
	// magnitudes. Intercepts are not penalised. 0 is 1, and math.Inf(1) is no penalty.
	C float64
	// L1Ratio is the share of L1 in the penalty: 0 is L2 alone, 1 is L1 alone, what lies between is elastic net.
	L1Ratio float64

	Weights      []float64 // one a row, at least 0: a row of weight 2 counts as two; nil is 1 for each
	ClassWeights []float64 // one a class, in their order: the rows of a class count so much more; nil is 1 for each
	Balanced     bool      // classes count the same in all: ClassWeights are the rows / (classes · the class's rows), whatever these weigh

	// Raw fits to the numbers as they are. Without it every column is brought to mean 0 and deviation 1.
	Raw bool

	// Comm has the ranks that share the rows, all with the same rows and options; nil is one. The fit has the same bits for any number of
	// ranks. A failure between them is a *dist.CommError.
	Comm dist.Comm

	Iterations int // at most; 0 is 1000
	// Tolerance is how small the gradient of the mean loss and its share of the penalty are at the end, in
	// each coefficient; 0 is 1e-7.
	Tolerance float64
}

// What Options mean with 0.
const (
	usualIterations = 1000
	usualTolerance  = 1e-7
)

// complete returns o with what 0 stands for. It panics with a *fault.OptionError for what cannot work.
func (o Options) complete(op string) Options {
	o.C, o.Iterations, o.Tolerance = cmp.Or(o.C, 1), cmp.Or(o.Iterations, usualIterations), cmp.Or(o.Tolerance, usualTolerance)
	switch {
	case !(o.C > 0):
		fault.Option(op, "C of %v: above 0 expected", o.C)
	case !(o.L1Ratio >= 0 && o.L1Ratio <= 1):
		fault.Option(op, "L1 ratio %v: 0 to 1 expected", o.L1Ratio)
	case o.Iterations < 1:
		fault.Option(op, "%d iterations: at least 1 expected", o.Iterations)
	case !(o.Tolerance > 0):
		fault.Option(op, "tolerance %v: above 0 expected", o.Tolerance)
	case o.Balanced && o.ClassWeights != nil:
		fault.Option(op, "balanced with class weights %v: one of the two expected", o.ClassWeights)
	}
	return o
}

// Classifier is softmax regression fitted to rows whose classes are values of L: names, or numbers.
// Many goroutines may use it at once.
type Classifier[L cmp.Ordered] struct {
	Classes []L // in rising order
	Fitted
}

// Fit fits to the rows x, as long as each other, and the class of each. The classes are what y has, in
// rising order. The error says which number is not finite, which row has another length, or that there
// are fewer than two classes. It panics with a *fault.OptionError if x and y are not as many, and for
// options that cannot work.
func Fit[L cmp.Ordered](x [][]float64, y []L, o Options) (*Classifier[L], error) {
	const op = "classify.Fit"
	if len(x) != len(y) {
		fault.Option(op, "%d rows and %d classes: as many expected", len(x), len(y))
	}
	names := slices.Compact(slices.Sorted(slices.Values(y)))
	labels := make([]int64, len(y))
	for i, name := range y {
		k, _ := slices.BinarySearch(names, name)
		if name != name { // NaN
			return nil, fmt.Errorf("the class of row %d: found %v, a name or a number expected", i, name)
		}
		labels[i] = int64(k)
	}
	m, err := fromSlices(x)
	if err != nil {
		return nil, err
	}
	f, err := fitRows(op, m, labels, len(names), o)
	if err != nil {
		return nil, err
	}
	return &Classifier[L]{Classes: names, Fitted: *f}, nil
}

// FitTensor is Fit for rows (N, D) of Float32 or Float64, classes (N) of Int64 from 0 up, and the names of
// the classes in the order of their numbers. A class that no row has is never predicted. It panics
// with a *tensor.ShapeError, *tensor.DTypeError or *fault.LabelError if the tensors are not that.
func FitTensor(x, y *tensor.Tensor, classes []string, o Options) (*Fitted, error) {
	const op = "classify.FitTensor"
	m, labels := fromTensors(op, x, y, len(classes))
	return fitRows(op, m, labels, len(classes), o)
}

// FitPath is FitTensor with each strength C of strengths in place of o.C, from the strongest penalty to the weakest:
// every fit begins where the one before ended, which takes much less time than fits of their own. It panics with
// a *fault.OptionError if there are none, or if they are in another order.
func FitPath(x, y *tensor.Tensor, classes []string, strengths []float64, o Options) ([]*Fitted, error) {
	const op = "classify.FitPath"
	if len(strengths) == 0 || !slices.IsSorted(strengths) || !(strengths[0] > 0) { // NaN sorts first
		fault.Option(op, "C of %v: at least one, above 0 and the smallest first, expected", strengths)
	}
	m, labels := fromTensors(op, x, y, len(classes))
	return fitPath(op, m, labels, len(classes), strengths, o)
}

// table is rows of numbers as they came.
type table struct {
	rows, columns int
	read          func(dst []float64, row int)
}

// fromSlices returns the table of x, whose rows are as long as the first.
func fromSlices(x [][]float64) (table, error) {
	if len(x) == 0 {
		return table{}, errors.New("found no rows, at least 1 expected")
	}
	columns := len(x[0])
	for i, row := range x {
		if len(row) != columns {
			return table{}, fmt.Errorf("row %d: found %d numbers, %d expected as in row 0", i, len(row), columns)
		}
	}
	return table{len(x), columns, func(dst []float64, row int) { copy(dst, x[row]) }}, nil
}

// fromTensors returns the table of x and the classes in y.
func fromTensors(op string, x, y *tensor.Tensor, classes int) (table, []int64) {
	if x.Dim() != 2 || y.Dim() != 1 || x.Size(0) != y.Size(0) {
		shapes.Fail(op, "rows (N, D) and classes (N) expected", x, y)
	}
	if y.DType() != tensor.Int64 {
		panic(&tensor.DTypeError{Op: op, Shapes: [][]int{x.Shape(), y.Shape()}, Got: y.DType(), Want: "int64 classes"})
	}
	labels := tensor.Values[int64](y)
	for i, label := range labels {
		if label < 0 || label >= int64(classes) {
			fault.Label(op, label, i, y.Shape(), classes, "")
		}
	}
	return fromTensor(op, x), labels
}

// fromTensor returns the table of x.
func fromTensor(op string, x *tensor.Tensor) table {
	if x.Dim() != 2 {
		shapes.Fail(op, "rows (N, D) expected", x)
	}
	rows, columns := x.Size(0), x.Size(1)
	switch x.DType() {
	case tensor.Float32:
		values := tensor.Data[float32](x.Detach().Contiguous())
		return table{rows, columns, func(dst []float64, row int) {
			for j, v := range values[row*columns:][:columns] {
				dst[j] = float64(v)
			}
		}}
	case tensor.Float64:
		values := tensor.Data[float64](x.Detach().Contiguous())
		return table{rows, columns, func(dst []float64, row int) { copy(dst, values[row*columns:][:columns]) }}
	}
	panic(&tensor.DTypeError{Op: op, Shapes: [][]int{x.Shape()}, Got: x.DType(), Want: "float32 or float64 rows"})
}

// weigh returns the weight of every row and class weights applied, nil where all are 1, after checking them.
func (o Options) weigh(op string, labels []int64, classes int) ([]float64, error) {
	if o.Weights != nil && len(o.Weights) != len(labels) {
		fault.Option(op, "%d weights of %d rows: one each expected", len(o.Weights), len(labels))
	}
	for i, w := range o.Weights {
		if !(w >= 0) || math.IsInf(w, 1) {
			return nil, fmt.Errorf("row %d: found the weight %v, a number of at least 0 expected", i, w)
		}
	}
	byClass := o.ClassWeights
	if byClass != nil && len(byClass) != classes {
		fault.Option(op, "%d class weights of %d classes: one each expected", len(byClass), classes)
	}
	for _, w := range byClass {
		if !(w >= 0) || math.IsInf(w, 1) {
			fault.Option(op, "class weights %v: numbers of at least 0 expected", byClass)
		}
	}
	if o.Balanced {
		byClass = make([]float64, classes)
		there := 0.0
		for _, label := range labels {
			if byClass[label] == 0 {
				there++
			}
			byClass[label]++
		}
		for k, n := range byClass {
			if n > 0 {
				byClass[k] = float64(len(labels)) / (there * n)
			}
		}
	}
	if byClass == nil && o.Weights == nil {
		return nil, nil
	}
	weights, sum := make([]float64, len(labels)), 0.0
	for i, label := range labels {
		weights[i] = o.weight(i)
		if byClass != nil {
			weights[i] *= byClass[label]
		}
		sum += weights[i]
	}
	if sum != 0 && !(sum >= leastSum && sum <= mostSum) {
		return nil, fmt.Errorf("found weights whose sum is %v, %v to %v expected", sum, leastSum, mostSum)
	}
	return weights, nil
}

// What all weights together are at least and at most, unless they are 0: beyond it products of them leave float64.
const (
	leastSum = 1e-100
	mostSum  = 1e100
)

// weight returns the weight of a row without its class's.
func (o Options) weight(row int) float64 {
	if o.Weights == nil {
		return 1
	}
	return o.Weights[row]
}
