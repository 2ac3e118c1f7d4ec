package folder

import (
	"cmp"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/onehot-go/onehot/dataset/files"
)

// Options say what folders mean.
type Options struct {
	Nested     bool // a class is all folders that a picture lies in, "animal/cat", not the first alone
	AllowEmpty bool // a class may have no pictures
}

// Arrange makes a list of the found files, whose classes and parts are those that their names'
// folders say. dirs are the folders that there are, empty ones too.
//
// The folders of the first level are classes. Or they are parts, if all that have pictures have
// names that files.PartOf knows; then the folders in them are classes. A picture beside the
// class folders is counted as files.Outside. It is an error if there are parts beside class
// folders, two folders of one part, or a part without class folders; if no class folder has
// pictures; and, without AllowEmpty, if one has none. Pictures that have to be converted first
// count as pictures here.
func Arrange(root string, found []files.File, dirs []string, options Options) (*files.List, error) {
	l := files.New(root, found)
	a := &arranging{root: root, options: options, full: map[string]bool{}}
	for _, f := range found {
		if files.KindOf(f.Name) == files.Other {
			continue
		}
		a.pictures++
		for d := path.Dir(f.Name); d != "." && !a.full[d]; d = path.Dir(d) {
			a.full[d] = true
		}
	}
	if a.pictures == 0 {
		return nil, fmt.Errorf("%s: found no pictures%s, some in class folders expected", root, others(l.Others))
	}
	parts, err := a.parts(dirs)
	if err != nil {
		return nil, err
	}
	kept := l.Files[:0]
	inPart := map[string]bool{} // the parts' folders with a picture in a class folder
	for _, f := range l.Files {
		name := f.Name
		if len(parts) > 0 {
			var top string
			top, name, _ = strings.Cut(name, "/")
			f.Part = parts[top]
		}
		if f.Class = a.class(path.Dir(name)); f.Class == "" {
			l.Passed[files.Outside]++
			continue
		}
		inPart[f.Part] = true
		kept = append(kept, f)
	}
	l.Files = kept
	if len(l.Files) == 0 && len(l.Convert) == 0 {
		return nil, fmt.Errorf("%s: found %d pictures and no class folders that have any", root, a.pictures)
	}
	for _, top := range slices.Sorted(maps.Keys(parts)) {
		if a.full[top] && !inPart[parts[top]] && len(l.Convert) == 0 {
			return nil, fmt.Errorf("%s: found pictures and no class folders in %s, a folder for each class expected in it", root, top)
		}
	}
	return l, a.empty(l, dirs, parts)
}

// arranging is what Arrange knows.
type arranging struct {
	root     string
	options  Options
	pictures int
	full     map[string]bool // the folders that have pictures, in them or below
}

// parts returns which folders of the first level stand for parts: none if they are classes.
func (a *arranging) parts(dirs []string) (map[string]string, error) {
	parts, folders := map[string]string{}, map[string]string{}
	var classes []string
	for _, d := range dirs {
		switch part := files.PartOf(d); {
		case strings.Contains(d, "/"):
		case part == "":
			if a.full[d] {
				classes = append(classes, d)
			}
		case folders[part] != "":
			return nil, fmt.Errorf("%s: found both %s and %s, one folder for that part of the data expected",
				a.root, min(d, folders[part]), max(d, folders[part]))
		default:
			parts[d], folders[part] = part, d
		}
	}
	if len(parts) > 0 && len(classes) > 0 {
		return nil, fmt.Errorf("%s: found the parts %s beside the class folders %s, either parts with class folders in them or class folders alone expected",
			a.root, some(slices.Sorted(maps.Keys(parts))), some(classes))
	}
	return parts, nil
}

// class returns the class of what lies in a folder, "" if that is no class folder.
func (a *arranging) class(dir string) string {
	if dir == "." {
		return ""
	}
	if !a.options.Nested {
		dir, _, _ = strings.Cut(dir, "/")
	}
	return files.ClassName(dir)
}

// empty looks for class folders, and parts, without pictures: they are an error, or the classes of
// l.Empty.
func (a *arranging) empty(l *files.List, dirs []string, parts map[string]string) error {
	above := map[string]bool{} // the folders that have folders in them
	for _, d := range dirs {
		above[path.Dir(d)] = true
	}
	var empty []string
	for _, d := range dirs {
		name, part := d, ""
		if len(parts) > 0 {
			top, rest, _ := strings.Cut(d, "/")
			if name, part = rest, parts[top]; part == "" {
				continue
			}
		}
		isClass := !strings.Contains(name, "/")
		if a.options.Nested || name == "" {
			isClass = !above[d]
		}
		if !isClass || a.full[d] {
			continue
		}
		empty = append(empty, d)
		if name != "" && (part == "" || part == files.Train) {
			l.Empty = append(l.Empty, a.class(name))
		}
	}
	if len(empty) > 0 && !a.options.AllowEmpty {
		slices.Sort(empty)
		return fmt.Errorf("%s: found no pictures in %s, some in each class folder expected, or --allow-empty", a.root, some(empty))
	}
	slices.Sort(l.Empty)
	return nil
}

// some names up to ten of the given names.
func some(names []string) string {
	const most = 10
	if len(names) > most {
		return fmt.Sprintf("%s, ... (%d in all)", strings.Join(names[:most], ", "), len(names))
	}
	return strings.Join(names, ", ")
}

// others says what there is that is no picture.
func others(by map[string]int) string {
	total := 0
	for _, n := range by {
		total += n
	}
	if total == 0 {
		return ""
	}
	kinds := slices.Sorted(maps.Keys(by))
	slices.SortStableFunc(kinds, func(a, b string) int { return by[b] - by[a] })
	for i, k := range kinds {
		kinds[i] = fmt.Sprintf("%d %s", by[k], cmp.Or(k, "without an extension"))
	}
	return " but other files (" + some(kinds) + ")"
}
