package pixels

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/onehot-go/onehot/dataset/files"
	"github.com/onehot-go/onehot/dist"
	"github.com/onehot-go/onehot/internal/atomicfile"
	"github.com/onehot-go/onehot/transform"
)

// counted is an archive with the files of a list that counts which were read.
type counted struct {
	of   *files.List
	mu   sync.Mutex
	read []int
}

func (c *counted) Read(ctx context.Context, i int) ([]byte, error) { return c.of.Read(ctx, i) }
func (c *counted) Place(i int) string                              { return c.of.Place(i) }
func (c *counted) Contents(ctx context.Context, wanted []int) iter.Seq2[files.Content, error] {
	c.mu.Lock()
	c.read = append(c.read, wanted...)
	c.mu.Unlock()
	wanted = slices.Clone(wanted)
	slices.Reverse(wanted) // as an archive may have them
	return c.of.Contents(ctx, wanted)
}

// loaded is what a rank loaded, and the files that it read.
type loaded struct {
	set  *Set
	err  error
	read []int
}

// onRanks loads a folder on ranks, each with the cache folder of the given name.
func onRanks(t *testing.T, dir string, caches []string, prepare func(rank int, l *files.List, o *Options)) []loaded {
	t.Helper()
	all := make([]loaded, len(caches))
	var wg sync.WaitGroup
	for rank, comm := range dist.Local(len(caches)) {
		l := listOf(t, dir)
		archive := &counted{of: &files.List{Root: dir, Files: l.Files}}
		l.Archive = archive
		o := Options{Dir: caches[rank], Comm: comm, Workers: 2}
		if prepare != nil {
			prepare(rank, l, &o)
		}
		wg.Go(func() {
			r := &all[rank]
			r.set, r.err = Load(context.Background(), l, four, o)
			r.read = archive.read
		})
	}
	wg.Wait()
	t.Cleanup(func() {
		for _, r := range all {
			if r.set != nil {
				r.set.Close()
			}
		}
	})
	return all
}

// pictures are some hundred files, some of them the same, and some no pictures.
func pictures(t *testing.T) string {
	content := map[string][]byte{}
	for i := range 150 {
		data := grey(uint8(i))
		switch i % 10 {
		case 3:
			data = grey(3)
		case 7:
			data = fmt.Appendf(nil, "text %d", i)
		}
		content[fmt.Sprintf("%03d", i)] = data
	}
	return folderOf(t, content)
}

// same reports whether sets say the same of every file.
func same(a, b *Set) bool {
	size := a.Channels * a.Height * a.Width
	for i, row := range a.Rows {
		other := b.Rows[i]
		if (row < 0) != (other < 0) || a.Facts[i] != b.Facts[i] || row >= 0 && !bytes.Equal(a.Pixels[row*size:][:size], b.Pixels[other*size:][:size]) {
			return false
		}
	}
	return len(a.Rows) == len(b.Rows)
}

func TestRanksDecodeTogether(t *testing.T) {
	dir := pictures(t)
	alone := mustLoad(t, dir, four, Options{Dir: t.TempDir()})
	one, other := t.TempDir(), filepath.Join(t.TempDir(), "new")
	caches := []string{one, other, one, other, one}
	for turn, k := range []struct {
		name   string
		change func()
		each   []int // how many files are read by ranks, sorted
		all    int
	}{
		{"nothing is kept", func() {}, []int{0, 0, 22, 64, 64}, 150},
		{"all is kept", func() {}, []int{0, 0, 0, 0, 0}, 0},
		{"one cache is gone", func() { os.RemoveAll(other) }, []int{0, 0, 22, 64, 64}, 150},
		{"a file is new", func() {
			put(t, dir, "new", grey(200), longAgo)
			alone = mustLoad(t, dir, four, Options{Dir: t.TempDir()})
		}, []int{0, 0, 0, 0, 1}, 1},
	} {
		k.change()
		found := onRanks(t, dir, caches, nil)
		var each, read []int
		for rank, r := range found {
			if r.err != nil {
				t.Fatalf("%s: rank %d: %v", k.name, rank, r.err)
			}
			if !same(r.set, alone) {
				t.Errorf("%s: rank %d has other pictures than one rank", k.name, rank)
			}
			each, read = append(each, len(r.read)), append(read, r.read...)
			r.set.Close()
		}
		slices.Sort(each)
		slices.Sort(read)
		if !slices.Equal(each, k.each) || len(slices.Compact(read)) != k.all {
			t.Errorf("%s: ranks read %v files, %v expected, each once", k.name, each, k.each)
		}
		if kept := append(shelved(t, one), shelved(t, other)...); turn == 0 && len(kept) != 2 {
			t.Errorf("%s: %v in two cache folders, a file in each expected", k.name, kept)
		}
	}
	if left, err := filepath.Glob(filepath.Join(one, "rank-*")); err != nil || len(left) > 0 {
		t.Errorf("%v are left, %v", left, err)
	}
}

