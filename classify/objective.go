package classify

import (
	"encoding/binary"
	"math"
	"slices"
	"sync"
	"time"

	"github.com/onehot-go/onehot/dist"
	"github.com/onehot-go/onehot/internal/kernel"
	"github.com/onehot-go/onehot/internal/parallel"
)

// objective is the sum of the losses of all rows and (1 - L1Ratio)/2C times the squared coefficients: C
// times less than what Options minimise, and without L1. Two classes have one vector of coefficients: the
// logit of the first is 0.
type objective struct {
	table
	scaling
	labels  []int64
	weights []float64 // of rows; nil for 1 each
	total   float64   // of the weights
	classes int
	vectors int     // of coefficients: 1 of two classes, else one each
	l2      float64 // strength

	part    int // rows of a part
	parts   []part
	own     span      // the parts of this rank
	quick   []float32 // their standardised rows in blocks, each column by column, and whole panels of scores
	buffers sync.Pool // of *buffer

	spent  time.Duration // on them, in the last evaluation
	shared *shared       // what ranks need that share the parts; nil for one
	err    error         // what failed between them: values are not numbers then
}

// span is from lo up to hi.
type span struct{ lo, hi int }

// shared is what one of several ranks needs to add up the parts of all in the order that one rank does.
type shared struct {
	comm   dist.Comm
	slices *dist.Slices[float64]
	note   []byte   // the losses of its parts
	notes  [][]byte // of all ranks
	sum    []float64
}

// share has the ranks of c, or of nil one, share the parts.
func (o *objective) share(c dist.Comm) {
	n := len(o.parts)
	o.own = span{0, n}
	if c == nil || c.Size() == 1 {
		return
	}
	s := &shared{comm: c}
	var rows []int
	for r := range c.Size() {
		of := span{r * n / c.Size(), (r + 1) * n / c.Size()}
		if r == c.Rank() {
			o.own = of
		}
		rows = append(rows, of.hi-of.lo)
		s.notes = append(s.notes, make([]byte, 8*rows[r]))
	}
	s.slices = dist.NewSlices[float64](c, o.vectors*(o.columns+1), rows)
	lo, hi := s.slices.Range(c.Rank())
	s.sum = make([]float64, hi-lo)
	o.shared = s
}

// combine adds the gradients of all ranks' parts, of which own are this rank's, to gradient, which holds those of the penalty, and
// returns value with their losses.
func (s *shared) combine(own []part, value float64, gradient []float64) (float64, error) {
	s.note = s.note[:0]
	var rows [][]float64
	for _, p := range own {
		s.note = binary.LittleEndian.AppendUint64(s.note, math.Float64bits(p.loss))
		rows = append(rows, p.gradient)
	}
	rows, err := s.slices.Deal(rows, s.note, s.notes)
	if err != nil {
		return math.NaN(), err
	}
	for _, note := range s.notes {
		for ; len(note) > 0; note = note[8:] {
			value += math.Float64frombits(binary.LittleEndian.Uint64(note))
		}
	}
	lo, hi := s.slices.Range(s.comm.Rank())
	copy(s.sum, gradient[lo:hi])
	for _, row := range rows {
		for j, v := range row {
			s.sum[j] += v
		}
	}
	all, err := s.slices.Gather(s.sum)
	if err != nil {
		return math.NaN(), err
	}
	copy(gradient, all)
	return value, nil
}

// part is what some of the rows add to the objective and its gradient.
type part struct {
	loss     float64
	gradient []float64 // of the coefficients, and then of the intercepts
}

// buffer is memory for a block of rows.
type buffer struct {
	rows, logits []float64
	scores       *kernel.Scores
	bias, sums   []float32
	gradient     []float32
}

const (
	blockRows = 64  // that stay in a core's first caches
	leastPart = 256 // rows: shorter ones would cost more to hand to a core than they save
	mostParts = 64
	panelRows = 16 // of scores
)

