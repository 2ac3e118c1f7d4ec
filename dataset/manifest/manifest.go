// Package manifest reads lists of picture files from tables: CSV and TSV with a header, and JSONL,
// one object a line.
package manifest

import (
	"bytes"
	"cmp"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/onehot-go/onehot/dataset/files"
	"github.com/onehot-go/onehot/dataset/internal/reading"
)

// maxSize is the most bytes of a manifest, and maxLine of a line of JSONL.
const (
	maxSize = 1 << 30
	maxLine = 1 << 20
)

// Columns names the columns of a manifest, or the fields of its objects. But for Path each may be
// "", for none.
type Columns struct {
	Path  string // slash-separated; relative to the folder of the manifest, or absolute
	Label string // the class
	Split string // a name of a part, as files.PartOf has them
	Group string // the files of one group stay in one part
	// Separator is what stands between the labels in Label, of which files may then have any number, as none;
	// "" for one class a file. Files in JSONL have any number, too, if an object has a list of labels.
	Separator string
}

// Open reads the manifest at path. A name that ends with .jsonl or .ndjson, or a file that begins
// with "{", is JSONL; of others the name, or the header, says what separates columns: commas,
// semicolons or tabs. Values may have spaces around them, but for paths. Every path counts as a
// picture, whatever it ends with, but for HEIC and AVIF; they may be hidden files.
//
// The error names the line, the column and what was found: an empty value, an unknown part, a path
// that comes again, or a file that is not there or no regular one. It names the columns that there
// are where one is missing. Or it is ctx's.
func Open(ctx context.Context, path string, columns Columns) (*files.List, error) {
	data, err := reading.File(ctx, path, maxSize)
	if err != nil {
		return nil, err
	}
	r := &reader{ctx: ctx, path: path, root: filepath.Dir(path), lines: map[string]int{}, label: columns.Label, separator: columns.Separator, several: columns.Separator != ""}
	for k, c := range []column{
		{columns.Path, setPath}, // which is needed
		{columns.Label, r.setLabel},
		{columns.Split, setPart},
		{columns.Group, func(f *files.File, value string) error { f.Group = strings.TrimSpace(value); return nil }},
	} {
		if c.name != "" || k == 0 {
			r.columns = append(r.columns, c)
		}
	}
	if err := r.read(data, columns.Path); err != nil {
		return nil, err
	}
	return r.list()
}

// column is a column that is read.
type column struct {
	name string
	set  func(f *files.File, value string) error
}

func setPath(f *files.File, value string) error {
	f.Name = path.Clean(filepath.ToSlash(value))
	return nil
}

// setLabel sets the class, or the labels, of a file.
func (r *reader) setLabel(f *files.File, value string) error {
	switch {
	case r.listed != nil:
		var err error
		f.Labels, err = files.ListedLabels(r.listed)
		return err
	case r.separator != "":
		f.Labels = files.SplitLabels(value, r.separator)
	default:
		f.Class = files.ClassName(strings.TrimSpace(value))
	}
	return nil
}

func setPart(f *files.File, value string) error {
	if f.Part = files.PartOf(strings.TrimSpace(value)); f.Part == "" {
		return errors.New("train, val or test expected")
	}
	return nil
}

// reader reads one manifest.
type reader struct {
	ctx     context.Context
	path    string
	root    string // the folder that the manifest lies in
	columns []column
	found   []files.File
	lines   map[string]int // by name, made absolute if the root is

	label, separator string // its column, and what is between several
	several          bool   // whether files have any number of labels
	listed           []any  // the list of them in the object that is read, or nil
}

// read reads what the manifest has.
func (r *reader) read(data []byte, pathColumn string) error {
	if bytes.HasPrefix(data, []byte("\xff\xfe")) || bytes.HasPrefix(data, []byte("\xfe\xff")) {
		return fmt.Errorf("%s: found UTF-16, UTF-8 expected", r.path)
	}
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	if len(bytes.TrimSpace(data)) == 0 {
		return fmt.Errorf("%s: found an empty file, a header or an object a line expected", r.path)
	}
	ext := files.Extension(filepath.ToSlash(r.path))
	if ext == ".jsonl" || ext == ".ndjson" || bytes.TrimSpace(data)[0] == '{' {
		return r.objects(data)
	}
	comma := '\t'
	if ext != ".tsv" && ext != ".tab" {
		comma = delimiter(data, pathColumn)
	}
	return r.table(data, comma)
}

// delimiter returns what separates columns: that which makes the column of the given name one of
// the header's, or else a comma.
func delimiter(data []byte, column string) rune {
	for _, comma := range ",;\t" {
		c := csv.NewReader(bytes.NewReader(data))
		c.Comma = comma
		if header, err := c.Read(); err == nil && len(header) > 1 && slices.Contains(trimmed(header), column) {
			return comma
		}
	}
	return ','
}

// trimmed returns names without the spaces around them.
func trimmed(names []string) []string {
	names = slices.Clone(names)
	for i := range names {
		names[i] = strings.TrimSpace(names[i])
	}
	return names
}

