package printable

import (
	"strings"
	"testing"
)

func TestName(t *testing.T) {
	for name, want := range map[string]string{
		"":                          "",
		"ankle boot":                "ankle boot",
		"Größe 靴 \"x\"":             "Größe 靴 \"x\"",
		"a\nb":                      `"a\nb"`,
		"\x1b[31mred":               `"\x1b[31mred"`,
		"a\tb":                      `"a\tb"`,
		"\xffa":                     `"\xffa"`,
		"\u202eevil":                `"\u202eevil"`,
		strings.Repeat("x", 200):    strings.Repeat("x", 200),
		strings.Repeat("é", 101):    strings.Repeat("é", 100) + "...",
		strings.Repeat("\n", 1e5):   `"` + strings.Repeat(`\n`, 200) + `"...`,
		"xxx" + string("靴"[:2]):     `"xxx\xe9\x9d"`,
		strings.Repeat("\x80", 300): `"` + strings.Repeat(`\x80`, 197) + `"...`,
	} {
		if got := Name(name); got != want {
			t.Errorf("%.20q: %s, %s expected", name, got, want)
		}
	}
}

func TestMessage(t *testing.T) {
	for message, want := range map[string]string{
		"":                                      "",
		`open "a": no such file`:                `open "a": no such file`,
		"open \x1b]0;x\a.png\r\n: no":           `open \x1b]0;x\a.png\r\n: no`,
		"\xff é":                                `\xff é`,
		"a" + strings.Repeat("x", 1e5) + ": no": "a" + strings.Repeat("x", 1999) + " ... " + strings.Repeat("x", 1996) + ": no",
	} {
		if got := Message(message); got != want {
			t.Errorf("%.20q: %s, %s expected", message, got, want)
		}
	}
}

func TestBytes(t *testing.T) {
	for n, want := range map[int64]string{
		0: "0 bytes", 999: "999 bytes", 1000: "1.0 kB", 1049: "1.0 kB", 999_949: "999.9 kB", 999_950: "1.0 MB",
		13_840_000_000: "13.8 GB", 5e15: "5000.0 TB",
	} {
		if got := Bytes(n); got != want {
			t.Errorf("%d: got %s, want %s", n, got, want)
		}
	}
}

func TestWord(t *testing.T) {
	for word, want := range map[string]string{
		"runs/a-1": "runs/a-1", "crop:4,flip": "crop:4,flip", "": "''", "my photos": "'my photos'", "it's": `'it'\''s'`, "$(x)": "'$(x)'", "a;b": "'a;b'", "猫": "'猫'",
	} {
		if got := Word(word); got != want {
			t.Errorf("%q is %s, want %s", word, got, want)
		}
	}
}
