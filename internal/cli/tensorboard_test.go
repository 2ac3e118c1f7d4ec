package cli

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// boardTags returns what a run's event files say, by file in the order of their names: the
// step and name of every figure and picture, and the step of a purge.
func boardTags(t *testing.T, run string) (files []string) {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(run, "tensorboard", "events.out.tfevents.*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range paths {
		file, said := readFile(t, path), ""
		for len(file) > 0 {
			n := 16 + binary.LittleEndian.Uint64(file)
			event := fields(file[12 : n-4])
			step, _ := binary.Uvarint(event[2])
			if _, purge := event[7]; purge {
				said += fmt.Sprintf("%d purge\n", step)
			}
			if summary, ok := event[5]; ok {
				said += fmt.Sprintf("%d %s\n", step, fields(fields(summary)[1])[1])
			}
			file = file[n:]
		}
		files = append(files, said)
	}
	return files
}

// fields returns the fields of a protocol buffer message by their numbers, numbers as they
// are encoded.
func fields(m []byte) map[uint64][]byte {
	out := map[uint64][]byte{}
	for len(m) > 0 {
		key, n := binary.Uvarint(m)
		m = m[n:]
		size := 8
		switch v, n := binary.Uvarint(m); key & 7 {
		case 0:
			size = n
		case 2:
			m, size = m[n:], int(v)
		case 5:
			size = 4
		}
		out[key>>3], m = m[:size], m[size:]
	}
	return out
}

func epochTags(epoch int) string {
	const tags = "%d loss/train\n%[1]d accuracy/train\n%[1]d learning rate\n%[1]d samples per second\n%[1]d loss/test\n%[1]d accuracy/test\n"
	return fmt.Sprintf(tags, epoch)
}

func TestTensorBoard(t *testing.T) {
	data, dir := tinyData(t), t.TempDir()
	run1 := filepath.Join(dir, "run")
	ctx, cancel := context.WithCancel(t.Context())
	args := tiny(data, run1, "--epochs", "3", "--tensorboard")
	if code := run(ctx, args, &interrupt{n: 2, cancel: cancel}, io.Discard); code != 130 {
		t.Fatalf("exit code %d after an interrupt", code)
	}
	stopped := epochTags(1) + epochTags(2)
	if got := boardTags(t, run1); len(got) != 1 || got[0] != stopped {
		t.Errorf("a stopped run: got %q, want %q", got, stopped)
	}
	succeed(t, "train", "--resume", "--out", run1, "--tensorboard")
	resumed := "3 purge\n" + epochTags(3) + "1 confusion\n1 samples\n" // the best epoch's
	if got := boardTags(t, run1); len(got) != 2 || got[0] != stopped || got[1] != resumed {
		t.Errorf("a resumed run: got %q, want %q", got, []string{stopped, resumed})
	}

	// A run that comes to nothing leaves the earlier one's files, and another replaces them.
	if _, _, code := onehot(t, tiny(data, run1, "--tensorboard", "--force", "--lr", "1e9")...); code != 1 {
		t.Fatalf("exit code %d of a run that diverges", code)
	}
	if got := boardTags(t, run1); len(got) != 2 || got[1] != resumed {
		t.Errorf("after a run that diverged: got %q", got)
	}
	succeed(t, tiny(data, run1, "--tensorboard", "--force", "--epochs", "1")...)
	if got, want := boardTags(t, run1), epochTags(1)+"1 confusion\n1 samples\n"; len(got) != 1 || got[0] != want {
		t.Errorf("a run that replaces another: got %q, want %q", got, want)
	}
	succeed(t, tiny(data, run1, "--force", "--epochs", "1")...)
	if _, err := os.Stat(filepath.Join(run1, "tensorboard")); err == nil {
		t.Error("a run without --tensorboard kept the earlier one's files")
	}
}

func TestTensorBoardErrors(t *testing.T) {
	data, dir := tinyData(t), filepath.Join(t.TempDir(), "run")
	succeed(t, tiny(data, dir, "--epochs", "1")...)
	writeFile(t, filepath.Join(dir, "tensorboard"), nil)
	_, stderr, code := onehot(t, "train", "--resume", "--out", dir, "--epochs", "2", "--tensorboard", "-q")
	if code != 1 || !strings.Contains(stderr, filepath.Join(dir, "tensorboard")+": not a directory") || strings.Count(stderr, "\n") != 1 {
		t.Errorf("exit code %d, %q", code, stderr)
	}
}
