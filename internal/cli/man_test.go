package cli

import (
	"strings"
	"testing"
)

// TestMan checks that every command and every flag of it has its place in the manual page.
func TestMan(t *testing.T) {
	page := succeed(t, "man")
	if !strings.HasPrefix(page, ".TH ONEHOT 1 ") {
		t.Errorf("got %.80q", page)
	}
	for command, flags := range flagsOf(t) {
		_, section, found := strings.Cut(page, "\n.SS \"onehot "+strings.ReplaceAll(command, "-", `\-`))
		section, _, _ = strings.Cut(section, "\n.S")
		if !found {
			t.Errorf("%s is missing", command)
		}
		for _, f := range flags {
			if f != "help" && !strings.Contains(section, `\-\-`+strings.ReplaceAll(f, "-", `\-`)) {
				t.Errorf("%s --%s is missing", command, f)
			}
		}
	}
	for line := range strings.Lines(page) {
		if len(line) > 81 {
			t.Errorf("a line of %d bytes: %s", len(line), line)
		}
	}
}

func TestRoff(t *testing.T) {
	for text, want := range map[string]string{
		`.name --x 'a' \`:         `\&.name \-\-x 'a' \e`,
		"'a'\nb":                  `\&'a' b`,
		strings.Repeat("ab ", 27): strings.TrimSpace(strings.Repeat("ab ", 26)) + "\nab",
	} {
		if got := roff(text); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}
