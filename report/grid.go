// Package report turns data and results into something to look at.
package report

import (
	"fmt"
	"image"
	"strings"
	"sync"

	"github.com/onehot-go/onehot/tensor"
	"golang.org/x/image/draw"
	"golang.org/x/image/font"
	"golang.org/x/image/font/gofont/goregular"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/math/fixed"
)

// The measures of a grid in pixels.
const (
	gridPadding  = 12  // around and between cells
	titleGap     = 4   // between a title and its picture
	titleSize    = 13  // the font's
	maxTitleWide = 160 // a cell is not widened beyond this for its title
)

// Grid draws pictures in rows of the given number of columns, on white, each with its
// title centred above it. A title may have several lines, separated by "\n"; titles may
// be nil, or "" for a picture without one. Every pixel of a picture becomes a square of
// scale × scale pixels, so that small pictures can be seen as they are. Pictures may
// differ in size: all cells are as large as the largest. Cells are widened for long
// titles up to a limit; what is longer still ends in "…".
//
// It panics with a *tensor.ShapeError if columns or scale is less than 1, or the number
// of titles is neither 0 nor that of pictures.
func Grid(pictures []image.Image, titles []string, columns, scale int) image.Image {
	const op = "report.Grid"
	if columns < 1 {
		tensor.Fail(op, fmt.Sprintf("%d columns, at least 1 expected", columns))
	}
	if scale < 1 {
		tensor.Fail(op, fmt.Sprintf("scale %d, at least 1 expected", scale))
	}
	if len(titles) != 0 && len(titles) != len(pictures) {
		tensor.Fail(op, fmt.Sprintf("%d titles for %d pictures", len(titles), len(pictures)))
	}

	var picture image.Point // the largest width and height
	for _, p := range pictures {
		size := p.Bounds().Size().Mul(scale)
		picture.X, picture.Y = max(picture.X, size.X), max(picture.Y, size.Y)
	}
	face := newFace()
	width, lines := picture.X, make([][]string, len(pictures))
	height := 0 // of the tallest title, in lines
	for i, title := range titles {
		if title == "" {
			continue
		}
		lines[i] = strings.Split(title, "\n")
		height = max(height, len(lines[i]))
		for _, line := range lines[i] {
			width = max(width, min(font.MeasureString(face, line).Ceil(), maxTitleWide))
		}
	}
	lineHeight := face.Metrics().Height.Ceil()
	above := 0 // of the picture, for the title
	if height > 0 {
		above = height*lineHeight + titleGap
	}

	columns = min(columns, len(pictures))
	rows := 0
	if columns > 0 {
		rows = (len(pictures) + columns - 1) / columns
	}
	cell := image.Pt(width+gridPadding, above+picture.Y+gridPadding)
	out := image.NewRGBA(image.Rect(0, 0, columns*cell.X+gridPadding, rows*cell.Y+gridPadding))
	draw.Draw(out, out.Bounds(), image.White, image.Point{}, draw.Src)
	text := font.Drawer{Dst: out, Src: image.Black, Face: face}
	for i, p := range pictures {
		at := image.Pt(gridPadding+i%columns*cell.X, gridPadding+i/columns*cell.Y)
		size := p.Bounds().Size().Mul(scale)
		corner := at.Add(image.Pt((width-size.X)/2, above))
		draw.NearestNeighbor.Scale(out, image.Rectangle{corner, corner.Add(size)}, p, p.Bounds(), draw.Over, nil)
		// The last line stands next to the picture, however many lines there are.
		baseline := at.Y + above - titleGap - len(lines[i])*lineHeight + face.Metrics().Ascent.Ceil()
		for _, line := range lines[i] {
			line = shorten(face, line, width)
			left := at.X + (width-font.MeasureString(face, line).Ceil())/2
			text.Dot = fixed.P(left, baseline)
			text.DrawString(line)
			baseline += lineHeight
		}
	}
	return out
}

// shorten returns line, or as much of it as fits in width pixels with "…" after it.
func shorten(face font.Face, line string, width int) string {
	if font.MeasureString(face, line).Ceil() <= width {
		return line
	}
	runes := []rune(line)
	for n := len(runes) - 1; n > 0; n-- {
		s := strings.TrimRight(string(runes[:n]), " ") + "…"
		if font.MeasureString(face, s).Ceil() <= width {
			return s
		}
	}
	return "…"
}

// regular is the Go font. It parses: it comes with the package.
var regular = sync.OnceValue(func() *opentype.Font {
	f, err := opentype.Parse(goregular.TTF)
	if err != nil {
		panic(err)
	}
	return f
})

// newFace returns the font for titles. A face serves one goroutine at a time.
func newFace() font.Face {
	face, err := opentype.NewFace(regular(), &opentype.FaceOptions{Size: titleSize, DPI: 72, Hinting: font.HintingFull})
	if err != nil {
		panic(err)
	}
	return face
}
