package pixels

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"time"

	"github.com/onehot-go/onehot/internal/atomicfile"
)

// A kept file has rows of pixels, the index, and at its end a trailer:
//
//	16 bytes  magic
//	 8        where the index begins
//	 8        its length
//	32        its SHA-256
//
// The index says what was read, which steps made the rows, how large these are, and the facts
// of every content, one after the other. Numbers are little-endian.
const (
	keptMagic   = "onehot pixels 1\n"
	keptTrailer = len(keptMagic) + 8 + 8 + sha256.Size
	keptSuffix  = ".pixels"
)

// maxIndex is the most bytes of an index that are read.
const maxIndex = 1 << 30

// kept is a file of pixels, locked so that nobody removes it.
type kept struct {
	file  *os.File
	root  string // of the list that was read
	steps string // saved
	shape [3]int
	rows  int
	facts []Facts
	row   []int                     // by facts: -1 of what is no picture
	of    map[[sha256.Size]byte]int // index of facts by the file's hash
}

// openKept opens the file at path. The error is errBusy if it is being removed, and
// errDamaged if it is not what writeKept wrote.
func openKept(path string) (*kept, error) {
	f, err := lock(path, false)
	if err != nil {
		return nil, err
	}
	k := &kept{file: f}
	if err := k.readIndex(); err != nil {
		f.Close()
		return nil, err
	}
	return k, nil
}

var errDamaged = errors.New("damaged")

func (k *kept) readIndex() error {
	stat, err := k.file.Stat()
	if err != nil {
		return err
	}
	trailer := make([]byte, keptTrailer)
	if _, err := k.file.ReadAt(trailer, stat.Size()-int64(keptTrailer)); err != nil || !bytes.HasPrefix(trailer, []byte(keptMagic)) {
		return errDamaged
	}
	r := &reader{b: trailer[len(keptMagic):]}
	begin, length := r.number(8), r.number(8)
	if length > maxIndex || begin > uint64(stat.Size()) || begin+length+uint64(keptTrailer) != uint64(stat.Size()) {
		return errDamaged
	}
	index := make([]byte, length)
	if _, err := k.file.ReadAt(index, int64(begin)); err != nil {
		return err
	}
	if sha256.Sum256(index) != [sha256.Size]byte(r.bytes(sha256.Size)) {
		return errDamaged
	}
	r = &reader{b: index}
	k.root, k.steps = string(r.bytes(r.number(4))), string(r.bytes(r.number(4)))
	area := uint64(1)
	for i := range k.shape {
		side := r.number(2)
		k.shape[i] = int(side)
		area *= side
	}
	rows, n := r.number(8), r.number(8)
	if r.ended || area == 0 || begin%area != 0 || begin/area != rows || n > length/leastFacts {
		return errDamaged
	}
	k.rows = int(rows)
	k.facts, k.row, k.of = make([]Facts, n), make([]int, n), make(map[[sha256.Size]byte]int, n)
	for i := range k.facts {
		k.facts[i], k.row[i] = r.facts()
		if k.row[i] >= k.rows {
			return errDamaged
		}
		k.of[k.facts[i].SHA256] = i
	}
	if r.ended || len(r.b) > 0 {
		return errDamaged
	}
	return nil
}

// size returns the number of bytes of a row.
func (k *kept) size() int { return k.shape[0] * k.shape[1] * k.shape[2] }

// copyRow reads a row.
func (k *kept) copyRow(to []byte, row int) error {
	_, err := k.file.ReadAt(to, int64(row)*int64(len(to)))
	return err
}

// used notes that the file is in use now. Nothing but the order of removal hangs on it.
func (k *kept) used() {
	now := time.Now()
	_ = os.Chtimes(k.file.Name(), now, now)
}

// keptWriter writes the content of a kept file.
type keptWriter struct {
	w     io.Writer
	rows  int
	facts []Facts
	row   []int
	of    map[[sha256.Size]byte]int
}

// add adds the facts of a content, and its pixels unless they are nil.
func (w *keptWriter) add(f Facts, pixels []byte) error {
	row := -1
	if pixels != nil {
		row = w.rows
		w.rows++
	}
	w.of[f.SHA256] = len(w.facts)
	w.facts, w.row = append(w.facts, f), append(w.row, row)
	_, err := w.w.Write(pixels)
	return err
}

