package report

import (
	"fmt"
	"image"
	"math"
	"slices"
	"strings"

	"golang.org/x/image/draw"

	"github.com/onehot-go/onehot/internal/shapes"
	"github.com/onehot-go/onehot/nn"
	"github.com/onehot-go/onehot/tensor"
)

// sampleColumns is how many pictures of samples stand side by side.
const sampleColumns = 8

// Mistakes draws the first n of samples, such as p.Wrong() or p.LabelErrors(), under the
// heading: each with its true class and what it was predicted as, the probabilities
// of both, and its file if it has one. Titles of wrong predictions have another colour.
func Mistakes(p *Predictions, heading string, samples []int, n int) *Drawing {
	samples = samples[:min(n, len(samples))]
	o := GridOptions{Columns: sampleColumns, Heading: heading}
	var pictures []image.Image
	for _, i := range samples {
		label, predicted := p.Labels[i], p.Predicted(i)
		pictures = append(pictures, p.Image(i))
		title := fmt.Sprintf("%s (%.3f)\n→ %s (%.3f)", p.name(label), p.Probability(i, label), p.name(predicted), p.Confidence(i))
		if p.Names != nil {
			title = p.file(i) + "\n" + title
		}
		o.Titles = append(o.Titles, title)
		o.Marked = append(o.Marked, predicted != label)
	}
	o.Scale = scaleFor(pictures, 84)
	return Grid(pictures, o)
}

// scaleFor returns how many times a picture's pixels are drawn so that the largest side
// of all is about so many.
func scaleFor(pictures []image.Image, side int) int {
	most := 1
	for _, p := range pictures {
		most = max(most, p.Bounds().Dx(), p.Bounds().Dy())
	}
	return max(1, side/most)
}

// ConfusedPairs draws the first n of the pairs of classes that are most often confused, a
// row a pair, with the samples of the highest loss.
func ConfusedPairs(p *Predictions, n int) *Drawing {
	const side, gap, padding = 84.0, 8.0, 20.0
	pairs := p.Confused()
	pairs = pairs[:min(n, len(pairs))]
	d := newDrawing("The pairs of classes that are most often confused", 2*padding+sampleColumns*(side+gap)-gap, 0, 2)
	d.text(padding, 28, d.title, headSize, left, ink, false)
	y := 44.0
	for _, pair := range pairs {
		y += 16
		wide := d.width - 2*padding - 130
		name := func(c int) string { return d.faces.shorten(p.Classes[c], labelSize, wide/2) }
		d.text(padding, y, fmt.Sprintf("%s taken for %s: %s", name(pair.True), name(pair.Predicted), plural(len(pair.Samples), "sample")), labelSize, left, ink, false)
		y += 8
		for k, i := range pair.Samples[:min(sampleColumns, len(pair.Samples))] {
			picture := p.Image(i)
			size := picture.Bounds().Size()
			f := side / float64(max(size.X, size.Y))
			d.picture(bitmap{padding + float64(k)*(side+gap), y, f * float64(size.X), f * float64(size.Y), picture})
		}
		y += side + 10
	}
	if len(pairs) == 0 {
		d.text(padding, y+12, "None: every sample was predicted right.", labelSize, left, ink, false)
		y += 20
	}
	d.height = y + 10
	return d
}

// Weights draws each row of weight (N, C·H·W) as a picture of the pixels that it weighs,
// for samples of shape (C, H, W); channels are summed. White is 0, orange above it, blue
// below, grey NaN, on one scale for all rows. Names of the rows may be nil. Other shapes panic with
// a *tensor.ShapeError.
func Weights(weight *tensor.Tensor, shape []int, names []string) *Drawing {
	const op = "report.Weights"
	if len(shape) != 3 || weight.Dim() != 2 || weight.Size(1) != shape[0]*shape[1]*shape[2] {
		shapes.Fail(op, fmt.Sprintf("(N, C·H·W) for samples of shape %v expected", shape), weight)
	}
	n, values := weight.Size(0), tensor.Values[float64](weight.Reshape(weight.Size(0), shape[0], shape[1]*shape[2]).Sum(1))
	most := extreme(values)
	var pictures []image.Image
	for i := range n {
		size := shape[1] * shape[2]
		pictures = append(pictures, heat(values[i*size:][:size], shape[1], shape[2], most))
	}
	o := GridOptions{Columns: 5, Scale: scaleFor(pictures, 120), Titles: names,
		Heading: fmt.Sprintf("Weights by pixel: orange for the class, blue against it, white 0; the darkest are ±%.3g", most)}
	if names == nil {
		o.Columns, o.Scale = int(math.Ceil(math.Sqrt(float64(n)))), scaleFor(pictures, 56)
		o.Padding = new(4)
		o.Heading = fmt.Sprintf("Weights of %s by pixel: orange above 0, blue below, white 0; the darkest are ±%.3g", plural(n, "unit"), most)
	}
	o.Heading += greyMeans(values)
	return Grid(pictures, o)
}

