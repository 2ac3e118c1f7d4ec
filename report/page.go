package report

import (
	"cmp"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/onehot-go/onehot/internal/printable"
	"github.com/onehot-go/onehot/metric"
	"github.com/onehot-go/onehot/model"
	"github.com/onehot-go/onehot/nn"
	"github.com/onehot-go/onehot/task"
	"github.com/onehot-go/onehot/train"
)

// Page is a run as one HTML page: it needs no other file and no network, and says without
// JavaScript what it says with it, but for the pictures behind the confusion matrix.
type Page struct {
	Title       string    // what was trained on what
	Folder      string    // the run's
	Time        time.Time // when the page was made; zero says nothing
	Command     string    // what gives this run
	Settings    []Setting
	Score       task.Score    // what the epochs' scores are; the zero value is accuracy
	Epochs      []train.Epoch // those that are finished, in order
	Batches     []BatchLoss   // in order; nil where they were not recorded
	BestEpoch   int           // the number of Model's; 0 for the one with the best score
	LastEpoch   int           // the epoch to train to; 0 for as many as there is time for
	Samples     int           // training samples of an epoch
	Model       *model.Model  // the best epoch's, once training is over; its size counts before
	Predictions *Predictions  // what Model says of the test data, or of those it was chosen by; nil while training runs, if it tells no classes apart, and if nothing is measured
	Of          string        // what Figures are of; "" for the test data
	Figures     task.Figures  // of Model on the test data, if there are no Predictions; nil while training runs, and if nothing is measured
	Rows        *Rows         // of a run on a table; nil of others
}

// words returns how the page speaks of scores.
func (p *Page) words() words {
	w := wordsFor(cmp.Or(p.Score, task.Accuracy))
	if p.Model != nil {
		if _, ok := p.Model.Columns(); ok {
			return w.ofRows()
		}
	}
	return w
}

// figures returns those of the test data; nil while training runs.
func (p *Page) figures() task.Figures {
	if p.Predictions != nil {
		return p.Predictions.figures()
	}
	return p.Figures
}

// Setting is a line of what a run was made with.
type Setting struct{ Name, Value string }

// mistakes is how many wrong pictures a page shows before a cell is chosen.
const mistakes = 30

//go:embed page/page.html
var pageHTML string

//go:embed page/page.css
var pageCSS string

//go:embed page/page.js
var pageJS string

var pageTemplate = template.Must(template.New("page").Funcs(template.FuncMap{
	"bar": bar, "comma": comma, "percent": percent, "share": share, "shown": printable.Message,
}).Parse(pageHTML))

// Write writes the page. The same page gives the same bytes.
func (p *Page) Write(w io.Writer) error { return p.write(w, false) }

// write writes the page; a live one follows the run that serves it.
func (p *Page) write(w io.Writer, live bool) error {
	v, err := p.view(live)
	if err != nil {
		return err
	}
	return pageTemplate.Execute(w, v)
}

// view is a page as its template takes it.
type view struct {
	*Page
	Live          bool
	Policy        string
	Style, Script template.HTML

	Words    words
	Measured string // the data that epochs are measured on; "" for none
	Final    string // the data that the best model is measured on
	Result   string // the score on the test data
	Classes  []classRow
	Worst    string       // which classes those are; "" for all
	Tables   []task.Table // in place of Classes
	Wrong    int          // pictures
	Summary  []figure
	Charts   []chart
	Table    []epochRow
	Matrix   *matrix
	Mistakes []mistake
	Suspects []suspect
	Doubted  int // pictures whose label is likely wrong
	Weights  *weights
	Ranks    []rankChart
	RankNote string              // which classes have curves
	OfTable  *rowsView           // nil of pictures
	Atlas    []template.HTMLAttr // the images of all pictures
	areas    Areas
	Data     *atlasData
}

// classRow is a line of the table of classes.
type classRow struct {
	task.ClassFigures
	ROC, AveragePrecision string // the areas; "" where nobody knows them
}

// figure is a number that stands large on a page.
type figure struct{ Name, Value, Note string }

