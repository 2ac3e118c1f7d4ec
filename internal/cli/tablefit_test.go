package cli

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/onehot-go/onehot/classify"
	"github.com/onehot-go/onehot/dataset/table"
	"github.com/onehot-go/onehot/nn"
	"github.com/onehot-go/onehot/tensor"
)

// references is where package classify has scikit-learn's tables, and what scikit-learn finds in them.
var references = filepath.Join("..", "..", "classify", "testdata")

// readReference reads a file of numbers.
func readReference(t *testing.T, name string, into any) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(references, name))
	if err == nil {
		err = json.Unmarshal(text, into)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// referenceLines returns the lines of one of scikit-learn's tables, and the number of its columns with the class, which is the last.
func referenceLines(t *testing.T, name string) (lines []string, columns int) {
	t.Helper()
	f, err := os.Open(filepath.Join(references, name+".csv.gz"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	plain, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	for s := bufio.NewScanner(plain); s.Scan(); {
		lines = append(lines, s.Text())
	}
	return lines, strings.Count(lines[0], ",") + 1
}

// writeLines writes lines to a file.
func writeLines(t *testing.T, path string, lines []string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(strings.Join(lines, "\n")+"\n"), 0o666); err != nil {
		t.Fatal(err)
	}
}

// objective returns what scikit-learn makes small with C of 1 and L2, of a run's model and all rows of a table.
func objective(t *testing.T, run, path, label string, o table.Options) float64 {
	t.Helper()
	m, err := loadModel(run, os.Stderr)
	if err != nil {
		t.Fatal(err)
	}
	columns, _ := m.Columns()
	o.Label = label
	own, err := table.Open(t.Context(), path, o)
	if err != nil {
		t.Fatal(err)
	}
	x, err := own.Features(columns)
	if err != nil {
		t.Fatal(err)
	}
	labels, err := own.Labels(label, false)
	if err != nil {
		t.Fatal(err)
	}
	of := make([]int64, len(labels.Of))
	for i, class := range labels.Of {
		of[i] = int64(class)
	}
	logits := m.Net.Forward(tensor.New(x, own.Rows, columns.Width())).To(tensor.Float64)
	layer := m.Net.Layer("linear").(*nn.Linear)
	weight := layer.Weight.To(tensor.Float64)
	if len(m.Classes) == 2 && (weight.Select(0, 0).Abs().Sum().Item() != 0 || layer.Bias.Select(0, 0).Item() != 0) {
		t.Errorf("%s: the first of two classes has weights", run)
	}
	return logits.CrossEntropy(tensor.New(of, len(of))).Sum().Item() + weight.Mul(weight).Sum().Item()/2
}

// TestTableReference fits scikit-learn's tables: to all rows, to its objective, and to its folds, to its accuracy.
func TestTableReference(t *testing.T) {
	var want map[string]map[string]struct{ Objective float64 }
	readReference(t, "reference.json", &want)
	var parts map[string]struct {
		Folds    [][]int
		Accuracy []float64
	}
	readReference(t, "folds.json", &parts)
	tables := map[string][]string{}
	for name := range parts {
		tables[name], _ = referenceLines(t, name)
	}
	t.Chdir(t.TempDir())
	for name := range parts {
		lines := tables[name]
		columns := strings.Count(lines[0], ",") + 1
		label := strconv.Itoa(columns)
		writeLines(t, name+".csv", lines)
		succeed(t, "train", name+".csv", "--no-header", "--label-column", label, "--val", "0", "--out", name, "-q")
		if got, want := objective(t, name, name+".csv", label, table.Options{NoHeader: true}), want[name]["l2"].Objective; math.Abs(got-want) > 1e-6*want {
			t.Errorf("%s: objective %v, want %v", name, got, want)
		}
		for k, measure := range parts[name].Folds {
			whole := slices.Clone(lines)
			for i := range whole {
				part := "train"
				if slices.Contains(measure, i) {
					part = "val"
				}
				whole[i] += "," + part
			}
			writeLines(t, "fold.csv", whole)
			succeed(t, "train", "fold.csv", "--no-header", "--label-column", label, "--split-column", strconv.Itoa(columns+1), "--out", "fold", "--force", "-q")
			figures, err := folder("fold").readFigures()
			if err != nil {
				t.Fatal(err)
			}
			if figures.Accuracy != parts[name].Accuracy[k] {
				t.Errorf("%s, fold %d: accuracy %v, want %v", name, k, figures.Accuracy, parts[name].Accuracy[k])
			}
		}
	}
}

// TestTablePenalties compares what flags ask for with the fits of package classify.
func TestTablePenalties(t *testing.T) {
	lines, columns := referenceLines(t, "wine")
	t.Chdir(t.TempDir())
	weighted := slices.Clone(lines)
	var x [][]float64
	var y []int
	var weights []float64
	for i, line := range lines {
		w := i * 7 % 4
		weighted[i] += fmt.Sprintf(",%d", w)
		weights = append(weights, float64(w))
		var row []float64
		for field := range strings.SplitSeq(line, ",") {
			v, err := strconv.ParseFloat(field, 64)
			if err != nil {
				t.Fatal(err)
			}
			row = append(row, v)
		}
		x, y = append(x, row[:columns-1]), append(y, int(row[columns-1]))
	}
	writeLines(t, "wine.csv", weighted)
	all, err := classify.Fit(x, y, classify.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range x {
		for j := range row {
			row[j] = (row[j] - all.Mean[j]) / all.Deviation[j]
		}
	}
	names := classify.Names{Classes: []string{"0", "1", "2"}, Mean: all.Mean, Deviation: all.Deviation}
	for j := range columns - 1 {
		names.Features = append(names.Features, strconv.Itoa(j+1))
	}
	weight := []string{"--weight-column", strconv.Itoa(columns + 1)}
	ignored := []string{"--columns", strconv.Itoa(columns+1) + "=ignored"}
	for _, c := range []struct {
		flags []string
		o     classify.Options
	}{
		{append(ignored, "--C", "0.1"), classify.Options{C: 0.1}},
		{append(ignored, "--l2", "0.05"), classify.Options{C: 1 / (0.05 * float64(len(x)))}},
		{append(ignored, "--penalty", "l1", "--C", "0.5"), classify.Options{C: 0.5, L1Ratio: 1}},
		{append(ignored, "--penalty", "elasticnet"), classify.Options{L1Ratio: 0.5}},
		{append(ignored, "--penalty", "elasticnet", "--l1-ratio", "0.2"), classify.Options{L1Ratio: 0.2}},
		{append(ignored, "--class-weights", "balanced"), classify.Options{Balanced: true}},
		{append(ignored, "--class-weights", "1,2,0.5"), classify.Options{ClassWeights: []float64{1, 2, 0.5}}},
		{weight, classify.Options{Weights: weights}},
	} {
		c.o.Raw = true
		fitted, err := classify.Fit(x, y, c.o)
		if err != nil {
			t.Fatal(err)
		}
		want := fitted.Explain(names)
		succeed(t, append([]string{"train", "wine.csv", "--no-header", "--label-column", strconv.Itoa(columns), "--val", "0", "--out", "run", "--force", "-q"}, c.flags...)...)
		got := readRunCoefficients(t, "run")
		if len(got) != len(want) {
			t.Fatalf("%v: %d coefficients, want %d", c.flags, len(got), len(want))
		}
		for i, g := range got {
			if w := want[i]; g.Class != w.Class || g.Feature != w.Feature || math.Abs(g.Value-w.Value) > 1e-4*(1+math.Abs(w.Value)) || math.Abs(g.Standardised-w.Standardised) > 1e-4 {
				t.Errorf("%v: %+v, want %+v", c.flags, g, w)
				break
			}
		}
	}
}

// readRunCoefficients reads the coefficients in a run's folder.
func readRunCoefficients(t *testing.T, run string) []classify.Coefficient {
	t.Helper()
	text, err := os.ReadFile(folder(run).coefficients())
	if err != nil {
		t.Fatal(err)
	}
	all, err := classify.ReadCoefficients(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// TestTableCoefficients has names of features, errors of a fit without a penalty, and the first category as what others are compared with.
func TestTableCoefficients(t *testing.T) {
	t.Chdir(t.TempDir())
	lines := []string{"size,colour,sold"}
	for i := range 90 {
		lines = append(lines, fmt.Sprintf("%d,%s,%s", i%7, []string{"blue", "green", "red"}[i%3], []string{"no", "yes"}[i*i/3%5%2]))
	}
	writeLines(t, "t.csv", lines)
	_, stderr, code := onehot(t, "train", "t.csv", "--label-column", "sold", "--penalty", "none", "--val", "0", "--out", "run")
	if code != 0 {
		t.Fatal(stderr)
	}
	got := map[string]classify.Coefficient{}
	for _, c := range readRunCoefficients(t, "run") {
		got[c.Feature] = c
	}
	for _, name := range []string{classify.Intercept, "size", "colour=green", "colour=red"} {
		c := got[name]
		if c.Class != "yes" || c.Against != "no" || !(c.Error > 0) || !(c.P > 0 && c.P <= 1) || math.Abs(c.OddsRatio-math.Exp(c.Value)) > 1e-6*c.OddsRatio || !(c.Low < c.OddsRatio && c.OddsRatio < c.High) {
			t.Errorf("%s: %+v", name, c)
		}
	}
	for _, name := range []string{"colour=blue", "colour other"} {
		if c, there := got[name]; !there || c.Value != 0 || !math.IsNaN(c.Error) {
			t.Errorf("%s: %+v", name, c)
		}
	}
	// Its predictions are those of the coefficients.
	first := got[classify.Intercept].Value + 3*got["size"].Value + got["colour=red"].Value
	writeLines(t, "new.csv", []string{"size,colour", "3,red"})
	out := succeed(t, "predict", "run", "new.csv", "--json")
	var said struct {
		Predictions []struct {
			Class       string
			Probability float64
		}
	}
	if err := json.Unmarshal([]byte(out), &said); err != nil {
		t.Fatal(err)
	}
	for _, p := range said.Predictions {
		if want := 1 / (1 + math.Exp(-first)); p.Class == "yes" && math.Abs(p.Probability-want) > 1e-5 {
			t.Errorf("probability %v, want %v", p.Probability, want)
		}
	}
	// A run that goes on behind its end has them still, and makes them anew.
	before, err := os.ReadFile("run/coefficients.csv")
	if err != nil {
		t.Fatal(err)
	}
	for _, remove := range []bool{false, true} {
		if remove {
			if err := os.Remove("run/coefficients.csv"); err != nil {
				t.Fatal(err)
			}
		}
		succeed(t, "train", "--resume", "--out", "run")
		if again, err := os.ReadFile("run/coefficients.csv"); err != nil || !bytes.Equal(again, before) {
			t.Errorf("removed %v: other coefficients, %v", remove, err)
		}
	}
}

// TestTableImportance has a column that tells the class, and one that says nothing.
func TestTableImportance(t *testing.T) {
	t.Chdir(t.TempDir())
	lines := []string{"tells,nothing,kind"}
	for i := range 120 {
		lines = append(lines, fmt.Sprintf("%d,%d,%d", i%2*10+i%3, i*i%11, i%2))
	}
	writeLines(t, "t.csv", lines)
	for _, model := range [][]string{{"--model", "softmax"}, {"--model", "mlp", "--hidden", "8", "--epochs", "40", "--lr", "0.05", "--init", "kaiming"}} {
		succeed(t, append([]string{"train", "t.csv", "--label-column", "kind", "--out", "run", "--force", "-q"}, model...)...)
		figures, err := folder("run").readFigures()
		if err != nil || len(figures.Importance) != 2 {
			t.Fatalf("%+v, %v", figures.Importance, err)
		}
		if one, two := figures.Importance[0], figures.Importance[1]; one.Column != "tells" || !(one.Mean > 0.3) || two.Column != "nothing" || math.Abs(two.Mean) > 0.02 {
			t.Errorf("%v: %+v", model, figures.Importance)
		}
	}
}

// cvEvents returns the events of cross-validation among lines of JSON.
func cvEvents(t *testing.T, lines string) (all []strengthFigures) {
	t.Helper()
	for line := range strings.Lines(lines) {
		var e strengthFigures
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatal(err)
		}
		if e.Event == "cv" {
			all = append(all, e)
		}
	}
	return all
}

// TestTableCV chooses a strength by cross-validation, and fits to all rows.
func TestTableCV(t *testing.T) {
	lines, columns := referenceLines(t, "wine")
	t.Chdir(t.TempDir())
	writeLines(t, "wine.csv", lines)
	args := []string{"train", "wine.csv", "--no-header", "--label-column", strconv.Itoa(columns), "--cv", "4", "--seed", "3"}
	path := cvEvents(t, succeed(t, append(args, "--json", "--out", "one")...))
	if len(path) != 20 || path[0].C != 1e-4 || path[19].C != 1e4 || len(path[5].FoldLoss) != 4 || len(path[5].FoldAccuracy) != 4 {
		t.Fatalf("%d strengths: %+v", len(path), path)
	}
	best := slices.IndexFunc(path, func(f strengthFigures) bool { return f.Best })
	chosen := slices.IndexFunc(path, func(f strengthFigures) bool { return f.Chosen })
	for i, f := range path {
		if f.Loss < path[best].Loss || i < chosen && f.Loss <= path[best].Loss+path[best].LossDeviation/2 {
			t.Errorf("C of %v has the loss %v, of the best %v", f.C, f.Loss, path[best].Loss)
		}
	}
	if f := path[chosen]; chosen > best || f.Loss > path[best].Loss+path[best].LossDeviation/2 || !(f.Accuracy > 0.95) {
		t.Errorf("chosen is %+v", f)
	}
	figures, err := folder("one").readFigures()
	if err != nil || figures.Part != "cv" || figures.CV == nil || figures.CV.Folds != 4 || figures.CV.Rule != "one-se" || len(figures.CV.Strengths) != 20 || math.Abs(figures.Accuracy-path[chosen].Accuracy) > 0.01 {
		t.Errorf("%+v, %v", figures, err)
	}
	rows := 0
	for _, of := range figures.Classes {
		rows += of.Support
	}
	if rows != len(lines) {
		t.Errorf("%d rows are measured, want %d", rows, len(lines))
	}
	// The same seed gives the same, and the fit to all rows is that of the chosen strength.
	stdout, stderr, _ := onehot(t, append(args, "--out", "two")...)
	if !strings.HasPrefix(stdout, fmt.Sprintf("cv of 4 folds, C %g by one-se, loss %.4f ± ", path[chosen].C, path[chosen].Loss)) || !strings.Contains(stderr, "least loss\n") {
		t.Error(stdout, stderr)
	}
	succeed(t, append(args[:5:5], "--C", fmt.Sprint(path[chosen].C), "--val", "0", "--out", "three")...)
	one, _ := os.ReadFile("one/coefficients.csv")
	for _, name := range []string{"two", "three"} {
		if other, err := os.ReadFile(name + "/coefficients.csv"); err != nil || !bytes.Equal(one, other) {
			t.Errorf("%s has other coefficients, %v", name, err)
		}
	}
	succeed(t, "train", "--resume", "--out", "one")
	succeed(t, "train", "--config", "one/config.json", "--out", "four")
	succeed(t, "report", "one")
	if other, err := os.ReadFile("four/coefficients.csv"); err != nil || !bytes.Equal(one, other) {
		t.Errorf("other coefficients by --config, %v", err)
	}
	if by := cvEvents(t, succeed(t, append(args, "--cv-rule", "best", "--json", "--out", "five")...)); !by[best].Chosen || by[chosen].Chosen && chosen != best {
		t.Errorf("%+v is not chosen", by[best])
	}
	// A strength that is given is measured alone, and so is a net.
	for i, flags := range [][]string{{"--C", "0.5"}, {"--penalty", "none"}, {"--model", "mlp", "--hidden", "8", "--epochs", "30", "--lr", "0.01"}} {
		run := fmt.Sprint("alone", i)
		if by := cvEvents(t, succeed(t, append(append(args, "--json", "--out", run), flags...)...)); len(by) != 1 || !by[0].Chosen || by[0].C != []float64{0.5, 0, 0}[i] || len(by[0].FoldLoss) != 4 || !(by[0].Accuracy > 0.9) {
			t.Errorf("%v: %+v", flags, by)
		}
		if figures, err := folder(run).readFigures(); err != nil || figures.CV == nil || figures.CV.Rule != "" {
			t.Errorf("%+v, %v", figures.CV, err)
		}
	}
}

// TestTableCVLeaks has groups whose rows are the same, and classes that are drawn by group: what a fold knows of a group's class makes all
// the difference. And a column whose rare words are categories only of all rows together.
func TestTableCVLeaks(t *testing.T) {
	t.Chdir(t.TempDir())
	lines := []string{"word,who,x,y"}
	for i := range 160 {
		group := i / 4
		lines = append(lines, fmt.Sprintf("w%d,g%d,%d,%d", group, group, i%5, (group*group+group/3)%2))
	}
	writeLines(t, "t.csv", lines)
	args := []string{"train", "t.csv", "--label-column", "y", "--cv", "5", "--C", "1", "--json"}
	alone := cvEvents(t, succeed(t, append(args, "--columns", "who=ignored", "--out", "rows")...))
	together := cvEvents(t, succeed(t, append(args, "--group-column", "who", "--out", "groups")...))
	if !(alone[0].Accuracy > 0.9) || together[0].Accuracy > 0.75 {
		t.Errorf("accuracy %v of rows and %v of groups: about 1 and about a half expected", alone[0].Accuracy, together[0].Accuracy)
	}
}

// TestTableHardCases has classes that a plane tells apart, a class of one row, 10,000 categories, and columns that are constant or twice there.
func TestTableHardCases(t *testing.T) {
	t.Chdir(t.TempDir())
	lines := []string{"a,again,five,city,label,y"}
	for i := range 400 {
		class := []string{"left", "right"}[i%2]
		lines = append(lines, fmt.Sprintf("%d,%[1]d,5,c%d,%s,%[3]s", i%2*100+i%7, i*7%10000, class))
	}
	lines = append(lines, "55,55,5,c3,lone,lone")
	writeLines(t, "t.csv", lines)
	_, stderr, code := onehot(t, "train", "t.csv", "--label-column", "y", "--penalty", "none", "--out", "run", "--columns", "label=ignored")
	if code != 0 || !strings.Contains(stderr, "tell rows of some classes from all others without fail: without a penalty coefficients grow without an end") {
		t.Error(stderr)
	}
	if !strings.Contains(stderr, `column "again" is column "a" once more`) || !strings.Contains(stderr, "always the same: 5") {
		t.Error(stderr)
	}
	for _, c := range readRunCoefficients(t, "run") {
		if c.Value-c.Value != 0 || !math.IsNaN(c.Error) {
			t.Errorf("%+v", c)
		}
	}
	_, stderr, code = onehot(t, "train", "t.csv", "--label-column", "y", "--out", "leak")
	if code != 0 || !strings.Contains(stderr, `column "label" tells "y" without fail: leave it out if it is not known before the label is`) {
		t.Error(stderr)
	}
	if _, stderr, code = onehot(t, "train", "t.csv", "--label-column", "y", "--cv", "3", "--C", "1", "--out", "cv"); code != 0 || !strings.Contains(stderr, "fewer rows than folds: lone") {
		t.Error(stderr)
	}
	// Of 10,200 categories those that come once are joined.
	lines = []string{"word,y"}
	for i := range 12000 {
		word := i
		if i >= 10000 {
			word = 20000 + i%200
		}
		lines = append(lines, fmt.Sprintf("w%d,%d", word, i%2))
	}
	writeLines(t, "many.csv", lines)
	_, stderr, code = onehot(t, "train", "many.csv", "--label-column", "y", "--val", "0", "--out", "many")
	if code != 0 || !strings.Contains(stderr, "10000 rare ones joined") {
		t.Error(stderr)
	}
	if c := readRunCoefficients(t, "many"); len(c) != 1+200+1 || c[1].Feature != "word=w20000" || !(c[1].Value < -1) {
		t.Errorf("%d coefficients, %+v", len(c), c[1])
	}
}

// TestTableFitErrors has flags that do not go together, and weights that are none.
func TestTableFitErrors(t *testing.T) {
	t.Chdir(t.TempDir())
	writeLines(t, "t.csv", []string{"a,w,y", "1,1,p", "2,x,q", "3,1,p", "4,-1,q", "5,2,", "6,0,q"})
	base := []string{"train", "t.csv", "--label-column", "y", "--columns", "w=ignored"}
	for want, flags := range map[string][]string{
		"--C or --l2 is for penalties other than none":                                       {"--C", "1", "--penalty", "none"},
		"--C is for fits without --l2, which says the same in another way":                   {"--C", "1", "--l2", "0.1"},
		"--C -1: a number of 0 or more expected":                                             {"--C", "-1"},
		"--l1-ratio is for --penalty elasticnet":                                             {"--l1-ratio", "0.5"},
		"--l1-ratio 2: a number from 0 to 1 expected":                                        {"--l1-ratio", "2", "--penalty", "elasticnet"},
		"--cv 1: 2 to 1000 folds expected, or 0 for none":                                    {"--cv", "1"},
		"--penalty is for softmax regression on tables, by lbfgs":                            {"--penalty", "l1", "--model", "mlp"},
		"--weight-column is for softmax regression on tables, by lbfgs":                      {"--weight-column", "w", "--model", "mlp"},
		"--epochs is for " + byEpochs:                                                        {"--epochs", "2"},
		"--cv is for runs without --max-time":                                                {"--cv", "3", "--model", "mlp", "--max-time", "9s"},
		"--cv is for runs without --schedule plateau, --early-stop and --monitor":            {"--cv", "3", "--model", "mlp", "--early-stop", "2"},
		"--class-weights 1,2,3: balanced, or 2 numbers of 0 or more expected":                {"--class-weights", "1,2,3"},
		"--cv-rule is for --cv with a path of strengths, of softmax regression without --C,": {"--cv", "3", "--C", "1", "--cv-rule", "best"},
	} {
		_, stderr, code := onehot(t, append(base, flags...)...)
		if code != 2 || !strings.Contains(stderr, want) {
			t.Errorf("%v: status %d, %s", flags, code, stderr)
		}
	}
	for want, flags := range map[string][]string{
		`t.csv: line 3, column "w": found "x", a weight of 0 or more expected`: {"--weight-column", "w"},
		`t.csv: --cv: found 5 rows for 9 folds, at least one a fold expected`:  {"--cv", "9"},
		`t.csv: found no column "v", there are "a", "w", "y"`:                  {"--weight-column", "v"},
	} {
		if _, stderr, code := onehot(t, append(base, flags...)...); code != 1 || !strings.Contains(stderr, "onehot: "+want) {
			t.Errorf("%v: status %d, %s", flags, code, stderr)
		}
	}
	wantError(t, 2, "--C is for softmax regression on tables, by lbfgs", "train", "--C", "1")
	wantError(t, 2, "--cv is for tables, with --label-column", "train", "--cv", "3")
}
