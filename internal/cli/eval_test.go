package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/onehot-go/onehot/model"
	"github.com/onehot-go/onehot/nn"
	"github.com/onehot-go/onehot/task"
)

func TestEval(t *testing.T) {
	data, dir := tinyData(t), filepath.Join(t.TempDir(), "run")
	succeed(t, tiny(data, dir, "--epochs", "1")...)

	var kept, got task.ByClass
	if err := json.Unmarshal(readFile(t, dir, "metrics.json"), &kept); err != nil {
		t.Fatal(err)
	}
	for _, model := range []string{dir, filepath.Join(dir, "model.safetensors"), filepath.Join(dir, "last.safetensors")} {
		for _, more := range [][]string{nil, {"mnist"}} { // the data set is known from the model
			args := append([]string{"eval", model}, append(more, "--data-dir", data, "--json")...)
			if err := json.Unmarshal([]byte(succeed(t, args...)), &got); err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(got, kept) {
				t.Errorf("%v: got %+v, and metrics.json has %+v", args, got, kept)
			}
		}
	}
	// The figures are consistent among themselves.
	right, all := 0, 0
	for i, row := range kept.Confusion {
		sum := 0
		for _, n := range row {
			sum += n
		}
		right, all = right+row[i], all+sum
		if c := kept.Classes[i]; c.Name != fmt.Sprint(i) || c.Support != sum || c.Recall != float64(row[i])/float64(sum) {
			t.Errorf("class %d: %+v, and row %v of the confusion matrix", i, c, row)
		}
	}
	if all != 90 || kept.Accuracy != float64(right)/90 {
		t.Errorf("accuracy %v, %d of %d right in the confusion matrix", kept.Accuracy, right, all)
	}

	text := succeed(t, "eval", dir, "--data-dir", data)
	for _, want := range []string{"on mnist test, 90 samples\n", fmt.Sprintf("accuracy %.4f, loss %.4f\n", kept.Accuracy, kept.Loss), "precision"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is missing in %s", want, text)
		}
	}
}

