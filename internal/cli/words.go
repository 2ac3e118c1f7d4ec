package cli

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
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
	notChosen = regexp.MustCompile(`(?s)^(?:\[?<(\w+)>\]?|(--\S+)) must be one of (\S+) but got (".*")$`)
	notParsed = regexp.MustCompile(`(?s)^(--\S+): expected an? (?:valid \d+ bit )?(int|uint|float) but got (".*?")(?: \(\S+\))?$`)
	notBool   = regexp.MustCompile(`(?s)^(--\S+): bool value must be .* but got (".*")$`)
	noValues  = regexp.MustCompile(`^(--\S+): missing value, expecting .*$`)
	missing   = regexp.MustCompile(`^expected "(.*)"$`)
	notRead   = regexp.MustCompile(`(?s)^(--\S+): found ([^"].*)$`)
)

// flagsElsewhere are flags of other programs, and what they are here.
var flagsElsewhere = map[string]string{"--learning-rate": "--lr"}

// inWords says a message of the parser in words that people use, with what may have been
// meant.
func inWords(message string) string {
	if m := notChosen.FindStringSubmatch(message); m != nil {
		return notOneOf(m[1]+m[2], unquoted(m[4]), choices(strings.ReplaceAll(m[3], `"`, ""))).Error()
	}
	if m := notParsed.FindStringSubmatch(message); m != nil {
		value, expected := unquoted(m[3]), map[string]string{"int": "a whole number", "uint": "a whole number of 0 or more", "float": "a number"}[m[2]]
		if value == "EOL" {
			return fmt.Sprintf("%s: %s expected", m[1], expected)
		}
		if f, err := strconv.ParseFloat(value, 64); (err == nil || math.IsInf(f, 0)) && math.Abs(f) >= 1<<63 {
			expected = map[bool]string{false: "a smaller number", true: "a larger number"}[f < 0]
		}
		return fmt.Sprintf("%s %s: %s expected", m[1], visible(value), expected)
	}
	if m := notBool.FindStringSubmatch(message); m != nil {
		return fmt.Sprintf("%s=%s: true or false expected", m[1], unquoted(m[2]))
	}
	if m := noValues.FindStringSubmatch(message); m != nil {
		return m[1] + ": a value expected, or several with commas"
	}
	if m := missing.FindStringSubmatch(message); m != nil {
		return m[1] + " expected"
	}
	if m := notRead.FindStringSubmatch(message); m != nil {
		return m[1] + " " + m[2]
	}
	if flag, ok := strings.CutPrefix(message, "unknown flag "); ok && flagsElsewhere[flag] != "" {
		return fmt.Sprintf("%s, did you mean %q?", message, flagsElsewhere[flag])
	}
	return message
}

// notOneOf says that a flag's or an argument's value is none of the choices.
func notOneOf(name, value string, choices []string) error {
	return fmt.Errorf("%s %s: one of %s expected%s", name, visible(value), strings.Join(choices, ", "), meant(value, choices))
}

// choices returns what a flag takes whose tag lists it; "" is no choice.
func choices(enum string) []string {
	return slices.DeleteFunc(strings.Split(enum, ","), func(choice string) bool { return choice == "" })
}

// unquoted returns a value that the parser quotes.
func unquoted(quoted string) string {
	value, err := strconv.Unquote(quoted)
	if err != nil {
		return quoted
	}
	return value
}

// visible returns a value as it is, or quoted if that would not be seen.
func visible(value string) string {
	if strings.TrimSpace(value) == "" {
		return strconv.Quote(value)
	}
	return value
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
