// Package memory takes memory for what is read in random order, and knows how much there is
// and how much may be taken.
package memory

// Bytes returns n bytes, all 0. Where the system offers it they lie in pages of a few
// megabytes: finding where in memory a picture lies takes as long as fetching it when there
// are ten thousand small pages that it may lie in.
func Bytes(n int) []byte {
	b := make([]byte, n)
	if n >= hugePages {
		askForHugePages(b)
	}
	return b
}

// hugePages is the number of bytes from which on they are asked for.
const hugePages = 16 << 20
