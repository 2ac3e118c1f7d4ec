//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package cli

import (
	"bytes"
	"fmt"
	"io"
	"path/filepath"
	"testing"
)

func TestTrainLocksItsFolder(t *testing.T) {
	data, dir := tinyData(t), filepath.Join(t.TempDir(), "run")
	succeed(t, tiny(data, dir, "--epochs", "1")...)
	unlock, err := folder(dir).lock(io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	before := readFile(t, dir, "last.safetensors")
	busy := fmt.Sprintf("--out %s: another run is at work in it", dir)
	wantError(t, 2, busy, tiny(data, dir, "--force")...)
	wantError(t, 2, busy, "train", "--resume", "--out", dir, "--epochs", "2")
	if !bytes.Equal(readFile(t, dir, "last.safetensors"), before) {
		t.Error("a refused run changed the folder")
	}
	unlock()
	succeed(t, "train", "--resume", "--out", dir, "--epochs", "2")
}
