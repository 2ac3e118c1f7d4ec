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
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	var loss, trainAcc, testAcc float64
	if _, err := fmt.Sscanf(lines[len(lines)-1], "epoch 3, loss %f, train acc %f, test acc %f", &loss, &trainAcc, &testAcc); err != nil {
		t.Fatalf("%q: %v", out.String(), err)
	}
	if testAcc < 0.83 {
		t.Errorf("test accuracy %v, at least 0.83 expected", testAcc)
	}
}
