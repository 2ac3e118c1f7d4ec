// Package shards finds pictures in archives, zip, tar and tar.gz, and streams the samples of
// WebDataset's shards. What a file has inside says what it is.
//
// An archive of class folders means what the same folders mean on the disk (see dataset/folder).
// So does one folder that has all the others: archives are often made of one. An archive is
// WebDataset's if a picture KEY.jpg has its class beside it in KEY.cls, or if no picture lies in a
// folder and one has a KEY.json: KEY is a name up to its first dot, and only a picture whose
// extension is all of the rest is its sample's. KEY.cls has the class's name, or a number.
// KEY.json is an object with the class as "label", "cls" or "class". If classnames.txt or
// classes.txt lies beside the shards, its line n, from 0, is the name of class n. Otherwise the
// number is the name. KEY.txt is no class: by WebDataset's habit it is a caption.
//
// Nothing is unpacked to the disk. Names that are absolute or have "..", links and everything else
// that is no regular file are passed over and counted. Of entries of one name the last is taken.
package shards

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"iter"
	"os"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/onehot-go/onehot/dataset/files"
	"github.com/onehot-go/onehot/dataset/folder"
	"github.com/onehot-go/onehot/dataset/internal/reading"
)

// The most that an archive may have.
const (
	maxEntries   = 4 << 20   // entries, of all archives of a list
	maxNames     = 512 << 20 // bytes of their names
	maxName      = 4096      // bytes of a name
	maxDirectory = 192 << 20 // bytes of a zip file's directory
	maxShards    = 100_000
	maxLabel     = 1 << 20 // bytes of a file that has a class

	// A compressed tar of more than minBomb bytes is refused if it has more than maxRatio times
	// the bytes of its file. Pictures are hardly compressed at all.
	minBomb  = 1 << 30
	maxRatio = 100
)

// Open finds the pictures in the archives that pattern stands for (see Expand), with their classes
// and parts. Options are for class folders. The files of zip and plain tar are read at once, and
// those of tar.gz only from the beginning: use Contents for many of them. Zip files stay open
// as long as the list is in use.
//
// The error names the archive, and the entry if it is about one: an archive that is cut off or
// damaged, encrypted or compressed in another way than by Deflate, one whose entries share bytes,
// or one that is larger than there is memory for. Or it is ctx's.
func Open(ctx context.Context, pattern string, options folder.Options) (*files.List, error) {
	s, err := scanned(ctx, pattern)
	if err != nil {
		return nil, err
	}
	var l *files.List
	samples := s.isWebDataset()
	s.unique(samples)
	if samples {
		l, err = s.samples(pattern)
	} else {
		l, err = s.folders(pattern, options)
	}
	if err != nil {
		return nil, err
	}
	for reason, n := range s.passed {
		l.Passed[reason] += n
	}
	return l, s.finish(l)
}

// source is an archive's file.
type source struct {
	path  string
	kind  kind
	size  int64
	time  time.Time
	first int // how many entries of other sources there are before
}

type kind int

const (
	isTar kind = iota
	isTarGz
	isZip
)

// open looks at the file at path.
func open(path string) (*source, error) {
	stat, err := os.Stat(path) // a pipe would block when it is opened
	if err != nil {
		return nil, reading.Named(path, err)
	}
	if !stat.Mode().IsRegular() {
		return nil, fmt.Errorf("%s: found no regular file, an archive expected", path)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, reading.Named(path, err)
	}
	defer f.Close()
	head := make([]byte, 512)
	n, _ := f.ReadAt(head, 0)
	head = head[:n]
	s := &source{path: path, size: stat.Size(), time: stat.ModTime()}
	switch {
	case bytes.HasPrefix(head, []byte("PK\x03\x04")), bytes.HasPrefix(head, []byte("PK\x05\x06")):
		s.kind = isZip
	case bytes.HasPrefix(head, []byte("\x1f\x8b")):
		s.kind = isTarGz
	case len(head) == 512 && (bytes.HasPrefix(head[257:], []byte("ustar")) || head[0] == 0):
		s.kind = isTar
	default:
		return nil, fmt.Errorf("%s: found %.16q at its beginning, a zip, tar or tar.gz file expected", path, head)
	}
	return s, nil
}

// opened opens the file again, which must not have changed.
func (s *source) opened() (*os.File, error) {
	f, err := os.Open(s.path)
	if err != nil {
		return nil, err
	}
	if stat, err := f.Stat(); err != nil || stat.Size() != s.size || !stat.ModTime().Equal(s.time) {
		f.Close()
		return nil, cmp.Or(err, fmt.Errorf("found another file than before, one that does not change expected"))
	}
	return f, nil
}

// entry is a regular file in an archive.
type entry struct {
	source *source
	order  int    // among the entries of all sources
	name   string // as the archive has it
	clean  string // without "./" and the like; in a list, File.Name
	size   int64  // as declared
	offset int64  // of a plain tar: where the bytes begin
	zip    *zipEntry
	label  string // the class that the file's content says
	err    error  // why it says none
}

// place returns what to open to see the entry.
func (e *entry) place() string { return e.source.path + ": " + e.name }

// scan is what was found in archives.
type scan struct {
	sources []*source
	entries []entry
	dirs    []string
	count   int // of everything that there is
	names   int // bytes of their names
	passed  map[files.Reason]int
	labels  map[string]string // each label once
}

