//go:build unix

package cli

import (
	"os"
	"os/signal"
	"syscall"
)

// notifyReload sends to c when the process is asked to read its files again.
func notifyReload(c chan<- os.Signal) { signal.Notify(c, syscall.SIGHUP) }
