package report

import (
	"math"

	"github.com/onehot-go/onehot/fault"
)

// Series is one curve of Lines.
type Series struct {
	Name string
	X, Y []float64 // of one length
}

// Lines draws curves over one pair of axes, with a colour and a name each, to 13 of them. xName
// says what lies along the lower axis: "epoch". Points that are not finite are left out. Lines
// panics with a *fault.OptionError for a series that has not as many X as Y.
func Lines(title, xName string, series ...Series) *Drawing {
	const width, height, begin = 640, 362, 60
	d := newDrawing(title, width, 0, 2)
	var keys []curveKey
	xs, ys := span{math.Inf(1), math.Inf(-1)}, span{math.Inf(1), math.Inf(-1)}
	whole := true // the numbers along the lower axis
	for i, s := range series {
		if len(s.X) != len(s.Y) {
			fault.Option("report.Lines", "series %q has %d X and %d Y: one length expected", s.Name, len(s.X), len(s.Y))
		}
		curve := line{width: 2, colour: lineColour(i)}
		keys = append(keys, curveKey{s.Name, curve, false})
		for k, x := range s.X {
			p := point{x, s.Y[k]}
			if !finite(p.x) || !finite(p.y) {
				continue
			}
			keys[i].points = append(keys[i].points, p)
			xs, ys = span{min(xs.low, p.x), max(xs.high, p.x)}, span{min(ys.low, p.y), max(ys.high, p.y)}
			whole = whole && p.x == math.Round(p.x)
		}
	}
	switch {
	case !(xs.low <= xs.high):
		xs = span{0, 1}
	case xs.low == xs.high:
		xs = span{xs.low - 0.5, xs.high + 0.5}
	}
	if xs.low == xs.high { // a half is nothing to so large a number
		xs = xs.widened()
	}
	p := panel{d: d, x: begin, y: 36, w: width - begin - 20, h: height - 36 - 66, xs: xs, ys: ys.widened()}
	along := p.xs.numbers(6)
	if whole {
		along = p.xs.wholes(6)
	}
	p.axes(title, xName, "", along)
	for _, k := range keys {
		p.curve(k.line)
	}
	d.legend(keys, begin, height)
	return d
}
