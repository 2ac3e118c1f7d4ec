package cli

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"image"
	"image/color"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/onehot-go/onehot/model"
	"github.com/onehot-go/onehot/random"
)

// tagged writes a table whose rows have any of three labels, as CSV and as JSONL, to the folder.
func tagged(t *testing.T, dir string) {
	t.Helper()
	r := random.New(5).Rand()
	var rows, lines strings.Builder
	rows.WriteString("a,b,c,tags\n")
	for range 200 {
		x := [3]float64{r.NormFloat64(), r.NormFloat64(), r.NormFloat64()}
		tags := []string{}
		for k, name := range []string{"red", "blue", "green"} {
			if x[k]-0.3*x[(k+1)%3]+0.3*r.NormFloat64() > 0.4 {
				tags = append(tags, name)
			}
		}
		fmt.Fprintf(&rows, "%.3f,%.3f,%.3f,%s\n", x[0], x[1], x[2], strings.Join(tags, " ; "))
		list, _ := json.Marshal(tags)
		fmt.Fprintf(&lines, "{\"a\":%.3f,\"b\":%.3f,\"c\":%.3f,\"tags\":%s}\n", x[0], x[1], x[2], list)
	}
	for name, text := range map[string]string{"rows.csv": rows.String(), "rows.jsonl": lines.String()} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
}

// spots writes pictures with spots in any of three colours, and a list of them.
func spots(t *testing.T, dir string, n int) {
	t.Helper()
	t.Setenv("XDG_CACHE_HOME", filepath.Join(t.TempDir(), "cache"))
	r := random.New(6).Rand()
	list := "file,tags\n"
	for i := range n {
		img := image.NewRGBA(image.Rect(0, 0, 8, 8))
		var tags []string
		var c color.RGBA
		for k, to := range []*uint8{&c.R, &c.G, &c.B} {
			if r.Float64() < 0.4 {
				*to = 200
				tags = append(tags, []string{"red", "green", "blue"}[k])
			}
		}
		for y := range 8 {
			for x := range 8 {
				img.SetRGBA(x, y, color.RGBA{c.R + uint8(r.IntN(50)), c.G + uint8(r.IntN(50)), c.B + uint8(r.IntN(50)), 255})
			}
		}
		name := fmt.Sprintf("p/%03d.png", i)
		writePNG(t, filepath.Join(dir, name), img)
		list += name + "," + strings.Join(tags, "|") + "\n"
	}
	if err := os.WriteFile(filepath.Join(dir, "photos.csv"), []byte(list), 0o666); err != nil {
		t.Fatal(err)
	}
}

// evaluated is what eval --json says of several labels.
type evaluated struct {
	MicroF1        float64 `json:"micro_f1"`
	SubsetAccuracy float64 `json:"subset_accuracy"`
	Labels         []struct {
		Name      string
		F1        float64
		Threshold float64
		Support   int
	}
}

