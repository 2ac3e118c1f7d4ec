package checks

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestNotebooks runs the cells of the notebooks, one program a notebook, for few epochs. They
// print what output.txt beside them has, and draw the pictures that they save. With -update it
// writes output.txt again.
func TestNotebooks(t *testing.T) {
	programs, err := filepath.Glob("testdata/notebooks/*/main.go")
	if err != nil {
		t.Fatal(err)
	}
	if len(programs) != 4 {
		t.Fatalf("found the programs %q, 4 expected", programs)
	}
	for _, source := range programs {
		folder := filepath.Dir(source)
		t.Run(filepath.Base(folder), func(t *testing.T) {
			dir := t.TempDir()
			executable := filepath.Join(dir, "notebook.exe")
			for _, args := range [][]string{{"vet", source}, {"build", "-o", executable, source}} {
				if out, err := exec.Command("go", args...).CombinedOutput(); err != nil {
					t.Fatalf("go %s: %v\n%s", args[0], err, out)
				}
			}
			var errs strings.Builder
			command := exec.Command(executable)
			command.Dir, command.Stderr = dir, &errs
			out, err := command.Output()
			if err != nil {
				t.Fatalf("%v\n%s", err, errs.String())
			}
			path := filepath.Join(folder, "output.txt")
			if *update {
				if err := os.WriteFile(path, out, 0o666); err != nil {
					t.Fatal(err)
				}
			}
			if want := read(t, path); !similar(string(out), want) {
				t.Errorf("this prints\n%s\nexpected\n%s", out, want)
			}
			pictures, err := filepath.Glob(filepath.Join(dir, "*.svg"))
			if saves := strings.Count(read(t, source), ".Save("); err != nil || len(pictures) < saves {
				t.Errorf("%d calls of Save, and the pictures %q, %v", saves, pictures, err)
			}
		})
	}
}
