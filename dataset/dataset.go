// Package dataset has samples: inputs, such as pictures, with a target each. A Dataset has them
// by index, and a Stream in an order of its own.
//
// The packages below it read them: dataset/mnist, dataset/fashionmnist and its embedded copy,
// from files in the format of dataset/idx.
package dataset

import (
	"fmt"

	"github.com/onehot-go/onehot/random"
	"github.com/onehot-go/onehot/tensor"
	"github.com/onehot-go/onehot/transform"
)

// Sample is one input and what a model should make of it.
type Sample struct {
	transform.Input
	// Target is an Int64 scalar, a class; or a Float32 vector of one number a class: which
	// classes hold, each 0 or 1, or probabilities.
	Target *tensor.Tensor
}

// String returns the input and the target as they print: "(*image.Gray of 28x28, 9)", and
// "(tensor([0.5, 1.0]), 9)".
func (s Sample) String() string {
	if c, ok := s.Class(); ok {
		return fmt.Sprintf("(%v, %d)", s.Input, c)
	}
	return fmt.Sprintf("(%v, %v)", s.Input, s.Target)
}

// Class returns the target that is class c, an Int64 scalar.
func Class(c int) *tensor.Tensor { return tensor.Scalar(int64(c)) }

// Class returns the class that Target is; ok is false if it is not one.
func (s Sample) Class() (c int, ok bool) {
	if s.Target == nil || s.Target.DType() != tensor.Int64 || s.Target.Dim() != 0 {
		return 0, false
	}
	return int(s.Target.Item()), true
}

// Dataset is a sequence of samples. It may be read from several goroutines at once.
type Dataset interface {
	// Len returns the number of samples.
	Len() int
	// Classes returns the names of the classes: the class c means Classes()[c]. The
	// caller must not change them.
	Classes() []string
	// Sample returns the sample at index i. What its transforms draw is a function of
	// chance, the key of the sample in one epoch. It panics with an *IndexError if i
	// is outside [0, Len()); the error is about files or transforms.
	Sample(i int, chance random.Key) (Sample, error)
}

// Labelled is a Dataset that knows the classes of its samples without reading their inputs.
type Labelled interface {
	Dataset
	// Label returns the class that is the target of sample i. It panics with an *IndexError
	// if i is outside [0, Len()); the error says that the target is no class, or is about
	// files.
	Label(i int) (int, error)
}

// Labels returns the class of every sample, in the order of the samples. The samples of a
// data set that is not Labelled are all read. The error names the first sample that could
// not be read or has a target that is no class.
func Labels(d Dataset) ([]int, error) {
	labels := make([]int, d.Len())
	for i := range labels {
		var err error
		if labels[i], err = label(d, i); err != nil {
			return nil, err
		}
	}
	return labels, nil
}

// label returns the class of sample i, which is read if d is not Labelled.
func label(d Dataset, i int) (int, error) {
	if d, ok := d.(Labelled); ok {
		return d.Label(i)
	}
	s, err := d.Sample(i, random.Key{})
	if err != nil {
		return 0, err
	}
	c, ok := s.Class()
	if !ok {
		return 0, fmt.Errorf("sample %d: found %s as its target, expected a class", i, describe(s.Target))
	}
	return c, nil
}

// describe names a target for errors.
func describe(target *tensor.Tensor) string {
	if target == nil {
		return "nothing"
	}
	return fmt.Sprintf("%s elements of shape %v", target.DType(), target.Shape())
}

// Split names a part of a data set.
type Split int

// The splits: samples to learn from, samples to measure on, and samples to make choices by, such
// as when to end.
const (
	Train Split = iota
	Test
	Validation
)

// String returns "train", "test" or "val".
func (s Split) String() string {
	switch s {
	case Train:
		return "train"
	case Test:
		return "test"
	case Validation:
		return "val"
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
