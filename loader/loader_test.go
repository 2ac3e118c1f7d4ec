package loader_test

import (
	"errors"
	"fmt"
	"image"
	"math"
	"reflect"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/onehot-go/onehot/dataset"
	"github.com/onehot-go/onehot/fault"
	"github.com/onehot-go/onehot/loader"
	"github.com/onehot-go/onehot/random"
	"github.com/onehot-go/onehot/tensor"
	"github.com/onehot-go/onehot/transform"
)

// workers are the numbers of workers that must not make a difference.
var workers = []int{0, 1, 2, 3, 8}

// patches returns n images of 2 by 3 pixels, all different, with labels 0, 1, 2, 0, ...
func patches(n int, t transform.Transform) *dataset.Images {
	m := &dataset.Images{Name: "patches", ClassNames: []string{"a", "b", "c"}, Height: 2, Width: 3, Transform: t}
	for i := range n {
		m.Labels = append(m.Labels, i%3)
		for j := range 6 {
			m.Pixels = append(m.Pixels, uint8(37*i+11*j))
		}
	}
	return m
}

// slow hides the Batch method of a data set: its samples are read one by one.
type slow struct{ dataset.Dataset }

// noise is a transform that draws: it adds one random number to all pixels.
type noise struct{}

func (noise) Apply(p transform.Input, chance random.Key) (transform.Input, error) {
	return transform.Input{Tensor: p.Tensor.AddScalar(chance.Rand().Float64())}, nil
}

// fake is a data set of n samples that sample makes.
type fake struct {
	n      int
	sample func(i int) (dataset.Sample, error)
}

func (f fake) Len() int                                           { return f.n }
func (f fake) Classes() []string                                  { return []string{"a"} }
func (f fake) Sample(i int, _ random.Key) (dataset.Sample, error) { return f.sample(i) }
func pixels(i int, shape ...int) (s dataset.Sample) {
	s.Tensor, s.Target = tensor.Full(tensor.Float32, float64(i), shape...), dataset.Class(0)
	return s
}

// copied is what a batch had when it was yielded.
type copied struct {
	Shape   []int
	Inputs  []uint32 // bits
	Targets []int64
	Indices []int
	Next    []int
}

func copyOf(b loader.Batch) copied {
	c := copied{b.Inputs.Shape(), nil, slices.Clone(tensor.Data[int64](b.Targets)), slices.Clone(b.Indices), slices.Clone(b.Next)}
	for _, v := range tensor.Data[float32](b.Inputs) {
		c.Inputs = append(c.Inputs, math.Float32bits(v))
	}
	return c
}

// epoch returns copies of all batches of an epoch.
func epoch(t *testing.T, data dataset.Dataset, o loader.Options, epoch int) []copied {
	t.Helper()
	var out []copied
	for b, err := range loader.New(data, o).Epoch(epoch) {
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, copyOf(b))
	}
	return out
}

// order returns the samples of the batches in their order.
func order(batches []copied) []int {
	var out []int
	for _, b := range batches {
		out = append(out, b.Indices...)
	}
	return out
}

// TestAugmentedBatches compares batches of pictures that are changed by chance on both
// roads and with any number of workers, also where a sample comes more than once.
func TestAugmentedBatches(t *testing.T) {
	grey := patches(23, transform.Compose{transform.RandomCrop{Height: 2, Width: 3, Padding: 1}, transform.RandomHorizontalFlip{P: 0.5},
		transform.ToTensor{}, transform.RandomErasing{P: 0.5}})
	colour := patches(23, transform.Compose{
		transform.RandomResizedCrop{Height: 9, Width: 7}, transform.RandomHorizontalFlip{P: 0.5}, transform.TrivialAugmentWide{},
		transform.ColorJitter{Brightness: 0.4, Contrast: 0.4, Saturation: 0.4, Hue: 0.1}, transform.RandomAffine{Degrees: 20},
		transform.CenterCrop{Height: 7, Width: 7}, transform.ToTensor{}, transform.RandomErasing{P: 0.5},
	})
	colour.Channels, colour.Height, colour.Width, colour.Pixels = 3, 11, 9, nil
	r := random.New(3).Rand()
	for range 23 * 3 * 11 * 9 {
		colour.Pixels = append(colour.Pixels, uint8(r.IntN(256)))
	}
	for what, data := range map[string]*dataset.Images{"grey": grey, "colour": colour} {
		if fill, _ := data.Batch(); fill == nil {
			t.Fatalf("%s: the data set has no fast road to test", what)
		}
		for name, o := range map[string]loader.Options{
			"shuffled": {BatchSize: 5, Seed: 7, Shuffle: true},
			"sampled":  {BatchSize: 5, Seed: 7, Sampler: fixed{1, 3, 1, 1, 3, 22, 1}},
		} {
			want := epoch(t, slow{data}, o, 3)
			if reflect.DeepEqual(epoch(t, data, o, 4), want) {
				t.Errorf("%s, %s: two epochs are the same", what, name)
			}
			for _, o.Workers = range workers {
				if !reflect.DeepEqual(epoch(t, data, o, 3), want) || !reflect.DeepEqual(epoch(t, slow{data}, o, 3), want) {
					t.Errorf("%s, %s, %d workers: the roads differ", what, name, o.Workers)
				}
			}
		}
	}
}

