package loader_test

import (
	"errors"
	"fmt"
	"iter"
	"reflect"
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

// stream is a dataset.Stream of the samples of a data set, in an order that turns with the
// epoch. At the index fail it has an error, or panics with it.
type stream struct {
	data   dataset.Dataset
	fail   int
	err    error
	panics bool
	read   *atomic.Int64
	made   *atomic.Int64
}

func newStream(data dataset.Dataset) stream {
	return stream{data: data, fail: -1, read: new(atomic.Int64), made: new(atomic.Int64)}
}

func (s stream) Classes() []string { return s.data.Classes() }

func (s stream) Preparations() []dataset.Preparation { return dataset.PreparationsOf(s.data) }

func (s stream) Samples(epoch int) iter.Seq2[dataset.Make, error] {
	return func(yield func(dataset.Make, error) bool) {
		for k := range s.data.Len() {
			if k == s.fail {
				if s.panics {
					panic(s.err)
				}
				yield(nil, s.err)
				return
			}
			s.read.Add(1)
			i := (k + epoch) % s.data.Len()
			if !yield(func(chance random.Key) (dataset.Sample, error) {
				s.made.Add(1)
				return s.data.Sample(i, chance)
			}, nil) {
				return
			}
		}
	}
}

// TestStream checks the batches of streams of several lengths for all numbers of workers,
// from all batches on.
func TestStream(t *testing.T) {
	drawn := transform.Compose{transform.RandomCrop{Height: 2, Width: 3, Padding: 1}, transform.ToTensor{}}
	for _, n := range []int{0, 1, 4, 5, 6, 23} {
		for _, drop := range []bool{false, true} {
			data := patches(n, drawn)
			// What the batches have is said by a loader without shuffling over the same samples: at
			// epoch 0 their order is the stream's.
			var want []copied
			for _, b := range epoch(t, slow{data}, loader.Options{BatchSize: 5, Seed: 3, DropLast: drop}, 0) {
				b.Next = nil
				want = append(want, b)
			}
			for _, w := range workers {
				s := newStream(slow{data})
				l := loader.NewStream(s, loader.Options{BatchSize: 5, Seed: 3, DropLast: drop, Workers: w})
				for from := range len(want) + 2 {
					s.made.Store(0)
					samples := 0
					var got []copied
					for b, err := range l.Batches(0, from) {
						if err != nil {
							t.Fatal(err)
						}
						got = append(got, copyOf(b))
						samples += len(b.Indices)
					}
					if rest := want[min(from, len(want)):]; len(got) != len(rest) || len(rest) > 0 && !reflect.DeepEqual(got, rest) {
						t.Errorf("%d samples, %d workers, from %d: got %v, want %v", n, w, from, got, rest)
					}
					if s.made.Load() != int64(samples) {
						t.Errorf("%d samples, %d workers, from %d: %d were made, %d used", n, w, from, s.made.Load(), samples)
					}
				}
			}
		}
	}
}

func TestStreamSaysWhatItKnows(t *testing.T) {
	data := patches(7, transform.ToTensor{})
	l := loader.NewStream(newStream(data), loader.Options{BatchSize: 5})
	if l.Len() != -1 || l.Samples() != -1 || !reflect.DeepEqual(l.Classes(), data.Classes()) {
		t.Errorf("%d batches of %d samples, classes %v", l.Len(), l.Samples(), l.Classes())
	}
	for _, p := range []dataset.Prepared{l, loader.New(data, loader.Options{BatchSize: 5})} {
		if got := p.Preparations(); !reflect.DeepEqual(got, data.Preparations()) {
			t.Errorf("%T: preparations %v", p, got)
		}
	}
	// Another epoch has another order and other chance.
	var first [2]copied
	for e := range first {
		for b, err := range l.Batches(e, 0) {
			if err != nil {
				t.Fatal(err)
			}
			first[e] = copyOf(b)
			break
		}
	}
	if reflect.DeepEqual(first[0], first[1]) {
		t.Error("two epochs begin with the same batch")
	}
}

// TestStreamErrors checks that an error, of the stream or of a sample, ends the epoch at its
// batch, that a panic is raised where the batch is used, and that no goroutine stays.
func TestStreamErrors(t *testing.T) {
	broken := errors.New("line 9 is broken")
	good := fake{20, func(i int) (dataset.Sample, error) { return pixels(i, 1, 1, 1), nil }}
	read, skipped, raised := newStream(good), newStream(good), newStream(good)
	read.fail, read.err = 9, broken
	skipped.fail, skipped.err = 1, broken
	raised.fail, raised.err, raised.panics = 9, broken, true
	for name, test := range map[string]struct {
		s       stream
		from    int
		batches int
		panics  bool
	}{
		"reading":        {read, 0, 4, false},
		"skipping":       {skipped, 2, 0, false},
		"making":         {newStream(failing(func() error { return broken })), 0, 4, false},
		"panic, reading": {raised, 0, 4, true},
		"panic, making":  {newStream(failing(func() error { panic(broken) })), 0, 4, true},
	} {
		for _, w := range workers {
			t.Run(fmt.Sprintf("%s, %d workers", name, w), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					batches := 0
					var last error
					defer func() {
						if r := recover(); test.panics != (r == broken) || !test.panics && last != broken || batches != test.batches {
							t.Errorf("%d batches, error %v, panic %v", batches, last, r)
						}
					}()
					for b, err := range loader.NewStream(test.s, loader.Options{BatchSize: 2, Workers: w}).Batches(0, test.from) {
						if last != nil {
							t.Error("the epoch went on after an error")
						}
						if last = err; err == nil {
							batches++
						} else if b.Inputs != nil || b.Indices != nil {
							t.Errorf("a batch %v beside the error", b)
						}
					}
				})
			})
		}
	}
}

