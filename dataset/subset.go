package dataset

import (
	"cmp"
	"maps"
	"math"
	"slices"

	"github.com/onehot-go/onehot/fault"
	"github.com/onehot-go/onehot/random"
)

// Subset is the samples of a data set at some indices, in the order of the indices. An
// index may come more than once. Two subsets over two copies of a data set, each with a
// transform of its own, let samples to learn from be augmented and samples to measure on
// stay as they are.
type Subset struct {
	Dataset Dataset
	Indices []int
}

var (
	_ ByteBatcher = Subset{}
	_ Labelled    = Subset{}
)

// Len returns the number of indices.
func (s Subset) Len() int { return len(s.Indices) }

// Classes returns the names of the data set's classes, all of them.
func (s Subset) Classes() []string { return s.Dataset.Classes() }

// Sample returns the data set's sample at the i-th index. It panics with an *IndexError
// if i is outside [0, Len()), or the index outside the data set.
func (s Subset) Sample(i int, chance random.Key) (Sample, error) {
	s.check(i)
	return s.Dataset.Sample(s.Indices[i], chance)
}

// Label returns the class of the data set's sample at the i-th index. The sample is read if the
// data set is not Labelled. It panics as Sample does.
func (s Subset) Label(i int) (int, error) {
	s.check(i)
	return label(s.Dataset, s.Indices[i])
}

// Batch returns a function that fills batches if the data set has one.
func (s Subset) Batch() (fill Fill, row Row) {
	from, row := batch(s.Dataset)
	if from == nil {
		return nil, Row{}
	}
	return func(to Memory, indices []int, chance Chance) {
		n := len(indices)
		wanted := indices[:min(n+ahead, cap(indices))]
		inner := make([]int, len(wanted))
		for k, i := range wanted {
			s.check(i)
			inner[k] = s.Indices[i]
		}
		from(to, inner[:n], chance)
	}, row
}

// Bytes returns those of the data set if it has them.
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

// ahead is how many samples a Subset names as wanted next.
const ahead = 8

func (s Subset) check(i int) {
	if i < 0 || i >= len(s.Indices) {
		panic(&IndexError{Dataset: "subset", Index: i, Len: len(s.Indices)})
	}
}

// RandomSplit divides a data set by chance into parts of the given lengths. The lengths sum
// to that of the data set, and every sample is in one part. A part has its samples in the
// data set's order. The split is a function of key. It panics with a *fault.OptionError
// if the lengths do not fit.
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

// StratifiedSplit divides a data set by chance into parts that have the given fractions of all
// samples and, as nearly as whole samples can, of every class. The fractions sum to 1, and every
// sample is in one part. Both the parts' sizes and, part after part, what a part has of each
// class are rounded by largest remainders: all are rounded down, and what is missing goes to
// those that lost most, among equal parts to the first and among equal classes to those that key
// says. A part has no sample of a class that is too small for it. It has its samples in the data
// set's order. The split is a function of key; the error is that of Labels. It panics with a
// *fault.OptionError if the fractions do not fit.
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
	byClass := map[int][]int{}
	for i, c := range labels {
		byClass[c] = append(byClass[c], i)
	}
	rest := make([][]int, 0, len(byClass)) // of each class, what no part has yet
	for _, c := range slices.Sorted(maps.Keys(byClass)) {
		indices := byClass[c]
		key.At(c).Rand().Shuffle(len(indices), func(i, j int) { indices[i], indices[j] = indices[j], indices[i] })
		rest = append(rest, indices)
	}
	// Among equals the first gets more. Chance says which class that is, not its number.
	key.For("ties").Rand().Shuffle(len(rest), func(i, j int) { rest[i], rest[j] = rest[j], rest[i] })
	shares := make([]float64, len(fractions))
	for j, f := range fractions {
		shares[j] = f * float64(len(labels))
	}
	parts := make([]Subset, len(fractions))
	left := len(labels)
	for j, size := range apportion(len(labels), shares) {
		parts[j].Dataset = d
		if size == 0 {
			continue
		}
		ofClass := make([]float64, len(rest))
		for k, indices := range rest {
			ofClass[k] = float64(size) * float64(len(indices)) / float64(left)
		}
		for k, n := range apportion(size, ofClass) {
			parts[j].Indices = append(parts[j].Indices, rest[k][:n]...)
			rest[k] = rest[k][n:]
		}
		slices.Sort(parts[j].Indices)
		left -= size
	}
	return parts, nil
}

// apportion rounds shares, which sum to total, to integers that do: all are rounded down, and
// those that lost most are one more, the first among equals.
func apportion(total int, shares []float64) []int {
	counts, order := make([]int, len(shares)), make([]int, len(shares))
	for i, s := range shares {
		counts[i], order[i] = int(s), i
		total -= counts[i]
	}
	slices.SortStableFunc(order, func(i, j int) int {
		return cmp.Compare(shares[j]-float64(counts[j]), shares[i]-float64(counts[i]))
	})
	for _, i := range order[:total] {
		counts[i]++
	}
	return counts
}
