package metric

import (
	"math"

	"github.com/onehot-go/onehot/fault"
)

// Entropy returns the entropy of the distribution p in nats, Σ -p·log p with 0·log 0 = 0:
// how much a draw from it surprises on average. It panics with a *fault.OptionError if
// p is no distribution: with a number that is negative, or a sum that is not 1 within
// 1e-6.
func Entropy(p []float64) float64 {
	checkDistribution("metric.Entropy", "p", p)
	return crossEntropy(p, p)
}

// CrossEntropy returns the cross-entropy of the distribution p relative to q in nats,
// Σ -p·log q: how much a draw from p surprises who believes in q. It is
// Entropy(p) + KL(p, q), and +Inf where q is 0 and p is not. It panics with a
// *fault.OptionError if one is no distribution, as in Entropy, or their lengths differ.
func CrossEntropy(p, q []float64) float64 {
	checkPair("metric.CrossEntropy", p, q)
	return crossEntropy(p, q)
}

// crossEntropy is CrossEntropy of what was checked.
func crossEntropy(p, q []float64) float64 {
	sum := 0.0
	for i, v := range p {
		if v > 0 {
			sum -= v * math.Log(q[i])
		}
	}
	return sum
}

// KL returns the Kullback-Leibler divergence of the distribution p from q in nats,
// Σ p·log(p/q): how much belief in q costs over belief in p, 0 only where they are the
// same. It is +Inf where q is 0 and p is not. It panics with a *fault.OptionError if
// one is no distribution, as in Entropy, or their lengths differ.
func KL(p, q []float64) float64 {
	checkPair("metric.KL", p, q)
	sum := 0.0
	for i, v := range p {
		if v > 0 {
			sum += v * (math.Log(v) - math.Log(q[i])) // v/q may overflow
		}
	}
	return sum
}

// Bits returns a number of nats in bits: as many fair coins surprise as much.
func Bits(nats float64) float64 { return nats / math.Ln2 }

// checkPair panics unless p and q are distributions over the same things.
func checkPair(op string, p, q []float64) {
	if len(p) != len(q) {
		fault.Option(op, "p has %d probabilities and q %d", len(p), len(q))
	}
	checkDistribution(op, "p", p)
	checkDistribution(op, "q", q)
}

// checkDistribution panics unless p is a distribution. The sum may be off by what the
// rounding of float32 makes of it.
func checkDistribution(op, name string, p []float64) {
	sum := 0.0
	for i, v := range p {
		if !(v >= 0) {
			fault.Option(op, "%s: probability %d is %v, at least 0 expected", name, i, v)
		}
		sum += v
	}
	if !(math.Abs(sum-1) <= 1e-6) {
		fault.Option(op, "%s: the probabilities sum to %v, 1 expected", name, sum)
	}
}
