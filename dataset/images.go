package dataset

import (
	"fmt"
	"image"
	"math"
	"sync"

	"github.com/onehot-go/onehot/fault"
	"github.com/onehot-go/onehot/internal/kernel"
	"github.com/onehot-go/onehot/random"
	"github.com/onehot-go/onehot/transform"
)

// Images is a data set of images of one size, grey or colour, held in memory or in a mapped file.
// Its fields must not be changed while its methods, or a Fill that it gave, are at work.
type Images struct {
	Name       string // "fashion-mnist"
	Split      Split
	ClassNames []string

	Channels      int // 1, grey, or 3: red, green and blue; 0 stands for 1
	Height, Width int
	Pixels        []byte // (rows, Channels, Height, Width), 0 is black
	// Rows (N) says which row of Pixels each sample's image is. Data sets that are parts of
	// one whole share its Pixels so. With nil the samples are the rows, one after the other.
	Rows   []int
	Labels []int    // (N), indices of ClassNames
	Names  []string // (N), the file of each sample, for reports; nil if there are none

	// Transform is applied to every picture that Sample returns; nil leaves it the image
	// that it is.
	Transform transform.Transform
	// TargetTransform, if not nil, makes the label of a sample of the one in Labels. It
	// is called from several goroutines at once.
	TargetTransform func(int) int

	Files []File // what it was read from
}

// File records a file that a data set was read from.
type File struct {
	Name   string // as the data set's publisher spells it, without ".gz"
	Path   string // where it was read, or "embedded"
	SHA256 string // of the uncompressed bytes, in hexadecimal
}

var (
	_ ByteBatcher = (*Images)(nil)
	_ Labelled    = (*Images)(nil)
)

// String names the data set and its size: "fashion-mnist train: 60000 pictures of 28x28, 10
// classes".
func (m *Images) String() string {
	return fmt.Sprintf("%s: %d pictures of %dx%d, %d classes", m.title(), m.Len(), m.Height, m.Width, len(m.ClassNames))
}

// Len returns the number of samples.
func (m *Images) Len() int { return len(m.Labels) }

// Classes returns ClassNames.
func (m *Images) Classes() []string { return m.ClassNames }

// Shape returns the shape (C, H, W) of an image as a tensor.
func (m *Images) Shape() []int { return []int{max(m.Channels, 1), m.Height, m.Width} }

// size returns the number of bytes of an image.
func (m *Images) size() int { return max(m.Channels, 1) * m.Height * m.Width }

// checkPixels returns a *fault.OptionError unless Pixels are rows of images, one of them for each
// sample if there are no Rows.
func (m *Images) checkPixels() error {
	size := m.size()
	switch {
	case m.Rows == nil && len(m.Pixels) != m.Len()*size:
		return m.wrong("found %d bytes in Pixels, %d expected for %d images of %v", len(m.Pixels), m.Len()*size, m.Len(), m.Shape())
	case m.Rows != nil && len(m.Rows) != m.Len():
		return m.wrong("found %d Rows, %d expected, one a label", len(m.Rows), m.Len())
	case m.Rows != nil && (size == 0 || len(m.Pixels)%size != 0):
		return m.wrong("found %d bytes in Pixels, a multiple of %d expected for images of %v", len(m.Pixels), size, m.Shape())
	}
	return nil
}

// wrong returns a *fault.OptionError about the fields.
func (m *Images) wrong(format string, args ...any) error {
	return &fault.OptionError{Op: "dataset.Images", Detail: m.title() + ": " + fmt.Sprintf(format, args...)}
}

// checkRow returns a *fault.OptionError unless Pixels have the row of sample i.
func (m *Images) checkRow(i int) error {
	if m.Rows == nil {
		return nil
	}
	if rows := len(m.Pixels) / m.size(); m.Rows[i] < 0 || m.Rows[i] >= rows {
		return m.wrong("found row %d of sample %d, 0 to %d expected", m.Rows[i], i, rows-1)
	}
	return nil
}

// whole reports whether Pixels have an image for every sample.
func (m *Images) whole() bool {
	if m.checkPixels() != nil {
		return false
	}
	for i := range m.Rows {
		if m.checkRow(i) != nil {
			return false
		}
	}
	return true
}

// row returns the row of sample i, which is one.
func (m *Images) row(i int) int {
	if m.Rows == nil {
		return i
	}
	return m.Rows[i]
}

// Image returns image i before any transform: an *image.Gray, which shares the memory of
// Pixels, or an opaque *image.RGBA of three channels. It panics with an *IndexError if i
// is outside [0, Len()), and with a *fault.OptionError if Channels is not 0, 1
// or 3, or Pixels do not have the row of image i.
func (m *Images) Image(i int) image.Image {
	return transform.Interleave(m.pixels(i), max(m.Channels, 1), m.Height, m.Width)
}