// writeKept writes a file of pixels to path, whole or not at all; write adds what is in it.
func writeKept(path, root, steps string, shape [3]int, write func(*keptWriter) error) error {
	return atomicfile.Write(path, func(to io.Writer) error {
		w := &keptWriter{w: to, of: map[[sha256.Size]byte]int{}}
		if err := write(w); err != nil {
			return err
		}
		index := w.index(root, steps, shape)
		if len(index) > maxIndex {
			return fmt.Errorf("%d pictures are too many for one file", len(w.facts))
		}
		if _, err := to.Write(index); err != nil {
			return err
		}
		_, err := to.Write(trailer(index, w.rows*shape[0]*shape[1]*shape[2]))
		return err
	})
}

// index returns the index of what was added.
func (w *keptWriter) index(root, steps string, shape [3]int) []byte {
	var b []byte
	for _, s := range []string{root, steps} {
		b = append(binary.LittleEndian.AppendUint32(b, uint32(len(s))), s...)
	}
	for _, side := range shape {
		b = binary.LittleEndian.AppendUint16(b, uint16(side))
	}
	b = binary.LittleEndian.AppendUint64(b, uint64(w.rows))
	b = binary.LittleEndian.AppendUint64(b, uint64(len(w.facts)))
	for i := range w.facts {
		b = appendFacts(b, &w.facts[i], w.row[i])
	}
	return b
}

// trailer returns the trailer of a file whose index stands behind so many bytes.
func trailer(index []byte, before int) []byte {
	b := binary.LittleEndian.AppendUint64([]byte(keptMagic), uint64(before))
	b = binary.LittleEndian.AppendUint64(b, uint64(len(index)))
	sum := sha256.Sum256(index)
	return append(b, sum[:]...)
}

// formats are those of Facts.Format; a file has their places.
var formats = []string{"", "png", "jpeg", "gif", "webp", "bmp", "tiff"}

// leastFacts is the fewest bytes that facts take in an index, and maxErr the most bytes of
// an error that are kept.
const (
	leastFacts = sha256.Size + 16 + 8 + 8 + 4 + 4 + 1 + 1 + 1 + 2
	maxErr     = 1000
)

// appendFacts appends the form of f that an index has.
func appendFacts(b []byte, f *Facts, row int) []byte {
	b = append(append(b, f.SHA256[:]...), f.Pixels[:]...)
	b = binary.LittleEndian.AppendUint64(b, f.Hash)
	b = binary.LittleEndian.AppendUint64(b, uint64(row+1))
	b = binary.LittleEndian.AppendUint32(b, uint32(f.Width))
	b = binary.LittleEndian.AppendUint32(b, uint32(f.Height))
	flags := byte(0)
	for i, set := range []bool{f.Animated, f.Transparent, f.Deep, f.CMYK, f.Grey} {
		if set {
			flags |= 1 << i
		}
	}
	format := byte(0)
	for i, name := range formats {
		if name == f.Format {
			format = byte(i)
		}
	}
	b = append(b, flags, format, byte(f.Orientation))
	b = binary.LittleEndian.AppendUint16(b, uint16(len(f.Err)))
	return append(b, f.Err...)
}

// reader reads numbers and bytes. Beyond the end everything is 0, and ended is set.
type reader struct {
	b     []byte
	ended bool
}

// bytes returns the next n bytes; beyond the end none.
func (r *reader) bytes(n uint64) []byte {
	if n > uint64(len(r.b)) {
		r.b, r.ended = nil, true
		return nil
	}
	b := r.b[:n]
	r.b = r.b[n:]
	return b
}

// number returns the number that the next n bytes are, 8 at most.
func (r *reader) number(n int) uint64 {
	var b [8]byte
	copy(b[:], r.bytes(uint64(n)))
	return binary.LittleEndian.Uint64(b[:])
}

// facts reads what appendFacts wrote.
func (r *reader) facts() (f Facts, row int) {
	copy(f.SHA256[:], r.bytes(sha256.Size))
	copy(f.Pixels[:], r.bytes(16))
	f.Hash = r.number(8)
	row = int(min(r.number(8), math.MaxInt)) - 1
	f.Width, f.Height = int(r.number(4)), int(r.number(4))
	flags, format := r.number(1), r.number(1)
	f.Animated, f.Transparent, f.Deep, f.CMYK, f.Grey = flags&1 != 0, flags&2 != 0, flags&4 != 0, flags&8 != 0, flags&16 != 0
	if format < uint64(len(formats)) {
		f.Format = formats[format]
	}
	f.Orientation = int(r.number(1))
	f.Err = string(r.bytes(r.number(2)))
	return f, row
}
