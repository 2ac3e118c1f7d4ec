package cli

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/onehot-go/onehot/dataset/fashionmnist"
	"github.com/onehot-go/onehot/model"
	"github.com/onehot-go/onehot/random"
	"github.com/onehot-go/onehot/transform"
)

// TestExportONNX writes a model to an ONNX file, and says what the file takes and gives.
func TestExportONNX(t *testing.T) {
	t.Chdir(t.TempDir())
	m, err := model.New(model.MLP([]int{1, 28, 28}, []int{5}, fashionmnist.Classes()), random.New(1))
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Save("model"); err != nil {
		t.Fatal(err)
	}
	out, errs, code := onehot(t, "export", "model", "--onnx", "model.onnx")
	const want = `written to model.onnx
input: uint8 (N, 28, 28, 1)
before it: grayscale, resize {"height":28,"width":28}
outputs: probabilities and logits, float32 (N, 10)
`
	if code != 0 || out != want || errs != "" {
		t.Errorf("exit code %d, stderr %q, got\n%s\nwant\n%s", code, errs, out, want)
	}
	folded, err := os.ReadFile("model.onnx")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args, want string
		code       int
	}{
		{"model --onnx model.onnx", "--onnx model.onnx exists: --force replaces it", exitUsage},
		{"model", "one of --onnx FILE, --go DIR and --web DIR expected", exitUsage},
		{"model --onnx no/model.onnx", "there is no folder no", exitUsage},
		{"nothing --onnx other.onnx", "nothing: no such file or folder", exitFailure},
	} {
		_, errs, code := onehot(t, append([]string{"export"}, strings.Fields(c.args)...)...)
		if code != c.code || !strings.Contains(errs, c.want) {
			t.Errorf("%s: exit code %d, stderr %q, want %d and %q", c.args, code, errs, c.code, c.want)
		}
	}
	if left, _ := filepath.Glob("*"); len(left) != 2 {
		t.Errorf("found %v, the model and its ONNX file expected", left)
	}
	if _, errs, code := onehot(t, "export", "model", "--onnx", "model.onnx", "--training-form", "--force"); code != 0 {
		t.Errorf("exit code %d, stderr %q", code, errs)
	}
	if again, err := os.ReadFile("model.onnx"); err != nil || len(again) != len(folded) {
		t.Errorf("a net without batch norms has %d bytes in training form, and %d without (%v)", len(again), len(folded), err)
	}
}

// TestExportTable holds that the file of a table's model says of rows what the model says, and what it takes.
func TestExportTable(t *testing.T) {
	t.Chdir(t.TempDir())
	columns := transform.Columns{List: []transform.Column{
		{Name: "weight", Kind: transform.Numeric, Mean: 10, Deviation: 5, Median: 10},
		{Name: "says", Kind: transform.Category, Categories: []string{"meow", "woof"}},
		{Name: "born", Kind: transform.Date, Layout: "2006-01-02", Parts: []transform.DatePart{{Name: "year", Mean: 2020, Deviation: 3}}},
	}}
	for i := range 18 {
		columns.List = append(columns.List, transform.Column{Name: fmt.Sprint("x", i), Kind: transform.Numeric, Deviation: 1})
	}
	d := model.Softmax([]int{columns.Width()}, []string{"cat", "dog"})
	d.Preprocess = transform.Compose{columns}
	m, err := model.New(d, random.New(1))
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Save("model"); err != nil {
		t.Fatal(err)
	}
	out := succeed(t, "export", "model", "--onnx", "model.onnx")
	for _, want := range []string{"input weight: float32 (N, 1)\ninput says: string (N, 1)\ninput born year: float32 (N, 1)\ninput x0: float32 (N, 1)\n",
		"input x16: float32 (N, 1)\nand 1 input more, listed in the file's metadata under \"inputs\"\noutputs: probabilities and logits, float32 (N, 2)\n"} {
		if !strings.Contains(out, want) {
			t.Errorf("got\n%s\nwant\n%s", out, want)
		}
	}
	writeFile(t, "rows.csv", []byte("weight,says,born,x0,x1,x2,x3,x4,x5,x6,x7,x8,x9,x10,x11,x12,x13,x14,x15,x16,x17\n12,woof,2021-01-02"+strings.Repeat(",0.5", 18)+"\nNA,moo,"+strings.Repeat(",", 18)+"\n"))
	if got, want := succeed(t, "predict", "model.onnx", "rows.csv", "--json"), succeed(t, "predict", "model", "rows.csv", "--json"); got != want || strings.Count(got, "\n") != 2 {
		t.Errorf("the ONNX file says %s, the model %s", got, want)
	}
}

