package onnx_test

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"github.com/onehot-go/onehot/internal/atomicfile"
	"github.com/onehot-go/onehot/model"
	"github.com/onehot-go/onehot/model/onnx"
	"github.com/onehot-go/onehot/model/zoo"
)

// runtimeFolder is the folder of testdata/runtime's copy where npm ci has run. Tests that need it are left
// out without one.
func runtimeFolder(t *testing.T) string {
	t.Helper()
	folder := os.Getenv("ONEHOT_ONNXRUNTIME")
	if folder == "" {
		t.Skip("ONEHOT_ONNXRUNTIME names no folder with onnxruntime-node")
	}
	return folder
}

// onnxruntime is a process that answers requests.
type onnxruntime struct {
	t    *testing.T
	in   io.WriteCloser
	out  *bufio.Reader
	file string // of inputs
}

// start starts onnxruntime, which ends with the test.
func start(t *testing.T) *onnxruntime {
	t.Helper()
	c := exec.Command("node", "run.js")
	c.Dir, c.Stderr = runtimeFolder(t), os.Stderr
	in, err := c.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close()
		if err := c.Wait(); err != nil {
			t.Error(err)
		}
	})
	return &onnxruntime{t, in, bufio.NewReader(out), filepath.Join(t.TempDir(), "input")}
}

// answer is what onnxruntime makes of an input.
type answer struct {
	Error   string
	Inputs  []string
	Outputs map[string]struct {
		Shape []int
		Data  []float64
	}
}

// run returns what the model in a file makes of an input of bytes or numbers.
func (o *onnxruntime) run(file string, shape []int, pixels []uint8, numbers []float32) answer {
	o.t.Helper()
	kind, content := "uint8", pixels
	if pixels == nil {
		var b bytes.Buffer
		binary.Write(&b, binary.LittleEndian, numbers)
		kind, content = "float32", b.Bytes()
	}
	if err := os.WriteFile(o.file, content, 0o666); err != nil {
		o.t.Fatal(err)
	}
	return o.ask(map[string]any{"model": file, "type": kind, "shape": shape, "data": o.file})
}

// ask returns the answer to a request.
func (o *onnxruntime) ask(content map[string]any) answer {
	o.t.Helper()
	request, err := json.Marshal(content)
	if err != nil {
		o.t.Fatal(err)
	}
	if _, err := fmt.Fprintf(o.in, "%s\n", request); err != nil {
		o.t.Fatal(err)
	}
	line, err := o.out.ReadBytes('\n')
	if err != nil {
		o.t.Fatal(err)
	}
	var a answer
	if err := json.Unmarshal(line, &a); err != nil {
		o.t.Fatal(err)
	}
	return a
}

// export writes a model to a file.
func export(t testing.TB, m *model.Model, path string, o onnx.Options) {
	t.Helper()
	if err := atomicfile.Write(path, func(w io.Writer) error { return onnx.Export(w, m, o) }); err != nil {
		t.Fatal(err)
	}
}

// checked holds the file of a model to the checker of onnx.
func checked(t *testing.T, m *model.Model, path string) {
	t.Helper()
	checker := exec.Command("/usr/bin/python3", "testdata/check.py", path)
	checker.Stderr = os.Stderr
	text, err := checker.Output()
	if err != nil {
		t.Fatalf("%s: the checker: %v", m.Name, err)
	}
	var classes []string
	if err := json.Unmarshal(text, &classes); err != nil || !slices.Equal(classes, m.Classes) {
		t.Errorf("%s: %v, found classes %q", m.Name, err, classes)
	}
}

