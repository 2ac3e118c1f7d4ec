package dataset

import (
	"math"
	"slices"

	"github.com/onehot-go/onehot/random"
)

// Batcher is a Dataset that can fill a whole batch at once, faster than sample by sample
// and with the same bits.
type Batcher interface {
	Dataset
	// Batch returns the function that fills batches, and what a row of them is. The function
	// is nil if the data set, as it is set up, can only be read by Sample. Both hold until
	// the data set's transforms are changed.
	Batch() (fill Fill, row Row)
}

// Row is what a batch has of one sample.
type Row struct {
	Input  []int // the shape of the input: (C, H, W) for a picture
	Vector int   // the length of a target that is a vector, or 0 if targets are classes
}

// size returns the number of elements of an input.
func (r Row) size() int {
	size := 1
	for _, n := range r.Input {
		size *= n
	}
	return size
}

// equal reports whether rows of r can stand below those of other.
func (r Row) equal(other Row) bool {
	return slices.Equal(r.Input, other.Input) && r.Vector == other.Vector
}

// Memory is where a batch of N samples is written, row by row: the inputs, and the targets
// of one kind.
type Memory struct {
	Inputs  []float32 // (N, Row.Input...)
	Classes []int64   // (N), if targets are classes
	Vectors []float32 // (N, Row.Vector), if targets are vectors
}

// Rows returns the part of m that has samples lo up to hi.
func (m Memory) Rows(lo, hi int, row Row) Memory {
	size := row.size()
	part := Memory{Inputs: m.Inputs[lo*size : hi*size]}
	if row.Vector > 0 {
		part.Vectors = m.Vectors[lo*row.Vector : hi*row.Vector]
	} else {
		part.Classes = m.Classes[lo:hi]
	}
	return part
}

// Fill writes the samples at indices to memory, which has a row for each. The k-th sample
// draws from the key chance.Key(k). The slice indices may have more elements up to its
// capacity: they are the samples that will be wanted next, which Fill may fetch from memory
// ahead. Fill starts no goroutine. Several calls may run at once, each with memory of its
// own. Fill panics with an *IndexError on an index outside the data set, and if the
// memory is too small.
type Fill func(to Memory, indices []int, chance Chance)

// Chance has the keys of the samples of a batch.
type Chance struct {
	Of    func(at int) random.Key // by the sample's place in an epoch's order
	First int                     // place of the batch's first sample
}

// Key returns the key of the k-th sample of the batch.
func (c Chance) Key(k int) random.Key { return c.Of(c.First + k) }

// ByteBatcher is a Batcher that can also show the bytes that its samples are made of. A
// computation on the bytes reads a quarter of the memory.
type ByteBatcher interface {
	Batcher
	// Bytes returns the bytes; ok is false if samples are made of more than bytes. They
	// hold until the data set's transforms are changed.
	Bytes() (rows ByteRows, ok bool)
}

// ByteRows are samples whose elements are made of one byte each. The elements of a channel
// lie on one line of their bytes.
type ByteRows struct {
	Pixels []byte // (rows, C·H·W), not to be changed
	Lines  []Line // (C), what the bytes of each channel become
	// Sample returns the row of sample i and its class. It panics with an *IndexError if
	// i is outside the data set.
	Sample func(i int) (row, label int)
}

// Line is what bytes become: v the element Scale·v + Shift, to the rounding of float32.
type Line struct{ Scale, Shift float64 }

// lineThrough returns the line that the values of the bytes from 0 to 255 lie on. ok is false
// if there is none, and if all values are the same.
func lineThrough(values *[256]float32) (l Line, ok bool) {
	first, last := float64(values[0]), float64(values[255])
	l = Line{(last - first) / 255, first}
	const roundings = 0x1p-22 // a few of float32
	for v, value := range values {
		if !(math.Abs(float64(value)-(l.Scale*float64(v)+l.Shift)) <= roundings*max(math.Abs(first), math.Abs(last))) {
			return Line{}, false
		}
	}
	return l, first != last
}

// batch returns what d's Batch does, a nil fill if it has none.
func batch(d Dataset) (Fill, Row) {
	if b, ok := d.(Batcher); ok {
		return b.Batch()
	}
	return nil, Row{}
}