func (p *Page) view(live bool) (*view, error) {
	v := p.progress()
	v.Live = live
	v.Policy, v.Style, v.Script = enclose(live)
	var err error
	if p.Predictions != nil || v.Measured == "" && !live {
		if v.Weights, err = p.weights(); err != nil {
			return nil, err
		}
	}
	if p.Rows != nil {
		v.OfTable = p.Rows.view(p.Predictions, p.Model.Classes)
	}
	if p.Predictions == nil {
		return v, nil
	}
	v.Matrix = p.Predictions.matrix(strings.TrimSuffix(v.Words.Samples, "s"))
	v.Ranks = p.Predictions.rankCharts(v.areas)
	if n := len(p.Predictions.Classes); n > maxRanked {
		v.RankNote = fmt.Sprintf(" The curves are those of the %d of %s classes with the smallest areas.", maxRanked, comma(n))
	}
	if p.Predictions.Image == nil { // there are no pictures
		return v, nil
	}
	wrong := p.Predictions.Wrong()
	for _, i := range wrong[:min(mistakes, len(wrong))] {
		m, err := p.Predictions.mistake(i)
		if err != nil {
			return nil, err
		}
		v.Mistakes = append(v.Mistakes, m)
	}
	if v.Suspects, v.Doubted, err = p.Predictions.suspects(); err != nil {
		return nil, err
	}
	v.Atlas, v.Data, err = p.Predictions.atlas(wrong)
	return v, err
}

// progress is the part of the view that moves while training runs.
func (p *Page) progress() *view {
	v := &view{Page: p, Words: p.words(), Measured: p.measured(), Final: p.final()}
	best := p.best()
	f := p.figures()
	if p.Predictions != nil {
		v.areas = p.Predictions.Areas()
	}
	switch f := f.(type) {
	case nil:
	case task.ByClass:
		v.Worst = worstNote(len(f.Classes))
		for _, c := range worstClasses(len(f.Classes), func(c int) (float64, int) { return f.Classes[c].F1, f.Classes[c].Support }) {
			row := classRow{ClassFigures: f.Classes[c]}
			row.Name = printable.Name(row.Name)
			if p.Predictions != nil {
				row.ROC, row.AveragePrecision = known("%.3f", v.areas.ByClass[c].ROC), known("%.3f", v.areas.ByClass[c].Precision)
			}
			v.Classes = append(v.Classes, row)
		}
		for i, row := range f.Confusion {
			for _, n := range row {
				v.Wrong += n
			}
			v.Wrong -= row[i]
		}
	default:
		v.Tables = f.Tables()
	}
	if f != nil {
		_, score := f.Summary()
		v.Result = v.Words.value(score) + " " + p.final() + " " + v.Words.Name
	}
	v.Summary = p.summary(f, v.Wrong, v.areas.ROC, best)
	if len(p.Epochs) > 1 || len(p.Epochs) == 1 && p.Rows == nil { // a fit at once has no curves
		v.Charts = p.charts(best)
	}
	for i, e := range p.Epochs {
		v.Table = append(v.Table, newEpochRow(e, p.Samples, i == best && !e.Unmeasured))
	}
	return v
}

// best returns the index of the epoch that is shown as the best, -1 without epochs.
func (p *Page) best() int {
	if i := slices.IndexFunc(p.Epochs, func(e train.Epoch) bool { return e.Epoch == p.BestEpoch }); i >= 0 && p.BestEpoch > 0 {
		return i
	}
	return bestEpoch(p.Epochs)
}

// measured names the data that epochs are measured on: "test", or "validation"; "" for none.
func (p *Page) measured() string {
	switch {
	case len(p.Epochs) > 0 && p.Epochs[0].Unmeasured:
		return ""
	case len(p.Epochs) > 0 && p.Epochs[0].Validation:
		return "validation"
	}
	return "test"
}

// final names the data that the best model is measured on at the end: "test", or "validation".
func (p *Page) final() string {
	if p.Predictions != nil {
		return p.Predictions.of()
	}
	return cmp.Or(p.Of, "test")
}

