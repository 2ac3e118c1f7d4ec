package cli

import (
	"bytes"
	"context"
	"errors"
	"testing"
	"time"
)

// TestCutShort interrupts commands that end by themselves, that do not, and that say why before
// they do not.
func TestCutShort(t *testing.T) {
	never := make(chan struct{})
	defer close(never)
	for name, c := range map[string]struct {
		command func(ctx context.Context) int
		grace   time.Duration
		code    int
		said    string
	}{
		"not interrupted": {func(context.Context) int { return 3 }, time.Hour, 3, ""},
		"ends": {func(ctx context.Context) int {
			<-ctx.Done()
			return 4
		}, time.Hour, 4, ""},
		"deaf": {func(context.Context) int {
			<-never
			return 0
		}, 0, exitInterrupted, "onehot: interrupted\n"},
		"deaf after a word": {func(ctx context.Context) int {
			leaveWord(ctx, errors.Join(errors.New("interrupted: a"), errors.New("b")))
			<-never
			return 0
		}, 100 * time.Millisecond, exitInterrupted, "onehot: interrupted: a; b\n"},
	} {
		ctx, cancel := context.WithCancel(t.Context())
		if name != "not interrupted" {
			cancel()
		}
		var stderr bytes.Buffer
		if code := cutShort(ctx, c.grace, &stderr, c.command); code != c.code || stderr.String() != c.said {
			t.Errorf("%s: exit code %d, %q", name, code, stderr.String())
		}
		cancel()
	}
	leaveWord(t.Context(), errors.New("nobody hears it"))
}
