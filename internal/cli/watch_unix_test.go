//go:build unix

package cli

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestTrainCrowd opens 300 connections, and reads none of them, to the page of a run that may
// have 64 files: it keeps what its own files need, and comes to its end.
func TestTrainCrowd(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	args := []string{"train", "mnist", "--data-dir", tinyData(t), "--out", dir, "--max-time", "3s", "--watch"}
	c := exec.Command("/bin/sh", append([]string{"-c", `ulimit -n 64 && exec "$0" "$@"`, os.Args[0]}, args...)...)
	c.Env = append(os.Environ(), fmt.Sprintf("%s=%d", killAt, noKill))
	stderr, err := c.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	var said strings.Builder
	watched := false
	for lines := bufio.NewScanner(stderr); lines.Scan(); {
		said.WriteString(lines.Text() + "\n")
		if url, ok := strings.CutPrefix(lines.Text(), "watch at http://"); ok {
			watched = true
			for range 300 {
				dial(t, strings.TrimSuffix(url, "/"), "GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n")
			}
		}
	}
	if err := c.Wait(); err != nil || !watched {
		t.Errorf("%v: %s", err, said.String())
	}
	if len(readFile(t, dir, "report.html")) == 0 {
		t.Error("no report")
	}
}
