package report

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"fmt"
	"html"
	"image"
	"image/color"
	"image/png"
	"io"
	"math"
	"path/filepath"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/image/draw"
	"golang.org/x/image/font"
	"golang.org/x/image/font/gofont/goregular"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/math/fixed"
	"golang.org/x/image/vector"

	"github.com/onehot-go/onehot/internal/atomicfile"
	"github.com/onehot-go/onehot/internal/printable"
)

// Drawing is something to look at: shapes, text and pictures, on white. The functions of
// this package that draw return one; it is kept as PNG or as SVG. The same data give the
// same bytes. It may be used from several goroutines at once.
type Drawing struct {
	title         string  // what it shows, for those who cannot see it
	width, height float64 // in units: pixels of a screen
	density       int     // pixels of a PNG by unit
	marks         []mark
	faces         faces // for measuring, while it is made
}

// mark is one thing drawn, in units from the upper left corner.
type mark interface {
	paint(c *canvas)
	writeSVG(w *bufio.Writer)
}

func newDrawing(title string, width, height float64, density int) *Drawing {
	return &Drawing{title: printable.Message(title), width: width, height: height, density: density, faces: newFaces(density)}
}

func (d *Drawing) add(m mark) { d.marks = append(d.marks, m) }

// Image returns the drawing as pixels. Charts have two for each unit of their SVG's
// size, so that they are sharp on dense screens and in print; grids have one.
func (d *Drawing) Image() *image.RGBA {
	pixels := func(v float64) int { return int(math.Ceil(v * float64(d.density))) }
	c := &canvas{image.NewRGBA(image.Rect(0, 0, pixels(d.width), pixels(d.height))), float64(d.density), newFaces(d.density)}
	draw.Draw(c.out, c.out.Bounds(), image.White, image.Point{}, draw.Src)
	for _, m := range d.marks {
		m.paint(c)
	}
	return c.out
}

// WriteSVG writes the drawing as an SVG document that refers to no other file. Text is
// text, in the Go font where the reader has it.
func (d *Drawing) WriteSVG(out io.Writer) error {
	w := bufio.NewWriter(out) // it keeps the first error for the end
	fmt.Fprintf(w, `<svg xmlns="http://www.w3.org/2000/svg" role="img" width="%s" height="%s" viewBox="0 0 %[1]s %[2]s" font-family="Go, Arial, 'Liberation Sans', sans-serif">`+"\n",
		number(d.width), number(d.height))
	fmt.Fprintf(w, "<title>%s</title>\n", html.EscapeString(d.title))
	fmt.Fprint(w, `<rect width="100%" height="100%" fill="#ffffff"/>`+"\n")
	for _, m := range d.marks {
		m.writeSVG(w)
	}
	fmt.Fprintln(w, "</svg>")
	return w.Flush()
}

// Save writes the drawing to the file at path, whole or not at all: as PNG or SVG, as
// the name ends. Any other ending is an error that names it, and nothing is written.
func (d *Drawing) Save(path string) error {
	if err := CheckPicture(path); err != nil {
		return err
	}
	return atomicfile.Write(path, func(w io.Writer) error {
		if strings.EqualFold(filepath.Ext(path), ".svg") {
			return d.WriteSVG(w)
		}
		return png.Encode(w, d.Image())
	})
}

// CheckPicture returns the error that Save would return for a path by its ending alone.
func CheckPicture(path string) error {
	if e := strings.ToLower(filepath.Ext(path)); e != ".png" && e != ".svg" {
		return fmt.Errorf("%s: found the ending %q, .png or .svg expected", path, filepath.Ext(path))
	}
	return nil
}

// canvas is a drawing in the making as pixels.
type canvas struct {
	out     *image.RGBA
	density float64 // pixels by unit
	faces   faces
}

// point is a place in a drawing.
type point struct{ x, y float64 }

// number writes a length to a hundredth of a unit.
func number(v float64) string {
	s := strconv.FormatFloat(v, 'f', 2, 64)
	s = strings.TrimRight(strings.TrimRight(s, "0"), ".")
	if s == "-0" {
		return "0"
	}
	return s
}

// hex writes an opaque colour as SVG has it.
func hex(c color.RGBA) string { return fmt.Sprintf("#%02x%02x%02x", c.R, c.G, c.B) }

// box is a filled rectangle. Its sides are on whole pixels.
type box struct {
	x, y, w, h float64
	fill       color.RGBA
}

func (b box) paint(c *canvas) {
	at := func(v float64) int { return int(math.Round(v * c.density)) }
	draw.Draw(c.out, image.Rect(at(b.x), at(b.y), at(b.x+b.w), at(b.y+b.h)), image.NewUniform(b.fill), image.Point{}, draw.Src)
}

