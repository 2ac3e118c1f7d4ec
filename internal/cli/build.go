package cli

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/onehot-go/onehot/loader"
	"github.com/onehot-go/onehot/loss"
	"github.com/onehot-go/onehot/model"
	"github.com/onehot-go/onehot/model/zoo"
	"github.com/onehot-go/onehot/nn"
	"github.com/onehot-go/onehot/optim"
	"github.com/onehot-go/onehot/random"
	"github.com/onehot-go/onehot/task"
	"github.com/onehot-go/onehot/tensor"
	"github.com/onehot-go/onehot/train"
	"github.com/onehot-go/onehot/transform"
)

// defaultLR is the learning rate where none is given: PyTorch's, but for sgd, which has
// none there.
var defaultLR = map[string]float64{"sgd": 0.1, "adam": 0.001, "adamw": 0.001, "rmsprop": 0.01, "adagrad": 0.01, "lbfgs": 1}

// defaultDecay is AdamW's weight decay where none is given, as PyTorch's.
const defaultDecay = 0.01

// optimizer returns the optimizer of params that the settings ask for. Those of head, if there are
// any, have a learning rate of their own.
func (s *settings) optimizer(params, head []*tensor.Tensor) optim.Optimizer {
	switch s.Optimizer {
	case "sgd":
		o := optim.SGDOptions{Momentum: s.Momentum, WeightDecay: s.WeightDecay, Nesterov: s.Nesterov}
		return withHead(optim.NewSGD(params, s.LR, o), head, s.LRHead, o)
	case "adam":
		o := optim.AdamOptions{WeightDecay: &s.WeightDecay}
		return withHead(optim.NewAdam(params, s.LR, o), head, s.LRHead, o)
	case "adamw":
		o := optim.AdamOptions{WeightDecay: &s.WeightDecay}
		return withHead(optim.NewAdamW(params, s.LR, o), head, s.LRHead, o)
	case "rmsprop":
		o := optim.RMSpropOptions{Momentum: s.Momentum, WeightDecay: s.WeightDecay}
		return withHead(optim.NewRMSprop(params, s.LR, o), head, s.LRHead, o)
	case "adagrad":
		o := optim.AdagradOptions{WeightDecay: s.WeightDecay}
		return withHead(optim.NewAdagrad(params, s.LR, o), head, s.LRHead, o)
	}
	panic("unreachable: " + s.Optimizer)
}

// grouped is an optimizer that takes groups of parameters.
type grouped[O any] interface {
	optim.Optimizer
	AddGroup(params []*tensor.Tensor, lr float64, options O)
}

// withHead returns the optimizer with a group for the parameters of head, unless there are none.
func withHead[O any](o grouped[O], head []*tensor.Tensor, lr float64, options O) optim.Optimizer {
	if len(head) > 0 {
		o.AddGroup(head, lr, options)
	}
	return o
}

// timedSteps is how many steps a schedule is made for that goes by time.
const timedSteps = 100_000

// schedule returns the learning rate's schedule by training step, of which an epoch has
// so many, or with --max-time by timedSteps where it is planned to the end; nil for none.
func (s *settings) schedule(steps int) optim.Schedule {
	var main optim.Schedule
	rest := (s.Epochs - s.Warmup) * steps // after the warm-up
	if s.MaxTime.Duration > 0 {
		rest = timedSteps
	}
	switch s.Schedule {
	case "step":
		main = optim.StepLR(s.StepSize*steps, s.Gamma)
	case "multi-step":
		milestones := slices.Clone(s.Milestones)
		for i, epoch := range milestones {
			milestones[i] = (epoch - s.Warmup) * steps
		}
		main = optim.MultiStepLR(milestones, s.Gamma)
	case "exponential":
		perEpoch := optim.ExponentialLR(s.Gamma)
		main = func(base float64, step int) float64 { return perEpoch(base, step/steps) }
	case "cosine":
		main = optim.CosineAnnealingLR(max(rest, 1), 0)
	case "one-cycle":
		return optim.NewOneCycleLR(max(rest, 2), optim.OneCycleOptions{}).LR
	case "constant":
		if s.Warmup > 0 {
			main = func(base float64, _ int) float64 { return base }
		}
	}
	if main == nil || s.Warmup == 0 {
		return main
	}
	warmup := s.Warmup * steps
	return optim.SequentialLR([]optim.Schedule{optim.LinearLR(0.1, 1, warmup), main}, []int{warmup})
}

