package pixels

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/onehot-go/onehot/dist"
)

// Several ranks load the same list. Those that lack pixels say of which files. Each of these is read and decoded by one rank, or taken
// from its cache, and goes to all. In every cache folder one rank keeps the pixels, and those that have the same folder wait for it.

// listing is what has to be the same on all ranks.
type listing struct {
	Steps string // saved
	Names string // hash of the files' names and sizes
}

// holding is what a rank has of the list.
type holding struct {
	Lacks []byte // by file a bit: no candidate has its pixels
	Whole bool   // a candidate has all
}

// together is run on one of several ranks.
func (l *load) together(ctx context.Context, s shelf, candidates []*kept) (*Set, error) {
	if err := l.sameList(ctx); err != nil {
		return nil, err
	}
	if err := l.shareSums(); err != nil {
		return nil, err
	}
	found := l.having(candidates)
	own := holding{Whole: found != nil, Lacks: make([]byte, (len(l.sums)+7)/8)}
	for i, sum := range l.sums {
		if k, _ := find(candidates, sum); k == nil {
			own.Lacks[i/8] |= 1 << (i % 8)
		}
	}
	all, err := dist.Collect(l.comm, own, ctx.Err())
	if err != nil {
		return nil, err
	}
	l.wanted = make([]bool, len(l.sums))
	whole := true
	for _, other := range all {
		whole = whole && other.Whole
		for i := range l.wanted {
			l.wanted[i] = l.wanted[i] || other.Lacks[i/8]>>(i%8)&1 != 0
		}
	}
	var k *kept
	if whole {
		k, err = openKept(found.file.Name()) // with a lock of its own
	} else {
		k, err = l.fill(ctx, s, candidates)
	}
	if dist.Known(err) {
		return nil, err
	}
	l.progress(len(l.sums), len(l.sums))
	if err := dist.Agree(l.comm, err); err != nil {
		if k != nil {
			k.file.Close()
		}
		return nil, err
	}
	return l.set(k)
}

// sameList returns an error unless all ranks have the same list and steps.
func (l *load) sameList(ctx context.Context) error {
	h := sha256.New()
	for _, f := range l.list.Files {
		h.Write(append(binary.LittleEndian.AppendUint64(nil, uint64(len(f.Name))), f.Name...))
		h.Write(binary.LittleEndian.AppendUint64(nil, uint64(f.Size)))
	}
	all, err := dist.Collect(l.comm, listing{l.saved, hex.EncodeToString(h.Sum(nil)[:8])}, ctx.Err())
	if err != nil {
		return err
	}
	for rank, other := range all {
		if other.Steps != all[0].Steps {
			return &dist.DiffersError{Rank: rank, Name: "preparation of pictures", Found: other.Steps, Want: all[0].Steps}
		}
		if other.Names != all[0].Names {
			return &dist.DiffersError{Rank: rank, Name: "list of files and sizes", Found: other.Names, Want: all[0].Names}
		}
	}
	return nil
}

// shareSums takes the contents of files that other ranks know for those that this one does not know. The error names a rank that knows
// another content of a file.
func (l *load) shareSums() error {
	var send []byte
	for _, sum := range l.sums {
		send = append(send, sum[:]...)
	}
	all, err := dist.Gather(l.comm, send, nil)
	if err != nil {
		return err
	}
	l.foreign = make([]bool, len(l.sums))
	for i := range l.sums {
		var first [sha256.Size]byte // that a rank knows
		of := 0
		for rank, sums := range all {
			sum := [sha256.Size]byte(sums[i*sha256.Size:])
			switch {
			case sum == [sha256.Size]byte{} || sum == first:
			case first == [sha256.Size]byte{}:
				first, of = sum, rank
			default:
				return &dist.RankError{Rank: rank, Err: fmt.Errorf("%s: found SHA-256 %x, %x as on rank %d expected", l.list.Place(i), sum, first, of)}
			}
		}
		if l.sums[i] != first {
			l.sums[i], l.foreign[i] = first, true
		}
	}
	return nil
}

// fill brings what ranks lack into all cache folders, and returns the file of this rank's folder that has all contents. An error that not all ranks
// know is of that file.
func (l *load) fill(ctx context.Context, s shelf, candidates []*kept) (k *kept, err error) {
	keeps, err := l.keeps()
	if err != nil {
		return nil, err
	}
	locked, err := l.lockTogether(ctx, s, keeps)
	if err != nil {
		return nil, err
	}
	if keeps {
		defer locked.Close()
		k, err = l.keep(ctx, s)
	} else {
		for c := range l.contents(ctx, candidates) {
			if err = l.take(ctx, c); err != nil {
				break
			}
		}
	}
	if !dist.Known(err) {
		if err != nil && ctx.Err() == nil {
			err = inFolder(l.dir, err)
		}
		err = dist.Agree(l.comm, err)
	}
	switch {
	case err == nil && !keeps:
		return l.madeByOther(s)
	case err != nil && k != nil:
		k.file.Close()
		k = nil
	}
	return k, err
}

// madeByOther returns the file on the shelf that another rank has made.
func (l *load) madeByOther(s shelf) (*kept, error) {
	all := s.open(l.saved, l.shape)
	i := slices.IndexFunc(all, l.has)
	if i < 0 {
		closeKept(all)
		return nil, errors.New("another program removed the pixels that were kept just now")
	}
	k := all[i]
	closeKept(slices.Delete(all, i, i+1))
	return k, nil
}

