package table

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"sync"
	"unsafe"

	"github.com/onehot-go/onehot/internal/memory"
	"github.com/onehot-go/onehot/internal/parallel"
	"github.com/onehot-go/onehot/transform"
)

// source is what a table is read from, after a look at its first bytes.
type source struct {
	Dialect
	text    *bufio.Reader // in UTF-8, of a text
	begin   int64         // where in the file a text begins that is read as it is written; -1 of others
	names   []string      // of the columns of a text
	sample  [][]string    // the first rows of a text
	members []member      // the arrays of NPY and NPZ
	lists   []string      // columns of JSONL that may have lists
}

// open looks at the first bytes of a table.
func open(r io.ReaderAt, size int64, name string, o *Options) (*source, error) {
	s := &source{lists: o.Lists}
	in := bufio.NewReader(io.NewSectionReader(r, 0, size))
	if start, err := in.Peek(4); err == nil && string(start) == "PK\x03\x04" {
		s.Format = "NPZ"
		s.members, err = members(r, size)
		return s, err
	}
	plain, compression, err := uncompress(in)
	if err != nil {
		return nil, err
	}
	s.Compression = compression
	if start, err := plain.Peek(len(npyMagic)); err == nil && string(start) == npyMagic {
		s.Format = "NPY"
		s.members = []member{{r: plain}}
		if compression == "" { // which can be read from any place
			s.members[0].r = io.NewSectionReader(r, 0, size)
		}
		return s, nil
	}
	if start, err := plain.Peek(len(utf8Mark)); err == nil && string(start) == utf8Mark {
		s.begin = int64(len(utf8Mark))
	}
	if s.text, s.Encoding, err = decode(plain, o.Encoding); err != nil {
		return nil, err
	}
	if compression != "" || s.Encoding != "UTF-8" {
		s.begin = -1
	}
	return s, s.look(name, o)
}

// start returns the first bytes of a text, which may be all: so many as say how it is written, and more if rows are
// long. They are still to be read.
func (s *source) start() (start []byte, whole bool, err error) {
	const enough = 3 // rows, of which the first may be a header
	start, err = peek(s.text)
	if whole = len(start) < sampled; whole || err != nil || bytes.Count(start, []byte{'\n'}) >= enough {
		return start, whole, err
	}
	start = nil
	for rows := 0; rows < enough && len(start) < enough*maxRow && !whole; {
		more, err := peek(s.text)
		if err != nil {
			return nil, false, err
		}
		rows += bytes.Count(more, []byte{'\n'})
		start = append(start, more...)
		if n, err := s.text.Discard(len(more)); err != nil || n < sampled {
			whole = true
		}
	}
	s.text = bufio.NewReaderSize(io.MultiReader(bytes.NewReader(start), s.text), sampled)
	return start, whole, nil
}

// look finds out how a text is written.
func (s *source) look(name string, o *Options) error {
	start, whole, err := s.start()
	if err != nil {
		return err
	}
	if len(bytes.TrimSpace(start)) == 0 {
		return errors.New("found an empty file, a table expected")
	}
	findDialect(&s.Dialect, o, start, whole, name)
	if s.Format == "JSONL" {
		if s.names, err = objectNames(start, whole); err != nil {
			return err
		}
		return checkNames(s.names)
	}
	if !whole {
		if end := lastEnd(start, s.Dialect); end > 0 {
			start = start[:end]
		}
	}
	s.sample = firstRows(start, s.Dialect)
	if len(s.sample) == 0 { // the first row says what is wrong
		var first scanner
		first.reset(s.Dialect, slices.Clone(start), 1)
		_, err := first.row(nil)
		return errors.Join(err, errors.New("found no row, one expected"))
	}
	if s.Header {
		s.names, s.sample = s.sample[0], s.sample[1:]
	} else {
		s.names = make([]string, len(s.sample[0]))
	}
	for i, name := range s.names {
		if name == "" {
			s.names[i] = strconv.Itoa(i + 1)
		}
	}
	return checkNames(s.names)
}

