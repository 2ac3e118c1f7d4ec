// Package folder finds pictures in folders: class folders, in parts or not, and any others.
//
// Names that begin with a dot and __MACOSX are passed over. Links are followed: one to a folder
// that is read anyhow, or that leads back to where it lies, is passed over. Nothing but regular
// files is taken, and what is passed over is counted.
package folder

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/onehot-go/onehot/dataset/files"
	"github.com/onehot-go/onehot/dataset/internal/reading"
)

// Open finds the pictures in the folder at path, with their classes and parts as Arrange has
// them. The error names the file or the folder and what was expected, or is ctx's.
func Open(ctx context.Context, path string, options Options) (*files.List, error) {
	w, err := walk(ctx, path)
	if err != nil {
		return nil, err
	}
	l, err := Arrange(path, w.found, w.dirs, options)
	if err != nil {
		return nil, err
	}
	return l, w.finish(ctx, l)
}

// Find finds the pictures in the folder at path, however deep, without classes or parts, and without their sizes and times. The
// errors are Open's.
func Find(ctx context.Context, path string) (*files.List, error) {
	w, err := walk(ctx, path)
	if err != nil {
		return nil, err
	}
	l := files.New(path, w.found)
	w.count(l)
	return l, nil
}

// walker collects what is in a folder. All names are relative to the folder.
type walker struct {
	root    string
	found   []files.File // only Name is set
	dirs    []string     // the folders below root
	links   []dir        // to folders that are yet to be read
	passed  map[files.Reason]int
	visited map[string]bool // the real paths of the folders that are read
}

// dir is a folder: its name, and its path without links.
type dir struct{ name, real string }

// content is what lies in a folder.
type content struct {
	found  []files.File
	dirs   []dir
	links  []dir
	passed map[files.Reason]int
	err    error
}

// walk reads the folder at path and all below it. Real folders come before those that links lead
// to, and these in the order of their names, so that it does not depend on timing which of two
// links to one folder is followed.
func walk(ctx context.Context, path string) (*walker, error) {
	stat, err := os.Stat(path)
	if err != nil {
		return nil, reading.Named(path, err)
	}
	if !stat.IsDir() {
		return nil, fmt.Errorf("%s: found a file, a folder expected", path)
	}
	real, err := realPath(path)
	if err != nil {
		return nil, reading.Named(path, err)
	}
	w := &walker{root: path, passed: map[files.Reason]int{}, visited: map[string]bool{}}
	w.links = []dir{{"", real}}
	for len(w.links) > 0 {
		round := w.links
		w.links = nil
		slices.SortFunc(round, func(a, b dir) int { return cmp.Compare(a.name, b.name) })
		for _, d := range round {
			if err := w.tree(ctx, d); err != nil {
				return nil, err
			}
		}
	}
	return w, nil
}

// tree reads a folder and those in it, level by level, but for those that have been read.
func (w *walker) tree(ctx context.Context, top dir) error {
	for level := []dir{top}; len(level) > 0; {
		fresh := level[:0]
		for _, d := range level {
			if w.visited[d.real] {
				w.passed[files.Again]++
				continue
			}
			w.visited[d.real] = true
			fresh = append(fresh, d)
			if d.name != "" {
				w.dirs = append(w.dirs, d.name)
			}
		}
		contents := make([]content, len(fresh))
		if err := reading.Each(ctx, len(fresh), func(i int) { contents[i] = w.read(fresh[i]) }); err != nil {
			return err
		}
		level = nil
		n := 0
		for _, c := range contents {
			n += len(c.found)
		}
		w.found = slices.Grow(w.found, n)
		for _, c := range contents {
			if c.err != nil {
				return c.err
			}
			w.found = append(w.found, c.found...)
			w.links = append(w.links, c.links...)
			level = append(level, c.dirs...)
			for reason, n := range c.passed {
				w.passed[reason] += n
			}
		}
		if n := len(w.found) + len(w.dirs) + len(level); n > files.MaxFiles {
			return fmt.Errorf("%s: found more than %d files and folders, at most that expected", w.root, files.MaxFiles)
		}
	}
	return nil
}

// read reads one folder. A file that is gone by now is no error.
func (w *walker) read(d dir) (c content) {
	path := filepath.Join(w.root, filepath.FromSlash(d.name))
	entries, err := os.ReadDir(path)
	if err != nil {
		return content{err: reading.Named(path, err)}
	}
	c.passed = map[files.Reason]int{}
	c.found = make([]files.File, 0, len(entries))
	for _, e := range entries {
		name := e.Name()
		if files.IsHidden(name) {
			c.passed[files.Hidden]++
			continue
		}
		relative := name
		if d.name != "" {
			relative = d.name + "/" + name
		}
		switch kind := e.Type(); {
		case kind.IsRegular():
			c.found = append(c.found, files.File{Name: relative})
		case kind.IsDir():
			c.dirs = append(c.dirs, dir{relative, filepath.Join(d.real, name)})
		case kind&fs.ModeSymlink != 0:
			c.follow(dir{relative, filepath.Join(d.real, name)}, d.real)
		default:
			c.passed[files.Special]++
		}
	}
	return c
}

// follow looks where a link leads that lies in the folder of the real path from.
func (c *content) follow(link dir, from string) {
	stat, err := os.Stat(link.real)
	switch {
	case err != nil: // also for a link to itself
		c.passed[files.Dangling]++
	case stat.Mode().IsRegular():
		c.found = append(c.found, files.File{Name: link.name})
	case stat.IsDir():
		real, err := realPath(link.real)
		switch {
		case err != nil:
			c.passed[files.Dangling]++
		case within(from, real):
			c.passed[files.Again]++
		default:
			c.links = append(c.links, dir{link.name, real})
		}
	default:
		c.passed[files.Special]++
	}
}

// realPath returns the absolute path without links that path stands for.
func realPath(path string) (string, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	return filepath.EvalSymlinks(path)
}

// within reports whether path is folder, or lies below it.
func within(path, folder string) bool {
	rest, ok := strings.CutPrefix(path, folder)
	return ok && (rest == "" || os.IsPathSeparator(rest[0]) || os.IsPathSeparator(folder[len(folder)-1]))
}

// count adds to l what was passed over.
func (w *walker) count(l *files.List) {
	for reason, n := range w.passed {
		l.Passed[reason] += n
	}
}

// finish sets the sizes and times of the files of l, and adds what was passed over. Files that
// are gone by now are left out.
func (w *walker) finish(ctx context.Context, l *files.List) error {
	w.count(l)
	failed, err := l.Stat(ctx)
	if err != nil || len(failed) == 0 {
		return err
	}
	kept := l.Files[:0]
	for i, f := range l.Files {
		switch err := failed[i]; {
		case err == nil:
			kept = append(kept, f)
		case errors.Is(err, reading.ErrSpecial):
			l.Passed[files.Special]++
		case !errors.Is(err, fs.ErrNotExist):
			return reading.Named(l.Place(i), err)
		}
	}
	l.Files = kept
	return nil
}
