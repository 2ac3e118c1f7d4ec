package classify_test

import (
	"bytes"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/onehot-go/onehot/classify"
	"github.com/onehot-go/onehot/random"
	"github.com/onehot-go/onehot/tensor"
)

// inference is what inference.py wrote.
type inference struct {
	Errors map[string]struct {
		Columns                      []int
		Coef, Error, Z, P, Low, High [][]float64
	}
	Path map[string]struct {
		C              []float64
		Loss, Accuracy [][]float64
		Best, Simplest int
	}
	Importance struct{ Mean, Deviation []float64 }
}

// isNear reports whether a number is that of the reference, to a share of it.
func isNear(got, want, share float64) bool {
	return got == want || math.Abs(got-want) <= share*math.Abs(want)+1e-12
}

// TestStandardErrors compares fits without a penalty, of standardised and of raw numbers, with Newton's method and the inverse Hessian.
func TestStandardErrors(t *testing.T) {
	var want inference
	read(t, "inference.json", &want)
	for name, want := range want.Errors {
		whole, y := table(t, strings.TrimSuffix(name, " weights"))
		var x [][]float64
		for _, row := range whole {
			var some []float64
			for _, j := range want.Columns {
				some = append(some, row[j])
			}
			x = append(x, some)
		}
		o := classify.Options{C: math.Inf(1)}
		if strings.HasSuffix(name, " weights") {
			o.Weights = options(len(x))["weights"].Weights
		}
		names := classify.Names{Classes: []string{"0", "1", "2"}[:len(want.Coef)+1], Features: []string{"a", "b", "c"}}
		for _, o.Raw = range []bool{false, true} {
			c := fit(t, x, y, o)
			got := c.Explain(names)
			if len(got) != len(want.Coef)*4 {
				t.Fatalf("%s: %d coefficients", name, len(got))
			}
			for i, g := range got {
				k, j := i/4, i%4
				for what, pair := range map[string][2]float64{
					"coefficient": {g.Value, want.Coef[k][j]}, "error": {g.Error, want.Error[k][j]}, "z": {g.Z, want.Z[k][j]},
					"p": {g.P, want.P[k][j]}, "low": {g.Low, want.Low[k][j]}, "high": {g.High, want.High[k][j]}, "odds": {g.OddsRatio, math.Exp(want.Coef[k][j])},
				} {
					if !isNear(pair[0], pair[1], 2e-5) {
						t.Errorf("%s, raw %v: %s of class %s, %s: got %v, want %v", name, o.Raw, what, g.Class, g.Feature, pair[0], pair[1])
					}
				}
				scale := 1.0
				if !o.Raw && j > 0 {
					scale = c.Deviation[j-1]
				}
				if j > 0 && (!isNear(g.Standardised, scale*g.Value, 1e-9) || !isNear(g.StandardisedError, scale*g.Error, 1e-9)) {
					t.Errorf("%s, raw %v: %s standardised is %v (%v), want %v times %v (%v)", name, o.Raw, g.Feature, g.Standardised, g.StandardisedError, scale, g.Value, g.Error)
				}
				if g.Against != "0" || g.Class != names.Classes[k+1] || g.Feature != append([]string{classify.Intercept}, names.Features...)[j] {
					t.Errorf("%s: %+v", name, g)
				}
			}
			if o.Raw {
				continue
			}
			// What was standardised before the fit says the same of the numbers before.
			before := make([][]float64, len(x))
			for i, row := range x {
				for j, v := range row {
					before[i] = append(before[i], (v-c.Mean[j])/c.Deviation[j])
				}
			}
			names := names
			names.Mean, names.Deviation = c.Mean, c.Deviation
			o := o
			o.Raw = true
			for i, g := range fit(t, before, y, o).Explain(names) {
				if !isNear(g.Value, got[i].Value, 2e-5) || !isNear(g.Error, got[i].Error, 2e-5) || i%4 > 0 && !isNear(g.Standardised, got[i].Standardised, 2e-5) {
					t.Errorf("%s: standardised before: %+v, want %+v", name, g, got[i])
				}
			}
		}
	}
}

// TestDependentFeatures has a column twice, a constant one, and one for each of two categories: what the others say is left to them.
func TestDependentFeatures(t *testing.T) {
	all, kinds := table(t, "iris")
	var x, few [][]float64
	var y []int
	for i, row := range all[50:] { // two classes that overlap
		a, b := 1.0, 0.0
		if i%3 == 0 {
			a, b = 0, 1
		}
		few = append(few, []float64{row[1], b})
		x = append(x, []float64{row[1], row[1], 5, a, b})
		y = append(y, kinds[50+i])
	}
	o := classify.Options{C: math.Inf(1)}
	want := fit(t, few, y, o).Explain(classify.Names{Classes: []string{"p", "q"}, Features: []string{"width", "b"}})
	for _, o.Raw = range []bool{false, true} {
		c := fit(t, x, y, o)
		got := c.Explain(classify.Names{Classes: []string{"p", "q"}, Features: []string{"again", "width", "five", "a", "b"}})
		for i, at := range []int{0, 2, 5} {
			if !isNear(got[at].Value, want[i].Value, 1e-5) || !isNear(got[at].Error, want[i].Error, 1e-5) {
				t.Errorf("raw %v: %+v, want %+v", o.Raw, got[at], want[i])
			}
		}
		for _, at := range []int{1, 3, 4} {
			if got[at].Value != 0 || !math.IsNaN(got[at].Error) || !math.IsNaN(got[at].P) {
				t.Errorf("raw %v: %+v: 0 and no error expected", o.Raw, got[at])
			}
		}
	}
}