// mode is how a column is read.
type mode int

const (
	skip mode = iota
	number
	word
)

// modes returns how each column is read: as numbers if most of the first rows that have values have
// numbers, unless the options say it.
func (s *source) modes(o *Options) []mode {
	modes := make([]mode, len(s.names))
	for i, name := range s.names {
		numbers, others := 0, 0
		for _, row := range s.sample {
			switch {
			case i >= len(row) || transform.IsMissing(row[i]) || slices.Contains(o.Missing, row[i]):
			case looksNumeric(row[i]):
				numbers++
			default:
				others++
			}
		}
		modes[i] = o.mode(name, numbers > others)
	}
	return modes
}

// mode returns how the column of a name is read; numbers says that it looks like numbers.
func (o *Options) mode(name string, numbers bool) mode {
	if name == o.Label && name != "" || slices.Contains(o.Words, name) {
		return word
	}
	switch kind := o.kind(name); {
	case kind == transform.Ignored:
		return skip
	case kind == transform.Numeric || kind == "" && numbers:
		return number
	}
	return word
}

// kind returns the kind that the options give the column of a name; "" is none.
func (o *Options) kind(name string) transform.ColumnKind {
	if o.Columns == nil {
		return o.Kinds[name]
	}
	for _, c := range o.Columns.List {
		if c.Name == name {
			return c.Kind
		}
	}
	return transform.Ignored
}

// read reads the blocks of a table.
func (t *Table) read(ctx context.Context, r io.ReaderAt, size int64, o *Options) error {
	s, err := open(r, size, t.Name, o)
	if err != nil {
		return err
	}
	t.Dialect = s.Dialect
	if s.members != nil {
		return t.readArrays(ctx, s.members, o)
	}
	t.lines = true
	return t.readText(ctx, s, r, size, o)
}

// dictionary has the different texts of a column by the order in which they came.
type dictionary struct {
	codes map[string]uint32
	words []string
	bytes int // of the words, and of what finds them
	many  bool
}

// newDictionaries returns one for each of n workers.
func newDictionaries(n int) []dictionary {
	all := make([]dictionary, n)
	for i := range all {
		all[i].codes = map[string]uint32{}
	}
	return all
}

// wordBytes is about what a word takes beside its text.
const wordBytes = 64

// code returns the code of a text. Past most of them it is 0 for all that are new.
func (d *dictionary) code(text []byte, most int) uint32 {
	if code, ok := d.codes[string(text)]; ok {
		return code
	}
	if len(d.words) == most {
		d.many = true
		return 0
	}
	code := uint32(len(d.words))
	word := string(text)
	d.codes[word] = code
	d.words = append(d.words, word)
	d.bytes += len(word) + wordBytes
	return code
}

// textReader reads the rows of a text, block by block.
type textReader struct {
	t       *Table
	source  *source
	modes   []mode
	most    []int          // by column: how many different words are kept
	columns map[string]int // of JSONL
	turn    turn           // which blocks are parsed here

	splits splitter
	header bool           // whether the first block has one
	words  [][]dictionary // by column and worker
	mu     sync.Mutex     // of what is below
	next   int            // the number of the next block
	blocks []*block       // by number
	taken  float64        // bytes of the blocks, and of words
	failed int            // the number of the first block with an error
	err    error          // of it
}

// newTextReader returns what reads the text s, and adds its columns to t.
func (t *Table) newTextReader(s *source, o *Options) *textReader {
	r := &textReader{t: t, source: s, modes: s.modes(o), columns: map[string]int{}, most: make([]int, len(s.names)), turn: turn{0, 1}}
	for i, name := range s.names {
		c := &Column{Name: name, at: i, skipped: r.modes[i] == skip, text: r.modes[i] == word}
		t.Columns = append(t.Columns, c)
		r.columns[name] = i
		r.most[i] = maxWords
		if slices.Contains(o.Words, name) || o.kind(name) != "" { // groups and times may be as many as rows
			r.most[i] = math.MaxInt32
		}
	}
	return r
}

