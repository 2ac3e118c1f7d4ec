package tensor

import (
	"math"
	"math/bits"
	"sync"
	"sync/atomic"

	"github.com/onehot-go/onehot/internal/parallel"
	"github.com/onehot-go/onehot/internal/reuse"
)

// The memory of a result that nobody can see any more is kept for later ones: a training
// step needs what the step before it needed, and clearing fresh memory and collecting it
// again would take longer than the arithmetic. Nobody can see
//
//   - a gradient on its way through Backward, once it has been passed on, and
//   - a value that passed from layer to layer within a net (see package reuse), once
//     Backward is through with the operation that computed it.
//
// All else is the garbage collector's, so that a tensor that somebody kept stays as it is.

// spare has the storages to be used again, of float32 elements, by the class of their
// size.
var spare [8 * 64]sync.Pool

// leastSpare is the least number of elements worth keeping.
const leastSpare = 1 << 10

// births counts the storages that may be used again, in the order in which they were
// taken.
var births atomic.Uint64

// sizeClass returns the class of storages for n elements and how many they have: up to an
// eighth more than n.
func sizeClass(n int) (class, size int) {
	shift := bits.Len(uint(n)) - 4
	eighths := (n-1)>>shift + 1
	return 8*shift + eighths, eighths << shift
}

// Empty returns a tensor whose elements may be anything: the caller writes all of them. It
// costs less than Zeros, and is what operations write their results to; see Record.
func Empty(dtype DType, shape ...int) *Tensor {
	checkShape("empty", shape)
	n := numel(shape)
	if dtype != Float32 || n < leastSpare {
		return zeros("empty", dtype, shape)
	}
	class, size := sizeClass(n)
	s, _ := spare[class].Get().(*storage)
	if s == nil {
		s = &storage{data: make([]float32, size)}
	}
	s.born = births.Add(1)
	return over(Float32, shape, s)
}

// recycle keeps s to be used again. Nothing may read or write it any more.
func (s *storage) recycle() {
	data := s.data.([]float32)
	if reuse.Poison.Load() {
		for i := range data {
			data[i] = float32(math.NaN())
		}
	}
	class, _ := sizeClass(len(data))
	s.born, s.version = 0, s.version+1
	spare[class].Put(s)
}

// done gives back t's memory, if it is such that is used again. Nobody may hold or read t
// any more.
func (t *Tensor) done() {
	if t.store.born != 0 {
		t.store.recycle()
	}
}

func init() {
	reuse.Inner = func(input, x, y any) { inner(input.(*Tensor), x.(*Tensor), y.(*Tensor)) }
	reuse.Later = func(write func(lo, hi int), tensors ...any) (now func()) {
		l := &rowsLater{rows: tensors[0].(*Tensor).shape[0], write: write}
		for _, t := range tensors {
			t.(*Tensor).store.later.Store(l)
		}
		return l.now
	}
}

// inner is reuse.Inner.
func inner(input, x, y *Tensor) {
	if s := x.store; s.born == 0 || s == input.store || s == y.store {
		return // the memory is not one that is used again, somebody else's, or y's too
	}
	if y.node == nil { // nothing was recorded: nothing reads x again
		x.store.recycle()
		return
	}
	if n := x.node; n != nil {
		for len(n.inputs) == 1 && n.inputs[0].t.store == x.store { // x is a view
			if n = n.inputs[0].t.node; n == nil {
				return
			}
		}
		n.internal = x.store
	}
}

// rowsLater is memory that is written row by row when it is first read.
type rowsLater struct {
	once  sync.Once
	rows  int
	write func(lo, hi int)
}

// now writes the rows that nobody has read yet.
func (l *rowsLater) now() { l.once.Do(func() { parallel.For(l.rows, 1, l.write) }) }

// written returns the elements of s, all of them written.
func (s *storage) written() any {
	if l := s.later.Load(); l != nil {
		l.now()
		s.later.CompareAndSwap(l, nil)
	}
	return s.data
}

// writing calls multiply, which is to read all of t's rows, with what writes them before
// they are read: nil where they are written.
func (t *Tensor) writing(multiply func(ready func(lo, hi int))) {
	l := t.store.later.Load()
	if l == nil || t.shape[0] != l.rows || !t.IsContiguous() {
		t.store.written()
		multiply(nil)
		return
	}
	first := false
	l.once.Do(func() {
		first = true
		multiply(l.write)
	})
	if t.store.later.CompareAndSwap(l, nil); !first {
		multiply(nil)
	}
}
