package cli

import (
	"fmt"
	"io"
	"strings"

	"github.com/onehot-go/onehot/internal/atomicfile"
	"github.com/onehot-go/onehot/internal/printable"
	"github.com/onehot-go/onehot/model"
	"github.com/onehot-go/onehot/model/onnx"
)

type exportCommand struct {
	Model string `arg:"" help:"A model's file, an ONNX file, or a run's folder for the best model in it."`
	onnxFlags
	memoryFlags
	ONNX         string `name:"onnx" help:"Write the model to an ONNX file, which takes bytes of pixels, or numbers, and gives probabilities and logits." placeholder:"FILE"`
	TrainingForm bool   `help:"Keep batch norms as layers of their own in the file of --onnx, and with them the very weights: else they are part of the layers before them."`
	Force        bool   `help:"Replace the file of --onnx."`
}

func (c *exportCommand) Run(s streams) error {
	if c.ONNX == "" {
		return usagef("--onnx FILE expected: what the model is to become (see onehot export --help)")
	}
	if err := checkWritten("--onnx", c.ONNX, c.Force); err != nil {
		return err
	}
	c.limit()
	m, err := c.loadModel(c.Model, s.err)
	if err != nil {
		return err
	}
	if err := atomicfile.Write(c.ONNX, func(w io.Writer) error { return onnx.Export(w, m, onnx.Options{TrainingForm: c.TrainingForm}) }); err != nil {
		return err
	}
	return describeONNX(s.out, c.ONNX, m)
}

// describeONNX says what the ONNX file of a model takes and gives.
func describeONNX(w io.Writer, file string, m *model.Model) error {
	before, _, err := onnx.Before(m.Preprocess)
	if err != nil {
		return err
	}
	takes, shape := "float32", m.InputShape
	if before != nil {
		takes, shape = "uint8", []int{shape[1], shape[2], shape[0]}
	}
	fmt.Fprintf(w, "written to %s\n", printable.Name(file))
	fmt.Fprintf(w, "input: %s (N, %s)\n", takes, strings.ReplaceAll(times(shape), "×", ", "))
	if before != nil {
		fmt.Fprintf(w, "before it: %v\n", before)
	}
	_, err = fmt.Fprintf(w, "outputs: probabilities and logits, float32 (N, %d)\n", len(m.Classes))
	return err
}
