// Package web writes a page that classifies in the browser, for hosts that have files and nothing else. It is the
// page of package serve/page with another backend.js, which asks a program for WebAssembly in a worker.
package web

import (
	"embed"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/onehot-go/onehot/internal/atomicfile"
	"github.com/onehot-go/onehot/internal/web/answer"
	"github.com/onehot-go/onehot/model"
	"github.com/onehot-go/onehot/serve/page"
)

// files are those that every page has beside the ones of package page. Some are made by internal/web/gen:
// program.wasm.gz, and wasm_exec.js of the Go that made it.
//
//go:embed files
var files embed.FS

// shared are the files of package page that the page has too.
var shared = []string{"index.html", "page.css", "page.js", "texts.js"}

// Files of the model.
const (
	aboutName   = "model.json"
	weightsName = "model.safetensors"
)

// Write writes the page for a model to a folder that is empty. The model has a name on it. The error says what of
// the model cannot be on a page, or what could not be written.
func Write(dir, name string, m *model.Model) error {
	if _, err := answer.Describe(&m.Definition); err != nil {
		return err
	}
	state, err := m.State()
	if err != nil {
		return err
	}
	own, err := fs.Sub(files, "files")
	if err != nil {
		return err
	}
	for _, of := range []struct {
		files fs.FS
		names []string
	}{{page.Files(), shared}, {own, ownNames()}} {
		for _, name := range of.names {
			if err := copyFile(dir, name, of.files); err != nil {
				return err
			}
		}
	}
	about, err := json.Marshal(struct {
		Name string `json:"name"`
	}{name})
	if err != nil {
		return err
	}
	if err := atomicfile.Write(filepath.Join(dir, aboutName), func(w io.Writer) error {
		_, err := w.Write(append(about, '\n'))
		return err
	}); err != nil {
		return err
	}
	return atomicfile.Write(filepath.Join(dir, weightsName), state.Write)
}

// ownNames returns the names of files.
func ownNames() (names []string) {
	entries, err := files.ReadDir("files")
	if err != nil {
		panic(err) // it is embedded
	}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// copyFile writes a file of from to a folder.
func copyFile(dir, name string, from fs.FS) error {
	f, err := from.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	return atomicfile.Write(filepath.Join(dir, name), func(w io.Writer) error {
		_, err := io.Copy(w, f)
		return err
	})
}

// CheckOld returns an error unless all that a folder has are files that Write writes: others would be lost with it.
func CheckOld(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	written := slices.Concat(shared, ownNames(), []string{aboutName, weightsName})
	for _, e := range entries {
		if !slices.Contains(written, e.Name()) {
			return fmt.Errorf("found %s in it, which no such page has", e.Name())
		}
	}
	return nil
}
