package report

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"image/color"
	_ "image/jpeg" // what the atlas is
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/onehot-go/onehot/model"
	"github.com/onehot-go/onehot/random"
	"github.com/onehot-go/onehot/tensor"
	"github.com/onehot-go/onehot/train"
)

// smallPage is the page of a run with everything on it.
func smallPage(t *testing.T, classes ...string) *Page {
	t.Helper()
	m, err := model.New(model.Softmax([]int{1, 3, 3}, classes), random.New(0))
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range m.Net.Parameters() {
		p.FillInPlace(0.25)
	}
	p := abc()
	p.Classes = classes
	return &Page{
		Title: "softmax on letters", Folder: "runs/letters", Time: time.Date(2026, 5, 4, 3, 2, 1, 0, time.UTC),
		Command: "onehot train letters --lr 0.5", Settings: []Setting{{"lr", "0.5"}, {"seed", "0"}},
		Epochs: []train.Epoch{
			{Epoch: 1, TrainLoss: 1.25, TrainScore: 0.5, Test: train.Evaluation{Loss: 1, Score: 0.25}, LR: 0.5, Seconds: 2},
			{Epoch: 2, TrainLoss: 0.75, TrainScore: 0.75, Test: train.Evaluation{Loss: 1.5, Score: 1.0 / 6}, LR: 0.5, Seconds: 2},
		},
		Batches:   []BatchLoss{{0.5, 1.5}, {1, 1}, {1.5, 0.875}, {2, 0.625}},
		LastEpoch: 2, Samples: 3000, Model: m, Predictions: p,
	}
}

