//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd)

package cli

// processorSeconds returns 0: how long processors have worked for this program is not known.
func processorSeconds() float64 { return 0 }
