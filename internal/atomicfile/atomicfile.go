// Package atomicfile replaces files whole: a reader, or the next run after a crash,
// finds the earlier file or the new one, never a part of one.
package atomicfile

import (
	"errors"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
)

// Write makes what write writes the content of the file at path, with the permissions
// 0o644 less the umask. The bytes go to a temporary file in the same folder, which
// takes the name path only when all of them are on disk. On an error, or a panic in
// write, the temporary file is removed and an earlier file at path is as it was.
//
// The error is an *fs.PathError that names path and wraps the cause; one that write
// returned can be found in it with errors.Is and errors.As.
func Write(path string, write func(io.Writer) error) error {
	if err := replace(path, write); err != nil {
		return &fs.PathError{Op: "write", Path: path, Err: err}
	}
	return nil
}

func replace(path string, write func(io.Writer) error) (err error) {
	f, err := createBeside(path)
	if err != nil {
		return cause(err)
	}
	done := false
	defer func() {
		if !done {
			f.Close() // Windows removes no open file; a second Close does no harm
			os.Remove(f.Name())
		}
	}()

	if err := write(writer{f}); err != nil {
		return err
	}
	// Without the sync a power cut after the rename could leave an empty file.
	if err := f.Sync(); err != nil {
		return cause(err)
	}
	if err := f.Close(); err != nil {
		return cause(err)
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return cause(err)
	}
	done = true
	return nil
}

// createBeside makes a new, hidden file in path's folder: a rename within one folder
// crosses no file system. os.CreateTemp is not for this, as its files are private.
func createBeside(path string) (*os.File, error) {
	dir, base := filepath.Split(path)
	for {
		name := dir + "." + base + "." + strconv.FormatUint(rand.Uint64(), 36) + ".tmp"
		f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
		if !errors.Is(err, fs.ErrExist) {
			return f, err
		}
	}
}

// writer hides the temporary file's name, which tells the user nothing, from errors.
type writer struct{ f *os.File }

func (w writer) Write(p []byte) (int, error) {
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
