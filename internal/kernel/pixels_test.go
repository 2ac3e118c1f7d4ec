package kernel

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

// pixelShapes are rows, columns and classes about the sizes of tiles.
func pixelShapes() [][3]int {
	var shapes [][3]int
	for rows := 1; rows <= 35; rows++ {
		shapes = append(shapes, [3]int{rows, 20 + rows, 1 + rows%7})
	}
	for cols := range 70 {
		shapes = append(shapes, [3]int{1 + cols%19, cols, 1 + cols%11})
	}
	return append(shapes, [3]int{64, 784, 10}, [3]int{17, 100, 26})
}

// TestPixels compares products of bytes and small whole numbers, which are exact in any order
// of summing, with three plain loops.
func TestPixels(t *testing.T) {
	forEach(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(41, 42))
		for _, shape := range pixelShapes() {
			t.Run(fmt.Sprint(shape), func(t *testing.T) {
				rows, cols, n := shape[0], shape[1], shape[2]
				src, indices := make([]byte, 50*cols), make([]int, rows+r.IntN(20))
				for i := range src {
					src[i] = byte(r.Uint32())
				}
				for k := range indices {
					indices[k] = r.IntN(50)
				}
				p := NewPixels(rows+r.IntN(3), cols)
				whole := func(n int) []float32 {
					x := make([]float32, n)
					for i := range x {
						x[i] = float32(r.IntN(9) - 4)
					}
					return x
				}
				stride := roundUp(rows, pixelCols) + pixelCols*r.IntN(2)
				w, g := whole(n*cols), whole(n*stride)
				products, grad := newBordered(n*stride), newBordered(n*cols)
				want, wantGrad := make([]float32, n*stride), make([]float32, n*cols)
				for k, i := range indices[:rows] {
					for j := range n {
						for l, v := range src[i*cols:][:cols] {
							want[j*stride+k] += float32(v) * w[j*cols+l]
							wantGrad[j*cols+l] += float32(v) * g[j*stride+k]
						}
					}
				}
				p.Product(products.inner, stride, src, indices[:rows], w, n)
				products.check(t)
				for j := range n {
					if got, want := products.inner[j*stride:][:rows], want[j*stride:][:rows]; !slices.Equal(got, want) {
						t.Errorf("Product: row %d: got %v, want %v", j, got, want)
					}
				}
				for turn := range 2 {
					p.WeightGrad(grad.inner, g, stride, rows, n, turn > 0)
					grad.check(t)
					for i, got := range grad.inner {
						if want := float32(1+turn) * wantGrad[i]; got != want {
							t.Fatalf("WeightGrad, add %v: element %d: got %v, want %v", turn > 0, i, got, want)
						}
					}
				}
			})
		}
	})
}

// BenchmarkPixels multiplies 64 pictures of 784 bytes by the weights of ten classes.
func BenchmarkPixels(b *testing.B) {
	const rows, cols, n = 64, 784, 10
	p, src, indices := NewPixels(rows, cols), make([]byte, rows*cols), make([]int, rows)
	for i := range indices {
		indices[i] = i
	}
	w, c := make([]float32, n*cols), make([]float32, rows*n)
	flops := func(b *testing.B) {
		b.ReportMetric(2*rows*cols*n*float64(b.N)/float64(b.Elapsed().Nanoseconds()), "GFLOP/s")
	}
	if !HavePixels() {
		b.Skip("no kernels for it")
	}
	b.Run("product", func(b *testing.B) {
		for b.Loop() {
			p.Product(c, rows, src, indices, w, n)
		}
		flops(b)
	})
	b.Run("gradient", func(b *testing.B) {
		for b.Loop() {
			p.WeightGrad(w, c, rows, rows, n, true)
		}
		flops(b)
	})
}
