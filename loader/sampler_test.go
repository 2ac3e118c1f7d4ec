package loader_test

import (
	"fmt"
	"math"
	"reflect"
	"slices"
	"testing"

	"github.com/onehot-go/onehot/dataset"
	"github.com/onehot-go/onehot/fault"
	"github.com/onehot-go/onehot/loader"
	"github.com/onehot-go/onehot/transform"
)

// turning is a sampler that begins one sample later every epoch.
type turning struct{ order []int }

func (s turning) Len() int { return len(s.order) }

func (s turning) Order(epoch int) []int {
	at := epoch % len(s.order)
	return append(slices.Clone(s.order[at:]), s.order[:at]...)
}

func TestSampler(t *testing.T) {
	data := patches(7, transform.ToTensor{})
	for _, w := range workers {
		for _, d := range []dataset.Dataset{data, slow{data}} {
			o := loader.Options{BatchSize: 2, Workers: w, Sampler: turning{[]int{6, 2, 2, 0, 5}}}
			got := epoch(t, d, o, 1)
			if want := []int{2, 2, 0, 5, 6}; !slices.Equal(order(got), want) {
				t.Errorf("%T, %d workers: order %v, want %v", d, w, order(got), want)
			}
			for _, b := range got {
				for at, i := range b.Indices {
					if want := float32(data.Pixels[6*i]) / 255; b.Targets[at] != int64(i%3) || b.Inputs[6*at] != math.Float32bits(want) {
						t.Errorf("%T, %d workers: sample %d is not what the batch has", d, w, i)
					}
				}
			}
			if l := loader.New(d, o); l.Samples() != 5 || l.Len() != 3 {
				t.Errorf("%d samples in %d batches, want 5 in 3", l.Samples(), l.Len())
			}
			o.DropLast = true
			if got, want := order(epoch(t, d, o, 0)), []int{6, 2, 2, 0}; !slices.Equal(got, want) {
				t.Errorf("%T, %d workers: order %v without the rest, want %v", d, w, got, want)
			}
			if l := loader.New(d, o); l.Samples() != 4 || l.Len() != 2 {
				t.Errorf("%d samples in %d batches without the rest, want 4 in 2", l.Samples(), l.Len())
			}
		}
	}
}

// TestChanceOfRepeats checks that a sample that comes twice is changed in two ways, the
// first of them the one of an epoch in which it comes once.
func TestChanceOfRepeats(t *testing.T) {
	data := patches(4, transform.Compose{transform.ToTensor{}, noise{}})
	once := epoch(t, data, loader.Options{BatchSize: 4, Seed: 3}, 2)[0]
	for _, w := range workers {
		var got [][]uint32
		for _, b := range epoch(t, data, loader.Options{BatchSize: 2, Seed: 3, Workers: w, Sampler: fixed{1, 3, 1, 1, 3}}, 2) {
			for at := range b.Indices {
				got = append(got, b.Inputs[6*at:][:6])
			}
		}
		first := func(i int) []uint32 { return once.Inputs[6*i:][:6] }
		if !slices.Equal(got[0], first(1)) || !slices.Equal(got[1], first(3)) {
			t.Errorf("%d workers: the first time is not as in other epochs", w)
		}
		for _, pair := range [][2]int{{0, 2}, {0, 3}, {2, 3}, {1, 4}} {
			if reflect.DeepEqual(got[pair[0]], got[pair[1]]) {
				t.Errorf("%d workers: places %d and %d have the same", w, pair[0], pair[1])
			}
		}
	}
}

// fixed is a sampler of one order.
type fixed []int

func (s fixed) Len() int        { return len(s) }
func (s fixed) Order(int) []int { return s }

// wrong is a sampler that does not keep its word.
type wrong struct{ fixed }

func (wrong) Len() int { return 9 }

func TestWeightedIsAFunctionOfSeedAndEpoch(t *testing.T) {
	for _, distinct := range []bool{false, true} {
		draw := func(seed uint64, epoch int) []int {
			w := loader.Weighted{Weights: []float64{1, 2, 0, 3, 4, 0, 5}, Samples: 5, Distinct: distinct, Seed: seed}
			order := w.Order(epoch)
			if len(order) != 5 || w.Len() != 5 {
				t.Fatalf("drew %v, and Len is %d", order, w.Len())
			}
			return order
		}
		differ := map[string]bool{}
		for seed := range uint64(4) {
			for epoch := range 4 {
				first := draw(seed, epoch)
				if !slices.Equal(first, draw(seed, epoch)) {
					t.Errorf("seed %d, epoch %d: two orders", seed, epoch)
				}
				differ[fmt.Sprint(first)] = true
			}
		}
		if len(differ) < 8 {
			t.Errorf("distinct %t: only %d orders of 16 differ", distinct, len(differ))
		}
	}
}

