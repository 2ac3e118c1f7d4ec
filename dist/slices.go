package dist

import (
	"slices"
	"unsafe"

	"github.com/onehot-go/onehot/fault"
)

// Float is a number that ranks work on.
type Float interface{ float32 | float64 }

// Slices deals rows of numbers out by columns: every rank has some of the rows, and is given its slice of all of
// them. What it makes of its slice goes back to all ranks.
//
// Memory is taken when it is first used, and used again. The blocks of a call of the Comm lie one after the
// other in one piece of memory.
type Slices[T Float] struct {
	comm Comm
	n    int
	rows []int // of each rank
	all  [][]T // this rank's slice of each row

	result     []T
	results    [][]byte // the slices of result, as bytes
	send, recv blocks
}

// NewSlices returns what deals out rows of n numbers, of which each rank has so many as rows says. It panics with a
// *fault.OptionError if n is below 0, and unless rows has a number of at least 0 for each rank.
func NewSlices[T Float](c Comm, n int, rows []int) *Slices[T] {
	if n < 0 || len(rows) != c.Size() || slices.Min(rows) < 0 {
		fault.Option("dist.NewSlices", "%d numbers, rows %v for %d ranks: at least 0 of each expected", n, rows, c.Size())
	}
	s := &Slices[T]{comm: c, n: n, rows: rows, result: make([]T, n)}
	for r := range rows {
		lo, hi := s.Range(r)
		s.results = append(s.results, bytesOf(s.result[lo:hi]))
	}
	return s
}

// Range returns which of the numbers of a row are in a rank's slice, from lo up to hi.
func (s *Slices[T]) Range(rank int) (lo, hi int) {
	return rank * s.n / s.comm.Size(), (rank + 1) * s.n / s.comm.Size()
}

// Deal takes this rank's rows, and returns its slice of the rows of all ranks, in their order. A rank's note goes to
// all ranks beside it: Deal fills notes[i] with that of rank i, whose length is known. The slices may be changed,
// and last until the next call of Deal. If there is one rank they are the rows. The error is the Comm's.
func (s *Slices[T]) Deal(rows [][]T, note []byte, notes [][]byte) ([][]T, error) {
	ranks := s.comm.Size()
	if ranks == 1 {
		copy(notes[0], note)
		return rows, nil
	}
	send := s.send.reserve(ranks, func(rank int) int {
		lo, hi := s.Range(rank)
		return len(rows)*s.bytes(hi-lo) + len(note)
	})
	lo, hi := s.Range(s.comm.Rank())
	width := s.bytes(hi - lo)
	recv := s.recv.reserve(ranks, func(rank int) int { return s.rows[rank]*width + len(notes[rank]) })
	for rank, block := range send {
		lo, hi := s.Range(rank)
		for _, row := range rows {
			block = block[copy(block, bytesOf(row[lo:hi])):]
		}
		copy(block, note)
	}
	if err := s.comm.AllToAll(send, recv); err != nil {
		return nil, &CommError{err}
	}
	s.all = s.all[:0]
	for rank, block := range recv {
		for range s.rows[rank] {
			s.all = append(s.all, floatsOf[T](block[:width]))
			block = block[width:]
		}
		copy(notes[rank], block)
	}
	return s.all, nil
}

// Gather returns the slices of all ranks side by side, of which this rank's is given. What it returns may be changed,
// and lasts until the next call of Gather. The error is the Comm's.
func (s *Slices[T]) Gather(slice []T) ([]T, error) {
	if s.comm.Size() == 1 {
		copy(s.result, slice)
		return s.result, nil
	}
	if err := s.comm.AllGather(bytesOf(slice), s.results); err != nil {
		return nil, &CommError{err}
	}
	return s.result, nil
}

// bytes returns the length of n numbers.
func (s *Slices[T]) bytes(n int) int { return n * int(unsafe.Sizeof(T(0))) }

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
