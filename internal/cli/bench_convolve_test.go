package cli

import (
	"encoding/json"
	"strings"
	"testing"
)

// TestBenchConvolve holds that each layer has one chosen road, that of the least predicted time, and the last line the number of choices.
func TestBenchConvolve(t *testing.T) {
	chosen, roads := map[string]roadResult{}, map[string][]roadResult{}
	var choices choicesResult
	for line := range strings.Lines(succeed(t, "bench", "convolve", "--repeat", "1", "--threads", "1", "--json")) {
		if choices.Event != "" {
			t.Fatalf("a line behind the last: %s", line)
		}
		var r roadResult
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			t.Fatal(err)
		}
		if r.Event == "choices" {
			if err := json.Unmarshal([]byte(line), &choices); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if r.Event != "road" || r.Threads != 1 || r.Bytes <= 0 || !(r.Predicted > 0) || !(r.Measured > 0) {
			t.Errorf("got %s", line)
		}
		roads[r.Convolution] = append(roads[r.Convolution], r)
		if _, twice := chosen[r.Convolution]; r.Chosen && twice {
			t.Errorf("%s has two chosen roads", r.Convolution)
		} else if r.Chosen {
			chosen[r.Convolution] = r
		}
	}
	several := 0
	for name, all := range roads {
		if len(all) > 1 {
			several++
		}
		for _, r := range all {
			if r.Predicted < chosen[name].Predicted {
				t.Errorf("%s: %s is chosen, and %s predicted to be faster", name, chosen[name].Road, r.Road)
			}
		}
	}
	if len(roads) != len(convolutions) || len(chosen) != len(convolutions) || choices.Choices != several || choices.Wrong > several {
		t.Errorf("%d layers, %d chosen roads, and %+v, for %d layers of which %d have several", len(roads), len(chosen), choices, len(convolutions), several)
	}
	if out := succeed(t, "bench", "convolve", "--repeat", "1"); !strings.Contains(out, "144->144 3x3, 144 groups, of 56x56") || !strings.Contains(out, "choices") {
		t.Errorf("got %s", out)
	}
	wantError(t, exitUsage, "bench convolve a: nothing behind it expected", "bench", "convolve", "a")
}
