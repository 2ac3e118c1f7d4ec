package parallel

import (
	"sync"
	"sync/atomic"
	"testing"
)

func TestBackgroundDoesEveryPieceOnce(t *testing.T) {
	defer SetThreads(0)
	for _, threads := range []int{1, 2, 3, 8} {
		SetThreads(threads)
		for _, n := range []int{0, 1, 2, 7, 100} {
			for range 20 {
				times := make([]atomic.Int64, n)
				b := Start(n, func(i int) { times[i].Add(1) })
				For(100, 1, func(lo, hi int) {})
				b.Finish()
				for i := range times {
					if got := times[i].Load(); got != 1 {
						t.Fatalf("%d threads: piece %d of %d done %d times", threads, i, n, got)
					}
				}
			}
		}
	}
}

// A worker that has nothing to do takes its pieces without being asked.
func TestBackgroundIsDoneMeanwhile(t *testing.T) {
	defer SetThreads(0)
	SetThreads(2)
	For(2, 1, func(lo, hi int) {}) // there is a worker then, and it is awake
	started := make(chan struct{})
	b := Start(2, func(i int) {
		if i == 1 { // the worker's: the other is its caller's
			close(started)
		}
	})
	<-started // nobody has called Finish
	b.Finish()
}

func TestBackgroundWorksBesideAnother(t *testing.T) {
	defer SetThreads(0)
	SetThreads(3)
	var wait sync.WaitGroup
	for range 4 {
		wait.Go(func() {
			for range 100 {
				var sum atomic.Int64
				b := Start(10, func(i int) { sum.Add(int64(i)) })
				For(10, 1, func(lo, hi int) {})
				if b.Finish(); sum.Load() != 45 {
					t.Errorf("sum %d", sum.Load())
				}
			}
		})
	}
	wait.Wait()
}

func TestBackgroundRaisesPanics(t *testing.T) {
	defer SetThreads(0)
	for _, threads := range []int{1, 2, 3} {
		SetThreads(threads)
		for range 20 {
			b := Start(8, func(i int) {
				if i == 3 {
					panic("piece 3")
				}
			})
			For(100, 1, func(lo, hi int) {})
			func() {
				defer func() {
					if r := recover(); r != "piece 3" {
						t.Fatalf("%d threads: got %v", threads, r)
					}
				}()
				b.Finish()
			}()
		}
	}
}

// After Cancel no piece is done.
func TestBackgroundCancels(t *testing.T) {
	defer SetThreads(0)
	SetThreads(3)
	for range 100 {
		var canceled atomic.Bool
		b := Start(50, func(int) {
			if canceled.Load() {
				t.Error("done after Cancel")
			}
		})
		For(3, 1, func(lo, hi int) {})
		b.Cancel()
		canceled.Store(true)
		For(3, 1, func(lo, hi int) {})
	}
}
