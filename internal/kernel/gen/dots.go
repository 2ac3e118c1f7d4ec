package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// dots is a kernel of a few products of rows of a with rows of b, both contiguous: every
// lane of a register sums up what falls on it, and all lanes are added at the end. Where
// fewer rows are asked for than it has, it computes the last of them again: nothing
// beyond is read.
type dots struct {
	vec
	rows, cols int // rows of a and of b
}

func (d dots) generate() {
	name := d.name(fmt.Sprintf("dots%dx%d", d.rows, d.cols))
	TEXT(name, NOSPLIT, "func(depth int, a, b, sums *float32, aStride, bStride, rows, cols int)")
	Doc(fmt.Sprintf("%s computes the products of the first rows of %d rows of a with the first", name, d.rows),
		fmt.Sprintf("cols of %d rows of b, all depth long, which lie aStride and bStride elements apart.", d.cols),
		fmt.Sprintf("That of rows i and j becomes sums[j*%d+i].", d.rows))
	Pragma("noescape")
	depth := Load(Param("depth"), GP64())
	pointers := func(base, stride, count string, n int) []Register {
		p := make([]Register, n)
		p[0] = Load(Param(base), GP64())
		step, have := Load(Param(stride), GP64()), Load(Param(count), GP64())
		SHLQ(Imm(2), step)
		for i := 1; i < n; i++ {
			next := GP64()
			LEAQ(Mem{Base: p[i-1], Index: step, Scale: 1}, next)
			CMPQ(have, Imm(uint64(i)))
			CMOVQLE(p[i-1], next)
			p[i] = next
		}
		return p
	}
	a := pointers("a", "aStride", "rows", d.rows)
	b := pointers("b", "bStride", "cols", d.cols)
	sums := make([]VecVirtual, d.rows*d.cols)
	for i := range sums {
		sums[i] = d.zero()
	}
	d.row(name, depth).each("next", func(p part, at Register) {
		ai := make([]VecVirtual, d.rows)
		for i := range a {
			ai[i] = p.load(in(a[i], at))
		}
		for j := range b {
			bj := p.load(in(b[j], at))
			for i := range a {
				VFMADD231PS(ai[i], bj, sums[j*d.rows+i])
			}
		}
	})
	out := Load(Param("sums"), GP64())
	for i := 0; i < len(sums); i += 4 {
		var four [4]VecVirtual
		for k := range four {
			four[k] = sums[min(i+k, len(sums)-1)]
		}
		d.storeSums(four, Mem{Base: out, Disp: 4 * i})
	}
	VZEROUPPER()
	RET()
}

// storeSums adds up the lanes of each of four registers, and stores the sums side by
// side.
func (d dots) storeSums(r [4]VecVirtual, to Mem) {
	pair := func(x, y VecVirtual, low, high func(...Op)) VecVirtual {
		l, h := d.reg(), d.reg()
		low(y, x, l)
		high(y, x, h)
		VADDPS(h, l, l)
		return l
	}
	first := pair(r[0], r[1], VUNPCKLPS, VUNPCKHPS)
	second := pair(r[2], r[3], VUNPCKLPS, VUNPCKHPS)
	sum := pair(first, second, VUNPCKLPD, VUNPCKHPD)
	d.foldQuarters(sum)
	if d.wide {
		VEXTRACTF32X4(Imm(0), sum, to)
	} else {
		VMOVUPS(sum.AsX(), to)
	}
}

// foldQuarters adds the groups of four lanes of r up.
func (d dots) foldQuarters(r VecVirtual) {
	moved := d.reg()
	if !d.wide {
		VPERM2F128(Imm(1), r, r, moved)
		VADDPS(moved, r, r)
		return
	}
	for _, order := range []uint64{0x4e, 0xb1} {
		VSHUFF64X2(Imm(order), r, r, moved)
		VADDPS(moved, r, r)
	}
}
