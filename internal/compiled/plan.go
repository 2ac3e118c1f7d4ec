package compiled

import (
	"cmp"
	"slices"

	"github.com/onehot-go/onehot/internal/kernel/inference"
)

// place is where an array lies in an arena. Arrays of which one takes the other's place have one.
type place struct {
	*space
	pitched int // what its pitch is to be, or 0 for that of the kernels
}

// space is memory of an arena, for one sample. All arrays in it have one shape.
type space struct {
	border, pitch int // as inference.Pictures have them
	size          int // numbers, a multiple of alignment
	offset        int
	first, last   int // operations that write and read it
}

// alignment is how many numbers a line of memory has.
const alignment = 16

func aligned(n int) int { return (n + alignment - 1) / alignment * alignment }

// plan gives every array that operations write a place in an arena, and returns how many numbers that has for
// a sample. No two arrays that are needed at once overlap.
func plan(operations []*operation, output *array) int {
	last := map[*array]int{output: len(operations)}
	for i, o := range operations {
		for _, a := range []*array{o.in, o.with} {
			if a != nil {
				last[a] = max(last[a], i)
			}
		}
	}
	var spaces []*space
	for i, o := range operations {
		if o.out.space = o.takes(i, last); o.out.space == nil {
			o.out.space = &space{first: i, pitch: o.out.pitched}
			if o.out.pitch == 0 {
				o.out.pitch = inference.Pitch(o.out.channels)
			}
			spaces = append(spaces, o.out.space)
		}
		o.out.last = max(i, last[o.out])
	}
	for _, o := range operations {
		if c, ok := o.work.(*convolution); ok && o.in.space != nil {
			o.in.border = max(o.in.border, c.padding[0], c.padding[1])
		}
	}
	for _, o := range operations {
		a := o.out
		a.size = aligned((a.height + 2*a.border) * (a.width + 2*a.border) * a.pitch)
	}
	return arrange(spaces)
}

// takes returns the place of the operand whose place the results of operation i may take, since nobody reads
// it later and the operation reads every element before it writes it, or nil.
func (o *operation) takes(i int, last map[*array]int) *space {
	operands := []*array{o.in, o.with}
	switch o.work.(type) {
	case *convolution:
		if o.with == o.in { // it reads neighbours of what it writes
			return nil
		}
		operands = operands[1:]
	case only, sum:
	case product:
		operands = operands[:1]
	default:
		return nil
	}
	for _, a := range operands {
		if a != nil && a.space != nil && last[a] == i && a.pitch == inference.Pitch(a.channels) {
			return a.space
		}
	}
	return nil
}

// arrange sets the offsets of spaces, the largest first, each as low as those allow that are needed at the same
// time, and returns the numbers of all.
func arrange(spaces []*space) int {
	spaces = slices.Clone(spaces)
	slices.SortStableFunc(spaces, func(a, b *space) int { return cmp.Compare(b.size, a.size) })
	var placed []*space // by offset
	total := 0
	for _, s := range spaces {
		for _, p := range placed {
			if p.first <= s.last && s.first <= p.last && p.offset < s.offset+s.size {
				s.offset = max(s.offset, p.offset+p.size)
			}
		}
		at, _ := slices.BinarySearchFunc(placed, s, func(a, b *space) int { return cmp.Compare(a.offset, b.offset) })
		placed = slices.Insert(placed, at, s)
		total = max(total, s.offset+s.size)
	}
	return total
}