func (b box) writeSVG(w *bufio.Writer) {
	fmt.Fprintf(w, `<rect x="%s" y="%s" width="%s" height="%s" fill="%s"/>`+"\n", number(b.x), number(b.y), number(b.w), number(b.h), hex(b.fill))
}

// line is a line through points.
type line struct {
	points []point
	width  float64
	colour color.RGBA
	dash   float64 // the length of its dashes and of the gaps between them; 0 for none
}

func (l line) paint(c *canvas) {
	var shape [][]point
	for _, part := range dashes(l.points, l.dash) {
		for i, p := range part {
			shape = append(shape, disc(p, l.width/2))
			if i == 0 {
				continue
			}
			q := part[i-1]
			length := math.Hypot(p.x-q.x, p.y-q.y)
			if length == 0 {
				continue
			}
			// The disc's way round, so that what overlaps is filled once.
			dx, dy := -(p.y-q.y)/length*l.width/2, (p.x-q.x)/length*l.width/2
			shape = append(shape, []point{{q.x + dx, q.y + dy}, {q.x - dx, q.y - dy}, {p.x - dx, p.y - dy}, {p.x + dx, p.y + dy}})
		}
	}
	c.fill(shape, l.colour)
}

func (l line) writeSVG(w *bufio.Writer) {
	fmt.Fprint(w, `<polyline points="`)
	for i, p := range l.points {
		if i > 0 {
			w.WriteByte(' ')
		}
		fmt.Fprintf(w, "%s,%s", number(p.x), number(p.y))
	}
	fmt.Fprintf(w, `" fill="none" stroke="%s" stroke-width="%s" stroke-linecap="round" stroke-linejoin="round"`, hex(l.colour), number(l.width))
	if l.dash > 0 {
		fmt.Fprintf(w, ` stroke-dasharray="%s"`, number(l.dash))
	}
	fmt.Fprint(w, "/>\n")
}

// dashes cuts a line into the parts of it that are drawn.
func dashes(points []point, length float64) [][]point {
	if length == 0 || len(points) == 0 {
		return [][]point{points}
	}
	var parts [][]point
	part, on, left := []point{points[0]}, true, length
	for i := 1; i < len(points); i++ {
		q, p := points[i-1], points[i]
		rest := math.Hypot(p.x-q.x, p.y-q.y)
		for rest > left {
			f := left / rest
			q = point{q.x + f*(p.x-q.x), q.y + f*(p.y-q.y)}
			rest -= left
			if on {
				parts = append(parts, append(part, q))
			}
			part, on, left = []point{q}, !on, length
		}
		left -= rest
		part = append(part, p)
	}
	if on {
		parts = append(parts, part)
	}
	return parts
}

// ring is a circle with a white middle.
type ring struct {
	at        point
	r, stroke float64
	colour    color.RGBA
}

func (r ring) paint(c *canvas) {
	c.fill([][]point{disc(r.at, r.r+r.stroke/2)}, r.colour)
	c.fill([][]point{disc(r.at, r.r-r.stroke/2)}, white)
}

func (r ring) writeSVG(w *bufio.Writer) {
	fmt.Fprintf(w, `<circle cx="%s" cy="%s" r="%s" fill="#ffffff" stroke="%s" stroke-width="%s"/>`+"\n",
		number(r.at.x), number(r.at.y), number(r.r), hex(r.colour), number(r.stroke))
}

// disc returns a circle as a polygon.
func disc(at point, r float64) []point {
	const corners = 24
	out := make([]point, corners)
	for i := range out {
		sin, cos := math.Sincos(2 * math.Pi * float64(i) / corners)
		out[i] = point{at.x + r*cos, at.y + r*sin}
	}
	return out
}

// fill fills polygons that go the same way round, as one shape.
func (c *canvas) fill(polygons [][]point, colour color.RGBA) {
	low, high := point{math.Inf(1), math.Inf(1)}, point{math.Inf(-1), math.Inf(-1)}
	for _, polygon := range polygons {
		for _, p := range polygon {
			low = point{min(low.x, p.x), min(low.y, p.y)}
			high = point{max(high.x, p.x), max(high.y, p.y)}
		}
	}
	bounds := image.Rect(int(math.Floor(low.x*c.density)), int(math.Floor(low.y*c.density)),
		int(math.Ceil(high.x*c.density)), int(math.Ceil(high.y*c.density))).Intersect(c.out.Bounds())
	if bounds.Empty() {
		return
	}
	r := vector.NewRasterizer(bounds.Dx(), bounds.Dy())
	for _, polygon := range polygons {
		for i, p := range polygon {
			x, y := float32(p.x*c.density-float64(bounds.Min.X)), float32(p.y*c.density-float64(bounds.Min.Y))
			if i == 0 {
				r.MoveTo(x, y)
			} else {
				r.LineTo(x, y)
			}
		}
		r.ClosePath()
	}
	r.Draw(c.out, bounds, image.NewUniform(colour), image.Point{})
}

