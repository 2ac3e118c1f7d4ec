// Package table reads tables: CSV, TSV and other texts with a delimiter, JSONL, NPY and NPZ, plain or compressed by
// gzip or zstd. It finds how a text is written and of what kind its columns are. Fit makes the
// preparation of rows, and Features prepares them all.
package table

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"

	"github.com/onehot-go/onehot/dataset/internal/reading"
	"github.com/onehot-go/onehot/dist"
	"github.com/onehot-go/onehot/transform"
)

// maxColumns is the most columns of a table, and maxWords the most different texts of a column that are
// kept, unless its kind is known: one with more of them is ignored.
const (
	maxColumns = 1 << 17
	maxWords   = 1 << 17
)

// Options say how a table is read, where that is not to be found in it.
type Options struct {
	Encoding  string                          // one of Encodings; "" to find it
	Delimiter byte                            // 0 to find it
	Quote     byte                            // 0 to find it
	NoHeader  bool                            // the first row names no columns: these are "1", "2" and so on
	Label     string                          // a column whose values are words, whatever they look like; "" for none
	Words     []string                        // more such columns
	Lists     []string                        // columns whose values may be lists in JSONL: these are words as they are written
	Missing   []string                        // texts that are missing values in every column, beside those of transform.IsMissing
	Kinds     map[string]transform.ColumnKind // of columns, by name; those of others are found
	Columns   *transform.Columns              // of a model: the kinds are its, and columns that it does not know are not read

	// Comm has the ranks that read the table together; nil is one. Each reads a range of it, and has all rows in the end. Of a text
	// that is compressed or in another encoding than UTF-8 every rank reads all, and parses blocks in turn. What is wrong is
	// known to all ranks; it is a *dist.DiffersError if one has another table.
	Comm dist.Comm
}

// Table is a table in memory.
type Table struct {
	Name    string
	Dialect Dialect
	Columns []*Column
	Rows    int

	missing []string
	again   map[string]transform.ColumnKind // columns that are to be read again, as such
	comm    dist.Comm                       // nil for one rank
	blocks  []*block
	lines   bool // whether rows have lines
}

// Column is a column of a table.
type Column struct {
	Name    string
	Kind    transform.ColumnKind
	Why     string // what an ignored column is ignored for
	Missing int    // rows that have no value
	Layout  string // of dates

	at      int      // of the column in the blocks' data
	skipped bool     // it has no data
	text    bool     // its data are codes of words
	words   []string // sorted, of a column of texts
	many    bool     // there are more of them than are kept of a column of its kind
	cut     bool     // some were not kept: the codes of their rows are wrong
	counts  []int    // of each of words
}

// Different returns how many different texts a column has that was read as words; 0 of others.
func (c *Column) Different() int { return len(c.words) }

// block is some rows that follow each other.
type block struct {
	first int // the first row
	rows  int
	line  int     // of the first row
	lines []int32 // of each row, behind line; nil if it is one line a row
	data  []data  // a column
	rank  int     // which read it
}

// data is a column of a block: numbers, NaN where none is, or codes of words.
type data struct {
	numbers []float64
	codes   []uint32
	worker  int // whose words codes are of, until those of all are brought together
}

// CellError says what is wrong with a field of a table.
type CellError struct {
	File     string
	Line     int // from 1, or 0 where there are none
	Row      int // from 1
	Column   string
	Found    string
	Expected string
}

// Error names the file, the line, or else the row, and the column.
func (e *CellError) Error() string {
	place := fmt.Sprintf("line %d", e.Line)
	if e.Line == 0 {
		place = fmt.Sprintf("row %d", e.Row)
	}
	return fmt.Sprintf("%s: %s, column %.100q: found %.100q, %s expected", e.File, place, e.Column, e.Found, e.Expected)
}

// Open reads the table in the file at path. The error names the file, the line and what was found there, or
// is ctx's. It is a *CellError about a field: a word in a column of numbers.
func Open(ctx context.Context, path string, o Options) (*Table, error) {
	stat, err := os.Stat(path)
	if err != nil {
		return nil, reading.Named(path, err)
	}
	if !stat.Mode().IsRegular() { // opening a named pipe would wait for a writer
		return nil, fmt.Errorf("%s: found no regular file, one expected", path)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, reading.Named(path, err)
	}
	defer f.Close()
	return Read(ctx, f, stat.Size(), path, o)
}

