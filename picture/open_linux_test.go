package picture

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// TestOpenNeverBlocks has what a program that opens it would wait at for ever.
func TestOpenNeverBlocks(t *testing.T) {
	dir := t.TempDir()
	pipe, socket, link := filepath.Join(dir, "pipe"), filepath.Join(dir, "socket"), filepath.Join(dir, "link")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if err := os.Symlink(pipe, link); err != nil {
		t.Fatal(err)
	}
	for file, want := range map[string]string{pipe: "a named pipe", link: "a named pipe", socket: "a socket", "/dev/null": "a device"} {
		_, _, err := Open(context.Background(), file, Limits{})
		if want = file + ": " + want + ", the file of a picture expected"; err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

// TestNamesAreBytes opens a file whose name is no UTF-8, by itself and by a link.
func TestNamesAreBytes(t *testing.T) {
	data, err := os.ReadFile("testdata/grey-3.png")
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "\xe9t\xe9 \xff.png")
	link := file + "\xfe"
	if err := os.WriteFile(file, data, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(file, link); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{file, link} {
		if _, info, err := Open(context.Background(), name, Limits{}); err != nil || info.Orientation != 3 {
			t.Errorf("%q: got %+v and error %v", name, info, err)
		}
	}
}