func (p *Page) summary(f task.Figures, wrong int, area float64, best int) []figure {
	var out []figure
	if best < 0 && f == nil {
		return out
	}
	score, loss, note := 0.0, 0.0, ""
	if best >= 0 {
		e := p.Epochs[best]
		score, loss = e.Test.Score, e.Test.Loss
		note = fmt.Sprintf("after epoch %d, the best so far", e.Epoch)
	}
	if f != nil {
		loss, score = f.Summary()
		if best >= 0 {
			note = fmt.Sprintf("after epoch %d, the best of %d", p.Epochs[best].Epoch, p.Epochs[len(p.Epochs)-1].Epoch)
		}
	}
	of := p.measured()
	if f != nil {
		of = p.final()
	}
	if of == "" {
		of, score, loss = "training", p.Epochs[best].TrainScore, p.Epochs[best].TrainLoss
		note = fmt.Sprintf("in epoch %d, the latest; nothing was measured", p.Epochs[best].Epoch)
	}
	w := p.words()
	out = append(out, figure{of + " " + w.Name, w.value(score), note}, figure{of + " loss", fmt.Sprintf("%.4f", loss), w.LossOf})
	if p.Predictions != nil {
		out = append(out, figure{"wrong", comma(wrong), "of " + comma(p.Predictions.Len()) + " " + p.final() + " " + w.Samples})
		if finite(area) && p.Predictions.Len() > 0 {
			out = append(out, figure{"ROC area", fmt.Sprintf("%.4f", area), "1 ranks without a mistake, 0.5 by chance"})
		}
	}
	seconds, trained := 0.0, 0
	for _, e := range p.Epochs {
		if e.Epoch > 0 {
			seconds += e.Seconds
			trained++
		}
	}
	if seconds > 0 {
		out = append(out,
			figure{"training time", duration(seconds), fmt.Sprintf("%d of %s", trained, plural(max(p.LastEpoch, trained), "epoch"))},
			figure{"speed", rate(float64(trained) * float64(p.Samples) / seconds), "training samples a second"})
	}
	if p.Model != nil {
		out = append(out, figure{"size", comma(nn.NumParameters(p.Model.Net)), "parameters"})
	}
	return out
}

// figures returns the figures of the predictions.
func (p *Predictions) figures() task.ByClass {
	var loss metric.Mean
	for i := range p.Labels {
		loss.Update(p.Loss(i), 1)
	}
	return task.NewByClass(p.Classes, loss.Result(), p.confusion)
}

// epochRow is a line of the table of epochs.
type epochRow struct {
	Epoch int
	Best  bool
	Cells []string
}

func newEpochRow(e train.Epoch, samples int, best bool) epochRow {
	trainLoss, trainScore, seconds, speed := "", "", "", ""
	if e.Epoch > 0 {
		trainLoss, trainScore = fmt.Sprintf("%.4f", e.TrainLoss), share(e.TrainScore)
		seconds = fmt.Sprintf("%.3g", e.Seconds)
		if e.Seconds > 0 {
			speed = comma(int(float64(samples) / e.Seconds))
		}
	}
	cells := []string{trainLoss, trainScore}
	if !e.Unmeasured {
		cells = append(cells, fmt.Sprintf("%.4f", e.Test.Loss), share(e.Test.Score))
	}
	return epochRow{e.Epoch, best, append(cells, strconv.FormatFloat(e.LR, 'g', 4, 64), seconds, speed)}
}

// workRow is a line of the table of ranks.
type workRow struct {
	Rank           int
	Speed, Waiting string // samples a second while it computes, and the share of time in which it does not
}

// AtWork returns what the ranks did in the latest epoch; nil of one rank, and of epochs that were read from a file.
func (v *view) AtWork() (rows []workRow) {
	if len(v.Epochs) == 0 {
		return nil
	}
	for rank, t := range v.Epochs[len(v.Epochs)-1].Ranks {
		row := workRow{Rank: rank}
		if busy := t.Seconds - t.Waited; busy > 0 && t.Samples > 0 {
			row.Speed = comma(int(float64(t.Samples) / busy))
		}
		if t.Seconds > 0 {
			row.Waiting = percent(t.Waited / t.Seconds)
		}
		rows = append(rows, row)
	}
	return rows
}

// matrix is a confusion matrix as a table.
type matrix struct {
	Note    string // which classes those are; "" for all
	Classes []string
	Upright bool // whether names of columns have room beside each other
	Rows    []matrixRow
}

