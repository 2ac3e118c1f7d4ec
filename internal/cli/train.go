package cli

import (
	"context"
	"crypto/rand"
	"errors"
	"io"
	"maps"
	"os"
	"slices"
	"time"

	"github.com/alecthomas/kong"

	"github.com/onehot-go/onehot/report"
	"github.com/onehot-go/onehot/tensor"
	"github.com/onehot-go/onehot/train"
)

type trainCommand struct {
	settings    `embed:""`
	dataFlags   `group:"Data"`
	memoryFlags `group:"Training"`
	Out         string   `group:"Output" help:"The run's folder (default runs/<model>-<data>-<n>, the first n that is free)." placeholder:"DIR"`
	Threads     int      `default:"0" group:"Training" help:"Threads to compute with; 0 takes all cores. Results do not depend on it."`
	Config      string   `group:"Training" help:"The config.json of a run to do again, on its data; settings on the command line win." placeholder:"FILE"`
	Every       duration `name:"checkpoint-every" default:"0s" group:"Output" help:"Keep a checkpoint within an epoch too, each time so much time has gone by, as in 5m. --resume goes on from it to the same weights; 0s keeps one after each epoch alone." placeholder:"TIME"`
	Resume      bool     `xor:"existing" group:"Output" help:"Go on with the run in --out; it keeps its settings, and --epochs may be raised."`
	Force       bool     `xor:"existing" group:"Output" help:"Replace the run in --out, which is kept beside it as .NAME.replaced until the next time."`
	JSON        bool     `group:"Output" help:"Print one JSON object a line instead of text."`
	TensorBoard bool     `name:"tensorboard" group:"Output" help:"Keep figures and pictures for TensorBoard too, in the run's folder."`
	Watch       bool     `group:"Output" help:"Serve the run's report while it trains, to this machine alone."`
	Port        int      `default:"0" group:"Output" help:"Port of --watch; 0 takes any that is free."`
	Quiet       bool     `short:"q" group:"Output" help:"Print no progress and no remarks."`

	began    time.Time
	pictures *ownPictures    // what is at the path that the data are; nil of a data set known by name
	table    *ownTable       // what is at the path, of a table; nil of pictures
	adopted  map[string]bool // settings that are those of --config, by their flags
	expected *dataRecord     // the data of --config, where they have to be the same; else nil
	weights  *fileRecord     // those of --config, or of the run that goes on, to begin with; nil for any
	trained  *trainedNet     // what --pretrained names; nil until it is looked for
	chooseL2 bool            // whether cross-validation chooses --l2
}

func (c *trainCommand) Run(ctx context.Context, parsed *kong.Context, s streams) error {
	c.began = time.Now()
	if c.Threads < 0 {
		return usagef("--threads %d: at least 0 expected", c.Threads)
	}
	if c.Every.Duration < 0 {
		return usagef("--checkpoint-every %s: 0s or more expected", c.Every)
	}
	if given(parsed)["port"] && !c.Watch {
		return usagef("--port is for --watch")
	}
	if given(parsed)["out"] && c.Out == "" {
		return usagef(`--out "": a folder's name expected`)
	}
	tensor.SetThreads(c.Threads)
	c.limit()
	if c.Quiet {
		s.err = io.Discard
	}
	if c.follows() {
		s, c.Watch = streams{io.Discard, io.Discard}, false
	}
	if err := c.meet(s.err); err != nil {
		return err
	}
	if c.Shards == 1 { // as nothing is saved of one
		c.Shards = 0
	}
	if c.Resume && c.Config != "" {
		return usagef("--config is for new runs: --resume goes on with the settings of the run in --out")
	}
	if c.Resume {
		return c.resume(ctx, given(parsed), s)
	}
	r, err := c.arrange(ctx, given(parsed), s)
	return c.share(ctx, r, err, s, func() error { return c.start(ctx, r, s) })
}

// arrange returns the run of the command line, which has the flags and arguments given.
func (c *trainCommand) arrange(ctx context.Context, given map[string]bool, s streams) (*trainRun, error) {
	if c.Config != "" {
		if err := c.adopt(given); err != nil {
			return nil, err
		}
	}
	if err := c.find(ctx, given, s.err); err != nil {
		return nil, err
	}
	if err := c.complete(given); err != nil {
		return nil, err
	}
	if c.ranks() > 1 && !given["shards"] && !c.adopted["shards"] && c.Optimizer != "lbfgs" {
		c.Shards = usualShards
	}
	if c.pictures != nil && c.Config == "" {
		c.advise(given, s.err)
	}
	r, err := c.prepare(ctx, s)
	if err != nil {
		return nil, err
	}
	return r, c.checkExpected(r)
}

// find lists the pictures at the path that the data are, and settles how they are prepared. Of a data
// set that is known by name there is nothing to do.
func (c *trainCommand) find(ctx context.Context, given map[string]bool, remarks io.Writer) (err error) {
	if c.Pretrained != "" {
		if err := c.pretrain(ctx, given, remarks); err != nil {
			return err
		}
	}
	if !c.isPath() {
		return nil
	}
	if c.isTable() {
		return c.settleTable(ctx, given)
	}
	if err := c.check(); err != nil { // before files are read
		return err
	}
	if c.pictures, err = c.listPictures(ctx); err != nil {
		return err
	}
	return c.settle(ctx, given, c.adopted, c.pictures)
}

// complete sets what the command line, which has the flags and arguments given, leaves
// open, and --config too: what the recipe says, and what depends on other settings. The error is about flags
// that nothing makes use of.
func (c *trainCommand) complete(given map[string]bool) error {
	if c.Pretrained != "" { // which has set all else
		c.tuneLonger(given)
		return c.checkGiven(given)
	}
	if c.MaxTime.Duration > 0 && !given["epochs"] {
		c.Epochs = 0
	}
	set := maps.Clone(given)
	if c.Config == "" || given["recipe"] {
		set = c.follow(c.recommended(given), given)
	}
	maps.Copy(set, c.adopted)
	if !set["init"] {
		c.Init = architectures[slices.Index(modelNames, c.Model)].init
	}
	if err := c.checkGiven(given); err != nil {
		return err
	}
	if !set["lr"] {
		c.LR = defaultLR[c.Optimizer]
	}
	if !set["weight-decay"] && c.Optimizer == "adamw" {
		c.WeightDecay = defaultDecay
	}
	return nil
}

// start begins a run.
func (c *trainCommand) start(ctx context.Context, r *trainRun, s streams) (err error) {
	if r.own != nil {
		r.own.summarize(&c.settings, s.err)
	}
	var unlock func()
	if r.folder, unlock, err = createFolder(c.Out, c.Force, c.settings, s.err); err != nil {
		return err
	}
	defer unlock()
	err = c.begin(ctx, r, s)
	if err != nil && !r.folder.begun() {
		os.Remove(string(r.folder)) // only if nothing was written
	}
	return errors.Join(err, r.folder.endReplaced())
}

// begin writes the folder's first files and trains.
func (c *trainCommand) begin(ctx context.Context, r *trainRun, s streams) error {
	r.id = rand.Text()
	if err := writeJSON(r.folder.config(), newConfig(r.id, c.settings, r.data, r.weights, c.Threads, c.Every)); err != nil {
		return err
	}
	if err := r.folder.writeFiles(r.own); err != nil {
		return err
	}
	history, err := report.CreateHistory(r.folder.history(), r.data.score(), r.val != nil)
	if err != nil {
		return err
	}
	return r.train(ctx, history, train.Progress{}, c.JSON, s)
}