// TestPredictONNX holds that an exported model says of pictures what the model says, and that a
// file from elsewhere is prepared as the flags say.
func TestPredictONNX(t *testing.T) {
	foreign, err := filepath.Abs("../../model/onnx/testdata/torch/view.onnx")
	if err != nil {
		t.Fatal(err)
	}
	path := drawingsModel(t, model.LightGround, 1)
	t.Chdir(filepath.Dir(path))
	file := greys(t, ".", 200)[0]
	succeed(t, "export", path, "--onnx", "model.onnx")
	if got, want := succeed(t, "predict", "model.onnx", file, "--json"), succeed(t, "predict", path, file, "--json"); got != want {
		t.Errorf("the ONNX file says %s, the model %s", got, want)
	}
	wantError(t, exitUsage, "model.onnx says how inputs are prepared: --size, --mean and --std are for files that do not", "predict", "model.onnx", file, "--size", "2")
	wantError(t, exitUsage, "--size, --mean and --std are for ONNX files: other models know how pictures are prepared", "predict", path, file, "--size", "2")
	for _, c := range []struct{ flags, remark string }{
		{"", `does not say how pictures are prepared: they are by resize-edge {"size":8}, center-crop {"height":8,"width":8}, rgb, to-tensor (--size, --mean and --std say otherwise)`},
		{"--mean 0.5,0.5,0.5 --std 0.25,0.25,0.25", `pictures are prepared by resize-edge {"size":8}, center-crop {"height":8,"width":8}, rgb, to-tensor, normalize {"mean":[0.5,0.5,0.5],"std":[0.25,0.25,0.25]}`},
	} {
		out, errs, code := onehot(t, append([]string{"predict", foreign, file, "--json"}, strings.Fields(c.flags)...)...)
		if code != 0 || !strings.Contains(errs, c.remark) || !strings.Contains(out, `"class":"1"`) {
			t.Errorf("exit code %d, stderr %q, got %s", code, errs, out)
		}
	}
	succeed(t, "export", foreign, "--onnx", "described.onnx", "--mean", "0.5,0.5,0.5", "--std", "0.25,0.25,0.25")
	if got, want := succeed(t, "predict", "described.onnx", file), succeed(t, "predict", foreign, file, "--mean", "0.5,0.5,0.5", "--std", "0.25,0.25,0.25"); got != want {
		t.Errorf("exported again, the file says %s, and before %s", got, want)
	}
	for _, c := range []struct{ flags, want string }{
		{"--mean 0.5", "--mean and --std: as many numbers of each expected, found 1 and 0"},
		{"--mean 0.5 --std 0.5", "--mean and --std: 3 numbers expected, one a channel, found 1"},
		{"--size 9999999", "--size 9999999: 1 to 4096 expected"},
		{"--size 9", `Gemm "/l/Gemm": found 256 inputs, 324 expected`},
	} {
		_, errs, code := onehot(t, append([]string{"predict", foreign, file}, strings.Fields(c.flags)...)...)
		if code == 0 || !strings.Contains(errs, c.want) {
			t.Errorf("%s: exit code %d, stderr %q, want %q", c.flags, code, errs, c.want)
		}
	}
}
