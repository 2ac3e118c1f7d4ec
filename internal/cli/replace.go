package cli

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/onehot-go/onehot/internal/atomicfile"
)

// A run that --force replaces is put aside by one rename of its folder, to replaced. The new run
// has begun when it saves the model of its first epoch. Until then the earlier one stays the run
// of the folder: readers take it, and train brings it back, by one rename again. Afterwards it
// is kept as it was until the next --force. Only files beside the run's own are moved back to
// where they were.

// actual returns the folder that f, which may be a link, stands for.
func (f folder) actual() folder {
	path := filepath.Clean(string(f))
	for range 40 { // as many links as Linux follows
		target, err := os.Readlink(path)
		if err != nil {
			break
		}
		if !filepath.IsAbs(target) {
			target = filepath.Join(filepath.Dir(path), target)
		}
		path = target
	}
	if base := filepath.Base(path); base == "." || base == ".." {
		if abs, err := filepath.Abs(path); err == nil {
			path = abs
		}
	}
	return folder(path)
}

// replaced returns the folder of the run that another one replaces in f.
func (f folder) replaced() folder {
	dir, base := filepath.Split(string(f.actual()))
	return folder(dir + "." + base + ".replaced")
}

// begun reports whether the run in the folder counts: it has saved a model.
func (f folder) begun() bool {
	_, err := os.Stat(f.best())
	return !errors.Is(err, fs.ErrNotExist)
}

// waiting reports whether an earlier run waits for the one in the folder to begin.
func (f folder) waiting() bool {
	_, err := os.Stat(string(f.replaced()))
	return err == nil && !f.begun()
}

// current returns the folder of the run that readers of f take, and tells remarks if that is
// an earlier one.
func (f folder) current(remarks io.Writer) folder {
	if !f.waiting() {
		return f
	}
	fmt.Fprintf(remarks, "%s: the run that replaces the one in it has finished no epoch: this is the earlier one, in %s\n", f, f.replaced())
	return f.replaced()
}

// busy says that another run has locked the folder.
func (f folder) busy() error { return usagef("--out %s: another run is at work in it", f) }

// lock keeps other runs out of the folder until unlock is called. It finishes what a run that
// was killed has left: an earlier run that waits comes back, and temporary files are removed.
// It tells remarks if a run comes back. The folder is that of f.actual.
func (f folder) lock(remarks io.Writer) (unlock func(), err error) {
	earlier := f.replaced()
	unlockEarlier, err := earlier.hold(f)
	if errors.Is(err, fs.ErrNotExist) {
		unlock, err := f.hold(f)
		if err != nil {
			return nil, err
		}
		if f.waiting() { // another run came first, and is about to lock both
			unlock()
			return nil, f.busy()
		}
		return f.tidied(unlock)
	}
	if err != nil {
		return nil, err
	}
	unlock, err = f.hold(f)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		unlock = func() {}
	case err != nil:
		unlockEarlier()
		return nil, err
	}
	if !f.waiting() {
		unlockEarlier()
		if err := f.takeOver(); err != nil {
			unlock()
			return nil, err
		}
		return f.tidied(unlock)
	}
	err = f.bringBack()
	unlock()
	if err != nil {
		unlockEarlier()
		return nil, err
	}
	fmt.Fprintf(remarks, "%s: the run that replaced the one in it had finished no epoch: the earlier one is back\n", f)
	return f.tidied(unlockEarlier)
}

// tidied removes temporary files from the folder, which unlock opens to other runs.
func (f folder) tidied(unlock func()) (func(), error) {
	entries, err := os.ReadDir(string(f))
	if err == nil {
		for _, e := range entries {
			if of, ok := atomicfile.Temporary(e.Name()); ok && slices.Contains(ownNames, of) {
				err = errors.Join(err, atomicfile.Remove(filepath.Join(string(f), e.Name())))
			}
		}
	}
	if err != nil {
		unlock()
		return nil, err
	}
	return unlock, nil
}

// own reports whether a file of this name in a run's folder is the run's, or is to become it.
func own(name string) bool {
	if of, ok := atomicfile.Temporary(name); ok {
		name = of
	}
	return slices.Contains(ownNames, name)
}

// beside returns the names of what the folder has beside a run's own files.
func (f folder) beside() (names []string, err error) {
	entries, err := os.ReadDir(string(f))
	for _, e := range entries {
		if !own(e.Name()) {
			names = append(names, e.Name())
		}
	}
	return names, err
}

// remove removes the folder of a run with the run's own files. Others in it are an error,
// and nothing is removed.
func (f folder) remove() error {
	others, err := f.beside()
	if err != nil {
		return err
	}
	if len(others) > 0 {
		return usagef("%s has to go, and holds what is no run's: move %q elsewhere", f, others)
	}
	entries, err := os.ReadDir(string(f))
	if err != nil {
		return err
	}
	for _, e := range entries {
		if err := atomicfile.RemoveAll(filepath.Join(string(f), e.Name())); err != nil {
			return err
		}
	}
	return atomicfile.Remove(string(f))
}

// putAside moves the run in the folder, which is locked, to replaced. It takes the place of a run
// that was replaced before. Then putAside makes and locks a new folder.
func (f folder) putAside() (unlock func(), err error) {
	earlier := f.replaced()
	if err := earlier.remove(); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	info, err := os.Stat(string(f))
	if err != nil {
		return nil, err
	}
	if err := atomicfile.Rename(string(f), string(earlier)); err != nil {
		return nil, fmt.Errorf("--force puts the earlier run aside: %w", err)
	}
	if err := os.Mkdir(string(f), 0o777); err != nil {
		return nil, errors.Join(err, atomicfile.Rename(string(earlier), string(f)))
	}
	if err := os.Chmod(string(f), info.Mode()); err != nil {
		return nil, errors.Join(err, f.bringBack())
	}
	return f.hold(f)
}

// bringBack puts the run that waits back in its place. What has come there is removed.
func (f folder) bringBack() error {
	if err := f.remove(); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return atomicfile.Rename(string(f.replaced()), string(f))
}

// takeOver moves what the replaced run's folder has beside the run's own files back to the folder
// f. If something else has come there under the same name, both stay where they are.
func (f folder) takeOver() error {
	earlier := f.replaced()
	names, err := earlier.beside()
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	for _, name := range names {
		to := filepath.Join(string(f), name)
		if _, err := os.Lstat(to); err == nil {
			continue
		}
		if err := atomicfile.Rename(filepath.Join(string(earlier), name), to); err != nil {
			return err
		}
	}
	return err
}

// endReplaced is called when a run in the folder has ended: an earlier run that waits comes
// back, and one that is replaced gives back what is not its own. Without an earlier run it
// does nothing.
func (f folder) endReplaced() error {
	if f.waiting() {
		return f.bringBack()
	}
	return f.takeOver()
}
