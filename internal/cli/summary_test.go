package cli

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestSummaryOfCopies checks what is said of pictures that are in several parts, under several
// classes, and turned: how many, and the first picture that is there already, with the other.
func TestSummaryOfCopies(t *testing.T) {
	dir := t.TempDir()
	photos := filepath.Join(dir, "photos")
	for _, part := range []string{"train", "val", "test"} {
		colours(t, filepath.Join(photos, part), 6, 8, 8)
	}
	copied := func(from, to string) {
		t.Helper()
		writePNG(t, filepath.Join(photos, filepath.FromSlash(to)), must(t, photos, filepath.FromSlash(from)))
	}
	summary := func() string {
		t.Helper()
		_, stderr, code := onehot(t, "train", photos, "--model", "softmax", "--epochs", "1", "--out", filepath.Join(t.TempDir(), "run"))
		if code != 0 {
			t.Fatal(stderr)
		}
		return stderr
	}
	// lines returns what the summary says from what it said of copies to what it says of classes.
	lines := func(said string) string {
		_, said, _ = strings.Cut(said, "to test on\n")
		said, _, _ = strings.Cut(said, "few pictures")
		return said
	}
	if got := lines(summary()); got != "" {
		t.Errorf("of pictures that are there once: %q", got)
	}
	pair := func(a, b string) string {
		return filepath.Join(photos, filepath.FromSlash(a)) + " and " + filepath.Join(photos, filepath.FromSlash(b))
	}

	// One within the training part, two of it in test, of which one is under another class, and
	// one of val.
	copied("train/blue/000.png", "train/blue/copy.png")
	copied("train/green/001.png", "test/green/leaked.png")
	copied("train/red/002.png", "test/blue/moved.png")
	copied("val/red/003.png", "val/green/wrong.png")
	for i, orientation := range []byte{1, 3, 6, 8} {
		name := filepath.Join(photos, "train", "red", fmt.Sprintf("turned%d.jpg", i))
		if err := os.WriteFile(name, turned(encoded(t, mosaic(uint64(i), 16, 12), 90), orientation), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	want := "turned upright, as the camera noted: 3 pictures\n" +
		"copies of other pictures, pixel for pixel: 4\n" +
		"in more than one part, which flatters the figures: 2 pictures, as " + pair("test/green/leaked.png", "train/green/001.png") + "\n" +
		"under more than one class, one of which is wrong: 2 pictures, as " + pair("test/blue/moved.png", "train/red/002.png") + "\n"
	if got := lines(summary()); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}
