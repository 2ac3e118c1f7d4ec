// Package parallel runs loops on several cores. Work is split into ranges of indices, and
// callers give each output element to one of them, in a way that does not depend on where
// ranges end: so results have the same bits for any number of threads.
//
// The workers are goroutines that are kept. After a loop they look for the next one for
// some microseconds, as long as a training step hardly ever lets them wait, and then
// sleep: an idle program uses no processor.
package parallel

import (
	"runtime"
	"sync"
	"sync/atomic"
)

// threads is the number of workers; 0 means GOMAXPROCS.
var threads atomic.Int64

// processors is what GOMAXPROCS was lately: to ask for it takes the scheduler's lock, and as
// long as a small loop.
var processors atomic.Int64

// lately is how many loops on several cores may pass until GOMAXPROCS is looked at again.
const lately = 256

// Threads returns how many workers For uses at most: what SetThreads was given, or what
// GOMAXPROCS was lately.
func Threads() int {
	if n := threads.Load(); n > 0 {
		return int(n)
	}
	return int(processors.Load())
}

// SetThreads makes For use at most n workers; n of 0 means GOMAXPROCS again.
func SetThreads(n int) {
	threads.Store(int64(max(n, 0)))
	processors.Store(int64(runtime.GOMAXPROCS(0)))
}

// For splits [0, n) into contiguous ranges, one a worker and none shorter than grain
// (but for n < grain), and calls f on each, the first on the calling goroutine. It
// returns when all are done. A panic in f is raised again on the calling goroutine. A
// loop within another, or beside one of another goroutine, runs on its caller alone.
func For(n, grain int, f func(lo, hi int)) { split(n, grain, 1, f) }

// Share is For for loops that lose nothing by more and shorter ranges: whoever is done with
// one takes the next, so that nobody waits long for a core that other programs slow down.
// The last ranges are the shortest, as it is for them that workers wait.
func Share(n, grain int, f func(lo, hi int)) { split(n, grain, sharedRanges, f) }

// sharedRanges is how many ranges a worker has in the mean.
const sharedRanges = 8

// split is For with so many ranges a worker.
func split(n, grain, ranges int, f func(lo, hi int)) {
	if grain = max(grain, 1); n < 2*grain || !pool.TryLock() {
		if n > 0 {
			f(0, n)
		}
		return
	}
	defer pool.Unlock()
	if pool.loops++; pool.loops%lately == 0 {
		processors.Store(int64(runtime.GOMAXPROCS(0)))
	}
	parts := min(Threads(), n/grain)
	if parts == 1 {
		f(0, n)
		return
	}
	for len(pool.workers) < parts-1 {
		pool.more <- struct{}{}
		pool.workers = append(pool.workers, <-pool.made)
	}
	l := &pool.loop
	l.f, l.n, l.grain, l.raised = f, n, grain, nil
	l.parts, l.ranges = parts, min(ranges*parts, n/grain)
	l.next.Store(int64(parts))
	l.pending.Store(int64(parts - 1))
	for part := 1; part < parts; part++ {
		pool.workers[part-1].start(part)
	}
	l.run(0)
	l.finished.wait(func() bool { return l.pending.Load() == 0 })
	l.f = nil
	if l.raised != nil {
		panic(l.raised)
	}
}

// pool is the workers and the loop that they are in.
var pool struct {
	sync.Mutex // held by the goroutine whose loop it is
	loops      int
	workers    []*worker
	loop       loop
	more       chan struct{}
	made       chan *worker
}

// Workers are made by a goroutine that waits for it from the start: a goroutine belongs
// to whatever test or trace its maker runs in, and these belong to nobody.
func init() {
	processors.Store(int64(runtime.GOMAXPROCS(0)))
	pool.more, pool.made = make(chan struct{}), make(chan *worker)
	pool.loop.finished.wake = make(chan struct{}, 1)
	go func() {
		for range pool.more {
			w := &worker{}
			w.ready.wake = make(chan struct{}, 1)
			go w.serve()
			pool.made <- w
		}
	}()
}

// loop is a loop that is being run.
type loop struct {
	f             func(lo, hi int)
	n, grain      int
	parts, ranges int
	next          atomic.Int64 // the range that nobody has taken
	pending       atomic.Int64 // workers that have not finished
	finished      event        // pending has come to 0

	mu     sync.Mutex
	raised any // what f panicked with
}

// run runs range i, which its worker has from the start, and then what is left.
func (l *loop) run(i int) {
	defer func() {
		if r := recover(); r != nil {
			l.mu.Lock()
			l.raised = r
			l.mu.Unlock()
		}
	}()
	for ; i < l.ranges; i = int(l.next.Add(1)) - 1 {
		l.f(l.bound(i), l.bound(i+1))
	}
}

// bound returns where range i begins. What is more than a grain for each is divided equally
// where a worker has one range, and otherwise less and less of it goes to those that come later.
func (l *loop) bound(i int) int {
	if l.ranges < 2*l.parts {
		return i * l.n / l.ranges
	}
	more, left := l.n-l.ranges*l.grain, l.ranges-i
	return i*l.grain + more - more*left*left/(l.ranges*l.ranges)
}

// worker runs one part of every loop that wants it.
type worker struct {
	part  atomic.Int64 // what to run next; 0 for nothing
	ready event        // part is not 0
}

func (w *worker) start(part int) {
	w.part.Store(int64(part))
	w.ready.happen()
}

func (w *worker) serve() {
	wanted := func() bool { return w.part.Load() != 0 }
	for {
		w.ready.wait(wanted)
		l := &pool.loop
		l.run(int(w.part.Swap(0)))
		if l.pending.Add(-1) == 0 {
			l.finished.happen()
		}
	}
}

// event is something that one goroutine waits for and another makes happen, again and
// again.
type event struct {
	asleep atomic.Bool
	wake   chan struct{} // of capacity 1
}

// A goroutine that waits looks for what it waits for, and lets others run every so many
// looks, about a microsecond; after some hundred microseconds of that it sleeps. To be
// woken up takes tens of them, in a virtual machine more, which is as much as a training
// step, and between the loops of a step there are some microseconds at most.
const (
	looks  = 500
	rounds = 500
)

// wait returns when done does, which becomes true before happen is called.
func (e *event) wait(done func() bool) {
	for {
		for range rounds {
			for range looks {
				if done() {
					return
				}
			}
			runtime.Gosched() // others may need this core
		}
		e.asleep.Store(true)
		// It may have happened in between: then whoever takes asleep back decides whether
		// a wake-up is on its way. One may also be late, from what was waited for before.
		if done() && e.asleep.CompareAndSwap(true, false) {
			return
		}
		<-e.wake
	}
}

// happen wakes the goroutine that waits, if it sleeps.
func (e *event) happen() {
	if e.asleep.CompareAndSwap(true, false) {
		e.wake <- struct{}{}
	}
}