func TestSeveralLabelsOfRows(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	tagged(t, dir)
	stdout, stderr, code := onehot(t, "train", "rows.csv", "--label-column", "tags", "--label-separator", ";", "--test", "0.2", "--out", "run")
	if code != 0 || !strings.HasPrefix(stdout, "epoch 1, loss 0.") || !strings.Contains(stdout, "train micro-f1 0.8") || !strings.Contains(stdout, "\ntest micro-f1 0.") {
		t.Fatal(code, stdout, stderr)
	}
	for _, want := range []string{
		"rows: CSV with commas, a header, UTF-8: 200 rows, 3 labels\nseveral labels: 1.0", " a row, and none of ",
		"a label is predicted from a threshold on that has the best F1 on the 40 validation rows\n", "label  precision  recall     f1  average precision  threshold  support\n",
		"over all labels: micro f1 0.8", "best: epoch 1, val micro-f1 0.8",
	} {
		if !strings.Contains(stderr, want) {
			t.Errorf("no %q in %s", want, stderr)
		}
	}
	m, err := model.Load("run/model.safetensors")
	if err != nil || !slices.Equal(m.Classes, []string{"blue", "green", "red"}) || len(m.Thresholds) != 3 || m.Task != "multi-label" {
		t.Fatal(m, err)
	}
	// What was measured is measured again, by the same thresholds.
	var again, before evaluated
	if err := json.Unmarshal([]byte(succeed(t, "eval", "run", "--json")), &again); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(readFile(t, "run", "metrics.json"), &before); err != nil || again.MicroF1 != before.MicroF1 || again.MicroF1 < 0.85 {
		t.Errorf("eval %+v, metrics %+v (%v)", again, before, err)
	}
	for i, l := range again.Labels {
		if l.Threshold != m.Thresholds[i] || l.Name != m.Classes[i] {
			t.Errorf("label %+v, threshold %v", l, m.Thresholds[i])
		}
	}
	// Lists in JSONL are the same labels, and give the same weights.
	succeed(t, "train", "rows.jsonl", "--label-column", "tags", "--test", "0.2", "--out", "lists")
	other, err := model.Load("lists/model.safetensors")
	if err != nil || !slices.Equal(other.Thresholds, m.Thresholds) {
		t.Error(other.Thresholds, m.Thresholds, err)
	}
	checkAnswers(t, m, "row", "run", "rows.csv")
	if out := succeed(t, "eval", "run", "rows.jsonl", "--csv", "said.csv"); !strings.HasPrefix(out, "run on rows, 200 rows\nmicro-f1 0.8") || strings.Contains(out, "mean of the classes") {
		t.Error(out)
	}
	said, err := csv.NewReader(strings.NewReader(string(readFile(t, "said.csv")))).ReadAll()
	if err != nil || !slices.Equal(said[0], []string{"row", "label", "class", "probability", "p:blue", "p:green", "p:red"}) {
		t.Error(said, err)
	}
	// Neural nets, and the same settings again.
	succeed(t, "train", "rows.csv", "--label-column", "tags", "--label-separator", ";", "--model", "mlp", "--hidden", "8", "--epochs", "3", "--class-weights", "balanced", "--monitor", "macro-f1", "--ema", "0.5", "--out", "mlp")
	succeed(t, "train", "--config", "mlp/config.json", "--out", "same")
	if one, two := readFile(t, "mlp", "model.safetensors"), readFile(t, "same", "model.safetensors"); string(one) != string(two) {
		t.Error("the same settings give other weights")
	}
	succeed(t, "train", "--resume", "--out", "mlp", "--epochs", "5")
	if out := succeed(t, "compare", "mlp", "run"); !strings.Contains(out, "test micro-f1") {
		t.Error(out)
	}
	if lines := strings.Split(succeed(t, "train", "rows.csv", "--label-column", "tags", "--label-separator", ";", "--json", "--out", "json"), "\n"); !strings.Contains(lines[0], `"train_micro_f1":0.8`) || !strings.Contains(lines[1], `"best_val_micro_f1":0.`) {
		t.Error(lines)
	}
	for _, page := range []string{"run", "mlp"} {
		if text := string(readFile(t, page, "report.html")); !strings.Contains(text, "micro-f1") || !strings.Contains(text, "<td>green</td>") && !strings.Contains(text, ">green<") {
			t.Errorf("the page of %s has no labels", page)
		}
	}
}

// checkAnswers holds what predict says of the samples in a table of rows, or in pictures, to the model's thresholds.
func checkAnswers(t *testing.T, m *model.Model, first, run string, inputs ...string) {
	t.Helper()
	var rows []map[string]string
	succeed(t, append([]string{"predict", run, "--csv", "answers.csv", "--force"}, inputs...)...)
	text, err := csv.NewReader(strings.NewReader(string(readFile(t, "answers.csv")))).ReadAll()
	if err != nil || !slices.Equal(text[0][:4], []string{first, "class", "probability", "error"}) {
		t.Fatal(text, err)
	}
	for _, row := range text[1:] {
		of := map[string]string{}
		for i, name := range text[0] {
			of[name] = row[i]
		}
		rows = append(rows, of)
	}
	lines := strings.Split(strings.TrimSpace(succeed(t, append([]string{"predict", run, "--json"}, inputs...)...)), "\n")
	if len(lines) != len(rows) {
		t.Fatalf("%d lines, %d rows", len(lines), len(rows))
	}
	several := 0
	for i, line := range lines {
		var said struct {
			Predictions []model.Prediction
			Labels      []string
		}
		if err := json.Unmarshal([]byte(line), &said); err != nil || said.Labels == nil || len(said.Predictions) != len(m.Classes) {
			t.Fatal(line, err)
		}
		var want []string
		for k, class := range m.Classes {
			for _, p := range said.Predictions {
				if p.Class == class && p.Probability >= m.Thresholds[k] {
					want = append(want, class)
				}
			}
		}
		if len(want) > 1 {
			several++
		}
		if !slices.Equal(said.Labels, want) || rows[i]["probability"] != "" || strings.FieldsFunc(rows[i]["class"], func(r rune) bool { return r == ';' || r == '|' }) == nil && len(want) > 0 {
			t.Errorf("labels %v and %q, want %v", said.Labels, rows[i]["class"], want)
		}
		for _, p := range said.Predictions {
			var v float64
			if fmt.Sscan(rows[i]["p:"+p.Class], &v); math.Abs(v-p.Probability) > 1e-6 {
				t.Errorf("%s: %v in the table, %v in JSON", p.Class, v, p.Probability)
			}
		}
	}
	if several == 0 {
		t.Error("no sample has several labels")
	}
}

