package dist_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"unsafe"

	"github.com/onehot-go/onehot/dist"
	"github.com/onehot-go/onehot/fault"
)

// counts are all numbers of ranks that tests have.
var counts = []int{1, 2, 3, 4, 5, 6, 7, 8, 16}

// each calls f on n ranks, and returns their errors.
func each(n int, f func(dist.Comm) error) []error {
	errs := make([]error, n)
	var wg sync.WaitGroup
	for i, c := range dist.Local(n) {
		wg.Go(func() { errs[i] = f(c) })
	}
	wg.Wait()
	return errs
}

// must fails the test for errors.
func must(t *testing.T, errs []error) {
	t.Helper()
	for rank, err := range errs {
		if err != nil {
			t.Fatalf("rank %d: %v", rank, err)
		}
	}
}

func TestLocalMovesBlocks(t *testing.T) {
	for _, n := range counts {
		must(t, each(n, func(c dist.Comm) error {
			if c.Size() != n {
				return fmt.Errorf("found %d ranks, %d expected", c.Size(), n)
			}
			for turn := range 3 { // memory is used again at once
				send, recv := make([][]byte, n), make([][]byte, n)
				for i := range n {
					send[i], recv[i] = bytes.Repeat([]byte{byte(10*c.Rank() + i + turn)}, i), make([]byte, c.Rank())
				}
				if err := c.AllToAll(send, recv); err != nil {
					return err
				}
				for i := range n {
					if want := bytes.Repeat([]byte{byte(10*i + c.Rank() + turn)}, c.Rank()); !bytes.Equal(recv[i], want) {
						return fmt.Errorf("AllToAll: found %v of rank %d, %v expected", recv[i], i, want)
					}
				}
				for i := range n {
					recv[i] = make([]byte, i+1)
				}
				if err := c.AllGather(bytes.Repeat([]byte{byte(c.Rank())}, c.Rank()+1), recv); err != nil {
					return err
				}
				for i := range n {
					if want := bytes.Repeat([]byte{byte(i)}, i+1); !bytes.Equal(recv[i], want) {
						return fmt.Errorf("AllGather: found %v of rank %d, %v expected", recv[i], i, want)
					}
				}
				data := []byte{byte(c.Rank()), 7}
				if err := c.Broadcast(data, n-1); err != nil {
					return err
				}
				if data[0] != byte(n-1) || data[1] != 7 {
					return fmt.Errorf("Broadcast: found %v of rank %d", data, n-1)
				}
			}
			return nil
		}))
	}
}

func TestLocalEndsAllRanks(t *testing.T) {
	bad := errors.New("the disk is full")
	for name, f := range map[string]func(c dist.Comm) error{
		"one aborts": func(c dist.Comm) error {
			if c.Rank() == 1 {
				c.Abort(bad)
			}
			return c.Broadcast(make([]byte, 1), 0)
		},
		"another length": func(c dist.Comm) error {
			return c.Broadcast(make([]byte, 1+c.Rank()%2), 0)
		},
		"another method": func(c dist.Comm) error {
			if c.Rank() == 1 {
				return c.AllGather(nil, make([][]byte, 3))
			}
			return c.Broadcast(make([]byte, 1), 0)
		},
	} {
		for rank, err := range each(3, f) {
			e, ok := errors.AsType[*dist.RankError](err)
			if !ok || name == "one aborts" && (e.Rank != 1 || e.Err != bad) {
				t.Errorf("%s: rank %d: found %v", name, rank, err)
			}
		}
	}
}

func TestTreeGivesEveryRankShards(t *testing.T) {
	for shards := 1; shards <= 40; shards++ {
		for ranks := 1; ranks <= shards; ranks++ {
			tree := dist.NewTree(shards, ranks)
			next := 0
			for r := range ranks {
				lo, hi := tree.Range(r)
				if lo != next || hi <= lo || hi-lo > (shards+ranks-1)/ranks {
					t.Fatalf("%d shards, %d ranks: rank %d has shards %d to %d", shards, ranks, r, lo, hi)
				}
				next = hi
			}
			if next != shards || tree.Shards() != shards || tree.Ranks() != ranks {
				t.Fatalf("%d shards, %d ranks: they end at %d", shards, ranks, next)
			}
		}
	}
}

