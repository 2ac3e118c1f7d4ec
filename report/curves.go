package report

import (
	"fmt"
	"image/color"
	"math"
	"slices"
	"strconv"

	"github.com/onehot-go/onehot/internal/printable"
	"github.com/onehot-go/onehot/task"
	"github.com/onehot-go/onehot/train"
)

// Run is the history of a training run.
type Run struct {
	Name    string
	Epochs  []train.Epoch
	Batches []BatchLoss // in order; nil where they were not recorded
}

// best returns the index of the epoch with the best test score, or -1 if none was measured.
func (r Run) best() int {
	best := bestEpoch(r.Epochs)
	if best >= 0 && !tested(r.Epochs[best]) {
		return -1
	}
	return best
}

// Curves draws loss and score by epoch, in training and on the test data, with the
// epoch of the best test score marked. Several runs have a colour each, to 13 of them.
// What is not finite is left out, and what was not measured: figures of an epoch that are both
// zero, the loss and the score.
func Curves(runs ...Run) *Drawing {
	const width, height = 900, 322
	score := task.Accuracy
	for _, r := range runs {
		if len(r.Epochs) > 0 {
			score = scored(r.Epochs)
		}
	}
	words := wordsFor(score)
	d := newDrawing("Loss and "+words.Name+" by epoch", width, 0, 2)
	const begin = 60
	d.legend(curveKeys(runs), begin, height)

	first, last := 1.0, 1.0
	for _, r := range runs {
		for _, e := range r.Epochs {
			first, last = min(first, float64(e.Epoch)), max(last, float64(e.Epoch))
		}
		if len(r.Batches) > 0 {
			first = 0
		}
	}
	if first == last {
		first, last = first-0.5, last+0.5
	}
	epochs := span{first, last}
	for k, q := range []struct {
		title, name, axis string
		training, testing func(e train.Epoch) float64 // where it was measured
		batches           bool
	}{
		{"Loss", "loss", words.Loss, func(e train.Epoch) float64 { return e.TrainLoss }, func(e train.Epoch) float64 { return e.Test.Loss }, true},
		{words.Title, words.Name, words.Axis, func(e train.Epoch) float64 { return e.TrainScore }, func(e train.Epoch) float64 { return e.Test.Score }, false},
	} {
		values := span{math.Inf(1), math.Inf(-1)}
		var curves, thin []line // over epochs and values
		for i, r := range runs {
			training, testing, batches := curveStyles(i, len(runs))
			for _, e := range r.Epochs {
				at := float64(e.Epoch)
				if trained(e) {
					training.points = append(training.points, point{at, q.training(e)})
				}
				if tested(e) {
					testing.points = append(testing.points, point{at, q.testing(e)})
				}
			}
			for _, l := range []line{training, testing} {
				l.points = slices.DeleteFunc(l.points, func(p point) bool { return !finite(p.y) })
				for _, p := range l.points {
					values = span{min(values.low, p.y), max(values.high, p.y)}
				}
				curves = append(curves, l)
			}
			if q.batches {
				values = values.withBatches(r.Batches, len(r.Epochs))
				thin = append(thin, batches)
			}
		}
		p := panel{d: d, x: begin + float64(k)*(width/2), y: 36, w: width/2 - begin - 20, h: height - 36 - 66, xs: epochs, ys: values.widened()}
		p.axes(q.title, "epoch", q.axis, epochs.wholes(6))
		for i, l := range thin {
			for _, b := range p.ys.clip(runs[i].Batches) {
				l.points = append(l.points, point{b.Epoch, b.Loss})
			}
			p.curve(l)
		}
		for _, l := range curves {
			p.curve(l)
		}
		for i, r := range runs {
			best := r.best()
			if best < 0 {
				continue
			}
			_, style, _ := curveStyles(i, len(runs))
			e := r.Epochs[best]
			value := q.testing(e)
			if !finite(value) {
				continue
			}
			d.add(ring{p.at(point{float64(e.Epoch), value}), 4, 2, style.colour})
			if len(runs) == 1 {
				d.text(p.x+p.w, p.y-12, fmt.Sprintf("best epoch, %d: %s %s %.4f", e.Epoch, split(e), q.name, value), labelSize, right, ink, false)
			}
		}
	}
	return d
}

// legend says what lines are: keys in as many rows as they take, from y on and below what has
// been drawn. The drawing ends with it.
func (d *Drawing) legend(keys []curveKey, begin, y float64) {
	const perRow, sample = 20.0, 26
	rows, x, end := 0, math.Inf(1), d.width-20
	for _, k := range keys {
		name := d.faces.shorten(k.name, labelSize, end-begin-sample-6)
		long := sample + 6 + d.faces.length(name, labelSize) + 24
		if x+long-24 > end || k.begins {
			x, rows = begin, rows+1
		}
		y := y + float64(rows-1)*perRow
		d.add(line{[]point{{x, y - 4}, {x + sample, y - 4}}, k.width, k.colour, k.dash})
		d.text(x+sample+6, y, name, labelSize, left, ink, false)
		x += long
	}
	d.height = y + float64(rows)*perRow
}

