package main

import (
	"strings"
	"testing"
)

func Test(t *testing.T) {
	var out strings.Builder
	if err := run(&out, t.TempDir()); err != nil {
		t.Fatal(err)
	}
	const want = `hidden.weight [3 4]
hidden.bias [3]
swish.beta [3]
output.weight [2 3]
output.bias [2]
learnt: tensor([1.5000, 1.5000, 1.5000])
the same logits: true
`
	if out.String() != want {
		t.Errorf("got\n%s\nwant\n%s", out.String(), want)
	}
}