type matrixRow struct {
	Class string
	Cells []cell
}

type cell struct {
	True, Predicted, Count int
	Right                  bool
	Shade                  int // of ten: how deep its colour is
	Label                  string
}

// matrix returns the confusion matrix of what a sample is, of many classes those that are confused most.
func (p *Predictions) matrix(sample string) *matrix {
	counts := p.confusion.Counts()
	m := &matrix{Note: confusedNote(len(counts)), Upright: true}
	classes := confusedClasses(counts)
	for _, c := range classes {
		m.Classes = append(m.Classes, p.name(c))
		m.Upright = m.Upright && len(p.name(c)) <= 2
	}
	for k, i := range classes {
		row, all := counts[i], 0
		for _, n := range row {
			all += n
		}
		r := matrixRow{Class: m.Classes[k]}
		for l, j := range classes {
			n := row[j]
			c := cell{True: i, Predicted: j, Count: n, Right: i == j}
			if n > 0 {
				// The root tells small shares apart, which most mistakes are.
				c.Shade = int(math.Ceil(10 * math.Sqrt(float64(n)/float64(all))))
				c.Label = fmt.Sprintf("%s of %s, taken for %s", plural(n, sample), m.Classes[k], m.Classes[l])
				if i == j {
					c.Label = fmt.Sprintf("%s of %s, rightly named", plural(n, sample), m.Classes[k])
				}
			}
			r.Cells = append(r.Cells, c)
		}
		m.Rows = append(m.Rows, r)
	}
	return m
}

// enclose returns the page's style and script as elements, and the policy under which a
// browser takes these alone and asks nobody for anything; a live page may ask the server
// that it came from.
func enclose(live bool) (policy string, style, script template.HTML) {
	policy = "default-src 'none'; img-src data:; style-src " + hashed(pageCSS) + "; script-src " + hashed(pageJS) +
		"; base-uri 'none'; form-action 'none'"
	if live {
		policy += "; connect-src 'self'"
	}
	return policy, template.HTML("<style>" + pageCSS + "</style>"), template.HTML("<script>" + pageJS + "</script>")
}

// hashed returns what a policy calls an element with the text.
func hashed(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}

// comma writes n with a comma at every thousand.
func comma(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

func percent(v float64) string { return fmt.Sprintf("%.2f\u00a0%%", 100*v) }
func share(v float64) string   { return fmt.Sprintf("%.3f", v) }

// chance writes a probability in percent, so that one near 0 can be told from it.
func chance(p float64) string {
	switch {
	case p < 1e-5:
		return "under\u00a00.001\u00a0%"
	case p < 0.1:
		return fmt.Sprintf("%.2g\u00a0%%", 100*p)
	}
	return fmt.Sprintf("%.1f\u00a0%%", 100*p)
}

// plural writes how many there are of something.
func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return comma(n) + " " + what + "s"
}

// rate writes a number of samples a second.
func rate(v float64) string {
	if v >= 999_500 {
		return fmt.Sprintf("%.2f\u00a0million", v/1e6)
	}
	return comma(int(math.Round(v)))
}

// duration writes seconds as people say them.
func duration(seconds float64) string {
	switch d := time.Duration(seconds * float64(time.Second)); {
	case seconds < 10:
		return fmt.Sprintf("%.2f s", seconds)
	case d.Round(time.Second) < time.Minute:
		return fmt.Sprintf("%.1f s", seconds)
	case d.Round(time.Minute) < time.Hour:
		d = d.Round(time.Second)
		return fmt.Sprintf("%d min %d s", d/time.Minute, d%time.Minute/time.Second)
	default:
		d = d.Round(time.Minute)
		return fmt.Sprintf("%d h %d min", d/time.Hour, d%time.Hour/time.Minute)
	}
}

// bar draws a share of 1 as a bar.
func bar(v float64) template.HTML {
	return template.HTML(fmt.Sprintf(`<svg viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true">`+
		`<rect class="all" width="100" height="10"/><rect width="%.1f" height="10"/></svg>`, 100*v))
}

// chart is two curves over the epochs.
type chart struct {
	Title   string
	Summary string
	Batches bool // whether there is a line by batch
	SVG     template.HTML
}

