package kernel

// assembly returns the kernels in assembly that this machine can run: every arm64 has
// NEON. They are written by hand, in kernels_arm64.s, since avo knows amd64 alone.
func assembly() []implementation {
	return []implementation{{
		name: "neon",
		f32:  tiling[float32]{rows: neonRows, cols: neonCols32, tile: byPanel(neonRows, tile12x8), transpose8: wrapTranspose},
		f64:  tiling[float64]{rows: neonRows, cols: neonCols64, tile: byPanel(neonRows, tile12x4)},

		fmaLoop: fmaLoopNEON, flops: 24 * 4 * 2,
	}}
}

// A tile is 12 rows of two registers: its sums take 24 of the 32, a column of a and a row
// of b most of the others.
const (
	neonRows   = 12
	neonCols32 = 8
	neonCols64 = 4
)

// tile12x8NEON writes the product of a panel of 12 rows of a and one of 8 columns of b,
// both depth long, to a tile of c, whose rows lie stride elements apart, or adds it where
// add says so. depth is at least 1.
//
//go:noescape
func tile12x8NEON(depth int, a, b, c *float32, stride int, add bool)

// tile12x4NEON is tile12x8NEON for panels of 12 rows and 4 columns of float64.
//
//go:noescape
func tile12x4NEON(depth int, a, b, c *float64, stride int, add bool)

// fmaLoopNEON multiplies and adds n times 24 registers of 4 lanes. n is at least 1.
func fmaLoopNEON(n int)

// transpose8NEON writes the 8 columns of every block of 8 by 8 elements of src as rows
// of dst. The blocks lie side by side in src, whose rows lie srcStride elements apart,
// and one below the other in dst, whose rows lie dstStride elements apart. blocks is at
// least 1.
//
//go:noescape
func transpose8NEON(dst, src *float32, dstStride, srcStride, blocks int)

// tile12x8 is the tile for float32. One that reaches beyond the edge of c, or has more to
// do than to add, is computed beside it, since the assembly writes whole ones.
func tile12x8(depth int, a, b, c []float32, stride, rows, cols int, e Epilogue[float32]) {
	if rows == neonRows && cols == neonCols32 && e.Bias == nil && !e.ReLU {
		tile12x8NEON(depth, &a[0], &b[0], &c[0], stride, e.Add)
		return
	}
	var sums [neonRows][neonCols32]float32
	tile12x8NEON(depth, &a[0], &b[0], &sums[0][0], neonCols32, false)
	for i := range rows {
		e.end(c[i*stride:], sums[i][:cols])
	}
}

// tile12x4 is tile12x8 for float64.
func tile12x4(depth int, a, b, c []float64, stride, rows, cols int, e Epilogue[float64]) {
	if rows == neonRows && cols == neonCols64 && e.Bias == nil && !e.ReLU {
		tile12x4NEON(depth, &a[0], &b[0], &c[0], stride, e.Add)
		return
	}
	var sums [neonRows][neonCols64]float64
	tile12x4NEON(depth, &a[0], &b[0], &sums[0][0], neonCols64, false)
	for i := range rows {
		e.end(c[i*stride:], sums[i][:cols])
	}
}

func wrapTranspose(dst, src []float32, dstStride, srcStride, blocks int) {
	transpose8NEON(&dst[0], &src[0], dstStride, srcStride, blocks)
}
