package loader

import (
	"github.com/onehot-go/onehot/dataset"
	"github.com/onehot-go/onehot/transform"
)

// Splits opens the two splits of a data set, gives both the transform t, or leaves them those
// that they have where it is nil, and returns a loader over each. The samples to learn from come as options say, and in another order
// every epoch where there is no Sampler. The samples to measure on come in their order, all
// of them, in batches of the same size. The error is open's, which is a function like
// embedded.Open.
//
// Splits panics as New does.
func Splits(open func(dataset.Split) (*dataset.Images, error), t transform.Transform, options Options) (train, test *Loader, err error) {
	training, err := open(dataset.Train)
	if err != nil {
		return nil, nil, err
	}
	measured, err := open(dataset.Test)
	if err != nil {
		return nil, nil, err
	}
	if t != nil {
		training.Transform, measured.Transform = t, t
	}
	options.Shuffle = options.Sampler == nil
	train = New(training, options)
	test = New(measured, Options{BatchSize: options.BatchSize, Seed: options.Seed, Workers: options.Workers})
	return train, test, nil
}