// Label returns the label of image i after TargetTransform. It panics with an *IndexError
// if i is outside [0, Len()); the error is nil.
func (m *Images) Label(i int) (int, error) { return m.label(i), nil }

// Sample returns image i after Transform, and as its target the label after
// TargetTransform. It panics with an *IndexError if i is outside [0, Len()); the error
// is Transform's and names the sample, or a *fault.OptionError that says that Pixels and Rows are
// not those of Len() images.
func (m *Images) Sample(i int, chance random.Key) (Sample, error) {
	if err := m.checkPixels(); err != nil {
		return Sample{}, err
	}
	m.check(i)
	if err := m.checkRow(i); err != nil {
		return Sample{}, err
	}
	s := Sample{Input: transform.Input{Image: m.Image(i)}, Target: Class(m.label(i))}
	if m.Transform != nil {
		var err error
		if s.Input, err = m.Transform.Apply(s.Input, chance); err != nil {
			return Sample{}, fmt.Errorf("%s: sample %d: %w", m.title(), i, err)
		}
	}
	return s, nil
}

// Batch returns a function that converts each pixel by itself if Transform has a table (see
// transform.Table), and picture by picture if Transform can be fused (see transform.Fuse). Of
// any other Transform, and if Pixels and Rows are not those of Len() images, it returns nil.
func (m *Images) Batch() (fill Fill, row Row) {
	if !m.whole() {
		return nil, Row{}
	}
	if tables, ok := transform.Table(m.Transform, m.Shape()[0]); ok {
		table, size := kernel.NewTable(tables), m.size()
		return func(to Memory, indices []int, _ Chance) {
			for k, i := range indices {
				to.Classes[k] = int64(m.label(i))
			}
			table.Gather(to.Inputs, m.Pixels, size, m.wanted(indices))
		}, Row{Input: m.Shape()}
	}
	f, ok := transform.Fuse(m.Transform, m.Shape()[0], m.Height, m.Width)
	if !ok {
		return nil, Row{}
	}
	row = Row{Input: f.Shape()}
	size := row.size()
	started := sync.Pool{New: func() any { return f.Start() }} // functions with memory, for calls to come
	return func(to Memory, indices []int, chance Chance) {
		apply := started.Get().(func([]float32, []byte, random.Key))
		defer started.Put(apply)
		for k, i := range indices {
			to.Classes[k] = int64(m.label(i))
			apply(to.Inputs[k*size:][:size], m.pixels(i), chance.Key(k))
		}
	}, row
}

// Bytes returns Pixels if Transform has tables (see transform.Table), and the values of each
// table lie on a line. Otherwise ok is false.
func (m *Images) Bytes() (rows ByteRows, ok bool) {
	tables, ok := transform.Table(m.Transform, m.Shape()[0])
	if !ok || !m.whole() {
		return ByteRows{}, false
	}
	lines := make([]Line, len(tables))
	for c := range tables {
		if lines[c], ok = lineThrough(&tables[c]); !ok {
			return ByteRows{}, false
		}
	}
	return ByteRows{m.Pixels, lines, m.rows()}, true
}

// wanted returns the rows of the samples at indices, and up to its capacity those of some that
// will be wanted next.
func (m *Images) wanted(indices []int) []int {
	if m.Rows == nil {
		return indices
	}
	rows := make([]int, min(len(indices)+ahead, cap(indices)))
	for k, i := range indices[:len(rows)] {
		rows[k] = m.Rows[i]
	}
	return rows[:len(indices)]
}

// rows returns the row and the label of each sample. Labels that fit a byte are kept as such:
// read in random order, those of a data set then stay in a core's caches.
func (m *Images) rows() func(i int) (row, label int) {
	labels := make([]uint8, m.Len())
	for i, c := range m.Labels {
		if m.TargetTransform != nil {
			c = m.TargetTransform(c)
		}
		if c < 0 || c > math.MaxUint8 {
			return func(i int) (row, label int) {
				label = m.label(i)
				return m.row(i), label
			}
		}
		labels[i] = uint8(c)
	}
	return func(i int) (row, label int) {
		m.check(i)
		return m.row(i), int(labels[i])
	}
}

// label returns the label of image i after TargetTransform.
func (m *Images) label(i int) int {
	m.check(i)
	label := m.Labels[i]
	if m.TargetTransform != nil {
		label = m.TargetTransform(label)
	}
	return label
}

// pixels returns the values of image i.
func (m *Images) pixels(i int) []byte {
	m.check(i)
	if err := m.checkRow(i); err != nil {
		panic(err)
	}
	size, row := m.size(), m.row(i)
	return m.Pixels[row*size : (row+1)*size : (row+1)*size]
}

func (m *Images) check(i int) {
	if i < 0 || i >= m.Len() {
		panic(&IndexError{Dataset: m.title(), Index: i, Len: m.Len()})
	}
}

func (m *Images) title() string { return m.Name + " " + m.Split.String() }
