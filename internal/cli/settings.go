package cli

import (
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"
)

// settings are what a run's result depends on: with the same data and program they give
// the same weights. In JSON they are named as the flags, with underscores.
type settings struct {
	Data        string  `json:"data" arg:"" optional:"" default:"fashion-mnist" enum:"${datasets}" help:"Data set: ${enum} (default ${default})."`
	Model       string  `json:"model" default:"softmax" enum:"${models}" help:"Architecture: ${enum}."`
	Hidden      []int   `json:"hidden" default:"256" placeholder:"SIZES" help:"Hidden layer sizes of an mlp, as in 256,64,16 (default 256)."`
	Epochs      int     `json:"epochs" default:"5" help:"Times to go over the training data; 0 measures the untrained model."`
	BatchSize   int     `json:"batch_size" default:"256" help:"Samples of a training step."`
	LR          float64 `json:"lr" name:"lr" default:"0" placeholder:"RATE" help:"Learning rate (default 0.1 for sgd, 0.001 for adam and adamw, 0.01 for rmsprop and adagrad)."`
	Optimizer   string  `json:"optimizer" default:"sgd" enum:"${optimizers}" help:"Optimizer: ${enum}."`
	Momentum    float64 `json:"momentum" default:"0" help:"Share of the last step that the next one keeps, for sgd and rmsprop."`
	Nesterov    bool    `json:"nesterov" help:"Look a step of the momentum ahead, for sgd."`
	WeightDecay float64 `json:"weight_decay" default:"0" help:"Strength of the pull of weights towards 0 (default 0, and 0.01 for adamw)."`
	ClipNorm    float64 `json:"clip_norm" default:"0" help:"Greatest norm of all gradients together; 0 for any."`

	Schedule   string  `json:"schedule" default:"constant" enum:"${schedules}" help:"How the learning rate goes: ${enum}. The momentum stays."`
	Warmup     int     `json:"warmup" default:"0" placeholder:"EPOCHS" help:"Epochs in which the learning rate first rises in a straight line, from a tenth."`
	StepSize   int     `json:"step_size" default:"1" placeholder:"EPOCHS" help:"Epochs between two steps of --schedule step (default 1)."`
	Milestones []int   `json:"milestones" placeholder:"EPOCHS" help:"Epochs after which --schedule multi-step steps, as in 3,4."`
	Gamma      float64 `json:"gamma" default:"0.1" help:"What a step of the schedule multiplies the learning rate by; every epoch for exponential."`
	Patience   int     `json:"patience" default:"2" help:"Epochs without a better test loss that --schedule plateau waits."`

	LabelSmoothing float64  `json:"label_smoothing" default:"0" help:"Share of the truth that is spread over all classes."`
	ClassWeights   string   `json:"class_weights" default:"" placeholder:"WEIGHTS" help:"Weight of each class in the loss: balanced, or a number for each, as in 1,1,2."`
	Dropout        float64  `json:"dropout" default:"0" help:"Probability with which a hidden unit is dropped in training, for an mlp."`
	Augment        []string `json:"augment" placeholder:"STEPS" help:"Random changes to training pictures, in order, each with its size if not the usual: flip, crop:2 (pixels of padding), rotate:10 (degrees), affine:0.1 (share of the size), erase:0.25 (probability)."`
	Mixup          float64  `json:"mixup" default:"0" placeholder:"ALPHA" help:"Mix pairs of training pictures and of their labels; 0 for none, 0.2 is usual."`

	Seed    uint64  `json:"seed" default:"0" help:"Where all chance comes from: initial weights and the order of samples."`
	Init    string  `json:"init" default:"normal" enum:"${inits}" help:"How weights start: ${enum}."`
	InitStd float64 `json:"init_std" default:"0.01" help:"Standard deviation of --init normal."`
}

// What the flags of choices take.
var (
	modelNames     = []string{"softmax", "mlp"}
	optimizerNames = []string{"sgd", "adam", "adamw", "rmsprop", "adagrad"}
	scheduleNames  = []string{"constant", "step", "multi-step", "exponential", "cosine", "one-cycle", "plateau"}
	initNames      = []string{"normal", "kaiming", "xavier"}
)

