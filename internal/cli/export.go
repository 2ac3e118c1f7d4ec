package cli

import (
	"fmt"
	"io"
	"strings"

	"github.com/onehot-go/onehot/internal/atomicfile"
	"github.com/onehot-go/onehot/internal/gopackage"
	"github.com/onehot-go/onehot/internal/printable"
	"github.com/onehot-go/onehot/model"
	"github.com/onehot-go/onehot/model/onnx"
)

type exportCommand struct {
	Model string `arg:"" help:"A model's file, an ONNX file, or a run's folder for the best model in it."`
	onnxFlags
	memoryFlags
	ONNX         string `name:"onnx" help:"Write the model to an ONNX file, which takes bytes of pixels, numbers, or the columns of a table, and gives probabilities and logits." placeholder:"FILE"`
	Go           string `help:"Write the model to a Go package, with the weights embedded: a new folder, for a module of your own." placeholder:"DIR"`
	TrainingForm bool   `help:"Keep batch norms as layers of their own in the file of --onnx, and with them the very weights: else they are part of the layers before them."`
	Web          string `help:"Write a page that classifies in the browser, by the model itself: a new folder of files for any host." placeholder:"DIR"`
	Force        bool   `help:"Replace the file of --onnx, the package of --go, or the page of --web."`
}

func (c *exportCommand) Run(s streams) error {
	asked := 0
	for _, to := range []string{c.ONNX, c.Go, c.Web} {
		if to != "" {
			asked++
		}
	}
	switch {
	case asked != 1:
		return usagef("one of --onnx FILE, --go DIR and --web DIR expected: what the model is to become (see onehot export --help)")
	case c.TrainingForm && c.ONNX == "":
		return usagef("--training-form is for --onnx")
	}
	if err := checkWritten("--onnx", c.ONNX, c.Force); err != nil {
		return err
	}
	if err := c.checkPackage(); err != nil {
		return err
	}
	if err := c.checkPage(); err != nil {
		return err
	}
	c.limit()
	m, err := c.loadModel(c.Model, s.err)
	if err != nil {
		return err
	}
	switch {
	case c.Go != "":
		return c.writePackage(s.out, m)
	case c.Web != "":
		return c.writePage(s.out, m)
	}
	if err := atomicfile.Write(c.ONNX, func(w io.Writer) error { return onnx.Export(w, m, onnx.Options{TrainingForm: c.TrainingForm}) }); err != nil {
		return err
	}
	return describeONNX(s.out, c.ONNX, m)
}

// checkPackage returns what keeps the package of --go from being written; nothing does where there is none to write.
func (c *exportCommand) checkPackage() error {
	if c.Go == "" {
		return nil
	}
	dir := string(folder(c.Go).actual())
	if _, err := gopackage.Name(dir); err != nil {
		return usagef("--go %s: %w", c.Go, err)
	}
	exists, err := gopackage.Check(dir)
	switch {
	case err != nil && exists:
		return usagef("--go %s: %w: export replaces packages of its own, and nothing else", c.Go, err)
	case err != nil:
		return usagef("--go %s: %w", c.Go, err)
	case exists && !c.Force:
		return usagef("--go %s exists: --force replaces it", c.Go)
	}
	return checkParent("--go", c.Go, dir)
}

// writePackage writes the package of --go, and says what is called.
func (c *exportCommand) writePackage(w io.Writer, m *model.Model) error {
	call, err := gopackage.Write(string(folder(c.Go).actual()), m)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(w, "written to %s\nfunction: %s\nREADME.md in it says how it is used; go test in it compares it with the model\n", printable.Name(c.Go), call)
	return err
}

// mostInputs is how many inputs of a table's graph are printed. The file's metadata lists all.
const mostInputs = 20

// describeONNX says what the ONNX file of a model takes and gives.
func describeONNX(w io.Writer, file string, m *model.Model) error {
	before, _, err := onnx.Before(m.Preprocess)
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "written to %s\n", printable.Name(file))
	inputs := onnx.Inputs(m)
	for _, in := range inputs[:min(len(inputs), mostInputs)] {
		of := "float32"
		if in.Text() {
			of = "string"
		}
		fmt.Fprintf(w, "input %s: %s (N, 1)\n", printable.Name(in.Name), of)
	}
	if more := len(inputs) - mostInputs; more > 0 {
		fmt.Fprintf(w, "and %s more, listed in the file's metadata under \"inputs\"\n", counted(more, "input"))
	}
	shape := m.InputShape
	switch {
	case before != nil:
		fmt.Fprintf(w, "input: uint8 (N, %d, %d, %d)\nbefore it: %v\n", shape[1], shape[2], shape[0], before)
	case inputs == nil:
		fmt.Fprintf(w, "input: float32 (N, %s)\n", strings.ReplaceAll(times(shape), "×", ", "))
	}
	fmt.Fprintf(w, "outputs: probabilities and logits, float32 (N, %d)\n", len(m.Classes))
	if m.SeveralLabels() {
		fmt.Fprintln(w, "several labels: probabilities are sigmoids, and a label is predicted from its threshold on, which metadata have: 0.5 unless there is another")
	}
	return nil
}
