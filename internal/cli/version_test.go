package cli

import (
	"runtime"
	"strings"
	"testing"
)

func TestVersion(t *testing.T) {
	out := succeed(t, "version")
	if !strings.HasPrefix(out, "onehot ") || !strings.Contains(out, runtime.Version()) || strings.Count(out, "\n") != 1 {
		t.Errorf("got %q", out)
	}
}
