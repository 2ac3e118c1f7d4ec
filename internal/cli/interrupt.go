package cli

import (
	"context"
	"errors"
	"io"
	"sync/atomic"
	"time"
)

// grace is how long a command may take to end by itself after Ctrl-C: what follows takes some time
// too where all cores are busy.
const grace = 600 * time.Millisecond

// lastMoments is what a command has to say about its end.
type lastMoments struct {
	word    atomic.Pointer[error] // what is said of a command that is cut short
	patient atomic.Bool           // it is not cut short
}

// lastMomentsKey is the key of the *lastMoments in a command's context.
type lastMomentsKey struct{}

// leaveWord says why the command ends, in case that it does not come to that.
func leaveWord(ctx context.Context, err error) {
	if e, ok := ctx.Value(lastMomentsKey{}).(*lastMoments); ok {
		e.word.Store(&err)
	}
}

// takeTime says that the command ends by itself after Ctrl-C, in its own time.
func takeTime(ctx context.Context) {
	if e, ok := ctx.Value(lastMomentsKey{}).(*lastMoments); ok {
		e.patient.Store(true)
	}
}

// cutShort returns command's exit code. When ctx is done and the command does not end in so much
// time, whatever it is at, that is said, and the rest of it is given up: the program is about to
// end, and files are written whole or not at all.
func cutShort(ctx context.Context, grace time.Duration, stderr io.Writer, command func(context.Context) int) int {
	var e lastMoments
	err := errors.New("interrupted")
	e.word.Store(&err)
	code := make(chan int, 1)
	go func() { code <- command(context.WithValue(ctx, lastMomentsKey{}, &e)) }()
	select {
	case c := <-code:
		return c
	case <-ctx.Done():
	}
	if e.patient.Load() {
		return <-code
	}
	select {
	case c := <-code:
		return c
	case <-time.After(grace):
		sayAll(stderr, *e.word.Load())
		return exitInterrupted
	}
}
