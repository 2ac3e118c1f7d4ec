package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"

	"github.com/onehot-go/onehot/dataset"
	"github.com/onehot-go/onehot/internal/atomicfile"
)

// folder is a run's folder.
type folder string

func (f folder) config() string  { return filepath.Join(string(f), "config.json") }
func (f folder) history() string { return filepath.Join(string(f), "history.csv") }
func (f folder) metrics() string { return filepath.Join(string(f), "metrics.json") }
func (f folder) best() string    { return filepath.Join(string(f), "model.safetensors") }
func (f folder) last() string    { return filepath.Join(string(f), "last.safetensors") }

// config is what config.json says: enough to run it again.
type config struct {
	Settings settings   `json:"settings"`
	Data     dataRecord `json:"data"`
	Threads  int        `json:"threads"`
	Onehot   string     `json:"onehot"` // version of this program
	Go       string     `json:"go"`     // version of the compiler
	Platform string     `json:"platform"`
}

// dataRecord says which data a run was trained and measured on.
type dataRecord struct {
	Name  string       `json:"name"`
	Train int          `json:"train"` // samples
	Test  int          `json:"test"`
	Files []fileRecord `json:"files"`
}

type fileRecord struct {
	Name   string `json:"name"`
	Path   string `json:"path"`
	SHA256 string `json:"sha256"` // of the uncompressed bytes
}

func newDataRecord(training, test *dataset.Images) dataRecord {
	r := dataRecord{Name: training.Name, Train: training.Len(), Test: test.Len()}
	for _, split := range []*dataset.Images{training, test} {
		for _, file := range split.Files {
			r.Files = append(r.Files, fileRecord(file))
		}
	}
	return r
}

// same returns an error if other is not the same data.
func (r dataRecord) same(other dataRecord) error {
	if len(r.Files) != len(other.Files) {
		return fmt.Errorf("%d data files, %d expected", len(other.Files), len(r.Files))
	}
	for i, f := range r.Files {
		if o := other.Files[i]; o.SHA256 != f.SHA256 {
			return fmt.Errorf("%s (%s): found SHA-256 %s, %s expected", o.Name, o.Path, o.SHA256, f.SHA256)
		}
	}
	return nil
}

// newConfig returns the configuration of a run that starts now.
func newConfig(s settings, data dataRecord, threads int) config {
	return config{s, data, threads, version(), runtime.Version(), runtime.GOOS + "/" + runtime.GOARCH}
}

// createFolder makes the folder of a new run: the one named, or the first
// runs/<model>-<data>-<n> that is free.
func createFolder(name string, force bool, s settings) (folder, error) {
	if name != "" {
		return folder(name), claim(name, force)
	}
	for n := 1; ; n++ {
		name := filepath.Join("runs", fmt.Sprintf("%s-%s-%d", s.Model, s.Data, n))
		err := claim(name, false)
		if _, taken := errors.AsType[usageError](err); !taken {
			return folder(name), err
		}
	}
}

// claim makes the folder, which must not be there, unless force says to replace the run
// that is in it.
func claim(name string, force bool) error {
	if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
		return err
	}
	err := os.Mkdir(name, 0o777)
	if !errors.Is(err, fs.ErrExist) {
		return err
	}
	if !force {
		return usagef("--out %s exists: --resume continues the run in it, --force replaces it", name)
	}
	f := folder(name)
	if _, err := os.Stat(f.config()); err != nil {
		return usagef("--out %s exists and is no run's folder (no config.json in it): --force replaces runs only", name)
	}
	for _, old := range []string{f.history(), f.metrics(), f.best(), f.last(), f.config()} {
		if err := os.Remove(old); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// writeJSON writes v to the file at path, whole or not at all.
func writeJSON(path string, v any) error {
	return atomicfile.Write(path, func(w io.Writer) error {
		e := json.NewEncoder(w)
		e.SetIndent("", "  ")
		e.SetEscapeHTML(false)
		return e.Encode(v)
	})
}

// readConfig reads a run's config.json.
func (f folder) readConfig() (config, error) {
	var c config
	text, err := os.ReadFile(f.config())
	if err != nil {
		return c, err
	}
	if err := json.Unmarshal(text, &c); err != nil {
		return c, fmt.Errorf("%s: %w", f.config(), err)
	}
	return c, nil
}
