package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/onehot-go/onehot/dataset/files"
	picturefolder "github.com/onehot-go/onehot/dataset/folder"
	"github.com/onehot-go/onehot/dataset/shards"
	"github.com/onehot-go/onehot/internal/printable"
	"github.com/onehot-go/onehot/picture"
)

// standardInput is what stands for it among names.
const standardInput = "-"

// input is a picture that predict was given, or what stands in the place of one.
type input struct {
	name   string      // as it was given, or in a folder that was
	list   *files.List // that has the picture's bytes as its file, or nil
	file   int
	from   *os.File // standard input, which has the picture's bytes; nil where name names a file
	pipe   bool     // the file is a named pipe, or one that the shell made, as in <(command)
	broken error    // why there is no picture, with the name; nil where nobody has looked
}

// decode decodes the picture.
func (in input) decode(ctx context.Context) (image.Image, picture.Info, error) {
	switch {
	case in.broken != nil:
		return nil, picture.Info{}, in.broken
	case in.list != nil:
		data, err := in.list.Read(ctx, in.file)
		if err != nil {
			return nil, picture.Info{}, fmt.Errorf("%s: %w", in.name, err)
		}
		return picture.Decode(ctx, bytes.NewReader(data), in.name, picture.Limits{Memory: pictureMemory()})
	case in.from != nil:
		return picture.Decode(ctx, in.from, in.name, picture.Limits{Memory: pictureMemory()})
	case in.pipe:
		f, err := os.Open(in.name)
		if err != nil {
			return nil, picture.Info{}, brokenInput(in.name, err).broken
		}
		defer f.Close()
		return picture.Decode(ctx, f, in.name, picture.Limits{Memory: pictureMemory()})
	}
	return picture.Open(ctx, in.name, picture.Limits{Memory: pictureMemory()})
}

// checkInputs returns what is wrong with the names on the command line, before any is looked at.
func (c *predictCommand) checkInputs() error {
	if len(c.Files) == 0 && c.FilesFrom == "" {
		return usagef("a picture, a folder of them, or --files-from expected (see onehot predict --help)")
	}
	reads := 0
	for _, name := range append(slices.Clone(c.Files), c.FilesFrom) {
		if name == standardInput {
			reads++
		}
	}
	if reads > 1 {
		return usagef("%s: standard input can be read once, and is named %d times", standardInput, reads)
	}
	return nil
}

// inputs returns the pictures that the command line names, in its order and those of a folder
// sorted by the bytes of their names, and then those of --files-from. It tells remarks what it
// passes over.
func (c *predictCommand) inputs(ctx context.Context, remarks io.Writer) ([]input, error) {
	names := c.Files
	if c.FilesFrom != "" {
		listed, err := readNames(ctx, c.FilesFrom)
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if err != nil {
			return nil, fmt.Errorf("--files-from %s: %w", c.FilesFrom, err)
		}
		names = append(slices.Clone(names), listed...)
	}
	var all []input
	for i, name := range names {
		if i < len(c.Files) && name == standardInput {
			all = append(all, input{name: name, from: os.Stdin})
			continue
		}
		info, err := os.Stat(name)
		switch {
		case err != nil && errors.Is(err, fs.ErrNotExist) && strings.Contains(name, "{") || err == nil && isArchive(name) && !info.IsDir():
			found, err := archiveInputs(ctx, name, remarks)
			if err != nil {
				return nil, err
			}
			all = append(all, found...)
		case err != nil:
			all = append(all, brokenInput(name, err))
		case info.IsDir():
			found, err := folderInputs(ctx, name, remarks)
			if err != nil {
				if ctx.Err() != nil {
					return nil, ctx.Err()
				}
				found = []input{{name: name, broken: err}}
			}
			all = append(all, found...)
		case info.Mode()&fs.ModeNamedPipe != 0:
			all = append(all, input{name: name, pipe: true})
		default:
			all = append(all, input{name: name})
		}
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("--files-from %s: no names found, the names of pictures and folders expected", c.FilesFrom)
	}
	return all, nil
}

