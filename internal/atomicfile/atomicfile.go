// Package atomicfile changes files and folders so that a kill or a power cut at any moment
// leaves the earlier state or the new one: a reader, or the next run, never finds a part of
// a file.
package atomicfile

import (
	"errors"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// Before is called before every change to the disk that this package makes, with what it
// is: "create", "write", "sync", "rename", "remove", or "sync folder". An error that it
// returns takes the place of the change. Tests let it fail, or end the process; it is nil
// in the program.
var Before func(change, path string) error

func before(change, path string) error {
	if Before == nil {
		return nil
	}
	return Before(change, path)
}

// Write makes what write writes the content of the file at path, with the permissions
// 0o644 less the umask. The bytes go to a temporary file in the same folder, which
// takes the name path only when all of them are on disk. On an error, or a panic in
// write, the temporary file is removed and an earlier file at path is as it was; only where
// the folder itself cannot be brought to disk is the new file there beside the error.
//
// The error is an *fs.PathError that names path and wraps the cause; one that write
// returned can be found in it with errors.Is and errors.As.
func Write(path string, write func(io.Writer) error) error {
	return WriteKeeping(path, "", write)
}

// WriteKeeping is Write, but a file that was at path before gets the name earlier, in the
// same folder, and takes the place of one of that name. A kill between the two renames
// leaves nothing at path, and the file that was there at earlier. With an empty name nothing
// is kept.
func WriteKeeping(path, earlier string, write func(io.Writer) error) error {
	if err := replace(path, earlier, write); err != nil {
		return &fs.PathError{Op: "write", Path: path, Err: err}
	}
	return nil
}

func replace(path, earlier string, write func(io.Writer) error) (err error) {
	f, err := createBeside(path)
	if err != nil {
		return cause(err)
	}
	done := false
	defer func() {
		if !done {
			f.Close() // Windows removes no open file; a second Close does no harm
			Remove(f.Name())
		}
	}()

	if err := write(writer{f}); err != nil {
		return err
	}
	// Without the sync a power cut after the rename could leave an empty file.
	if err := before("sync", path); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return cause(err)
	}
	if err := f.Close(); err != nil {
		return cause(err)
	}
	if earlier != "" {
		if err := rename(path, earlier); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return cause(err)
		}
	}
	if err := rename(f.Name(), path); err != nil {
		return cause(err)
	}
	done = true
	return cause(syncFolder(filepath.Dir(path)))
}

// Rename gives the file or folder at from the name to, which nothing may have. Both are in
// one folder, and the change is on disk when Rename returns.
func Rename(from, to string) error {
	if err := rename(from, to); err != nil {
		return err
	}
	return syncFolder(filepath.Dir(to))
}

func rename(from, to string) error {
	if err := before("rename", to); err != nil {
		return err
	}
	return os.Rename(from, to)
}

// Remove is os.Remove.
func Remove(path string) error {
	if err := before("remove", path); err != nil {
		return err
	}
	return os.Remove(path)
}

// RemoveAll is os.RemoveAll.
func RemoveAll(path string) error {
	if err := before("remove", path); err != nil {
		return err
	}
	return os.RemoveAll(path)
}

// syncFolder brings to disk which files the folder has. A folder that cannot be opened for
// reading and a file system that syncs no folders are no error.
func syncFolder(dir string) error {
	if err := before("sync folder", dir); err != nil {
		return err
	}
	d, err := os.Open(dir)
	if err == nil {
		err = d.Sync()
		d.Close()
	}
	if errors.Is(err, fs.ErrPermission) || errors.Is(err, errors.ErrUnsupported) || errors.Is(err, syscall.EINVAL) {
		return nil
	}
	return err
}

// Temporary names of files are between these, with some digits before the suffix.
const prefix, suffix = ".", ".tmp"

// createBeside makes a new, hidden file in path's folder: a rename within one folder
// crosses no file system. os.CreateTemp is not for this, as its files are private.
func createBeside(path string) (*os.File, error) {
	if err := before("create", path); err != nil {
		return nil, err
	}
	dir, base := filepath.Split(path)
	for {
		name := dir + prefix + base + "." + strconv.FormatUint(rand.Uint64(), 36) + suffix
		f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
		if !errors.Is(err, fs.ErrExist) {
			return f, err
		}
	}
}

// Temporary returns the name of the file that a temporary file of the given name, in the
// same folder, was to become; ok is false for a name that Write does not give.
func Temporary(name string) (of string, ok bool) {
	inner, ok := strings.CutPrefix(name, prefix)
	inner, ends := strings.CutSuffix(inner, suffix)
	dot := strings.LastIndexByte(inner, '.')
	if !ok || !ends || dot < 1 {
		return "", false
	}
	if _, err := strconv.ParseUint(inner[dot+1:], 36, 64); err != nil {
		return "", false
	}
	return inner[:dot], true
}

// writer hides the temporary file's name, which tells the user nothing, from errors.
type writer struct{ f *os.File }

func (w writer) Write(p []byte) (int, error) {
	if err := before("write", w.f.Name()); err != nil {
		return 0, err
	}
	n, err := w.f.Write(p)
	return n, cause(err)
}

// cause takes the names of files off an error of package os.
func cause(err error) error {
	switch e := err.(type) {
	case *fs.PathError:
		return e.Err
	case *os.LinkError:
		return e.Err
	}
	return err
}
