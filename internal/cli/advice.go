package cli

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/onehot-go/onehot/dataset/files"
	"github.com/onehot-go/onehot/internal/printable"
	"github.com/onehot-go/onehot/model"
)

// situation is what it depends on how a net is best trained on pictures of the user's own.
type situation struct {
	pictures, classes int // to train on, as far as is known before they are read; that are told apart
	side              int // of a picture, in pixels
	colour            bool
}

// What nets are trained with where nothing is said. A net needs usefulSteps steps at least before it
// is worth anything.
const (
	usefulSteps   = 500
	enoughSteps   = 1500
	leastPasses   = 5 // over all pictures
	mostPasses    = 30
	largestBatch  = 128
	usualEpochs   = 5 // as the notebooks train, with
	usualBatch    = 256
	scarce        = 20 // of a class
	pretrainBelow = 2000
)

// situation returns that of the run's pictures.
func (c *trainCommand) situation() situation {
	s := situation{side: c.Size, colour: c.Color == "rgb", classes: len(c.pictures.Classes())}
	for _, f := range c.pictures.Files {
		if f.Part == "" || f.Part == files.Train {
			s.pictures++
		}
	}
	s.pictures = max(s.pictures-c.Val.Of(s.pictures)-c.Test.Of(s.pictures), 1)
	return s
}

// batch returns the greatest power of two that is at most a sixteenth of the pictures.
func (s situation) batch() int {
	b := 1
	for 2*b <= min(s.pictures/16, largestBatch) {
		b *= 2
	}
	return b
}

// net returns the model for pictures of this size.
func (s situation) net() string {
	if s.side < 8 { // behind two poolings too little is left of it
		return "mlp"
	}
	return "resnet"
}

// augment returns changes after which most pictures are still of their class: they are moved by a
// sixteenth, or within the margin that large ones have, and mirrored if they have colours, as letters
// and digits seldom do.
func (s situation) augment() []string {
	steps := []string{fmt.Sprintf("crop:%d", max(1, s.side/16))}
	if withMargin(s.side) > s.side {
		steps[0] = "crop:0"
	}
	if s.colour {
		steps = append(steps, "flip")
	}
	return steps
}

// steps returns the steps of a pass over all pictures in batches of a size.
func (s situation) steps(batch int) int { return (s.pictures + batch - 1) / batch }

// rates are the learning rates at which AdamW trains a net on few pictures.
var rates = map[string]float64{"softmax": 0.0003, "mlp": 0.0003, "lenet": 0.001, "cnn": 0.001, "resnet": 0.003}

// advice returns what a net is trained with on the pictures if no recipe is given, in batches of a size.
func (s situation) advice(net string, batch int) settings {
	steps := s.steps(batch)
	passes := max(leastPasses, min(mostPasses, roundedUp(enoughSteps, steps)), roundedUp(usefulSteps, steps))
	return settings{Model: net, Epochs: passes, BatchSize: batch, Optimizer: "adamw", LR: rates[net], WeightDecay: defaultDecay,
		Schedule: "one-cycle"}
}

// usualFits reports whether what nets are trained with on other data has enough steps here too.
func (s situation) usualFits() bool { return usualEpochs*s.steps(usualBatch) >= usefulSteps }

// recipe returns what a recipe comes to for the pictures: as many passes as take the time that it
// takes for Fashion-MNIST, by what the nets compute.
func (s situation) recipe(name string, batch int) settings {
	r := recipes[name]
	r.Model, r.BatchSize, r.Val = s.net(), batch, amount{}
	most := 2 * mostPasses
	if name == "best" {
		r.Augment, most = s.augment(), 10*mostPasses
		r.TTA = s.colour
	}
	if batch < largestBatch {
		r.LR = 0.003
	}
	const fashion = 55_000 // training pictures beside the validation data of recipes
	work := float64(recipes[name].Epochs*fashion) * flops(model.ResNet([]int{1, 28, 28}, make([]string, 10)))
	pass := float64(s.pictures) * flops(s.definition(r.Model))
	r.Epochs = max(1, roundedUp(usefulSteps, s.steps(batch)), min(most, int(work/pass)))
	return r
}

// definition returns a model for the pictures.
func (s situation) definition(name string) model.Definition {
	shape := []int{1, s.side, s.side}
	if s.colour {
		shape[0] = 3
	}
	return architectures[slices.Index(modelNames, name)].define(shape, []int{256}, make([]string, s.classes))
}

// flops returns what a net computes for a picture.
func flops(d model.Definition) float64 {
	layers, err := d.Costs()
	if err != nil {
		panic(err) // of a net for pictures that are large enough
	}
	sum := 0.0
	for _, l := range layers {
		sum += float64(l.FLOPs)
	}
	return sum
}

func roundedUp(a, b int) int { return (a + b - 1) / b }