// TestExplainPenalised checks coefficients of fits that have no errors, and of separable classes, on the scale of raw numbers.
func TestExplainPenalised(t *testing.T) {
	for name, o := range map[string]classify.Options{"iris": {}, "breast_cancer": {L1Ratio: 1, C: 0.1}, "wine": {C: math.Inf(1), Iterations: 50}} {
		x, y := table(t, name)
		c := fit(t, x, y, o)
		var names classify.Names
		for k := range c.Classes {
			names.Classes = append(names.Classes, fmt.Sprint(k))
		}
		for j := range x[0] {
			names.Features = append(names.Features, fmt.Sprint("column ", j))
		}
		raw, columns := c.Undo(), len(x[0])+1
		got := c.Explain(names)
		if len(got) != columns*len(c.Coefficients) {
			t.Fatalf("%s: %d coefficients", name, len(got))
		}
		for i, g := range got {
			k, j := i/columns, i%columns
			value, standardised, against, mean := raw.Intercepts[k], c.Intercepts[k], "0", 0.0
			if j > 0 {
				value, standardised = raw.Coefficients[k][j-1], c.Coefficients[k][j-1]
			}
			if len(c.Classes) > 2 {
				against = ""
				for k := range c.Classes {
					mean += got[k*columns+j].Value / float64(len(c.Classes))
				}
			}
			if g.Value != value || g.Standardised != standardised || g.Against != against || !isNear(g.OddsRatio, math.Exp(value-mean), 1e-9) || !math.IsNaN(g.Error) || !math.IsNaN(g.Z) || !math.IsNaN(g.Low) {
				t.Errorf("%s: %+v, want %v, %v", name, g, value, standardised)
			}
		}
		var text bytes.Buffer
		if err := classify.WriteCoefficients(&text, got); err != nil {
			t.Fatal(err)
		}
		again, err := classify.ReadCoefficients(bytes.NewReader(text.Bytes()))
		if err != nil || len(again) != len(got) || again[3].Feature != got[3].Feature || !isNear(again[3].Value, got[3].Value, 1e-7) || !math.IsNaN(again[3].P) {
			t.Errorf("%s: read %d again, %v", name, len(again), err)
		}
		for want, text := range map[string]string{
			"coefficients: EOF": "", "coefficients: line 1: found the columns": "a,b\n",
			`coefficients: line 2, column "coefficient": found "x", a number expected`: strings.SplitAfter(text.String(), "\n")[0] + "a,b,c,x,,,,,,,,\n",
			"coefficients: record on line 2: wrong number of fields":                   strings.SplitAfter(text.String(), "\n")[0] + "a\n",
		} {
			if _, err := classify.ReadCoefficients(strings.NewReader(text)); err == nil || !strings.HasPrefix(err.Error(), want) {
				t.Errorf("got %v, want %s", err, want)
			}
		}
	}
}

// tensors returns rows and classes as tensors.
func tensors(x [][]float64, y []int) (rows, classes *tensor.Tensor) {
	labels := make([]int64, len(y))
	for i, k := range y {
		labels[i] = int64(k)
	}
	return tensor.FromNested(x), tensor.New(labels, len(y))
}

// TestCrossValidate compares a path of strengths with LogisticRegressionCV's, on the same folds.
func TestCrossValidate(t *testing.T) {
	var all inference
	read(t, "inference.json", &all)
	var parts map[string]folds
	read(t, "folds.json", &parts)
	for name, want := range all.Path {
		x, y := table(t, name)
		whole := fit(t, x, y, classify.Options{})
		for _, row := range x {
			for j := range row {
				row[j] = (row[j] - whole.Mean[j]) / whole.Deviation[j]
			}
		}
		var folds []classify.Fold
		for _, measure := range parts[name].Folds {
			f := classify.Fold{Measure: measure}
			for i := range x {
				if !slices.Contains(measure, i) {
					f.Fit = append(f.Fit, i)
				}
			}
			folds = append(folds, f)
		}
		rows, classes := tensors(x, y)
		got, err := classify.CrossValidate(rows, classes, []string{"a", "b", "c"}[:len(whole.Classes)], folds, want.C, classify.Options{Raw: true, Tolerance: 1e-9})
		if err != nil {
			t.Fatal(err)
		}
		for i, s := range got {
			near(t, fmt.Sprintf("%s, C of %v: losses", name, s.C), [][]float64{s.Loss}, [][]float64{want.Loss[i]}, 1e-5)
			near(t, fmt.Sprintf("%s, C of %v: accuracy", name, s.C), [][]float64{s.Accuracy}, [][]float64{want.Accuracy[i]}, 1e-12)
		}
		if best, simplest := classify.Best(got), classify.Simplest(got); best != want.Best || simplest != want.Simplest {
			t.Errorf("%s: best %d and simplest %d, want %d and %d", name, best, simplest, want.Best, want.Simplest)
		}
	}
}

