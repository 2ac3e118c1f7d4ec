package table

import (
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"slices"
	"unsafe"

	"github.com/onehot-go/onehot/dataset/internal/reading"
	"github.com/onehot-go/onehot/dist"
	"github.com/onehot-go/onehot/internal/memory"
)

// Several ranks read a table together. Each parses some blocks of rows, and has the words that it found there in
// dictionaries of its own. The words of all go to all ranks, then the rows.

func (t *Table) ranks() int {
	if t.comm == nil {
		return 1
	}
	return t.comm.Size()
}

func (t *Table) rank() int {
	if t.comm == nil {
		return 0
	}
	return t.comm.Rank()
}

// agree returns err, or what went wrong on another of several ranks. What is wrong with a field is the same on all.
func (t *Table) agree(err error) error {
	if t.ranks() == 1 {
		return err
	}
	bad, ok := err.(*CellError)
	if !ok && err != nil {
		err = reading.Named(t.Name, err)
	} else {
		err = nil
	}
	all, err := dist.Collect(t.comm, bad, err)
	if err != nil {
		return err
	}
	for _, bad := range all {
		if bad != nil {
			return bad
		}
	}
	return nil
}

// rangeOf returns which of the bytes from begin up to size are a rank's, from lo up to hi.
func (t *Table) rangeOf(rank int, begin, size int64) (lo, hi int64) {
	n := int64(t.ranks())
	at := func(rank int64) int64 { return begin + (size-begin)/n*rank + (size-begin)%n*rank/n }
	return at(int64(rank)), at(int64(rank) + 1)
}

// file is what a rank knows of a file: its size, and the checksums of the ranges of all ranks on rank 0, and else of
// its own.
type file struct {
	Size int64
	Sums []uint32
}

// same returns an error unless all ranks have the same bytes. Rank 0 reads all of them.
func (t *Table) same(r io.ReaderAt, size int64) error {
	if t.ranks() == 1 {
		return nil
	}
	own := file{Size: size}
	first, end := t.rank(), t.rank()+1
	if first == 0 {
		end = t.ranks()
	}
	var err error
	for rank := first; rank < end && err == nil; rank++ {
		lo, hi := t.rangeOf(rank, 0, size)
		h := crc32.New(crc32.MakeTable(crc32.Castagnoli))
		if _, err = io.Copy(h, io.NewSectionReader(r, lo, hi-lo)); err != nil {
			err = reading.Named(t.Name, err)
		}
		own.Sums = append(own.Sums, h.Sum32())
	}
	all, err := dist.Collect(t.comm, own, err)
	if err != nil {
		return err
	}
	for rank, f := range all {
		if f.Size != all[0].Size {
			return &dist.DiffersError{Rank: rank, Name: "size of the table,", Found: fmt.Sprintf("%d bytes", f.Size), Want: fmt.Sprintf("%d", all[0].Size)}
		}
		if sum := all[0].Sums[rank]; f.Sums[0] != sum {
			lo, hi := t.rangeOf(rank, 0, size)
			return &dist.DiffersError{Rank: rank, Name: fmt.Sprintf("checksum of the table's bytes %d to %d,", lo, hi), Found: fmt.Sprintf("%08x", f.Sums[0]), Want: fmt.Sprintf("%08x", sum)}
		}
	}
	return nil
}

// turn is which of the blocks of a text a rank parses that reads all of it.
type turn struct{ rank, ranks int }

func (t turn) has(block int) bool { return block%t.ranks == t.rank }

// piece is what a rank has read of a text.
type piece struct {
	From, To int64 // where in the file its rows begin and end, of a rank that reads a range
	Lines    int   // in them
	Blocks   []extent
	Wrong    *wrong
}

// extent is what there is to know of a block, beside its data.
type extent struct {
	Number, Rows, Line int
	Lines              []int32 `json:",omitempty"`
}

// wrong is what is wrong with a block: a field, or a line.
type wrong struct {
	Number int // of the block
	Cell   *CellError
	Line   int
	Text   string
}

// err returns what is wrong, so many lines further down.
func (w *wrong) err(lines int) error {
	if w.Cell != nil {
		w.Cell.Line += lines
		return w.Cell
	}
	return &lineError{w.Line + lines, errors.New(w.Text)}
}

