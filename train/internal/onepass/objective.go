package onepass

import (
	"encoding/binary"
	"math"
	"slices"
	"time"

	"github.com/onehot-go/onehot/dataset"
	"github.com/onehot-go/onehot/dist"
	"github.com/onehot-go/onehot/fault"
	"github.com/onehot-go/onehot/internal/parallel"
	"github.com/onehot-go/onehot/loader"
	"github.com/onehot-go/onehot/nn"
	"github.com/onehot-go/onehot/random"
	"github.com/onehot-go/onehot/tensor"
)

// Objective is mean cross-entropy + λ/2 · |W|² over all samples of a data set, where W is a
// layer's weight without the bias. Where targets are vectors of labels, the cross-entropy of a sample is
// the sum of its labels' binary ones.
type Objective struct {
	regression *Regression
	l2         float64
	fill       dataset.Fill
	row        dataset.Row
	indices    []int // of all samples
	shared     *shared

	// What the last evaluation found, and where.
	weight, bias []float32
	value, loss  float64
	correct      int

	rows  [][]float32   // of the weights, of this rank's parts
	spent time.Duration // on them, in the last evaluation
	err   error         // between ranks
}

// Parts of the samples are summed up in float32, and the parts in float64. So the last digits
// have no noise that a search would take for hills.
const partSamples = 2048

// NewObjective returns the objective of layer, which has float32 parameters and a bias, on
// data of at least one sample. A label that names no class is blamed on op. Data that is a
// dataset.Batcher is converted anew in every evaluation; other data is read once and kept.
// The error is the data's.
func NewObjective(op string, layer *nn.Linear, data dataset.Dataset, l2 float64) (*Objective, error) {
	o := &Objective{regression: New(op, layer, data), l2: l2}
	if b, ok := data.(dataset.Batcher); ok {
		o.fill, o.row = b.Batch()
	}
	if o.fill == nil {
		var err error
		if o.fill, o.row, err = keepSamples(data); err != nil {
			return nil, err
		}
	}
	if o.row.Vector > 0 && o.row.Vector != o.regression.classes {
		fault.Option(op, "targets are vectors of %d: classes, or vectors of %d expected", o.row.Vector, o.regression.classes)
	}
	o.regression.several = o.row.Vector > 0
	for i := range data.Len() {
		o.indices = append(o.indices, i)
	}
	return o, nil
}

// keepSamples reads all samples and returns what copies them, and what a row of them is.
func keepSamples(data dataset.Dataset) (fill dataset.Fill, row dataset.Row, err error) {
	var images, vectors []float32
	var labels []int64
	samples := 0
	for batch, err := range loader.New(data, loader.Options{BatchSize: 256, Workers: parallel.Threads()}).Epoch(1) {
		if err != nil {
			return nil, dataset.Row{}, err
		}
		row.Input = batch.Inputs.Shape()[1:]
		images = append(images, tensor.Data[float32](batch.Inputs)...)
		samples += batch.Inputs.Size(0)
		if batch.Targets.DType() == tensor.Int64 {
			labels = append(labels, tensor.Data[int64](batch.Targets)...)
		} else {
			row.Vector = batch.Targets.Size(1)
			vectors = append(vectors, tensor.Data[float32](batch.Targets)...)
		}
	}
	size := len(images) / samples
	return func(to dataset.Memory, indices []int, _ dataset.Chance) {
		for k, i := range indices {
			copy(to.Inputs[k*size:], images[i*size:][:size])
			if row.Vector > 0 {
				copy(to.Vectors[k*row.Vector:], vectors[i*row.Vector:][:row.Vector])
			} else {
				to.Classes[k] = labels[i]
			}
		}
	}, row, nil
}

// Shape returns the shape of a sample.
func (o *Objective) Shape() []int { return o.row.Input }

// Samples returns how many there are.
func (o *Objective) Samples() int { return len(o.indices) }

// Several reports whether targets are vectors of labels.
func (o *Objective) Several() bool { return o.regression.several }

// Result returns the mean cross-entropy that the last evaluation found, and how many samples
// were predicted right, where each has one class.
func (o *Objective) Result() (loss float64, correct int) { return o.loss, o.correct }

// Set puts value in place of what the last evaluation found: its gradients were changed.
func (o *Objective) Set(value float64) {
	o.loss += value - o.value
	o.value = value
}

