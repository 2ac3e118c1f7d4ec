package table

import (
	"math"
	"strconv"
	"unsafe"
)

// powers are the powers of ten that float64 has exactly.
var powers = [...]float64{1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22}

// parseFloat returns the decimal number that b is, with the bits of strconv.ParseFloat. ok is false unless b is
// a finite number as people write it: no underscores, no hexadecimal digits, no words.
func parseFloat(b []byte) (x float64, ok bool) {
	i, negative := 0, false
	if len(b) > 0 && (b[0] == '-' || b[0] == '+') {
		i, negative = 1, b[0] == '-'
	}
	mantissa, digits, exponent := uint64(0), 0, 0
	start := i
	for ; i < len(b) && b[i]-'0' <= 9; i++ {
		mantissa = mantissa*10 + uint64(b[i]-'0')
	}
	digits = i - start
	if i < len(b) && b[i] == '.' {
		i++
		point := i
		for ; i < len(b) && b[i]-'0' <= 9; i++ {
			mantissa = mantissa*10 + uint64(b[i]-'0')
		}
		exponent = point - i
		digits -= exponent
	}
	if digits == 0 {
		return 0, false
	}
	if i < len(b) && b[i]|0x20 == 'e' {
		i++
		down := false
		if i < len(b) && (b[i] == '-' || b[i] == '+') {
			down = b[i] == '-'
			i++
		}
		e, first := 0, i
		for ; i < len(b) && b[i]-'0' <= 9; i++ {
			if e < 10000 {
				e = e*10 + int(b[i]-'0')
			}
		}
		if i == first {
			return 0, false
		}
		if down {
			e = -e
		}
		exponent += e
	}
	if i < len(b) {
		return 0, false
	}
	// With at most 19 digits the mantissa is whole. It and the power of ten are exact floats, so that
	// one operation rounds once.
	if digits <= 19 && mantissa <= 1<<53 && -22 <= exponent && exponent <= 22 {
		if exponent < 0 {
			x = float64(mantissa) / powers[-exponent]
		} else {
			x = float64(mantissa) * powers[exponent]
		}
		if negative {
			x = -x
		}
		return x, true
	}
	x, err := strconv.ParseFloat(unsafe.String(unsafe.SliceData(b), len(b)), 64)
	return x, err == nil && !math.IsInf(x, 0)
}

// looksNumeric reports whether a field is a number, or is meant to be one: "1,234.5", "inf" and "1e999"
// are, and no column can have them.
func looksNumeric(field string) bool {
	if _, ok := parseFloat([]byte(field)); ok {
		return true
	}
	if x, err := strconv.ParseFloat(field, 64); err == nil && math.IsInf(x, 0) {
		return true
	} else if e, ok := err.(*strconv.NumError); ok && e.Err == strconv.ErrRange {
		return true
	}
	return grouped(field)
}

// grouped reports whether a field is a number with commas between thousands.
func grouped(field string) bool {
	if len(field) > 0 && (field[0] == '-' || field[0] == '+') {
		field = field[1:]
	}
	groups, n := 0, 0 // commas, and digits of the group
	for i := range len(field) {
		switch c := field[i]; {
		case '0' <= c && c <= '9':
			n++
			if n > 3 {
				return false
			}
		case c == ',' && (groups == 0 && n > 0 || n == 3):
			groups, n = groups+1, 0
		case c == '.' && groups > 0 && n == 3 && i+1 < len(field):
			_, ok := parseFloat([]byte("0" + field[i:]))
			return ok
		default:
			return false
		}
	}
	return groups > 0 && n == 3
}
