// Package reading has what packages that find pictures read files with: bounded, and with errors that
// name the file.
package reading

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
)

// File returns the bytes of the regular file at path. The error names the file, or is ctx's.
func File(ctx context.Context, path string, limit int64) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	// A pipe would block when it is opened.
	stat, err := os.Stat(path)
	if err != nil {
		return nil, Named(path, err)
	}
	if !stat.Mode().IsRegular() {
		return nil, fmt.Errorf("%s: found no regular file, one expected", path)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, Named(path, err)
	}
	defer f.Close()
	data, err := All(ctx, f, stat.Size(), limit)
	return data, Named(path, err)
}

// All returns all that r has. size is how much that is likely to be, and more than limit is
// an error. Past 64 MiB memory is taken only as the bytes come.
func All(ctx context.Context, r io.Reader, size, limit int64) ([]byte, error) {
	if size > limit {
		return nil, fmt.Errorf("found %d bytes, at most %d expected", size, limit)
	}
	data := make([]byte, 0, min(max(size, 0), 64<<20)+1) // the last byte is room to meet the end
	for {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		data = slices.Grow(data, 1)
		n, err := r.Read(data[len(data):min(cap(data), len(data)+1<<20)])
		data = data[:len(data)+n]
		switch {
		case int64(len(data)) > limit:
			return nil, fmt.Errorf("found more than %d bytes, at most that expected", limit)
		case err == io.EOF:
			return data, nil
		case err != nil:
			return nil, err
		}
	}
}

// Named returns err with the name of the file before it, once. A nil err and those of a context
// stay as they are.
func Named(path string, err error) error {
	if err == nil || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	if p, ok := errors.AsType[*fs.PathError](err); ok {
		err = p.Err
	}
	return fmt.Errorf("%s: %w", path, err)
}

// ErrSpecial is the error of what is no regular file.
var ErrSpecial = errors.New("no regular file")

// Each calls f for each number below n, from several goroutines at once: so many that disks and
// networks are kept busy. It returns ctx's error, and then f was not called for all.
func Each(ctx context.Context, n int, f func(i int)) error {
	var next atomic.Int64
	var wg sync.WaitGroup
	for range min(4*runtime.GOMAXPROCS(0), n) {
		wg.Go(func() {
			for i := int(next.Add(1)) - 1; i < n && ctx.Err() == nil; i = int(next.Add(1)) - 1 {
				f(i)
			}
		})
	}
	wg.Wait()
	return ctx.Err()
}
