package kernel

import "math"

// Scores is memory for what some samples score in every class, a row a class and a column a
// sample: vectors of samples then need no sums across them.
type Scores struct {
	X      []float32 // (classes, Stride); CrossEntropy makes logits of it
	P      []float32 // the same of probabilities, or of their gradients
	Stride int       // samples, up to a multiple of 16: columns behind the last may have any value

	classes     int
	peaks, sums []float32
	logs        []float64
	best        []int32
}

// NewScores returns memory for as many classes, and at most so many samples.
func NewScores(classes, samples int) *Scores {
	s := &Scores{classes: classes}
	s.SetSamples(samples)
	n := s.Stride
	s.X, s.P = make([]float32, classes*n), make([]float32, classes*n)
	s.peaks, s.sums, s.logs, s.best = make([]float32, n), make([]float32, n), make([]float64, n), make([]int32, n)
	return s
}

// SetSamples sets Stride to what samples need: whole panels of Pixels, which are whole
// registers too. They are no more than there is memory for.
func (s *Scores) SetSamples(n int) { s.Stride = roundUp(n, pixelCols) }

// CrossEntropy makes of X the logits scale·X + bias, of which bias has an element a class, one at least,
// and writes their softmax to P. It returns the sum of the losses, negative logarithms of what
// P has for the labels, and for how many samples the label is the first class of the highest
// logit. labels are in [0, classes). The logits and their differences from the highest are
// rounded, as float32, and so are the sums of the exponentials of these. The loss is NaN where
// a logit of a sample is NaN or +Inf, or all are -Inf; which class is highest beside NaN is
// not defined.
func (s *Scores) CrossEntropy(labels []int64, scale float32, bias []float32) (loss float64, right int) {
	n := len(labels)
	if v := active.vectors; v != nil && v.softmaxCols != nil && n > 0 {
		v.softmaxCols(s.classes, n, s.Stride, &s.P[0], &s.X[0], scale, &bias[0], &s.peaks[0], &s.sums[0], &s.best[0])
		for i, sum := range s.sums[:n] {
			s.logs[i] = float64(sum)
		}
		v.logs(s.logs[:n])
	} else {
		for i := range n {
			s.column(i, scale, bias)
		}
	}
	for i, label := range labels {
		loss += s.logs[i] - float64(s.X[int(label)*s.Stride+i]-s.peaks[i])
		if int64(s.best[i]) == label {
			right++
		}
	}
	return loss, right
}

// column does for one sample what CrossEntropy does first.
func (s *Scores) column(i int, scale float32, bias []float32) {
	peak, best := float32(math.Inf(-1)), 0
	for j, b := range bias {
		z := scale*s.X[j*s.Stride+i] + b
		s.X[j*s.Stride+i] = z
		if z > peak {
			peak, best = z, j
		}
	}
	sum := float32(0)
	for j := range bias {
		e := float32(math.Exp(float64(s.X[j*s.Stride+i] - peak)))
		s.P[j*s.Stride+i] = e
		sum += e
	}
	for j := range bias {
		s.P[j*s.Stride+i] /= sum
	}
	s.peaks[i], s.logs[i], s.best[i] = peak, math.Log(float64(sum)), int32(best)
}

// Grad makes of P the gradient of scale times the sum of the losses that CrossEntropy returned
// for labels, with respect to the logits, and 0 behind the last sample.
func (s *Scores) Grad(labels []int64, scale float32) {
	n := len(labels)
	for i, label := range labels {
		s.P[int(label)*s.Stride+i]--
	}
	all := s.P[:s.classes*s.Stride]
	Scale(all, all, scale)
	for ; len(all) > 0; all = all[s.Stride:] {
		clear(all[n:s.Stride])
	}
}

// Binary makes of X logits X + bias, of which bias has an element a class, and of P the gradient of scale times
// the sum of their binary cross-entropies, with respect to the logits, and 0 behind the last sample. It returns
// the sum. vectors are the targets, (samples, classes), each from 0 to 1.
func (s *Scores) Binary(vectors, bias []float32, scale float32) (loss float64) {
	n := len(vectors) / s.classes
	for j, b := range bias {
		x, p := s.X[j*s.Stride:][:s.Stride], s.P[j*s.Stride:][:s.Stride]
		for i := range n {
			x[i] += b
			z, target := float64(x[i]), float64(vectors[i*s.classes+j])
			e := math.Exp(-math.Abs(z)) // at most 1
			sigmoid := 1 / (1 + e)
			if z < 0 {
				sigmoid = e / (1 + e)
			}
			loss += max(z, 0) - z*target + math.Log1p(e)
			p[i] = scale * float32(sigmoid-target)
		}
		clear(p[n:])
	}
	return loss
}
