package pixels

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/onehot-go/onehot/dataset/files"
	"github.com/onehot-go/onehot/dist"
	"github.com/onehot-go/onehot/internal/printable"
	"github.com/onehot-go/onehot/transform"
)

// version is of what this package makes of a file, beside the steps. Whoever changes the
// decoding or the scaling of pictures, or Facts, counts it up.
const version = 2

// load is a call of Load.
type load struct {
	list     *files.List
	steps    transform.Compose
	saved    string // the form of steps
	shape    [3]int
	dir      string
	limit    int64
	workers  int
	progress func(done, total int)

	comm dist.Comm // the ranks that load the same list; nil is one
	// Of several ranks:
	near    []bool // by rank: it has the same cache folder
	wanted  []bool // by the list's files: a rank lacks its pixels
	foreign []bool // by the list's files: a rank with another cache folder said what it contains

	root string              // the list's, from the root of the file system
	sums [][sha256.Size]byte // by the list's files: the content, 0 where it is not known
	errs map[int]string      // of files that cannot be read
	done int                 // files
}

// run returns the pixels: those that are kept, or new ones.
func (l *load) run(ctx context.Context) (*Set, error) {
	l.root = l.list.Root
	if abs, err := filepath.Abs(l.root); err == nil {
		l.root = abs
	}
	l.sums, l.errs = known(l.list.Files, readPlaces(placesPath(l.dir, l.root))), map[int]string{}
	s := shelf(filepath.Join(l.dir, l.key()))

	candidates := s.open(l.saved, l.shape)
	defer func() { closeKept(candidates) }()
	if l.comm != nil && l.comm.Size() > 1 {
		return l.together(ctx, s, candidates)
	}
	if k := l.having(candidates); k != nil {
		l.progress(len(l.sums), len(l.sums))
		candidates = slices.DeleteFunc(candidates, func(other *kept) bool { return other == k })
		return l.set(k)
	}
	closeKept(candidates)
	candidates = nil
	locked, err := lockFolder(ctx, string(s))
	if err != nil {
		return nil, err
	}
	defer locked.Close()
	k, err := l.keep(ctx, s)
	if err != nil {
		return nil, err
	}
	return l.set(k)
}

// keep returns a file of the locked shelf with all contents, which it makes if there is none.
func (l *load) keep(ctx context.Context, s shelf) (*kept, error) {
	start := time.Now()
	// What others made in between is there now, and what is temporary is nobody's.
	path := placesPath(l.dir, l.root)
	places := readPlaces(path)
	for i, sum := range known(l.list.Files, places) {
		if l.sums[i] == ([sha256.Size]byte{}) {
			l.sums[i] = sum
		}
	}
	candidates := s.open(l.saved, l.shape)
	defer func() { closeKept(candidates) }()
	if err := s.sweep(); err != nil {
		return nil, err
	}
	if err := sweepOthers(l.dir); err != nil {
		return nil, err
	}
	k, made, err := l.make(ctx, s, candidates)
	if err != nil {
		return nil, err
	}
	if made {
		candidates = append(candidates, k)
		if err := s.removeWithin(k, candidates); err != nil {
			return nil, err
		}
	}
	sums := slices.Clone(l.sums)
	for i, foreign := range l.foreign { // which this folder's own files may not have
		if foreign {
			sums[i] = [sha256.Size]byte{}
		}
	}
	if err := writePlaces(ctx, path, updated(places, l.list.Files, sums, start)); err != nil {
		return nil, err
	}
	k.used()
	if err := shrink(l.dir, l.limit); err != nil {
		return nil, err
	}
	return openKept(k.file.Name()) // with a lock of its own
}

// key returns what the name of the folder says of how pixels are made: the steps, this
// package, and the libraries that decode.
func (l *load) key() string {
	sum := sha256.Sum256(fmt.Append(nil, version, runtime.Version(), l.saved))
	return hex.EncodeToString(sum[:8])
}

// set returns the pixels that k has, by the list's files. It closes k with them.
func (l *load) set(k *kept) (*Set, error) {
	k.used()
	pixels, unmap, err := mapped(k.file, k.rows*k.size())
	if err != nil {
		k.file.Close()
		return nil, err
	}
	s := &Set{
		Channels: l.shape[0], Height: l.shape[1], Width: l.shape[2], Pixels: pixels,
		Rows: make([]int, len(l.sums)), Facts: make([]Facts, len(l.sums)),
		close: func() error { return errors.Join(unmap(), k.file.Close()) },
	}
	for i, sum := range l.sums {
		if at, ok := k.of[sum]; ok {
			s.Rows[i], s.Facts[i] = k.row[at], k.facts[at]
		} else {
			s.Rows[i], s.Facts[i] = -1, Facts{Err: l.errs[i]}
		}
	}
	return s, nil
}

// having returns the first of the kept files that has the contents of all files; nil if there is none, or one is not known.
func (l *load) having(all []*kept) *kept {
	i := slices.IndexFunc(all, l.has)
	if i < 0 || slices.Contains(l.sums, [sha256.Size]byte{}) {
		return nil
	}
	return all[i]
}

// has reports whether a kept file has the contents of all files that are known.
func (l *load) has(k *kept) bool {
	for _, sum := range l.sums {
		if _, ok := k.of[sum]; !ok && sum != ([sha256.Size]byte{}) {
			return false
		}
	}
	return true
}

// find returns which of the kept files has a content, and its index there.
func find(all []*kept, sum [sha256.Size]byte) (*kept, int) {
	for _, k := range all {
		if at, ok := k.of[sum]; ok {
			return k, at
		}
	}
	return nil, 0
}

