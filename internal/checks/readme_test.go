package checks

import (
	"fmt"
	"math"
	"os"
	"strings"
	"testing"

	"github.com/onehot-go/onehot/internal/cli"
)

// TestReadmeShowsTheProgram holds the Go program in README.md to the one in
// examples/readme, which is built and run.
func TestReadmeShowsTheProgram(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	classify, err := os.ReadFile("../../examples/classify/main.go")
	if err != nil {
		t.Fatal(err)
	}
	if _, function, ok := strings.Cut(string(classify), "\nfunc classify("); !ok || !strings.Contains(string(readme), "```go\nfunc classify("+function+"```") {
		t.Error("README.md does not show classify of examples/classify/main.go as it is")
	}
	program, err := os.ReadFile("../../examples/readme/main.go")
	if err != nil {
		t.Fatal(err)
	}
	_, code, ok := strings.Cut(string(program), "package main\n")
	if !ok {
		t.Fatal("examples/readme/main.go is no program")
	}
	if !strings.Contains(string(readme), "```go\npackage main\n"+code+"```") {
		t.Error("README.md does not show examples/readme/main.go as it is")
	}
}

// TestReadmeShowsARun holds the first run in README.md to what the program prints. Kernels
// differ in the last digits, so figures may differ by what rounding makes of them.
func TestReadmeShowsARun(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, after, ok := strings.Cut(string(readme), "$ go run ./cmd/onehot train\n")
	if !ok {
		t.Fatal("README.md shows no run")
	}
	var out, errs strings.Builder
	if code := cli.Main([]string{"train", "--epochs", "2", "--quiet", "--out", t.TempDir()}, &out, &errs); code != 0 {
		t.Fatal(errs.String())
	}
	shown := strings.Split(after, "\n")
	for i, line := range strings.Split(strings.TrimSpace(out.String()), "\n") {
		const format = "epoch %d, loss %f, train acc %f, test acc %f"
		var epoch int
		var got, want [3]float64
		if _, err := fmt.Sscanf(line, format, &epoch, &got[0], &got[1], &got[2]); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		if _, err := fmt.Sscanf(strings.TrimSpace(shown[i]), format, &epoch, &want[0], &want[1], &want[2]); err != nil || epoch != i+1 {
			t.Fatalf("README.md shows %q: %v", shown[i], err)
		}
		for j := range got {
			if math.Abs(got[j]-want[j]) > 0.002 {
				t.Errorf("README.md shows %q, and the program prints %q", strings.TrimSpace(shown[i]), line)
			}
		}
	}
}