func TestRanksFailTogether(t *testing.T) {
	dir := pictures(t)
	blocked := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(blocked, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	for name, k := range map[string]struct {
		prepare func(rank int, l *files.List, o *Options)
		want    string
	}{
		"a cache folder that cannot be": {func(rank int, _ *files.List, o *Options) {
			if rank == 1 {
				o.Dir = filepath.Join(blocked, "cache")
			}
		}, "rank 1: cache folder "},
		"a cache that is too small": {func(rank int, _ *files.List, o *Options) {
			if rank == 2 {
				o.Limit = 100
			}
		}, "rank 2: cache folder "},
		"another list": {func(rank int, l *files.List, _ *Options) {
			if rank == 1 {
				l.Files[5].Name += "x"
			}
		}, "rank 1: found the list of files and sizes "},
		"a file of another size": {func(rank int, l *files.List, _ *Options) {
			if rank == 2 {
				l.Files[7].Size++
			}
		}, "rank 2: found the list of files and sizes "},
		"fewer files": {func(rank int, l *files.List, _ *Options) {
			if rank == 2 {
				l.Files = l.Files[:9]
			}
		}, "rank 2: found the list of files "},
	} {
		caches := []string{t.TempDir(), t.TempDir(), t.TempDir()}
		for rank, r := range onRanks(t, dir, caches, k.prepare) {
			if r.err == nil || !strings.HasPrefix(r.err.Error(), k.want) || !dist.Known(r.err) {
				t.Errorf("%s: rank %d: %v, %s expected", name, rank, r.err, k.want)
			}
		}
	}
}

// TestRanksWithoutRoom lets each change to the disk fail in turn.
func TestRanksWithoutRoom(t *testing.T) {
	dir := folderOf(t, map[string][]byte{"a": grey(1), "b": grey(2), "c": []byte("text"), "d": grey(4)})
	for fail := 1; ; fail++ {
		n := 0
		var mu sync.Mutex
		atomicfile.Before = func(string, string) error {
			mu.Lock()
			defer mu.Unlock()
			if n++; n == fail {
				return errStop
			}
			return nil
		}
		found := onRanks(t, dir, []string{t.TempDir(), t.TempDir(), t.TempDir()}, nil)
		atomicfile.Before = nil
		if n < fail {
			if fail < 4 {
				t.Errorf("%d changes", n)
			}
			return
		}
		for rank, r := range found {
			if r.err == nil || !strings.Contains(r.err.Error(), errStop.Error()) {
				t.Errorf("change %d fails: rank %d: %v", fail, rank, r.err)
			}
		}
	}
}

func TestRanksAreInterrupted(t *testing.T) {
	dir := pictures(t)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	errs := make([]error, 3)
	var wg sync.WaitGroup
	for rank, comm := range dist.Local(3) {
		o := Options{Dir: t.TempDir(), Comm: comm}
		of := context.Background()
		if rank == 1 {
			of, o.Progress = ctx, func(done, _ int) {
				if done == 20 {
					cancel()
				}
			}
		}
		wg.Go(func() { _, errs[rank] = Load(of, listOf(t, dir), four, o) })
	}
	wg.Wait()
	for rank, err := range errs {
		if !errors.Is(err, context.Canceled) || !dist.Known(err) {
			t.Errorf("rank %d: %v", rank, err)
		}
	}
}

// stopping is a Comm that interrupts the program in an AllGather, counted from 1.
type stopping struct {
	dist.Comm
	at, n int
	stop  func()
}

func (s *stopping) AllGather(send []byte, recv [][]byte) error {
	if s.n++; s.n == s.at {
		s.stop()
	}
	return s.Comm.AllGather(send, recv)
}

// TestRanksAreInterruptedAtOnce interrupts all ranks when one sends its first pictures, and the other waits for its cache folder, which another
// program holds.
func TestRanksAreInterruptedAtOnce(t *testing.T) {
	dir, caches := pictures(t), []string{t.TempDir(), t.TempDir()}
	_, saved := checkSteps(four)
	if !locks {
		t.Skip("nothing locks a folder here")
	}
	held, err := lockFolder(context.Background(), filepath.Join(caches[1], (&load{saved: saved}).key()))
	if err != nil {
		t.Fatal(err)
	}
	defer held.Close()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	errs := make([]error, 2)
	var wg sync.WaitGroup
	for rank, comm := range dist.Local(2) {
		if rank == 0 {
			const first = 6 // after two of what each has, two of names of cache folders, and one when all have looked
			comm = &stopping{Comm: comm, at: first, stop: cancel}
		}
		wg.Go(func() { _, errs[rank] = Load(ctx, listOf(t, dir), four, Options{Dir: caches[rank], Comm: comm}) })
	}
	wg.Wait()
	for rank, err := range errs {
		if !errors.Is(err, context.Canceled) || !dist.Known(err) {
			t.Errorf("rank %d: %v", rank, err)
		}
	}
}

func TestRanksHaveTheSameSteps(t *testing.T) {
	dir := pictures(t)
	other := transform.Compose{transform.Resize{Height: 8, Width: 8}, transform.Grayscale{}}
	caches := []string{t.TempDir(), t.TempDir()}
	errs := make([]error, 2)
	var wg sync.WaitGroup
	for rank, comm := range dist.Local(2) {
		steps := []transform.Compose{four, other}[rank]
		wg.Go(func() {
			_, errs[rank] = Load(context.Background(), listOf(t, dir), steps, Options{Dir: caches[rank], Comm: comm})
		})
	}
	wg.Wait()
	for rank, err := range errs {
		if d, ok := errors.AsType[*dist.DiffersError](err); !ok || d.Rank != 1 || d.Name != "preparation of pictures" {
			t.Errorf("rank %d: %v", rank, err)
		}
		if kept := List(caches[rank]); len(kept) > 0 {
			t.Errorf("rank %d keeps %v", rank, kept)
		}
	}
}

// TestRanksWithOtherContents holds that a rank's cache folder says of its own files what these contain, where another rank has another
// file of the same name and size.
func TestRanksWithOtherContents(t *testing.T) {
	content := map[string][]byte{}
	for i := range 140 { // more than a rank reads in a turn
		content[fmt.Sprintf("%03d", i)] = fmt.Appendf(nil, "text %03d", i)
	}
	dirs := []string{folderOf(t, content), folderOf(t, content)}
	put(t, dirs[1], "003", []byte("other 03"), longAgo) // which rank 0 reads
	put(t, dirs[0], "070", []byte("other 70"), longAgo) // which rank 1 reads
	caches := []string{t.TempDir(), t.TempDir()}
	run := func() []loaded {
		return onRanks(t, dirs[0], caches, func(rank int, l *files.List, _ *Options) { *l = *listOf(t, dirs[rank]) })
	}
	for rank, r := range run() {
		if r.err != nil {
			t.Fatalf("rank %d: %v", rank, r.err)
		}
		if r.set.Facts[3].SHA256 != sumOf([]byte("text 003")) || r.set.Facts[70].SHA256 != sumOf([]byte("text 070")) {
			t.Errorf("rank %d has not what the ranks read", rank)
		}
	}
	for rank, dir := range dirs { // by itself
		s := mustLoad(t, dir, four, Options{Dir: caches[rank]})
		for i, f := range listOf(t, dir).Files {
			if data, err := os.ReadFile(filepath.Join(dir, f.Name)); err != nil || s.Facts[i].SHA256 != sumOf(data) {
				t.Errorf("folder %d, %s: found the content %x, that of the file expected; %v", rank, f.Name, s.Facts[i].SHA256, err)
			}
		}
	}
	for rank, r := range run() { // when both know all of theirs
		if r.err == nil || !strings.Contains(r.err.Error(), "rank 1: ") || !strings.Contains(r.err.Error(), "003: found SHA-256 ") || !dist.Known(r.err) {
			t.Errorf("rank %d: %v", rank, r.err)
		}
	}
}

// TestTwoProgramsOfRanks has two programs decode for the same two cache folders at once, each with its ranks in another order.
func TestTwoProgramsOfRanks(t *testing.T) {
	dir := pictures(t)
	alone := mustLoad(t, dir, four, Options{Dir: t.TempDir()})
	for range 5 {
		caches := []string{t.TempDir(), t.TempDir()}
		var wg sync.WaitGroup
		for _, order := range [][]string{caches, {caches[1], caches[0]}} {
			wg.Go(func() {
				for rank, r := range onRanks(t, dir, order, nil) {
					if r.err != nil || !same(r.set, alone) {
						t.Errorf("rank %d: %v", rank, r.err)
					}
				}
			})
		}
		wg.Wait()
	}
}
