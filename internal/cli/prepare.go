package cli

import (
	"context"
	"fmt"
	"net"
	"time"

	"github.com/onehot-go/onehot/dataset"
	"github.com/onehot-go/onehot/loader"
	"github.com/onehot-go/onehot/loss"
	"github.com/onehot-go/onehot/model"
	"github.com/onehot-go/onehot/nn"
	"github.com/onehot-go/onehot/optim"
	"github.com/onehot-go/onehot/random"
	"github.com/onehot-go/onehot/train"
	"github.com/onehot-go/onehot/transform"
)

// evalBatch is the batch size of evaluation: large enough to keep the cores busy, small
// enough to stay in the caches.
const evalBatch = 1000

// prefetch is how many goroutines prepare batches ahead.
const prefetch = 2

// trainRun is a run that is set up.
type trainRun struct {
	settings       settings
	folder         folder
	id             string // the run's identity; empty for one that an earlier version began
	data           dataRecord
	training, test *loader.Loader
	val            *loader.Loader // nil without --val
	model          *model.Model
	ema            *train.EMA // nil without --ema
	began          time.Time
	optimizer      optim.Optimizer
	criterion      loss.CrossEntropy
	plateau        *optim.ReduceLROnPlateau
	steps          int          // of an epoch
	finished       int          // epochs that are saved
	listener       net.Listener // for those who watch; nil without --watch
	tensorboard    bool         // whether to write for it
}

// prepare opens the data and makes the model and its optimizer. It writes nothing.
func (c *trainCommand) prepare(ctx context.Context, s streams) (*trainRun, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	training, test, err := c.open(ctx, c.Data, s.err)
	if err != nil {
		return nil, err
	}
	r := &trainRun{settings: c.settings, data: newDataRecord(c.DataDir, training, test), plateau: c.plateau(),
		tensorboard: c.TensorBoard, began: c.began}
	// Training and tests begin with what the model does to pictures of their size.
	definition := c.definition(training.Shape(), training.Classes())
	prepared := definition.Preprocess.For(transform.Form{Shape: training.Shape()})
	if training.Transform, err = c.augment(prepared, training.Height, training.Width); err != nil {
		return nil, err
	}
	test.Transform = prepared
	var samples dataset.Dataset = training
	if c.Val > 0 {
		var held dataset.Subset
		if samples, held, err = c.hold(training, prepared); err != nil {
			return nil, err
		}
		r.val = loader.New(held, loader.Options{BatchSize: evalBatch, Workers: prefetch})
		r.data.Train, r.data.Val = samples.Len(), held.Len()
	}
	counts := make([]int, len(training.Classes()))
	labels, err := dataset.Labels(samples)
	if err != nil {
		return nil, err
	}
	for _, label := range labels {
		counts[label]++
	}
	if r.criterion, err = c.criterion(counts); err != nil {
		return nil, err
	}
	if r.model, err = c.build(definition); err != nil {
		return nil, err
	}
	if c.Optimizer == "lbfgs" {
		r.optimizer, err = train.NewFullBatch(r.model.Net.Layer("linear").(*nn.Linear), samples, c.LR, c.L2)
		if err != nil {
			return nil, err
		}
	} else {
		r.optimizer = c.optimizer(nn.ParameterList(r.model.Net))
	}
	if c.EMA > 0 {
		r.ema = train.NewEMA(r.model, c.EMA)
	}
	r.training = loader.New(samples, loader.Options{BatchSize: c.BatchSize, Shuffle: true, Seed: c.Seed, Workers: prefetch})
	if r.steps, err = train.Steps(r.training, 1); err != nil {
		return nil, err
	}
	r.test = loader.New(test, loader.Options{BatchSize: evalBatch, Workers: prefetch})
	if c.Watch { // before the folder is made: the port may be taken
		if r.listener, err = net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", c.Port)); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// hold returns the training samples without those of --val, and the samples of --val, which are
// prepared as test data are.
func (s *settings) hold(training *dataset.Images, prepared transform.Transform) (rest, held dataset.Subset, err error) {
	n := training.Len()
	if s.Val >= n {
		return rest, held, usagef("--val %d: less than the %d training samples expected", s.Val, n)
	}
	share := float64(s.Val) / float64(n)
	parts, err := dataset.StratifiedSplit(training, []float64{1 - share, share}, random.New(s.Seed).For("validation"))
	if err != nil {
		return rest, held, err
	}
	rest, held = parts[0], parts[1]
	whole := *training
	whole.Transform = prepared
	held.Dataset = &whole
	return rest, held, nil
}