// recommended returns the settings that go well together for the data: those of the recipe, or, for
// pictures of the user's own, what they need: with a model, where the usual settings have too few steps for it.
func (c *trainCommand) recommended(given map[string]bool) settings {
	if c.pictures == nil {
		return recipes[c.Recipe]
	}
	s := c.situation()
	if c.Recipe == "" && given["model"] && s.usualFits() {
		return settings{}
	}
	batch := s.batch()
	if given["batch-size"] {
		batch = c.BatchSize
	}
	var r settings
	switch {
	case c.Recipe != "":
		r = s.recipe(c.Recipe, batch)
	case given["model"]:
		r = s.advice(c.Model, batch)
	default:
		r = s.advice(s.net(), batch)
		r.Augment = s.augment()
	}
	if c.Val.None() && c.Test.None() && !c.pictures.hasPart(files.Val) && !c.pictures.hasPart(files.Test) {
		r.TTA = false // nothing will be measured
	}
	for _, flag := range []string{"momentum", "nesterov", "l2"} { // of other optimizers
		if given[flag] && !given["optimizer"] {
			r.Optimizer, r.LR, r.WeightDecay = "", 0, 0
		}
	}
	if given["model"] && given["lr"] && !given["optimizer"] { // a rate of the usual optimizer
		r.Optimizer, r.WeightDecay, r.Schedule = "", 0, ""
	}
	for _, flag := range []string{"warmup", "step-size", "milestones", "gamma", "patience"} { // of other schedules
		if given[flag] {
			r.Schedule = ""
		}
	}
	if given["optimizer"] && c.Optimizer == "lbfgs" {
		r = settings{Model: "softmax"}
	}
	return r
}

// advise says what was chosen for pictures of the user's own, and why. given are the flags on the
// command line.
func (c *trainCommand) advise(given map[string]bool, remarks io.Writer) {
	s := c.situation()
	kind := "grey"
	if s.colour {
		kind = "colour"
	}
	steps := s.steps(c.BatchSize)
	length := fmt.Sprintf("%s of %s", counted(c.Epochs, "epoch"), counted(steps, "step"))
	if c.MaxTime.Duration > 0 {
		length = fmt.Sprintf("%s long", c.MaxTime)
	}
	switch {
	case c.Pretrained != "":
		c.adviseTrained(s, length, remarks)
	case c.Recipe != "":
		why := ""
		if !given["epochs"] && c.MaxTime.Duration == 0 {
			why = fmt.Sprintf(": no more work than for Fashion-MNIST, but %d steps at least", usefulSteps)
		}
		fmt.Fprintf(remarks, "--recipe %s for about %d %s pictures of %dx%d: %s, batches of %d, %s%s\n",
			c.Recipe, s.pictures, kind, s.side, s.side, c.Model, c.BatchSize, length, why)
	case !given["model"]:
		fmt.Fprintf(remarks, "no --model is given, so this is chosen for about %d %s pictures of %dx%d:\n", s.pictures, kind, s.side, s.side)
		fmt.Fprintf(remarks, "  %s, a net for this size; %s at a learning rate of %g, %s\n", c.Model, c.Optimizer, c.LR, c.Schedule)
		fmt.Fprintf(remarks, "  %s, batches of %d: a net needs some %d steps, and 16 batches in an epoch\n", length, c.BatchSize, usefulSteps)
		if len(c.Augment) > 0 {
			fmt.Fprintf(remarks, "  --augment %s: few pictures go further if each is seen a little differently; --augment \"\" leaves them\n", strings.Join(c.Augment, ","))
		}
	case c.Optimizer != "lbfgs" && c.Epochs > 0 && c.Epochs*steps < usefulSteps:
		fmt.Fprintf(remarks, "%s are few steps to learn from: --epochs %d has %d\n", length, roundedUp(usefulSteps, steps), usefulSteps)
	case c.Optimizer != "lbfgs" && !s.usualFits() && !(given["batch-size"] && given["epochs"] && given["optimizer"]):
		fmt.Fprintf(remarks, "%d epochs of batches of %d are few steps for about %d pictures, so this is chosen: %s, batches of %d, %s at a learning rate of %g, %s\n",
			usualEpochs, usualBatch, s.pictures, length, c.BatchSize, c.Optimizer, c.LR, c.Schedule)
	}
}

// fewOf says which classes have few pictures to learn from, and what helps beside more. counts are by class.
func fewOf(classes []string, counts []int, help string) string {
	few := map[string]int{}
	for i, n := range counts {
		if n < scarce {
			few[classes[i]] = n
		}
	}
	if len(few) == 0 {
		return ""
	}
	names := slices.Sorted(maps.Keys(few))
	const most = 3
	var said []string
	for _, name := range names[:min(most, len(names))] {
		said = append(said, fmt.Sprintf("%s (%d)", printable.Name(name), few[name]))
	}
	more := ""
	if len(names) > most {
		more = fmt.Sprintf(" and %d more", len(names)-most)
	}
	return fmt.Sprintf("few pictures to learn from: %s%s; below %d a class a net guesses much, and figures jump by whole pictures: more pictures help most, then %s",
		strings.Join(said, ", "), more, scarce, help)
}

// pretrained says what would do better for so many pictures of a run with the settings, or nothing.
func (s *settings) pretrained(pictures int) string {
	if s.Pretrained != "" || pictures >= pretrainBelow {
		return ""
	}
	return fmt.Sprintf("a net that has seen a million pictures before does better with so few: onehot train %s --pretrained resnet18", printable.Word(s.Data))
}
