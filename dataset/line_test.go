package dataset

import "testing"

func TestLineThrough(t *testing.T) {
	of := func(f func(v float32) float32) *[256]float32 {
		values := new([256]float32)
		for v := range values {
			values[v] = f(float32(v))
		}
		return values
	}
	for name, test := range map[string]struct {
		f    func(v float32) float32
		want Line
		ok   bool
	}{
		"itself":     {func(v float32) float32 { return v }, Line{1, 0}, true},
		"descending": {func(v float32) float32 { return 510 - 2*v }, Line{-2, 510}, true},
		"square":     {func(v float32) float32 { return v * v }, Line{}, false},
		"constant":   {func(v float32) float32 { return 3 }, Line{0, 3}, false},
		"a bend": {func(v float32) float32 {
			if v == 100 {
				v += 1e-3
			}
			return v
		}, Line{}, false},
	} {
		if got, ok := lineThrough(of(test.f)); got != test.want || ok != test.ok {
			t.Errorf("%s: got %v, %v, want %v, %v", name, got, ok, test.want, test.ok)
		}
	}
}
