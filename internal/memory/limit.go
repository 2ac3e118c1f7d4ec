package memory

import (
	"fmt"
	"sync/atomic"
)

// limit is the most bytes that something may take, and what errors say of it.
type limit struct {
	bytes int64
	text  string
}

var current atomic.Pointer[limit]

// SetLimit sets what Check holds memory to, at least 1 byte, and what errors say of it:
// "--memory". Before it is called there is no limit.
func SetLimit(bytes int64, text string) { current.Store(&limit{bytes, text}) }

// Limit returns what SetLimit has set, or the greatest number if there is no limit.
func Limit() int64 {
	if l := current.Load(); l != nil {
		return l.bytes
	}
	return 1<<63 - 1
}

// Check returns an error if so many bytes are more than the limit. It is called before memory
// is taken whose size a file says. What is named takes them: "its 3 tensors".
func Check(bytes float64, what string) error {
	l := current.Load()
	if l == nil || bytes <= float64(l.bytes) {
		return nil
	}
	return fmt.Errorf("%s would take %s of memory, at most %s expected (%s)", what, Size(bytes), Size(float64(l.bytes)), l.text)
}

// Size returns a number of bytes as it is written for people, in powers of 1024: "1.5 GiB".
func Size(bytes float64) string {
	const units = "KMGTPE"
	if bytes < 1<<10 {
		return fmt.Sprintf("%.0f bytes", bytes)
	}
	unit := -1
	for bytes >= 1<<10 && unit < len(units)-1 {
		bytes /= 1 << 10
		unit++
	}
	return fmt.Sprintf("%.1f %ciB", bytes, units[unit])
}
