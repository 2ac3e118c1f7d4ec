package cli

import (
	"encoding/json"
	"testing"
)

func TestAmount(t *testing.T) {
	for _, test := range []struct {
		text string
		want amount
		json string
		of90 int
	}{
		{"0", amount{}, "0", 0},
		{"5000", amount{count: 5000}, "5000", 5000},
		{"0.15", amount{share: 0.15}, "0.15", 14}, // 13.5
		{"15%", amount{share: 0.15}, "0.15", 14},
		{".5", amount{share: 0.5}, "0.5", 45},
		{"0.001", amount{share: 0.001}, "0.001", 1}, // not none
		{"0%", amount{}, "0", 0},
		{"0.0", amount{}, "0", 0},
	} {
		var got amount
		if err := got.UnmarshalText([]byte(test.text)); err != nil || got != test.want || got.of(90) != test.of90 {
			t.Errorf("%s: got %v, %d of 90, %v, want %v and %d", test.text, got, got.of(90), err, test.want, test.of90)
		}
		written, err := json.Marshal(got)
		if err != nil || string(written) != test.json {
			t.Errorf("%s: got %s, %v, want %s", test.text, written, err, test.json)
		}
		var again amount
		if err := json.Unmarshal(written, &again); err != nil || again != got {
			t.Errorf("%s: read again it is %v, %v", test.text, again, err)
		}
	}
	for text, want := range map[string]string{
		"-1":                  "found -1: at least 0 expected",
		"1000000001":          "found 1000000001: at most 1000000000 expected",
		"1.0":                 "found 1.0: a whole number of samples, or a share of them as in 0.15 or 15% expected",
		"100%":                "found 100%: a whole number of samples, or a share of them as in 0.15 or 15% expected",
		"1e-3":                "found 1e-3: a whole number of samples, or a share of them as in 0.15 or 15% expected",
		"NaN":                 "found NaN: a whole number of samples, or a share of them as in 0.15 or 15% expected",
		"many":                "found many: a whole number of samples, or a share of them as in 0.15 or 15% expected",
		"":                    "found : a whole number of samples, or a share of them as in 0.15 or 15% expected",
		"9999999999999999999": "found 9999999999999999999: a whole number of samples, or a share of them as in 0.15 or 15% expected",
	} {
		if err := new(amount).UnmarshalText([]byte(text)); err == nil || err.Error() != want {
			t.Errorf("%s: got %v, want %s", text, err, want)
		}
	}
}