// content is what was learnt of a file.
type content struct {
	index  int // in the list
	facts  Facts
	pixels []byte // nil if it is no picture, or kept
	kept   bool   // a candidate has it, or another file
	err    error  // why it cannot be read
	all    error  // why nothing more can be read
}

// make returns a kept file with all contents, one of the candidates or a new one. It goes
// over the files only once: as long as a candidate may have them all nothing is written.
func (l *load) make(ctx context.Context, s shelf, candidates []*kept) (k *kept, made bool, err error) {
	next, stop := iter.Pull(l.contents(ctx, candidates))
	defer stop()
	all := slices.Clone(candidates) // that have all contents so far
	var first content               // that none of them has
	var ok bool
	for first, ok = next(); ok; first, ok = next() {
		if err := l.take(ctx, first); err != nil {
			return nil, false, err
		}
		sum := l.sums[first.index]
		if sum == ([sha256.Size]byte{}) {
			continue
		}
		all = slices.DeleteFunc(all, func(k *kept) bool { _, ok := k.of[sum]; return !ok })
		if len(all) == 0 {
			break
		}
	}
	if len(all) > 0 {
		return all[0], false, ctx.Err()
	}
	if need := int64(len(l.sums)) * int64(l.shape[0]*l.shape[1]*l.shape[2]); need > l.limit {
		return nil, false, fmt.Errorf("%d pictures of %v take %s, and it may have %s", len(l.sums), l.shape, printable.Bytes(need), printable.Bytes(l.limit))
	}
	path := filepath.Join(string(s), strconv.FormatUint(rand.Uint64(), 36)+keptSuffix)
	err = writeKept(path, l.root, l.saved, l.shape, func(w *keptWriter) error {
		row := make([]byte, l.shape[0]*l.shape[1]*l.shape[2])
		add := func(c content) error {
			sum := l.sums[c.index]
			if _, ok := w.of[sum]; ok || sum == ([sha256.Size]byte{}) {
				return nil
			}
			if !c.kept {
				return w.add(c.facts, c.pixels)
			}
			k, at := find(candidates, sum)
			if k == nil {
				return nil // the file that has it too is still to come
			}
			if k.row[at] < 0 {
				return w.add(k.facts[at], nil)
			}
			if err := k.copyRow(row, k.row[at]); err != nil {
				return err
			}
			return w.add(k.facts[at], row)
		}
		for i, sum := range l.sums { // those before the first are all kept
			if k, _ := find(candidates, sum); k != nil {
				if err := add(content{index: i, kept: true}); err != nil {
					return err
				}
			}
			if i%1000 == 0 && ctx.Err() != nil {
				return ctx.Err()
			}
		}
		for c, more := first, ok; more; c, more = next() {
			if c.index != first.index {
				if err := l.take(ctx, c); err != nil {
					return err
				}
			}
			if err := add(c); err != nil {
				return err
			}
		}
		return ctx.Err()
	})
	if err != nil {
		return nil, false, err
	}
	k, err = openKept(path)
	return k, true, err
}

// readError is why the list cannot be read on.
type readError struct{ error }

func (e *readError) Unwrap() error { return e.error }

// take notes the content of a file.
func (l *load) take(ctx context.Context, c content) error {
	if c.all != nil { // before ctx: what all ranks know stays known
		return &readError{c.all}
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	l.sums[c.index] = c.facts.SHA256
	if c.err != nil {
		l.errs[c.index] = c.err.Error()
	}
	l.done++
	l.progress(l.done, len(l.sums))
	return nil
}

// contents goes over the files of the list. Those whose pixels no candidate has, or that another rank lacks, are read.
func (l *load) contents(ctx context.Context, candidates []*kept) iter.Seq[content] {
	return func(yield func(content) bool) {
		var wanted []int
		for i, sum := range l.sums {
			if k, _ := find(candidates, sum); k == nil || l.wanted != nil && l.wanted[i] {
				wanted = append(wanted, i)
			} else if !yield(content{index: i, kept: true, facts: Facts{SHA256: sum}}) {
				return
			}
		}
		read := l.read
		if l.wanted != nil {
			read = l.exchange
		}
		for c := range read(ctx, candidates, wanted) {
			if !yield(c) {
				return
			}
		}
	}
}

// read reads and decodes the files of the given indices, on several cores. Some files ahead are in memory, and no more.
func (l *load) read(ctx context.Context, candidates []*kept, wanted []int) iter.Seq[content] {
	return func(yield func(content) bool) {
		ctx, cancel := context.WithCancel(ctx)
		var wait sync.WaitGroup
		defer wait.Wait()
		defer cancel()
		type job struct {
			files.Content
			to   chan content
			done chan struct{} // closed when the file is no longer needed
		}
		jobs := make(chan job)
		order := make(chan chan content, 2*l.workers)
		d := &decoder{steps: l.steps, size: l.shape, candidates: candidates, begun: map[[sha256.Size]byte]bool{}}
		for range l.workers {
			wait.Go(func() {
				for j := range jobs {
					j.to <- d.decode(ctx, j.Content)
					close(j.done)
				}
			})
		}
		wait.Go(func() {
			defer close(order)
			defer close(jobs)
			for c, err := range l.list.Contents(ctx, wanted) {
				j := job{c, make(chan content, 1), make(chan struct{})}
				select {
				case order <- j.to:
				case <-ctx.Done():
					return
				}
				if err != nil {
					j.to <- content{all: err}
					return
				}
				select {
				case jobs <- j:
				case <-ctx.Done():
					j.to <- content{all: ctx.Err()}
					return
				}
				if len(c.Data) > large {
					<-j.done
				}
			}
		})
		for to := range order {
			if !yield(<-to) {
				return
			}
		}
	}
}
