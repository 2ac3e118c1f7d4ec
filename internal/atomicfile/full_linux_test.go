package atomicfile

import (
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestFullDisk lets a child process, whose files may not grow beyond a limit, replace a
// file: the kernel then fails the write as it does on a full disk.
func TestFullDisk(t *testing.T) {
	const variable = "ATOMICFILE_TEST_PATH"
	if path := os.Getenv(variable); path != "" {
		writeBeyondLimit(t, path)
		return
	}
	dir := t.TempDir()
	path := filepath.Join(dir, "a.txt")
	if err := Write(path, writeString("earlier")); err != nil {
		t.Fatal(err)
	}
	child := exec.Command(os.Args[0], "-test.run=^TestFullDisk$")
	child.Env = append(os.Environ(), variable+"="+path)
	if out, err := child.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	wantOnly(t, dir, "a.txt", "earlier")
}

func writeBeyondLimit(t *testing.T, path string) {
	const limit = 4096
	signal.Ignore(syscall.SIGXFSZ) // else it ends the process before write returns EFBIG
	var old syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &old); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: limit, Max: old.Max}); err != nil {
		t.Fatal(err)
	}
	err := Write(path, func(w io.Writer) error {
		_, err := w.Write(bytes.Repeat([]byte("new "), limit))
		return err
	})
	// The limit holds for the test binary's own files too, such as a coverage profile.
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &old); err != nil {
		t.Fatal(err)
	}
	if !errors.Is(err, syscall.EFBIG) || !strings.HasPrefix(err.Error(), "write "+path+": ") {
		t.Errorf("error %v, want %v at %s", err, syscall.EFBIG, path)
	}
}
