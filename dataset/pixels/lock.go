package pixels

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"time"
)

// errBusy says that another holds a lock.
var errBusy = errors.New("in use")

// lockFolder makes the folder if it is not there, and locks it as soon as no other holds it.
func lockFolder(ctx context.Context, dir string) (*os.File, error) {
	for {
		f, busy, err := tryLockFolder(dir)
		if !busy {
			return f, err
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// tryLockFolder makes the folder if it is not there, and locks it, unless another holds it or removes it.
func tryLockFolder(dir string) (locked *os.File, busy bool, err error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, false, err
	}
	locked, err = lock(dir, true)
	if err == errBusy || errors.Is(err, fs.ErrNotExist) {
		return nil, true, nil
	}
	return locked, false, err
}
