package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/onehot-go/onehot/dataset/fashionmnist"
	"github.com/onehot-go/onehot/model"
	"github.com/onehot-go/onehot/model/zoo"
	"github.com/onehot-go/onehot/nn"
	"github.com/onehot-go/onehot/transform"
)

// architectures are the models that --model knows, in order. hidden are the sizes of an
// mlp's hidden layers.
var architectures = []struct {
	name   string
	define func(inputShape, hidden []int, classes []string) model.Definition
	init   string // --init where nothing is said
}{
	{"softmax", func(shape, _ []int, classes []string) model.Definition { return model.Softmax(shape, classes) }, "normal"},
	{"mlp", model.MLP, "normal"},
	// Behind several layers nothing would be left of what goes through weights of the
	// notebooks' deviation, or, without batch norm, through PyTorch's own.
	{"lenet", func(shape, _ []int, classes []string) model.Definition { return model.LeNet(shape, classes) }, "kaiming"},
	{"cnn", func(shape, _ []int, classes []string) model.Definition { return model.CNN(shape, classes) }, "uniform"},
	{"resnet", func(shape, _ []int, classes []string) model.Definition { return model.ResNet(shape, classes) }, "uniform"},
}

func architectureNames() []string {
	var names []string
	for _, a := range architectures {
		names = append(names, a.name)
	}
	return names
}

type modelsCommand struct {
	Names []string `arg:"" optional:"" name:"name" help:"Models whose layers are listed (default: those that --model takes, and a table of torchvision's nets)."`
	JSON  bool     `help:"Print one JSON object a line, one a model."`
}

// modelCost is what one model takes, for JSON.
type modelCost struct {
	Name       string         `json:"name"`
	Input      []int          `json:"input"`
	Classes    int            `json:"classes"`
	Parameters int            `json:"parameters"`
	FLOPs      int            `json:"flops"`
	Weights    []modelWeights `json:"weights,omitempty"` // torchvision's
	Layers     []nn.Cost      `json:"layers,omitempty"`  // not in the table of all
}

// modelWeights is a file of weights, for JSON.
type modelWeights struct {
	Version    string            `json:"version"`
	URL        string            `json:"url"`
	MiB        float64           `json:"mib"`
	Top1       float64           `json:"top1"` // percent of ImageNet's validation pictures
	Preprocess transform.Compose `json:"preprocess"`
}

// costOf returns what a model takes.
func costOf(d model.Definition) (modelCost, error) {
	layers, err := d.Costs()
	if err != nil {
		return modelCost{}, err
	}
	cost := modelCost{Name: d.Name, Input: d.InputShape, Classes: len(d.Classes), Layers: layers}
	for _, l := range layers {
		cost.Parameters += l.Parameters
		cost.FLOPs += l.FLOPs
	}
	return cost, nil
}

// ownCosts returns what the models take that --model knows, for Fashion-MNIST.
func ownCosts() (costs []modelCost, err error) {
	for _, a := range architectures {
		cost, err := costOf(a.define([]int{1, 28, 28}, []int{256}, fashionmnist.Classes()))
		if err != nil {
			return nil, err
		}
		costs = append(costs, cost)
	}
	return costs, nil
}

// zooCosts returns what torchvision's nets take, for ImageNet's classes.
func zooCosts() (costs []modelCost, err error) {
	for _, n := range zoo.Nets() {
		cost, err := costOf(n.Definition(zoo.ImageNet()))
		if err != nil {
			return nil, err
		}
		for _, w := range n.Weights() {
			cost.Weights = append(cost.Weights, modelWeights{w.Version, w.URL(), w.MiB, w.Top1, w.Preprocess()})
		}
		costs = append(costs, cost)
	}
	return costs, nil
}

func (c *modelsCommand) Run(s streams) error {
	own, err := ownCosts()
	if err != nil {
		return err
	}
	nets, err := zooCosts()
	if err != nil {
		return err
	}
	if len(c.Names) > 0 {
		if own, err = chosen(c.Names, append(own, nets...)); err != nil {
			return err
		}
		nets = nil
	}
	if c.JSON {
		for i := range nets {
			nets[i].Layers = nil
		}
		out := json.NewEncoder(s.out)
		out.SetEscapeHTML(false)
		for _, cost := range append(own, nets...) {
			if err := out.Encode(cost); err != nil {
				return err
			}
		}
		return nil
	}
	for i, cost := range own {
		if i > 0 {
			fmt.Fprintln(s.out)
		}
		if err := cost.writeText(s.out); err != nil {
			return err
		}
	}
	if nets == nil {
		return nil
	}
	fmt.Fprintln(s.out)
	return writeZoo(s.out, nets)
}

// chosen returns the costs of the named models.
func chosen(names []string, all []modelCost) (costs []modelCost, err error) {
	var known []string
	for _, cost := range all {
		known = append(known, cost.Name)
	}
	for _, name := range names {
		i := slices.Index(known, name)
		if i < 0 {
			return nil, usageError{notOneOf("models", name, known)}
		}
		costs = append(costs, all[i])
	}
	return costs, nil
}

// writeZoo writes a table of torchvision's nets and their weights.
func writeZoo(w io.Writer, nets []modelCost) error {
	fmt.Fprintf(w, "torchvision's nets, for ImageNet's %d classes, with the weights that it has (onehot models NAME lists the layers):\n\n", nets[0].Classes)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "net\tpicture\tparameters\tFLOPs\tweights\tMiB\ttop-1\t")
	for _, n := range nets {
		first := fmt.Sprintf("%s\t%s\t%.1f M\t%.2f G", n.Name, times(n.Input), float64(n.Parameters)/1e6, float64(n.FLOPs)/1e9)
		for _, weights := range n.Weights {
			fmt.Fprintf(t, "%s\t%s\t%.1f\t%.1f%%\t\n", first, weights.Version, weights.MiB, weights.Top1)
			first = "\t\t\t"
		}
	}
	if err := t.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(w, "\nThe weights are not part of this program. %s.\n", zoo.Licence)
	return err
}

// writeText writes a table of the layers, and what weights are known.
func (c modelCost) writeText(w io.Writer) error {
	fmt.Fprintf(w, "%s: %d parameters, %d FLOPs for a picture of %s and %d classes\n\n", c.Name, c.Parameters, c.FLOPs, times(c.Input), c.Classes)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "layer\ttype\toutput\tparameters\tFLOPs\t")
	for _, l := range c.Layers {
		fmt.Fprintf(t, "%s\t%s\t%s\t%d\t%d\t\n", l.Layer, l.Type, times(l.Output), l.Parameters, l.FLOPs)
	}
	if err := t.Flush(); err != nil || c.Weights == nil {
		return err
	}
	fmt.Fprintln(w)
	for _, weights := range c.Weights {
		fmt.Fprintf(w, "weights %s: %s, %.1f MiB, top-1 %.1f%%\n  prepared by %s\n", weights.Version, weights.URL, weights.MiB, weights.Top1, weights.Preprocess)
	}
	_, err := fmt.Fprintf(w, "%s.\n", zoo.Licence)
	return err
}

// times writes a shape as 1×28×28.
func times(shape []int) string {
	return strings.ReplaceAll(strings.Trim(fmt.Sprint(shape), "[]"), " ", "×")
}
