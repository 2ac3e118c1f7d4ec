package kernel

import (
	"sync"
	"unsafe"

	"github.com/onehot-go/onehot/internal/parallel"
)

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

// transposed returns the transpose of m.
func (m Matrix[T]) transposed() Matrix[T] {
	return Matrix[T]{m.Data, m.Cols, m.Rows, m.ColStride, m.RowStride}
}

// tiling is how a product is computed: by tiles of rows×cols sums that stay in
// registers.
type tiling[T Float] struct {
	rows, cols int
	// tile computes the products of the panels of a, one below the other, that have the
	// given rows, and a panel of b, all depth long, and does with them in the rows×cols
	// corner of c, whose rows lie stride apart, what e says of these columns.
	tile func(depth int, a, b, c []T, stride, rows, cols int, e Epilogue[T])
	// inPlace is tile for an a whose elements lie aRow apart from row to row and aCol along the
	// inner dimension, and a b whose rows, of whole registers of so many lanes, lie bRow apart, or is nil.
	inPlace func(depth int, a []T, aRow, aCol int, b []T, bRow int, c []T, stride, rows, cols int, e Epilogue[T])
	lanes   int
	// turnedRows is how many rows an a that lies by columns has, at most, where b is read in place.
	turnedRows int
	// transpose8 writes blocks of 8×8 elements transposed, or is nil.
	transpose8 func(dst, src []T, dstStride, srcStride, blocks int)
	// copyRows copies n elements of each of some rows, or is nil.
	copyRows func(rows, n int, dst []T, dstStride int, src []T, srcStride int)
}

// The sizes of the blocks of the operands that are copied into the order in which tiles
// read them: a panel of a stays in the first cache while it is used, and a chunk of a in the
// second. As measured, longer ones gain nothing, and shorter ones read and write c more often.
const (
	maxDepth = 512     // along the inner dimension
	maxChunk = 1 << 17 // elements of a chunk of a
	maxRows  = 2048    // of a block of a
	maxCols  = 2048    // of a block of b: whole tiles of 64 columns or fewer
	// maxInPlace is for how many columns of b, at most, a is read where it lies, and maxReads how
	// often, where its rows are contiguous: a copy pays where it is read more often.
	maxInPlace = 1024
	maxReads   = 32
	// maxRowsInPlace is for how many rows of a, whose rows are contiguous, b is read where it lies at
	// most, if its rows are less than a page apart.
	maxRowsInPlace = 512
	pageBytes      = 4096
	slack          = 8 // behind a chunk, where a transposed panel may be written over its end
)

// sharedTiles is about how many products of a part of a chunk and a panel there are for a thread.
const sharedTiles = 16

// smallWork is the number of multiplications below which another goroutine costs more
// than it saves.
const smallWork = 1 << 17

// Epilogue is what a product does with its sums beyond writing them.
type Epilogue[T Float] struct {
	Add  bool // add them to what c has
	Bias []T  // then add element j to column j of c; nil for none
	ReLU bool // then replace what is negative by 0; NaN stays
}

// columns returns what e is for the columns from j on.
func (e Epilogue[T]) columns(j int) Epilogue[T] {
	if e.Bias != nil {
		e.Bias = e.Bias[j:]
	}
	return e
}

// strip returns what e is for one strip of the inner dimension: each but the first adds to
// the one before, and the last does the rest.
func (e Epilogue[T]) strip(s, strips int) Epilogue[T] {
	e.Add = e.Add || s > 0
	if s < strips-1 {
		e.Bias, e.ReLU = nil, false
	}
	return e
}

// end does with a row of sums in one of c what e says.
func (e Epilogue[T]) end(c, sums []T) {
	for j, sum := range sums {
		if e.Add {
			sum += c[j]
		}
		if e.Bias != nil {
			sum += e.Bias[j]
		}
		if e.ReLU && sum < 0 {
			sum = 0
		}
		c[j] = sum
	}
}