// TestStreamAhead checks how far a stream is read ahead of the batch in use, and that nothing
// goes on after a loop that was left early.
func TestStreamAhead(t *testing.T) {
	for _, w := range workers {
		synctest.Test(t, func(t *testing.T) {
			s := newStream(fake{30, func(i int) (dataset.Sample, error) { return pixels(i, 1, 1, 1), nil }})
			k := 0
			for _, err := range loader.NewStream(s, loader.Options{BatchSize: 2, Workers: w}).Batches(0, 0) {
				if err != nil {
					t.Fatal(err)
				}
				k++
				synctest.Wait()
				if got, want := s.read.Load(), int64(2*min(k+w, 15)); got != want {
					t.Fatalf("%d workers: with batch %d in use %d samples were read, want %d", w, k, got, want)
				}
				if k == 9 {
					break
				}
			}
		})
	}
}

func TestStreamPanics(t *testing.T) {
	for want, call := range map[string]func(){
		"loader.NewStream: batch size 0, workers 0: at least 1 and at least 0 expected": func() {
			loader.NewStream(newStream(patches(1, nil)), loader.Options{})
		},
		"loader.NewStream: Shuffle or a Sampler: none expected, a stream has an order of its own": func() {
			loader.NewStream(newStream(patches(1, nil)), loader.Options{BatchSize: 1, Shuffle: true})
		},
		"loader.Stream: batches from -2 on: at least 0 expected": func() {
			loader.NewStream(newStream(patches(1, nil)), loader.Options{BatchSize: 1}).Batches(0, -2)
		},
	} {
		func() {
			defer func() {
				if err, ok := recover().(*fault.OptionError); !ok || err.Error() != want {
					t.Errorf("panic with %v, want %q", err, want)
				}
			}()
			call()
		}()
	}
}

// numbers is a stream of the numbers up to one that nobody knows, of two classes.
type numbers struct{}

func (numbers) Classes() []string { return []string{"even", "odd"} }

func (numbers) Samples(epoch int) iter.Seq2[dataset.Make, error] {
	return func(yield func(dataset.Make, error) bool) {
		for i := range 5 {
			if !yield(func(random.Key) (dataset.Sample, error) {
				s := dataset.Sample{Target: dataset.Class(i % 2)}
				s.Tensor = tensor.Full(tensor.Float32, float64(i), 1)
				return s, nil
			}, nil) {
				return
			}
		}
	}
}

func ExampleNewStream() {
	l := loader.NewStream(numbers{}, loader.Options{BatchSize: 2, Workers: 2})
	for batch, err := range l.Batches(1, 0) {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(batch.Inputs.Flatten(0, -1), batch.Targets)
	}
	// Output:
	// tensor([0., 1.]) tensor([0, 1])
	// tensor([2., 3.]) tensor([0, 1])
	// tensor([4.]) tensor([0])
}
