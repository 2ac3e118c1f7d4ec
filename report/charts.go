package report

import (
	"fmt"
	"image/color"
	"math"
	"strconv"

	"github.com/onehot-go/onehot/fault"
	"github.com/onehot-go/onehot/metric"
)

// maxName is how long the name of a class may be in a chart, in units; what is longer
// ends in "…".
const maxName = 150

// ConfusionMatrix draws how many samples of each true class, a row, were taken for each
// class, a column. With normalised they are percentages of all samples of the row's class. Of
// more than 50 classes it shows the 50 that are most often confused with each other, and says
// so. It panics with a *fault.OptionError if counts is not (C, C) for C names.
func ConfusionMatrix(names []string, counts [][]int, normalised bool) *Drawing {
	const op = "report.ConfusionMatrix"
	if len(counts) != len(names) {
		fault.Option(op, "%d rows for %d classes", len(counts), len(names))
	}
	for t, row := range counts {
		if len(row) != len(names) {
			fault.Option(op, "%d columns in row %d for %d classes", len(row), t, len(names))
		}
	}
	classes, note := confusedClasses(counts), confusedNote(len(names))
	n := len(classes)
	title := "Confusion matrix: samples"
	if normalised {
		title = "Confusion matrix: percent of the samples of each true class"
	}
	d := newDrawing(title, 0, 0, 2)
	cell := math.Round(min(max(560/float64(max(n, 1)), 17), 48))
	size := math.Round(min(labelSize, cell*0.42)*2) / 2
	nameSize := min(labelSize, cell-5)
	short := make([]string, n)
	for k, c := range classes {
		short[k] = d.faces.shorten(names[c], nameSize, maxName)
	}
	long := math.Ceil(d.faces.longest(short, nameSize))
	upright := long <= cell-4 // names of columns have room beside each other
	top := 62.0
	if note != "" {
		top += 20
		d.text(20, 46, note, labelSize, left, ink, false)
	}
	x, y := 34+long+8, top+long+8
	if upright {
		y = top + nameSize + 8
	}
	side := float64(n) * cell
	d.width = max(x+side+20, 20+math.Ceil(max(d.faces.length(title, headSize), d.faces.length(note, labelSize)))+20)
	d.height = y + side + 20
	d.text(20, 26, title, headSize, left, ink, false)
	d.text(x+side/2, top-12, "predicted class", labelSize, centre, ink, false)
	d.text(26, y+side/2, "true class", labelSize, centre, ink, true)

	most := 1
	for _, label := range classes {
		for _, c := range classes {
			most = max(most, counts[label][c])
		}
	}
	for t, label := range classes {
		row := counts[label]
		top := y + float64(t)*cell
		d.text(x-8, top+cell/2+nameSize*0.36, short[t], nameSize, right, ink, false)
		if middle := x + float64(t)*cell + cell/2; upright {
			d.text(middle, y-8, short[t], nameSize, centre, ink, false)
		} else {
			d.text(middle+nameSize*0.36, y-8, short[t], nameSize, left, ink, true)
		}
		whole := most
		if normalised {
			whole = 0
			for _, v := range row {
				whole += v
			}
			whole = max(whole, 1)
		}
		for c, predicted := range classes {
			v := row[predicted]
			share := float64(v) / float64(whole)
			shade := math.Sqrt(share) // few mistakes are to be seen beside many samples predicted right
			at := x + float64(c)*cell
			d.add(box{at, top, cell - 1, cell - 1, sequential(0.04 + 0.96*shade)})
			if v == 0 {
				continue
			}
			colour := ink
			if shade > 0.62 {
				colour = white
			}
			number := strconv.Itoa(v)
			if normalised {
				number = shareText(share, cell >= 40)
			}
			d.text(at+(cell-1)/2, top+cell/2+size*0.36, number, min(size, size*(cell-2)/d.faces.length(number, size)), centre, colour, false)
		}
	}
	return d
}

// shareText writes a share in percent, to a tenth if there is room.
func shareText(share float64, tenths bool) string {
	if tenths && share < 0.9995 {
		return strconv.FormatFloat(100*share, 'f', 1, 64)
	}
	return strconv.FormatFloat(100*share, 'f', 0, 64)
}

