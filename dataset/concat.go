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

var (
	_ Batcher  = (*concatenation)(nil)
	_ Labelled = (*concatenation)(nil)
)

// Concat returns the samples of data sets one after the other, as one data set. It fills
// batches if all of the data sets do, with rows of one kind. The error says which data
// set has other classes than the first, or that there is none.
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

// Label returns the class of the sample of the part that i falls in.
func (c *concatenation) Label(i int) (int, error) {
	part, at := c.find(i)
	return label(c.parts[part], at)
}

// Batch returns a function that fills batches if all parts have one for one kind of row.
func (c *concatenation) Batch() (fill Fill, row Row) {
	fills := make([]Fill, len(c.parts))
	for i, part := range c.parts {
		var of Row
		if fills[i], of = batch(part); fills[i] == nil || i > 0 && !of.equal(row) {
			return nil, Row{}
		}
		row = of
	}
	return func(to Memory, indices []int, chance Chance) {
		var one [1]int // the index of a sample in its part
		for k, i := range indices {
			var part int
			part, one[0] = c.find(i)
			fills[part](to.Rows(k, k+1, row), one[:], Chance{chance.Of, chance.First + k})
		}
	}, row
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
