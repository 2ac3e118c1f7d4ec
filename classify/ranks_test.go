package classify_test

import (
	"errors"
	"math/rand/v2"
	"reflect"
	"sync"
	"testing"

	"github.com/onehot-go/onehot/classify"
	"github.com/onehot-go/onehot/dist"
	"github.com/onehot-go/onehot/tensor"
)

// drawn returns rows of noise, and classes that depend on them.
func drawn(rows, columns int) (x, y *tensor.Tensor) {
	r := rand.New(rand.NewPCG(1, 2))
	numbers, labels := make([]float32, rows*columns), make([]int64, rows)
	for i := range numbers {
		numbers[i] = float32(r.NormFloat64())
	}
	for i := range labels {
		if v := float64(numbers[i*columns]) + r.NormFloat64(); v > 1 {
			labels[i] = 2
		} else if v > 0 {
			labels[i] = 1
		}
	}
	return tensor.New(numbers, rows, columns), tensor.New(labels, rows)
}

func TestRanksFitTheSame(t *testing.T) {
	x, y := drawn(1500, 4) // five parts
	names := []string{"a", "b", "c"}
	for name, o := range map[string]classify.Options{"L2": {C: 0.5}, "elastic net": {C: 0.1, L1Ratio: 0.5, Raw: true}} {
		want, err := classify.FitTensor(x, y, names, o)
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range []int{1, 2, 3, 8} {
			var wg sync.WaitGroup
			for rank, comm := range dist.Local(n) {
				wg.Go(func() {
					o := o
					o.Comm = comm
					if own, all, err := classify.Rehearse(x, y, names, o); err != nil || all < own || own < 0 || all == 0 {
						t.Errorf("%s: %d ranks: rank %d: took %v of %v, %v", name, n, rank, own, all, err)
					}
					found, err := classify.FitTensor(x, y, names, o)
					if err != nil || !reflect.DeepEqual(found, want) {
						t.Errorf("%s: %d ranks: rank %d: %v, found %v, %v expected", name, n, rank, err, found, want)
					}
				})
			}
			wg.Wait()
		}
	}
}

func TestLostRanksEndAFit(t *testing.T) {
	x, y := drawn(1500, 4)
	comm := dist.Local(2)[0]
	comm.Abort(errors.New("the link is down"))
	_, err := classify.FitTensor(x, y, []string{"a", "b", "c"}, classify.Options{Comm: comm})
	if _, ok := errors.AsType[*dist.CommError](err); !ok {
		t.Errorf("found %v, a *dist.CommError expected", err)
	}
	if _, _, err := classify.Rehearse(x, y, []string{"a", "b", "c"}, classify.Options{Comm: comm}); err == nil {
		t.Error("a rehearsal of lost ranks: no error")
	}
}
