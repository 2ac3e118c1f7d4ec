package checks

import (
	"os/exec"
	"testing"
)

// TestProgramIsOfItsSources holds that the program of the page without a server is made of the sources that are
// here. If it is not, the error says how to make it anew.
func TestProgramIsOfItsSources(t *testing.T) {
	if out, err := exec.Command("go", "run", module+"internal/web/gen", "-check").CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
}
