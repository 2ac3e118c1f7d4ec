package cli

import (
	"context"
	"fmt"
	"image"
	"io"
	"text/tabwriter"

	"github.com/onehot-go/onehot/dataset"
	"github.com/onehot-go/onehot/internal/printable"
	"github.com/onehot-go/onehot/report"
)

type dataCommand struct {
	Data string `arg:"" optional:"" default:"fashion-mnist" enum:"${datasets}" help:"Data set: ${enum} (default ${default})."`
	dataFlags
	Show  string `help:"Draw training pictures of every class, with their names, to a PNG or SVG file." placeholder:"FILE"`
	Force bool   `help:"Replace the file of --show."`
}

func (c *dataCommand) Run(ctx context.Context, s streams) error {
	if err := checkDrawn("--show", c.Show, c.Force); err != nil {
		return err
	}
	training, test, err := c.open(ctx, c.Data, s.err)
	if err != nil {
		return err
	}
	if err := describeData(s.out, training, test); err != nil {
		return err
	}
	if c.Show == "" {
		return nil
	}
	if err := sampleGrid(training).Save(c.Show); err != nil {
		return err
	}
	fmt.Fprintf(s.err, "drawn to %s\n", c.Show)
	return nil
}

// describeData writes what the data set is.
func describeData(w io.Writer, training, test *dataset.Images) error {
	fmt.Fprintf(w, "%s: %d classes, pictures %dx%d of 8-bit grey, as tensors %v\n\n",
		training.Name, len(training.Classes()), training.Width, training.Height, training.Shape())
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	counts := [2][]int{perClass(training), perClass(test)}
	fmt.Fprintln(t, "label\tclass\ttrain\ttest\t")
	for i, name := range training.Classes() {
		fmt.Fprintf(t, "%d\t%s\t%d\t%d\t\n", i, name, counts[0][i], counts[1][i])
	}
	fmt.Fprintf(t, "\tall\t%d\t%d\t\n", training.Len(), test.Len())
	if err := t.Flush(); err != nil {
		return err
	}
	fmt.Fprintln(w, "\nfile and SHA-256 of its uncompressed bytes")
	for _, split := range []*dataset.Images{training, test} {
		for _, f := range split.Files {
			fmt.Fprintf(w, "%s  %s  (%s)\n", f.SHA256, f.Name, f.Path)
		}
	}
	return nil
}

func perClass(d *dataset.Images) []int {
	counts := make([]int, len(d.Classes()))
	for _, label := range d.Labels {
		counts[label]++
	}
	return counts
}

// sampleGrid draws the first pictures of every class, a row a class.
func sampleGrid(d *dataset.Images) *report.Drawing {
	const columns, scale = 10, 2
	rows := make([][]int, len(d.Classes()))
	for i, label := range d.Labels {
		if len(rows[label]) < columns {
			rows[label] = append(rows[label], i)
		}
	}
	var pictures []image.Image
	var titles []string
	for label, row := range rows {
		for _, i := range row {
			pictures = append(pictures, d.Image(i))
			titles = append(titles, printable.Name(d.Classes()[label]))
		}
	}
	return report.Grid(pictures, report.GridOptions{Titles: titles, Columns: columns, Scale: scale})
}
