package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/onehot-go/onehot/dataset/fashionmnist"
	"github.com/onehot-go/onehot/model"
	"github.com/onehot-go/onehot/random"
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
		{"model", "--onnx FILE expected", exitUsage},
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
