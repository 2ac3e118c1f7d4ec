package cli

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"time"

	"github.com/onehot-go/onehot/dataset"
	"github.com/onehot-go/onehot/dist"
	"github.com/onehot-go/onehot/loader"
	"github.com/onehot-go/onehot/loss"
	"github.com/onehot-go/onehot/model"
	"github.com/onehot-go/onehot/nn"
	"github.com/onehot-go/onehot/optim"
	"github.com/onehot-go/onehot/train"
	"github.com/onehot-go/onehot/transform"
)

// evalBatch is the batch size of evaluation, if there is memory for it: large enough to keep the cores busy, small
// enough to stay in the caches.
const evalBatch = 1000

// prefetch is how many goroutines prepare batches ahead.
const prefetch = 2

// trainRun is a run that is set up.
type trainRun struct {
	settings     settings
	folder       folder
	id           string // the run's identity; empty for one that an earlier version began
	data         dataRecord
	own          *ownParts        // nil of a data set known by name, and of a table
	table        *ownTable        // nil of pictures
	fit          fitting          // of softmax regression to a table; else nil
	cv           *crossValidation // of --cv; else nil
	crossFigures figuresFile      // of the chosen strength, by rows that fits did not know
	chosenC      float64          // by cross-validation; 0 of none
	training     *loader.Loader
	val, test    *loader.Loader // nil for none
	model        *model.Model
	probe        *probe      // nil unless it is the last layer alone that is fitted
	weights      *fileRecord // that a pretrained net began with; else nil
	ema          *train.EMA  // nil without --ema
	began        time.Time
	optimizer    optim.Optimizer
	criterion    loss.Loss
	plateau      *optim.ReduceLROnPlateau
	steps        int           // of an epoch
	finished     int           // epochs that are saved
	listener     net.Listener  // for those who watch; nil without --watch
	tensorboard  bool          // whether to write for it
	every        time.Duration // from one checkpoint within an epoch to the next; 0 for none
	kept         train.Step    // the last one that is in a checkpoint
	comm         dist.Comm     // the ranks that train together; nil of one process
	begun        bool          // all ranks train, and one that ends tells the others
	assisted     bool          // other ranks help to measure the best model
}

// choosing returns the data that choose the best epoch: those held out, or the test data if there
// are none; nil if nothing is measured.
func (r *trainRun) choosing() *loader.Loader { return cmp.Or(r.val, r.test) }

// final returns the data that the best model is measured on at the end: the test data, or those
// held out if there are none; nil if nothing is measured.
func (r *trainRun) final() *loader.Loader { return cmp.Or(r.test, r.val) }

// finalSplit returns which data those of final are.
func (r *trainRun) finalSplit() dataset.Split {
	if r.test != nil {
		return dataset.Test
	}
	return dataset.Validation
}

// choosingSplit returns which data choose the best epoch.
func (r *trainRun) choosingSplit() dataset.Split {
	if r.val != nil {
		return dataset.Validation
	}
	return dataset.Test
}

// sample is what a sample of the run is.
func (r *trainRun) sample() string {
	if r.table != nil {
		return "row"
	}
	return "picture"
}

// testedLast reports whether the test data are read once, at the end.
func (r *trainRun) testedLast() bool { return r.val != nil && r.test != nil }

// prepare returns the run but for its folder.
func (c *trainCommand) prepare(ctx context.Context, s streams) (*trainRun, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	if c.isTable() {
		return c.prepareTable(ctx, s)
	}
	if err := c.findTrained(ctx, s.err); err != nil {
		return nil, err
	}
	data, err := c.parts(ctx, c.dataFlags, c.pictures, s.err)
	if err != nil {
		return nil, err
	}
	if !data.record.measured() {
		if err := c.checkUnmeasured(); err != nil {
			return nil, err
		}
	}
	r := &trainRun{comm: c.comm, settings: c.settings, own: data.own, data: data.record, plateau: c.plateau(), tensorboard: c.TensorBoard, began: c.began,
		every: c.Every.Duration}
	// Training and tests begin with what the model does to pictures of their size.
	definition := c.definition(data)
	definition.Ground = groundOf(data.training)
	definition.Task = data.record.Task
	if data.record.several() {
		if err := c.checkSeveral(); err != nil {
			return nil, err
		}
	}
	prepared := definition.Preprocess.For(transform.Form{Shape: data.training.Shape()})
	if data.training.Transform, err = c.augment(prepared, definition.InputShape); err != nil {
		return nil, err
	}
	if data.record.several() {
		r.criterion, err = c.labelCriterion(data.own.perClass(dataset.Train), data.training.Len())
	} else {
		r.criterion, err = c.criterion(perClass(data.training))
	}
	if err != nil {
		return nil, err
	}
	measured, err := c.fit(definition, data)
	if err != nil {
		return nil, err
	}
	if c.trained != nil {
		r.weights = c.trained.record()
		r.model, err = c.buildTrained(definition, s.err)
	} else {
		r.model, err = c.build(definition)
	}
	if err != nil {
		return nil, err
	}
	switch {
	case c.probes():
		r.optimizer, err = c.prepareProbe(ctx, r, data, prepared, measured, s.err)
		if err != nil {
			return nil, err
		}
	case c.Optimizer == "lbfgs":
		r.optimizer, err = train.NewFullBatch(r.model.Net.Layer("linear").(*nn.Linear), data.own.samples(data.training), c.LR, c.L2)
		if err != nil {
			return nil, err
		}
	default:
		r.optimizer = c.optimizer(c.learning(r.model.Net))
	}
	if c.EMA > 0 {
		r.ema = train.NewEMA(r.model, c.EMA)
	}
	if r.training = r.probe.training(); r.training == nil {
		r.training = loader.New(data.own.samples(data.training), c.order(c.BatchSize, data.training.Labels))
	}
	if r.steps, err = train.Steps(r.training, 1); err != nil {
		return nil, err
	}
	measuring := func(d *dataset.Images) *loader.Loader {
		if d == nil {
			return nil
		}
		d.Transform = prepared
		return loader.New(data.own.samples(d), loader.Options{BatchSize: measured, Workers: prefetch})
	}
	r.val, r.test = measuring(data.val), measuring(data.test)
	if err := r.checkSetup(); err != nil {
		return nil, err
	}
	return r, c.listen(r)
}

// listen makes r what serves its page with --watch. It is called before the folder is made: the port may be
// taken.
func (c *trainCommand) listen(r *trainRun) (err error) {
	if c.Watch {
		r.listener, err = net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", c.Port))
	}
	return err
}
