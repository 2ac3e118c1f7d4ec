// Package report turns data and results into something to look at.
package report

import (
	"cmp"
	"fmt"
	"image"
	"image/color"
	"math"
	"strings"

	"github.com/onehot-go/onehot/fault"
	"github.com/onehot-go/onehot/internal/printable"
	"github.com/onehot-go/onehot/internal/shapes"
	"github.com/onehot-go/onehot/tensor"
)

// The measures of a grid in pixels.
const (
	gridPadding  = 12  // around and between cells, where nothing else is said
	titleGap     = 4   // between a title and its picture
	titleSize    = 13  // the font's
	titleLine    = 16  // from one line of a title to the next
	titleRise    = 12  // of the base line under the top of its line
	maxTitleWide = 160 // a cell is not widened beyond this for its title
)

// GridOptions say how a grid looks.
type GridOptions struct {
	Columns int      // at least 1
	Scale   int      // pixels that a pixel becomes, each way; at least 1
	Padding *int     // pixels around and between cells; nil for 12
	Titles  []string // by picture, of lines separated by "\n"; nil for none, "" for a picture without
	Heading string   // above all pictures; "" for none
	Marked  []bool   // by picture, whose titles have another colour: wrong predictions; nil for none
}

// Grid draws pictures in rows, each with its title centred above it. Every pixel of a
// picture becomes a square, so that small pictures can be seen as they are. Pictures may
// differ in size: all cells are as large as the largest. Cells are widened for long
// titles up to a limit; what is longer still ends in "…". A picture that is light at its edge
// has a frame.
//
// It panics with a *fault.OptionError if Columns or Scale is below 1, the padding is
// negative, or the number of titles or marks is neither 0 nor that of pictures.
func Grid(pictures []image.Image, options GridOptions) *Drawing {
	const op = "report.Grid"
	padding := float64(gridPadding)
	if options.Padding != nil {
		padding = float64(*options.Padding)
	}
	switch n := len(pictures); {
	case options.Columns < 1:
		fault.Option(op, "%d columns, at least 1 expected", options.Columns)
	case options.Scale < 1:
		fault.Option(op, "scale %d, at least 1 expected", options.Scale)
	case padding < 0:
		fault.Option(op, "padding %g, at least 0 expected", padding)
	case len(options.Titles) != 0 && len(options.Titles) != n:
		fault.Option(op, "%d titles for %d pictures", len(options.Titles), n)
	case len(options.Marked) != 0 && len(options.Marked) != n:
		fault.Option(op, "%d marks for %d pictures", len(options.Marked), n)
	}

	d := newDrawing(cmp.Or(options.Heading, fmt.Sprintf("%d pictures", len(pictures))), 0, 0, 1)
	size := func(p image.Image) (w, h float64) {
		s := p.Bounds().Size().Mul(options.Scale)
		return float64(s.X), float64(s.Y)
	}
	width, height := 0.0, 0.0 // of the largest picture
	for _, p := range pictures {
		w, h := size(p)
		width, height = max(width, w), max(height, h)
	}
	lines := make([][]string, len(pictures))
	tallest := 0 // title, in lines
	for i, title := range options.Titles {
		if title != "" {
			for s := range strings.SplitSeq(title, "\n") {
				lines[i] = append(lines[i], printable.Name(s))
			}
			tallest = max(tallest, len(lines[i]))
			width = max(width, min(math.Ceil(d.faces.longest(lines[i], titleSize)), maxTitleWide))
		}
	}
	above := 0.0 // of the picture, for the title
	if tallest > 0 {
		above = float64(tallest*titleLine + titleGap)
	}

	columns := min(options.Columns, len(pictures))
	rows := 0
	if columns > 0 {
		rows = (len(pictures) + columns - 1) / columns
	}
	heading, top := d.heading(options.Heading, padding, max(float64(columns)*(width+padding)-padding, gridPadding*20))
	d.width = max(float64(columns)*(width+padding)+padding, heading)
	d.height = float64(rows)*(above+height+padding) + padding + top
	for i, p := range pictures {
		x := padding + float64(i%columns)*(width+padding)
		y := top + padding + float64(i/columns)*(above+height+padding)
		w, h := size(p)
		d.picture(bitmap{x + math.Floor((width-w)/2), y + above, w, h, p})
		colour := ink
		if len(options.Marked) > 0 && options.Marked[i] {
			colour = vermillion
		}
		// The last line stands next to the picture, however many lines there are.
		y += float64((tallest-len(lines[i]))*titleLine) + titleRise
		for _, s := range lines[i] {
			d.text(x+width/2, y, d.faces.shorten(s, titleSize, width), titleSize, centre, colour, false)
			y += titleLine
		}
	}
	return d
}

// heading adds lines of text above a grid, broken between words so that they fit in limit
// pixels where words are not longer, and returns what width they take with the padding
// around them, and what height without the one under them.
func (d *Drawing) heading(s string, padding, limit float64) (width, height float64) {
	if s == "" {
		return 0, 0
	}
	var lines []string
	for _, word := range strings.Fields(printable.Message(s)) {
		last := len(lines) - 1
		if last >= 0 && d.faces.length(lines[last]+" "+word, titleSize) <= limit {
			lines[last] += " " + word
		} else {
			lines = append(lines, word)
		}
	}
	for i, line := range lines {
		d.text(padding, padding+float64(i*titleLine)+titleRise, line, titleSize, left, ink, false)
	}
	return math.Ceil(d.faces.longest(lines, titleSize)) + 2*padding, padding + float64(len(lines)*titleLine)
}

// Images returns the pictures of a batch (N, 1, H, W) or (N, 3, H, W), grey or red, green
// and blue, with values from 0 to 1 as transform.ToTensor makes them; what lies beyond is
// drawn as 0 or 1, and NaN as 0. Any other shape panics with a *tensor.ShapeError.
func Images(batch *tensor.Tensor) []image.Image {
	if batch.Dim() != 4 || batch.Size(1) != 1 && batch.Size(1) != 3 {
		shapes.Fail("report.Images", "(N, 1, H, W) or (N, 3, H, W) expected", batch)
	}
	channels, h, w := batch.Size(1), batch.Size(2), batch.Size(3)
	values := tensor.Values[float64](batch)
	out := make([]image.Image, batch.Size(0))
	for i := range out {
		p := image.NewRGBA(image.Rect(0, 0, w, h))
		for at := range h * w {
			var c [3]uint8
			for k := range c {
				v := values[(i*channels+k%channels)*h*w+at]
				if v > 0 { // not NaN
					c[k] = uint8(min(v, 1)*255 + 0.5)
				}
			}
			p.SetRGBA(at%w, at/w, color.RGBA{c[0], c[1], c[2], 255})
		}
		out[i] = p
	}
	return out
}
