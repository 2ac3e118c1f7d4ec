package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"

	"github.com/alecthomas/kong"

	"github.com/onehot-go/onehot/internal/printable"
	"github.com/onehot-go/onehot/report"
	"github.com/onehot-go/onehot/tensor"
	"github.com/onehot-go/onehot/train"
)

type lrFindCommand struct {
	settings    `embed:""`
	dataFlags   `group:"Data"`
	memoryFlags `group:"Training"`
	From        float64 `default:"1e-5" group:"Learning rate" help:"Learning rate to begin with."`
	To          float64 `default:"10" group:"Learning rate" help:"Learning rate to end with, unless the loss explodes before."`
	Steps       int     `default:"300" group:"Learning rate" help:"Training steps to get from one to the other."`
	Plot        string  `group:"Output" help:"Draw the loss over the learning rate to a PNG or SVG file." placeholder:"FILE"`
	Force       bool    `group:"Output" help:"Replace the file of --plot."`
	Threads     int     `default:"0" group:"Training" help:"Threads to compute with; 0 takes all cores."`
	JSON        bool    `group:"Output" help:"Print one JSON object."`
}

// notToFind are flags of training that mean nothing where a learning rate is looked for.
var notToFind = []string{"lr", "epochs", "max-time", "val", "early-stop", "ema", "schedule", "warmup", "step-size", "milestones", "gamma", "patience"}

// lrFound is what lr-find prints with --json.
type lrFound struct {
	Suggested float64   `json:"suggested"`
	Low       float64   `json:"low"` // rates between which the loss is near its lowest
	High      float64   `json:"high"`
	LR        []float64 `json:"lr"`
	Loss      []float64 `json:"loss"`
}

func (c *lrFindCommand) Run(ctx context.Context, parsed *kong.Context, s streams) error {
	set := given(parsed)
	for _, flag := range notToFind {
		if set[flag] {
			return usagef("--%s is for train", flag)
		}
	}
	if c.Threads < 0 {
		return usagef("--threads %d: at least 0 expected", c.Threads)
	}
	if !(c.From > 0 && c.From < c.To) || math.IsInf(c.To, 0) {
		return usagef("--from %g --to %g: positive numbers in order expected", c.From, c.To)
	}
	if c.Steps < 2 || c.Steps > maxCount {
		return usagef("--steps %d: 2 to %d expected", c.Steps, maxCount)
	}
	if c.Optimizer == "lbfgs" {
		return usagef("--optimizer lbfgs: it searches for its steps itself")
	}
	if c.Pretrained != "" && (c.Freeze == "" || c.Freeze == frozenAll) {
		return usagef("--pretrained %s: without --freeze N or none its last layer is fitted by a method that searches for its steps itself", c.Pretrained)
	}
	if err := checkDrawn("--plot", c.Plot, c.Force); err != nil {
		return err
	}
	tensor.SetThreads(c.Threads)
	c.limit()
	t := trainCommand{settings: c.settings, dataFlags: c.dataFlags}
	if t.isTable() {
		set["optimizer"] = true // another than train's, which searches for its steps itself
	}
	if err := t.find(ctx, set, s.err); err != nil {
		return err
	}
	if err := t.complete(set); err != nil {
		return err
	}
	t.Schedule, t.EMA, t.EarlyStop = "constant", 0, 0 // as a recipe may have them
	if !t.isPath() {
		t.Val = amount{}
	}
	r, err := t.prepare(ctx, streams{io.Discard, s.err})
	if err != nil {
		return err
	}
	found, err := train.FindLR(ctx, r.config(train.Progress{}), c.From, c.To, c.Steps)
	if err != nil {
		return err
	}
	suggested, low, high := train.SuggestLR(found)
	if c.Plot != "" {
		if err := report.LRCurve(found, suggested).Save(c.Plot); err != nil {
			return err
		}
		fmt.Fprintf(s.err, "drawn to %s\n", printable.Name(c.Plot))
	}
	if c.JSON {
		out := lrFound{Suggested: suggested, Low: low, High: high}
		for _, f := range found {
			out.LR, out.Loss = append(out.LR, f.LR), append(out.Loss, f.Loss)
		}
		return json.NewEncoder(s.out).Encode(out)
	}
	_, err = fmt.Fprintf(s.out, "the loss is lowest from %.2g to %.2g; suggested: --lr %.2g, between them\n", low, high, suggested)
	return err
}
