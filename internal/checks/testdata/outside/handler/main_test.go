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
	const want = "32 clients had 20 answers each, the same as alone\nfound 3 numbers, 2 expected\n"
	if out.String() != want {
		t.Errorf("got\n%s\nwant\n%s", out.String(), want)
	}
}
