package pixels

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/onehot-go/onehot/dataset/files"
	"github.com/onehot-go/onehot/internal/atomicfile"
	"github.com/onehot-go/onehot/transform"
)

// changes notes the changes to the disk until the test ends, and lets the one of the given
// number, from 1, fail; 0 is none.
func changes(t *testing.T, fail int) *[]string {
	var all []string
	atomicfile.Before = func(change, _ string) error {
		all = append(all, change)
		if len(all) == fail {
			return errStop
		}
		return nil
	}
	t.Cleanup(func() { atomicfile.Before = nil })
	return &all
}

// TestUnchanged loads an unchanged folder: nothing is read, and nothing is written.
func TestUnchanged(t *testing.T) {
	dir, options := folderOf(t, map[string][]byte{"a": grey(1), "b": grey(2)}), Options{Dir: t.TempDir()}
	mustLoad(t, dir, four, options)
	// Other contents of the same size and time are not seen: nothing is read.
	put(t, dir, "a", bytes.Repeat([]byte{'x'}, len(grey(1))), longAgo)
	written := changes(t, 0)
	s := mustLoad(t, dir, four, options)
	if got, want := firsts(s), []int{1, 2}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if len(*written) != 0 {
		t.Errorf("changes %v", *written)
	}
	// Another time lets it be read.
	put(t, dir, "a", bytes.Repeat([]byte{'x'}, len(grey(1))), longAgo.Add(time.Second))
	if got, want := firsts(mustLoad(t, dir, four, options)), []int{-1, 2}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// TestChangedJustNow changes a file after it was read, within what clocks of file systems
// tell apart.
func TestChangedJustNow(t *testing.T) {
	dir, options := t.TempDir(), Options{Dir: t.TempDir()}
	now := time.Now()
	put(t, dir, "a", []byte("text"), now)
	mustLoad(t, dir, four, options)
	put(t, dir, "a", []byte("else"), now)
	if got, want := mustLoad(t, dir, four, options).Facts[0].SHA256, sumOf([]byte("else")); got != want {
		t.Errorf("got the content %x, want %x", got, want)
	}
}

// TestCopied loads a folder with the same contents under other names: they are hashed, and
// nothing is decoded or written but their places.
func TestCopied(t *testing.T) {
	options := Options{Dir: t.TempDir()}
	first := mustLoad(t, folderOf(t, map[string][]byte{"a": grey(1), "b": grey(2), "c": []byte("text")}), four, options)
	kept := shelved(t, options.Dir)
	second := mustLoad(t, folderOf(t, map[string][]byte{"x": []byte("text"), "y": grey(2), "z": grey(1)}), four, options)
	if got, want := firsts(second), []int{-1, 2, 1}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if second.Facts[0] != first.Facts[2] || second.Facts[1] != first.Facts[1] {
		t.Errorf("got facts %+v, want those of %+v", second.Facts, first.Facts)
	}
	if got := shelved(t, options.Dir); len(kept) != 1 || !slices.Equal(got, kept) {
		t.Errorf("got files %v, want %v", got, kept)
	}
}

// TestChanged loads a folder again after files came, went and changed. Rows that are kept are
// copied: to see that, they are changed where they lie.
func TestChanged(t *testing.T) {
	dir, options := folderOf(t, map[string][]byte{"a": grey(1), "b": grey(2), "c": grey(3)}), Options{Dir: t.TempDir()}
	s, err := Load(context.Background(), listOf(t, dir), four, options)
	if err != nil {
		t.Fatal(err)
	}
	row := s.Rows[0]
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	kept := shelved(t, options.Dir)
	f, err := os.OpenFile(kept[0], os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt([]byte{77}, int64(row)*48); err != nil {
		t.Fatal(err)
	}
	f.Close()
	put(t, dir, "b", grey(20), longAgo)
	put(t, dir, "d", grey(4), longAgo)
	if err := os.Remove(filepath.Join(dir, "c")); err != nil {
		t.Fatal(err)
	}
	put(t, dir, "b", grey(20), longAgo.Add(time.Hour))
	if got, want := firsts(mustLoad(t, dir, four, options)), []int{77, 20, 4}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if got := shelved(t, options.Dir); len(got) != 2 {
		t.Errorf("got files %v, want the earlier one, which has more, and the new one", got)
	}
	// What has less than the new one is removed; the second is in use.
	put(t, dir, "c", grey(3), longAgo)
	put(t, dir, "e", grey(2), longAgo)
	if got, want := firsts(mustLoad(t, dir, four, options)), []int{77, 20, 3, 4, 2}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if got := shelved(t, options.Dir); len(got) != 2 || slices.Contains(got, kept[0]) {
		t.Errorf("got files %v, want the one in use and the new one", got)
	}
}

// TestOtherSteps keeps pixels of several steps side by side; a file is decoded for each, and
// hashed once.
func TestOtherSteps(t *testing.T) {
	dir, options := folderOf(t, map[string][]byte{"a": grey(1)}), Options{Dir: t.TempDir()}
	for _, size := range []int{4, 8, 4} {
		steps := transform.Compose{transform.Resize{Height: size, Width: size}, transform.Grayscale{}}
		if s := mustLoad(t, dir, steps, options); len(s.Pixels) != size*size || s.Pixels[0] != 1 {
			t.Errorf("size %d: got pixels %v", size, s.Pixels)
		}
	}
	if got := shelved(t, options.Dir); len(got) != 2 {
		t.Errorf("got files %v, want 2", got)
	}
}

// TestWholeOrNot lets every change to the disk fail, and every one be the last that a program
// makes before it is killed. What the next program finds is the earlier state or the new one.
func TestWholeOrNot(t *testing.T) {
	for fail := 1; ; fail++ {
		dir, options := folderOf(t, map[string][]byte{"a": grey(1), "b": grey(2)}), Options{Dir: t.TempDir()}
		s, err := Load(context.Background(), listOf(t, dir), four, options)
		if err != nil {
			t.Fatal(err)
		}
		s.Close()
		put(t, dir, "c", grey(3), longAgo)
		made := 0
		atomicfile.Before = func(string, string) error {
			if made++; made >= fail { // a program that was killed removes nothing either
				return errStop
			}
			return nil
		}
		s, err = Load(context.Background(), listOf(t, dir), four, options)
		atomicfile.Before = nil
		if err == nil {
			s.Close()
			if fail < 10 {
				t.Errorf("only %d changes to the disk", fail-1)
			}
			return
		}
		if !errors.Is(err, errStop) || !contains(err, "cache folder "+options.Dir+": stop (--cache") {
			t.Fatal(err)
		}
		if got, want := firsts(mustLoad(t, dir, four, options)), []int{1, 2, 3}; !slices.Equal(got, want) {
			t.Fatalf("change %d: got %v, want %v", fail, got, want)
		}
		left, err := filepath.Glob(filepath.Join(options.Dir, "*", ".*"))
		if err != nil || len(left) > 0 && filepath.Base(filepath.Dir(left[0])) != "places" {
			t.Errorf("change %d: left behind %v", fail, left)
		}
	}
}

// TestDamaged changes and cuts files of the cache, byte by byte: they are made anew.
func TestDamaged(t *testing.T) {
	dir, options := folderOf(t, map[string][]byte{"a": grey(1), "b": []byte("text")}), Options{Dir: t.TempDir()}
	s, err := Load(context.Background(), listOf(t, dir), four, options)
	if err != nil {
		t.Fatal(err)
	}
	s.Close()
	places, err := filepath.Glob(filepath.Join(options.Dir, "places", "*"))
	if err != nil || len(places) != 1 {
		t.Fatalf("places %v, error %v", places, err)
	}
	for _, path := range []string{shelved(t, options.Dir)[0], places[0]} {
		whole, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		pixels := 48
		if path == places[0] {
			pixels = 0
		}
		try := func(data []byte) {
			t.Helper()
			if err := os.WriteFile(path, data, 0o644); err != nil {
				t.Fatal(err)
			}
			s, err := Load(context.Background(), listOf(t, dir), four, options)
			if err != nil {
				t.Fatal(err)
			}
			if got, want := firsts(s), []int{1, -1}; !slices.Equal(got, want) {
				t.Errorf("got %v, want %v", got, want)
			}
			s.Close()
			for _, other := range shelved(t, options.Dir) {
				if other != path {
					os.Remove(other)
				}
			}
		}
		for i := pixels; i < len(whole); i += 13 {
			changed := slices.Clone(whole)
			changed[i] ^= 0x81
			try(changed)
			try(whole[:i])
		}
	}
}

// TestUnreadable has a file that cannot be read: it is tried again each time.
func TestUnreadable(t *testing.T) {
	dir, options := folderOf(t, map[string][]byte{"a": grey(1)}), Options{Dir: t.TempDir()}
	list := listOf(t, dir)
	list.Files = append(list.Files, files.File{Name: "gone", Size: 3, Time: longAgo})
	for range 2 {
		s, err := Load(context.Background(), list, four, options)
		if err != nil {
			t.Fatal(err)
		}
		if s.Rows[1] != -1 || s.Facts[1].Err == "" || s.Facts[1].SHA256 != (Facts{}).SHA256 || s.Rows[0] != 0 {
			t.Errorf("got rows %v, facts %+v", s.Rows, s.Facts[1])
		}
		s.Close()
	}
	put(t, dir, "gone", grey(9), longAgo)
	if got, want := firsts(mustLoad(t, dir, four, options)), []int{1, 9}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// TestInterrupted ends Load in the middle: its error is that of the context, and the cache is
// as before.
func TestInterrupted(t *testing.T) {
	content := map[string][]byte{}
	for i := range 100 {
		content[string(rune('A'+i))] = grey(uint8(i))
	}
	dir := folderOf(t, content)
	ctx, cancel := context.WithCancel(context.Background())
	options := Options{Dir: t.TempDir(), Workers: 3, Progress: func(done, _ int) {
		if done == 50 {
			cancel()
		}
	}}
	if _, err := Load(ctx, listOf(t, dir), four, options); err != context.Canceled {
		t.Errorf("got error %v", err)
	}
	left, err := filepath.Glob(filepath.Join(options.Dir, "*", "*"))
	if err != nil || len(left) > 0 {
		t.Errorf("left behind %v", left)
	}
}

// TestLimit keeps the cache within a limit: what was used longest ago is removed, but nothing
// that is in use, and what cannot fit is refused before it is made.
func TestLimit(t *testing.T) {
	options := Options{Dir: t.TempDir()}
	dirs := make([]string, 3)
	for i := range dirs {
		dirs[i] = folderOf(t, map[string][]byte{"a": grey(uint8(3 * i)), "b": grey(uint8(3*i + 1))})
		s, err := Load(context.Background(), listOf(t, dirs[i]), four, options)
		if err != nil {
			t.Fatal(err)
		}
		s.Close()
	}
	kept := shelved(t, options.Dir)
	if len(kept) != 3 {
		t.Fatalf("got files %v, want 3", kept)
	}
	total := int64(0)
	for _, e := range everything(options.Dir) {
		total += e.size
	}
	// The first is in use, the second was used last, so the third goes.
	first := mustLoad(t, dirs[0], four, options)
	for i, path := range kept {
		k, err := openKept(path)
		if err != nil {
			t.Fatal(err)
		}
		at := longAgo
		if _, ok := k.of[sumOf(grey(3))]; ok {
			at = longAgo.Add(time.Hour)
		}
		k.file.Close()
		if err := os.Chtimes(path, at, at); err != nil {
			t.Fatal(i, err)
		}
	}
	if err := shrink(options.Dir, total-1); err != nil {
		t.Fatal(err)
	}
	left := shelved(t, options.Dir)
	if len(left) != 2 {
		t.Fatalf("got files %v, want 2 of %v", left, kept)
	}
	for _, path := range left {
		k, err := openKept(path)
		if err != nil {
			t.Fatal(err)
		}
		if _, ok := k.of[sumOf(grey(6))]; ok {
			t.Error("the file that was used longest ago is still there")
		}
		k.file.Close()
	}
	if err := shrink(options.Dir, 0); err != nil {
		t.Fatal(err)
	}
	if left := shelved(t, options.Dir); len(left) != 1 || firsts(first)[0] != 0 {
		t.Errorf("got files %v, want the one in use", left)
	}

	options.Limit = 95
	_, err := Load(context.Background(), listOf(t, dirs[1]), four, options)
	if want := "cache folder " + options.Dir + ": 2 pictures of [3 4 4] take 96 bytes, and it may have 95 bytes"; !contains(err, want) {
		t.Errorf("got error %v, want %s", err, want)
	}
}

// TestListAndClear shows the cache, and clears it but for what is in use and what is not its
// own.
func TestListAndClear(t *testing.T) {
	options := Options{Dir: filepath.Join(t.TempDir(), "cache")}
	if all := List(options.Dir); len(all) != 0 {
		t.Errorf("got %v of a folder that is not there", all)
	}
	if n, err := Clear(options.Dir); n != 0 || err != nil {
		t.Errorf("got %d and error %v", n, err)
	}
	idle, busy := folderOf(t, map[string][]byte{"a": grey(1), "b": []byte("text")}), folderOf(t, map[string][]byte{"a": grey(2)})
	s, err := Load(context.Background(), listOf(t, idle), four, options)
	if err != nil {
		t.Fatal(err)
	}
	s.Close()
	path := shelved(t, options.Dir)[0]
	if err := os.Chtimes(path, longAgo, longAgo); err != nil {
		t.Fatal(err)
	}
	s = mustLoad(t, busy, four, options)
	own := filepath.Join(options.Dir, "own", "a.pixels")
	left := filepath.Join(options.Dir, "0123456789abcdef", ".x.pixels.1.tmp") // by a program that was killed
	for _, path := range []string{own, left} {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	all := List(options.Dir)
	if len(all) != 2 {
		t.Fatalf("got %+v", all)
	}
	steps := `[{"type":"resize-edge","size":4},{"type":"center-crop","height":4,"width":4},{"type":"rgb"}]`
	stat, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := all[1], (Kept{path, idle, steps, [3]int{3, 4, 4}, 1, stat.Size(), stat.ModTime(), false}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if !all[0].InUse || all[0].Root != busy {
		t.Errorf("got %+v", all[0])
	}
	for range 2 {
		if _, err := Clear(options.Dir); err != nil {
			t.Fatal(err)
		}
		if all := List(options.Dir); len(all) != 1 || all[0].Root != busy || firsts(s)[0] != 2 {
			t.Errorf("got %+v", all)
		}
	}
	if _, err := os.Stat(filepath.Dir(left)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%s: got error %v", left, err)
	}
	if _, err := os.Stat(own); err != nil {
		t.Error(err)
	}
}

// TestChangedMeanwhile changes a file between its listing and Load: content and pixels are
// those that were read.
func TestChangedMeanwhile(t *testing.T) {
	dir, options := folderOf(t, map[string][]byte{"a": grey(1)}), Options{Dir: t.TempDir()}
	list := listOf(t, dir)
	put(t, dir, "a", grey(200), longAgo)
	s, err := Load(context.Background(), list, four, options)
	if err != nil {
		t.Fatal(err)
	}
	if s.Facts[0].SHA256 != sumOf(grey(200)) || firsts(s)[0] != 200 {
		t.Errorf("got %x and %v", s.Facts[0].SHA256, firsts(s))
	}
	s.Close()
	if got := firsts(mustLoad(t, dir, four, options)); got[0] != 200 {
		t.Errorf("got %v", got)
	}
}

// TestOtherFile puts a file of other steps in place of one: it is not taken for it.
func TestOtherFile(t *testing.T) {
	dir, options := folderOf(t, map[string][]byte{"a": grey(1)}), Options{Dir: t.TempDir()}
	two := transform.Compose{transform.Resize{Height: 2, Width: 2}, transform.RGB{}}
	for _, steps := range []transform.Compose{four, two} {
		s, err := Load(context.Background(), listOf(t, dir), steps, options)
		if err != nil {
			t.Fatal(err)
		}
		s.Close()
	}
	kept := shelved(t, options.Dir)
	first, err := os.ReadFile(kept[0])
	if err != nil {
		t.Fatal(err)
	}
	second, err := os.ReadFile(kept[1])
	if err != nil {
		t.Fatal(err)
	}
	for i, data := range [][]byte{second, first} {
		if err := os.WriteFile(kept[i], data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, steps := range []transform.Compose{four, two} {
		if s := mustLoad(t, dir, steps, options); s.Pixels[0] != 1 || len(s.Pixels) != 3*s.Height*s.Width {
			t.Errorf("got %d bytes of %d by %d", len(s.Pixels), s.Height, s.Width)
		}
	}
}

// FuzzIndex reads indices that anybody may have written, with the right checksum.
func FuzzIndex(f *testing.F) {
	var file bytes.Buffer
	w := &keptWriter{w: &file, of: map[[32]byte]int{}}
	if err := w.add(Facts{SHA256: sumOf(nil), Format: "png", Width: 3}, make([]byte, 12)); err != nil {
		f.Fatal(err)
	}
	f.Add(w.index("root", "steps", [3]int{3, 2, 2}), 12)
	f.Fuzz(func(t *testing.T, index []byte, pixels int) {
		if pixels < 0 || pixels > 1<<16 {
			return
		}
		path := filepath.Join(t.TempDir(), "a.pixels")
		if err := os.WriteFile(path, slices.Concat(make([]byte, pixels), index, trailer(index, pixels)), 0o644); err != nil {
			t.Fatal(err)
		}
		k, err := openKept(path)
		if err != nil {
			return
		}
		defer k.file.Close()
		if k.rows*k.size() != pixels || len(k.facts) != len(k.row) {
			t.Errorf("%d rows of %v in %d bytes", k.rows, k.shape, pixels)
		}
		for _, row := range k.row {
			if row < -1 || row >= k.rows {
				t.Errorf("row %d of %d", row, k.rows)
			}
		}
	})
}
