package zoo

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/onehot-go/onehot/fault"
	"github.com/onehot-go/onehot/internal/atomicfile"
	"github.com/onehot-go/onehot/internal/fetch"
)

// Folder returns the folder in the user's cache that weights are kept in.
func Folder() (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("the folder of weights: %w", err)
	}
	return filepath.Join(cache, "onehot", "weights"), nil
}

// MissingError says that a folder does not have weights, and how to get them.
type MissingError struct {
	Weights Weights
	Path    string // where they are to be put
}

// Error says where to get the file and where to put it.
func (e *MissingError) Error() string {
	return fmt.Sprintf("the weights %s of %s are not at %s: get the %.1f MiB from %s and put them there", e.Weights.Version, e.Weights.Net, e.Path, e.Weights.MiB, e.Weights.URL())
}

// Find returns the path of the weights' file in the folder, once its size and SHA-256 were found
// to be right. The error is a *MissingError if it is not there, and a *fault.FormatError if it is
// another file.
func (w Weights) Find(folder string) (path string, err error) {
	path = filepath.Join(folder, w.File)
	err = w.check(path)
	if errors.Is(err, fs.ErrNotExist) {
		return "", &MissingError{w, path}
	}
	if err != nil {
		return "", err
	}
	return path, nil
}

// digits returns the first digits of the file's SHA-256, which its name has.
func (w Weights) digits() string {
	name := strings.TrimSuffix(w.File, filepath.Ext(w.File))
	return name[strings.LastIndexByte(name, '-')+1:]
}

// check returns an error unless the file at path has the weights' size and the SHA-256 that begins
// as their name says.
func (w Weights) check(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if !w.fits(info.Size()) {
		return &fault.FormatError{File: path, Field: "size", Detail: w.sizeDetail(info.Size())}
	}
	hash := sha256.New()
	if _, err := io.Copy(hash, f); err != nil {
		return err
	}
	if sum := hex.EncodeToString(hash.Sum(nil)); !strings.HasPrefix(sum, w.digits()) {
		return &fault.FormatError{File: path, Field: "SHA-256", Detail: fmt.Sprintf("found %s, one that begins with %s expected", sum, w.digits())}
	}
	return nil
}

// fits reports whether a file has as many bytes as the table says, which rounds.
func (w Weights) fits(bytes int64) bool {
	return math.Abs(float64(bytes)/(1<<20)-w.MiB) <= 0.0005+1e-9
}

// sizeDetail says that a file has another size.
func (w Weights) sizeDetail(bytes int64) string {
	return fmt.Sprintf("found %d bytes, %.3f MiB expected", bytes, w.MiB)
}

// Progress is told how far a download is: done of total bytes, about as many if the server does not say.
type Progress func(done, total int64)

// Download returns the path of the weights' file in the folder, as Find does. If it is not there
// it is fetched from URL, over https: a part of it that an earlier download left is made use of,
// and the file has its name once its size and SHA-256 were found to be right. Downloads of one
// file at the same time do not disturb each other. progress may be nil.
func (w Weights) Download(ctx context.Context, folder string, progress Progress) (path string, err error) {
	return w.download(ctx, folder, progress, source, &fetch.Client{})
}

func (w Weights) download(ctx context.Context, folder string, progress Progress, source string, client *fetch.Client) (path string, err error) {
	path, err = w.Find(folder)
	if _, missing := errors.AsType[*MissingError](err); !missing {
		return path, err
	}
	if err := os.MkdirAll(folder, 0o777); err != nil {
		return "", err
	}
	d := download{w, source + w.File, filepath.Join(folder, w.File), client, progress}
	resumed, err := d.run(ctx)
	if _, damaged := errors.AsType[*fault.FormatError](err); damaged && resumed {
		_, err = d.run(ctx) // what was left may be of another file
	}
	if err != nil {
		return "", fmt.Errorf("%s: %w", d.address, err)
	}
	return d.path, nil
}

// download is a file that is fetched.
type download struct {
	Weights
	address, path string
	client        *fetch.Client
	progress      Progress
}