// TestBatches compares the batches of every number of workers, on both roads, with the
// samples read one by one.
func TestBatches(t *testing.T) {
	normalize := transform.Compose{transform.ToTensor{}, transform.Normalize{Mean: []float32{0.286}, Std: []float32{0.353}}}
	data := patches(23, normalize)
	if fill, _ := data.Batch(); fill == nil {
		t.Fatal("the data set has no fast road to test")
	}
	for _, shuffle := range []bool{false, true} {
		for _, w := range workers {
			for name, d := range map[string]dataset.Dataset{"fill": data, "sample by sample": slow{data}} {
				t.Run(fmt.Sprintf("shuffle %t, %d workers, %s", shuffle, w, name), func(t *testing.T) {
					o := loader.Options{BatchSize: 5, Shuffle: shuffle, Seed: 7, Workers: w}
					batches := epoch(t, d, o, 3)
					if len(batches) != 5 || loader.New(d, o).Len() != 5 {
						t.Fatalf("%d batches, Len says %d, want 5", len(batches), loader.New(d, o).Len())
					}
					for k, b := range batches {
						n := min(5, 23-5*k) // the last has 3
						if !slices.Equal(b.Shape, []int{n, 1, 2, 3}) || len(b.Targets) != n || len(b.Indices) != n {
							t.Fatalf("batch %d: images %v, %d labels, %d indices, want %d", k, b.Shape, len(b.Targets), len(b.Indices), n)
						}
						if k+1 < len(batches) && !slices.Equal(b.Next, batches[k+1].Indices) || k+1 == len(batches) && len(b.Next) > 0 {
							t.Errorf("batch %d: the next one has samples %v, expected those of the one that comes", k, b.Next)
						}
						for at, i := range b.Indices {
							s, err := data.Sample(i, random.Key{})
							if err != nil {
								t.Fatal(err)
							}
							if want, ok := s.Class(); !ok || b.Targets[at] != int64(want) {
								t.Errorf("sample %d: label %d, want %d", i, b.Targets[at], want)
							}
							for j, want := range tensor.Data[float32](s.Tensor) {
								if got := b.Inputs[6*at+j]; got != math.Float32bits(want) {
									t.Errorf("sample %d, pixel %d: bits %x, want %x", i, j, got, math.Float32bits(want))
								}
							}
						}
					}
					if want := order(epoch(t, data, loader.Options{BatchSize: 5, Shuffle: shuffle, Seed: 7}, 3)); !slices.Equal(order(batches), want) {
						t.Errorf("order %v, without workers %v", order(batches), want)
					}
				})
			}
		}
	}
}

