package table

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/klauspost/compress/zstd"

	"github.com/onehot-go/onehot/dataset/files"
	"github.com/onehot-go/onehot/transform"
)

// Dialect is how the text of a table is written.
type Dialect struct {
	Format      string // "CSV", "JSONL", "NPY" or "NPZ"; what separates fields makes no difference
	Compression string // "gzip", "zstd" or ""
	Encoding    string // "UTF-8", "UTF-16LE", "UTF-16BE" or "Latin-1" of a text
	Delimiter   byte   // of CSV
	Quote       byte   // of CSV
	Header      bool   // whether the first row of CSV names the columns
}

// String says what the dialect is: "CSV with semicolons, a header, Latin-1, gzip".
func (d Dialect) String() string {
	said := []string{d.Format}
	if d.Format == "CSV" {
		names := map[byte]string{',': "commas", ';': "semicolons", '\t': "tabs", '|': "bars", ' ': "spaces"}
		name, ok := names[d.Delimiter]
		if !ok {
			name = fmt.Sprintf("%q", d.Delimiter)
		}
		said[0] += " with " + name
		if d.Quote == '\'' {
			said = append(said, "single quotes")
		}
		if d.Header {
			said = append(said, "a header")
		} else {
			said = append(said, "no header")
		}
	}
	if d.Encoding != "" {
		said = append(said, d.Encoding)
	}
	if d.Compression != "" {
		said = append(said, d.Compression)
	}
	return strings.Join(said, ", ")
}

// Encodings has the names of the encodings that are read.
var Encodings = []string{"UTF-8", "UTF-16LE", "UTF-16BE", "Latin-1"}

// sampled is how many bytes of a text say how it is written.
const sampled = 64 << 10

// utf8Mark is what a text in UTF-8 may begin with.
const utf8Mark = "\xef\xbb\xbf"

// maxWindow is the most memory that a zstd stream may ask for.
const maxWindow = 128 << 20

// uncompress returns what r has, and how it was compressed.
func uncompress(r io.Reader) (plain *bufio.Reader, compression string, err error) {
	b := bufio.NewReaderSize(r, sampled)
	start, err := b.Peek(4)
	if err != nil && err != io.EOF {
		return nil, "", err
	}
	switch {
	case bytes.HasPrefix(start, []byte{0x1f, 0x8b}):
		z, err := gzip.NewReader(b)
		if err != nil {
			return nil, "", fmt.Errorf("gzip header: %w", err)
		}
		return bufio.NewReaderSize(z, sampled), "gzip", nil
	case bytes.HasPrefix(start, []byte{0x28, 0xb5, 0x2f, 0xfd}):
		z, err := zstd.NewReader(b, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(maxWindow))
		if err != nil {
			return nil, "", fmt.Errorf("zstd header: %w", err)
		}
		return bufio.NewReaderSize(z, sampled), "zstd", nil
	}
	return b, "", nil
}

// peek returns the first bytes of r, so many as say how a text is written.
func peek(r *bufio.Reader) ([]byte, error) {
	start, err := r.Peek(sampled)
	if err == io.EOF {
		err = nil
	}
	return start, err
}

// decode returns the text that r has in UTF-8, without a mark. encoding is its name, or "" to find it.
func decode(r *bufio.Reader, encoding string) (*bufio.Reader, string, error) {
	start, err := peek(r)
	if err != nil {
		return nil, "", err
	}
	mark := 0
	switch {
	case bytes.HasPrefix(start, []byte(utf8Mark)):
		mark = len(utf8Mark)
		if encoding == "" {
			encoding = "UTF-8"
		}
	case bytes.HasPrefix(start, []byte("\xff\xfe")):
		mark = 2
		if encoding == "" {
			encoding = "UTF-16LE"
		}
	case bytes.HasPrefix(start, []byte("\xfe\xff")):
		mark = 2
		if encoding == "" {
			encoding = "UTF-16BE"
		}
	case encoding == "":
		encoding = guessEncoding(start)
	}
	if _, err := r.Discard(mark); err != nil {
		return nil, "", err
	}
	switch encoding {
	case "UTF-8":
		return r, encoding, nil
	case "UTF-16LE", "UTF-16BE":
		return bufio.NewReaderSize(&utf16Reader{r: r, big: encoding == "UTF-16BE"}, sampled), encoding, nil
	case "Latin-1":
		return bufio.NewReaderSize(&latin1Reader{r: r}, sampled), encoding, nil
	}
	return nil, "", fmt.Errorf("found the encoding %q, one of %s expected", encoding, strings.Join(Encodings, ", "))
}

