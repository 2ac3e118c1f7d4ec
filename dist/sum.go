package dist

import (
	"unsafe"

	"github.com/onehot-go/onehot/fault"
	"github.com/onehot-go/onehot/internal/kernel"
	"github.com/onehot-go/onehot/internal/parallel"
)

// Float is what can be summed.
type Float interface{ float32 | float64 }

// Sum adds up numbers of shards over a Tree. Its results have the same bits for any number of ranks. A rank
// adds up the greatest subtrees that have shards of its own alone. It sends each other rank a slice of them. The
// owner of a slice finishes the tree, and sends every rank the result. At 2, 4, 8 and 16 ranks for
// 16 shards a rank sends as many bytes as in a ring, 2·(R-1)/R of the numbers' for R ranks.
//
// Memory is taken by NewSum and the first sum, and used for all others. The blocks of a call of the Comm lie
// one after the other in one piece of memory.
type Sum[T Float] struct {
	comm  Comm
	tree  *Tree
	n     int
	next  int // the shard whose numbers come next
	own   stack[T]
	slice stack[T] // of this rank's slice, of all ranks
	every [][]node // of each rank's subtrees

	result     []T
	results    [][]byte // the slices of result, as bytes
	send, recv blocks
}

// NewSum returns a sum of n numbers of each shard, for the ranks of c. It panics with a *fault.OptionError if n is below 0
// or the tree is for another number of ranks.
func NewSum[T Float](c Comm, t *Tree, n int) *Sum[T] {
	if n < 0 || t.Ranks() != c.Size() {
		fault.Option("dist.NewSum", "%d numbers, a tree for %d ranks: at least 0, and %d, expected", n, t.Ranks(), c.Size())
	}
	s := &Sum[T]{comm: c, tree: t, n: n, result: make([]T, n), every: make([][]node, c.Size())}
	for r := range s.every {
		s.every[r] = t.subtrees(r)
		lo, hi := s.slices(r)
		s.results = append(s.results, bytesOf(s.result[lo:hi]))
	}
	s.next, _ = t.Range(c.Rank())
	return s
}

// slices returns which of the numbers a rank owns.
func (s *Sum[T]) slices(rank int) (lo, hi int) {
	return rank * s.n / s.comm.Size(), (rank + 1) * s.n / s.comm.Size()
}

// Shard returns memory for the numbers of the rank's next shard. They are 0. They may be
// written until the next call of a method. It panics with a *fault.OptionError if the rank has no other shard.
func (s *Sum[T]) Shard() []T {
	if _, hi := s.tree.Range(s.comm.Rank()); s.next == hi {
		fault.Option("dist.Sum", "numbers of shard %d: shards of rank %d, up to %d, expected", s.next, s.comm.Rank(), hi-1)
	}
	s.own.merge(s.tree)
	var values []T
	if last := len(s.own.unused) - 1; last >= 0 {
		values, s.own.unused = s.own.unused[last], s.own.unused[:last]
		clear(values)
	} else {
		values = make([]T, s.n)
	}
	s.own.push(node{s.next, s.next + 1}, values)
	s.next++
	return values
}

// Finish returns the sum over all shards, when Shard was called for each of the rank's. note goes to all ranks
// beside it. Finish fills notes[i] with that of rank i, whose length is known. The sum may be changed, and
// lasts until the next call of Finish. The error is the Comm's.
func (s *Sum[T]) Finish(note []byte, notes [][]byte) ([]T, error) {
	me := s.comm.Rank()
	lo, hi := s.tree.Range(me)
	if s.next != hi {
		fault.Option("dist.Sum", "the end before the numbers of shard %d: all shards of rank %d expected", s.next, me)
	}
	s.next = lo
	s.own.merge(s.tree)
	defer s.own.reset()
	if s.comm.Size() == 1 {
		copy(s.result, s.own.values[0])
		copy(notes[0], note)
		return s.result, nil
	}
	from, to := s.slices(me)
	send := s.send.reserve(s.comm.Size(), func(rank int) int {
		lo, hi := s.slices(rank)
		return len(s.own.nodes)*s.bytes(hi-lo) + len(note)
	})
	recv := s.recv.reserve(s.comm.Size(), func(rank int) int {
		return len(s.every[rank])*s.bytes(to-from) + len(notes[rank])
	})
	for rank, block := range send {
		lo, hi := s.slices(rank)
		for _, values := range s.own.values {
			block = block[copy(block, bytesOf(values[lo:hi])):]
		}
		copy(block, note)
	}
	if err := s.comm.AllToAll(send, recv); err != nil {
		return nil, err
	}
	for rank, block := range recv {
		for _, n := range s.every[rank] {
			s.slice.push(n, floatsOf[T](block[:s.bytes(to-from)]))
			s.slice.merge(s.tree)
			block = block[s.bytes(to-from):]
		}
		copy(notes[rank], block)
	}
	err := s.comm.AllGather(bytesOf(s.slice.values[0]), s.results)
	s.slice = stack[T]{nodes: s.slice.nodes[:0], values: s.slice.values[:0], unused: s.slice.unused[:0]}
	return s.result, err
}

// bytes returns the length of n numbers.
func (s *Sum[T]) bytes(n int) int { return n * int(unsafe.Sizeof(T(0))) }

// blocks is memory for a block of each rank.
type blocks struct {
	memory []uint64 // so that numbers may begin at each
	blocks [][]byte
}

// reserve returns blocks of the lengths that each rank's is to have.
func (b *blocks) reserve(ranks int, length func(rank int) int) [][]byte {
	words := 0
	for r := range ranks {
		words += (length(r) + 7) / 8
	}
	if words > len(b.memory) {
		b.memory = make([]uint64, words)
	}
	b.blocks = b.blocks[:0]
	rest := bytesOf(b.memory)
	for r := range ranks {
		n := length(r)
		b.blocks = append(b.blocks, rest[:n:n])
		rest = rest[(n+7)/8*8:]
	}
	return b.blocks
}

// bytesOf returns numbers as bytes, in the same memory.
func bytesOf[T Float | uint64](v []T) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(v))), len(v)*int(unsafe.Sizeof(T(0))))
}

// floatsOf returns the numbers that b has, in the same memory.
func floatsOf[T Float](b []byte) []T {
	return unsafe.Slice((*T)(unsafe.Pointer(unsafe.SliceData(b))), len(b)/int(unsafe.Sizeof(T(0))))
}

// add adds y to x.
func add[T Float](x, y []T) {
	parallel.For(len(x), 1<<14, func(lo, hi int) {
		switch x := any(x).(type) {
		case []float32:
			kernel.Add(x[lo:hi], x[lo:hi], any(y).([]float32)[lo:hi])
		case []float64:
			for i, v := range any(y).([]float64)[lo:hi] {
				x[lo+i] += v
			}
		}
	})
}