// plateau returns the schedule that watches the loss on the data that choose the best epoch, or nil.
func (s *settings) plateau() *optim.ReduceLROnPlateau {
	if s.Schedule != "plateau" {
		return nil
	}
	return optim.NewReduceLROnPlateau(s.Gamma, s.Patience, optim.PlateauOptions{})
}

// monitor returns by what the best epoch is chosen, nil for accuracy.
func (s *settings) monitor() *train.Monitor {
	switch s.Monitor {
	case "macro-f1":
		return &train.Monitor{Score: task.Score{Name: "macro-f1", Short: "macro-f1"}, Of: func(e train.Evaluation) float64 {
			if f, ok := e.Figures.(task.ByLabel); ok {
				return f.MacroF1
			}
			_, _, f1 := e.Figures.(task.ByClass).Macro()
			return f1
		}}
	case "loss":
		return &train.Monitor{Score: task.Score{Name: "loss", Short: "loss", Lower: true}, Of: func(e train.Evaluation) float64 { return e.Loss }}
	}
	return nil
}

// monitored names what monitor is, as lines do, of a run with scores of a kind.
func (s *settings) monitored(score task.Score) string {
	if m := s.monitor(); m != nil {
		return m.Short
	}
	return score.Short
}

// macroLine says the means over all classes.
func macroLine(f task.ByClass) string {
	precision, recall, f1 := f.Macro()
	return fmt.Sprintf("mean of the classes: precision %.3f, recall %.3f, f1 %.3f", precision, recall, f1)
}

// meansLine says the means over all classes, or over all labels.
func meansLine(f task.Figures) string {
	if f, ok := f.(task.ByLabel); ok {
		return fmt.Sprintf("over all labels: micro f1 %.3f, macro f1 %.3f, samples f1 %.3f, all labels right %.3f, wrong decisions %.3f",
			f.MicroF1, f.MacroF1, f.SamplesF1, f.SubsetAccuracy, f.HammingLoss)
	}
	return macroLine(f.(task.ByClass))
}

// order returns how the training samples come, whose classes are given.
func (s *settings) order(batch int, labels []int) loader.Options {
	o := loader.Options{BatchSize: batch, Shuffle: true, Seed: s.Seed, Workers: prefetch}
	if s.Sample == "" {
		return o
	}
	counts := map[int]int{}
	for _, c := range labels {
		counts[c]++
	}
	weights := make([]float64, len(labels))
	for i, c := range labels {
		weights[i] = 1 / float64(counts[c])
	}
	o.Shuffle, o.Sampler = false, &loader.Weighted{Weights: weights, Samples: len(labels), Seed: s.Seed}
	return o
}

// criterion returns the loss that training makes small, for classes of which the
// training data have so many samples each.
func (s *settings) criterion(samples []int) (loss.CrossEntropy, error) {
	c := loss.CrossEntropy{LabelSmoothing: s.LabelSmoothing}
	if s.ClassWeights == "" {
		return c, nil
	}
	weights := make([]float32, len(samples))
	if s.ClassWeights == "balanced" { // as scikit-learn: what makes every class count as much as the others
		all := 0
		for _, n := range samples {
			all += n
		}
		for i, n := range samples {
			if n > 0 {
				weights[i] = float32(all) / float32(len(samples)*n)
			}
		}
	} else {
		fields := strings.Split(s.ClassWeights, ",")
		for i, field := range fields {
			w, err := strconv.ParseFloat(field, 32)
			if err != nil || !(w >= 0) || math.IsInf(w, 0) || len(fields) != len(samples) {
				return c, usagef("--class-weights %s: balanced, or %d numbers of 0 or more expected", s.ClassWeights, len(samples))
			}
			weights[i] = float32(w)
		}
	}
	counts := false
	for i, n := range samples {
		counts = counts || n > 0 && weights[i] > 0
	}
	if !counts {
		return c, usagef("--class-weights %s: at least one above 0 expected, of a class with training samples", s.ClassWeights)
	}
	c.Weight = tensor.New(weights, len(weights))
	return c, nil
}

