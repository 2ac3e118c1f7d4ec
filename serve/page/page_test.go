package page_test

import (
	"io/fs"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/onehot-go/onehot/serve/page"
)

// TestHandler holds what browsers are told of every file: its type, and that it loads nothing from
// elsewhere.
func TestHandler(t *testing.T) {
	types := map[string]string{
		"":             "text/html; charset=utf-8",
		"page.css":     "text/css; charset=utf-8",
		"page.js":      "text/javascript; charset=utf-8",
		"texts.js":     "text/javascript; charset=utf-8",
		"backend.js":   "text/javascript; charset=utf-8",
		"api.html":     "text/html; charset=utf-8",
		"openapi.yaml": "application/yaml",
	}
	for name, want := range types {
		w := httptest.NewRecorder()
		page.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/"+name, nil))
		h := w.Header()
		if w.Code != 200 || h.Get("Content-Type") != want || w.Body.Len() == 0 {
			t.Errorf("/%s: got %d %q of %d bytes, want 200 %q", name, w.Code, h.Get("Content-Type"), w.Body.Len(), want)
		}
		policy := h.Get("Content-Security-Policy")
		if !strings.HasPrefix(policy, "default-src 'none'; script-src 'self'; style-src 'self';") || strings.Contains(policy, "unsafe") {
			t.Errorf("/%s: the policy is %q", name, policy)
		}
		if h.Get("X-Content-Type-Options") != "nosniff" || h.Get("Cache-Control") != "no-cache" {
			t.Errorf("/%s: the headers are %v", name, h)
		}
	}
	files, err := fs.Glob(page.Files(), "*")
	if err != nil || len(files) != len(types) {
		t.Errorf("found the files %q, %v, %d expected", files, err, len(types))
	}
	for _, test := range []struct {
		method, path string
		want         int
	}{{"HEAD", "/", 200}, {"GET", "/nothing", 404}, {"GET", "/../page.go", 404}, {"POST", "/", 405}} {
		w := httptest.NewRecorder()
		page.Handler().ServeHTTP(w, httptest.NewRequest(test.method, test.path, nil))
		if w.Code != test.want {
			t.Errorf("%s %s: got %d, want %d", test.method, test.path, w.Code, test.want)
		}
	}
}

var (
	elsewhere = regexp.MustCompile(`(?:src|href)="([^"]*)"|import .* from "([^"]*)"|\burl\(([^)]*)\)`)
	inline    = regexp.MustCompile(`(?i)<script[^>]*>[^<]|<style|\sstyle="|\son[a-z]+="`)
)

// TestNothingFromElsewhere holds that the files name only each other, and that no script or style is
// within a page.
func TestNothingFromElsewhere(t *testing.T) {
	files := page.Files()
	found := 0
	for _, name := range []string{"index.html", "api.html", "page.css", "page.js", "texts.js", "backend.js"} {
		text, err := fs.ReadFile(files, name)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range elsewhere.FindAllStringSubmatch(string(text), -1) {
			to := strings.TrimPrefix(m[1]+m[2]+m[3], "./")
			if found++; to == "" || strings.HasPrefix(to, "data:,") {
				continue
			}
			if _, err := fs.Stat(files, to); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		if m := inline.Find(text); m != nil {
			t.Errorf("%s: found %q", name, m)
		}
	}
	if found < 10 {
		t.Errorf("only %d names found", found)
	}
}

// TestAPIPage holds that api.html has the paths of openapi.yaml with their methods, in its order.
func TestAPIPage(t *testing.T) {
	read := func(name string) string {
		text, err := fs.ReadFile(page.Files(), name)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	var described, shown []string
	path := ""
	for _, m := range regexp.MustCompile(`(?m)^  (/\S*):$|^    (get|post|put|delete):$`).FindAllStringSubmatch(read("openapi.yaml"), -1) {
		if m[1] != "" {
			path = m[1]
		} else {
			described = append(described, strings.ToUpper(m[2])+" "+path)
		}
	}
	for _, m := range regexp.MustCompile(`<tr><td>([A-Z]+)</td><td><code>([^<]*)</code></td>`).FindAllStringSubmatch(read("api.html"), -1) {
		shown = append(shown, m[1]+" "+m[2])
	}
	if len(described) < 10 || !slices.Equal(described, shown) {
		t.Errorf("openapi.yaml has\n%s\nand api.html\n%s", strings.Join(described, "\n"), strings.Join(shown, "\n"))
	}
}
