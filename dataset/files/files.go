// Package files has lists of picture files: their names, their classes and the parts of a data
// set that they belong to. Packages dataset/folder, dataset/manifest and dataset/shards make
// lists of what they find; nothing is decoded before a list is there. A list gives the bytes of
// its files, wherever they lie.
package files

import (
	"context"
	"iter"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/onehot-go/onehot/dataset/internal/reading"
)

// MaxSize is the most bytes of a file that are read: 256 MiB.
const MaxSize = 256 << 20

// MaxFiles is how many files a list, and how many entries an archive, may have: 16 Mi.
const MaxFiles = 16 << 20

// The parts of a data set, as File.Part has them.
const (
	Train = "train"
	Val   = "val"
	Test  = "test"
)

// File is a file that has a picture, as its name says.
type File struct {
	Name   string    // slash-separated, relative to List.Root or absolute; of any bytes
	Class  string    // valid UTF-8; "" where none is known
	Labels []string  // in place of Class in a List of Several: valid UTF-8, each once
	Part   string    // Train, Val, Test, or "" where no parts are known
	Group  string    // the files of one group stay in one part; "" for none
	Size   int64     // bytes, of the file as it is read
	Time   time.Time // of the last change of the file, or of the archive that it lies in
}

// List is what was found in a folder, an archive or a manifest. Its methods may be called from
// several goroutines at once.
type List struct {
	Root    string         // the folder that names are relative to, or what the archive is called
	Files   []File         // sorted by Name, byte by byte
	Several bool           // files may have any number of Labels
	Empty   []string       // the classes of the training part that have no file, sorted
	Others  map[string]int // the files that are no pictures, by extension in lower case: ".mp4"; "" for none
	Convert map[string]int // the pictures in HEIC and AVIF, by extension in lower case
	Passed  map[Reason]int // what else was passed over
	Archive Archive        // what has the bytes of the files; nil for files on the disk
}

// Reason says why something was passed over.
type Reason string

// The reasons.
const (
	Hidden     Reason = "hidden"                                // begins with a dot, or is __MACOSX
	Again      Reason = "a link to a folder that is read once"  // or a link that leads back to where it lies
	Dangling   Reason = "a link to nothing"                     // its target does not exist
	Special    Reason = "no regular file"                       // a pipe, a socket, a device; in an archive, a link
	Outside    Reason = "a picture outside of class folders"    // beside them
	Duplicate  Reason = "a name that comes again in an archive" // the last of them is taken
	Unsafe     Reason = "a name that leads out of the archive"  // absolute, or with ".."
	Incomplete Reason = "a sample without a class"              // of shards
)

// Archive has the bytes of a list's files where they are no files of their own. Its methods are
// those of List.
type Archive interface {
	Read(ctx context.Context, i int) ([]byte, error)
	Contents(ctx context.Context, wanted []int) iter.Seq2[Content, error]
	Place(i int) string
}

// Content is the bytes of a file, or why they could not be read.
type Content struct {
	Index int // in List.Files
	Data  []byte
	Err   error // about this file alone
}

// Place returns what to open to see file i: "photos/cat/1.jpg", or "photos.zip: cat/1.jpg".
func (l *List) Place(i int) string {
	if l.Archive != nil {
		return l.Archive.Place(i)
	}
	name := filepath.FromSlash(l.Files[i].Name)
	if filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(l.Root, name)
}

// Read returns the bytes of file i, at most MaxSize. What is no regular file is not opened. The
// error names the file, or is ctx's.
func (l *List) Read(ctx context.Context, i int) ([]byte, error) {
	if l.Archive != nil {
		return l.Archive.Read(ctx, i)
	}
	return reading.File(ctx, l.Place(i), MaxSize)
}

// Contents yields the bytes of the wanted files in the order in which they are read fastest:
// that of wanted for files on the disk, and an archive's own. The error of one file is in its
// Content. Any other ends the sequence, and so does ctx.
func (l *List) Contents(ctx context.Context, wanted []int) iter.Seq2[Content, error] {
	if l.Archive != nil {
		return l.Archive.Contents(ctx, wanted)
	}
	return func(yield func(Content, error) bool) {
		for _, i := range wanted {
			data, err := l.Read(ctx, i)
			if ctx.Err() != nil {
				yield(Content{}, ctx.Err())
				return
			}
			if !yield(Content{i, data, err}, nil) {
				return
			}
		}
	}
}

// Stat sets Size and Time of all files, which lie on the disk. It returns the errors of files
// that are not there or no regular ones, by their indices; err is ctx's.
func (l *List) Stat(ctx context.Context) (failed map[int]error, err error) {
	var mu sync.Mutex
	failed = map[int]error{}
	err = reading.Each(ctx, len(l.Files), func(i int) {
		stat, err := os.Stat(l.Place(i))
		if err == nil && !stat.Mode().IsRegular() {
			err = reading.ErrSpecial
		}
		if err != nil {
			mu.Lock()
			defer mu.Unlock()
			failed[i] = err
			return
		}
		l.Files[i].Size, l.Files[i].Time = stat.Size(), stat.ModTime()
	})
	return failed, err
}