// greyMeans says what grey is in a picture of numbers that has it.
func greyMeans(values []float64) string {
	if slices.ContainsFunc(values, math.IsNaN) {
		return "; grey is not a number (NaN)"
	}
	return ""
}

// extreme returns the greatest absolute value of those that are finite, 0 of none.
func extreme(values []float64) float64 {
	most := 0.0
	for _, v := range values {
		if finite(v) {
			most = max(most, math.Abs(v))
		}
	}
	return most
}

// heat returns numbers, h rows of w, as a picture in diverging colours; most has the
// darkest, infinity too, and NaN is grey.
func heat(values []float64, h, w int, most float64) image.Image {
	p := image.NewRGBA(image.Rect(0, 0, w, h))
	for i, v := range values {
		if most > 0 {
			v /= most
		}
		p.SetRGBA(i%w, i/w, heatColour(v))
	}
	return p
}

// FirstWeights returns the weights (N, inputs) of the first linear layer of net, or nil
// where it has none that sees the samples, of so many numbers, themselves.
func FirstWeights(net nn.Module, inputs int) *tensor.Tensor {
	for name, p := range net.Parameters() {
		if strings.HasSuffix(name, "weight") {
			if p.Dim() == 2 && p.Size(1) == inputs {
				return p.NoGrad()
			}
			return nil
		}
	}
	return nil
}

// rowNames returns the names of the rows of a net's first weights: the classes where these
// are its only ones, and nil where the rows are units of a hidden layer.
func rowNames(net nn.Module, classes []string) []string {
	layers := 0
	for name := range net.Parameters() {
		if strings.HasSuffix(name, "weight") {
			layers++
		}
	}
	if layers > 1 {
		return nil
	}
	return classes
}

// Evidence returns what each pixel of the sample x (C, H, W) said for a class, in the same
// shape: its value times the gradient of the class's logit for it. Of softmax regression
// that is weight times pixel, and their sum and the bias are the logit. Gradients of the
// net's parameters are added to, as Backward does. All layers compute as in evaluation.
func Evidence(net nn.Module, x *tensor.Tensor, class int) *tensor.Tensor {
	input := x.Clone().Unsqueeze(0).SetRequiresGrad(true)
	net.Forward(input.Evaluation()).Select(0, 0).Select(0, class).Backward()
	return input.Grad().Squeeze(0).Mul(x)
}

// Explanation draws a picture and, for each of some classes, which pixels spoke for it
// (orange) and against it (blue), NaN grey: evidence of shape (C, H, W), as Evidence has it, by
// class; channels are summed, and all are on one scale. It panics with a
// *tensor.ShapeError if there is not one title for each, or a shape is another.
func Explanation(picture image.Image, titles []string, evidence []*tensor.Tensor) *Drawing {
	const op, side = "report.Explanation", 196
	if len(titles) != len(evidence) {
		shapes.Fail(op, fmt.Sprintf("%d titles for %d classes", len(titles), len(evidence)), evidence...)
	}
	most := 0.0
	sums := make([][]float64, len(evidence))
	for k, e := range evidence {
		if e.Dim() != 3 {
			shapes.Fail(op, "(C, H, W) expected", e)
		}
		sums[k] = tensor.Values[float64](e.Sum(0))
		most = max(most, extreme(sums[k]))
	}
	pictures := []image.Image{fit(picture, side)}
	for k, e := range evidence {
		pictures = append(pictures, fit(heat(sums[k], e.Size(1), e.Size(2), most), side))
	}
	return Grid(pictures, GridOptions{Columns: len(pictures), Scale: 1, Titles: append([]string{"the picture"}, titles...),
		Heading: fmt.Sprintf("Pixels that spoke for a class (orange) and against it (blue); the darkest are ±%.3g of its logit", most) + greyMeans(slices.Concat(sums...))})
}

// fit returns a picture with the longer side of so many pixels, without blur.
func fit(picture image.Image, side int) image.Image {
	size := picture.Bounds().Size()
	longer := max(size.X, size.Y, 1)
	out := image.NewRGBA(image.Rect(0, 0, max(1, size.X*side/longer), max(1, size.Y*side/longer)))
	draw.NearestNeighbor.Scale(out, out.Rect, picture, picture.Bounds(), draw.Src, nil)
	return out
}
