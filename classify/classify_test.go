package classify_test

import (
	"compress/gzip"
	"encoding/csv"
	"encoding/json"
	"math"
	"os"
	"strconv"
	"testing"

	"github.com/onehot-go/onehot/classify"
)

// table returns one of scikit-learn's tables.
func table(t testing.TB, name string) (x [][]float64, y []int) {
	t.Helper()
	f, err := os.Open("testdata/" + name + ".csv.gz")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	plain, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(plain).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range rows {
		numbers := make([]float64, len(row))
		for j, cell := range row {
			if numbers[j], err = strconv.ParseFloat(cell, 64); err != nil {
				t.Fatal(err)
			}
		}
		last := len(row) - 1
		x, y = append(x, numbers[:last:last]), append(y, int(numbers[last]))
	}
	return x, y
}

// read reads a file of numbers.
func read(t testing.TB, name string, into any) {
	t.Helper()
	text, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, into); err != nil {
		t.Fatal(err)
	}
}

var names = []string{"iris", "wine", "breast_cancer", "digits"}

// reference is what scikit-learn's LogisticRegression finds.
type reference struct {
	Objective float64
	Coef      [][]float64
	Intercept []float64
	Proba     [][]float64
}

// options are those of the reference, by their names there, of so many rows.
func options(rows int) map[string]classify.Options {
	weights := make([]float64, rows)
	for i := range weights {
		weights[i] = float64(i * 7 % 4)
	}
	return map[string]classify.Options{
		"l2": {}, "l2 C=0.01": {C: 0.01}, "l2 C=100": {C: 100},
		"l1": {L1Ratio: 1}, "l1 C=0.05": {L1Ratio: 1, C: 0.05},
		"elasticnet 0.5": {L1Ratio: 0.5}, "elasticnet 0.2 C=0.1": {L1Ratio: 0.2, C: 0.1},
		"balanced": {Balanced: true}, "weights": {Weights: weights}, "balanced weights": {Balanced: true, Weights: weights},
	}
}

// TestMinima compares fits with those of scikit-learn: of newton-cg, and of saga where there is L1.
func TestMinima(t *testing.T) {
	var want map[string]map[string]reference
	read(t, "reference.json", &want)
	for _, name := range names {
		x, y := table(t, name)
		all := options(len(x))
		for of, want := range want[name] {
			o, known := all[of]
			if !known {
				t.Fatalf("%s: the reference has %q, whose options are not known", name, of)
			}
			c, err := classify.Fit(x, y, o)
			if err != nil {
				t.Fatal(err)
			}
			if math.Abs(c.Objective-want.Objective) > 1e-6*want.Objective || !c.Converged {
				t.Errorf("%s, %s: objective %.9f, converged %v; want %.9f", name, of, c.Objective, c.Converged, want.Objective)
			}
			near(t, name+", "+of+": coefficients", c.Coefficients[:len(want.Coef)], want.Coef, 2e-3)
			centre(want.Intercept)
			centre(c.Intercepts)
			near(t, name+", "+of+": intercepts", [][]float64{c.Intercepts}, [][]float64{want.Intercept}, 2e-3)
			got, err := c.PredictProba(x[:len(want.Proba)])
			if err != nil {
				t.Fatal(err)
			}
			near(t, name+", "+of+": probabilities", got, want.Proba, 2e-6)
		}
	}
}

// folds is what scikit-learn's LogisticRegression says of folds that it was not fitted to.
type folds struct {
	Folds    [][]int
	Accuracy []float64
	LogLoss  []float64 `json:"log_loss"`
}

// TestFolds compares accuracy and loss with scikit-learn's on the same folds.
func TestFolds(t *testing.T) {
	var want map[string]folds
	read(t, "folds.json", &want)
	for _, name := range names {
		x, y := table(t, name)
		for k, fold := range want[name].Folds {
			held := make([]bool, len(x))
			var fitX, measureX [][]float64
			var fitY, measureY []int
			for _, i := range fold {
				held[i] = true
				measureX, measureY = append(measureX, x[i]), append(measureY, y[i])
			}
			for i := range x {
				if !held[i] {
					fitX, fitY = append(fitX, x[i]), append(fitY, y[i])
				}
			}
			c, err := classify.Fit(fitX, fitY, classify.Options{})
			if err != nil {
				t.Fatal(err)
			}
			said, err := c.Predict(measureX)
			if err != nil {
				t.Fatal(err)
			}
			p, err := c.PredictProba(measureX)
			if err != nil {
				t.Fatal(err)
			}
			right, loss := 0.0, 0.0
			for i, class := range measureY {
				if said[i] == class {
					right++
				}
				loss -= math.Log(p[i][class])
			}
			n := float64(len(fold))
			if right/n != want[name].Accuracy[k] || math.Abs(loss/n-want[name].LogLoss[k]) > 1e-5 {
				t.Errorf("%s, fold %d: accuracy %v and loss %v, want %v and %v", name, k, right/n, loss/n, want[name].Accuracy[k], want[name].LogLoss[k])
			}
		}
	}
}

// centre takes their mean from three or more intercepts: a number that all have says nothing.
func centre(intercepts []float64) {
	if len(intercepts) == 1 {
		return
	}
	mean := 0.0
	for _, b := range intercepts {
		mean += b / float64(len(intercepts))
	}
	for k := range intercepts {
		intercepts[k] -= mean
	}
}
