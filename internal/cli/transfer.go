package cli

import (
	"context"
	"fmt"
	"io"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/onehot-go/onehot/model"
	"github.com/onehot-go/onehot/model/zoo"
	"github.com/onehot-go/onehot/nn"
	"github.com/onehot-go/onehot/random"
	"github.com/onehot-go/onehot/tensor"
)

// frozenAll is --freeze for a run in which the last layer alone is fitted.
const frozenAll = "all"

// fineTuning is what flags are for that a probe makes no use of.
const fineTuning = "fine-tuning, with --freeze N or none"

// probes reports whether the last layer of a pretrained net alone is fitted.
func (s *settings) probes() bool { return s.Pretrained != "" && s.Freeze == frozenAll }

// models returns what Model may be: the name of the pretrained net, or those that --model takes.
func (s *settings) models() []string {
	if s.Pretrained != "" {
		return []string{s.Pretrained}
	}
	return modelNames
}

// preparedAs returns the weights whose steps prepare the pictures of a pretrained net.
func (s *settings) preparedAs() (zoo.Weights, error) {
	n, err := zoo.Named(s.Pretrained)
	if err != nil {
		return zoo.Weights{}, fmt.Errorf("pretrained: %w", err)
	}
	all := n.Weights()
	i := slices.IndexFunc(all, func(w zoo.Weights) bool { return w.Version == s.PreparedAs })
	if i < 0 {
		return zoo.Weights{}, fmt.Errorf("prepared_as: found %q, a version of the weights of %s expected", s.PreparedAs, n.Name)
	}
	return all[i], nil
}

// implied reports whether a setting follows from others of a pretrained net, and is no flag beside them.
func (s *settings) implied(flag string) bool {
	return s.fits() && flag == "epochs" || s.Pretrained != "" && (slices.Contains(ofPretrained, flag) || flag == "prepared-as" || s.probes() && flag == "epochs")
}

// ofPretrained are the flags of what a pretrained net says itself.
var ofPretrained = []string{"model", "recipe", "init", "size", "fit", "color"}

// What fine-tuning does if nothing is said: a few passes in small batches, more where these are few steps, at
// a tenth of the rate for nets that begin anew.
const (
	tunedEpochs = 5
	tunedSteps  = 200
	tunedBatch  = 16
	tunedShare  = 0.1
)

// pretrain finds what --pretrained and --weights name, and sets what the command line, which has the
// flags given, leaves open of a run with them.
func (c *trainCommand) pretrain(ctx context.Context, given map[string]bool, remarks io.Writer) error {
	for _, flag := range ofPretrained {
		if given[flag] {
			return usagef("--%s is for runs without --pretrained", flag)
		}
	}
	set := maps.Clone(given)
	maps.Copy(set, c.adopted)
	if !set["freeze"] {
		c.Freeze = frozenAll
	}
	c.Model, c.Init = c.Pretrained, "uniform"
	if c.probes() {
		if !set["optimizer"] {
			c.Optimizer = "lbfgs"
		}
		if !set["lr"] {
			c.LR = defaultLR["lbfgs"]
		}
		if !given["epochs"] {
			c.Epochs = 1
		}
		c.chooseL2 = !set["l2"]
	} else {
		r := settings{Epochs: tunedEpochs, BatchSize: tunedBatch, Optimizer: "adamw", Schedule: "cosine", Augment: []string{"flip"}}
		for _, flag := range []string{"warmup", "step-size", "milestones", "gamma", "patience"} { // of other schedules
			if set[flag] {
				r.Schedule = ""
			}
		}
		c.follow(r, set)
		if c.MaxTime.Duration > 0 && !set["epochs"] {
			c.Epochs = 0
		}
		if !set["lr"] {
			c.LR = tunedShare * defaultLR[c.Optimizer]
		}
		if !set["lr-head"] {
			c.LRHead = c.LR / tunedShare
		}
		if !set["weight-decay"] && c.Optimizer == "adamw" {
			c.WeightDecay = defaultDecay
		}
	}
	if err := c.check(); err != nil { // before a file is looked for
		return err
	}
	if !slices.Contains(versions, c.Weights) { // the run may go on, or be done again, in another folder
		whole, err := filepath.Abs(c.Weights)
		if err != nil {
			return err
		}
		c.Weights = whole
	}
	if err := c.findTrained(ctx, remarks); err != nil {
		return err
	}
	like := c.trained.like
	c.PreparedAs, c.Size, c.Fit, c.Color = like.Version, like.Crop, "crop", "rgb"
	return nil
}

