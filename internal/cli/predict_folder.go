package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/onehot-go/onehot/internal/printable"
)

// folderInputs returns the pictures in a folder and in those within it, sorted by the bytes of
// their names, and behind them what stands for those that have to be converted first. It tells
// remarks how many other files there are.
func folderInputs(ctx context.Context, root string, remarks io.Writer) ([]input, error) {
	l := listing{others: map[string]int{}, convert: map[string]int{}}
	if err := l.walk(ctx, root, nil); err != nil {
		return nil, err
	}
	slices.Sort(l.pictures)
	var all []input
	for _, name := range l.pictures {
		all = append(all, input{name: name})
	}
	if len(l.convert) > 0 {
		all = append(all, brokenInput(root, errors.New(convertFirst(root, l.convert))))
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("no pictures found%s, at least one PNG, JPEG, GIF, WebP, BMP or TIFF expected", byExtension(" but ", l.others))
	}
	if len(l.others) > 0 {
		fmt.Fprintf(remarks, "%s: passed over%s\n", printable.Name(root), byExtension(" ", l.others))
	}
	return all, nil
}

// convertFirst says how many files of a folder have to be converted, and how.
func convertFirst(root string, files map[string]int) string {
	var patterns []string
	n := 0
	for _, ext := range slices.Sorted(maps.Keys(files)) {
		patterns = append(patterns, "-iname '*"+ext+"'")
		n += files[ext]
	}
	which := strings.Join(patterns, " -o ")
	if len(patterns) > 1 {
		which = `\( ` + which + ` \)`
	}
	quoted := "'" + strings.ReplaceAll(root, "'", `'\''`) + "'"
	return fmt.Sprintf(`%d files in HEIC or AVIF are not read, convert them first: find %s %s -exec heif-convert {} {}.png \;`, n, quoted, which)
}

// byExtension says how many files there are of which extension, behind the given words, and
// nothing where there are none.
func byExtension(before string, files map[string]int) string {
	var said []string
	for _, ext := range slices.Sorted(maps.Keys(files)) {
		said = append(said, fmt.Sprintf("%d %s", files[ext], cmp.Or(printable.Name(ext), "without an extension")))
	}
	if len(said) == 0 {
		return ""
	}
	const most = 10
	if len(said) > most {
		said = append(said[:most], "more")
	}
	return before + strings.Join(said, ", ")
}

// listing is what is in a folder, by the extensions of names in small letters.
type listing struct {
	pictures        []string
	others, convert map[string]int
}

// walk adds the files in the folder at path, which lies in those of within. Hidden files and
// __MACOSX are passed over. Links are followed, but not into a folder that they lie in.
func (l *listing) walk(ctx context.Context, path string, within []os.FileInfo) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	for _, outer := range within {
		if os.SameFile(outer, info) {
			return nil
		}
	}
	within = append(within[:len(within):len(within)], info)
	entries, err := os.ReadDir(path)
	if err != nil {
		return err
	}
	for _, e := range entries {
		name := filepath.Join(path, e.Name())
		if strings.HasPrefix(e.Name(), ".") || e.Name() == "__MACOSX" {
			continue
		}
		mode := e.Type()
		if mode&os.ModeSymlink != 0 {
			info, err := os.Stat(name)
			if err != nil { // it leads nowhere
				continue
			}
			mode = info.Mode()
		}
		switch ext := strings.ToLower(filepath.Ext(name)); {
		case mode.IsDir():
			if err := l.walk(ctx, name, within); err != nil {
				return err
			}
		case !mode.IsRegular():
		case slices.Contains([]string{".png", ".jpg", ".jpeg", ".gif", ".webp", ".bmp", ".tif", ".tiff"}, ext):
			l.pictures = append(l.pictures, name)
		case slices.Contains([]string{".heic", ".heif", ".avif"}, ext):
			l.convert[ext]++
		default:
			l.others[ext]++
		}
	}
	return nil
}
