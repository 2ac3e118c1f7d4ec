package classify

import (
	"encoding/csv"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"

	"github.com/onehot-go/onehot/fault"
)

// Coefficient is what a feature says for a class. Numbers that nobody knows are NaN.
type Coefficient struct {
	Class   string
	Against string // the class that Class is told from; "" is the mean of all classes
	Feature string // or Intercept

	// Value is what 1 more of the feature, as it was before anything was standardised, adds to the logit of Class.
	Value float64
	// Error is the standard error of Value, by the inverse of the Hessian. Z is their quotient, and P the probability of one as far
	// from 0 where the feature says nothing. Fits without a penalty have them that converged.
	Error, Z, P float64
	// OddsRatio is what 1 more of the feature multiplies the odds of Class against Against by. Low and High are the
	// ends of its interval of 95%.
	OddsRatio, Low, High float64
	// Standardised is the coefficient for the numbers that the fit was for, by which features can be compared, and
	// StandardisedError its standard error.
	Standardised, StandardisedError float64
}

// Intercept stands in place of a feature for the logit of a class where all features are 0.
const Intercept = "(intercept)"

// Names say what the columns and classes of a fit are called.
type Names struct {
	Classes  []string
	Features []string
	// Mean and Deviation are what features were standardised by before the fit saw them; nil if they were not.
	Mean, Deviation []float64
}

// widely is half the width of an interval of 95%, in standard errors.
const widely = 1.959963984540054

// Explain returns what every feature says for every class: class by class, the intercept first. Of two classes it has the
// second's coefficients against the first. Of three and more it has each class's against the mean of all. Those of a fit
// without a penalty that converged are against the first class instead, which is what standard errors are known of; and a feature that
// others say already, such as the first category of a column, has the coefficient 0 there and no error. More than 1,000
// coefficients have no errors. It panics with a *fault.OptionError unless there is a name for each class and column.
func (f *Fitted) Explain(n Names) []Coefficient {
	columns := len(f.Coefficients[0])
	if len(n.Classes) != f.classes || len(n.Features) != columns || n.Mean != nil && (len(n.Mean) != columns || len(n.Deviation) != columns) {
		fault.Option("classify.Explain", "names of %d classes and %d features, %d means and %d deviations: one for each of %d classes and %d columns expected",
			len(n.Classes), len(n.Features), len(n.Mean), len(n.Deviation), f.classes, columns)
	}
	var fitted scaling // to the numbers that the fit was for
	vectors, own, known := f.vectors(), scaling{f.Mean, f.Deviation}, f.certainty
	if known != nil {
		vectors, own = known.values, known.scaling
		if known.undone {
			fitted = own
		}
	}
	whole := own.after(scaling{n.Mean, n.Deviation})
	first := f.classes - len(vectors)
	nobody := slices.Repeat([]float64{math.NaN()}, 1+columns)
	var out []Coefficient
	for k, v := range vectors {
		value, standardised, errors, standardisedErrors := whole.undo(v), fitted.undo(v), nobody, nobody
		if known != nil {
			errors, standardisedErrors = known.errors(k, whole), known.errors(k, fitted)
		}
		for j := range v {
			c := Coefficient{
				Class: n.Classes[first+k], Feature: Intercept, Value: value[j], Error: errors[j], Z: value[j] / errors[j],
				OddsRatio: math.Exp(value[j]), Low: math.Exp(value[j] - widely*errors[j]), High: math.Exp(value[j] + widely*errors[j]),
				Standardised: standardised[j], StandardisedError: standardisedErrors[j],
			}
			if first > 0 {
				c.Against = n.Classes[0]
			}
			if j > 0 {
				c.Feature = n.Features[j-1]
			}
			c.P = math.Erfc(math.Abs(c.Z) / math.Sqrt2)
			out = append(out, c)
		}
	}
	if first == 0 { // odds against the mean of all
		for j := range columns + 1 {
			mean := 0.0
			for k := range vectors {
				mean += out[k*(columns+1)+j].Value / float64(len(vectors))
			}
			for k := range vectors {
				c := &out[k*(columns+1)+j]
				c.OddsRatio = math.Exp(c.Value - mean)
			}
		}
	}
	return out
}

// header names the columns of WriteCoefficients.
var header = []string{"class", "against", "feature", "coefficient", "error", "z", "p", "odds_ratio", "odds_low", "odds_high", "standardised", "standardised_error"}

// numbers returns where the numbers of c are, in the order of header.
func (c *Coefficient) numbers() []*float64 {
	return []*float64{&c.Value, &c.Error, &c.Z, &c.P, &c.OddsRatio, &c.Low, &c.High, &c.Standardised, &c.StandardisedError}
}

// WriteCoefficients writes coefficients as CSV with a header. A number that nobody knows is an empty field. The error is w's.
func WriteCoefficients(w io.Writer, all []Coefficient) error {
	t := csv.NewWriter(w)
	t.Write(header) // Error has the first one
	for _, c := range all {
		line := []string{c.Class, c.Against, c.Feature}
		for _, v := range c.numbers() {
			if math.IsNaN(*v) {
				line = append(line, "")
			} else {
				line = append(line, strconv.FormatFloat(*v, 'g', 8, 64))
			}
		}
		t.Write(line)
	}
	t.Flush()
	return t.Error()
}

// ReadCoefficients reads what WriteCoefficients wrote. The error says what was found in which line.
func ReadCoefficients(r io.Reader) ([]Coefficient, error) {
	t := csv.NewReader(r)
	first, err := t.Read()
	if err != nil {
		return nil, fmt.Errorf("coefficients: %w", err)
	}
	if !slices.Equal(first, header) {
		return nil, fmt.Errorf("coefficients: line 1: found the columns %.200q, %q expected", first, header)
	}
	var all []Coefficient
	for {
		fields, err := t.Read()
		if err == io.EOF {
			return all, nil
		}
		if err != nil {
			return nil, fmt.Errorf("coefficients: %w", err)
		}
		c := Coefficient{Class: fields[0], Against: fields[1], Feature: fields[2]}
		for i, to := range c.numbers() {
			if *to = math.NaN(); fields[3+i] == "" {
				continue
			}
			if *to, err = strconv.ParseFloat(fields[3+i], 64); err != nil {
				line, _ := t.FieldPos(3 + i)
				return nil, fmt.Errorf("coefficients: line %d, column %q: found %.100q, a number expected", line, header[3+i], fields[3+i])
			}
		}
		all = append(all, c)
	}
}
