package dataset

import (
	"errors"
	"fmt"
	"slices"

	"github.com/onehot-go/onehot/random"
)

// concatenation is data sets one after the other.
type concatenation struct {
	parts []Dataset
	ends  []int // the index in the whole that comes after each part's last
}

var _ Batcher = (*concatenation)(nil)

// Concat returns the samples of data sets one after the other, as one data set. It is a
// Batcher where all of them are, for pictures of one shape. The error says which of them
// has other classes than the first, or that there is none.
func Concat(sets ...Dataset) (Dataset, error) {
	if len(sets) == 0 {
		return nil, errors.New("dataset.Concat: found no data set, expected at least one")
	}
	c := &concatenation{parts: slices.Clone(sets)}
	end := 0
	for i, d := range sets {
		if got, want := d.Classes(), sets[0].Classes(); !slices.Equal(got, want) {
			return nil, fmt.Errorf("dataset.Concat: data set %d: found classes %q, expected those of the first, %q", i, got, want)
		}
		end += d.Len()
		c.ends = append(c.ends, end)
	}
	return c, nil
}

// Len returns the number of samples of all parts.
func (c *concatenation) Len() int { return c.ends[len(c.ends)-1] }

// Classes returns the names of the classes, which all parts have.
func (c *concatenation) Classes() []string { return c.parts[0].Classes() }

// Sample returns the sample of the part that i falls in.
func (c *concatenation) Sample(i int, chance random.Key) (Sample, error) {
	part, at := c.find(i)
	return c.parts[part].Sample(at, chance)
}

// Batch returns a function that fills batches where all parts have one for one shape.
func (c *concatenation) Batch() (fill Fill, shape []int) {
	fills := make([]Fill, len(c.parts))
	longest := 0
	for i, part := range c.parts {
		var of []int
		if fills[i], of = batch(part); fills[i] == nil || i > 0 && !slices.Equal(of, shape) {
			return nil, nil
		}
		shape, longest = of, max(longest, part.Len())
	}
	indices := make([]int, longest) // of which a list of any one is part
	for i := range indices {
		indices[i] = i
	}
	return oneByOne(shape, func(i int) (Fill, []int) {
		part, at := c.find(i)
		return fills[part], indices[at : at+1]
	}), shape
}

// find returns the part that has sample i of the whole, and its index there.
func (c *concatenation) find(i int) (part, at int) {
	if i < 0 || i >= c.Len() {
		panic(&IndexError{Dataset: "concatenation", Index: i, Len: c.Len()})
	}
	part, _ = slices.BinarySearch(c.ends, i+1)
	if part > 0 {
		i -= c.ends[part-1]
	}
	return part, i
}
