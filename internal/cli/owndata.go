package cli

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/onehot-go/onehot/dataset/check"
	"github.com/onehot-go/onehot/dataset/files"
	"github.com/onehot-go/onehot/internal/printable"
)

// ownPixels returns the pictures, prepared as train does by default, so that it finds what is decoded
// here, and in the parts that the files themselves say.
func (c *dataCommand) ownPixels(ctx context.Context, own *settings, p *ownPictures, remarks io.Writer) (*ownParts, error) {
	if err := own.settle(ctx, nil, nil, p); err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		own.Size, own.Color = ownedSize, "rgb" // of the files looked at none is a picture, which all files will say
	}
	set, err := own.load(ctx, p, c.sourceFlags, remarks)
	if err != nil {
		return nil, err
	}
	o := &ownParts{ownPictures: p, Set: set, classes: p.Classes()}
	o.keepParts()
	return o, nil
}

// check looks for what is wrong with the pictures at the path that the settings name.
func (c *dataCommand) check(ctx context.Context, own *settings, s streams) error {
	p, err := own.findPictures(ctx)
	if err != nil {
		return err
	}
	if len(p.Files) == 0 {
		return cmp.Or(p.ConvertError(), fmt.Errorf("%s: no pictures in it", c.Data))
	}
	to, err := c.newCopy(p)
	if err != nil {
		return err
	}
	o, err := c.ownPixels(ctx, own, p, s.err)
	if err != nil {
		return err
	}
	defer o.Set.Close()
	found := check.Files(p.List, o.Facts)
	if c.JSON {
		err = json.NewEncoder(s.out).Encode(found)
	} else {
		err = o.writeCheck(s.out, found)
	}
	if err != nil {
		return err
	}
	switch {
	case c.showsPage():
		err = o.writePage(c.Show, found, s.err)
	case c.Show != "":
		err = c.showOwn(o, s.err)
	}
	if err != nil {
		return err
	}
	if err := to.copyGood(ctx, o, found, s.err); err != nil {
		return err
	}
	if wrong := failures(found); wrong != "" {
		return fmt.Errorf("%s: found %s", p.name, wrong)
	}
	return nil
}

// keepParts says which file is in which part as the files themselves do; the others are there to train
// on.
func (o *ownParts) keepParts() {
	at := map[string]int{}
	for i, class := range o.classes {
		at[class] = i
	}
	o.part, o.label = make([]string, len(o.Files)), make([]int, len(o.Files))
	if o.Several {
		o.labels = make([][]int, len(o.Files))
	}
	for i, f := range o.Files {
		if o.Set.Rows[i] < 0 {
			continue
		}
		if o.Several {
			o.part[i] = cmp.Or(f.Part, files.Train)
			for _, name := range f.Labels {
				if label, ok := at[name]; ok {
					o.labels[i] = append(o.labels[i], label)
				}
			}
		} else if label, ok := at[f.Class]; ok {
			o.part[i], o.label[i] = cmp.Or(f.Part, files.Train), label
		}
	}
}

// failures says what a check found that must not be; "" for nothing.
func failures(found *check.Report) string {
	var said []string
	if n := len(found.Of(check.Broken)); n > 0 {
		said = append(said, counted(n, "broken file"))
	}
	if n := len(found.Of(check.Leak)); n > 0 {
		said = append(said, counted(n, "file")+" in more than one part")
	}
	if n := len(found.Of(check.Conflict)); n > 0 {
		said = append(said, counted(n, "file")+" in more than one class")
	}
	return strings.Join(said, ", ")
}

// writeHead writes a line for the pictures and one for each thing that can be said of them all.
func (o *ownParts) writeHead(w io.Writer) {
	grey := 0
	formats, sizes := map[string]int{}, map[string]int{}
	for i, f := range o.Facts {
		if o.Set.Rows[i] < 0 {
			continue
		}
		formats[f.Format]++
		sizes[fmt.Sprintf("%dx%d", f.Width, f.Height)]++
		if f.Grey {
			grey++
		}
	}
	readable := len(o.Files) - len(o.bad())
	what := ""
	switch {
	case readable == 0:
	case grey == readable:
		what = ", all grey"
	case grey > 0:
		what = fmt.Sprintf(", %d of them grey", grey)
	default:
		what = ", all in colour"
	}
	fmt.Fprintf(w, "%s: %s, %s%s\n", printable.Name(o.name), classesOf(len(o.classes)), counted(readable, "picture"), what)
	if readable > 0 {
		fmt.Fprintf(w, "kinds: %s\n", mostly(formats))
		fmt.Fprintf(w, "sizes: %s\n", mostly(sizes))
	}
	if passed := o.passedOver(); passed != "" {
		fmt.Fprintf(w, "passed over: %s\n", passed)
	}
	if err := o.ConvertError(); err != nil {
		fmt.Fprintln(w, printable.Message(err.Error()))
	}
	if err := o.checkClasses(); err != nil {
		fmt.Fprintln(w, printable.Message(err.Error()))
	}
}

// checkClasses returns an error if a file has a class, or a label, that there is no training data of.
func (p *ownPictures) checkClasses() (err error) {
	if p.Several {
		_, err = p.LabelSets(p.Classes())
	} else {
		_, err = p.Labels(p.Classes())
	}
	return err
}