// newObjective returns the objective of rows with classes and weights, which the ranks of c share; nil is one.
func newObjective(t table, s scaling, labels []int64, weights []float64, classes int, c dist.Comm) *objective {
	o := &objective{table: t, scaling: s, labels: labels, weights: weights, classes: classes, vectors: classes, total: float64(t.rows)}
	if classes == 2 {
		o.vectors = 1
	}
	if weights != nil {
		o.total = 0
		for _, w := range weights {
			o.total += w
		}
	}
	n := max(1, min(mostParts, t.rows/leastPart))
	o.part = (t.rows + n - 1) / n
	o.part += (blockRows - o.part%blockRows) % blockRows
	o.parts = make([]part, (t.rows+o.part-1)/o.part)
	o.share(c)
	for i := range o.parts[o.own.lo:o.own.hi] {
		o.parts[o.own.lo+i].gradient = make([]float64, o.vectors*(t.columns+1))
	}
	o.buffers.New = func() any {
		return &buffer{
			rows: make([]float64, blockRows*t.columns), logits: make([]float64, blockRows*o.vectors),
			scores: kernel.NewScores(classes, blockRows), bias: make([]float32, classes), sums: make([]float32, classes),
			gradient: make([]float32, o.vectors*t.columns),
		}
	}
	first, end := o.own.lo*o.part, min(o.own.hi*o.part, t.rows)
	o.quick = make([]float32, paddedRows(max(0, end-first))*t.columns)
	parallel.Share(o.own.hi-o.own.lo, 1, func(lo, hi int) {
		row := make([]float64, t.columns)
		for i := first + lo*o.part; i < min(first+hi*o.part, t.rows); i++ {
			t.read(row, i)
			s.apply(row)
			block, at := i/blockRows*blockRows, i%blockRows
			stride := paddedRows(min(blockRows, t.rows-block))
			quick := o.quickOf(block)
			for j, v := range row {
				quick[j*stride+at] = float32(v)
			}
		}
	})
	return o
}

// quickOf returns quick from a row of this rank's parts on.
func (o *objective) quickOf(row int) []float32 { return o.quick[(row-o.own.lo*o.part)*o.columns:] }

// paddedRows returns how many rows so many take in whole panels.
func paddedRows(n int) int { return (n + panelRows - 1) / panelRows * panelRows }

// evaluate returns the objective for coefficients (vectors, columns) and intercepts, and writes its gradient to those of
// the same shape. Sums over blocks of rows are of float64, and so is all else with exact; without it, products and
// exponentials are of float32.
func (o *objective) evaluate(exact bool, coefficients, intercepts, gradient, interceptGradient []float64) float64 {
	add := o.addQuick(coefficients, intercepts)
	if exact {
		add = o.addExact(coefficients, intercepts)
	}
	work := o.part * o.columns * o.vectors
	own := o.parts[o.own.lo:o.own.hi]
	start := time.Now()
	parallel.Share(len(own), 1+smallWork/max(1, work), func(lo, hi int) {
		b := o.buffers.Get().(*buffer)
		defer o.buffers.Put(b)
		for i := o.own.lo + lo; i < o.own.lo+hi; i++ {
			p := &o.parts[i]
			p.loss = 0
			clear(p.gradient)
			end := min((i+1)*o.part, o.rows)
			for at := i * o.part; at < end; at += blockRows {
				add(p, b, at, min(at+blockRows, end))
			}
		}
	})
	o.spent = time.Since(start)
	clear(interceptGradient)
	value := 0.0
	for i, w := range coefficients {
		value += w * w
		gradient[i] = o.l2 * w
	}
	value *= o.l2 / 2
	if o.shared != nil {
		all := slices.Concat(gradient, interceptGradient)
		value, o.err = o.shared.combine(own, value, all)
		copy(interceptGradient, all[copy(gradient, all):])
		return value
	}
	for i := range o.parts {
		p := &o.parts[i]
		value += p.loss
		for j, v := range p.gradient[:len(gradient)] {
			gradient[j] += v
		}
		for j, v := range p.gradient[len(gradient):] {
			interceptGradient[j] += v
		}
	}
	return value
}

// smallWork is the number of multiplications below which another core costs more than it saves.
const smallWork = 1 << 15

// addExact returns what adds rows lo up to hi to a part, in float64.
func (o *objective) addExact(coefficients, intercepts []float64) func(p *part, b *buffer, lo, hi int) {
	k, d := o.vectors, o.columns
	turned := kernel.Matrix[float64]{Data: coefficients, Rows: d, Cols: k, RowStride: 1, ColStride: d}
	return func(p *part, b *buffer, lo, hi int) {
		n := hi - lo
		for i := range n {
			row := b.rows[i*d:][:d]
			o.read(row, lo+i)
			o.apply(row)
		}
		rows := kernel.Matrix[float64]{Data: b.rows, Rows: n, Cols: d, RowStride: d, ColStride: 1}
		kernel.Gemm(b.logits, rows, turned, kernel.Epilogue[float64]{Bias: intercepts})
		for i := range n {
			p.loss += o.differ(b.logits[i*k:][:k], lo+i)
			for j, v := range b.logits[i*k:][:k] {
				p.gradient[k*d+j] += v
			}
		}
		g := kernel.Matrix[float64]{Data: b.logits, Rows: k, Cols: n, RowStride: 1, ColStride: k}
		kernel.Gemm(p.gradient, g, rows, kernel.Epilogue[float64]{Add: true})
	}
}

