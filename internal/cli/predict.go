package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"image"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/onehot-go/onehot/internal/picture"
	"github.com/onehot-go/onehot/internal/printable"
	"github.com/onehot-go/onehot/model"
	"github.com/onehot-go/onehot/report"
	"github.com/onehot-go/onehot/tensor"
	"github.com/onehot-go/onehot/transform"
)

type predictCommand struct {
	Model  string   `arg:"" help:"A model's file, or a run's folder for the best model in it."`
	Files  []string `arg:"" name:"file" help:"Pictures of any size: PNG, JPEG, GIF, WebP, BMP or TIFF."`
	TopK   int      `default:"3" placeholder:"N" help:"Classes to name for each picture, the likeliest first (default 3)."`
	Invert bool     `help:"Invert the pictures: for dark drawings on a light ground, where the model knows light ones on a dark ground."`
	JSON   bool     `help:"Print one JSON object a picture."`

	Grid    string `help:"Draw the pictures as the model sees them, with what it says, to a PNG or SVG file." placeholder:"FILE"`
	Explain string `help:"Draw which pixels of the one picture spoke for and against its likeliest classes, to a PNG or SVG file." placeholder:"FILE"`
	Force   bool   `help:"Replace the files of --grid and --explain."`
}

// prediction is what predict says about one picture.
type prediction struct {
	File        string             `json:"file"`
	Steps       []string           `json:"steps"` // what was done to the picture
	Predictions []model.Prediction `json:"predictions"`

	sample *tensor.Tensor // (C, H, W), the picture as the net takes it
}

func (c *predictCommand) Run(ctx context.Context, s streams) error {
	if c.TopK < 1 {
		return usagef("--top-k %d: at least 1 expected", c.TopK)
	}
	for _, f := range [][2]string{{"--grid", c.Grid}, {"--explain", c.Explain}} {
		if err := checkDrawn(f[0], f[1], c.Force); err != nil {
			return err
		}
	}
	if c.Explain != "" && len(c.Files) != 1 {
		return usagef("--explain %s: one picture expected, found %d", c.Explain, len(c.Files))
	}
	m, err := loadModel(c.Model, s.err)
	if err != nil {
		return err
	}
	if c.Invert {
		m = inverting(m)
	}
	by, err := model.NewPredictor(m)
	if err != nil {
		return fmt.Errorf("%s: %w", c.Model, err)
	}
	failed := false
	var seen []image.Image
	var titles []string
	for _, file := range c.Files {
		if err := ctx.Err(); err != nil {
			return err
		}
		p, err := c.predict(ctx, by, m.Preprocess, file)
		if err != nil && ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil { // the other pictures are still worth naming
			say(s.err, err)
			failed = true
			continue
		}
		if c.JSON {
			err = json.NewEncoder(s.out).Encode(p)
		} else {
			err = p.write(s.out)
		}
		if err != nil {
			return err
		}
		seen = append(seen, report.Images(p.sample.Unsqueeze(0))[0])
		titles = append(titles, fmt.Sprintf("%s\n%s (%.3f)", printable.Name(filepath.Base(file)), printable.Name(p.Predictions[0].Class), p.Predictions[0].Probability))
		if c.Explain != "" {
			if err := explain(m, p).Save(c.Explain); err != nil {
				return err
			}
			fmt.Fprintf(s.err, "drawn to %s\n", c.Explain)
		}
	}
	if c.Grid != "" && len(seen) > 0 {
		if err := drawPredictions(seen, titles).Save(c.Grid); err != nil {
			return err
		}
		fmt.Fprintf(s.err, "drawn to %s\n", c.Grid)
	}
	if failed {
		return errReported
	}
	return nil
}

// drawPredictions draws pictures with what a model says of them.
func drawPredictions(pictures []image.Image, titles []string) *report.Drawing {
	side := 1
	for _, p := range pictures {
		side = max(side, p.Bounds().Dx(), p.Bounds().Dy())
	}
	return report.Grid(pictures, report.GridOptions{Titles: titles, Columns: 8, Scale: max(1, 112/side)})
}

