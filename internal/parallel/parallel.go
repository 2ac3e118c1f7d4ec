// Package parallel runs loops on several cores. Work is split into ranges of indices, and
// callers give each output element to one of them, in a way that does not depend on where
// ranges end: so results have the same bits for any number of threads.
//
// The workers are goroutines that are kept. After a loop they look for the next one for
// some microseconds, as long as a training step hardly ever lets them wait, and then
// sleep: an idle program uses no processor.
package parallel

import (
	"math"
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

// Share is For for loops that lose nothing by more and shorter ranges: each worker has several,
// side by side, of which the last are the shortest, and when it is done with them it takes what
// is left of others', from the end. Nobody waits long for a core that other programs slow down,
// and what neighbouring ranges read and write stays in the caches of one core.
func Share(n, grain int, f func(lo, hi int)) { split(n, grain, sharedRanges, f) }

// sharedRanges is how many ranges a worker has, at most.
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
	l.parts, l.ranges = parts, min(ranges, n/(parts*grain))
	for len(l.left) < parts {
		l.left = append(l.left, new(untaken))
	}
	for _, left := range l.left[:parts] {
		left.fill(l.ranges)
	}
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
	f        func(lo, hi int)
	n, grain int
	parts    int          // one a worker
	ranges   int          // of each part
	left     []*untaken   // of each part
	pending  atomic.Int64 // workers that have not finished
	finished event        // pending has come to 0

	mu     sync.Mutex
	raised any // what f panicked with
}

// run runs the ranges of a part, and then, unless each has a single one, what is left of others.
func (l *loop) run(part int) {
	defer func() {
		if r := recover(); r != nil {
			l.mu.Lock()
			l.raised = r
			l.mu.Unlock()
		}
	}()
	for next := range l.parts {
		if next > 0 && l.ranges == 1 {
			break
		}
		at := (part + next) % l.parts
		for i := l.left[at].take(next > 0); i >= 0; i = l.left[at].take(next > 0) {
			l.f(l.bound(at, i), l.bound(at, i+1))
		}
	}
}

// bound returns where range i of a part begins. What there is beyond a grain for each goes to
// those that come first: the last get no more than that.
func (l *loop) bound(part, i int) int {
	from, to := part*l.n/l.parts, (part+1)*l.n/l.parts
	more, left := to-from-l.ranges*l.grain, l.ranges-i
	return from + i*l.grain + more - more*left*left/(l.ranges*l.ranges)
}

// untaken is the ranges of a part that nobody has taken, side by side: the first, and in the lower
// half the one behind the last.
type untaken struct{ span atomic.Uint64 }

func (u *untaken) fill(n int) { u.span.Store(uint64(n)) }

// take returns the first of them, or the last, or -1 if there is none.
func (u *untaken) take(last bool) int {
	for {
		span := u.span.Load()
		lo, hi := span>>32, span&math.MaxUint32
		i, rest := lo, (lo+1)<<32|hi
		if last {
			i, rest = hi-1, lo<<32|(hi-1)
		}
		if lo == hi {
			return -1
		}
		if u.span.CompareAndSwap(span, rest) {
			return int(i)
		}
	}
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