// TestOverflow evaluates a model of finite weights that are so large that what it says is no
// number: neither figures nor predictions are printed.
func TestOverflow(t *testing.T) {
	data, dir := tinyData(t), t.TempDir()
	run, large := filepath.Join(dir, "run"), filepath.Join(dir, "large.safetensors")
	succeed(t, tiny(data, run, "--epochs", "0")...)
	m, err := model.Load(filepath.Join(run, "model.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	m.Net.Layer("linear").(*nn.Linear).Weight.FillInPlace(3e38)
	if err := m.Save(large); err != nil {
		t.Fatal(err)
	}
	for _, more := range [][]string{nil, {"--json"}} {
		wantError(t, 1, large+": its loss is NaN: these weights are no good", append([]string{"eval", large, "--data-dir", data}, more...)...)
	}
	wantError(t, 1, run+" + "+large+": its loss is NaN: these weights are no good", "eval", run, large, "--data-dir", data)
	var files []string
	for i := range 2 {
		var b bytes.Buffer
		if err := png.Encode(&b, block(i, 28, color.White, color.Gray{30})); err != nil {
			t.Fatal(err)
		}
		files = append(files, filepath.Join(dir, fmt.Sprintf("%d.png", i)))
		writeFile(t, files[i], b.Bytes())
	}
	for _, more := range [][]string{nil, {"--json"}} {
		stdout, stderr, code := onehot(t, append([]string{"predict", large, files[0], files[1]}, more...)...)
		if code != 1 || more == nil && stdout != "" || more != nil && strings.Count(stdout, `"error":"the net gives +Inf`) != 2 {
			t.Errorf("predict %v: exit code %d, %q", more, code, stdout)
		}
		for _, f := range files {
			if want := f + `: the net gives +Inf for the class "0": its weights or the input are too large` + "\n"; !strings.Contains(stderr, want) {
				t.Errorf("predict %v: got %q, want %q in it", more, stderr, want)
			}
		}
	}
}

func TestEvalErrors(t *testing.T) {
	data, dir := tinyData(t), t.TempDir()
	run := filepath.Join(dir, "run")
	succeed(t, tiny(data, run, "--epochs", "0")...)
	wantError(t, 1, filepath.Join(dir, "none")+": no such file or folder: a model's file or a run's folder expected", "eval", filepath.Join(dir, "none"))
	wantError(t, 1, run+" tells [0 1 2 3 4 5 6 7 8 9] apart, but fashion-mnist has [t-shirt trouser pullover dress coat sandal shirt sneaker bag ankle boot]",
		"eval", run, "fashion-mnist")
	wantError(t, 2, "--threads -1: at least 0 expected", "eval", run, "--threads", "-1")

	wantError(t, 1, dir+": no model in it: the folder of a run that has finished an epoch expected", "eval", dir)

	whole := readFile(t, run, "model.safetensors")
	broken := filepath.Join(dir, "broken.safetensors")
	for _, c := range []struct {
		content []byte
		message string
	}{
		{whole[:len(whole)-4], "data: 31396 bytes follow the header, but the tensors take 31400"},
		{[]byte("not a model"), "header length: 8029109312199880558 bytes, at most 33554432 expected: this is no safetensors file"},
		{nil, "header length: a file of 0 bytes, at least 8 expected"},
		{[]byte(strings.Replace(string(whole), `\"in\":784,\"out\":10`, `\"in\":784,\"out\":99`, 1)),
			`metadata "onehot": layers: found 99 outputs, 10 expected, one a class`},
		{[]byte(strings.Replace(string(whole), `\"height\":28`, `\"height\":56`, 1)),
			`metadata "onehot": preprocess: it makes [1 56 28] of a picture, [1 28 28] expected as input_shape says`},
		{append(slices.Clone(whole[:len(whole)-4]), 0, 0, 0xc0, 0x7f), `tensor "linear.weight": found NaN or an infinity, finite numbers expected`},
		{[]byte(strings.Replace(string(whole), `"linear.bias"`, `"linear.BIAS"`, 1)), "missing linear.bias; unexpected linear.BIAS"},
		{[]byte(strings.Replace(string(whole), `"onehot":`, `"twohot":`, 1)),
			`metadata: no "onehot" in it: these are weights without a definition, or not of a model that onehot saved`},
	} {
		writeFile(t, broken, c.content)
		wantError(t, 1, broken+": "+c.message, "eval", broken)
	}
}

// TestEvalFileOfReplacedRun names a file of a run that another one is about to replace: it is
// the earlier run's, as if the folder were named.
func TestEvalFileOfReplacedRun(t *testing.T) {
	data, dir := tinyData(t), t.TempDir()
	run, aside, other := filepath.Join(dir, "run"), filepath.Join(dir, ".run.replaced"), filepath.Join(dir, "other")
	succeed(t, tiny(data, run, "--epochs", "1", "--seed", "1")...)
	succeed(t, tiny(data, other, "--epochs", "0", "--seed", "2")...)
	want := succeed(t, "eval", run, "--data-dir", data, "--json")
	if err := os.Rename(run, aside); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(run, 0o777); err != nil {
		t.Fatal(err)
	}
	// The new run has its start, and nothing to be read yet.
	writeFile(t, filepath.Join(run, "last.safetensors"), readFile(t, other, "last.safetensors"))
	for _, name := range []string{"model.safetensors", "last.safetensors"} {
		path := filepath.Join(run, name)
		stdout, stderr, code := onehot(t, "eval", path, "--data-dir", data, "--json")
		said := run + ": the run that replaces the one in it has finished no epoch: this is the earlier one, in " + aside + "\n"
		if code != 0 || stdout != want || stderr != said {
			t.Errorf("%s: exit code %d, %q, %q", name, code, stdout, stderr)
		}
	}
	t.Chdir(run)
	if got := succeed(t, "eval", "model.safetensors", "--data-dir", data, "--json"); got != want {
		t.Errorf("in the folder: %q, want %q", got, want)
	}
	wantError(t, 1, "none.safetensors: no such file or folder: a model's file or a run's folder expected", "eval", "none.safetensors")
}
