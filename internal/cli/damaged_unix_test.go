//go:build unix

package cli

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestRunOfPipes has named pipes, of which nobody writes to any, and files far too long in the
// place of a run's files: each is an error, and nothing waits.
func TestRunOfPipes(t *testing.T) {
	data, dir := tinyData(t), t.TempDir()
	whole := filepath.Join(dir, "whole")
	succeed(t, tiny(data, whole, "--epochs", "1")...)
	for _, name := range []string{"config.json", "history.csv", "metrics.json", "model.safetensors", "last.safetensors"} {
		for kind, spoil := range map[string]func(path string) error{
			"a pipe": func(path string) error { return syscall.Mkfifo(path, 0o666) },
			"too long": func(path string) error {
				if err := os.WriteFile(path, []byte("{"), 0o666); err != nil {
					return err
				}
				return os.Truncate(path, 1<<40) // sparse
			},
		} {
			run := copied(t, whole)
			path := filepath.Join(run, name)
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
			if err := spoil(path); err != nil {
				t.Skip(err)
			}
			commands := map[string][]string{
				"compare": {"compare", run}, "eval": {"eval", run, "--data-dir", data}, "resume": {"train", "--resume", "--out", run, "--epochs", "2"},
			}
			reads := map[string][]string{"config.json": {"compare", "resume"}, "history.csv": {"compare", "resume"},
				"metrics.json": {"compare"}, "model.safetensors": {"eval"}, "last.safetensors": {}}
			for _, command := range reads[name] {
				if _, stderr, code := onehot(t, commands[command]...); code == 0 || !strings.Contains(stderr, path) {
					t.Errorf("%s as %s: %s: exit code %d, %q", name, kind, command, code, stderr)
				}
			}
			if name == "last.safetensors" { // the one before is taken
				if _, stderr, code := onehot(t, commands["resume"]...); code != 0 || !strings.Contains(stderr, path) {
					t.Errorf("%s as %s: exit code %d, %q", name, kind, code, stderr)
				}
			}
		}
	}
}
