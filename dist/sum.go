package dist

import (
	"github.com/onehot-go/onehot/fault"
	"github.com/onehot-go/onehot/internal/kernel"
	"github.com/onehot-go/onehot/internal/parallel"
)

// Sum adds up numbers of shards over a Tree. Its results have the same bits for any number of ranks. A rank
// adds up the greatest subtrees that have shards of its own alone, and deals them out as rows of Slices. The
// owner of a slice finishes the tree. At 2, 4, 8 and 16 ranks for
// 16 shards a rank sends as many bytes as in a ring, 2·(R-1)/R of the numbers' for R ranks.
//
// Memory is taken by the first sum, and used for all others.
type Sum[T Float] struct {
	tree   *Tree
	rank   int
	n      int
	next   int // the shard whose numbers come next
	own    stack[T]
	nodes  []node // the subtrees of all ranks
	slices *Slices[T]
	slice  stack[T] // of this rank's slice, of all ranks
}

// NewSum returns a sum of n numbers of each shard, for the ranks of c. It panics with a *fault.OptionError if n is below 0
// or the tree is for another number of ranks.
func NewSum[T Float](c Comm, t *Tree, n int) *Sum[T] {
	if n < 0 || t.Ranks() != c.Size() {
		fault.Option("dist.NewSum", "%d numbers, a tree for %d ranks: at least 0, and %d, expected", n, t.Ranks(), c.Size())
	}
	s := &Sum[T]{tree: t, rank: c.Rank(), n: n}
	rows := make([]int, c.Size())
	for r := range rows {
		nodes := t.subtrees(r)
		s.nodes, rows[r] = append(s.nodes, nodes...), len(nodes)
	}
	s.slices = NewSlices[T](c, n, rows)
	s.next, _ = t.Range(s.rank)
	return s
}

// Shard returns memory for the numbers of the rank's next shard. They are 0. They may be
// written until the next call of a method. It panics with a *fault.OptionError if the rank has no other shard.
func (s *Sum[T]) Shard() []T {
	if _, hi := s.tree.Range(s.rank); s.next == hi {
		fault.Option("dist.Sum", "numbers of shard %d: shards of rank %d, up to %d, expected", s.next, s.rank, hi-1)
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
// lasts until the next call of Finish. The error is a *CommError. It panics with a *fault.OptionError before the rank's
// last shard.
func (s *Sum[T]) Finish(note []byte, notes [][]byte) ([]T, error) {
	lo, hi := s.tree.Range(s.rank)
	if s.next != hi {
		fault.Option("dist.Sum", "the end before the numbers of shard %d: all shards of rank %d expected", s.next, s.rank)
	}
	s.next = lo
	s.own.merge(s.tree)
	defer s.own.reset()
	rows, err := s.slices.Deal(s.own.values, note, notes)
	if err != nil {
		return nil, err
	}
	for i, values := range rows {
		s.slice.push(s.nodes[i], values)
		s.slice.merge(s.tree)
	}
	total := s.slice.values[0]
	s.slice = stack[T]{s.slice.nodes[:0], s.slice.values[:0], s.slice.unused[:0]}
	return s.slices.Gather(total)
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