// The measures of a chart in its own units, of which a phone shows about one a pixel.
const (
	chartWidth, chartHeight          = 360, 240
	chartLeft, chartRight            = 54, 346
	chartTop, chartBottom            = 18, 196
	chartDots                        = 60 // epochs beyond which no dots are drawn
	ticksAcross, ticksUpwards        = 6, 5
	chartLabelBelow, chartTitleBelow = 16, 34 // of the axis
)

func (p *Page) charts(best int) []chart {
	w := p.words()
	return []chart{
		p.chart(w.Title, w.Name, w.Unit, "%.4f", best, nil, func(e train.Epoch) (float64, float64) { return e.Test.Score, e.TrainScore }),
		p.chart("Loss", "loss", "loss (nats)", "%.4f", best, p.Batches, func(e train.Epoch) (float64, float64) { return e.Test.Loss, e.TrainLoss }),
	}
}

// chart draws what value gives of every epoch, of the test and of training, which epoch 0
// does not have, and a thin line by batch. The name is that of the values in a sentence. What
// is not finite has no place in it.
func (p *Page) chart(title, name, axis, format string, best int, batches []BatchLoss, value func(train.Epoch) (test, training float64)) chart {
	first, last := p.Epochs[0].Epoch, p.Epochs[len(p.Epochs)-1].Epoch
	if p.Predictions == nil && p.Figures == nil { // training runs
		last = max(last, p.LastEpoch)
	}
	if len(p.Batches) > 0 {
		first = 0
	}
	low, high := math.Inf(1), math.Inf(-1)
	for _, e := range p.Epochs {
		test, training := value(e)
		if finite(test) && !e.Unmeasured {
			low, high = min(low, test), max(high, test)
		}
		if e.Epoch > 0 && finite(training) {
			low, high = min(low, training), max(high, training)
		}
	}
	v := span{low, high}.withBatches(batches, len(p.Epochs)).widened()
	low, high = v.low, v.high
	at := func(epoch float64) float64 {
		if first == last {
			return (chartLeft + chartRight) / 2
		}
		return chartLeft + (chartRight-chartLeft)*(epoch-float64(first))/float64(last-first)
	}
	x := func(epoch int) float64 { return at(float64(epoch)) }
	y := func(v float64) float64 { return chartBottom - (chartBottom-chartTop)*(v-low)/(high-low) }

	b := new(strings.Builder)
	e := p.Epochs[best]
	test, training := value(e)
	fmt.Fprintf(b, `<svg viewBox="0 0 %d %d" role="img" tabindex="0" aria-label="%s by epoch; `, chartWidth, chartHeight, template.HTMLEscapeString(title))
	var said, summary string
	if e.Unmeasured {
		said = fmt.Sprintf("training "+format, training)
		summary = fmt.Sprintf("epoch %d is the latest: training %s "+format, e.Epoch, name, training)
	} else {
		said = fmt.Sprintf("%s "+format, p.measured(), test)
		summary = fmt.Sprintf("epoch %d has the best %s %s: %s %s "+format, e.Epoch, p.measured(), p.words().Name, p.measured(), name, test)
		if e.Epoch > 0 {
			said += fmt.Sprintf(", training "+format, training)
			summary += fmt.Sprintf(", training %s "+format, name, training)
		}
	}
	fmt.Fprintf(b, "after epoch %d: %s", e.Epoch, said)
	b.WriteString(`. The arrow keys go from epoch to epoch.">`)
	fmt.Fprintf(b, `<line class="axis" x1="%d" x2="%d" y1="%d" y2="%d"/>`, chartLeft, chartRight, chartBottom, chartBottom)
	ticks, write := v.ticks(ticksUpwards)
	for _, v := range ticks {
		fmt.Fprintf(b, `<line class="grid" x1="%d" x2="%d" y1="%.1f" y2="%.1f"/>`, chartLeft, chartRight, y(v), y(v))
		fmt.Fprintf(b, `<text x="%d" y="%.1f" text-anchor="end">%s</text>`, chartLeft-6, y(v)+4, write(v))
	}
	across := []float64{float64(first)}
	if first < last {
		across, _ = span{float64(first), float64(last)}.ticks(min(ticksAcross, last-first))
	}
	for _, v := range across {
		fmt.Fprintf(b, `<text x="%.1f" y="%d" text-anchor="middle">%.0f</text>`, x(int(v)), chartBottom+chartLabelBelow, v)
	}
	fmt.Fprintf(b, `<text x="%d" y="%d" text-anchor="middle">epoch</text>`, (chartLeft+chartRight)/2, chartBottom+chartTitleBelow)
	if !e.Unmeasured {
		anchor := "middle"
		if x(e.Epoch) > chartRight-20 {
			anchor = "end"
		}
		fmt.Fprintf(b, `<text x="%.1f" y="%d" text-anchor="%s">best</text>`, x(e.Epoch), chartTop-6, anchor)
	}
	middle := (chartTop + chartBottom) / 2
	fmt.Fprintf(b, `<text x="12" y="%d" text-anchor="middle" transform="rotate(-90 12 %d)">%s</text>`, middle, middle, template.HTMLEscapeString(axis))
	if !e.Unmeasured {
		fmt.Fprintf(b, `<line class="best" x1="%.1f" x2="%.1f" y1="%d" y2="%d"><title>best epoch</title></line>`, x(e.Epoch), x(e.Epoch), chartTop, chartBottom)
	}
	if batches = v.clip(batches); len(batches) > 0 {
		var points []string
		for _, l := range batches {
			points = append(points, fmt.Sprintf("%.1f,%.1f", at(l.Epoch), y(l.Loss)))
		}
		fmt.Fprintf(b, `<polyline class="batch" points="%s"/>`, strings.Join(points, " "))
	}
	p.curve(b, "test", format, x, y, func(e train.Epoch) (float64, bool) { v, _ := value(e); return v, !e.Unmeasured })
	p.curve(b, "training", format, x, y, func(e train.Epoch) (float64, bool) { _, v := value(e); return v, e.Epoch > 0 })
	fmt.Fprintf(b, `<line class="cursor" y1="%d" y2="%d" visibility="hidden"/></svg>`, chartTop, chartBottom)
	return chart{title, summary, len(batches) > 0, template.HTML(b.String())}
}

