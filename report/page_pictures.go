package report

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"html/template"
	"image"
	"image/jpeg"
	"image/png"
	"math"
	"strconv"
	"sync"

	"github.com/onehot-go/onehot/internal/printable"
	"github.com/onehot-go/onehot/tensor"
	"golang.org/x/image/draw"
)

// picture is an image on a page.
type picture struct {
	Source        template.HTMLAttr
	Width, Height int
	Alt           string
	Title         string
}

// newPicture returns the image as a PNG in the page itself.
func newPicture(i image.Image, alt, title string) (picture, error) {
	var b bytes.Buffer
	err := png.Encode(&b, i)
	size := i.Bounds().Size()
	return picture{source("image/png", b.Bytes()), size.X, size.Y, alt, title}, err
}

// source returns the attribute src of an image in the page itself: a whole one, since the
// template takes its time over megabytes of URL, in which there is nothing to escape.
func source(kind string, content []byte) template.HTMLAttr {
	return template.HTMLAttr(`src="data:` + kind + ";base64," + base64.StdEncoding.EncodeToString(content) + `"`)
}

// mistake is a sample that was named wrongly.
type mistake struct {
	picture
	Index           int
	File            string // or ""
	True, Predicted string
	Chance          string // the probability of the true class
	Confidence      string // that of the predicted one
}

func (p *Predictions) mistake(i int) (mistake, error) {
	label := p.Labels[i]
	m := mistake{Index: i, File: p.file(i), True: p.name(label), Predicted: p.name(p.Predicted(i)),
		Chance: chance(p.Probability(i, label)), Confidence: chance(p.Confidence(i))}
	var err error
	m.picture, err = newPicture(thumbnail(p.Image(i)), fmt.Sprintf("%s picture %d: %s (%s), said: %s (%s)", p.of(), i, m.True, m.Chance, m.Predicted, m.Confidence), "")
	return m, err
}

// suspect is a sample whose label is likely wrong, and where it lies.
type suspect struct {
	mistake
	Place string
}

// suspects returns the first samples whose labels are likely wrong, and how many there are. Without
// places there are none: nobody could open them and look.
func (p *Predictions) suspects() (shown []suspect, all int, err error) {
	if p.Place == nil {
		return nil, 0, nil
	}
	samples := p.LabelErrors()
	for _, i := range samples[:min(mistakes, len(samples))] {
		m, err := p.mistake(i)
		if err != nil {
			return nil, 0, err
		}
		shown = append(shown, suspect{m, printable.Name(p.Place(i))})
	}
	return shown, len(samples), nil
}

// thumbnailSide is the longest side of a picture of a sample that a page shows by itself.
const thumbnailSide = 112

// thumbnail returns i, made smaller if it is larger than a page shows it.
func thumbnail(i image.Image) image.Image {
	size := i.Bounds().Size()
	longest := max(size.X, size.Y)
	if longest <= thumbnailSide {
		return i
	}
	small := image.NewRGBA(image.Rect(0, 0, max(1, size.X*thumbnailSide/longest), max(1, size.Y*thumbnailSide/longest)))
	draw.BiLinear.Scale(small, small.Rect, i, i.Bounds(), draw.Src, nil)
	return small
}

// The bounds of what a page carries. Of 10,000 pictures of 28 × 28 it has all.
const (
	atlasPixels  = 8 << 20
	atlasSide    = 32 // of a picture; larger ones are made smaller
	atlasQuality = 45 // of 100, JPEG's: about 2 bits a pixel
	atlasStrips  = 8  // images that the pictures lie in, drawn at once
	maxWeights   = 64 // pictures of weights
)

// atlasData says what is where in the images that have the pictures of all samples, row by
// row in one below the other. The slices go by picture.
type atlasData struct {
	Classes    []string `json:"classes"`
	Width      int      `json:"width"` // of a picture
	Height     int      `json:"height"`
	Columns    int      `json:"columns"`
	Rows       int      `json:"rows"` // of each image but the last
	Index      []int    `json:"index"`
	Label      []int    `json:"label"`
	Predicted  []int    `json:"predicted"`
	Confidence []string `json:"confidence"` // in percent
	Of         string   `json:"of"`         // what the pictures are: "test"
	Files      []string `json:"files,omitempty"`
}

// wholePercent writes a probability in percent, without the sign.
func wholePercent(p float64) string { return strconv.FormatFloat(100*p, 'f', 0, 64) }

