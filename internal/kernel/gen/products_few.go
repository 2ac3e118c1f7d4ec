package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// few is a kernel of the products of a few rows of a and some columns of b, which lie along the
// inner dimension both, with sums taken in its order as tiles take them. A register has a sum of
// each of eight columns. What it is multiplied with comes from four steps of eight columns, which
// are turned in registers, so that b is read where it lies.
type few struct {
	rows   int // of a, at most 4
	panels int // of eight columns: as many as there are registers for, so that no sum waits for itself
}

func (f few) generate() {
	name := fmt.Sprintf("few%dx%dAVX2", f.rows, 8*f.panels)
	TEXT(name, NOSPLIT, "func(depth int, a *float32, aRow int, b *float32, bCol int, sums *float32)")
	Doc(fmt.Sprintf("%s writes the products of %d rows of a, aRow elements apart, and %d columns", name, f.rows, 8*f.panels),
		"of b, bCol elements apart, all depth long, to sums, row by row. depth is a multiple of 4,",
		"and at least 4.")
	Pragma("noescape")
	depth, a, aRow := Load(Param("depth"), GP64()), Load(Param("a"), GP64()), Load(Param("aRow"), GP64())
	b, bCol := Load(Param("b"), GP64()), Load(Param("bCol"), GP64())
	SHLQ(Imm(2), aRow)
	SHLQ(Imm(2), bCol)
	bCol3 := triple(bCol)
	elements := fourRows(a, aRow, triple(aRow))
	sums := make([][]VecVirtual, f.rows)
	for i := range sums {
		for range f.panels {
			sum := YMM()
			VXORPS(sum, sum, sum)
			sums[i] = append(sums[i], sum)
		}
	}
	column := GP64()
	Label("steps")
	MOVQ(b, column)
	broadcast := func(i, l int) VecVirtual {
		ai := YMM()
		VBROADCASTSS(elements[i].Offset(4*l), ai)
		return ai
	}
	var once [4]VecVirtual // of the only row, for all panels
	if f.rows == 1 {
		for l := range once {
			once[l] = broadcast(0, l)
		}
	}
	for panel := range f.panels {
		r := make([]VecVirtual, 4) // of columns 0 to 3 and, in the upper half, of 4 to 7
		for i, at := range fourRows(column, bCol, bCol3) {
			r[i] = YMM()
			VBROADCASTF128(at, r[i]) // the upper half is replaced
		}
		LEAQ(Mem{Base: column, Index: bCol, Scale: 4}, column)
		for i, at := range fourRows(column, bCol, bCol3) {
			VINSERTF128(Imm(1), at, r[i], r[i])
		}
		if panel < f.panels-1 {
			LEAQ(Mem{Base: column, Index: bCol, Scale: 4}, column)
		}
		for l, bl := range transpose4x4(r) {
			for i := range sums {
				ai := once[l]
				if f.rows > 1 {
					ai = broadcast(i, l)
				}
				VFMADD231PS(bl, ai, sums[i][panel])
			}
		}
	}
	ADDQ(Imm(16), a)
	ADDQ(Imm(16), b)
	SUBQ(Imm(4), depth)
	JNZ(LabelRef("steps"))
	to := Load(Param("sums"), GP64())
	for i := range sums {
		for panel, sum := range sums[i] {
			VMOVUPS(sum, Mem{Base: to, Disp: 32 * (i*f.panels + panel)})
		}
	}
	VZEROUPPER()
	RET()
}