// explain draws which pixels spoke for and against the classes that p names.
func explain(m *model.Model, p prediction) *report.Drawing {
	var titles []string
	var evidence []*tensor.Tensor
	for _, c := range p.Predictions {
		titles = append(titles, fmt.Sprintf("%s (%.3f)", printable.Name(c.Class), c.Probability))
		evidence = append(evidence, report.Evidence(m.Net, p.sample, c.Index))
	}
	return report.Explanation(report.Images(p.sample.Unsqueeze(0))[0], titles, evidence)
}

// checkDrawn returns what keeps a picture from being drawn to path, the value of a flag;
// nothing does where it is not given.
func checkDrawn(flag, path string, force bool) error {
	if path == "" {
		return nil
	}
	if err := report.CheckPicture(path); err != nil {
		return usagef("%s %w", flag, err)
	}
	if _, err := os.Stat(path); err == nil && !force {
		return usagef("%s %s exists: --force replaces it", flag, path)
	}
	if info, err := os.Stat(filepath.Dir(path)); err != nil || !info.IsDir() {
		return usagef("%s %s: there is no folder %s", flag, path, filepath.Dir(path))
	}
	return nil
}

// predict names what is in one file.
func (c *predictCommand) predict(ctx context.Context, by *model.Predictor, steps transform.Compose, file string) (prediction, error) {
	img, info, err := picture.Open(ctx, file, picture.Limits{})
	if err != nil {
		return prediction{}, err
	}
	p := prediction{File: file, Steps: []string{}}
	if info.Animated {
		p.Steps = append(p.Steps, "first of several pictures")
	}
	if info.Orientation > 1 {
		p.Steps = append(p.Steps, "turned upright")
	}
	p.Steps = append(p.Steps, describe(steps, img)...)
	if p.sample, err = by.Prepare(img); err != nil {
		return prediction{}, fmt.Errorf("%s: %w", file, err)
	}
	if p.Predictions, err = by.ClassifyPrepared(p.sample, c.TopK); err != nil {
		return prediction{}, fmt.Errorf("%s: %w", file, err)
	}
	return p, nil
}

// inverting returns m with a step that inverts pictures, the last before they become numbers.
func inverting(m *model.Model) *model.Model {
	inverted := *m
	at := max(slices.IndexFunc(m.Preprocess, func(t transform.Transform) bool {
		_, ok := t.(transform.ToTensor)
		return ok
	}), 0)
	inverted.Preprocess = slices.Insert(slices.Clone(m.Preprocess), at, transform.Transform(transform.Invert{}))
	return &inverted
}

// write writes the prediction as text.
func (p prediction) write(w io.Writer) error {
	steps := "as it is"
	if len(p.Steps) > 0 {
		steps = strings.Join(p.Steps, ", ")
	}
	fmt.Fprintf(w, "%s (%s)\n", printable.Name(p.File), steps)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, c := range p.Predictions {
		fmt.Fprintf(t, "  %s\t%.4f\n", printable.Name(c.Class), c.Probability)
	}
	return t.Flush()
}

// describe says what the steps do to a picture, or nothing if they leave it as it is.
func describe(steps transform.Compose, img image.Image) (said []string) {
	form := transform.Form{Shape: []int{3, img.Bounds().Dy(), img.Bounds().Dx()}}
	switch img.(type) {
	case *image.Gray, *image.Gray16:
		form.Shape[0] = 1
	}
	for _, step := range steps {
		next, err := transform.Compose{step}.Form(form)
		if err != nil {
			return said // Prepare will say it
		}
		switch step.(type) {
		case transform.Grayscale:
			if o, ok := img.(interface{ Opaque() bool }); ok && !o.Opaque() {
				said = append(said, "laid on white")
			}
			if form.Shape[0] != 1 {
				said = append(said, "made grey")
			}
		case transform.Invert:
			said = append(said, "inverted")
		case transform.Resize, transform.ResizeEdge:
			if !slices.Equal(form.Shape, next.Shape) {
				said = append(said, fmt.Sprintf("scaled from %dx%d to %dx%d", form.Shape[2], form.Shape[1], next.Shape[2], next.Shape[1]))
			}
		case transform.CenterCrop:
			if !slices.Equal(form.Shape, next.Shape) {
				said = append(said, fmt.Sprintf("cut to %dx%d", next.Shape[2], next.Shape[1]))
			}
		}
		form = next
	}
	return said
}
