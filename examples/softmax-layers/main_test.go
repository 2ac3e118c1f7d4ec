package main

import (
	"strings"
	"testing"
)

func TestRun(t *testing.T) {
	var out strings.Builder
	if err := run(&out, 1); err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(out.String(), "epoch 1, loss 0.78") {
		t.Errorf("got %q", out.String())
	}
}
