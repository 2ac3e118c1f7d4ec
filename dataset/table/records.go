package table

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"

	"github.com/onehot-go/onehot/dataset/internal/reading"
)

// Records are the rows of a table as texts, one after the other.
type Records struct {
	Names   []string // of the columns
	Dialect Dialect

	name   string
	source *source
	array  *Table // of NPY and NPZ, which is read at once
}

// Record is a row.
type Record struct {
	Row    int      // from 1
	Line   int      // of the file, or 0 where there are no lines
	Fields []string // one a column, without spaces around them; nil if there is an Err
	Err    error    // about this row alone: more or fewer fields than there are columns
}

// NewRecords returns the rows of the table in the first size bytes of r. name stands for it in errors.
func NewRecords(ctx context.Context, r io.ReaderAt, size int64, name string, o Options) (*Records, error) {
	s, err := open(r, size, name, &o)
	if err != nil {
		return nil, reading.Named(name, err)
	}
	records := &Records{Names: s.names, Dialect: s.Dialect, name: name, source: s}
	if s.members == nil {
		return records, nil
	}
	if records.array, err = Read(ctx, r, size, name, o); err != nil {
		return nil, err
	}
	for _, c := range records.array.Columns {
		records.Names = append(records.Names, c.Name)
	}
	return records, nil
}

// All yields the rows, once. The error is about the file, and ends the sequence; or it is ctx's.
func (r *Records) All(ctx context.Context) iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		all := r.lines
		if r.array != nil {
			all = r.elements
		}
		err := all(ctx, func(record Record) bool { return yield(record, nil) })
		if err != nil && !errors.Is(err, errStopped) {
			yield(Record{}, reading.Named(r.name, err))
		}
	}
}

// errStopped says that nobody wants more rows.
var errStopped = errors.New("stopped")

// lines yields the rows of a text.
func (r *Records) lines(ctx context.Context, yield func(Record) bool) error {
	columns := map[string]int{}
	for i, name := range r.Names {
		columns[name] = i
	}
	splits := splitter{r: r.source.text, d: r.source.Dialect, line: 1}
	rows := r.source.rows(columns)
	header, n := r.source.Header, 0
	var buffer []byte
	var fields []span
	for {
		block, line, err := splits.next(buffer)
		if err != nil || len(block) == 0 {
			return err
		}
		buffer = block
		rows.begin(r.source.Dialect, block, line)
		for {
			if err := ctx.Err(); err != nil {
				return err
			}
			if fields, err = rows.row(fields[:0]); err != nil {
				return err
			}
			if len(fields) == 0 {
				break
			}
			if len(fields) == 1 && len(r.Names) > 1 && fields[0].lo == fields[0].hi {
				continue
			}
			if header {
				header = false
				continue
			}
			n++
			record := Record{Row: n, Line: rows.place() - 1}
			if len(fields) != len(r.Names) {
				record.Err = fmt.Errorf("line %d: found %d columns, %d expected", record.Line, len(fields), len(r.Names))
			} else {
				for _, f := range fields {
					record.Fields = append(record.Fields, string(rows.text(f)))
				}
			}
			if !yield(record) {
				return errStopped
			}
		}
	}
}

// elements yields the rows of arrays.
func (r *Records) elements(ctx context.Context, yield func(Record) bool) error {
	for _, b := range r.array.blocks {
		for row := range b.rows {
			if err := ctx.Err(); err != nil {
				return err
			}
			if !yield(Record{Row: b.first + row + 1, Fields: r.array.fields(b, row)}) {
				return errStopped
			}
		}
	}
	return nil
}