// findTrained finds what --pretrained and --weights name, unless that is done, or there are none. The
// error says that it is not what a run began with that goes on or is done again.
func (c *trainCommand) findTrained(ctx context.Context, remarks io.Writer) (err error) {
	if c.Pretrained == "" || c.trained != nil {
		return nil
	}
	if c.trained, err = findWeights(ctx, c.Pretrained, c.Weights, c.Download, remarks); err != nil {
		return err
	}
	if c.weights != nil && c.weights.SHA256 != c.trained.sha256 {
		return fmt.Errorf("%s: found SHA-256 %s, %s expected: the run began with other weights", c.trained.path, c.trained.sha256, c.weights.SHA256)
	}
	return nil
}

// tuneLonger makes more passes over few pictures, unless the command line, which has the flags given, or
// --config says how many.
func (c *trainCommand) tuneLonger(given map[string]bool) {
	if c.probes() || given["epochs"] || c.adopted["epochs"] || c.MaxTime.Duration > 0 {
		return
	}
	c.Epochs = max(tunedEpochs, min(mostPasses, roundedUp(tunedSteps, c.situation().steps(c.BatchSize))))
}

// adviseTrained says what is done with a pretrained net in a run of a length.
func (c *trainCommand) adviseTrained(s situation, length string, remarks io.Writer) {
	if c.probes() {
		fmt.Fprintf(remarks, "--pretrained %s: its last layer is fitted to about %d pictures, the others stay; --freeze N or none trains more of them\n", c.Pretrained, s.pictures)
		return
	}
	fmt.Fprintf(remarks, "--pretrained %s, --freeze %s: %s, batches of %d, %s at a learning rate of %g, %g for the last layer\n", c.Pretrained, c.Freeze, length, c.BatchSize, c.Optimizer, c.LR, c.LRHead)
}

// buildTrained returns the model that d defines with the pretrained net's weights, and what stays
// as it was frozen.
func (c *trainCommand) buildTrained(d model.Definition, remarks io.Writer) (*model.Model, error) {
	known := c.trained.run != nil && slices.Equal(c.trained.run.Classes, d.Classes)
	m, classes, err := c.trained.build(d, !known, random.New(c.Seed).For("init"))
	if err != nil {
		return nil, err
	}
	switch {
	case known || c.probes():
	case classes == 0:
		fmt.Fprintf(remarks, "the weights have no last layer: a new one for %d classes is trained\n", len(d.Classes))
	default:
		fmt.Fprintf(remarks, "the last layer, for %d classes, is replaced by a new one for %d\n", classes, len(d.Classes))
	}
	if c.probes() {
		nn.SetTraining(m.Net, false)
		return m, nil
	}
	return m, freeze(m.Net, c.Freeze)
}

// topLayer is a layer that --freeze counts, or stands beside those.
type topLayer struct {
	path   string
	module nn.Module
}

// topLayers returns the layers of a net, and in place of a net within it that one's.
func topLayers(net *nn.Sequential) (all []topLayer) {
	for name, m := range net.Layers() {
		inner, ok := m.(*nn.Sequential)
		if !ok {
			all = append(all, topLayer{name, m})
			continue
		}
		for in, m := range inner.Layers() {
			all = append(all, topLayer{name + "." + in, m})
		}
	}
	return all
}

// freeze makes the first layers of a net stay as they are: as many with parameters as a number says, or
// those up to the one of a name, or none. They are in evaluation, so that batch norms keep their statistics.
func freeze(net *nn.Sequential, layers string) error {
	if layers == "none" {
		return nil
	}
	all := topLayers(net)
	var learning []string
	end, head := -1, -1
	n, err := strconv.Atoi(layers)
	for i, b := range all {
		if nn.NumParameters(b.module) > 0 {
			learning, head = append(learning, b.path), i
		}
		if err == nil && n > 0 && len(learning) == n && end < 0 || err != nil && (b.path == layers || strings.HasPrefix(b.path, layers+".")) {
			end = i
		}
	}
	if end < 0 || end >= head {
		last := len(learning) - 1
		return usagef("--freeze %s: all, none, 1 to %d, or a layer before the last expected: %s", layers, last, strings.Join(learning[:last], ", "))
	}
	for _, b := range all[:end+1] {
		nn.SetTraining(b.module, false)
		for _, p := range nn.ParameterList(b.module) {
			p.SetRequiresGrad(false)
		}
	}
	return nil
}

// learning returns the parameters that are trained: of a pretrained net those of the last layer by
// themselves.
func (s *settings) learning(net *nn.Sequential) (params, head []*tensor.Tensor) {
	if s.Pretrained == "" {
		return nn.ParameterList(net), nil
	}
	_, last := zoo.Head(net)
	head = nn.ParameterList(last)
	for _, p := range nn.ParameterList(net) {
		if p.RequiresGrad() && !slices.Contains(head, p) {
			params = append(params, p)
		}
	}
	return params, head
}
