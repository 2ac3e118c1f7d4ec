package parallel

import (
	"fmt"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
)

func TestEveryIndexIsCoveredOnce(t *testing.T) {
	defer SetThreads(0)
	for loop, run := range map[string]struct {
		run    func(n, grain int, f func(lo, hi int))
		ranges int // a worker
	}{"For": {For, 1}, "Share": {Share, sharedRanges}} {
		for _, threads := range []int{1, 2, 3, 8} {
			SetThreads(threads)
			for _, n := range []int{0, 1, 2, 3, 7, 8, 9, 64, 1000} {
				for _, grain := range []int{-1, 0, 1, 2, 3, 64, 999, 1000, 1001} {
					name := fmt.Sprintf("%s: %d threads, n %d, grain %d", loop, threads, n, grain)
					var mu sync.Mutex
					var ranges [][2]int
					run.run(n, grain, func(lo, hi int) {
						mu.Lock()
						defer mu.Unlock()
						ranges = append(ranges, [2]int{lo, hi})
					})
					least := max(n/max(grain, 1), min(n, 1))
					want := min(threads, least)
					each := 1 // of a worker
					if want > 1 {
						each = min(run.ranges, least/want)
					}
					want *= each
					if len(ranges) != want {
						t.Errorf("%s: %d ranges, want %d", name, len(ranges), want)
					}
					slices.SortFunc(ranges, func(a, b [2]int) int { return a[0] - b[0] })
					next := 0
					for i, r := range ranges {
						before := i - 1
						if i%each == 0 {
							before = i - each // the first of a worker is as long as that of another
						}
						if before >= 0 && r[1]-r[0] > ranges[before][1]-ranges[before][0]+1 {
							t.Errorf("%s: range %v is longer than %v", name, r, ranges[before])
						}
						if r[0] != next || r[1] <= r[0] {
							t.Errorf("%s: ranges %v do not cover it", name, ranges)
						}
						if r[1]-r[0] < min(grain, n) {
							t.Errorf("%s: range %v is shorter than the grain", name, r)
						}
						next = r[1]
					}
					if next != n {
						t.Errorf("%s: ranges %v end at %d", name, ranges, next)
					}
				}
			}
		}
	}
}

// TestShareGoesOnBesideASlowRange holds that one worker takes all ranges but the one that
// another does not finish before.
func TestShareGoesOnBesideASlowRange(t *testing.T) {
	defer SetThreads(0)
	SetThreads(2)
	var others sync.WaitGroup
	others.Add(2*sharedRanges - 1)
	Share(2*sharedRanges, 1, func(lo, hi int) {
		if lo == 0 {
			others.Wait()
		} else {
			others.Done()
		}
	})
}

// All ranges are worked on at the same time: each waits for all others to begin.
func TestForIsParallel(t *testing.T) {
	defer SetThreads(0)
	const n = 4
	SetThreads(n)
	var begun sync.WaitGroup
	begun.Add(n)
	For(n, 1, func(lo, hi int) {
		begun.Done()
		begun.Wait()
	})
}

func TestForWithinFor(t *testing.T) {
	defer SetThreads(0)
	SetThreads(3)
	var sum atomic.Int64
	For(10, 1, func(lo, hi int) {
		for i := lo; i < hi; i++ {
			For(10, 1, func(lo, hi int) {
				for j := lo; j < hi; j++ {
					sum.Add(int64(10*i + j))
				}
			})
		}
	})
	if got, want := sum.Load(), int64(4950); got != want {
		t.Errorf("got %d, want %d", got, want)
	}
}

func TestForRaisesPanics(t *testing.T) {
	defer SetThreads(0)
	for _, threads := range []int{1, 4} {
		SetThreads(threads)
		for at := range 8 {
			var finished atomic.Int64
			err := fmt.Errorf("at %d", at)
			func() {
				defer func() {
					if r := recover(); r != err {
						t.Errorf("%d threads: got panic %v, want %v", threads, r, err)
					}
				}()
				For(8, 1, func(lo, hi int) {
					if lo <= at && at < hi {
						panic(err)
					}
					finished.Add(1)
				})
			}()
			if got := finished.Load(); got != int64(threads-1) {
				t.Errorf("%d threads: %d other workers finished before the panic was raised", threads, got)
			}
		}
	}
}

func TestThreads(t *testing.T) {
	defer SetThreads(0)
	for _, c := range []struct{ set, want int }{{3, 3}, {1, 1}, {0, runtime.GOMAXPROCS(0)}, {100, 100}, {-1, runtime.GOMAXPROCS(0)}} {
		if SetThreads(c.set); Threads() != c.want {
			t.Errorf("SetThreads(%d): got %d threads, want %d", c.set, Threads(), c.want)
		}
	}
}

func BenchmarkFor(b *testing.B) {
	for b.Loop() {
		For(2, 1, func(lo, hi int) {})
	}
}

// TestForSleepsAndWakes gives workers the time to fall asleep between loops, and none.
func TestForSleepsAndWakes(t *testing.T) {
	defer SetThreads(0)
	SetThreads(4)
	for i := range 2000 {
		if i%100 == 0 {
			for range 3 * looks {
				runtime.Gosched()
			}
		}
		var sum atomic.Int64
		For(8, 1, func(lo, hi int) {
			for j := lo; j < hi; j++ {
				sum.Add(int64(j))
			}
		})
		if sum.Load() != 28 {
			t.Fatalf("loop %d: parts are missing: sum %d, want 28", i, sum.Load())
		}
	}
}

// A loop within a loop, and loops of several goroutines at once, are run all the same.
func TestForWithinAndBeside(t *testing.T) {
	defer SetThreads(0)
	SetThreads(3)
	var total atomic.Int64
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 50 {
				For(6, 1, func(lo, hi int) {
					For(hi-lo, 1, func(lo, hi int) { total.Add(int64(hi - lo)) })
				})
			}
		})
	}
	wg.Wait()
	if total.Load() != 4*50*6 {
		t.Errorf("%d indices were worked on, want %d", total.Load(), 4*50*6)
	}
}