// curve draws the values of the epochs that have one.
func (p *Page) curve(b *strings.Builder, name, format string, x func(int) float64, y func(float64) float64, value func(train.Epoch) (float64, bool)) {
	var points, epochs, values, dots []string
	label := name
	if name == "test" {
		label = p.measured()
	}
	for _, e := range p.Epochs {
		v, ok := value(e)
		if !ok || !finite(v) {
			continue
		}
		text := fmt.Sprintf(format, v)
		points = append(points, fmt.Sprintf("%.1f,%.1f", x(e.Epoch), y(v)))
		epochs = append(epochs, strconv.Itoa(e.Epoch))
		values = append(values, text)
		title := fmt.Sprintf("<title>epoch %d: %s %s</title>", e.Epoch, label, text)
		if name == "test" {
			dots = append(dots, fmt.Sprintf(`<circle class="dot test" cx="%.1f" cy="%.1f" r="3.5">%s</circle>`, x(e.Epoch), y(v), title))
		} else {
			dots = append(dots, fmt.Sprintf(`<rect class="dot training" x="%.1f" y="%.1f" width="6" height="6">%s</rect>`, x(e.Epoch)-3, y(v)-3, title))
		}
	}
	if len(points) == 0 {
		return
	}
	fmt.Fprintf(b, `<polyline class="%s" data-name="%s" data-epochs="%s" data-values="%s" points="%s"/>`,
		name, label, strings.Join(epochs, " "), strings.Join(values, " "), strings.Join(points, " "))
	if len(p.Epochs) <= chartDots {
		b.WriteString(strings.Join(dots, ""))
	}
}

// shown returns the samples in the order that pictures are kept in: those that are wrong,
// by falling loss, and then those that are right.
func (p *Predictions) shown(wrong []int) []int {
	right := make([]int, 0, p.Len()-len(wrong))
	for i, label := range p.Labels {
		if p.Predicted(i) == label {
			right = append(right, i)
		}
	}
	p.sortByLoss(right)
	return slices.Concat(wrong, right)
}
