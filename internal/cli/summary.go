package cli

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/onehot-go/onehot/dataset"
	"github.com/onehot-go/onehot/dataset/files"
	"github.com/onehot-go/onehot/internal/printable"
)

// summarize tells remarks what there is to know of the pictures before training: a line each for what
// there is.
func (o *ownParts) summarize(s *settings, remarks io.Writer) {
	counts := map[string]int{}
	for _, part := range o.part {
		counts[part]++
	}
	kinds := fmt.Sprintf("%d classes", len(o.classes))
	if o.Several {
		kinds = counted(len(o.classes), "label")
	}
	line := fmt.Sprintf("%s: %s, %d pictures to train on", printable.Name(o.name), kinds, counts[files.Train])
	for _, part := range []struct{ name, what string }{{files.Val, "to choose the best epoch by"}, {files.Test, "to test on"}} {
		if n := counts[part.name]; n > 0 {
			line += fmt.Sprintf(", %d %s", n, part.what)
		}
	}
	switch drawn := "drawn by chance, of each class its share"; {
	case counts[files.Val]+counts[files.Test] == 0:
		line += "; nothing is measured"
	case s.Val.None() && s.Test.None():
	case o.hasPart(files.Test):
		line += "; those to choose by are " + drawn
	case o.hasPart(files.Val):
		line += "; those to test on are " + drawn
	default:
		line += "; " + drawn
	}
	fmt.Fprintln(remarks, line)
	if passed := o.passedOver(); passed != "" {
		fmt.Fprintf(remarks, "passed over: %s\n", passed)
	}
	o.sayBad(remarks)
	if o.Several {
		o.sayLabels(remarks)
	}
	turned := 0
	for _, f := range o.Facts {
		if f.Err == "" && f.Orientation > 1 {
			turned++
		}
	}
	if turned > 0 {
		fmt.Fprintf(remarks, "turned upright, as the camera noted: %s\n", counted(turned, "picture"))
	}
	o.sayCopies(remarks)
	perClass := o.perClass(dataset.Train)
	help := "--augment and a smaller --size"
	if s.Pretrained != "" {
		help = "--augment flip"
	}
	if few := fewOf(o.classes, perClass, help); few != "" {
		fmt.Fprintln(remarks, few)
	}
	if advice := s.pretrained(counts[files.Train]); advice != "" {
		fmt.Fprintln(remarks, advice)
	}
}

// sayLabels tells remarks how many labels pictures have.
func (o *ownParts) sayLabels(remarks io.Writer) {
	used, all, without := 0, 0, 0
	for i, part := range o.part {
		if part != "" {
			used++
			all += len(o.labels[i])
			if len(o.labels[i]) == 0 {
				without++
			}
		}
	}
	fmt.Fprintln(remarks, labelsPerSample(used, all, without, "picture"))
}

// labelsPerSample says how many labels so many samples have in all, and how many of them have none.
func labelsPerSample(samples, labels, without int, what string) string {
	return fmt.Sprintf("several labels: %.2f a %s, and none of %s", float64(labels)/float64(samples), what, counted(without, what))
}

// otherFiles says how many files are no pictures, by extension.
func otherFiles(l *files.List) (said []string) {
	for _, ext := range slices.Sorted(maps.Keys(l.Others)) {
		said = append(said, fmt.Sprintf("%d %s", l.Others[ext], cmp.Or(printable.Name(ext), "without an extension")))
	}
	return said
}

// passedOver says what is no picture, by extension, and what else was passed over.
func (p *ownPictures) passedOver() string {
	said := otherFiles(p.List)
	for _, reason := range slices.Sorted(maps.Keys(p.Passed)) {
		said = append(said, fmt.Sprintf("%d (%s)", p.Passed[reason], reason))
	}
	return strings.Join(said, ", ")
}

// sayCopies tells remarks of pictures that are there more than once: within a part, in several parts
// that the files themselves have, and under several classes.
func (o *ownParts) sayCopies(remarks io.Writer) {
	first := map[[16]byte]int{}
	copies, leaks, conflicts := 0, 0, 0
	var leak, conflict [2]int // the first of each
	for i, part := range o.part {
		if part == "" {
			continue
		}
		at, again := first[o.Facts[i].Pixels]
		if !again {
			first[o.Facts[i].Pixels] = i
			continue
		}
		copies++
		if o.part[at] != part {
			if leaks++; leaks == 1 {
				leak = [2]int{at, i}
			}
		}
		if !slices.Equal(o.labelsOf(at), o.labelsOf(i)) {
			if conflicts++; conflicts == 1 {
				conflict = [2]int{at, i}
			}
		}
	}
	pair := func(p [2]int) string {
		return printable.Name(o.Place(p[0])) + " and " + printable.Name(o.Place(p[1]))
	}
	if copies > 0 {
		fmt.Fprintf(remarks, "copies of other pictures, pixel for pixel: %d\n", copies)
	}
	if leaks > 0 {
		fmt.Fprintf(remarks, "in more than one part, which flatters the figures: %s, as %s\n", counted(leaks, "picture"), pair(leak))
	}
	if conflicts > 0 {
		fmt.Fprintf(remarks, "under more than one class, one of which is wrong: %s, as %s\n", counted(conflicts, "picture"), pair(conflict))
	}
}

// counted writes how many there are of something.
func counted(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
