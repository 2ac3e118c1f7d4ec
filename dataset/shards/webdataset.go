package shards

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/onehot-go/onehot/dataset/files"
	"github.com/onehot-go/onehot/dataset/internal/reading"
)

// split returns the key and the extension that a name has by WebDataset's habit: what is before
// the first dot of its last element, and in lower case what is behind it.
func split(name string) (key, ext string) {
	dir, base := path.Split(name)
	base, ext, _ = strings.Cut(base, ".")
	return dir + base, strings.ToLower(ext)
}

// hasLabel reports whether a name is that of a file with a sample's class.
func hasLabel(name string) bool {
	_, ext := split(name)
	return ext == "cls" || ext == "json"
}

// labelOf returns the class that a file of the given name says.
func labelOf(name string, data []byte) (string, error) {
	_, ext := split(name)
	text := string(bytes.TrimSpace(data))
	if ext == "json" {
		d := json.NewDecoder(bytes.NewReader(data))
		d.UseNumber()
		var object map[string]any
		if err := d.Decode(&object); err != nil {
			return "", fmt.Errorf("found no JSON object: %w", err)
		}
		text = ""
		for _, key := range []string{"label", "cls", "class"} {
			switch v := object[key].(type) {
			case string:
				text = strings.TrimSpace(v)
			case json.Number:
				text = v.String()
			}
			if text != "" {
				break
			}
		}
		if text == "" {
			return "", errors.New(`found no "label", "cls" or "class" that is a text or a number`)
		}
	}
	if text == "" || len(text) > maxName || strings.ContainsAny(text, "\n\x00") {
		return "", fmt.Errorf("found %.40q, the name or the number of a class expected", text)
	}
	return files.ClassName(text), nil
}

// label sets what the content of e says, or why it says nothing.
func (s *scan) label(e *entry, data []byte, err error) {
	text := ""
	if err == nil {
		text, err = labelOf(e.clean, data)
	}
	if err != nil {
		e.err = reading.Named(e.place(), err)
		return
	}
	if _, ok := s.labels[text]; !ok {
		s.labels[text] = text
	}
	e.label = s.labels[text]
}

// isWebDataset reports whether the entries are samples of WebDataset's.
func (s *scan) isWebDataset() bool {
	if !slices.ContainsFunc(s.entries, func(e entry) bool { return hasLabel(e.clean) }) {
		return false
	}
	pictures, inFolder := map[string]bool{}, false
	for i := range s.entries {
		if e := &s.entries[i]; files.KindOf(e.clean) != files.Other {
			key, _ := split(e.clean)
			pictures[key] = true
			inFolder = inFolder || strings.Contains(e.clean, "/")
		}
	}
	return slices.ContainsFunc(s.entries, func(e entry) bool {
		key, ext := split(e.clean)
		return pictures[key] && (ext == "cls" || ext == "json" && !inFolder && e.label != "")
	})
}

// samples makes a list of the samples of shards. If there are several shards, a sample's name
// begins with that of its shard.
func (s *scan) samples(root string) (*files.List, error) {
	type sample struct {
		source *source
		key    string
	}
	labels := map[sample]*entry{} // the .cls, or else the .json
	for i := range s.entries {
		e := &s.entries[i]
		key, ext := split(e.clean)
		k := sample{e.source, key}
		if ext == "cls" || ext == "json" && labels[k] == nil {
			labels[k] = e
		}
	}
	folder, _, _ := strings.Cut(root, "{")
	folder, _ = filepath.Split(folder) // that all shards lie in
	names := map[string]classNames{}   // by folder
	seen := map[sample]string{}
	odd := map[string]int{} // pictures that are no sample's, by extension
	var found []files.File
	for i := range s.entries {
		e := &s.entries[i]
		key, ext := split(e.clean)
		k := sample{e.source, key}
		if len(s.sources) > 1 {
			e.clean = filepath.ToSlash(strings.TrimPrefix(e.source.path, folder)) + "/" + e.clean
		}
		if ext == "cls" || ext == "json" {
			continue
		}
		f := files.File{Name: e.clean, Size: e.size, Time: e.source.time}
		if files.KindOf(e.clean) == files.Picture {
			if "."+ext != files.Extension(e.clean) { // KEY.left.jpg
				odd["."+ext]++
				continue
			}
			if seen[k] != "" {
				return nil, fmt.Errorf("%s: found a second picture of the sample %s beside .%s, one expected", e.place(), key, seen[k])
			}
			seen[k] = ext
			l := labels[k]
			if l == nil {
				s.passed[files.Incomplete]++
				continue
			}
			dir := filepath.Dir(e.source.path)
			if _, ok := names[dir]; !ok {
				var err error
				if names[dir], err = readNames(dir); err != nil {
					return nil, err
				}
			}
			var err error
			if f.Class, err = names[dir].name(l.label); err != nil || l.err != nil {
				return nil, cmp.Or(l.err, reading.Named(l.place(), err))
			}
		}
		found = append(found, f)
	}
	l := files.New(root, found)
	for ext, n := range odd {
		l.Others[ext] += n
	}
	if len(l.Files) == 0 && len(l.Convert) == 0 {
		return nil, fmt.Errorf("%s: found no pictures with a class, some expected", root)
	}
	return l, nil
}

// classNames are the names of classes that are numbers in shards.
type classNames struct {
	path  string // of the file that they are from, or ""
	names []string
}

// readNames reads the names of classes that lie in the folder of shards, if there are any.
func readNames(dir string) (classNames, error) {
	for _, name := range []string{"classnames.txt", "classes.txt"} {
		p := filepath.Join(dir, name)
		data, err := reading.File(context.Background(), p, maxLabel)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return classNames{}, err
		}
		var names []string
		for line := range strings.Lines(strings.TrimRight(string(data), "\r\n\t ")) {
			names = append(names, files.ClassName(strings.TrimSpace(line)))
		}
		return classNames{p, names}, nil
	}
	return classNames{}, nil
}

// name returns the class that a label stands for.
func (c classNames) name(label string) (string, error) {
	n, err := strconv.Atoi(label)
	if c.path == "" || err != nil {
		return label, nil
	}
	if n < 0 || n >= len(c.names) || c.names[n] == "" {
		return "", fmt.Errorf("found the class %s, a line of %s expected, which has those from 0 to %d", label, c.path, len(c.names)-1)
	}
	return c.names[n], nil
}