// check holds the file of a model to the checker of onnx, and what onnxruntime makes of it, in
// batches of 1 and 3, to what the model does. It returns the greatest difference of a
// probability.
func (o *onnxruntime) check(m *model.Model, options onnx.Options) (most float64) {
	t := o.t
	t.Helper()
	path := filepath.Join(t.TempDir(), "model.onnx")
	export(t, m, path, options)
	defer os.Remove(path)
	checked(t, m, path)
	for _, n := range []int{1, 3} {
		pixels, numbers, prepared := batch(t, m, n)
		shape := append([]int{n}, m.InputShape...)
		if pixels != nil {
			shape = []int{n, m.InputShape[1], m.InputShape[2], m.InputShape[0]}
		}
		a := o.run(path, shape, pixels, numbers)
		if a.Error != "" || !slices.Equal(a.Inputs, []string{"input"}) || len(a.Outputs) != 2 {
			t.Fatalf("%s: %s, inputs %v, %d outputs", m.Name, a.Error, a.Inputs, len(a.Outputs))
		}
		probabilities, logits := answers(t, m, prepared)
		if !slices.Equal(a.Outputs["probabilities"].Shape, []int{n, len(m.Classes)}) || !slices.Equal(a.Outputs["logits"].Shape, []int{n, len(m.Classes)}) {
			t.Errorf("%s: outputs of shape %v and %v", m.Name, a.Outputs["probabilities"].Shape, a.Outputs["logits"].Shape)
		}
		most = max(most, furthest(a.Outputs["probabilities"].Data, probabilities))
		if d := furthest(a.Outputs["logits"].Data, logits); !(d <= 2e-3) {
			t.Errorf("%s: logits differ by %g", m.Name, d)
		}
	}
	if !(most <= 1e-4) {
		t.Errorf("%s: probabilities differ by %g", m.Name, most)
	}
	return most
}

// TestRuntimeAgrees holds exports of every type of layer, and of every known net, to what
// onnxruntime makes of them.
func TestRuntimeAgrees(t *testing.T) {
	o := start(t)
	for _, n := range nets {
		for _, training := range []bool{false, true} {
			t.Logf("%s, training form %t: %.2g", n.name, training, o.check(trained(t, n.definition()), onnx.Options{TrainingForm: training}))
		}
	}
	gray, classes := []int{1, 28, 28}, []string{"a", "b", "c"}
	for _, d := range []model.Definition{model.Softmax(gray, classes), model.MLP(gray, []int{32}, classes), model.LeNet(gray, classes), model.CNN(gray, classes), model.ResNet(gray, classes)} {
		t.Logf("%s: %.2g", d.Name, o.check(trained(t, d), onnx.Options{}))
	}
}

// TestRuntimeAgreesOnTheZoo is TestRuntimeAgrees for the nets of model/zoo.
func TestRuntimeAgreesOnTheZoo(t *testing.T) {
	o := start(t)
	for _, n := range zoo.Nets() {
		t.Logf("%s: %.2g", n.Name, o.check(trained(t, n.Definition(zoo.ImageNet())), onnx.Options{}))
	}
}

// TestRuntimeAgreesOnTables holds exports of tables' models to what onnxruntime makes of rows of one or three, beside what predictors say
// of the rows' texts.
func TestRuntimeAgreesOnTables(t *testing.T) {
	o := start(t)
	models := tables(t)
	all := onnx.Inputs(models[0])
	for _, m := range models {
		path := filepath.Join(t.TempDir(), "model.onnx")
		export(t, m, path, onnx.Options{})
		checked(t, m, path)
		p, err := model.NewPredictor(m)
		if err != nil {
			t.Fatal(err)
		}
		rows, err := p.Rows([]string{"age", "city", "since", "member", "logits", ""})
		if err != nil {
			t.Fatal(err)
		}
		most := 0.0
		for _, n := range []int{1, 3} {
			for first := 0; first+n <= len(tableRows); first++ {
				columns := map[string][]any{}
				var want []float64
				for _, row := range tableRows[first : first+n] {
					for _, in := range onnx.Inputs(m) {
						i := slices.IndexFunc(all, func(a onnx.Input) bool { return a.Column == in.Column && a.Part == in.Part })
						columns[in.Name] = append(columns[in.Name], row.inputs[i])
					}
					probabilities := make([]float64, len(m.Classes))
					if err := rows.Probabilities(probabilities, row.texts); err != nil {
						t.Fatal(err)
					}
					want = append(want, probabilities...)
				}
				a := o.ask(map[string]any{"model": path, "columns": columns})
				if a.Error != "" || len(a.Outputs) != 2 {
					t.Fatalf("%s: %s, %d outputs", m.Name, a.Error, len(a.Outputs))
				}
				most = max(most, furthest(a.Outputs["probabilities"].Data, want))
			}
		}
		if !(most <= 1e-4) {
			t.Errorf("%s: probabilities differ by %g", m.Name, most)
		}
		t.Logf("%s: %.2g", m.Name, most)
	}
}