// curveKey is an entry of the legend.
type curveKey struct {
	name string
	line
	begins bool // a row
}

// curveStyles returns how the curves of one of n runs look.
func curveStyles(i, n int) (training, testing, batches line) {
	colour := lineColour(i)
	if n == 1 {
		return line{width: 2, colour: vermillion, dash: 5}, line{width: 2, colour: blue}, line{width: 0.6, colour: mix(0.45, white, vermillion)}
	}
	return line{width: 1.4, colour: colour, dash: 5}, line{width: 2, colour: colour}, line{width: 0.5, colour: mix(0.35, white, colour)}
}

// lineColour returns the colour of the i-th of several lines.
func lineColour(i int) color.RGBA {
	colour := palette[i%len(palette)]
	for range i / len(palette) { // more lines than colours
		colour = mix(0.5, colour, ink)
	}
	return colour
}

// curveKeys returns the legend: the kinds of curves that there are, and runs where there are
// several.
func curveKeys(runs []Run) []curveKey {
	training, testing, batches := curveStyles(0, 1)
	if len(runs) != 1 {
		training, testing, batches = curveStyles(0, 2)
		training.colour, testing.colour, batches.colour = faint, faint, faint
	}
	some := func(measured func(train.Epoch) bool) bool {
		return slices.ContainsFunc(runs, func(r Run) bool { return slices.ContainsFunc(r.Epochs, measured) })
	}
	begun := some(func(train.Epoch) bool { return true })
	var keys []curveKey
	if some(trained) || !begun {
		keys = append(keys, curveKey{"training", training, false})
	}
	if some(tested) || !begun {
		keys = append(keys, curveKey{splits(runs) + ", the best epoch marked", testing, false})
	}
	if slices.ContainsFunc(runs, func(r Run) bool { return len(r.Batches) > 0 }) {
		keys = append(keys, curveKey{"training, by batch", batches, false})
	}
	if len(runs) == 1 {
		return keys
	}
	for i, r := range runs {
		_, style, _ := curveStyles(i, len(runs))
		name := printable.Name(r.Name)
		if best := r.best(); best >= 0 {
			name += fmt.Sprintf(" (best %s %.4f in epoch %d)", split(r.Epochs[best]), r.Epochs[best].Test.Score, r.Epochs[best].Epoch)
		}
		keys = append(keys, curveKey{name, style, i == 0})
	}
	return keys
}

// splits names what the runs were measured on: test data, where nothing says otherwise.
func splits(runs []Run) string {
	val, test := false, false
	for _, r := range runs {
		for _, e := range r.Epochs {
			val, test = val || e.Validation, test || !e.Validation && !e.Unmeasured
		}
	}
	switch {
	case val && test:
		return "test or validation"
	case val:
		return "validation"
	}
	return "test"
}

// Sizes of a chart's text.
const (
	headSize  = 14
	labelSize = 12
	tickSize  = 11
)

// finite reports whether v is a number that has a place in a chart.
func finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }

// span is the numbers from low to high.
type span struct{ low, high float64 }

// widened returns s with some room at both ends, so that no curve runs along an axis.
func (s span) widened() span {
	if !(s.low <= s.high) {
		return span{0, 1} // nothing is drawn
	}
	room := (s.high - s.low) * 0.06
	if room <= 1e-9*math.Abs(s.high) { // or too little to tell numbers apart
		room = max(math.Abs(s.high)*0.1, 1e-3)
	}
	return span{s.low - room, s.high + room}
}

// withBatches returns s widened to the losses by batch of so many epochs. Of several it
// is not widened upwards: the first batches would leave little room for all that follows.
func (s span) withBatches(losses []BatchLoss, epochs int) span {
	for _, b := range losses {
		if !finite(b.Loss) {
			continue
		}
		s.low = min(s.low, b.Loss)
		if epochs < 2 {
			s.high = max(s.high, b.Loss)
		}
	}
	return s
}

// clip returns losses as they are drawn in a chart with values in s: from where they come
// into it, and what sticks out later ends at its edge. What is not finite is left out.
func (s span) clip(losses []BatchLoss) []BatchLoss {
	losses = slices.DeleteFunc(slices.Clone(losses), func(b BatchLoss) bool { return !finite(b.Loss) })
	var out []BatchLoss
	for i, b := range losses {
		if out == nil && b.Loss > s.high {
			continue
		}
		if out == nil && i > 0 {
			before := losses[i-1]
			share := (before.Loss - s.high) / (before.Loss - b.Loss)
			out = append(out, BatchLoss{before.Epoch + share*(b.Epoch-before.Epoch), s.high})
		}
		out = append(out, BatchLoss{b.Epoch, min(max(b.Loss, s.low), s.high)})
	}
	return out
}

