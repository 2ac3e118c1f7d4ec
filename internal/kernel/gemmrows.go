package kernel

import "github.com/onehot-go/onehot/internal/parallel"

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