// Gemm computes c = a·b, where c is (a.Rows, b.Cols) in row-major order without gaps, or
// what e makes of it. Every element of c is summed in the order of the inner dimension, in
// strips whose length depends on nothing but the shapes: the result has the same bits for
// any number of threads.
func Gemm[T Float](c []T, a, b Matrix[T], e Epilogue[T]) { gemm(c, a, b, e, false) }

// GemmSamples is Gemm for an a whose rows are samples: the bits of a row of c depend on that row of
// a and not on how many others there are. Which way is taken depends on b, on how a lies and on
// the set of kernels alone. It is the way that Gemm takes for many rows.
func GemmSamples[T Float](c []T, a, b Matrix[T], e Epilogue[T]) { gemm(c, a, b, e, true) }

// gemm is Gemm, or GemmSamples.
func gemm[T Float](c []T, a, b Matrix[T], e Epilogue[T], samples bool) {
	m, n, k := a.Rows, b.Cols, a.Cols
	if m == 0 || n == 0 {
		return
	}
	if k == 0 {
		zeros := make([]T, n)
		for i := range m {
			e.end(c[i*n:], zeros)
		}
		return
	}
	if gemmSkinny(c, a, b, e, samples) {
		return
	}
	tilingOf[T]().multiply(c, a, b, e)
}

// GemmRows is GemmSamples for an a whose rows are yet to be written: ready(lo, hi) writes those
// from lo up to hi. Each is written once, a few at a time by the goroutine that then reads
// them, from its first cache; and while it computes with them, memory has time to bring what
// the next ones are made of.
func GemmRows(c []float32, a, b Matrix[float32], e Epilogue[float32], ready func(lo, hi int)) {
	m, n, k := a.Rows, b.Cols, a.Cols
	s := active.skinny
	if s == nil || !s.takesDots(a, b, true) || m < n {
		parallel.For(m, 1+smallWork/(8*max(k, 1)), ready)
		GemmSamples(c, a, b, e)
		return
	}
	parallel.For((m+s.dotRows-1)/s.dotRows, 1+smallWork/(s.dotRows*n*k), func(lo, hi int) {
		end := min(hi*s.dotRows, m)
		for i := lo * s.dotRows; i < end; i += s.dotRows {
			rows := min(s.dotRows, end-i)
			ready(i, i+rows)
			s.multiplyDots(c[i*n:], n, a.block(i, 0, rows, k), b, e)
		}
	})
}

// GemmHere is Gemm for small products that are parts of a larger loop, on the calling
// goroutine: what Gemm takes to share its work would be a good part of their time.
func GemmHere(c []float32, a, b Matrix[float32], e Epilogue[float32]) {
	switch s := active.skinny; {
	case s == nil || a.Rows == 0 || b.Cols == 0 || a.Cols == 0:
		Gemm(c, a, b, e)
	case s.takesDots(a, b, false):
		s.multiplyDots(c, b.Cols, a, b, e)
	case b.ColStride == 1 && a.Cols >= minDirectDepth && a.Rows <= maxDirectRows:
		strips := (a.Cols + directDepth - 1) / directDepth
		for strip := range strips {
			s.multiplyStrip(c, b.Cols, a, b, strip, strips, e.strip(strip, strips))
		}
	default:
		Gemm(c, a, b, e)
	}
}

// panels are the copies of operand blocks, kept from one product to the next.
type panels[T Float] struct{ a, b []T }

var (
	panels32 = sync.Pool{New: func() any { return new(panels[float32]) }}
	panels64 = sync.Pool{New: func() any { return new(panels[float64]) }}
)

func panelPool[T Float]() *sync.Pool {
	var zero T
	if _, ok := any(zero).(float32); ok {
		return &panels32
	}
	return &panels64
}

