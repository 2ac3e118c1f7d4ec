package cli

import (
	"encoding/json"
	"fmt"
	"os"
	"text/tabwriter"
	"time"

	"github.com/onehot-go/onehot/dataset/pixels"
	"github.com/onehot-go/onehot/internal/printable"
)

type cacheCommand struct {
	Clear bool `help:"Remove all that no running program uses. It is made anew where it is needed."`
	JSON  bool `help:"Print one JSON object a line, one a set of pictures or of features."`
}

// Help is what onehot cache --help says beside its flags.
func (*cacheCommand) Help() string {
	return "Pictures of your own are decoded and scaled once, and kept in the folder onehot of the user's cache folder, which XDG_CACHE_HOME names on Linux. " +
		"They are found by what files contain: a folder that is renamed, copied or partly changed is not decoded again. " +
		"What a pretrained net makes of pictures, its features, is kept there too. " +
		"What was used longest ago is removed if the folder would grow beyond --cache of train, 10 GB if nothing is said."
}

// keptJSON is a set of pictures, for --json.
type keptJSON struct {
	Path     string          `json:"path"`
	Root     string          `json:"root"`
	Pictures int             `json:"pictures"`
	Shape    [3]int          `json:"shape"`
	Steps    json.RawMessage `json:"steps"`
	Bytes    int64           `json:"bytes"`
	Used     time.Time       `json:"used"`
	InUse    bool            `json:"in_use"`
}

// featuresJSON is a file of features, for --json.
type featuresJSON struct {
	Path  string    `json:"features"`
	Bytes int64     `json:"bytes"`
	Used  time.Time `json:"used"`
}

// clearFeatures removes what is kept of features, and returns how many bytes that was.
func clearFeatures() (removed int64, err error) {
	dir, err := featuresDir()
	if err != nil {
		return 0, err
	}
	for _, k := range listFeatures(dir) {
		if err := removeFeatures(k); err != nil {
			return removed, err
		}
		removed += k.bytes
	}
	_ = os.Remove(dir) // which fails unless it is empty
	return removed, nil
}

func (c *cacheCommand) Run(s streams) error {
	dir, err := pixels.Dir()
	if err != nil {
		return err
	}
	if c.Clear {
		more, err := clearFeatures()
		if err != nil {
			return err
		}
		removed, err := pixels.Clear(dir)
		if err != nil {
			return err
		}
		removed += more
		fmt.Fprintf(s.err, "removed %s from %s\n", printable.Bytes(removed), printable.Name(dir))
	}
	all := pixels.List(dir)
	folder, err := featuresDir()
	if err != nil {
		return err
	}
	features := listFeatures(folder)
	if c.JSON {
		for _, k := range all {
			if !json.Valid([]byte(k.Steps)) {
				k.Steps = "null"
			}
			if err := json.NewEncoder(s.out).Encode(keptJSON{k.Path, k.Root, k.Pictures, k.Shape, json.RawMessage(k.Steps), k.Bytes, k.Used, k.InUse}); err != nil {
				return err
			}
		}
		for _, k := range features {
			if err := json.NewEncoder(s.out).Encode(featuresJSON{k.path, k.bytes, k.used}); err != nil {
				return err
			}
		}
		return nil
	}
	total := int64(0)
	w := tabwriter.NewWriter(s.out, 0, 0, 2, ' ', 0)
	for _, k := range all {
		used := "used " + k.Used.Format("2006-01-02 15:04")
		if k.InUse {
			used = "in use"
		}
		pictures := "pictures"
		if k.Pictures == 1 {
			pictures = "picture"
		}
		fmt.Fprintf(w, "%d %s\t%s\t%s\t%s\t%s\n", k.Pictures, pictures, times(k.Shape[:]), printable.Bytes(k.Bytes), used, printable.Name(k.Root))
		total += k.Bytes
	}
	for _, k := range features {
		fmt.Fprintf(w, "features\t\t%s\tused %s\t\n", printable.Bytes(k.bytes), k.used.Format("2006-01-02 15:04"))
		total += k.bytes
	}
	if err := w.Flush(); err != nil {
		return err
	}
	_, err = fmt.Fprintf(s.out, "%s in %s\n", printable.Bytes(total), printable.Name(dir))
	return err
}