// readText reads a text in file.
func (t *Table) readText(ctx context.Context, s *source, file io.ReaderAt, size int64, o *Options) error {
	r := t.newTextReader(s, o)
	var err error
	switch {
	case t.ranks() == 1:
		err = r.run(ctx, splitter{r: s.text, d: s.Dialect, line: 1}, s.Header)
		t.add(r.blocks...)
	case s.begin >= 0:
		err = r.readRange(ctx, file, size)
	default:
		err = r.readInTurn(ctx)
	}
	if err != nil {
		return err
	}
	if t.Rows == 0 {
		return errors.New("found a header and no rows, a row for each sample expected")
	}
	return t.join(r.words, r.most)
}

// add adds blocks that have rows behind those that are there.
func (t *Table) add(blocks ...*block) {
	for _, b := range blocks {
		if b.rows > 0 {
			b.first = t.Rows
			t.Rows += b.rows
			t.blocks = append(t.blocks, b)
		}
	}
}

// run reads all rows that splits has. Blocks are read one after the other, and divided and parsed side by side.
func (r *textReader) run(ctx context.Context, splits splitter, header bool) error {
	r.splits, r.header, r.next, r.blocks, r.taken, r.failed, r.err = splits, header, 0, nil, 0, math.MaxInt, nil
	threads := parallel.Threads()
	r.words = make([][]dictionary, len(r.modes))
	for i, m := range r.modes {
		if m == word {
			r.words[i] = newDictionaries(threads)
		}
	}
	var wg sync.WaitGroup
	for w := range threads {
		wg.Go(func() { r.work(ctx, w) })
	}
	wg.Wait()
	return cmp.Or(ctx.Err(), r.err)
}

// work takes blocks until there are no more, or there is an error.
func (r *textReader) work(ctx context.Context, worker int) {
	var buffer []byte
	w := blockReader{textReader: r, worker: worker, rows: r.source.rows(r.columns)}
	for ctx.Err() == nil {
		r.mu.Lock()
		if r.err != nil {
			r.mu.Unlock()
			return
		}
		n := r.next
		r.next++
		block, line, err := r.splits.next(buffer)
		if err != nil {
			r.fail(n, err)
		}
		r.mu.Unlock()
		if err != nil || len(block) == 0 {
			return
		}
		buffer = block
		if !r.turn.has(n) {
			continue
		}
		b, err := w.read(block, line, n == 0 && r.header)
		r.mu.Lock()
		if err != nil {
			r.fail(n, err)
		} else {
			r.keep(n, b, w.grown)
		}
		r.mu.Unlock()
	}
}

// fail records the error of a block, if none of an earlier block is known.
func (r *textReader) fail(n int, err error) {
	if n < r.failed {
		r.failed, r.err = n, err
	}
}

// keep records a block, for which so many bytes of words were kept.
func (r *textReader) keep(n int, b *block, words int) {
	for len(r.blocks) <= n {
		r.blocks = append(r.blocks, &block{})
	}
	r.blocks[n] = b
	r.taken += float64(words)
	for _, d := range b.data {
		r.taken += 8*float64(len(d.numbers)) + 4*float64(len(d.codes))
	}
	if err := memory.Check(r.taken, "its rows"); err != nil {
		r.fail(n, err)
	}
}

// rows are the rows of a block.
type rows interface {
	row(fields []span) ([]span, error)
	text(f span) []byte
	begin(d Dialect, data []byte, line int)
	place() int // the line of the next row
}

func (s *scanner) begin(d Dialect, data []byte, line int) { s.reset(d, data, line) }
func (s *scanner) place() int                             { return s.line }
func (o *objects) begin(_ Dialect, data []byte, line int) { o.reset(data, line) }
func (o *objects) place() int                             { return o.line }

