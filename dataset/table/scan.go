package table

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"unicode/utf8"
)

// The most bytes of a row, and how many a block of rows has if its rows are not longer.
const (
	maxRow    = 16 << 20
	blockSize = 1 << 20
)

// span is a field: the bytes from lo up to hi of a scanner's data.
type span struct{ lo, hi uint32 }

// scanner divides a block of rows into fields. It writes to the block.
type scanner struct {
	d    Dialect
	data []byte
	at   int // of the next row
	line int // of the next row
}

// reset makes s read a block whose first row is in the given line.
func (s *scanner) reset(d Dialect, data []byte, line int) {
	s.d, s.data, s.at, s.line = d, data, 0, line
}

// text returns a field, without the spaces around it.
func (s *scanner) text(f span) []byte { return s.data[f.lo:f.hi] }

// lineError is an error about a line of a file.
type lineError struct {
	line int
	err  error
}

func (e *lineError) Error() string { return fmt.Sprintf("line %d: %v", e.line, e.err) }
func (e *lineError) Unwrap() error { return e.err }

var errOpen = errors.New("found a quoted field that nothing ends, a quote expected")

// row appends the fields of the next row that is not blank to fields; s.line is that of the row behind it. It
// returns fields as they were where there is no more.
func (s *scanner) row(fields []span) ([]span, error) {
	for s.at < len(s.data) && (s.data[s.at] == '\n' || s.data[s.at] == '\r') {
		if s.data[s.at] == '\n' {
			s.line++
		}
		s.at++
	}
	if s.at >= len(s.data) {
		return fields, nil
	}
	data, delimiter, quote := s.data, s.d.Delimiter, s.d.Quote
	line, i := s.line, s.at
	for {
		lo := i
		for i < len(data) && data[i] == ' ' {
			i++
		}
		if i < len(data) && data[i] == quote {
			field, next, err := s.quoted(i + 1)
			if err != nil {
				return fields, &lineError{line, err}
			}
			fields, i = append(fields, field), next
		} else {
			for i < len(data) && data[i] != delimiter && data[i] != '\n' {
				i++
			}
			fields = append(fields, trimmed(data, lo, i))
		}
		if i >= len(data) {
			s.at, s.line = i, s.line+1
			return fields, nil
		}
		i++
		if data[i-1] == '\n' {
			s.at, s.line = i, s.line+1
			return fields, nil
		}
	}
}

