package cli

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/onehot-go/onehot/internal/atomicfile"
	"github.com/onehot-go/onehot/internal/printable"
)

type joinCommand struct {
	File  string `arg:"" help:"The file to make of its parts, as predict --csv names it: out.csv of out.00001-of-00064.csv and the others."`
	Force bool   `help:"Replace the file."`
}

// partName is how the name of a part's file goes on behind that of the whole, without its extension.
var partName = regexp.MustCompile(`^\.(\d{5})-of-(\d{5})$`)

// Run makes the file that one process would have written of all parts.
func (c *joinCommand) Run(ctx context.Context, s streams) error {
	if err := checkWritten("join", c.File, c.Force); err != nil {
		return err
	}
	parts, err := c.parts()
	if err != nil {
		return err
	}
	records := make([]partRecord, len(parts))
	rows, failed := 0, 0
	for i, path := range parts {
		r, err := readPartRecord(path)
		if err != nil {
			return err
		}
		if r.Part != i+1 || r.Parts != len(parts) {
			return fmt.Errorf("%s: found the record of part %d of %d, %d of %d expected", recordPath(path), r.Part, r.Parts, i+1, len(parts))
		}
		if what := r.differs(records[0]); i > 0 && what != "" {
			return fmt.Errorf("%s is of %s than %s: parts of one model and the same inputs expected", path, what, parts[0])
		}
		if r.First != rows {
			return fmt.Errorf("%s begins with input %d, %d expected behind the parts before it", path, r.First+1, rows+1)
		}
		records[i] = r
		rows, failed = rows+r.Inputs, failed+r.Failed
	}
	if all := records[0].All; rows != all {
		return fmt.Errorf("%s: found %d rows in its parts, %d expected", c.File, rows, all)
	}
	err = atomicfile.Write(c.File, func(w io.Writer) error {
		var header []byte
		for i, path := range parts {
			if err := ctx.Err(); err != nil {
				return err
			}
			if err := copyPart(w, path, records[i], i == 0, &header); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	errors := ""
	if failed > 0 {
		errors = fmt.Sprintf(", %d of them with errors", failed)
	}
	fmt.Fprintf(s.err, "%s of %s written to %s%s\n", counted(rows, "row"), counted(len(parts), "part"), printable.Name(c.File), errors)
	return nil
}

// copyPart writes the rows of a part to w, behind the header if it is the first; header is that of all parts. The error says that the
// part's file has changed.
func copyPart(w io.Writer, path string, r partRecord, first bool, header *[]byte) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	h := sha256.New()
	in := io.TeeReader(f, h)
	own, err := io.ReadAll(io.LimitReader(in, int64(r.Header)))
	if err != nil {
		return err
	}
	if first {
		*header = own
		if _, err := w.Write(own); err != nil {
			return err
		}
	} else if string(own) != string(*header) {
		return fmt.Errorf("%s: found the columns %.200q, those of the first part expected: %.200q", path, own, *header)
	}
	if _, err := io.Copy(w, in); err != nil {
		return err
	}
	if sum := hex.EncodeToString(h.Sum(nil)); sum != r.SHA256 {
		return fmt.Errorf("%s has changed since it was written: found SHA-256 %s, %s expected", path, sum, r.SHA256)
	}
	return nil
}

// parts returns the files of all parts, in their order. The error says which are missing, or that there are parts of two numbers of
// them.
func (c *joinCommand) parts() ([]string, error) {
	dir, base := filepath.Split(c.File)
	ext := filepath.Ext(base)
	stem := strings.TrimSuffix(base, ext)
	entries, err := os.ReadDir(cmp.Or(dir, "."))
	if err != nil {
		return nil, err
	}
	found := map[int]map[int]string{} // by number of parts and part
	for _, e := range entries {
		middle, ok := strings.CutPrefix(e.Name(), stem)
		if !ok || !strings.HasSuffix(middle, ext) {
			continue
		}
		m := partName.FindStringSubmatch(strings.TrimSuffix(middle, ext))
		if m == nil {
			continue
		}
		index, _ := strconv.Atoi(m[1]) // of five digits
		of, _ := strconv.Atoi(m[2])
		if index < 1 || index > of {
			return nil, fmt.Errorf("%s: found part %d of %d", filepath.Join(dir, e.Name()), index, of)
		}
		if found[of] == nil {
			found[of] = map[int]string{}
		}
		found[of][index] = filepath.Join(dir, e.Name())
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("%s: found no part of it, such as %s", c.File, part{1, 64}.path(c.File))
	}
	if len(found) > 1 {
		var numbers []string
		for of := range found {
			numbers = append(numbers, strconv.Itoa(of))
		}
		slices.Sort(numbers)
		return nil, fmt.Errorf("%s: found parts of %s, of one number expected: remove the others", c.File, strings.Join(numbers, " and of "))
	}
	for of, by := range found {
		var paths, missing []string
		for i := 1; i <= of; i++ {
			if by[i] == "" {
				missing = append(missing, strconv.Itoa(i))
			}
			paths = append(paths, by[i])
		}
		const most = 20
		if n := len(missing); n > 0 {
			if n > most {
				missing = append(missing[:most], "...")
			}
			return nil, fmt.Errorf("%s: found %d of %d parts, all expected; missing: %s", c.File, of-n, of, strings.Join(missing, ", "))
		}
		return paths, nil
	}
	panic("unreachable")
}
