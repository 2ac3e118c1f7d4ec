// Package dataset has samples by index: pictures with the class each belongs to. The
// packages below it read them: dataset/mnist, dataset/fashionmnist and its embedded
// copy, from files in the format of dataset/idx.
package dataset

import (
	"fmt"
	"math"

	"github.com/onehot-go/onehot/random"
	"github.com/onehot-go/onehot/transform"
)

// Sample is one picture and the index of its class.
type Sample struct {
	transform.Picture
	Label int
}

// Dataset is a sequence of samples. It may be read from several goroutines at once.
type Dataset interface {
	// Len returns the number of samples.
	Len() int
	// Classes returns the names of the classes: the label c means Classes()[c]. The
	// caller must not change them.
	Classes() []string
	// Sample returns the sample at index i. What its transforms draw is a function of
	// chance, the key of the sample in one epoch. It panics with an *IndexError where i
	// is outside [0, Len()); the error is about files or transforms.
	Sample(i int, chance random.Key) (Sample, error)
}

// Batcher is a Dataset that can fill a whole batch at once, faster than sample by sample
// and with the same bits.
type Batcher interface {
	Dataset
	// Batch returns the function that fills batches and the shape (C, H, W) of one
	// sample, or a nil fill where the data set, as it is set up, has no such road and
	// Sample is the only one. They hold until the data set's transforms are changed.
	Batch() (fill Fill, shape []int)
}

// Fill writes the samples at indices to images, row by row as the tensor (N, C, H, W)
// where N is len(indices), and their labels to labels, of length N. What transforms draw
// for the k-th of them is a function of chance.Key(k). Indices that lie behind the last one,
// up to the slice's capacity, are of samples that will be wanted next, and may be fetched
// from memory ahead. Fill starts no goroutine; several may call it at once, each for its own
// images and labels. It panics with an *IndexError on an index outside the data set, and
// where the memory is too small.
type Fill func(images []float32, labels []int64, indices []int, chance Chance)

// ByteBatcher is a Batcher that can also show the bytes which its samples are made of: what
// computes with them as they are has a quarter of the memory to read.
type ByteBatcher interface {
	Batcher
	// Bytes returns the bytes; ok is false where they are not all that samples are made of.
	// They hold until the data set's transforms are changed.
	Bytes() (rows ByteRows, ok bool)
}

// ByteRows are samples whose elements are made of one byte each, all in one way.
type ByteRows struct {
	Pixels []byte // (rows, C·H·W), not to be changed
	Line   Line   // what the bytes become
	// Sample returns the row of sample i and its label. It panics with an *IndexError where
	// i is outside the data set.
	Sample func(i int) (row, label int)
}

// Line is what bytes become: v the element Scale·v + Shift, to the rounding of float32.
type Line struct{ Scale, Shift float64 }

// lineThrough returns the line that values, of the bytes from 0 to 255, lie on; ok is false
// where there is none, and where all are the same.
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

// Chance has the keys of the samples of a batch.
type Chance struct {
	Of    func(at int) random.Key // by the sample's place in an epoch's order
	First int                     // place of the batch's first sample
}

// Key returns the key of the k-th sample of the batch.
func (c Chance) Key(k int) random.Key { return c.Of(c.First + k) }

// Split names a part of a data set.
type Split int

// The splits: samples to learn from, and samples to measure on.
const (
	Train Split = iota
	Test
)

// String returns "train" or "test".
func (s Split) String() string {
	switch s {
	case Train:
		return "train"
	case Test:
		return "test"
	}
	return fmt.Sprintf("Split(%d)", int(s))
}

// IndexError is what asking for a sample that is not there panics with. It is the
// caller's mistake, not a condition to handle.
type IndexError struct {
	Dataset    string // the data set's name: "mnist train"
	Index, Len int
}

// Error names the data set, the index and the length: "mnist train: sample 60000 of
// 60000: index out of range".
func (e *IndexError) Error() string {
	return fmt.Sprintf("%s: sample %d of %d: index out of range", e.Dataset, e.Index, e.Len)
}
