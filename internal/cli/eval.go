package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"slices"

	"github.com/onehot-go/onehot/loader"
	"github.com/onehot-go/onehot/model"
	"github.com/onehot-go/onehot/report"
	"github.com/onehot-go/onehot/tensor"
	"github.com/onehot-go/onehot/train"
)

type evalCommand struct {
	Model string `arg:"" help:"A model's file, or a run's folder for the best model in it."`
	Data  string `arg:"" optional:"" enum:",${datasets}" default:"" help:"Data set (default: the one that the model was trained on)."`
	dataFlags
	Threads int  `default:"0" help:"Threads to compute with; 0 takes all cores."`
	JSON    bool `help:"Print one JSON object."`
}

func (c *evalCommand) Run(ctx context.Context, s streams) error {
	if c.Threads < 0 {
		return usagef("--threads %d: at least 0 expected", c.Threads)
	}
	tensor.SetThreads(c.Threads)
	m, err := loadModel(c.Model)
	if err != nil {
		return err
	}
	if c.Data == "" {
		c.Data = m.Data
	}
	_, test, err := c.open(ctx, c.Data, s.err)
	if err != nil {
		return err
	}
	if !slices.Equal(test.Classes(), m.Classes) {
		return fmt.Errorf("%s tells %v apart, but %s has %v", c.Model, m.Classes, c.Data, test.Classes())
	}
	if test.Transform, err = m.Transform(); err != nil {
		return err
	}
	e, err := train.Evaluate(m.Net, loader.New(test, loader.Options{BatchSize: evalBatch, Workers: prefetch}))
	if err != nil {
		return err
	}
	if math.IsNaN(e.Loss) || math.IsInf(e.Loss, 0) {
		return fmt.Errorf("%s: its loss is %g: these weights are no good", c.Model, e.Loss)
	}
	figures := report.NewFigures(e, m.Classes)
	if c.JSON {
		return json.NewEncoder(s.out).Encode(figures)
	}
	fmt.Fprintf(s.out, "%s on %s test, %d samples\n", c.Model, c.Data, test.Len())
	return figures.WriteText(s.out)
}

// loadModel reads the model in a file, or the best one in a run's folder.
func loadModel(path string) (*model.Model, error) {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s: no such file or folder: a model's file or a run's folder expected", path)
	}
	if err != nil {
		return nil, err
	}
	if !info.IsDir() {
		return model.Load(path)
	}
	m, err := model.Load(folder(path).best())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s: no model in it: the folder of a run that has finished an epoch expected", path)
	}
	return m, err
}
