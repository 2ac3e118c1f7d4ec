package cli

import (
	"os"
	"path/filepath"
	"testing"
)

// TestNamesThatAreNoText trains into two folders whose names differ in bytes that are no UTF-8:
// both have a run, under the very names.
func TestNamesThatAreNoText(t *testing.T) {
	data, dir := tinyData(t), t.TempDir()
	names := []string{filepath.Join(dir, "run\xff"), filepath.Join(dir, "run\xfe")}
	succeed(t, tiny(data, names[0], "--epochs", "0")...)
	succeed(t, "train", "mnist", "--data-dir", data, "--epochs", "0", "--out="+names[1])
	for _, name := range names {
		if _, err := os.Stat(folder(name).best()); err != nil {
			t.Error(err)
		}
		succeed(t, "eval", name, "--data-dir", data)
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 2 {
		t.Errorf("%v in the folder, the two runs expected; %v", entries, err)
	}
}