// treeSum is the sum over shards lo up to hi, by the definition of the tree.
func treeSum[T dist.Float](values [][]T, lo, hi int) []T {
	if hi-lo == 1 {
		return slices.Clone(values[lo])
	}
	half := 1
	for 2*half < hi-lo {
		half *= 2
	}
	x, y := treeSum(values, lo, lo+half), treeSum(values, lo+half, hi)
	for i := range x {
		x[i] += y[i]
	}
	return x
}

// checkSums sums n numbers of so many shards on ranks, twice.
func checkSums[T dist.Float](t *testing.T, shards, n, ranks int) {
	t.Helper()
	tree := dist.NewTree(shards, ranks)
	must(t, each(ranks, func(c dist.Comm) error {
		sum := dist.NewSum[T](c, tree, n)
		for turn := range uint64(2) {
			r := rand.New(rand.NewPCG(turn, uint64(shards)))
			values := make([][]T, shards)
			for i := range values {
				for range n {
					values[i] = append(values[i], T(r.NormFloat64()))
				}
			}
			for i, hi := tree.Range(c.Rank()); i < hi; i++ {
				copy(sum.Shard(), values[i])
			}
			notes := make([][]byte, ranks)
			for i := range notes {
				notes[i] = make([]byte, i+3)
			}
			found, err := sum.Finish(bytes.Repeat([]byte{byte(c.Rank())}, c.Rank()+3), notes)
			if err != nil {
				return err
			}
			if want := treeSum(values, 0, shards); !slices.Equal(found, want) {
				return fmt.Errorf("%d shards, turn %d: found %v, %v expected", shards, turn, found, want)
			}
			for i, note := range notes {
				if !bytes.Equal(note, bytes.Repeat([]byte{byte(i)}, i+3)) {
					return fmt.Errorf("found the note %v of rank %d", note, i)
				}
			}
		}
		return nil
	}))
}

func TestSumHasTheTreesBits(t *testing.T) {
	for _, shards := range []int{1, 2, 3, 5, 7, 12, 16, 23} {
		for ranks := 1; ranks <= min(shards, 16); ranks++ {
			checkSums[float32](t, shards, 37, ranks)
			checkSums[float64](t, shards, 5, ranks) // fewer numbers than ranks, at times
		}
	}
	checkSums[float32](t, 16, 0, 3)
}

// counted counts the bytes that a rank sends to others.
type counted struct {
	dist.Comm
	bytes int
}

func (c *counted) AllToAll(send, recv [][]byte) error {
	for i, b := range send {
		if i != c.Rank() {
			c.bytes += len(b)
		}
	}
	return c.Comm.AllToAll(send, recv)
}

func (c *counted) AllGather(send []byte, recv [][]byte) error {
	c.bytes += (c.Size() - 1) * len(send)
	return c.Comm.AllGather(send, recv)
}

func TestSumSendsWhatARingSends(t *testing.T) {
	const n = 1 << 12
	for _, ranks := range []int{2, 3, 4, 5, 6, 7, 8, 16} {
		all := make([]int, ranks)
		must(t, each(ranks, func(c dist.Comm) error {
			tree, of := dist.NewTree(16, ranks), &counted{Comm: c}
			sum := dist.NewSum[float32](of, tree, n)
			for i, hi := tree.Range(c.Rank()); i < hi; i++ {
				sum.Shard()
			}
			_, err := sum.Finish(nil, make([][]byte, ranks))
			all[c.Rank()] = of.bytes
			return err
		}))
		ring := 2 * (ranks - 1) * n / ranks * 4
		most := ring
		if ranks == 3 || ranks >= 5 && ranks <= 7 {
			most = ring*3/2 + 8*ranks // slices that differ by a number
		}
		if found := slices.Max(all); found > most {
			t.Errorf("%d ranks: one sent %d bytes, at most %d expected, %d in a ring", ranks, found, most, ring)
		}
	}
}

func TestSumTakesMemoryOnce(t *testing.T) {
	c := dist.Local(1)[0]
	tree := dist.NewTree(16, 1)
	sum, notes := dist.NewSum[float32](c, tree, 64), [][]byte{nil}
	allocations := testing.AllocsPerRun(10, func() {
		for range 16 {
			sum.Shard()
		}
		if _, err := sum.Finish(nil, notes); err != nil {
			t.Fatal(err)
		}
	})
	if allocations > 40 { // none of them for numbers: a loop's function, and a shard's slice header
		t.Errorf("found %v allocations a sum", allocations)
	}
}

