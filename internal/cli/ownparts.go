package cli

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"github.com/onehot-go/onehot/dataset"
	"github.com/onehot-go/onehot/dataset/files"
	"github.com/onehot-go/onehot/dataset/pixels"
	"github.com/onehot-go/onehot/internal/printable"
	"github.com/onehot-go/onehot/random"
)

// ownParts are the user's pictures after they were read: which file is in which part.
type ownParts struct {
	*ownPictures
	*pixels.Set
	classes []string
	label   []int    // by file: its class; 0 of a file that is not used
	labels  [][]int  // by file: its labels, where files have several; then label is what a draw is stratified by
	part    []string // by file: "train", "val" or "test", or "" of a file that is not used
}

// ownParts returns the pictures at the path that the settings name, read and drawn into parts.
func (s *settings) ownParts(ctx context.Context, from dataFlags, listed *ownPictures, remarks io.Writer) (p parts, err error) {
	if listed == nil {
		if listed, err = s.listPictures(ctx); err != nil {
			return parts{}, err
		}
	}
	set, err := s.load(ctx, listed, from.sourceFlags, remarks)
	if err != nil {
		return parts{}, err
	}
	defer func() {
		if err != nil {
			set.Close()
		}
	}()
	o := &ownParts{ownPictures: listed, Set: set}
	if err := o.checkBad(from.MaxBad); err != nil {
		return parts{}, err
	}
	if err := o.assign(s); err != nil {
		return parts{}, err
	}
	p = parts{
		training: o.images(dataset.Train), val: o.images(dataset.Validation), test: o.images(dataset.Test),
		own: o, preparation: s.preparation(),
	}
	p.record, err = o.record(s.Data)
	return p, err
}

// spared is how many broken files always pass.
const spared = 5

// checkBad returns an error if more files than a share of all cannot be read as pictures.
func (o *ownParts) checkBad(most amount) error {
	bad := o.bad()
	if len(bad) <= max(spared, most.Of(len(o.Files))) {
		return nil
	}
	first := bad[0]
	return fmt.Errorf("%s: %d of %d files cannot be read as pictures, and --max-bad %s takes %d: the first is %s (%s)",
		o.Root, len(bad), len(o.Files), most, max(spared, most.Of(len(o.Files))), printable.Name(o.Files[first].Name), o.Facts[first].Err)
}

// bad returns the files that cannot be read as pictures.
func (o *ownParts) bad() (bad []int) {
	for i, row := range o.Rows {
		if row < 0 {
			bad = append(bad, i)
		}
	}
	return bad
}

// assign says which file is in which part, and what the classes are: those of the training part.
func (o *ownParts) assign(s *settings) error {
	usable := files.List{Root: o.Root, Archive: o.Archive}
	var at []int // of a usable file: its index in the whole list
	for i, row := range o.Set.Rows {
		if row >= 0 {
			at, usable.Files = append(at, i), append(usable.Files, o.Files[i])
		}
	}
	o.classes = o.Classes()
	if len(o.classes) == 0 && o.Several {
		return fmt.Errorf("%s: found no training picture with a label, one at least expected", o.Root)
	}
	if len(o.classes) < 2 && !o.Several {
		return fmt.Errorf("%s: found the training pictures of %d class, %s: two classes at least expected, each in a folder of its own", o.Root, len(o.classes), printable.Name(strings.Join(o.classes, "")))
	}
	if err := o.findLabels(); err != nil {
		return err
	}
	labels, sets, same := make([]int, len(at)), make([][]int, len(at)), make([][32]byte, len(at))
	for k, i := range at {
		labels[k], sets[k] = o.label[i], o.labelsOf(i)
		copy(same[k][:], o.Facts[i].Pixels[:])
	}
	parts := make([]string, len(at))
	if s.Val.None() && s.Test.None() {
		for k, f := range usable.Files {
			parts[k] = cmp.Or(f.Part, files.Train)
		}
	} else {
		var err error
		key := random.New(s.Seed).For("parts")
		if o.Several {
			parts, err = files.DrawSets(usable.Files, sets, same, s.Val.Share, s.Test.Share, key)
		} else {
			parts, err = files.Draw(usable.Files, labels, same, s.Val.Share, s.Test.Share, key)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", o.Root, err)
		}
	}
	o.part, o.label = make([]string, len(o.Files)), make([]int, len(o.Files))
	for k, i := range at {
		o.part[i], o.label[i] = parts[k], labels[k]
	}
	trained := o.perClass(dataset.Train)
	for c, n := range trained {
		if n == 0 && !slices.Contains(o.Empty, o.classes[c]) {
			return fmt.Errorf("%s: no training picture of the class %q can be read", o.Root, o.classes[c])
		}
	}
	return nil
}

// findLabels says which of the classes each file has.
func (o *ownParts) findLabels() (err error) {
	if !o.Several {
		o.label, err = o.Labels(o.classes)
		return err
	}
	if o.labels, err = o.LabelSets(o.classes); err == nil {
		o.label = files.Strata(o.labels)
	}
	return err
}

// labelsOf returns the labels of file i: its class, or those of several.
func (o *ownParts) labelsOf(i int) []int {
	if o.Several {
		return o.labels[i]
	}
	return o.label[i : i+1]
}

// perClass returns how many files of a part each class, or label, has.
func (o *ownParts) perClass(split dataset.Split) []int {
	counts := make([]int, len(o.classes))
	for _, i := range o.indices(split) {
		for _, c := range o.labelsOf(i) {
			counts[c]++
		}
	}
	return counts
}

// samples returns d, pictures of a part, with all their labels; o may be nil.
func (o *ownParts) samples(d *dataset.Images) dataset.Dataset {
	if o == nil || !o.Several {
		return d
	}
	s := dataset.LabelSets{Dataset: d}
	for _, i := range o.indices(d.Split) {
		s.Of = append(s.Of, o.labels[i])
	}
	return s
}

// task is the name of what is learnt of the pictures; none is classification.
func (p *ownPictures) task() string {
	if p.Several {
		return severalLabels
	}
	return ""
}

// indices returns the files of a part.
func (o *ownParts) indices(split dataset.Split) (at []int) {
	for i, part := range o.part {
		if part == split.String() {
			at = append(at, i)
		}
	}
	return at
}

// places returns what gives the path of each picture of a part.
func (o *ownParts) places(split dataset.Split) func(i int) string {
	at := o.indices(split)
	return func(i int) string { return o.Place(at[i]) }
}

// images returns the pictures of a part, or nil if it has none.
func (o *ownParts) images(split dataset.Split) *dataset.Images {
	m := &dataset.Images{Name: o.name, Split: split, ClassNames: o.classes, Channels: o.Channels, Height: o.Height, Width: o.Width, Pixels: o.Pixels, Rows: []int{}}
	for _, i := range o.indices(split) {
		m.Rows, m.Labels, m.Names = append(m.Rows, o.Set.Rows[i]), append(m.Labels, o.label[i]), append(m.Names, o.Files[i].Name)
	}
	if m.Len() == 0 {
		return nil
	}
	return m
}

// record returns what config.json says of the pictures.
func (o *ownParts) record(path string) (dataRecord, error) {
	whole, err := filepath.Abs(path)
	if err != nil {
		return dataRecord{}, err
	}
	return dataRecord{
		Name: o.name, Path: path, Absolute: whole, Train: len(o.indices(dataset.Train)), Val: len(o.indices(dataset.Validation)), Test: len(o.indices(dataset.Test)),
		Bad: len(o.bad()), SHA256: o.identity(), Task: o.task(),
	}, nil
}
