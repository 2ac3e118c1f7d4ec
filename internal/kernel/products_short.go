package kernel

import (
	"sync"
	"unsafe"

	"github.com/onehot-go/onehot/internal/parallel"
)

// skinny is how products of float32 are computed of which one side is short: copying
// the operands into panels would take as long as multiplying them.
type skinny struct {
	// dots computes products of the first rows of dotRows rows of a, and the first cols
	// of dotCols columns of b, both contiguous along the inner dimension. What becomes of
	// them in c is as for tiles.
	dotRows, dotCols int
	dotsDepth        int // at most, of one call: rows of b, 10 at once for ten classes, stay in the first cache
	dots             func(depth int, a, b, c, bias *float32, aStride, bStride, stride, rows, cols int, add, relu bool)
	maxDots          int // the longest short side with which it is faster than tiles
	// direct computes the product of the first rows of directRows rows of a, whose columns
	// are contiguous, and the first cols of directCols columns of b, whose rows are.
	directRows, directCols int
	direct                 func(depth int, a, b, c, bias *float32, aStride, bStride, stride, rows, cols int, add, relu bool)
	few                    []few // those of most rows first
}

// few computes the products of so many rows of a and columns of b, which are contiguous along the
// inner dimension both. It writes the sums row by row, and they have the bits of tiles. fewSteps
// divides the depth.
type few struct {
	rows, cols int
	sums       func(depth int, a *float32, aRow int, b *float32, bCol int, sums *float32)
}

const (
	directDepth = 128 // at most, of one call of direct: so do the rows of b, and those fetched ahead

	// As measured, against tiles: the shortest inner dimensions, and the most rows of a.
	minDotsDepth   = 128
	minDirectDepth = 16
	maxDirectRows  = 32
	maxFewRows     = 4

	fewSteps = 4  // of the inner dimension, taken at once
	fewSums  = 64 // of one call, at most

	minFewCols = 32 // of one call, at most

	// maxPartials is how many elements the partial sums of a product may have.
	maxPartials = 1 << 20
)

// gemmSkinny does what Gemm does if a and b have one short side and lie as the kernels for
// it want them, and says whether. It never does so for a short a whose rows are samples.
func gemmSkinny[T Float](c []T, a, b Matrix[T], e Epilogue[T], samples bool) bool {
	s := active.skinny
	c32, ok := any(c).([]float32)
	if !ok || s == nil {
		return false
	}
	a32, b32, e32 := any(a).(Matrix[float32]), any(b).(Matrix[float32]), any(e).(Epilogue[float32])
	switch {
	case s.takesDots(a32, b32, samples):
		s.byDots(c32, a32, b32, e32)
	case b.ColStride == 1 && a.Cols >= minDirectDepth && a.Rows <= maxDirectRows && !samples:
		s.directly(c32, a32, b32, e32)
	case b.ColStride == 1 && a.ColStride == 1 && a.Cols >= minDotsDepth && b.Cols <= s.maxDots:
		s.byDotsTurned(c32, a32, b32, e32)
	case b.ColStride == 1 && a.RowStride == 1 && a.Cols >= minDirectDepth && b.Cols <= maxDirectRows:
		s.directlyTurned(c32, a32, b32, e32)
	case s.takesFew(a32, b32):
		s.byFew(c32, a32, b32, e32)
	default:
		return false
	}
	return true
}

// takesFew reports whether byFew computes a·b.
func (s *skinny) takesFew(a, b Matrix[float32]) bool {
	return a.ColStride == 1 && b.RowStride == 1 && a.Rows <= maxFewRows && a.Cols%fewSteps == 0 && b.Cols >= minFewCols
}

// byFew is Gemm for a few rows, with the bits of tiles: sums are taken along the inner dimension, in
// the strips of tiles. To copy b as tiles need it would take longer than to multiply.
func (s *skinny) byFew(c []float32, a, b Matrix[float32], e Epilogue[float32]) {
	for _, f := range s.few {
		for ; a.Rows >= f.rows; a, c = a.block(f.rows, 0, a.Rows-f.rows, a.Cols), c[f.rows*b.Cols:] {
			f.multiply(c, a, b, e)
			if a.Rows == f.rows {
				return
			}
		}
	}
}

