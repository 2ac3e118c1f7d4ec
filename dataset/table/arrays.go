package table

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"

	"github.com/onehot-go/onehot/internal/memory"
)

// arrayRows is how many rows a block of arrays has.
const arrayRows = 8192

// readArrays reads arrays side by side, all with a row a sample. The columns of an array of one dimension
// are called as the array, and those of others with a dot and a number behind, from 0: "x.0". Each of several ranks
// reads a range of the blocks.
func (t *Table) readArrays(ctx context.Context, members []member, o *Options) error {
	var words [][]dictionary
	var err error
	for i := range members {
		var more [][]dictionary
		if more, err = t.readArray(ctx, &members[i], o); err != nil {
			if _, ok := err.(*CellError); !ok && members[i].name != "" {
				err = fmt.Errorf("array %.100q: %w", members[i].name, err)
			}
			break
		}
		words = append(words, more...)
	}
	if err = t.agree(err); err != nil {
		return err
	}
	if t.Rows == 0 {
		return errors.New("found no rows, a row for each sample expected")
	}
	var names []string
	for _, c := range t.Columns {
		names = append(names, c.Name)
	}
	if err := checkNames(names); err != nil {
		return err
	}
	return t.join(words, slices.Repeat([]int{maxWords}, len(names)))
}

// readArray adds the columns of an array, and returns the dictionaries of each. What they take grows with what is read.
func (t *Table) readArray(ctx context.Context, m *member, o *Options) ([][]dictionary, error) {
	a, closer, err := m.open()
	if err != nil {
		return nil, err
	}
	defer closer.Close()
	rows, width := a.rows()
	switch {
	case t.blocks != nil && rows != t.Rows:
		return nil, fmt.Errorf("found %d rows, %d expected as of the arrays before", rows, t.Rows)
	case width > maxColumns-len(t.Columns):
		return nil, fmt.Errorf("found %d columns, at most %d expected", width, maxColumns-len(t.Columns))
	}
	if err := memory.Check(float64(max(8, a.size))*float64(rows)*float64(width), "its elements"); err != nil {
		return nil, err
	}
	if t.blocks == nil {
		n := (rows + arrayRows - 1) / arrayRows
		for k := range n {
			t.add(&block{rows: min(arrayRows, rows-k*arrayRows), rank: k * t.ranks() / n})
		}
	}
	first := len(t.Columns)
	modes, dictionaries := make([]mode, width), make([][]dictionary, width)
	for i := range width {
		name := strconv.Itoa(i)
		if m.name != "" {
			name = m.name
			if len(a.shape) > 1 {
				name = fmt.Sprintf("%s.%d", m.name, i)
			}
		}
		modes[i] = o.mode(name, !a.text())
		if a.text() && modes[i] == number {
			return nil, fmt.Errorf("found texts in the column %.100q, numbers expected", name)
		}
		if modes[i] == word {
			dictionaries[i] = newDictionaries(1)
		}
		t.Columns = append(t.Columns, &Column{Name: name, at: first + i, skipped: modes[i] == skip, text: modes[i] == word})
	}
	lo, hi := rows, 0 // of this rank
	for _, b := range t.blocks {
		b.data = append(b.data, make([]data, width)...)
		if b.rank == t.rank() {
			lo, hi = min(lo, b.first), b.first+b.rows
		}
	}
	return dictionaries, a.each(min(lo, hi), hi, func(row, column int, element []byte) error {
		if row%arrayRows == 0 && column == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		b := t.blocks[row/arrayRows]
		d := &b.data[first+column]
		switch modes[column] {
		case number:
			if d.numbers == nil {
				d.numbers = make([]float64, b.rows)
			}
			v := a.number(element)
			if math.IsInf(v, 0) {
				return t.cellError(row, t.Columns[first+column], strconv.FormatFloat(v, 'g', -1, 64), "a finite number")
			}
			d.numbers[row-b.first] = v
		case word:
			if d.codes == nil {
				d.codes = make([]uint32, b.rows)
			}
			text, err := a.field(element)
			if err != nil {
				return err
			}
			if slices.Contains(t.missing, text) {
				text = ""
			}
			d.codes[row-b.first] = dictionaries[column][0].code([]byte(text), math.MaxInt32)
		}
		return nil
	})
}

// field returns an element as a text.
func (a *array) field(b []byte) (string, error) {
	if a.text() {
		return a.word(b)
	}
	return format(a.number(b)), nil
}
