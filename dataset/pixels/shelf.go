package pixels

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/onehot-go/onehot/internal/atomicfile"
)

// shelf is a folder of the cache, with the files of pixels that the same steps made. Whoever
// makes one locks the folder.
type shelf string

// open returns the files on the shelf that the steps made, those that were used last first. What is
// damaged, or is being removed, is passed over.
func (s shelf) open(steps string, shape [3]int) []*kept {
	entries := list(string(s), keptSuffix)
	slices.SortStableFunc(entries, func(a, b entry) int { return b.used.Compare(a.used) })
	var all []*kept
	for _, e := range entries {
		k, err := openKept(e.path)
		if err != nil {
			continue
		}
		if k.steps != steps || k.shape != shape { // a file that was brought here
			k.file.Close()
			continue
		}
		all = append(all, k)
	}
	return all
}

func closeKept(all []*kept) {
	for _, k := range all {
		k.file.Close()
	}
}

// sweep removes what programs that were killed left on the shelf, which the caller has
// locked.
func (s shelf) sweep() error {
	entries, err := os.ReadDir(string(s))
	if err != nil {
		return err
	}
	for _, e := range entries {
		if _, ok := atomicfile.Temporary(e.Name()); ok {
			if err := atomicfile.Remove(filepath.Join(string(s), e.Name())); err != nil && locks && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
		}
	}
	return nil
}

// sweepOthers removes what programs that were killed left anywhere in the cache folder, and
// folders of it that have become empty. Those that are locked are passed over.
func sweepOthers(dir string) error {
	for _, s := range shelves(dir) {
		locked, err := lock(string(s), true)
		if err == errBusy || errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err == nil {
			err = s.sweep()
			_ = os.Remove(string(s)) // which fails unless it is empty
			locked.Close()
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// removeWithin removes the files whose contents are all in k, unless they are in use.
func (s shelf) removeWithin(k *kept, all []*kept) error {
	for _, other := range all {
		if other == k {
			continue
		}
		within := true
		for sum := range other.of {
			if _, within = k.of[sum]; !within {
				break
			}
		}
		other.file.Close() // this program has it no longer
		if within {
			if _, err := remove(other.file.Name()); err != nil {
				return err
			}
		}
	}
	return nil
}

// entry is a file of the cache.
type entry struct {
	path string
	used time.Time
	size int64
}

// list returns the files in a folder whose names end so.
func list(dir, suffix string) []entry {
	names, err := os.ReadDir(dir)
	if err != nil {
		return nil
	}
	var all []entry
	for _, e := range names {
		if !strings.HasSuffix(e.Name(), suffix) || strings.HasPrefix(e.Name(), ".") {
			continue
		}
		if info, err := e.Info(); err == nil && info.Mode().IsRegular() {
			all = append(all, entry{filepath.Join(dir, e.Name()), info.ModTime(), info.Size()})
		}
	}
	return all
}

// remove removes a file of the cache unless a program uses it.
func remove(path string) (removed bool, err error) {
	f, err := lock(path, true)
	if err == errBusy {
		return false, nil
	}
	if err == nil {
		defer f.Close()
		err = atomicfile.Remove(path)
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return true, nil
	case err != nil && !locks: // as of a file that is open
		return false, nil
	}
	return err == nil, err
}

// shelves returns the folders of the cache folder that this package made.
func shelves(dir string) []shelf {
	var all []shelf
	folders, err := os.ReadDir(dir)
	if err != nil {
		return nil // there is none yet
	}
	for _, f := range folders {
		if _, err := strconv.ParseUint(f.Name(), 16, 64); f.IsDir() && (err == nil && len(f.Name()) == 16 || f.Name() == placesFolder) {
			all = append(all, shelf(filepath.Join(dir, f.Name())))
		}
	}
	return all
}

// everything returns the files of the cache folder, those that were used longest ago first.
func everything(dir string) []entry {
	var all []entry
	for _, s := range shelves(dir) {
		all = append(append(all, list(string(s), keptSuffix)...), list(string(s), placesSuffix)...)
	}
	slices.SortStableFunc(all, func(a, b entry) int { return a.used.Compare(b.used) })
	return all
}

// shrink removes the files that were used longest ago until the cache keeps to the limit, or
// all that is left is in use.
func shrink(dir string, limit int64) error {
	all := everything(dir)
	total := int64(0)
	for _, e := range all {
		total += e.size
	}
	for _, e := range all {
		if total <= limit {
			return nil
		}
		removed, err := remove(e.path)
		if err != nil {
			return err
		}
		if removed {
			total -= e.size
		}
	}
	return nil
}
