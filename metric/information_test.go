package metric

import (
	"flag"
	"math"
	"testing"

	"pgregory.net/rapid"
)

// Properties are tried on the same drawn inputs in every run.
func init() {
	flag.Set("rapid.seed", "1")
	flag.Set("rapid.nofailfile", "true")
}

// TestInformation compares with SciPy.
func TestInformation(t *testing.T) {
	for _, test := range readReference(t).Information {
		for name, v := range map[string]struct {
			got  float64
			want figure
		}{
			"entropy":       {Entropy(test.P), test.Entropy},
			"cross-entropy": {CrossEntropy(test.P, test.Q), test.CrossEntropy},
			"divergence":    {KL(test.P, test.Q), test.KL},
		} {
			if want := float64(v.want); v.got != want && !within(v.got, want, 1e-15) {
				t.Errorf("%s of %v and %v: %v, want %v", name, test.P, test.Q, v.got, want)
			}
		}
	}
}

func TestBits(t *testing.T) {
	eighths := []float64{0.125, 0.125, 0.125, 0.125, 0.125, 0.125, 0.125, 0.125}
	if got := Bits(Entropy(eighths)); !near(got, 3) {
		t.Errorf("eight equal chances have %v bits, want 3", got)
	}
	if got := Bits(KL([]float64{1, 0}, []float64{0.5, 0.5})); got != 1 {
		t.Errorf("a coin that is known tells %v bits, want 1", got)
	}
}

// distribution draws one over n things, with zeros, tiny numbers and even ones.
func distribution(t *rapid.T, name string, n int) []float64 {
	weight := rapid.OneOf(rapid.Just(0.0), rapid.Float64Range(0, 1e-9), rapid.Float64Range(0, 1))
	p := rapid.SliceOfN(weight, n, n).Draw(t, name)
	p[rapid.IntRange(0, n-1).Draw(t, name+"'s greatest")] = 1
	sum := 0.0
	for _, v := range p {
		sum += v
	}
	for i := range p {
		p[i] /= sum
	}
	return p
}

func TestCrossEntropyIsEntropyAndDivergence(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 12).Draw(t, "things")
		p, q := distribution(t, "p", n), distribution(t, "q", n)
		entropy, cross, divergence := Entropy(p), CrossEntropy(p, q), KL(p, q)
		if sum := entropy + divergence; cross != sum && math.Abs(cross-sum) > 1e-14*max(1, cross) {
			t.Errorf("cross-entropy %v, entropy %v and divergence %v", cross, entropy, divergence)
		}
		// Gibbs: what is below is rounding.
		if divergence < -1e-15 || KL(p, p) != 0 {
			t.Errorf("divergence %v, and %v of p from itself", divergence, KL(p, p))
		}
		if entropy < -1e-15 || entropy > math.Log(float64(n))+1e-15*float64(n) {
			t.Errorf("entropy %v of %d things", entropy, n)
		}
	})
}

func TestInformationPanics(t *testing.T) {
	half := []float64{0.5, 0.5}
	for _, test := range []struct {
		call func()
		want string
	}{
		{func() { Entropy([]float64{0.5, 0.6}) }, "metric.Entropy: p: the probabilities sum to 1.1, 1 expected"},
		{func() { Entropy([]float64{1.5, -0.5}) }, "metric.Entropy: p: probability 1 is -0.5, at least 0 expected"},
		{func() { Entropy([]float64{math.NaN(), 1}) }, "metric.Entropy: p: probability 0 is NaN, at least 0 expected"},
		{func() { Entropy([]float64{math.Inf(1)}) }, "metric.Entropy: p: the probabilities sum to +Inf, 1 expected"},
		{func() { Entropy(nil) }, "metric.Entropy: p: the probabilities sum to 0, 1 expected"},
		{func() { CrossEntropy(half, []float64{1, 1}) }, "metric.CrossEntropy: q: the probabilities sum to 2, 1 expected"},
		{func() { KL(half, []float64{1}) }, "metric.KL: p has 2 probabilities and q 1"},
		{func() { KL([]float64{0.5, 0.50001}, half) }, "metric.KL: p: the probabilities sum to 1.00001, 1 expected"},
	} {
		t.Run(test.want, func(t *testing.T) {
			defer func() {
				err, _ := recover().(error)
				if !typed(err) || err.Error() != test.want {
					t.Errorf("panic with %v, want %s", err, test.want)
				}
			}()
			test.call()
		})
	}
	Entropy([]float64{0.5, 0.5000005}) // as float32 may have it
}
