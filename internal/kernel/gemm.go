// Package kernel has the loops over plain slices that the time of a training step goes
// to.
package kernel

import (
	"sync"

	"github.com/onehot-go/onehot/internal/parallel"
)

// Float is an element type of the kernels.
type Float interface{ float32 | float64 }

// Matrix is a Rows×Cols matrix whose element (i, j) is Data[i*RowStride+j*ColStride]; a
// transposed matrix is the same data with rows and columns exchanged.
type Matrix[T Float] struct {
	Data                 []T
	Rows, Cols           int
	RowStride, ColStride int
}

// block returns the rows×cols part of m from (i, j).
func (m Matrix[T]) block(i, j, rows, cols int) Matrix[T] {
	m.Data = m.Data[i*m.RowStride+j*m.ColStride:]
	m.Rows, m.Cols = rows, cols
	return m
}

// The product is computed by tiles of tileRows×tileCols elements that stay in
// registers, over strips of depth elements along the inner dimension. Of the operands,
// a block of at most rowBlock rows and all of a strip's columns is copied into the order
// in which the tiles read them. The sizes keep a strip of the left operand in the first
// cache and a block of the right one in the second.
const (
	tileRows = 2
	tileCols = 4
	depth    = 256
	rowBlock = 64
	colBlock = 512
)

// smallWork is the number of multiplications below which another goroutine costs more
// than it saves.
const smallWork = 1 << 15

// Gemm computes c = a·b, where c is (a.Rows, b.Cols) in row-major order without gaps.
// Every element of c is summed by one worker, in the order of the inner dimension in
// strips of fixed length: the result has the same bits for any number of threads.
func Gemm[T Float](c []T, a, b Matrix[T]) {
	m, n, k := a.Rows, b.Cols, a.Cols
	clear(c[:m*n])
	if m == 0 || n == 0 || k == 0 {
		return
	}
	// The longer side of c is split, in whole tiles.
	if m >= n {
		tiles := (m + tileRows - 1) / tileRows
		parallel.For(tiles, 1+smallWork/(tileRows*n*k), func(lo, hi int) {
			from, to := lo*tileRows, min(hi*tileRows, m)
			gemmBlock(c[from*n:], n, a.block(from, 0, to-from, k), b)
		})
		return
	}
	tiles := (n + tileCols - 1) / tileCols
	parallel.For(tiles, 1+smallWork/(tileCols*m*k), func(lo, hi int) {
		from, to := lo*tileCols, min(hi*tileCols, n)
		gemmBlock(c[from:], n, a, b.block(0, from, k, to-from))
	})
}

// panels are the copies of operand blocks, kept from one product to the next.
type panels[T Float] struct{ a, b []T }

var (
	panels32 = sync.Pool{New: func() any { return newPanels[float32]() }}
	panels64 = sync.Pool{New: func() any { return newPanels[float64]() }}
)

func newPanels[T Float]() *panels[T] {
	return &panels[T]{make([]T, rowBlock*depth), make([]T, colBlock*depth)}
}

func panelPool[T Float]() *sync.Pool {
	var zero T
	if _, ok := any(zero).(float32); ok {
		return &panels32
	}
	return &panels64
}

// gemmBlock adds a·b to c, whose rows lie ldc elements apart, on one goroutine.
func gemmBlock[T Float](c []T, ldc int, a, b Matrix[T]) {
	pool := panelPool[T]()
	p := pool.Get().(*panels[T])
	defer pool.Put(p)
	for j := 0; j < b.Cols; j += colBlock {
		nc := min(colBlock, b.Cols-j)
		for l := 0; l < a.Cols; l += depth {
			kc := min(depth, a.Cols-l)
			bb := b.block(l, j, kc, nc)
			// The right operand by columns is the transposed one by rows.
			pack(p.b, Matrix[T]{bb.Data, nc, kc, bb.ColStride, bb.RowStride}, tileCols)
			for i := 0; i < a.Rows; i += rowBlock {
				mc := min(rowBlock, a.Rows-i)
				pack(p.a, a.block(i, l, mc, kc), tileRows)
				for jj := 0; jj < nc; jj += tileCols {
					for ii := 0; ii < mc; ii += tileRows {
						tile(c[(i+ii)*ldc+j+jj:], ldc, min(tileRows, mc-ii), min(tileCols, nc-jj),
							p.a[ii*kc:(ii+tileRows)*kc], p.b[jj*kc:(jj+tileCols)*kc])
					}
				}
			}
		}
	}
}

// pack copies m into panels of the given number of rows, each column by column, so that
// a tile reads both operands from beginning to end. Rows that m lacks are zeros.
func pack[T Float](dst []T, m Matrix[T], rows int) {
	for i := 0; i < m.Rows; i += rows {
		panel := dst[i*m.Cols : (i+rows)*m.Cols]
		for r := range rows {
			if i+r >= m.Rows {
				for l := range m.Cols {
					panel[l*rows+r] = 0
				}
				continue
			}
			row := m.Data[(i+r)*m.RowStride:]
			if m.ColStride == 1 {
				for l, v := range row[:m.Cols] {
					panel[l*rows+r] = v
				}
				continue
			}
			for l := range m.Cols {
				panel[l*rows+r] = row[l*m.ColStride]
			}
		}
	}
}

// tile adds the product of a panel of a and a panel of b to the rows×cols corner of a
// tile of c. The eight sums stay in registers.
func tile[T Float](c []T, ldc, rows, cols int, a, b []T) {
	var c00, c01, c02, c03, c10, c11, c12, c13 T
	for len(a) >= tileRows && len(b) >= tileCols {
		a0, a1 := a[0], a[1]
		b0, b1, b2, b3 := b[0], b[1], b[2], b[3]
		c00 += a0 * b0
		c01 += a0 * b1
		c02 += a0 * b2
		c03 += a0 * b3
		c10 += a1 * b0
		c11 += a1 * b1
		c12 += a1 * b2
		c13 += a1 * b3
		a, b = a[tileRows:], b[tileCols:]
	}
	sums := [tileRows][tileCols]T{{c00, c01, c02, c03}, {c10, c11, c12, c13}}
	for i := range rows {
		for j := range cols {
			c[i*ldc+j] += sums[i][j]
		}
	}
}