// ticks returns round numbers in s, about n of them, and how they are written.
func (s span) ticks(n int) (at []float64, format func(v float64) string) {
	raw := (s.high - s.low) / float64(n)
	magnitude := math.Floor(math.Log10(raw))
	step := math.Pow(10, magnitude)
	switch f := raw / step; {
	case f >= 7:
		step, magnitude = 10*step, magnitude+1
	case f >= 3.5:
		step *= 5
	case f >= 1.4:
		step *= 2
	}
	first := math.Ceil(s.low/step - 1e-9)
	for i := range 2*n + 2 { // more than there can be
		v := (first+float64(i))*step + 0 // no -0
		if !(v <= s.high+step*1e-9) {
			break
		}
		if len(at) == 0 || v > at[len(at)-1] { // float64 tells few large numbers apart
			at = append(at, v)
		}
	}
	if greatest := max(math.Abs(s.low), math.Abs(s.high)); greatest >= 1e15 || greatest < 1e-12 {
		return at, func(v float64) string { return strconv.FormatFloat(v, 'g', 6, 64) }
	}
	decimals := int(max(0, -magnitude))
	return at, func(v float64) string { return strconv.FormatFloat(v, 'f', decimals, 64) }
}

// tick is a number at an axis and how it is written.
type tick struct {
	at    float64
	label string
}

// numbers returns about n round numbers in s.
func (s span) numbers(n int) []tick {
	var out []tick
	at, format := s.ticks(n)
	for _, v := range at {
		out = append(out, tick{v, format(v)})
	}
	return out
}

// wholes returns about n whole numbers in s.
func (s span) wholes(n int) []tick {
	var out []tick
	at, _ := s.ticks(n)
	for _, v := range at {
		if v == math.Round(v) {
			out = append(out, tick{v, strconv.FormatFloat(v, 'f', 0, 64)})
		}
	}
	return out
}

// powers returns round numbers whose logarithms to base 10 are in s: powers of 10, and what is
// twice and five times as much if there are less than two decades.
func (s span) powers() []tick {
	var out []tick
	if s.high-s.low >= 2 {
		for _, t := range s.wholes(6) {
			out = append(out, tick{t.at, shortNumber(math.Pow(10, t.at))})
		}
		return out
	}
	for k := math.Floor(s.low - 1e-9); k <= s.high+1e-9 && len(out) < 9; k++ {
		for _, f := range []float64{1, 2, 5} {
			if at := k + math.Log10(f); at >= s.low-1e-9 && at <= s.high+1e-9 {
				out = append(out, tick{at, shortNumber(f * math.Pow(10, k))})
			}
		}
	}
	return out
}

// shortNumber writes a number as people do: 0.00001, and 1e-07 if that has more zeros.
func shortNumber(v float64) string {
	s := strconv.FormatFloat(v, 'g', 3, 64)
	if v >= 0.99e-6 && v < 1e6 {
		v, _ = strconv.ParseFloat(s, 64)
		return strconv.FormatFloat(v, 'f', -1, 64)
	}
	return s
}

// panel is a part of a drawing that has axes.
type panel struct {
	d          *Drawing
	x, y, w, h float64 // within the axes
	xs, ys     span
}

// at returns where a point stands in the drawing.
func (p panel) at(v point) point {
	return point{p.x + (v.x-p.xs.low)/(p.xs.high-p.xs.low)*p.w, p.y + p.h - (v.y-p.ys.low)/(p.ys.high-p.ys.low)*p.h}
}

// axes draws the title, rules at round numbers with the numbers beside them, those along x,
// and what both axes say.
func (p panel) axes(title, xName, yName string, along []tick) {
	d := p.d
	d.text(p.x, p.y-12, title, headSize, left, ink, false)
	widest := 0.0
	for _, t := range p.ys.numbers(5) {
		y := p.at(point{p.xs.low, t.at}).y
		d.add(box{p.x, y - 0.5, p.w, 1, rule})
		d.text(p.x-8, y+4, t.label, tickSize, right, faint, false)
		widest = max(widest, d.faces.length(t.label, tickSize))
	}
	for _, t := range along {
		x := p.at(point{t.at, p.ys.low}).x
		d.add(box{x - 0.5, p.y + p.h, 1, 4, faint})
		d.text(x, p.y+p.h+17, t.label, tickSize, centre, faint, false)
	}
	d.add(box{p.x, p.y + p.h - 0.5, p.w, 1, faint})
	d.text(p.x+p.w/2, p.y+p.h+35, xName, labelSize, centre, ink, false)
	d.text(p.x-16-widest, p.y+p.h/2, yName, labelSize, centre, ink, true)
}

// curve draws a line over the panel's numbers, with a dot where it is but one point.
func (p panel) curve(l line) {
	over := l.points
	l.points = make([]point, len(over))
	for i, v := range over {
		l.points[i] = p.at(v)
	}
	switch len(over) {
	case 0:
	case 1:
		p.d.add(ring{l.points[0], l.width, l.width, l.colour})
	default:
		p.d.add(l)
	}
}