// see counts one more thing in an archive, whatever it is. It returns the name without "./" and
// the like, and "" if the thing is passed over.
func (s *scan) see(name string) (string, error) {
	s.count++
	s.names += len(name)
	if s.count > maxEntries || s.names > maxNames {
		return "", fmt.Errorf("found more than %d entries or %d bytes of names, at most that expected", maxEntries, maxNames)
	}
	if len(name) > maxName || strings.HasPrefix(name, "/") || slices.Contains(strings.Split(name, "/"), "..") {
		s.passed[files.Unsafe]++
		return "", nil
	}
	clean := path.Clean(name)
	if clean == "." {
		return "", nil
	}
	for element := range strings.SplitSeq(clean, "/") {
		if files.IsHidden(element) {
			s.passed[files.Hidden]++
			return "", nil
		}
	}
	return clean, nil
}

// unique sorts the entries by name, and keeps the last of each. Those of several sources are as if
// all were unpacked to one place, or each to a place of its own.
func (s *scan) unique(ownPlaces bool) {
	slices.SortFunc(s.entries, func(a, b entry) int {
		return cmp.Or(strings.Compare(a.clean, b.clean), cmp.Compare(a.order, b.order))
	})
	kept := s.entries[:0]
	for i := range s.entries {
		if i+1 < len(s.entries) {
			e, next := &s.entries[i], &s.entries[i+1]
			if e.clean == next.clean && (e.source == next.source || !ownPlaces) {
				s.passed[files.Duplicate]++
				continue
			}
		}
		kept = append(kept, s.entries[i])
	}
	s.entries = kept
}

// folders makes a list of archives of class folders.
func (s *scan) folders(root string, options folder.Options) (*files.List, error) {
	dirs := map[string]bool{}
	for _, d := range s.dirs {
		for ; d != "." && !dirs[d]; d = path.Dir(d) {
			dirs[d] = true
		}
	}
	for i := range s.entries {
		for d := path.Dir(s.entries[i].clean); d != "." && !dirs[d]; d = path.Dir(d) {
			dirs[d] = true
		}
	}
	wrapper := s.wrapper(dirs)
	found := make([]files.File, 0, len(s.entries))
	for i := range s.entries {
		e := &s.entries[i]
		if name, ok := strings.CutPrefix(e.clean, wrapper); ok {
			e.clean = name
			found = append(found, files.File{Name: name, Size: e.size, Time: e.source.time})
		} else {
			found = append(found, files.File{Name: e.clean}) // no picture
		}
	}
	var inside []string
	for d := range dirs {
		if name, ok := strings.CutPrefix(d, wrapper); ok {
			inside = append(inside, name)
		}
	}
	slices.Sort(inside)
	return folder.Arrange(root, found, inside, options)
}

// wrapper returns the one folder that all pictures lie in, with its slash, if pictures lie in at
// least two folders of it, or in a part, and it is no part itself. Else it returns "".
func (s *scan) wrapper(dirs map[string]bool) string {
	top, second := "", ""
	several := false
	for i := range s.entries {
		name := s.entries[i].clean
		if files.KindOf(name) == files.Other {
			continue
		}
		levels := strings.SplitN(name, "/", 3)
		if len(levels) < 2 || top != "" && levels[0] != top {
			return ""
		}
		if top = levels[0]; len(levels) == 3 {
			several = several || second != "" && levels[1] != second
			second = levels[1]
		}
	}
	if files.PartOf(top) != "" || !several && files.PartOf(second) == "" {
		return ""
	}
	for d := range dirs {
		if !strings.Contains(d, "/") && d != top {
			return "" // an empty class folder, or one of other files
		}
	}
	return top + "/"
}

// finish gives the list its archive: for each file, where its bytes are.
func (s *scan) finish(l *files.List) error {
	a := &archive{entries: make([]entry, len(l.Files))}
	at := 0
	slices.SortFunc(s.entries, func(a, b entry) int { return strings.Compare(a.clean, b.clean) })
	for i, f := range l.Files {
		for s.entries[at].clean != f.Name {
			at++
		}
		a.entries[i] = s.entries[at]
		if z := a.entries[i].zip; z != nil {
			if err := z.check(); err != nil {
				return reading.Named(a.entries[i].place(), err)
			}
		}
	}
	if err := apart(a.entries); err != nil {
		return err
	}
	l.Archive = a
	return nil
}

// archive reads the entries of a list.
type archive struct{ entries []entry } // by the list's files

func (a *archive) Place(i int) string { return a.entries[i].place() }

func (a *archive) Read(ctx context.Context, i int) ([]byte, error) {
	for c, err := range a.Contents(ctx, []int{i}) {
		return c.Data, cmp.Or(err, c.Err)
	}
	return nil, fmt.Errorf("%s: found no such entry, it was there before", a.Place(i))
}

func (a *archive) Contents(ctx context.Context, wanted []int) iter.Seq2[files.Content, error] {
	wanted = slices.Clone(wanted)
	slices.SortFunc(wanted, func(i, j int) int { return cmp.Compare(a.entries[i].order, a.entries[j].order) })
	return func(yield func(files.Content, error) bool) {
		for len(wanted) > 0 {
			src := a.entries[wanted[0]].source
			n := slices.IndexFunc(wanted, func(i int) bool { return a.entries[i].source != src })
			if n < 0 {
				n = len(wanted)
			}
			of := make([]*entry, n)
			for k, i := range wanted[:n] {
				of[k] = &a.entries[i]
			}
			done := 0
			err := src.contents(ctx, of, func(data []byte, err error) bool {
				c := files.Content{Index: wanted[done], Data: data, Err: err}
				done++
				return yield(c, nil)
			})
			if err == errStopped {
				return
			}
			if err != nil {
				yield(files.Content{}, err)
				return
			}
			wanted = wanted[n:]
		}
	}
}
