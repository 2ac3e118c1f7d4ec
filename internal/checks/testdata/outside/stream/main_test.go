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
	if _, err := fmt.Sscanf(out.String(), "test accuracy %f", &accuracy); err != nil {
		t.Fatalf("%q: %v", out.String(), err)
	}
	if accuracy < 0.95 {
		t.Errorf("test accuracy %v, at least 0.95 expected", accuracy)
	}
}
