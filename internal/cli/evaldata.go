package cli

import (
	"context"
	"encoding/binary"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/onehot-go/onehot/dataset"
	"github.com/onehot-go/onehot/internal/atomicfile"
	"github.com/onehot-go/onehot/internal/printable"
	"github.com/onehot-go/onehot/model"
	"github.com/onehot-go/onehot/tensor"
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
// that the model in path was measured on at the end of its run.
func (c *evalCommand) evalData(ctx context.Context, data, path string, m *model.Model, remarks io.Writer) (*dataset.Images, string, error) {
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
		return test, data + " test", err
	}
	if again && !known {
		return nil, "", fmt.Errorf("%s: it does not say how its pictures at %s were read: what to measure it on expected, as in  onehot eval %s %s", path, data, printable.Word(path), printable.Word(data))
	}
	if again {
		p, err := s.parts(ctx, c.dataFlags, nil, remarks)
		if err != nil {
			return nil, "", err
		}
		if run := runOf(path); p.own != nil {
			if before, err := run.readConfig(); err == nil {
				if err := p.own.samePictures(before.Data, run.files()); err != nil { // others would be drawn than were held out
					return nil, "", fmt.Errorf("the pictures at %s are not those of the run in %s: %w: what to measure on expected, as in  onehot eval %s %s",
						data, run, err, printable.Word(path), printable.Word(data))
				}
			}
		}
		d := p.final()
		if d == nil {
			return nil, "", fmt.Errorf("%s: it was trained on all pictures of %s: others to measure it on expected, as in  onehot eval %s PATH", path, data, printable.Word(path))
		}
		if !slices.Equal(d.Classes(), m.Classes) {
			return nil, "", fmt.Errorf("%s tells %v apart, but %s has %v", path, m.Classes, data, d.Classes())
		}
		return d, p.own.name + " " + d.Split.String(), nil
	}
	trained := s.Data
	s.Data = data
	c.read(&s)
	d, title, err := s.measurable(ctx, c.dataFlags, m, remarks)
	if err == nil && known && title == dataName(data) && sameFile(trained, data) {
		fmt.Fprintf(remarks, "%s: the model was trained on pictures of these, and knows them; onehot eval %s measures on the others\n",
			printable.Name(data), printable.Word(path))
	}
	return d, title, err
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
	PathColumn  string `placeholder:"NAME" help:"Column of a list that has the files, relative to the list."`
	LabelColumn string `placeholder:"NAME" help:"Column of a list that has the classes."`
	SplitColumn string `placeholder:"NAME" help:"Column of a list that says train, val or test."`
	Nested      bool   `help:"Make classes of all levels of folders, not of the first alone."`
}

// read sets how s reads what is at its path: as the flags say, or as s has it, which may be of another
// kind of path.
func (f listFlags) read(s *settings) {
	if f.PathColumn != "" || f.LabelColumn != "" {
		s.PathColumn, s.LabelColumn, s.SplitColumn = f.PathColumn, f.LabelColumn, f.SplitColumn
	}
	if info, err := os.Stat(s.Data); err == nil && info.IsDir() {
		s.PathColumn = ""
	}
	s.Nested = s.Nested || f.Nested
}

// measurable returns the pictures at the path that the settings name, prepared as far as is kept for m,
// with m's classes, and what they are called.
func (s *settings) measurable(ctx context.Context, from dataFlags, m *model.Model, remarks io.Writer) (*dataset.Images, string, error) {
	p, err := s.listPictures(ctx)
	if err != nil {
		return nil, "", err
	}
	labels, err := p.Labels(m.Classes)
	if err != nil {
		return nil, "", err
	}
	split := dataset.Test
	part, title := "", p.name
	for _, of := range []dataset.Split{dataset.Test, dataset.Validation} {
		if p.hasPart(of.String()) {
			split, part, title = of, of.String(), p.name+" "+of.String()
			break
		}
	}
	set, err := from.pixels(ctx, p, kept(m.Preprocess), remarks)
	if err != nil {
		return nil, "", err
	}
	o := &ownParts{ownPictures: p, Set: set, classes: m.Classes, label: labels, part: make([]string, len(p.Files))}
	if err := o.checkBad(from.MaxBad); err != nil {
		return nil, "", err
	}
	for i, f := range p.Files {
		if set.Rows[i] >= 0 && (part == "" || f.Part == part) {
			o.part[i] = split.String()
		}
	}
	o.sayBad(remarks)
	d := o.images(split)
	if d == nil {
		return nil, "", fmt.Errorf("%s: no picture in it that can be read", s.Data)
	}
	return d, title, nil
}

// prepareFor sets the transform of d to what is left of m's preparation for pictures of d's size.
func prepareFor(m *model.Model, d *dataset.Images) {
	d.Transform = m.Preprocess.For(transform.Form{Shape: d.Shape()})
}

// writePredictions writes a line a picture of d to the file at path: what it is, what it is taken for,
// and the probabilities of all classes, as predict does. logits are (N, C). Pictures without a file have
// their number.
func writePredictions(path string, d *dataset.Images, logits *tensor.Tensor) error {
	probabilities, classes := tensor.Values[float64](logits.Softmax(1)), d.Classes()
	return atomicfile.Write(path, func(w io.Writer) error {
		t := csv.NewWriter(w)
		header := []string{"file", "label", "class", "probability"}
		for _, class := range classes {
			header = append(header, "p:"+class)
		}
		t.Write(header) // Error has the first one
		for i, label := range d.Labels {
			row := []string{strconv.Itoa(i), classes[label], "", ""}
			if d.Names != nil {
				row[0] = newNamed(d.Names[i]).File
			}
			of, best := probabilities[i*len(classes):][:len(classes)], 0
			for class, v := range of {
				if v > of[best] {
					best = class
				}
				row = append(row, strconv.FormatFloat(v, 'g', -1, 32))
			}
			row[2], row[3] = classes[best], row[4+best]
			t.Write(row)
		}
		t.Flush()
		return t.Error()
	})
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
