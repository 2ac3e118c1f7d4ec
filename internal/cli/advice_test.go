package cli

import (
	"path/filepath"
	"strings"
	"testing"
)

// TestModelOnFewPictures checks what a model that is asked for is trained with on few pictures: more steps than usual, by
// AdamW at a rate of its own, and by what the command line has.
func TestModelOnFewPictures(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	t.Setenv("XDG_CACHE_HOME", filepath.Join(dir, "cache"))
	colours(t, "photos", 20, 16, 16) // 48 to train on
	for _, c := range []struct {
		args  string
		batch int
		want  string // optimizer, rate, schedule
		lr    float64
		said  string
	}{
		{"--model softmax", 2, "adamw one-cycle", 0.0003, "5 epochs of batches of 256 are few steps for about 48 pictures, so this is chosen: 30 epochs of 24 steps, batches of 2, adamw at a learning rate of 0.0003, one-cycle\n"},
		{"--model lenet --size 28", 2, "adamw one-cycle", 0.001, "batches of 2, adamw at a learning rate of 0.001, one-cycle\n"},
		{"--model softmax --optimizer sgd", 2, "sgd one-cycle", 0.1, "batches of 2, sgd at a learning rate of 0.1, one-cycle\n"},
		{"--model mlp --lr 0.05", 2, "sgd constant", 0.05, "batches of 2, sgd at a learning rate of 0.05, constant\n"},
		{"--model softmax --schedule constant --batch-size 16", 16, "adamw constant", 0.0003, "so this is chosen: 167 epochs of 3 steps, batches of 16, adamw at a learning rate of 0.0003, constant\n"},
	} {
		_, stderr, code := onehot(t, append([]string{"train", "photos", "--force", "--out", "run"}, strings.Fields(c.args)...)...)
		s := readRunConfig(t, "run").Settings
		if code != 0 || s.BatchSize != c.batch || s.Optimizer+" "+s.Schedule != c.want || s.LR != c.lr || !strings.Contains(stderr, c.said) || len(s.Augment) > 0 {
			t.Errorf("%s: exit code %d, %+v, %q", c.args, code, s, stderr)
		}
	}
	many := situation{pictures: 60_000, classes: 10, side: 28}
	few := situation{pictures: 25_000, classes: 10, side: 28}
	if !many.usualFits() || few.usualFits() {
		t.Error("the usual settings are enough for 60,000 pictures and not for 25,000")
	}
}
