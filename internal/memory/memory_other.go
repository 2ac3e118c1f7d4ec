//go:build !linux

package memory

func askForHugePages([]byte) {}
