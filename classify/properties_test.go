package classify_test

import (
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/onehot-go/onehot/classify"
	"github.com/onehot-go/onehot/fault"
	"github.com/onehot-go/onehot/model"
	"github.com/onehot-go/onehot/tensor"
)

// fit is classify.Fit, tightly.
func fit(t *testing.T, x [][]float64, y []int, o classify.Options) *classify.Classifier[int] {
	t.Helper()
	o.Tolerance = 1e-9
	c, err := classify.Fit(x, y, o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// near reports the greatest difference of two lists of rows.
func near(t *testing.T, what string, got, want [][]float64, within float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %d rows, want %d", what, len(got), len(want))
	}
	for i, row := range want {
		for j, v := range row {
			if !(math.Abs(got[i][j]-v) <= within) {
				t.Errorf("%s: row %d, number %d: got %v, want %v", what, i, j, got[i][j], v)
				return
			}
		}
	}
}

// proba is PredictProba.
func proba(t *testing.T, c *classify.Classifier[int], x [][]float64) [][]float64 {
	t.Helper()
	p, err := c.PredictProba(x)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// penalties are one of each kind.
var penalties = map[string]classify.Options{"l2": {}, "l1": {L1Ratio: 1, C: 0.5}, "elastic net": {L1Ratio: 0.5, C: 0.5}}

// TestWeightsAreRows has rows twice, and weights of 2 and 0.
func TestWeightsAreRows(t *testing.T) {
	x, y := table(t, "wine")
	var twiceX [][]float64
	var twiceY []int
	weights := make([]float64, len(x))
	for i := range x {
		weights[i] = float64(i % 3)
		for range i % 3 {
			twiceX, twiceY = append(twiceX, x[i]), append(twiceY, y[i])
		}
	}
	for name, o := range penalties {
		want := fit(t, twiceX, twiceY, o)
		o.Weights = weights
		got := fit(t, x, y, o)
		near(t, name, got.Coefficients, want.Coefficients, 1e-5)
		if math.Abs(got.Objective-want.Objective) > 1e-8*want.Objective {
			t.Errorf("%s: objective %v, want %v", name, got.Objective, want.Objective)
		}
	}
}

// TestPermutedColumns fits to columns in another order.
func TestPermutedColumns(t *testing.T) {
	x, y := table(t, "wine")
	order := []int{12, 3, 5, 0, 1, 2, 4, 11, 10, 9, 8, 7, 6}
	permuted := make([][]float64, len(x))
	for i, row := range x {
		for _, j := range order {
			permuted[i] = append(permuted[i], row[j])
		}
	}
	for name, o := range penalties {
		want, got := fit(t, x, y, o), fit(t, permuted, y, o)
		for k, row := range want.Coefficients {
			for j, from := range order {
				if math.Abs(got.Coefficients[k][j]-row[from]) > 1e-5 {
					t.Errorf("%s: class %d, column %d: got %v, want %v", name, k, from, got.Coefficients[k][j], row[from])
				}
			}
		}
	}
}

// TestRaw fits without a penalty, of which standardisation makes no difference but to the way there; and with one to rows
// that are standardised before.
func TestRaw(t *testing.T) {
	x, y := table(t, "iris")
	whole, raw := fit(t, x, y, classify.Options{C: 10}), make([][]float64, len(x))
	for i, row := range x {
		for j, v := range row {
			raw[i] = append(raw[i], (v-whole.Mean[j])/whole.Deviation[j])
		}
	}
	c := fit(t, raw, y, classify.Options{C: 10, Raw: true})
	if c.Mean != nil || c.Deviation != nil {
		t.Errorf("means %v and deviations %v of raw numbers", c.Mean, c.Deviation)
	}
	near(t, "standardised before", proba(t, c, raw), proba(t, whole, x), 1e-7)
	undone := whole.Undo()
	if undone.Mean != nil {
		t.Errorf("means %v", undone.Mean)
	}
	c = &classify.Classifier[int]{Classes: whole.Classes, Fitted: undone}
	near(t, "undone", proba(t, c, x), proba(t, whole, x), 1e-12)
}

// TestConstantColumns has a column that is 3 in every row, one that is another twice, and one that is nearly constant.
func TestConstantColumns(t *testing.T) {
	x, y := table(t, "iris")
	more := make([][]float64, len(x))
	for i, row := range x {
		more[i] = append(slices.Clone(row), 3, row[2], 0.1)
	}
	c := fit(t, more, y, classify.Options{})
	if c.Deviation[4] != 1 || c.Deviation[6] != 1 {
		t.Errorf("deviations %v and %v of constant columns, want 1", c.Deviation[4], c.Deviation[6])
	}
	for k, row := range c.Coefficients {
		if row[4] != 0 || math.Abs(row[6]) > 1e-12 || math.Abs(row[2]-row[5]) > 1e-6 {
			t.Errorf("class %d: coefficients %v: 0 for constants, and the same for equals expected", k, row)
		}
	}
}

// TestSeparable fits without a penalty to what has no best fit.
func TestSeparable(t *testing.T) {
	x, y := table(t, "wine") // three classes that planes tell apart
	iris, kinds := table(t, "iris")
	isFirst := make([]int, len(kinds))
	for i, k := range kinds {
		isFirst[i] = min(k, 1)
	}
	overlap, of := iris[50:], kinds[50:]
	// The third class is told from the first by a column; the first two overlap.
	quasi := [][]float64{{0, 1}, {1, 1}, {2, 1}, {3, 1}, {1, 5}, {2, 6}, {3, 7}}
	quasiOf := []int{0, 1, 0, 1, 2, 2, 2}
	for _, c := range []struct {
		name string
		x    [][]float64
		y    []int
		want bool
	}{{"wine", x, y, true}, {"iris's first", iris, isFirst, true}, {"iris's others", overlap, of, false}, {"one class of three", quasi, quasiOf, true}} {
		for _, raw := range []bool{false, true} {
			f, err := classify.Fit(c.x, c.y, classify.Options{C: math.Inf(1), Raw: raw, Iterations: 5000})
			if err != nil {
				t.Fatal(err)
			}
			if f.Separable != c.want || f.Converged == c.want {
				t.Errorf("%s, raw %v: separable %v, converged %v after %d iterations, objective %v; want separable %v", c.name, raw, f.Separable, f.Converged, f.Iterations, f.Objective, c.want)
			}
			for _, row := range f.Coefficients {
				for _, w := range row {
					if w-w != 0 {
						t.Errorf("%s: coefficient %v", c.name, w)
					}
				}
			}
		}
		if f := fit(t, c.x, c.y, classify.Options{}); f.Separable || !f.Converged {
			t.Errorf("%s with L2: separable %v, converged %v", c.name, f.Separable, f.Converged)
		}
	}
}

// TestClassOfOneRow has a class of a single row, and a class by number that no row has.
func TestClassOfOneRow(t *testing.T) {
	x, y := table(t, "iris")
	x, y = x[:101], y[:101] // of the third class its first
	c := fit(t, x, y, classify.Options{C: 100})
	said, err := c.Predict(x[100:])
	if err != nil || said[0] != 2 {
		t.Errorf("predicted %v (%v), want 2", said, err)
	}
	rows, classes := tensor.FromNested(x), make([]int64, len(y))
	for i, k := range y {
		classes[i] = int64(k)
	}
	f, err := classify.FitTensor(rows, tensor.New(classes, len(y)), []string{"a", "b", "c", "nowhere"}, classify.Options{})
	if err != nil {
		t.Fatal(err)
	}
	p, err := f.PredictProbaTensor(rows)
	if err != nil {
		t.Fatal(err)
	}
	if most := p.Select(1, 3).Max().Item(); most > 1e-3 {
		t.Errorf("a class without rows has the probability %v", most)
	}
}

// TestThreads fits with 1 and 3 threads, to the same bits.
func TestThreads(t *testing.T) {
	x, y := table(t, "digits")
	defer tensor.SetThreads(0)
	for name, o := range penalties {
		o.C, o.Iterations = 0.01, 30
		var want [][]float64
		for _, n := range []int{1, 3} {
			tensor.SetThreads(n)
			c, err := classify.Fit(x, y, o)
			if err != nil {
				t.Fatal(err)
			}
			if want == nil {
				want = c.Coefficients
			}
			near(t, name, c.Coefficients, want, 0)
		}
	}
}

// TestModel saves a classifier and asks what was saved.
func TestModel(t *testing.T) {
	for _, name := range []string{"iris", "breast_cancer"} {
		x, y := table(t, name)
		for _, raw := range []bool{false, true} {
			c := fit(t, x, y, classify.Options{C: 0.1, Raw: raw, Iterations: 200})
			m, err := c.Model()
			if err != nil {
				t.Fatal(err)
			}
			path := filepath.Join(t.TempDir(), "model.safetensors")
			if err := m.Save(path); err != nil {
				t.Fatal(err)
			}
			loaded, err := model.Load(path)
			if err != nil {
				t.Fatal(err)
			}
			by, err := model.NewPredictor(loaded)
			if err != nil {
				t.Fatal(err)
			}
			want := proba(t, c, x)
			for i, row := range x[:60] {
				narrow := make([]float32, len(row))
				for j, v := range row {
					narrow[j] = float32(v)
				}
				said, err := by.ClassifyRow(narrow, len(c.Classes))
				if err != nil {
					t.Fatal(err)
				}
				for _, p := range said {
					if math.Abs(p.Probability-want[i][p.Index]) > 2e-5 {
						t.Errorf("%s, row %d: probability %v of %s, want %v", name, i, p.Probability, p.Class, want[i][p.Index])
					}
				}
			}
		}
	}
}

// TestModelErrors has columns that float64 tells apart, and rows of float32 do not.
func TestModelErrors(t *testing.T) {
	for want, column := range map[string][]float64{
		"column 0: found a mean of 1.7000000005e+09 beside a deviation of 0.5,":                               {1.7e9, 1.7e9 + 1, 1.7e9, 1.7e9 + 1},
		"standard.running_var: found 9.999999999999998e-47 in column 0, a number that float32 holds expected": {-1e-23, 1e-23, -1e-23, 1e-23},
	} {
		var x [][]float64
		for _, v := range column {
			x = append(x, []float64{v})
		}
		c := fit(t, x, []int{0, 1, 1, 0}, classify.Options{})
		if _, err := c.Model(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}

// TestPredictTensor compares tensors of both types with slices.
func TestPredictTensor(t *testing.T) {
	x, y := table(t, "iris")
	c := fit(t, x, y, classify.Options{})
	want, err := c.Predict(x)
	if err != nil {
		t.Fatal(err)
	}
	wide := tensor.FromNested(x)
	for _, rows := range []*tensor.Tensor{wide, wide.To(tensor.Float32)} {
		got, err := c.PredictTensor(rows)
		if err != nil {
			t.Fatal(err)
		}
		for i, k := range tensor.Values[int64](got) {
			if int(k) != want[i] {
				t.Errorf("%s: row %d is %d, want %d", rows.DType(), i, k, want[i])
			}
		}
	}
}

func TestErrors(t *testing.T) {
	x, y := table(t, "iris")
	nan := [][]float64{{1, 2}, {3, math.NaN()}, {5, 6}}
	c := fit(t, x, y, classify.Options{})
	for want, f := range map[string]func() error{
		"found no rows": func() error { _, err := classify.Fit(nil, []int{}, classify.Options{}); return err },
		"row 1: found NaN in column 1, a finite number expected": func() error {
			_, err := classify.Fit(nan, []int{0, 1, 0}, classify.Options{})
			return err
		},
		"row 1: found 1 numbers, 2 expected as in row 0": func() error {
			_, err := classify.Fit([][]float64{{1, 2}, {3}}, []int{0, 1}, classify.Options{})
			return err
		},
		"found rows of 1 class, 2 or more expected": func() error {
			_, err := classify.Fit(nan[:1], []string{"a"}, classify.Options{})
			return err
		},
		"the class of row 1: found NaN": func() error {
			_, err := classify.Fit(x[:2], []float64{1, math.NaN()}, classify.Options{})
			return err
		},
		"row 0: found the weight -1": func() error {
			_, err := classify.Fit(x[:2], []int{0, 1}, classify.Options{Weights: []float64{-1, 1}})
			return err
		},
		"row 0: found 1 numbers, 4 expected":       func() error { _, err := c.Predict([][]float64{{1}}); return err },
		"row 0: found a number that is not finite": func() error { _, err := c.PredictProba([][]float64{{1, 2, math.Inf(1), 4}}); return err },
		"row 0: found 0 numbers, at least 1 expected": func() error {
			_, err := classify.Fit([][]float64{{}, {}}, []int{0, 1}, classify.Options{})
			return err
		},
		"row 0: found 0 numbers, at least 1 expected (tensor)": func() error {
			_, err := classify.FitTensor(tensor.Zeros(tensor.Float64, 2, 0), tensor.New([]int64{0, 1}, 2), []string{"a", "b"}, classify.Options{})
			return err
		},
		"column 1: found numbers whose variance is +Inf, smaller ones expected": func() error {
			_, err := classify.Fit([][]float64{{1, 1e200}, {2, -1e200}, {3, 0}}, []int{0, 1, 0}, classify.Options{})
			return err
		},
		"column 0: found numbers whose variance is +Inf, smaller ones expected": func() error {
			_, err := classify.Fit([][]float64{{1.5e308, 1}, {1.5e308, 2}, {0, 3}}, []int{0, 1, 0}, classify.Options{})
			return err
		},
		"and numbers up to 1e+200 in column 1, less extreme ones expected": func() error {
			_, err := classify.Fit([][]float64{{1, 1e200}, {2, -1e200}, {3, 0}}, []int{0, 1, 0}, classify.Options{Raw: true})
			return err
		},
		"found weights whose sum is +Inf, 1e-100 to 1e+100 expected": func() error {
			_, err := classify.Fit(x[49:52], y[49:52], classify.Options{Weights: []float64{1e308, 1e308, 1}})
			return err
		},
		"found weights whose sum is 4e-320": func() error {
			_, err := classify.Fit(x[49:51], y[49:51], classify.Options{Weights: []float64{2e-320, 2e-320}})
			return err
		},
		"found rows of 1 class, 2 or more expected (weights)": func() error {
			_, err := classify.Fit(x[:2], []int{0, 1}, classify.Options{Weights: []float64{0, 1}})
			return err
		},
	} {
		if err := f(); err == nil || !strings.Contains(err.Error(), strings.TrimSuffix(strings.TrimSuffix(want, " (weights)"), " (tensor)")) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
	for _, o := range []classify.Options{{C: -1}, {C: math.NaN()}, {L1Ratio: 2}, {Iterations: -1}, {Tolerance: -1}, {Balanced: true, ClassWeights: []float64{1, 1, 1}},
		{ClassWeights: []float64{1}}, {ClassWeights: []float64{1, -1, 1}}, {Weights: []float64{1}}} {
		func() {
			defer func() {
				if _, ok := recover().(*fault.OptionError); !ok {
					t.Errorf("%+v is taken", o)
				}
			}()
			classify.Fit(x, y, o)
		}()
	}
}

// TestProbabilitiesTakeNoMemory classifies one row again and again.
func TestProbabilitiesTakeNoMemory(t *testing.T) {
	x, y := table(t, "iris")
	c := fit(t, x, y, classify.Options{})
	p := make([]float64, 3)
	if n := testing.AllocsPerRun(100, func() { c.Probabilities(p, x[0]) }); n != 0 {
		t.Errorf("%v allocations a row", n)
	}
}