func TestOrder(t *testing.T) {
	data := patches(23, transform.ToTensor{})
	at := func(seed uint64, number, size, w int) []int {
		return order(epoch(t, data, loader.Options{BatchSize: size, Shuffle: true, Seed: seed, Workers: w}, number))
	}
	every := order(epoch(t, data, loader.Options{BatchSize: 4, Seed: 1}, 1))
	if !slices.IsSorted(every) || len(every) != 23 || every[0] != 0 || every[22] != 22 {
		t.Errorf("without shuffling: order %v", every)
	}
	first := at(1, 1, 4, 0)
	if got := slices.Sorted(slices.Values(first)); !slices.Equal(got, every) {
		t.Errorf("shuffled: samples %v, want every one once", got)
	}
	if got := at(1, 1, 7, 2); !slices.Equal(got, first) {
		t.Errorf("another batch size: order %v, want %v", got, first)
	}
	seen := map[string][]int{"no shuffling": every}
	for _, seed := range []uint64{0, 1, math.MaxUint64} {
		for _, number := range []int{0, 1, 2} {
			name, got := fmt.Sprintf("seed %d, epoch %d", seed, number), at(seed, number, 4, 0)
			for other, o := range seen {
				if slices.Equal(got, o) {
					t.Errorf("%s has the order of %s", name, other)
				}
			}
			seen[name] = got
		}
	}
	// Without shuffling no epoch and no seed makes a difference.
	if got := order(epoch(t, data, loader.Options{BatchSize: 4, Seed: 2}, 9)); !slices.Equal(got, every) {
		t.Errorf("without shuffling, epoch 9: order %v", got)
	}
}

// TestChance checks that what a transform draws depends on the seed, the epoch and the
// sample alone.
func TestChance(t *testing.T) {
	data := patches(11, transform.Compose{transform.ToTensor{}, noise{}})
	// drawn returns the bits of the first pixel by sample.
	drawn := func(o loader.Options, number int) []uint32 {
		out := make([]uint32, data.Len())
		for _, b := range epoch(t, data, o, number) {
			for at, i := range b.Indices {
				out[i] = b.Inputs[6*at]
			}
		}
		return out
	}
	want := drawn(loader.Options{BatchSize: 4, Seed: 5}, 1)
	for _, w := range workers {
		for _, size := range []int{1, 3, 20} {
			for _, shuffle := range []bool{false, true} {
				if got := drawn(loader.Options{BatchSize: size, Shuffle: shuffle, Seed: 5, Workers: w}, 1); !slices.Equal(got, want) {
					t.Errorf("batch size %d, shuffle %t, %d workers: drew %x, want %x", size, shuffle, w, got, want)
				}
			}
		}
	}
	for name, got := range map[string][]uint32{
		"another epoch": drawn(loader.Options{BatchSize: 4, Seed: 5}, 2),
		"another seed":  drawn(loader.Options{BatchSize: 4, Seed: 6}, 1),
	} {
		for i := range got {
			if got[i] == want[i] {
				t.Errorf("%s: sample %d drew the same", name, i)
			}
		}
	}
	for i := range want {
		s, err := slow{patches(11, transform.ToTensor{})}.Sample(i, random.Key{})
		if err != nil {
			t.Fatal(err)
		}
		plain := tensor.Data[float32](s.Tensor)[0]
		if d := math.Float32frombits(want[i]) - plain; d < 0 || d > 1 {
			t.Errorf("sample %d: %v was added to the pixel, a draw from 0 to 1 expected", i, d)
		}
	}
}

func TestSizes(t *testing.T) {
	for name, test := range map[string]struct {
		samples, size int
		drop          bool
		want          []int // sizes of the batches
	}{
		"whole batches":            {6, 3, false, []int{3, 3}},
		"a short one":              {7, 3, false, []int{3, 3, 1}},
		"drop last":                {7, 3, true, []int{3, 3}},
		"drop last, none is short": {6, 3, true, []int{3, 3}},
		"batch beyond the data":    {3, 100, false, []int{3}},
		"batch beyond all data":    {3, math.MaxInt, false, []int{3}},
		"drop last, too few":       {3, 100, true, nil},
		"one by one":               {2, 1, false, []int{1, 1}},
		"no samples":               {0, 3, false, nil},
		"no samples, drop last":    {0, 3, true, nil},
	} {
		for _, w := range workers {
			t.Run(fmt.Sprintf("%s, %d workers", name, w), func(t *testing.T) {
				data := patches(test.samples, transform.ToTensor{})
				o := loader.Options{BatchSize: test.size, Shuffle: true, Workers: w, DropLast: test.drop}
				total := 0
				for _, d := range []dataset.Dataset{data, slow{data}} {
					var got []int
					total = 0
					for _, b := range epoch(t, d, o, 1) {
						got = append(got, len(b.Indices))
						total += len(b.Indices)
					}
					if !slices.Equal(got, test.want) {
						t.Errorf("%T: batches of %v, want %v", d, got, test.want)
					}
				}
				l := loader.New(data, o)
				if l.Len() != len(test.want) || l.Samples() != total {
					t.Errorf("Len %d and Samples %d, want %d and %d", l.Len(), l.Samples(), len(test.want), total)
				}
				if l.Dataset() != dataset.Dataset(data) {
					t.Error("Dataset is not what the loader was made for")
				}
			})
		}
	}
}

