package metric

import (
	"fmt"
	"math"
	"testing"

	"github.com/onehot-go/onehot/random"
	"github.com/onehot-go/onehot/tensor"
)

// metricOf is what all metrics of scores and labels are.
type metricOf interface {
	Update(scores, labels *tensor.Tensor)
	Result() float64
	Reset()
}

// measure returns the figure over all samples, taken in short batches, the second time
// after Reset.
func measure(m metricOf, scores *tensor.Tensor, actual []int64) float64 {
	for range 2 {
		m.Reset()
		const batch = 7
		for at := 0; at < len(actual); at += batch {
			n := min(batch, len(actual)-at)
			m.Update(scores.Narrow(0, at, n), labels(actual[at:at+n]...))
		}
	}
	return m.Result()
}

// within reports whether x is y but for the rounding of a few operations.
func within(x, y, tolerance float64) bool { return math.Abs(x-y) <= tolerance*math.Abs(y) }

// TestProbabilityReference compares with scikit-learn. The logits are the same in both
// types, and so is what is made of them in float64; probabilities are not.
func TestProbabilityReference(t *testing.T) {
	for _, test := range readReference(t).Probabilities {
		for _, dtype := range []tensor.DType{tensor.Float32, tensor.Float64} {
			t.Run(fmt.Sprintf("%d samples, %s", len(test.Labels), dtype), func(t *testing.T) {
				logits := rows(dtype, test.Logits...)
				p := rows(tensor.Float64, test.Logits...).Softmax(1).To(dtype)
				rounding := map[tensor.DType]float64{tensor.Float32: 1e-6, tensor.Float64: 1e-14}[dtype]
				for k, want := range test.Top {
					for name, scores := range map[string]*tensor.Tensor{"logits": logits, "probabilities": p} {
						if got := measure(&TopK{K: k + 1}, scores, test.Labels); !near(got, want) {
							t.Errorf("first %d of %s: %v, want %v", k+1, name, got, want)
						}
					}
				}
				if got := measure(&LogLoss{}, logits, test.Labels); !within(got, test.LogLoss, 1e-14) {
					t.Errorf("log loss of logits %v, want %v", got, test.LogLoss)
				}
				if got := measure(&LogLoss{Probabilities: true}, p, test.Labels); !within(got, test.LogLoss, rounding) {
					t.Errorf("log loss of probabilities %v, want %v", got, test.LogLoss)
				}
				for _, c := range test.Calibration {
					if got := measure(&Calibration{Bins: c.Bins}, logits, test.Labels); !within(got, c.Error, 1e-13) { // sums of differences
						t.Errorf("calibration of logits in %d bins %v, want %v", c.Bins, got, c.Error)
					}
					if got := measure(&Calibration{Bins: c.Bins, Probabilities: true}, p, test.Labels); !within(got, c.Error, 10*rounding) {
						t.Errorf("calibration of probabilities in %d bins %v, want %v", c.Bins, got, c.Error)
					}
					if c.Bins == 15 {
						if got := measure(&Calibration{}, logits, test.Labels); !within(got, c.Error, 1e-13) {
							t.Errorf("calibration %v, want %v", got, c.Error)
						}
					}
				}
			})
		}
	}
}

// TestCalibrationBounds has confidences that are the bounds of bins.
func TestCalibrationBounds(t *testing.T) {
	test := readReference(t).Edges
	got := measure(&Calibration{Bins: 10, Probabilities: true}, rows(tensor.Float64, test.Probabilities...), test.Labels)
	if !within(got, test.Error, 1e-14) {
		t.Errorf("got %v, want %v", got, test.Error)
	}
}

// TestTopKTies holds TopK of 1 to Accuracy, and the order of equal scores to it.
func TestTopKTies(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	for _, test := range []struct {
		row  []float64
		rank []int // of each class
	}{
		{[]float64{1, 3, 2}, []int{3, 1, 2}},
		{[]float64{2, 2, 2}, []int{1, 2, 3}},
		{[]float64{0, 2, 2}, []int{3, 1, 2}},
		{[]float64{inf, nan, 5, nan}, []int{3, 1, 4, 2}},
		{[]float64{-inf, -inf, inf}, []int{2, 3, 1}},
	} {
		for c, rank := range test.rank {
			for k := 1; k <= 5; k++ {
				want := 0.0
				if rank <= k {
					want = 1
				}
				if got := measure(&TopK{K: k}, rows(tensor.Float64, test.row), []int64{int64(c)}); got != want {
					t.Errorf("%v, class %d, first %d: %v, want %v", test.row, c, k, got, want)
				}
			}
		}
	}
	scores := tensor.Uniform(tensor.Float64, random.New(0).Rand(), 0, 4, 60, 4).To(tensor.Int64).To(tensor.Float32)
	actual := make([]int64, 60)
	for i := range actual {
		actual[i] = int64(i % 4)
	}
	if got, want := measure(&TopK{K: 1}, scores, actual), measure(&Accuracy{}, scores, actual); got != want {
		t.Errorf("first 1: %v, accuracy %v", got, want)
	}
}

