package table

import (
	"fmt"

	"github.com/onehot-go/onehot/dataset"
	"github.com/onehot-go/onehot/random"
	"github.com/onehot-go/onehot/tensor"
	"github.com/onehot-go/onehot/transform"
)

// Samples are rows of features with their classes: a dataset.Dataset. Parts of one table share its features.
type Samples struct {
	Name       string
	Split      dataset.Split
	ClassNames []string
	Columns    transform.Columns // what made the features
	Features   []float32         // (rows, Width), those of a whole table
	Width      int               // Columns.Width()
	Rows       []int             // (N), the row of each sample
	Labels     []int             // (N), indices of ClassNames
}

var (
	_ dataset.Batcher  = (*Samples)(nil)
	_ dataset.Labelled = (*Samples)(nil)
	_ dataset.Prepared = (*Samples)(nil)
)

// Len returns the number of samples.
func (s *Samples) Len() int { return len(s.Rows) }

// Classes returns ClassNames.
func (s *Samples) Classes() []string { return s.ClassNames }

// String names the table and its size: "iris train: 120 rows of 4 features, 3 classes".
func (s *Samples) String() string {
	return fmt.Sprintf("%s %s: %d rows of %d features, %d classes", s.Name, s.Split, s.Len(), s.Width, len(s.ClassNames))
}

// row returns the features of sample i.
func (s *Samples) row(i int) []float32 {
	if i < 0 || i >= s.Len() {
		panic(&dataset.IndexError{Dataset: s.Name + " " + s.Split.String(), Index: i, Len: s.Len()})
	}
	return s.Features[s.Rows[i]*s.Width:][:s.Width]
}

// Means returns the mean of each feature over the samples.
func (s *Samples) Means() []float64 {
	means := make([]float64, s.Width)
	for i := range s.Rows {
		for k, v := range s.row(i) {
			means[k] += float64(v)
		}
	}
	for k := range means {
		means[k] /= float64(s.Len())
	}
	return means
}

// Label returns the class of sample i. It panics with a *dataset.IndexError if i is outside [0, Len()); the
// error is nil.
func (s *Samples) Label(i int) (int, error) {
	s.row(i)
	return s.Labels[i], nil
}

// Sample returns the features of sample i, a Float32 tensor of shape (Width), and its class. It panics
// with a *dataset.IndexError if i is outside [0, Len()); the error is nil.
func (s *Samples) Sample(i int, _ random.Key) (dataset.Sample, error) {
	x := append([]float32(nil), s.row(i)...)
	return dataset.Sample{Input: transform.Input{Tensor: tensor.New(x, len(x))}, Target: dataset.Class(s.Labels[i])}, nil
}

// Batch returns what copies rows.
func (s *Samples) Batch() (dataset.Fill, dataset.Row) {
	width := s.Width
	fill := func(to dataset.Memory, indices []int, _ dataset.Chance) {
		for k, i := range indices {
			copy(to.Inputs[k*width:(k+1)*width], s.row(i))
			to.Classes[k] = int64(s.Labels[i])
		}
	}
	return fill, dataset.Row{Input: []int{width}}
}

// Preparations returns Columns, of rows of tables.
func (s *Samples) Preparations() []dataset.Preparation {
	return []dataset.Preparation{{Transform: s.Columns, Form: transform.Form{Row: true}}}
}
