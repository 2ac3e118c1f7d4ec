package mpi

import (
	"fmt"
	"os"
	"sync"
	"time"
)

// watch ends the process if it waits for other ranks too long. It does so beside the thread that waits within MPI, which no
// message and no error reaches any more.
type watch struct {
	mu        sync.Mutex
	operation string // that goes on; "" for none
	from      int    // the rank that it waits for, or -1 for all
	since     time.Time
	calls     int // how many operations began
}

// mostBeat is the longest time from one look to the next.
const mostBeat = time.Second

// start begins to watch, unless timeout is 0.
func (w *watch) start(rank int, timeout time.Duration) {
	if timeout == 0 {
		return
	}
	go func() {
		for range time.Tick(min(timeout/10+time.Millisecond, mostBeat)) {
			if line := w.late(rank, timeout, time.Now()); line != "" {
				fmt.Fprintln(os.Stderr, line)
				os.Exit(1)
			}
		}
	}()
}

// late returns what is said of an operation that takes longer than timeout at a time, or "".
func (w *watch) late(rank int, timeout time.Duration, now time.Time) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.operation == "" || now.Sub(w.since) < timeout {
		return ""
	}
	of := "the other ranks"
	if w.from >= 0 {
		of = fmt.Sprintf("rank %d", w.from)
	}
	return fmt.Sprintf("onehot: rank %d: waited %s for %s in %s, exchange %d of the run: they or the connection are gone; --resume goes on from the last checkpoint", rank, timeout, of, w.operation, w.calls)
}

// enter says that an operation waits for a rank, or for all if it is -1, until the function that it returns is called.
func (w *watch) enter(operation string, from int) (leave func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.operation, w.from, w.since = operation, from, time.Now()
	w.calls++
	return w.leave
}

func (w *watch) leave() {
	w.mu.Lock()
	w.operation = ""
	w.mu.Unlock()
}
