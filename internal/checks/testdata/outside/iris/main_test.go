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
	var trained, loaded float64
	var preparation string
	if _, err := fmt.Sscanf(out.String(), "test accuracy %f\nfrom the file: %f on 75 flowers, prepared by %s", &trained, &loaded, &preparation); err != nil {
		t.Fatalf("%q: %v", out.String(), err)
	}
	if trained < 0.95 || loaded != trained || preparation != "example.standardize" {
		t.Errorf("%qat least 0.950 expected, and the same from the file", out.String())
	}
}
