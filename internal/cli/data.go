package cli

import (
	"cmp"
	"context"
	"fmt"
	"image"
	"io"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/onehot-go/onehot/dataset"
	"github.com/onehot-go/onehot/dataset/files"
	"github.com/onehot-go/onehot/internal/printable"
	"github.com/onehot-go/onehot/report"
)

type dataCommand struct {
	Data string `arg:"" optional:"" default:"fashion-mnist" help:"A data set, ${datasets} (default ${default}), or the path of your own pictures, as train takes it."`
	sourceFlags
	listFlags
	tableFlags
	Columns  []string `placeholder:"NAME=KIND" group:"Tables" help:"Of what kind a table's columns are, where that is found otherwise: numeric, category, date, boolean or ignored."`
	Check    bool     `help:"Look for what is wrong with pictures of your own: broken files, copies within and across parts and classes, pictures that look alike, classes with few, and more. Nothing of yours is changed. The exit status is 1 if files are broken, in several parts or in several classes."`
	JSON     bool     `help:"Check, and print what is found as one JSON object; of a table, print what it has."`
	CopyGood string   `help:"Check, and copy the good files, which are not broken, in several parts or in several classes, to a new folder, with the folders that they are in." placeholder:"DIR"`
	Show     string   `help:"Draw training pictures of every class, with their names, to a PNG or SVG file; or, to an HTML file, what the check finds, with the pictures." placeholder:"FILE"`
	Force    bool     `help:"Replace the file of --show."`
}

func (c *dataCommand) Run(ctx context.Context, s streams) error {
	own := settings{Data: c.Data, AllowEmpty: true}
	switch {
	case own.isPath():
		c.read(&own)
		own.Delimiter, own.Encoding, own.NoHeader, own.NA, own.Columns = c.Delimiter, c.Encoding, c.NoHeader, c.NA, c.Columns
	case c.checks():
		return usagef("data %s: the path of pictures of your own expected to be checked", c.Data)
	case c.listFlags != listFlags{}:
		return usagef("data %s: --path-column, --label-column, --label-separator, --split-column and --nested are for pictures of your own", c.Data)
	}
	if c.showsPage() {
		if err := checkWritten("--show", c.Show, c.Force); err != nil {
			return err
		}
	} else if err := checkDrawn("--show", c.Show, c.Force); err != nil {
		return err
	}
	switch {
	case own.isTable() || own.looksLikeTable():
		if c.Check || c.CopyGood != "" || c.Show != "" {
			return usagef("--check, --copy-good and --show are for pictures: %s is a table", c.Data)
		}
		return c.describeTable(ctx, &own, s)
	case c.checks():
		return c.check(ctx, &own, s)
	case own.isPath():
		return c.describeOwn(ctx, &own, s)
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
	return c.show(training, func(i int) []int { return training.Labels[i : i+1] }, s.err)
}

// checks reports whether pictures are checked, and not only described.
func (c *dataCommand) checks() bool {
	return c.Check || c.JSON || c.CopyGood != "" || c.showsPage()
}

// showsPage reports whether --show is for what the check finds.
func (c *dataCommand) showsPage() bool { return strings.EqualFold(filepath.Ext(c.Show), ".html") }

// show draws pictures of every class, of which the i-th has those that labels returns, to the file of --show.
func (c *dataCommand) show(d *dataset.Images, labels func(i int) []int, remarks io.Writer) error {
	if err := sampleGrid(d, labels).Save(c.Show); err != nil {
		return err
	}
	fmt.Fprintf(remarks, "drawn to %s\n", printable.Name(c.Show))
	return nil
}

// describeOwn writes what there is at a path of the user's.
func (c *dataCommand) describeOwn(ctx context.Context, own *settings, s streams) error {
	p, err := own.listPictures(ctx)
	if err != nil {
		return err
	}
	if err := p.describe(s.out); err != nil || c.Show == "" {
		return err
	}
	o, err := c.ownPixels(ctx, own, p, s.err)
	if err != nil {
		return err
	}
	defer o.Set.Close()
	o.sayBad(s.err)
	return c.showOwn(o, s.err)
}

// showOwn draws training pictures of every class to the file of --show.
func (c *dataCommand) showOwn(o *ownParts, remarks io.Writer) error {
	d := o.images(dataset.Train)
	if d == nil {
		return fmt.Errorf("%s: no training picture in it that can be read", c.Data)
	}
	at := o.indices(dataset.Train)
	return c.show(d, func(i int) []int { return o.labelsOf(at[i]) }, remarks)
}

// describe writes the classes, with the number of files in each part.
func (p *ownPictures) describe(w io.Writer) error {
	classes := p.Classes()
	o := &ownParts{ownPictures: p, classes: classes}
	if err := o.findLabels(); err != nil {
		return err
	}
	parts := []string{"pictures"} // without parts
	if slices.ContainsFunc(p.Files, func(f files.File) bool { return f.Part != "" }) {
		parts = slices.DeleteFunc([]string{files.Train, files.Val, files.Test}, func(part string) bool { return !p.hasPart(part) })
	}
	counts, all := map[string][]int{}, map[string]int{}
	for _, part := range parts {
		counts[part] = make([]int, len(classes))
	}
	for i, f := range p.Files {
		part := cmp.Or(f.Part, parts[0])
		for _, c := range o.labelsOf(i) {
			counts[part][c]++
		}
		all[part]++
	}
	kinds := map[string]int{}
	for _, f := range p.Files {
		kinds[files.Extension(f.Name)]++
	}
	fmt.Fprintf(w, "%s: %d classes, %s: %s\n\n", printable.Name(p.name), len(classes), counted(len(p.Files), "picture"), mostly(kinds))
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(t, "label\tclass\t%s\t\n", strings.Join(parts, "\t"))
	row := func(label, class string, count func(part string) int) {
		fmt.Fprintf(t, "%s\t%s\t", label, class)
		for _, part := range parts {
			fmt.Fprintf(t, "%d\t", count(part))
		}
		fmt.Fprintln(t)
	}
	for c, class := range classes {
		row(strconv.Itoa(c), printable.Name(class), func(part string) int { return counts[part][c] })
	}
	row("", "all", func(part string) int { return all[part] })
	if err := t.Flush(); err != nil {
		return err
	}
	if passed := p.passedOver(); passed != "" {
		_, err := fmt.Fprintf(w, "\npassed over: %s\n", passed)
		return err
	}
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

// sampleGrid draws the first pictures of every class, a row a class, of the first classes.
func sampleGrid(d *dataset.Images, labels func(i int) []int) *report.Drawing {
	const columns, most, side = 10, 100, 56
	rows := make([][]int, min(most, len(d.Classes())))
	for i := range d.Len() {
		for _, label := range labels(i) {
			if label < len(rows) && len(rows[label]) < columns {
				rows[label] = append(rows[label], i)
			}
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
	return report.Grid(pictures, report.GridOptions{Titles: titles, Columns: columns, Scale: max(1, side/max(d.Height, d.Width))})
}