func TestSeveralLabelsOfPictures(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	spots(t, dir, 80)
	args := []string{"train", "photos.csv", "--path-column", "file", "--label-column", "tags", "--label-separator", "|", "--seed", "3"}
	stdout, stderr, code := onehot(t, append(args, "--model", "mlp", "--hidden", "16", "--epochs", "4", "--lr", "0.5", "--batch-size", "8", "--augment", "flip", "--tta", "--out", "run")...)
	if code != 0 || !strings.Contains(stdout, "val micro-f1 ") {
		t.Fatal(code, stdout, stderr)
	}
	for _, want := range []string{"photos: 3 labels, 64 pictures to train on, 16 to choose the best epoch by", "several labels: 1.", "the best F1 on the 16 validation pictures"} {
		if !strings.Contains(stderr, want) {
			t.Errorf("no %q in %s", want, stderr)
		}
	}
	m, err := model.Load("run/model.safetensors")
	if err != nil {
		t.Fatal(err)
	}
	checkAnswers(t, m, "file", "run", "p")
	if out := succeed(t, "predict", "run", "p/000.png", "--top-k", "3"); strings.Count(out, "\n") != 4 {
		t.Error(out)
	}
	var by evaluated
	if err := json.Unmarshal([]byte(succeed(t, "eval", "run", "--json", "--tta")), &by); err != nil || by.MicroF1 < 0.8 {
		t.Error(by, err)
	}
	succeed(t, "train", "--resume", "--out", "run", "--epochs", "5")
	succeed(t, "report", "run")
	// L-BFGS, an ensemble, and the list itself.
	succeed(t, append(args, "--model", "softmax", "--optimizer", "lbfgs", "--epochs", "20", "--l2", "0.001", "--out", "lbfgs")...)
	if out := succeed(t, "eval", "run", "lbfgs", "photos.csv"); !strings.Contains(out, "run + lbfgs on photos, 80 samples\nmicro-f1 0.9") && !strings.Contains(out, "micro-f1 1.0") {
		t.Error(out)
	}
}

