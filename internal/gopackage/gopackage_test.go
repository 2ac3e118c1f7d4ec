package gopackage

import (
	"encoding/json"
	"fmt"
	"go/format"
	"image"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/onehot-go/onehot/model"
	"github.com/onehot-go/onehot/model/onnx"
	"github.com/onehot-go/onehot/model/zoo"
	"github.com/onehot-go/onehot/random"
	"github.com/onehot-go/onehot/transform"
)

func TestName(t *testing.T) {
	for dir, want := range map[string]string{
		"photoclass": "photoclass", "a/b/Photo-Class_2.x": "photoclass2x", "2024": "model2024", "range": "rangemodel", "main": "mainmodel", "~": "model",
	} {
		if got, err := Name(dir); err != nil || got != want {
			t.Errorf("%s: got %q, %v, want %q", dir, got, err, want)
		}
	}
	for _, dir := range []string{".", "..", "/", ".hidden", "_old", "my photos", "фото", "a\nb"} {
		if got, err := Name(dir); err == nil || !strings.Contains(err.Error(), "expected: it becomes part of an import path") {
			t.Errorf("%s: got %q, %v", dir, got, err)
		}
	}
}

func TestFieldNames(t *testing.T) {
	taken := map[string]bool{}
	var got []string
	for i, c := range []string{"age", "city name", "city-name", "CityName2", "2024", "", "—", "年龄", "petalLength", "öl", "column 7", "ª"} {
		got = append(got, unique(fieldName(c, i+1), taken))
	}
	want := []string{"Age", "CityName", "CityName2", "CityName22", "X2024", "Column6", "Column7", "X年龄", "PetalLength", "Öl", "Column72", "Xª"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// small returns a model of a definition, with weights that are drawn.
func small(t *testing.T, d model.Definition) *model.Model {
	t.Helper()
	m, err := model.New(d, random.New(1))
	if err != nil {
		t.Fatal(err)
	}
	state, err := m.State()
	if err != nil {
		t.Fatal(err)
	}
	if m, err = model.FromState(state); err != nil { // as a file has it: in evaluation
		t.Fatal(err)
	}
	return m
}

// table returns a model of rows with columns of every kind, and with names that are no identifiers.
func table(t *testing.T, hidden ...int) *model.Model {
	columns := transform.Columns{Label: "class", Missing: []string{"-999", "n/a\n"}, List: []transform.Column{
		{Name: "age", Kind: transform.Numeric, Mean: 41.25, Deviation: 12.5, Median: 40, Indicator: true},
		{Name: "id", Kind: transform.Ignored, Why: "no value comes again"},
		{Name: "city\u200b \"name\"", Kind: transform.Category, Categories: []string{"", "New\nYork", "Paris", "`Rome`"}},
		{Name: "city name", Kind: transform.Category},
		{Name: "since", Kind: transform.Date, Layout: "2006-01-02T15:04:05Z07:00", Indicator: true,
			Parts: []transform.DatePart{{Name: "year", Mean: 2020, Deviation: 3}, {Name: "hour", Mean: 12, Deviation: 6}}},
		{Name: "member?", Kind: transform.Boolean, Mean: 0.4, Deviation: 0.5},
		{Name: "member", Kind: transform.Boolean, Mean: 0.4, Deviation: 0.5, Median: 1, Indicator: true},
		{Name: "*/ break", Kind: transform.Numeric, Mean: 1e300, Deviation: 1e299},
	}}
	classes := []string{"yes", "no\n}", "\"`"}
	d := model.MLP([]int{columns.Width()}, hidden, classes)
	if len(hidden) == 0 {
		d = model.Softmax([]int{columns.Width()}, classes)
	}
	d.Preprocess = transform.Compose{columns}
	return small(t, d)
}

// kinds has a model of every kind that becomes a package.
func kinds(t *testing.T) map[string]*model.Model {
	gray, classes := []int{1, 28, 28}, []string{"cat", "dog", "no\n// comment"}
	labels := model.Softmax([]int{3, 16, 16}, classes)
	labels.Task, labels.Thresholds = "multi-label", []float64{0.52, 0.4, 1}
	manyRows := table(t, 4).Definition
	manyRows.Task = "multi-label"
	manyLists := model.Softmax([]int{4}, classes)
	manyLists.Task = "multi-label"
	lists := model.MLP([]int{4}, []int{3}, classes)
	dark := model.MLP(gray, []int{8}, classes)
	dark.Ground = model.DarkGround
	fromONNX, err := onnx.Load("../../model/onnx/testdata/torch/view.onnx", func(_, height, width int) (transform.Compose, error) {
		return transform.Compose{transform.RGB{}, transform.Resize{Height: height, Width: width}, transform.ToTensor{}}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	mobile, err := zoo.Named("mobilenet_v3_small")
	if err != nil {
		t.Fatal(err)
	}
	return map[string]*model.Model{
		"softmax": small(t, model.Softmax(gray, classes)), "mlp": small(t, dark), "lenet": small(t, model.LeNet(gray, classes)),
		"cnn": small(t, model.CNN(gray, classes)), "resnet": small(t, model.ResNet([]int{3, 32, 32}, classes)), "labels": small(t, labels),
		"label-rows": small(t, manyRows), "label-lists": small(t, manyLists), "lists": small(t, lists), "rows": table(t), "deep-rows": table(t, 16, 8), "onnx": fromONNX, "zoo": small(t, mobile.Definition(zoo.ImageNet())),
	}
}

// program classifies one picture, and prints the answer.
const program = `package main

import (
	"encoding/json"
	"fmt"
	"image"
	"os"

	"example.com/empty/mlp"
)

func main() {
	predictions, err := mlp.Classify(image.NewGray(image.Rect(0, 0, 30, 20)))
	if err != nil {
		fmt.Println(err)
		os.Exit(3)
	}
	json.NewEncoder(os.Stdout).Encode(predictions)
}
`

// most is how many bytes a stripped program for linux/amd64 may have beside its weights.
const most = 6_000_000

// TestPackages writes packages of all kinds of models into an empty module, and builds and tests them there without a
// network. ONEHOT_GOPACKAGES names an empty folder for the module, which is left for other checks.
func TestPackages(t *testing.T) {
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	dir := os.Getenv("ONEHOT_GOPACKAGES")
	if dir == "" {
		dir = t.TempDir()
	}
	goes := func(env []string, args ...string) ([]byte, error) {
		c := exec.Command("go", args...)
		c.Dir, c.Env = dir, append(os.Environ(), append(env, "GOPROXY=off", "GOSUMDB=off", "GOFLAGS=-mod=mod "+os.Getenv("GOFLAGS"), "GOWORK=off")...)
		return c.CombinedOutput()
	}
	file := fmt.Sprintf("module example.com/empty\n\ngo 1.26\n\nrequire github.com/onehot-go/onehot v0.0.0\n\nreplace github.com/onehot-go/onehot => %q\n", root)
	if err := os.WriteFile(filepath.Join(dir, "go.mod"), []byte(file), 0o666); err != nil {
		t.Fatal(err)
	}
	models := kinds(t)
	for name, m := range models {
		path := filepath.Join(dir, name)
		call, err := Write(path, m)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if want := map[string]string{"mlp": "mlp.Classify(image.Image) ([]mlp.Prediction, error)", "lists": "lists.Classify([]float32) ([]lists.Prediction, error)",
			"label-rows": "labelrows.Predict(labelrows.Row) ([]labelrows.Prediction, error), labelrows.Labels(labelrows.Row) ([]string, error)",
			"deep-rows":  "deeprows.Predict(deeprows.Row) ([]deeprows.Prediction, error)"}[name]; want != "" && call != want {
			t.Errorf("%s: got %s, want %s", name, call, want)
		}
		if exists, err := Check(path); !exists || err != nil {
			t.Errorf("%s: Check says %t, %v", name, exists, err)
		}
		for _, file := range []string{codeFile, testFile} {
			code, err := os.ReadFile(filepath.Join(path, file))
			if err != nil {
				t.Fatal(err)
			}
			if formatted, err := format.Source(code); err != nil || string(formatted) != string(code) {
				t.Errorf("%s: %s is not formatted: %v", name, file, err)
			}
		}
	}
	for _, args := range [][]string{{"vet", "./..."}, {"test", "./..."}} {
		if out, err := goes(nil, args...); err != nil {
			t.Fatalf("go %s: %v\n%s", strings.Join(args, " "), err, out)
		}
	}

	if err := os.Mkdir(filepath.Join(dir, "main"), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "main", "main.go"), []byte(program), 0o666); err != nil {
		t.Fatal(err)
	}
	p, err := model.NewPredictor(models["mlp"])
	if err != nil {
		t.Fatal(err)
	}
	want, err := p.Classify(image.NewGray(image.Rect(0, 0, 30, 20)), 3)
	if err != nil {
		t.Fatal(err)
	}
	out, err := goes(nil, "run", "./main")
	var got []model.Prediction
	if jsonErr := json.Unmarshal(out, &got); err != nil || jsonErr != nil || len(got) != 3 {
		t.Fatalf("%v, %v: %s", err, jsonErr, out)
	}
	for i := range want {
		if got[i].Class != want[i].Class || got[i].Probability != want[i].Probability {
			t.Errorf("the package says %v, the model %v", got, want)
		}
	}

	if out, err := goes([]string{"GOOS=linux", "GOARCH=amd64", "CGO_ENABLED=0"}, "build", "-ldflags=-s -w", "-o", "program", "./main"); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	weights := filepath.Join(dir, "mlp", weightsFile)
	if size := fileSize(t, filepath.Join(dir, "program")) - fileSize(t, weights); size > most {
		t.Errorf("a program has %d bytes beside its weights, at most %d expected", size, most)
	} else {
		t.Logf("a program has %.2f MB beside its weights", float64(size)/1e6)
	}

	// What is embedded may be damaged: a program hears of it, and goes on.
	content, err := os.ReadFile(weights)
	if err != nil {
		t.Fatal(err)
	}
	for _, damaged := range [][]byte{nil, content[:len(content)-1], append([]byte{255, 255}, content[2:]...)} {
		if err := os.WriteFile(weights, damaged, 0o666); err != nil {
			t.Fatal(err)
		}
		if out, err := goes(nil, "run", "./main"); err == nil || !strings.HasPrefix(string(out), "mlp: model.safetensors: ") || strings.Contains(string(out), "panic") {
			t.Errorf("of damaged weights: %v, %s", err, out)
		}
	}
}

func fileSize(t *testing.T, path string) int64 {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info.Size()
}

// TestCheck holds what may be replaced: a package, and an empty folder.
func TestCheck(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "rows")
	if exists, err := Check(path); exists || err != nil {
		t.Errorf("of nothing: %t, %v", exists, err)
	}
	if err := os.Mkdir(path, 0o777); err != nil {
		t.Fatal(err)
	}
	if exists, err := Check(path); exists || err != nil {
		t.Errorf("of an empty folder: %t, %v", exists, err)
	}
	m := table(t)
	for range 2 { // it replaces what is there
		if _, err := Write(path, m); err != nil {
			t.Fatal(err)
		}
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 {
		t.Errorf("found %v (%v), the package alone expected", entries, err)
	}
	if exists, err := Check(path); !exists || err != nil {
		t.Errorf("of a package: %t, %v", exists, err)
	}
	code := filepath.Join(path, codeFile)
	for _, c := range []struct{ name, content, want string }{
		{code, "package rows\n", "model.go in it is not of export's writing"},
		{filepath.Join(path, "more.go"), "package rows\n", `found "more.go" in it, which is of no package that export wrote`},
	} {
		if err := os.WriteFile(c.name, []byte(c.content), 0o666); err != nil {
			t.Fatal(err)
		}
		if exists, err := Check(path); !exists || err == nil || err.Error() != c.want {
			t.Errorf("got %t, %v, want %q", exists, err, c.want)
		}
	}
	if exists, err := Check(code); exists || err == nil {
		t.Errorf("of a file: %t, %v", exists, err)
	}
}
