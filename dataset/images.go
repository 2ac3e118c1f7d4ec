package dataset

import (
	"fmt"
	"image"
	"math"

	"github.com/onehot-go/onehot/fault"
	"github.com/onehot-go/onehot/internal/kernel"
	"github.com/onehot-go/onehot/random"
	"github.com/onehot-go/onehot/transform"
)

// Images is a data set of images of one size, grey or colour, held in memory. Its fields must not
// be changed while its methods, or a Fill that it gave, are at work.
type Images struct {
	Name       string // "fashion-mnist"
	Split      Split
	ClassNames []string

	Channels      int // 1, grey, or 3: red, green and blue; 0 stands for 1
	Height, Width int
	Pixels        []byte // (N, Channels, Height, Width), 0 is black
	Labels        []int  // (N), indices of ClassNames

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

// whole reports whether Pixels are those of all images.
func (m *Images) whole() bool { return len(m.Pixels) == m.Len()*m.size() }

// Image returns image i before any transform: an *image.Gray, which shares the memory of
// Pixels, or an opaque *image.RGBA of three channels. It panics with an *IndexError if i
// is outside [0, Len()), and with a *fault.OptionError if Channels is not 0, 1
// or 3.
func (m *Images) Image(i int) image.Image {
	return transform.Interleave(m.pixels(i), max(m.Channels, 1), m.Height, m.Width)
}

// Label returns the label of image i after TargetTransform. It panics with an *IndexError
// if i is outside [0, Len()); the error is nil.
func (m *Images) Label(i int) (int, error) { return m.label(i), nil }

// Sample returns image i after Transform, and as its target the label after
// TargetTransform. It panics with an *IndexError if i is outside [0, Len()); the error
// is Transform's and names the sample, or a *fault.OptionError that says that Pixels are not
// those of Len() images.
func (m *Images) Sample(i int, chance random.Key) (Sample, error) {
	if !m.whole() {
		return Sample{}, &fault.OptionError{Op: "dataset.Images", Detail: fmt.Sprintf("%s: found %d bytes in Pixels, %d expected for %d images of %v",
			m.title(), len(m.Pixels), m.Len()*m.size(), m.Len(), m.Shape())}
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
// any other Transform, and if Pixels are not those of Len() images, it returns nil.
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
			table.Gather(to.Inputs, m.Pixels, size, indices)
		}, Row{Input: m.Shape()}
	}
	f, ok := transform.Fuse(m.Transform, m.Shape()[0], m.Height, m.Width)
	if !ok {
		return nil, Row{}
	}
	row = Row{Input: f.Shape()}
	size := row.size()
	return func(to Memory, indices []int, chance Chance) {
		apply := f.Start()
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

// rows returns the row and the label of each sample. Labels that fit a byte are kept as such:
// read in random order, those of a data set then stay in a core's caches.
func (m *Images) rows() func(i int) (row, label int) {
	labels := make([]uint8, m.Len())
	for i, c := range m.Labels {
		if m.TargetTransform != nil {
			c = m.TargetTransform(c)
		}
		if c < 0 || c > math.MaxUint8 {
			return func(i int) (row, label int) { return i, m.label(i) }
		}
		labels[i] = uint8(c)
	}
	return func(i int) (row, label int) {
		m.check(i)
		return i, int(labels[i])
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
	size := m.size()
	return m.Pixels[i*size : (i+1)*size : (i+1)*size]
}

func (m *Images) check(i int) {
	if i < 0 || i >= m.Len() {
		panic(&IndexError{Dataset: m.title(), Index: i, Len: m.Len()})
	}
}

func (m *Images) title() string { return m.Name + " " + m.Split.String() }
