package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"image/jpeg"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/onehot-go/onehot/random"
)

// TestBenchFolder measures a folder of two photographs: its lines say what was measured.
func TestBenchFolder(t *testing.T) {
	dir := t.TempDir()
	for i, class := range []string{"ash", "beech"} {
		var file bytes.Buffer
		if err := jpeg.Encode(&file, photograph(random.New(0).At(i)), &jpeg.Options{Quality: photographQuality}); err != nil {
			t.Fatal(err)
		}
		if file.Len() < 80_000 || file.Len() > 120_000 {
			t.Errorf("photograph %d has %d bytes, about 100 KB expected", i, file.Len())
		}
		if err := os.Mkdir(filepath.Join(dir, class), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, class, "a.jpg"), file.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	var passes []string
	for line := range strings.Lines(succeed(t, "bench", "folder", dir, "--size", "32", "--repeat", "2", "--json")) {
		var r passResult
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			t.Fatal(err)
		}
		if r.Pictures != 2 || r.Speed <= 0 {
			t.Errorf("got %s", line)
		}
		passes = append(passes, r.Pass)
	}
	if got := strings.Join(passes, " "); got != "first later later" {
		t.Errorf("got passes %s", got)
	}
	wantError(t, 2, "--size 0: 1 to 4096 expected", "bench", "folder", dir, "--size", "0")
	wantError(t, 2, "bench folder a b: one folder expected", "bench", "folder", "a", "b")
	if err := os.Remove(filepath.Join(dir, "ash", "a.jpg")); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "ash", "b.jpg"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "beech", "a.jpg"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	wantError(t, 1, dir+": none of 2 files can be decoded; "+filepath.Join(dir, "ash", "b.jpg")+": no picture: found an empty file, PNG, JPEG, GIF, WebP, BMP or TIFF expected", "bench", "folder", dir, "--json")
}

// TestPhotographs writes the photographs that bench folder makes, until it is interrupted.
func TestPhotographs(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := writePhotographs(ctx, t.TempDir()); err == nil {
		t.Error("no error, though it was interrupted")
	}
}