// pieces returns what all ranks have read, when this one's reading ended with err.
func (r *textReader) pieces(from int64, err error) ([]piece, error) {
	own := piece{From: from, To: from + r.splits.at, Lines: r.splits.line - 1}
	for n, b := range r.blocks {
		if b.rows > 0 {
			own.Blocks = append(own.Blocks, extent{n, b.rows, b.line, b.lines})
		}
	}
	switch e := err.(type) {
	case nil:
	case *CellError:
		own.Wrong, err = &wrong{Number: r.failed, Cell: e}, nil
	case *lineError:
		own.Wrong, err = &wrong{Number: r.failed, Line: e.line, Text: e.err.Error()}, nil
	default:
		err = reading.Named(r.t.Name, err)
	}
	return dist.Collect(r.t.comm, own, err)
}

// blocksOf returns the blocks of a rank's piece, behind so many lines. Those of other ranks have no data yet.
func (r *textReader) blocksOf(rank int, p piece, lines int) (all []*block) {
	for _, e := range p.Blocks {
		b := &block{rows: e.Rows, line: e.Line, lines: e.Lines, data: make([]data, len(r.modes)), rank: rank}
		if rank == r.t.rank() {
			b = r.blocks[e.Number]
			b.rank = rank
		}
		b.line += lines
		all = append(all, b)
	}
	return all
}

// readRange reads the rows that begin in this rank's range of the file, those of rank 0 first. Where the first of them
// begins is a guess: a line may begin within a field. It is right if the rows of the rank before end there.
func (r *textReader) readRange(ctx context.Context, file io.ReaderAt, size int64) error {
	t, s := r.t, r.source
	lo, hi := t.rangeOf(t.rank(), s.begin, size)
	from, err := lo, error(nil)
	if lo > s.begin {
		from, err = s.rowBehind(file, lo, size)
	}
	for again := true; ; {
		if again && err == nil {
			end := max(from, hi)
			err = r.run(ctx, splitter{
				r: io.NewSectionReader(file, from, end-from), behind: io.NewSectionReader(file, end, size-end), d: s.Dialect, line: 1,
			}, s.Header && from == s.begin)
		}
		all, err := r.pieces(from, err)
		if err != nil {
			return err
		}
		bad, place, err := check(all, s.begin)
		if err != nil {
			return err
		}
		if bad < 0 {
			lines := 0
			for rank, p := range all {
				t.add(r.blocksOf(rank, p, lines)...)
				lines += p.Lines
			}
			return nil
		}
		if again = bad == t.rank(); again {
			from = place
		}
	}
}

// check returns the first rank whose rows do not begin where those of the rank before end, and that place; -1 if there is
// none. The error says what is wrong with the rows before.
func check(all []piece, begin int64) (rank int, place int64, err error) {
	place, lines := begin, 0
	for rank, p := range all {
		if p.From != place {
			return rank, place, nil
		}
		if p.Wrong != nil {
			return 0, 0, p.Wrong.err(lines)
		}
		place, lines = p.To, lines+p.Lines
	}
	return -1, 0, nil
}

// rowBehind returns where the first row begins at or behind a place, as far as it can be told from there: rows behind
// it have as many fields as the table has columns.
func (s *source) rowBehind(file io.ReaderAt, at, size int64) (int64, error) {
	const window = 1 << 20
	text := make([]byte, min(window, size-at+1))
	if n, err := file.ReadAt(text, at-1); err != nil && n < len(text) {
		return 0, unexpected(err)
	}
	first := -1
	for i := 0; ; {
		n := bytes.IndexByte(text[i:], '\n')
		if n < 0 {
			break
		}
		i += n + 1
		if first < 0 {
			first = i
		}
		if s.looksLikeRows(text[i:]) {
			first = i
			break
		}
	}
	if first >= 0 {
		return at - 1 + int64(first), nil
	}
	if int64(len(text)) == size-at+1 {
		return size, nil
	}
	return s.rowBehind(file, at+int64(len(text))-1, size)
}

// looksLikeRows reports whether a text begins with rows of the table, as far as they end in it.
func (s *source) looksLikeRows(text []byte) bool {
	const most = 8 // rows
	text = text[:min(len(text), sampled)]
	if s.Format != "CSV" || bytes.IndexByte(text, s.Quote) < 0 {
		return true
	}
	var rows scanner
	rows.reset(s.Dialect, slices.Clone(text[:lastEnd(text, s.Dialect)]), 1)
	for n := range most {
		fields, err := rows.row(nil)
		if err != nil {
			return false
		}
		if fields == nil {
			return n > 0
		}
		if len(fields) != len(s.names) {
			return false
		}
	}
	return true
}

