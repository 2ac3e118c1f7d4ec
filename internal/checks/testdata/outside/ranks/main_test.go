package main

import (
	"strings"
	"testing"
)

func Test(t *testing.T) {
	var out strings.Builder
	if err := run(&out); err != nil {
		t.Fatal(err)
	}
	const want = "rank 0 has the weights of one rank: true\nrank 1 has the weights of one rank: true\n"
	if out.String() != want {
		t.Errorf("found %q, %q expected", out.String(), want)
	}
}