func TestExtremeLogits(t *testing.T) {
	inf := math.Inf(1)
	for name, test := range map[string]struct {
		row  []float64
		c    int64
		want float64
	}{
		"far apart":      {[]float64{1e4, -1e4}, 1, 2e4},
		"as far":         {[]float64{1e4, -1e4}, 0, 0},
		"large and near": {[]float64{1e15, 1e15 - 1}, 0, math.Log1p(math.Exp(-1))},
		"impossible":     {[]float64{-inf, 0}, 0, inf},
		"certain":        {[]float64{-inf, 0}, 1, 0},
	} {
		if got := measure(&LogLoss{}, rows(tensor.Float64, test.row), []int64{test.c}); got != test.want && !within(got, test.want, 1e-15) {
			t.Errorf("%s: %v, want %v", name, got, test.want)
		}
	}
	nan := rows(tensor.Float64, []float64{math.NaN(), 0})
	if l, e := measure(&LogLoss{}, nan, []int64{1}), measure(&Calibration{}, nan, []int64{1}); !math.IsNaN(l) || !math.IsNaN(e) {
		t.Errorf("with NaN the loss is %v and the calibration error %v, want NaN", l, e)
	}
	if got := measure(&LogLoss{Probabilities: true}, rows(tensor.Float64, []float64{0, 1}), []int64{0}); got != inf {
		t.Errorf("probability 0: %v, want +Inf", got)
	}
}

func TestProbabilitiesWithoutSamples(t *testing.T) {
	for _, m := range []metricOf{&TopK{K: 1}, &LogLoss{}, &Calibration{}} {
		for range 2 { // the second time after an empty batch
			if got := m.Result(); !math.IsNaN(got) {
				t.Errorf("%T: %v, want NaN", m, got)
			}
			m.Update(tensor.Zeros(tensor.Float32, 0, 2), labels())
		}
	}
}

func TestProbabilityPanics(t *testing.T) {
	x := rows(tensor.Float64, []float64{0.5, 0.5}, []float64{0.25, 0.75})
	for _, test := range []struct {
		m              metricOf
		scores, labels *tensor.Tensor
		want           string
	}{
		{&TopK{}, x, labels(0, 1), "metric.TopK: K is 0, at least 1 expected"},
		{&TopK{K: 1}, x, labels(0, 2), "metric.TopK: label 2 at (1): 0 to 1 expected, there are 2 classes"},
		{&LogLoss{}, x, labels(0), "metric.LogLoss: shapes (2, 2) and (1): scores (N, C) and labels (N) expected"},
		{&LogLoss{}, x, x.Select(0, 0), "metric.LogLoss: float64 elements, shapes (2, 2) and (2): int64 labels expected"},
		{&LogLoss{Probabilities: true}, rows(tensor.Float64, []float64{1.5, -0.5}), labels(0),
			"metric.LogLoss: sample 0: probability 1 is -0.5, at least 0 expected"},
		{&Calibration{}, x, labels(-1, 0), "metric.Calibration: label -1 at (0): 0 to 1 expected, there are 2 classes"},
		{&Calibration{Bins: -1}, x, labels(0, 0), "metric.Calibration: -1 bins"},
		{&Calibration{Probabilities: true}, rows(tensor.Float64, []float64{0.5, 0.25}), labels(0),
			"metric.Calibration: sample 0: the probabilities sum to 0.75, 1 expected"},
	} {
		t.Run(test.want, func(t *testing.T) {
			defer func() {
				err, _ := recover().(error)
				if !typed(err) || err.Error() != test.want {
					t.Errorf("panic with %v, want %s", err, test.want)
				}
			}()
			test.m.Update(test.scores, test.labels)
		})
	}
	defer func() {
		if err, _ := recover().(error); err == nil || err.Error() != "metric.Confusion: averaging 3: Macro, Micro or Weighted expected" {
			t.Errorf("panic with %v", err)
		}
	}()
	NewConfusion(2).Average(3)
}
