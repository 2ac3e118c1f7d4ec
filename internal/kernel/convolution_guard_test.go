//go:build linux || darwin

package kernel

import (
	"math/rand/v2"
	"testing"
)

// TestConvolveTouchesNothingBeyond runs convolutions on operands that end at memory which
// cannot be read or written: that would end the program.
func TestConvolveTouchesNothingBeyond(t *testing.T) {
	forEach(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(39, 40))
		x, w, y, b := newGuard(t, 1<<18), newGuard(t, 1<<15), newGuard(t, 1<<18), newGuard(t, 1<<10)
		shapes := []Conv2d{convShape(2, 1, 6, 28, 5, 2), convShape(2, 1, 32, 28, 3, 0), convShape(2, 6, 16, 14, 5, 0), convShape(1, 3, 64, 15, 3, 1)}
		for range 100 {
			shapes = append(shapes, drawConv(r))
		}
		shapes = append(shapes, drawTiles(r)...)
		for _, c := range shapes {
			xs, ws, ys := c.lengths()
			x, w, y, b := x.last(xs), w.last(ws), y.last(ys), b.last(c.Filters)
			eachTile(func() {
				Convolve(c, y, x, w, b, nil)
				ConvolveInputGrad(c, x, y, w)
				ConvolveGrads(c, nil, w, b, y, x, nil, nil)
			})
		}
	})
}
