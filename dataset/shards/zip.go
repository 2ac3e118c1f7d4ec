package shards

import (
	"archive/zip"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/onehot-go/onehot/dataset/files"
	"github.com/onehot-go/onehot/dataset/internal/reading"
)

// zipEntry is an entry of a zip file.
type zipEntry struct{ *zip.File }

// listZip reads the directory of a zip file.
func (s *source) listZip(ctx context.Context, found *scan) error {
	f, err := s.opened()
	if err != nil {
		return err
	}
	// The reader of the entries keeps f, and it is closed when nobody has them any more.
	// It takes memory in proportion to the directory, which may say anything of its size.
	in := &budget{File: f, left: maxDirectory}
	r, err := zip.NewReader(in, s.size)
	in.listed = true
	if err != nil && err != zip.ErrInsecurePath { // names are checked here
		f.Close()
		if errors.Is(err, zip.ErrFormat) || errors.Is(err, io.ErrUnexpectedEOF) {
			return errors.New("found a zip file that is cut off or damaged, a whole one expected")
		}
		return err
	}
	for _, z := range r.File {
		if err := ctx.Err(); err != nil {
			return err
		}
		name := z.Name
		if z.CreatorVersion>>8 == 0 { // some programs on Windows write names as they are there
			name = strings.ReplaceAll(name, `\`, "/")
		}
		clean, err := found.see(name)
		switch mode := z.Mode(); {
		case err != nil:
			return err
		case clean == "":
		case mode.IsDir() || strings.HasSuffix(name, "/"):
			found.dirs = append(found.dirs, clean)
		case mode&fs.ModeType != 0:
			found.passed[files.Special]++
		default:
			e := entry{source: s, order: found.count, name: z.Name, clean: clean, size: int64(min(z.UncompressedSize64, 1<<62)), zip: &zipEntry{z}}
			if hasLabel(clean) {
				data, err := e.zip.read(ctx, maxLabel)
				found.label(&e, data, err)
			}
			found.entries = append(found.entries, e)
		}
	}
	return ctx.Err()
}

// budget reads from a file so many bytes and no more, until the directory is read. Entries have
// their own limit, and several goroutines read them at once.
type budget struct {
	*os.File
	left   int
	listed bool
}

func (b *budget) ReadAt(p []byte, at int64) (int, error) {
	if b.listed {
		return b.File.ReadAt(p, at)
	}
	if b.left -= len(p); b.left < 0 {
		return 0, fmt.Errorf("found a directory of more than %d bytes, at most that expected", maxDirectory)
	}
	return b.File.ReadAt(p, at)
}

// check returns an error unless entries of this kind can be read.
func (z *zipEntry) check() error {
	if z.Flags&1 != 0 {
		return errors.New("found an encrypted file, one without a password expected")
	}
	if z.Method != zip.Store && z.Method != zip.Deflate {
		return fmt.Errorf("found a file that is compressed by method %d, 0 (stored) or 8 (deflated) expected", z.Method)
	}
	return nil
}

// apart returns an error if two entries of a zip file share bytes: then a small file could have
// more in it than there is time for.
func apart(entries []entry) error {
	type span struct {
		from, to int64
		e        *entry
	}
	var spans []span
	for i := range entries {
		e := &entries[i]
		if e.zip == nil {
			continue
		}
		from, err := e.zip.DataOffset()
		if err != nil {
			return reading.Named(e.place(), errors.New("found no header of a file, a whole zip file expected"))
		}
		size := int64(min(e.zip.CompressedSize64, 1<<62))
		if size > e.source.size-from {
			return fmt.Errorf("%s: found %d bytes from %d on in a zip file of %d, a whole one expected", e.place(), size, from, e.source.size)
		}
		spans = append(spans, span{from, from + size, e})
	}
	slices.SortFunc(spans, func(a, b span) int {
		return cmp.Or(strings.Compare(a.e.source.path, b.e.source.path), cmp.Compare(a.from, b.from))
	})
	for i := 1; i < len(spans); i++ {
		a, b := spans[i-1], spans[i]
		if a.e.source == b.e.source && b.from < a.to {
			return fmt.Errorf("%s: found bytes that belong to %s too, files apart from each other expected", b.e.place(), a.e.name)
		}
	}
	return nil
}

// read returns what the entry has, as many bytes as it declares, at most limit.
func (z *zipEntry) read(ctx context.Context, limit int64) ([]byte, error) {
	declared := int64(min(z.UncompressedSize64, 1<<62))
	if err := cmp.Or(tooLarge(declared, limit), z.check()); err != nil {
		return nil, err
	}
	r, err := z.Open()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	// What is declared is believed as far as what is there could become that.
	likely := min(declared, 8*int64(min(z.CompressedSize64, 1<<40)))
	data, err := reading.All(ctx, r, likely, declared)
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF):
		err = fmt.Errorf("found fewer bytes than the %d that are declared", declared)
	case errors.Is(err, zip.ErrFormat):
		err = fmt.Errorf("found more bytes than the %d that are declared", declared)
	}
	return data, err
}