// Parts of files have the file's name and this behind it. While one is written there are digits
// before it, which nobody else's has.
const part = ".part"

// abandoned is how long a part was not written that nobody writes any more: a download gives up
// after less.
const abandoned = 5 * time.Minute

// claim makes what an earlier download left part of this one, under the name mine. Of several that
// try, one gets it.
func (d *download) claim(mine string) {
	if os.Rename(d.path+part, mine) == nil {
		return
	}
	left, err := filepath.Glob(d.path + ".*" + part) // by one that was killed; names of files have no wildcards
	if err != nil {
		return
	}
	for _, name := range left {
		if info, err := os.Stat(name); err == nil && time.Since(info.ModTime()) > abandoned && os.Rename(name, mine) == nil {
			return
		}
	}
}

// run fetches the file, or the rest of it. It reports whether a part was there. On an error but
// for wrong content the part is left for the next one.
func (d *download) run(ctx context.Context) (resumed bool, err error) {
	f, err := os.CreateTemp(filepath.Dir(d.path), filepath.Base(d.path)+".*"+part)
	if err != nil {
		return false, err
	}
	mine := f.Name()
	if err := f.Close(); err != nil {
		return false, err
	}
	d.claim(mine)
	if f, err = os.OpenFile(mine, os.O_RDWR, 0); err != nil {
		return false, err
	}
	have, err := f.Seek(0, io.SeekEnd)
	resumed = have > 0
	if err == nil {
		err = d.rest(ctx, f, have)
	}
	if err == nil {
		err = f.Chmod(0o644)
	}
	if err == nil {
		err = f.Sync()
	}
	err = errors.Join(err, f.Close())
	if err == nil {
		err = d.check(mine)
	}
	if damaged, ok := errors.AsType[*fault.FormatError](err); ok {
		damaged.File = "" // the name of a part tells nothing
		return resumed, errors.Join(damaged, os.Remove(mine))
	}
	if err != nil {
		return resumed, errors.Join(err, os.Rename(mine, d.path+part))
	}
	return resumed, atomicfile.Rename(mine, d.path)
}

// rest writes what is behind the first bytes to f, or all where the server does not send that
// alone.
func (d *download) rest(ctx context.Context, f *os.File, have int64) error {
	header := http.Header{"Accept-Encoding": {"identity"}}
	if have > 0 {
		header.Set("Range", fmt.Sprintf("bytes=%d-", have))
	}
	response, err := d.client.Get(ctx, d.address, header)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	switch response.StatusCode {
	case http.StatusOK:
		have = 0
	case http.StatusPartialContent:
		from, _, _ := strings.Cut(strings.TrimPrefix(response.Header.Get("Content-Range"), "bytes "), "-")
		if from != strconv.FormatInt(have, 10) {
			return &fault.FormatError{Field: "Content-Range", Detail: fmt.Sprintf("found %q, from byte %d on expected", response.Header.Get("Content-Range"), have)}
		}
	case http.StatusRequestedRangeNotSatisfiable: // there is more than the file has, or all of it
		return nil
	default:
		return errors.New(response.Status)
	}
	if n := response.ContentLength; n >= 0 && !d.fits(have+n) {
		return &fault.FormatError{Field: "size", Detail: d.sizeDetail(have + n)}
	}
	if _, err := f.Seek(have, io.SeekStart); err != nil {
		return err
	}
	if err := f.Truncate(have); err != nil {
		return err
	}
	most := int64((d.MiB + 0.001) * (1 << 20)) // one that sends without end is stopped
	total := most
	if n := response.ContentLength; n >= 0 {
		total = have + n
	}
	_, err = io.Copy(&meter{f, have, total, d.progress}, io.LimitReader(response.Body, most-have))
	return err
}

// meter is a file that tells how much of it is written.
type meter struct {
	io.Writer
	done, total int64
	progress    Progress
}

func (m *meter) Write(p []byte) (int, error) {
	n, err := m.Writer.Write(p)
	m.done += int64(n)
	if m.progress != nil {
		m.progress(m.done, m.total)
	}
	return n, err
}
