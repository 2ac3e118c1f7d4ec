package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// dots is a kernel of a few products of rows of a with rows of b, both contiguous: every
// lane of a register sums up what falls on it, and all lanes are added at the end. It has
// a loop for every number of rows of a. Where fewer rows of b are asked for than its five,
// it computes the last of them again: nothing beyond is read.
type dots struct {
	vec
	rows int // of a
}

// dotCols is the number of rows of b, which are columns of the product.
const dotCols = 5

func (d dots) generate() {
	name := d.name(fmt.Sprintf("dots%dx%d", d.rows, dotCols))
	TEXT(name, NOSPLIT, "func(depth int, a, b, c, bias *float32, aStride, bStride, stride, rows, cols int, add, relu bool)")
	Doc(fmt.Sprintf("%s computes the products of the first rows of %d rows of a with the first", name, d.rows),
		fmt.Sprintf("cols of %d rows of b, all depth long, which lie aStride and bStride elements apart.", dotCols),
		"That of rows i and j goes to row i and column j of c, as for tiles. rows and cols are",
		"at least 1.")
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
	b := pointers("b", "bStride", "cols", dotCols)
	sums := make([][dotCols]VecVirtual, d.rows)
	for i := range sums {
		for j := range sums[i] {
			sums[i][j] = d.zero()
		}
	}
	along := d.row(name, depth)
	rows := Load(Param("rows"), GP64())
	for n := 1; n < d.rows; n++ {
		CMPQ(rows, Imm(uint64(n)))
		JEQ(LabelRef(fmt.Sprintf("rows%d", n)))
	}
	for n := d.rows; n >= 1; n-- {
		Label(fmt.Sprintf("rows%d", n))
		along.each(fmt.Sprintf("next%d", n), func(p part, at Register) {
			ai := make([]VecVirtual, n)
			for i := range ai {
				ai[i] = p.load(in(a[i], at))
			}
			for j := range b {
				bj := p.load(in(b[j], at))
				for i := range ai {
					VFMADD231PS(ai[i], bj, sums[i][j])
				}
			}
		})
		if n > 1 {
			JMP(LabelRef("end"))
		}
	}
	Label("end")

	Comment("Add up the lanes: of the first four columns row by row, of the fifth of all rows.")
	var column [4]VecVirtual
	for i := range column {
		column[i] = sums[min(i, d.rows-1)][4]
	}
	fifths := d.addLanes(column)
	row := make([]VecVirtual, d.rows)
	for i := range row {
		row[i] = d.addLanes([4]VecVirtual(sums[i][:4]))
		fifth := XMM()
		VPERMILPS(Imm(uint64(0x55*i)), fifths.AsX(), fifth)
		if d.wide {
			VINSERTF32X4(Imm(1), fifth, row[i], row[i])
		} else {
			VINSERTF128(Imm(1), fifth, row[i], row[i])
		}
	}
	c, stride := Load(Param("c"), GP64()), Load(Param("stride"), GP64())
	SHLQ(Imm(2), stride)
	cols := Load(Param("cols"), GP64())
	p := part{d.vec, d.mask(name+"Cols", cols)}
	end := func(label string, do func(i int, at Mem)) { eachRow(label, len(row), rows, c, stride, do) }
	add := Load(Param("add"), GP8())
	TESTB(add, add)
	JZ(LabelRef("added"))
	end("added", func(i int, at Mem) { VADDPS(p.load(at), row[i], row[i]) })
	bias := Load(Param("bias"), GP64())
	TESTQ(bias, bias)
	JZ(LabelRef("biased"))
	v := p.load(Mem{Base: bias})
	for i := range row {
		VADDPS(v, row[i], row[i])
	}
	Label("biased")
	relu := Load(Param("relu"), GP8())
	TESTB(relu, relu)
	JZ(LabelRef("write"))
	zero := d.zero()
	for i := range row {
		VMAXPS(row[i], zero, row[i]) // of NaN and of two zeros it takes the sum
	}
	Label("write")
	end("done", func(i int, at Mem) {
		if d.wide {
			p.store(row[i], at)
		} else {
			storeFirst(row[i], at, cols, 1)
		}
	})
	VZEROUPPER()
	RET()
}

// addLanes returns the sums of the lanes of each of four registers, one beside the other
// in every group of four lanes.
func (d dots) addLanes(r [4]VecVirtual) VecVirtual {
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
	return sum
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
