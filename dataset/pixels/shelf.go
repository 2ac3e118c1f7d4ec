package pixels

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/onehot-go/onehot/internal/atomicfile"
)

// shelf is a folder of the cache, with the files of pixels that the same steps made. Whoever
// makes one locks the folder.
type shelf string

// open returns the files on the shelf, those that were used last first. What is damaged, or is
// being removed, is passed over.
func (s shelf) open() []*kept {
	entries := list(string(s), keptSuffix)
	slices.SortStableFunc(entries, func(a, b entry) int { return b.used.Compare(a.used) })
	var all []*kept
	for _, e := range entries {
		if k, err := openKept(e.path); err == nil {
			all = append(all, k)
		}
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
			if err := atomicfile.Remove(filepath.Join(string(s), e.Name())); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
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
	if errors.Is(err, fs.ErrNotExist) {
		return true, nil
	}
	return err == nil, err
}

// everything returns the files of the cache folder, those that were used longest ago first.
func everything(dir string) []entry {
	var all []entry
	folders, _ := os.ReadDir(dir)
	for _, f := range folders {
		if f.IsDir() {
			all = append(all, list(filepath.Join(dir, f.Name()), keptSuffix)...)
			all = append(all, list(filepath.Join(dir, f.Name()), placesSuffix)...)
		}
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

// size writes a number of bytes as 13.8 GB.
func size(n int64) string {
	v, units := float64(n), []string{"bytes", "kB", "MB", "GB", "TB"}
	for v >= 1000 && len(units) > 1 {
		v, units = v/1000, units[1:]
	}
	if units[0] == "bytes" {
		return fmt.Sprintf("%d bytes", n)
	}
	return fmt.Sprintf("%.1f %s", v, units[0])
}
