// Package check finds what is wrong with people's own pictures, and what may be: files that
// are broken or are not what their names say, pictures that are there more than once, that are
// in more than one part of a data set or class, or that look alike, and classes that have few.
// It goes by the facts that package pixels has of every file, and decodes nothing itself.
package check

import (
	"fmt"
	"strings"

	"github.com/onehot-go/onehot/dataset/files"
	"github.com/onehot-go/onehot/dataset/pixels"
	"github.com/onehot-go/onehot/fault"
)

// Kind is what a problem is.
type Kind string

// The kinds. Files with one of the first three are not good; of the others a data set may have
// as many as it likes.
const (
	Broken        Kind = "broken"         // cannot be decoded
	Leak          Kind = "leak"           // the pixels of a picture of another part
	Conflict      Kind = "conflict"       // the pixels of a picture of another class
	Extension     Kind = "extension"      // of another format than the content
	Duplicate     Kind = "duplicate"      // the pixels of an earlier picture of the same part and class
	NearDuplicate Kind = "near-duplicate" // looks like an earlier picture
	SmallClass    Kind = "small-class"    // fewer than FewPictures to train on
	Rotated       Kind = "rotated"        // turned upright, as its EXIF says
	Transparent   Kind = "transparent"    // some pixel is
	Deep          Kind = "deep"           // 16 bits a channel
	CMYK          Kind = "cmyk"           // colours as they are printed
	Animated      Kind = "animated"       // more pictures than the first
	Tiny          Kind = "tiny"           // a side is shorter than TinySide
	Enormous      Kind = "enormous"       // a side is longer than EnormousSide
)

// Kinds has all kinds, in the order of a Report's problems.
var Kinds = []Kind{Broken, Leak, Conflict, Extension, Duplicate, NearDuplicate, SmallClass, Rotated, Transparent, Deep, CMYK, Animated, Tiny, Enormous}

// The bounds of what is a problem.
const (
	FewPictures  = 20   // of a class, to train on
	TinySide     = 16   // pixels
	EnormousSide = 4096 // pixels
)

// Problem is what is to be said of a file, or of a class.
type Problem struct {
	Kind   Kind   `json:"kind"`
	File   string `json:"file"` // files.File.Name; of SmallClass the class
	Detail string `json:"detail"`
	Index  int    `json:"-"` // of the file in the list, -1 for none
	Other  int    `json:"-"` // index of the picture that it is like, -1 for none
}

// Report is what was found.
type Report struct {
	Files    int            `json:"files"`
	Good     int            `json:"good"`     // files that are not broken, no leak and in no conflict
	Classes  map[string]int `json:"classes"`  // pictures of each class that can be decoded
	Problems []Problem      `json:"problems"` // by kind, then in the order of files; never nil
	Training map[string]int `json:"-"`        // of Classes, those of the training part or of none

	bad []bool // by file
}

// IsGood reports whether file i of the list is one of Good.
func (r *Report) IsGood(i int) bool { return !r.bad[i] }

// Of returns the problems of a kind.
func (r *Report) Of(kind Kind) (found []Problem) {
	for _, p := range r.Problems {
		if p.Kind == kind {
			found = append(found, p)
		}
	}
	return found
}

// Uneven returns the classes with the most and the fewest pictures to train on, the first by name
// of several. Both are "" where there are no two classes.
func (r *Report) Uneven() (most, fewest string) {
	for class, n := range r.Training {
		if most == "" || n > r.Training[most] || n == r.Training[most] && class < most {
			most = class
		}
	}
	for class, n := range r.Training {
		if class != most && (fewest == "" || n < r.Training[fewest] || n == r.Training[fewest] && class < fewest) {
			fewest = class
		}
	}
	if fewest == "" {
		return "", ""
	}
	return most, fewest
}

// Files checks the files of a list, of which facts has what pixels.Load says. It panics with a
// *fault.OptionError if they are not as many.
//
// The same pixels in several parts are a leak wherever they are not in the part that measures
// last: what is in the test part stays good. All files of a conflict are bad, as nobody knows
// which class is right. Pictures that only look alike are named and nothing else: drawings of few
// shapes have the same difference hashes.
func Files(list *files.List, facts []pixels.Facts) *Report {
	if len(facts) != len(list.Files) {
		fault.Option("check.Files", "facts of %d files: %d expected", len(facts), len(list.Files))
	}
	c := &checker{
		Report: &Report{Files: len(facts), Classes: map[string]int{}, Training: map[string]int{}, Problems: []Problem{}, bad: make([]bool, len(facts))},
		list:   list, facts: facts, found: map[Kind][]Problem{},
	}
	c.each()
	c.copies()
	c.alike()
	c.classes()
	for _, kind := range Kinds {
		c.Problems = append(c.Problems, c.found[kind]...)
	}
	for _, bad := range c.bad {
		if !bad {
			c.Good++
		}
	}
	return c.Report
}

// checker makes a report.
type checker struct {
	*Report
	list  *files.List
	facts []pixels.Facts
	found map[Kind][]Problem
	first []int // the files with pixels that no earlier file has
}

