// Package page is the page on which anybody classifies pictures and rows of tables, in a browser. It
// is static files: HTML, a style sheet, and JavaScript modules that ask nobody but backend.js,
// which asks the server that the page is from. A site without a server replaces that file.
package page

import (
	"cmp"
	"embed"
	"encoding/json"
	"fmt"
	"io/fs"
	"net/http"
	"path"
	"strings"
)

//go:embed files
var files embed.FS

// policy is the Content-Security-Policy of all files: they load from where they are themselves,
// and no script or style stands within a page.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' blob: data:; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// Files returns the files of the page by name: index.html, page.css, page.js, texts.js, and
// backend.js; and those that say what a server answers, openapi.yaml and api.html.
func Files() fs.FS {
	sub, err := fs.Sub(files, "files")
	if err != nil {
		panic(err) // the name is valid
	}
	return sub
}

// Handler returns a handler of GET and HEAD for the page at / and for its files beside it. They
// have no secret in them.
func Handler() http.Handler {
	files := Files()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("X-Content-Type-Options", "nosniff")
		name := cmp.Or(strings.TrimPrefix(r.URL.Path, "/"), "index.html")
		_, err := fs.Stat(files, name)
		switch get := r.Method == http.MethodGet || r.Method == http.MethodHead; {
		case err != nil:
			fail(w, http.StatusNotFound, fmt.Sprintf("found nothing at %.200q", r.URL.Path))
			return
		case !get:
			h.Set("Allow", "GET, HEAD")
			fail(w, http.StatusMethodNotAllowed, fmt.Sprintf("found the method %.20q, GET or HEAD expected", r.Method))
			return
		}
		h.Set("Content-Security-Policy", policy)
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cache-Control", "no-cache") // the program may be another next time
		if path.Ext(name) == ".yaml" {
			h.Set("Content-Type", "application/yaml")
		}
		http.ServeFileFS(w, r, files, name)
	})
}

// fail answers with an error as the protocol has it.
func fail(w http.ResponseWriter, status int, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(map[string]string{"error": message}) // who does not read it is gone
}
