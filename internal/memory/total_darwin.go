package memory

import "golang.org/x/sys/unix"

// totals returns the limits that there are.
func totals() []int64 {
	n, err := unix.SysctlUint64("hw.memsize")
	if err != nil {
		return nil
	}
	return []int64{int64(n)}
}
