package memory

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestBytes(t *testing.T) {
	for _, n := range []int{0, 1, hugePages - 1, hugePages, hugePages + 1, 3*hugePages + 4097} {
		b := Bytes(n)
		if len(b) != n {
			t.Fatalf("Bytes(%d) has %d", n, len(b))
		}
		for i := range b {
			if b[i] != 0 {
				t.Fatalf("Bytes(%d)[%d] is %d", n, i, b[i])
			}
			b[i] = 1
		}
	}
}

func TestLimit(t *testing.T) {
	t.Cleanup(func() { current.Store(nil) })
	if err := Check(1e30, "all"); err != nil || Limit() != 1<<63-1 {
		t.Errorf("without a limit: %v, %d", err, Limit())
	}
	SetLimit(3<<30, "--memory")
	if err := Check(3<<30, "all"); err != nil || Limit() != 3<<30 {
		t.Errorf("at the limit: %v, %d", err, Limit())
	}
	want := "all would take 64.0 GiB of memory, at most 3.0 GiB expected (--memory)"
	if err := Check(64<<30, "all"); err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestSize(t *testing.T) {
	for n, want := range map[float64]string{0: "0 bytes", 1023: "1023 bytes", 1024: "1.0 KiB", 1.5 * (1 << 30): "1.5 GiB", 1 << 62: "4.0 EiB", 1e30: "867361737988.4 EiB"} {
		if got := Size(n); got != want {
			t.Errorf("%v: got %q, want %q", n, got, want)
		}
	}
}

func TestReadFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "file")
	if err := os.WriteFile(path, []byte("abcd"), 0o666); err != nil {
		t.Fatal(err)
	}
	if text, err := ReadFile(path, 4); err != nil || string(text) != "abcd" {
		t.Errorf("got %q, %v", text, err)
	}
	if _, err := ReadFile(path, 3); err == nil || err.Error() != path+": more than 3 bytes, at most that expected" {
		t.Errorf("too long: %v", err)
	}
	if err := os.Truncate(path, 1<<40); err == nil { // where files are sparse
		if _, err := ReadFile(path, 1<<20); err == nil || err.Error() != path+": more than 1.0 MiB, at most that expected" {
			t.Errorf("far too long: %v", err)
		}
	}
	if _, err := ReadFile(dir, 4); err == nil || err.Error() != dir+": a regular file expected" {
		t.Errorf("a folder: %v", err)
	}
	if _, err := ReadFile(filepath.Join(dir, "none"), 4); !errors.Is(err, fs.ErrNotExist) || !strings.HasPrefix(err.Error(), "open ") {
		t.Errorf("none: %v", err)
	}
}
