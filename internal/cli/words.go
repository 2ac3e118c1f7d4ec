package cli

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// rewritten returns the command line as the parser takes it. "help" and "--version" are what
// other programs have. "~" at the start of a value is the home folder, also if a shell leaves
// it, as in --out=~/x.
func rewritten(args []string) []string {
	if len(args) == 0 {
		return []string{"--help"}
	}
	switch args[0] {
	case "help":
		args = append(args[1:len(args):len(args)], "--help")
	case "--version":
		args = []string{"version"}
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return args
	}
	out := make([]string, len(args))
	for i, arg := range args {
		flag, value := "", arg
		if name, v, ok := strings.Cut(arg, "="); ok && strings.HasPrefix(name, "--") {
			flag, value = name+"=", v
		}
		if value == "~" || strings.HasPrefix(value, "~/") {
			value = filepath.Join(home, value[1:])
		}
		out[i] = flag + value
	}
	return out
}

// Messages of the parser, and what they are about.
var (
	notChosen = regexp.MustCompile(`^(?:\[<(\w+)>\]|(--\S+)) must be one of (\S+) but got "(.*)"$`)
	notRead   = regexp.MustCompile(`^(--\S+): found (.*)$`)
	notParsed = regexp.MustCompile(`(?s)^(--\S+): expected an? (?:valid \d+ bit )?(int|uint|float) but got "(.*)"(?: \(\S+\))?$`)
)

// flagsElsewhere are flags of other programs, and what they are here.
var flagsElsewhere = map[string]string{"--learning-rate": "--lr"}

// inWords says a message of the parser in words that people use, with what may have been
// meant.
func inWords(message string) string {
	if m := notChosen.FindStringSubmatch(message); m != nil {
		var choices []string
		for quoted := range strings.SplitSeq(m[3], ",") {
			if choice := strings.Trim(quoted, `"`); choice != "" {
				choices = append(choices, choice)
			}
		}
		return fmt.Sprintf("%s %s: one of %s expected%s", m[1]+m[2], m[4], strings.Join(choices, ", "), meant(m[4], choices))
	}
	if m := notParsed.FindStringSubmatch(message); m != nil {
		expected := map[string]string{"int": "a whole number", "uint": "a whole number of 0 or more", "float": "a number"}[m[2]]
		switch {
		case m[3] == "EOL":
			return fmt.Sprintf("%s: %s expected", m[1], expected)
		case m[2] != "float" && strings.Trim(m[3], "0123456789") == "":
			return fmt.Sprintf("%s %s: a smaller number expected", m[1], m[3])
		}
		return fmt.Sprintf("%s %s: %s expected", m[1], m[3], expected)
	}
	if m := notRead.FindStringSubmatch(message); m != nil {
		return m[1] + " " + m[2]
	}
	if flag, ok := strings.CutPrefix(message, "unknown flag "); ok && flagsElsewhere[flag] != "" {
		return fmt.Sprintf("%s, did you mean %q?", message, flagsElsewhere[flag])
	}
	return message
}

// meant asks whether one of the choices was meant by a word; it is "" if none is near.
func meant(word string, choices []string) string {
	best, least := "", len(word)/2+1
	for _, choice := range choices {
		if d := distance(plain(word), plain(choice)); d < least {
			best, least = choice, d
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf(", did you mean %q?", best)
}

// plain returns a name without what people write in more than one way.
func plain(name string) string {
	return strings.NewReplacer("-", "", "_", "", " ", "").Replace(strings.ToLower(name))
}

// distance returns how many bytes are to be inserted, left out or changed to make a word of
// another.
func distance(a, b string) int {
	row := make([]int, len(b)+1) // from the part of a so far to the first bytes of b
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		before := row[0]
		row[0] = i + 1
		for j := range len(b) {
			changed := before
			if a[i] != b[j] {
				changed++
			}
			before = row[j+1]
			row[j+1] = min(changed, row[j]+1, before+1)
		}
	}
	return row[len(b)]
}
