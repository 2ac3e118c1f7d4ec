package main

import (
	"fmt"
	"math"
	"strings"
	"testing"
)

func Test(t *testing.T) {
	var out strings.Builder
	if err := run(&out, t.TempDir()); err != nil {
		t.Fatal(err)
	}
	const want = "whole.safetensors: 202 kB, logits %f %f\nhalf.safetensors: 101 kB, logits %f %f\n"
	var a, b, c, d float64
	if _, err := fmt.Sscanf(out.String(), want, &a, &b, &c, &d); err != nil {
		t.Fatalf("%q: %v", out.String(), err)
	}
	if diff := max(math.Abs(a-c), math.Abs(b-d)); diff == 0 || diff > 0.01 {
		t.Errorf("logits differ by %v, more than 0 and at most 0.01 expected", diff)
	}
}
