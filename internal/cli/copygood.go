package cli

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/onehot-go/onehot/dataset/check"
	"github.com/onehot-go/onehot/dataset/files"
	"github.com/onehot-go/onehot/internal/printable"
)

// goodCopy is the new folder of --copy-good; "" is none.
type goodCopy string

// newCopy returns the folder of --copy-good. The error says that it has something in it, or lies in the
// pictures' own folder, where nothing is changed.
func (c *dataCommand) newCopy(p *ownPictures) (goodCopy, error) {
	dir := c.CopyGood
	if dir == "" {
		return "", nil
	}
	entries, err := os.ReadDir(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return "", usagef("--copy-good %s: a new folder expected: %w", dir, errors.Unwrap(err))
	case len(entries) > 0:
		return "", usagef("--copy-good %s: a new or empty folder expected, this one has %s in it", dir, counted(len(entries), "file"))
	}
	if info, err := os.Stat(p.Root); err == nil && info.IsDir() && liesIn(dir, info) {
		return "", usagef("--copy-good %s: a folder outside of %s expected, which stays as it is", dir, p.Root)
	}
	return goodCopy(dir), nil
}

// liesIn reports whether dir is, or lies in, the given folder. It may not be there yet.
func liesIn(dir string, folder fs.FileInfo) bool {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return true // nobody knows
	}
	// Where the path leads to counts, not how it is spelled.
	for above := dir; ; above = filepath.Dir(above) {
		if real, err := filepath.EvalSymlinks(above); err == nil {
			dir = real
			break
		}
		if above == filepath.Dir(above) {
			break
		}
	}
	for ; ; dir = filepath.Dir(dir) {
		if info, err := os.Stat(dir); err == nil && os.SameFile(info, folder) {
			return true
		}
		if dir == filepath.Dir(dir) {
			return false
		}
	}
}

// copyGood copies the good files, whole ones, and says how many those are. The error names the file that
// cannot be copied; what is copied by then stays.
func (g goodCopy) copyGood(ctx context.Context, o *ownParts, found *check.Report, remarks io.Writer) (err error) {
	if g == "" {
		return nil
	}
	if err := os.MkdirAll(string(g), 0o777); err != nil {
		return err
	}
	root, err := os.OpenRoot(string(g)) // no name leads out of it
	if err != nil {
		return err
	}
	defer root.Close()
	var good []int
	for i := range o.Files {
		if found.IsGood(i) {
			good = append(good, i)
		}
	}
	done := 0
	defer func() {
		if err != nil {
			err = fmt.Errorf("--copy-good %s: %w (%d of %d files are copied)", string(g), err, done, len(good))
		}
	}()
	for content, err := range o.Contents(ctx, good) {
		if err := errors.Join(err, content.Err); err != nil {
			return err
		}
		i := content.Index
		if sha256.Sum256(content.Data) != o.Facts[i].SHA256 {
			return fmt.Errorf("%s: it has changed since it was checked", o.Place(i))
		}
		if err := writeNew(root, copyName(o.Files[i]), content.Data); err != nil {
			return fmt.Errorf("%s: %w", o.Place(i), err)
		}
		done++
	}
	fmt.Fprintf(remarks, "%s of %d copied to %s\n", counted(done, "good file"), len(o.Files), printable.Name(string(g)))
	return nil
}

// copyName returns what a copy is called: as the file where the folders on its path have its class, else by
// its part and class.
func copyName(f files.File) string {
	folders := "/" + files.ClassName(path.Dir(f.Name)) + "/"
	if filepath.IsLocal(filepath.FromSlash(f.Name)) && (f.Class == "" || strings.Contains(folders, "/"+f.Class+"/")) {
		return f.Name
	}
	return path.Join(f.Part, f.Class, path.Base(f.Name))
}

// writeNew writes a file that must not be there yet, whole or not at all.
func writeNew(root *os.Root, name string, data []byte) error {
	name = filepath.FromSlash(name)
	if err := root.MkdirAll(filepath.Dir(name), 0o777); err != nil {
		return err
	}
	if _, err := root.Lstat(name); err == nil {
		return fmt.Errorf("found another file that would be %s as well", name)
	}
	part := filepath.Join(filepath.Dir(name), ".onehot.part")
	if err := root.WriteFile(part, data, 0o666); err != nil {
		root.Remove(part)
		return err
	}
	return root.Rename(part, name)
}
