package report

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/onehot-go/onehot/metric"
	"github.com/onehot-go/onehot/random"
	"github.com/onehot-go/onehot/tensor"
	"github.com/onehot-go/onehot/train"
)

// history returns a run of n epochs that gets better and then worse again.
func history(name string, n int, worse float64) Run {
	r := Run{Name: name}
	for k := range n {
		f := float64(k) / 4
		loss := 0.45 + worse + 0.5*math.Exp(-3*f) + 0.05*f*f
		r.Epochs = append(r.Epochs, train.Epoch{
			Epoch: k + 1, TrainLoss: loss - 0.1*f, TrainScore: 0.95 - loss/3 + 0.05*f,
			Test: train.Evaluation{Loss: loss, Score: 0.97 - loss/3},
		})
	}
	return r
}

// withBatches returns r with the losses of ten batches an epoch.
func withBatches(r Run) Run {
	noise := random.New(3).Rand()
	for _, e := range r.Epochs {
		for b := range 10 {
			r.Batches = append(r.Batches, BatchLoss{float64(e.Epoch-1) + float64(b+1)/10, e.TrainLoss + 0.2*noise.Float64()})
		}
	}
	return r
}

// names returns those of n classes.
func names(n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = fmt.Sprintf("class %d", i)
	}
	return out
}

// guesses returns predictions for samples of n classes that are right more often than not.
func guesses(classes []string, samples int) *Predictions {
	r := random.New(2).Rand()
	n := len(classes)
	logits := tensor.Zeros(tensor.Float32, samples, n).NormalInPlace(r, 0, 1)
	labels := make([]int, samples)
	for i := range samples {
		labels[i] = r.IntN(n)
		tensor.Data[float32](logits)[i*n+labels[i]] += 2
	}
	return NewPredictions(classes, logits, truth(labels...), func(i int) image.Image {
		if i%2 == 0 {
			return gradient(6+i%5, 8)
		}
		return dot(8)
	})
}