// rows returns what divides blocks into rows.
func (s *source) rows(columns map[string]int) rows {
	if s.Format == "JSONL" {
		o := &objects{columns: columns, lists: map[int]bool{}}
		for _, name := range s.lists {
			if i, ok := columns[name]; ok {
				o.lists[i] = true
			}
		}
		return o
	}
	return &scanner{}
}

// blockReader parses blocks.
type blockReader struct {
	*textReader
	worker int
	rows   rows
	fields []span
	lines  []int32
	grown  int // bytes of words that came for the first time in the last block
}

// read parses a block, which may begin with a header.
func (w *blockReader) read(text []byte, line int, header bool) (*block, error) {
	b := &block{line: line}
	w.rows.begin(w.source.Dialect, text, line)
	w.fields, w.lines, w.grown = w.fields[:0], w.lines[:0], 0
	width, odd := len(w.modes), false
	for {
		before := len(w.fields)
		var err error
		if w.fields, err = w.rows.row(w.fields); err != nil {
			return nil, err
		}
		n := len(w.fields) - before
		if n == 0 {
			break
		}
		if n == 1 && width > 1 && w.fields[before].lo == w.fields[before].hi { // spaces
			w.fields = w.fields[:before]
			continue
		}
		at := w.rows.place() - 1 - line // of the row's last line
		if n != width {
			as := "as in the header"
			if !w.source.Header {
				as = "as in the first row"
			}
			return nil, &lineError{line + at, fmt.Errorf("found %d columns, %d expected %s", n, width, as)}
		}
		if header {
			header = false
			w.fields = w.fields[:before]
			continue
		}
		odd = odd || at != b.rows
		w.lines = append(w.lines, int32(at))
		b.rows++
	}
	if b.rows == 0 {
		return b, nil
	}
	if odd {
		b.lines = slices.Clone(w.lines)
	}
	b.data = make([]data, width)
	var bad *CellError
	badRow := b.rows
	for c, m := range w.modes {
		switch m {
		case number:
			b.data[c].numbers = make([]float64, b.rows)
			if row, ok := w.numbers(b.data[c].numbers, c, width); !ok && row < badRow {
				badRow = row
				bad = &CellError{File: w.t.Name, Line: b.lineOf(row), Column: w.source.names[c], Found: string(w.rows.text(w.fields[row*width+c])), Expected: "a finite number"}
			}
		case word:
			b.data[c] = data{codes: make([]uint32, b.rows), worker: w.worker}
			d := &w.words[c][w.worker]
			before := d.bytes
			w.texts(b.data[c].codes, c, width)
			w.grown += d.bytes - before
		}
	}
	if bad != nil {
		return nil, bad
	}
	return b, nil
}

// numbers parses a column. ok is false at the first field that is no number and no missing value, in the
// given row.
func (w *blockReader) numbers(to []float64, column, width int) (row int, ok bool) {
	for row := range to {
		text := w.rows.text(w.fields[row*width+column])
		x, ok := parseFloat(text)
		if !ok {
			if !w.t.isMissing(unsafe.String(unsafe.SliceData(text), len(text))) {
				return row, false
			}
			x = math.NaN()
		}
		to[row] = x
	}
	return 0, true
}

// texts gives a column's texts codes.
func (w *blockReader) texts(to []uint32, column, width int) {
	d := &w.words[column][w.worker]
	for row := range to {
		text := w.rows.text(w.fields[row*width+column])
		if slices.Contains(w.t.missing, unsafe.String(unsafe.SliceData(text), len(text))) {
			text = nil
		}
		to[row] = d.code(text, w.most[column])
	}
}

// isMissing reports whether a field that is no category has no value.
func (t *Table) isMissing(field string) bool {
	return transform.IsMissing(field) || slices.Contains(t.missing, field)
}