// classesOf writes a number of classes.
func classesOf(n int) string {
	if n == 1 {
		return "1 class"
	}
	return fmt.Sprintf("%d classes", n)
}

// mostly writes what there is most of, and how many.
func mostly(counts map[string]int) string {
	const most = 4
	sorted := slices.SortedFunc(maps.Keys(counts), func(a, b string) int { return cmp.Or(cmp.Compare(counts[b], counts[a]), cmp.Compare(a, b)) })
	var said []string
	for _, k := range sorted[:min(most, len(sorted))] {
		said = append(said, fmt.Sprintf("%s (%d)", k, counts[k]))
	}
	if n := len(sorted) - most; n > 0 {
		said = append(said, fmt.Sprintf("and %d more", n))
	}
	return strings.Join(said, ", ")
}

// classTable returns how many pictures each class has, by part: its header and rows, the last of which is
// the sum.
func (o *ownParts) classTable() (header []string, rows [][]string) {
	header = []string{"class"}
	parts := []string{files.Train, files.Val, files.Test}
	if !o.hasPart(files.Train) && !o.hasPart(files.Val) && !o.hasPart(files.Test) {
		header = append(header, "pictures")
		parts = parts[:1]
	} else {
		parts = slices.DeleteFunc(parts, func(part string) bool { return part != files.Train && !o.hasPart(part) })
		header = append(header, parts...)
	}
	counts := make([]map[string]int, len(o.classes))
	all := map[string]int{}
	for i := range counts {
		counts[i] = map[string]int{}
	}
	for i, part := range o.part {
		if part != "" {
			for _, c := range o.labelsOf(i) {
				counts[c][part]++
			}
			all[part]++
		}
	}
	line := func(name string, counts map[string]int) []string {
		row := []string{name}
		for _, part := range parts {
			row = append(row, fmt.Sprint(counts[part]))
		}
		return row
	}
	for i, class := range o.classes {
		rows = append(rows, line(class, counts[i]))
	}
	return header, append(rows, line("all", all))
}

// kindWords says of each kind of problem what it means.
var kindWords = map[check.Kind]string{
	check.Broken: "cannot be read as pictures", check.Leak: "in more than one part, pixel for pixel: figures are flattered", check.Conflict: "in more than one class, pixel for pixel: one of them is wrong",
	check.Extension: "content and extension differ: the content decides", check.Duplicate: "copies within a part and class, pixel for pixel", check.NearDuplicate: "look alike, which may be chance",
	check.SmallClass: fmt.Sprintf("classes with fewer than %d pictures to train on", check.FewPictures), check.Rotated: "turned upright, as the camera noted", check.Transparent: "with transparent pixels, put over white",
	check.Deep: "16 bits a channel, scaled to 8", check.CMYK: "CMYK, turned into RGB", check.Animated: "several pictures in a file, of which the first is taken",
	check.Tiny: fmt.Sprintf("a side is shorter than %d pixels", check.TinySide), check.Enormous: fmt.Sprintf("a side is longer than %d pixels", check.EnormousSide),
}

// writeCheck writes what was found as a table, and of what fails the check why.
func (o *ownParts) writeCheck(w io.Writer, found *check.Report) error {
	o.writeHead(w)
	fmt.Fprintf(w, "%s, %d of them good\n", counted(found.Files, "file"), found.Good)
	if line := uneven(found); line != "" {
		fmt.Fprintln(w, line)
	}
	if len(found.Problems) == 0 {
		_, err := fmt.Fprintln(w, "nothing is wrong")
		return err
	}
	fmt.Fprintln(w)
	const most = 3
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, kind := range check.Kinds {
		problems := found.Of(kind)
		if len(problems) == 0 {
			continue
		}
		var names []string
		for _, p := range problems[:min(most, len(problems))] {
			names = append(names, printable.Name(p.File))
		}
		if len(problems) > most {
			names = append(names, "...")
		}
		fmt.Fprintf(t, "%s\t%d\t%s\t%s\n", kind, len(problems), kindWords[kind], strings.Join(names, ", "))
	}
	err := t.Flush()
	for _, kind := range []check.Kind{check.Broken, check.Leak, check.Conflict} {
		problems := found.Of(kind)
		for i, p := range problems[:min(most, len(problems))] {
			if i == 0 {
				fmt.Fprintln(w)
			}
			fmt.Fprintf(w, "%s: %s: %s\n", kind, printable.Name(p.File), printable.Message(p.Detail))
		}
		if n := len(problems) - most; n > 0 {
			fmt.Fprintf(w, "%s: %d more, which --json and --show FILE.html have\n", kind, n)
		}
	}
	return err
}

// notable is how many times as many pictures as the smallest class has the largest one may have before
// that is said.
const notable = 3

// uneven says which classes have most and fewest pictures, if that differs much.
func uneven(found *check.Report) string {
	most, fewest := found.Uneven()
	if found.Training[most] < notable*found.Training[fewest] || most == "" || found.Training[fewest] == 0 {
		return ""
	}
	return fmt.Sprintf("uneven classes: %s has %d to train on, %s %d; --class-weights balanced makes each class count as much",
		printable.Name(most), found.Training[most], printable.Name(fewest), found.Training[fewest])
}
