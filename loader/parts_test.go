package loader_test

import (
	"fmt"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/onehot-go/onehot/dataset"
	"github.com/onehot-go/onehot/fault"
	"github.com/onehot-go/onehot/loader"
	"github.com/onehot-go/onehot/random"
	"github.com/onehot-go/onehot/tensor"
	"github.com/onehot-go/onehot/transform"
)

// asked counts the samples that are asked for.
type asked struct {
	dataset.Dataset
	n *atomic.Int64
}

func (d asked) Sample(i int, chance random.Key) (dataset.Sample, error) {
	d.n.Add(1)
	return d.Dataset.Sample(i, chance)
}

// TestParts checks that the parts of batches are the whole ones side by side, and that no sample of another
// part is read: of a data set, of one in memory, and of a stream.
func TestParts(t *testing.T) {
	const samples, size, ranks = 23, 5, 3
	drawn := transform.Compose{transform.RandomCrop{Height: 2, Width: 3, Padding: 1}, transform.ToTensor{}}
	data := patches(samples, drawn)
	counts := asked{data, new(atomic.Int64)}
	flow := newStream(data)
	for _, workers := range []int{0, 2} {
		options := loader.Options{BatchSize: size, Workers: workers, Seed: 7}
		shuffled := options
		shuffled.Shuffle = true
		for name, k := range map[string]struct {
			source loader.Parted
			made   *atomic.Int64
		}{
			"in memory":  {loader.New(data, shuffled), nil},
			"one by one": {loader.New(counts, shuffled), counts.n},
			"a stream":   {loader.NewStream(flow, options), flow.made},
		} {
			if k.source.BatchSize() != size {
				t.Errorf("%s: found batches of %d", name, k.source.BatchSize())
			}
			for _, from := range []int{0, 2} {
				var want []loader.Batch
				for b, err := range k.source.Batches(1, from) {
					if err != nil {
						t.Fatal(err)
					}
					b.Inputs, b.Targets = b.Inputs.Clone(), b.Targets.Clone()
					want = append(want, b)
				}
				for rank := range ranks {
					if k.made != nil {
						k.made.Store(0)
					}
					// Batch 3 is the first rank's alone; the last one has 3 samples.
					part := func(batch, n int) (lo, hi int) {
						if batch == 3 {
							return 0, n * max(0, 1-rank)
						}
						return n * rank / ranks, n * (rank + 1) / ranks
					}
					mine, at := 0, 0
					for b, err := range k.source.Parts(1, from, part) {
						if err != nil {
							t.Fatal(err)
						}
						whole := want[at]
						lo, hi := part(from+at, whole.Inputs.Size(0))
						at++
						mine += hi - lo
						if b.Whole != whole.Inputs.Size(0) || whole.Whole != b.Whole || b.Before != lo || !slices.Equal(b.Indices, whole.Indices[lo:hi]) {
							t.Fatalf("%s: found %d of %d samples, %d before: %v of %v", name, len(b.Indices), b.Whole, b.Before, b.Indices, whole.Indices)
						}
						if lo == hi {
							if b.Inputs != nil || b.Targets != nil {
								t.Errorf("%s: a part without samples has %v", name, b)
							}
							continue
						}
						if found, want := fmt.Sprint(b), fmt.Sprint(loader.Batch{Inputs: whole.Inputs.Narrow(0, lo, hi-lo), Targets: whole.Targets.Narrow(0, lo, hi-lo)}); found != want {
							t.Errorf("%s: found %s, %s expected", name, found, want)
						}
						if !slices.Equal(tensor.Data[float32](b.Inputs), tensor.Data[float32](whole.Inputs.Narrow(0, lo, hi-lo))) {
							t.Errorf("%s: other numbers than the whole batch has", name)
						}
					}
					if at != len(want) {
						t.Errorf("%s: found %d batches, %d expected", name, at, len(want))
					}
					if k.made != nil && int(k.made.Load()) != mine {
						t.Errorf("%s: rank %d made %d samples, its %d expected", name, rank, k.made.Load(), mine)
					}
				}
			}
		}
	}
}

func TestPartsPanic(t *testing.T) {
	defer func() {
		if _, ok := recover().(*fault.OptionError); !ok {
			t.Error("no *fault.OptionError for a part that a batch does not have")
		}
	}()
	for range loader.New(patches(3, transform.ToTensor{}), loader.Options{BatchSize: 2}).Parts(0, 0, func(_, n int) (int, int) { return 0, n + 1 }) {
	}
}
