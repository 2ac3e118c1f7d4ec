package main

import (
	"strings"
	"testing"
	"time"
)

func TestTimeoutOf(t *testing.T) {
	for _, c := range []struct {
		args    string
		timeout time.Duration
		rest    string
		err     string
	}{
		{"train a --epochs 2", 10 * time.Minute, "train a --epochs 2", ""},
		{"train --mpi-timeout 30s a", 30 * time.Second, "train a", ""},
		{"--mpi-timeout=0 train", 0, "train", ""},
		{"train -- --mpi-timeout 30s", 10 * time.Minute, "train -- --mpi-timeout 30s", ""},
		{"train --mpi-timeout", 0, "", "--mpi-timeout: a time such as 10m expected"},
		{"train --mpi-timeout -3s", 0, "", "--mpi-timeout -3s: a time such as 10m expected, or 0 for ever"},
		{"train --mpi-timeout soon", 0, "", "--mpi-timeout soon: a time such as 10m expected, or 0 for ever"},
	} {
		timeout, rest, err := timeoutOf(strings.Fields(c.args))
		if c.err != "" {
			if err == nil || err.Error() != c.err {
				t.Errorf("%s: found %v, %s expected", c.args, err, c.err)
			}
			continue
		}
		if err != nil || timeout != c.timeout || strings.Join(rest, " ") != c.rest {
			t.Errorf("%s: found %v, %q, %v", c.args, timeout, rest, err)
		}
	}
}
