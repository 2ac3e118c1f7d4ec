//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package pixels

import (
	"errors"
	"os"
	"syscall"
)

// locks is whether files and folders can be locked here. Where they cannot, what a program has open
// cannot be removed.
const locks = true

// lock locks what is opened at path, a file or a folder, for one holder alone or for several
// that share it, until it is closed or the process ends. The error is errBusy if others hold
// it otherwise. File systems that lock nothing let everybody in.
func lock(path string, alone bool) (*os.File, error) {
	how := syscall.LOCK_SH
	if alone {
		how = syscall.LOCK_EX
	}
	for {
		f, err := os.Open(path)
		if err != nil {
			return nil, err
		}
		if err := syscall.Flock(int(f.Fd()), how|syscall.LOCK_NB); errors.Is(err, syscall.EWOULDBLOCK) {
			f.Close()
			return nil, errBusy
		}
		locked, err := f.Stat()
		if err != nil {
			f.Close()
			return nil, err
		}
		if now, err := os.Stat(path); err == nil && os.SameFile(locked, now) {
			return f, nil
		}
		f.Close() // the name went to another in between
	}
}

// mapped returns the first n bytes of f, and a function that gives them up.
func mapped(f *os.File, n int) ([]byte, func() error, error) {
	if n == 0 {
		return nil, func() error { return nil }, nil
	}
	b, err := syscall.Mmap(int(f.Fd()), 0, n, syscall.PROT_READ, syscall.MAP_SHARED)
	if err != nil {
		return nil, nil, os.NewSyscallError("mmap", err)
	}
	return b, func() error { return syscall.Munmap(b) }, nil
}
