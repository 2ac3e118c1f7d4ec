package report

import (
	"math"
	"regexp"
	"strings"
	"testing"

	"github.com/onehot-go/onehot/classify"
	"github.com/onehot-go/onehot/model"
	"github.com/onehot-go/onehot/random"
	"github.com/onehot-go/onehot/task"
	"github.com/onehot-go/onehot/tensor"
	"github.com/onehot-go/onehot/train"
	"github.com/onehot-go/onehot/transform"
)

// tableModel returns softmax regression on a table of three columns, whose weights are given.
func tableModel(t *testing.T, classes []string, weights, biases []float64) *model.Model {
	t.Helper()
	columns := transform.Columns{Label: "kind", Means: []float64{0.5, 0.25, 0.75, 0, 0}, List: []transform.Column{
		{Name: "age", Kind: transform.Numeric, Mean: 40, Deviation: 10},
		{Name: "city", Kind: transform.Category, Categories: []string{"Oslo", "Paris"}},
		{Name: "id", Kind: transform.Ignored, Why: "names"},
		{Name: "member", Kind: transform.Boolean, Mean: 0.5, Deviation: 0.5},
	}}
	d := model.Softmax([]int{columns.Width()}, classes)
	d.Preprocess = transform.Compose{columns}
	m, err := model.New(d, random.New(0))
	if err != nil {
		t.Fatal(err)
	}
	for name, p := range m.Net.Parameters() {
		if strings.HasSuffix(name, "weight") {
			p.CopyInPlace(tensor.New(weights, p.Shape()...))
		} else {
			p.CopyInPlace(tensor.New(biases))
		}
	}
	return m
}

func TestExplainRow(t *testing.T) {
	m := tableModel(t, []string{"a", "b"}, []float64{1, 2, 3, 4, 5, 0, 1, -1, 0, 2}, []float64{0.5, 0})
	by, err := model.NewPredictor(m)
	if err != nil {
		t.Fatal(err)
	}
	// Weights of a minus those of b are 1 1 4 4 3, the difference of biases 0.5.
	e, err := ExplainRow(by, &m.Definition, []float32{2, 0, 1, 0, -1}, 0)
	if err != nil {
		t.Fatal(err)
	}
	want := RowExplanation{Class: 0, Score: 2 + 4 - 3 + 0.5, Base: 0.5 + 0.25 + 3 + 0.5, Terms: []Term{{3, -3}, {0, 1.5}, {1, -0.25 + 1}}}
	if math.Abs(e.Score-want.Score) > 1e-6 || math.Abs(e.Base-want.Base) > 1e-6 || math.Abs(e.Rest) > 1e-6 || len(e.Terms) != 3 {
		t.Fatalf("got %+v, want %+v", e, want)
	}
	for i, term := range want.Terms {
		if e.Terms[i].Column != term.Column || math.Abs(e.Terms[i].Value-term.Value) > 1e-6 {
			t.Errorf("term %d: got %+v, want %+v", i, e.Terms[i], term)
		}
	}
	if _, err := ExplainRow(by, &m.Definition, []float32{float32(math.Inf(1)), 0, 1, 0, 0}, 0); err == nil {
		t.Error("a row without a number has a score")
	}
	// A label's score is its logit.
	labels := m.Definition
	labels.Task = task.MultiLabel{}.Name()
	if e, err = ExplainRow(by, &labels, []float32{2, 0, 1, 0, -1}, 0); err != nil || e.Score != 2+3-5+0.5 || e.Terms[0].Column != 3 || math.Abs(e.Terms[0].Value+5) > 1e-6 {
		t.Errorf("%+v, %v", e, err)
	}
}

// rowsPage is the page of a run on a table, with hostile names where they are given.
func rowsPage(t *testing.T, names [3]string) *Page {
	t.Helper()
	classes := []string{names[0], names[1]}
	m := tableModel(t, classes, make([]float64, 10), []float64{0, 0})
	logits := tensor.New([]float32{2, 0, 0, 1, 3, 0, 0, 1}, 4, 2)
	p := NewPredictions(classes, logits, tensor.New([]int64{0, 1, 1, 0}), nil)
	nan := math.NaN()
	e := &RowExplanation{Class: 0, Score: 3, Base: -1, Rest: 0.5, Terms: []Term{{0, 2.5}, {1, 1}}}
	return &Page{
		Title: "softmax on customers", Folder: "runs/customers", LastEpoch: 1, Samples: 100, Model: m, Predictions: p,
		Epochs: []train.Epoch{{Epoch: 1, TrainLoss: 0.5, TrainScore: 0.75, Test: train.Evaluation{Loss: 0.4, Score: 0.5}, Seconds: 1}},
		Rows: &Rows{
			Columns: []ColumnFacts{{names[2], transform.Numeric, 3, "mean 40"}, {"id", transform.Ignored, 0, names[2]}},
			Parts:   []string{"training", "test"}, Balance: [][]int{{75, 2}, {25, 2}},
			Coefficients: []classify.Coefficient{
				{Class: classes[1], Against: classes[0], Feature: classify.Intercept, Value: 9, Standardised: 9},
				{Class: classes[1], Against: classes[0], Feature: "small", Value: 0.5, Error: nan, P: nan, OddsRatio: 1.65, Low: nan, High: nan, Standardised: 0.1},
				{Class: classes[1], Against: classes[0], Feature: names[2], Value: -0.25, Error: 0.05, P: 1e-7, OddsRatio: 0.779, Low: 0.7, High: 0.85, Standardised: -2.5},
			},
			Importance: []classify.Importance{{Column: names[2], Mean: 0.01, Deviation: 0.002}, {Column: "calls", Mean: 0.3, Deviation: 0.01}},
			Hardest:    []HardRow{{Row: 7, Line: 8, Sample: 2, Explanation: e, Columns: []string{names[2], "city"}, Fields: []string{"51", names[0]}}},
		},
	}
}

