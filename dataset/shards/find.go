package shards

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/onehot-go/onehot/dataset/files"
)

// Find finds all pictures in the archives that pattern stands for (see Expand), whatever their classes are, and of
// WebDataset's samples those without a class too. If there are several archives, a picture's name begins with that of its
// archive. Files in tar.gz could only be read from the beginning, one after the other: they are an error. The others are Open's.
func Find(ctx context.Context, pattern string) (*files.List, error) {
	s, err := scanned(ctx, pattern)
	if err != nil {
		return nil, err
	}
	s.unique(true)
	folder, _, _ := strings.Cut(pattern, "{")
	folder, _ = filepath.Split(folder)
	found := make([]files.File, 0, len(s.entries))
	for i := range s.entries {
		e := &s.entries[i]
		if e.source.kind == isTarGz {
			return nil, fmt.Errorf("%s: found a tar.gz file, whose files can only be read from its beginning; zip or tar expected", e.source.path)
		}
		if len(s.sources) > 1 {
			e.clean = filepath.ToSlash(strings.TrimPrefix(e.source.path, folder)) + "/" + e.clean
		}
		found = append(found, files.File{Name: e.clean, Size: e.size, Time: e.source.time})
	}
	l := files.New(pattern, found)
	for reason, n := range s.passed {
		l.Passed[reason] += n
	}
	return l, s.finish(l)
}

// scanned returns what is in the archives that pattern stands for.
func scanned(ctx context.Context, pattern string) (*scan, error) {
	paths, err := Expand(pattern)
	if err != nil {
		return nil, err
	}
	s := &scan{passed: map[files.Reason]int{}, labels: map[string]string{}}
	for _, p := range paths {
		src, err := open(p)
		if err != nil {
			return nil, err
		}
		s.sources = append(s.sources, src)
		if err := src.list(ctx, s); err != nil {
			return nil, err
		}
	}
	return s, nil
}
