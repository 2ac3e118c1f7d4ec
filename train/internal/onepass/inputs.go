package onepass

import (
	"github.com/onehot-go/onehot/dataset"
	"github.com/onehot-go/onehot/internal/kernel"
)

// inputs is the rows of a block of a Regression, x: its samples, as floats or as bytes.
type inputs interface {
	// products reads samples lo up to hi and their targets, for which there is memory, and computes
	// weight·xᵀ. Some that will be wanted next are at the given indices.
	products(c *kernel.Scores, targets dataset.Memory, s samples, lo, hi int, next []int, weight []float32)
	// gradient computes what c's P, of so many samples, and x give for the weight, or adds it
	// to what dst has.
	gradient(dst []float32, c *kernel.Scores, n int, add bool)
}

// samples are those that are summed up.
type samples struct {
	indices []int // in the data set
	next    []int // of those that will be summed up after them, if that is known
	// fill writes the floats of samples lo up to hi, and their targets.
	fill func(to dataset.Memory, lo, hi int)
}

// floatInputs are what transforms made of samples.
type floatInputs struct {
	images        []float32 // whole rows of scores
	classes, cols int
}

func (x *floatInputs) products(c *kernel.Scores, targets dataset.Memory, s samples, lo, hi int, _ []int, weight []float32) {
	targets.Inputs = x.images[:(hi-lo)*x.cols]
	s.fill(targets, lo, hi)
	w := kernel.Matrix[float32]{Data: weight, Rows: x.classes, Cols: x.cols, RowStride: x.cols, ColStride: 1}
	turned := kernel.Matrix[float32]{Data: x.images, Rows: x.cols, Cols: c.Stride, RowStride: 1, ColStride: x.cols}
	kernel.GemmHere(c.X, w, turned, kernel.Epilogue[float32]{})
}

func (x *floatInputs) gradient(dst []float32, c *kernel.Scores, n int, add bool) {
	g := kernel.Matrix[float32]{Data: c.P, Rows: x.classes, Cols: n, RowStride: c.Stride, ColStride: 1}
	images := kernel.Matrix[float32]{Data: x.images, Rows: n, Cols: x.cols, RowStride: x.cols, ColStride: 1}
	kernel.GemmHere(dst, g, images, kernel.Epilogue[float32]{Add: add})
}

// byteInputs are the bytes that samples are made of.
type byteInputs struct {
	*kernel.Pixels
	from    *dataset.ByteRows
	rows    []int
	classes int
}

func (x *byteInputs) products(c *kernel.Scores, targets dataset.Memory, s samples, lo, hi int, next []int, weight []float32) {
	x.rows = x.rows[:0]
	for k, i := range s.indices[lo:hi] {
		row, label := x.from.Sample(i)
		x.rows, targets.Classes[k] = append(x.rows, row), int64(label)
	}
	for _, i := range next {
		row, _ := x.from.Sample(i)
		x.rows = append(x.rows, row)
	}
	x.Product(c.X, c.Stride, x.from.Pixels, x.rows[:hi-lo:len(x.rows)], weight, x.classes)
}

func (x *byteInputs) gradient(dst []float32, c *kernel.Scores, n int, add bool) {
	x.WeightGrad(dst, c.P, c.Stride, n, x.classes, add)
}