// drawings are all that is compared with a golden file, by its name.
func drawings() map[string]*Drawing {
	clothes := []string{"t-shirt", "ankle boot", `<b>"quotes" & a name that is too long for any chart</b>`}
	three := guesses(clothes, 200)
	many := guesses(names(100), 3000)
	two := guesses(names(2), 50)
	pictures := []image.Image{gradient(14, 14), dot(14), gradient(14, 7), gradient(7, 14), dot(10)}
	titles := []string{"T-shirt/top", "true: ankle boot\npredicted: sneaker", "", "sandal",
		"a title that is much too long for any cell of the grid"}
	weight := tensor.Zeros(tensor.Float32, 3, 2*4*5).NormalInPlace(random.New(1).Rand(), 0, 1)
	broken := history("broken", 3, 0)
	broken.Epochs[1].TrainLoss, broken.Epochs[2].Test.Loss = math.NaN(), math.Inf(1)
	fromZero := history("zero", 4, 0)
	for i := range fromZero.Epochs {
		fromZero.Epochs[i].Epoch = i
	}
	untested := history("untested", 4, 0)
	for i := range untested.Epochs {
		untested.Epochs[i].Test = train.Evaluation{}
	}
	xs := []float64{0, 1, 2, 3, 4}
	return map[string]*Drawing{
		"grid.png":        Grid(pictures, GridOptions{Columns: 3, Scale: 4, Titles: titles}),
		"grid-marked.svg": Grid(pictures, GridOptions{Columns: 2, Scale: 3, Titles: titles, Marked: []bool{false, true, false, true, false}, Padding: new(5), Heading: "Some pictures & what they are called, in a heading of two lines"}),
		"grid-empty.svg":  Grid(nil, GridOptions{Columns: 2, Scale: 3}),

		"curves.png":            Curves(history("a", 8, 0)),
		"curves-batches.svg":    Curves(withBatches(history("a", 4, 0))),
		"curves-one-epoch.svg":  Curves(history("a", 1, 0)),
		"curves-no-epoch.svg":   Curves(history("a", 0, 0)),
		"curves-not-finite.svg": Curves(broken),
		"curves-runs.svg": Curves(withBatches(history("runs/softmax-fashion-mnist-1", 5, 0)), history("runs/mlp-fashion-mnist-1", 8, -0.1),
			history("<i>a run's folder with a name that is much longer than the whole width of the picture that shows its curves</i>"+strings.Repeat(" and on", 20), 3, 0.1)),

		"curves-epoch-0.svg": Curves(fromZero),
		"curves-no-test.svg": Curves(untested, history("b", 4, 0.1)),
		"curves-trained.svg": Curves(untested),
		"lr.svg":             LRCurve([]train.LRLoss{{LR: 1e-5, Loss: 2.3}, {LR: 1e-4, Loss: 2.2}, {LR: 1e-2, Loss: 0.9}, {LR: 1, Loss: 0.7}, {LR: 10, Loss: math.NaN()}}, 0.05),
		"lines.svg": Lines("What went on in training", "epoch", Series{"loss / its maximum", xs, []float64{1, 0.7, 0.55, 0.5, 0.47}},
			Series{"training accuracy", xs[1:], []float64{0.75, 0.81, math.NaN(), 0.83}}, Series{"validation accuracy", xs, []float64{0.1, 0.77, 0.8, 0.82, 0.815}}),
		"lines-parts.svg": Lines("Two lines and a point", "x", Series{"<a>", []float64{0.5, 0.75}, []float64{-1, 2}},
			Series{"b", []float64{0.5}, []float64{1}}, Series{"c", nil, nil}),
		"lines-none.svg": Lines("Nothing", ""),

		"confusion.png":      ConfusionMatrix(clothes, three.Confusion().Counts(), false),
		"confusion-3.svg":    ConfusionMatrix(clothes, three.Confusion().Counts(), true),
		"confusion-2.svg":    ConfusionMatrix(names(2), two.Confusion().Counts(), true),
		"confusion-20.svg":   ConfusionMatrix(names(20), guesses(names(20), 800).Confusion().Counts(), false),
		"classes-3.svg":      ClassBars(clothes, three.Confusion().Result()),
		"reliability.png":    Reliability(three.Calibration(10)),
		"reliability.svg":    Reliability(many.Calibration(15)),
		"reliability-0.svg":  Reliability(NewPredictions(names(2), tensor.Zeros(tensor.Float32, 0, 2), truth(), nil).Calibration(5)),
		"confidence.svg":     ConfidenceHistogram(many, 20),
		"mistakes.svg":       Mistakes(three, "Highest loss", three.Wrong(), 5),
		"mistakes-none.svg":  Mistakes(three, "Highest loss", nil, 5),
		"confused.svg":       ConfusedPairs(three, 3),
		"confused-none.svg":  ConfusedPairs(predictions(names(2), []int{0}, []float64{0.9, 0.1}), 3),
		"weights.svg":        Weights(weight, []int{2, 4, 5}, names(3)),
		"weights-hidden.svg": Weights(weight, []int{1, 8, 5}, nil),
		"weights-zero.svg":   Weights(tensor.Zeros(tensor.Float32, 1, 4), []int{1, 2, 2}, nil),
		"explanation.svg": Explanation(dot(5), []string{"class 0\n0.9", "class 1\n0.1"},
			[]*tensor.Tensor{weight.Select(0, 0).Reshape(2, 4, 5), weight.Select(0, 1).Reshape(2, 4, 5)}),
	}
}

// TestDrawings compares drawings with golden files: SVG by its bytes and PNG by its
// pixels. A file that belongs to none fails.
func TestDrawings(t *testing.T) {
	const dir = "testdata/drawings"
	all := drawings()
	for name, d := range all {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(dir, name)
			if filepath.Ext(name) == ".png" {
				wantPicture(t, path, d.Image())
				return
			}
			var got bytes.Buffer
			if err := d.WriteSVG(&got); err != nil {
				t.Fatal(err)
			}
			checkSVG(t, d, got.String())
			if *update {
				if err := os.WriteFile(path, got.Bytes(), 0o666); err != nil {
					t.Fatal(err)
				}
				return
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got.Bytes(), want) {
				t.Errorf("the SVG differs from %s; run the test with -update and look at it", path)
			}
		})
	}
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if all[f.Name()] == nil {
			t.Errorf("%s belongs to no drawing", f.Name())
		}
	}
}