// differ makes of a row's logits the gradient of its loss, which it returns: both times its weight.
func (o *objective) differ(logits []float64, row int) float64 {
	weight := 1.0
	if o.weights != nil {
		weight = o.weights[row]
	}
	label := o.labels[row]
	if o.vectors == 1 {
		z := logits[0]
		p := sigmoid(z)
		logits[0] = weight * (p - float64(label))
		if label == 1 {
			z = -z
		}
		return weight * softplus(z)
	}
	peak := slices.Max(logits)
	sum := 0.0
	right := logits[label] - peak
	for j, z := range logits {
		logits[j] = math.Exp(z - peak)
		sum += logits[j]
	}
	scale := weight / sum
	for j := range logits {
		logits[j] *= scale
	}
	logits[label] -= weight
	return weight * (math.Log(sum) - right)
}

// sigmoid returns 1/(1 + exp(-z)).
func sigmoid(z float64) float64 {
	if z < 0 {
		e := math.Exp(z)
		return e / (1 + e)
	}
	return 1 / (1 + math.Exp(-z))
}

// softplus returns log(1 + exp(z)).
func softplus(z float64) float64 { return max(z, 0) + math.Log1p(math.Exp(-math.Abs(z))) }

// flushRows is how many rows' gradients are summed up in float32 before they are added in float64.
const flushRows = 16 * blockRows

// addQuick returns what adds rows lo up to hi to a part, with products of float32.
func (o *objective) addQuick(coefficients, intercepts []float64) func(p *part, b *buffer, lo, hi int) {
	k, d := o.vectors, o.columns
	first := o.classes - k // of the classes that have coefficients
	narrow := make([]float32, len(coefficients))
	for i, v := range coefficients {
		narrow[i] = float32(v)
	}
	weight := kernel.Matrix[float32]{Data: narrow, Rows: k, Cols: d, RowStride: d, ColStride: 1}
	return func(p *part, b *buffer, lo, hi int) {
		n, c := hi-lo, b.scores
		c.SetSamples(n)
		for j, v := range intercepts {
			b.bias[first+j] = float32(v)
		}
		clear(c.X[:first*c.Stride])
		x := o.quickOf(lo)
		kernel.GemmHere(c.X[first*c.Stride:], weight, kernel.Matrix[float32]{Data: x, Rows: d, Cols: c.Stride, RowStride: c.Stride, ColStride: 1}, kernel.Epilogue[float32]{})
		labels := o.labels[lo:hi]
		loss, _ := c.CrossEntropy(labels, 1, b.bias)
		if o.weights != nil {
			loss = o.weighedLoss(c, lo, hi)
		}
		p.loss += loss
		c.Grad(labels, 1)
		if o.weights != nil {
			for j := range o.classes {
				for i, w := range o.weights[lo:hi] {
					c.P[j*c.Stride+i] *= float32(w)
				}
			}
		}
		g := kernel.Matrix[float32]{Data: c.P[first*c.Stride:], Rows: k, Cols: n, RowStride: c.Stride, ColStride: 1}
		fresh := lo%o.part%flushRows == 0
		kernel.GemmHere(b.gradient, g, kernel.Matrix[float32]{Data: x, Rows: n, Cols: d, RowStride: 1, ColStride: c.Stride}, kernel.Epilogue[float32]{Add: !fresh})
		kernel.SumRows(b.sums, c.P, o.classes, c.Stride)
		for j, sum := range b.sums[first:] {
			p.gradient[k*d+j] += float64(sum)
		}
		if hi%o.part%flushRows == 0 || hi == o.rows {
			for j, v := range b.gradient {
				p.gradient[j] += float64(v)
			}
		}
	}
}

// weighedLoss returns the sum of the losses of rows lo up to hi, each times its weight, of scores that have logits and
// probabilities.
func (o *objective) weighedLoss(c *kernel.Scores, lo, hi int) float64 {
	sum := 0.0
	for i, label := range o.labels[lo:hi] {
		likeliest := i
		for at := i; at < o.classes*c.Stride; at += c.Stride {
			if c.P[at] > c.P[likeliest] {
				likeliest = at
			}
		}
		all := float64(c.X[likeliest]) - math.Log(float64(c.P[likeliest]))
		sum += o.weights[lo+i] * (all - float64(c.X[int(label)*c.Stride+i]))
	}
	return sum
}
