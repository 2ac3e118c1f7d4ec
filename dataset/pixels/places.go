package pixels

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/onehot-go/onehot/dataset/files"
	"github.com/onehot-go/onehot/internal/atomicfile"
)

// A file of places says which content the files of one folder, archive or list had when they
// were last read. It is the magic, the number of files, of each its name, size, time and
// SHA-256, by their names, and the SHA-256 of all that.
const (
	placesMagic  = "onehot places 1\n"
	placesSuffix = ".places"
	placesFolder = "places"
	leastPlace   = 4 + 8 + 8 + sha256.Size
)

// settled is how long a file must have been as it is when it is read: one that was changed
// again within the same tick of the clock has the same size and time as before.
const settled = 2 * time.Second

// place is a file and its content.
type place struct {
	name       string
	size, time int64
	sum        [sha256.Size]byte
}

// placesPath returns where the places of what lies at root are kept.
func placesPath(dir, root string) string {
	sum := sha256.Sum256([]byte(root))
	return filepath.Join(dir, placesFolder, hex.EncodeToString(sum[:8])+placesSuffix)
}

// readPlaces returns the places in the file at path, by name; of a file that is not there or
// damaged none.
func readPlaces(path string) []place {
	stat, err := os.Stat(path)
	if err != nil || stat.Size() > maxIndex {
		return nil
	}
	b, err := os.ReadFile(path)
	if err != nil || len(b) < len(placesMagic)+8+sha256.Size || !bytes.HasPrefix(b, []byte(placesMagic)) {
		return nil
	}
	end := len(b) - sha256.Size
	if sha256.Sum256(b[:end]) != [sha256.Size]byte(b[end:]) {
		return nil
	}
	r := &reader{b: b[len(placesMagic):end]}
	n := r.number(8)
	if n > uint64(len(b)/leastPlace) {
		return nil
	}
	places := make([]place, n)
	for i := range places {
		p := &places[i]
		p.name = string(r.bytes(r.number(4)))
		p.size, p.time = int64(r.number(8)), int64(r.number(8))
		copy(p.sum[:], r.bytes(sha256.Size))
	}
	if r.ended || len(r.b) > 0 {
		return nil
	}
	return places
}

// writePlaces writes places, whole or not at all.
func writePlaces(ctx context.Context, path string, places []place) error {
	locked, err := lockFolder(ctx, filepath.Dir(path))
	if err != nil {
		return err
	}
	defer locked.Close()
	b := binary.LittleEndian.AppendUint64([]byte(placesMagic), uint64(len(places)))
	for i := range places {
		p := &places[i]
		b = append(binary.LittleEndian.AppendUint32(b, uint32(len(p.name))), p.name...)
		b = binary.LittleEndian.AppendUint64(b, uint64(p.size))
		b = binary.LittleEndian.AppendUint64(b, uint64(p.time))
		b = append(b, p.sum[:]...)
	}
	sum := sha256.Sum256(b)
	return atomicfile.Write(path, func(w io.Writer) error {
		_, err := w.Write(append(b, sum[:]...))
		return err
	})
}

// known returns the content of each file that has the size and time of its place.
func known(list []files.File, places []place) [][sha256.Size]byte {
	sums := make([][sha256.Size]byte, len(list))
	for i, f := range list {
		for len(places) > 0 && places[0].name < f.Name {
			places = places[1:]
		}
		if len(places) == 0 {
			break
		}
		if p := &places[0]; p.name == f.Name && p.size == f.Size && p.time == f.Time.UnixNano() {
			sums[i] = p.sum
		}
	}
	return sums
}

// updated returns places with those of the list, which was read from start on. Places that
// the list does not have stay, since several lists may be of one folder, unless they are so
// many that most must be of files that are gone.
func updated(places []place, list []files.File, sums [][sha256.Size]byte, start time.Time) []place {
	named := make(map[string]bool, len(list))
	var now []place
	for i, f := range list {
		named[f.Name] = true
		if sums[i] != ([sha256.Size]byte{}) && f.Time.Add(settled).Before(start) {
			now = append(now, place{f.Name, f.Size, f.Time.UnixNano(), sums[i]})
		}
	}
	others := slices.DeleteFunc(places, func(p place) bool { return named[p.name] })
	if len(others) <= 2*len(list)+10_000 {
		now = append(now, others...)
	}
	slices.SortFunc(now, func(a, b place) int { return strings.Compare(a.name, b.name) })
	return now
}
