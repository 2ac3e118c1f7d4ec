package dataset

import (
	"math"
	"slices"

	"github.com/onehot-go/onehot/fault"
	"github.com/onehot-go/onehot/random"
)

// Subset is the samples of a data set at some indices, in their order; an index may come
// more than once. With the same indices over a copy of the data set that has another
// transform, samples to learn from are augmented and those to measure on are not.
type Subset struct {
	Dataset Dataset
	Indices []int
}

var _ ByteBatcher = Subset{}

// Len returns the number of indices.
func (s Subset) Len() int { return len(s.Indices) }

// Classes returns the names of the data set's classes, all of them.
func (s Subset) Classes() []string { return s.Dataset.Classes() }

// Sample returns the data set's sample at the i-th index. It panics with an *IndexError
// where i is outside [0, Len()), or the index outside the data set.
func (s Subset) Sample(i int, chance random.Key) (Sample, error) {
	s.check(i)
	return s.Dataset.Sample(s.Indices[i], chance)
}

// Batch returns a function that fills batches where the data set has one.
func (s Subset) Batch() (fill Fill, shape []int) {
	from, shape := batch(s.Dataset)
	if from == nil {
		return nil, nil
	}
	return func(images []float32, labels []int64, indices []int, chance Chance) {
		n := len(indices)
		wanted := indices[:min(n+ahead, cap(indices))]
		inner := make([]int, len(wanted))
		for k, i := range wanted {
			s.check(i)
			inner[k] = s.Indices[i]
		}
		from(images, labels, inner[:n], chance)
	}, shape
}

// Bytes returns those of the data set where it has them.
func (s Subset) Bytes() (rows ByteRows, ok bool) {
	b, ok := s.Dataset.(ByteBatcher)
	if !ok {
		return ByteRows{}, false
	}
	if rows, ok = b.Bytes(); !ok {
		return ByteRows{}, false
	}
	of := rows.Sample
	rows.Sample = func(i int) (row, label int) {
		s.check(i)
		return of(s.Indices[i])
	}
	return rows, true
}

// ahead is how many samples beyond those that are filled a Subset names as wanted next.
const ahead = 8

func (s Subset) check(i int) {
	if i < 0 || i >= len(s.Indices) {
		panic(&IndexError{Dataset: "subset", Index: i, Len: len(s.Indices)})
	}
}

// batch returns what d's Batch does, a nil fill where it has none.
func batch(d Dataset) (Fill, []int) {
	if b, ok := d.(Batcher); ok {
		return b.Batch()
	}
	return nil, nil
}

// oneByOne returns the Fill that takes every sample, of the given shape, from the Fill
// and by the list of one index that find has for its own.
func oneByOne(shape []int, find func(i int) (Fill, []int)) Fill {
	size := 1
	for _, n := range shape {
		size *= n
	}
	return func(images []float32, labels []int64, indices []int, chance Chance) {
		for k, i := range indices {
			fill, index := find(i)
			fill(images[k*size:][:size], labels[k:][:1], index, Chance{chance.Of, chance.First + k})
		}
	}
}

// RandomSplit divides a data set by chance into parts of the given lengths, which sum to
// that of the data set; every sample is in one of them. A part has its samples in the
// data set's order. The split is a function of key. It panics with a *fault.OptionError
// where the lengths do not fit.
func RandomSplit(d Dataset, lengths []int, key random.Key) []Subset {
	sum := 0
	for _, n := range lengths {
		sum += n
	}
	if sum != d.Len() || len(lengths) > 0 && slices.Min(lengths) < 0 {
		fault.Option("dataset.RandomSplit", "lengths %v, numbers of the sum %d expected", lengths, d.Len())
	}
	order := key.Rand().Perm(d.Len())
	parts := make([]Subset, len(lengths))
	for j, n := range lengths {
		slices.Sort(order[:n])
		parts[j] = Subset{d, order[:n:n]}
		order = order[n:]
	}
	return parts
}

// StratifiedSplit divides a data set by chance into parts that have the given fractions
// of every class, which sum to 1; every sample is in one of them. Of a class of n samples
// a part of fraction f has less than one more or less than f·n. A part has its samples in
// the data set's order. The split is a function of key; the error is that of Labels. It
// panics with a *fault.OptionError where the fractions do not fit.
func StratifiedSplit(d Dataset, fractions []float64, key random.Key) ([]Subset, error) {
	sum := 0.0
	for _, f := range fractions {
		sum += f
	}
	if !(math.Abs(sum-1) <= 1e-9) || slices.Min(fractions) < 0 {
		fault.Option("dataset.StratifiedSplit", "fractions %v, numbers of the sum 1 expected", fractions)
	}
	labels, err := Labels(d)
	if err != nil {
		return nil, err
	}
	classes := map[int][]int{}
	for i, c := range labels {
		classes[c] = append(classes[c], i)
	}
	parts := make([]Subset, len(fractions))
	for j := range parts {
		parts[j].Dataset = d
	}
	for c, indices := range classes {
		key.At(c).Rand().Shuffle(len(indices), func(i, j int) { indices[i], indices[j] = indices[j], indices[i] })
		begin, sum := 0, 0.0
		for j, f := range fractions {
			sum += f
			end := min(int(math.Round(sum*float64(len(indices)))), len(indices))
			parts[j].Indices = append(parts[j].Indices, indices[begin:end]...)
			begin = end
		}
	}
	for _, p := range parts {
		slices.Sort(p.Indices)
	}
	return parts, nil
}

// Labels returns the label of every sample, in their order. Those of Images, and of
// subsets and concatenations of them, are read without the pictures; any other data
// set's samples are all read, and the error is the first of them.
func Labels(d Dataset) ([]int, error) {
	out := make([]int, 0, d.Len())
	switch d := d.(type) {
	case *Images:
		for i := range d.Len() {
			out = append(out, d.target(i))
		}
	case Subset:
		all, err := Labels(d.Dataset)
		if err != nil {
			return nil, err
		}
		for _, i := range d.Indices {
			if i < 0 || i >= len(all) {
				panic(&IndexError{Dataset: "data set of a subset", Index: i, Len: len(all)})
			}
			out = append(out, all[i])
		}
	case *concatenation:
		for _, part := range d.parts {
			labels, err := Labels(part)
			if err != nil {
				return nil, err
			}
			out = append(out, labels...)
		}
	default:
		for i := range d.Len() {
			s, err := d.Sample(i, random.Key{})
			if err != nil {
				return nil, err
			}
			out = append(out, s.Label)
		}
	}
	return out, nil
}
