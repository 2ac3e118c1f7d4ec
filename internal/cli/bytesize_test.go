package cli

import "testing"

func TestByteSize(t *testing.T) {
	for text, want := range map[string]byteSize{
		"10GB": 10e9, "500mb": 500e6, "1.5GiB": 3 << 29, "2 kB": 2000, "7B": 7, "1TB": 1e12,
	} {
		var got byteSize
		if err := got.UnmarshalText([]byte(text)); err != nil || got != want {
			t.Errorf("%s: got %d, %v, want %d", text, got, err, want)
		}
	}
	for _, text := range []string{"", "10", "GB", "-1GB", "0GB", "NaNGB", "1e30GB", "10G"} {
		if err := new(byteSize).UnmarshalText([]byte(text)); err == nil || err.Error() != "found "+text+": a size as in 10GB or 500MB expected" {
			t.Errorf("%s: got %v", text, err)
		}
	}
}
