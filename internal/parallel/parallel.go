// Package parallel runs loops on several cores. Work is split statically: which
// indices a worker gets depends on nothing but the loop's length and the number of
// threads, and callers give each output element to one worker, so results have the
// same bits for any number of threads.
package parallel

import (
	"runtime"
	"sync"
	"sync/atomic"
)

// threads is the number of workers; 0 means GOMAXPROCS.
var threads atomic.Int64

// Threads returns how many workers For uses at most: what SetThreads was given, or
// GOMAXPROCS.
func Threads() int {
	if n := threads.Load(); n > 0 {
		return int(n)
	}
	return runtime.GOMAXPROCS(0)
}

// SetThreads makes For use at most n workers; n of 0 means GOMAXPROCS again.
func SetThreads(n int) {
	threads.Store(int64(max(n, 0)))
}

// For splits [0, n) into contiguous ranges, one a worker and none shorter than grain
// (but for n < grain), and calls f on each, the first on the calling goroutine. It
// returns when all are done. A panic in f is raised again on the calling goroutine.
func For(n, grain int, f func(lo, hi int)) {
	workers := min(Threads(), n/max(grain, 1))
	if workers <= 1 {
		if n > 0 {
			f(0, n)
		}
		return
	}
	var (
		wg     sync.WaitGroup
		mu     sync.Mutex
		raised any
	)
	run := func(w int) {
		defer func() {
			if r := recover(); r != nil {
				mu.Lock()
				raised = r
				mu.Unlock()
			}
		}()
		f(w*n/workers, (w+1)*n/workers)
	}
	for w := 1; w < workers; w++ {
		wg.Go(func() { run(w) })
	}
	run(0)
	wg.Wait()
	if raised != nil {
		panic(raised)
	}
}