// Read reads the table in the first size bytes of r. name stands for it in errors, and what it ends with may
// say what the table is: ".jsonl". The error is Open's.
func Read(ctx context.Context, r io.ReaderAt, size int64, name string, o Options) (*Table, error) {
	t := &Table{Name: name, comm: o.Comm}
	err := t.same(r, size)
	if err == nil {
		t, err = readOnce(ctx, r, size, name, o)
	}
	if err == nil && t.again != nil {
		maps.Copy(t.again, o.Kinds)
		o.Kinds = t.again
		t, err = readOnce(ctx, r, size, name, o)
	}
	_, ofField := err.(*CellError)
	_, ofRank := err.(*dist.RankError)
	switch {
	case ofField || ofRank: // which name the file
		return nil, err
	case err != nil:
		return nil, reading.Named(name, err)
	}
	return t, nil
}

// readOnce is Read but for columns that show their kind at the end alone, and for the name in errors.
func readOnce(ctx context.Context, r io.ReaderAt, size int64, name string, o Options) (*Table, error) {
	t := &Table{Name: name, missing: o.Missing, comm: o.Comm}
	if o.Columns != nil {
		t.missing = append(slices.Clone(o.Columns.Missing), o.Missing...)
	}
	if err := t.read(ctx, r, size, &o); err != nil {
		return nil, err
	}
	if err := t.settle(&o); err != nil {
		return nil, err
	}
	return t, ctx.Err()
}

// Column returns the column of the given name, or nil.
func (t *Table) Column(name string) *Column {
	for _, c := range t.Columns {
		if c.Name == name {
			return c
		}
	}
	return nil
}

// Fields returns the texts of a row, one for each of Columns: numbers as they are understood, and "" for what is missing, or was not
// kept.
func (t *Table) Fields(row int) []string {
	b := t.blockOf(row)
	fields := t.fields(b, row-b.first)
	for i, c := range t.Columns {
		if c.many {
			fields[i] = ""
		}
	}
	return fields
}

// fields is Fields of a row of a block.
func (t *Table) fields(b *block, row int) []string {
	fields := make([]string, len(t.Columns))
	for i, c := range t.Columns {
		switch d := &b.data[c.at]; {
		case d.numbers != nil:
			fields[i] = format(d.numbers[row])
		case d.codes != nil:
			fields[i] = c.words[d.codes[row]]
		}
	}
	return fields
}

// Line returns the line of the file that a row begins in, from 1, or 0 if the file has no lines.
func (t *Table) Line(row int) int {
	if !t.lines {
		return 0
	}
	b := t.blockOf(row)
	return b.lineOf(row - b.first)
}

// blockOf returns the block that has a row.
func (t *Table) blockOf(row int) *block {
	i, ok := slices.BinarySearchFunc(t.blocks, row, func(b *block, row int) int { return cmp.Compare(b.first, row) })
	if !ok {
		i--
	}
	return t.blocks[i]
}

func (b *block) lineOf(row int) int {
	if b.lines == nil {
		return b.line + row
	}
	return b.line + int(b.lines[row])
}

// cellError is the error of a field.
func (t *Table) cellError(row int, c *Column, found, expected string) error {
	return &CellError{File: t.Name, Line: t.Line(row), Row: row + 1, Column: c.Name, Found: found, Expected: expected}
}

// check returns an error unless the names of columns are different.
func checkNames(names []string) error {
	if len(names) > maxColumns {
		return fmt.Errorf("found %d columns, at most %d expected", len(names), maxColumns)
	}
	at := make(map[string]int, len(names))
	for i, name := range names {
		if before, again := at[name]; again {
			return fmt.Errorf("found the name %.100q for columns %d and %d, different ones expected", name, before+1, i+1)
		}
		at[name] = i
	}
	return nil
}