// multiply does what byFew does for the first f.rows rows.
func (f *few) multiply(c []float32, a, b Matrix[float32], e Epilogue[float32]) {
	n, strips := b.Cols, (a.Cols+maxDepth-1)/maxDepth
	parallel.For((n+f.cols-1)/f.cols, 1+smallWork/(f.rows*f.cols*a.Cols), func(lo, hi int) {
		for j := lo * f.cols; j < min(hi*f.cols, n); j += f.cols {
			from := min(j, n-f.cols) // the last columns overlap others where f.cols does not divide them
			for strip := range strips {
				l := strip * maxDepth
				var sums [fewSums]float32
				f.sums(min(maxDepth, a.Cols-l), &a.Data[l], a.RowStride, &b.Data[from*b.ColStride+l], b.ColStride, &sums[0])
				e := e.columns(j).strip(strip, strips)
				for r := range f.rows {
					e.end(c[r*n+j:], sums[r*f.cols+j-from:][:from+f.cols-j])
				}
			}
		}
	})
}

// byDotsTurned is Gemm where a lies by rows, and b, which has few columns, does too: it is
// turned first.
func (s *skinny) byDotsTurned(c []float32, a, b Matrix[float32], e Epilogue[float32]) {
	memory := partials.Get().(*[]float32)
	defer partials.Put(memory)
	turned := sized(memory, b.Rows*b.Cols)
	for l := range b.Rows {
		for j, v := range b.Data[l*b.RowStride:][:b.Cols] {
			turned[j*b.Rows+l] = v
		}
	}
	b.Data, b.RowStride, b.ColStride = turned, 1, b.Rows
	s.byDots(c, a, b, e)
}

// directlyTurned is Gemm where a lies by columns, and b, which has few columns, by rows: the
// product of their transposes, turned.
func (s *skinny) directlyTurned(c []float32, a, b Matrix[float32], e Epilogue[float32]) {
	m, n := a.Rows, b.Cols
	memory := partials.Get().(*[]float32)
	defer partials.Put(memory)
	turned := sized(memory, m*n)
	s.directly(turned, b.transposed(), a.transposed(), Epilogue[float32]{})
	parallel.For(m, 1+smallWork/(32*n), func(lo, hi int) {
		row := make([]float32, n)
		for i := lo; i < hi; i++ {
			for j := range row {
				row[j] = turned[j*m+i]
			}
			e.end(c[i*n:], row)
		}
	})
}

// takesDots reports whether byDots computes a·b: where b has few columns, or a few rows that are
// not samples.
func (s *skinny) takesDots(a, b Matrix[float32], samples bool) bool {
	return a.ColStride == 1 && b.RowStride == 1 && a.Cols >= minDotsDepth && (b.Cols <= s.maxDots || a.Rows <= s.maxDots && !samples)
}

// byDots is Gemm where a.ColStride and b.RowStride are 1.
func (s *skinny) byDots(c []float32, a, b Matrix[float32], e Epilogue[float32]) {
	m, n, k := a.Rows, b.Cols, a.Cols
	if m >= n {
		parallel.For((m+s.dotRows-1)/s.dotRows, 1+smallWork/(s.dotRows*n*k), func(lo, hi int) {
			from, to := lo*s.dotRows, min(hi*s.dotRows, m)
			s.multiplyDots(c[from*n:], n, a.block(from, 0, to-from, k), b, e)
		})
		return
	}
	parallel.For((n+s.dotCols-1)/s.dotCols, 1+smallWork/(s.dotCols*m*k), func(lo, hi int) {
		from, to := lo*s.dotCols, min(hi*s.dotCols, n)
		s.multiplyDots(c[from:], n, a, b.block(0, from, k, to-from), e.columns(from))
	})
}

