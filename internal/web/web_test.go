package web_test

import (
	"bytes"
	"compress/gzip"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/onehot-go/onehot/internal/web"
	"github.com/onehot-go/onehot/model"
	"github.com/onehot-go/onehot/random"
)

// site returns a folder with the page of a model.
func site(t *testing.T, name string) string {
	t.Helper()
	m, err := model.New(model.Softmax([]int{1, 8, 8}, []string{"a", "<b>"}), random.New(1))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := web.Write(dir, name, m); err != nil {
		t.Fatal(err)
	}
	return dir
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

var (
	elsewhere = regexp.MustCompile(`(?:src|href)="([^"]*)"|(?:import|from) "([^"]*)"|(?:import|get)\("([^"]*)"|new URL\("([^"]*)"`)
	program   = []byte("\x00asm\x01\x00\x00\x00")
)

// TestWrite holds what a page has: all files that its files name, the model as Save writes it, and a program.
func TestWrite(t *testing.T) {
	dir := site(t, `"<script>`)
	var names []string
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	want := []string{"backend.js", "index.html", "model.json", "model.safetensors", "page.css", "page.js", "program.js", "program.wasm.gz", "texts.js", "wasm_exec.js", "worker.js"}
	if !slices.Equal(names, want) {
		t.Errorf("found the files %q, %q expected", names, want)
	}
	found := map[string]bool{"index.html": true, "page.css": true}
	for _, name := range []string{"index.html", "page.js", "backend.js", "worker.js", "program.js"} {
		for _, m := range elsewhere.FindAllStringSubmatch(string(read(t, filepath.Join(dir, name))), -1) {
			to := strings.TrimPrefix(strings.Join(m[1:], ""), "./")
			if to != "data:," && to != "api.html" { // a link that is hidden
				found[to] = true
			}
		}
	}
	for _, name := range want {
		if !found[name] {
			t.Errorf("nothing names %s", name)
		}
		delete(found, name)
	}
	if len(found) > 0 {
		t.Errorf("%v are named, and not there", found)
	}
	if about := string(read(t, filepath.Join(dir, "model.json"))); about != `{"name":"\"\u003cscript\u003e"}`+"\n" {
		t.Errorf("model.json is %s", about)
	}
	m, err := model.Load(filepath.Join(dir, "model.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	again := filepath.Join(t.TempDir(), "again")
	if err := m.Save(again); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(read(t, again), read(t, filepath.Join(dir, "model.safetensors"))) {
		t.Error("the model's file is not as Save writes it")
	}
	z, err := gzip.NewReader(bytes.NewReader(read(t, filepath.Join(dir, "program.wasm.gz"))))
	if err != nil {
		t.Fatal(err)
	}
	if plain, err := io.ReadAll(z); err != nil || !bytes.HasPrefix(plain, program) {
		t.Errorf("the program begins with %q (%v)", plain[:min(8, len(plain))], err)
	}
}

// TestCheckOld holds that a folder with anything else in it is no page.
func TestCheckOld(t *testing.T) {
	dir := site(t, "name")
	if err := web.CheckOld(dir); err != nil {
		t.Error(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "CNAME"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := web.CheckOld(dir); err == nil || !strings.Contains(err.Error(), "found CNAME in it") {
		t.Errorf("got %v", err)
	}
	if err := web.CheckOld(filepath.Join(dir, "nowhere")); err == nil {
		t.Error("a folder that is not there is a page")
	}
}
