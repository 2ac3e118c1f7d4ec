package train_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/onehot-go/onehot/model/safetensors"
	"github.com/onehot-go/onehot/train"
)

// kept trains a run with an identity, with momentum, and returns it with its checkpoint's
// bytes.
func kept(t *testing.T) (c train.Config, content []byte) {
	t.Helper()
	c = setup(t, momentum)
	c.Run, c.Keep, c.Epochs = "A", keep(t), 2
	c.Keep.Before = filepath.Join(filepath.Dir(c.Keep.Last), "last.1.safetensors")
	if _, err := run(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(c.Keep.Last)
	if err != nil {
		t.Fatal(err)
	}
	return c, content
}

// restored restores the checkpoint at path into a new run of the given identity.
func restored(t *testing.T, path, id string) (train.Progress, error) {
	t.Helper()
	r := setup(t, momentum)
	return train.Restore(path, train.Config{Model: r.Model, Optimizer: r.Optimizer, Run: id})
}

func TestCheckpointBefore(t *testing.T) {
	c, _ := kept(t)
	for path, epoch := range map[string]int{c.Keep.Last: 2, c.Keep.Before: 1} {
		if p, err := restored(t, path, "A"); err != nil || p.Epoch != epoch {
			t.Errorf("%s: epoch %d (%v), %d expected", path, p.Epoch, err, epoch)
		}
	}
}

// TestFlippedBits checks that no flipped bit of a checkpoint is restored in silence.
func TestFlippedBits(t *testing.T) {
	c, content := kept(t)
	path := c.Keep.Last
	for at := range content {
		content[at] ^= 1 << (at % 8)
		if err := os.WriteFile(path, content, 0o666); err != nil {
			t.Fatal(err)
		}
		content[at] ^= 1 << (at % 8)
		_, err := restored(t, path, "A")
		if err == nil && content[at] == ' ' { // what fills the header up
			continue
		}
		if err == nil || !strings.HasPrefix(err.Error(), path+": ") {
			t.Errorf("bit %d of byte %d of %d flipped: error %v", at%8, at, len(content), err)
		}
	}
}

func TestCheckpointOfAnotherRun(t *testing.T) {
	c, _ := kept(t)
	path := c.Keep.Last
	if _, err := restored(t, path, "B"); err == nil || err.Error() != path+`: found run "A", "B" expected: the checkpoint is of another run` {
		t.Errorf("error %v", err)
	}
	if _, err := restored(t, path, ""); err != nil { // a run of an earlier version
		t.Error(err)
	}
	f, err := safetensors.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	delete(f.Metadata, "onehot.run") // a checkpoint of one
	delete(f.Metadata, "onehot.sha256")
	var b strings.Builder
	if err := f.Write(&b); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(b.String()), 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := restored(t, path, "A"); err != nil {
		t.Error(err)
	}
}