// checkSVG checks that an SVG is well-formed and refers to nothing outside, and that none
// of its text is outside the picture.
func checkSVG(t *testing.T, d *Drawing, svg string) {
	t.Helper()
	for decoder := xml.NewDecoder(strings.NewReader(svg)); ; {
		token, err := decoder.Token()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if e, ok := token.(xml.StartElement); ok {
			for _, a := range e.Attr {
				if a.Name.Local == "href" && !strings.HasPrefix(a.Value, "data:") {
					t.Errorf("the SVG refers to %s", a.Value)
				}
			}
		}
	}
	for _, m := range d.marks {
		m, ok := m.(text)
		if !ok {
			continue
		}
		before := map[string]float64{left: 0, centre: m.length / 2, right: m.length}[m.anchor]
		low, high := point{m.at.x - before, m.at.y - 0.8*m.size}, point{m.at.x - before + m.length, m.at.y + 0.25*m.size}
		if m.up {
			low, high = point{m.at.x - 0.8*m.size, m.at.y - m.length + before}, point{m.at.x + 0.25*m.size, m.at.y + before}
		}
		if low.x < 0 || low.y < 0 || high.x > d.width || high.y > d.height {
			t.Errorf("%q from (%.0f, %.0f) to (%.0f, %.0f) is cut off in a picture of %.0f by %.0f", m.text, low.x, low.y, high.x, high.y, d.width, d.height)
		}
	}
}

// TestNothingCutOff draws for numbers of classes that no golden file has.
func TestNothingCutOff(t *testing.T) {
	for _, n := range []int{1, 2, 10, 37, 100} {
		long := names(n)
		long[n-1] = strings.Repeat("W", 60)
		counts := metric.NewConfusion(n)
		for range 3 { // numbers of four digits
			labels := make([]int64, 1000)
			counts.Update(tensor.Zeros(tensor.Float32, 1000, n), tensor.New(labels, 1000))
		}
		for _, d := range []*Drawing{
			ConfusionMatrix(long, counts.Counts(), false), ConfusionMatrix(long, counts.Counts(), true), ClassBars(long, counts.Result()),
		} {
			checkSVG(t, d, "")
		}
	}
}

func TestSave(t *testing.T) {
	dir := t.TempDir()
	d := Grid([]image.Image{gradient(3, 3)}, GridOptions{Columns: 1, Scale: 2})
	for _, name := range []string{"a.png", "b.PNG", "c.svg"} {
		path := filepath.Join(dir, name)
		if err := d.Save(path); err != nil {
			t.Fatal(err)
		}
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if name == "c.svg" {
			if !strings.HasPrefix(string(content), "<svg ") || !strings.HasSuffix(string(content), "</svg>\n") {
				t.Errorf("%s is %s", name, content)
			}
			continue
		}
		got, err := png.Decode(bytes.NewReader(content))
		if err != nil {
			t.Fatal(err)
		}
		if got.Bounds() != image.Rect(0, 0, 30, 30) {
			t.Errorf("%s has the bounds %v", name, got.Bounds())
		}
	}
	for name, found := range map[string]string{"d.jpg": `".jpg"`, "png": `""`, "e.png.": `"."`} {
		path := filepath.Join(dir, name)
		want := fmt.Sprintf("%s: found the ending %s, .png or .svg expected", path, found)
		if err := d.Save(path); err == nil || err.Error() != want {
			t.Errorf("error %v, want %s", err, want)
		}
		if _, err := os.Stat(path); err == nil {
			t.Errorf("%s was written", name)
		}
	}
	if err := d.Save(filepath.Join(dir, "missing", "a.png")); err == nil || !os.IsNotExist(err.(*fs.PathError).Err) {
		t.Errorf("in no folder: error %v", err)
	}
}

func TestColours(t *testing.T) {
	if got := heatColour(0); got != white {
		t.Errorf("0 is drawn as %v, want white", got)
	}
	last := heatColour(-1)
	if heatColour(-3) != last || heatColour(3) != heatColour(1) {
		t.Error("numbers beyond 1 have other colours")
	}
	// Blue goes down and red up, but that white is the lightest.
	for v := -1.0; v <= 1; v += 1.0 / 16 {
		c := heatColour(v)
		if v <= 0 && c.R < last.R || v > 0 && c.B > last.B {
			t.Errorf("%g is drawn as %v after %v", v, c, last)
		}
		last = c
	}
	if sequential(0) != white {
		t.Errorf("0 is drawn as %v, want white", sequential(0))
	}
}

