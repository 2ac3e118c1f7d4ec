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
	const want = `32 clients had 20 answers each, the same as alone
400 found a row of 3 numbers, 2 expected
400 number 0 of the row: found NaN, a finite one expected
400 number 1 of the row: found "1e99", a number of 32 bits expected
400 number 0 of the row: found "here", a number of 32 bits expected
400 number 0 of the row: found "", a number of 32 bits expected
`
	if out.String() != want {
		t.Errorf("got\n%s\nwant\n%s", out.String(), want)
	}
}
