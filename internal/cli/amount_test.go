package cli

import (
	"encoding/json"
	"testing"
)

func TestAmount(t *testing.T) {
	for text, want := range map[string]struct {
		amount amount
		json   string
	}{
		"0": {amount{}, "0"}, "5000": {count(5000), "5000"}, "0.15": {share(0.15), "0.15"}, "15%": {share(0.15), "0.15"}, "0.0": {amount{}, "0"},
	} {
		var got, again amount
		if err := got.UnmarshalText([]byte(text)); err != nil || got != want.amount {
			t.Errorf("%s: got %v, %v, want %v", text, got, err, want.amount)
		}
		written, err := json.Marshal(got)
		if err != nil || string(written) != want.json {
			t.Errorf("%s: got %s, %v, want %s", text, written, err, want.json)
		}
		if err := json.Unmarshal(written, &again); err != nil || again != got {
			t.Errorf("%s: read again it is %v, %v", text, again, err)
		}
	}
	for _, text := range []string{`"many"`, "-1", "1e3", "[]"} {
		if err := json.Unmarshal([]byte(text), new(amount)); err == nil {
			t.Errorf("%s is an amount", text)
		}
	}
}
