package main

import (
	"fmt"
	"strings"
	"testing"
)

func Test(t *testing.T) {
	var out strings.Builder
	if err := run(&out); err != nil {
		t.Fatal(err)
	}
	var accuracy float64
	var same bool
	if _, err := fmt.Sscanf(out.String(), "test accuracy %f\nthe same nets: %t", &accuracy, &same); err != nil {
		t.Fatalf("%q: %v", out.String(), err)
	}
	if accuracy < 0.95 || !same {
		t.Errorf("test accuracy %v and the same nets %v, at least 0.95 and true expected", accuracy, same)
	}
}
