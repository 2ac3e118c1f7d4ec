package parallel

import "sync/atomic"

// Background is work that workers do while no loop needs them, such as preparing the next
// batch during a training step: between the loops of a step there is always something
// that runs on one core alone.
//
// The pieces are divided among the workers as For would divide them, and each does its
// own: what it has written lies in its core's cache when the loops that follow read it.
type Background struct {
	f      func(i int)
	parts  []share
	doing  atomic.Int64 // workers that look for a piece or are at one
	raised atomic.Pointer[any]
}

// share is the pieces of one worker.
type share struct {
	first int
	left  atomic.Int64 // pieces that have not been taken: the first of them
	_     [6]int64     // in a cache line of its own
}

// Start returns the work of calling f for each of n pieces, in any order and several at
// once. Finish must be called on it. A piece should take some microseconds: a loop waits
// for the one that a worker is at. Only one work at a time is done in the background;
// others wait for their Finish.
func Start(n int, f func(i int)) *Background {
	b := &Background{f: f, parts: make([]share, max(1, min(Threads(), n)))}
	for w := range b.parts {
		p := &b.parts[w]
		p.first = w * n / len(b.parts)
		p.left.Store(int64((w+1)*n/len(b.parts) - p.first))
	}
	if len(b.parts) > 1 {
		pool.background.CompareAndSwap(nil, b)
	}
	return b
}

// Finish returns when all pieces are done; what is left of them it does on all cores. A
// panic in f is raised again.
func (b *Background) Finish() {
	For(len(b.parts), 1, func(lo, hi int) {
		for w := lo; w < hi; w++ {
			for b.piece(w) {
			}
		}
	})
	b.end()
	if r := b.raised.Load(); r != nil {
		panic(*r)
	}
}

// Cancel returns when nothing of the work is being done any more, and none will be.
func (b *Background) Cancel() {
	for w := range b.parts {
		b.parts[w].left.Store(0)
	}
	b.end()
}

// end takes b out of the background and waits for those who are at it.
func (b *Background) end() {
	pool.background.CompareAndSwap(b, nil)
	for b.doing.Load() > 0 {
		yield()
	}
}

// help does one piece of those of worker w, and reports whether there was one.
func (b *Background) help(w int) (more bool) {
	if w >= len(b.parts) {
		return false
	}
	defer b.doing.Add(-1)
	if b.doing.Add(1); pool.background.Load() != b { // it has ended
		return false
	}
	return b.piece(w)
}

// piece takes one of the pieces of worker w and does it, keeping what it panics with for
// Finish. It reports whether there was one.
func (b *Background) piece(w int) (more bool) {
	p := &b.parts[w]
	left := p.left.Add(-1)
	if left < 0 {
		return false
	}
	defer func() {
		if r := recover(); r != nil {
			b.raised.CompareAndSwap(nil, &r)
		}
	}()
	b.f(p.first + int(left))
	return true
}
