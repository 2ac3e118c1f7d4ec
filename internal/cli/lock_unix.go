//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package cli

import (
	"os"
	"syscall"
)

// hold locks the folder against other runs of f, until unlock is called or its process ends
// however it does. The lock stays with the folder when that gets another name.
func (d folder) hold(f folder) (unlock func(), err error) {
	for {
		open, err := os.Open(string(d))
		if err != nil {
			return nil, err
		}
		if err := syscall.Flock(int(open.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
			open.Close()
			return nil, f.busy()
		}
		locked, err := open.Stat()
		if err != nil {
			open.Close()
			return nil, err
		}
		if now, err := os.Stat(string(d)); err == nil && os.SameFile(locked, now) {
			return func() { open.Close() }, nil
		}
		open.Close() // the name went to another folder in between
	}
}
