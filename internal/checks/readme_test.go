package checks

import (
	"os"
	"strings"
	"testing"
)

// TestReadmeShowsTheProgram holds the Go program in README.md to the one in
// examples/readme, which is built and run.
func TestReadmeShowsTheProgram(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
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
