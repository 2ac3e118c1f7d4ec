//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package cli

import "syscall"

// processorSeconds returns the processor's time that the program has used so far, 0 if the system
// does not say it.
func processorSeconds() float64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return 1e-9 * float64(u.Utime.Nano()+u.Stime.Nano())
}
