package memory

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// askForHugePages asks for large pages for what lies in whole pages of b, which nobody has
// written to yet. A system that has none says so, and b stays as it is.
func askForHugePages(b []byte) {
	page := unix.Getpagesize()
	before := -int(uintptr(unsafe.Pointer(unsafe.SliceData(b)))) & (page - 1)
	whole := (len(b) - before) &^ (page - 1)
	_ = unix.Madvise(b[before:before+whole], unix.MADV_HUGEPAGE)
}
