package kernel

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// beyondAVX2 matches operands that only AVX-512 has: its masks, its widest registers, and
// the upper half of all of them. An assembler takes them in any instruction, and a machine
// that has AVX-512 runs it: only on others does the program end.
var beyondAVX2 = regexp.MustCompile(`\b(?:K[0-7]|Z[0-9]+|[XY](?:1[6-9]|2[0-9]|3[01]))\b`)

// TestAVX2KernelsNeedNoMore looks at the operands of kernels for AVX2.
func TestAVX2KernelsNeedNoMore(t *testing.T) {
	for operand, want := range map[string]bool{
		"VADDPS (AX), Y15, Y0": false, "VADDPS (AX), Y16, Y0": true, "VMOVUPS X31, (AX)": true,
		"VADDPS Z0, Z0, Z0": true, "KMOVW AX, K1": true,
	} {
		if beyondAVX2.MatchString(operand) != want {
			t.Errorf("%s: beyond AVX2: %v expected", operand, want)
		}
	}
	var files []string
	for _, pattern := range []string{"*_amd64.s", "inference/*_amd64.s"} {
		names, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, names...)
	}
	var sources strings.Builder
	for _, name := range files {
		source, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		sources.Write(source)
	}
	checked := 0
	for _, text := range strings.Split(sources.String(), "\nTEXT ·")[1:] {
		name, body, _ := strings.Cut(text, "(")
		if !strings.HasSuffix(name, "AVX2") {
			continue
		}
		checked++
		for _, line := range strings.Split(body, "\n") {
			if code, _, _ := strings.Cut(line, "//"); beyondAVX2.MatchString(code) {
				t.Errorf("%s: %s", name, strings.TrimSpace(code))
				break
			}
		}
	}
	if checked < 20 {
		t.Errorf("found %d kernels for AVX2, expected at least 20", checked)
	}
}
