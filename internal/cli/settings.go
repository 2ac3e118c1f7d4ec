package cli

import (
	"fmt"
	"math"
	"reflect"
	"strings"

	"github.com/onehot-go/onehot/model"
	"github.com/onehot-go/onehot/nn"
	"github.com/onehot-go/onehot/random"
)

// settings are what a run's result depends on: with the same data and program they give
// the same weights. In JSON they are named as the flags, with underscores.
type settings struct {
	Data        string  `json:"data" arg:"" optional:"" default:"fashion-mnist" enum:"${datasets}" help:"Data set: ${enum} (default ${default})."`
	Model       string  `json:"model" default:"softmax" enum:"${models}" help:"Architecture: ${enum}."`
	Hidden      []int   `json:"hidden" default:"256" placeholder:"SIZES" help:"Hidden layer sizes of an mlp, as in 256,64,16 (default 256)."`
	Epochs      int     `json:"epochs" default:"5" help:"Times to go over the training data; 0 measures the untrained model."`
	BatchSize   int     `json:"batch_size" default:"256" help:"Samples of a training step."`
	LR          float64 `json:"lr" name:"lr" default:"0.1" help:"Learning rate."`
	Optimizer   string  `json:"optimizer" default:"sgd" enum:"sgd" help:"Optimizer: ${enum}."`
	Momentum    float64 `json:"momentum" default:"0" help:"Share of the last step that the next one keeps."`
	WeightDecay float64 `json:"weight_decay" default:"0" help:"Strength of the pull of weights towards 0."`
	Seed        uint64  `json:"seed" default:"0" help:"Where all chance comes from: initial weights and the order of samples."`
	Init        string  `json:"init" default:"normal" enum:"normal,kaiming,xavier" help:"How weights start: ${enum}."`
	InitStd     float64 `json:"init_std" default:"0.01" help:"Standard deviation of --init normal."`
}

// modelNames are the architectures that --model takes.
var modelNames = []string{"softmax", "mlp"}

// check returns what is wrong with the values. The names of choices are checked where
// they are parsed.
func (s *settings) check() error {
	for _, v := range []struct {
		flag       string
		value, min int
	}{{"--epochs", s.Epochs, 0}, {"--batch-size", s.BatchSize, 1}} {
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
	}{{"--lr", s.LR}, {"--momentum", s.Momentum}, {"--weight-decay", s.WeightDecay}, {"--init-std", s.InitStd}} {
		if !(v.value >= 0) || math.IsInf(v.value, 0) {
			return usagef("%s %g: a number of 0 or more expected", v.flag, v.value)
		}
	}
	return nil
}

// byFlag returns every setting as text, by the name of its flag.
func (s settings) byFlag() map[string]string {
	values := map[string]string{}
	for field, v := range reflect.ValueOf(s).Fields() {
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		values[strings.ReplaceAll(name, "_", "-")] = fmt.Sprint(v.Interface())
	}
	return values
}

// definition returns the model that the settings ask for.
func (s *settings) definition(inputShape []int, classes []string) model.Definition {
	d := model.Softmax(inputShape, classes)
	if s.Model == "mlp" {
		d = model.MLP(inputShape, s.Hidden, classes)
	}
	d.Data = s.Data
	return d
}

// build returns the model with its weights as training starts from them: drawn by
// --init. Biases of softmax regression start at 0; those of other nets stay as
// PyTorch's Linear draws them, since the notebooks' initialiser touches weights alone.
func (s *settings) build(inputShape []int, classes []string) (*model.Model, error) {
	key := random.New(s.Seed).For("init")
	m, err := model.New(s.definition(inputShape, classes), key)
	if err != nil { // the only sizes that were not checked before
		return nil, usagef("--hidden %v: %w", s.Hidden, err)
	}
	nn.Apply(m.Net, func(path string, module nn.Module) {
		layer, ok := module.(*nn.Linear)
		if !ok {
			return
		}
		r := key.For(path).For(s.Init).Rand()
		switch s.Init {
		case "normal":
			layer.Weight.NormalInPlace(r, 0, s.InitStd)
		case "kaiming":
			nn.KaimingUniform(layer.Weight, r)
		case "xavier":
			nn.XavierUniform(layer.Weight, r)
		default:
			panic(fmt.Errorf("unknown initialisation %q", s.Init))
		}
		if s.Model == "softmax" {
			layer.Bias.FillInPlace(0)
		}
	})
	return m, nil
}
