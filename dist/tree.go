package dist

import (
	"math/bits"

	"github.com/onehot-go/onehot/fault"
)

// Tree is a fixed binary tree over shards, and how ranks share them. A node over more than one shard has as its
// left child as many of them as the greatest power of two below their number. The tree does not depend on the ranks.
type Tree struct {
	shards int
	bounds []int // where each rank's shards begin, and the number of shards
}

// NewTree returns the tree over so many shards for so many ranks, each of which has a shard at least. It
// panics with a *fault.OptionError if there are fewer shards than ranks, or no rank.
func NewTree(shards, ranks int) *Tree {
	if ranks < 1 || shards < ranks {
		fault.Option("dist.NewTree", "%d shards for %d ranks: at least 1 rank, and a shard for each, expected", shards, ranks)
	}
	t := &Tree{shards, make([]int, ranks+1)}
	most := (shards + ranks - 1) / ranks
	for r := 1; r < ranks; r++ {
		before := t.bounds[r-1]
		lo, hi := max(before+1, shards-(ranks-r)*most), min(before+most, shards-(ranks-r))
		t.bounds[r] = roundest(lo, hi)
	}
	t.bounds[ranks] = shards
	return t
}

// roundest returns the number from lo to hi that the greatest power of two divides: ranks that meet there have
// few subtrees.
func roundest(lo, hi int) int {
	best := lo
	for n := lo + 1; n <= hi; n++ {
		if bits.TrailingZeros(uint(n)) > bits.TrailingZeros(uint(best)) {
			best = n
		}
	}
	return best
}

// Shards returns how many there are.
func (t *Tree) Shards() int { return t.shards }

// Ranks returns how many share them.
func (t *Tree) Ranks() int { return len(t.bounds) - 1 }

// Range returns the shards of a rank, from lo up to hi.
func (t *Tree) Range(rank int) (lo, hi int) { return t.bounds[rank], t.bounds[rank+1] }

// siblings reports whether a node over the shards from a up to b, and one from b up to c, are the
// children of one node.
func (t *Tree) siblings(a, b, c int) bool {
	left, right := b-a, c-b
	return left&(left-1) == 0 && a%(2*left) == 0 && (right == left || right < left && c == t.shards)
}

// subtrees returns the greatest nodes that have shards of a rank alone, from left to right.
func (t *Tree) subtrees(rank int) []node {
	var s stack[float32]
	for i, hi := t.Range(rank); i < hi; i++ {
		s.push(node{i, i + 1}, nil)
		s.merge(t)
	}
	return s.nodes
}

// node is the shards from lo up to hi.
type node struct{ lo, hi int }

// stack is nodes side by side, from left to right, and the sums of what their shards have.
type stack[T Float] struct {
	nodes  []node
	values [][]T
	unused [][]T // values that were added to others
}

// push adds a node at the right.
func (s *stack[T]) push(n node, values []T) {
	s.nodes, s.values = append(s.nodes, n), append(s.values, values)
}

// merge puts the parent of the two rightmost nodes in their place while they are siblings.
func (s *stack[T]) merge(t *Tree) {
	for last := len(s.nodes) - 1; last > 0; last-- {
		left, right := s.nodes[last-1], s.nodes[last]
		if !t.siblings(left.lo, right.lo, right.hi) {
			return
		}
		add(s.values[last-1], s.values[last])
		s.unused = append(s.unused, s.values[last])
		s.nodes, s.values = s.nodes[:last], s.values[:last]
		s.nodes[last-1].hi = right.hi
	}
}

// reset takes all nodes out.
func (s *stack[T]) reset() {
	s.unused = append(s.unused, s.values...)
	s.nodes, s.values = s.nodes[:0], s.values[:0]
}