func TestOptionsPanic(t *testing.T) {
	for want, o := range map[string]loader.Options{
		"loader.New: batch size 0, workers 0: at least 1 and at least 0 expected":  {},
		"loader.New: batch size -1, workers 2: at least 1 and at least 0 expected": {BatchSize: -1, Workers: 2},
		"loader.New: batch size 4, workers -1: at least 1 and at least 0 expected": {BatchSize: 4, Workers: -1},
	} {
		t.Run(want, func(t *testing.T) {
			defer func() {
				if err, _ := recover().(*fault.OptionError); err == nil || err.Error() != want {
					t.Errorf("panic with %v", err)
				}
			}()
			loader.New(patches(3, nil), o)
		})
	}
	defer func() {
		if err, _ := recover().(*fault.OptionError); err == nil || err.Error() != "loader.New: no data set: one expected" {
			t.Errorf("without a data set: panic with %v", err)
		}
	}()
	loader.New(nil, loader.Options{BatchSize: 1})
}

// TestBatchesFrom checks that an epoch that starts at a later batch has the batches of the
// whole epoch, and that no sample of those before is read.
func TestBatchesFrom(t *testing.T) {
	data := patches(23, transform.Compose{transform.RandomCrop{Height: 2, Width: 3, Padding: 1}, transform.ToTensor{}})
	for name, o := range map[string]loader.Options{
		"in order":  {BatchSize: 5},
		"shuffled":  {BatchSize: 5, Shuffle: true, Seed: 3},
		"drop last": {BatchSize: 5, Shuffle: true, Seed: 3, DropLast: true},
		"sampled":   {BatchSize: 5, Sampler: fixed{1, 3, 1, 1, 3, 22, 1, 3, 3, 3, 0, 1}},
	} {
		want := epoch(t, data, o, 2)
		for _, w := range workers {
			o.Workers = w
			for road, d := range map[string]dataset.Dataset{"fill": data, "sample by sample": slow{data}} {
				for from := range len(want) + 2 {
					var got []copied
					for b, err := range loader.New(d, o).Batches(2, from) {
						if err != nil {
							t.Fatal(err)
						}
						got = append(got, copyOf(b))
					}
					if rest := want[min(from, len(want)):]; len(got) != len(rest) || len(rest) > 0 && !reflect.DeepEqual(got, rest) {
						t.Errorf("%s, %s, %d workers, from %d: got %v, want %v", name, road, w, from, got, rest)
					}
				}
			}
		}
	}
}

func TestBatchesFromReadsNothingBefore(t *testing.T) {
	for _, w := range workers {
		var read atomic.Int64
		data := fake{10, func(i int) (dataset.Sample, error) {
			read.Add(1)
			if i < 6 {
				t.Errorf("%d workers: sample %d was read", w, i)
			}
			return pixels(i, 1, 1, 1), nil
		}}
		l := loader.New(data, loader.Options{BatchSize: 2, Workers: w})
		for _, err := range l.Batches(0, 3) {
			if err != nil {
				t.Fatal(err)
			}
		}
		if read.Load() != 4 {
			t.Errorf("%d workers: %d samples were read, want 4", w, read.Load())
		}
		func() {
			defer func() {
				err, _ := recover().(*fault.OptionError)
				if want := "loader.Loader: batches from -1 on: at least 0 expected"; err == nil || err.Error() != want {
					t.Errorf("panic with %v, want %q", err, want)
				}
			}()
			l.Batches(0, -1)
		}()
	}
}