// checkSeveral returns which setting does not go with several labels a sample.
func (s *settings) checkSeveral() error {
	for _, c := range []struct {
		set       bool
		flag, why string
	}{
		{s.LabelSmoothing > 0, "--label-smoothing", "spreads the truth over classes of which a sample has one"},
		{s.CV > 0, "--cv", "draws folds by classes of which a row has one"},
		{s.Sample != "", "--sample balanced", "counts samples of one class each; --class-weights balanced makes the yes and the no of every label count as much"},
		{s.Monitor == "accuracy", "--monitor accuracy", "is for samples of one class each: macro-f1 or loss expected, or micro-f1, which is taken without the flag"},
	} {
		if c.set {
			return usagef("%s %s, and there may be several labels here", c.flag, c.why)
		}
	}
	return nil
}

// labelCriterion returns the loss that training makes small, for labels that so many of all training samples
// have each.
func (s *settings) labelCriterion(having []int, samples int) (loss.Loss, error) {
	c := loss.BCEWithLogits{}
	switch s.ClassWeights {
	case "":
		return c, nil
	case "balanced":
	default:
		return c, usagef("--class-weights %s: balanced expected, where there may be several labels", s.ClassWeights)
	}
	// As scikit-learn in each label's own regression: the yes and the no count as much.
	no, yes := make([]float32, len(having)), make([]float32, len(having))
	for i, n := range having {
		no[i], yes[i] = 1, 1
		if n > 0 && n < samples {
			no[i], yes[i] = float32(samples)/float32(2*(samples-n)), float32(samples-n)/float32(n)
		}
	}
	c.Weight, c.PosWeight = tensor.New(no, len(no)), tensor.New(yes, len(yes))
	return c, nil
}

// augmentations are the random changes that --augment knows: what each makes of its
// size, which is the usual one where none is given, and what sizes it takes. One whose
// greatest size is 0 takes none.
var augmentations = map[string]struct {
	usual, least, most float64
	coloured           bool // it does nothing to grey pictures
	make               func(v float64, height, width int) transform.Transform
}{
	"flip": {0.5, 0, 1, false, func(v float64, _, _ int) transform.Transform { return transform.RandomHorizontalFlip{P: v} }},
	"crop": {2, 0, 100, false, func(v float64, h, w int) transform.Transform {
		return transform.RandomCrop{Height: h, Width: w, Padding: int(v)}
	}},
	"rotate": {10, 0, 180, false, func(v float64, _, _ int) transform.Transform {
		return transform.RandomRotation{Degrees: v, Interpolation: transform.Bilinear}
	}},
	"affine": {0.1, 0, 0.5, false, func(v float64, _, _ int) transform.Transform {
		return transform.RandomAffine{Translate: [2]float64{v, v}, Scale: [2]float64{1 - v, 1 + v}, Interpolation: transform.Bilinear}
	}},
	"resized-crop": {0.08, 0.01, 1, false, func(v float64, h, w int) transform.Transform {
		return transform.RandomResizedCrop{Height: h, Width: w, Scale: [2]float64{v, 1}}
	}},
	"brightness": {0.4, 0, 1, false, func(v float64, _, _ int) transform.Transform { return transform.ColorJitter{Brightness: v} }},
	"contrast":   {0.4, 0, 1, false, func(v float64, _, _ int) transform.Transform { return transform.ColorJitter{Contrast: v} }},
	"saturation": {0.4, 0, 1, true, func(v float64, _, _ int) transform.Transform { return transform.ColorJitter{Saturation: v} }},
	"hue":        {0.1, 0, 0.5, true, func(v float64, _, _ int) transform.Transform { return transform.ColorJitter{Hue: v} }},
	"trivial":    {make: func(_ float64, _, _ int) transform.Transform { return transform.TrivialAugmentWide{} }},
	"erase":      {0.25, 0, 1, false, func(v float64, _, _ int) transform.Transform { return transform.RandomErasing{P: v} }},
}

