package cli

import (
	"testing"
	"time"
)

func TestInterval(t *testing.T) {
	now := time.Date(2024, 5, 1, 12, 0, 0, 0, time.UTC)
	i := newInterval(5*time.Minute, func() time.Time { return now })
	for step, c := range []struct {
		minutes int
		start   bool // before
		over    bool
	}{{4, false, false}, {1, false, true}, {4, false, false}, {3, false, true}, {4, true, false}, {1, false, true}, {4, false, false}} {
		if c.start {
			i.start()
		}
		now = now.Add(time.Duration(c.minutes) * time.Minute)
		if got := i.over(); got != c.over {
			t.Errorf("step %d: %v, want %v", step, got, c.over)
		}
	}
}
