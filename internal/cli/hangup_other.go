//go:build !unix

package cli

import "os"

// notifyReload does nothing: this system has no signal that asks to read files again.
func notifyReload(chan<- os.Signal) {}
