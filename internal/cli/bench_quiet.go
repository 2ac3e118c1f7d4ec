package cli

import (
	"os"
	"runtime"
	"strconv"
	"strings"
	"time"
)

// quiet is how many processors others may use while a machine counts as quiet.
const quiet = 0.1

// processorsOfOthers looks at the machine for a moment and returns how many processors are in use
// meanwhile, also by other machines on the same hardware. This program does nothing then. It
// returns 0 where the system does not say.
func processorsOfOthers() float64 {
	const moment = 300 * time.Millisecond
	before, _ := os.ReadFile("/proc/stat") // there is none but on Linux
	time.Sleep(moment)
	after, _ := os.ReadFile("/proc/stat")
	return inUse(string(before), string(after)) * float64(runtime.NumCPU())
}

// inUse returns the share of all processors' time that was not idle between two readings of
// /proc/stat, 0 if they do not say it.
func inUse(before, after string) float64 {
	idle0, all0 := processorTime(before)
	idle1, all1 := processorTime(after)
	if all1 <= all0 {
		return 0
	}
	return 1 - (idle1-idle0)/(all1-all0)
}

// processorTime returns the idle time and all time of all processors by the first line of
// /proc/stat: "cpu" and times as user, nice, system, idle, waiting for a disk, interrupts,
// soft interrupts and stolen by other machines. Times of guests are within those.
func processorTime(stat string) (idle, all float64) {
	line, _, _ := strings.Cut(stat, "\n")
	fields := strings.Fields(line)
	if len(fields) < 9 || fields[0] != "cpu" {
		return 0, 0
	}
	for i, field := range fields[1:9] {
		t, err := strconv.ParseFloat(field, 64)
		if err != nil {
			return 0, 0
		}
		all += t
		if i == 3 || i == 4 {
			idle += t
		}
	}
	return idle, all
}
