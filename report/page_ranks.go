package report

import (
	"cmp"
	"fmt"
	"html/template"
	"math"
	"slices"
	"strings"
)

// maxRanked is how many classes have curves of their own on a page.
const maxRanked = 5

// rankChart is a chart of how predictions are ranked, or whether they can be trusted.
type rankChart struct {
	Title, Summary string
	Keys           []rankKey
	SVG            template.HTML
}

// rankKey is an entry of a chart's legend: a line's style by number, and what it is.
type rankKey struct {
	Style int
	Name  string
}

// rankedClasses returns the classes that have curves: of two the second, of more those with the smallest areas, that have any.
func (p *Predictions) rankedClasses(a Areas) []int {
	if len(p.Classes) == 2 {
		return []int{1}
	}
	classes := slices.DeleteFunc(firsts(len(p.Classes)), func(c int) bool { return math.IsNaN(a.ByClass[c].ROC) })
	slices.SortStableFunc(classes, func(x, y int) int { return cmp.Compare(a.ByClass[x].ROC, a.ByClass[y].ROC) })
	return classes[:min(maxRanked, len(classes))]
}

// rankCurves are the curves of some classes, in the order of rankedClasses.
type rankCurves struct {
	classes        []int
	roc, precision [][]point
}

// rankCurves returns what is drawn of how the samples are ranked. Curves of classes without samples are empty.
func (p *Predictions) rankCurves(a Areas) rankCurves {
	c := rankCurves{classes: p.rankedClasses(a)}
	for _, class := range c.classes {
		r := p.Ranking(class)
		var roc, steps []point
		falsePositive, truePositive := r.ROC()
		for i, x := range falsePositive {
			roc = append(roc, point{x, truePositive[i]})
		}
		precision, recall := r.PrecisionRecall()
		for i := 1; i < len(recall); i++ { // a precision is that of the samples since the recall before
			steps = append(steps, point{recall[i-1], precision[i]}, point{recall[i], precision[i]})
		}
		c.roc, c.precision = append(c.roc, finitePoints(roc)), append(c.precision, finitePoints(steps))
	}
	return c
}

// finitePoints returns the points that have a place.
func finitePoints(points []point) []point {
	return slices.DeleteFunc(points, func(v point) bool { return !finite(v.x) || !finite(v.y) })
}

// rankCharts returns the charts of how the samples are ranked, and of whether confidence can be trusted.
func (p *Predictions) rankCharts(a Areas) []rankChart {
	if p.Len() == 0 {
		return nil
	}
	curves := p.rankCurves(a)
	means := "the mean of all classes, each against the others, is"
	if len(p.Classes) == 2 {
		means = fmt.Sprintf("of %s against %s:", cut(p.name(1)), cut(p.name(0)))
	}
	var charts []rankChart
	for _, kind := range []struct {
		title, x, y, what string
		area              float64
		lines             [][]point
		of                func(Ranked) float64
	}{
		{"ROC curve", "share of the others that is called so", "share that is found", "Area under the curve", a.ROC, curves.roc, func(r Ranked) float64 { return r.ROC }},
		{"Precision and recall", "recall: share that is found", "precision", "Average precision", a.Precision, curves.precision, func(r Ranked) float64 { return r.Precision }},
	} {
		if math.IsNaN(kind.area) {
			continue
		}
		c := rankChart{Title: kind.title, Summary: fmt.Sprintf("%s, %s %.4f.", kind.what, means, kind.area)}
		b := newUnitChart(kind.title+". "+c.Summary, kind.x, kind.y)
		if kind.title == "ROC curve" {
			b.line("chance", []point{{0, 0}, {1, 1}})
		} else if len(p.Classes) == 2 {
			share := 0.0
			for _, label := range p.Labels {
				share += float64(label)
			}
			share /= float64(p.Len())
			b.line("chance", []point{{0, share}, {1, share}})
		}
		for k, class := range curves.classes {
			b.line(fmt.Sprintf("rank c%d", k), kind.lines[k])
			c.Keys = append(c.Keys, rankKey{k, fmt.Sprintf("%s %.3f", cut(p.name(class)), kind.of(a.ByClass[class]))})
		}
		c.SVG = b.end()
		charts = append(charts, c)
	}
	return append(charts, p.reliabilityChart())
}

// reliabilityChart draws accuracy against confidence.
func (p *Predictions) reliabilityChart() rankChart {
	calibration := p.Calibration(calibrationBins)
	c := rankChart{Title: "Can its confidence be trusted?", Summary: fmt.Sprintf("Calibration error %.4f: the mean distance of the bars' tops from the diagonal, where they would be.", calibration.Error)}
	b := newUnitChart(c.Title+" "+c.Summary, "confidence: probability of what is said", "share that is right")
	for _, bin := range calibration.Bins {
		if bin.Samples == 0 {
			continue
		}
		low, high := b.at(point{bin.Low, bin.Accuracy}), b.at(point{bin.High, 0})
		fmt.Fprintf(b, `<rect class="bin" x="%.1f" y="%.1f" width="%.1f" height="%.1f"><title>confidence %.2f to %.2f: %d, of which %.1f %% are right</title></rect>`,
			low.x+0.5, low.y, high.x-low.x-1, high.y-low.y, bin.Low, bin.High, bin.Samples, 100*bin.Accuracy)
	}
	b.line("chance", []point{{0, 0}, {1, 1}})
	c.SVG = b.end()
	return c
}

