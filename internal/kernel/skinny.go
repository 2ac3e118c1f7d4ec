package kernel

import "github.com/onehot-go/onehot/internal/parallel"

// skinny is how products of float32 are computed of which one side is short: copying
// the operands into panels would take as long as multiplying them.
type skinny struct {
	// dots computes products of the first rows of dotRows rows of a, and the first cols
	// of dotCols columns of b, both contiguous along the inner dimension. That of row i
	// and column j becomes sums[j*dotRows+i].
	dotRows, dotCols int
	dots             func(depth int, a, b, sums *float32, aStride, bStride, rows, cols int)
	maxDots          int // the longest short side with which it is faster than tiles
	// direct adds the product of a panel of directRows rows of a and directCols columns
	// of b, where they are, to the rows×cols corner of a tile of c.
	directRows, directCols int
	direct                 func(depth int, a, b, c *float32, bStride, stride, rows, cols int)
}

const (
	dotsDepth = 1024 // at most, of one call of dots: its rows stay in the first cache

	// As measured, against tiles: the shortest inner dimensions, and the most rows of a.
	minDotsDepth   = 128
	minDirectDepth = 16
	maxDirectRows  = 32
)

// gemmSkinny adds a·b to c if it has one short side and operands that lie as the kernels
// for it want them, and says whether.
func gemmSkinny[T Float](c []T, a, b Matrix[T]) bool {
	s := active.skinny
	c32, ok := any(c).([]float32)
	if !ok || s == nil {
		return false
	}
	switch {
	case a.ColStride == 1 && b.RowStride == 1 && a.Cols >= minDotsDepth && min(a.Rows, b.Cols) <= s.maxDots:
		s.byDots(c32, any(a).(Matrix[float32]), any(b).(Matrix[float32]))
	case b.ColStride == 1 && a.Cols >= minDirectDepth && a.Rows <= maxDirectRows:
		s.directly(c32, any(a).(Matrix[float32]), any(b).(Matrix[float32]))
	default:
		return false
	}
	return true
}

// byDots adds a·b to c, where a.ColStride and b.RowStride are 1.
func (s *skinny) byDots(c []float32, a, b Matrix[float32]) {
	m, n, k := a.Rows, b.Cols, a.Cols
	if m >= n {
		parallel.For((m+s.dotRows-1)/s.dotRows, 1+smallWork/(s.dotRows*n*k), func(lo, hi int) {
			from, to := lo*s.dotRows, min(hi*s.dotRows, m)
			s.addDots(c[from*n:], n, a.block(from, 0, to-from, k), b)
		})
		return
	}
	parallel.For((n+s.dotCols-1)/s.dotCols, 1+smallWork/(s.dotCols*m*k), func(lo, hi int) {
		from, to := lo*s.dotCols, min(hi*s.dotCols, n)
		s.addDots(c[from:], n, a, b.block(0, from, k, to-from))
	})
}

// addDots adds a·b to c, whose rows lie stride elements apart, on one goroutine. The
// longer side is read once from beginning to end.
func (s *skinny) addDots(c []float32, stride int, a, b Matrix[float32]) {
	p := panels32.Get().(*panels[float32])
	defer panels32.Put(p)
	for l := 0; l < a.Cols; l += dotsDepth {
		depth := min(dotsDepth, a.Cols-l)
		a, b := a.block(0, l, a.Rows, depth), b.block(l, 0, depth, b.Cols)
		if a.Rows >= b.Cols {
			for i := 0; i < a.Rows; i += s.dotRows {
				for j := 0; j < b.Cols; j += s.dotCols {
					s.addBlock(c, stride, a, b, i, j, p.a)
				}
			}
			continue
		}
		for j := 0; j < b.Cols; j += s.dotCols {
			for i := 0; i < a.Rows; i += s.dotRows {
				s.addBlock(c, stride, a, b, i, j, p.a)
			}
		}
	}
}

// addBlock adds the products that one call of dots gives, from row i of a and column j
// of b on.
func (s *skinny) addBlock(c []float32, stride int, a, b Matrix[float32], i, j int, sums []float32) {
	rows, cols := min(s.dotRows, a.Rows-i), min(s.dotCols, b.Cols-j)
	s.dots(a.Cols, &a.Data[i*a.RowStride], &b.Data[j*b.ColStride], &sums[0], a.RowStride, b.ColStride, rows, cols)
	for r := range rows {
		row := c[(i+r)*stride+j:][:cols]
		for k := range row {
			row[k] += sums[k*s.dotRows+r]
		}
	}
}

// directly adds a·b to c, where b.ColStride is 1 and a has at most maxDirectRows rows.
func (s *skinny) directly(c []float32, a, b Matrix[float32]) {
	m, n, k := a.Rows, b.Cols, a.Cols
	parallel.For((n+s.directCols-1)/s.directCols, 1+smallWork/(s.directCols*m*k), func(lo, hi int) {
		from, to := lo*s.directCols, min(hi*s.directCols, n)
		s.addDirectly(c[from:], n, a, b.block(0, from, k, to-from))
	})
}

// addDirectly adds a·b to c, whose rows lie stride elements apart, on one goroutine.
func (s *skinny) addDirectly(c []float32, stride int, a, b Matrix[float32]) {
	p := panels32.Get().(*panels[float32])
	defer panels32.Put(p)
	t := tilingOf[float32]()
	strips := (a.Cols + maxDepth - 1) / maxDepth
	for strip := range strips {
		l := strip * a.Cols / strips
		depth := (strip+1)*a.Cols/strips - l
		t.pack(p.a, a.block(0, l, a.Rows, depth), s.directRows)
		for j := 0; j < b.Cols; j += s.directCols {
			cols := min(s.directCols, b.Cols-j)
			from, bStride := b.block(l, j, depth, cols), b.RowStride
			if cols < s.directCols { // nothing beyond the edge is read
				t.pack(p.b, from.transposed(), s.directCols)
				from.Data, bStride = p.b, s.directCols
			}
			for i := 0; i < a.Rows; i += s.directRows {
				s.direct(depth, &p.a[i*depth], &from.Data[0], &c[i*stride+j], bStride, stride, min(s.directRows, a.Rows-i), cols)
			}
		}
	}
}
