// Package pixels keeps the pixels of people's own pictures: a file is decoded and scaled
// once, and what comes of it lies in a file of the cache folder, which programs map into
// memory. It also keeps what there is to know of a file beside its pixels, for checks.
//
// Pixels are found by what a file contains, not by its name. So a folder that was copied or
// renamed is hashed but not decoded, and of one that has changed only new contents are
// decoded. A file's size and time only decide whether it is hashed again.
package pixels

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"

	"github.com/onehot-go/onehot/dataset/files"
	"github.com/onehot-go/onehot/dist"
	"github.com/onehot-go/onehot/fault"
	"github.com/onehot-go/onehot/transform"
)

// Options are how pixels are made and kept.
type Options struct {
	Dir     string // cache folder; "" is the one that Dir returns
	Limit   int64  // bytes that the cache folder may have; 0 is DefaultLimit
	Workers int    // pictures that are decoded at once; 0 is one a core
	// Comm has the ranks that load the same list; nil is one. A file that has to be read is read by one of them, and what comes of it
	// goes to all. Each keeps it in its cache folder, or one for all that have the same folder.
	Comm dist.Comm
	// Progress is called, from one goroutine, whenever a file is done; nil is never called.
	Progress func(done, total int)
}

// DefaultLimit is the most bytes that a cache folder has if nothing else is said.
const DefaultLimit = 10e9

// Set is the pixels of a list of files.
type Set struct {
	Channels, Height, Width int
	// Pixels are (rows, Channels, Height, Width), 0 is black. They must not be written to,
	// nor read after Close.
	Pixels []byte
	Rows   []int   // by the list's files: row in Pixels, -1 of a file that is no picture
	Facts  []Facts // by the list's files

	close func() error
}

// Close gives up Pixels.
func (s *Set) Close() error {
	if s.close == nil {
		return nil
	}
	close := s.close
	s.Pixels, s.close = nil, nil
	return close()
}

// Facts are what there is to know of a file beside its pixels.
type Facts struct {
	// SHA256 is of the file. It is 0 of a file that cannot be read.
	SHA256 [sha256.Size]byte
	// Pixels is a hash of the picture as it is decoded, upright and before it is scaled.
	// Pictures with the same hash have the same pixels.
	Pixels [16]byte
	// Hash is the picture's difference hash: pictures that look alike have hashes of which
	// few bits differ.
	Hash          uint64
	Format        string // by content: "png", "jpeg", "gif", "webp", "bmp" or "tiff"
	Width, Height int    // in pixels, upright
	Orientation   int    // EXIF's, 1 to 8, which has been undone
	Animated      bool   // there are more pictures than the first
	Transparent   bool   // some pixel is
	Deep          bool   // 16 bits a channel
	CMYK          bool   // colours as they are printed
	Grey          bool   // no pixel has a colour, however the file stores them
	Err           string // why the file cannot be decoded, without its name; "" of one that can
}

// Dir returns the cache folder if nothing else is said: onehot in os.UserCacheDir.
func Dir() (string, error) {
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("cache folder: %w", err)
	}
	return filepath.Join(dir, "onehot"), nil
}

// Load returns the pixels of the list's files, prepared by steps, which end in a picture of
// one size (C, H, W), whatever they are given; it panics with a *fault.OptionError if they do
// not. A file that cannot be read or decoded is no error: its row is -1, and its Facts say
// why.
//
// Pixels that are not in the cache are made on all cores. What is kept is whole or not at
// all, whenever the program ends: when ctx is done, Load returns ctx's error and leaves the
// cache as it was. Programs that need the same pixels at the same time wait for the one that
// began. The error names the cache folder if that has no room or cannot be written. Of several ranks all return it, as dist.Agree has
// it, or a *dist.DiffersError if they have other lists or steps.
func Load(ctx context.Context, list *files.List, steps transform.Compose, options Options) (*Set, error) {
	form, saved := checkSteps(steps)
	dir := options.Dir
	if dir == "" {
		var err error
		if dir, err = Dir(); err != nil {
			return nil, err
		}
	}
	l := &load{
		list: list, steps: steps, saved: saved, shape: [3]int(form.Shape), dir: dir,
		limit: cmp.Or(options.Limit, DefaultLimit), workers: cmp.Or(options.Workers, runtime.GOMAXPROCS(0)),
		progress: options.Progress, comm: options.Comm,
	}
	if l.progress == nil {
		l.progress = func(int, int) {}
	}
	s, err := l.run(ctx)
	if err != nil {
		if ctx.Err() != nil && !dist.Known(err) {
			return nil, ctx.Err()
		}
		r, ok := errors.AsType[*readError](err)
		switch {
		case ok:
			return nil, r.error
		case dist.Known(err):
			return nil, err
		}
		return nil, inFolder(dir, err)
	}
	return s, nil
}

// checkSteps returns what steps end in, and their saved form. It panics unless that is one
// size.
func checkSteps(steps transform.Compose) (transform.Form, string) {
	const op = "pixels.Load"
	colour, err := steps.Form(transform.Form{Shape: []int{3, 0, 0}})
	if err != nil {
		fault.Option(op, "steps: %v", err)
	}
	grey, err := steps.Form(transform.Form{Shape: []int{1, 0, 0}})
	if err != nil {
		fault.Option(op, "steps: %v", err)
	}
	if colour.Tensor || colour.String() != grey.String() || min(colour.Shape[0], colour.Shape[1], colour.Shape[2]) < 1 {
		fault.Option(op, "steps make %s of colour pictures and %s of grey ones: images of one size expected", colour, grey)
	}
	saved, err := json.Marshal(steps)
	if err != nil {
		fault.Option(op, "steps: %v", err)
	}
	return colour, string(saved)
}

// inFolder returns err, which came of work in the cache folder, with what to do about it.
func inFolder(dir string, err error) error {
	if p, ok := errors.AsType[*fs.PathError](err); ok {
		err = p.Err
	}
	return fmt.Errorf("cache folder %s: %w (--cache says how large it may be, and the environment where caches lie, as XDG_CACHE_HOME does)", dir, err)
}