func TestSeveralLabelsAreRefused(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	tagged(t, dir)
	rows := []string{"train", "rows.csv", "--label-column", "tags", "--label-separator", ";", "--out", "run"}
	with := func(more ...string) []string { return append(slices.Clip(rows), more...) }
	wantError(t, 2, "--label-separator is for lists and tables, with --label-column", "train", "rows.csv", "--label-separator", ";")
	wantError(t, 2, "--label-smoothing spreads the truth over classes of which a sample has one, and there may be several labels here",
		with("--model", "mlp", "--label-smoothing", "0.1", "-q")...)
	wantError(t, 2, "--sample balanced counts samples of one class each; --class-weights balanced makes the yes and the no of every label count as much, and there may be several labels here",
		with("--model", "mlp", "--sample", "balanced", "-q")...)
	wantError(t, 2, "--monitor accuracy is for samples of one class each: macro-f1 or loss expected, or micro-f1, which is taken without the flag, and there may be several labels here",
		with("--monitor", "accuracy", "-q")...)
	wantError(t, 2, "--class-weights 1,2,3: balanced expected, where there may be several labels", with("--model", "mlp", "--class-weights", "1,2,3", "-q")...)
	if err := os.WriteFile("none.csv", []byte("a,b,tags\n1,2,\n2,1,;\n3,4,\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	wantError(t, 1, `none.csv: column "tags": found no label, one at least expected`, "train", "none.csv", "--label-column", "tags", "--label-separator", ";")
	_, stderr, code := onehot(t, with("--val", "0")...)
	if code != 0 || !strings.Contains(stderr, "a label is predicted from a probability of 0.5 on: there are no validation data to choose thresholds by\n") {
		t.Error(code, stderr)
	}
}

// TestSeveralLabelsOfPretrainedNets fits the last layer of a pretrained net to several labels, and trains more of it.
func TestSeveralLabelsOfPretrainedNets(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	spots(t, dir, 60)
	writeWeights(t, drawnNet(t, []string{"a", "b", "c"}), dir, "weights.safetensors")
	args := []string{"train", "photos.csv", "--path-column", "file", "--label-column", "tags", "--label-separator", "|", "--pretrained", smallNet, "--weights", "weights.safetensors", "--test", "0.2"}
	stdout, stderr, code := onehot(t, append(args, "--augment", "flip", "--out", "probe")...)
	if code != 0 || !strings.Contains(stdout, "val micro-f1 ") || !strings.Contains(stdout, "test micro-f1 ") {
		t.Fatal(code, stdout, stderr)
	}
	if !strings.Contains(stderr, " strengths, by cross-validation of the training pictures in 5 folds: loss 0.") || strings.Contains(stderr, "accuracy") {
		t.Error(stderr)
	}
	m, err := model.Load("probe/model.safetensors")
	if err != nil || len(m.Thresholds) != 3 {
		t.Fatal(m, err)
	}
	var again, before evaluated
	if err := json.Unmarshal([]byte(succeed(t, "eval", "probe", "--json")), &again); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(readFile(t, "probe", "metrics.json"), &before); err != nil || math.Abs(again.MicroF1-before.MicroF1) > 0.05 || again.MicroF1 < 0.5 {
		t.Errorf("eval %+v, metrics %+v (%v)", again, before, err)
	}
	if out := succeed(t, append(args, "--freeze", "12", "--epochs", "1", "--out", "tuned")...); !strings.Contains(out, "test micro-f1 ") {
		t.Error(out)
	}
}

// TestSeveralLabelsCalibrated chooses thresholds of calibrated probabilities, and keeps both in an ONNX file.
func TestSeveralLabelsCalibrated(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	tagged(t, dir)
	succeed(t, "train", "rows.csv", "--label-column", "tags", "--label-separator", ";", "--out", "plain")
	succeed(t, "train", "rows.csv", "--label-column", "tags", "--label-separator", ";", "--calibrate", "temperature", "--out", "run")
	var plain, calibrated evaluated
	for name, to := range map[string]*evaluated{"plain": &plain, "run": &calibrated} {
		if err := json.Unmarshal([]byte(succeed(t, "eval", name, "--json")), to); err != nil {
			t.Fatal(err)
		}
	}
	// A temperature changes the order of no two rows: other thresholds give the same decisions.
	if plain.MicroF1 != calibrated.MicroF1 || plain.SubsetAccuracy != calibrated.SubsetAccuracy || plain.Labels[0].Threshold == calibrated.Labels[0].Threshold {
		t.Errorf("%+v and %+v", plain, calibrated)
	}
	spots(t, dir, 30)
	succeed(t, "train", "photos.csv", "--path-column", "file", "--label-column", "tags", "--label-separator", "|", "--model", "softmax", "--epochs", "2", "--out", "photos")
	if out := succeed(t, "export", "photos", "--onnx", "photos.onnx"); !strings.Contains(out, "several labels: probabilities are sigmoids") {
		t.Error(out)
	}
	m, err := model.Load("photos/model.safetensors")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Rename("photos", "gone"); err != nil { // the file alone says it all
		t.Fatal(err)
	}
	checkAnswers(t, m, "file", "photos.onnx", "p")
}

// TestSeveralLabelsOfData describes and checks pictures with several labels.
func TestSeveralLabelsOfData(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	spots(t, dir, 40)
	list := string(readFile(t, "photos.csv"))
	args := []string{"data", "photos.csv", "--path-column", "file", "--label-column", "tags", "--label-separator", "|"}
	red := strings.Count(list, "red")
	if out := succeed(t, append(args, "--show", "shown.png")...); !strings.Contains(out, "photos: 3 classes, 40 pictures: .png (40)") || !strings.Contains(out, fmt.Sprintf("2    red        %d", red)) {
		t.Error(red, out)
	}
	var found struct {
		Good    int
		Classes map[string]int
	}
	if err := json.Unmarshal([]byte(succeed(t, append(args, "--json")...)), &found); err != nil || found.Good != 40 || found.Classes["red"] != red || len(found.Classes) != 3 {
		t.Error(found, err)
	}
	succeed(t, append(args, "--check", "--show", "page.html")...)
	// The same pixels with other labels contradict each other.
	writeFile(t, "p/999.png", readFile(t, "p", "000.png"))
	writeFile(t, "photos.csv", []byte(list+"p/999.png,red|green|blue\n"))
	stdout, _, code := onehot(t, append(args, "--check")...)
	if code != 1 || !strings.Contains(stdout, "conflict: p/999.png: the same pixels as p/000.png, of the class ") {
		t.Error(code, stdout)
	}
}
