package cli

import (
	"encoding/json"
	"math"
	"strings"
	"testing"

	"github.com/onehot-go/onehot/model"
	"github.com/onehot-go/onehot/nn"
	"github.com/onehot-go/onehot/tensor"
)

// explained is a line of predict --explain --json.
type explained struct {
	Row         int
	Predictions []model.Prediction
	Explanation rowExplanation
}

// TestExplainRows compares terms with coefficients times prepared values, and holds that all of a score is told.
func TestExplainRows(t *testing.T) {
	t.Chdir(t.TempDir())
	for classes := 2; classes <= 3; classes++ {
		data := visits(t, classes)
		succeed(t, "train", data, "--label-column", "kind", "--out", "run", "--force")
		succeed(t, "train", data, "--label-column", "kind", "--model", "mlp", "--epochs", "3", "--out", "net", "--force")
		writeFile(t, "new.csv", []byte("member,visits,age,city\nyes,7,60,Rome\nno,,20,Bergen\n"))

		m, err := model.Load("run/model.safetensors")
		if err != nil {
			t.Fatal(err)
		}
		columns, _ := m.Columns()
		l := m.Net.Layer("linear").(*nn.Linear)
		weights, biases := tensor.Values[float64](l.Weight), tensor.Values[float64](l.Bias)
		mean := columns.MeanRow()
		by := func(class int, feature int) float64 { // of the class, above the mean of the others
			of := func(k int) float64 {
				if feature < 0 {
					return biases[k]
				}
				return weights[k*len(mean)+feature]
			}
			v := of(class)
			for k := range classes {
				if k != class {
					v -= of(k) / float64(classes-1)
				}
			}
			return v
		}
		lines := strings.Split(strings.TrimSpace(succeed(t, "predict", "run", "new.csv", "--explain", "--json")), "\n")
		for i, fields := range [][]string{{"60", "Rome", "yes", "7"}, {"20", "Bergen", "no", ""}} {
			var got explained
			if err := json.Unmarshal([]byte(lines[i]), &got); err != nil {
				t.Fatal(err)
			}
			x := make([]float32, len(mean))
			if err := columns.Fill(x, fields); err != nil {
				t.Fatal(err)
			}
			e := got.Explanation
			class := strings.Index("abc", e.Class)
			if e.Class != got.Predictions[0].Class || len(e.Terms) != 4 || math.Abs(e.Rest) > 1e-5 {
				t.Errorf("%+v", got)
			}
			base := by(class, -1)
			for f, v := range mean {
				base += by(class, f) * float64(v)
			}
			if math.Abs(e.Base-base) > 1e-5 {
				t.Errorf("base %v, want %v", e.Base, base)
			}
			at := 0
			for k, c := range columns.List {
				want := 0.0
				for range c.Width() {
					want += by(class, at) * float64(x[at]-mean[at])
					at++
				}
				for _, term := range e.Terms {
					if term.Column == c.Name && (math.Abs(term.Term-want) > 1e-5 || term.Value != fields[k]) {
						t.Errorf("%s = %s: %v, want %v", term.Column, term.Value, term.Term, want)
					}
				}
			}
			for k := 1; k < len(e.Terms); k++ {
				if math.Abs(e.Terms[k].Term) > math.Abs(e.Terms[k-1].Term) {
					t.Errorf("not the greatest first: %+v", e.Terms)
				}
			}
			if classes == 2 { // the score is the logarithm of the odds
				if p := got.Predictions[0].Probability; math.Abs(e.Score-math.Log(p/(1-p))) > 1e-4 {
					t.Errorf("score %v of the probability %v", e.Score, p)
				}
			}
		}
		// A net's columns may say something together; then that is told.
		for line := range strings.Lines(succeed(t, "predict", "net", "--explain", "new.csv", "--json")) {
			var got explained
			if err := json.Unmarshal([]byte(line), &got); err != nil {
				t.Fatal(err)
			}
			sum := got.Explanation.Base + got.Explanation.Rest
			for _, term := range got.Explanation.Terms {
				sum += term.Term
			}
			if math.Abs(sum-got.Explanation.Score) > 1e-9 {
				t.Errorf("%v in all, score %v", sum, got.Explanation.Score)
			}
		}
		text := succeed(t, "predict", "run", "new.csv", "--explain")
		if !strings.HasPrefix(text, "row 1: ") || !strings.Contains(text, "    visits = 7  ") || !strings.Contains(text, "  the mean row  ") || strings.Count(text, "  score of ") != 2 || strings.Contains(text, "columns together") {
			t.Error(text)
		}
	}
	succeed(t, "predict", "run", "new.csv", "--explain", "--json", "--csv", "both.csv")
	wantError(t, 2, "--explain is printed: --csv takes its place, but for --json", "predict", "run", "new.csv", "--explain", "--csv", "one.csv")
	wantError(t, 2, "the model takes rows of tables: one table expected, without --invert, --grid, --files-from and a file of --explain", "predict", "run", "new.csv", "--explain=why.png")
}

func TestExplainManyColumns(t *testing.T) {
	e := rowExplanation{Class: "b\x1b", Score: 2, Base: 0.5, Rest: 0.25}
	for i := range 12 {
		e.Terms = append(e.Terms, rowTerm{"column " + string(rune('a'+i)), strings.Repeat("x", 50), 1.2 - 0.1*float64(i)})
	}
	var text strings.Builder
	if err := e.write(&text); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(text.String(), "\n")
	for i, want := range map[int]string{0: "  column a = " + strings.Repeat("x", 39) + "…  +1.2000", 10: "2 more columns  +0.3000", 11: "columns together  +0.2500", 12: "the mean row  +0.5000", 13: `score of "b\x1b"  +2.0000`} {
		if got := lines[i]; strings.TrimSpace(got) != strings.TrimSpace(want) {
			t.Errorf("line %d: %q, want %q", i, got, want)
		}
	}
}

// TestExplainPictureNeedsFile has no file behind the flag.
func TestExplainPictureNeedsFile(t *testing.T) {
	dir := tinyData(t)
	run := dir + "/run"
	succeed(t, "train", "--data-dir", dir, "--epochs", "0", "--out", run)
	file := greys(t, dir, 10)[0]
	wantError(t, 2, "--explain of a picture is drawn: the name of a PNG or SVG file behind it expected", "predict", run, file, "--explain")
	wantError(t, 2, `--explain why.gif: found the ending ".gif", .png or .svg expected`, "predict", run, file, "--explain=why.gif")
	succeed(t, "predict", run, "--explain", dir+"/why.svg", file)
}
