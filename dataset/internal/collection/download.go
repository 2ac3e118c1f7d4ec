package collection

import (
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"github.com/onehot-go/onehot/internal/fetch"
)

// Progress is told how far the fetching of a file is: done of total bytes, uncompressed.
type Progress func(file string, done, total int64)

// Download fetches the files that Open would not find under root, or could not read, to
// torchvision's folder there, uncompressed. A file has its name only once its size and
// SHA-256 are those published. Each mirror is tried in turn; the error says what each
// said. progress may be nil.
func (c *Collection) Download(ctx context.Context, root string, progress Progress) error {
	for _, f := range c.files() {
		if c.there(root, f) {
			continue
		}
		if err := c.fetch(ctx, filepath.Join(c.home(root), f.Name), f, progress); err != nil {
			return fmt.Errorf("%s: %s: %w", c.Name, f.Name, err)
		}
	}
	return nil
}

// there reports whether f is under root and can be read.
func (c *Collection) there(root string, f File) bool {
	path, in, err := c.open(root, f)
	if err != nil {
		return false
	}
	defer in.Close()
	_, err = c.read(path, in)
	return err == nil
}

// fetch brings f from the first mirror that has it to path.
func (c *Collection) fetch(ctx context.Context, path string, f File, progress Progress) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		return err
	}
	var all mirrorErrors
	for _, mirror := range c.Mirrors {
		err := save(ctx, &c.download, mirror+f.Name+".gz", path, f, progress)
		if err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		all = append(all, err)
	}
	return all
}

// save brings f from address to path by way of a temporary file beside it.
func save(ctx context.Context, client *fetch.Client, address, path string, f File, progress Progress) (err error) {
	tmp, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*.part")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			os.Remove(tmp.Name())
		}
	}()
	err = copyFile(ctx, client, tmp, address, f, progress)
	if err == nil {
		err = tmp.Chmod(0o644)
	}
	if err == nil {
		err = tmp.Sync()
	}
	if err := errors.Join(err, tmp.Close()); err != nil {
		return fmt.Errorf("%s: %w", address, err)
	}
	return os.Rename(tmp.Name(), path)
}

// copyFile writes the uncompressed bytes of what is at address to w and returns an error unless they
// are those of f.
func copyFile(ctx context.Context, client *fetch.Client, w io.Writer, address string, f File, progress Progress) error {
	// Said outright, so that neither side takes the file's own compression for one of
	// the transport.
	response, err := client.Get(ctx, address, http.Header{"Accept-Encoding": {"gzip"}})
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return errors.New(response.Status)
	}

	z, err := gzip.NewReader(response.Body)
	if err != nil {
		return err
	}
	hash := sha256.New()
	meter := &meter{file: f, progress: progress}
	// One byte more than there should be, so that too many are noticed and the rest of a
	// file without end is not.
	n, err := io.Copy(io.MultiWriter(w, hash, meter), io.LimitReader(z, f.Size+1))
	if err != nil {
		return err
	}
	switch sum := hex.EncodeToString(hash.Sum(nil)); {
	case n > f.Size:
		return fmt.Errorf("size: found more than %d bytes, expected %[1]d", f.Size)
	case n < f.Size:
		return fmt.Errorf("size: found %d bytes, expected %d", n, f.Size)
	case sum != f.SHA256:
		return fmt.Errorf("SHA-256: found %s, expected %s", sum, f.SHA256)
	}
	return nil
}

// meter is a writer that counts.
type meter struct {
	file     File
	done     int64
	progress Progress
}

func (m *meter) Write(p []byte) (int, error) {
	m.done += int64(len(p))
	if m.progress != nil {
		m.progress(m.file.Name, m.done, m.file.Size)
	}
	return len(p), nil
}

// mirrorErrors is what each mirror said, on one line.
type mirrorErrors []error

func (all mirrorErrors) Error() string {
	texts := make([]string, len(all))
	for i, err := range all {
		texts[i] = err.Error()
	}
	return strings.Join(texts, "; ")
}

func (all mirrorErrors) Unwrap() []error { return all }