// TestRunColours checks that 13 runs can be told apart.
func TestRunColours(t *testing.T) {
	seen := map[color.RGBA]int{}
	for i := range 13 {
		_, style, _ := curveStyles(i, 13)
		if other, ok := seen[style.colour]; ok {
			t.Errorf("runs %d and %d have the colour %v", other, i, style.colour)
		}
		seen[style.colour] = i
	}
}

func TestTicks(t *testing.T) {
	for _, test := range []struct {
		low, high float64
		n         int
		want      string
	}{
		{0, 1, 5, "0.0 0.2 0.4 0.6 0.8 1.0"},
		{-1e-18, 1, 5, "0.0 0.2 0.4 0.6 0.8 1.0"},
		{0.46, 0.79, 5, "0.50 0.55 0.60 0.65 0.70 0.75"},
		{0.7444, 0.8412, 5, "0.76 0.78 0.80 0.82 0.84"},
		{0, 3000, 5, "0 500 1000 1500 2000 2500 3000"},
		{0, 1e6, 2, "0 500000 1000000"},
		{-2.5, 2.5, 5, "-2 -1 0 1 2"},
		{1e-9, 3e-9, 4, "0.0000000010 0.0000000015 0.0000000020 0.0000000025 0.0000000030"},
	} {
		at, format := span{test.low, test.high}.ticks(test.n)
		var got []string
		for _, v := range at {
			got = append(got, format(v))
		}
		if strings.Join(got, " ") != test.want {
			t.Errorf("from %g to %g: %v, want %s", test.low, test.high, got, test.want)
		}
	}
}