// readInTurn reads all of the text, and parses every so many-th block.
func (r *textReader) readInTurn(ctx context.Context) error {
	t, s := r.t, r.source
	r.turn = turn{t.rank(), t.ranks()}
	all, err := r.pieces(0, r.run(ctx, splitter{r: s.text, d: s.Dialect, line: 1}, s.Header))
	if err != nil {
		return err
	}
	var first *wrong
	number := map[*block]int{}
	var blocks []*block
	for rank, p := range all {
		if w := p.Wrong; w != nil && (first == nil || w.Number < first.Number) {
			first = w
		}
		of := r.blocksOf(rank, p, 0)
		for i, b := range of {
			number[b] = p.Blocks[i].Number
		}
		blocks = append(blocks, of...)
	}
	if first != nil {
		return first.err(0)
	}
	slices.SortFunc(blocks, func(a, b *block) int { return cmp.Compare(number[a], number[b]) })
	t.add(blocks...)
	return nil
}

// shareWords adds the words of other ranks to the dictionaries of each column, behind those of this rank. It also says if there is
// no room for all rows.
func (t *Table) shareWords(words [][]dictionary) error {
	var send []byte
	taken := 0.0
	for i, c := range t.Columns {
		if c.skipped {
			continue
		}
		taken += 8 * float64(t.Rows)
		if !c.text {
			continue
		}
		var all []string
		many := byte(0)
		for _, d := range words[i] {
			all = append(all, d.words...)
			if d.many {
				many = 1
			}
		}
		slices.Sort(all)
		all = slices.Compact(all)
		send = binary.AppendUvarint(append(send, many), uint64(len(all)))
		for _, w := range all {
			send = append(binary.AppendUvarint(send, uint64(len(w))), w...)
		}
	}
	received, err := dist.Gather(t.comm, send, memory.Check(taken, "its rows"))
	if err != nil {
		return err
	}
	for rank, b := range received {
		if rank == t.rank() {
			continue
		}
		number := func() int {
			v, n := binary.Uvarint(b)
			b = b[n:]
			return int(v)
		}
		for i, c := range t.Columns {
			if !c.text {
				continue
			}
			d := dictionary{many: b[0] == 1}
			b = b[1:]
			for range number() {
				n := number()
				d.words = append(d.words, string(b[:n]))
				b = b[n:]
			}
			words[i] = append(words[i], d)
		}
	}
	return nil
}

// mostSent is about how many bytes of rows a rank sends at once, unless a column has more.
const mostSent = 64 << 20

// shareRows gives all ranks the rows that each has parsed, some columns at once.
func (t *Table) shareRows() error {
	of := make([][]*block, t.ranks())
	most := 0
	for rank := range of {
		for _, b := range t.blocks {
			if b.rank == rank {
				of[rank] = append(of[rank], b)
			}
		}
		most = max(most, rowsOf(of[rank]))
	}
	for some := range slices.Chunk(t.Columns, max(1, mostSent/(8*most))) {
		send := make([]float64, wordsOf(some)*rowsOf(of[t.rank()]))
		views(send, of[t.rank()], some, func(d *data, numbers []float64, codes []uint32) {
			copy(numbers, d.numbers)
			copy(codes, d.codes)
		})
		recv := make([][]byte, t.ranks())
		for rank := range recv {
			memory := make([]float64, wordsOf(some)*rowsOf(of[rank]))
			views(memory, of[rank], some, func(d *data, numbers []float64, codes []uint32) {
				d.numbers, d.codes = numbers, codes
			})
			recv[rank] = bytesOf(memory)
		}
		if err := t.comm.AllGather(bytesOf(send), recv); err != nil {
			return &dist.CommError{Err: err}
		}
	}
	return nil
}

// rowsOf returns how many rows blocks have.
func rowsOf(blocks []*block) (n int) {
	for _, b := range blocks {
		n += b.rows
	}
	return n
}

// wordsOf returns how many words of eight bytes a row takes in columns. Codes take one, of which they fill half.
func wordsOf(columns []*Column) (n int) {
	for _, c := range columns {
		if !c.skipped {
			n++
		}
	}
	return n
}

// views calls f for the data of every block in every column, and where in memory they are: a column after the other.
func views(memory []float64, blocks []*block, columns []*Column, f func(d *data, numbers []float64, codes []uint32)) {
	for _, c := range columns {
		if c.skipped {
			continue
		}
		for _, b := range blocks {
			numbers := memory[:b.rows:b.rows]
			memory = memory[b.rows:]
			if c.text {
				f(&b.data[c.at], nil, unsafe.Slice((*uint32)(unsafe.Pointer(&numbers[0])), b.rows))
			} else {
				f(&b.data[c.at], numbers, nil)
			}
		}
	}
}

// bytesOf returns numbers as bytes, in the same memory.
func bytesOf(v []float64) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(v))), 8*len(v))
}
