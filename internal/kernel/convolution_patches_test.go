package kernel

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/onehot-go/onehot/internal/parallel"
)

// TestSumPatches compares sums over what lies under filters with plain loops. Numbers are whole,
// and so are means where a picture's last element makes them so: sums are exact.
func TestSumPatches(t *testing.T) {
	forEach(t, func(t *testing.T) {
		t.Run("float32", testSumPatches[float32])
		t.Run("float64", testSumPatches[float64])
	})
}

func testSumPatches[T Float](t *testing.T) {
	defer parallel.SetThreads(0)
	r := rand.New(rand.NewPCG(45, 46))
	for i := range 100 {
		c := drawConv(r)
		c.Groups = 1
		c.Channels = min(c.Channels, 4)
		if i == 0 {
			c = convShape(19, 1, 32, 28, 3, 1)
		}
		xs, ws, ys := c.lengths()
		out, size, plane := c.Out(), ws/c.Filters, c.Size[0]*c.Size[1]
		rows, cols := out[0]/2, out[1]/2
		x, g, winners := make([]T, xs), make([]T, c.Images*c.Filters*rows*cols), make([]uint8, c.Images*c.Filters*rows*cols)
		for i := range x {
			x[i] = T(r.IntN(9) - 4)
		}
		for p := range c.Images * c.Channels {
			sum := T(0)
			for _, v := range x[p*plane : (p+1)*plane-1] {
				sum += v
			}
			x[(p+1)*plane-1] = T(3*plane) - sum
		}
		for i := range g {
			g[i], winners[i] = T(r.IntN(9)-4), uint8(r.IntN(4))
		}
		won, squares, totals := make([]float64, ws), make([]float64, size*size), make([]float64, size)
		// What lies under the first filter at a place.
		under := make([][]float64, ys/c.Filters)
		area := out[0] * out[1]
		c.each(func(y, x0, w int) {
			if o := y / area % c.Filters; o == 0 {
				place := y/area/c.Filters*area + y%area
				if under[place] == nil {
					under[place] = make([]float64, size)
				}
				under[place][w] = float64(x[x0])
			}
		})
		for place, p := range under {
			if p == nil {
				continue
			}
			for j, v := range p {
				totals[j] += v
				for k, w := range p {
					squares[j*size+k] += v * w
				}
			}
			image, row, col := place/area, place%area/out[1], place%area%out[1]
			if row/2 >= rows || col/2 >= cols {
				continue
			}
			for o := range c.Filters {
				square := ((image*c.Filters+o)*rows+row/2)*cols + col/2
				if int(winners[square]) == row%2*2+col%2 {
					for k, v := range p {
						won[o*size+k] += float64(g[square]) * v
					}
				}
			}
		}
		for _, threads := range []int{1, 3} {
			parallel.SetThreads(threads)
			gotWon, gotSquares, gotTotals := SumPatches(c, x, g, winners)
			for name, pair := range map[string][2][]float64{"won": {gotWon, won}, "squares": {gotSquares, squares}, "totals": {gotTotals, totals}} {
				if !slices.Equal(pair[0], pair[1]) {
					t.Fatalf("%+v on %d threads: %s: got %v, want %v", c, threads, name, pair[0], pair[1])
				}
			}
		}
	}
}