// TestMemory checks that batches take turns in the same few buffers, and that none is
// written to while its batch is in use.
func TestMemory(t *testing.T) {
	const batches = 20
	for _, w := range workers {
		for _, road := range []string{"fill", "sample by sample"} {
			t.Run(fmt.Sprintf("%d workers, %s", w, road), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					var data dataset.Dataset = patches(2*batches-1, transform.ToTensor{})
					if road != "fill" {
						data = slow{data}
					}
					var memory []*float32
					for b, err := range loader.New(data, loader.Options{BatchSize: 2, Workers: w}).Epoch(1) {
						if err != nil {
							t.Fatal(err)
						}
						before := copyOf(b)
						synctest.Wait() // until all workers are as far ahead as they go
						if after := copyOf(b); !reflect.DeepEqual(before, after) {
							t.Fatalf("batch %d changed in use: %v, then %v", len(memory), before, after)
						}
						memory = append(memory, &tensor.Data[float32](b.Inputs)[0])
					}
					if len(memory) != batches {
						t.Fatalf("%d batches, want %d", len(memory), batches)
					}
					buffers := max(1, 2*w)
					if road == "fill" { // whatever the number of workers
						buffers = 1
					}
					distinct := map[*float32]bool{}
					for k, p := range memory {
						distinct[p] = true
						if k >= buffers && p != memory[k-buffers] {
							t.Errorf("batch %d is not where batch %d was", k, k-buffers)
						}
					}
					if len(distinct) != min(buffers, batches) {
						t.Errorf("%d buffers, want %d", len(distinct), min(buffers, batches))
					}
				})
			})
		}
	}
}

// TestAhead checks how far workers go ahead of the batch in use: none without workers,
// and one batch each with them.
func TestAhead(t *testing.T) {
	for _, w := range workers {
		t.Run(fmt.Sprintf("%d workers", w), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var read atomic.Int64
				data := fake{30, func(i int) (dataset.Sample, error) {
					read.Add(1)
					return pixels(i, 1, 1, 1), nil
				}}
				k := 0
				for _, err := range loader.New(data, loader.Options{BatchSize: 2, Workers: w}).Epoch(0) {
					if err != nil {
						t.Fatal(err)
					}
					k++
					synctest.Wait()
					if got, want := read.Load(), int64(2*min(k+w, 15)); got != want {
						t.Fatalf("with batch %d in use %d samples were read, want %d", k, got, want)
					}
				}
			})
		})
	}
}

// TestBreak checks that nothing goes on after a loop that was left early: a goroutine
// that stayed would fail the synctest bubble.
func TestBreak(t *testing.T) {
	for _, w := range workers {
		for _, stop := range []int{1, 2, 9, 10} {
			t.Run(fmt.Sprintf("%d workers, after %d of 10", w, stop), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					var read atomic.Int64
					data := fake{20, func(i int) (dataset.Sample, error) {
						read.Add(1)
						return pixels(i, 1, 1, 1), nil
					}}
					k := 0
					for range loader.New(data, loader.Options{BatchSize: 2, Workers: w}).Epoch(0) {
						if k++; k == stop {
							break
						}
					}
					at := read.Load()
					synctest.Wait()
					if k != stop || read.Load() != at {
						t.Errorf("%d batches; %d samples read at the break and %d later", k, at, read.Load())
					}
				})
			})
		}
	}
}

// TestPanicInBody checks that a panic in the loop's body stops the workers too.
func TestPanicInBody(t *testing.T) {
	for _, w := range workers {
		synctest.Test(t, func(t *testing.T) {
			defer func() {
				if r := recover(); r != "body" {
					t.Errorf("%d workers: panic with %v, want the body's", w, r)
				}
			}()
			for range loader.New(patches(20, transform.ToTensor{}), loader.Options{BatchSize: 2, Workers: w}).Epoch(0) {
				panic("body")
			}
		})
	}
}

// failing is a data set of 20 samples of which the one at index 9 does not come.
func failing(fail func() error) fake {
	return fake{20, func(i int) (dataset.Sample, error) {
		if i == 9 {
			return dataset.Sample{}, fail()
		}
		return pixels(i, 1, 1, 1), nil
	}}
}

