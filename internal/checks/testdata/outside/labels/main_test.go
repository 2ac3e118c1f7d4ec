package main

import (
	"fmt"
	"strings"
	"testing"
)

func Test(t *testing.T) {
	var out strings.Builder
	if err := run(&out, t.TempDir()); err != nil {
		t.Fatal(err)
	}
	var micro, macro, precision float64
	if _, err := fmt.Sscanf(out.String(), "micro F1 %f, macro F1 %f, mean average precision %f", &micro, &macro, &precision); err != nil {
		t.Fatalf("%q: %v", out.String(), err)
	}
	if min(micro, macro, precision) < 0.9 {
		t.Errorf("%qat least 0.90 of each expected", out.String())
	}
	const want = "the file's task is multi-label; (-0.8, 0.8) is \"north\" \"far out\"\n"
	if !strings.HasSuffix(out.String(), "\n"+want) {
		t.Errorf("%qwant %q at the end", out.String(), want)
	}
}