// atlas draws the samples' pictures, as many as there is room for: first those that are
// wrong, by falling loss.
func (p *Predictions) atlas(wrong []int) ([]template.HTMLAttr, *atlasData, error) {
	if p.Len() == 0 {
		return nil, nil, nil
	}
	size := p.Image(0).Bounds().Size()
	if longest := max(size.X, size.Y); longest > atlasSide {
		size = image.Pt(max(1, size.X*atlasSide/longest), max(1, size.Y*atlasSide/longest))
	}
	samples := p.shown(wrong)
	samples = samples[:min(len(samples), atlasPixels/(size.X*size.Y))]
	d := &atlasData{Of: p.of(), Width: size.X, Height: size.Y, Columns: int(math.Ceil(math.Sqrt(float64(len(samples))))), Index: samples}
	for c := range p.Classes {
		d.Classes = append(d.Classes, p.name(c))
	}
	rows := (len(samples) + d.Columns - 1) / d.Columns
	d.Rows = (rows + atlasStrips - 1) / atlasStrips
	for _, i := range samples {
		d.Label = append(d.Label, p.Labels[i])
		d.Predicted = append(d.Predicted, p.Predicted(i))
		d.Confidence = append(d.Confidence, wholePercent(p.Confidence(i)))
		if p.Names != nil {
			d.Files = append(d.Files, p.file(i))
		}
	}
	strips := make([]template.HTMLAttr, (rows+d.Rows-1)/d.Rows)
	errs := make([]error, len(strips))
	var wait sync.WaitGroup
	for s := range strips {
		wait.Go(func() {
			from := s * d.Rows * d.Columns
			strips[s], errs[s] = p.strip(samples[from:min(from+d.Rows*d.Columns, len(samples))], d.Columns, size)
		})
	}
	wait.Wait()
	return strips, d, errors.Join(errs...)
}

// strip draws some samples' pictures, each of the given size, in rows of so many.
func (p *Predictions) strip(samples []int, columns int, size image.Point) (template.HTMLAttr, error) {
	area := image.Rect(0, 0, columns*size.X, (len(samples)+columns-1)/columns*size.Y)
	var all draw.Image = image.NewGray(area)
	if _, grey := p.Image(0).(*image.Gray); !grey {
		all = image.NewRGBA(area)
	}
	for k, i := range samples {
		at := image.Pt(k%columns*size.X, k/columns*size.Y)
		place(all, image.Rectangle{at, at.Add(size)}, p.Image(i))
	}
	var b bytes.Buffer
	err := jpeg.Encode(&b, all, &jpeg.Options{Quality: atlasQuality})
	return source("image/jpeg", b.Bytes()), err
}

// place draws i into r, scaled to fit in.
func place(dst draw.Image, r image.Rectangle, i image.Image) {
	size := i.Bounds().Size()
	to, ok1 := dst.(*image.Gray)
	from, ok2 := i.(*image.Gray)
	if ok1 && ok2 && size == r.Size() { // draw has no quick way for grey
		for y := range size.Y {
			copy(to.Pix[to.PixOffset(r.Min.X, r.Min.Y+y):][:size.X], from.Pix[from.PixOffset(from.Rect.Min.X, from.Rect.Min.Y+y):])
		}
		return
	}
	scale := min(float64(r.Dx())/float64(size.X), float64(r.Dy())/float64(size.Y))
	fit := image.Pt(max(1, int(float64(size.X)*scale)), max(1, int(float64(size.Y)*scale)))
	r.Min = r.Min.Add(r.Size().Sub(fit).Div(2))
	r.Max = r.Min.Add(fit)
	draw.ApproxBiLinear.Scale(dst, r, i, i.Bounds(), draw.Src, nil)
}

// weights are the rows of the first layer, each as a picture of what it looks for.
type weights struct {
	About    string
	Units    bool    // whether rows are units of a hidden layer, not classes
	Limit    float64 // the greatest absolute value
	Grey     string  // what grey is, "" if there is none
	Pictures []picture
}

// weights returns those of a model whose first layer is linear, and nil of others.
// Channels are summed.
func (p *Page) weights() (*weights, error) {
	if p.Model == nil || len(p.Model.InputShape) != 3 {
		return nil, nil
	}
	shape := p.Model.InputShape
	height, width := shape[1], shape[2]
	all := FirstWeights(p.Model.Net, shape[0]*height*width)
	if all == nil {
		return nil, nil
	}
	units := all.Size(0)
	shown := min(units, maxWeights)
	w := &weights{About: "What speaks for each class, by pixel."}
	names := rowNames(p.Model.Net, p.Model.Classes)
	if shown < len(names) {
		w.About = fmt.Sprintf("What speaks for each of the first %d of %s classes, by pixel.", shown, comma(units))
	}
	if names == nil {
		w.Units = true
		w.About = fmt.Sprintf("What each unit of the first hidden layer looks for, by pixel: %d of %s.", shown, plural(units, "unit"))
		names = make([]string, units)
		for i := range names {
			names[i] = fmt.Sprintf("unit %d", i)
		}
	}
	values := tensor.Values[float64](all.Narrow(0, 0, shown).Reshape(shown, shape[0], height*width).Sum(1))
	w.Limit, w.Grey = extreme(values), greyMeans(values)
	for i := range shown {
		row := heat(values[i*height*width:][:height*width], height, width, w.Limit)
		name := printable.Name(names[i])
		one, err := newPicture(row, "weights of "+name, name)
		if err != nil {
			return nil, err
		}
		w.Pictures = append(w.Pictures, one)
	}
	return w, nil
}