// TestPathIsWhatFitsFind compares fits along a path with fits of their own, of every penalty.
func TestPathIsWhatFitsFind(t *testing.T) {
	x, y := table(t, "wine")
	rows, classes := tensors(x, y)
	for name, o := range penalties {
		strengths := []float64{0.01, 0.3, 2}
		path, err := classify.FitPath(rows, classes, []string{"a", "b", "c"}, strengths, o)
		if err != nil {
			t.Fatal(err)
		}
		for i, c := range strengths {
			o.C = c
			want := fit(t, x, y, o)
			if math.Abs(path[i].Objective-want.Objective) > 1e-6*want.Objective {
				t.Errorf("%s, C of %v: objective %v, want %v", name, c, path[i].Objective, want.Objective)
			}
		}
	}
}

// TestFoldsOfGroups checks that every row is measured once, that classes are spread, and that groups stay together.
func TestFoldsOfGroups(t *testing.T) {
	labels, groups := make([]int64, 103), make([]string, 103)
	for i := range labels {
		labels[i], groups[i] = int64(i%10/8), fmt.Sprint(i/4) // a fifth is of the second class
	}
	for _, of := range [][]string{nil, groups} {
		folds, err := classify.Folds(labels, of, 5, random.New(3))
		if err != nil {
			t.Fatal(err)
		}
		measured := make([]int, len(labels))
		side := map[string]int{}
		for k, f := range folds {
			second := 0
			for _, i := range f.Measure {
				measured[i]++
				second += int(labels[i])
				if fold, known := side[groups[i]]; of != nil && known && fold != k {
					t.Errorf("group %s is in folds %d and %d", groups[i], fold, k)
				}
				side[groups[i]] = k
			}
			if len(f.Fit)+len(f.Measure) != len(labels) || len(f.Measure) < 18 || len(f.Measure) > 23 || second < 3 || second > 5 {
				t.Errorf("groups %v: fold %d fits to %d rows and measures %d, %d of the second class", of != nil, k, len(f.Fit), len(f.Measure), second)
			}
		}
		if i := slices.IndexFunc(measured, func(n int) bool { return n != 1 }); i >= 0 {
			t.Errorf("row %d is measured %d times", i, measured[i])
		}
		again, err := classify.Folds(labels, of, 5, random.New(3))
		if err != nil || !slices.Equal(again[2].Measure, folds[2].Measure) {
			t.Errorf("other folds by the same key, %v", err)
		}
		if other, err := classify.Folds(labels, of, 5, random.New(4)); err != nil || slices.Equal(other[2].Measure, folds[2].Measure) {
			t.Errorf("the same folds by another key, %v", err)
		}
	}
	for want, of := range map[string][]string{"found 3 rows for 5 folds, at least one a fold expected": nil, "found 2 groups for 5 folds": {"a", "a", "b"}} {
		if _, err := classify.Folds([]int64{0, 1, 0}, of, 5, random.New(0)); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

// TestImportances compares means and deviations of many draws with scikit-learn's.
func TestImportances(t *testing.T) {
	var want inference
	read(t, "inference.json", &want)
	x, y := table(t, "wine")
	c := fit(t, x, y, classify.Options{})
	m, err := c.Model()
	if err != nil {
		t.Fatal(err)
	}
	rows, classes := tensors(x, y)
	var groups []classify.Group
	for j := range x[0] {
		groups = append(groups, classify.Group{Name: fmt.Sprint(j), From: j, To: j + 1})
	}
	groups = append(groups, classify.Group{Name: "none", From: 3, To: 3})
	got := classify.Importances(m.Net, rows.To(tensor.Float32), classes, groups, 300, random.New(1))
	for j, mean := range want.Importance.Mean {
		if g := got[j]; g.Column != groups[j].Name || math.Abs(g.Mean-mean) > 0.003 || math.Abs(g.Deviation-want.Importance.Deviation[j]) > 0.002 {
			t.Errorf("column %d: %+v, want %v and %v", j, g, mean, want.Importance.Deviation[j])
		}
	}
	if none := got[len(got)-1]; none.Mean != 0 || none.Deviation != 0 {
		t.Errorf("%+v of no features", none)
	}
}
