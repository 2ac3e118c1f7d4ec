//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd)

package pixels

import (
	"io"
	"os"
)

// locks is whether files and folders can be locked here. Where they cannot, what a program has open
// cannot be removed.
const locks = false

// lock opens what is at path, unless it is for one holder alone, who may be about to remove it.
func lock(path string, alone bool) (*os.File, error) {
	if alone {
		return nil, nil
	}
	return os.Open(path)
}

// mapped reads the first n bytes of f. The function that it returns does nothing.
func mapped(f *os.File, n int) ([]byte, func() error, error) {
	b := make([]byte, n)
	_, err := io.ReadFull(io.NewSectionReader(f, 0, int64(n)), b)
	return b, func() error { return nil }, err
}
