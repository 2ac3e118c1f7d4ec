package mpi

import (
	"fmt"
	"os"
	"sync"
	"time"
)

// watch tells of waiting for other ranks, and ends the process if that takes too long. It does so beside the thread that waits within MPI,
// which no message and no error reaches any more.
type watch struct {
	timeout time.Duration // 0 for ever

	mu        sync.Mutex
	rank      int           // of this process, or unknown
	operation string        // that goes on; "" for none
	from      int           // the rank that it waits for, or -1 for all
	waited    time.Duration // for how long
	looked    time.Time     // when it began, or was looked at last
	told      int           // how often it was told of
	calls     int           // how many operations began since the rank is known
}

const (
	unknown  = -1               // the rank, before MPI has begun
	mostBeat = time.Second      // the longest time from one look to the next
	mostStep = 2 * mostBeat     // what counts of it, if it was longer: this process was stopped then, and others with it as it may be
	tellBeat = 30 * time.Second // the time of waiting from one line to the next
)

// start begins to watch.
func (w *watch) start(timeout time.Duration) {
	w.timeout, w.rank = timeout, unknown
	beat := mostBeat
	if timeout > 0 {
		beat = min(timeout/10+time.Millisecond, mostBeat)
	}
	go func() {
		for now := range time.Tick(beat) {
			line, late := w.look(now)
			if line != "" {
				fmt.Fprintln(os.Stderr, line)
			}
			if late {
				os.Exit(1)
			}
		}
	}()
}

// look returns what is to be said at a time of an operation that goes on, or "", and whether the process ends. Of ranks that wait, 0 and 1
// alone say so before it does: if one rank is late, one of these two waits, and many ranks would all say the same. All
// do that wait for MPI to begin, since none knows then which it is.
func (w *watch) look(now time.Time) (line string, late bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.operation == "" {
		return "", false
	}
	w.waited += min(now.Sub(w.looked), mostStep)
	w.looked = now
	of, in, rank, end := "the other ranks", w.operation, "", ""
	if w.from >= 0 {
		of = fmt.Sprintf("rank %d", w.from)
	}
	if w.rank != unknown {
		rank = fmt.Sprintf(" rank %d:", w.rank)
		in = fmt.Sprintf("%s, exchange %d of the run", w.operation, w.calls)
		end = "; --resume goes on from the last checkpoint"
	}
	said := func(waited time.Duration, more string) string {
		return fmt.Sprintf("onehot:%s waited %s for %s in %s%s", rank, waited, of, in, more)
	}
	if w.timeout > 0 && w.waited >= w.timeout {
		return said(w.timeout, ": they or the connection are gone"+end), true
	}
	beats := int(w.waited / tellBeat)
	if beats <= w.told || w.rank > 1 {
		return "", false
	}
	w.told = beats
	if w.timeout > 0 {
		return said(time.Duration(beats)*tellBeat, fmt.Sprintf(": all ranks end after %s", w.timeout)), false
	}
	return said(time.Duration(beats)*tellBeat, ""), false
}

// is says which rank this process is, before the first exchange.
func (w *watch) is(rank int) {
	w.mu.Lock()
	w.rank, w.calls = rank, 0
	w.mu.Unlock()
}

// enter says that an operation waits for a rank, or for all if it is -1, until the function that it returns is called.
func (w *watch) enter(operation string, from int) (leave func()) {
	w.begin(operation, from, time.Now())
	return w.leave
}

// begin is enter at a time.
func (w *watch) begin(operation string, from int, now time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.operation, w.from, w.waited, w.looked, w.told = operation, from, 0, now, 0
	w.calls++
}

func (w *watch) leave() {
	w.mu.Lock()
	w.operation = ""
	w.mu.Unlock()
}