func TestDatasetError(t *testing.T) {
	broken := errors.New("sample 9 is broken")
	for _, w := range workers {
		t.Run(fmt.Sprintf("%d workers", w), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var errs []error
				good := 0
				for b, err := range loader.New(failing(func() error { return broken }), loader.Options{BatchSize: 2, Workers: w}).Epoch(0) {
					if err == nil {
						good++
						continue
					}
					errs = append(errs, err)
					if b.Inputs != nil || b.Targets != nil || b.Indices != nil {
						t.Errorf("a batch %v beside the error", b)
					}
				}
				if good != 4 || len(errs) != 1 || errs[0] != broken {
					t.Errorf("%d batches and errors %v, want 4 and the data set's one", good, errs)
				}
			})
		})
	}
}

func TestDatasetPanic(t *testing.T) {
	broken := errors.New("sample 9 is broken")
	for _, w := range workers {
		t.Run(fmt.Sprintf("%d workers", w), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				good := 0
				defer func() {
					if r := recover(); r != broken || good != 4 {
						t.Errorf("panic with %v after %d batches, want the data set's after 4", r, good)
					}
				}()
				for _, err := range loader.New(failing(func() error { panic(broken) }), loader.Options{BatchSize: 2, Workers: w}).Epoch(0) {
					if err != nil {
						t.Error(err)
					}
					good++
				}
			})
		})
	}
}

// targets is a data set of 6 samples that have targets in turn.
func targets(of ...*tensor.Tensor) fake {
	return fake{6, func(i int) (dataset.Sample, error) {
		s := pixels(i, 1, 1, 1)
		s.Target = of[i%len(of)]
		return s, nil
	}}
}

// vectors is a data set of rows of numbers with targets that are vectors. It fills batches.
type vectors int

func (d vectors) Len() int          { return int(d) }
func (d vectors) Classes() []string { return []string{"a", "b", "c"} }

func (d vectors) Sample(i int, _ random.Key) (dataset.Sample, error) {
	var s dataset.Sample
	s.Tensor = tensor.New([]float32{float32(i), float32(-i)}, 2)
	s.Target = tensor.New([]float32{float32(i % 2), 1, float32(i) / 8}, 3)
	return s, nil
}

func (d vectors) Batch() (dataset.Fill, dataset.Row) {
	return func(to dataset.Memory, indices []int, _ dataset.Chance) {
		for k, i := range indices {
			copy(to.Inputs[2*k:], []float32{float32(i), float32(-i)})
			copy(to.Vectors[3*k:], []float32{float32(i % 2), 1, float32(i) / 8})
		}
	}, dataset.Row{Input: []int{2}, Vector: 3}
}

// TestVectors checks batches of rows of numbers whose targets are vectors, on both roads and
// below other data sets.
func TestVectors(t *testing.T) {
	all := dataset.Subset{Dataset: vectors(9), Indices: []int{8, 7, 6, 5, 4, 3, 2, 1, 0}}
	both, err := dataset.Concat(all, vectors(2))
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range workers {
		for name, d := range map[string]dataset.Dataset{"fill": both, "sample by sample": slow{both}} {
			for b, err := range loader.New(d, loader.Options{BatchSize: 4, Workers: w}).Epoch(0) {
				if err != nil {
					t.Fatal(err)
				}
				n := len(b.Indices)
				if _, ok := b.Pieces(); !slices.Equal(b.Inputs.Shape(), []int{n, 2}) || !slices.Equal(b.Targets.Shape(), []int{n, 3}) || ok != (name == "fill") {
					t.Fatalf("%s: inputs %v and targets %v of %d samples", name, b.Inputs.Shape(), b.Targets.Shape(), n)
				}
				for at, i := range b.Indices {
					s, err := both.Sample(i, random.Key{})
					if err != nil {
						t.Fatal(err)
					}
					if got := b.Inputs.Select(0, at); !slices.Equal(tensor.Values[float32](got), tensor.Data[float32](s.Tensor)) {
						t.Errorf("%s: sample %d is %v, want %v", name, i, got, s.Tensor)
					}
					if got := b.Targets.Select(0, at); !slices.Equal(tensor.Values[float32](got), tensor.Data[float32](s.Target)) {
						t.Errorf("%s: sample %d has the target %v, want %v", name, i, got, s.Target)
					}
				}
			}
		}
	}
	if _, err := dataset.Labels(both); err == nil || err.Error() != "sample 8: found float32 elements of shape [3] as its target, expected a class" {
		t.Errorf("labels of vectors: %v", err)
	}
}

