package pixels

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/onehot-go/onehot/dataset/files"
	"github.com/onehot-go/onehot/fault"
	"github.com/onehot-go/onehot/transform"
)

// long ago is when files of the tests were written, unless a test is about that.
var longAgo = time.Date(2020, 2, 29, 12, 0, 0, 0, time.UTC)

// four is the steps of the tests: colour pictures of 4 by 4.
var four = transform.Compose{transform.ResizeEdge{Size: 4}, transform.CenterCrop{Height: 4, Width: 4}, transform.RGB{}}

// plain returns the file of a PNG of one colour.
func plain(c color.Color, width, height int) []byte {
	img := image.NewNRGBA(image.Rect(0, 0, width, height))
	for y := range height {
		for x := range width {
			img.Set(x, y, c)
		}
	}
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		panic(err)
	}
	return b.Bytes()
}

// grey returns a file that is grey throughout.
func grey(v uint8) []byte { return plain(color.Gray{v}, 5, 7) }

// folderOf writes files to a new folder.
func folderOf(t *testing.T, content map[string][]byte) string {
	t.Helper()
	dir := t.TempDir()
	for name, data := range content {
		put(t, dir, name, data, longAgo)
	}
	return dir
}

func put(t *testing.T, dir, name string, data []byte, at time.Time) {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(path, at, at); err != nil {
		t.Fatal(err)
	}
}

// listOf returns the list of a folder's files.
func listOf(t *testing.T, dir string) *files.List {
	t.Helper()
	l := &files.List{Root: dir}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		info, err := e.Info()
		if err != nil {
			t.Fatal(err)
		}
		l.Files = append(l.Files, files.File{Name: e.Name(), Size: info.Size(), Time: info.ModTime()})
	}
	return l
}

// mustLoad loads a folder's pixels. They are given up when the test ends.
func mustLoad(t *testing.T, dir string, steps transform.Compose, options Options) *Set {
	t.Helper()
	s, err := Load(context.Background(), listOf(t, dir), steps, options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// firsts returns the first value of the pixels of each file, -1 where there are none.
func firsts(s *Set) []int {
	var all []int
	for _, row := range s.Rows {
		if row < 0 {
			all = append(all, -1)
			continue
		}
		all = append(all, int(s.Pixels[row*s.Channels*s.Height*s.Width]))
	}
	return all
}

func TestLoad(t *testing.T) {
	dir := folderOf(t, map[string][]byte{
		"a.png": plain(color.NRGBA{10, 20, 30, 255}, 8, 6),
		"b.png": []byte("no picture"),
		"c.png": grey(200),
		"d.png": plain(color.NRGBA{0, 0, 0, 0}, 4, 4),
		"e.png": grey(200)[:50],
		"f.png": grey(200),
	})
	var progress []int
	options := Options{Dir: filepath.Join(t.TempDir(), "cache"), Progress: func(done, total int) { progress = append(progress, done, total) }}
	for turn := range 2 {
		progress = nil
		s := mustLoad(t, dir, four, options)
		if s.Channels != 3 || s.Height != 4 || s.Width != 4 || len(s.Pixels) != 3*48 {
			t.Errorf("got %d bytes of (%d, %d, %d), want 3 rows of (3, 4, 4)", len(s.Pixels), s.Channels, s.Height, s.Width)
		}
		if want := []int{0, -1, 1, 2, -1, 1}; !slices.Equal(s.Rows, want) {
			t.Errorf("got rows %v, want %v", s.Rows, want)
		}
		if want := slices.Concat(bytes.Repeat([]byte{10}, 16), bytes.Repeat([]byte{20}, 16), bytes.Repeat([]byte{30}, 16)); !bytes.Equal(s.Pixels[:48], want) {
			t.Errorf("got %v", s.Pixels[:48])
		}
		if want := []int{10, -1, 200, 255, -1, 200}; !slices.Equal(firsts(s), want) {
			t.Errorf("got %v, want %v", firsts(s), want)
		}
		f := s.Facts[0]
		if f.Format != "png" || f.Width != 8 || f.Height != 6 || f.Orientation != 1 || f.Err != "" || f.Transparent || f.SHA256 == s.Facts[2].SHA256 {
			t.Errorf("got %+v", f)
		}
		if !s.Facts[3].Transparent || s.Facts[2] != s.Facts[5] {
			t.Errorf("got %+v and %+v", s.Facts[3], s.Facts[5])
		}
		if want := `no picture: found "no picture" at its beginning, PNG, JPEG, GIF, WebP, BMP or TIFF expected`; s.Facts[1].Err != want {
			t.Errorf("got error %s, want %s", s.Facts[1].Err, want)
		}
		if want := "broken png: png: invalid format: not enough pixel data"; s.Facts[4].Err != want || s.Facts[4].Format != "png" {
			t.Errorf("got %+v, want error %s", s.Facts[4], want)
		}
		if want := [][]int{{1, 6, 2, 6, 3, 6, 4, 6, 5, 6, 6, 6}, {6, 6}}[turn]; !slices.Equal(progress, want) {
			t.Errorf("got progress %v, want %v", progress, want)
		}
	}
}

// TestStepsOfOneSize has steps that are not of one size.
func TestStepsOfOneSize(t *testing.T) {
	for _, steps := range []transform.Compose{
		{}, {transform.ResizeEdge{Size: 4}}, {transform.Resize{Height: 4, Width: 4}},
		{transform.Resize{Height: 4, Width: 4}, transform.ToTensor{}}, {transform.RandomHorizontalFlip{}},
	} {
		func() {
			defer func() {
				if err, ok := recover().(*fault.OptionError); !ok {
					t.Errorf("%v: got %v, want a panic of an OptionError", steps, err)
				}
			}()
			Load(context.Background(), &files.List{}, steps, Options{Dir: t.TempDir()})
		}()
	}
}

// shelved returns the names of the files of pixels in a cache folder.
func shelved(t *testing.T, dir string) []string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "*", "*"+keptSuffix))
	if err != nil {
		t.Fatal(err)
	}
	return names
}

var errStop = errors.New("stop")

func sumOf(data []byte) [sha256.Size]byte { return sha256.Sum256(data) }

func contains(err error, text string) bool { return err != nil && strings.Contains(err.Error(), text) }
