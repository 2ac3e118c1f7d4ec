package cli

import (
	"fmt"
	"image"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/onehot-go/onehot/dataset/check"
	"github.com/onehot-go/onehot/internal/atomicfile"
	"github.com/onehot-go/onehot/internal/printable"
	"github.com/onehot-go/onehot/report"
	"github.com/onehot-go/onehot/task"
	"github.com/onehot-go/onehot/transform"
)

// The most that the page of a check shows: problems of a kind, classes with pictures, and pictures of each.
const (
	shownProblems = 24
	shownClasses  = 24
	shownEach     = 6
)

// kindTitles has the headings of the page of a check.
var kindTitles = map[check.Kind]string{
	check.Broken: "Broken files", check.Leak: "In more than one part", check.Conflict: "In more than one class", check.Extension: "Misnamed files",
	check.Duplicate: "Copies", check.NearDuplicate: "Pictures that look alike", check.SmallClass: "Small classes", check.Rotated: "Turned upright",
	check.Transparent: "Transparent", check.Deep: "16 bits a channel", check.CMYK: "CMYK", check.Animated: "Animated", check.Tiny: "Tiny", check.Enormous: "Enormous",
}

// writePage writes what was found, with the pictures, as an HTML page to the file at path.
func (o *ownParts) writePage(path string, found *check.Report, remarks io.Writer) error {
	page := o.page(found)
	page.Time = time.Now()
	if err := atomicfile.Write(path, page.Write); err != nil {
		return err
	}
	fmt.Fprintf(remarks, "written to %s\n", printable.Name(path))
	return nil
}

// page returns the page of a check.
func (o *ownParts) page(found *check.Report) *report.DataPage {
	p := &report.DataPage{Title: o.name, Folder: o.Root, Verdict: "Nothing is wrong."}
	if wrong := failures(found); wrong != "" {
		p.Verdict = "Found " + wrong + "."
	} else if len(found.Problems) > 0 {
		p.Verdict = "Nothing is broken, leaks between parts or is in several classes; what else there is to know is below."
	}
	p.Numbers = []report.Setting{
		{Name: "files", Value: fmt.Sprint(found.Files)}, {Name: "good", Value: fmt.Sprint(found.Good)}, {Name: "classes", Value: fmt.Sprint(len(o.classes))},
		{Name: "broken", Value: fmt.Sprint(len(found.Of(check.Broken)))},
	}
	p.Classes = task.Table{Title: "Classes"}
	p.Classes.Header, p.Classes.Rows = o.classTable()
	for _, kind := range check.Kinds {
		problems := found.Of(kind)
		if len(problems) == 0 {
			continue
		}
		note := kindWords[kind]
		s := report.DataSection{Title: fmt.Sprintf("%s (%d)", kindTitles[kind], len(problems)), Note: strings.ToUpper(note[:1]) + note[1:] + ".", More: max(0, len(problems)-shownProblems)}
		for _, problem := range problems[:min(shownProblems, len(problems))] {
			item := report.DataItem{Name: problem.File, Detail: problem.Detail}
			for _, i := range []int{problem.Index, problem.Other} {
				if i >= 0 && o.Set.Rows[i] >= 0 {
					item.Pictures = append(item.Pictures, o.picture(i))
				}
			}
			s.Items = append(s.Items, item)
		}
		p.Sections = append(p.Sections, s)
	}
	s := report.DataSection{Title: "Some pictures of each class", Note: "As they are kept for a net: scaled, and the centre cut out where they are not square.", More: max(0, len(o.classes)-shownClasses)}
	for c := range o.classes[:min(shownClasses, len(o.classes))] {
		item := report.DataItem{Name: o.classes[c]}
		for i, part := range o.part {
			if part != "" && slices.Contains(o.labelsOf(i), c) && len(item.Pictures) < shownEach {
				item.Pictures = append(item.Pictures, o.picture(i))
			}
		}
		s.Items = append(s.Items, item)
	}
	p.Sections = append(p.Sections, s)
	return p
}

// picture returns the picture of a file as it is kept.
func (o *ownParts) picture(i int) image.Image {
	size := o.Channels * o.Height * o.Width
	return transform.Interleave(o.Pixels[o.Set.Rows[i]*size:][:size], o.Channels, o.Height, o.Width)
}