// keeps reports whether this rank is the first of those that have the same cache folder, which it finds. Each lays a file there for it, and looks
// for those of the others.
func (l *load) keeps() (bool, error) {
	name := ""
	err := os.MkdirAll(l.dir, 0o755)
	if err == nil {
		var f *os.File
		if f, err = os.CreateTemp(l.dir, "rank-"); err == nil {
			name = filepath.Base(f.Name())
			defer os.Remove(f.Name())
			err = f.Close()
		}
	}
	if err != nil {
		err = inFolder(l.dir, err)
	}
	names, err := dist.Gather(l.comm, []byte(name), err)
	if err != nil {
		return false, err
	}
	l.near = make([]bool, len(names))
	for rank, other := range names {
		_, err := os.Lstat(filepath.Join(l.dir, string(other)))
		l.near[rank] = err == nil
	}
	return slices.Index(l.near, true) == l.comm.Rank(), dist.Agree(l.comm, nil) // when all have looked
}

// lockTogether locks the shelf for a rank that keeps pixels, when all such ranks can: if each waited with its lock, ranks of two programs
// could wait for each other.
func (l *load) lockTogether(ctx context.Context, s shelf, keeps bool) (locked *os.File, err error) {
	for {
		busy := false
		if keeps {
			if locked, busy, err = tryLockFolder(string(s)); err != nil {
				err = inFolder(l.dir, err)
			}
		}
		waiting, err := dist.Collect(l.comm, busy, cmp.Or(err, ctx.Err()))
		if err == nil && !slices.Contains(waiting, true) {
			return locked, nil
		}
		if locked != nil {
			locked.Close()
			locked = nil
		}
		if err != nil {
			return nil, err
		}
		time.Sleep(time.Duration(50+rand.IntN(50)) * time.Millisecond) // so that two programs do not meet again
	}
}

// What a content is as bytes begins with.
const (
	withPixels = iota
	noPicture
	keptElsewhere // another file of the list has the same
	unreadable    // the error is Facts.Err
)

// mostExchanged is about how many bytes of pixels a rank sends at once.
const mostExchanged = 8 << 20

// exchange reads some of the files of the given indices, and has other ranks read the others.
func (l *load) exchange(ctx context.Context, candidates []*kept, wanted []int) iter.Seq[content] {
	return func(yield func(content) bool) {
		size := l.shape[0] * l.shape[1] * l.shape[2]
		each := max(1, min(64, mostExchanged/size)) // files of a rank in a turn
		ranks, rank := l.comm.Size(), l.comm.Rank()
		part := func(turn, of int) []int { // as many as a rank sends in it, which an archive may have in another order
			lo := turn + of*each
			return wanted[min(lo, len(wanted)):min(lo+each, len(wanted))]
		}
		var own []int
		for turn := 0; turn < len(wanted); turn += ranks * each {
			own = append(own, part(turn, rank)...)
		}
		next, stop := iter.Pull(l.read(ctx, candidates, own))
		defer stop()
		for turn := 0; turn < len(wanted); turn += ranks * each {
			var send []byte
			var err error
			for range part(turn, rank) {
				c, ok := next()
				if !ok {
					c.all = ctx.Err() // which ended it
				}
				if c.all == nil {
					send, c.all = l.pack(send, c, candidates)
				}
				if c.all != nil {
					err = c.all
					break
				}
			}
			all, err := dist.Gather(l.comm, send, err)
			if err != nil {
				yield(content{all: err})
				return
			}
			for of, text := range all {
				r := &reader{b: text}
				for range part(turn, of) {
					c := unpack(r, size)
					if r.ended || uint(c.index) >= uint(len(l.sums)) {
						c = content{all: &dist.RankError{Rank: of, Err: fmt.Errorf("found %d bytes of pictures, others expected", len(text))}}
					}
					if c.all == nil {
						l.foreign[c.index] = !l.near[of]
					}
					if !yield(c) {
						return
					}
				}
			}
		}
	}
}

// pack appends what is to be sent of a content.
func (l *load) pack(b []byte, c content, candidates []*kept) ([]byte, error) {
	b = binary.LittleEndian.AppendUint64(b, uint64(c.index))
	if c.err != nil {
		text := c.err.Error()
		return appendFacts(append(b, unreadable), &Facts{Err: text[:min(len(text), maxErr)]}, -1), nil
	}
	if c.kept {
		k, at := find(candidates, c.facts.SHA256)
		if k == nil {
			return appendFacts(append(b, keptElsewhere), &c.facts, -1), nil
		}
		c.facts, c.pixels = k.facts[at], nil
		if row := k.row[at]; row >= 0 {
			c.pixels = make([]byte, k.size())
			if err := k.copyRow(c.pixels, row); err != nil {
				return b, err
			}
		}
	}
	if c.pixels == nil {
		return appendFacts(append(b, noPicture), &c.facts, -1), nil
	}
	return append(appendFacts(append(b, withPixels), &c.facts, -1), c.pixels...), nil
}

// unpack returns the next content that pack appended, whose pixels have a size.
func unpack(r *reader, size int) content {
	c := content{index: int(r.number(8))}
	kind := r.number(1)
	c.facts, _ = r.facts()
	switch kind {
	case withPixels:
		c.pixels = r.bytes(uint64(size))
	case keptElsewhere:
		c.kept = true
	case unreadable:
		c.err, c.facts = errors.New(c.facts.Err), Facts{}
	}
	return c
}
