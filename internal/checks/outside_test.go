package checks

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestOutside builds and tests the module in testdata/outside, which adds to the project
// what others can add, and holds its table to the programs that are there.
func TestOutside(t *testing.T) {
	const dir = "testdata/outside"
	programs, err := filepath.Glob(dir + "/*/main.go")
	if err != nil {
		t.Fatal(err)
	}
	readme := read(t, dir+"/README.md")
	if rows := strings.Count(readme, "\n| `"); rows != len(programs) {
		t.Errorf("%d programs in the table, found %d", rows, len(programs))
	}
	for _, program := range programs {
		if name := filepath.Base(filepath.Dir(program)); !strings.Contains(readme, "\n| `"+name+"` |") {
			t.Errorf("%s is not in the table", name)
		}
	}
	for _, args := range [][]string{{"vet", "./..."}, {"test", "./..."}} {
		command := exec.Command("go", args...)
		command.Dir, command.Env = dir, append(os.Environ(), "GOWORK=off")
		if out, err := command.CombinedOutput(); err != nil {
			t.Errorf("go %s: %v\n%s", strings.Join(args, " "), err, out)
		}
	}
}
