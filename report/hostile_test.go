package report

import (
	"bytes"
	"image"
	"image/color"
	"math"
	"regexp"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/onehot-go/onehot/random"
	"github.com/onehot-go/onehot/tensor"
	"github.com/onehot-go/onehot/train"
)

// hostile are names that no SVG can have as they are, or that have no room in it.
var hostile = []string{
	"a\x00b", "\x1b[31mred\x1b[0m", "\xff\xfe latin \xe9", "line\nline\r\tend", "\uFFFE\uFFFF\u202e\u2028", "]]>&<!--\"'" + string(rune(0xd7ff)),
	strings.Repeat("long\x01", 20_000), "", " ",
}

// TestHostileNames draws every picture with such names: an XML parser reads every SVG, nothing
// sticks out of it, and the page has nothing that cannot be printed.
func TestHostileNames(t *testing.T) {
	p := guesses(hostile, 300)
	n := len(hostile)
	weight := tensor.Zeros(tensor.Float32, n, 4).NormalInPlace(random.New(1).Rand(), 0, 1)
	var pictures []image.Image
	var evidence []*tensor.Tensor
	var runs []Run
	var series []Series
	for i, name := range hostile {
		pictures = append(pictures, gradient(5, 5))
		evidence = append(evidence, weight.Select(0, i).Reshape(1, 2, 2))
		runs = append(runs, history(name, 2, 0))
		series = append(series, Series{name, []float64{0, 1}, []float64{1, 2}})
	}
	all := strings.Join(hostile, " ")[:1000]
	for name, d := range map[string]*Drawing{
		"matrix": ConfusionMatrix(hostile, p.Confusion().Counts(), false), "bars": ClassBars(hostile, p.Confusion().Result()),
		"roc": ROCCurves(p), "precision and recall": PrecisionRecallCurves(p),
		"mistakes": Mistakes(p, all, p.Wrong(), 20), "pairs": ConfusedPairs(p, 20), "weights": Weights(weight, []int{1, 2, 2}, hostile),
		"explanation": Explanation(pictures[0], hostile, evidence), "curves": Curves(runs...), "lines": Lines("a\x00 title\xff", "x\x02", series...),
		"grid": Grid(pictures, GridOptions{Columns: 3, Scale: 2, Titles: hostile, Heading: "\x00 and \xff"}),
	} {
		t.Run(name, func(t *testing.T) {
			var svg bytes.Buffer
			if err := d.WriteSVG(&svg); err != nil {
				t.Fatal(err)
			}
			checkSVG(t, d, svg.String())
			checkPrintable(t, svg.String())
			d.Image()
		})
	}
	t.Run("page", func(t *testing.T) {
		page := smallPage(t, "a", "b", "c")
		page.Predictions, page.Model.Classes = p, []string{hostile[0], hostile[1], hostile[2]}
		page.Title, page.Folder, page.Command, page.Settings = hostile[0], hostile[2], hostile[3], []Setting{{hostile[1], hostile[4]}}
		html := write(t, page)
		checkPrintable(t, regexp.MustCompile(`(?s)<(script|style)>.*?</`).ReplaceAllString(html, ""))
		if !strings.Contains(html, `>&#34;a\x00b&#34;<`) || len(html) > 500_000 {
			t.Errorf("a page of %d bytes, in which a name is not quoted or not cut", len(html))
		}
	})
}

// checkPrintable checks that text is UTF-8 without characters that cannot be printed.
func checkPrintable(t *testing.T, s string) {
	t.Helper()
	if !utf8.ValidString(s) {
		t.Error("not UTF-8")
	}
	for i, r := range s {
		if r != '\n' && r != '\u00a0' && !unicode.IsPrint(r) {
			t.Fatalf("found %U in %q", r, s[max(0, i-40):min(len(s), i+10)])
		}
	}
}

// noNumber finds a place in an SVG that is none.
var noNumber = regexp.MustCompile(` (points|[cr]?[xy][12]?|r|width|height|transform|textLength)="[^"]*(NaN|Inf)`)

// TestNotNumbers draws what has NaN and infinities in it: NaN is grey and explained, and no SVG
// has a place that is no number.
func TestNotNumbers(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	values := tensor.New([]float64{nan, 0.5, -1, inf, -inf, 0, nan, nan}, 2, 4)
	nothing := tensor.New([]float64{nan, nan, nan, nan}, 1, 4)
	broken := guesses(names(3), 20)
	logits := tensor.Full(tensor.Float32, nan, 20, 3)
	wrong := NewPredictions(names(3), logits, truth(broken.Labels...), broken.Image)
	const grey = "grey is not a number (NaN)"
	for name, test := range map[string]struct {
		d     *Drawing
		means string
	}{
		"weights":     {Weights(values, []int{1, 2, 2}, names(2)), grey},
		"only NaN":    {Weights(nothing, []int{1, 2, 2}, nil), grey},
		"numbers":     {Weights(tensor.New([]float64{1, 2, 3, 4}, 1, 4), []int{1, 2, 2}, nil), ""},
		"explanation": {Explanation(gradient(3, 3), names(1), []*tensor.Tensor{values.Reshape(1, 2, 4)}), grey},
		"reliability": {Reliability(wrong.Calibration(5)), ""},
		"confidence":  {ConfidenceHistogram(wrong, 5), ""},
		"roc":         {ROCCurves(wrong), ""},
		"precision":   {PrecisionRecallCurves(wrong), ""},
		"mistakes":    {Mistakes(wrong, "", wrong.Wrong(), 5), ""},
		"batches":     {Curves(Run{Epochs: history("", 2, 0).Epochs, Batches: []BatchLoss{{0.5, nan}, {1, 1}, {2, inf}}}), ""},
	} {
		t.Run(name, func(t *testing.T) {
			var svg bytes.Buffer
			if err := test.d.WriteSVG(&svg); err != nil {
				t.Fatal(err)
			}
			checkSVG(t, test.d, svg.String())
			if found := noNumber.FindString(svg.String()); found != "" {
				t.Errorf("found %s", found)
			}
			if test.means != "" != strings.Contains(test.d.title, grey) {
				t.Errorf("titled %q", test.d.title)
			}
			test.d.Image()
		})
	}
	h := heat([]float64{nan, inf, -inf, 0}, 1, 4, 0).(*image.RGBA)
	if h.At(0, 0) != unknown || h.At(1, 0) != heatColour(1) || h.At(2, 0) != heatColour(-1) || h.At(3, 0) != white {
		t.Errorf("drawn as %v", h.Pix)
	}
	if got := Images(tensor.New([]float64{nan}, 1, 1, 1, 1))[0].At(0, 0); got != (color.RGBA{A: 255}) {
		t.Errorf("a pixel of NaN is %v", got)
	}

	page := smallPage(t, "a", "b", "c")
	for _, p := range page.Model.Net.Parameters() {
		p.FillInPlace(nan)
	}
	page.Epochs[1].TrainLoss, page.Epochs[0].Test.Loss, page.Batches[1].Loss = nan, inf, nan
	page.Epochs = append(page.Epochs, train.Epoch{Epoch: 3, TrainLoss: 1, Test: train.Evaluation{Loss: 2, Score: 0.1}})
	html := write(t, page)
	if found := noNumber.FindString(html); found != "" || !strings.Contains(html, grey) {
		t.Errorf("found %q, or nothing of grey", found)
	}
	page.Predictions = wrong
	write(t, page)
}
