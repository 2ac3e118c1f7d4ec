package atomicfile

import (
	"errors"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
)

// WriteFolder makes a folder at path of the files that write writes to dir, by functions of this package. dir is a
// hidden folder beside path, which takes the name path when all of it is on disk. On an error, or a panic in
// write, it is removed.
//
// A folder that was at path before is put aside by a rename, and removed when the new one has its place. A
// kill between leaves nothing at path: then RestoreFolder brings the earlier folder back. What replaces a folder is
// the caller's to decide: WriteFolder asks nobody.
//
// The error is an *fs.PathError that names path, but for write's own.
func WriteFolder(path string, write func(dir string) error) (err error) {
	if err := RestoreFolder(path); err != nil {
		return err
	}
	fail := func(err error) error {
		if err = cause(err); err != nil {
			return &fs.PathError{Op: "write", Path: path, Err: err}
		}
		return nil
	}
	dir, err := makeBeside(path)
	if err != nil {
		return fail(err)
	}
	done := false
	defer func() {
		if !done {
			RemoveAll(dir)
		}
	}()
	if err := write(dir); err != nil {
		return err
	}
	earlier := putAside(path)
	if err := rename(path, earlier); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fail(err)
	}
	if err := rename(dir, path); err != nil {
		return errors.Join(fail(err), RestoreFolder(path))
	}
	done = true
	if err := syncFolder(filepath.Dir(path)); err != nil {
		return fail(err)
	}
	return fail(RemoveAll(earlier))
}

// RestoreFolder undoes what a WriteFolder that was killed has left at path: the earlier folder comes back if the new
// one has not taken its place, and is removed if it has.
func RestoreFolder(path string) error {
	earlier := putAside(path)
	if _, err := os.Lstat(earlier); err != nil {
		return nil // as nearly always
	}
	if _, err := os.Lstat(path); err == nil {
		return RemoveAll(earlier)
	}
	return Rename(earlier, path)
}

// putAside returns the name that a folder at path has while another takes its place.
func putAside(path string) string {
	dir, base := filepath.Split(path)
	return dir + prefix + base + ".earlier"
}

// makeBeside makes a new, hidden folder in path's folder.
func makeBeside(path string) (string, error) {
	if err := before("create", path); err != nil {
		return "", err
	}
	dir, base := filepath.Split(path)
	for {
		name := dir + prefix + base + "." + strconv.FormatUint(rand.Uint64(), 36) + suffix
		if err := os.Mkdir(name, 0o777); !errors.Is(err, fs.ErrExist) {
			return name, err
		}
	}
}