// trimmed returns the bytes from lo up to hi of data without the spaces around them.
func trimmed(data []byte, lo, hi int) span {
	for lo < hi && isSpace(data[lo]) {
		lo++
	}
	for lo < hi && isSpace(data[hi-1]) {
		hi--
	}
	return span{uint32(lo), uint32(hi)}
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\r' || c == '\n' }

// quoted reads the field that begins behind a quote, at i, and returns it and the place of the
// delimiter or the end of the line behind it.
func (s *scanner) quoted(i int) (field span, next int, err error) {
	data, quote := s.data, s.d.Quote
	lo, to := i, i // what is read is moved to the left where quotes are doubled
	for {
		n := bytes.IndexByte(data[i:], quote)
		if n < 0 {
			return span{}, 0, errOpen
		}
		s.line += bytes.Count(data[i:i+n], []byte{'\n'})
		if to != i {
			copy(data[to:], data[i:i+n])
		}
		to, i = to+n, i+n+1
		if i >= len(data) || data[i] != quote {
			break
		}
		data[to] = quote
		to, i = to+1, i+1
	}
	for i < len(data) && data[i] != s.d.Delimiter && data[i] != '\n' {
		if !isSpace(data[i]) {
			return span{}, 0, fmt.Errorf("found %.20q behind a quoted field, %q or the end of the line expected", data[i:min(i+20, len(data))], s.d.Delimiter)
		}
		i++
	}
	return trimmed(data, lo, to), i, nil
}

// rowEnd returns the place behind the row that begins at i, and -1 if the row does not end in data.
func rowEnd(data []byte, i int, d Dialect) int {
	for i < len(data) {
		for i < len(data) && data[i] == ' ' {
			i++
		}
		if i < len(data) && data[i] == d.Quote {
			for i++; ; i += 2 {
				n := bytes.IndexByte(data[i:], d.Quote)
				if n < 0 {
					return -1
				}
				if i += n; i+1 >= len(data) || data[i+1] != d.Quote {
					break
				}
			}
		}
		for i < len(data) && data[i] != d.Delimiter && data[i] != '\n' {
			i++
		}
		if i < len(data) {
			i++
			if data[i-1] == '\n' {
				return i
			}
		}
	}
	return -1
}

// lastEnd returns the place behind the last row that ends in data, whose first row begins at 0; 0
// for none.
func lastEnd(data []byte, d Dialect) int {
	if d.Format != "CSV" || bytes.IndexByte(data, d.Quote) < 0 {
		return bytes.LastIndexByte(data, '\n') + 1
	}
	end := 0
	for {
		n := bytes.IndexByte(data[end:], '\n')
		if n < 0 {
			return end
		}
		if bytes.IndexByte(data[end:end+n], d.Quote) < 0 {
			end += n + 1
			continue
		}
		next := rowEnd(data, end, d)
		if next < 0 {
			return end
		}
		end = next
	}
}

// splitter divides a text into blocks of whole rows.
type splitter struct {
	r      io.Reader
	behind io.Reader // what goes on behind r, of which the end of the last row is part; nil for nothing
	d      Dialect
	rest   []byte // behind the last block
	line   int    // of the next block
	at     int64  // bytes of all blocks
	end    bool
}

// next returns the next block, in the memory of buffer if that is large enough, and its first line. The block is empty
// at the end.
func (s *splitter) next(buffer []byte) (block []byte, line int, err error) {
	block = append(buffer[:0], s.rest...)
	s.rest = s.rest[:0]
	size := blockSize
	for {
		if cap(block) < size {
			block = append(make([]byte, 0, size), block...)
		}
		for !s.end && len(block) < size {
			n, err := s.r.Read(block[len(block):size])
			block = block[:len(block)+n]
			if err == io.EOF {
				s.end = true
			} else if err != nil {
				return nil, 0, err
			}
		}
		end := len(block)
		if !s.end || s.behind != nil {
			end = lastEnd(block, s.d)
		}
		if s.end && end < len(block) {
			if block, err = s.complete(block, end); err != nil {
				return nil, 0, err
			}
			end = len(block)
		}
		if end == 0 && !s.end {
			if size *= 2; size > maxRow {
				return nil, 0, &lineError{s.line, errLong}
			}
			continue
		}
		s.rest = append(s.rest, block[end:]...)
		block, line = block[:end], s.line
		s.line += bytes.Count(block, []byte{'\n'})
		s.at += int64(len(block))
		if !utf8.Valid(block) {
			return nil, 0, notUTF8(block, line)
		}
		return block, line, nil
	}
}

var errLong = fmt.Errorf("found a row of more than %d bytes, at most that expected; a quoted field may lack its end", maxRow/2)

// complete returns the last block with all of its last row, which begins at the given place.
func (s *splitter) complete(block []byte, row int) ([]byte, error) {
	for n := sampled; ; n *= 2 {
		before := len(block)
		block = slices.Grow(block, n)
		k, err := io.ReadFull(s.behind, block[before:before+n])
		block = block[:before+k]
		if end := firstEnd(block, row, s.d); end >= 0 {
			return block[:end], nil
		}
		switch {
		case err == io.EOF || err == io.ErrUnexpectedEOF:
			return block, nil
		case err != nil:
			return nil, err
		case len(block)-row > maxRow/2:
			return nil, &lineError{s.line + bytes.Count(block[:row], []byte{'\n'}), errLong}
		}
	}
}

// firstEnd returns the place behind the row that begins at i, and -1 if the row does not end in data.
func firstEnd(data []byte, i int, d Dialect) int {
	if d.Format == "CSV" {
		return rowEnd(data, i, d)
	}
	if n := bytes.IndexByte(data[i:], '\n'); n >= 0 {
		return i + n + 1
	}
	return -1
}

// notUTF8 is the error of a block that is not valid UTF-8.
func notUTF8(block []byte, line int) error {
	at := 0
	for {
		r, size := utf8.DecodeRune(block[at:])
		if r == utf8.RuneError && size <= 1 {
			return &lineError{line + bytes.Count(block[:at], []byte{'\n'}), fmt.Errorf("found the byte 0x%02x, UTF-8 expected; the encoding may be Latin-1", block[at])}
		}
		at += size
	}
}
