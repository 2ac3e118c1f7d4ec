package shards

import (
	"archive/tar"
	"bufio"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/onehot-go/onehot/dataset/files"
	"github.com/onehot-go/onehot/dataset/internal/reading"
)

// errStopped ends the reading of an archive whose caller wants no more.
var errStopped = errors.New("stopped")

// errEnough ends a walk that has found all that it looked for.
var errEnough = errors.New("enough")

// list adds what the archive has to found.
func (s *source) list(ctx context.Context, found *scan) error {
	s.first = found.count
	if s.kind == isZip {
		return reading.Named(s.path, s.listZip(ctx, found))
	}
	return s.walk(ctx, func(h *tar.Header, at int64, r io.Reader) error {
		clean, err := found.see(h.Name)
		switch {
		case err != nil:
			return reading.Named(s.path, err)
		case clean == "":
		case h.Typeflag == tar.TypeDir:
			found.dirs = append(found.dirs, clean)
		case !isRegular(h):
			found.passed[files.Special]++
		default:
			e := entry{source: s, order: found.count, name: h.Name, clean: clean, size: h.Size, offset: at}
			if hasLabel(clean) {
				data, err := reading.All(ctx, r, h.Size, maxLabel)
				found.label(&e, data, err)
			}
			found.entries = append(found.entries, e)
		}
		return nil
	})
}

// isRegular reports whether a file's bytes lie in the archive as they are: it is no link, no device
// and not sparse.
func isRegular(h *tar.Header) bool {
	sparse := slices.ContainsFunc(slices.Collect(maps.Keys(h.PAXRecords)), func(key string) bool { return strings.HasPrefix(key, "GNU.sparse.") })
	return h.Typeflag == tar.TypeReg && !sparse
}

// walk calls visit for each header of a tar, with the place where the file's bytes begin in a
// plain one, and with a reader of them. The error is visit's, or names the tar.
func (s *source) walk(ctx context.Context, visit func(h *tar.Header, at int64, r io.Reader) error) error {
	f, err := s.opened()
	if err != nil {
		return reading.Named(s.path, err)
	}
	defer f.Close()
	sought := &seeker{f: f, size: s.size}
	var in io.Reader = sought
	if s.kind == isTarGz {
		z, err := gzip.NewReader(bufio.NewReaderSize(f, 1<<18))
		if err != nil {
			return s.damaged(err)
		}
		in = &bounded{ctx, z, max(minBomb, maxRatio*s.size)}
	}
	t := tar.NewReader(in)
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		h, err := t.Next()
		if err == io.EOF {
			// The rest of a compressed file has a checksum.
			if s.kind == isTarGz {
				_, err = io.Copy(io.Discard, in)
				return s.damaged(err)
			}
			return nil
		}
		if err != nil && err != tar.ErrInsecurePath { // names are checked here
			return s.damaged(err)
		}
		if err := visit(h, sought.at, t); err != nil {
			return err
		}
	}
}

// seeker reads a file in which is sought. What is near to where it read last costs no call of the system: of small
// files that is the next header.
type seeker struct {
	f      *os.File
	size   int64
	at     int64 // where the next byte is read
	buffer [1 << 14]byte
	lo, hi int64 // what the buffer has of the file
}

func (s *seeker) Read(p []byte) (int, error) {
	if len(p) >= len(s.buffer) {
		n, err := s.f.ReadAt(p, s.at)
		s.at += int64(n)
		if n > 0 {
			err = nil
		}
		return n, err
	}
	if s.at < s.lo || s.at >= s.hi {
		n, err := s.f.ReadAt(s.buffer[:], s.at)
		if n == 0 {
			return 0, err
		}
		s.lo, s.hi = s.at, s.at+int64(n)
	}
	n := copy(p, s.buffer[s.at-s.lo:s.hi-s.lo])
	s.at += int64(n)
	return n, nil
}

func (s *seeker) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += s.at
	case io.SeekEnd:
		offset += s.size
	}
	if offset < 0 {
		return 0, errors.New("found a place before the beginning of the file")
	}
	s.at = offset
	return offset, nil
}

// damaged says of the errors of readers, if there is one, what is wrong with the file.
func (s *source) damaged(err error) error {
	switch {
	case err == nil, errors.Is(err, errBomb), errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
	case errors.Is(err, io.ErrUnexpectedEOF), err == io.EOF:
		err = errors.New("found a tar that is cut off, a whole one expected")
	default:
		err = fmt.Errorf("found a tar that is damaged, a whole one expected: %w", err)
	}
	return reading.Named(s.path, err)
}

// bounded reads so many bytes and no more.
type bounded struct {
	ctx  context.Context
	r    io.Reader
	left int64
}

var errBomb = fmt.Errorf("found more than %d times the bytes of the compressed file in it, at most that expected", maxRatio)

func (b *bounded) Read(p []byte) (int, error) {
	if err := b.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := b.r.Read(p)
	if b.left -= int64(n); b.left < 0 {
		return n, errBomb
	}
	return n, err
}

// contents calls yield with the bytes of the entries, all of this source and in its order, until it
// returns false: then the error is errStopped. An error that yield is given is about one entry.
// Any other error names the archive.
func (s *source) contents(ctx context.Context, entries []*entry, yield func([]byte, error) bool) error {
	give := func(e *entry, data []byte, err error) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		if !yield(data, reading.Named(e.place(), err)) {
			return errStopped
		}
		return nil
	}
	switch s.kind {
	case isZip:
		for _, e := range entries {
			data, err := e.zip.read(ctx, files.MaxSize)
			if err := give(e, data, err); err != nil {
				return err
			}
		}
		return nil
	case isTar:
		f, err := s.opened()
		if err != nil {
			return reading.Named(s.path, err)
		}
		defer f.Close()
		for _, e := range entries {
			data, err := e.readAt(ctx, f)
			if err := give(e, data, err); err != nil {
				return err
			}
		}
		return nil
	}
	at := s.first
	err := s.walk(ctx, func(h *tar.Header, _ int64, r io.Reader) error {
		at++
		if at < entries[0].order {
			return nil
		}
		e := entries[0]
		var data []byte
		err := tooLarge(h.Size, files.MaxSize)
		if err == nil {
			if data, err = reading.All(ctx, r, h.Size, files.MaxSize); err != nil {
				return s.damaged(err)
			}
		}
		if err := give(e, data, err); err != nil {
			return err
		}
		if entries = entries[1:]; len(entries) == 0 {
			return errEnough
		}
		return nil
	})
	if err == errEnough {
		err = nil
	}
	return err
}

// tooLarge returns an error if a file has more bytes than the limit.
func tooLarge(size, limit int64) error {
	if size > limit {
		return fmt.Errorf("found %d bytes, at most %d expected", size, limit)
	}
	return nil
}

// readAt returns the bytes of an entry of a plain tar.
func (e *entry) readAt(ctx context.Context, f *os.File) ([]byte, error) {
	data, err := reading.All(ctx, io.NewSectionReader(f, e.offset, e.size), e.size, files.MaxSize)
	if err == nil && int64(len(data)) < e.size {
		err = fmt.Errorf("found %d bytes, %d expected: the tar is cut off", len(data), e.size)
	}
	return data, err
}
