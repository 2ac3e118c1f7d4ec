package cli

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/onehot-go/onehot/dataset"
	"github.com/onehot-go/onehot/internal/printable"
	"github.com/onehot-go/onehot/model"
	"github.com/onehot-go/onehot/transform"
)

// isModel reports whether path may be a model's: a run's folder, a file that begins as safetensors do,
// or nothing, which loadModel will say.
func isModel(path string) bool {
	info, err := os.Stat(path)
	if err != nil {
		return true
	}
	if info.IsDir() {
		for _, name := range []string{folder(path).config(), folder(path).best()} {
			if _, err := os.Stat(name); err == nil {
				return true
			}
		}
		return folder(path).waiting()
	}
	f, err := os.Open(path)
	if err != nil {
		return true
	}
	defer f.Close()
	var head [9]byte // the length of a JSON object, and its first byte
	_, err = io.ReadFull(f, head[:])
	return err == nil && head[8] == '{' && binary.LittleEndian.Uint64(head[:8]) < 1<<32
}

// splitData returns which of the arguments of eval are models, and the data that the last one names.
func splitData(args []string) (models []string, data string) {
	last := len(args) - 1
	if last > 0 && (slices.Contains(datasetNames(), args[last]) || !isModel(args[last])) {
		return args[:last], args[last]
	}
	return args, ""
}

// trainingSettings returns the settings that the model in path, m, was trained with. ok is false if
// nobody knows.
func trainingSettings(path string, m *model.Model) (s settings, ok bool) {
	if c, err := folder(path).current(io.Discard).readConfig(); err == nil {
		s = c.Settings
		s.Data = c.where()
		return s, true
	}
	text, ok := m.Training.(*json.RawMessage)
	if !ok {
		return s, false
	}
	var record struct{ Settings settings }
	if json.Unmarshal(*text, &record) != nil || record.Settings.checkSaved() != nil {
		return s, false
	}
	return record.Settings, true
}

// runOf returns the folder of the run that the model in path is of, or may be.
func runOf(path string) folder {
	if dir, name := filepath.Split(path); own(name) {
		path = filepath.Clean(dir)
	}
	return folder(path).current(io.Discard)
}

// evalData returns the pictures that eval measures on, and what they are called: of data that are known
// by name the test data; of a path its test pictures, or all if it has no parts. With "" they are those
// that the model in path was measured on at the end of its run. samples are the pictures with all their labels.
func (c *evalCommand) evalData(ctx context.Context, data, path string, m *model.Model, remarks io.Writer) (pictures *dataset.Images, samples dataset.Dataset, title string, err error) {
	s, known := trainingSettings(path, m)
	again := data == ""
	if again {
		if data = m.Data; known {
			data = s.Data
		}
	}
	of := settings{Data: data}
	if !of.isPath() {
		_, test, err := c.open(ctx, data, remarks)
		if err == nil && !slices.Equal(test.Classes(), m.Classes) {
			err = fmt.Errorf("%s tells %v apart, but %s has %v", path, m.Classes, data, test.Classes())
		}
		return test, test, data + " test", err
	}
	if again && !known {
		return nil, nil, "", fmt.Errorf("%s: it does not say how its pictures at %s were read: what to measure it on expected, as in  onehot eval %s %s", path, data, printable.Word(path), printable.Word(data))
	}
	if again {
		p, err := s.parts(ctx, c.dataFlags, nil, remarks)
		if err != nil {
			return nil, nil, "", err
		}
		if run := runOf(path); p.own != nil {
			if before, err := run.readConfig(); err == nil {
				if err := p.own.samePictures(before.Data, run.files()); err != nil { // others would be drawn than were held out
					return nil, nil, "", fmt.Errorf("the pictures at %s are not those of the run in %s: %w: what to measure on expected, as in  onehot eval %s %s",
						data, run, err, printable.Word(path), printable.Word(data))
				}
			}
		}
		d := p.final()
		if d == nil {
			return nil, nil, "", fmt.Errorf("%s: it was trained on all pictures of %s: others to measure it on expected, as in  onehot eval %s PATH", path, data, printable.Word(path))
		}
		if !slices.Equal(d.Classes(), m.Classes) {
			return nil, nil, "", fmt.Errorf("%s tells %v apart, but %s has %v", path, m.Classes, data, d.Classes())
		}
		return d, p.own.samples(d), p.own.name + " " + d.Split.String(), nil
	}
	trained := s.Data
	s.Data = data
	c.read(&s)
	pictures, samples, title, err = s.measurable(ctx, c.dataFlags, m, remarks)
	if err == nil && known && title == dataName(data) && sameFile(trained, data) {
		fmt.Fprintf(remarks, "%s: the model was trained on pictures of these, and knows them; onehot eval %s measures on the others\n",
			printable.Name(data), printable.Word(path))
	}
	return pictures, samples, title, err
}