// guessEncoding returns the encoding of a text that begins without a mark: UTF-16 where every other
// byte is mostly 0, UTF-8 where that is valid, and else Latin-1, which takes everything.
func guessEncoding(start []byte) string {
	var zeros [2]int
	for i, c := range start {
		if c == 0 {
			zeros[i%2]++
		}
	}
	switch half := len(start) / 2; {
	case half > 0 && zeros[1] > half/2 && zeros[0] < half/10+1:
		return "UTF-16LE"
	case half > 0 && zeros[0] > half/2 && zeros[1] < half/10+1:
		return "UTF-16BE"
	}
	for len(start) > 0 {
		r, size := utf8.DecodeRune(start)
		if r == utf8.RuneError && size == 1 {
			if len(start) < utf8.UTFMax && !utf8.FullRune(start) { // cut in the middle
				return "UTF-8"
			}
			return "Latin-1"
		}
		start = start[size:]
	}
	return "UTF-8"
}

// latin1Reader reads Latin-1 as UTF-8.
type latin1Reader struct {
	r    io.Reader
	in   [4 << 10]byte
	out  []byte // not yet given
	room [8 << 10]byte
	err  error
}

func (l *latin1Reader) Read(p []byte) (int, error) {
	for len(l.out) == 0 {
		if l.err != nil {
			return 0, l.err
		}
		var n int
		n, l.err = l.r.Read(l.in[:])
		l.out = l.room[:0]
		for _, c := range l.in[:n] {
			l.out = utf8.AppendRune(l.out, rune(c))
		}
	}
	n := copy(p, l.out)
	l.out = l.out[n:]
	return n, nil
}

// utf16Reader reads UTF-16 as UTF-8.
type utf16Reader struct {
	r    *bufio.Reader
	big  bool
	out  []byte // not yet given
	room [8 << 10]byte
	err  error
}

func (u *utf16Reader) Read(p []byte) (int, error) {
	if len(u.out) == 0 && u.err == nil {
		u.out = u.room[:0]
		for len(u.out) < len(u.room)-2*utf8.UTFMax {
			var r rune
			if r, u.err = u.rune(); u.err != nil {
				break
			}
			u.out = utf8.AppendRune(u.out, r)
		}
	}
	if len(u.out) == 0 {
		return 0, u.err
	}
	n := copy(p, u.out)
	u.out = u.out[n:]
	return n, nil
}

// rune reads a character: one unit, or two that are a pair.
func (u *utf16Reader) rune() (rune, error) {
	first, err := u.unit()
	if err != nil || first < 0xd800 || first >= 0xe000 {
		return first, err
	}
	second, err := u.unit()
	if err == nil && (first >= 0xdc00 || second < 0xdc00 || second >= 0xe000) {
		err = fmt.Errorf("found %#x behind %#x, UTF-16 expected", second, first)
	}
	return (first-0xd800)<<10 + (second - 0xdc00) + 0x10000, unexpected(err)
}

func (u *utf16Reader) unit() (rune, error) {
	var b [2]byte
	if _, err := io.ReadFull(u.r, b[:]); err != nil {
		return 0, err
	}
	if u.big {
		b[0], b[1] = b[1], b[0]
	}
	return rune(b[0]) | rune(b[1])<<8, nil
}

