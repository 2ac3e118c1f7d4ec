package table

import (
	"slices"

	"github.com/onehot-go/onehot/internal/parallel"
)

// join brings the words of all workers together, and what ranks have read. words has the dictionaries of each column,
// and most how many words it may have.
func (t *Table) join(words [][]dictionary, most []int) error {
	if t.ranks() > 1 {
		if err := t.shareWords(words); err != nil {
			return err
		}
	}
	parallel.Share(len(words), 1, func(lo, hi int) {
		for i, c := range t.Columns[lo:hi] {
			if c.text {
				t.joinColumn(c, words[lo+i], most[lo+i])
			}
		}
	})
	if t.ranks() > 1 {
		if err := t.shareRows(); err != nil {
			return err
		}
	}
	for _, b := range t.blocks {
		for _, c := range t.Columns {
			for _, code := range b.data[c.at].codes {
				c.counts[code]++
			}
		}
	}
	return nil
}

// joinColumn sorts the words of a column, and makes its codes in the blocks of this rank those of the sorted words.
func (t *Table) joinColumn(c *Column, dictionaries []dictionary, most int) {
	var all []string
	for _, d := range dictionaries {
		all = append(all, d.words...)
		c.cut = c.cut || d.many
	}
	slices.Sort(all)
	c.words = slices.Clip(slices.Compact(all))
	c.many = c.cut || len(c.words) > most
	c.counts = make([]int, len(c.words))
	codes := make([][]uint32, len(dictionaries)) // of all, by dictionary and its own code
	for w, d := range dictionaries {
		for _, word := range d.words {
			i, _ := slices.BinarySearch(c.words, word)
			codes[w] = append(codes[w], uint32(i))
		}
	}
	for _, b := range t.blocks {
		d := &b.data[c.at]
		for row, code := range d.codes {
			d.codes[row] = codes[d.worker][code]
		}
	}
}