// multiplyDots does byDots on one goroutine, where rows of c lie stride elements apart. The
// longer side is read once from beginning to end.
func (s *skinny) multiplyDots(c []float32, stride int, a, b Matrix[float32], e Epilogue[float32]) {
	strips := (a.Cols + s.dotsDepth - 1) / s.dotsDepth
	for strip := range strips {
		l := strip * s.dotsDepth
		depth := min(s.dotsDepth, a.Cols-l)
		e := e.strip(strip, strips)
		block := func(i, j int) {
			s.dots(depth, &a.Data[i*a.RowStride+l], &b.Data[j*b.ColStride+l], &c[i*stride+j], unsafe.SliceData(e.columns(j).Bias),
				a.RowStride, b.ColStride, stride, min(s.dotRows, a.Rows-i), min(s.dotCols, b.Cols-j), e.Add, e.ReLU)
		}
		if a.Rows >= b.Cols {
			for i := 0; i < a.Rows; i += s.dotRows {
				for j := 0; j < b.Cols; j += s.dotCols {
					block(i, j)
				}
			}
			continue
		}
		for j := 0; j < b.Cols; j += s.dotCols {
			for i := 0; i < a.Rows; i += s.dotRows {
				block(i, j)
			}
		}
	}
}

// directly is Gemm where b.ColStride is 1 and a has at most maxDirectRows rows. Sums are
// taken in strips of the inner dimension. Where the results are few, goroutines share the
// strips: those that compute with a batch then read rows of b that they wrote themselves.
func (s *skinny) directly(c []float32, a, b Matrix[float32], e Epilogue[float32]) {
	m, n, k := a.Rows, b.Cols, a.Cols
	strips := (k + directDepth - 1) / directDepth
	if strips*m*n > maxPartials {
		parallel.For((n+s.directCols-1)/s.directCols, 1+smallWork/(s.directCols*m*k), func(lo, hi int) {
			from, to := lo*s.directCols, min(hi*s.directCols, n)
			for strip := range strips {
				s.multiplyStrip(c[from:], n, a, b.block(0, from, k, to-from), strip, strips, e.columns(from).strip(strip, strips))
			}
		})
		return
	}
	memory := partials.Get().(*[]float32)
	defer partials.Put(memory)
	sums := sized(memory, strips*m*n)
	done := strips // the strips that the calling goroutine adds up in c
	parallel.For(strips, 1+smallWork/(m*n*directDepth), func(lo, hi int) {
		if lo == 0 {
			done = hi
		}
		for strip := lo; strip < hi; strip++ {
			if lo == 0 {
				s.multiplyStrip(c, n, a, b, strip, strips, e.strip(strip, strips))
			} else {
				s.multiplyStrip(sums[strip*m*n:], n, a, b, strip, strips, Epilogue[float32]{})
			}
		}
	})
	for strip := done; strip < strips; strip++ {
		add := e.strip(strip, strips)
		sums := sums[strip*m*n:][:m*n]
		if add.Bias == nil && !add.ReLU {
			Add(c[:m*n], c, sums)
			continue
		}
		for i := range m {
			add.end(c[i*n:], sums[i*n:][:n])
		}
	}
}

// partials are the sums of strips, kept from one product to the next.
var partials = sync.Pool{New: func() any { return new([]float32) }}

// multiplyStrip computes one of some strips of a·b, and does what e says in c, whose rows
// lie stride elements apart.
func (s *skinny) multiplyStrip(c []float32, stride int, a, b Matrix[float32], strip, strips int, e Epilogue[float32]) {
	l := strip * a.Cols / strips
	a = a.block(0, l, a.Rows, (strip+1)*a.Cols/strips-l)
	if a.RowStride != 1 { // columns must be contiguous
		p := panels32.Get().(*panels[float32])
		defer panels32.Put(p)
		height := (a.Rows + s.directRows - 1) / s.directRows * s.directRows
		packed := sized(&p.a, height*a.Cols+slack)
		tilingOf[float32]().pack(packed, a, height)
		a.Data, a.RowStride, a.ColStride = packed, 1, height
	}
	for j := 0; j < b.Cols; j += s.directCols {
		for i := 0; i < a.Rows; i += s.directRows {
			s.direct(a.Cols, &a.Data[i], &b.Data[l*b.RowStride+j], &c[i*stride+j], unsafe.SliceData(e.columns(j).Bias),
				a.ColStride, b.RowStride, stride, min(s.directRows, a.Rows-i), min(s.directCols, b.Cols-j), e.Add, e.ReLU)
		}
	}
}