// multiply computes a·b, and does what e says in c. Goroutines share the packing of a block of
// either operand and then its tiles, of which each takes more as it gets done: a core that is
// slowed down keeps nobody waiting for half of the product.
func (t *tiling[T]) multiply(c []T, a, b Matrix[T], e Epilogue[T]) {
	pool := panelPool[T]()
	p := pool.Get().(*panels[T])
	defer pool.Put(p)
	n := b.Cols
	strips := (a.Cols + maxDepth - 1) / maxDepth
	for i := 0; i < a.Rows; i += maxRows {
		rows := min(maxRows, a.Rows-i)
		for j := 0; j < n; j += maxCols {
			cols := min(maxCols, n-j)
			for s := range strips {
				l := s * maxDepth
				depth := min(maxDepth, a.Cols-l)
				t.multiplyBlock(c[i*n+j:], n, a.block(i, l, rows, depth), b.block(l, j, depth, cols), e.columns(j).strip(s, strips), p)
			}
		}
	}
}

// multiplyBlock does what multiply does for one block of each operand, where rows of c lie
// stride elements apart.
func (t *tiling[T]) multiplyBlock(c []T, stride int, a, b Matrix[T], e Epilogue[T], p *panels[T]) {
	depth := a.Cols
	panels := (b.Cols + t.cols - 1) / t.cols
	// A chunk of a, whole panels, is multiplied with all panels of b before the next is, part by
	// part: so threads have enough to share.
	height := roundUp(min(a.Rows, max(1, maxChunk/depth)), t.rows)
	chunks := (a.Rows + height - 1) / height
	parts := (sharedTiles*parallel.Threads() + chunks*panels - 1) / (chunks * panels)
	part := roundUp((height+parts-1)/parts, t.rows)
	parts = (height + part - 1) / part
	size := height*depth + slack // of a copied chunk
	inPlaceA := t.inPlace != nil && (b.Cols <= maxInPlace || a.ColStride == 1 && panels <= maxReads)
	inPlaceB := inPlaceA && t.takesRows(a, b)
	copiedA, copiedB := chunks, panels
	if inPlaceA {
		copiedA = 0
	}
	if inPlaceB {
		copiedB = 0
	}
	packedA, packedB := sized(&p.a, copiedA*size), sized(&p.b, copiedB*t.cols*depth)
	parallel.Share(copiedA+copiedB, 1+smallWork/(8*t.cols*depth), func(lo, hi int) {
		for u := lo; u < hi; u++ {
			if u < copiedA {
				i := u * height
				t.pack(packedA[u*size:], a.block(i, 0, min(height, a.Rows-i), depth), t.rows)
				continue
			}
			// The columns of b are the rows of its transpose.
			j := (u - copiedA) * t.cols
			t.pack(packedB[j*depth:], b.block(0, j, depth, min(t.cols, b.Cols-j)).transposed(), t.cols)
		}
	})
	ofB, columnOfB, rowOfB := packedB, depth, t.cols // how far columns and rows of b are apart, panels one behind the other
	if inPlaceB {
		ofB, columnOfB, rowOfB = b.Data, 1, b.RowStride
	}
	// A thread keeps to the panels of b that it has copied, which its cache has, and to rows of a where b
	// is read in place: the rows that it writes are those that it then works on row by row.
	parallel.Share(chunks*panels*parts, 1+smallWork/(part*t.cols*depth), func(lo, hi int) {
		for u := lo; u < hi; u++ {
			chunk, j, from := u/parts/panels, u/parts%panels*t.cols, u%parts*part
			if inPlaceB {
				j, from = u%panels*t.cols, u/panels%parts*part
			}
			i := chunk*height + from
			rows, cols := min(part, height-from, a.Rows-i), min(t.cols, b.Cols-j)
			switch {
			case rows <= 0:
			case inPlaceA:
				t.inPlace(depth, a.Data[i*a.RowStride:], a.RowStride, a.ColStride, ofB[j*columnOfB:], rowOfB, c[i*stride+j:], stride, rows, cols, e.columns(j))
			default:
				t.tile(depth, packedA[chunk*size+from*depth:], packedB[j*depth:], c[i*stride+j:], stride, rows, cols, e.columns(j))
			}
		}
	})
}

// takesRows reports whether tiles read b where it lies, for an a that they read so too: in whole
// registers, from rows that lie close together, and not so often that a copy pays.
func (t *tiling[T]) takesRows(a, b Matrix[T]) bool {
	rows := maxRowsInPlace
	if a.ColStride != 1 {
		rows = t.turnedRows
	}
	var element T
	return b.ColStride == 1 && b.Cols%t.lanes == 0 && b.RowStride*int(unsafe.Sizeof(element)) < pageBytes && a.Rows <= rows
}

