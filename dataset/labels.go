package dataset

import (
	"sync"

	"github.com/onehot-go/onehot/random"
	"github.com/onehot-go/onehot/tensor"
)

// LabelSets is a data set whose samples have any number of labels each, in place of the targets of
// Dataset: Float32 vectors of one number a class, 1 of those in Of and 0 of others.
type LabelSets struct {
	Dataset
	Of [][]int // (N), indices of Classes
}

var (
	_ Batcher  = LabelSets{}
	_ Prepared = LabelSets{}
)

// Sample returns that of Dataset with its labels.
func (s LabelSets) Sample(i int, chance random.Key) (Sample, error) {
	sample, err := s.Dataset.Sample(i, chance)
	if err != nil {
		return Sample{}, err
	}
	target := make([]float32, len(s.Classes()))
	s.write(target, i)
	sample.Target = tensor.New(target, len(target))
	return sample, nil
}

// write writes the target of sample i to memory that is zero.
func (s LabelSets) write(target []float32, i int) {
	for _, c := range s.Of[i] {
		target[c] = 1
	}
}

// Batch returns a function that fills batches if Dataset, whose targets are classes, has one.
func (s LabelSets) Batch() (fill Fill, row Row) {
	from, row := batch(s.Dataset)
	if from == nil || row.Vector > 0 {
		return nil, Row{}
	}
	row.Vector = len(s.Classes())
	unused := sync.Pool{New: func() any { return new([]int64) }} // what Dataset says of classes
	return func(to Memory, indices []int, chance Chance) {
		classes := unused.Get().(*[]int64)
		defer unused.Put(classes)
		if len(*classes) < len(indices) {
			*classes = make([]int64, len(indices))
		}
		from(Memory{Inputs: to.Inputs, Classes: (*classes)[:len(indices)]}, indices, chance)
		clear(to.Vectors)
		for k, i := range indices {
			s.write(to.Vectors[k*row.Vector:][:row.Vector], i)
		}
	}, row
}

// Preparations returns those of Dataset.
func (s LabelSets) Preparations() []Preparation { return PreparationsOf(s.Dataset) }