// table reads a CSV or TSV file.
func (r *reader) table(data []byte, comma rune) error {
	c := csv.NewReader(bytes.NewReader(data))
	c.Comma, c.ReuseRecord = comma, true
	header, err := c.Read()
	if err != nil {
		return reading.Named(r.path, err)
	}
	header = trimmed(header)
	at, values := make([]int, len(r.columns)), make([]string, len(r.columns)) // of the columns in a line
	for k, column := range r.columns {
		if at[k] = slices.Index(header, column.name); at[k] < 0 {
			return r.missing(column.name, "", header)
		}
		if slices.Contains(header[at[k]+1:], column.name) {
			return fmt.Errorf("%s: found the column %q twice, once expected", r.path, column.name)
		}
	}
	for {
		record, err := c.Read()
		if err == io.EOF {
			return nil
		}
		if p, ok := errors.AsType[*csv.ParseError](err); ok && p.Err == csv.ErrFieldCount {
			return fmt.Errorf("%s: line %d: found %d columns, %d expected as in the header", r.path, p.Line, len(record), len(header))
		}
		if err != nil {
			return reading.Named(r.path, err)
		}
		line, _ := c.FieldPos(0)
		for k, i := range at {
			values[k] = record[i]
		}
		if err := r.add(line, values); err != nil {
			return err
		}
	}
}

// objects reads a JSONL file. Numbers are values as they are written.
func (r *reader) objects(data []byte) error {
	n, values := 0, make([]string, len(r.columns))
	for line := range bytes.Lines(data) {
		n++
		if line = bytes.TrimSpace(line); len(line) == 0 {
			continue
		}
		if len(line) > maxLine {
			return fmt.Errorf("%s: line %d: found %d bytes, at most %d expected", r.path, n, len(line), maxLine)
		}
		d := json.NewDecoder(bytes.NewReader(line))
		d.UseNumber()
		var object map[string]any
		if err := d.Decode(&object); err != nil || object == nil || d.InputOffset() != int64(len(line)) {
			return fmt.Errorf("%s: line %d: found %.40q, an object such as {\"path\":\"cat/1.jpg\"} expected", r.path, n, line)
		}
		for _, c := range r.columns {
			if _, ok := object[c.name]; !ok {
				return r.missing(c.name, fmt.Sprintf("line %d: ", n), slices.Sorted(maps.Keys(object)))
			}
		}
		r.listed = nil
		for k, c := range r.columns {
			switch v := object[c.name].(type) {
			case []any:
				if c.name != r.label {
					return fmt.Errorf("%s: line %d, column %q: found a list, a text or a number expected", r.path, n, c.name)
				}
				r.listed, r.several, values[k] = v, true, ""
			case nil:
				values[k] = ""
			case string:
				values[k] = v
			case json.Number:
				values[k] = v.String()
			case bool:
				values[k] = strconv.FormatBool(v)
			default:
				return fmt.Errorf("%s: line %d, column %q: found a list or an object, a text or a number expected", r.path, n, c.name)
			}
		}
		if err := r.add(n, values); err != nil {
			return err
		}
	}
	return nil
}

// missing is the error of a column that is not among the given ones.
func (r *reader) missing(column, where string, names []string) error {
	for i := range names {
		names[i] = strconv.Quote(names[i])
	}
	return fmt.Errorf("%s: %sfound no column %q, there are %s", r.path, where, column, strings.Join(names, ", "))
}

// add adds a file of the values of a line, one for each column that is read.
func (r *reader) add(line int, values []string) error {
	if err := r.ctx.Err(); err != nil {
		return err
	}
	if len(r.found) == files.MaxFiles {
		return fmt.Errorf("%s: found more than %d files, at most that expected", r.path, files.MaxFiles)
	}
	var f files.File
	for k, c := range r.columns {
		err := errors.New("a value expected")
		if strings.TrimSpace(values[k]) != "" || c.name == r.label && (r.separator != "" || r.listed != nil) {
			err = c.set(&f, values[k])
		}
		if err != nil {
			return r.wrong(line, c.name, values[k], err)
		}
	}
	place := r.place(f.Name)
	if before := r.lines[place]; before > 0 {
		return r.wrong(line, r.columns[0].name, values[0], fmt.Errorf("each file once expected, this one is in line %d", before))
	}
	r.lines[place] = line
	r.found = append(r.found, f)
	return nil
}

// wrong is the error of a value.
func (r *reader) wrong(line int, column, value string, err error) error {
	return fmt.Errorf("%s: line %d, column %q: found %.200q, %w", r.path, line, column, value, err)
}

// place returns the path to open a file of the given name.
func (r *reader) place(name string) string {
	if name = filepath.FromSlash(name); filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(r.root, name)
}

// list makes the list of what was found.
func (r *reader) list() (*files.List, error) {
	l := &files.List{Root: r.root, Several: r.several, Others: map[string]int{}, Convert: map[string]int{}, Passed: map[files.Reason]int{}}
	for _, f := range r.found {
		if r.several && f.Class != "" { // a text where other lines have lists
			f.Class, f.Labels = "", []string{f.Class}
		}
		if files.KindOf(f.Name) == files.Conversion {
			l.Convert[files.Extension(f.Name)]++
		} else {
			l.Files = append(l.Files, f)
		}
	}
	if len(r.found) == 0 {
		return nil, fmt.Errorf("%s: found a header and no files, a line for each file expected", r.path)
	}
	slices.SortFunc(l.Files, func(a, b files.File) int { return cmp.Compare(a.Name, b.Name) })
	failed, err := l.Stat(r.ctx)
	if err != nil {
		return nil, err
	}
	first, line := -1, 0
	for i := range failed {
		if at := r.lines[l.Place(i)]; first < 0 || at < line {
			first, line = i, at
		}
	}
	if first < 0 {
		return l, nil
	}
	found := failed[first]
	if p, ok := errors.AsType[*fs.PathError](found); ok {
		found = p.Err
	}
	err = fmt.Errorf("%w at %s", found, l.Place(first))
	if len(failed) > 1 {
		err = fmt.Errorf("%w; and so %d files in all", err, len(failed))
	}
	return nil, r.wrong(line, r.columns[0].name, l.Files[first].Name, err)
}
