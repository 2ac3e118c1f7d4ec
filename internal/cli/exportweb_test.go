package cli

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/onehot-go/onehot/internal/atomicfile"
	"github.com/onehot-go/onehot/model"
	"github.com/onehot-go/onehot/random"
)

// TestExportWeb writes a page, and replaces pages and nothing else.
func TestExportWeb(t *testing.T) {
	path := drawingsModel(t, model.LightGround, 1)
	t.Chdir(filepath.Dir(path))
	const want = "written to a site, for any host of files\nto look at it: python3 -m http.server --directory 'a site'\n"
	if got := succeed(t, "export", "model.safetensors", "--web", "a site"); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	about := func(want string) {
		t.Helper()
		if got, err := os.ReadFile(filepath.Join("a site", "model.json")); err != nil || string(got) != `{"name":"`+want+"\"}\n" {
			t.Errorf("got %s (%v), want %s", got, err, want)
		}
	}
	about("model")
	if _, err := os.Stat(filepath.Join("a site", "index.html")); err != nil {
		t.Error(err)
	}
	for _, c := range []struct {
		want string
		args []string
	}{
		{"--web a site exists: --force replaces it", []string{"--web", "a site"}},
		{"--web model.safetensors: a folder's name expected", []string{"--web", "model.safetensors", "--force"}},
		{"--web .: found a site in it, which no such page has: export replaces pages of its own, and nothing else", []string{"--web", ".", "--force"}},
		{"--web no/site: there is no folder no", []string{"--web", "no/site"}},
		{"one of --onnx FILE, --go DIR and --web DIR expected: what the model is to become (see onehot export --help)", []string{"--web", "b", "--onnx", "c"}},
	} {
		wantError(t, exitUsage, c.want, append([]string{"export", "model.safetensors"}, c.args...)...)
	}
	if err := os.Rename("model.safetensors", "other.safetensors"); err != nil {
		t.Fatal(err)
	}
	for i := 1; ; i += 6 { // changes to the disk fail: six are a file's, and less
		n := 0
		atomicfile.Before = func(string, string) error {
			if n++; n == i {
				return errors.New("no more disk")
			}
			return nil
		}
		_, errs, code := onehot(t, "export", "other.safetensors", "--web", "a site", "--force")
		atomicfile.Before = nil
		if code == 0 {
			break
		}
		if !strings.Contains(errs, "no more disk") {
			t.Fatalf("change %d: %s", i, errs)
		}
		if got, err := os.ReadFile(filepath.Join("a site", "model.json")); err != nil || len(got) == 0 {
			t.Fatalf("change %d: %v", i, err)
		}
		if i > 200 {
			t.Fatal("it never succeeds")
		}
	}
	about("other")
	if left, _ := os.ReadDir("."); len(left) != 2 {
		t.Errorf("found %v, the model and the page expected", left)
	}
}

// TestExportWebKinds writes pages of nets of all models, and none of one that takes neither pictures nor rows.
func TestExportWebKinds(t *testing.T) {
	t.Chdir(t.TempDir())
	classes := []string{"a", "b"}
	for i, d := range []model.Definition{
		model.Softmax([]int{1, 28, 28}, classes), model.MLP([]int{1, 28, 28}, []int{5}, classes), model.LeNet([]int{1, 28, 28}, classes),
		model.CNN([]int{3, 40, 40}, classes), model.ResNet([]int{3, 40, 40}, classes), model.MLP([]int{4}, []int{3}, classes),
	} {
		m, err := model.New(d, random.New(1))
		if err != nil {
			t.Fatal(err)
		}
		file, dir := fmt.Sprint("model", i), fmt.Sprint("site", i)
		if err := m.Save(file); err != nil {
			t.Fatal(err)
		}
		if len(d.InputShape) == 1 {
			wantError(t, exitFailure, "the model takes tensors of shape [4], pictures or rows of tables expected", "export", file, "--web", dir)
			if _, err := os.Stat(dir); err == nil {
				t.Error("there is a page of it")
			}
			continue
		}
		succeed(t, "export", file, "--web", dir)
		got, err := model.Load(filepath.Join(dir, "model.safetensors"))
		if err != nil || got.Name != d.Name {
			t.Errorf("%s: %v", d.Name, err)
		}
	}
}
