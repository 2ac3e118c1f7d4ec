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
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// Progress is told how far the fetching of a file is: done of total bytes, uncompressed.
type Progress func(file string, done, total int64)

// downloader is how files are fetched; the zero value is how users fetch them.
type downloader struct {
	transport http.RoundTripper // nil means http.DefaultTransport
	stall     time.Duration     // how long to wait for the next bytes; 0 means 30 s
}

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
		err := c.download.save(ctx, mirror+f.Name+".gz", path, f, progress)
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
func (d *downloader) save(ctx context.Context, address, path string, f File, progress Progress) (err error) {
	tmp, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*.part")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			os.Remove(tmp.Name())
		}
	}()
	err = d.copy(ctx, tmp, address, f, progress)
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

// copy writes the uncompressed bytes of what is at address to w and returns an error unless they are
// those of f.
func (d *downloader) copy(ctx context.Context, w io.Writer, address string, f File, progress Progress) error {
	// A slow line may take as long as it needs; a silent one is given up.
	stall := d.stall
	if stall == 0 {
		stall = 30 * time.Second
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	watch := time.AfterFunc(stall, func() { cancel(fmt.Errorf("nothing received for %v", stall)) })
	defer watch.Stop()

	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return err
	}
	// Said outright, so that neither side takes the file's own compression for one of
	// the transport.
	request.Header.Set("Accept-Encoding", "gzip")
	client := http.Client{Transport: d.transport, CheckRedirect: httpsOnly}
	response, err := client.Do(request)
	if err != nil {
		if named, ok := errors.AsType[*url.Error](err); ok {
			err = named.Err // the caller adds the address
		}
		return because(ctx, err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return errors.New(response.Status)
	}

	body := &watched{r: response.Body, alive: func() { watch.Reset(stall) }}
	z, err := gzip.NewReader(body)
	if err != nil {
		return because(ctx, err)
	}
	hash := sha256.New()
	meter := &meter{file: f, progress: progress}
	// One byte more than there should be, so that too many are noticed and the rest of a
	// file without end is not.
	n, err := io.Copy(io.MultiWriter(w, hash, meter), io.LimitReader(z, f.Size+1))
	if err != nil {
		return because(ctx, err)
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

// because returns why ctx ended, where it did, and else err.
func because(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

// httpsOnly refuses a redirect to where others can listen and change.
func httpsOnly(request *http.Request, via []*http.Request) error {
	if request.URL.Scheme != "https" {
		return fmt.Errorf("redirect to %s: https expected", request.URL)
	}
	if len(via) >= 10 {
		return errors.New("more than 10 redirects")
	}
	return nil
}

// watched is a reader that says when bytes have come.
type watched struct {
	r     io.Reader
	alive func()
}

func (w *watched) Read(p []byte) (int, error) {
	n, err := w.r.Read(p)
	if n > 0 {
		w.alive()
	}
	return n, err
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
