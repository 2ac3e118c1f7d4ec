package loader

import (
	"cmp"
	"math"
	"slices"
	"sort"

	"github.com/onehot-go/onehot/fault"
	"github.com/onehot-go/onehot/random"
)

// Weighted is a Sampler that draws sample i with a chance in proportion to Weights[i]:
// with 1 over the size of its class as every sample's weight, all classes come as often.
// It is torch.utils.data.WeightedRandomSampler, with an order that is a function of Seed
// and the epoch. Its fields must not be changed while it is in use.
type Weighted struct {
	Weights  []float64 // of every sample of the data set: finite and at least 0
	Samples  int       // drawn in an epoch
	Distinct bool      // draws without replacement: no sample comes twice in an epoch
	Seed     uint64
}

var _ Sampler = (*Weighted)(nil)

// Len returns Samples.
func (w *Weighted) Len() int { return w.Samples }

// Order returns the samples drawn. It panics with a *fault.OptionError if a weight is not finite
// or below 0, and if too few weights are positive: one must be, or Samples if they are distinct.
func (w *Weighted) Order(epoch int) []int {
	sums := make([]float64, len(w.Weights)) // of the weights up to each
	total, positive := 0.0, 0
	for i, weight := range w.Weights {
		if !(weight >= 0 && weight <= math.MaxFloat64) {
			fault.Option("loader.Weighted", "weight %v of sample %d: a finite number of at least 0 expected", weight, i)
		}
		if weight > 0 {
			positive++
		}
		total += weight
		sums[i] = total
	}
	if w.Samples < 0 || w.Distinct && w.Samples > positive || w.Samples > 0 && positive == 0 {
		fault.Option("loader.Weighted", "%d samples of %d with a positive weight", w.Samples, positive)
	}
	if math.IsInf(total, 1) {
		fault.Option("loader.Weighted", "the sum of the weights is %v: a finite one expected", total)
	}
	r := random.New(w.Seed).For("weighted").At(epoch).Rand()
	if !w.Distinct {
		order := make([]int, w.Samples)
		for k := range order {
			at := r.Float64() * total
			order[k] = sort.Search(len(sums), func(i int) bool { return sums[i] > at })
		}
		return order
	}
	// Where each sample waits for a time drawn from the exponential distribution with its
	// weight as the rate, they arrive in the order of draws without replacement.
	type arrival struct {
		time   float64
		sample int
	}
	arrivals := make([]arrival, 0, positive)
	for i, weight := range w.Weights {
		if weight > 0 {
			arrivals = append(arrivals, arrival{r.ExpFloat64() / weight, i})
		}
	}
	slices.SortFunc(arrivals, func(a, b arrival) int {
		return cmp.Or(cmp.Compare(a.time, b.time), cmp.Compare(a.sample, b.sample))
	})
	order := make([]int, w.Samples)
	for k := range order {
		order[k] = arrivals[k].sample
	}
	return order
}
