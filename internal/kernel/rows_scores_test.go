package kernel

import (
	"math"
	"math/rand/v2"
	"testing"
)

// TestScores holds logits, losses and probabilities to their definitions in float64, for as
// many samples as there are about the width of registers.
func TestScores(t *testing.T) {
	forEach(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(43, 44))
		draw := func(n int) []float32 {
			x := make([]float32, n)
			for i := range x {
				x[i] = float32(20 * r.NormFloat64())
			}
			return x
		}
		for classes := 1; classes <= 12; classes++ {
			s := NewScores(classes, 64)
			for _, n := range []int{0, 1, 7, 8, 9, 15, 16, 17, 33, 63, 64} {
				s.SetSamples(n)
				x, bias, labels := draw(classes*s.Stride), draw(classes), make([]int64, n)
				copy(s.X, x)
				for i := range labels {
					labels[i] = r.Int64N(int64(classes))
				}
				const scale = float32(1) / 3
				loss, right := s.CrossEntropy(labels, scale, bias)
				wantLoss, wantRight, tolerance := 0.0, 0, 0.0
				want := make([]float64, classes*s.Stride)
				for i, label := range labels {
					peak, best, sum := float32(math.Inf(-1)), 0, 0.0
					for j, b := range bias {
						z := s.X[j*s.Stride+i]
						if exact := float64(scale)*float64(x[j*s.Stride+i]) + float64(b); !near(z, exact, 2*half*(math.Abs(exact)+math.Abs(float64(b)))) {
							t.Fatalf("%d classes, %d samples: logit %d of sample %d: got %v, want %v", classes, n, j, i, z, exact)
						}
						if z > peak {
							peak, best = z, j
						}
					}
					for j := range bias {
						sum += math.Exp(float64(s.X[j*s.Stride+i] - peak))
					}
					for j := range bias {
						p := math.Exp(float64(s.X[j*s.Stride+i]-peak)) / sum
						// Of the exponential, of the sum's parts and additions, and of the quotient.
						if got := s.P[j*s.Stride+i]; !near(got, p, p*(2*unit+float64(classes+1)*half)+math.SmallestNonzeroFloat32) {
							t.Fatalf("%d classes, %d samples: class %d of sample %d: got %v, want %v", classes, n, j, i, got, p)
						}
						want[j*s.Stride+i] = float64(s.P[j*s.Stride+i])
					}
					wantLoss += math.Log(sum) - float64(s.X[int(label)*s.Stride+i]-peak)
					tolerance += unit + float64(classes)*half
					want[int(label)*s.Stride+i]--
					if int64(best) == label {
						wantRight++
					}
				}
				if !(math.Abs(loss-wantLoss) <= tolerance) || right != wantRight {
					t.Errorf("%d classes, %d samples: got loss %v and %d right, want %v and %d", classes, n, loss, right, wantLoss, wantRight)
				}
				s.Grad(labels, scale)
				for i, p := range want {
					// Of the difference from 1, and of the product.
					if got := s.P[i]; !near(got, p*float64(scale), 2*half*float64(scale)) || p == 0 && got != 0 {
						t.Fatalf("%d classes, %d samples: element %d of the gradient: got %v, want %v", classes, n, i, got, p*float64(scale))
					}
				}
			}
		}
	})
}

// TestScoresOfEquals looks at the first of several highest logits, and at losses without a
// value.
func TestScoresOfEquals(t *testing.T) {
	inf := float32(math.Inf(1))
	forEach(t, func(t *testing.T) {
		for _, test := range []struct {
			logits [3]float32
			label  int64
			loss   float64
			right  int
		}{
			{[3]float32{2, 2, 2}, 0, math.Log(3), 1},
			{[3]float32{2, 2, 2}, 1, math.Log(3), 0},
			{[3]float32{1, 2, 2}, 1, math.Log(2 + math.Exp(-1)), 1},
			{[3]float32{1, 2, 2}, 2, math.Log(2 + math.Exp(-1)), 0},
			{[3]float32{-inf, 0, -inf}, 1, 0, 1},
			{[3]float32{-inf, 0, -inf}, 0, math.Inf(1), 0},
			{[3]float32{0, float32(math.NaN()), 0}, 2, math.NaN(), 0},
			{[3]float32{0, inf, 0}, 1, math.NaN(), 1},
			{[3]float32{-inf, -inf, -inf}, 1, math.NaN(), 0},
		} {
			s := NewScores(3, 1)
			for j, z := range test.logits {
				s.X[j*s.Stride] = z
			}
			loss, right := s.CrossEntropy([]int64{test.label}, 1, make([]float32, 3))
			if same := math.IsNaN(loss) && math.IsNaN(test.loss) || loss == test.loss || math.Abs(loss-test.loss) <= 2*half; !same || test.logits[1] == test.logits[1] && right != test.right {
				t.Errorf("%v, label %d: got loss %v and %d right, want %v and %d", test.logits, test.label, loss, right, test.loss, test.right)
			}
		}
	})
}

// TestBinary holds the loss of several labels and its gradient to their definitions.
func TestBinary(t *testing.T) {
	r := rand.New(rand.NewPCG(45, 46))
	for _, n := range []int{0, 1, 15, 16, 17, 64} {
		const classes, scale = 3, 0.25
		s := NewScores(classes, 64)
		s.SetSamples(n)
		bias, vectors := []float32{0.5, -2, 0}, make([]float32, n*classes)
		x := make([]float64, classes*s.Stride)
		for i := range x {
			s.X[i], s.P[i] = float32(30*r.NormFloat64()), 7
			x[i] = float64(s.X[i] + bias[i/s.Stride])
		}
		for i := range vectors {
			vectors[i] = float32(r.IntN(2))
		}
		got, want := s.Binary(vectors, bias, scale), 0.0
		for j := range classes {
			for i := range s.Stride {
				grad := 0.0
				if i < n {
					y, z := float64(vectors[i*classes+j]), x[j*s.Stride+i]
					want += math.Log1p(math.Exp(-math.Abs(z))) + max(z, 0) - z*y
					grad = scale * (1/(1+math.Exp(-z)) - y)
				}
				if p := s.P[j*s.Stride+i]; math.Abs(float64(p)-grad) > 1e-7 {
					t.Fatalf("%d samples: gradient %v of class %d and sample %d, want %v", n, p, j, i, grad)
				}
			}
		}
		if math.Abs(got-want) > 1e-9*want {
			t.Errorf("%d samples: loss %v, want %v", n, got, want)
		}
	}
}