// sameFile reports whether two paths lead to one file or folder.
func sameFile(a, b string) bool {
	one, err := os.Stat(a)
	if err != nil {
		return false
	}
	other, err := os.Stat(b)
	return err == nil && os.SameFile(one, other)
}

// listFlags say how a list, or a folder, is read.
type listFlags struct {
	PathColumn     string `placeholder:"NAME" help:"Column of a list that has the files, relative to the list."`
	LabelColumn    string `placeholder:"NAME" help:"Column of a list that has the classes."`
	LabelSeparator string `placeholder:"SEPARATOR" help:"What stands between the labels in --label-column, where there may be several, as in ';'."`
	SplitColumn    string `placeholder:"NAME" help:"Column of a list that says train, val or test."`
	Nested         bool   `help:"Make classes of all levels of folders, not of the first alone."`
}

// read sets how s reads what is at its path: as the flags say, or as s has it, which may be of another
// kind of path.
func (f listFlags) read(s *settings) {
	if f.PathColumn != "" || f.LabelColumn != "" {
		s.PathColumn, s.LabelColumn, s.SplitColumn = f.PathColumn, f.LabelColumn, f.SplitColumn
	}
	if f.LabelSeparator != "" {
		s.LabelSeparator = f.LabelSeparator
	}
	if info, err := os.Stat(s.Data); err == nil && info.IsDir() {
		s.PathColumn = ""
	}
	s.Nested = s.Nested || f.Nested
}

// measurable returns the pictures at the path that the settings name, prepared as far as is kept for m,
// with m's classes, and what they are called. samples are the pictures with all their labels.
func (s *settings) measurable(ctx context.Context, from dataFlags, m *model.Model, remarks io.Writer) (pictures *dataset.Images, samples dataset.Dataset, title string, err error) {
	p, err := s.listPictures(ctx)
	if err != nil {
		return nil, nil, "", err
	}
	switch {
	case p.Several && !m.SeveralLabels():
		return nil, nil, "", fmt.Errorf("%s: found several labels a picture, one class each expected as the model has learnt", s.Data)
	case !p.Several && m.SeveralLabels():
		p.Several = true
		for i, f := range p.Files {
			p.Files[i].Class, p.Files[i].Labels = "", []string{f.Class}
		}
	}
	o := &ownParts{ownPictures: p, classes: m.Classes, part: make([]string, len(p.Files))}
	if err := o.findLabels(); err != nil {
		return nil, nil, "", err
	}
	split := dataset.Test
	part := ""
	title = p.name
	for _, of := range []dataset.Split{dataset.Test, dataset.Validation} {
		if p.hasPart(of.String()) {
			split, part, title = of, of.String(), p.name+" "+of.String()
			break
		}
	}
	if o.Set, err = from.pixels(ctx, p, kept(m.Preprocess), remarks); err != nil {
		return nil, nil, "", err
	}
	if err := o.checkBad(from.MaxBad); err != nil {
		return nil, nil, "", err
	}
	for i, f := range p.Files {
		if o.Set.Rows[i] >= 0 && (part == "" || f.Part == part) {
			o.part[i] = split.String()
		}
	}
	o.sayBad(remarks)
	d := o.images(split)
	if d == nil {
		return nil, nil, "", fmt.Errorf("%s: no picture in it that can be read", s.Data)
	}
	return d, o.samples(d), title, nil
}

// prepareFor sets the transform of d to what is left of m's preparation for pictures of d's size.
func prepareFor(m *model.Model, d *dataset.Images) {
	d.Transform = m.Preprocess.For(transform.Form{Shape: d.Shape()})
}

// sayBad tells remarks which files are passed over because they cannot be read.
func (o *ownParts) sayBad(remarks io.Writer) {
	const most = 3
	bad := o.bad()
	for _, i := range bad[:min(most, len(bad))] {
		place := o.Place(i)
		fmt.Fprintf(remarks, "passed over: %s: %s\n", printable.Name(place), printable.Message(strings.TrimPrefix(o.Facts[i].Err, place+": ")))
	}
	if n := len(bad) - most; n > 0 {
		fmt.Fprintf(remarks, "passed over: %d more files that cannot be read\n", n)
	}
}