// ClassBars draws precision and recall of every class; of more than 50 those of the 50 with
// the lowest F1, and says so. It panics with a *fault.OptionError if there is not one name
// for each.
func ClassBars(names []string, classes []metric.ClassReport) *Drawing {
	if len(names) != len(classes) {
		fault.Option("report.ClassBars", "%d names for %d classes", len(names), len(classes))
	}
	const bar, gap, wide, value = 13.0, 10.0, 420.0, 44.0
	shown := worstClasses(len(classes), func(c int) (float64, int) { return classes[c].F1, classes[c].Support })
	d := newDrawing("Precision and recall by class", 0, 0, 2)
	short := make([]string, len(shown))
	for k, c := range shown {
		short[k] = d.faces.shorten(names[c], labelSize, maxName)
	}
	top := 66.0
	if note := worstNote(len(names)); note != "" {
		top += 20
		d.text(20, 46, note, labelSize, left, ink, false)
	}
	x := 20 + math.Ceil(d.faces.longest(short, labelSize)) + 10
	row := 2*bar + 1 + gap
	bottom := top + float64(len(shown))*row
	d.width, d.height = x+wide+value+20, bottom+44
	d.text(20, 26, d.title, headSize, left, ink, false)
	at := x
	for _, k := range []struct {
		name   string
		colour int
	}{{"precision: of those predicted so", 0}, {"recall: of those that are so", 4}} {
		d.add(box{at, top - 25, 12, 12, palette[k.colour]})
		d.text(at+18, top-15, k.name, labelSize, left, ink, false)
		at += 18 + d.faces.length(k.name, labelSize) + 22
	}
	d.width = max(d.width, at)
	for k := range 6 {
		v := float64(k) / 5
		d.add(box{x + v*wide - 0.5, top - 4, 1, bottom - top + 4, rule})
		d.text(x+v*wide, bottom+15, strconv.FormatFloat(v, 'f', 1, 64), tickSize, centre, faint, false)
	}
	d.text(x+wide/2, bottom+33, "fraction of samples", labelSize, centre, ink, false)
	for k, c := range shown {
		y := top + float64(k)*row + gap/2
		d.text(x-10, y+bar+labelSize*0.36, short[k], labelSize, right, ink, false)
		for j, v := range []float64{classes[c].Precision, classes[c].Recall} {
			y := y + float64(j)*(bar+1)
			d.add(box{x, y, v * wide, bar, palette[4*j]})
			d.text(x+wide+8, y+bar-2.5, strconv.FormatFloat(v, 'f', 3, 64), tickSize, left, ink, false)
		}
	}
	return d
}

// Reliability draws accuracy against confidence, the probability of the predicted class,
// of the samples in each bin: of a model whose confidence can be trusted both are the
// same, on the diagonal.
func Reliability(c Calibration) *Drawing {
	d := newDrawing("Reliability", 480, 474, 2)
	p := panel{d: d, x: 64, y: 40, w: 380, h: 360, xs: span{0, 1}, ys: span{0, 1}}
	p.axes("Reliability", "confidence: probability of the predicted class", "accuracy: fraction predicted right", p.xs.numbers(6))
	samples := 0
	for _, b := range c.Bins {
		samples += b.Samples
		if b.Samples == 0 {
			continue
		}
		low, high := p.at(point{b.Low, b.Accuracy}), p.at(point{b.High, 0})
		d.add(box{low.x + 0.5, low.y, high.x - low.x - 1, high.y - low.y, mix(0.55, white, blue)})
	}
	p.curve(line{[]point{{0, 0}, {1, 1}}, 1.2, faint, 5})
	for _, b := range c.Bins {
		if b.Samples > 0 && finite(b.Confidence) { // it is NaN if a logit is
			d.add(ring{p.at(point{b.Confidence, b.Accuracy}), 3.5, 2, vermillion})
		}
	}
	d.add(ring{point{p.x + 8, 458}, 3.5, 2, vermillion})
	d.text(p.x+18, 462, "mean confidence and accuracy of a bin", labelSize, left, ink, false)
	if samples > 0 {
		d.text(p.x+p.w, p.y-12, fmt.Sprintf("expected calibration error %.4f, %d samples", c.Error, samples), labelSize, right, ink, false)
	}
	return d
}

// ConfidenceHistogram draws how many samples have which confidence, the probability of the
// predicted class, in n bins: those predicted right and those predicted wrong. It panics
// with a *fault.OptionError if n is below 1, as p.Calibration does.
func ConfidenceHistogram(p *Predictions, n int) *Drawing {
	d := newDrawing("Confidence of right and of wrong predictions", 560, 500, 2)
	right, wrong := make([]int, n), make([]int, n)
	for k, b := range p.Calibration(n).Bins {
		right[k] = int(math.Round(b.Accuracy * float64(b.Samples)))
		wrong[k] = b.Samples - right[k]
	}
	for k, h := range []struct {
		name   string
		counts []int
		colour color.RGBA
	}{{"Predicted right", right, blue}, {"Predicted wrong", wrong, vermillion}} {
		most, sum := 1, 0
		for _, v := range h.counts {
			most, sum = max(most, v), sum+v
		}
		a := panel{d: d, x: 76, y: 40 + float64(k)*242, w: 460, h: 150, xs: span{0, 1}, ys: span{0, 1.06 * float64(most)}}
		a.axes(fmt.Sprintf("%s: %d samples", h.name, sum), "confidence: probability of the predicted class", "samples", a.xs.numbers(6))
		for b, v := range h.counts {
			low, high := a.at(point{float64(b) / float64(n), float64(v)}), a.at(point{float64(b+1) / float64(n), 0})
			d.add(box{low.x + 0.5, low.y, high.x - low.x - 1, high.y - low.y, h.colour})
		}
	}
	return d
}
