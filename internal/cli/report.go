package cli

import (
	"cmp"
	"context"
	"fmt"
	"image"
	"os"
	"slices"

	"github.com/onehot-go/onehot/dataset"
	"github.com/onehot-go/onehot/internal/atomicfile"
	"github.com/onehot-go/onehot/loader"
	"github.com/onehot-go/onehot/model"
	"github.com/onehot-go/onehot/nn"
	"github.com/onehot-go/onehot/report"
	"github.com/onehot-go/onehot/tensor"
	"github.com/onehot-go/onehot/train"
)

type reportCommand struct {
	Folder string `arg:"" name:"run" help:"A run's folder."`
	dataFlags
	Out     string `help:"Folder of what is written (default: the run's)." placeholder:"DIR"`
	Threads int    `default:"0" help:"Threads to compute with; 0 takes all cores."`
}

func (c *reportCommand) Run(ctx context.Context, s streams) error {
	if c.Threads < 0 {
		return usagef("--threads %d: at least 0 expected", c.Threads)
	}
	tensor.SetThreads(c.Threads)
	f := folder(c.Folder).current(s.err)
	config, err := f.readConfig()
	if err != nil {
		return err
	}
	if c.DataDir == "" {
		c.DataDir = config.Data.Dir
	}
	if config.Settings.isTable() {
		return c.reportTable(ctx, f, config, s)
	}
	settings := config.Settings
	if settings.Data = config.where(); settings.isPath() && c.DataDir != "" { // the pictures are there now
		settings.Data = c.DataDir
	}
	data, err := settings.parts(ctx, c.dataFlags, nil, s.err)
	if err != nil {
		return err
	}
	if err := cmp.Or(config.Data.same(data.record), data.own.samePictures(config.Data, f.files())); err != nil {
		return fmt.Errorf("the data are not those that the run in %s was started with: %w", f, err)
	}
	page, err := finalPage(f, config, data.final(), data.own, byNet, s.err)
	if err != nil {
		return err
	}
	out := c.Out
	if out == "" {
		out = string(f)
	}
	if err := os.MkdirAll(out, 0o777); err != nil {
		return err
	}
	run := report.Run{Name: string(f), Epochs: page.Epochs, Batches: page.Batches}
	if err := report.Pictures(out, run, page.Predictions, page.Model.Net, page.Model.InputShape); err != nil {
		return err
	}
	if err := atomicfile.Write(folder(out).page(), page.Write); err != nil {
		return err
	}
	fmt.Fprintf(s.err, "report.html and the pictures of %s are in %s\n", f, out)
	return nil
}

// outputs is a way to what a model says of a data set, or of each picture and its mirror image: logits
// (N, C), and the labels.
type outputs func(m *model.Model, mirrored bool, d *dataset.Images) (logits, targets *tensor.Tensor, err error)

// byNet is the outputs of the model's net.
func byNet(m *model.Model, mirrored bool, d *dataset.Images) (logits, targets *tensor.Tensor, err error) {
	return outputsOf(m, measured(m.Net, mirrored, false), d)
}

// outputsOf returns the outputs of a net, m's or one that is made of it.
func outputsOf(m *model.Model, net nn.Module, d *dataset.Images) (logits, targets *tensor.Tensor, err error) {
	if !slices.Equal(d.Classes(), m.Classes) {
		return nil, nil, fmt.Errorf("the model tells %v apart, but %s has %v", m.Classes, d.Name, d.Classes())
	}
	prepareFor(m, d)
	batch, err := measuringBatch("a sample", true, held(d), &m.Definition)
	if err != nil {
		return nil, nil, err
	}
	return train.Predict(net, loader.New(d, loader.Options{BatchSize: batch, Workers: prefetch}))
}

// newPredictions returns the outputs for a data set as a report takes them.
func newPredictions(m *model.Model, logits, targets *tensor.Tensor, d *dataset.Images) *report.Predictions {
	p := report.NewPredictions(m.Classes, logits, targets, func(i int) image.Image { return d.Image(i) })
	p.Names = d.Names
	if d.Split == dataset.Validation {
		p.Of = "validation"
	}
	return p
}