func TestSumTakesShardsInTurn(t *testing.T) {
	c := dist.Local(2)[1]
	early, sum := dist.NewSum[float32](c, dist.NewTree(3, 2), 1), dist.NewSum[float32](c, dist.NewTree(3, 2), 1)
	for name, f := range map[string]func(){
		"no rank":           func() { dist.NewTree(3, 0) },
		"too many ranks":    func() { dist.NewTree(3, 4) },
		"other ranks":       func() { dist.NewSum[float32](c, dist.NewTree(3, 3), 1) },
		"a negative number": func() { dist.NewSum[float32](c, dist.NewTree(3, 2), -1) },
		"too early":         func() { early.Finish(nil, make([][]byte, 2)) },
		"no goroutine":      func() { dist.Local(0) },
		"too many shards":   func() { sum.Shard(); sum.Shard() },
	} {
		func() {
			defer func() {
				if _, ok := recover().(*fault.OptionError); !ok {
					t.Errorf("%s: no *fault.OptionError", name)
				}
			}()
			f()
		}()
	}
}

func TestAgreeNamesTheFirstRankThatFails(t *testing.T) {
	long := errors.New(strings.Repeat("ä", 2000))
	own := errors.New("no such file")
	for name, k := range map[string]struct {
		errs map[int]error
		rank int
		is   error
		text string
	}{
		"none":              {nil, -1, nil, ""},
		"one":               {map[int]error{2: own}, 2, nil, "rank 2: no such file"},
		"two":               {map[int]error{2: own, 1: errors.New("short")}, 1, nil, "rank 1: short"},
		"a long text":       {map[int]error{0: long}, 0, nil, "rank 0: " + strings.Repeat("ä", 511)},
		"interrupted":       {map[int]error{1: fmt.Errorf("so: %w", context.Canceled)}, 1, context.Canceled, "rank 1: context canceled"},
		"out of time":       {map[int]error{2: context.DeadlineExceeded}, 2, context.DeadlineExceeded, "rank 2: context deadline exceeded"},
		"one and a context": {map[int]error{0: context.Canceled, 1: own}, 1, nil, "rank 1: no such file"},
		"all":               {map[int]error{0: own, 1: own, 2: own}, dist.Everyone, nil, "no such file"},
		"one in itself":     {map[int]error{0: own}, 0, nil, "rank 0: no such file"},
	} {
		for rank, err := range each(3, func(c dist.Comm) error { return dist.Agree(c, k.errs[c.Rank()]) }) {
			if k.errs == nil {
				if err != nil {
					t.Errorf("%s: rank %d: %v", name, rank, err)
				}
				continue
			}
			e, ok := errors.AsType[*dist.RankError](err)
			if !ok || e.Rank != k.rank || k.is != nil && !errors.Is(err, k.is) {
				t.Errorf("%s: rank %d: found %v", name, rank, err)
			} else if (rank == k.rank || k.rank == dist.Everyone) && !errors.Is(err, k.errs[rank]) {
				t.Errorf("%s: rank %d lost its own error: %v", name, rank, err)
			} else if rank != k.rank && err.Error() != k.text {
				t.Errorf("%s: rank %d: found %q, %q expected", name, rank, err, k.text)
			}
		}
	}
	if err := dist.Agree(dist.Local(1)[0], own); err != own {
		t.Errorf("one rank alone: found %v, its error expected", err)
	}
}

func TestCollect(t *testing.T) {
	type own struct {
		Rank  int
		Names []string
		Half  float64
	}
	of := func(rank int) own { return own{rank, slices.Repeat([]string{"ä\n"}, rank), float64(rank) / 3} }
	for _, n := range []int{1, 3} {
		must(t, each(n, func(c dist.Comm) error {
			all, err := dist.Collect(c, of(c.Rank()), nil)
			for rank, found := range all {
				if want := of(rank); found.Rank != want.Rank || found.Half != want.Half || !slices.Equal(found.Names, want.Names) {
					return fmt.Errorf("found %+v of rank %d", found, rank)
				}
			}
			if err == nil && len(all) != n {
				err = fmt.Errorf("found %d, %d expected", len(all), n)
			}
			return err
		}))
	}
	for rank, err := range each(3, func(c dist.Comm) error { // of which one is not to be had as JSON
		_, err := dist.Collect(c, math.Log(float64(c.Rank())), nil)
		return err
	}) {
		if e, ok := errors.AsType[*dist.RankError](err); !ok || e.Rank != 0 || !strings.Contains(err.Error(), "unsupported value") {
			t.Errorf("rank %d: found %v", rank, err)
		}
	}
}