// bitmap is a picture whose pixels are drawn as rectangles, without blur.
type bitmap struct {
	x, y, w, h float64
	picture    image.Image
}

func (b bitmap) paint(c *canvas) {
	at := func(v float64) int { return int(math.Round(v * c.density)) }
	draw.NearestNeighbor.Scale(c.out, image.Rect(at(b.x), at(b.y), at(b.x+b.w), at(b.y+b.h)), b.picture, b.picture.Bounds(), draw.Over, nil)
}

func (b bitmap) writeSVG(w *bufio.Writer) {
	var file bytes.Buffer
	png.Encode(&file, b.picture) // a picture that can be drawn can be encoded, and a buffer takes all
	fmt.Fprintf(w, `<image x="%s" y="%s" width="%s" height="%s" preserveAspectRatio="none" style="image-rendering:pixelated" href="data:image/png;base64,%s"/>`+"\n",
		number(b.x), number(b.y), number(b.w), number(b.h), base64.StdEncoding.EncodeToString(file.Bytes()))
}

// picture adds a picture, with a frame round one that the white ground would run into.
func (d *Drawing) picture(b bitmap) {
	if light(b.picture) {
		d.add(box{b.x - 1, b.y - 1, b.w + 2, b.h + 2, frame})
		d.add(box{b.x, b.y, b.w, b.h, white})
	}
	d.add(b)
}

// light reports whether an eighth of a picture's edge, or more, can hardly be told from white.
func light(picture image.Image) bool {
	r := picture.Bounds()
	all, light := 0, 0
	count := func(x, y int) {
		r, g, b, a := picture.At(x, y).RGBA()
		all++
		const most = 0xffff
		if min(r, g, b)+most-a > most-most/16 { // what is not opaque lies on white
			light++
		}
	}
	for x := r.Min.X; x < r.Max.X; x++ {
		count(x, r.Min.Y)
		count(x, r.Max.Y-1)
	}
	for y := r.Min.Y; y < r.Max.Y; y++ {
		count(r.Min.X, y)
		count(r.Max.X-1, y)
	}
	return !r.Empty() && 8*light >= all
}

// Where text stands beside its place.
const (
	left   = "start"
	centre = "middle"
	right  = "end"
)

// text is one line of text.
type text struct {
	at     point // on the base line, by anchor at its beginning, middle or end
	text   string
	size   float64
	anchor string
	colour color.RGBA
	up     bool    // it goes upwards, turned by a quarter
	length float64 // what it takes of the line
}

// text adds a line of text, with escapes for what cannot be printed, and so may not be in an
// SVG.
func (d *Drawing) text(x, y float64, s string, size float64, anchor string, colour color.RGBA, up bool) {
	if s = printable.Message(s); s != "" {
		d.add(text{point{x, y}, s, size, anchor, colour, up, d.faces.length(s, size)})
	}
}

func (t text) paint(c *canvas) {
	face := c.faces.face(t.size)
	long, before := t.length*c.density, 0.0
	switch t.anchor {
	case centre:
		before = long / 2
	case right:
		before = long
	}
	x, y := t.at.x*c.density, t.at.y*c.density
	if !t.up {
		pen := font.Drawer{Dst: c.out, Src: image.NewUniform(t.colour), Face: face,
			Dot: fixed.P(int(math.Round(x-before)), int(math.Round(y)))}
		pen.DrawString(t.text)
		return
	}
	// It is drawn from left to right and turned.
	m := face.Metrics()
	mask := image.NewAlpha(image.Rect(0, 0, int(math.Ceil(long))+2, (m.Ascent + m.Descent).Ceil()))
	pen := font.Drawer{Dst: mask, Src: image.Opaque, Face: face, Dot: fixed.P(1, m.Ascent.Ceil())}
	pen.DrawString(t.text)
	turned := image.NewAlpha(image.Rect(0, 0, mask.Rect.Dy(), mask.Rect.Dx()))
	for v := range mask.Rect.Dy() {
		for u := range mask.Rect.Dx() {
			turned.SetAlpha(v, mask.Rect.Dx()-1-u, mask.AlphaAt(u, v))
		}
	}
	corner := image.Pt(int(math.Round(x))-m.Ascent.Ceil(), int(math.Round(y+before))-turned.Rect.Dy()+1)
	draw.DrawMask(c.out, turned.Rect.Add(corner), image.NewUniform(t.colour), image.Point{}, turned, image.Point{}, draw.Over)
}