func write(t *testing.T, p *Page) string {
	t.Helper()
	var b bytes.Buffer
	if err := p.Write(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// masked are the parts of a page that have golden files or tests of their own, or that
// encoders of another release may write otherwise.
var masked = regexp.MustCompile(`(?s)(<style>).*?(</style>)|(<script>).*?(</script>)|(;base64,)[^"]+|(&#39;sha256-).*?(&#39;)`)

func TestPageGolden(t *testing.T) {
	live := smallPage(t, "a", "b", "c")
	live.Predictions, live.Time, live.LastEpoch = nil, time.Time{}, 5
	var b bytes.Buffer
	if err := live.write(&b, true); err != nil {
		t.Fatal(err)
	}
	for name, html := range map[string]string{
		"report.html": write(t, smallPage(t, "a", "b", "c")),
		"live.html":   b.String(),
	} {
		got := masked.ReplaceAllString(html, "$1$3$5$6…$2$4$7")
		path := filepath.Join("testdata", "page", name)
		if *update {
			if err := os.WriteFile(path, []byte(got), 0o666); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if got != string(want) {
			t.Errorf("the page differs from %s; run the test with -update and look at it", path)
		}
	}
	if files, err := os.ReadDir("testdata/page"); err != nil || len(files) != 2 {
		t.Errorf("testdata/page has %d files (%v), 2 are compared", len(files), err)
	}
}

// TestPageAsksNobody checks that the page names no address and that its policy is that of
// its very style and script.
func TestPageAsksNobody(t *testing.T) {
	html := write(t, smallPage(t, "a", "b", "c"))
	if found := regexp.MustCompile(`(?i)(https?:)?//[a-z]|url\(|@import|<link rel="?(stylesheet|preload)`).FindString(
		regexp.MustCompile(`(?m)^\s*//.*$|base64,[^"]+`).ReplaceAllString(html, "")); found != "" {
		t.Errorf("found %q", found)
	}
	_, policy, _ := strings.Cut(html, `http-equiv="Content-Security-Policy" content="`)
	policy, _, _ = strings.Cut(policy, `"`)
	policy = strings.NewReplacer("&#39;", "'", "&#43;", "+").Replace(policy)
	if !strings.HasPrefix(policy, "default-src 'none'; img-src data:; ") || strings.Contains(policy, "unsafe") || strings.Contains(policy, "connect-src") {
		t.Errorf("policy %s", policy)
	}
	for _, element := range []string{"style", "script"} {
		_, content, _ := strings.Cut(html, "<"+element+">")
		content, _, found := strings.Cut(content, "</"+element+">")
		sum := sha256.Sum256([]byte(content))
		if !found || !strings.Contains(policy, element+"-src 'sha256-"+base64.StdEncoding.EncodeToString(sum[:])+"'") {
			t.Errorf("%s is not what the policy %s allows", element, policy)
		}
	}
	if strings.Contains(html, ` style="`) || regexp.MustCompile(`<[^>]* on[a-z]+=`).MatchString(html) {
		t.Error("an attribute with a style or script, which the policy forbids")
	}
}

// TestPageEscapes puts what would be markup wherever names come from outside.
func TestPageEscapes(t *testing.T) {
	const evil = `</script><script>alert(1)</script>"'><img src=x onerror=alert(2)>&amp;`
	p := smallPage(t, evil, "b"+evil, "<!--")
	p.Title, p.Folder, p.Command, p.Settings = evil, evil, evil, []Setting{{evil, evil}}
	html := write(t, p)
	for _, found := range []string{"<script>alert", "<img src=x", "<!--"} {
		if strings.Contains(html, found) {
			t.Errorf("found %s", found)
		}
	}
	if n := strings.Count(html, "</script>"); n != 2 {
		t.Errorf("%d scripts end, 2 expected", n)
	}
	if d := dataOf(t, html); !slices.Equal(d.Classes, p.Predictions.Classes) {
		t.Errorf("classes %q, want %q", d.Classes, p.Predictions.Classes)
	}
}

// dataOf returns what a page says of its pictures.
func dataOf(t *testing.T, html string) atlasData {
	t.Helper()
	_, text, _ := strings.Cut(html, `<script type="application/json" id="data">`)
	text, _, _ = strings.Cut(text, "</script>")
	var d atlasData
	if err := json.Unmarshal([]byte(text), &d); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	return d
}

// TestAtlas finds every picture where the page says that it is.
func TestAtlas(t *testing.T) {
	for name, test := range map[string]struct {
		picture       func(i int) image.Image
		width, height int // in the page
	}{
		"grey": {func(i int) image.Image { return level(20, 10, i) }, 20, 10},
		"a part of a larger one": {func(i int) image.Image {
			g := image.NewGray(image.Rect(0, 0, 60, 60))
			for k := range g.Pix {
				g.Pix[k] = 255
			}
			part := g.SubImage(image.Rect(7, 8, 23, 24)).(*image.Gray)
			for y := 8; y < 24; y++ {
				for x := 7; x < 23; x++ {
					part.SetGray(x, y, color.Gray{uint8(40 * i)})
				}
			}
			return part
		}, 16, 16},
		"large":  {func(i int) image.Image { return level(200, 100, i) }, 32, 16},
		"colour": {func(i int) image.Image { return solid(16, 16, uint8(40*i)) }, 16, 16},
		"of several sizes": {func(i int) image.Image {
			return level(16*(1+i), 16*(1+i), i)
		}, 16, 16},
	} {
		t.Run(name, func(t *testing.T) {
			p := abc()
			p.Image = test.picture
			strips, d, err := p.atlas(p.Wrong())
			if err != nil {
				t.Fatal(err)
			}
			if d.Width != test.width || d.Height != test.height || !slices.Equal(d.Index, []int{4, 5, 3, 2, 1, 0}) {
				t.Fatalf("got %+v", d)
			}
			var images []image.Image
			for _, source := range strips {
				_, text, _ := strings.Cut(string(source), ";base64,")
				content, err := base64.StdEncoding.DecodeString(strings.TrimSuffix(text, `"`))
				if err != nil {
					t.Fatal(err)
				}
				strip, _, err := image.Decode(bytes.NewReader(content))
				if err != nil {
					t.Fatal(err)
				}
				images = append(images, strip)
			}
			for k, i := range d.Index {
				row := k / d.Columns
				x, y := k%d.Columns*d.Width+d.Width/2, row%d.Rows*d.Height+d.Height/2
				grey := int(color.GrayModel.Convert(images[row/d.Rows].At(x, y)).(color.Gray).Y)
				if grey < 40*i-8 || grey > 40*i+8 { // JPEG rounds
					t.Errorf("picture %d of sample %d: grey %d, about %d expected", k, i, grey, 40*i)
				}
				if d.Label[k] != p.Labels[i] || d.Predicted[k] != p.Predicted(i) {
					t.Errorf("picture %d: %+v", k, d)
				}
			}
		})
	}
}

// level returns a grey picture of sample i's own level.
func level(w, h, i int) image.Image {
	g := image.NewGray(image.Rect(0, 0, w, h))
	for k := range g.Pix {
		g.Pix[k] = uint8(40 * i)
	}
	return g
}

func solid(w, h int, v uint8) image.Image {
	c := image.NewRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			c.SetRGBA(x, y, color.RGBA{v, v, v, 255})
		}
	}
	return c
}

// TestAtlasIsBounded checks that of more pictures than there is room for those that are
// wrong come first.
func TestAtlasIsBounded(t *testing.T) {
	const n = atlasPixels/(32*32) + 100
	labels := make([]int, n)
	labels[n-1] = 1 // the one that is wrong
	scores := tensor.Zeros(tensor.Float32, n, 2)
	picture := level(32, 32, 1)
	p := NewPredictions([]string{"a", "b"}, scores, truth(labels...), func(int) image.Image { return picture })
	_, d, err := p.atlas(p.Wrong())
	if err != nil {
		t.Fatal(err)
	}
	if len(d.Index) != n-100 || d.Index[0] != n-1 || d.Index[1] != 0 {
		t.Errorf("%d pictures, the first %v; %d expected, sample %d first", len(d.Index), d.Index[:2], n-100, n-1)
	}
}

// TestPageOfLittle writes pages of runs that lack this or that.
func TestPageOfLittle(t *testing.T) {
	none := NewPredictions([]string{"a", "b"}, tensor.Zeros(tensor.Float32, 0, 2), truth(), nil)
	for name, p := range map[string]*Page{
		"nothing":           {Title: "nothing"},
		"no epoch":          {Predictions: abc()},
		"epoch 0":           {Epochs: []train.Epoch{{Test: train.Evaluation{Loss: 2.3, Score: 0.1}}}},
		"no time":           {Epochs: []train.Epoch{{Epoch: 1}}, Samples: 10},
		"the same each":     {Epochs: []train.Epoch{{Epoch: 1, Test: train.Evaluation{Score: 1}, TrainScore: 1}, {Epoch: 2, Test: train.Evaluation{Score: 1}, TrainScore: 1}}},
		"very many epochs":  {Epochs: make([]train.Epoch, 3000), LastEpoch: 3000},
		"no test sample":    {Predictions: none},
		"nothing but right": {Predictions: predictions([]string{"a"}, []int{0}, []float64{1})},
	} {
		for i := range p.Epochs {
			if len(p.Epochs) == 3000 {
				p.Epochs[i].Epoch = i + 1
			}
		}
		html := write(t, p)
		if found := regexp.MustCompile(`\bNaN\b|Inf\b|ZgotmplZ`).FindString(strings.ReplaceAll(html, pageJS, "")); found != "" && name != "no test sample" {
			t.Errorf("%s: found %s", name, found)
		}
	}
}

// TestPageOfStoppedRun draws curves to the last epoch that there will be: the planned one
// only while training runs.
func TestPageOfStoppedRun(t *testing.T) {
	p := smallPage(t, "a", "b", "c")
	p.LastEpoch = 40
	if html := write(t, p); strings.Contains(html, ">40</text>") || !strings.Contains(html, ">2</text>") {
		t.Error("the curves of a run that ended after 2 epochs have room for 40")
	}
	p.Predictions = nil
	if html := write(t, p); !strings.Contains(html, ">40</text>") {
		t.Error("the curves of a run that goes on have no room for what is to come")
	}
}

// TestPageOfUnits names the rows of a hidden layer's weights.
func TestPageOfUnits(t *testing.T) {
	p := smallPage(t, "a", "b", "c")
	var err error
	if p.Model, err = model.New(model.MLP([]int{1, 3, 3}, []int{3}, p.Predictions.Classes), random.New(0)); err != nil {
		t.Fatal(err)
	}
	if html := write(t, p); !strings.Contains(html, "of the first hidden layer looks for, by pixel: 3 of 3 units.") ||
		!strings.Contains(html, `<ul class="gallery weights units">`) || !strings.Contains(html, `alt="weights of unit 2"`) {
		t.Errorf("no units in %s", html)
	}
}

func TestPageErrors(t *testing.T) {
	p := smallPage(t, "a", "b", "c")
	if err := p.Write(&flaky{bad: 5000}); !errors.Is(err, errFlaky) {
		t.Errorf("error %v", err)
	}
	p.Predictions.Image = func(int) image.Image { return image.NewGray(image.Rect(0, 0, 0, 0)) }
	if err := p.Write(new(bytes.Buffer)); err == nil {
		t.Error("pictures of no size: no error")
	}
}

func TestNumbers(t *testing.T) {
	for want, got := range map[string]string{
		"0": comma(0), "999": comma(999), "1,000": comma(1000), "-1,234,567": comma(-1234567), "-123": comma(-123),
		"0.15 s": duration(0.151), "12.3 s": duration(12.34), "1 min 0 s": duration(59.96), "2 min 5 s": duration(125.2), "1 h 0 min": duration(3599), "3 h 1 min": duration(3*3600 + 61),
		"999,499": rate(999_499), "1.00\u00a0million": rate(999_501), "1 epoch": plural(1, "epoch"), "0 epochs": plural(0, "epoch"),
		"82.84\u00a0%": percent(0.82838), "99.1\u00a0%": chance(0.99123), "40.0\u00a0%": chance(0.4),
		"0.027\u00a0%": chance(0.000271), "0.001\u00a0%": chance(1e-5), "under\u00a00.001\u00a0%": chance(9e-6),
	} {
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func BenchmarkPage(b *testing.B) {
	const n, size = 10000, 28 * 28
	labels := make([]int, n)
	for i := range labels {
		labels[i] = i % 10
	}
	noise := make([]byte, n*size)
	for i := range noise {
		noise[i] = byte(i * i >> 7)
	}
	scores := make([]float32, n*10)
	for i := range scores {
		scores[i] = float32(i*i%97) / 20
	}
	classes := strings.Split("abcdefghij", "")
	p := &Page{Title: "noise", Predictions: NewPredictions(classes, tensor.New(scores, n, 10), truth(labels...), func(i int) image.Image {
		return &image.Gray{Pix: noise[i*size:][:size], Stride: 28, Rect: image.Rect(0, 0, 28, 28)}
	})}
	for b.Loop() {
		if err := p.Write(new(bytes.Buffer)); err != nil {
			b.Fatal(err)
		}
	}
}

// TestPageOfValidation checks that a page whose pictures chose the epoch calls none of them test
// pictures, and that it names files.
func TestPageOfValidation(t *testing.T) {
	p := smallPage(t, "a", "b", "c")
	for i := range p.Epochs {
		p.Epochs[i].Validation = true
	}
	p.Predictions.Of = "validation"
	for i := range p.Predictions.Labels {
		p.Predictions.Names = append(p.Predictions.Names, fmt.Sprintf("a/\u202e%d.png", i))
	}
	p.Predictions.Place = func(i int) string { return "photos/" + p.Predictions.Names[i] }
	html := write(t, p)
	if text := regexp.MustCompile(`(?s)<style>.*?</style>|<script>.*?</script>|class="[^"]*"`).ReplaceAllString(html, ""); regexp.MustCompile(`\btest\b`).MatchString(text) {
		t.Errorf("it speaks of test data: %s", regexp.MustCompile(`.{0,40}\btest\b.{0,40}`).FindString(text))
	}
	for _, want := range []string{`<small>&#34;a/\u202e4.png&#34;</small>`, `<small>&#34;photos/a/\u202e`, "6 validation pictures", `"of":"validation"`, `"files":["\"a/\\u202e4.png\""`} {
		if !strings.Contains(html, want) {
			t.Errorf("%s is missing", want)
		}
	}
}

// TestThumbnails checks that large pictures of mistakes are made smaller, and small ones stay.
func TestThumbnails(t *testing.T) {
	small, large := image.NewGray(image.Rect(0, 0, 112, 30)), image.NewRGBA(image.Rect(0, 0, 300, 600))
	if got := thumbnail(small); got != image.Image(small) {
		t.Errorf("a small picture became one of %v", got.Bounds())
	}
	if got := thumbnail(large).Bounds().Size(); got != image.Pt(56, 112) {
		t.Errorf("300x600 became %v", got)
	}
}