// TestPageOfRows checks what the page of a table says, and that it has nothing of pictures.
func TestPageOfRows(t *testing.T) {
	html := write(t, rowsPage(t, [3]string{"no", "yes", "age"}))
	for _, want := range []string{
		`<dt>wrong</dt><dd>2<small>of 4 test rows</small>`, `<dt>ROC area</dt><dd>0.3750<`,
		`<td class="wrong s8"><span class="count" role="img" aria-label="1 row of no, taken for yes">1</span></td>`,
		`<figcaption>ROC curve<span class="key ranks"><span><i class="c0"></i>yes 0.375</span></span></figcaption>`,
		`Area under the curve, of yes against no: 0.3750.`, `Calibration error 0.`,
		`<h3>yes <i>(4.7 %)</i></h3>`, `<p>said: no (95.3 %)<small>row 7, line 8</small></p>`,
		`<th scope="row">age <b>51</b></th>`, `<td class="one">+2.5000</td>`, `all others`, `the mean row`,
		`<th scope="row">no</th><td><svg viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true"><rect class="all" width="100" height="10"/><rect width="75.0" height="10"/></svg>75</td><td>2</td>`,
		`<th scope="row">age</th><td>numeric</td><td>3</td><td>mean 40</td>`,
		`<td>-0.2500</td><td>0.05</td><td class="one">&lt; 0.0001</td><td>0.779</td><td class="one">0.7 to 0.85</td>`,
		`<td>&#43;0.5000</td><td></td><td class="one"></td><td>1.65</td><td class="one"></td>`,
		`against no, and what`,
	} {
		if !strings.Contains(html, strings.ReplaceAll(want, "+", "&#43;")) && !strings.Contains(html, want) {
			t.Errorf("no %s", want)
		}
	}
	if found := regexp.MustCompile(`(?i)picture|atlas|id="data"|Epoch by epoch|\(intercept\)`).FindString(regexp.MustCompile(`(?s)<(script|style)>.*?</`).ReplaceAllString(html, "")); found != "" {
		t.Errorf("found %q", found)
	}
	if a, b := strings.Index(html, ">calls<"), strings.LastIndex(html[:strings.Index(html, `id="h-coefficients"`)], `<th scope="row">age</th>`); a > b {
		t.Error("the less important column stands first")
	}
	if a, b := strings.Index(html, `<th scope="row">age</th><td>yes</td>`), strings.Index(html, `<th scope="row">small</th>`); a < 0 || a > b {
		t.Error("the smaller coefficient stands first")
	}
}

// TestPageOfRowsIsText has names and fields that are markup, and some that cannot be printed.
func TestPageOfRowsIsText(t *testing.T) {
	for _, names := range [][3]string{
		{"<script>alert(1)</script>", `"><img src=x onerror=alert(1)>`, "</table><h1>"},
		{"a\x00b", "\x1b[31mred", "\xff\u202e" + strings.Repeat("long", 500)},
	} {
		html := write(t, rowsPage(t, names))
		rest := regexp.MustCompile(`(?s)<(script|style)>.*?</(script|style)>`).ReplaceAllString(html, "")
		if regexp.MustCompile(`<script|<img|<h1>[^s]|onerror="`).MatchString(rest) || strings.Count(rest, "</table>") != strings.Count(rest, "<table") {
			t.Error("a name has become markup")
		}
		checkPrintable(t, rest)
		if strings.Contains(rest, strings.Repeat("long", 60)) {
			t.Error("a name is not cut")
		}
	}
}

// TestPageOfRowsUnmeasured has nothing but the table.
func TestPageOfRowsUnmeasured(t *testing.T) {
	p := rowsPage(t, [3]string{"no", "yes", "age"})
	p.Predictions, p.Rows.Hardest, p.Rows.Importance, p.Rows.Coefficients = nil, nil, nil, nil
	p.Epochs[0].Unmeasured = true
	html := write(t, p)
	for _, id := range []string{"h-ranks", "h-confusion", "h-hard", "h-importance", "h-coefficients"} {
		if strings.Contains(html, id) {
			t.Errorf("found %s", id)
		}
	}
	if !strings.Contains(html, "h-columns") {
		t.Error("no columns")
	}
}
