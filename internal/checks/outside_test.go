package checks

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const outside = "testdata/outside"

// TestOutside builds and tests the module in testdata/outside, which adds to the project
// what others can add.
func TestOutside(t *testing.T) {
	for _, args := range [][]string{{"vet", "./..."}, {"test", "./..."}} {
		command := exec.Command("go", args...)
		command.Dir, command.Env = outside, append(os.Environ(), "GOWORK=off")
		if out, err := command.CombinedOutput(); err != nil {
			t.Errorf("go %s: %v\n%s", strings.Join(args, " "), err, out)
		}
	}
}

var (
	programRow = regexp.MustCompile("(?m)^\\| `([a-z0-9]+)` \\|.*$")
	goName     = regexp.MustCompile("`([a-z]+)\\.([A-Z][A-Za-z.]*)`")
	pathName   = regexp.MustCompile("`([a-z_/]+/[a-z_]+\\.(?:go|py))`")
)

// TestAdditions holds the tables of additions to the programs in testdata/outside, a row each,
// and to names and files that are there.
func TestAdditions(t *testing.T) {
	mains, err := filepath.Glob(outside + "/*/main.go")
	if err != nil {
		t.Fatal(err)
	}
	var programs []string
	for _, path := range mains {
		programs = append(programs, filepath.Base(filepath.Dir(path)))
	}
	for _, page := range []string{outside + "/README.md", "../../CONTRIBUTING.md"} {
		var rows []string
		for _, row := range programRow.FindAllStringSubmatch(read(t, page), -1) {
			rows = append(rows, row[1])
			for _, m := range goName.FindAllStringSubmatch(row[0], -1) {
				folder := "../../" + m[1]
				if m[1] == "safetensors" || m[1] == "onnx" {
					folder = "../../model/" + m[1]
				}
				if !exported(t, folder)[m[2]] {
					t.Errorf("%s: %s: there is no %s.%s", page, row[1], m[1], m[2])
				}
			}
			for _, m := range pathName.FindAllStringSubmatch(row[0], -1) {
				if _, err := os.Stat("../../" + m[1]); err != nil {
					t.Errorf("%s: %s: %v", page, row[1], err)
				}
			}
		}
		if slices.Sort(rows); !slices.Equal(rows, programs) {
			t.Errorf("%s has rows of the programs %q, %q expected", page, rows, programs)
		}
	}
}