// check returns what is wrong with the values. The names of choices are checked where
// they are parsed.
func (s *settings) check() error {
	for _, v := range []struct {
		flag       string
		value, min int
	}{{"--epochs", s.Epochs, 0}, {"--batch-size", s.BatchSize, 1},
		{"--warmup", s.Warmup, 0}, {"--step-size", s.StepSize, 1}, {"--patience", s.Patience, 0}} {
		if v.value < v.min {
			return usagef("%s %d: at least %d expected", v.flag, v.value, v.min)
		}
	}
	if len(s.Hidden) == 0 {
		return usagef("--hidden: at least one size expected")
	}
	for _, h := range s.Hidden {
		if h < 1 {
			return usagef("--hidden %d: sizes of at least 1 expected", h)
		}
	}
	for _, v := range []struct {
		flag  string
		value float64
	}{{"--lr", s.LR}, {"--momentum", s.Momentum}, {"--weight-decay", s.WeightDecay}, {"--init-std", s.InitStd},
		{"--clip-norm", s.ClipNorm}, {"--gamma", s.Gamma}, {"--mixup", s.Mixup}} {
		if !(v.value >= 0) || math.IsInf(v.value, 0) {
			return usagef("%s %g: a number of 0 or more expected", v.flag, v.value)
		}
	}
	for _, v := range []struct {
		flag  string
		value float64
	}{{"--label-smoothing", s.LabelSmoothing}, {"--dropout", s.Dropout}} {
		if !(v.value >= 0 && v.value < 1) {
			return usagef("%s %g: a number from 0 to below 1 expected", v.flag, v.value)
		}
	}
	last := s.Warmup
	for _, m := range s.Milestones {
		if m <= last {
			return usagef("--milestones %v: epochs after the %d of --warmup in increasing order expected", s.Milestones, s.Warmup)
		}
		last = m
	}
	if s.Schedule == "plateau" && s.Gamma >= 1 {
		return usagef("--gamma %g: below 1 expected for --schedule plateau", s.Gamma)
	}
	return s.checkCombinations()
}

// checkGiven returns which of the flags on the command line has a value that nothing makes
// use of, although it is the usual one.
func (s *settings) checkGiven(given map[string]bool) error {
	for _, c := range []struct {
		flag string
		used bool
		by   string
	}{
		{"hidden", s.Model == "mlp", "--model mlp"},
		{"gamma", slices.Contains([]string{"step", "multi-step", "exponential", "plateau"}, s.Schedule), "--schedule step, multi-step, exponential or plateau"},
		{"step-size", s.Schedule == "step", "--schedule step"},
		{"patience", s.Schedule == "plateau", "--schedule plateau"},
		{"init-std", s.Init == "normal", "--init normal"},
	} {
		if given[c.flag] && !c.used {
			return usagef("--%s is for %s", c.flag, c.by)
		}
	}
	return nil
}

// checkCombinations returns which setting another one makes no use of: it would be
// passed over in silence.
func (s *settings) checkCombinations() error {
	for _, c := range []struct {
		set  bool
		flag string
		used bool
		by   string
	}{
		{s.Momentum != 0, "--momentum", s.Optimizer == "sgd" || s.Optimizer == "rmsprop", "--optimizer sgd or rmsprop"},
		{s.Nesterov, "--nesterov", s.Optimizer == "sgd" && s.Momentum > 0, "--optimizer sgd with --momentum"},
		{s.Dropout != 0, "--dropout", s.Model == "mlp", "--model mlp"},
		{len(s.Milestones) > 0, "--milestones", s.Schedule == "multi-step", "--schedule multi-step"},
		{s.Schedule == "multi-step", "--schedule multi-step", len(s.Milestones) > 0, "runs with --milestones"},
		{s.Warmup > 0, "--warmup", s.Schedule != "one-cycle" && s.Schedule != "plateau", "schedules other than one-cycle and plateau"},
	} {
		if c.set && !c.used {
			return usagef("%s is for %s", c.flag, c.by)
		}
	}
	return nil
}

// checkSaved is check for settings that were read from a file, where no parser has seen the
// names of choices.
func (s *settings) checkSaved() error {
	for _, c := range []struct {
		name, value string
		choices     []string
	}{
		{"data", s.Data, datasetNames()}, {"model", s.Model, modelNames}, {"optimizer", s.Optimizer, optimizerNames},
		{"schedule", s.Schedule, scheduleNames}, {"init", s.Init, initNames},
	} {
		if !slices.Contains(c.choices, c.value) {
			return fmt.Errorf("%s: found %q, one of %s expected", c.name, c.value, strings.Join(c.choices, ", "))
		}
	}
	if err := s.check(); err != nil {
		return fmt.Errorf("%s", err) // of the file, not of the command line
	}
	return nil
}

// plannedToTheEnd reports whether the learning rate depends on the number of epochs.
func (s *settings) plannedToTheEnd() bool { return s.Schedule == "cosine" || s.Schedule == "one-cycle" }

// byFlag returns every setting as text, by the name of its flag.
func (s settings) byFlag() map[string]string {
	values := map[string]string{}
	for field, v := range reflect.ValueOf(s).Fields() {
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		values[strings.ReplaceAll(name, "_", "-")] = fmt.Sprint(v.Interface())
	}
	return values
}
