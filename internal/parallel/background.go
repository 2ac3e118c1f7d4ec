package parallel

import "sync/atomic"

// Background is work that workers do while no loop needs them, such as preparing the next
// batch during a training step: between the loops of a step there is always something
// that runs on one core alone.
type Background struct {
	n      int
	f      func(i int)
	left   atomic.Int64 // pieces that nobody has taken: those below it
	doing  atomic.Int64 // workers that look for pieces or are at one
	raised atomic.Pointer[any]
}

// Start returns the work of calling f for each of n pieces, in any order and several at
// once. Finish must be called on it. A piece should take some microseconds: a loop waits
// for the one that a worker is at. Only one work at a time is done in the background;
// others wait for their Finish.
func Start(n int, f func(i int)) *Background {
	b := &Background{n: n, f: f}
	b.left.Store(int64(n))
	if Threads() > 1 {
		pool.background.CompareAndSwap(nil, b)
	}
	return b
}

// Finish returns when all pieces are done; what is left of them it does on all cores. A
// panic in f is raised again.
func (b *Background) Finish() {
	if left := int(b.left.Swap(0)); left > 0 {
		For(left, 1, func(lo, hi int) {
			for i := lo; i < hi; i++ {
				b.f(i)
			}
		})
	}
	b.end()
	if r := b.raised.Load(); r != nil {
		panic(*r)
	}
}

// Cancel returns when nothing of the work is being done any more, and none will be.
func (b *Background) Cancel() {
	b.left.Store(0)
	b.end()
}

// end takes b out of the background and waits for those who are at it.
func (b *Background) end() {
	pool.background.CompareAndSwap(b, nil)
	for b.doing.Load() > 0 {
		yield()
	}
}

// help does one piece of b, the last of those that are left, and reports whether there was
// one.
func (b *Background) help() (more bool) {
	defer b.doing.Add(-1)
	if b.doing.Add(1); pool.background.Load() != b { // it has ended
		return false
	}
	for {
		left := b.left.Load()
		if left <= 0 {
			return false
		}
		if b.left.CompareAndSwap(left, left-1) {
			b.do(int(left - 1))
			return true
		}
	}
}

// do does a piece, and keeps what it panics with for Finish.
func (b *Background) do(i int) {
	defer func() {
		if r := recover(); r != nil {
			b.raised.CompareAndSwap(nil, &r)
		}
	}()
	b.f(i)
}
