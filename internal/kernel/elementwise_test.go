package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// specials are values at which rules differ, beside ordinary ones.
var specials = []float32{0, float32(math.Copysign(0, -1)), 1, -1, 3.5e-39, -2e38, 3e38,
	float32(math.NaN()), float32(math.Inf(1)), float32(math.Inf(-1)), 0.1, -7.25}

// TestElementwise compares every kernel with a plain loop, bit for bit but for what kind
// of NaN it is, on slices of all small lengths that begin anywhere.
func TestElementwise(t *testing.T) {
	const alpha = float32(-0.3)
	cases := map[string]struct {
		run  func(dst, x, y []float32)
		want func(dst, x, y float32) float32
	}{
		"Add":       {Add, func(_, x, y float32) float32 { return x + y }},
		"Sub":       {Sub, func(_, x, y float32) float32 { return x - y }},
		"Mul":       {Mul, func(_, x, y float32) float32 { return x * y }},
		"Div":       {Div, func(_, x, y float32) float32 { return x / y }},
		"AddScaled": {func(dst, x, _ []float32) { AddScaled(dst, x, alpha) }, func(d, x, _ float32) float32 { return d + float32(alpha*x) }},
		"ReLU": {func(dst, x, _ []float32) { ReLU(dst, x) }, func(_, x, _ float32) float32 {
			if x < 0 {
				return 0
			}
			return x
		}},
		"ReLUGrad": {ReLUGrad, func(_, x, y float32) float32 {
			if y <= 0 {
				return 0
			}
			return x
		}},
	}
	r := rand.New(rand.NewPCG(7, 8))
	draw := func(n int) []float32 {
		s := make([]float32, n)
		for i := range s {
			if s[i] = float32(r.NormFloat64()); r.IntN(2) == 0 {
				s[i] = specials[r.IntN(len(specials))]
			}
		}
		return s
	}
	forEach(t, func(t *testing.T) {
		for name, c := range cases {
			t.Run(name, func(t *testing.T) {
				for n := range 150 {
					const margin = 9
					buf := draw(n + 2*margin)
					before := slices.Clone(buf)
					dst, x, y := buf[margin:margin+n], draw(n + 5)[5:], draw(n + 3)[3:]
					c.run(dst, x, y)
					for i, got := range buf {
						want := before[i]
						if i >= margin && i < margin+n {
							want = c.want(before[i], x[i-margin], y[i-margin])
						}
						if math.Float32bits(got) != math.Float32bits(want) && (got == got || want == want) {
							t.Fatalf("%d elements: element %d: got %v, want %v", n, i-margin, got, want)
						}
					}
				}
			})
		}
	})
}

func BenchmarkElementwise(b *testing.B) {
	const n = 1 << 16
	dst, x, y := make([]float32, n), make([]float32, n), make([]float32, n)
	for _, c := range []struct {
		name string
		run  func()
	}{
		{"Add", func() { Add(dst, x, y) }},
		{"ReLU", func() { ReLU(dst, x) }},
		{"AddScaled", func() { AddScaled(dst, x, 2) }},
	} {
		b.Run(fmt.Sprintf("%s/%d", c.name, n), func(b *testing.B) {
			for b.Loop() {
				c.run()
			}
			b.ReportMetric(float64(n)*float64(b.N)/b.Elapsed().Seconds()/1e9, "Gelements/s")
		})
	}
}
