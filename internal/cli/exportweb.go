package cli

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/onehot-go/onehot/internal/atomicfile"
	"github.com/onehot-go/onehot/internal/printable"
	"github.com/onehot-go/onehot/internal/web"
	"github.com/onehot-go/onehot/model"
)

// checkPage returns what keeps the page of --web from being written; nothing does where there is none to write.
func (c *exportCommand) checkPage() error {
	if c.Web == "" {
		return nil
	}
	dir := string(folder(c.Web).actual())
	switch info, err := os.Stat(dir); {
	case err != nil:
	case !info.IsDir():
		return usagef("--web %s: a folder's name expected", c.Web)
	case !c.Force:
		return usagef("--web %s exists: --force replaces it", c.Web)
	default:
		if err := web.CheckOld(dir); err != nil {
			return usagef("--web %s: %w: export replaces pages of its own, and nothing else", c.Web, err)
		}
	}
	return checkParent("--web", c.Web, dir)
}

// writePage writes the page of --web, and says how it is looked at.
func (c *exportCommand) writePage(w io.Writer, m *model.Model) error {
	name := filepath.Base(string(folder(c.Model).actual()))
	for _, suffix := range []string{".safetensors", ".onnx"} {
		name = strings.TrimSuffix(name, suffix)
	}
	if err := atomicfile.WriteFolder(string(folder(c.Web).actual()), func(dir string) error { return web.Write(dir, name, m) }); err != nil {
		return err
	}
	_, err := fmt.Fprintf(w, "written to %s, for any host of files\nto look at it: python3 -m http.server --directory %s\n", printable.Name(c.Web), printable.Word(c.Web))
	return err
}
