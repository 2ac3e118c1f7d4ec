package cli

import "time"

// interval says when so much time has gone by.
type interval struct {
	every time.Duration
	now   func() time.Time
	last  time.Time
}

func newInterval(every time.Duration, now func() time.Time) *interval {
	return &interval{every, now, now()}
}

// over reports whether the time has gone by since the last start. If it has, it starts anew.
func (i *interval) over() bool {
	if i.now().Sub(i.last) < i.every {
		return false
	}
	i.start()
	return true
}

// start begins to measure the time.
func (i *interval) start() { i.last = i.now() }
