package kernel

import (
	"math/rand/v2"
	"testing"
)

// TestPatches compares what lies under filters with plain loops.
func TestPatches(t *testing.T) {
	forEach(t, func(t *testing.T) {
		t.Run("float32", testPatches[float32])
		t.Run("float64", testPatches[float64])
	})
}

func testPatches[T Float](t *testing.T) {
	r := rand.New(rand.NewPCG(45, 46))
	for range 100 {
		c := drawConv(r)
		c.Images, c.Groups, c.Filters = 1, 1, c.Channels*c.Kernel[0]*c.Kernel[1]
		xs, _, ys := c.lengths()
		x, less := make([]T, xs), make([]T, c.Channels)
		for i := range x {
			x[i] = T(r.IntN(9) - 4)
		}
		for i := range less {
			less[i] = T(r.IntN(9) - 4)
		}
		area, weights := ys/c.Filters, c.Kernel[0]*c.Kernel[1]
		got, want := make([]T, ys), make([]T, ys)
		for i := range want {
			want[i] = -less[i/area/weights]
		}
		// Filter k has a 1 for weight k.
		c.each(func(y, x0, w int) {
			if w/c.Filters == w%c.Filters {
				want[y] += x[x0]
			}
		})
		p := NewPatches[T](c)
		if p.Size() != c.Filters {
			t.Fatalf("%+v: got %d elements under a filter, want %d", c, p.Size(), c.Filters)
		}
		p.Write(got, x, less)
		for i, v := range want {
			if got[i] != v {
				t.Fatalf("%+v: element %d: got %v, want %v", c, i, got[i], v)
			}
		}
	}
}