// unexpected makes an end in the middle an error.
func unexpected(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

// delimiters are what may separate fields, the likelier first.
const delimiters = ",;\t|"

// findDialect completes d by the first bytes of a text in UTF-8, which may be the whole text, and by the file's
// name.
func findDialect(d *Dialect, o *Options, start []byte, whole bool, name string) {
	ext := files.Extension(name)
	for _, compressed := range []string{".gz", ".zst"} {
		if ext == compressed {
			ext = files.Extension(strings.TrimSuffix(name, name[len(name)-len(compressed):]))
		}
	}
	if first := bytes.TrimSpace(start); ext == ".jsonl" || ext == ".ndjson" || len(first) > 0 && first[0] == '{' {
		d.Format = "JSONL"
		return
	}
	d.Format = "CSV"
	if !whole {
		if end := bytes.LastIndexByte(start, '\n'); end >= 0 { // the last row may be cut
			start = start[:end+1]
		}
	}
	if d.Quote = o.Quote; d.Quote == 0 {
		d.Quote = '"'
		if bytes.IndexByte(start, '"') < 0 && quoted(start, '\'') {
			d.Quote = '\''
		}
	}
	if d.Delimiter = o.Delimiter; d.Delimiter == 0 {
		d.Delimiter = findDelimiter(start, d.Quote, o.Label, ext == ".tsv" || ext == ".tab")
	}
	d.Header = !o.NoHeader && hasHeader(start, *d, o)
}

// quoted reports whether a text has several fields between such quotes.
func quoted(text []byte, quote byte) bool {
	begin, end := 0, 0
	for _, c := range delimiters + "\n" {
		begin += bytes.Count(text, []byte{byte(c), quote})
		end += bytes.Count(text, []byte{quote, byte(c)})
	}
	return begin >= 2 && end >= 2
}

// findDelimiter returns what separates the fields of a text: that which divides most of its rows into one
// number of fields, more than one, and among equals that of the most fields.
func findDelimiter(text []byte, quote byte, label string, tabs bool) byte {
	best, bestScore := byte(','), 0.0
	if tabs {
		best = '\t'
	}
	for i := range len(delimiters) {
		rows := firstRows(text, Dialect{Delimiter: delimiters[i], Quote: quote})
		counts := map[int]int{}
		for _, row := range rows {
			counts[len(row)]++
		}
		fields, same := 0, 0
		for n, rows := range counts {
			if rows > same || rows == same && n > fields {
				fields, same = n, rows
			}
		}
		if fields < 2 {
			continue
		}
		score := float64(same)/float64(len(rows)) + min(0.2, float64(fields)/1000) + 0.05*math.Exp(-float64(i))
		if label != "" && slices.Contains(rows[0], label) {
			score += 2
		}
		if delimiters[i] == '\t' && tabs {
			score++
		}
		if score > bestScore {
			best, bestScore = delimiters[i], score
		}
	}
	return best
}

// firstRows returns the first rows of a text, as far as they can be read.
func firstRows(text []byte, d Dialect) (rows [][]string) {
	const most = 100
	var s scanner
	s.reset(d, slices.Clone(text), 1)
	for len(rows) < most {
		row, err := s.row(nil)
		if err != nil || row == nil {
			break
		}
		fields := make([]string, len(row))
		for i, f := range row {
			fields[i] = string(s.text(f))
		}
		rows = append(rows, fields)
	}
	return rows
}

// hasHeader reports whether the first row names columns: it has the column of labels, or no field that is
// a number or stands for none, and none twice.
func hasHeader(text []byte, d Dialect, o *Options) bool {
	rows := firstRows(text, d)
	if len(rows) == 0 {
		return true
	}
	first := rows[0]
	if o.Label != "" && slices.Contains(first, o.Label) {
		return true
	}
	for i, f := range first {
		if f == "" && i > 0 || f != "" && (looksNumeric(f) || transform.IsMissing(f)) {
			return false
		}
	}
	return true
}