// folderInputs returns the pictures in a folder and in those within it, sorted by the bytes of
// their names, and behind them what stands for those that have to be converted first. It tells
// remarks which other files there are. The error has the name of the folder, or of one in it.
func folderInputs(ctx context.Context, root string, remarks io.Writer) ([]input, error) {
	l, err := picturefolder.Find(ctx, root)
	if err != nil {
		return nil, err
	}
	all := make([]input, len(l.Files))
	for i := range l.Files {
		all[i].name = l.Place(i)
	}
	if err := l.ConvertError(); err != nil {
		all = append(all, input{name: root, broken: err})
	}
	if len(all) == 0 {
		archives, err := archivesIn(root)
		if err != nil {
			return nil, err
		}
		for _, path := range archives {
			found, err := archiveInputs(ctx, path, remarks)
			if err != nil {
				return nil, err
			}
			all = append(all, found...)
		}
		if len(all) > 0 {
			return all, nil
		}
		return nil, fmt.Errorf("%s: no pictures found, at least one PNG, JPEG, GIF, WebP, BMP or TIFF expected", root)
	}
	if others := otherFiles(l); len(others) > 0 {
		fmt.Fprintln(remarks, printable.Message(root+": passed over "+strings.Join(others, ", ")))
	}
	return all, nil
}

// isArchive reports whether a file is called as archives of pictures are.
func isArchive(name string) bool {
	name = strings.ToLower(name)
	return strings.HasSuffix(name, ".tar") || strings.HasSuffix(name, ".zip") || strings.HasSuffix(name, ".tar.gz") || strings.HasSuffix(name, ".tgz")
}

// archivesIn returns the archives in a folder, sorted by the bytes of their names.
func archivesIn(root string) (paths []string, err error) {
	entries, err := os.ReadDir(root)
	for _, e := range entries {
		if isArchive(e.Name()) && !files.IsHidden(e.Name()) {
			paths = append(paths, filepath.Join(root, e.Name()))
		}
	}
	return paths, err
}

// archiveInputs returns the pictures in the archives that a pattern stands for, sorted by the bytes of their names. It tells remarks which
// other files there are.
func archiveInputs(ctx context.Context, pattern string, remarks io.Writer) ([]input, error) {
	l, err := shards.Find(ctx, pattern)
	if err != nil {
		return nil, err
	}
	all := make([]input, len(l.Files))
	for i := range l.Files {
		all[i] = input{name: l.Place(i), list: l, file: i}
	}
	if err := l.ConvertError(); err != nil {
		all = append(all, input{name: pattern, broken: err})
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("%s: no pictures found, at least one PNG, JPEG, GIF, WebP, BMP or TIFF expected", pattern)
	}
	if others := otherFiles(l); len(others) > 0 {
		fmt.Fprintln(remarks, printable.Message(pattern+": passed over "+strings.Join(others, ", ")))
	}
	return all, nil
}

// brokenInput returns the input of a name that err says no picture can be read from.
func brokenInput(name string, err error) input {
	if p, ok := errors.AsType[*fs.PathError](err); ok {
		err = p.Err
	}
	return input{name: name, broken: fmt.Errorf("%s: %w", name, err)}
}

// maxNames is the most bytes of a list of names.
const maxNames = 256 << 20

// readNames returns the names in a list, one a line, or each with a zero byte behind it if there
// is one in the list. It may be a pipe: nothing that comes from it keeps ctx from ending it.
func readNames(ctx context.Context, path string) ([]string, error) {
	var text []byte
	var err error
	read := make(chan struct{})
	f := os.Stdin
	go func() {
		defer close(read)
		if path != standardInput {
			if f, err = os.Open(path); err != nil {
				err = errors.Unwrap(err) // the caller names it
				return
			}
			defer f.Close()
		}
		text, err = io.ReadAll(io.LimitReader(f, maxNames+1))
	}()
	select {
	case <-read:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if err != nil {
		return nil, err
	}
	if len(text) > maxNames {
		return nil, fmt.Errorf("found more than %d bytes, at most that expected", maxNames)
	}
	end := "\n"
	if slices.Contains(text, 0) {
		end = "\x00"
	}
	names := strings.Split(string(text), end)
	return slices.DeleteFunc(names, func(name string) bool { return name == "" }), nil
}
