package kernel

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// TestTile compares tiles of every size with plain loops, and looks at the memory around
// them, since panels of Gemm have zeros where a tile may write too much.
func TestTile(t *testing.T) {
	forEach(t, func(t *testing.T) {
		t.Run("float32", func(t *testing.T) { testTile(t, active.f32) })
		t.Run("float64", func(t *testing.T) { testTile(t, active.f64) })
	})
}

func testTile[T Float](t *testing.T, tile tiling[T]) {
	r := rand.New(rand.NewPCG(23, 24))
	draw := func(n int) []T {
		s := make([]T, n)
		for i := range s {
			s[i] = T(1 + r.IntN(9))
		}
		return s
	}
	for rows := 1; rows <= 3*tile.rows; rows++ {
		for cols := 1; cols <= tile.cols; cols++ {
			depth, stride := 1+r.IntN(6), tile.cols+3
			a, b, c := draw(depth*roundUp(rows, tile.rows)), draw(depth*tile.cols), draw(rows*stride)
			e := Epilogue[T]{Add: r.IntN(2) == 1, ReLU: r.IntN(2) == 1}
			if r.IntN(2) == 1 {
				e.Bias = draw(cols)
				for j := range e.Bias {
					e.Bias[j] *= -20 // for some sums that are negative
				}
			}
			want := slices.Clone(c)
			for i := range rows {
				sums := make([]T, cols)
				for j := range sums {
					for l := range depth {
						sums[j] += a[i/tile.rows*tile.rows*depth+l*tile.rows+i%tile.rows] * b[l*tile.cols+j]
					}
				}
				e.end(want[i*stride:], sums)
			}
			compare := func(how string, multiply func(c []T)) {
				t.Helper()
				c := slices.Clone(c)
				multiply(c)
				for i := range c {
					if c[i] != want[i] {
						t.Fatalf("%s, %d×%d, depth %d, %+v: element (%d, %d): got %v, want %v", how, rows, cols, depth, e, i/stride, i%stride, c[i], want[i])
					}
				}
			}
			compare("panels", func(c []T) { tile.tile(depth, a, b, c, stride, rows, cols, e) })
			if tile.inPlace == nil {
				continue
			}
			for _, layout := range []Matrix[T]{{RowStride: depth + 2, ColStride: 1}, {RowStride: 1, ColStride: rows + 3}} {
				layout.Data = make([]T, (rows-1)*layout.RowStride+(depth-1)*layout.ColStride+1)
				for i := range rows {
					for l := range depth {
						layout.Data[i*layout.RowStride+l*layout.ColStride] = a[i/tile.rows*tile.rows*depth+l*tile.rows+i%tile.rows]
					}
				}
				compare("a in place", func(c []T) {
					tile.inPlace(depth, layout.Data, layout.RowStride, layout.ColStride, b, tile.cols, c, stride, rows, cols, e)
				})
				wide, apart := tile.cols+5, make([]T, depth*(tile.cols+5))
				for l := range depth {
					copy(apart[l*wide:], b[l*tile.cols:][:tile.cols])
				}
				compare("both in place", func(c []T) {
					tile.inPlace(depth, layout.Data, layout.RowStride, layout.ColStride, apart[:len(apart)-5], wide, c, stride, rows, cols, e)
				})
			}
		}
	}
}

func TestFMALoop(t *testing.T) {
	forEach(t, func(t *testing.T) {
		one := FMALoop(1)
		if one <= 0 || FMALoop(1000) != 1000*one || FMALoop(0) != 0 {
			t.Errorf("operations: got %v for 1 round, %v for 1000, %v for none", one, FMALoop(1000), FMALoop(0))
		}
	})
}