// Evaluate returns the objective at the layer's parameters, and sets their gradients. If it
// was last evaluated at the same parameters it costs nothing, and evaluated is false.
func (o *Objective) Evaluate() (value float64, evaluated bool) {
	weight := tensor.Data[float32](o.regression.layer.Weight.Detach().Contiguous())
	bias := tensor.Data[float32](o.regression.layer.Bias.Detach().Contiguous())
	if slices.Equal(weight, o.weight) && slices.Equal(bias, o.bias) {
		return o.value, false
	}
	o.weight, o.bias = append(o.weight[:0], weight...), append(o.bias[:0], bias...)
	r, n := o.regression, float64(len(o.indices))
	first, end := o.ownParts()
	own := samples{indices: o.indices[min(first*partSamples, len(o.indices)):min(end*partSamples, len(o.indices))]}
	own.fill = func(to dataset.Memory, lo, hi int) {
		o.fill(to, own.indices[lo:hi], dataset.Chance{Of: random.New(0).At, First: first*partSamples + lo})
	}
	start := time.Now()
	r.sum(own, partSamples, 1)
	o.spent = time.Since(start)
	lo, hi := 0, len(weight) // whose gradients this rank sums up
	parts, rows := r.parts[:end-first], o.rows[:0]
	for _, p := range parts {
		rows = append(rows, p.weight)
	}
	o.rows = rows
	if o.shared != nil {
		if rows, parts, o.err = o.shared.deal(rows, parts); o.err != nil {
			return math.NaN(), true
		}
		lo, hi = o.shared.slices.Range(o.shared.comm.Rank())
	}
	loss, correct := total(parts)
	squares := 0.0
	for _, w := range weight {
		squares += float64(w) * float64(w)
	}
	gradient, biasGradient := tensor.Data[float32](r.layer.Weight.Grad()), tensor.Data[float32](r.layer.Bias.Grad())
	parallel.For(r.classes, 1, func(firstClass, endClass int) {
		sums := make([]float64, r.inputs)
		for j := firstClass; j < endClass; j++ {
			grad := r.biasGrad(parts, j)
			biasGradient[j] = float32(grad / n)
			from, to := max(j*r.inputs, lo), min((j+1)*r.inputs, hi)
			if from >= to {
				continue
			}
			clear(sums)
			for _, row := range rows {
				for i, v := range row[from-lo : to-lo] {
					sums[i] += float64(v)
				}
			}
			size := r.inputs / len(r.lines)
			for i := from; i < to; i++ {
				c := (i - j*r.inputs) / size
				sum := sums[i-from]
				if c > 0 {
					sum *= r.ratio(c)
				}
				gradient[i] = float32((sum+r.lines[c].Shift*grad)/n + o.l2*float64(weight[i]))
			}
		}
	})
	if o.shared != nil {
		whole, err := o.shared.slices.Gather(gradient[lo:hi])
		if o.err = err; err != nil {
			return math.NaN(), true
		}
		copy(gradient, whole)
	}
	o.loss, o.correct = loss/n, correct
	o.value = o.loss + o.l2/2*squares
	return o.value, true
}

// Rehearse evaluates at the layer's parameters, and forgets what it found. It returns how long this rank took for its parts, and how long it
// took in all.
func (o *Objective) Rehearse() (own, all time.Duration, err error) {
	for range 2 { // memory is new in the first
		o.weight = nil
		start := time.Now()
		o.Evaluate()
		own, all = o.spent, time.Since(start)
	}
	o.weight = nil
	return own, all, o.err
}

// Err returns what failed between ranks in an evaluation, whose value is not a number then.
func (o *Objective) Err() error { return o.err }

// shared is what ranks need that share the parts of the samples.
type shared struct {
	comm   dist.Comm
	slices *dist.Slices[float32]
	bounds []int    // where each rank's parts begin, and how many there are
	notes  [][]byte // of each rank: bias, loss and correct of each of its parts
	note   []byte
	parts  []part // of all ranks, without weights
}

// Share has the ranks of c evaluate the objective together: each computes a range of the parts. The sums
// are taken in the same order as by one rank, and have the same bits. Nil is one rank.
func (o *Objective) Share(c dist.Comm) {
	if o.shared = nil; c == nil || c.Size() == 1 {
		return
	}
	r := o.regression
	all := (len(o.indices) + partSamples - 1) / partSamples
	s := &shared{comm: c, parts: make([]part, all)}
	for i := range s.parts {
		s.parts[i].bias = make([]float64, r.classes)
	}
	var rows []int
	for rank := range c.Size() {
		lo, hi := rank*all/c.Size(), (rank+1)*all/c.Size()
		s.bounds, rows = append(s.bounds, lo), append(rows, hi-lo)
		s.notes = append(s.notes, make([]byte, (hi-lo)*(r.classes+2)*8))
	}
	s.bounds = append(s.bounds, all)
	s.slices = dist.NewSlices[float32](c, r.classes*r.inputs, rows)
	o.shared = s
}

// ownParts returns the parts that this rank computes.
func (o *Objective) ownParts() (first, end int) {
	if o.shared == nil {
		return 0, (len(o.indices) + partSamples - 1) / partSamples
	}
	rank := o.shared.comm.Rank()
	return o.shared.bounds[rank], o.shared.bounds[rank+1]
}

// deal gives this rank its slice of the weights' rows of all parts, and what else there is to know of all parts.
func (s *shared) deal(rows [][]float32, own []part) ([][]float32, []part, error) {
	s.note = s.note[:0]
	for _, p := range own {
		for _, v := range append([]float64{p.loss, float64(p.correct)}, p.bias...) {
			s.note = binary.LittleEndian.AppendUint64(s.note, math.Float64bits(v))
		}
	}
	rows, err := s.slices.Deal(rows, s.note, s.notes)
	if err != nil {
		return nil, nil, err
	}
	i := 0
	for _, note := range s.notes {
		next := func() float64 {
			v := math.Float64frombits(binary.LittleEndian.Uint64(note))
			note = note[8:]
			return v
		}
		for len(note) > 0 {
			p := &s.parts[i]
			p.loss, p.correct = next(), int(next())
			for j := range p.bias {
				p.bias[j] = next()
			}
			i++
		}
	}
	return rows, s.parts, nil
}