// TestErrors checks the loader's own errors, which must not depend on the workers.
func TestErrors(t *testing.T) {
	shapes := func(odd int) fake {
		return fake{6, func(i int) (dataset.Sample, error) {
			if i >= odd {
				return pixels(i, 1, 4, 4), nil
			}
			return pixels(i, 1, 2, 3), nil
		}}
	}
	for name, test := range map[string]struct {
		data dataset.Dataset
		want string
	}{
		"image": {patches(6, nil), "loader: sample 0 is an image: a transform that ends in a tensor expected"},
		"image in between": {fake{6, func(i int) (s dataset.Sample, _ error) {
			if i == 3 {
				s.Image = image.NewGray(image.Rect(0, 0, 3, 2))
				return s, nil
			}
			return pixels(i, 1, 2, 3), nil
		}}, "loader: sample 3 is an image: a transform that ends in a tensor expected"},
		"shape in a batch": {shapes(3), "loader: sample 3 has shape [1 4 4], the first of its batch [1 2 3]: one shape expected"},
		"last of a batch":  {shapes(1), "loader: sample 1 has shape [1 4 4], the first of its batch [1 2 3]: one shape expected"},
		"dims in a batch": {fake{6, func(i int) (dataset.Sample, error) { return pixels(i, make([]int, i)...), nil }},
			"loader: sample 1 has shape [0], the first of its batch []: one shape expected"},
		"shapes of batches": {shapes(2), ""},
		"no target":         {targets(nil), "loader: sample 0 has no target: a class or a vector expected"},
		"odd type":          {targets(tensor.Zeros(tensor.Float64, 2)), "loader: sample 0 has float64 elements of shape [2] as its target: a class, an int64 scalar, or a float32 vector expected"},
		"odd shape":         {targets(tensor.Zeros(tensor.Int64, 2)), "loader: sample 0 has int64 elements of shape [2] as its target: a class, an int64 scalar, or a float32 vector expected"},
		"empty vector":      {targets(tensor.Zeros(tensor.Float32, 0)), "loader: sample 0 has float32 elements of shape [0] as its target: a class, an int64 scalar, or a float32 vector expected"},
		"two kinds":         {targets(tensor.Zeros(tensor.Float32, 2), dataset.Class(1)), "loader: sample 1 has a class as its target, the first of its batch a vector of 2: one kind expected"},
		"two lengths":       {targets(tensor.Zeros(tensor.Float32, 2), tensor.Zeros(tensor.Float32, 3)), "loader: sample 1 has a vector of 3 as its target, the first of its batch a vector of 2: one kind expected"},
	} {
		for _, w := range workers {
			t.Run(fmt.Sprintf("%s, %d workers", name, w), func(t *testing.T) {
				got := ""
				for b, err := range loader.New(test.data, loader.Options{BatchSize: 2, Workers: w}).Epoch(0) {
					if err != nil {
						got = err.Error()
						continue
					}
					for at, i := range b.Indices { // what comes before the error is right
						if row := b.Inputs.Select(0, at); row.Size(-1) == 0 || row.At(0, 0, 0) != float64(i) {
							t.Errorf("sample %d is %v", i, row)
						}
					}
				}
				if got != test.want {
					t.Errorf("error %q, want %q", got, test.want)
				}
			})
		}
	}
}

// TestIndicesAreApart checks that appending to a batch's indices changes no other batch.
func TestIndicesAreApart(t *testing.T) {
	var got []int
	for b, err := range loader.New(patches(6, transform.ToTensor{}), loader.Options{BatchSize: 2}).Epoch(0) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, b.Indices...)
		b.Indices = append(b.Indices, -1)
	}
	if want := []int{0, 1, 2, 3, 4, 5}; !slices.Equal(got, want) {
		t.Errorf("samples %v, want %v", got, want)
	}
}

// TestConcurrent goes over one loader from several goroutines at once.
func TestConcurrent(t *testing.T) {
	data := patches(23, transform.Compose{transform.ToTensor{}, noise{}})
	o := loader.Options{BatchSize: 4, Shuffle: true, Seed: 3, Workers: 2}
	want := epoch(t, data, o, 1)
	l := loader.New(data, o)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			k := 0
			for b, err := range l.Epoch(1) {
				if err != nil || !reflect.DeepEqual(copyOf(b), want[k]) {
					t.Errorf("batch %d is %v (%v), want %v", k, copyOf(b), err, want[k])
				}
				k++
			}
		})
	}
	wg.Wait()
}