// roundUp returns the least multiple of to that is at least n.
func roundUp(n, to int) int { return (n + to - 1) / to * to }

// pack copies m into panels of the given number of rows, each column by column, so that
// a tile reads both operands from beginning to end. What is in the rows that m lacks stays as it
// is: nothing is made of it.
func (t *tiling[T]) pack(dst []T, m Matrix[T], rows int) {
	for i := 0; i < m.Rows; i += rows {
		panel, from, height := dst[i*m.Cols:], m.Data[i*m.RowStride:], min(rows, m.Rows-i)
		switch {
		case m.RowStride == 1 && t.copyRows != nil:
			t.copyRows(m.Cols, height, panel, rows, from, m.ColStride)
		case m.RowStride == 1:
			for l := range m.Cols {
				copy(panel[l*rows:][:height], from[l*m.ColStride:])
			}
		case m.ColStride == 1 && t.transpose8 != nil && i+max(height, 8) <= m.Rows:
			t.packTransposed(panel, m.block(i, 0, height, m.Cols), rows)
		default:
			packElements(panel, m.block(i, 0, height, m.Cols), rows)
		}
	}
}

// packTransposed copies m, whose rows are contiguous, into one panel of the given number of rows.
// Behind m, or in it, there are 8 rows at least: the last eight overlap others where 8 does not
// divide them, and go beyond a panel of 6, into what is written next.
func (t *tiling[T]) packTransposed(panel []T, m Matrix[T], rows int) {
	const together = 32 // columns of all rows, whose lines of the panel are in the first cache
	whole := m.Cols / 8 * 8
	for l := 0; l < whole; l += together {
		for r := 0; r < m.Rows; r += 8 {
			r := max(0, min(r, m.Rows-8))
			t.transpose8(panel[l*rows+r:], m.Data[r*m.RowStride+l:], rows, m.RowStride, min(together, whole-l)/8)
		}
	}
	if whole < m.Cols {
		packElements(panel[whole*rows:], m.block(0, whole, m.Rows, m.Cols-whole), rows)
	}
}

// packElements copies m, which has at most the given number of rows, into one panel of that
// many.
func packElements[T Float](panel []T, m Matrix[T], rows int) {
	for r := range m.Rows {
		row := m.Data[r*m.RowStride:]
		for l := range m.Cols {
			panel[l*rows+r] = row[l*m.ColStride]
		}
	}
}

// The tiling of every machine.
const (
	plainRows = 2
	plainCols = 4
)

func plain[T Float]() tiling[T] {
	return tiling[T]{rows: plainRows, cols: plainCols, tile: byPanel(plainRows, plainTile[T])}
}

// byPanel makes a tile of one that takes a single panel of so many rows.
func byPanel[T Float](height int, tile func(depth int, a, b, c []T, stride, rows, cols int, e Epilogue[T])) func(depth int, a, b, c []T, stride, rows, cols int, e Epilogue[T]) {
	return func(depth int, a, b, c []T, stride, rows, cols int, e Epilogue[T]) {
		for i := 0; i < rows; i += height {
			tile(depth, a[i*depth:], b, c[i*stride:], stride, min(height, rows-i), cols, e)
		}
	}
}

// plainTile is the tile in pure Go: eight sums that stay in registers.
func plainTile[T Float](depth int, a, b, c []T, stride, rows, cols int, e Epilogue[T]) {
	a, b = a[:depth*plainRows], b[:depth*plainCols]
	var c00, c01, c02, c03, c10, c11, c12, c13 T
	for len(a) >= plainRows && len(b) >= plainCols {
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
		a, b = a[plainRows:], b[plainCols:]
	}
	sums := [plainRows][plainCols]T{{c00, c01, c02, c03}, {c10, c11, c12, c13}}
	for i := range rows {
		e.end(c[i*stride:], sums[i][:cols])
	}
}
