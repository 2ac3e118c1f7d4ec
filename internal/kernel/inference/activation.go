package inference

import "math"

// Activation is a function that a layer applies to its results in their last write.
type Activation int

// The activations, as PyTorch defines them.
const (
	Identity Activation = iota
	ReLU
	ReLU6
	Hardswish
	Hardsigmoid
	Sigmoid
	SiLU
)

// Limits reports whether the activation does no more than to hold elements to limits.
func (a Activation) Limits() bool { return a <= ReLU6 }

// limits returns what results are held to as they are written, and whether that is all.
func (a Activation) limits() (lo, hi float32, all bool) {
	lo, hi = float32(math.Inf(-1)), float32(math.Inf(1))
	switch a {
	case ReLU:
		lo = 0
	case ReLU6:
		lo, hi = 0, 6
	}
	return lo, hi, a.Limits()
}

// of returns the activation of v. NaN stays NaN.
func (a Activation) of(v float32) float32 {
	switch a {
	case ReLU:
		return clamp(v, 0, float32(math.Inf(1)))
	case ReLU6:
		return clamp(v, 0, 6)
	case Hardswish:
		return v * (clamp(v+3, 0, 6) * (1. / 6))
	case Hardsigmoid:
		return clamp(v+3, 0, 6) * (1. / 6)
	case Sigmoid:
		return float32(1 / (1 + math.Exp(float64(-v))))
	case SiLU:
		return float32(float64(v) / (1 + math.Exp(float64(-v))))
	}
	return v
}

// clamp returns v, or the limit that it is beyond. NaN stays.
func clamp(v, lo, hi float32) float32 {
	if v < lo {
		return lo
	}
	if v > hi {
		return hi
	}
	return v
}