// TestDashes checks that dashes and gaps are as long as asked for, round corners too.
func TestDashes(t *testing.T) {
	got := dashes([]point{{0, 0}, {4, 0}, {4, 9}}, 3)
	want := [][]point{{{0, 0}, {3, 0}}, {{4, 2}, {4, 5}}, {{4, 8}, {4, 9}}}
	if !slices.EqualFunc(got, want, slices.Equal[[]point]) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// TestLinePixels checks that a line has no holes where its parts meet.
func TestLinePixels(t *testing.T) {
	d := newDrawing("", 20, 20, 1)
	d.add(line{[]point{{2, 10}, {10, 10}, {18, 10}, {10, 10}}, 6, ink, 0})
	img := d.Image()
	for x := 2; x < 18; x++ {
		if got := img.At(x, 9); got != ink {
			t.Errorf("pixel %d of the line is %v", x, got)
		}
	}
	if got := img.At(10, 16); got != white {
		t.Errorf("a pixel beside the line is %v", got)
	}
}

func TestImages(t *testing.T) {
	grey := Images(tensor.New([]float32{0, 0.5, 1, 2, -1, 0.25}, 1, 1, 2, 3))[0]
	for i, want := range []uint8{0, 128, 255, 255, 0, 64} {
		if got := grey.At(i%3, i/3); got != (color.RGBA{want, want, want, 255}) {
			t.Errorf("pixel %d is %v, want %d", i, got, want)
		}
	}
	colour := Images(tensor.New([]float64{1, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1}, 2, 3, 2, 1))
	if colour[0].At(0, 0) != (color.RGBA{255, 0, 0, 255}) || colour[0].At(0, 1) != (color.RGBA{0, 0, 0, 255}) ||
		colour[1].At(0, 1) != (color.RGBA{255, 0, 255, 255}) {
		t.Errorf("colours %v %v", colour[0], colour[1])
	}
}

func TestDrawingPanics(t *testing.T) {
	p := []image.Image{gradient(2, 2)}
	for want, call := range map[string]func(){
		"report.ConfusionMatrix: 1 rows for 2 classes":                                   func() { ConfusionMatrix(names(2), [][]int{{1, 2}}, false) },
		"report.ConfusionMatrix: 1 columns in row 1 for 2 classes":                       func() { ConfusionMatrix(names(2), [][]int{{1, 2}, {1}}, false) },
		"report.ClassBars: 2 names for 1 classes":                                        func() { ClassBars(names(2), make([]metric.ClassReport, 1)) },
		"report.Weights: shape (2, 8): (N, C·H·W) for samples of shape [1 3 3] expected": func() { Weights(tensor.Zeros(tensor.Float32, 2, 8), []int{1, 3, 3}, nil) },
		"report.Explanation: shape (1, 2, 2): 2 titles for 1 classes":                    func() { Explanation(p[0], names(2), []*tensor.Tensor{tensor.Zeros(tensor.Float32, 1, 2, 2)}) },
		"report.Explanation: shape (2, 2): (C, H, W) expected":                           func() { Explanation(p[0], names(1), []*tensor.Tensor{tensor.Zeros(tensor.Float32, 2, 2)}) },
		"report.Calibration: 0 bins, at least 1 expected":                                func() { ConfidenceHistogram(abc(), 0) },
	} {
		t.Run(want, func(t *testing.T) {
			defer func() {
				err, _ := recover().(error)
				if !typed(err) || err.Error() != want {
					t.Errorf("panic with %v, want %s", err, want)
				}
			}()
			call()
		})
	}
}

// TestTicksEnd finds ticks of numbers so large that float64 tells few apart, so small, and of
// none.
func TestTicksEnd(t *testing.T) {
	for _, s := range []span{
		{1e16, 1e16 + 2}, {1e15, 1e15 + 0.25}, {-1e17, -1e17 + 16}, {1e300, math.Nextafter(1e300, math.Inf(1))}, {-math.MaxFloat64, math.MaxFloat64},
		{5, 5}, {0, 5e-324}, {0, 1e-200}, {math.NaN(), 1}, {0, math.Inf(1)}, {math.Inf(-1), 0},
	} {
		at, format := s.ticks(5)
		if len(at) > 12 || !slices.IsSorted(at) {
			t.Errorf("of %v: %v", s, at)
		}
		for _, v := range at {
			if got := format(v); len(got) > 24 || v < s.low-(s.high-s.low) || v > s.high+(s.high-s.low) {
				t.Errorf("of %v: %s", s, got)
			}
		}
	}
	d := Lines("large", "x", Series{"a", []float64{1e16, 1e16 + 2}, []float64{1e17, 1e17 + 16}}, Series{"b", nil, nil})
	d.Image()
	Lines("one", "x", Series{"a", []float64{1e17}, []float64{1e300}}).Image()
}

func TestPowers(t *testing.T) {
	for _, test := range []struct {
		low, high float64
		want      string
	}{
		{1e-6, 10, "0.000001 0.00001 0.0001 0.001 0.01 0.1 1 10"},
		{0.0009, 0.011, "0.001 0.002 0.005 0.01"},
		{0.1, 1, "0.1 0.2 0.5 1"},
		{1e-9, 1e-3, "1e-09 1e-08 1e-07 0.000001 0.00001 0.0001 0.001"},
	} {
		var got []string
		for _, k := range (span{math.Log10(test.low), math.Log10(test.high)}).powers() {
			got = append(got, k.label)
		}
		if strings.Join(got, " ") != test.want {
			t.Errorf("from %g to %g: %v, want %s", test.low, test.high, got, test.want)
		}
	}
}

// TestFrames checks that a picture has a frame if its edge is as light as the ground.
func TestFrames(t *testing.T) {
	dark, half := image.NewGray(image.Rect(0, 0, 4, 4)), image.NewGray(image.Rect(0, 0, 4, 4))
	for y := range 4 {
		half.SetGray(3, y, color.Gray{250})
	}
	spot := image.NewGray(image.Rect(0, 0, 8, 8))
	spot.SetGray(3, 0, color.Gray{255})
	for name, test := range map[string]struct {
		picture image.Image
		want    color.RGBA
	}{
		"dark": {dark, white}, "a white spot": {spot, white}, "nothing": {image.NewGray(image.Rect(0, 0, 0, 4)), white}, "white at one side": {half, frame}, "white": {solid(4, 4, 255), frame}, "transparent": {dot(5), frame},
	} {
		if got := Grid([]image.Image{test.picture}, GridOptions{Columns: 1, Scale: 2}).Image().At(11, 14); got != test.want {
			t.Errorf("%s: beside the picture is %v, want %v", name, got, test.want)
		}
	}
}

// TestCompareLegend says of which data the best of each run is.
func TestCompareLegend(t *testing.T) {
	val := history("a", 3, 0)
	for i := range val.Epochs {
		val.Epochs[i].Validation = true
	}
	var svg bytes.Buffer
	if err := Curves(val, history("b", 3, 0.1)).WriteSVG(&svg); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{">a (best val 0.", ">b (best test 0.", ">test or validation, the best epoch marked<"} {
		if !strings.Contains(svg.String(), want) {
			t.Errorf("the legend does not say %q", want)
		}
	}
}
