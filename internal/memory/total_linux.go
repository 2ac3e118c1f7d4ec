package memory

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// totals returns the limits that there are.
func totals() []int64 {
	var all []int64
	var info unix.Sysinfo_t
	if unix.Sysinfo(&info) == nil {
		all = append(all, int64(info.Totalram)*int64(info.Unit))
	}
	var space unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_AS, &space) == nil && space.Cur < 1<<62 {
		all = append(all, int64(space.Cur))
	}
	groups, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return all
	}
	return append(all, groupLimits("/sys/fs/cgroup", string(groups))...)
}

// groupLimits returns the limits of the control groups that /proc/self/cgroup names, and of
// those above them. root is where the groups are: of version 2 it has them itself, of version 1
// in a folder for each controller. In a container the group's own name may mean nothing there:
// then the root's limit is the group's.
func groupLimits(root, groups string) (all []int64) {
	for line := range strings.Lines(groups) {
		fields := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(fields) != 3 {
			continue
		}
		folder, file := root, "memory.max"
		if fields[1] != "" { // version 1
			if fields[1] != "memory" {
				continue
			}
			folder, file = filepath.Join(root, "memory"), "memory.limit_in_bytes"
		}
		for group := filepath.Clean("/" + fields[2]); ; group = filepath.Dir(group) {
			text, err := os.ReadFile(filepath.Join(folder, group, file))
			if err == nil {
				// Without a limit it is "max", or a number that no memory has.
				if n, err := strconv.ParseInt(string(bytes.TrimSpace(text)), 10, 64); err == nil {
					all = append(all, n)
				}
			}
			if group == "/" {
				break
			}
		}
	}
	return all
}
