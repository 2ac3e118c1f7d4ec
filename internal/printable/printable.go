// Package printable makes of names and messages, which may come from anybody's files, what a
// terminal shows as text: no control characters, and no end of lines.
package printable

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// The most bytes of a name, and of a message, that are shown.
const (
	maxName    = 200
	maxMessage = 4000
)

// Name returns a name as it is where all of it can be printed, else in quotes with Go's
// escapes. What is long is cut, and ends with "...".
func Name(s string) string {
	whole := len(s) <= maxName
	if !whole {
		s = s[:boundary(s, maxName)]
	}
	if plain(s) == len(s) {
		if whole {
			return s
		}
		return s + "..."
	}
	if whole {
		return strconv.Quote(s)
	}
	return strconv.Quote(s) + "..."
}

// Message returns a message with what cannot be printed as Go's escapes. The middle of a long
// one is left out.
func Message(s string) string {
	if len(s) > maxMessage {
		s = s[:boundary(s, maxMessage/2)] + " ... " + s[boundary(s, len(s)-maxMessage/2):]
	}
	var b strings.Builder
	for {
		n := plain(s)
		b.WriteString(s[:n])
		if s = s[n:]; s == "" {
			return b.String()
		}
		_, size := utf8.DecodeRuneInString(s)
		quoted := strconv.Quote(s[:size])
		b.WriteString(quoted[1 : len(quoted)-1])
		s = s[size:]
	}
}

// plain returns how many bytes at the beginning of s can be printed.
func plain(s string) int {
	for i, r := range s {
		if r == utf8.RuneError || !unicode.IsPrint(r) {
			return i
		}
	}
	return len(s)
}

// boundary returns where the character begins that has the byte of s with index i.
func boundary(s string, i int) int {
	for range utf8.UTFMax - 1 {
		if i > 0 && !utf8.RuneStart(s[i]) {
			i--
		}
	}
	return i
}

// Bytes writes a number of bytes in few digits, as in 13.8 GB.
func Bytes(n int64) string {
	if n < 1000 {
		return fmt.Sprintf("%d bytes", n)
	}
	v, units := float64(n), []string{"bytes", "kB", "MB", "GB", "TB"}
	for v >= 999.95 && len(units) > 1 { // what would be written as 1000.0
		v, units = v/1000, units[1:]
	}
	return fmt.Sprintf("%.1f %s", v, units[0])
}

// Word returns a word as a shell takes it: as it is where nothing in it means anything to a shell,
// else in single quotes.
func Word(s string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("/._-+:,@%", r)
	}
	if s != "" && strings.IndexFunc(s, func(r rune) bool { return !plain(r) }) < 0 {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
