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
	const want = `softsign tensor([-0.7500, -0.5000,  0.0000,  0.3333,  0.8000], dtype=float64)
gradient tensor([0.0625, 0.2500, 1.0000, 0.4444, 0.0400], dtype=float64)
as by differences: true
`
	if out.String() != want {
		t.Errorf("got\n%s\nwant\n%s", out.String(), want)
	}
}
