package pixels

import (
	"os"
	"slices"
	"time"
)

// Kept is what the cache keeps of one list of files and one preparation.
type Kept struct {
	Path     string    // of the file of pixels
	Root     string    // of the list that it was first made of
	Steps    string    // that made the pixels, in their saved form
	Shape    [3]int    // (C, H, W) of a picture
	Pictures int       // different ones
	Bytes    int64     // of the file
	Used     time.Time // last
	InUse    bool      // by a program that is running
}

// List returns what the cache folder dir has, what was used last first. Files that are
// damaged, which the next program that looks for them makes anew, are passed over.
func List(dir string) []Kept {
	var all []Kept
	for _, e := range everything(dir) {
		k, err := openKept(e.path)
		if err != nil {
			continue
		}
		k.file.Close()
		all = append(all, Kept{
			Path: e.path, Root: k.root, Steps: k.steps, Shape: k.shape, Pictures: k.rows,
			Bytes: e.size, Used: e.used, InUse: inUse(e.path),
		})
	}
	slices.Reverse(all)
	return all
}

// inUse reports whether a program holds the file.
func inUse(path string) bool {
	f, err := lock(path, true)
	if err == nil {
		f.Close()
	}
	return err == errBusy
}

// Clear removes what the cache folder dir has, but for what a program uses, and returns how
// many bytes that was. Whatever else lies in the folder stays.
func Clear(dir string) (removed int64, err error) {
	for _, e := range everything(dir) {
		gone, err := remove(e.path)
		if err != nil {
			return removed, inFolder(dir, err)
		}
		if gone {
			removed += e.size
		}
	}
	if err := sweepOthers(dir); err != nil {
		return removed, inFolder(dir, err)
	}
	_ = os.Remove(dir) // which fails unless it is empty
	return removed, nil
}
