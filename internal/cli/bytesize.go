package cli

import (
	"fmt"
	"strconv"
	"strings"
)

// byteSize is a number of bytes.
type byteSize int64

// sizeUnits are what a byteSize may be counted in, the larger ones first.
var sizeUnits = []struct {
	name  string
	bytes float64
}{
	{"TIB", 1 << 40}, {"GIB", 1 << 30}, {"MIB", 1 << 20}, {"KIB", 1 << 10},
	{"TB", 1e12}, {"GB", 1e9}, {"MB", 1e6}, {"KB", 1e3}, {"B", 1},
}

// UnmarshalText reads a number and its unit, as in 10GB or 1.5GiB.
func (b *byteSize) UnmarshalText(text []byte) error {
	word := strings.ToUpper(string(text))
	for _, u := range sizeUnits {
		number, ok := strings.CutSuffix(word, u.name)
		if !ok {
			continue
		}
		v, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
		if err != nil || !(v*u.bytes >= 1 && v*u.bytes <= 1<<60) {
			break
		}
		*b = byteSize(v * u.bytes)
		return nil
	}
	return fmt.Errorf("found %s: a size as in 10GB or 500MB expected", text)
}
