package cli

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/csv"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/onehot-go/onehot/internal/atomicfile"
	"github.com/onehot-go/onehot/internal/printable"
)

// writeFields writes texts to a hash, each behind its length, so that no other texts have the same bytes.
func writeFields(h hash.Hash, fields ...string) {
	for _, field := range fields {
		h.Write(binary.LittleEndian.AppendUint64(nil, uint64(len(field))))
		io.WriteString(h, field)
	}
}

// identity returns a hash over the names, contents, classes and parts of all files, in hexadecimal. It
// does not depend on where they are.
func (o *ownParts) identity() string {
	h := sha256.New()
	for i, f := range o.Files {
		writeFields(h, append([]string{f.Name, f.Class, f.Part, string(o.Facts[i].SHA256[:])}, f.Labels...)...)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// fileColumns are the columns of a run's files.csv.
var fileColumns = []string{"file", "class", "part", "sha256"}

// fileRows returns the lines of files.csv: every file, its class, the part that it is in, or "bad", and
// the hash of its content.
func (o *ownParts) fileRows() [][]string {
	rows := [][]string{fileColumns}
	for i, f := range o.Files {
		part := o.part[i]
		if o.Set.Rows[i] < 0 {
			part = "bad"
		}
		rows = append(rows, []string{f.Name, f.LabelText(), part, hex.EncodeToString(o.Facts[i].SHA256[:])})
	}
	return rows
}

// badRows returns the lines of bad-files.csv.
func (o *ownParts) badRows() [][]string {
	rows := [][]string{{"file", "error"}}
	for _, i := range o.bad() {
		rows = append(rows, []string{o.Files[i].Name, o.Facts[i].Err})
	}
	return rows
}

// writeFiles writes which files a run is trained and measured on, and those that cannot be read.
func (f folder) writeFiles(o *ownParts) error {
	if o == nil {
		return nil
	}
	if err := writeCSV(f.files(), o.fileRows()); err != nil {
		return err
	}
	if len(o.bad()) == 0 {
		return nil
	}
	return writeCSV(f.badFiles(), o.badRows())
}

// writeCSV writes the file at path, whole or not at all.
func writeCSV(path string, rows [][]string) error {
	return atomicfile.Write(path, func(w io.Writer) error { return csv.NewWriter(w).WriteAll(rows) })
}

// changes says how the pictures differ from those that files.csv at path has; "" if nothing is known of
// those.
func (o *ownParts) changes(path string) string {
	f, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer f.Close()
	before, err := csv.NewReader(f).ReadAll()
	if err != nil || len(before) == 0 || !slices.Equal(before[0], fileColumns) {
		return ""
	}
	old := make(map[string][]string, len(before))
	for _, row := range before[1:] {
		old[row[0]] = row
	}
	var added, changed, other, moved []string
	for _, row := range o.fileRows()[1:] {
		was, ok := old[row[0]]
		delete(old, row[0])
		switch {
		case !ok:
			added = append(added, row[0])
		case was[3] != row[3]:
			changed = append(changed, row[0])
		case was[1] != row[1]:
			other = append(other, row[0])
		case was[2] != row[2]:
			moved = append(moved, row[0])
		}
	}
	var removed []string
	for _, row := range before[1:] {
		if old[row[0]] != nil {
			removed = append(removed, row[0])
		}
	}
	if len(added)+len(removed)+len(changed)+len(other) > 0 { // what is drawn may be another part for this alone
		moved = nil
	}
	var said []string
	for _, c := range []struct {
		names []string
		what  string
	}{{added, "added"}, {removed, "removed"}, {changed, "changed"}, {other, "of another class"}, {moved, "in another part"}} {
		if n := len(c.names); n > 0 {
			more := ""
			if n > 1 {
				more = ", ..."
			}
			said = append(said, fmt.Sprintf("%d %s (%s%s)", n, c.what, printable.Name(c.names[0]), more))
		}
	}
	return strings.Join(said, ", ")
}

// samePictures returns an error if the pictures are not those of record, whose files are listed in the
// file at path.
func (o *ownParts) samePictures(record dataRecord, path string) error {
	if o == nil || o.identity() == record.SHA256 {
		return nil
	}
	if changes := o.changes(path); changes != "" {
		return fmt.Errorf("found other files: %s", changes)
	}
	return fmt.Errorf("found SHA-256 %s of all pictures, %s expected", o.identity(), record.SHA256)
}
