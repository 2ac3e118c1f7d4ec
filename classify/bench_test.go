package classify_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/onehot-go/onehot/classify"
	"github.com/onehot-go/onehot/random"
	"github.com/onehot-go/onehot/tensor"
)

// generated returns rows of 50 numbers with one of 5 classes each.
func generated(n int) (x, y *tensor.Tensor) {
	const columns, classes = 50, 5
	r := rand.New(rand.NewPCG(1, 2))
	w := make([]float64, columns*classes)
	for i := range w {
		w[i] = 0.5 * r.NormFloat64()
	}
	rows, labels := make([]float32, n*columns), make([]int64, n)
	for i := range n {
		row := rows[i*columns:][:columns]
		for j := range row {
			row[j] = float32(r.NormFloat64())
		}
		best := math.Inf(-1)
		for k := range classes {
			z := -2 * math.Log(-math.Log(r.Float64()))
			for j, v := range row {
				z += w[j*classes+k] * float64(v)
			}
			if z > best {
				best, labels[i] = z, int64(k)
			}
		}
	}
	return tensor.New(rows, n, columns), tensor.New(labels, n)
}

func BenchmarkFit1e6x50(b *testing.B) {
	x, y := generated(1_000_000)
	for b.Loop() {
		f, err := classify.FitTensor(x, y, []string{"a", "b", "c", "d", "e"}, classify.Options{})
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(f.Iterations), "iterations")
		b.ReportMetric(f.Objective/1e6, "objective")
	}
}

func BenchmarkFitDigits(b *testing.B) {
	x, y := table(b, "digits")
	for b.Loop() {
		if _, err := classify.Fit(x, y, classify.Options{}); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkPathDigits measures 20 strengths in 5 folds, as LogisticRegressionCV does.
func BenchmarkPathDigits(b *testing.B) {
	x, y := table(b, "digits")
	rows, labels := tensors(x, y)
	folds, err := classify.Folds(tensor.Values[int64](labels), nil, 5, random.New(0))
	if err != nil {
		b.Fatal(err)
	}
	var strengths []float64
	for i := range 20 {
		strengths = append(strengths, math.Pow(10, -4+8*float64(i)/19))
	}
	names := []string{"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"}
	for b.Loop() {
		if _, err := classify.CrossValidate(rows, labels, names, folds, strengths, classify.Options{}); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkRow classifies a row of 64 numbers, of 10 classes.
func BenchmarkRow(b *testing.B) {
	x, y := table(b, "digits")
	c, err := classify.Fit(x, y, classify.Options{})
	if err != nil {
		b.Fatal(err)
	}
	p := make([]float64, 10)
	b.ReportAllocs()
	for b.Loop() {
		c.Probabilities(p, x[7])
	}
}