// unitChart is a chart in the making whose axes go from 0 to 1.
type unitChart struct{ strings.Builder }

// newUnitChart returns a chart with axes of the given names.
func newUnitChart(label, x, y string) *unitChart {
	b := new(unitChart)
	fmt.Fprintf(b, `<svg viewBox="0 0 %d %d" role="img" aria-label="%s">`, chartWidth, chartHeight, template.HTMLEscapeString(label))
	fmt.Fprintf(b, `<line class="axis" x1="%d" x2="%d" y1="%d" y2="%d"/>`, chartLeft, chartRight, chartBottom, chartBottom)
	for k := range 6 {
		v := float64(k) / 5
		at := b.at(point{v, v})
		fmt.Fprintf(b, `<line class="grid" x1="%d" x2="%d" y1="%.1f" y2="%.1f"/>`, chartLeft, chartRight, at.y, at.y)
		fmt.Fprintf(b, `<text x="%d" y="%.1f" text-anchor="end">%.1f</text>`, chartLeft-6, at.y+4, v)
		fmt.Fprintf(b, `<text x="%.1f" y="%d" text-anchor="middle">%.1f</text>`, at.x, chartBottom+chartLabelBelow, v)
	}
	middle := (chartTop + chartBottom) / 2
	fmt.Fprintf(b, `<text x="%d" y="%d" text-anchor="middle">%s</text>`, (chartLeft+chartRight)/2, chartBottom+chartTitleBelow, template.HTMLEscapeString(x))
	fmt.Fprintf(b, `<text x="12" y="%d" text-anchor="middle" transform="rotate(-90 12 %d)">%s</text>`, middle, middle, template.HTMLEscapeString(y))
	return b
}

// at returns where a point of the unit square stands.
func (b *unitChart) at(v point) point {
	return point{chartLeft + v.x*(chartRight-chartLeft), chartBottom - v.y*(chartBottom-chartTop)}
}

// line draws a line of a style. Points that nobody could tell from the one before are left out.
func (b *unitChart) line(style string, over []point) {
	const near = 0.4
	var points []string
	var last point
	for i, v := range over {
		at := b.at(v)
		if i > 0 && i+1 < len(over) && math.Abs(at.x-last.x) < near && math.Abs(at.y-last.y) < near {
			continue
		}
		points, last = append(points, fmt.Sprintf("%.1f,%.1f", at.x, at.y)), at
	}
	if len(points) > 0 {
		fmt.Fprintf(b, `<polyline class="%s" points="%s"/>`, style, strings.Join(points, " "))
	}
}

// end returns the chart.
func (b *unitChart) end() template.HTML {
	b.WriteString("</svg>")
	return template.HTML(b.String())
}

// ROCCurves draws the ROC curves of p: of two classes that of the second, and of more those of the five with the smallest areas, each against
// the others.
func ROCCurves(p *Predictions) *Drawing {
	a := p.Areas()
	return p.drawRanks("ROC curve, with the area under it", "share of the others that is called so", "share that is found", p.rankCurves(a).roc, a, func(r Ranked) float64 { return r.ROC }, true)
}

// PrecisionRecallCurves draws the precision-recall curves of p, of the classes that ROCCurves has.
func PrecisionRecallCurves(p *Predictions) *Drawing {
	a := p.Areas()
	return p.drawRanks("Precision and recall, with the average precision", "recall: share that is found", "precision: share of what is called so", p.rankCurves(a).precision, a, func(r Ranked) float64 { return r.Precision }, false)
}

// drawRanks draws curves of the ranked classes.
func (p *Predictions) drawRanks(title, x, y string, curves [][]point, a Areas, area func(Ranked) float64, diagonal bool) *Drawing {
	d := newDrawing(title, 480, 0, 2)
	panel := panel{d: d, x: 64, y: 40, w: 380, h: 360, xs: span{0, 1}, ys: span{0, 1}}
	panel.axes(title, x, y, panel.xs.numbers(6))
	if diagonal {
		panel.curve(line{[]point{{0, 0}, {1, 1}}, 1.2, faint, 5})
	}
	var keys []curveKey
	for k, class := range p.rankedClasses(a) {
		style := line{width: 2, colour: lineColour(k)}
		keys = append(keys, curveKey{fmt.Sprintf("%s %.4f", cut(p.name(class)), area(a.ByClass[class])), style, false})
		style.points = curves[k]
		panel.curve(style)
	}
	d.legend(keys, panel.x, 462)
	return d
}
