package main

import (
	"strings"
	"testing"
)

func TestRun(t *testing.T) {
	var out strings.Builder
	if err := run(&out, config{hidden: []int{16, 16}, epochs: 1, batch: 256, lr: 0.1}); err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(out.String(), "epoch 1, loss ") {
		t.Errorf("got %q", out.String())
	}
}

func TestErrors(t *testing.T) {
	err := run(&strings.Builder{}, config{mnist: t.TempDir(), hidden: []int{16}, epochs: 1, batch: 256, lr: 0.1})
	if err == nil || !strings.Contains(err.Error(), "train-images-idx3-ubyte") {
		t.Errorf("got %v", err)
	}
	if err := run(&strings.Builder{}, config{hidden: []int{0}, epochs: 1, batch: 256}); err == nil {
		t.Error("a layer without units was accepted")
	}
}
