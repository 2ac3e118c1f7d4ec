//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package cli

import (
	"os"
	"syscall"
)

// hold locks the folder against other runs in the folder run, until unlock is called or the
// process ends. The lock stays with the folder when that gets another name.
func (f folder) hold(run folder) (unlock func(), err error) {
	for {
		open, err := os.Open(string(f))
		if err != nil {
			return nil, err
		}
		if err := syscall.Flock(int(open.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
			open.Close()
			return nil, run.busy()
		}
		locked, err := open.Stat()
		if err != nil {
			open.Close()
			return nil, err
		}
		if now, err := os.Stat(string(f)); err == nil && os.SameFile(locked, now) {
			return func() { open.Close() }, nil
		}
		open.Close() // the name went to another folder in between
	}
}