// augment returns the training pictures' way to tensors of the given shape (C, H, W): prepared, with the random
// changes of --augment. Those that work on images come before its ToTensor, and the others at the
// end. Random crops take the place of the one out of the middle.
func (s *settings) augment(prepared transform.Compose, shape []int) (transform.Transform, error) {
	var images, tensors transform.Compose
	for _, step := range s.Augment {
		name, size, sized := strings.Cut(step, ":")
		a, ok := augmentations[name]
		if !ok {
			return nil, usagef("--augment %s: one of %s expected", step, strings.Join(slices.Sorted(maps.Keys(augmentations)), ", "))
		}
		v := a.usual
		if sized && a.most == 0 {
			return nil, usagef("--augment %s: %s takes no number", step, name)
		}
		if sized {
			var err error
			if v, err = strconv.ParseFloat(size, 64); err != nil || !(v >= a.least && v <= a.most) {
				return nil, usagef("--augment %s: a number from %g to %g expected behind the colon", step, a.least, a.most)
			}
		}
		if a.coloured && shape[0] == 1 {
			return nil, usagef("--augment %s: %s does nothing to grey pictures, which this model takes: other changes expected", step, name)
		}
		if name == "crop" && v != math.Trunc(v) {
			return nil, usagef("--augment %s: a whole number of pixels expected", step)
		}
		if name == "erase" {
			tensors = append(tensors, a.make(v, shape[1], shape[2]))
		} else {
			images = append(images, a.make(v, shape[1], shape[2]))
		}
	}
	at := slices.Index(prepared, transform.Transform(transform.ToTensor{}))
	before := slices.Clone(prepared[:at])
	if slices.ContainsFunc(s.Augment, cuts) {
		before = slices.DeleteFunc(before, func(t transform.Transform) bool { _, ok := t.(transform.CenterCrop); return ok })
	}
	return slices.Concat(before, images, prepared[at:], tensors), nil
}

// cuts reports whether a step of --augment cuts pictures to the size that a net takes.
func cuts(step string) bool {
	name, _, _ := strings.Cut(step, ":")
	return name == "crop" || name == "resized-crop"
}

// mirrors reports whether --augment shows mirror images in training.
func mirrors(augment []string) bool {
	return slices.ContainsFunc(augment, func(step string) bool {
		name, size, sized := strings.Cut(step, ":")
		v, err := strconv.ParseFloat(size, 64)
		return name == "flip" && (!sized || err == nil && v > 0)
	})
}

// definition returns the model that the settings ask for.
func (s *settings) definition(data parts) model.Definition {
	shape := data.training.Shape()
	if data.preparation != nil {
		shape[1], shape[2] = s.Size, s.Size // pixels that are kept may have a margin
	}
	var d model.Definition
	if n, err := zoo.Named(s.Pretrained); err == nil {
		d = n.Definition(data.training.Classes())
		d.InputShape = shape
	} else {
		d = architectures[slices.Index(modelNames, s.Model)].define(shape, s.Hidden, data.training.Classes())
	}
	if data.preparation != nil {
		d.Preprocess = data.preparation
	}
	if s.Dropout > 0 {
		d = d.WithDropout(s.Dropout)
	}
	d.Data = s.Data
	return d
}

// build returns the model with its weights as training starts from them: drawn by
// --init. Biases of softmax regression start at 0; those of other nets stay as
// PyTorch's Linear draws them, since the notebooks' initialiser touches weights alone.
func (s *settings) build(d model.Definition) (*model.Model, error) {
	key := random.New(s.Seed).For("init")
	m, err := model.New(d, key)
	if err != nil && s.Model == "mlp" { // the only sizes that were not checked before
		return nil, usagef("--hidden %v: %w", s.Hidden, err)
	}
	if err != nil { // pictures that are too small for it
		return nil, usagef("--model %s: %w", s.Model, err)
	}
	nn.Apply(m.Net, func(path string, module nn.Module) {
		var weight *tensor.Tensor
		switch layer := module.(type) {
		case *nn.Linear:
			if weight = layer.Weight; s.Model == "softmax" {
				layer.Bias.FillInPlace(0)
			}
		case *nn.Conv2d:
			weight = layer.Weight
		default:
			return
		}
		r := key.For(path).For(s.Init).Rand()
		switch s.Init {
		case "normal":
			weight.NormalInPlace(r, 0, s.InitStd)
		case "kaiming":
			nn.KaimingUniform(weight, r, nn.FanIn, nn.Gain(nn.ReLU{}))
		case "xavier":
			nn.XavierUniform(weight, r, 1)
		case "uniform": // as the layers draw them
		default:
			panic(fmt.Errorf("unknown initialisation %q", s.Init))
		}
	})
	return m, nil
}
