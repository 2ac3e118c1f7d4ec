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

// lastWord is the key of the error in a context, an *atomic.Pointer, that is said of a command
// that is cut short.
type lastWord struct{}

// leaveWord says why the command ends, in case that it does not come to that.
func leaveWord(ctx context.Context, err error) {
	if word, ok := ctx.Value(lastWord{}).(*atomic.Pointer[error]); ok {
		word.Store(&err)
	}
}

// cutShort returns command's exit code. When ctx is done and the command does not end in so much
// time, whatever it is at, that is said, and the rest of it is given up: the program is about to
// end, and files are written whole or not at all.
func cutShort(ctx context.Context, grace time.Duration, stderr io.Writer, command func(context.Context) int) int {
	var word atomic.Pointer[error]
	err := errors.New("interrupted")
	word.Store(&err)
	code := make(chan int, 1)
	go func() { code <- command(context.WithValue(ctx, lastWord{}, &word)) }()
	select {
	case c := <-code:
		return c
	case <-ctx.Done():
	}
	select {
	case c := <-code:
		return c
	case <-time.After(grace):
		sayAll(stderr, *word.Load())
		return exitInterrupted
	}
}