// add notes a problem of file i, which is like the other one, or -1.
func (c *checker) add(kind Kind, i, other int, format string, args ...any) {
	c.found[kind] = append(c.found[kind], Problem{kind, c.list.Files[i].Name, fmt.Sprintf(format, args...), i, other})
}

// formats has what a file is by its extension.
var formats = map[string]string{
	".png": "png", ".apng": "png", ".jpg": "jpeg", ".jpeg": "jpeg", ".jpe": "jpeg", ".jfif": "jpeg",
	".gif": "gif", ".webp": "webp", ".bmp": "bmp", ".dib": "bmp", ".tif": "tiff", ".tiff": "tiff",
}

// each notes what there is to say of every file by itself.
func (c *checker) each() {
	for _, class := range c.list.Classes() { // those without any picture too
		c.Training[class], c.Classes[class] = 0, 0
	}
	for i, f := range c.facts {
		file := c.list.Files[i]
		ext := files.Extension(file.Name)
		if named := formats[ext]; named != "" && f.Format != "" && named != f.Format {
			c.add(Extension, i, -1, "%s by its content, named %s", strings.ToUpper(f.Format), ext)
		}
		if f.Err != "" {
			c.bad[i] = true
			c.add(Broken, i, -1, "%s", strings.TrimPrefix(f.Err, c.list.Place(i)+": "))
			continue
		}
		for _, label := range file.LabelNames() {
			c.Classes[label]++
			if partOf(file) == files.Train {
				c.Training[label]++
			}
		}
		for _, k := range []struct {
			kind   Kind
			is     bool
			detail string
		}{
			{Rotated, f.Orientation > 1, fmt.Sprintf("EXIF orientation %d: turned upright", f.Orientation)},
			{Transparent, f.Transparent, "transparent pixels: put over white"},
			{Deep, f.Deep, "16 bits a channel: scaled to 8"},
			{CMYK, f.CMYK, "CMYK, as it is printed: turned into RGB"},
			{Animated, f.Animated, "several pictures: the first is taken"},
			{Tiny, min(f.Width, f.Height) < TinySide, fmt.Sprintf("%dx%d pixels", f.Width, f.Height)},
			{Enormous, max(f.Width, f.Height) > EnormousSide, fmt.Sprintf("%dx%d pixels", f.Width, f.Height)},
		} {
			if k.is {
				c.add(k.kind, i, -1, "%s", k.detail)
			}
		}
	}
}

// partOf returns the part of a file: what has no part is there to train on.
func partOf(f files.File) string {
	if f.Part == "" {
		return files.Train
	}
	return f.Part
}

// ranks has the parts by how late they measure: of a leak the last one keeps the picture.
var ranks = map[string]int{files.Train: 0, files.Val: 1, files.Test: 2}

// copies notes the pictures that are there more than once, pixel for pixel.
func (c *checker) copies() {
	same := map[[16]byte][]int{}
	for i, f := range c.facts {
		if f.Err == "" {
			if same[f.Pixels] == nil {
				c.first = append(c.first, i)
			}
			same[f.Pixels] = append(same[f.Pixels], i)
		}
	}
	for i, f := range c.facts {
		if f.Err == "" && len(same[f.Pixels]) > 1 && same[f.Pixels][0] == i {
			c.set(same[f.Pixels])
		}
	}
	// The problems of a set came one after the other.
	for _, kind := range []Kind{Leak, Conflict, Duplicate} {
		sortByIndex(c.found[kind])
	}
}

// set notes the problems of several files with the same pixels.
func (c *checker) set(same []int) {
	type place struct{ part, class string }
	firsts := map[place]int{}
	keeper, stranger := same[0], -1 // of the part that keeps the picture; of another class than the first's
	for _, i := range same {
		f := c.list.Files[i]
		if ranks[partOf(f)] > ranks[partOf(c.list.Files[keeper])] {
			keeper = i
		}
		if stranger < 0 && f.LabelText() != c.list.Files[same[0]].LabelText() {
			stranger = i
		}
	}
	for _, i := range same {
		f := c.list.Files[i]
		if k := c.list.Files[keeper]; partOf(f) != partOf(k) {
			c.bad[i] = true
			c.add(Leak, i, keeper, "the same pixels as %s, of the part %s", k.Name, k.Part)
		}
		if stranger >= 0 {
			other := same[0]
			if f.LabelText() == c.list.Files[other].LabelText() {
				other = stranger
			}
			c.bad[i] = true
			c.add(Conflict, i, other, "the same pixels as %s, of the class %s", c.list.Files[other].Name, c.list.Files[other].LabelText())
		}
		at := place{partOf(f), f.LabelText()}
		if before, again := firsts[at]; again {
			c.add(Duplicate, i, before, "the same pixels as %s", c.list.Files[before].Name)
		} else {
			firsts[at] = i
		}
	}
}

// classes notes the classes that have few pictures to train on.
func (c *checker) classes() {
	for _, class := range c.list.Classes() {
		n := c.Training[class]
		if n < FewPictures {
			what := "pictures"
			if n == 1 {
				what = "picture"
			}
			c.found[SmallClass] = append(c.found[SmallClass], Problem{SmallClass, class, fmt.Sprintf("%s: %d %s to train on, at least %d expected", class, n, what, FewPictures), -1, -1})
		}
	}
}