func TestGatherAndShareTakeAnyLength(t *testing.T) {
	must(t, each(4, func(c dist.Comm) error {
		mine := bytes.Repeat([]byte{byte(c.Rank())}, 3*c.Rank())
		all, err := dist.Gather(c, mine, nil)
		if err != nil {
			return err
		}
		for i, b := range all {
			if !bytes.Equal(b, bytes.Repeat([]byte{byte(i)}, 3*i)) {
				return fmt.Errorf("found %v of rank %d", b, i)
			}
		}
		shared, err := dist.Share(c, fmt.Append(nil, "of rank ", c.Rank()), nil)
		if err == nil && string(shared) != "of rank 0" {
			err = fmt.Errorf("found %q, what rank 0 has expected", shared)
		}
		return err
	}))
	for rank, err := range each(2, func(c dist.Comm) error { // one gathers, and the other fails
		if c.Rank() == 1 {
			return dist.Agree(c, errors.New("full"))
		}
		_, err := dist.Gather(c, make([]byte, 100), nil)
		return err
	}) {
		if err == nil || err.Error() != "rank 1: full" {
			t.Errorf("rank %d: found %v", rank, err)
		}
	}
}

func TestCompareNamesRankAndFact(t *testing.T) {
	facts := func(data string) []dist.Fact { return []dist.Fact{{"version", "1"}, {"data", data}} }
	must(t, each(3, func(c dist.Comm) error { return dist.Compare(c, facts("a"), nil) }))
	for rank, err := range each(3, func(c dist.Comm) error {
		return dist.Compare(c, facts([]string{"a", "a", "b"}[c.Rank()]), nil)
	}) {
		if err == nil || err.Error() != "rank 2: found the data b, a as on rank 0 expected" {
			t.Errorf("rank %d: found %v", rank, err)
		}
	}
	for rank, err := range each(2, func(c dist.Comm) error { return dist.Compare(c, facts("a")[c.Rank():], nil) }) {
		if e, ok := errors.AsType[*dist.DiffersError](err); !ok || e.Rank != 1 {
			t.Errorf("rank %d: found %v", rank, err)
		}
	}
	for rank, err := range each(2, func(c dist.Comm) error {
		if c.Rank() == 1 {
			return dist.Compare(c, nil, errors.New("no data"))
		}
		return dist.Compare(c, facts("a"), nil)
	}) {
		if err == nil || err.Error() != "rank 1: no data" {
			t.Errorf("rank %d: found %v", rank, err)
		}
	}
}

// The blocks of a sum lie side by side, so that a binding may send them as they are.
type adjacent struct{ dist.Comm }

func (a adjacent) AllToAll(send, recv [][]byte) error {
	for _, blocks := range [][][]byte{send, recv} {
		for i, b := range blocks[1:] {
			gap := uintptr(unsafe.Pointer(unsafe.SliceData(b))) - uintptr(unsafe.Pointer(unsafe.SliceData(blocks[i])))
			if int(gap) < len(blocks[i]) || int(gap) > len(blocks[i])+7 {
				return fmt.Errorf("block %d begins %d bytes behind one of %d", i+1, gap, len(blocks[i]))
			}
		}
	}
	return a.Comm.AllToAll(send, recv)
}

func TestBlocksOfASumLieSideBySide(t *testing.T) {
	must(t, each(3, func(c dist.Comm) error {
		tree := dist.NewTree(16, 3)
		sum := dist.NewSum[float32](adjacent{c}, tree, 101)
		for i, hi := tree.Range(c.Rank()); i < hi; i++ {
			sum.Shard()
		}
		_, err := sum.Finish(nil, make([][]byte, 3))
		return err
	}))
}

func TestKnownErrors(t *testing.T) {
	own := errors.New("no such file")
	for err, want := range map[error]bool{
		nil: false, own: false,
		&dist.RankError{Rank: 1, Err: own}:                       true,
		&dist.DiffersError{Rank: 1, Name: "data"}:                true,
		&dist.CommError{Err: own}:                                true,
		fmt.Errorf("so: %w", &dist.RankError{Rank: 1, Err: own}): true,
	} {
		if got := dist.Known(err); got != want {
			t.Errorf("%v: found %t, %t expected", err, got, want)
		}
	}
}
