package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"image"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/onehot-go/onehot/dataset/files"
	"github.com/onehot-go/onehot/dataset/pixels"
	"github.com/onehot-go/onehot/transform"
)

// TestCache shows what is kept, and clears it.
func TestCache(t *testing.T) {
	home := t.TempDir()
	for _, name := range []string{"HOME", "XDG_CACHE_HOME", "LocalAppData"} { // one of them is the system's
		t.Setenv(name, home)
	}
	dir, err := pixels.Dir()
	if err != nil {
		t.Fatal(err)
	}
	if got, want := succeed(t, "cache"), "0 bytes in "+dir+"\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	photos := filepath.Join(t.TempDir(), "holiday\x1b")
	if err := os.Mkdir(photos, 0o755); err != nil {
		t.Fatal(err)
	}
	f, err := os.Create(filepath.Join(photos, "a.png"))
	if err != nil {
		t.Fatal(err)
	}
	if err := png.Encode(f, image.NewGray(image.Rect(0, 0, 9, 9))); err != nil {
		t.Fatal(err)
	}
	f.Close()
	list := &files.List{Root: photos, Files: []files.File{{Name: "a.png"}}}
	s, err := pixels.Load(context.Background(), list, transform.Compose{transform.Resize{Height: 6, Width: 5}, transform.RGB{}}, pixels.Options{})
	if err != nil {
		t.Fatal(err)
	}
	line := fmt.Sprintf("1 picture  3×6×5  %s  in use  %q\n", bytesOf(t, dir), photos)
	if got := succeed(t, "cache"); !strings.HasPrefix(got, line) {
		t.Errorf("got %q, want %q", got, line)
	}
	succeed(t, "cache", "--clear") // nothing but what is in use
	var kept struct {
		Path, Root string
		Pictures   int
		Shape      []int
		Steps      []map[string]any
		Bytes      int64
		InUse      bool `json:"in_use"`
	}
	out := succeed(t, "cache", "--json")
	if err := json.Unmarshal([]byte(out), &kept); err != nil || kept.Root != strings.ToValidUTF8(photos, "") || kept.Pictures != 1 || !kept.InUse || len(kept.Steps) != 2 {
		t.Errorf("got %s (%v)", out, err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if got, want := succeed(t, "cache", "--clear"), "0 bytes in "+dir+"\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if _, err := os.Stat(dir); !os.IsNotExist(err) {
		t.Errorf("%s is still there", dir)
	}
}

// bytesOf returns how large the only file of pixels is.
func bytesOf(t *testing.T, dir string) string {
	t.Helper()
	all := pixels.List(dir)
	if len(all) != 1 {
		t.Fatalf("got %+v", all)
	}
	return fmt.Sprintf("%d bytes", all[0].Bytes)
}
