package shards

import (
	"fmt"
	"strconv"
	"strings"
)

// Expand returns the paths that a pattern stands for: {000..009} for the numbers from 000 to 009,
// with as many digits, and {a,b} for a and b. A path without braces stands for itself. The error
// names what is between the braces.
func Expand(pattern string) ([]string, error) {
	before, rest, ok := strings.Cut(pattern, "{")
	inside, after, closed := strings.Cut(rest, "}")
	if !ok || !closed {
		return []string{pattern}, nil
	}
	words, err := expand(inside)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", pattern, err)
	}
	tails, err := Expand(after)
	if err != nil {
		return nil, err
	}
	if len(words)*len(tails) > maxShards {
		return nil, fmt.Errorf("%s: found %d files, at most %d expected", pattern, len(words)*len(tails), maxShards)
	}
	var paths []string
	for _, w := range words {
		for _, t := range tails {
			paths = append(paths, before+w+t)
		}
	}
	return paths, nil
}

// expand returns what stands for the inside of braces.
func expand(inside string) ([]string, error) {
	wrong := fmt.Errorf("found {%s}, a range such as {000..009} or a list such as {a,b} expected", inside)
	from, to, ok := strings.Cut(inside, "..")
	if !ok {
		if !strings.Contains(inside, ",") {
			return nil, wrong
		}
		return strings.Split(inside, ","), nil
	}
	lo, err := strconv.ParseUint(from, 10, 31)
	if err != nil {
		return nil, wrong
	}
	hi, err := strconv.ParseUint(to, 10, 31)
	if err != nil || hi < lo {
		return nil, wrong
	}
	if hi-lo >= maxShards {
		return nil, fmt.Errorf("found {%s}, at most %d files expected", inside, maxShards)
	}
	var words []string
	for n := lo; n <= hi; n++ {
		words = append(words, fmt.Sprintf("%0*d", len(from), n))
	}
	return words, nil
}