// TestWeightedChances compares with the chances of every sequence, which can be written
// down.
func TestWeightedChances(t *testing.T) {
	weights := []float64{1, 0, 2, 5}
	const epochs, total = 8000, 8.0
	for _, distinct := range []bool{false, true} {
		w := loader.Weighted{Weights: weights, Samples: 2, Distinct: distinct, Seed: 7}
		counts := map[[2]int]float64{}
		for e := range epochs {
			counts[[2]int(w.Order(e))]++
		}
		for i, x := range weights {
			for j, y := range weights {
				p := x / total * y / total
				if distinct {
					p = x / total * y / (total - x)
					if i == j {
						p = 0
					}
				}
				if got := counts[[2]int{i, j}]; math.Abs(got-epochs*p) > 4*math.Sqrt(epochs*p*(1-p)) {
					t.Errorf("distinct %t: %d and %d came %v times of %d, want %v", distinct, i, j, got, epochs, epochs*p)
				}
			}
		}
	}
	// As many as there are: every one, once.
	all := (&loader.Weighted{Weights: weights, Samples: 3, Distinct: true}).Order(0)
	slices.Sort(all)
	if want := []int{0, 2, 3}; !slices.Equal(all, want) {
		t.Errorf("all are %v, want %v", all, want)
	}
	if got := (&loader.Weighted{}).Order(0); len(got) != 0 {
		t.Errorf("none are %v", got)
	}
}

func TestSamplerPanics(t *testing.T) {
	weighted := func(samples int, distinct bool, weights ...float64) func() {
		return func() { (&loader.Weighted{Weights: weights, Samples: samples, Distinct: distinct}).Order(0) }
	}
	for _, test := range []struct {
		call func()
		want string
	}{
		{func() { loader.New(patches(3, nil), loader.Options{BatchSize: 1, Shuffle: true, Sampler: fixed{0}}) },
			"loader.New: Shuffle and a Sampler: one of them expected"},
		{func() {
			for range loader.New(patches(3, nil), loader.Options{BatchSize: 1, Sampler: wrong{fixed{0, 1}}}).Epoch(4) {
				t.Error("a batch")
			}
		}, "loader.Loader: the sampler's order of epoch 4 has 2 samples, expected its Len, 9"},
		{weighted(1, false, 1, -1), "loader.Weighted: weight -1 of sample 1: a finite number of at least 0 expected"},
		{weighted(1, true, math.Inf(1)), "loader.Weighted: weight +Inf of sample 0: a finite number of at least 0 expected"},
		{weighted(1, true, 2, 3, math.NaN()), "loader.Weighted: weight NaN of sample 2: a finite number of at least 0 expected"},
		{weighted(1, false, math.MaxFloat64, math.MaxFloat64), "loader.Weighted: the sum of the weights is +Inf: a finite one expected"},
		{weighted(1, false, 0, 0), "loader.Weighted: 1 samples of 0 with a positive weight"},
		{weighted(3, true, 1, 0, 2), "loader.Weighted: 3 samples of 2 with a positive weight"},
		{weighted(-1, false, 1), "loader.Weighted: -1 samples of 1 with a positive weight"},
	} {
		func() {
			defer func() {
				if err, _ := recover().(*fault.OptionError); err == nil || err.Error() != test.want {
					t.Errorf("panic with %v, want %q", err, test.want)
				}
			}()
			test.call()
		}()
	}
}

// Of ten samples one is of the rare class: weights let both classes come as often.
func ExampleWeighted() {
	data := &dataset.Images{
		Name: "dots", ClassNames: []string{"common", "rare"},
		Height: 1, Width: 1,
		Pixels:    make([]byte, 10),
		Labels:    []int{0, 0, 0, 0, 0, 0, 0, 1, 0, 0},
		Transform: transform.ToTensor{},
	}
	labels, err := dataset.Labels(data)
	if err != nil {
		fmt.Println(err)
		return
	}
	sizes := make([]float64, len(data.Classes()))
	for _, c := range labels {
		sizes[c]++
	}
	weights := make([]float64, len(labels))
	for i, c := range labels {
		weights[i] = 1 / sizes[c]
	}
	l := loader.New(data, loader.Options{BatchSize: 500, Sampler: &loader.Weighted{Weights: weights, Samples: 10000}})
	rare := 0.0
	for batch, err := range l.Epoch(1) {
		if err != nil {
			fmt.Println(err)
			return
		}
		rare += batch.Targets.Sum().Item()
	}
	fmt.Printf("%.1f of the samples drawn are rare\n", rare/10000)
	// Output: 0.5 of the samples drawn are rare
}
