// Package loading makes the loaders that Load of a data set's package returns.
package loading

import (
	"cmp"

	"github.com/onehot-go/onehot/dataset"
	"github.com/onehot-go/onehot/fault"
	"github.com/onehot-go/onehot/internal/parallel"
	"github.com/onehot-go/onehot/loader"
	"github.com/onehot-go/onehot/transform"
)

// Options say what is made of the pictures of a data set.
type Options struct {
	BatchSize   int // 0 is 256
	Seed        uint64
	Resize      int // of both sides; 0 leaves the pictures as they are
	Train, Test transform.Transform
}

// Splits opens both splits and returns a loader over each, for the function op.
func Splits(op string, open func(dataset.Split) (*dataset.Images, error), o Options) (train, test *loader.Loader, err error) {
	if o.Resize < 0 {
		fault.Option(op, "resize %d: at least 0 expected", o.Resize)
	}
	if o.BatchSize < 0 {
		fault.Option(op, "batch size %d: at least 0 expected", o.BatchSize)
	}
	prepared := map[dataset.Split]transform.Transform{dataset.Train: o.prepare(o.Train), dataset.Test: o.prepare(o.Test)}
	return loader.Splits(func(s dataset.Split) (*dataset.Images, error) {
		images, err := open(s)
		if err != nil {
			return nil, err
		}
		images.Transform = prepared[s]
		return images, nil
	}, nil, loader.Options{BatchSize: cmp.Or(o.BatchSize, 256), Seed: o.Seed, Workers: parallel.Threads()})
}

// prepare returns t, or what nil stands for, behind the resizing of pictures.
func (o Options) prepare(t transform.Transform) transform.Transform {
	if t == nil {
		t = transform.ToTensor{}
	}
	if o.Resize == 0 {
		return t
	}
	return transform.Compose{transform.Resize{Height: o.Resize, Width: o.Resize}, t}
}
