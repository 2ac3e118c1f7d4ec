package kernel

import "sync/atomic"

// FMALoop multiplies and adds n times as many registers of float32 as the sums of a tile
// take, on the calling goroutine, and returns how many operations that were. Nothing is
// fetched from memory: what it takes is the least that products can take, but for those in
// pure Go, whose loop is one of plain multiplications and additions.
func FMALoop(n int) (flops float64) {
	if n > 0 {
		active.fmaLoop(n)
	}
	return float64(max(n, 0)) * float64(active.flops)
}

// plainLoopResult keeps the loop in pure Go from being left out.
var plainLoopResult atomic.Value

func plainLoop(n int) {
	var s0, s1, s2, s3, s4, s5, s6, s7 float32
	x := 1 / float32(n+1) // unknown to the compiler
	for range n {
		s0 = s0*x + x
		s1 = s1*x + x
		s2 = s2*x + x
		s3 = s3*x + x
		s4 = s4*x + x
		s5 = s5*x + x
		s6 = s6*x + x
		s7 = s7*x + x
	}
	plainLoopResult.Store(s0 + s1 + s2 + s3 + s4 + s5 + s6 + s7)
}
