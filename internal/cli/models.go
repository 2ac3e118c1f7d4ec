package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/onehot-go/onehot/dataset/fashionmnist"
	"github.com/onehot-go/onehot/model"
	"github.com/onehot-go/onehot/nn"
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
	JSON bool `help:"Print one JSON object a line, one a model."`
}

// modelCost is what one model takes, for JSON.
type modelCost struct {
	Name       string    `json:"name"`
	Input      []int     `json:"input"`
	Classes    int       `json:"classes"`
	Parameters int       `json:"parameters"`
	FLOPs      int       `json:"flops"`
	Layers     []nn.Cost `json:"layers"`
}

func (c *modelsCommand) Run(s streams) error {
	for i, a := range architectures {
		d := a.define([]int{1, 28, 28}, []int{256}, fashionmnist.Classes())
		layers, err := d.Costs()
		if err != nil {
			return err
		}
		cost := modelCost{Name: a.name, Input: d.InputShape, Classes: len(d.Classes), Layers: layers}
		for _, l := range layers {
			cost.Parameters += l.Parameters
			cost.FLOPs += l.FLOPs
		}
		if c.JSON {
			err = json.NewEncoder(s.out).Encode(cost)
		} else {
			if i > 0 {
				fmt.Fprintln(s.out)
			}
			err = cost.writeText(s.out)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// writeText writes a table of the layers.
func (c modelCost) writeText(w io.Writer) error {
	fmt.Fprintf(w, "%s: %d parameters, %d FLOPs for a picture of %s and %d classes\n\n", c.Name, c.Parameters, c.FLOPs, times(c.Input), c.Classes)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "layer\ttype\toutput\tparameters\tFLOPs\t")
	for _, l := range c.Layers {
		fmt.Fprintf(t, "%s\t%s\t%s\t%d\t%d\t\n", l.Layer, l.Type, times(l.Output), l.Parameters, l.FLOPs)
	}
	return t.Flush()
}

// times writes a shape as 1×28×28.
func times(shape []int) string {
	return strings.ReplaceAll(strings.Trim(fmt.Sprint(shape), "[]"), " ", "×")
}