// counted is a data set that counts the samples that it fills.
type counted struct {
	vectors
	filled *atomic.Int64
}

func (d counted) Batch() (dataset.Fill, dataset.Row) {
	fill, row := d.vectors.Batch()
	return func(to dataset.Memory, indices []int, chance dataset.Chance) {
		d.filled.Add(int64(len(indices)))
		fill(to, indices, chance)
	}, row
}

// TestEpochIsRead checks that a loop over an epoch that looks at nothing has every sample
// prepared, once, and that samples which are written in pieces are not prepared again.
func TestEpochIsRead(t *testing.T) {
	for name, look := range map[string]func(loader.Batch){
		"nothing": func(loader.Batch) {},
		"inputs":  func(b loader.Batch) { b.Inputs.At(0, 0) },
		"targets": func(b loader.Batch) { b.Targets.At(0, 0) },
		"pieces": func(b loader.Batch) {
			n := len(b.Indices)
			to := dataset.Memory{Inputs: make([]float32, 2*n), Vectors: make([]float32, 3*n)}
			fill, _ := b.Pieces()
			fill(to.Rows(0, 1, dataset.Row{Input: []int{2}, Vector: 3}), 0, 1)
			fill(to.Rows(1, n, dataset.Row{Input: []int{2}, Vector: 3}), 1, n)
		},
	} {
		d := counted{23, new(atomic.Int64)}
		for b, err := range loader.New(d, loader.Options{BatchSize: 5, Shuffle: true}).Epoch(1) {
			if err != nil {
				t.Fatal(err)
			}
			look(b)
		}
		if n := d.filled.Load(); n != 23 {
			t.Errorf("%s: %d samples were prepared, want 23", name, n)
		}
	}
}

func TestFirst(t *testing.T) {
	for name, data := range map[string]dataset.Dataset{"fill": vectors(23), "sample by sample": slow{vectors(23)}} {
		l := loader.New(data, loader.Options{BatchSize: 5, Shuffle: true, Seed: 3, Workers: 2})
		first, err := l.First(2)
		if err != nil {
			t.Fatal(err)
		}
		inputs, targets := slices.Clone(tensor.Values[float32](first.Inputs)), slices.Clone(tensor.Values[float32](first.Targets))
		k := 0
		for b, err := range l.Epoch(2) {
			if err != nil {
				t.Fatal(err)
			}
			if same := slices.Equal(tensor.Values[float32](b.Inputs), inputs) && slices.Equal(tensor.Values[float32](b.Targets), targets) &&
				slices.Equal(b.Indices, first.Indices) && slices.Equal(b.Next, first.Next); same != (k == 0) {
				t.Errorf("%s: batch %d is First: %v", name, k, same)
			}
			k++
		}
		if !slices.Equal(tensor.Values[float32](first.Inputs), inputs) || !slices.Equal(tensor.Values[float32](first.Targets), targets) {
			t.Errorf("%s: the batch did not stay as it was", name)
		}
	}
	broken := errors.New("no sample")
	bad := fake{3, func(int) (dataset.Sample, error) { return dataset.Sample{}, broken }}
	if _, err := loader.New(bad, loader.Options{BatchSize: 2}).First(1); err != broken {
		t.Errorf("got %v, want %v", err, broken)
	}
	if _, err := loader.New(vectors(0), loader.Options{BatchSize: 2}).First(4); err == nil || err.Error() != "loader: epoch 4 has no samples" {
		t.Errorf("got %v for no samples", err)
	}
}

func TestBatchPrints(t *testing.T) {
	batch, err := loader.New(vectors(2), loader.Options{BatchSize: 2}).First(0)
	if err != nil {
		t.Fatal(err)
	}
	want := fmt.Sprintf("[%v, %v]", batch.Inputs, batch.Targets)
	if got := fmt.Sprint(batch); got != want || len(got) < 50 {
		t.Errorf("got %s, want %s", got, want)
	}
}