func (t text) writeSVG(w *bufio.Writer) {
	fmt.Fprintf(w, `<text x="%s" y="%s" font-size="%s" fill="%s"`, number(t.at.x), number(t.at.y), number(t.size), hex(t.colour))
	if t.anchor != left {
		fmt.Fprintf(w, ` text-anchor="%s"`, t.anchor)
	}
	if t.up {
		fmt.Fprintf(w, ` transform="rotate(-90 %s %s)"`, number(t.at.x), number(t.at.y))
	}
	// The length holds text to its place whatever font the reader has.
	fmt.Fprintf(w, ` textLength="%s" lengthAdjust="spacingAndGlyphs">%s</text>`+"\n", number(t.length), html.EscapeString(t.text))
}

// faces has the Go font in sizes. It serves one goroutine at a time.
type faces struct {
	density int
	bySize  map[float64]font.Face
}

func newFaces(density int) faces { return faces{density, map[float64]font.Face{}} }

// face returns the font in a size in units.
func (f faces) face(size float64) font.Face {
	face, ok := f.bySize[size]
	if !ok {
		// Hinting makes small text sharp, and uneven where there are pixels enough.
		hinting := font.HintingFull
		if f.density > 1 {
			hinting = font.HintingNone
		}
		var err error
		face, err = opentype.NewFace(regular(), &opentype.FaceOptions{Size: size * float64(f.density), DPI: 72, Hinting: hinting})
		if err != nil {
			panic(err)
		}
		f.bySize[size] = face
	}
	return face
}

// length returns how long a line of text is, in units.
func (f faces) length(s string, size float64) float64 {
	return float64(font.MeasureString(f.face(size), s)) / 64 / float64(f.density)
}

// shorten returns s, or as much of it as fits in width units with "…" after it; in quotes
// if it cannot be printed as it is.
func (f faces) shorten(s string, size, width float64) string {
	s = printable.Name(s)
	if f.length(s, size) <= width {
		return s
	}
	runes := []rune(s)
	for n := len(runes) - 1; n > 0; n-- {
		short := strings.TrimRight(string(runes[:n]), " ") + "…"
		if f.length(short, size) <= width {
			return short
		}
	}
	return "…"
}

// longest returns the length of the longest of some lines of text.
func (f faces) longest(lines []string, size float64) float64 {
	most := 0.0
	for _, s := range lines {
		most = max(most, f.length(s, size))
	}
	return most
}

// regular is the Go font. It parses: it comes with the package.
var regular = sync.OnceValue(func() *opentype.Font {
	f, err := opentype.Parse(goregular.TTF)
	if err != nil {
		panic(err)
	}
	return f
})

// Colours that readers with any colour vision tell apart (Okabe and Ito, "Color Universal
// Design", 2008), and greys.
var (
	white      = color.RGBA{255, 255, 255, 255}
	ink        = color.RGBA{0x22, 0x22, 0x22, 255}
	faint      = color.RGBA{0x66, 0x66, 0x66, 255}
	rule       = color.RGBA{0xe2, 0xe2, 0xe2, 255}
	frame      = color.RGBA{0xb4, 0xb4, 0xb4, 255}
	unknown    = color.RGBA{0x8c, 0x8c, 0x8c, 255} // of NaN
	blue       = color.RGBA{0x00, 0x72, 0xb2, 255}
	vermillion = color.RGBA{0xd5, 0x5e, 0x00, 255}
	palette    = []color.RGBA{blue, vermillion, {0x00, 0x9e, 0x73, 255}, {0xcc, 0x79, 0xa7, 255}, {0xe6, 0x9f, 0x00, 255}, {0x56, 0xb4, 0xe9, 255}, ink}
)

// mix returns the colour at t, from 0 to 1, on the way through stops at equal distances.
func mix(t float64, stops ...color.RGBA) color.RGBA {
	at := min(max(t, 0), 1) * float64(len(stops)-1)
	i := min(int(at), len(stops)-2)
	f := at - float64(i)
	blend := func(a, b uint8) uint8 { return uint8(math.Round(float64(a) + f*(float64(b)-float64(a)))) }
	a, b := stops[i], stops[i+1]
	return color.RGBA{blend(a.R, b.R), blend(a.G, b.G), blend(a.B, b.B), 255}
}

// sequential returns the colour of a share, from white at 0 to dark blue at 1.
func sequential(t float64) color.RGBA {
	return mix(t, white, color.RGBA{0x7f, 0xb5, 0xd9, 255}, color.RGBA{0x08, 0x3d, 0x77, 255})
}

// heatColour returns the colour of a number from -1, dark blue, by 0, which is white, to 1,
// dark orange; grey for NaN.
func heatColour(v float64) color.RGBA {
	if math.IsNaN(v) {
		return unknown
	}
	return mix((v+1)/2, color.RGBA{0x08, 0x3d, 0x77, 255}, color.RGBA{0x5f, 0xa5, 0xd2, 255}, white,
		color.RGBA{0xf7, 0x9d, 0x4d, 255}, color.RGBA{0x9c, 0x34, 0x00, 255})
}
