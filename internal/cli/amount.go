package cli

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// amount is some of a number of samples: so many of them, or a share of all. The zero value is
// none.
type amount struct {
	count int
	share float64 // above 0 and below 1, or 0 for a count
}

// some reports whether it is not none.
func (a amount) some() bool { return a != amount{} }

// of returns how many of n samples it is. A share is rounded to the nearest, and is one at least.
func (a amount) of(n int) int {
	if a.share == 0 {
		return a.count
	}
	return max(1, int(math.Round(a.share*float64(n))))
}

// String writes it as its flag takes it: "5000", "0.15".
func (a amount) String() string {
	if a.share == 0 {
		return strconv.Itoa(a.count)
	}
	return strconv.FormatFloat(a.share, 'f', -1, 64)
}

// UnmarshalText reads a whole number, which is a count, or what is a share: a number with a dot, or
// with a percent sign.
func (a *amount) UnmarshalText(text []byte) error {
	s := string(text)
	if n, err := strconv.Atoi(s); err == nil {
		if n < 0 {
			return fmt.Errorf("found %s: at least 0 expected", s)
		}
		if n > maxCount {
			return fmt.Errorf("found %s: at most %d expected", s, maxCount)
		}
		*a = amount{count: n}
		return nil
	}
	number, percent := strings.CutSuffix(s, "%")
	v, err := strconv.ParseFloat(number, 64)
	if percent {
		v /= 100
	}
	if err != nil || !(v >= 0 && v < 1) || !percent && !strings.Contains(s, ".") {
		return fmt.Errorf("found %s: a whole number of samples, or a share of them as in 0.15 or 15%% expected", s)
	}
	*a = amount{share: v}
	return nil
}

// MarshalJSON writes a number, with a dot if it is a share.
func (a amount) MarshalJSON() ([]byte, error) { return []byte(a.String()), nil }

// UnmarshalJSON reads what MarshalJSON writes.
func (a *amount) UnmarshalJSON(text []byte) error { return a.UnmarshalText(text) }
